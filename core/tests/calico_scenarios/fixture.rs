//! The world of `spec/calico.md` 13, questions about it as text, and a table that collects what went wrong.
#![allow(dead_code, reason = "each test program uses its part of this")]

use crate::engines::{evaluate_once, judge_once};
use std::net::IpAddr;
use tierwall::cluster::{Cluster, Phase, RuleOwner, RulePosition, Scope};
use tierwall::dialect::Dialect;
use tierwall::explain::explain;
use tierwall::manifest::{LoadError, LoadOptions, Source, load};
use tierwall::model::{
    Direction, EndpointId, EndpointKey, EndpointKind, Flow, FlowContext, Protocol, Reason,
};
use tierwall::reference::{Decider, Judgement, Point, Role};

/// Namespaces, service accounts, pods, network sets and nodes. A, B are on node n1; C, D on n2.
pub(crate) const INVENTORY: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: dev, labels: {env: dev}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: prod, labels: {env: prod}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web-sa, namespace: dev, labels: {role: fe}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web-sa, namespace: prod, labels: {role: be}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: db-sa, namespace: dev, labels: {role: be}}}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: dev, labels: {app: web}}
spec:
  nodeName: n1
  serviceAccountName: web-sa
  containers: [{name: c, ports: [{name: http, containerPort: 80}]}]
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: dev, labels: {app: db}}
spec:
  nodeName: n1
  serviceAccountName: db-sa
  containers: [{name: c, ports: [{name: pg, containerPort: 5432}, {name: http, containerPort: 8080}]}]
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: c, namespace: prod, labels: {app: web}}
spec: {nodeName: n2, serviceAccountName: web-sa}
status: {podIP: 10.0.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: d, namespace: dev, labels: {app: other}}
spec: {nodeName: n2, serviceAccountName: db-sa}
status: {podIP: 10.0.0.4}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: g, labels: {trusted: 'yes'}}
spec: {nets: [203.0.113.0/24]}
---
apiVersion: projectcalico.org/v3
kind: NetworkSet
metadata: {name: n, namespace: dev, labels: {trusted: 'yes'}}
spec: {nets: [198.51.100.0/24]}
---
{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}}
"#;

/// H1, the host endpoint of n1.
pub(crate) const H1: &str = "
apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata: {name: h1, labels: {host: n1}}
spec: {node: n1, interfaceName: eth0, expectedIPs: [192.168.0.1], profiles: []}
";

const CALICO: &str = "projectcalico.org/v3";

/// A manifest, in one line. A name with a slash has a namespace.
pub(crate) fn object(api_version: &str, kind: &str, name: &str, spec: &str) -> String {
    let metadata = match name.split_once('/') {
        Some((namespace, name)) => format!("{{name: {name}, namespace: {namespace}}}"),
        None => format!("{{name: {name}}}"),
    };
    format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {metadata}, spec: {{{spec}}}}}\n")
}

/// A GlobalNetworkPolicy.
pub(crate) fn gnp(name: &str, spec: &str) -> String {
    object(CALICO, "GlobalNetworkPolicy", name, spec)
}

/// A Calico NetworkPolicy.
pub(crate) fn np(name: &str, spec: &str) -> String {
    object(CALICO, "NetworkPolicy", name, spec)
}

/// A StagedGlobalNetworkPolicy.
pub(crate) fn sgnp(name: &str, spec: &str) -> String {
    object(CALICO, "StagedGlobalNetworkPolicy", name, spec)
}

/// A Tier.
pub(crate) fn tier(name: &str, spec: &str) -> String {
    object(CALICO, "Tier", name, spec)
}

/// A HostEndpoint.
pub(crate) fn hep(name: &str, spec: &str) -> String {
    object(CALICO, "HostEndpoint", name, spec)
}

/// A Kubernetes NetworkPolicy.
pub(crate) fn knp(name: &str, spec: &str) -> String {
    object("networking.k8s.io/v1", "NetworkPolicy", name, spec)
}

/// A ClusterNetworkPolicy.
pub(crate) fn kcnp(name: &str, spec: &str) -> String {
    object("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", name, spec)
}

/// The fixture with more objects.
pub(crate) fn world(objects: &[String]) -> Cluster {
    world_with(Dialect::default(), objects)
}

/// The fixture under other readings, with more objects.
pub(crate) fn world_with(dialect: Dialect, objects: &[String]) -> Cluster {
    let mut cluster = Cluster::with_dialect(dialect);
    add(&mut cluster, &[INVENTORY.to_owned(), H1.to_owned()]);
    add(&mut cluster, objects);
    cluster
}

/// The fixture without host endpoints, under other readings, with more objects.
pub(crate) fn world_without_hosts(dialect: Dialect, objects: &[String]) -> Cluster {
    let mut cluster = Cluster::with_dialect(dialect);
    add(&mut cluster, &[INVENTORY.to_owned()]);
    add(&mut cluster, objects);
    cluster
}

/// Loads objects that must be valid.
pub(crate) fn add(cluster: &mut Cluster, objects: &[String]) {
    if let Err(error) = try_add(cluster, objects) {
        panic!("the objects of a row must load:\n{error}");
    }
}

/// Loads objects.
pub(crate) fn try_add(cluster: &mut Cluster, objects: &[String]) -> Result<(), LoadError> {
    let text = objects.join("\n---\n");
    load(cluster, &[Source::new("row.yaml", text)], &LoadOptions::default()).map(|_| ())
}

/// The codes and fields a load is refused for, as `TW0504 spec.ingress[0].destination.ports`; empty if it is not.
pub(crate) fn refusal(dialect: Dialect, objects: &[String]) -> String {
    let errors = match try_add(&mut Cluster::with_dialect(dialect), objects) {
        Ok(()) => Vec::new(),
        Err(error) => error.diagnostics,
    };
    let errors = errors.iter().filter(|diagnostic| diagnostic.is_error());
    errors.map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.path)).collect::<Vec<_>>().join(", ")
}

/// An end of a flow by the name it has in the tables, as `namespace/name`, `hep/name`, or by its address.
fn end(cluster: &Cluster, name: &str) -> (Option<EndpointId>, IpAddr) {
    let address = |text: &str| text.parse().unwrap();
    let pod = |namespace: &str, name: &str| {
        let id = cluster.workload(namespace, name).unwrap();
        (Some(id), cluster.endpoint(id).unwrap().endpoint.addresses[0])
    };
    let host = |name: &str, at| {
        let key = EndpointKey { kind: EndpointKind::HostEndpoint, namespace: None, name: name.into() };
        (cluster.endpoint_id(&key), address(at))
    };
    match name {
        "A" => pod("dev", "a"),
        "B" => pod("dev", "b"),
        "C" => pod("prod", "c"),
        "D" => pod("dev", "d"),
        "H1" => host("h1", "192.168.0.1"),
        "n1" => (None, address("192.168.0.1")),
        "n2" => (None, address("192.168.0.2")),
        "X" => (None, address("203.0.113.9")),
        "Z" => (None, address("198.51.100.7")),
        "Y" => (None, address("8.8.8.8")),
        _ => match name.split_once('/') {
            Some(("hep", name)) => host(name, "192.168.0.1"),
            Some((namespace, name)) => pod(namespace, name),
            None => {
                let at = address(name);
                (cluster.endpoints_at(at).next().map(|entry| entry.id), at)
            }
        },
    }
}

/// `A -> B tcp/5432`, `A -> B udp/40000:53` (with the source port), `A -> B icmp/8.0` or `A -> B 47`.
pub(crate) fn flow(cluster: &Cluster, text: &str) -> Flow {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [source, "->", destination, what] = words.as_slice() else { panic!("not a flow: {text}") };
    let (protocol, detail) = what.split_once('/').unwrap_or((what, ""));
    let number = |text: &str| text.parse::<u16>().unwrap();
    let protocol_number = match protocol {
        "tcp" => Protocol::TCP,
        "udp" => Protocol::UDP,
        "sctp" => Protocol::SCTP,
        "icmp" => Protocol::ICMP,
        "icmp6" => Protocol::ICMPV6,
        _ => Protocol::from(u8::try_from(number(protocol)).unwrap()),
    };
    let flow = Flow::new(end(cluster, source).1, end(cluster, destination).1, protocol_number);
    match (protocol, detail.split_once(['.', ':'])) {
        ("icmp" | "icmp6", Some((kind, code))) => {
            flow.with_icmp(u8::try_from(number(kind)).unwrap(), u8::try_from(number(code)).unwrap())
        }
        (_, Some((from, to))) => flow.with_ports(number(from), number(to)),
        (_, None) if detail.is_empty() => flow,
        (_, None) => flow.with_ports(40000, number(detail)),
    }
}

/// Asks what one endpoint says, without exemptions: `in: A -> B tcp/1` (ingress of the destination), `out: ...` (egress
/// of the source), `forward in at H1: ...` (what a host endpoint says of traffic that passes its host); with `pending`
/// before it, as if staged policies were enforced.
///
/// The answer is `allow (rule) tier|kind:name|pass|0 tier|kind:name|allow|1`: the action, the reason, and the trace.
pub(crate) fn ask(cluster: &Cluster, question: &str) -> String {
    ask_about(cluster, question, &FlowContext::default())
}

/// [`ask`], with what is known of the flow.
pub(crate) fn ask_about(cluster: &Cluster, question: &str, context: &FlowContext) -> String {
    let judgement = judgement(cluster, question, context);
    told(cluster, &judgement)
}

/// The judgement that [`ask`] puts in words.
pub(crate) fn judgement(cluster: &Cluster, question: &str, context: &FlowContext) -> Judgement {
    let (scope, question) = match question.strip_prefix("pending ") {
        Some(question) => (Scope::Pending, question),
        None => (Scope::Enforced, question),
    };
    let (place, text) = question.split_once(": ").unwrap();
    let (place, at) = place.split_once(" at ").map_or((place, None), |(place, at)| (place, Some(at)));
    let (direction, role, position) = match place {
        "in" => (Direction::Ingress, Role::Own, 2),
        "out" => (Direction::Egress, Role::Own, 0),
        "forward in" => (Direction::Ingress, Role::Forwarded, 2),
        "forward out" => (Direction::Egress, Role::Forwarded, 0),
        "pre-dnat in" => (Direction::Ingress, Role::PreDnatOnly, 2),
        _ => panic!("not a question: {question}"),
    };
    let name = at.or(text.split_whitespace().nth(position)).unwrap();
    let (endpoint, _) = end(cluster, name);
    let point = Point { endpoint: endpoint.unwrap(), direction, role };
    judge_once(cluster, point, &flow(cluster, text), context, scope)
}

fn told(cluster: &Cluster, judgement: &Judgement) -> String {
    let mut words = vec![format!("{} ({})", judgement.action, judgement.reason)];
    for hit in &judgement.hits {
        let phase = match hit.phase {
            Phase::Normal => String::new(),
            phase => format!("{phase}:"),
        };
        words.push(format!("{phase}{hit}"));
    }
    words.extend(rule_fault(cluster, judgement));
    words.join(" ")
}

/// The id of the rule that decided must lead back to what the trace says decided.
fn rule_fault(cluster: &Cluster, judgement: &Judgement) -> Option<String> {
    let decided = matches!(
        judgement.reason,
        Reason::Rule | Reason::TierDefault | Reason::ProfileRule | Reason::OwnNode
    );
    let Some(id) = judgement.rule else { return decided.then(|| "BUT no rule".to_owned()) };
    let Some(info) = cluster.rule(id) else { return Some("BUT an unknown rule".to_owned()) };
    let hit = judgement.hits.last().filter(|_| decided)?;
    let owner = match &hit.decider {
        Decider::Policy(key) => RuleOwner::Policy(key.clone()),
        Decider::Profile(name) => RuleOwner::Profile(name.clone()),
        Decider::NoProfile => return Some("BUT a rule of no profile".to_owned()),
    };
    let position = hit.index.map_or(RulePosition::EndOfTier, RulePosition::Rule);
    let agrees = *info.owner == owner && info.position == position && hit.rule == Some(id);
    (!agrees).then(|| format!("BUT rule {id:?} is {info:?}"))
}

/// Asks about a whole connection: the action, and the reason of each direction.
pub(crate) fn connect(cluster: &Cluster, text: &str) -> String {
    connect_about(cluster, text, &FlowContext::default())
}

/// [`connect`], with what is known of the flow.
pub(crate) fn connect_about(cluster: &Cluster, text: &str, context: &FlowContext) -> String {
    let verdict = evaluate_once(cluster, &flow(cluster, text), context).enforced;
    let (egress, ingress) = (verdict.reason(Direction::Egress), verdict.reason(Direction::Ingress));
    format!("{}: {egress}, {ingress}", verdict.action())
}

/// The flow-log policy strings of the endpoint at one end of a connection, with their positions.
pub(crate) fn policy_strings(cluster: &Cluster, text: &str, direction: Direction, scope: Scope) -> String {
    let trace = explain(cluster, &flow(cluster, text), &FlowContext::default());
    let connection = match scope {
        Scope::Enforced => &trace.enforced,
        Scope::Pending => trace.pending.as_ref().unwrap_or(&trace.enforced),
    };
    let side = connection.sides.iter().find(|side| side.direction == direction).unwrap();
    let step = side.steps.iter().find(|step| Some(&step.at) == side.endpoint.as_ref()).unwrap();
    step.policy_strings.join(" ")
}

/// Collects the failures of a table.
#[derive(Default)]
pub(crate) struct Table {
    rows: usize,
    failures: Vec<String>,
}

impl Table {
    /// One comparison of a row.
    pub(crate) fn expect(&mut self, row: impl std::fmt::Display, question: &str, expected: &str, got: &str) {
        self.rows += 1;
        if expected != got {
            let failure = format!("row {row}, {question}:\n  expected {expected}\n  got      {got}");
            self.failures.push(failure);
        }
    }

    /// Fails if any comparison did, or there was none.
    pub(crate) fn finish(self) {
        assert!(self.rows > 0, "the table is empty");
        let failures = self.failures;
        assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), self.rows, failures.join("\n"));
    }
}
