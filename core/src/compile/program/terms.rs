//! What rules demand of one end of a flow, and of which classes it holds.

use super::super::holders::at;
use super::super::{Numbered, number};
use super::ClassKey;
use crate::tables::{Class, Parts, index};
use std::collections::HashMap;
use std::rc::Rc;

/// One demand on a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Test {
    Holds(u32),
    Fails(u32),
    Either(u32, u32),
    /// It is of IPv6, or not.
    Family {
        v6: bool,
    },
}

/// Conjunctions of demands by number.
#[derive(Debug)]
pub(super) struct Terms {
    tests: Numbered<Box<[Test]>>,
    classes: HashMap<u32, Rc<[u32]>, ahash::RandomState>,
    /// The classes of which the form can say something.
    all: Rc<[u32]>,
    v6: Vec<bool>,
    /// The predicates of a class.
    predicates: Vec<Box<[u32]>>,
    /// The classes of a predicate.
    holding: Vec<Vec<u32>>,
}

impl Terms {
    /// No demand.
    pub(super) const ANY: u32 = 0;

    pub(super) fn new(keys: &[ClassKey], parts: &Parts) -> Self {
        let mut holding: Vec<Vec<u32>> = Vec::new();
        let mut predicates = Vec::with_capacity(keys.len());
        for (class, key) in (0..).zip(keys) {
            let both = [parts.predicates(key.holders), parts.predicates(key.address)];
            let mut all = both.concat();
            all.sort_unstable();
            all.dedup();
            for predicate in all.iter().filter(|_| !key.slow) {
                let place = index(*predicate);
                if holding.len() <= place {
                    holding.resize(place + 1, Vec::new());
                }
                if let Some(classes) = holding.get_mut(place) {
                    classes.push(class);
                }
            }
            predicates.push(all.into_boxed_slice());
        }
        let mut tests = Numbered::default();
        number(&mut tests, Box::from([]));
        let fast = (0..).zip(keys).filter(|(_, key)| !key.slow).map(|(class, _)| class);
        Terms {
            tests,
            classes: HashMap::default(),
            all: fast.collect(),
            v6: keys.iter().map(|key| key.flags & Class::V6 != 0).collect(),
            predicates,
            holding,
        }
    }

    /// The number of a conjunction.
    pub(super) fn term(&mut self, mut tests: Vec<Test>) -> u32 {
        tests.sort_unstable();
        tests.dedup();
        number(&mut self.tests, tests.into())
    }

    /// Whether a term holds for every class.
    pub(super) fn is_any(&mut self, term: u32) -> bool {
        term == Self::ANY || self.classes(term).len() == self.all.len()
    }

    /// The classes for which a term holds, sorted.
    pub(super) fn classes(&mut self, term: u32) -> Rc<[u32]> {
        if let Some(known) = self.classes.get(&term) {
            return known.clone();
        }
        let tests = self.tests.get_index(index(term)).map_or(&[][..], |tests| tests);
        let rarest = tests.iter().filter_map(|test| match test {
            Test::Holds(predicate) => Some(at(&self.holding, *predicate).map_or(&[][..], Vec::as_slice)),
            _ => None,
        });
        let candidates = rarest.min_by_key(|classes| classes.len()).unwrap_or(&self.all);
        let holding = candidates.iter().copied().filter(|class| self.all_hold(tests, *class));
        let classes: Rc<[u32]> = holding.collect();
        self.classes.insert(term, classes.clone());
        classes
    }

    /// Whether a term holds for a class.
    pub(super) fn holds(&self, term: u32, class: u32) -> bool {
        self.tests.get_index(index(term)).is_some_and(|tests| self.all_hold(tests, class))
    }

    fn all_hold(&self, tests: &[Test], class: u32) -> bool {
        let predicates = at(&self.predicates, class).map_or(&[][..], |predicates| predicates);
        let holds = |predicate: &u32| predicates.binary_search(predicate).is_ok();
        tests.iter().all(|test| match test {
            Test::Holds(predicate) => holds(predicate),
            Test::Fails(predicate) => !holds(predicate),
            Test::Either(first, second) => holds(first) || holds(second),
            Test::Family { v6 } => at(&self.v6, class) == Some(v6),
        })
    }
}
