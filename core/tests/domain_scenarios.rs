//! The worked cases of `spec/domains-rbac-l7.md` 1.7: domain names in Calico Enterprise policy.
#![cfg(feature = "yaml")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a malformed row should fail loudly, and helpers of tests are not tests to the lints"
)]

#[path = "engines/mod.rs"]
mod engines;
#[path = "calico_scenarios/fixture.rs"]
mod fixture;

use fixture::{Table, ask, gnp, judgement, refusal, world_with};
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::dialect::{Dialect, DnsCoverage, Flavour};
use tierwall::model::FlowContext;
use tierwall::reference::Missing;

const ALLOW: &str = "allow (rule) default|gnp:p|allow|0";
const END: &str = "deny (tier default) default|gnp:p|deny|-1";

/// Enterprise, with all that is learned at hand.
fn enterprise() -> Dialect {
    let mut dialect = Dialect::default();
    dialect.flavour = Flavour::Enterprise;
    dialect.dns_coverage = DnsCoverage::Complete;
    dialect
}

/// A policy for the egress of A, the pod P of the cases, which is on n1.
fn policy(rules: &str) -> String {
    gnp("p", &format!("selector: app == 'web', types: [Egress], egress: [{rules}]"))
}

fn allow_domains(names: &str) -> String {
    policy(&format!("{{action: Allow, destination: {{domains: [{names}]}}}}"))
}

fn set(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {{name: {name}, labels: {{color: red}}}}, \
         spec: {{{spec}}}}}"
    )
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(name: &str, address: &str, ttl: u64) -> DnsAnswer {
    DnsAnswer::addresses(name, [address.parse().unwrap()], seconds(ttl))
}

struct Row {
    number: u8,
    objects: Vec<String>,
    answers: Vec<DnsAnswer>,
    /// When, which flow, and what comes of it; times ascend.
    flows: Vec<(u64, &'static str, &'static str)>,
}

fn check(dialect: &Dialect, rows: Vec<Row>) {
    let mut table = Table::default();
    for row in rows {
        let mut cluster = world_with(dialect.clone(), &row.objects);
        for answer in row.answers {
            cluster.observe(answer);
        }
        for (now, question, expected) in row.flows {
            cluster.advance(seconds(now));
            table.expect(row.number, &format!("t={now} {question}"), expected, &ask(&cluster, question));
        }
    }
    table.finish();
}

#[test]
fn names_of_rules() {
    let api = || vec![allow_domains("api.a.com")];
    let one = || at("api.a.com", "1.1.1.1", 60);
    let chain =
        || vec![DnsAnswer::alias("www.shop.com", "x.cdn.net", seconds(300)), at("x.cdn.net", "5.5.5.5", 20)];
    let learned_on = |node: &str| DnsAnswer { node: Some(node.into()), ..at("a.com", "9.9.9.9", 60) };
    check(
        &enterprise(),
        vec![
            Row {
                number: 1,
                objects: api(),
                answers: vec![one()],
                flows: vec![(10, "out: A -> 1.1.1.1 tcp/443", ALLOW)],
            },
            Row {
                number: 2,
                objects: api(),
                answers: vec![one()],
                flows: vec![(59, "out: A -> 1.1.1.1 tcp/443", ALLOW), (61, "out: A -> 1.1.1.1 tcp/443", END)],
            },
            Row {
                number: 4,
                objects: vec![allow_domains("google.com")],
                answers: vec![at("www.google.com", "2.2.2.2", 60)],
                flows: vec![(0, "out: A -> 2.2.2.2 tcp/443", END)],
            },
            Row {
                number: 5,
                objects: vec![allow_domains("'*.google.com'")],
                answers: vec![at("a.b.google.com", "2.2.2.3", 60), at("google.com", "2.2.2.4", 60)],
                flows: vec![(0, "out: A -> 2.2.2.3 tcp/443", ALLOW), (0, "out: A -> 2.2.2.4 tcp/443", END)],
            },
            Row {
                number: 6,
                objects: vec![allow_domains("'www.*.com'")],
                answers: vec![at("www.com", "3.3.3.3", 60)],
                flows: vec![(0, "out: A -> 3.3.3.3 tcp/443", END)],
            },
            Row {
                number: 7,
                objects: api(),
                answers: vec![at("api.a.com", "4.4.4.4", 60), at("evil.b.com", "4.4.4.4", 60)],
                flows: vec![(0, "out: A -> 4.4.4.4 tcp/443", ALLOW)],
            },
            Row {
                number: 8,
                objects: vec![policy(
                    "{action: Allow, protocol: TCP, destination: {ports: [443], domains: [api.a.com]}}",
                )],
                answers: vec![one()],
                flows: vec![(0, "out: A -> 1.1.1.1 tcp/80", END), (0, "out: A -> 1.1.1.1 tcp/443", ALLOW)],
            },
            Row {
                number: 9,
                objects: vec![allow_domains("www.shop.com")],
                answers: chain(),
                flows: vec![(15, "out: A -> 5.5.5.5 tcp/443", ALLOW), (25, "out: A -> 5.5.5.5 tcp/443", END)],
            },
            Row {
                number: 10,
                objects: vec![allow_domains("'*.cdn.net'")],
                answers: chain(),
                flows: vec![(15, "out: A -> 5.5.5.5 tcp/443", ALLOW)],
            },
            // B asked, on the node of A; then somebody on another node.
            Row {
                number: 14,
                objects: vec![allow_domains("a.com")],
                answers: vec![learned_on("n1")],
                flows: vec![(0, "out: A -> 9.9.9.9 tcp/443", ALLOW), (0, "out: C -> 9.9.9.9 tcp/443", END)],
            },
            Row {
                number: 14,
                objects: vec![allow_domains("a.com")],
                answers: vec![learned_on("n2")],
                flows: vec![(0, "out: A -> 9.9.9.9 tcp/443", END), (0, "out: C -> 9.9.9.9 tcp/443", ALLOW)],
            },
        ],
    );
}

/// Row 1 says until when the verdict holds, row 3 that answers may count longer than their TTL.
#[test]
fn how_long_answers_count() {
    let mut cluster = world_with(enterprise(), &[allow_domains("api.a.com")]);
    cluster.observe(at("api.a.com", "1.1.1.1", 60));
    assert_eq!(cluster.valid_until(), Some(seconds(60)));

    let mut dialect = enterprise();
    dialect.dns_extra_ttl = seconds(30);
    let mut cluster = world_with(dialect.clone(), &[]);
    cluster.observe(at("api.a.com", "1.1.1.1", 60));
    assert_eq!(cluster.valid_until(), Some(seconds(90)));
    check(
        &dialect,
        vec![Row {
            number: 3,
            objects: vec![allow_domains("api.a.com")],
            answers: vec![at("api.a.com", "1.1.1.1", 60)],
            flows: vec![(80, "out: A -> 1.1.1.1 tcp/443", ALLOW), (90, "out: A -> 1.1.1.1 tcp/443", END)],
        }],
    );
}

/// Rows 11 and 12, and the table of 1.1: names of network sets count for destinations of egress Allow rules only.
#[test]
fn names_of_network_sets() {
    let bad = || set("bad", "nets: [6.0.0.0/8], allowedEgressDomains: [bad.com]");
    let learned = || vec![at("bad.com", "7.7.7.7", 60)];
    let second = "allow (rule) default|gnp:p|allow|1";
    let rule =
        |action: &str, entity: &str| policy(&format!("{{action: {action}, {entity}}}, {{action: Allow}}"));
    let red = "selector: color == 'red'";
    let not_red = "selector: '!has(color)'";
    let into_a = |entity: &str| {
        gnp("p", &format!("selector: app == 'web', types: [Ingress], ingress: [{{action: Allow, {entity}}}]"))
    };
    let row = |number, policy: String, flows| Row {
        number,
        objects: vec![bad(), policy],
        answers: learned(),
        flows,
    };
    check(
        &enterprise(),
        vec![
            row(
                11,
                rule("Deny", &format!("destination: {{{red}}}")),
                vec![
                    (0, "out: A -> 7.7.7.7 tcp/443", second),
                    (0, "out: A -> 6.1.1.1 tcp/443", "deny (rule) default|gnp:p|deny|0"),
                ],
            ),
            Row {
                number: 12,
                objects: vec![
                    set("one", "allowedEgressDomains: [a.com]"),
                    set("two", "nets: [8.0.0.0/8]"),
                    policy(&format!("{{action: Allow, destination: {{{red}}}}}")),
                ],
                answers: vec![at("a.com", "1.2.3.4", 60)],
                flows: vec![
                    (0, "out: A -> 1.2.3.4 tcp/443", ALLOW),
                    (0, "out: A -> 8.8.8.8 tcp/443", ALLOW),
                    (0, "out: A -> 9.9.9.9 tcp/443", END),
                ],
            },
            row(
                0,
                rule("Pass", &format!("destination: {{{red}}}")),
                vec![(0, "out: A -> 7.7.7.7 tcp/443", second)],
            ),
            // `notSelector` excludes the ranges only.
            row(
                0,
                policy("{action: Allow, destination: {notSelector: color == 'red'}}"),
                vec![(0, "out: A -> 7.7.7.7 tcp/443", ALLOW), (0, "out: A -> 6.1.1.1 tcp/443", END)],
            ),
            row(
                0,
                policy(&format!("{{action: Allow, destination: {{{red}, nets: [7.0.0.0/8]}}}}")),
                vec![(0, "out: A -> 7.7.7.7 tcp/443", ALLOW), (0, "out: A -> 6.1.1.1 tcp/443", END)],
            ),
            row(
                0,
                policy(&format!("{{action: Allow, destination: {{{not_red}}}}}")),
                vec![(0, "out: A -> 7.7.7.7 tcp/443", END)],
            ),
            row(
                0,
                into_a(&format!("source: {{{red}}}")),
                vec![(0, "in: 7.7.7.7 -> A tcp/443", END), (0, "in: 6.1.1.1 -> A tcp/443", ALLOW)],
            ),
        ],
    );
}

/// Row 13, and 1.1: where `domains` may stand.
#[test]
fn refused() {
    let ingress = |rule: &str| gnp("p", &format!("types: [Ingress], ingress: [{rule}]"));
    let destination = "TW0509 spec.egress[0].destination.domains";
    let conflict = "TW0206 spec.egress[0].destination.domains";
    let with =
        |other: &str| policy(&format!("{{action: Allow, destination: {{domains: [a.com], {other}}}}}"));
    let action = |action: &str| policy(&format!("{{action: {action}, destination: {{domains: [a.com]}}}}"));
    let mut table = Table::default();
    for (row, policy, expected) in [
        (13, with("nets: [10.0.0.0/8]"), conflict),
        (13, with("selector: a == 'b'"), conflict),
        (13, with("notSelector: a == 'b'"), conflict),
        (13, with("namespaceSelector: a == 'b'"), conflict),
        (13, with("serviceAccounts: {names: [a]}"), conflict),
        (13, with("notNets: [10.0.0.0/8]"), ""),
        (13, action("Deny"), destination),
        (13, action("Pass"), destination),
        (13, action("Log"), destination),
        (13, policy("{action: Allow, source: {domains: [a.com]}}"), "TW0509 spec.egress[0].source.domains"),
        (
            13,
            ingress("{action: Allow, destination: {domains: [a.com]}}"),
            "TW0509 spec.ingress[0].destination.domains",
        ),
        (13, ingress("{action: Allow, source: {domains: [a.com]}}"), "TW0509 spec.ingress[0].source.domains"),
        (13, allow_domains("'*'"), "TW0509 spec.egress[0].destination.domains[0]"),
        (13, allow_domains("a.com, '*.*.b.com'"), "TW0509 spec.egress[0].destination.domains[1]"),
    ] {
        table.expect(row, &policy, expected, &refusal(enterprise(), std::slice::from_ref(&policy)));
    }
    let policy = allow_domains("a.com");
    let open_source = refusal(Dialect::default(), std::slice::from_ref(&policy));
    table.expect(13, &policy, "TW0201 spec.egress[0].destination.domains", &open_source);
    table.finish();
}

/// Rows 2 and 15: with a table that is not complete, what is not learned is not known.
#[test]
fn what_is_not_learned_is_not_known() {
    let mut dialect = enterprise();
    dialect.dns_coverage = DnsCoverage::Partial;
    let fallback = |names: &str| {
        policy(&format!(
            "{{action: Allow, destination: {{domains: [{names}]}}}}, {{action: Allow, destination: {{nets: [9.0.0.0/8]}}}}"
        ))
    };
    let unknown = "undecided (undecided) default|gnp:p|deny|-1";
    check(
        &dialect,
        vec![
            Row {
                number: 2,
                objects: vec![allow_domains("api.a.com")],
                answers: vec![at("api.a.com", "1.1.1.1", 60)],
                flows: vec![
                    (10, "out: A -> 1.1.1.1 tcp/443", ALLOW),
                    (61, "out: A -> 1.1.1.1 tcp/443", unknown),
                ],
            },
            Row {
                number: 15,
                objects: vec![fallback("a.com")],
                answers: vec![],
                flows: vec![
                    (0, "out: A -> 9.9.9.9 tcp/443", "allow (rule) default|gnp:p|allow|1"),
                    (0, "out: A -> 1.1.1.1 tcp/443", unknown),
                ],
            },
        ],
    );
    // What would have to be known, and that the rule in doubt is named.
    let cluster: Cluster = world_with(dialect, &[fallback("a.com")]);
    let found = judgement(&cluster, "out: A -> 1.1.1.1 tcp/443", &FlowContext::default());
    assert_eq!(found.missing, [Missing::DomainNames { address: "1.1.1.1".parse().unwrap() }]);
    let doubtful = found.rule.and_then(|id| cluster.rule(id)).and_then(|info| info.rule);
    assert_eq!(doubtful.map(|rule| rule.origin.index), Some(0));
    let definite = judgement(&cluster, "out: A -> 9.9.9.9 tcp/443", &FlowContext::default());
    assert_eq!(definite.missing, []);
}
