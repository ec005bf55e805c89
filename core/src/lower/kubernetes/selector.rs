//! Kubernetes label selectors, checked, and written as the Calico selectors they equal (`spec/calico.md` 6.1).

use crate::diagnostic::Code;
use crate::lower::problems::Checker;
use crate::resource::{LabelSelector, LabelSelectorRequirement};
use crate::selector::{Operator, Selector, validate_label_key, validate_label_value};

/// What the pods of Kubernetes are to Calico: neither host endpoints nor network sets nor other orchestrators' workloads.
const PODS: &str = "projectcalico.org/orchestrator == 'k8s'";

/// A label selector whose every requirement has a meaning: its terms as Calico writes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Terms(Vec<String>);

impl Terms {
    /// The selector of pods.
    pub(super) fn of_pods(&self) -> String {
        std::iter::once(PODS).chain(self.0.iter().map(String::as_str)).collect::<Vec<_>>().join(" && ")
    }

    /// The selector of namespaces.
    pub(super) fn of_namespaces(&self) -> String {
        if self.0.is_empty() { "all()".to_owned() } else { self.0.join(" && ") }
    }
}

/// Checks the label selector in the field `key`; `None` if it has no meaning.
pub(super) fn terms(checker: &mut Checker, key: &'static str, selector: &LabelSelector) -> Option<Terms> {
    checker.at(key, |checker| {
        let labels = checker.at("matchLabels", |checker| {
            let read = |(key, value): (&String, &String)| {
                checker.at(key.clone(), |checker| {
                    (label_key(checker, key) & label_value(checker, value))
                        .then(|| format!("{key} == '{value}'"))
                })
            };
            // Every label is looked at, so that every problem is found.
            selector.match_labels.iter().map(read).collect::<Vec<_>>()
        });
        let expressions =
            checker.each("matchExpressions", &selector.match_expressions, |checker, requirement| {
                Some(expression(checker, requirement))
            });
        labels.into_iter().chain(expressions).collect::<Option<Vec<_>>>().map(Terms)
    })
}

/// A label selector over labels that Calico has no selector field for: those of nodes.
pub(super) fn selector(
    checker: &mut Checker,
    key: &'static str,
    selector: &LabelSelector,
) -> Option<Selector> {
    terms(checker, key, selector)?;
    let expressions = selector.match_expressions.iter().filter_map(|requirement| {
        let operator = requirement.operator.parse().ok()?;
        Some((requirement.key.as_str(), operator, requirement.values.as_slice()))
    });
    let labels = selector.match_labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Some(Selector::from_requirements(labels, expressions))
}

fn expression(checker: &mut Checker, requirement: &LabelSelectorRequirement) -> Option<String> {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    let key_is_valid = checker.at("key", |checker| label_key(checker, key));
    let operator = checker.at("operator", |checker| match operator.parse::<Operator>() {
        Ok(operator) => Some(operator),
        Err(error) => {
            let message = format!("`{operator}` is not an operator of a label selector");
            checker.error(Code::UnknownValue, message, error.help());
            None
        }
    });
    let values_are_valid =
        checker.each("values", values, |checker, value| label_value(checker, value).then_some(())).len()
            == values.len();
    let operator = operator?;
    let arity = arity(checker, operator, values);
    (key_is_valid && values_are_valid && arity).then(|| {
        let set = || format!("{{ '{}' }}", values.join("', '"));
        match operator {
            Operator::In => format!("{key} in {}", set()),
            Operator::NotIn => format!("{key} not in {}", set()),
            Operator::Exists => format!("has({key})"),
            Operator::DoesNotExist => format!("! has({key})"),
        }
    })
}

fn arity(checker: &mut Checker, operator: Operator, values: &[String]) -> bool {
    checker.at("values", |checker| match (operator.takes_values(), values) {
        (true, []) => {
            let other = if operator == Operator::In { Operator::Exists } else { Operator::DoesNotExist };
            let help = format!("list the values, or write `{other}`, which takes none");
            checker.error(Code::InvalidLength, format!("`{operator}` needs at least one value"), help);
            false
        }
        (false, [_, ..]) => {
            let other = if operator == Operator::Exists { Operator::In } else { Operator::NotIn };
            let help = format!("remove `values`, or write `{other}`");
            checker.error(Code::ConflictingFields, format!("`{operator}` takes no values"), help);
            false
        }
        _ => true,
    })
}

fn label_key(checker: &mut Checker, key: &str) -> bool {
    label(
        checker,
        validate_label_key(key),
        "write a key like `app` or `example.com/app`: no object has this label",
    )
}

fn label_value(checker: &mut Checker, value: &str) -> bool {
    label(checker, validate_label_value(value), "no object can have a label of this value")
}

fn label(checker: &mut Checker, result: Result<(), String>, help: &str) -> bool {
    match result {
        Ok(()) => true,
        Err(message) => {
            checker.error(Code::InvalidLabel, message, help);
            false
        }
    }
}
