//! Two policies of a published guide that do not load as printed: what the messages say at each step of the repair, and that
//! the repaired policies do what the guide promises.
#![cfg(feature = "yaml")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "engines/mod.rs"]
mod engines;

use engines::evaluate_once;
use std::net::IpAddr;
use tierwall::cluster::{Cluster, EndRef};
use tierwall::manifest::{LoadError, LoadOptions, Source, load};
use tierwall::model::{Flow, FlowContext, Protocol, Side};

const WORLD: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: fresh}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: staging}}
---
{apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}, status: {podIP: 10.0.0.53}}
---
{apiVersion: v1, kind: Pod, metadata: {name: proxy, namespace: kube-system}, status: {podIP: 10.0.0.54}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: fresh}, status: {podIP: 10.0.1.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: fresh}, status: {podIP: 10.0.1.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: front-end, namespace: staging, labels: {app: front-end}}, status: {podIP: 10.0.2.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: back-end, namespace: staging, labels: {app: back-end}}, status: {podIP: 10.0.2.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: database, namespace: staging, labels: {app: database}}, status: {podIP: 10.0.2.3}}
---
{apiVersion: v1, kind: Pod, metadata: {name: other, namespace: staging}, status: {podIP: 10.0.2.4}}
"#;

fn world(policy: &str) -> Result<Cluster, LoadError> {
    let mut cluster = Cluster::new();
    let sources = [Source::new("world.yaml", WORLD), Source::new("policy.yaml", policy)];
    load(&mut cluster, &sources, &LoadOptions::default())?;
    Ok(cluster)
}

/// What the messages say, without the lines they quote.
fn complaints(policy: &str) -> Vec<String> {
    let error = world(policy).unwrap_err();
    let place = |diagnostic: &tierwall::diagnostic::Diagnostic| {
        diagnostic.location.as_ref().map(|location| location.line).unwrap_or_default()
    };
    error
        .diagnostics
        .iter()
        .map(|d| format!("{} line {}: {}; {}", d.code, place(d), d.message, d.help.as_deref().unwrap_or("")))
        .collect()
}

fn allowed(cluster: &Cluster, from: &str, to: &str, protocol: Protocol, port: u16) -> bool {
    let side = |text: &str| -> Side { cluster.side(&text.parse::<EndRef>().unwrap()).unwrap() };
    let flow = Flow::new(side(from), side(to), protocol).with_ports(40000, port);
    evaluate_once(cluster, &flow, &FlowContext::default()).enforced.is_allowed()
}

fn default_deny(egress: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: default-deny-except-dns
spec:
  selector: projectcalico.org/namespace != \"kube-system\"
  types:
  - Ingress
  - Egress
  egress:
{egress}"
    )
}

#[test]
fn default_deny_except_dns_is_repaired_step_by_step() {
    let printed = "    - action: Allow
        destination:
        ports:
        - 53
        selector: k8s-app == \"kube-dns\"
";
    let indented = "    - action: Allow
      destination:
        ports:
        - 53
        selector: k8s-app == \"kube-dns\"
";
    assert_eq!(
        complaints(&default_deny(printed)),
        [
            "TW0101 line 12: `destination` is indented deeper than `action`, but `action` has a value already and cannot hold \
            more; indent `destination` like `action`, to column 7; leave `ports`, `selector` at column 9, so that they stand \
            inside `destination`"
        ]
    );
    let left = complaints(&default_deny(indented));
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("TW0504 line 13"), "{left:?}");
    assert!(left[0].contains("protocol"), "{left:?}");
}

#[test]
fn default_deny_except_dns_keeps_its_promise() {
    let rule = |protocol: &str| {
        format!(
            "    - action: Allow
      protocol: {protocol}
      destination:
        ports:
        - 53
        selector: k8s-app == \"kube-dns\"
"
        )
    };
    let cluster = world(&default_deny(&(rule("UDP") + &rule("TCP")))).unwrap();
    for (from, to) in [("fresh/a", "fresh/b"), ("fresh/a", "192.0.2.1"), ("192.0.2.1", "fresh/a")] {
        assert!(!allowed(&cluster, from, to, Protocol::TCP, 443), "{from} -> {to}");
    }
    for protocol in [Protocol::UDP, Protocol::TCP] {
        assert!(allowed(&cluster, "fresh/a", "kube-system/dns", protocol, 53));
        assert!(!allowed(&cluster, "fresh/a", "kube-system/proxy", protocol, 53));
    }
    assert!(!allowed(&cluster, "fresh/a", "kube-system/dns", Protocol::TCP, 9153));
    assert!(allowed(&cluster, "kube-system/proxy", "192.0.2.1", Protocol::TCP, 443));
    assert!(allowed(&cluster, "192.0.2.1", "kube-system/proxy", Protocol::TCP, 443));
}

fn front_end(ports: &str) -> String {
    format!(
        "kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata:
  name: front-end
  namespace: staging
spec:
  podSelector:
    matchLabels:
      app: back-end
  ingress:
    - from:
      - podSelector:
          matchLabels:
            app: front-end
{ports}ports:
{ports}- protocol: TCP
{ports}  port: 443
  egress:
    - to:
      - podSelector:
          matchLabels:
            app: database
{ports}ports:
{ports}- protocol: TCP
{ports}  port: 27017
"
    )
}

#[test]
fn front_end_says_where_its_ports_belong() {
    let help = |list: &str, beside: &str, line: u32| {
        format!(
            "TW0101 line {line}: `ports` stands level with the `-` of the list under `{list}`, where only another `-` may \
             stand; indent `ports` to column 7, beside `{beside}`"
        )
    };
    assert_eq!(complaints(&front_end("    ")), [help("ingress", "from", 15), help("egress", "to", 23)]);
}

#[test]
fn front_end_keeps_its_promise() {
    let cluster = world(&front_end("      ")).unwrap();
    assert!(allowed(&cluster, "staging/front-end", "staging/back-end", Protocol::TCP, 443));
    assert!(!allowed(&cluster, "staging/front-end", "staging/back-end", Protocol::TCP, 80));
    assert!(!allowed(&cluster, "staging/other", "staging/back-end", Protocol::TCP, 443));
    // Without `policyTypes`, egress rules make the policy govern egress too.
    assert!(allowed(&cluster, "staging/back-end", "staging/database", Protocol::TCP, 27017));
    assert!(!allowed(&cluster, "staging/back-end", "staging/database", Protocol::TCP, 5432));
    assert!(!allowed(&cluster, "staging/back-end", "192.0.2.1", Protocol::TCP, 27017));
    let outside: IpAddr = "192.0.2.1".parse().unwrap();
    let flow = Flow::new(outside, cluster.workload("staging", "database").unwrap(), Protocol::TCP)
        .with_ports(1, 27017);
    assert!(
        evaluate_once(&cluster, &flow, &FlowContext::default()).enforced.is_allowed(),
        "the database is not governed"
    );
}
