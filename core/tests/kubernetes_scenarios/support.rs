//! The cluster of the scenarios, the notation of their rows, and how a row is run.

use crate::engines::evaluate_once;
use std::net::IpAddr;
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer, EndRef};
use tierwall::dialect::Dialect;
use tierwall::manifest::{LoadError, LoadOptions, Source, load};
use tierwall::model::{Direction, Flow, FlowContext, IpVersion, Protocol, Side, Verdict};

/// The addresses that flows call by a short name.
const ADDRESSES: [(&str, &str); 5] = [
    ("e1", "192.0.2.10"),
    ("e2", "203.0.113.5"),
    ("e6", "2001:db8::5"),
    ("n1", "10.100.0.1"),
    ("n2", "10.100.0.2"),
];

/// One row of a table: some policies, and what they make of some flows.
pub(crate) struct Row {
    id: String,
    objects: Vec<String>,
    flows: Vec<String>,
    dialect: Dialect,
    answers: Vec<(&'static str, &'static str)>,
}

/// A row. A flow is written `FROM -> TO [PROTOCOL] [PORT]: VERDICT [(SIDE REASON)]`, TCP if it names no protocol.
pub(crate) fn row<const P: usize, const F: usize>(id: &str, objects: [String; P], flows: [&str; F]) -> Row {
    Row {
        id: id.to_owned(),
        objects: Vec::from(objects),
        flows: flows.map(str::to_owned).to_vec(),
        dialect: Dialect::default(),
        answers: Vec::new(),
    }
}

impl Row {
    /// The same row under another reading.
    pub(crate) fn reading(mut self, change: impl FnOnce(&mut Dialect)) -> Self {
        change(&mut self.dialect);
        self
    }

    /// The same row with more objects.
    pub(crate) fn governed_by(mut self, objects: Vec<String>) -> Self {
        self.objects.extend(objects);
        self
    }

    /// The same row where these names were looked up and have these addresses.
    pub(crate) fn knowing<const N: usize>(mut self, answers: [(&'static str, &'static str); N]) -> Self {
        self.answers = answers.to_vec();
        self
    }

    fn cluster(&self) -> Result<Cluster, LoadError> {
        let mut cluster = Cluster::with_dialect(self.dialect.clone());
        add(&mut cluster, &[include_str!("cluster.yaml").to_owned()])?;
        add(&mut cluster, &self.objects)?;
        for (name, address) in &self.answers {
            let address: IpAddr = address.parse().unwrap();
            cluster.observe(DnsAnswer::addresses(name, [address], Duration::from_secs(60)));
        }
        Ok(cluster)
    }

    /// Whether a rule of the row is about one address family only.
    fn names_addresses(&self) -> bool {
        self.objects.iter().any(|object| object.contains("cidr:") || object.contains("networks:"))
    }

    fn failures(&self) -> Vec<String> {
        let cluster = match self.cluster() {
            Ok(cluster) => cluster,
            Err(error) => return vec![format!("{}: {error}", self.id)],
        };
        let failures = self.flows.iter().flat_map(|flow| check(&cluster, flow, !self.names_addresses()));
        failures.map(|failure| format!("{}: {failure}", self.id)).collect()
    }
}

/// Runs every row, and fails with all that is wrong.
pub(crate) fn run(rows: &[Row]) {
    let failures: Vec<String> = rows.iter().flat_map(Row::failures).collect();
    assert!(!rows.is_empty());
    assert!(failures.is_empty(), "{} of {} rows:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

/// The cluster of the scenarios with these policies.
pub(crate) fn cluster_with<const N: usize>(objects: [String; N]) -> Cluster {
    row("", objects, []).cluster().unwrap()
}

/// Loads manifests, each with a name of its own where it leaves that open.
pub(crate) fn add(cluster: &mut Cluster, objects: &[String]) -> Result<(), LoadError> {
    let named = objects.iter().enumerate().map(|(index, text)| text.replace("NAME", &format!("p{index}")));
    let sources: Vec<Source> = named.map(|text| Source::new("row.yaml", expand(&text))).collect();
    load(cluster, &sources, &LoadOptions::default()).map(drop)
}

/// What is wrong with the verdict on a flow: by the names of its ends, and by each address family they share.
pub(crate) fn check(cluster: &Cluster, flow: &str, any_family: bool) -> Vec<String> {
    let (question, answer) = flow.split_once(": ").unwrap();
    let (ends, context) = ends(cluster, question);
    let families = [IpVersion::V4, IpVersion::V6];
    let by_address = families.into_iter().filter_map(|version| ends.at(cluster, version));
    let chosen = if any_family { by_address.collect::<Vec<_>>() } else { by_address.take(1).collect() };
    let asked = std::iter::once(ends).chain(chosen);
    asked
        .filter_map(|ends| {
            let verdict = evaluate_once(cluster, &ends.flow(), &context).enforced;
            (!agrees(verdict, answer))
                .then(|| format!("{flow}\n    {:?}\n    is {}", ends.flow(), show(verdict)))
        })
        .collect()
}

/// What a flow goes between, and how.
#[derive(Clone, Copy)]
struct Ends {
    source: Side,
    destination: Side,
    protocol: Protocol,
    port: u16,
}

impl Ends {
    fn flow(&self) -> Flow {
        Flow::new(self.source, self.destination, self.protocol).with_ports(40_000, self.port)
    }

    /// The same with endpoints replaced by their addresses; `None` if an end has none of that family.
    fn at(&self, cluster: &Cluster, version: IpVersion) -> Option<Ends> {
        let address = |side: Side| match side {
            Side::Address(address) => (IpVersion::of(address) == version).then_some(address),
            Side::Endpoint(id) | Side::Both(id, _) => cluster.endpoint(id)?.endpoint.address(version),
        };
        let (source, destination) = (address(self.source)?, address(self.destination)?);
        Some(Ends { source: source.into(), destination: destination.into(), ..*self })
    }
}

fn ends(cluster: &Cluster, question: &str) -> (Ends, FlowContext) {
    let (source, rest) = question.split_once(" -> ").unwrap();
    let mut words = rest.split(' ');
    let destination = words.next().unwrap();
    let (mut protocol, mut port, mut context) = (Protocol::TCP, 0, FlowContext::default());
    for word in words {
        match word.parse() {
            Ok(number) => port = number,
            Err(_) if word == "translated" => context.via_service = true,
            Err(_) => protocol = Protocol::from_name(word).unwrap(),
        }
    }
    let ends =
        Ends { source: side(cluster, source), destination: side(cluster, destination), protocol, port };
    (ends, context)
}

fn side(cluster: &Cluster, name: &str) -> Side {
    let short = ADDRESSES.iter().find(|(short, _)| *short == name);
    let end: EndRef = short.map_or(name, |(_, address)| address).parse().unwrap();
    cluster.side(&end).unwrap()
}

fn agrees(verdict: Verdict, answer: &str) -> bool {
    let (action, reasons) = answer.split_once(" (").unwrap_or((answer, ""));
    let reasons = reasons.trim_end_matches(')').split(", ").filter(|reason| !reason.is_empty());
    let holds = |text: &str| {
        let (direction, reason) = text.split_once(' ').unwrap();
        let direction = if direction == "ingress" { Direction::Ingress } else { Direction::Egress };
        verdict.reason(direction).as_str() == reason
    };
    verdict.action().to_string() == action && reasons.into_iter().all(holds)
}

fn show(verdict: Verdict) -> String {
    let (egress, ingress) = (verdict.reason(Direction::Egress), verdict.reason(Direction::Ingress));
    format!("{} (egress {egress}, ingress {ingress})", verdict.action())
}

/// Writes out the short form of label selectors: `(a=b,c=d)` is `{matchLabels: {a: b, c: d}}`.
fn expand(text: &str) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(') {
        let (labels, tail) = after.split_once(')').unwrap();
        expanded.push_str(&format!(
            "{before}{{matchLabels: {{{}}}}}",
            labels.replace('=', ": ").replace(',', ", ")
        ));
        rest = tail;
    }
    expanded + rest
}

/// A NetworkPolicy, by its namespace, the selector of its pods, its types and its rules.
pub(crate) fn np(namespace: &str, pods: &str, types: &str, rules: &str) -> String {
    let types = if types.is_empty() { String::new() } else { format!(", policyTypes: [{types}]") };
    let rules = if rules.is_empty() { String::new() } else { format!(", {rules}") };
    np_spec(namespace, &format!("{{podSelector: {pods}{types}{rules}}}"))
}

/// A NetworkPolicy, by its namespace and spec.
pub(crate) fn np_spec(namespace: &str, spec: &str) -> String {
    let metadata = format!("{{name: NAME, namespace: {namespace}}}");
    format!("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {metadata}\nspec: {spec}\n")
}

/// A ClusterNetworkPolicy, by its tier, priority, subject and rules.
pub(crate) fn cnp(tier: &str, priority: u32, subject: &str, rules: &str) -> String {
    cnp_spec(&format!("{{tier: {tier}, priority: {priority}, subject: {{{subject}}}, {rules}}}"))
}

/// A ClusterNetworkPolicy, by its spec.
pub(crate) fn cnp_spec(spec: &str) -> String {
    policy_api("v1alpha2", "ClusterNetworkPolicy", "NAME", spec)
}

/// An AdminNetworkPolicy, by its priority, subject and rules.
pub(crate) fn anp(priority: u32, subject: &str, rules: &str) -> String {
    let spec = format!("{{priority: {priority}, subject: {{{subject}}}, {rules}}}");
    policy_api("v1alpha1", "AdminNetworkPolicy", "NAME", &spec)
}

/// A BaselineAdminNetworkPolicy, by its subject and rules.
pub(crate) fn banp(subject: &str, rules: &str) -> String {
    banp_named("default", subject, rules)
}

/// A BaselineAdminNetworkPolicy of any name.
pub(crate) fn banp_named(name: &str, subject: &str, rules: &str) -> String {
    let spec = format!("{{subject: {{{subject}}}, {rules}}}");
    policy_api("v1alpha1", "BaselineAdminNetworkPolicy", name, &spec)
}

fn policy_api(version: &str, kind: &str, name: &str, spec: &str) -> String {
    let api_version = format!("policy.networking.k8s.io/{version}");
    format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

/// A service with an address, in front of one pod of namespace x.
pub(crate) fn service(name: &str, address: &str, pod: &str, port: u16, target: u16) -> String {
    let ports = format!("[{{port: {port}, targetPort: {target}}}]");
    let spec = format!("{{clusterIP: {address}, selector: {{pod: {pod}}}, ports: {ports}}}");
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: x}}\nspec: {spec}\n")
}
