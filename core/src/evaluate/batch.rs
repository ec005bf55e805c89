//! Many flows at once, so that one's memory is on its way while another's is read.

use super::fast::{Both, Coordinates, Located, TrafficOf, locate};
use crate::model::{Flow, Verdict};
use crate::tables::{Program, Tables};

/// How many flows go through each stage together: as many as memory reads can well be on their way.
pub(super) const TOGETHER: usize = 32;

/// The verdicts of as many flows as go together, by one program; `slowly` gives those that it cannot tell.
pub(super) fn verdicts(
    tables: &Tables,
    program: &Program,
    flows: &[Flow],
    verdicts: &mut [Verdict],
    slowly: impl Fn(&Flow) -> Verdict,
) {
    let mut ends = [Coordinates::NOWHERE; TOGETHER];
    locate_all(tables, flows, &mut ends);
    for ends in &ends {
        program.prefetch_class(ends.source);
        program.prefetch_class(ends.destination);
    }
    let mut located = [Located::NOWHERE; TOGETHER];
    for (ends, located) in ends.iter().zip(&mut located) {
        *located = Located::new(program, *ends);
        located.prefetch(program);
    }
    let mut found: [Both; TOGETHER] = [[0; 2]; TOGETHER];
    for (located, found) in located.iter().zip(&mut found) {
        *found = located.rows(program);
        found.iter().for_each(|row| program.prefetch_row(*row));
    }
    for (((flow, located), rows), place) in flows.iter().zip(&located).zip(found).zip(verdicts) {
        let (bits, words) = (located.bits(program), located.words(program, rows));
        let fast = located.decide(program, bits, words, tables.generation);
        *place = fast.unwrap_or_else(|| slowly(flow));
    }
}

/// The coordinates of as many flows as go together.
fn locate_all(tables: &Tables, flows: &[Flow], ends: &mut [Coordinates; TOGETHER]) {
    let (mut sources, mut destinations) = ([0; TOGETHER], [0; TOGETHER]);
    let mut all_v4 = true;
    for ((flow, source), destination) in flows.iter().zip(&mut sources).zip(&mut destinations) {
        let found = flow.v4_addresses();
        all_v4 &= found.is_some();
        (*source, *destination) = found.unwrap_or_default();
    }
    if !all_v4 {
        for (flow, place) in flows.iter().zip(ends) {
            *place = locate(tables, flow).unwrap_or(Coordinates::NOWHERE);
        }
        return;
    }
    let classes = [tables.addresses.v4.get_many(&sources), tables.addresses.v4.get_many(&destinations)];
    let [from, to] = &classes;
    let ends = ends.iter_mut().zip(from.iter().zip(to)).zip(sources.iter().zip(&destinations));
    for (flow, ((place, (from, to)), (source, destination))) in flows.iter().zip(ends) {
        if source != destination {
            let traffic = TrafficOf::new(tables, flow);
            *place = Coordinates { source: *from, destination: *to, traffic };
        }
    }
}
