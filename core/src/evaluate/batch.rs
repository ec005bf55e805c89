//! Many flows at once, so that one's memory is on its way while another's is read.

use super::fast::{Both, Coordinates, Located, Lookup, TrafficOf, locate};
use crate::model::{Columns, Flow, Verdict};
use crate::tables::{Lanes, Program, Tables, Task};

/// How many flows go through each stage together: as many as memory reads can well be on their way.
pub(super) const TOGETHER: usize = 32;

/// Flows to be judged together.
pub(super) trait Flows: Copy {
    fn len(self) -> usize;

    /// Some of them, as far as there are so many.
    fn part(self, from: usize, len: usize) -> Self;

    fn get(self, place: usize) -> Option<Flow>;

    /// Puts their addresses in both lists, if all of them are IPv4 addresses.
    fn v4_addresses(self, sources: &mut [u32; TOGETHER], destinations: &mut [u32; TOGETHER]) -> bool;

    /// The protocol, the destination port and the ICMP message of one.
    fn traffic(self, place: usize) -> (u8, u16, (u8, u8));
}

impl Flows for &[Flow] {
    fn len(self) -> usize {
        <[Flow]>::len(self)
    }

    fn part(self, from: usize, len: usize) -> Self {
        let rest = <[Flow]>::get(self, from..).unwrap_or_default();
        <[Flow]>::get(rest, ..len).unwrap_or(rest)
    }

    #[inline(always)]
    fn get(self, place: usize) -> Option<Flow> {
        <[Flow]>::get(self, place).copied()
    }

    #[inline(always)]
    fn v4_addresses(self, sources: &mut [u32; TOGETHER], destinations: &mut [u32; TOGETHER]) -> bool {
        let mut all = true;
        for ((flow, source), destination) in self.iter().zip(sources).zip(destinations) {
            let found = flow.v4_addresses();
            all &= found.is_some();
            (*source, *destination) = found.unwrap_or_default();
        }
        all
    }

    #[inline(always)]
    fn traffic(self, place: usize) -> (u8, u16, (u8, u8)) {
        <[Flow]>::get(self, place).map_or_else(Default::default, Flow::traffic)
    }
}

impl Flows for Columns<'_> {
    fn len(self) -> usize {
        Columns::len(&self)
    }

    fn part(self, from: usize, len: usize) -> Self {
        Columns::part(&self, from, len)
    }

    #[inline(always)]
    fn get(self, place: usize) -> Option<Flow> {
        Columns::get(&self, place)
    }

    #[inline(always)]
    fn v4_addresses(self, sources: &mut [u32; TOGETHER], destinations: &mut [u32; TOGETHER]) -> bool {
        let Some((from, to)) = Columns::v4_addresses(&self) else { return false };
        sources.iter_mut().zip(from).for_each(|(place, address)| *place = *address);
        destinations.iter_mut().zip(to).for_each(|(place, address)| *place = *address);
        true
    }

    #[inline(always)]
    fn traffic(self, place: usize) -> (u8, u16, (u8, u8)) {
        Columns::traffic(&self, place).unwrap_or_default()
    }
}

/// As many flows as go together, and where their verdicts by one program are put; `slowly` gives those that it cannot
/// tell.
pub(super) struct Batch<'a, F, S> {
    pub(super) tables: &'a Tables,
    pub(super) program: &'a Program,
    pub(super) flows: F,
    pub(super) verdicts: &'a mut [Verdict],
    pub(super) slowly: S,
}

impl<F: Flows, S: Fn(&Flow) -> Verdict> Task for Batch<'_, F, S> {
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
        for (number, ((lookup, rows), place)) in lookups.iter().zip(rows).zip(verdicts).enumerate() {
            let fast = lookup.decide(lookup.bits(), lookup.words(rows), tables.generation);
            if let Some(verdict) = fast.or_else(|| flows.get(number).as_ref().map(&slowly)) {
                *place = verdict;
            }
        }
    }
}

/// The coordinates of as many flows as go together.
#[inline(always)]
fn locate_all(tables: &Tables, flows: impl Flows, ends: &mut [Coordinates; TOGETHER]) {
    let (mut sources, mut destinations) = ([0; TOGETHER], [0; TOGETHER]);
    if !flows.v4_addresses(&mut sources, &mut destinations) {
        for (number, place) in ends.iter_mut().enumerate().take(flows.len()) {
            let flow = flows.get(number);
            *place = flow.and_then(|flow| locate(tables, &flow)).unwrap_or(Coordinates::NOWHERE);
        }
        return;
    }
    let classes = [tables.addresses.v4.get_many(&sources), tables.addresses.v4.get_many(&destinations)];
    let [from, to] = &classes;
    let ends = ends.iter_mut().zip(from.iter().zip(to)).zip(sources.iter().zip(&destinations));
    for (number, ((place, (from, to)), (source, destination))) in ends.enumerate().take(flows.len()) {
        if source != destination {
            let traffic = TrafficOf::new(tables, flows.traffic(number));
            *place = Coordinates { source: *from, destination: *to, traffic };
        }
    }
}
