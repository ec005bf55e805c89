//! What a selector demands of single labels: an aid for indexes over objects by label.

use super::{Expr, Selector};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What labels must satisfy, each on its own, for a selector to match. Necessary, seldom sufficient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelRestriction {
    /// The label must be present.
    pub must_be_present: bool,
    /// The label must be absent. Together with `must_be_present`: the selector matches nothing.
    pub must_be_absent: bool,
    /// The label must have one of these values. None: any value; empty: the selector matches nothing.
    pub one_of: Option<BTreeSet<Arc<str>>>,
}

type Restrictions = BTreeMap<Arc<str>, LabelRestriction>;

impl Selector {
    /// What this selector demands of single labels; labels of which nothing is known to be demanded are left out.
    ///
    /// ```
    /// use tierwall::selector::Selector;
    ///
    /// let selector: Selector = "app in {'web', 'api'} && !has(legacy) && env != 'prod'".parse()?;
    /// let demands = selector.restrictions();
    /// assert_eq!(demands["app"].one_of.as_ref().map(|values| values.len()), Some(2));
    /// assert!(demands["legacy"].must_be_absent);
    /// assert!(!demands.contains_key("env"));
    /// # Ok::<(), tierwall::selector::SelectorError>(())
    /// ```
    pub fn restrictions(&self) -> BTreeMap<Arc<str>, LabelRestriction> {
        restrictions(self.expr())
    }
}

fn restrictions(expr: &Expr) -> Restrictions {
    match expr {
        Expr::Equals(key, value) => one(key, LabelRestriction::one_of([value.clone()])),
        Expr::In(key, values) => one(key, LabelRestriction::one_of(values.shared())),
        Expr::Has(key) | Expr::Contains(key, _) | Expr::StartsWith(key, _) | Expr::EndsWith(key, _) => {
            one(key, LabelRestriction { must_be_present: true, ..LabelRestriction::default() })
        }
        Expr::Not(operand) => match &**operand {
            Expr::Has(key) => {
                one(key, LabelRestriction { must_be_absent: true, ..LabelRestriction::default() })
            }
            // `!(a == "b")` holds where `a` is absent and where it is present: no other negation demands anything.
            _ => Restrictions::new(),
        },
        Expr::And(operands) => operands.iter().map(restrictions).fold(Restrictions::new(), both),
        Expr::Or(operands) => operands.iter().map(restrictions).reduce(either).unwrap_or_default(),
        Expr::All | Expr::Global | Expr::NotEquals(..) | Expr::NotIn(..) => Restrictions::new(),
    }
}

fn one(key: &Arc<str>, restriction: LabelRestriction) -> Restrictions {
    Restrictions::from([(key.clone(), restriction)])
}

fn both(mut all: Restrictions, more: Restrictions) -> Restrictions {
    for (key, restriction) in more {
        let known = all.entry(key).or_default();
        *known = std::mem::take(known).and(restriction);
    }
    all
}

/// Only what is demanded on both sides is demanded.
fn either(left: Restrictions, mut right: Restrictions) -> Restrictions {
    left.into_iter()
        .filter_map(|(key, restriction)| {
            let restriction = restriction.or(right.remove(&key)?);
            (restriction != LabelRestriction::default()).then_some((key, restriction))
        })
        .collect()
}

impl LabelRestriction {
    fn one_of(values: impl IntoIterator<Item = Arc<str>>) -> Self {
        LabelRestriction {
            must_be_present: true,
            must_be_absent: false,
            one_of: Some(values.into_iter().collect()),
        }
    }

    fn and(self, other: Self) -> Self {
        LabelRestriction {
            must_be_present: self.must_be_present || other.must_be_present,
            must_be_absent: self.must_be_absent || other.must_be_absent,
            one_of: match (self.one_of, other.one_of) {
                (Some(left), Some(right)) => Some(&left & &right),
                (left, right) => left.or(right),
            },
        }
    }

    fn or(self, other: Self) -> Self {
        LabelRestriction {
            must_be_present: self.must_be_present && other.must_be_present,
            must_be_absent: self.must_be_absent && other.must_be_absent,
            one_of: self.one_of.zip(other.one_of).map(|(left, right)| &left | &right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a+` present, `a-` absent, `a=v,w` one of these values.
    fn summary(text: &str) -> String {
        let one = |(key, restriction): (Arc<str>, LabelRestriction)| {
            let present = if restriction.must_be_present { "+" } else { "" };
            let absent = if restriction.must_be_absent { "-" } else { "" };
            let values = restriction.one_of.map(|values| format!("={}", Vec::from_iter(values).join(",")));
            format!("{key}{present}{absent}{}", values.unwrap_or_default())
        };
        Selector::parse(text).unwrap().restrictions().into_iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn leaves() {
        assert_eq!(summary("a == 'v'"), "a+=v");
        assert_eq!(summary("a in {'v', 'w'}"), "a+=v,w");
        assert_eq!(summary("a in {}"), "a+=");
        for present in ["has(a)", "a contains ''", "a starts with 'v'", "a ends with 'v'"] {
            assert_eq!(summary(present), "a+");
        }
        for nothing in
            ["", "global()", "a != 'v'", "a not in {'v'}", "!(a == 'v')", "!(a != 'v')", "!(!has(a))"]
        {
            assert_eq!(summary(nothing), "");
        }
        assert_eq!(summary("!has(a)"), "a-");
    }

    #[test]
    fn a_conjunction_merges() {
        assert_eq!(summary("a == 'v' && b == 'w' && c != 'x'"), "a+=v b+=w");
        assert_eq!(summary("a in {'v', 'w'} && a in {'w', 'x'} && has(a)"), "a+=w");
        assert_eq!(summary("a == 'v' && a == 'w'"), "a+=");
        assert_eq!(summary("has(a) && !has(a)"), "a+-");
    }

    #[test]
    fn a_disjunction_keeps_what_both_sides_demand() {
        assert_eq!(summary("a == 'v' || a == 'w' || a == 'v'"), "a+=v,w");
        assert_eq!(summary("a == 'v' || has(a)"), "a+");
        assert_eq!(summary("a == 'v' || b == 'v'"), "");
        assert_eq!(summary("has(a) || !has(a)"), "");
        assert_eq!(summary("!has(a) || !has(a) && has(b)"), "a-");
        assert_eq!(summary("a == 'v' || all()"), "");
    }
}
