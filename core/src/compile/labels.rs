//! Label sets, cut down to what selectors mention, and which of them a selector matches.

use super::{Numbered, footprint, number};
use crate::model::Name;
use crate::selector::{Expr, Selector};
use crate::tables::{NONE, count};
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
    sets: Numbered<Box<[Label]>>,
    /// The sets that have a label.
    with_label: Map<Label, Vec<u32>>,
    /// The sets that have a label of a key.
    with_key: Map<u32, Vec<u32>>,
}

/// A selector over label sets.
#[derive(Debug)]
enum Test {
    All,
    Has(u32),
    /// The label has one of these values, sorted.
    Is(u32, Vec<u32>),
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
                if self.key(key, new).value(value) {
                    new(key, Some(value));
                }
            }
            Expr::In(key, values) | Expr::NotIn(key, values) => {
                let known = self.key(key, new);
                values.iter().filter(|value| known.value(value)).for_each(|value| new(key, Some(value)));
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
        let mut set: Vec<Label> = Vec::with_capacity(labels.len());
        for (name, value) in labels {
            let Some(key) = self.keys.get_mut(name) else { continue };
            if key.texts {
                key.value(value);
            }
            set.push((key.number, key.values.get(value).copied().unwrap_or(OTHER)));
        }
        set.sort_unstable();
        if let Some(known) = self.sets.get_index_of(&*set) {
            return count(known);
        }
        let new = count(self.sets.len());
        for label in &set {
            self.with_label.entry(*label).or_default().push(new);
            self.with_key.entry(label.0).or_default().push(new);
        }
        number(&mut self.sets, set.into())
    }

    /// The number of a label set that was inserted.
    pub(super) fn find(&self, labels: &BTreeMap<Name, Name>) -> u32 {
        let known = |(name, value): (&Name, &Name)| {
            let key = self.keys.get(name)?;
            Some((key.number, key.values.get(value).copied().unwrap_or(OTHER)))
        };
        let mut set: Vec<Label> = labels.iter().filter_map(known).collect();
        set.sort_unstable();
        self.sets.get_index_of(&*set).map_or(NONE, count)
    }

    /// The sets that a selector matches, sorted.
    pub(super) fn matching(&self, selector: &Selector) -> Vec<u32> {
        let test = self.test(selector.expr());
        let matches = |set: &u32| self.labels(*set).is_some_and(|labels| test.matches(labels));
        match self.candidates(&test) {
            Some(mut candidates) => {
                candidates.retain(matches);
                candidates
            }
            None => (0..count(self.sets.len())).filter(matches).collect(),
        }
    }

    fn labels(&self, set: u32) -> Option<&[Label]> {
        self.sets.get_index(usize::try_from(set).ok()?).map(|labels| &**labels)
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
    fn candidates(&self, test: &Test) -> Option<Vec<u32>> {
        match test {
            Test::All | Test::Not(_) => None,
            Test::Has(key) => Some(self.with_key.get(key).cloned().unwrap_or_default()),
            Test::Is(key, values) => {
                Some(union(values.iter().map(|value| self.having((*key, *value)).to_vec())))
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
            Test::Has(key) => self.with_key.get(key).map_or(0, Vec::len),
            Test::Is(key, values) => values.iter().map(|value| self.having((*key, *value)).len()).sum(),
            Test::And(operands) => {
                operands.iter().map(|operand| self.breadth(operand)).min().unwrap_or(self.sets.len())
            }
            Test::Or(operands) => operands.iter().map(|operand| self.breadth(operand)).sum(),
        }
    }

    fn having(&self, label: Label) -> &[u32] {
        self.with_label.get(&label).map_or(&[], Vec::as_slice)
    }
}

fn union(lists: impl Iterator<Item = Vec<u32>>) -> Vec<u32> {
    let mut lists = lists;
    let mut all = lists.next().unwrap_or_default();
    let one = all.len();
    all.extend(lists.flatten());
    if all.len() > one {
        all.sort_unstable();
        all.dedup();
    }
    all
}

impl Key {
    /// Gives the value a number. False if it has one.
    fn value(&mut self, text: &str) -> bool {
        let new = !self.values.contains_key(text);
        if new {
            self.values.insert(text.into(), count(self.values.len()) + 1);
        }
        new
    }
}

impl Test {
    const NEVER: Test = Test::Or(Vec::new());

    fn is(key: u32, mut values: Vec<u32>) -> Test {
        values.sort_unstable();
        values.dedup();
        Test::Is(key, values)
    }

    fn negated(self) -> Test {
        Test::Not(Box::new(self))
    }

    fn matches(&self, labels: &[Label]) -> bool {
        let value = |key: &u32| {
            let place = labels.partition_point(|(known, _)| known < key);
            labels.get(place).filter(|(known, _)| known == key).map(|(_, value)| value)
        };
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
            let found = sets.matching(selector);
            assert!(found.is_sorted(), "{text}");
            for (labels, number) in all.iter().zip(&numbers) {
                assert_eq!(found.contains(number), selector.matches(labels), "{text} on {labels:?}");
            }
        }
    }
}
