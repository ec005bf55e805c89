//! `spec/calico.md` 13.4: ports, protocols, services, HTTP.

use super::fixture::{Table, ask, ask_about, connect, gnp, judgement, np, refusal, world, world_with};
use tierwall::dialect::{Dialect, HttpPaths, ServiceNamespace};
use tierwall::model::{FlowContext, Http, HttpRequest};

const ALLOWED: &str = "allow (rule) default|gnp:p|allow|0";
const DENIED: &str = "deny (tier default) default|gnp:p|deny|-1";

/// A policy for the ingress of B with one rule.
fn into_b(rule: &str) -> String {
    gnp("p", &format!("selector: app == 'db', types: [Ingress], ingress: [{{action: Allow, {rule}}}]"))
}

/// A policy for the egress of A with one rule. C has the same label, and is not asked about.
fn out_of_a(rule: &str) -> String {
    gnp("p", &format!("selector: app == 'web', types: [Egress], egress: [{{action: Allow, {rule}}}]"))
}

/// A slice of the service `dev/s`.
fn slice(address: &str) -> String {
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, \
         metadata: {{name: s-1, namespace: dev, labels: {{kubernetes.io/service-name: s}}}}, addressType: IPv4, \
         endpoints: [{{addresses: [{address}], conditions: {{ready: false}}}}], ports: [{{protocol: TCP, port: 8080}}]}}"
    )
}

/// The objects of a row, and whether its rule matches each flow.
type Row = (u8, Vec<String>, &'static [(&'static str, bool)]);

#[test]
fn matches() {
    let http_or_9000 = "protocol: TCP, destination: {selector: app=='db', ports: [http, 9000]}";
    let service = "destination: {services: {name: s, namespace: dev}}";
    let rows: Vec<Row> = vec![
        (
            75,
            vec![into_b("protocol: TCP, destination: {ports: [http]}")],
            &[("in: A -> B tcp/8080", true), ("in: A -> B tcp/80", false), ("in: A -> B udp/8080", false)],
        ),
        (
            76,
            vec![out_of_a("protocol: TCP, destination: {ports: [http]}")],
            &[("out: A -> B tcp/8080", true), ("out: A -> Y tcp/80", false)],
        ),
        (
            77,
            vec![out_of_a("destination: {ports: [pg]}")],
            &[("out: A -> B tcp/5432", true), ("out: A -> B udp/5432", false)],
        ),
        (
            78,
            vec![out_of_a(http_or_9000)],
            &[
                ("out: A -> B tcp/8080", true),
                ("out: A -> B tcp/9000", true),
                ("out: A -> C tcp/9000", false),
            ],
        ),
        (
            79,
            vec![into_b("protocol: TCP, destination: {ports: ['80:90']}")],
            &[
                ("in: A -> B tcp/80", true),
                ("in: A -> B tcp/90", true),
                ("in: A -> B tcp/91", false),
                ("in: A -> B tcp/79", false),
            ],
        ),
        (
            80,
            vec![into_b("protocol: TCP, destination: {notPorts: [22]}")],
            &[("in: A -> B tcp/23", true), ("in: A -> B tcp/22", false), ("in: A -> B udp/23", false)],
        ),
        (
            81,
            vec![into_b("protocol: TCP, destination: {ports: [http, 9000], notPorts: [http]}")],
            &[("in: A -> B tcp/8080", false), ("in: A -> B tcp/9000", true)],
        ),
        (
            83,
            vec![into_b("protocol: ICMP, icmp: {type: 8}")],
            &[
                ("in: A -> B icmp/8.0", true),
                ("in: A -> B icmp/8.1", true),
                ("in: A -> B icmp/0.0", false),
                ("in: A -> B icmp6/8.0", false),
                ("in: A -> B tcp/8", false),
            ],
        ),
        (
            85,
            vec![slice("10.0.0.2"), out_of_a(service)],
            &[
                ("out: A -> B tcp/8080", true),
                ("out: A -> B tcp/5432", false),
                ("out: A -> B udp/8080", false),
                ("out: A -> D tcp/8080", false),
            ],
        ),
        (
            86,
            vec![slice("10.0.0.1"), into_b("source: {services: {name: s, namespace: dev}}")],
            &[("in: A -> B tcp/1", true), ("in: A -> B udp/9:53", true), ("in: D -> B tcp/1", false)],
        ),
        (87, vec![into_b("destination: {selector: app == 'web'}")], &[("in: A -> B tcp/5432", false)]),
        // More of 4.4: ports of the source, and of a host endpoint; numbers and ICMP codes.
        (
            0,
            vec![into_b("protocol: TCP, source: {ports: [http]}")],
            &[
                ("in: A -> B tcp/80:1", true),
                ("in: A -> B tcp/8080:1", false),
                ("in: D -> B tcp/80:1", false),
            ],
        ),
        (
            0,
            vec![into_b("protocol: 47")],
            &[("in: A -> B 47", true), ("in: A -> B 46", false), ("in: A -> B tcp/47", false)],
        ),
        (
            0,
            vec![into_b("protocol: ICMP, icmp: {type: 8, code: 1}")],
            &[("in: A -> B icmp/8.1", true), ("in: A -> B icmp/8.0", false)],
        ),
    ];
    let mut table = Table::default();
    for (row, objects, flows) in rows {
        let cluster = world(&objects);
        for (question, matches) in flows {
            let expected = if *matches { ALLOWED } else { DENIED };
            table.expect(row, question, expected, &ask(&cluster, question));
        }
    }
    table.finish();
}

#[test]
fn refused() {
    let mut table = Table::default();
    let get = "http: {methods: [GET]}";
    for (row, policy, expected) in [
        (82, into_b("destination: {ports: [80]}"), "TW0504 spec.ingress[0].destination.ports"),
        (84, into_b("protocol: ICMP, icmp: {code: 0}"), "TW0505 spec.ingress[0].icmp"),
        (
            93,
            gnp("p", &format!("types: [Ingress], ingress: [{{action: Deny, {get}}}]")),
            "TW0507 spec.ingress[0].http",
        ),
        (93, out_of_a(get), "TW0507 spec.egress[0].http"),
        (93, into_b(&format!("protocol: UDP, {get}")), "TW0507 spec.ingress[0].http"),
        (93, into_b(&format!("protocol: TCP, {get}")), ""),
        (93, into_b(get), ""),
    ] {
        table.expect(row, &policy, expected, &refusal(Dialect::default(), std::slice::from_ref(&policy)));
    }
    table.finish();
}

/// 4.5: `services` of a namespaced policy without a namespace.
#[test]
fn services_without_a_namespace() {
    let rule = "egress: [{action: Allow, destination: {services: {name: s}}}]";
    let policy = np("dev/p", &format!("selector: app == 'web', types: [Egress], {rule}"));
    let mut table = Table::default();
    for (reading, expected) in [
        (ServiceNamespace::Policy, "allow (rule) default|np:dev/p|allow|0"),
        (ServiceNamespace::NoService, "deny (tier default) default|np:dev/p|deny|-1"),
    ] {
        let mut dialect = Dialect::default();
        dialect.service_namespace = reading;
        let cluster = world_with(dialect, &[slice("10.0.0.2"), policy.clone()]);
        let got = ask(&cluster, "out: A -> B tcp/8080");
        table.expect("4.5", &format!("{reading:?}"), expected, &got);
    }
    table.finish();
}

fn request(method: Option<&str>, path: Option<&str>) -> FlowContext {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let request = HttpRequest { method: own(method), path: own(path) };
    FlowContext { http: Http::Request(request), ..FlowContext::default() }
}

/// Rows 88 and 89: the data plane allows the connection, the checker judges the request.
#[test]
fn http_methods() {
    let cluster = world(&[into_b("protocol: TCP, http: {methods: [GET]}")]);
    let question = "in: A -> B tcp/8080";
    let mut table = Table::default();
    table.expect(88, "the connection", ALLOWED, &ask(&cluster, question));
    table.expect(88, "both ends", "allow: profile rule, rule", &connect(&cluster, "A -> B tcp/8080"));
    assert!(judgement(&cluster, question, &FlowContext::default()).http_assumed);
    for (method, expected) in [("GET", ALLOWED), ("POST", DENIED), ("get", DENIED)] {
        let context = request(Some(method), Some("/"));
        table.expect(89, method, expected, &ask_about(&cluster, question, &context));
        assert!(!judgement(&cluster, question, &context).http_assumed);
    }
    table.finish();
}

/// Rows 90 to 92.
#[test]
fn http_paths() {
    let (yes, no) = (ALLOWED, DENIED);
    let mut table = Table::default();
    let mut dialect = Dialect::default();
    dialect.http_paths = HttpPaths::Normalised;
    for (row, path, requests) in [
        (
            90,
            "prefix: /pub",
            vec![("/pub", yes), ("/pub/x", yes), ("/pub/../adm", no), ("/public", no), ("/pub?x=/y", yes)],
        ),
        (
            91,
            "exact: /foo",
            vec![("/foo?x", yes), ("/foo/", yes), ("/foo/bar", no), ("//foo", yes), ("/%66oo", yes)],
        ),
        (
            92,
            "prefix: /public",
            vec![("/public%2F..%2Fadmin", no), ("/public/..;x/admin", no), ("/public/%252e%252e/admin", no)],
        ),
    ] {
        let cluster = world_with(dialect.clone(), &[into_b(&format!("http: {{paths: [{{{path}}}]}}"))]);
        for (target, expected) in requests {
            let context = request(Some("GET"), Some(target));
            table.expect(row, target, expected, &ask_about(&cluster, "in: A -> B tcp/8080", &context));
        }
    }
    table.finish();
}
