//! Each field of the normal form's rules: a flow that a rule with it alone matches, and one that fails on it.

use super::fixture::{add, flow, world};
use super::{assert_covers, field_names};
use std::sync::Arc;
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::model::{
    AddressPort, AddressPortSet, AddressSet, EntityMatch, FlowContext, Http, HttpMatch, HttpRequest,
    IcmpMatch, IdentityMatch, IpVersion, NamespaceMatch, PathMatch, PortMatch, PortRange, Protocol, Rule,
    RuleAction, ServiceKey,
};
use tierwall::reference::{Criterion, End, Field, Match, matches};
use tierwall::selector::Selector;

fn cluster() -> Cluster {
    let mut cluster = world(&["{apiVersion: v1, kind: Node, metadata: {name: n3, labels: {zone: edge}}, \
         status: {addresses: [{type: InternalIP, address: 192.168.0.3}]}}"
        .to_owned()]);
    let slice = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, \
                 metadata: {name: s-1, namespace: dev, labels: {kubernetes.io/service-name: s}}, addressType: IPv4, \
                 endpoints: [{addresses: [10.0.0.4]}], ports: [{port: 8080}]}";
    add(&mut cluster, &[slice.to_owned()]);
    cluster.observe(DnsAnswer::addresses("a.com", ["8.8.8.8".parse().unwrap()], Duration::MAX));
    cluster
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn found(cluster: &Cluster, rule: &Rule, text: &str, context: &FlowContext) -> Match {
    matches(cluster, rule, &flow(cluster, text), context)
}

fn ports(range: u16) -> PortMatch {
    PortRange::from(range).into()
}

fn named(name: &str) -> PortMatch {
    PortMatch { names: vec![name.into()], ..PortMatch::default() }
}

fn triples(address: &str, port: u16) -> Arc<AddressPortSet> {
    let member = AddressPort { address: address.parse().unwrap(), protocol: Protocol::TCP, port };
    Arc::new(AddressPortSet { name: "triples".into(), members: vec![member] })
}

fn resolved(address: &str, port: u16) -> PortMatch {
    PortMatch { sets: vec![triples(address, port)], ..PortMatch::default() }
}

fn addresses(nets: &[&str]) -> Vec<Arc<AddressSet>> {
    let one = |net: &&str| Arc::new(AddressSet { name: (*net).into(), members: vec![net.parse().unwrap()] });
    nets.iter().map(one).collect()
}

fn identity(names: &[&str], labels: Option<&str>, namespace: NamespaceMatch) -> EntityMatch {
    let names = names.iter().map(|name| (*name).into()).collect();
    let identity = IdentityMatch { names, selector: labels.map(selector), namespace };
    EntityMatch { identity: Some(identity), ..EntityMatch::default() }
}

/// A field of an end, criteria that are that field alone, the flow they match, the one they do not, and the field that is
/// reported. Flows are told from that end: it is the source of the text.
type EndRow = (&'static str, EntityMatch, &'static str, &'static str, Field);

fn end_rows() -> Vec<EndRow> {
    let none = EntityMatch::default;
    let nets = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect::<Vec<_>>();
    let service = ServiceKey { namespace: Some("dev".into()), name: "s".into() };
    let red = || Some(selector("color == 'red'"));
    vec![
        (
            "selector",
            EntityMatch { selector: Some(selector("app == 'web'")), ..none() },
            "A -> Y 1",
            "D -> Y 1",
            Field::Selector,
        ),
        (
            "selector",
            EntityMatch { selector: Some(selector("all()")), ..none() },
            "X -> Y 1",
            "8.8.4.4 -> Y 1",
            Field::Selector,
        ),
        (
            "not_selector",
            EntityMatch { not_selector: Some(selector("app == 'web'")), ..none() },
            "D -> Y 1",
            "A -> Y 1",
            Field::NotSelector,
        ),
        ("nets", EntityMatch { nets: nets(&["10.0.0.1/32"]), ..none() }, "A -> Y 1", "D -> Y 1", Field::Nets),
        (
            "nets",
            EntityMatch { nets: nets(&["fd00::/8"]), ..none() },
            "fd00::1 -> fd00::2 1",
            "D -> Y 1",
            Field::NetsFamily,
        ),
        (
            "nets_skip_workloads",
            EntityMatch { nets: nets(&["10.0.0.0/8"]), nets_skip_workloads: true, ..none() },
            "10.9.9.9 -> Y 1",
            "A -> Y 1",
            Field::Nets,
        ),
        (
            "not_nets",
            EntityMatch { not_nets: nets(&["10.0.0.1/32"]), ..none() },
            "D -> Y 1",
            "A -> Y 1",
            Field::NotNets,
        ),
        (
            "not_nets",
            EntityMatch { not_nets: nets(&["fd00::/8"]), ..none() },
            "2001:db8::1 -> fd00::2 1",
            "A -> Y 1",
            Field::NetsFamily,
        ),
        (
            "ports",
            EntityMatch { ports: ports(80), ..none() },
            "A -> Y tcp/80:1",
            "A -> Y tcp/81:1",
            Field::Ports,
        ),
        (
            "ports",
            EntityMatch { ports: named("http"), ..none() },
            "A -> Y tcp/80:1",
            "A -> Y tcp/8080:1",
            Field::Ports,
        ),
        (
            "ports",
            EntityMatch { ports: named("http"), ..none() },
            "A -> Y tcp/80:1",
            "A -> Y udp/80:1",
            Field::Ports,
        ),
        (
            "ports",
            EntityMatch { ports: resolved("8.8.4.4", 80), ..none() },
            "8.8.4.4 -> Y tcp/80:1",
            "8.8.4.5 -> Y tcp/80:1",
            Field::Ports,
        ),
        (
            "not_ports",
            EntityMatch { not_ports: ports(80), ..none() },
            "A -> Y tcp/81:1",
            "A -> Y tcp/80:1",
            Field::NotPorts,
        ),
        (
            "not_ports",
            EntityMatch { not_ports: named("http"), ..none() },
            "A -> Y tcp/8080:1",
            "A -> Y tcp/80:1",
            Field::NotPorts,
        ),
        (
            "not_ports",
            EntityMatch { not_ports: resolved("8.8.4.4", 80), ..none() },
            "8.8.4.5 -> Y tcp/80:1",
            "8.8.4.4 -> Y tcp/80:1",
            Field::NotPorts,
        ),
        (
            "service",
            EntityMatch { service: Some(service), ..none() },
            "D -> Y tcp/8080:1",
            "A -> Y tcp/8080:1",
            Field::Services,
        ),
        (
            "nodes",
            EntityMatch { nodes: Some(selector("zone == 'edge'")), ..none() },
            "192.168.0.3 -> X 1",
            "192.168.0.2 -> X 1",
            Field::Nodes,
        ),
        (
            "domains",
            EntityMatch { domains: vec!["*.com".parse().unwrap()], ..none() },
            "Y -> X 1",
            "8.8.4.4 -> X 1",
            Field::Domains,
        ),
        (
            "set_domains",
            EntityMatch { selector: red(), set_domains: true, ..none() },
            "Y -> X 1",
            "8.8.4.4 -> X 1",
            Field::Selector,
        ),
        (
            "sets",
            EntityMatch { sets: addresses(&["8.8.0.0/16", "8.8.8.0/24"]), ..none() },
            "Y -> X 1",
            "8.8.4.4 -> X 1",
            Field::Set,
        ),
        (
            "not_sets",
            EntityMatch { not_sets: addresses(&["9.0.0.0/8", "8.8.4.0/24"]), ..none() },
            "Y -> X 1",
            "8.8.4.4 -> X 1",
            Field::NotSet,
        ),
        (
            "port_sets",
            EntityMatch { port_sets: vec![triples("8.8.8.8", 80)], ..none() },
            "Y -> X tcp/80:1",
            "Y -> X tcp/81:1",
            Field::PortSet,
        ),
        (
            "port_sets",
            EntityMatch { port_sets: vec![triples("8.8.8.8", 80)], ..none() },
            "Y -> X tcp/80:1",
            "Y -> X udp/80:1",
            Field::PortSet,
        ),
    ]
}

/// A set with a name, which only a rule that asks for names sees.
fn with_named_set(mut cluster: Cluster) -> Cluster {
    let set = tierwall::model::NetworkSet {
        key: tierwall::model::NetworkSetKey { namespace: None, name: "red".into() },
        labels: [("color".into(), "red".into())].into(),
        profile: None,
        nets: Vec::new(),
        domains: vec!["a.com".parse().unwrap()],
    };
    cluster.put(set);
    cluster
}

#[test]
fn fields_of_ends() {
    let cluster = with_named_set(cluster());
    let rows = end_rows();
    let mut failures = Vec::new();
    for (name, entity, yes, no, field) in &rows {
        for end in [End::Source, End::Destination] {
            let mut rule = Rule::new(RuleAction::Allow);
            match end {
                End::Source => rule.source = entity.clone(),
                End::Destination => rule.destination = entity.clone(),
            }
            for (text, expected) in [(yes, Match::Yes), (no, Match::No(Criterion::End(end, *field)))] {
                let told = flow(&cluster, text);
                let told = if end == End::Source { told } else { told.reversed() };
                let got = matches(&cluster, &rule, &told, &FlowContext::default());
                if got != expected {
                    failures.push(format!("{name} of {end:?}, {text}: expected {expected:?}, got {got:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let others = ["identity"];
    let fields = field_names(&EntityMatch::default());
    assert_covers(&fields, rows.iter().map(|(name, ..)| *name).chain(others));
}

/// What makes `nets_skip_workloads` and `set_domains` decide is the flag: without it the answers turn.
#[test]
fn flags_of_ends() {
    let cluster = with_named_set(cluster());
    let mut rule = Rule::new(RuleAction::Allow);
    rule.source = EntityMatch { nets: vec!["10.0.0.0/8".parse().unwrap()], ..EntityMatch::default() };
    assert_eq!(found(&cluster, &rule, "A -> Y 1", &FlowContext::default()), Match::Yes);
    rule.source = EntityMatch { selector: Some(selector("color == 'red'")), ..EntityMatch::default() };
    let miss = Match::No(Criterion::End(End::Source, Field::Selector));
    assert_eq!(found(&cluster, &rule, "Y -> X 1", &FlowContext::default()), miss);
}

/// A service is matched with its ports at the destination, and by its address alone at the source (calico.md 4.5).
#[test]
fn ports_of_services() {
    let cluster = cluster();
    let service = ServiceKey { namespace: Some("dev".into()), name: "s".into() };
    let entity = EntityMatch { service: Some(service), ..EntityMatch::default() };
    let mut rule = Rule::new(RuleAction::Allow);
    rule.source = entity.clone();
    assert_eq!(found(&cluster, &rule, "D -> Y tcp/1:1", &FlowContext::default()), Match::Yes);
    let mut rule = Rule::new(RuleAction::Allow);
    rule.destination = entity;
    let miss = Match::No(Criterion::End(End::Destination, Field::Services));
    assert_eq!(found(&cluster, &rule, "Y -> D tcp/1:1", &FlowContext::default()), miss);
    assert_eq!(found(&cluster, &rule, "Y -> D tcp/1:8080", &FlowContext::default()), Match::Yes);
    assert_eq!(found(&cluster, &rule, "Y -> D udp/1:8080", &FlowContext::default()), miss);
}

#[test]
fn fields_of_identities() {
    let cluster = cluster();
    let any = || NamespaceMatch::Any;
    let env = |value: &str| NamespaceMatch::Selector(selector(&format!("env == '{value}'")));
    for (entity, yes, no) in [
        (identity(&["web-sa"], None, any()), "dev/web-sa", "dev/db-sa"),
        (identity(&[], Some("role == 'fe'"), any()), "dev/web-sa", "prod/web-sa"),
        (identity(&[], None, NamespaceMatch::Equals("dev".into())), "dev/web-sa", "prod/web-sa"),
        (identity(&[], None, env("dev")), "dev/web-sa", "prod/web-sa"),
        (
            identity(&[], None, NamespaceMatch::Selector(selector("projectcalico.org/name == 'dev'"))),
            "dev/web-sa",
            "prod/web-sa",
        ),
    ] {
        for end in [End::Source, End::Destination] {
            let mut rule = Rule::new(RuleAction::Allow);
            match end {
                End::Source => rule.source = entity.clone(),
                End::Destination => rule.destination = entity.clone(),
            }
            let miss = Match::No(Criterion::End(end, Field::Identity));
            for (account, expected) in [(yes, Match::Yes), (no, miss)] {
                let (namespace, name) = account.split_once('/').unwrap();
                let principal = Some(format!("spiffe://td/ns/{namespace}/sa/{name}"));
                let context = match end {
                    End::Source => FlowContext { source_principal: principal, ..FlowContext::default() },
                    End::Destination => {
                        FlowContext { destination_principal: principal, ..FlowContext::default() }
                    }
                };
                assert_eq!(found(&cluster, &rule, "Y -> X 1", &context), expected, "{account} {entity:?}");
            }
        }
    }
}

#[test]
fn fields_of_rules() {
    let cluster = cluster();
    let bare = || Rule::new(RuleAction::Allow);
    let icmp = |code| Some(IcmpMatch { icmp_type: 8, code });
    let echo_reply = || Some(IcmpMatch { icmp_type: 0, code: None });
    let mut names = vec!["action", "source", "destination", "http", "origin"];
    for (name, rule, yes, no, field) in [
        (
            "ip_version",
            Rule { ip_version: Some(IpVersion::V4), ..bare() },
            "A -> Y 1",
            "fd00::1 -> fd00::2 1",
            Field::IpVersion,
        ),
        (
            "ip_version",
            Rule { ip_version: Some(IpVersion::V6), ..bare() },
            "fd00::1 -> fd00::2 1",
            "A -> Y 1",
            Field::IpVersion,
        ),
        (
            "protocol",
            Rule { protocol: Some(Protocol::TCP), ..bare() },
            "A -> Y tcp/1",
            "A -> Y udp/1",
            Field::Protocol,
        ),
        (
            "not_protocol",
            Rule { not_protocol: Some(Protocol::TCP), ..bare() },
            "A -> Y udp/1",
            "A -> Y tcp/1",
            Field::NotProtocol,
        ),
        ("icmp", Rule { icmp: icmp(None), ..bare() }, "A -> Y icmp/8.1", "A -> Y icmp/9.1", Field::Icmp),
        ("icmp", Rule { icmp: icmp(Some(1)), ..bare() }, "A -> Y icmp/8.1", "A -> Y icmp/8.2", Field::Icmp),
        ("icmp", Rule { icmp: icmp(None), ..bare() }, "A -> Y icmp6/8.1", "A -> Y tcp/8", Field::Icmp),
        (
            "not_icmp",
            Rule { not_icmp: icmp(None), ..bare() },
            "A -> Y icmp/9.1",
            "A -> Y icmp/8.1",
            Field::NotIcmp,
        ),
        (
            "not_icmp",
            Rule { not_icmp: icmp(Some(1)), ..bare() },
            "A -> Y icmp/8.2",
            "A -> Y icmp/8.1",
            Field::NotIcmp,
        ),
        (
            "not_icmp",
            Rule { not_icmp: icmp(None), ..bare() },
            "A -> Y icmp6/9.1",
            "A -> Y icmp6/8.1",
            Field::NotIcmp,
        ),
        // What is no ICMP has no type, though the bytes for it say 0.
        ("icmp", Rule { icmp: echo_reply(), ..bare() }, "A -> Y icmp/0.0", "A -> Y tcp/8", Field::Icmp),
        (
            "not_icmp",
            Rule { not_icmp: echo_reply(), ..bare() },
            "A -> Y tcp/8",
            "A -> Y icmp/0.0",
            Field::NotIcmp,
        ),
    ] {
        names.push(name);
        let context = FlowContext::default();
        assert_eq!(found(&cluster, &rule, yes, &context), Match::Yes, "{name}, {yes}");
        let miss = Match::No(Criterion::Flow(field));
        assert_eq!(found(&cluster, &rule, no, &context), miss, "{name}, {no}");
    }
    assert_covers(&field_names(&bare()), names);
}

/// A named port counts for the protocol of the rule, and only at the endpoints that the entity selects (calico.md 4.4).
#[test]
fn named_ports_of_the_selected() {
    let cluster = cluster();
    let destination = EntityMatch {
        selector: Some(selector("app == 'db'")),
        ports: named("http"),
        ..EntityMatch::default()
    };
    let rule = Rule { destination, ..Rule::new(RuleAction::Allow) };
    let context = FlowContext::default();
    assert_eq!(found(&cluster, &rule, "Y -> B tcp/8080", &context), Match::Yes);
    let miss = |field| Match::No(Criterion::End(End::Destination, field));
    assert_eq!(found(&cluster, &rule, "Y -> A tcp/80", &context), miss(Field::Selector));
    assert_eq!(found(&cluster, &rule, "Y -> B tcp/80", &context), miss(Field::Ports));

    // Of two endpoints with one address, the one that has the port must be selected.
    let pod = |name: &str, ports: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: dev, labels: {{team: {name}}}}}, \
             spec: {{containers: [{{name: c, ports: [{ports}]}}]}}, status: {{podIP: 10.0.0.7}}}}"
        )
    };
    let mut cluster = cluster;
    add(&mut cluster, &[pod("with", "{name: http, containerPort: 80}"), pod("without", "")]);
    let from = |team: &str| {
        let selector = Some(selector(&format!("team == '{team}'")));
        let destination = EntityMatch { selector, ports: named("http"), ..EntityMatch::default() };
        Rule { destination, ..Rule::new(RuleAction::Allow) }
    };
    assert_eq!(found(&cluster, &from("with"), "Y -> 10.0.0.7 tcp/80", &context), Match::Yes);
    assert_eq!(found(&cluster, &from("without"), "Y -> 10.0.0.7 tcp/80", &context), miss(Field::Ports));
}

#[test]
fn fields_of_requests() {
    let cluster = cluster();
    let methods = HttpMatch { methods: vec!["GET".into()], ..HttpMatch::default() };
    let paths = |path| HttpMatch { paths: vec![path], ..HttpMatch::default() };
    for (http, yes, no, field) in [
        (methods, "GET /", "PUT /", Field::HttpMethods),
        (paths(PathMatch::Exact("/x".into())), "GET /x", "GET /x/y", Field::HttpPaths),
        (paths(PathMatch::Prefix("/x".into())), "GET /x/y", "GET /y", Field::HttpPaths),
    ] {
        let rule = Rule { http: Some(http), ..Rule::new(RuleAction::Allow) };
        for (text, expected) in [(yes, Match::Yes), (no, Match::No(Criterion::Flow(field)))] {
            let (method, path) = text.split_once(' ').unwrap();
            let request = HttpRequest { method: Some(method.to_owned()), path: Some(path.to_owned()) };
            let context = FlowContext { http: Http::Request(request), ..FlowContext::default() };
            assert_eq!(found(&cluster, &rule, "A -> Y tcp/1", &context), expected, "{text}");
        }
    }
    let fields = field_names(&HttpMatch::default());
    assert_covers(&fields, ["methods", "paths"]);
    assert_covers(&field_names(&PortMatch::default()), ["names", "ranges", "sets"]);
    assert_covers(&field_names(&IdentityMatch::default()), ["names", "namespace", "selector"]);
}
