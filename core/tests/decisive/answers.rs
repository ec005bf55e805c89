//! Each reason is given, each action does what it says, each phase has its place.

use super::fixture::{Table, ask, connect, flow, gnp, hep, judgement, knp, object, tier, world, world_with};
use crate::engines::evaluate_once;
use tierwall::cluster::{Cluster, EndpointEntry, Phase, Scope};
use tierwall::dialect::{AbsentAddress, Dialect, DnsCoverage, EndpointToHost, Flavour, OtherProtocols};
use tierwall::explain::explain;
use tierwall::model::{
    Action, Direction, EndpointId, Flow, FlowContext, Http, HttpRequest, Protocol, Reason, Verdict,
};
use tierwall::reference::{Missing, matches};

const FORWARD: &str = "applyOnForward: true";

fn on_host(spec: &str) -> String {
    gnp("h", &format!("selector: has(host), {spec}"))
}

fn ingress(cluster: &Cluster, text: &str) -> (Action, Reason) {
    ingress_of(cluster, &flow(cluster, text), &FlowContext::default())
}

fn ingress_of(cluster: &Cluster, flow: &Flow, context: &FlowContext) -> (Action, Reason) {
    let verdict = evaluate_once(cluster, flow, context).enforced;
    (verdict.action(), verdict.reason(Direction::Ingress))
}

/// Each reason, where it is that of the ingress and decides the action.
#[test]
fn every_reason() {
    let deny_b = gnp("p", "selector: app == 'db', types: [Ingress], ingress: [{action: Deny}]");
    let isolated_b = gnp("p", "selector: app == 'db', types: [Ingress]");
    let fixture = world(&[]);
    let mut to_host = Dialect::default();
    to_host.endpoint_to_host = EndpointToHost::Drop;
    let stray = hep("h1", "node: n1, interfaceName: eth0, profiles: [nowhere]");
    let service =
        object("v1", "Service", "dev/s", "clusterIP: 10.96.0.1, selector: {app: none}, ports: [{port: 80}]");
    let http = gnp(
        "p",
        "selector: app == 'db', types: [Ingress], ingress: [{action: Allow, http: {paths: [{prefix: /}]}}]",
    );
    let requests = world(&[http]);
    let asks = |http| FlowContext { http, ..FlowContext::default() };
    let star = asks(Http::Request(HttpRequest { method: None, path: Some("*".to_owned()) }));
    let unread = asks(Http::Unknown);
    let a_to_b = flow(&requests, "A -> B tcp/1");
    let nobody = Flow::new(EndpointId::from(9999), EndpointId::from(9998), Protocol::TCP);
    let untracked = on_host(&format!("doNotTrack: true, {FORWARD}, ingress: [{{action: Allow}}]"));
    let dropped = evaluate_once(
        &world_with(to_host, &[]),
        &flow(&fixture, "A -> n1 tcp/9000"),
        &FlowContext::default(),
    );
    let forwarded = judgement(&fixture, "forward in at H1: Y -> B tcp/1", &FlowContext::default());
    let (allow, deny) = (Action::Allow, Action::Deny);
    let nothing = Verdict::default();

    let found = [
        (deny, Reason::NotEvaluated, (nothing.action(), nothing.reason(Direction::Ingress))),
        (deny, Reason::Rule, ingress(&world(&[deny_b]), "A -> B tcp/1")),
        (deny, Reason::TierDefault, ingress(&world(&[isolated_b]), "A -> B tcp/1")),
        (allow, Reason::ProfileRule, ingress(&fixture, "A -> B tcp/1")),
        (deny, Reason::ProfileNoMatch, ingress(&fixture, "Y -> n1 tcp/9000")),
        (deny, Reason::MissingProfile, ingress(&world(&[stray]), "Y -> n1 tcp/9000")),
        (allow, Reason::NotPoliced, ingress(&fixture, "Y -> n2 tcp/9000")),
        (allow, Reason::Failsafe, ingress(&fixture, "Y -> n1 tcp/22")),
        (allow, Reason::ForwardDefault, (forwarded.action, forwarded.reason)),
        (
            deny,
            Reason::EndpointToHost,
            (dropped.enforced.action(), dropped.enforced.reason(Direction::Egress)),
        ),
        (allow, Reason::OwnNode, ingress(&fixture, "n1 -> B tcp/1")),
        (allow, Reason::SelfTraffic, ingress(&fixture, "B -> B tcp/1")),
        (Action::Undecided, Reason::Undecided, ingress_of(&requests, &a_to_b, &unread)),
        (deny, Reason::InvalidRequest, ingress_of(&requests, &a_to_b, &star)),
        (deny, Reason::ReplyDenied, ingress(&world(&[untracked]), "Y -> n1 tcp/9000")),
        (deny, Reason::UnknownEndpoint, ingress_of(&fixture, &nobody, &FlowContext::default())),
        (deny, Reason::NoBackend, ingress(&world(&[service]), "A -> 10.96.0.1 tcp/80")),
    ];
    for (action, reason, found) in found {
        assert_eq!(found, (action, reason));
    }
    assert_eq!(found.map(|(_, reason, _)| reason), *Reason::ALL, "one row for each reason");
}

/// The exemptions are no more than exemptions: the same policy decides where they do not hold.
#[test]
fn exemptions_end() {
    let isolated = gnp("p", "selector: app == 'db', types: [Ingress, Egress]");
    let cluster = world(&[isolated]);
    let mut table = Table::default();
    for (question, expected) in [
        ("B -> B tcp/1", "allow: traffic to itself, traffic to itself"),
        ("A -> B tcp/1", "deny: profile rule, tier default"),
        ("n1 -> B tcp/1", "allow: own node, own node"),
        ("n2 -> B tcp/1", "deny: not policed, tier default"),
        ("B -> n1 tcp/1", "deny: tier default, not policed"),
    ] {
        table.expect("7.3", question, expected, &connect(&cluster, question));
    }
    // Through a service, traffic to itself is policed.
    let context = FlowContext { via_service: true, ..FlowContext::default() };
    let verdict = evaluate_once(&cluster, &flow(&cluster, "B -> B tcp/1"), &context).enforced;
    assert_eq!((verdict.action(), verdict.reason(Direction::Egress)), (Action::Deny, Reason::TierDefault));
    // What a controller stands for is any number of pods, which do not reach each other for being alike.
    let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: many, namespace: dev}, \
                      spec: {template: {metadata: {labels: {app: db}}}}}";
    let cluster =
        world(&[gnp("p", "selector: app == 'db', types: [Ingress, Egress]"), deployment.to_owned()]);
    let many = cluster.workload("dev", "many").unwrap();
    let found = ingress_of(&cluster, &Flow::new(many, many, Protocol::TCP), &FlowContext::default());
    assert_eq!(found.0, Action::Deny);
    table.finish();
}

/// The first of two rules of a tier with each action; the second denies, and the next tier allows.
#[test]
fn every_rule_action() {
    let mut table = Table::default();
    for (action, expected, logs) in [
        ("Allow", "allow (rule) t1|gnp:p|allow|0", false),
        ("Deny", "deny (rule) t1|gnp:p|deny|0", false),
        ("Log", "deny (rule) t1|gnp:p|deny|1", true),
        ("Pass", "allow (rule) t1|gnp:p|pass|0 default|gnp:q|allow|0", false),
    ] {
        let rules = format!("ingress: [{{action: {action}}}, {{action: Deny}}]");
        let cluster = world(&[
            tier("t1", "order: 1"),
            gnp("p", &format!("tier: t1, selector: app == 'db', types: [Ingress], {rules}")),
            gnp("q", "selector: app == 'db', types: [Ingress], ingress: [{action: Allow}]"),
        ]);
        table.expect("5.4", action, expected, &ask(&cluster, "in: A -> B tcp/1"));
        let verdict =
            evaluate_once(&cluster, &flow(&cluster, "A -> B tcp/1"), &FlowContext::default()).enforced;
        table.expect("5.4", "logged", &logs.to_string(), &verdict.is_logged().to_string());
    }
    table.finish();
}

/// One deny in each class of policy: what it cuts of the host's own traffic, of forwarded traffic, and of a pod's.
#[test]
fn every_phase() {
    let own = "in: Y -> H1 tcp/9000";
    let forwarded = "forward in at H1: Y -> B tcp/1";
    let pod = "in: Y -> B tcp/1";
    let (no_profile, by_default, by_profile) = (
        "deny (no profile matched) __PROFILE__|pro:__NO_MATCH__|deny|0",
        "allow (forwarded by default)",
        "allow (profile rule) __PROFILE__|pro:kns.dev|allow|0",
    );
    let mut table = Table::default();
    for (class, expected) in [
        (
            "types: [Ingress], ",
            ["deny (rule) default|gnp:h|deny|0", by_default, "deny (rule) default|gnp:h|deny|0"],
        ),
        (
            "types: [Ingress], applyOnForward: true, ",
            [
                "deny (rule) default|gnp:h|deny|0",
                "deny (rule) forward:default|gnp:h|deny|0",
                "deny (rule) default|gnp:h|deny|0",
            ],
        ),
        (
            "preDNAT: true, applyOnForward: true, ",
            [
                "deny (rule) pre-dnat:default|gnp:h|deny|0",
                "deny (rule) pre-dnat:default|gnp:h|deny|0",
                by_profile,
            ],
        ),
        (
            "doNotTrack: true, applyOnForward: true, ",
            [
                "deny (rule) untracked:default|gnp:h|deny|0",
                "deny (rule) untracked:default|gnp:h|deny|0",
                by_profile,
            ],
        ),
        ("types: [Egress], ", [no_profile, by_default, by_profile]),
    ] {
        // It governs the pods as well, where its class lets it.
        let cluster = world(&[gnp("h", &format!("{class}ingress: [{{action: Deny}}]"))]);
        for (question, expected) in [own, forwarded, pod].into_iter().zip(expected) {
            table.expect(class, question, expected, &ask(&cluster, question));
        }
    }
    table.finish();
}

/// Workloads know the normal phase only (5.3), host endpoints each.
#[test]
fn policies_of_phases() {
    let class = |name: &str, fields: &str| gnp(name, &format!("{fields}, ingress: [{{action: Deny}}]"));
    let cluster = world(&[
        class("normal", "types: [Ingress]"),
        class("forward", "applyOnForward: true"),
        class("pre", "applyOnForward: true, preDNAT: true"),
        class("raw", "applyOnForward: true, doNotTrack: true"),
    ]);
    let applied = |entry: &EndpointEntry, phase| {
        let tiers = cluster.applied(entry, Direction::Ingress, phase, Scope::Enforced);
        let policies = tiers.iter().flat_map(|tier| &tier.policies);
        policies.map(|policy| policy.entry.policy.key.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    let host = cluster.host_endpoints().next().unwrap();
    let pod = cluster.endpoint(cluster.workload("dev", "b").unwrap()).unwrap();
    for (phase, at_host, at_pod) in [
        (Phase::Untracked, "raw", ""),
        (Phase::PreDnat, "pre", ""),
        (Phase::Normal, "forward normal", "forward normal"),
        (Phase::Forward, "forward", ""),
    ] {
        assert_eq!(
            (applied(host, phase), applied(pod, phase)),
            (at_host.to_owned(), at_pod.to_owned()),
            "{phase}"
        );
    }
}

/// 7.2: what the end of a tier means in each phase, and that an early allow is final for the host endpoint.
#[test]
fn ends_of_tiers_by_phase() {
    let elsewhere = "ingress: [{action: Allow, source: {nets: [9.9.9.9/32]}}]";
    let own = "in: Y -> H1 tcp/9000";
    let forwarded = "forward in at H1: Y -> B tcp/1";
    let no_profile = "__PROFILE__|pro:__NO_MATCH__|deny|0";
    let mut table = Table::default();
    for (class, at_own, at_forwarded) in [
        (
            "preDNAT: true, ",
            format!("deny (no profile matched) pre-dnat:default|gnp:h|pass|-1 {no_profile}"),
            "allow (forwarded by default) pre-dnat:default|gnp:h|pass|-1",
        ),
        (
            "doNotTrack: true, ",
            format!("deny (no profile matched) untracked:default|gnp:h|pass|-1 {no_profile}"),
            "allow (forwarded by default) untracked:default|gnp:h|pass|-1",
        ),
        (
            "",
            "deny (tier default) default|gnp:h|deny|-1".to_owned(),
            "deny (tier default) forward:default|gnp:h|deny|-1",
        ),
    ] {
        let cluster = world(&[on_host(&format!("{class}{FORWARD}, {elsewhere}"))]);
        table.expect("7.2", &format!("{class}{own}"), &at_own, &ask(&cluster, own));
        table.expect("7.2", &format!("{class}{forwarded}"), at_forwarded, &ask(&cluster, forwarded));
    }
    for class in ["preDNAT: true", "doNotTrack: true"] {
        let early = on_host(&format!("{class}, {FORWARD}, ingress: [{{action: Allow}}]"));
        let late = gnp("late", &format!("selector: has(host), {FORWARD}, ingress: [{{action: Deny}}]"));
        let cluster = world(&[early, late]);
        for question in [own, forwarded] {
            let got = ask(&cluster, question);
            table.expect(
                "7.2",
                class,
                "allow (rule)",
                got.split_at_checked(12).map_or("", |(start, _)| start),
            );
        }
    }
    table.finish();
}

/// A rule without criteria matches everything, so that every miss in the tables of fields is on account of the field.
#[test]
fn a_bare_rule_matches() {
    let cluster = world(&[]);
    let rule = tierwall::model::Rule::new(tierwall::model::RuleAction::Allow);
    for text in ["A -> Y tcp/80", "Y -> A udp/53", "A -> Y icmp/8.0", "A -> Y 47"] {
        let found = matches(&cluster, &rule, &flow(&cluster, text), &FlowContext::default());
        assert_eq!(found, tierwall::reference::Match::Yes, "{text}");
    }
}

/// Each thing that may be missing: what leaves the flow undecided, by name.
#[test]
fn everything_that_can_be_missing() {
    let deployment = |name: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}, namespace: dev}}, \
             spec: {{template: {{metadata: {{labels: {{app: {name}}}}}}}}}}}"
        )
    };
    let policy = |app: &str, rule: &str| {
        gnp("p", &format!("selector: app == '{app}', types: [Ingress], ingress: [{{action: Allow, {rule}}}]"))
    };
    let reading = |change: fn(&mut Dialect)| {
        let mut dialect = Dialect::default();
        change(&mut dialect);
        dialect
    };
    let missing = |cluster: &Cluster, flow: &Flow, http| {
        let context = FlowContext { http, ..FlowContext::default() };
        explain(cluster, flow, &context).enforced.missing
    };
    let of = |cluster: &Cluster, text: &str| missing(cluster, &flow(cluster, text), Http::NotInspected);

    let unread = world(&[policy("db", "http: {methods: [GET]}")]);
    let a_to_b = flow(&unread, "A -> B tcp/1");
    assert_eq!(missing(&unread, &a_to_b, Http::Unknown), [Missing::HttpRequest]);

    let domains = reading(|dialect| {
        dialect.flavour = Flavour::Enterprise;
        dialect.dns_coverage = DnsCoverage::Partial;
    });
    let rule = "egress: [{action: Allow, destination: {domains: [a.com]}}]";
    let cluster = world_with(domains, &[gnp("p", &format!("selector: app == 'web', {rule}"))]);
    let address = "8.8.8.8".parse().unwrap();
    assert_eq!(of(&cluster, "A -> Y tcp/1"), [Missing::DomainNames { address }]);

    let between = |dialect, rule: &str| {
        let cluster = world_with(dialect, &[deployment("one"), deployment("two"), policy("two", rule)]);
        let ends = ["one", "two"].map(|name| cluster.workload("dev", name).unwrap());
        missing(&cluster, &Flow::new(ends[0], ends[1], Protocol::TCP), Http::NotInspected)
    };
    let absent = reading(|dialect| dialect.absent_address = AbsentAddress::Undecided);
    assert_eq!(between(absent, "source: {nets: [10.0.0.0/8]}"), [Missing::Address]);
    assert_eq!(between(Dialect::default(), "ipVersion: 4"), [Missing::AddressFamily]);

    let firewall = reading(|dialect| dialect.endpoint_to_host = EndpointToHost::Return);
    assert_eq!(of(&world_with(firewall, &[]), "A -> n1 tcp/1"), [Missing::HostFirewall]);

    let protocols = reading(|dialect| dialect.other_protocols = OtherProtocols::Undecided);
    let isolated = knp("dev/k", "podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]");
    assert_eq!(of(&world_with(protocols, &[isolated]), "A -> B 47"), [Missing::OtherProtocol]);

    // One of its backends may be reached, the other may not.
    let slice = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, \
                 metadata: {name: s-1, namespace: dev, labels: {kubernetes.io/service-name: s}}, addressType: IPv4, \
                 endpoints: [{addresses: [10.0.0.2]}, {addresses: [10.0.0.4]}], ports: [{port: 8080}]}";
    let service = object("v1", "Service", "dev/s", "clusterIP: 10.96.0.1, ports: [{port: 80}]");
    let cluster = world(&[slice.to_owned(), service, policy("db", "source: {nets: [9.9.9.9/32]}")]);
    assert_eq!(of(&cluster, "A -> 10.96.0.1 tcp/80"), [Missing::Backend]);
}
