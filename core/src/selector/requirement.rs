//! Kubernetes label selectors as selectors (`spec/kubernetes.md` 1.2, `spec/calico.md` 6.1).

use super::{Expr, Selector};
use std::fmt;
use std::str::FromStr;

/// The operator of a requirement in `matchExpressions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// The label is present and has one of the values.
    In,
    /// The label is absent, or has none of the values.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl Operator {
    /// All of them.
    pub const ALL: [Operator; 4] = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist];

    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::In => "In",
            Operator::NotIn => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
        }
    }

    /// True if the operator needs values (at least one); the others take none.
    pub fn takes_values(self) -> bool {
        matches!(self, Operator::In | Operator::NotIn)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Operator {
    type Err = UnknownOperator;

    /// Case counts, as in the API.
    fn from_str(text: &str) -> Result<Self, UnknownOperator> {
        let known = Operator::ALL.into_iter().find(|operator| operator.as_str() == text);
        known.ok_or_else(|| UnknownOperator { given: text.to_owned() })
    }
}

/// A text that is no [`Operator`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an operator of a label selector ({})", self.help())]
pub struct UnknownOperator {
    /// The text.
    pub given: String,
}

impl UnknownOperator {
    /// What to write instead.
    pub fn help(&self) -> String {
        match Operator::ALL.into_iter().find(|operator| operator.as_str().eq_ignore_ascii_case(&self.given)) {
            Some(operator) => format!("write `{operator}`"),
            None => "the operators are `In`, `NotIn`, `Exists` and `DoesNotExist`".to_owned(),
        }
    }
}

impl Selector {
    /// A Kubernetes label selector: every pair of `matchLabels`, sorted by key, and then every expression in order must
    /// hold. Without either it is [`Selector::all`]. The values of `Exists` and `DoesNotExist`, which valid objects do
    /// not have, count for nothing.
    ///
    /// ```
    /// use tierwall::selector::{Operator, Selector};
    ///
    /// let values = ["dev".to_string(), "test".to_string()];
    /// let selector = Selector::from_requirements(
    ///     [("app", "web")],
    ///     [("env", Operator::NotIn, values.as_slice()), ("team", Operator::Exists, &[])],
    /// );
    /// assert_eq!(selector.to_string(), r#"(app == "web" && env not in {"dev", "test"} && has(team))"#);
    /// ```
    pub fn from_requirements<'a>(
        match_labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        match_expressions: impl IntoIterator<Item = (&'a str, Operator, &'a [String])>,
    ) -> Selector {
        let mut labels: Vec<_> = match_labels.into_iter().collect();
        labels.sort_unstable();
        let equalities = labels.into_iter().map(|(key, value)| Selector::equals(key, value));
        let expressions =
            match_expressions.into_iter().map(|(key, operator, values)| requirement(key, operator, values));
        Selector::and(equalities.chain(expressions))
    }
}

fn requirement(key: &str, operator: Operator, values: &[String]) -> Selector {
    let values = || values.iter().map(String::as_str).collect();
    match operator {
        Operator::In => Expr::In(key.into(), values()).into(),
        Operator::NotIn => Expr::NotIn(key.into(), values()).into(),
        Operator::Exists => Selector::has(key),
        Operator::DoesNotExist => Selector::not(Selector::has(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_follow_the_truth_table() {
        let values = ["v".to_owned(), String::new()];
        let absent: [(&str, &str); 0] = [];
        let table = [
            (Operator::In, [false, true, true, false]),
            (Operator::NotIn, [true, false, false, true]),
            (Operator::Exists, [false, true, true, true]),
            (Operator::DoesNotExist, [true, false, false, false]),
        ];
        for (operator, expected) in table {
            let selector = Selector::from_requirements([], [("k", operator, values.as_slice())]);
            let found = [
                selector.matches(&absent),
                selector.matches(&[("k", "v")]),
                selector.matches(&[("k", "")]),
                selector.matches(&[("k", "other")]),
            ];
            assert_eq!(found, expected, "{operator}");
        }
        assert!(!Selector::from_requirements([("k", "")], []).matches(&absent));
    }

    #[test]
    fn labels_come_first_and_sorted() {
        let selector = Selector::from_requirements(
            [("z", "1"), ("b", "2")],
            [("a", Operator::DoesNotExist, [].as_slice())],
        );
        assert_eq!(selector.to_string(), r#"(b == "2" && z == "1" && !has(a))"#);
        assert_eq!(Selector::from_requirements([], []), Selector::all());
    }

    #[test]
    fn operators_are_case_sensitive_and_the_error_says_so() {
        for operator in Operator::ALL {
            assert_eq!(operator.to_string().parse(), Ok(operator));
        }
        assert_eq!(
            "notIn".parse::<Operator>().unwrap_err().to_string(),
            "`notIn` is not an operator of a label selector (write `NotIn`)"
        );
        assert!("Gt".parse::<Operator>().unwrap_err().help().contains("`DoesNotExist`"));
    }
}
