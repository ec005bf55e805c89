//! What rules demand of one end of a flow, and of which classes it holds.

use super::super::hashing::{Quick, QuickMap};
use super::super::holders::{at, at_mut};
use super::super::members::{self, Members};
use super::super::{Numbered, footprint, number};
use super::ClassKey;
use crate::tables::{Class, Parts, count, index};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// A conjunction, of which most have few demands.
pub(super) type Tests = SmallVec<[Test; 2]>;

/// Conjunctions of demands by number.
#[derive(Debug)]
pub(super) struct Terms {
    tests: Numbered<Tests, Quick>,
    /// The classes for which a term holds, where that was asked.
    classes: Vec<Option<Arc<Members>>>,
    /// Those terms in the order in which they were asked for.
    asked: Vec<u32>,
    /// The first of them by a predicate that they demand, and those that demand none: only updates need to know.
    by_predicate: QuickMap<u32, Vec<u32>>,
    without: Vec<u32>,
    linked: usize,
    /// Terms that were taken for no demand, because they hold for every class.
    any: BTreeSet<u32>,
    /// The classes of which the form can say something.
    all: Arc<Members>,
    v6: Members,
    /// The parts of a class.
    parts: Vec<[u32; 2]>,
    /// The classes of a predicate.
    holding: Vec<Members>,
}

impl Terms {
    /// No demand.
    pub(super) const ANY: u32 = 0;

    pub(super) fn new(keys: &[ClassKey], parts: &Parts) -> Self {
        let mut tests = Numbered::default();
        number(&mut tests, Tests::new());
        let capacity = |classes| Members::with_capacity(classes, keys.len());
        let mut terms = Terms {
            tests,
            classes: Vec::new(),
            asked: Vec::new(),
            by_predicate: QuickMap::default(),
            without: Vec::new(),
            linked: 0,
            any: BTreeSet::new(),
            all: Arc::new(capacity(keys.len())),
            v6: capacity(keys.len() / 2),
            parts: Vec::with_capacity(keys.len()),
            holding: frequencies(keys, parts).into_iter().map(capacity).collect(),
        };
        keys.iter().for_each(|key| terms.class(key, parts));
        terms
    }

    /// A new class, with the next number.
    fn class(&mut self, key: &ClassKey, parts: &Parts) {
        let class = count(self.parts.len());
        let of_class = [key.holders, key.address];
        if !key.slow {
            for predicate in of_class.into_iter().flat_map(|part| parts.predicates(part).iter()) {
                self.hold(predicate, class);
            }
            Arc::make_mut(&mut self.all).push(class);
        }
        self.parts.push(of_class);
        if key.flags & Class::V6 != 0 {
            self.v6.push(class);
        }
    }

    fn hold(&mut self, predicate: u32, class: u32) {
        let place = index(predicate);
        if self.holding.len() <= place {
            self.holding.resize_with(place + 1, Members::default);
        }
        if let Some(classes) = self.holding.get_mut(place) {
            classes.push(class);
        }
    }

    /// A new class, with the next number: the known terms that hold for it. None if one does not hold that was taken for no
    /// demand at all.
    pub(super) fn add_class(&mut self, key: &ClassKey, parts: &Parts) -> Option<Vec<u32>> {
        let class = count(self.parts.len());
        self.class(key, parts);
        self.link();
        if key.slow {
            return Some(Vec::new());
        }
        let mut predicates: Vec<u32> =
            [key.holders, key.address].into_iter().flat_map(|part| parts.predicates(part).iter()).collect();
        predicates.sort_unstable();
        predicates.dedup();
        let demanding = predicates.iter().filter_map(|predicate| self.by_predicate.get(predicate));
        let candidates = demanding.flatten().chain(&self.without);
        let terms: Vec<u32> = candidates.copied().filter(|term| self.holds(parts, *term, class)).collect();
        for term in &terms {
            if let Some(classes) = at_mut(&mut self.classes, *term).and_then(Option::as_mut) {
                Arc::make_mut(classes).push(class);
            }
        }
        self.any.iter().all(|term| self.holds(parts, *term, class)).then_some(terms)
    }

    /// Finds the terms by what they demand, as far as they were asked for.
    fn link(&mut self) {
        for term in self.asked.iter().skip(self.linked) {
            let tests = self.tests.get_index(index(*term)).map_or(&[][..], |tests| tests);
            let demanded = tests.iter().filter_map(|test| match test {
                Test::Holds(predicate) => Some(*predicate),
                _ => None,
            });
            match demanded.min_by_key(|predicate| at(&self.holding, *predicate).map_or(0, Members::len)) {
                Some(predicate) => self.by_predicate.entry(predicate).or_default().push(*term),
                None => self.without.push(*term),
            }
        }
        self.linked = self.asked.len();
    }

    /// Predicates that no term demands yet hold for a class, which is none that the form says nothing of.
    pub(super) fn add_predicates(&mut self, class: u32, new: &[u32]) {
        new.iter().for_each(|predicate| self.hold(*predicate, class));
    }

    /// The number of a conjunction.
    pub(super) fn term(&mut self, mut tests: Tests) -> u32 {
        tests.sort_unstable();
        tests.dedup();
        number(&mut self.tests, tests)
    }

    /// Whether a term holds for every class.
    pub(super) fn is_any(&mut self, parts: &Parts, term: u32) -> bool {
        if term == Self::ANY {
            return true;
        }
        let any = self.classes(parts, term).len() == self.all.len();
        if any {
            self.any.insert(term);
        }
        any
    }

    /// The classes for which a term holds.
    pub(super) fn classes(&mut self, parts: &Parts, term: u32) -> Arc<Members> {
        if term == Self::ANY {
            return self.all.clone();
        }
        if let Some(Some(known)) = at(&self.classes, term) {
            return known.clone();
        }
        let tests = self.tests.get_index(index(term)).map_or(&[][..], |tests| tests);
        let demanded = tests.iter().filter_map(|test| match test {
            Test::Holds(predicate) => Some(self.holding(*predicate)),
            _ => None,
        });
        let rarest = demanded.min_by_key(|classes| classes.map_or(0, Members::len));
        let classes = Arc::new(match rarest {
            Some(None) => Members::default(),
            // Where nothing else is demanded, nothing else has to be looked at.
            Some(Some(classes @ Members::List(_))) if tests.len() == 1 => classes.clone(),
            Some(Some(classes @ Members::List(_))) => {
                classes.iter().filter(|class| self.all_hold(parts, tests, *class)).collect()
            }
            None | Some(Some(Members::Bits(..))) => Members::from_words(self.bits(tests)),
        });
        if self.classes.len() <= index(term) {
            self.classes.resize(self.tests.len().max(index(term) + 1), None);
        }
        at_mut(&mut self.classes, term).into_iter().for_each(|place| *place = Some(classes.clone()));
        self.asked.push(term);
        classes
    }

    /// The classes of a predicate; none if it has none.
    fn holding(&self, predicate: u32) -> Option<&Members> {
        at(&self.holding, predicate)
    }

    /// A bit for each class for which all of these hold.
    fn bits(&self, tests: &[Test]) -> Vec<u64> {
        let words = self.parts.len().div_ceil(64);
        let mut all = self.all.words(words);
        for test in tests {
            match test {
                Test::Holds(predicate) => match self.holding(*predicate) {
                    Some(classes) => classes.keep_in(&mut all),
                    None => all.fill(0),
                },
                Test::Fails(predicate) => {
                    self.holding(*predicate).into_iter().for_each(|classes| classes.clear_in(&mut all));
                }
                Test::Either(first, second) => {
                    let mut either = vec![0; words];
                    let each = [first, second].into_iter().filter_map(|predicate| self.holding(*predicate));
                    each.for_each(|classes| classes.add_to(&mut either));
                    Members::from_words(either).keep_in(&mut all);
                }
                Test::Family { v6: true } => self.v6.keep_in(&mut all),
                Test::Family { v6: false } => self.v6.clear_in(&mut all),
            }
        }
        all
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let classes: usize = self.classes.iter().flatten().map(|classes| classes.bytes()).sum();
        classes
            + footprint::records(&self.parts)
            + members::bytes(&self.holding)
            + footprint::entries::<(Tests, Members)>(self.tests.len())
    }

    /// Whether a term demands nothing but a family.
    pub(super) fn is_of_family(&self, term: u32) -> bool {
        let tests = self.tests.get_index(index(term)).map_or(&[][..], |tests| tests);
        tests.iter().all(|test| matches!(test, Test::Family { .. }))
    }

    /// Whether a term holds for a class.
    pub(super) fn holds(&self, parts: &Parts, term: u32, class: u32) -> bool {
        self.tests.get_index(index(term)).is_some_and(|tests| self.all_hold(parts, tests, class))
    }

    fn all_hold(&self, parts: &Parts, tests: &[Test], class: u32) -> bool {
        let of_class = at(&self.parts, class).copied().unwrap_or_default();
        let holds = |predicate: &u32| of_class.iter().any(|part| parts.holds(*part, *predicate));
        tests.iter().all(|test| match test {
            Test::Holds(predicate) => holds(predicate),
            Test::Fails(predicate) => !holds(predicate),
            Test::Either(first, second) => holds(first) || holds(second),
            Test::Family { v6 } => self.v6.contains(class) == *v6,
        })
    }
}

/// For how many classes each predicate holds, at most.
fn frequencies(keys: &[ClassKey], parts: &Parts) -> Vec<usize> {
    let mut frequencies = Vec::new();
    for key in keys.iter().filter(|key| !key.slow) {
        for predicate in [key.holders, key.address].into_iter().flat_map(|part| parts.predicates(part).iter())
        {
            let place = index(predicate);
            if frequencies.len() <= place {
                frequencies.resize(place + 1, 0);
            }
            at_mut(&mut frequencies, predicate).into_iter().for_each(|classes| *classes += 1);
        }
    }
    frequencies
}
