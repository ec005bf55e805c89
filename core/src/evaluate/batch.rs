//! Many flows at once, so that one's memory is on its way while another's is read.

use super::fast::{Both, Coordinates, Located, TrafficOf, locate};
use crate::model::{Flow, Verdict};
use crate::tables::{NO_MATCH, Program, Tables};

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
    let located = ends.map(|ends| Located::new(program, ends));
    located.iter().flatten().for_each(Located::prefetch_buckets);
    let mut found: [Both; TOGETHER] = [[NO_MATCH; 2]; TOGETHER];
    for (located, found) in located.iter().zip(&mut found) {
        if let Some(located) = located {
            *found = located.rows();
            found.iter().for_each(|row| program.prefetch_row(*row));
        }
    }
    for (located, found) in located.iter().zip(&mut found) {
        if let Some(located) = located {
            *found = located.words(*found);
            located.prefetch_endings(*found);
        }
    }
    for (((flow, located), words), place) in flows.iter().zip(&located).zip(found).zip(verdicts) {
        let fast = located.as_ref().and_then(|located| located.decide(words, tables.generation));
        *place = fast.unwrap_or_else(|| slowly(flow));
    }
}

/// The coordinates of as many flows as go together.
fn locate_all(tables: &Tables, flows: &[Flow], ends: &mut [Coordinates; TOGETHER]) {
    let (mut addresses, mut classes) = ([0; 2 * TOGETHER], [0; 2 * TOGETHER]);
    let mut all_v4 = true;
    for (flow, pair) in flows.iter().zip(addresses.chunks_exact_mut(2)) {
        let found = flow.v4_addresses();
        all_v4 &= found.is_some();
        if let ([source, destination], Some(found)) = (pair, found) {
            (*source, *destination) = found;
        }
    }
    if !all_v4 {
        for (flow, place) in flows.iter().zip(ends) {
            *place = locate(tables, flow).unwrap_or(Coordinates::NOWHERE);
        }
        return;
    }
    let used = addresses.get(..2 * flows.len()).unwrap_or_default();
    tables.addresses.v4.get_many(used, &mut classes);
    let pairs = addresses.chunks_exact(2).zip(classes.chunks_exact(2));
    for ((flow, (addresses, classes)), place) in flows.iter().zip(pairs).zip(ends) {
        if let ([from, to], [source, destination]) = (addresses, classes)
            && from != to
        {
            let traffic = TrafficOf::new(tables, flow);
            *place = Coordinates { source: *source, destination: *destination, traffic };
        }
    }
}
