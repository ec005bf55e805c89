//! Flows as columns.

use proptest::prelude::*;
use tierwall::Snapshot;
use tierwall::model::{Columns, EndpointId, Ends, Flow, FlowContext, IpVersion, Side, Verdict};

/// Flows whose ends can stand in the same columns.
pub(crate) struct Group(Vec<Flow>);

/// The flows that can stand in columns, together with those of their kind.
pub(crate) fn groups(flows: &[Flow]) -> Vec<Group> {
    let kind = |side| match side {
        Side::Address(address) => Some(usize::from(IpVersion::of(address) == IpVersion::V6)),
        Side::Endpoint(_) => Some(2),
        Side::Both(..) => None,
    };
    let mut groups: Vec<Vec<Flow>> = vec![Vec::new(); 9];
    for flow in flows {
        if let (Some(source), Some(destination)) = (kind(flow.source()), kind(flow.destination())) {
            groups[source * 3 + destination].push(*flow);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups.into_iter().map(Group).collect()
}

/// One of the columns of ends, as numbers of its kind.
#[derive(Default)]
struct Numbers {
    v4: Vec<u32>,
    v6: Vec<u128>,
    endpoints: Vec<EndpointId>,
}

impl Numbers {
    fn of(sides: impl Iterator<Item = Side>) -> Self {
        let mut numbers = Numbers::default();
        for side in sides {
            match side {
                Side::Address(std::net::IpAddr::V4(v4)) => numbers.v4.push(v4.to_bits()),
                Side::Address(std::net::IpAddr::V6(v6)) => numbers.v6.push(v6.to_bits()),
                Side::Endpoint(id) | Side::Both(id, _) => numbers.endpoints.push(id),
            }
        }
        numbers
    }

    fn ends(&self) -> Ends<'_> {
        match self {
            Numbers { v4, .. } if !v4.is_empty() => Ends::V4(v4),
            Numbers { v6, .. } if !v6.is_empty() => Ends::V6(v6),
            Numbers { endpoints, .. } => Ends::Endpoints(endpoints),
        }
    }
}

impl Group {
    /// Their columns are the flows, and have their verdicts.
    pub(crate) fn check(&self, snapshot: &Snapshot) -> Result<(), TestCaseError> {
        let Group(flows) = self;
        let sources = Numbers::of(flows.iter().map(Flow::source));
        let destinations = Numbers::of(flows.iter().map(Flow::destination));
        let protocols: Vec<u8> = flows.iter().map(|flow| flow.protocol().number()).collect();
        let source_ports: Vec<u16> = flows.iter().map(Flow::source_port).collect();
        let destination_ports: Vec<u16> = flows.iter().map(Flow::destination_port).collect();
        let (types, codes): (Vec<u8>, Vec<u8>) = flows.iter().map(Flow::icmp).unzip();
        let columns = Columns::new(sources.ends(), destinations.ends(), &protocols)
            .and_then(|columns| columns.with_ports(&source_ports, &destination_ports))
            .and_then(|columns| columns.with_icmp(&types, &codes))
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        // One more, which stays as it was.
        let mut verdicts = vec![Verdict::default(); flows.len() + 1];
        snapshot.verdicts_of(&columns, &mut verdicts);
        for (row, flow) in flows.iter().enumerate() {
            prop_assert_eq!(columns.get(row), Some(*flow));
            prop_assert_eq!(verdicts[row], snapshot.verdict(flow, &FlowContext::default()), "{:?}", flow);
        }
        prop_assert_eq!(verdicts[flows.len()], Verdict::default());
        Ok(())
    }
}
