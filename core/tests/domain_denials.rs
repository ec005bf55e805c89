//! Denying by domain name: refused as documented, evaluated if the dialect says so.
#![cfg(feature = "yaml")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "engines/mod.rs"]
mod engines;

use engines::evaluate_once;
use std::net::IpAddr;
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::diagnostic::Code;
use tierwall::dialect::{Dialect, DnsCoverage, DomainActions};
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::model::{Action, Flow, FlowContext, Protocol};

const TEXT: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x}, status: {podIP: 10.0.0.1}}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: no-ads}
spec:
  priority: 5
  subject: {namespaces: {}}
  egress:
  - {action: Deny, to: [{domainNames: ['ads.example.com']}]}
";

fn cluster(dialect: Dialect) -> Cluster {
    let mut cluster = Cluster::with_dialect(dialect);
    load(&mut cluster, &[Source::new("t.yaml", TEXT)], &LoadOptions::default()).unwrap();
    cluster.observe(DnsAnswer::addresses(
        "ads.example.com",
        ["192.0.2.1".parse().unwrap()],
        Duration::from_secs(60),
    ));
    cluster
}

fn action(cluster: &Cluster, to: &str) -> Action {
    let to: IpAddr = to.parse().unwrap();
    let flow = Flow::new(cluster.workload("x", "a").unwrap(), to, Protocol::TCP).with_ports(1, 443);
    evaluate_once(cluster, &flow, &FlowContext::default()).enforced.action()
}

#[test]
fn refused_as_documented() {
    let mut cluster = Cluster::new();
    let error = load(&mut cluster, &[Source::new("t.yaml", TEXT)], &LoadOptions::default()).unwrap_err();
    assert_eq!(error.diagnostics[0].code, Code::InvalidDomain);
    assert_eq!(error.diagnostics[0].location.as_ref().unwrap().line, 11);
    assert_eq!(cluster.endpoints().count(), 0, "nothing half-applied");
}

#[test]
fn evaluated_by_choice() {
    let mut dialect = Dialect::default();
    dialect.domain_actions = DomainActions::Any;
    let cluster = cluster(dialect);
    assert_eq!(action(&cluster, "192.0.2.1"), Action::Deny);
    assert_eq!(action(&cluster, "192.0.2.2"), Action::Allow);
}

#[test]
fn undecided_while_the_table_is_incomplete() {
    let mut dialect = Dialect::default();
    dialect.domain_actions = DomainActions::Any;
    dialect.dns_coverage = DnsCoverage::Partial;
    let cluster = cluster(dialect);
    assert_eq!(action(&cluster, "192.0.2.1"), Action::Deny);
    assert_eq!(action(&cluster, "192.0.2.2"), Action::Undecided);
}
