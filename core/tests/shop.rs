//! The example set: what its comments promise, flow by flow.
#![cfg(feature = "yaml")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::PathBuf;
use tierwall::cluster::{Cluster, EndRef};
use tierwall::explain::{ConnectionTrace, Trace, explain};
use tierwall::manifest::{LoadOptions, load_paths};
use tierwall::model::{Action, Direction, Flow, FlowContext, Http, HttpRequest, Protocol};

fn shop() -> Cluster {
    let mut cluster = Cluster::new();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let report = load_paths(&mut cluster, &[path], &LoadOptions::default()).unwrap();
    assert_eq!(report.diagnostics, [], "the example set loads without a word");
    cluster
}

fn ask(cluster: &Cluster, from: &str, to: &str, protocol: Protocol, port: u16, http: Http) -> Trace {
    let side = |text: &str| cluster.side(&text.parse::<EndRef>().unwrap()).unwrap();
    let flow = Flow::new(side(from), side(to), protocol).with_ports(40000, port);
    explain(cluster, &flow, &FlowContext { http, ..FlowContext::default() })
}

/// What decided at the first step that denied, else at the endpoint itself: the last policy string of the step, without
/// its position; the reason if there is none.
fn decided(connection: &ConnectionTrace, direction: Direction) -> String {
    let connection = connection.backends.first().unwrap_or(connection);
    let side = connection.sides.iter().find(|side| side.direction == direction).unwrap();
    let denied = side.steps.iter().find(|step| step.action == Action::Deny);
    let own = || side.steps.iter().find(|step| Some(&step.at) == side.endpoint.as_ref());
    match denied.or_else(own).and_then(|step| step.policy_strings.last()) {
        Some(text) => text.split_once('|').unwrap().1.to_owned(),
        None => side.reason.to_string(),
    }
}

struct Row {
    from: &'static str,
    to: &'static str,
    port: u16,
    action: Action,
    egress: &'static str,
    ingress: &'static str,
}

fn row(
    from: &'static str,
    to: &'static str,
    port: u16,
    action: Action,
    egress: &'static str,
    ingress: &'static str,
) -> Row {
    Row { from, to, port, action, egress, ingress }
}

/// Derived by hand from the specifications, before the engine had read the set.
#[test]
fn the_flows_of_the_shop() {
    use Action::{Allow, Deny};
    const NOWHERE: &str = "not policed";
    let rows = [
        row(
            "shop/storefront-0",
            "shop/checkout-0",
            8443,
            Allow,
            "default|knp:shop/storefront|allow|2",
            "default|knp:shop/checkout|allow|0",
        ),
        row(
            "shop/storefront-0",
            "payments/ledger-db-0",
            5432,
            Deny,
            "security|gnp:security.no-frontend-to-database|deny|0",
            "security|gnp:security.cardholder-zone|deny|4",
        ),
        row("198.51.100.7", "host/node-1", 30080, Allow, NOWHERE, "default|knp:shop/storefront|allow|0"),
        row("198.51.100.70", "host/node-1", 30080, Allow, NOWHERE, "default|knp:shop/storefront|allow|0"),
        row(
            "203.0.113.99",
            "192.0.2.10",
            443,
            Allow,
            NOWHERE,
            "platform|np:shop/platform.api-gateway|allow|0",
        ),
        row(
            "shop/storefront-0",
            "svc/shop/checkout",
            443,
            Allow,
            "default|knp:shop/storefront|allow|2",
            "default|knp:shop/checkout|allow|0",
        ),
        row(
            "shop/catalog-0",
            "svc/shop/checkout",
            443,
            Deny,
            "default|knp:shop/default-deny|deny|-1",
            "default|knp:shop/default-deny|deny|-1",
        ),
        row(
            "shop/checkout-0",
            "payments/payments-api-0",
            8443,
            Allow,
            "default|knp:shop/checkout|allow|1",
            "default|knp:payments/payments-api|allow|0",
        ),
        row("ops/toolbox-1", "203.0.113.50", 25, Allow, "__PROFILE__|pro:kns.ops|allow|0", NOWHERE),
        row(
            "monitoring/prometheus-0",
            "shop/checkout-0",
            9464,
            Allow,
            "__PROFILE__|pro:kns.monitoring|allow|0",
            "kube-admin|kcnp:allow-scraping|allow|0",
        ),
        row(
            "payments/settlement",
            "payments/ledger-db-0",
            5432,
            Allow,
            "default|knp:payments/settlement|allow|0",
            "default|knp:payments/ledger-db|allow|1",
        ),
        row(
            "shop/recommender",
            "shop/catalog-0",
            8080,
            Deny,
            "default|knp:shop/recommender|allow|0",
            "default|knp:shop/default-deny|deny|-1",
        ),
        row(
            "payments/payments-api-0",
            "203.0.113.20",
            443,
            Allow,
            "default|np:payments/payment-provider|allow|0",
            NOWHERE,
        ),
        row("203.0.113.99", "host/node-1", 10250, Deny, NOWHERE, "platform|gnp:platform.nodes|deny|2"),
        row("203.0.113.99", "host/node-1", 22, Allow, NOWHERE, "failsafe port"),
        row("192.0.2.200", "192.0.2.10", 443, Deny, NOWHERE, "security|gnp:security.threat-feed|deny|0"),
        row("host/node-2", "shop/checkout-0", 8443, Allow, "own node", "own node"),
        row("host/node-3", "shop/checkout-0", 8443, Deny, NOWHERE, "default|knp:shop/default-deny|deny|-1"),
    ];
    let cluster = shop();
    let mut wrong = Vec::new();
    for row in rows {
        let trace = ask(&cluster, row.from, row.to, Protocol::TCP, row.port, Http::NotInspected);
        let got = (
            trace.enforced.action,
            decided(&trace.enforced, Direction::Egress),
            decided(&trace.enforced, Direction::Ingress),
        );
        if got != (row.action, row.egress.to_owned(), row.ingress.to_owned()) {
            wrong.push(format!("{} -> {}:{}: {got:?}", row.from, row.to, row.port));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The host endpoint denies before the pod is asked.
#[test]
fn denied_at_the_host() {
    let cluster = shop();
    let trace = ask(&cluster, "203.0.113.99", "host/node-1", Protocol::TCP, 30080, Http::NotInspected);
    let side = &trace.enforced.backends[0].sides[1];
    assert_eq!(trace.enforced.action, Action::Deny);
    let decider = side.decided_by.as_ref().unwrap();
    assert_eq!((decider.owner.as_str(), decider.index), ("GlobalNetworkPolicy security.node-ports", Some(1)));
    assert!(decider.origin.as_deref().unwrap().ends_with("node-ports.yaml:23"));

    let trace = ask(&cluster, "ops/toolbox-0", "203.0.113.50", Protocol::TCP, 25, Http::NotInspected);
    let decider = trace.enforced.sides[0].decided_by.as_ref().unwrap();
    assert_eq!((decider.owner.as_str(), decider.index), ("GlobalNetworkPolicy security.no-smtp", Some(0)));
}

#[test]
fn a_staged_policy_shows_what_it_would_do() {
    let cluster = shop();
    let trace = ask(&cluster, "shop/storefront-0", "shop/catalog-0", Protocol::TCP, 8080, Http::NotInspected);
    let pending = trace.pending.as_ref().unwrap();
    assert_eq!((trace.enforced.action, pending.action), (Action::Allow, Action::Deny));
    assert_eq!(decided(pending, Direction::Ingress), "platform|snp:shop/platform.catalog-via-gateway|deny|1");
}

#[test]
fn requests_at_the_gateway() {
    let cluster = shop();
    let request = |from, method: &str, path: &str| {
        let http =
            Http::Request(HttpRequest { method: Some(method.to_owned()), path: Some(path.to_owned()) });
        ask(&cluster, from, "192.0.2.10", Protocol::TCP, 443, http).enforced.action
    };
    assert_eq!(request("203.0.113.99", "GET", "/products/42"), Action::Allow);
    assert_eq!(request("203.0.113.99", "DELETE", "/products/42"), Action::Deny);
    assert_eq!(request("203.0.113.99", "POST", "/orders"), Action::Deny);
    assert_eq!(request("203.0.113.40", "POST", "/orders"), Action::Allow);
    let unknown = ask(&cluster, "203.0.113.99", "192.0.2.10", Protocol::TCP, 443, Http::Unknown).enforced;
    assert_eq!(unknown.action, Action::Undecided);
    assert_eq!(unknown.missing.iter().map(ToString::to_string).collect::<Vec<_>>(), ["the HTTP request"]);
}

#[test]
fn dns_is_open_by_service() {
    let cluster = shop();
    let trace =
        ask(&cluster, "shop/storefront-0", "svc/kube-system/kube-dns", Protocol::UDP, 53, Http::NotInspected);
    assert_eq!(trace.enforced.action, Action::Allow);
    assert_eq!(decided(&trace.enforced, Direction::Egress), "platform|gnp:platform.cluster-dns|allow|0");
}
