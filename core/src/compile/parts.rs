//! Parts: of label sets, of ranges, and unions of them.

use super::chunks::{Chunks, merged, packed};
use super::footprint;
use super::hashing::QuickMap;
use crate::tables::{Chunk, Part, Parts, Resolution};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The predicates and resolutions that make a part.
type PartKey = (Chunks, Box<[Resolution]>);

/// Which parts there are.
#[derive(Debug, Default)]
pub(super) struct PartTable {
    /// Parts of ranges by what holds.
    known: HashMap<PartKey, u32, ahash::RandomState>,
    unions: QuickMap<(u32, u32), u32>,
    /// The unions that each part is in.
    within: QuickMap<u32, Vec<u32>>,
}

impl PartTable {
    pub(super) fn new(parts: &mut Parts) -> Self {
        let mut table = PartTable::default();
        let empty = table.of_range(parts, Chunks::new(), Vec::new());
        debug_assert_eq!(empty, Parts::EMPTY);
        table
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::entries::<(PartKey, u32)>(self.known.len())
            + footprint::entries::<((u32, u32), u32)>(self.unions.len())
            + footprint::slices(self.known.keys().map(|(predicates, _)| predicates.as_slice()))
    }

    /// The part of ranges where these hold; they may come in any order and repeat.
    pub(super) fn of_range(
        &mut self,
        parts: &mut Parts,
        predicates: Chunks,
        resolutions: Vec<Resolution>,
    ) -> u32 {
        let key = (merged(predicates), sorted(resolutions).into_boxed_slice());
        *self
            .known
            .entry(key)
            .or_insert_with_key(|(predicates, resolutions)| add(parts, predicates, resolutions))
    }

    /// A part of its own, where these hold; they may come in any order and repeat.
    pub(super) fn new_part(
        &mut self,
        parts: &mut Parts,
        predicates: Chunks,
        resolutions: Vec<Resolution>,
    ) -> u32 {
        add(parts, &merged(predicates), &sorted(resolutions))
    }

    /// The part where what either part says holds.
    pub(super) fn union(&mut self, parts: &mut Parts, first: u32, second: u32) -> u32 {
        if first == second || second == Parts::EMPTY {
            return first;
        }
        if first == Parts::EMPTY {
            return second;
        }
        if let Some(known) = self.unions.get(&(first, second)) {
            return *known;
        }
        let predicates =
            [first, second].into_iter().flat_map(|part| parts.predicates(part).chunks()).collect();
        let resolutions = [parts.resolutions(first), parts.resolutions(second)].concat();
        let union = self.new_part(parts, predicates, resolutions);
        self.unions.insert((first, second), union);
        self.within.entry(first).or_default().push(union);
        self.within.entry(second).or_default().push(union);
        union
    }

    /// Notes that predicates hold where a part does, and so in every union that it is in.
    pub(super) fn spread(&self, part: u32, new: &[u32], added: &mut BTreeMap<u32, BTreeSet<u32>>) {
        added.entry(part).or_default().extend(new);
        for union in self.within.get(&part).into_iter().flatten() {
            self.spread(*union, new, added);
        }
    }
}

/// Adds predicates to a part.
pub(super) fn extend(parts: &mut Parts, part: u32, new: &BTreeSet<u32>) {
    let Some(old) = parts.parts.get(part).copied() else { return };
    let new = packed(new.iter().copied());
    let all = parts.predicates(part).chunks().chain(new).collect();
    let predicates = parts.predicates.pack(&merged(all));
    parts.parts.set(part, Part { predicates, ..old });
}

fn add(parts: &mut Parts, predicates: &[Chunk], resolutions: &[Resolution]) -> u32 {
    let predicates = parts.predicates.pack(predicates);
    let resolutions = parts.resolutions.push(resolutions.iter().copied());
    parts.parts.push(Part { predicates, resolutions })
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}
