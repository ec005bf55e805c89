//! One rule against one flow (calico.md 4, 8).

use super::facts::{Facts, Party};
use super::outcome::Missing;
use crate::cluster::Cluster;
use crate::dialect::{AbsentAddress, DnsCoverage, HttpPaths, IcmpTypes, Identity, NotIcmp, OtherFamilyNets};
use crate::model::{
    AddressPort, EntityMatch, Flow, FlowContext, Http, HttpMatch, IdentityMatch, IpVersion, Name,
    NamespaceMatch, PortMatch, Rule, SpiffeId,
};
use crate::selector::{LabelSource, Selector};
use ipnet::IpNet;
use std::collections::BTreeMap;

/// Whether a rule matches a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Every criterion holds.
    Yes,
    /// This criterion does not hold; it is the first one that does not.
    No(Criterion),
    /// Every criterion holds that can be judged, and these things are not known.
    Unknown(Vec<Missing>),
    /// The HTTP request is not one that paths can be compared with; the evaluation ends in a deny (calico.md 8).
    Invalid,
}

/// A criterion of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Criterion {
    /// One of the flow as a whole.
    Flow(Field),
    /// One of an end.
    End(End, Field),
}

/// An end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub enum End {
    /// The source.
    Source,
    /// The destination.
    Destination,
}

/// The field of a rule that states a criterion, by its name in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub enum Field {
    /// `ipVersion`
    IpVersion,
    /// `protocol`
    Protocol,
    /// `notProtocol`
    NotProtocol,
    /// `icmp`
    Icmp,
    /// `notICMP`
    NotIcmp,
    /// `selector` and `namespaceSelector`
    Selector,
    /// `notSelector`
    NotSelector,
    /// `nets`
    Nets,
    /// `notNets`
    NotNets,
    /// `nets` and `notNets`, none of which is of the flow's family
    NetsFamily,
    /// `ports`
    Ports,
    /// `notPorts`
    NotPorts,
    /// `services`
    Services,
    /// `nodes`
    Nodes,
    /// `domains`
    Domains,
    /// `serviceAccounts`, against the identity of the peer
    Identity,
    /// An address set
    Set,
    /// A negated address set
    NotSet,
    /// A set of addresses with ports
    PortSet,
    /// `http.methods`
    HttpMethods,
    /// `http.paths`
    HttpPaths,
}

/// Whether one rule of the normal form matches a flow.
pub fn matches(cluster: &Cluster, rule: &Rule, flow: &Flow, context: &FlowContext) -> Match {
    rule_matches(&Facts::new(cluster, flow, context), rule)
}

/// A criterion that holds, does not, or cannot be judged.
enum Truth {
    Holds,
    Fails,
    Unknown(Missing),
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Truth::Holds } else { Truth::Fails }
    }
}

/// The conjunction of the criteria seen so far. The first that fails decides.
struct Conjunction {
    failed: Option<Criterion>,
    missing: Vec<Missing>,
}

impl Conjunction {
    fn require(&mut self, criterion: Criterion, truth: impl FnOnce() -> Truth) {
        if self.failed.is_some() {
            return;
        }
        match truth() {
            Truth::Holds => {}
            Truth::Fails => self.failed = Some(criterion),
            Truth::Unknown(missing) => self.missing.push(missing),
        }
    }
}

pub(crate) fn rule_matches(facts: &Facts<'_>, rule: &Rule) -> Match {
    let mut all = Conjunction { failed: None, missing: Vec::new() };
    flow_criteria(facts, rule, &mut all);
    end_criteria(facts, rule, End::Source, &mut all);
    end_criteria(facts, rule, End::Destination, &mut all);
    let invalid = rule.http.as_ref().is_some_and(|http| http_criteria(facts, http, &mut all));
    match all {
        Conjunction { failed: Some(criterion), .. } => Match::No(criterion),
        _ if invalid => Match::Invalid,
        Conjunction { missing, .. } if missing.is_empty() => Match::Yes,
        Conjunction { missing, .. } => Match::Unknown(missing),
    }
}

fn flow_criteria(facts: &Facts<'_>, rule: &Rule, all: &mut Conjunction) {
    if let Some(wanted) = rule.ip_version {
        all.require(Criterion::Flow(Field::IpVersion), || match facts.version {
            Some(version) => (version == wanted).into(),
            None => Truth::Unknown(Missing::AddressFamily),
        });
    }
    if let Some(wanted) = rule.protocol {
        all.require(Criterion::Flow(Field::Protocol), || (facts.protocol == wanted).into());
    }
    if let Some(unwanted) = rule.not_protocol {
        all.require(Criterion::Flow(Field::NotProtocol), || (facts.protocol != unwanted).into());
    }
    if facts.cluster.dialect().icmp_types == IcmpTypes::Ignored {
        return;
    }
    let (icmp_type, code) = facts.icmp;
    if let Some(wanted) = rule.icmp {
        let holds = facts.protocol.is_icmp() && wanted.matches(icmp_type, code);
        all.require(Criterion::Flow(Field::Icmp), || holds.into());
    }
    if let Some(unwanted) = rule.not_icmp {
        let excluded = match (facts.cluster.dialect().not_icmp, unwanted.code) {
            (NotIcmp::Neither, Some(unwanted_code)) => {
                unwanted.icmp_type == icmp_type || unwanted_code == code
            }
            _ => unwanted.matches(icmp_type, code),
        };
        all.require(Criterion::Flow(Field::NotIcmp), || (!(facts.protocol.is_icmp() && excluded)).into());
    }
}

fn end_criteria(facts: &Facts<'_>, rule: &Rule, end: End, all: &mut Conjunction) {
    let (entity, party) = match end {
        End::Source => (&rule.source, &facts.source),
        End::Destination => (&rule.destination, &facts.destination),
    };
    let at = |field| Criterion::End(end, field);
    nets_criteria(facts, entity, party, end, all);
    if let Some(selector) = &entity.selector {
        all.require(at(Field::Selector), || selected(facts, party, selector, entity.set_domains));
    }
    if let Some(selector) = &entity.not_selector {
        all.require(at(Field::NotSelector), || match selected(facts, party, selector, false) {
            Truth::Holds => Truth::Fails,
            _ => Truth::Holds,
        });
    }
    if let Some(selector) = &entity.nodes {
        all.require(at(Field::Nodes), || {
            let mut nodes = party.address.into_iter().flat_map(|address| facts.cluster.nodes_at(address));
            nodes.any(|node| selector.matches(&node.labels)).into()
        });
    }
    if !entity.domains.is_empty() {
        all.require(at(Field::Domains), || domain(facts, party, &entity.domains));
    }
    if let Some(service) = &entity.service {
        let port = (end == End::Destination).then_some((facts.protocol, party.port));
        all.require(at(Field::Services), || {
            facts.cluster.backs_service(service, party.address, &party.holders, port).into()
        });
    }
    set_criteria(facts, entity, party, end, all);
    if !entity.ports.is_empty() {
        all.require(at(Field::Ports), || port_matches(facts, entity, party, &entity.ports).into());
    }
    if !entity.not_ports.is_empty() {
        all.require(at(Field::NotPorts), || (!port_matches(facts, entity, party, &entity.not_ports)).into());
    }
    if let Some(identity) = &entity.identity {
        all.require(at(Field::Identity), || identity_matches(facts, identity, party).into());
    }
}

fn nets_criteria(
    facts: &Facts<'_>,
    entity: &EntityMatch,
    party: &Party<'_>,
    end: End,
    all: &mut Conjunction,
) {
    let at = |field| Criterion::End(end, field);
    let version =
        facts.version.filter(|_| facts.cluster.dialect().other_family_nets == OtherFamilyNets::RuleOff);
    if let Some(version) = version {
        let off =
            |nets: &[IpNet]| !nets.is_empty() && nets.iter().all(|net| IpVersion::of_net(net) != version);
        all.require(at(Field::NetsFamily), || (!off(&entity.nets) && !off(&entity.not_nets)).into());
    }
    let held = |nets: &[IpNet]| match party.address {
        Some(address) => nets.iter().any(|net| net.contains(&address)).into(),
        None => match facts.cluster.dialect().absent_address {
            AbsentAddress::Undecided => Truth::Unknown(Missing::Address),
            AbsentAddress::NoMatch => Truth::Fails,
        },
    };
    if !entity.nets.is_empty() {
        let workload = party.holders.iter().any(|holder| !holder.endpoint.is_host());
        let skipped = entity.nets_skip_workloads && workload;
        all.require(at(Field::Nets), || if skipped { Truth::Fails } else { held(&entity.nets) });
    }
    if !entity.not_nets.is_empty() {
        all.require(at(Field::NotNets), || match held(&entity.not_nets) {
            Truth::Holds => Truth::Fails,
            Truth::Fails => Truth::Holds,
            unknown => unknown,
        });
    }
}

fn set_criteria(facts: &Facts<'_>, entity: &EntityMatch, party: &Party<'_>, end: End, all: &mut Conjunction) {
    let at = |field| Criterion::End(end, field);
    for set in &entity.sets {
        all.require(at(Field::Set), || party.address.is_some_and(|address| set.contains(address)).into());
    }
    for set in &entity.not_sets {
        all.require(at(Field::NotSet), || {
            (!party.address.is_some_and(|address| set.contains(address))).into()
        });
    }
    for set in &entity.port_sets {
        all.require(at(Field::PortSet), || {
            address_port(facts, party).is_some_and(|member| set.contains(member)).into()
        });
    }
}

fn address_port(facts: &Facts<'_>, party: &Party<'_>) -> Option<AddressPort> {
    party.address.map(|address| AddressPort { address, protocol: facts.protocol, port: party.port })
}

/// Some endpoint or network set with the address matches (calico.md 3.4).
fn selected(facts: &Facts<'_>, party: &Party<'_>, selector: &Selector, set_domains: bool) -> Truth {
    if party.holders.iter().any(|holder| selector.matches(&holder.labels)) {
        return Truth::Holds;
    }
    let Some(address) = party.address else { return Truth::Fails };
    let picked = || facts.cluster.network_sets().filter(|entry| selector.matches(&entry.labels));
    if picked().any(|entry| entry.set.nets.iter().any(|net| net.contains(&address))) {
        return Truth::Holds;
    }
    if set_domains {
        let patterns: Vec<_> = picked().flat_map(|entry| entry.set.domains.iter().cloned()).collect();
        if !patterns.is_empty() {
            return domain(facts, party, &patterns);
        }
    }
    Truth::Fails
}

fn domain(facts: &Facts<'_>, party: &Party<'_>, patterns: &[crate::model::DomainPattern]) -> Truth {
    let Some(address) = party.address else { return Truth::Fails };
    if facts.cluster.domain_of(address, facts.node.as_deref(), patterns).is_some() {
        return Truth::Holds;
    }
    match facts.cluster.dialect().dns_coverage {
        DnsCoverage::Complete => Truth::Fails,
        DnsCoverage::Partial => Truth::Unknown(Missing::DomainNames { address }),
    }
}

/// A number, or a named port of an endpoint that holds the address and that the entity's selector picks (calico.md 4.4).
fn port_matches(facts: &Facts<'_>, entity: &EntityMatch, party: &Party<'_>, ports: &PortMatch) -> bool {
    if !facts.protocol.has_ports() {
        return false;
    }
    let named = || {
        let picked = |holder: &&&crate::cluster::EndpointEntry| {
            entity.selector.as_ref().is_none_or(|selector| selector.matches(&holder.labels))
        };
        party.holders.iter().filter(picked).flat_map(|holder| &holder.endpoint.ports).any(|port| {
            ports.names.contains(&port.name) && port.port == party.port && port.protocol == facts.protocol
        })
    };
    ports.ranges.iter().any(|range| range.contains(party.port))
        || (!ports.names.is_empty() && named())
        || ports.sets.iter().any(|set| address_port(facts, party).is_some_and(|member| set.contains(member)))
}

/// The identity of a TLS peer; one that is not known counts as matched unless it must be verified (calico.md 8).
fn identity_matches(facts: &Facts<'_>, wanted: &IdentityMatch, party: &Party<'_>) -> bool {
    let Some(id) = party.principal.and_then(SpiffeId::parse) else {
        let inspected = party.principal.is_some() || facts.context.http != Http::NotInspected;
        return !(inspected && facts.cluster.dialect().identity == Identity::Verified);
    };
    let labels = facts.cluster.service_account(id.namespace, id.service_account);
    let none = BTreeMap::new();
    let named = wanted.names.is_empty() || wanted.names.iter().any(|name| **name == *id.service_account);
    let selected = wanted.selector.as_ref().is_none_or(|selector| selector.matches(labels.unwrap_or(&none)));
    let in_namespace = match &wanted.namespace {
        NamespaceMatch::Any => true,
        NamespaceMatch::Equals(namespace) => **namespace == *id.namespace,
        NamespaceMatch::Selector(selector) => selector.matches(&NamespaceLabels {
            name: id.namespace,
            labels: facts.cluster.namespace(id.namespace).unwrap_or(&none),
        }),
    };
    named && selected && in_namespace
}

/// The labels of a namespace with those that its name gives it.
struct NamespaceLabels<'a> {
    name: &'a str,
    labels: &'a BTreeMap<Name, Name>,
}

impl LabelSource for NamespaceLabels<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        match key {
            "projectcalico.org/name" => Some(self.name),
            _ => self.labels.label(key),
        }
    }
}

/// True if the request has a path that rules cannot be applied to.
fn http_criteria(facts: &Facts<'_>, wanted: &HttpMatch, all: &mut Conjunction) -> bool {
    let request = match &facts.context.http {
        Http::NotInspected => return false,
        Http::Unknown => {
            all.require(Criterion::Flow(Field::HttpMethods), || Truth::Unknown(Missing::HttpRequest));
            return false;
        }
        Http::Request(request) => request,
    };
    if let Some(method) = &request.method {
        all.require(Criterion::Flow(Field::HttpMethods), || wanted.matches_method(method).into());
    }
    let Some(path) = request.path.as_ref().filter(|_| !wanted.paths.is_empty()) else { return false };
    if !path.starts_with('/') {
        return true;
    }
    let raw = facts.cluster.dialect().http_paths == HttpPaths::Raw;
    all.require(Criterion::Flow(Field::HttpPaths), || {
        wanted
            .paths
            .iter()
            .any(|wanted| if raw { wanted.matches_raw(path) } else { wanted.matches(path) })
            .into()
    });
    false
}
