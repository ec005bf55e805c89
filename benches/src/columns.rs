//! Flows as columns, as flow logs hold them.

use crate::measure::Pass;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Instant;
use tierwall::Snapshot;
use tierwall::model::{ColumnLength, Columns, Ends, Flow, Side, Verdict};

/// Flows between IPv4 addresses, column by column.
#[derive(Debug, Clone, Default)]
pub struct FlowColumns {
    sources: Vec<u32>,
    destinations: Vec<u32>,
    protocols: Vec<u8>,
    source_ports: Vec<u16>,
    destination_ports: Vec<u16>,
}

impl FlowColumns {
    /// The columns of flows; none if one of them is not between IPv4 addresses.
    pub fn of(flows: &[Flow]) -> Option<Self> {
        let v4 = |side| match side {
            Side::Address(IpAddr::V4(address)) => Some(address.to_bits()),
            _ => None,
        };
        let mut columns = FlowColumns::default();
        for flow in flows {
            columns.sources.push(v4(flow.source())?);
            columns.destinations.push(v4(flow.destination())?);
            columns.protocols.push(flow.protocol().number());
            columns.source_ports.push(flow.source_port());
            columns.destination_ports.push(flow.destination_port());
        }
        Some(columns)
    }

    fn columns(&self) -> Result<Columns<'_>, ColumnLength> {
        Columns::new(Ends::V4(&self.sources), Ends::V4(&self.destinations), &self.protocols)?
            .with_ports(&self.source_ports, &self.destination_ports)
    }
}

/// As many rows as there are flows, `batch` at a time.
pub fn in_columns<'a>(snapshot: &'a Snapshot, columns: &'a FlowColumns, batch: usize) -> Pass<'a> {
    Box::new(move |flows| {
        let mut verdicts = vec![Verdict::default(); batch.max(1)];
        let start = Instant::now();
        if let Ok(columns) = columns.columns() {
            for from in (0..flows.len()).step_by(batch.max(1)) {
                snapshot.verdicts_of(&columns.part(from, batch), &mut verdicts);
                black_box(&mut verdicts);
            }
        }
        start.elapsed()
    })
}
