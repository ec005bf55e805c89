//! Many flows at once, so that one's memory is on its way while another's is read.

use super::fast::{Both, Coordinates, Located, Lookup, TrafficOf, locate};
use crate::model::{Flow, Verdict};
use crate::tables::{Lanes, Program, Tables, Task};

/// How many flows go through each stage together: as many as memory reads can well be on their way.
pub(super) const TOGETHER: usize = 32;

/// As many flows as go together, and where their verdicts by one program are put; `slowly` gives those that it cannot
/// tell.
pub(super) struct Batch<'a, S> {
    pub(super) tables: &'a Tables,
    pub(super) program: &'a Program,
    pub(super) flows: &'a [Flow],
    pub(super) verdicts: &'a mut [Verdict],
    pub(super) slowly: S,
}

impl<S: Fn(&Flow) -> Verdict> Task for Batch<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let Batch { tables, program, flows, verdicts, slowly } = self;
        let mut ends = [Coordinates::NOWHERE; TOGETHER];
        locate_all(tables, flows, &mut ends);
        let mut lookups = ends.map(|ends| Lookup { lanes, program, located: Located::new(program, ends) });
        lookups.iter().for_each(|lookup| lookup.located.prefetch());
        lookups.iter().for_each(Lookup::prefetch);
        let mut rows: [Both; TOGETHER] = [[0; 2]; TOGETHER];
        for (lookup, rows) in lookups.iter_mut().zip(&mut rows) {
            *rows = lookup.rows();
            rows.iter().for_each(|row| program.prefetch_row(*row));
        }
        for (((flow, lookup), rows), place) in flows.iter().zip(&lookups).zip(rows).zip(verdicts) {
            let fast = lookup.decide(lookup.bits(), lookup.words(rows), tables.generation);
            *place = fast.unwrap_or_else(|| slowly(flow));
        }
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
