//! Labels and selectors in numbers.

use super::Unsupported;
use super::world::place;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use tierwall::model::Name;
use tierwall::selector::{Expr, Selector, ValueSet};

/// The labels of one object that some selector asks for: (key, value). There are few, so they are searched one by one,
/// from those that most selectors ask for.
pub(super) type Labels = Box<[(u32, u32)]>;

/// A selector.
#[derive(Debug)]
pub(super) enum Test {
    All,
    Has(u32),
    Equals(u32, u32),
    In(u32, Box<[u32]>),
    Not(Box<Test>),
    And(Box<[Test]>),
    Or(Box<[Test]>),
}

fn value(labels: &[(u32, u32)], key: u32) -> Option<u32> {
    labels.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
}

impl Test {
    pub(super) fn matches(&self, labels: &[(u32, u32)]) -> bool {
        match self {
            Test::All => true,
            Test::Has(key) => value(labels, *key).is_some(),
            Test::Equals(key, wanted) => value(labels, *key) == Some(*wanted),
            Test::In(key, wanted) => value(labels, *key).is_some_and(|value| wanted.contains(&value)),
            Test::Not(operand) => !operand.matches(labels),
            Test::And(operands) => operands.iter().all(|operand| operand.matches(labels)),
            Test::Or(operands) => operands.iter().any(|operand| operand.matches(labels)),
        }
    }
}

/// Numbers for label keys and values, and for selectors.
#[derive(Debug, Default)]
pub(super) struct Interner {
    keys: FxHashMap<Name, u32>,
    /// How often selectors ask for each key.
    asked: Vec<usize>,
    values: FxHashMap<Name, u32>,
    selectors: FxHashMap<Selector, u32>,
    /// The selectors by number.
    pub(super) tests: Vec<Test>,
}

impl Interner {
    /// The number of a selector.
    pub(super) fn selector(&mut self, selector: &Selector) -> Result<u32, Unsupported> {
        if let Some(number) = self.selectors.get(selector) {
            return Ok(*number);
        }
        let test = self.test(selector.expr())?;
        let number = next(self.tests.len());
        self.tests.push(test);
        self.selectors.insert(selector.clone(), number);
        Ok(number)
    }

    fn test(&mut self, expr: &Expr) -> Result<Test, Unsupported> {
        Ok(match expr {
            Expr::All | Expr::Global => Test::All,
            Expr::Has(key) => Test::Has(self.key(key)),
            Expr::Equals(key, value) => self.equals(key, value),
            Expr::NotEquals(key, value) => Test::Not(Box::new(self.equals(key, value))),
            Expr::In(key, values) => self.is_in(key, values),
            Expr::NotIn(key, values) => Test::Not(Box::new(self.is_in(key, values))),
            Expr::Not(operand) => Test::Not(Box::new(self.test(operand)?)),
            Expr::And(operands) => Test::And(self.tests(operands)?),
            Expr::Or(operands) => Test::Or(self.tests(operands)?),
            Expr::Contains(..) | Expr::StartsWith(..) | Expr::EndsWith(..) => {
                return Err(Unsupported::new("tests of a part of a label", expr));
            }
        })
    }

    fn tests(&mut self, operands: &[Expr]) -> Result<Box<[Test]>, Unsupported> {
        operands.iter().map(|operand| self.test(operand)).collect()
    }

    fn key(&mut self, key: &Name) -> u32 {
        let number = number(&mut self.keys, key);
        if place(number) == self.asked.len() {
            self.asked.push(0);
        }
        if let Some(asked) = self.asked.get_mut(place(number)) {
            *asked += 1;
        }
        number
    }

    fn equals(&mut self, key: &Name, value: &Name) -> Test {
        Test::Equals(self.key(key), number(&mut self.values, value))
    }

    fn is_in(&mut self, key: &Name, values: &ValueSet) -> Test {
        let values = values.iter().map(|value| number(&mut self.values, &value.into())).collect();
        Test::In(self.key(key), values)
    }

    /// The labels that the selectors seen so far ask for.
    pub(super) fn labels(&mut self, labels: &BTreeMap<Name, Name>) -> Labels {
        let asked = labels.iter().filter_map(|(key, value)| Some((*self.keys.get(key)?, value)));
        let mut labels: Vec<(u32, u32)> =
            asked.map(|(key, value)| (key, number(&mut self.values, value))).collect();
        labels.sort_by_key(|(key, _)| Reverse(self.asked.get(place(*key))));
        labels.into()
    }
}

fn number(numbers: &mut FxHashMap<Name, u32>, name: &Name) -> u32 {
    if let Some(number) = numbers.get(name) {
        return *number;
    }
    let number = next(numbers.len());
    numbers.insert(name.clone(), number);
    number
}

/// The number after `count` others.
pub(super) fn next(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_agree_with_the_selectors_they_are_made_from() {
        let texts = [
            "all()",
            "has(a)",
            "!has(b)",
            "a == '1'",
            "a != '1'",
            "b in {'1', '2'}",
            "b not in {'1'}",
            "a == '1' && has(b)",
            "a == '2' || b == '2'",
        ];
        let selectors = texts.map(|text| Selector::parse(text).unwrap());
        let mut interner = Interner::default();
        let numbers = selectors.clone().map(|selector| interner.selector(&selector).unwrap());
        for (a, b) in [(None, None), (Some("1"), None), (Some("2"), Some("1")), (Some("1"), Some("2"))] {
            let pairs = [("a", a), ("b", b), ("unasked", Some("1"))];
            let labels: BTreeMap<Name, Name> =
                pairs.iter().filter_map(|(key, value)| Some(((*key).into(), (*value)?.into()))).collect();
            let interned = interner.labels(&labels);
            for (selector, number) in selectors.iter().zip(numbers) {
                let test = &interner.tests[number as usize];
                assert_eq!(test.matches(&interned), selector.matches(&labels), "{selector} on {labels:?}");
            }
        }
    }

    #[test]
    fn equal_selectors_have_one_number() {
        let mut interner = Interner::default();
        let mut number = |text: &str| interner.selector(&Selector::parse(text).unwrap());
        assert_eq!(number("a == '1'"), number("a == \"1\""));
        assert_ne!(number("a == '1'"), number("a == '2'"));
        let error = number("a contains 'x'").unwrap_err();
        assert!(error.to_string().contains("part of a label"), "{error}");
    }
}
