//! Label sets, cut down to what selectors mention, and which of them a selector matches.

use super::hashing::{Quick, Recent};
use super::members::{self, Members, all_words};
use super::{Few, Numbered, footprint, number};
use crate::model::Name;
use crate::selector::{Expr, Selector};
use crate::tables::{NONE, count, index};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// What a label is, as far as selectors can tell: its key and its value, each by number.
type Label = (u32, u32);

/// The value of every label whose value no selector mentions.
const OTHER: u32 = 0;

/// A label key that selectors mention.
#[derive(Debug, Default)]
struct Key {
    number: u32,
    /// Values by number, from 1.
    values: Map<Arc<str>, u32>,
    /// A selector looks into the text of values, so each is told apart.
    texts: bool,
}

/// Distinct label sets by number.
#[derive(Debug, Default)]
pub(super) struct LabelSets {
    keys: Map<Arc<str>, Key>,
    /// The labels of each in the order of the names of their keys.
    sets: Numbered<Box<[Label]>, Quick>,
    /// The sets that have a label of a key, by its number.
    with_key: Vec<WithKey>,
}

/// The sets that have a label of a key.
#[derive(Debug, Default)]
struct WithKey {
    all: Vec<u32>,
    /// Those with a value, by its number.
    by_value: Vec<Vec<u32>>,
}

/// A selector over label sets.
#[derive(Debug)]
enum Test {
    All,
    Has(u32),
    /// The label has one of these values, sorted.
    Is(u32, Few),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

impl LabelSets {
    /// Told apart by what these selectors mention.
    pub(super) fn new<'a>(selectors: impl IntoIterator<Item = &'a Selector>) -> Self {
        let mut sets = LabelSets::default();
        selectors.into_iter().for_each(|selector| sets.mention(selector, &mut |_, _| {}));
        sets
    }

    /// Label sets are told apart by what the selector mentions too, from now on. `new` is told each key, with its value or
    /// for all values, of which that was not so before.
    pub(super) fn mention(&mut self, selector: &Selector, new: &mut impl FnMut(&Arc<str>, Option<&str>)) {
        self.mention_all(selector.expr(), new);
    }

    /// What they take, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let sets = footprint::slices(self.sets.iter().map(|set| &**set));
        // A set is in the list of each of its labels, and of each of its keys.
        2 * sets + footprint::entries::<Box<[Label]>>(self.sets.len())
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        count(self.sets.len())
    }

    fn mention_all(&mut self, expr: &Expr, new: &mut impl FnMut(&Arc<str>, Option<&str>)) {
        match expr {
            Expr::All | Expr::Global => {}
            Expr::Has(key) => {
                self.key(key, new);
            }
            Expr::Equals(key, value) | Expr::NotEquals(key, value) => {
                if self.key(key, new).value(value, || value.clone()) {
                    new(key, Some(value));
                }
            }
            Expr::In(key, values) | Expr::NotIn(key, values) => {
                let known = self.key(key, new);
                values
                    .iter()
                    .filter(|value| known.value(value, || (*value).into()))
                    .for_each(|value| new(key, Some(value)));
            }
            Expr::Contains(key, _) | Expr::StartsWith(key, _) | Expr::EndsWith(key, _) => {
                if !std::mem::replace(&mut self.key(key, new).texts, true) {
                    new(key, None);
                }
            }
            Expr::Not(operand) => self.mention_all(operand, new),
            Expr::And(operands) | Expr::Or(operands) => {
                operands.iter().for_each(|operand| self.mention_all(operand, new));
            }
        }
    }

    fn key(&mut self, name: &Arc<str>, new: &mut impl FnMut(&Arc<str>, Option<&str>)) -> &mut Key {
        let number = count(self.keys.len());
        if !self.keys.contains_key(name) {
            new(name, None);
        }
        self.keys.entry(name.clone()).or_insert_with(|| Key { number, ..Key::default() })
    }

    /// The number of a label set. The sets can be found by their labels from then on.
    pub(super) fn insert(&mut self, labels: &BTreeMap<Name, Name>) -> u32 {
        self.insert_with(labels, |sets, name, value| sets.label(name, value))
    }

    /// The numbers of label sets, in their order.
    pub(super) fn insert_all<'a>(&mut self, all: impl Iterator<Item = &'a BTreeMap<Name, Name>>) -> Vec<u32> {
        let (mut names, mut labels) = (Recent::default(), Recent::default());
        let mut of = |sets: &mut Self, name: &'a Name, value: &'a Name| {
            // Values that no selector asks for may be another one for each set.
            let is_mentioned = names.get([name], || sets.keys.contains_key(name));
            is_mentioned.then(|| labels.get([name, value], || sets.label(name, value)))?
        };
        all.map(|labels| self.insert_with(labels, &mut of)).collect()
    }

    /// What a label is; none if no selector mentions its key.
    fn label(&mut self, name: &Name, value: &Name) -> Option<Label> {
        let key = self.keys.get_mut(name)?;
        if key.texts {
            key.value(value, || value.clone());
        }
        Some((key.number, key.values.get(value).copied().unwrap_or(OTHER)))
    }

    fn insert_with<'a>(
        &mut self,
        labels: &'a BTreeMap<Name, Name>,
        mut label: impl FnMut(&mut Self, &'a Name, &'a Name) -> Option<Label>,
    ) -> u32 {
        let set: SmallVec<[Label; 16]> =
            labels.iter().filter_map(|(name, value)| label(self, name, value)).collect();
        if let Some(known) = self.sets.get_index_of(&*set) {
            return count(known);
        }
        let new = count(self.sets.len());
        self.with_key.resize_with(self.keys.len(), WithKey::default);
        for (key, value) in &set {
            if let Some(with) = self.with_key.get_mut(index(*key)) {
                with.add(*value, new);
            }
        }
        number(&mut self.sets, set.as_slice().into())
    }

    /// The number of a label set that was inserted.
    pub(super) fn find(&self, labels: &BTreeMap<Name, Name>) -> u32 {
        let known = |(name, value): (&Name, &Name)| {
            let key = self.keys.get(name)?;
            Some((key.number, key.values.get(value).copied().unwrap_or(OTHER)))
        };
        let set: Vec<Label> = labels.iter().filter_map(known).collect();
        self.sets.get_index_of(&*set).map_or(NONE, count)
    }

    /// Finds the sets that selectors match.
    pub(super) fn matcher(&self) -> Matcher<'_> {
        Matcher { sets: self, bits: Map::default(), words: self.sets.len().div_ceil(64) }
    }

    fn labels(&self, set: u32) -> Option<&[Label]> {
        self.sets.get_index(index(set)).map(|labels| &**labels)
    }

    fn test(&self, expr: &Expr) -> Test {
        match expr {
            Expr::All | Expr::Global => Test::All,
            Expr::Has(key) => self.keys.get(key).map_or(Test::NEVER, |key| Test::Has(key.number)),
            Expr::Equals(key, value) => self.is_one_of(key, [&**value]),
            Expr::NotEquals(key, value) => self.is_one_of(key, [&**value]).negated(),
            Expr::In(key, values) => self.is_one_of(key, values.iter()),
            Expr::NotIn(key, values) => self.is_one_of(key, values.iter()).negated(),
            Expr::Contains(key, part) => self.is_like(key, |value| value.contains(&**part)),
            Expr::StartsWith(key, part) => self.is_like(key, |value| value.starts_with(&**part)),
            Expr::EndsWith(key, part) => self.is_like(key, |value| value.ends_with(&**part)),
            Expr::Not(operand) => self.test(operand).negated(),
            Expr::And(operands) => Test::And(operands.iter().map(|operand| self.test(operand)).collect()),
            Expr::Or(operands) => Test::Or(operands.iter().map(|operand| self.test(operand)).collect()),
        }
    }

    fn is_one_of<'a>(&self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Test {
        let Some(key) = self.keys.get(key) else { return Test::NEVER };
        let numbers = values.into_iter().filter_map(|value| key.values.get(value).copied());
        Test::is(key.number, numbers.collect())
    }

    fn is_like(&self, key: &str, wanted: impl Fn(&str) -> bool) -> Test {
        let Some(key) = self.keys.get(key) else { return Test::NEVER };
        let values = key.values.iter().filter(|(value, _)| wanted(value));
        Test::is(key.number, values.map(|(_, number)| *number).collect())
    }

    /// Sets among which are all that pass the test, sorted; none if that is every set.
    fn candidates(&self, test: &Test) -> Option<Cow<'_, [u32]>> {
        match test {
            Test::All | Test::Not(_) => None,
            Test::Has(key) => Some(self.having_key(*key).into()),
            Test::Is(key, values) => {
                Some(union(values.iter().map(|value| self.having((*key, *value)).into())))
            }
            Test::And(operands) => {
                let narrowest = operands.iter().min_by_key(|operand| self.breadth(operand))?;
                self.candidates(narrowest)
            }
            Test::Or(operands) => {
                let each: Option<Vec<_>> = operands.iter().map(|operand| self.candidates(operand)).collect();
                Some(union(each?.into_iter()))
            }
        }
    }

    /// At most how many sets pass the test.
    fn breadth(&self, test: &Test) -> usize {
        match test {
            Test::All | Test::Not(_) => self.sets.len(),
            Test::Has(key) => self.having_key(*key).len(),
            Test::Is(key, values) => values.iter().map(|value| self.having((*key, *value)).len()).sum(),
            Test::And(operands) => {
                operands.iter().map(|operand| self.breadth(operand)).min().unwrap_or(self.sets.len())
            }
            Test::Or(operands) => operands.iter().map(|operand| self.breadth(operand)).sum(),
        }
    }

    fn having(&self, (key, value): Label) -> &[u32] {
        let with = self.with_key.get(index(key));
        with.and_then(|with| with.by_value.get(index(value))).map_or(&[], Vec::as_slice)
    }

    fn having_key(&self, key: u32) -> &[u32] {
        self.with_key.get(index(key)).map_or(&[], |with| with.all.as_slice())
    }
}

impl WithKey {
    fn add(&mut self, value: u32, set: u32) {
        self.all.push(set);
        let place = index(value);
        if self.by_value.len() <= place {
            self.by_value.resize_with(place + 1, Vec::new);
        }
        self.by_value.get_mut(place).into_iter().for_each(|sets| sets.push(set));
    }
}

/// Finds the sets that selectors match: few by looking at each, many by bits for all sets at once.
pub(super) struct Matcher<'a> {
    sets: &'a LabelSets,
    /// The sets that have a label that many have.
    bits: Map<Label, Vec<u64>>,
    /// How many words have a bit for each set.
    words: usize,
}

impl Matcher<'_> {
    /// The sets that a selector matches.
    pub(super) fn matching(&mut self, selector: &Selector) -> Members {
        let test = self.sets.test(selector.expr());
        // To look at a set takes about as long as an operation on a word for each label of the test.
        let few = self.sets.breadth(&test) <= self.words;
        let Some(candidates) = few.then(|| self.sets.candidates(&test)).flatten() else {
            return Members::from_words(self.bits(&test));
        };
        let matches = |set: &u32| self.sets.labels(*set).is_some_and(|labels| test.matches(labels));
        candidates.iter().copied().filter(matches).collect()
    }

    /// A bit for each set that passes.
    fn bits(&mut self, test: &Test) -> Vec<u64> {
        match test {
            Test::All => all_words(self.sets.len()),
            Test::Has(key) => bits_of(self.sets.having_key(*key), self.words),
            Test::Is(key, values) => {
                let mut all = vec![0; self.words];
                values.iter().for_each(|value| self.add((*key, *value), &mut all));
                all
            }
            Test::Not(operand) => {
                let mut all = all_words(self.sets.len());
                let not = self.bits(operand);
                all.iter_mut().zip(not).for_each(|(word, not)| *word &= !not);
                all
            }
            Test::And(operands) => {
                let each = operands.iter().map(|operand| self.bits(operand));
                combined(each, |word, other| *word &= other).unwrap_or_else(|| all_words(self.sets.len()))
            }
            Test::Or(operands) => {
                let each = operands.iter().map(|operand| self.bits(operand));
                combined(each, |word, other| *word |= other).unwrap_or_else(|| vec![0; self.words])
            }
        }
    }

    /// Sets the bits of the sets that have a label.
    fn add(&mut self, label: Label, all: &mut [u64]) {
        let having = self.sets.having(label);
        if having.len() <= self.words {
            having.iter().for_each(|set| members::set(all, *set));
            return;
        }
        let words = self.words;
        let bits = self.bits.entry(label).or_insert_with(|| bits_of(having, words));
        all.iter_mut().zip(bits).for_each(|(word, more)| *word |= *more);
    }
}

fn bits_of(list: &[u32], words: usize) -> Vec<u64> {
    let mut bits = vec![0; words];
    list.iter().for_each(|set| members::set(&mut bits, *set));
    bits
}

/// Bits combined word by word; none if there are none.
fn combined(mut each: impl Iterator<Item = Vec<u64>>, combine: fn(&mut u64, u64)) -> Option<Vec<u64>> {
    let mut all = each.next()?;
    each.for_each(|other| all.iter_mut().zip(other).for_each(|(word, other)| combine(word, other)));
    Some(all)
}

fn union<'a>(mut lists: impl Iterator<Item = Cow<'a, [u32]>>) -> Cow<'a, [u32]> {
    let first = lists.next().unwrap_or_default();
    let mut others = lists.filter(|list| !list.is_empty()).peekable();
    if others.peek().is_none() {
        return first;
    }
    let mut all = first.into_owned();
    others.for_each(|list| all.extend_from_slice(&list));
    all.sort_unstable();
    all.dedup();
    all.into()
}

impl Key {
    /// Gives the value a number. False if it has one.
    fn value(&mut self, text: &str, shared: impl FnOnce() -> Arc<str>) -> bool {
        let new = !self.values.contains_key(text);
        if new {
            self.values.insert(shared(), count(self.values.len()) + 1);
        }
        new
    }
}

impl Test {
    const NEVER: Test = Test::Or(Vec::new());

    fn is(key: u32, mut values: Few) -> Test {
        values.sort_unstable();
        values.dedup();
        Test::Is(key, values)
    }

    fn negated(self) -> Test {
        Test::Not(Box::new(self))
    }

    fn matches(&self, labels: &[Label]) -> bool {
        let value = |key: &u32| labels.iter().find(|(known, _)| known == key).map(|(_, value)| value);
        match self {
            Test::All => true,
            Test::Has(key) => value(key).is_some(),
            Test::Is(key, values) => value(key).is_some_and(|value| values.binary_search(value).is_ok()),
            Test::Not(operand) => !operand.matches(labels),
            Test::And(operands) => operands.iter().all(|operand| operand.matches(labels)),
            Test::Or(operands) => operands.iter().any(|operand| operand.matches(labels)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<Name, Name> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    #[test]
    fn sets_differ_only_in_what_selectors_mention() {
        let selectors: Vec<Selector> =
            ["a == 'x'", "has(b)"].iter().map(|text| text.parse().unwrap()).collect();
        let mut sets = LabelSets::new(&selectors);
        let first = sets.insert(&labels(&[("a", "y"), ("b", "1"), ("c", "1")]));
        assert_eq!(sets.insert(&labels(&[("a", "z"), ("b", "2")])), first);
        assert_ne!(sets.insert(&labels(&[("a", "x"), ("b", "2")])), first);
        assert_ne!(sets.insert(&labels(&[("b", "2")])), first);
    }

    #[test]
    fn a_set_matches_as_its_labels_do() {
        let texts = [
            "all()",
            "a == 'x'",
            "a != 'x'",
            "a in {'x', 'y'}",
            "a not in {'x'}",
            "a contains 'x'",
            "a starts with 'x' && a ends with 'z'",
            "!has(a)",
            "a == 'x' && b == '1'",
            "a == 'x' || b == '1'",
            "!(a == 'x') && has(b)",
            "a in {}",
            "c == 'no'",
        ];
        let all: Vec<BTreeMap<Name, Name>> = [
            labels(&[]),
            labels(&[("a", "x")]),
            labels(&[("a", "xyz"), ("b", "1")]),
            labels(&[("a", "x"), ("b", "1")]),
            labels(&[("b", "1")]),
            labels(&[("b", "2"), ("a", "y")]),
        ]
        .into();
        let selectors: Vec<Selector> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let mut sets = LabelSets::new(&selectors);
        let numbers: Vec<u32> = all.iter().map(|labels| sets.insert(labels)).collect();
        for (selector, text) in selectors.iter().zip(texts) {
            let mut matcher = sets.matcher();
            let test = sets.test(selector.expr());
            for found in [matcher.matching(selector), Members::from_words(matcher.bits(&test))] {
                assert!(found.iter().is_sorted(), "{text}");
                for (labels, number) in all.iter().zip(&numbers) {
                    assert_eq!(found.contains(*number), selector.matches(labels), "{text} on {labels:?}");
                }
            }
        }
    }
}
