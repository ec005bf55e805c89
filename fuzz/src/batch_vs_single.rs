//! Many flows at once have the verdicts that each of them has.

use crate::draw::Draw;
use crate::world::{World, flow};
use tierwall::Snapshot;
use tierwall::model::{Flow, FlowContext, Verdict};

pub fn check(data: &[u8]) {
    // What makes the cluster comes from the front of the bytes, the flows from the back.
    let World { cluster, options, flows } = World::new(data);
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
    for (flow, found) in asked.iter().zip(verdicts) {
        assert_eq!(found, snapshot.verdict(flow, &FlowContext::default()), "{flow:?}");
    }
}
