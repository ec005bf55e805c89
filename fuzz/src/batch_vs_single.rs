//! Many flows at once have the verdicts that each of them has; as columns, too.

use crate::draw::Draw;
use crate::world::{World, flow, list};
use std::net::IpAddr;
use tierwall::Snapshot;
use tierwall::model::{Columns, Ends, Flow, FlowContext, Verdict};

pub fn check(data: &[u8]) {
    // What makes the cluster comes from the front of the bytes, the flows from the back.
    let World { cluster, options, flows, objects } = World::new(data);
    let snapshot = Snapshot::compile_with(&cluster, &options);
    let reversed: Vec<u8> = data.iter().rev().copied().collect();
    let draw = &mut Draw::new(&reversed);
    let more = draw.number(150);
    let one_family = draw.chance(8);
    let mut asked: Vec<Flow> = flows.iter().map(|(flow, _)| *flow).collect();
    asked.extend((0..more).map(|_| flow(draw, &cluster)));
    if one_family {
        // Only then the addresses of a batch are looked up together.
        asked.retain(|flow| {
            flow.source_address().is_some_and(|address| address.is_ipv4())
                && flow.destination_address().is_some_and(|address| address.is_ipv4())
        });
    }
    let mut verdicts = vec![Verdict::default(); asked.len()];
    snapshot.verdicts(&asked, &mut verdicts);
    if one_family {
        assert_eq!(by_columns(&snapshot, &asked), verdicts, "{options:?}\n{}", list(&objects));
    }
    for (flow, found) in asked.iter().zip(verdicts) {
        assert_eq!(
            found,
            snapshot.verdict(flow, &FlowContext::default()),
            "{flow:?} {options:?}\n{}",
            list(&objects)
        );
    }
}

/// Flows between IPv4 addresses, without the endpoints that they may name: what names one is asked by itself.
fn by_columns(snapshot: &Snapshot, flows: &[Flow]) -> Vec<Verdict> {
    let v4 = |address: Option<IpAddr>| match address {
        Some(IpAddr::V4(v4)) => v4.to_bits(),
        _ => 0,
    };
    let sources: Vec<u32> = flows.iter().map(|flow| v4(flow.source_address())).collect();
    let destinations: Vec<u32> = flows.iter().map(|flow| v4(flow.destination_address())).collect();
    let protocols: Vec<u8> = flows.iter().map(|flow| flow.protocol().number()).collect();
    let source_ports: Vec<u16> = flows.iter().map(Flow::source_port).collect();
    let destination_ports: Vec<u16> = flows.iter().map(Flow::destination_port).collect();
    let (types, codes): (Vec<u8>, Vec<u8>) = flows.iter().map(Flow::icmp).unzip();
    let columns = Columns::new(Ends::V4(&sources), Ends::V4(&destinations), &protocols)
        .and_then(|columns| columns.with_ports(&source_ports, &destination_ports))
        .and_then(|columns| columns.with_icmp(&types, &codes));
    let mut verdicts = vec![Verdict::default(); flows.len()];
    let columns = columns.unwrap_or_else(|error| panic!("{error}"));
    snapshot.verdicts_of(&columns, &mut verdicts);
    for (row, (verdict, flow)) in verdicts.iter_mut().zip(flows).enumerate() {
        if columns.get(row) != Some(*flow) {
            *verdict = snapshot.verdict(flow, &FlowContext::default());
        }
    }
    verdicts
}
