//! Selectors, in the language of Calico and in that of Kubernetes.

use super::words::value;
use proptest::prelude::*;
use proptest::sample::select;
use tierwall::resource::{LabelSelector, LabelSelectorRequirement};

/// A selector over labels of endpoints and network sets; often empty.
pub(super) fn endpoints() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 2 => stated()]
}

/// The same, never empty.
pub(super) fn stated() -> impl Strategy<Value = String> {
    let keys: &[&str] =
        &["app", "tier", "projectcalico.org/namespace", "projectcalico.org/orchestrator", "pcns.team"];
    text(keys)
}

/// A selector over labels of namespaces; often empty.
pub(super) fn namespaces() -> impl Strategy<Value = String> {
    let keys: &[&str] = &["team", "role", "projectcalico.org/name", "kubernetes.io/metadata.name"];
    prop_oneof![4 => Just(String::new()), 1 => text(keys)]
}

/// The same for one end of a rule, where `global()` may stand alone.
pub(super) fn peer_namespaces() -> impl Strategy<Value = String> {
    prop_oneof![5 => namespaces(), 1 => Just("global()".to_owned())]
}

/// A selector over labels of service accounts; mostly empty.
pub(super) fn accounts() -> impl Strategy<Value = String> {
    let keys: &[&str] = &["role", "projectcalico.org/name"];
    prop_oneof![4 => Just(String::new()), 1 => text(keys)]
}

fn text(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    leaf(keys).prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|operand| format!("!({operand})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) || ({b})")),
        ]
    })
}

fn leaf(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    let values =
        prop_oneof![3 => value(), 1 => select(&["red", "blue", "k8s", "web"][..]).prop_map(str::to_owned)];
    (select(keys), values, 0..10u8).prop_map(|(key, value, form)| match form {
        0 | 1 => format!("{key} == '{value}'"),
        2 => format!("{key} != \"{value}\""),
        3 => format!("has({key})"),
        4 => format!("!has({key})"),
        5 => format!("{key} in {{'{value}', 'b'}}"),
        6 => format!("{key} not in {{'{value}'}}"),
        7 => format!("{key} starts with '{value}'"),
        8 => format!("{key} contains '{value}'"),
        _ => "all()".to_owned(),
    })
}

/// A label selector over the labels of pods.
pub(super) fn pods() -> impl Strategy<Value = LabelSelector> {
    labels(&["app", "tier"])
}

/// A label selector over the labels of namespaces and nodes.
pub(super) fn teams() -> impl Strategy<Value = LabelSelector> {
    labels(&["team", "role", "kubernetes.io/metadata.name"])
}

fn labels(keys: &'static [&'static str]) -> impl Strategy<Value = LabelSelector> {
    let key = move || select(keys).prop_map(str::to_owned);
    let words = || prop_oneof![4 => value(), 1 => select(&["red", "blue"][..]).prop_map(str::to_owned)];
    let requirement =
        (key(), select(&["In", "NotIn", "Exists", "DoesNotExist"][..]), prop::collection::vec(words(), 1..3));
    let requirement = requirement.prop_map(|(key, operator, values)| LabelSelectorRequirement {
        key,
        operator: operator.to_owned(),
        values: if operator.ends_with("In") { values } else { Vec::new() },
    });
    let filled =
        (prop::collection::btree_map(key(), words(), 0..2), prop::collection::vec(requirement, 0..2))
            .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions });
    prop_oneof![1 => Just(LabelSelector::default()), 1 => filled]
}
