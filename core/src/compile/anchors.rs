//! Selectors by a label that whatever they match must have.

use super::Numbered;
use crate::model::Name;
use crate::selector::{Expr, Selector};
use crate::tables::count;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// Finds the selectors that may match a label set without trying them all.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    by_key: Map<Arc<str>, OfKey>,
    /// Selectors that no single label is a condition of.
    others: Vec<u32>,
    /// How many selectors there are.
    len: u32,
}

/// The selectors that demand a label of one key.
#[derive(Debug, Default)]
struct OfKey {
    by_value: Map<Arc<str>, Vec<u32>>,
    any_value: Vec<u32>,
}

/// What a selector demands.
enum Anchor<'a> {
    Is(&'a Arc<str>, Vec<&'a str>),
    Has(&'a Arc<str>),
}

impl Anchors {
    /// Adds the selectors that came since the last time.
    pub(super) fn extend(&mut self, selectors: &Numbered<Selector>) {
        for (number, selector) in (self.len..).zip(selectors.iter().skip(crate::tables::index(self.len))) {
            match self.best(selector.expr()) {
                None => self.others.push(number),
                Some(Anchor::Has(key)) => self.by_key.entry(key.clone()).or_default().any_value.push(number),
                Some(Anchor::Is(key, values)) => {
                    let of_key = self.by_key.entry(key.clone()).or_default();
                    for value in values {
                        of_key.by_value.entry(value.into()).or_default().push(number);
                    }
                }
            }
        }
        self.len = count(selectors.len());
    }

    /// The selectors that may match these labels; sorted.
    pub(super) fn candidates(&self, labels: &BTreeMap<Name, Name>) -> Vec<u32> {
        let mut all = self.others.clone();
        for (key, value) in labels {
            let Some(of_key) = self.by_key.get(key) else { continue };
            all.extend(&of_key.any_value);
            all.extend(of_key.by_value.get(value).into_iter().flatten());
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The demand that tells most: so far, fewest selectors share it.
    fn best<'a>(&self, expr: &'a Expr) -> Option<Anchor<'a>> {
        match expr {
            Expr::Equals(key, value) => Some(Anchor::Is(key, vec![value])),
            Expr::In(key, values) => Some(Anchor::Is(key, values.iter().collect())),
            Expr::Has(key) | Expr::Contains(key, _) | Expr::StartsWith(key, _) | Expr::EndsWith(key, _) => {
                Some(Anchor::Has(key))
            }
            Expr::And(operands) => {
                let anchors = operands.iter().filter_map(|operand| self.best(operand));
                anchors.min_by_key(|anchor| self.shared(anchor))
            }
            _ => None,
        }
    }

    fn shared(&self, anchor: &Anchor<'_>) -> usize {
        match anchor {
            Anchor::Has(_) => usize::MAX,
            Anchor::Is(key, values) => {
                let of_key = self.by_key.get(*key);
                let sharing = |value: &&str| of_key?.by_value.get(*value).map(Vec::len);
                values.iter().filter_map(sharing).sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a selector demands, and however it is found, it is found for the labels that it matches.
    #[test]
    fn a_selector_that_matches_is_a_candidate() {
        const SELECTORS: [&str; 12] = [
            "all()",
            "a == '1'",
            "a in {'1', '2', '3'}",
            "a in {'2'} && b == '1'",
            "has(a)",
            "has(a) && b in {'1', '2'}",
            "a contains '2'",
            "a != '1'",
            "!has(b)",
            "a == '1' || b == '2'",
            "b in {'2', '3'} && a in {'1', '3'}",
            "a starts with '1' && !has(b)",
        ];
        let mut anchors = Anchors::default();
        let mut selectors: Numbered<Selector> = Numbered::default();
        for text in SELECTORS {
            selectors.insert(Selector::parse(text).unwrap());
            anchors.extend(&selectors);
        }
        let values = [None, Some("1"), Some("2"), Some("3")];
        for (a, b) in values.into_iter().flat_map(|a| values.map(|b| (a, b))) {
            let labels = [("a", a), ("b", b)].into_iter();
            let labels: BTreeMap<Name, Name> =
                labels.filter_map(|(key, value)| Some((key.into(), value?.into()))).collect();
            let candidates = anchors.candidates(&labels);
            for (number, selector) in (0..).zip(&selectors) {
                assert!(!selector.matches(&labels) || candidates.contains(&number), "{number} {labels:?}");
            }
        }
    }
}
