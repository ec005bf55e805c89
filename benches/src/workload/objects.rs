//! The objects that recipes make, with no more said than a recipe has to say.

use super::rng::length;
use ipnet::{IpNet, Ipv4Net};
use std::collections::BTreeMap;
use std::iter;
use std::net::{IpAddr, Ipv4Addr};
use tierwall::lower::{Lowered, labels};
use tierwall::model::{
    DefaultAction, Direction, Endpoint, EndpointKey, EndpointKind, EntityMatch, Isolation, Name, NetworkSet,
    NetworkSetKey, Order, Policy, PolicyClass, PolicyKey, PolicyKind, PortMatch, PortRange, Protocol, Rule,
    RuleAction, RuleOrigin, Tier,
};
use tierwall::selector::Selector;

/// The label by which rules find network sets; its value is the set's name.
const NETWORK_SET_LABEL: &str = "nset";

pub(super) fn tier(name: &str, order: f64, default_action: DefaultAction) -> Tier {
    Tier { name: name.into(), order: Order::new(order), default_action }
}

/// A namespace with these labels and the one that every namespace has.
pub(super) fn namespace(name: &Name, labels: impl IntoIterator<Item = (Name, Name)>) -> Lowered {
    let own = (labels::METADATA_NAME_LABEL.into(), name.clone());
    Lowered::Namespace { name: name.clone(), labels: labels.into_iter().chain([own]).collect() }
}

/// Makes pods, with one copy of the text of the labels that all of them have.
pub(super) struct Pods {
    namespace: Name,
    orchestrator: Name,
    kubernetes: Name,
}

impl Pods {
    pub(super) fn new() -> Self {
        Pods {
            namespace: labels::NAMESPACE_LABEL.into(),
            orchestrator: labels::ORCHESTRATOR_LABEL.into(),
            kubernetes: labels::KUBERNETES.into(),
        }
    }

    /// A pod with these labels and the automatic ones.
    pub(super) fn pod(
        &self,
        namespace: &Name,
        name: Name,
        address: Ipv4Addr,
        labels: impl IntoIterator<Item = (Name, Name)>,
        profiles: Vec<Name>,
    ) -> Lowered {
        let automatic = [(&self.namespace, namespace), (&self.orchestrator, &self.kubernetes)];
        let automatic = automatic.map(|(key, value)| (key.clone(), value.clone()));
        Lowered::from(Endpoint {
            key: EndpointKey { kind: EndpointKind::Pod, namespace: Some(namespace.clone()), name },
            labels: labels.into_iter().chain(automatic).collect(),
            profiles,
            addresses: vec![IpAddr::V4(address)],
            ports: Vec::new(),
            node: None,
            service_account: None,
            interface: None,
            origin: None,
        })
    }
}

/// A tier that denies at its end, and one endpoint with its namespace, by the label `app` *edge*.
pub(super) fn edge(tier_name: &str, address: Ipv4Addr) -> Vec<Lowered> {
    let name: Name = "edge".into();
    let labels = [("app".into(), name.clone())];
    let profiles = labels::workload_profiles(&name, None);
    vec![
        tier(tier_name, 100.0, DefaultAction::Deny).into(),
        namespace(&name, iter::empty()),
        Pods::new().pod(&name, name.clone(), address, labels, profiles),
    ]
}

/// A global network set, which [`in_network_set`] finds.
pub(super) fn network_set(number: u32, nets: &[Ipv4Net]) -> Lowered {
    let name: Name = format!("set-{number}").into();
    Lowered::from(NetworkSet {
        key: NetworkSetKey { namespace: None, name: name.clone() },
        labels: BTreeMap::from([(NETWORK_SET_LABEL.into(), name)]),
        profile: None,
        nets: nets.iter().copied().map(IpNet::V4).collect(),
        domains: Vec::new(),
    })
}

pub(super) fn label(key: &str, value: &str) -> Selector {
    Selector::equals(key, value)
}

pub(super) fn in_network_set(number: u32) -> Selector {
    label(NETWORK_SET_LABEL, &format!("set-{number}"))
}

pub(super) fn in_namespace(name: &str) -> Selector {
    label(labels::NAMESPACE_LABEL, name)
}

/// The other end of a flow, found by its labels.
pub(super) fn peer(selector: Selector) -> EntityMatch {
    EntityMatch { selector: Some(selector), ..EntityMatch::default() }
}

/// The other end of a flow, found by its address.
pub(super) fn peer_in(nets: Vec<IpNet>) -> EntityMatch {
    EntityMatch { nets, ..EntityMatch::default() }
}

/// The prefix of this length that holds an address.
pub(super) fn prefix(address: Ipv4Addr, length: u32) -> Ipv4Net {
    let length = u8::try_from(length).unwrap_or(32);
    Ipv4Net::new(address, length).unwrap_or(Ipv4Net::from(address)).trunc()
}

/// `first` and the `more` ports after it.
pub(super) fn ports_from(first: u16, more: u16) -> PortRange {
    PortRange::new(first, first.saturating_add(more)).unwrap_or(first.into())
}

/// The rules of a policy, as they are written down one by one.
#[derive(Default)]
pub(super) struct Rules {
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
}

impl Rules {
    pub(super) fn push(
        &mut self,
        direction: Direction,
        action: RuleAction,
        protocol: Option<Protocol>,
        peer: EntityMatch,
        ports: Vec<PortRange>,
    ) {
        let list = match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        };
        let mut rule = Rule { protocol, ..Rule::new(action) };
        rule.origin = RuleOrigin { index: length(list), ..RuleOrigin::default() };
        match direction {
            Direction::Ingress => rule.source = peer,
            Direction::Egress => rule.destination = peer,
        }
        rule.destination.ports = PortMatch { ranges: ports, ..PortMatch::default() };
        list.push(rule);
    }
}

/// Writes the policies of a tier in order, one after the other.
pub(super) struct Author {
    tier: &'static str,
    pub(super) policies: Vec<Policy>,
}

impl Author {
    pub(super) fn new(tier: &'static str) -> Self {
        Author { tier, policies: Vec::new() }
    }

    /// Adds a policy that governs the directions it has rules for, and ingress if `ingress` says so.
    pub(super) fn push(&mut self, namespace: Option<&Name>, subject: Selector, ingress: bool, rules: Rules) {
        let number = length(&self.policies);
        let kind = match namespace {
            Some(_) => PolicyKind::NetworkPolicy,
            None => PolicyKind::GlobalNetworkPolicy,
        };
        self.policies.push(Policy {
            key: PolicyKey {
                kind,
                namespace: namespace.cloned(),
                name: format!("{}-{number}", self.tier).into(),
            },
            tier: self.tier.into(),
            order: Order::new(f64::from(number)),
            subject,
            ingress: (ingress || !rules.ingress.is_empty()).then_some(rules.ingress),
            egress: (!rules.egress.is_empty()).then_some(rules.egress),
            class: PolicyClass::Normal { apply_on_forward: false },
            isolation: Isolation::default(),
            origin: None,
        });
    }
}
