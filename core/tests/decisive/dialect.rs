//! Each reading of the dialect changes an answer.

use super::fixture::Table;
use super::fixture::{ask, ask_about, connect, gnp, hep, kcnp, knp, object, refusal, tier, world_with};
use super::{assert_covers, field_names};
use crate::engines::judge_once;
use std::time::Duration;
use tierwall::cluster::{DnsAnswer, Scope};
use tierwall::dialect::*;
use tierwall::model::{Direction, Flow, FlowContext, Http, HttpRequest, PortRange, Protocol, Side};
use tierwall::reference::{Point, Role};

/// Another reading of a field, and the answer under it.
type Reading = (fn(&mut Dialect), &'static str);

/// A field, a question whose answer hangs on it, the answer as documented, and those of the other readings.
struct Field {
    name: &'static str,
    answer: fn(Dialect) -> String,
    documented: &'static str,
    others: Vec<Reading>,
}

const ALLOW: &str = "allow (rule) default|gnp:p|allow|0";
const END: &str = "deny (tier default) default|gnp:p|deny|-1";
const BY_PROFILE: &str = "allow (profile rule) __PROFILE__|pro:kns.dev|allow|0";

fn calico() -> Vec<Field> {
    vec![
        Field {
            name: "tie_break",
            answer: |dialect| {
                let policy = |name: &str, action: &str| {
                    into_b(name, &format!("order: 5, ingress: [{{action: {action}}}]"))
                };
                ask(&world_with(dialect, &[policy("p", "Deny"), policy("p-b", "Allow")]), "in: A -> B tcp/1")
            },
            documented: "allow (rule) default|gnp:p-b|allow|0",
            others: vec![(
                |dialect| dialect.tie_break = TieBreak::BackendName,
                "deny (rule) default|gnp:p|deny|0",
            )],
        },
        Field {
            name: "absent_tier_order",
            answer: |dialect| {
                let objects = [
                    tier("bare", ""),
                    tier("late", "order: 2000000"),
                    into_b("p", "tier: bare, ingress: [{action: Deny}]"),
                    into_b("q", "tier: late, ingress: [{action: Allow}]"),
                ];
                ask(&world_with(dialect, &objects), "in: A -> B tcp/1")
            },
            documented: "deny (rule) bare|gnp:p|deny|0",
            others: vec![(
                |dialect| dialect.absent_tier_order = AbsentTierOrder::Last,
                "allow (rule) late|gnp:q|allow|0",
            )],
        },
        Field {
            name: "types_defaulting",
            answer: |dialect| {
                let policy = gnp("p", "selector: app == 'db', egress: []");
                ask(&world_with(dialect, &[policy]), "in: A -> B tcp/1")
            },
            documented: END,
            others: vec![(|dialect| dialect.types_defaulting = TypesDefaulting::ByPresence, BY_PROFILE)],
        },
        Field {
            name: "service_namespace",
            answer: |dialect| {
                let service = object("v1", "Service", "dev/s", "selector: {app: db}, ports: [{port: 80}]");
                let rule = "egress: [{action: Allow, destination: {services: {name: s}}}]";
                let policy = object(
                    "projectcalico.org/v3",
                    "NetworkPolicy",
                    "dev/p",
                    &format!("selector: app == 'web', types: [Egress], {rule}"),
                );
                ask(&world_with(dialect, &[service, policy]), "out: A -> B tcp/80")
            },
            documented: "allow (rule) default|np:dev/p|allow|0",
            others: vec![(
                |dialect| dialect.service_namespace = ServiceNamespace::NoService,
                "deny (tier default) default|np:dev/p|deny|-1",
            )],
        },
        Field {
            name: "flavour",
            answer: |dialect| refusal(dialect, &[domain_policy()]),
            documented: "TW0201 spec.egress[0].destination.domains",
            others: vec![(|dialect| dialect.flavour = Flavour::Enterprise, "")],
        },
        Field {
            name: "other_family_nets",
            answer: |dialect| {
                let rule = "ingress: [{action: Allow, source: {notNets: ['fd00::/8']}}]";
                ask(&world_with(dialect, &[into_b("p", rule)]), "in: A -> B tcp/1")
            },
            documented: END,
            others: vec![(|dialect| dialect.other_family_nets = OtherFamilyNets::NoEffect, ALLOW)],
        },
        Field {
            name: "not_icmp",
            answer: |dialect| {
                let rule = "ingress: [{action: Allow, protocol: ICMP, notICMP: {type: 8, code: 1}}]";
                let cluster = world_with(dialect, &[into_b("p", rule)]);
                ["8.1", "8.0", "0.1", "0.0"]
                    .map(|icmp| first_word(&ask(&cluster, &format!("in: A -> B icmp/{icmp}"))))
                    .join(" ")
            },
            documented: "deny allow allow allow",
            others: vec![(|dialect| dialect.not_icmp = NotIcmp::Neither, "deny deny deny allow")],
        },
        Field {
            name: "icmp_types",
            answer: |dialect| {
                let rule = "ingress: [{action: Allow, protocol: ICMP, icmp: {type: 8}}]";
                ask(&world_with(dialect, &[into_b("p", rule)]), "in: A -> B icmp/0.0")
            },
            documented: END,
            others: vec![(|dialect| dialect.icmp_types = IcmpTypes::Ignored, ALLOW)],
        },
        Field {
            name: "profile_pass",
            answer: |dialect| {
                let profile = |name: &str, action: &str| {
                    let spec = format!("ingress: [{{action: {action}}}]");
                    object("projectcalico.org/v3", "Profile", name, &spec)
                };
                let host = hep("h1", "node: n1, interfaceName: eth0, profiles: [one, two]");
                let objects = [profile("one", "Pass"), profile("two", "Allow"), host];
                ask(&world_with(dialect, &objects), "in: Y -> H1 tcp/9000")
            },
            documented: "allow (profile rule) __PROFILE__|pro:two|allow|0",
            others: vec![(
                |dialect| dialect.profile_pass = ProfilePass::Deny,
                "deny (profile rule) __PROFILE__|pro:one|deny|0",
            )],
        },
        Field {
            name: "missing_namespace",
            answer: |dialect| {
                let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ghost}, \
                           status: {podIP: 10.0.9.1}}";
                ask(&world_with(dialect, &[pod.to_owned()]), "in: A -> ghost/p tcp/1")
            },
            documented: "allow (profile rule) __PROFILE__|pro:kns.ghost|allow|0",
            others: vec![(
                |dialect| dialect.missing_namespace = MissingNamespace::MissingProfile,
                "deny (missing profile) __PROFILE__|pro:kns.ghost|deny|0",
            )],
        },
        Field {
            name: "http_paths",
            answer: |dialect| {
                let rule = "ingress: [{action: Allow, http: {paths: [{prefix: /pub}]}}]";
                ask_about(&world_with(dialect, &[into_b("p", rule)]), "in: A -> B tcp/1", &get("/public"))
            },
            documented: END,
            others: vec![(|dialect| dialect.http_paths = HttpPaths::Raw, ALLOW)],
        },
        Field {
            name: "identity",
            answer: |dialect| {
                let rule = "ingress: [{action: Allow, source: {serviceAccounts: {names: [web-sa]}}}]";
                ask_about(&world_with(dialect, &[into_b("p", rule)]), "in: A -> B tcp/1", &get("/"))
            },
            documented: ALLOW,
            others: vec![(|dialect| dialect.identity = Identity::Verified, END)],
        },
        Field {
            name: "endpoint_to_host",
            answer: |dialect| connect(&world_with(dialect, &[]), "A -> n1 tcp/9000"),
            documented: "allow: profile rule, not policed",
            others: vec![
                (
                    |dialect| dialect.endpoint_to_host = EndpointToHost::Drop,
                    "deny: endpoint-to-host action, not policed",
                ),
                (
                    |dialect| dialect.endpoint_to_host = EndpointToHost::Return,
                    "undecided: undecided, not policed",
                ),
            ],
        },
        Field {
            name: "dns_coverage",
            answer: |mut dialect| {
                dialect.flavour = Flavour::Enterprise;
                ask(&world_with(dialect, &[domain_policy()]), "out: A -> Y tcp/443")
            },
            documented: END,
            others: vec![(
                |dialect| dialect.dns_coverage = DnsCoverage::Partial,
                "undecided (undecided) default|gnp:p|deny|-1",
            )],
        },
        Field {
            name: "domain_actions",
            answer: |dialect| {
                let rule = "{name: r, action: Deny, to: [{domainNames: [a.com]}]}";
                let spec = "tier: Admin, priority: 5, subject: {namespaces: {}}";
                refusal(dialect, &[kcnp("p", &format!("{spec}, egress: [{rule}]"))])
            },
            documented: "TW0509 spec.egress[0].to[0].domainNames",
            others: vec![(|dialect| dialect.domain_actions = DomainActions::Any, "")],
        },
        Field {
            name: "dns_extra_ttl",
            answer: |mut dialect| {
                dialect.flavour = Flavour::Enterprise;
                let mut cluster = world_with(dialect, &[domain_policy()]);
                let answer =
                    DnsAnswer::addresses("a.com", ["8.8.8.8".parse().unwrap()], Duration::from_secs(60));
                cluster.observe(answer);
                cluster.advance(Duration::from_secs(70));
                ask(&cluster, "out: A -> Y tcp/443")
            },
            documented: END,
            others: vec![(|dialect| dialect.dns_extra_ttl = Duration::from_secs(30), ALLOW)],
        },
        Field {
            name: "failsafes",
            answer: |dialect| {
                let cluster = world_with(dialect, &[]);
                ["Y -> n1 tcp/22", "A -> n2 tcp/22", "Y -> n1 tcp/2222", "Y -> n1 udp/22", "n1 -> Y udp/53"]
                    .map(|text| first_word(&connect(&cluster, text)))
                    .join(" ")
            },
            documented: "allow allow deny deny allow",
            others: vec![
                (|dialect| dialect.failsafes.inbound.clear(), "deny allow deny deny allow"),
                (|dialect| dialect.failsafes.outbound.clear(), "allow allow deny deny deny"),
                (
                    |dialect| dialect.failsafes.inbound[0].ports = PortRange::from(2222),
                    "deny allow allow deny allow",
                ),
                (
                    |dialect| dialect.failsafes.inbound[0].protocol = Protocol::UDP,
                    "deny allow deny allow allow",
                ),
                (
                    |dialect| dialect.failsafes.inbound[0].net = Some("10.0.0.0/8".parse().unwrap()),
                    "deny allow deny deny allow",
                ),
                (
                    |dialect| dialect.failsafes.inbound[0].net = Some("8.0.0.0/8".parse().unwrap()),
                    "allow allow deny deny allow",
                ),
            ],
        },
    ]
}

fn kubernetes() -> Vec<Field> {
    vec![
        Field {
            name: "egress_to_own_node",
            answer: |dialect| {
                let policy = knp("dev/k", "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]");
                connect(&world_with(dialect, &[policy]), "A -> n1 tcp/9000")
            },
            documented: "allow: own node, not policed",
            others: vec![(
                |dialect| dialect.egress_to_own_node = EgressToOwnNode::Evaluated,
                "deny: tier default, not policed",
            )],
        },
        Field {
            name: "other_protocols",
            answer: |dialect| ask(&world_with(dialect, &[isolate_b()]), "in: A -> B 47"),
            documented: "deny (tier default) default|knp:dev/k|deny|-1",
            others: vec![
                (
                    |dialect| dialect.other_protocols = OtherProtocols::Allowed,
                    "allow (tier default) default|knp:dev/k|allow|-1",
                ),
                (
                    |dialect| dialect.other_protocols = OtherProtocols::Undecided,
                    "undecided (undecided) default|knp:dev/k|deny|-1",
                ),
            ],
        },
        Field {
            name: "selection_scope",
            answer: |dialect| {
                let subject =
                    "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}";
                let rule = "egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]";
                let baseline = kcnp("base", &format!("tier: Baseline, priority: 5, {subject}, {rule}"));
                connect(&world_with(dialect, &[isolate_b(), baseline]), "B -> Y tcp/443")
            },
            documented: "deny: rule, not policed",
            others: vec![(
                |dialect| dialect.selection_scope = SelectionScope::AnyDirection,
                "allow: tier default, not policed",
            )],
        },
        Field {
            name: "domain_actions",
            answer: |dialect| {
                let subject =
                    "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}";
                let rule = "egress: [{action: Deny, to: [{domainNames: [a.com]}]}]";
                let policy = kcnp("c", &format!("tier: Admin, priority: 5, {subject}, {rule}"));
                let refused = refusal(dialect.clone(), std::slice::from_ref(&policy));
                if !refused.is_empty() {
                    return refused;
                }
                let mut cluster = world_with(dialect, &[policy]);
                cluster.observe(DnsAnswer::addresses("a.com", ["8.8.8.8".parse().unwrap()], Duration::MAX));
                ask(&cluster, "out: A -> Y tcp/443")
            },
            documented: "TW0509 spec.egress[0].to[0].domainNames",
            others: vec![(
                |dialect| dialect.domain_actions = DomainActions::Any,
                "deny (rule) kube-admin|kcnp:c|deny|0",
            )],
        },
        Field {
            name: "host_network",
            answer: |dialect| {
                let pod = "{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: dev, labels: {app: agent}}, \
                           spec: {hostNetwork: true, nodeName: n2}, status: {podIP: 192.168.0.2}}";
                let peer = "ingress: [{from: [{podSelector: {matchLabels: {app: agent}}}]}]";
                let policy = knp("dev/k", &format!("podSelector: {{matchLabels: {{app: db}}}}, {peer}"));
                ask(&world_with(dialect, &[pod.to_owned(), policy]), "in: n2 -> B tcp/1")
            },
            documented: "deny (tier default) default|knp:dev/k|deny|-1",
            others: vec![(
                |dialect| dialect.host_network = HostNetwork::Pod,
                "allow (rule) default|knp:dev/k|allow|0",
            )],
        },
        Field {
            name: "cidr_pods",
            answer: |dialect| {
                let cluster = world_with(dialect, &[allow_block("10.0.0.0/8")]);
                format!("{}; {}", ask(&cluster, "in: A -> B tcp/1"), ask(&cluster, "in: 10.9.9.9 -> B tcp/1"))
            },
            documented: "allow (rule) default|knp:dev/k|allow|0; allow (rule) default|knp:dev/k|allow|0",
            others: vec![(
                |dialect| dialect.cidr_pods = CidrPods::NotMatched,
                "deny (tier default) default|knp:dev/k|deny|-1; allow (rule) default|knp:dev/k|allow|0",
            )],
        },
        Field {
            name: "absent_address",
            answer: |dialect| {
                let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: never-ran, namespace: dev}, \
                                  spec: {template: {metadata: {labels: {app: x}}}}}";
                let cluster = world_with(dialect, &[deployment.to_owned(), allow_block("10.0.0.0/8")]);
                let source = cluster.workload("dev", "never-ran").unwrap();
                let target = cluster.workload("dev", "b").unwrap();
                let flow = Flow::new(source, Side::Endpoint(target), Protocol::TCP).with_ports(40000, 1);
                let point = Point { endpoint: target, direction: Direction::Ingress, role: Role::Own };
                judge_once(&cluster, point, &flow, &FlowContext::default(), Scope::Enforced)
                    .action
                    .to_string()
            },
            documented: "deny",
            others: vec![(|dialect| dialect.absent_address = AbsentAddress::Undecided, "undecided")],
        },
        Field {
            name: "cidr_syntax",
            answer: |dialect| refusal(dialect, &[allow_block("10.0.0.1/8")]),
            documented: "",
            others: vec![(
                |dialect| dialect.cidr_syntax = CidrSyntax::Strict,
                "TW0501 spec.ingress[0].from[0].ipBlock.cidr",
            )],
        },
        Field {
            name: "node_port_source",
            answer: |dialect| {
                let ports = "ports: [{port: 80, targetPort: 8080, nodePort: 30080}]";
                let spec = format!("type: NodePort, selector: {{app: db}}, {ports}");
                let rule = "ingress: [{action: Allow, source: {nets: [8.8.8.8/32]}}]";
                let objects = [object("v1", "Service", "dev/s", &spec), into_b("p", rule)];
                connect(&world_with(dialect, &objects), "Y -> n2 tcp/30080")
            },
            documented: "deny: not policed, tier default",
            others: vec![(
                |dialect| dialect.node_port_source = NodePortSource::Client,
                "allow: not policed, rule",
            )],
        },
    ]
}

fn first_word(answer: &str) -> String {
    answer.split([' ', ':']).next().unwrap().to_owned()
}

fn into_b(name: &str, spec: &str) -> String {
    gnp(name, &format!("selector: app == 'db', types: [Ingress], {spec}"))
}

fn domain_policy() -> String {
    let rule = "egress: [{action: Allow, destination: {domains: [a.com]}}]";
    gnp("p", &format!("selector: app == 'web', types: [Egress], {rule}"))
}

fn isolate_b() -> String {
    knp("dev/k", "podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]")
}

fn allow_block(cidr: &str) -> String {
    let rule = format!("ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]");
    knp("dev/k", &format!("podSelector: {{matchLabels: {{app: db}}}}, {rule}"))
}

fn get(path: &str) -> FlowContext {
    let request = HttpRequest { method: Some("GET".to_owned()), path: Some(path.to_owned()) };
    FlowContext { http: Http::Request(request), ..FlowContext::default() }
}

#[test]
fn every_reading() {
    let fields: Vec<Field> = calico().into_iter().chain(kubernetes()).collect();
    let mut table = Table::default();
    for field in &fields {
        let got = (field.answer)(Dialect::default());
        table.expect(field.name, "as documented", field.documented, &got);
        for (change, expected) in &field.others {
            let mut dialect = Dialect::default();
            change(&mut dialect);
            assert_ne!(dialect, Dialect::default(), "{}: the reading is another", field.name);
            table.expect(field.name, "another reading", expected, &(field.answer)(dialect));
        }
    }
    table.finish();
    assert_covers(&field_names(&Dialect::default()), fields.iter().map(|field| field.name));
}
