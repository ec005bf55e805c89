//! Parts, each once.

use super::{Numbered, number};
use crate::tables::{Part, Parts, Resolution};
use std::collections::HashMap;

/// The predicates and resolutions that make a part.
type PartKey = (Box<[u32]>, Box<[Resolution]>);

/// Parts by what holds, while they are collected.
#[derive(Debug, Default)]
pub(super) struct PartTable {
    known: Numbered<PartKey>,
    unions: HashMap<(u32, u32), u32, ahash::RandomState>,
    parts: Parts,
}

impl PartTable {
    pub(super) fn new() -> Self {
        let mut table = PartTable::default();
        let empty = table.part(Vec::new(), Vec::new());
        debug_assert_eq!(empty, Parts::EMPTY);
        table
    }

    /// The part where these hold; they may come in any order and repeat.
    pub(super) fn part(&mut self, mut predicates: Vec<u32>, mut resolutions: Vec<Resolution>) -> u32 {
        predicates.sort_unstable();
        predicates.dedup();
        resolutions.sort_unstable();
        resolutions.dedup();
        let known = self.known.len();
        let part = number(&mut self.known, (predicates.into(), resolutions.into()));
        let new = self.known.last().filter(|_| self.known.len() > known);
        if let Some((predicates, resolutions)) = new {
            let predicates = self.parts.predicates.push(predicates.iter().copied());
            let resolutions = self.parts.resolutions.push(resolutions.iter().copied());
            self.parts.parts.push(Part { predicates, resolutions });
        }
        part
    }

    /// The part where what either part says holds.
    pub(super) fn union(&mut self, first: u32, second: u32) -> u32 {
        if first == second || second == Parts::EMPTY {
            return first;
        }
        if first == Parts::EMPTY {
            return second;
        }
        if let Some(known) = self.unions.get(&(first, second)) {
            return *known;
        }
        let predicates = [self.parts.predicates(first), self.parts.predicates(second)].concat();
        let resolutions = [self.parts.resolutions(first), self.parts.resolutions(second)].concat();
        let union = self.part(predicates, resolutions);
        self.unions.insert((first, second), union);
        union
    }

    pub(super) fn finish(self) -> Parts {
        self.parts
    }
}
