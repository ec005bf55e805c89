//! Tests of whole objects, written as the API's JSON.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "JSON literals are given by value, and helpers of tests are not tests to the lints"
)]

mod inventory;
mod laws;
mod messages;
mod policies;
mod vectors;

use crate::dialect::Dialect;
use crate::lower::{Lowered, Lowering, lower};
use crate::model::{self, Policy};
use crate::resource::Resource;
use serde_json::{Value, json};

fn resource(value: Value) -> Resource {
    serde_json::from_value(value).unwrap()
}

fn lowering(value: Value) -> Lowering {
    lower(&resource(value), &Dialect::default())
}

fn lowered(value: Value) -> Lowered {
    let lowering = lowering(value);
    lowering.value.unwrap_or_else(|| panic!("{:#?}", lowering.problems))
}

fn policy(value: Value) -> Policy {
    match lowered(value) {
        Lowered::Policy(policy) => policy,
        other => panic!("{other:?}"),
    }
}

fn np(spec: Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "x"},
        "spec": spec,
    })
}

fn cluster_scoped(version: &str, kind: &str, name: &str, defaults: Value, spec: Value) -> Value {
    let mut whole = defaults;
    for (key, value) in spec.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let api_version = format!("policy.networking.k8s.io/{version}");
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": whole})
}

/// A ClusterNetworkPolicy for all pods, with `spec` on top; a null removes a field.
fn cnp(spec: Value) -> Value {
    let defaults = json!({"tier": "Admin", "priority": 10, "subject": {"namespaces": {}}});
    cluster_scoped("v1alpha2", "ClusterNetworkPolicy", "p", defaults, spec)
}

fn anp(spec: Value) -> Value {
    let defaults = json!({"priority": 10, "subject": {"namespaces": {}}});
    cluster_scoped("v1alpha1", "AdminNetworkPolicy", "p", defaults, spec)
}

fn banp(spec: Value) -> Value {
    let defaults = json!({"subject": {"namespaces": {}}});
    cluster_scoped("v1alpha1", "BaselineAdminNetworkPolicy", "default", defaults, spec)
}

/// A rule as one line: action, protocol, source, destination and ports.
fn text(rule: &model::Rule) -> String {
    let entity = |entity: &model::EntityMatch| {
        let selector = entity.selector.as_ref().map(ToString::to_string);
        let nets = (!entity.nets.is_empty()).then(|| format!("{:?}", entity.nets));
        let not_nets = (!entity.not_nets.is_empty()).then(|| format!("but {:?}", entity.not_nets));
        let nodes = entity.nodes.as_ref().map(|nodes| format!("nodes {nodes}"));
        let domains = (!entity.domains.is_empty()).then(|| {
            let domains: Vec<_> = entity.domains.iter().map(ToString::to_string).collect();
            format!("domains {}", domains.join(", "))
        });
        let ports = (!entity.ports.is_empty()).then(|| entity.ports.to_string());
        let parts: Vec<String> =
            [selector, nets, not_nets, nodes, domains, ports].into_iter().flatten().collect();
        if parts.is_empty() { "any".to_owned() } else { parts.join(" ") }
    };
    let protocol = rule.protocol.map_or("any".to_owned(), |protocol| protocol.to_string());
    format!("{} {protocol} from {} to {}", rule.action, entity(&rule.source), entity(&rule.destination))
}

fn texts(rules: Option<&[model::Rule]>) -> Vec<String> {
    rules.unwrap().iter().map(text).collect()
}
