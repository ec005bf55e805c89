//! The tree of a selector, and its evaluation.

use super::LabelSource;
use std::sync::Arc;

/// The tree of a selector. The first field of a leaf is the label's key.
///
/// A label that is absent is equal to nothing: [`NotEquals`](Expr::NotEquals) and [`NotIn`](Expr::NotIn) hold where the
/// label is absent, every other test of a label fails there (`spec/calico.md` 3.2). Values compare bytewise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// `all()`, also the empty text: always true.
    All,
    /// `global()`: always true. Its meaning in a rule's `namespaceSelector` comes from rewriting it beforehand.
    Global,
    /// `has(k)`: the label is present, be its value empty.
    Has(Arc<str>),
    /// `k == "v"`.
    Equals(Arc<str>, Arc<str>),
    /// `k != "v"`; true where the label is absent.
    NotEquals(Arc<str>, Arc<str>),
    /// `k in {"v", "w"}`.
    In(Arc<str>, ValueSet),
    /// `k not in {"v", "w"}`; true where the label is absent.
    NotIn(Arc<str>, ValueSet),
    /// `k contains "v"`.
    Contains(Arc<str>, Arc<str>),
    /// `k starts with "v"`.
    StartsWith(Arc<str>, Arc<str>),
    /// `k ends with "v"`.
    EndsWith(Arc<str>, Arc<str>),
    /// `!x`.
    Not(Box<Expr>),
    /// `x && y`; true without operands.
    And(Vec<Expr>),
    /// `x || y`; false without operands.
    Or(Vec<Expr>),
}

impl Expr {
    /// True if `labels` satisfy this expression.
    pub fn matches<L: LabelSource + ?Sized>(&self, labels: &L) -> bool {
        match self {
            Expr::All | Expr::Global => true,
            Expr::Has(key) => labels.label(key).is_some(),
            Expr::Equals(key, value) => labels.label(key) == Some(value),
            Expr::NotEquals(key, value) => labels.label(key) != Some(value),
            Expr::In(key, values) => labels.label(key).is_some_and(|v| values.contains(v)),
            Expr::NotIn(key, values) => !labels.label(key).is_some_and(|v| values.contains(v)),
            Expr::Contains(key, part) => labels.label(key).is_some_and(|v| v.contains(&**part)),
            Expr::StartsWith(key, part) => labels.label(key).is_some_and(|v| v.starts_with(&**part)),
            Expr::EndsWith(key, part) => labels.label(key).is_some_and(|v| v.ends_with(&**part)),
            Expr::Not(operand) => !operand.matches(labels),
            Expr::And(operands) => operands.iter().all(|x| x.matches(labels)),
            Expr::Or(operands) => operands.iter().any(|x| x.matches(labels)),
        }
    }

    /// The conjunction of `operands`: `all()` without any, a single one as it is.
    #[must_use]
    pub fn and(operands: Vec<Expr>) -> Expr {
        single(operands)
            .unwrap_or_else(|operands| if operands.is_empty() { Expr::All } else { Expr::And(operands) })
    }

    /// The disjunction of `operands`: never true without any, a single one as it is.
    #[must_use]
    pub fn or(operands: Vec<Expr>) -> Expr {
        single(operands).unwrap_or_else(Expr::Or)
    }
}

fn single(operands: Vec<Expr>) -> Result<Expr, Vec<Expr>> {
    <[Expr; 1]>::try_from(operands).map(|[operand]| operand)
}

/// The members of a set literal: sorted bytewise, without duplicates.
///
/// ```
/// use tierwall::selector::ValueSet;
///
/// let set: ValueSet = ["b", "a", "b"].into_iter().collect();
/// assert_eq!(set.iter().collect::<Vec<_>>(), ["a", "b"]);
/// assert!(set.contains("a") && !set.contains("c"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ValueSet(Box<[Arc<str>]>);

impl ValueSet {
    /// True if `value` is a member.
    pub fn contains(&self, value: &str) -> bool {
        self.0.binary_search_by(|member| (**member).cmp(value)).is_ok()
    }

    /// The members, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|member| &**member)
    }

    pub(super) fn shared(&self) -> impl Iterator<Item = Arc<str>> {
        self.0.iter().cloned()
    }
}

impl<V: Into<Arc<str>>> FromIterator<V> for ValueSet {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let mut members: Vec<Arc<str>> = values.into_iter().map(Into::into).collect();
        members.sort_unstable();
        members.dedup();
        ValueSet(members.into())
    }
}
