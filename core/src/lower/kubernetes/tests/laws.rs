//! Laws that hold for every policy.

use super::{cnp, np, resource};
use crate::dialect::Dialect;
use crate::lower::kubernetes::selector::{selector, terms};
use crate::lower::problems::Checker;
use crate::lower::{Lowered, calico_form, lower};
use crate::model::{Policy, Rule, RuleOrigin};
use crate::resource::{LabelSelector, LabelSelectorRequirement, Resource};
use crate::selector::Selector;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Keys that are words of the selector language, too.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a",
        "all",
        "has",
        "in",
        "not",
        "global",
        "contains",
        "x.io/a-b_c.d",
        "0",
        "starts",
    ])
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "v", "w-1", "all", "0"]).prop_map(str::to_owned)
}

fn label_selector() -> impl Strategy<Value = LabelSelector> {
    let requirement =
        (key(), 0usize..4, prop::collection::vec(value(), 1..3)).prop_map(|(key, operator, values)| {
            let (operator, takes_values) =
                [("In", true), ("NotIn", true), ("Exists", false), ("DoesNotExist", false)][operator];
            let values = if takes_values { values } else { Vec::new() };
            LabelSelectorRequirement { key, operator: operator.to_owned(), values }
        });
    let labels = prop::collection::btree_map(key(), value(), 0..3);
    (labels, prop::collection::vec(requirement, 0..3))
        .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions })
}

fn json_selector() -> impl Strategy<Value = Value> {
    label_selector().prop_map(|selector| serde_json::to_value(selector).unwrap())
}

fn np_peer() -> impl Strategy<Value = Value> {
    prop_oneof![
        json_selector().prop_map(|pods| json!({"podSelector": pods})),
        json_selector().prop_map(|namespaces| json!({"namespaceSelector": namespaces})),
        (json_selector(), json_selector())
            .prop_map(|(pods, namespaces)| json!({"podSelector": pods, "namespaceSelector": namespaces})),
        (0u8..8)
            .prop_map(|n| json!({"ipBlock": {"cidr": format!("10.{n}.0.1/8"), "except": ["10.1.0.0/16"]}})),
    ]
}

fn np_port() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        Just(json!({"protocol": "UDP"})),
        (1u16..100, 0u16..9).prop_map(|(port, more)| json!({"port": port, "endPort": port + more})),
        (1u16..100).prop_map(|port| json!({"port": port, "protocol": "SCTP"})),
        Just(json!({"port": "http"})),
    ]
}

fn np_rules(peers: &'static str) -> impl Strategy<Value = Value> {
    let rule = (prop::collection::vec(np_peer(), 0..3), prop::collection::vec(np_port(), 0..4))
        .prop_map(move |(list, ports)| json!({peers: list, "ports": ports}));
    prop::collection::vec(rule, 0..3).prop_map(Value::from)
}

fn network_policy() -> impl Strategy<Value = Value> {
    let types = prop::sample::select(vec![
        json!([]),
        json!(["Ingress"]),
        json!(["Egress"]),
        json!(["Egress", "Ingress"]),
    ]);
    (json_selector(), types, np_rules("from"), np_rules("to")).prop_map(
        |(subject, types, ingress, egress)| {
            np(json!({"podSelector": subject, "policyTypes": types, "ingress": ingress, "egress": egress}))
        },
    )
}

fn cnp_protocol() -> impl Strategy<Value = Value> {
    prop_oneof![
        (1u16..100).prop_map(|port| json!({"tcp": {"destinationPort": {"number": port}}})),
        (1u16..100).prop_map(
            |port| json!({"udp": {"destinationPort": {"range": {"start": port, "end": port + 5}}}})
        ),
        Just(json!({"destinationNamedPort": "http"})),
    ]
}

fn cnp_rules(peers: &'static str) -> impl Strategy<Value = Value> {
    let peer = prop_oneof![
        json_selector().prop_map(|namespaces| json!({"namespaces": namespaces})),
        json_selector().prop_map(|pods| json!({"pods": {"podSelector": pods}})),
        (json_selector(), json_selector()).prop_map(|(pods, namespaces)| {
            json!({"pods": {"podSelector": pods, "namespaceSelector": namespaces}})
        }),
    ];
    let protocols = prop::option::of(prop::collection::vec(cnp_protocol(), 1..4));
    let action = prop::sample::select(vec!["Accept", "Deny", "Pass"]);
    let rule = (action, prop::collection::vec(peer, 1..3), protocols).prop_map(move |(action, list, protocols)| {
        json!({"name": "a rule", "action": action, peers: list, "protocols": protocols})
    });
    prop::collection::vec(rule, 0..3).prop_map(Value::from)
}

fn cluster_network_policy() -> impl Strategy<Value = Value> {
    let subject = prop_oneof![
        json_selector().prop_map(|namespaces| json!({"namespaces": namespaces})),
        json_selector().prop_map(|pods| json!({"pods": {"podSelector": pods}})),
    ];
    (subject, cnp_rules("from"), cnp_rules("to"))
        .prop_filter(
            "felix takes a policy without rules to govern both directions",
            |(_, ingress, egress)| {
                [ingress, egress].iter().any(|rules| !rules.as_array().unwrap().is_empty())
            },
        )
        .prop_map(|(subject, ingress, egress)| {
            cnp(json!({"subject": subject, "ingress": ingress, "egress": egress}))
        })
}

fn policy_of(resource: &Resource) -> Policy {
    let lowering = lower(resource, &Dialect::default());
    match lowering.value {
        Some(Lowered::Policy(policy)) => policy,
        other => panic!("{other:?} {:#?} of {resource:?}", lowering.problems),
    }
}

/// What the policy does, without where it comes from and what the end of its tier means.
type Meaning = (Selector, crate::model::Name, crate::model::Order, [Option<Vec<Rule>>; 2]);

fn meaning(policy: Policy) -> Meaning {
    let anonymous = |rules: Vec<Rule>| {
        rules.into_iter().map(|rule| Rule { origin: RuleOrigin::default(), ..rule }).collect::<Vec<_>>()
    };
    let Policy { subject, tier, order, ingress, egress, .. } = policy;
    (subject, tier, order, [ingress.map(anonymous), egress.map(anonymous)])
}

proptest! {
    #[test]
    fn a_policy_means_what_its_calico_form_means(given in prop_oneof![network_policy(), cluster_network_policy()]) {
        let given = resource(given);
        let form = calico_form(&given).unwrap();
        prop_assert_eq!(meaning(policy_of(&given)), meaning(policy_of(&form)));
    }

    #[test]
    fn the_text_of_a_label_selector_means_what_it_means(
        given in label_selector(),
        labels in prop::collection::btree_map(key(), value(), 0..4),
    ) {
        let mut checker = Checker::default();
        let text = terms(&mut checker, "podSelector", &given).unwrap().of_namespaces();
        let direct = selector(&mut checker, "nodes", &given).unwrap();
        let parsed = Selector::parse(&text).unwrap();
        let labels: BTreeMap<String, String> = labels;
        prop_assert_eq!(parsed.matches(&labels), direct.matches(&labels), "{}", text);
    }
}
