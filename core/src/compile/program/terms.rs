//! What rules demand of one end of a flow, and of which classes it holds.

use super::super::holders::{at, at_mut};
use super::super::{Few, Numbered, footprint, number};
use super::ClassKey;
use crate::tables::{Class, Parts, count, index};
use std::collections::{BTreeSet, HashMap};
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

/// Conjunctions of demands by number.
#[derive(Debug)]
pub(super) struct Terms {
    tests: Numbered<Box<[Test]>>,
    /// The classes for which a term holds, where that was asked; sorted.
    classes: HashMap<u32, Arc<Vec<u32>>, ahash::RandomState>,
    /// Those terms by a predicate that they demand, and those that demand none.
    by_predicate: HashMap<u32, Vec<u32>, ahash::RandomState>,
    without: Vec<u32>,
    /// Terms that were taken for no demand, because they hold for every class.
    any: BTreeSet<u32>,
    /// The classes of which the form can say something.
    all: Arc<Vec<u32>>,
    v6: Vec<bool>,
    /// The predicates of a class, sorted.
    predicates: Vec<Few>,
    /// The classes of a predicate, sorted.
    holding: Vec<Few>,
}

impl Terms {
    /// No demand.
    pub(super) const ANY: u32 = 0;

    pub(super) fn new(keys: &[ClassKey], parts: &Parts) -> Self {
        let mut tests = Numbered::default();
        number(&mut tests, Box::from([]));
        let mut terms = Terms {
            tests,
            classes: HashMap::default(),
            by_predicate: HashMap::default(),
            without: Vec::new(),
            any: BTreeSet::new(),
            all: Arc::default(),
            v6: Vec::with_capacity(keys.len()),
            predicates: Vec::with_capacity(keys.len()),
            holding: Vec::new(),
        };
        keys.iter().for_each(|key| terms.class(key, parts));
        terms
    }

    /// A new class, with the next number.
    fn class(&mut self, key: &ClassKey, parts: &Parts) {
        let class = count(self.predicates.len());
        let mut predicates = Few::from_slice(parts.predicates(key.holders));
        predicates.extend_from_slice(parts.predicates(key.address));
        predicates.sort_unstable();
        predicates.dedup();
        if !key.slow {
            predicates.iter().for_each(|predicate| self.hold(*predicate, class));
            Arc::make_mut(&mut self.all).push(class);
        }
        self.predicates.push(predicates);
        self.v6.push(key.flags & Class::V6 != 0);
    }

    fn hold(&mut self, predicate: u32, class: u32) {
        let place = index(predicate);
        if self.holding.len() <= place {
            self.holding.resize(place + 1, Few::new());
        }
        if let Some(classes) = self.holding.get_mut(place) {
            classes.push(class);
        }
    }

    /// A new class, with the next number: the known terms that hold for it. None if one does not hold that was taken for no
    /// demand at all.
    pub(super) fn add_class(&mut self, key: &ClassKey, parts: &Parts) -> Option<Vec<u32>> {
        let class = count(self.predicates.len());
        self.class(key, parts);
        if key.slow {
            return Some(Vec::new());
        }
        let predicates = at(&self.predicates, class).map_or(&[][..], Few::as_slice);
        let demanding = predicates.iter().filter_map(|predicate| self.by_predicate.get(predicate));
        let candidates = demanding.flatten().chain(&self.without);
        let terms: Vec<u32> = candidates.copied().filter(|term| self.holds(*term, class)).collect();
        for term in &terms {
            if let Some(classes) = self.classes.get_mut(term) {
                Arc::make_mut(classes).push(class);
            }
        }
        self.any.iter().all(|term| self.holds(*term, class)).then_some(terms)
    }

    /// Predicates that no term demands yet hold for a class. They are sorted.
    pub(super) fn add_predicates(&mut self, class: u32, new: &[u32], slow: bool) {
        for predicate in new.iter().filter(|_| !slow) {
            self.hold(*predicate, class);
        }
        if let Some(predicates) = at_mut(&mut self.predicates, class) {
            predicates.extend_from_slice(new);
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
        if term == Self::ANY {
            return true;
        }
        let any = self.classes(term).len() == self.all.len();
        if any {
            self.any.insert(term);
        }
        any
    }

    /// The classes for which a term holds, sorted.
    pub(super) fn classes(&mut self, term: u32) -> Arc<Vec<u32>> {
        if let Some(known) = self.classes.get(&term) {
            return known.clone();
        }
        let tests = self.tests.get_index(index(term)).map_or(&[][..], |tests| tests);
        let demanded = tests.iter().filter_map(|test| match test {
            Test::Holds(predicate) => {
                Some((*predicate, at(&self.holding, *predicate).map_or(&[][..], Few::as_slice)))
            }
            _ => None,
        });
        let rarest = demanded.min_by_key(|(_, classes)| classes.len());
        let candidates = rarest.map_or(self.all.as_slice(), |(_, classes)| classes);
        let holding = candidates.iter().copied().filter(|class| self.all_hold(tests, *class));
        let classes: Arc<Vec<u32>> = Arc::new(holding.collect());
        match rarest {
            Some((predicate, _)) => self.by_predicate.entry(predicate).or_default().push(term),
            None => self.without.push(term),
        }
        self.classes.insert(term, classes.clone());
        classes
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let classes: usize = self.classes.values().map(|classes| footprint::records(classes)).sum();
        classes
            + footprint::lists(&self.predicates)
            + footprint::lists(&self.holding)
            + footprint::entries::<(Box<[Test]>, Vec<u32>)>(self.tests.len())
            + footprint::slices(self.tests.iter().map(|tests| &**tests))
    }

    /// Whether a term demands nothing but a family.
    pub(super) fn is_of_family(&self, term: u32) -> bool {
        let tests = self.tests.get_index(index(term)).map_or(&[][..], |tests| tests);
        tests.iter().all(|test| matches!(test, Test::Family { .. }))
    }

    /// Whether a term holds for a class.
    pub(super) fn holds(&self, term: u32, class: u32) -> bool {
        self.tests.get_index(index(term)).is_some_and(|tests| self.all_hold(tests, class))
    }

    fn all_hold(&self, tests: &[Test], class: u32) -> bool {
        let predicates = at(&self.predicates, class).map_or(&[][..], Few::as_slice);
        let holds = |predicate: &u32| predicates.binary_search(predicate).is_ok();
        tests.iter().all(|test| match test {
            Test::Holds(predicate) => holds(predicate),
            Test::Fails(predicate) => !holds(predicate),
            Test::Either(first, second) => holds(first) || holds(second),
            Test::Family { v6 } => at(&self.v6, class) == Some(v6),
        })
    }
}
