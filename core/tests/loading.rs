//! Loading: whole or not at all, by choice without what is invalid, and never in silence.
#![cfg(feature = "yaml")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use tierwall::cluster::Cluster;
use tierwall::diagnostic::{Code, Diagnostic};
use tierwall::manifest::{LoadOptions, LoadReport, OnInvalid, Source, load};
use tierwall::model::{PolicyKey, PolicyKind};
use tierwall::resource::Kind;

fn refuse(text: &str) -> Vec<Diagnostic> {
    let mut cluster = Cluster::new();
    let error = load(&mut cluster, &[Source::new("t.yaml", text)], &LoadOptions::default()).unwrap_err();
    assert_eq!((cluster.generation(), cluster.policies().count()), (0, 0), "nothing half-applied");
    error.diagnostics
}

fn accept(text: &str) -> (Cluster, LoadReport) {
    let mut cluster = Cluster::new();
    let report = load(&mut cluster, &[Source::new("t.yaml", text)], &LoadOptions::default()).unwrap();
    (cluster, report)
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<(Code, u32)> {
    let line = |diagnostic: &Diagnostic| diagnostic.location.as_ref().map_or(0, |location| location.line);
    diagnostics.iter().map(|diagnostic| (diagnostic.code, line(diagnostic))).collect()
}

const TWO: &str = "\
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: good, namespace: a}, spec: {}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: bad, namespace: a}, spec: {podSelectr: {}}}
";

fn key(name: &str) -> PolicyKey {
    PolicyKey { kind: PolicyKind::KubernetesNetworkPolicy, namespace: Some("a".into()), name: name.into() }
}

#[test]
fn one_invalid_object_refuses_the_load() {
    let diagnostics = refuse(TWO);
    assert_eq!(codes(&diagnostics), [(Code::UnknownField, 3)]);
    assert_eq!(diagnostics[0].help.as_deref(), Some("did you mean `podSelector`?"));
}

#[test]
fn by_choice_it_is_left_out_and_reported() {
    let mut options = LoadOptions::default();
    options.invalid = OnInvalid::Skip;
    let mut cluster = Cluster::new();
    let report = load(&mut cluster, &[Source::new("t.yaml", TWO)], &options).unwrap();
    assert!(cluster.policy(&key("good")).is_some());
    assert!(cluster.policy(&key("bad")).is_none());
    assert_eq!(report.skipped, ["NetworkPolicy a/bad"]);
    assert_eq!(codes(&report.diagnostics), [(Code::UnknownField, 3)]);
}

#[test]
fn a_text_that_is_not_yaml_cannot_be_skipped() {
    let mut options = LoadOptions::default();
    options.invalid = OnInvalid::Skip;
    let mut cluster = Cluster::new();
    assert!(load(&mut cluster, &[Source::new("t.yaml", "a: [")], &options).is_err());
}

#[test]
fn kinds_that_bear_on_nothing_are_counted() {
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n".repeat(3)
        + "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a}}";
    let (_, report) = accept(&text);
    let unknown: Vec<(&str, usize)> =
        report.unknown.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(unknown, [("cilium.io/v2 CiliumNetworkPolicy", 1), ("v1 ConfigMap", 3)]);
    assert_eq!(codes(&report.diagnostics), [(Code::UnknownKind, 1), (Code::UnknownKind, 7)]);
}

#[test]
fn a_policy_that_stands_twice_is_an_error_unless_both_say_the_same() {
    let policy = |types: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: a}}, \
             spec: {{policyTypes: [{types}]}}}}\n---\n"
        )
    };
    let differing = policy("Ingress") + &policy("Egress");
    assert_eq!(codes(&refuse(&differing)), [(Code::DuplicateObject, 3)]);
    let (_, report) = accept(&(policy("Ingress") + &policy("Ingress")));
    assert_eq!(codes(&report.diagnostics), [(Code::DuplicateObject, 3)]);
}

#[test]
fn odd_fields_of_the_inventory_are_warnings() {
    let text =
        "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: a}, spec: {containers: [{ports: {}}]}}";
    let (cluster, report) = accept(text);
    assert!(cluster.workload("a", "a").is_some());
    assert_eq!(report.loaded[&Kind::Pod], 1);
    assert_eq!(report.diagnostics.len(), 1);
    assert!(!report.diagnostics[0].is_error());
}

#[test]
fn limits_are_explicit() {
    let mut options = LoadOptions::default();
    options.limits.max_objects = 1;
    let mut cluster = Cluster::new();
    let error = load(&mut cluster, &[Source::new("t.yaml", TWO)], &options).unwrap_err();
    assert!(error.diagnostics.iter().any(|diagnostic| diagnostic.code == Code::LimitExceeded));
}

#[test]
fn an_export_with_status_and_managed_fields_loads() {
    let text = "
apiVersion: v1
kind: List
metadata: {resourceVersion: ''}
items:
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata:
    name: p
    namespace: a
    uid: 6c0e4d2c-6d0c-4c0e-9a36-0f6ef6a1d5b1
    resourceVersion: '12'
    generation: 1
    creationTimestamp: '2026-01-01T00:00:00Z'
    managedFields:
    - {manager: kubectl, operation: Update, apiVersion: networking.k8s.io/v1, fieldsType: FieldsV1, fieldsV1: {'f:spec': {}}}
  spec: {podSelector: {}, policyTypes: [Ingress]}
  status: {}
";
    let (cluster, report) = accept(text);
    assert_eq!(report.diagnostics, []);
    let origin = cluster.policy(&key("p")).unwrap().policy.origin.clone().unwrap();
    assert_eq!(origin.to_string(), "t.yaml:6");
}

#[test]
fn a_separator_that_is_missing_is_said_once() {
    let object = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
    let diagnostics = refuse(&object.repeat(2));
    assert_eq!(codes(&diagnostics), [(Code::DuplicateKey, 4)]);
    assert_eq!(diagnostics[0].help.as_deref(), Some("write `---` on a line of its own before this one"));
}

#[test]
fn every_problem_of_a_load_comes_at_once() {
    let text = "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec:
  selector: a = 'b'
  ingress:
  - action: allow
    protocol: tcp
  egress:
  - action: Deny
    destination: {ports: [70000], nets: [10.0.0.1/8]}
    ports: [1]
";
    let found = codes(&refuse(text));
    let lines: Vec<u32> = found.iter().map(|(_, line)| *line).collect();
    assert_eq!(lines, [6, 8, 9, 12, 12, 13], "{found:?}");
}
