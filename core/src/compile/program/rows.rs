//! Rows: which entry of a list comes first, by number of traffic.

use super::super::footprint;
use super::super::hashing::QuickMap;
use super::super::holders::at;
use super::chains::Entry;
use super::traffic::TrafficSets;
use crate::tables::{Ending, NO_MATCH, NUMBERS, Program, Row, WORD_HTTP, WORD_LOG, Word, count, index};
use std::collections::HashMap;

/// Rows of a program, each once. Row 0 is that of no entry.
#[derive(Debug, Default)]
pub(super) struct RowTable {
    /// With hashes that nobody can foresee, as the ports in rows are what authors of policies write.
    known: HashMap<Row, u32, ahash::RandomState>,
    /// By what they were made of: places of entries, each with its traffic and what it logs.
    made: QuickMap<Box<[u32]>, u32>,
    /// The key of the row that is asked for.
    key: Vec<u32>,
}

impl RowTable {
    pub(super) fn new(program: &mut Program) -> Self {
        let mut table = RowTable::default();
        table.add(program, vec![(0, NO_MATCH)]);
        table
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::entries::<(Row, u32)>(self.known.len())
            + footprint::entries::<(Box<[u32]>, u32)>(self.made.len())
            + footprint::slices(self.made.keys().map(|key| &**key))
    }

    /// The row of the entries at these places, which are sorted.
    pub(super) fn row(
        &mut self,
        program: &mut Program,
        entries: &[Entry],
        places: &[u32],
        traffic: &TrafficSets,
    ) -> u32 {
        if places.is_empty() {
            return 0;
        }
        self.key.clear();
        for (place, entry) in places.iter().filter_map(|place| Some((*place, at(entries, *place)?))) {
            let logs = entry.ending.code & Ending::LOG != 0;
            let notes = if logs { entry.ending.code & (Ending::LOG | Ending::HTTP) } else { 0 };
            self.key.extend([place, entry.traffic, notes.into()]);
        }
        if let Some(known) = self.made.get(&*self.key) {
            return *known;
        }
        let row = self.add(program, segments(entries, places, traffic));
        self.made.insert(self.key.as_slice().into(), row);
        row
    }

    /// The row where the first entry comes first, whatever the traffic.
    pub(super) fn whole(&mut self, program: &mut Program) -> u32 {
        self.add(program, vec![(0, 1 << 2)])
    }

    /// The row of these segments, above as many others as it takes.
    fn add(&mut self, program: &mut Program, mut segments: Vec<(u32, Word)>) -> u32 {
        let mut is_node = false;
        while segments.len() > Row::SEGMENTS {
            let parts = segments.chunks(Row::SEGMENTS);
            let row = |part: &[(u32, Word)]| {
                let start = part.first().map_or(0, |(start, _)| *start);
                (start, self.intern(program, Row::new(part, is_node)))
            };
            segments = parts.map(row).collect();
            is_node = true;
        }
        self.intern(program, Row::new(&segments, is_node))
    }

    fn intern(&mut self, program: &mut Program, row: Row) -> u32 {
        *self.known.entry(row).or_insert_with(|| {
            program.rows.push(row);
            count(program.rows.len() - 1)
        })
    }
}

/// The numbers between two cuts.
#[derive(Clone, Copy)]
struct Segment {
    word: Word,
    notes: Word,
    /// The next segment that may be undecided.
    next: u32,
}

fn segments(entries: &[Entry], places: &[u32], traffic: &TrafficSets) -> Vec<(u32, Word)> {
    let chosen = || places.iter().filter_map(|place| Some((*place, at(entries, *place)?)));
    let mut cuts: Vec<u32> = chosen()
        .flat_map(|(_, entry)| traffic.runs(entry.traffic))
        .flat_map(|(first, end)| [*first, *end])
        .collect();
    cuts.push(0);
    cuts.sort_unstable();
    cuts.dedup();
    // The last cut is the end of all numbers, or of what is decided: a segment of its own, which may stay undecided.
    let mut all: Vec<Segment> =
        (0..count(cuts.len())).map(|next| Segment { word: NO_MATCH, notes: 0, next }).collect();
    for (place, entry) in chosen() {
        let logs = entry.ending.code & Ending::LOG != 0;
        for (first, end) in traffic.runs(entry.traffic) {
            let segment = |number: u32| count(cuts.partition_point(|cut| *cut < number));
            let end = segment(*end);
            let mut number = undecided(&mut all, segment(*first));
            while number < end {
                if let Some(segment) = all.get_mut(index(number)) {
                    if logs {
                        let http = entry.ending.code & Ending::HTTP != 0;
                        segment.notes |= WORD_LOG | if http { WORD_HTTP } else { 0 };
                    } else {
                        segment.word = (place + 1) << 2 | segment.notes;
                        segment.next = number + 1;
                    }
                }
                number = undecided(&mut all, number + 1);
            }
        }
    }
    let mut segments: Vec<(u32, Word)> =
        cuts.into_iter().zip(all.iter().map(|segment| segment.word)).collect();
    segments.dedup_by_key(|(_, word)| *word);
    segments.retain(|(first, _)| *first < NUMBERS);
    segments
}

/// The first segment from `number` on that is undecided; the paths to it are cut short.
fn undecided(all: &mut [Segment], number: u32) -> u32 {
    let mut last = number;
    while let Some(segment) = all.get(index(last)).filter(|segment| segment.next != last) {
        last = segment.next;
    }
    let mut step = number;
    while let Some(segment) = all.get_mut(index(step)).filter(|segment| segment.next != step) {
        (step, segment.next) = (segment.next, last);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Usual;

    #[test]
    fn every_segment_is_found_however_many_there_are() {
        for number in [1, 2, 8, 9, 64, 65, 512, 513, 1_000] {
            let segments: Vec<(u32, Word)> =
                (0..number).map(|segment| (segment, (segment + 1) << 2)).collect();
            let mut program = Program::default();
            let row = RowTable::new(&mut program).add(&mut program, segments.clone());
            for (traffic, word) in &segments {
                assert_eq!(program.word(Usual, row, *traffic), *word, "{traffic} of {number}");
            }
            assert_eq!(program.word(Usual, row, NUMBERS - 1), number << 2, "{number}");
        }
    }
}
