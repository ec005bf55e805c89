//! What the policy kinds of Kubernetes have in common, once read: every selector as the Calico selector it equals.

use super::ports::{PortEntry, PortGroup, group};
use super::selector::Terms;
use crate::model::{Direction, DomainPattern, Name, PolicyKind, RuleAction};
use crate::selector::Selector;
use ipnet::IpNet;

/// A policy of any Kubernetes kind. Parts that have no meaning are `None`, and the problem stands in the checker.
#[derive(Debug)]
pub(super) struct KubernetesPolicy {
    /// Its kind.
    pub(super) kind: PolicyKind,
    /// Its namespace; absent for cluster-scoped kinds.
    pub(super) namespace: Option<Name>,
    /// Its name.
    pub(super) name: Name,
    /// The tier it belongs to.
    pub(super) tier: Option<&'static str>,
    /// Its place in the tier.
    pub(super) order: Option<f64>,
    /// Which pods it governs.
    pub(super) subject: Option<PodPeer>,
    /// Whether it governs ingress.
    pub(super) governs_ingress: bool,
    /// Whether it governs egress.
    pub(super) governs_egress: bool,
    /// It says that a policy will be deleted, and nothing else; staged policies only.
    pub(super) is_deletion: bool,
    /// Its ingress rules.
    pub(super) ingress: Vec<Rule>,
    /// Its egress rules.
    pub(super) egress: Vec<Rule>,
}

impl KubernetesPolicy {
    /// The rules of a direction, be it governed or not.
    pub(super) fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// Whether it governs a direction.
    pub(super) fn governs(&self, direction: Direction) -> bool {
        match direction {
            Direction::Ingress => self.governs_ingress,
            Direction::Egress => self.governs_egress,
        }
    }
}

/// One rule of the API object.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name.
    pub(super) name: Option<Name>,
    /// What it does.
    pub(super) action: Option<RuleAction>,
    /// Whom it is about; without any, everyone.
    pub(super) peers: Option<Vec<Peer>>,
    /// Destination ports; without any, every port and protocol.
    pub(super) ports: Option<Vec<PortEntry>>,
}

impl Rule {
    /// The rule in parts, each with one protocol and at most one peer, in Calico's order: by protocol, then by peer.
    /// `None` if a part of the rule has no meaning.
    pub(super) fn parts(&self) -> Option<Vec<Part<'_>>> {
        let (action, peers, ports) = (self.action?, self.peers.as_ref()?, self.ports.as_ref()?);
        let peers: Vec<Option<&Peer>> =
            if peers.is_empty() { vec![None] } else { peers.iter().map(Some).collect() };
        let parts = group(ports).into_iter().flat_map(|ports| {
            peers
                .iter()
                .map(move |peer| Part { action, ports: ports.clone(), peer: *peer })
                .collect::<Vec<_>>()
        });
        Some(parts.collect())
    }
}

/// One Calico rule's worth of a [`Rule`].
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// What it does.
    pub(super) action: RuleAction,
    /// The protocol, and ports of it.
    pub(super) ports: PortGroup,
    /// Whom it is about, if not everyone.
    pub(super) peer: Option<&'a Peer>,
}

/// One peer of a rule.
#[derive(Debug)]
pub(super) enum Peer {
    /// Pods.
    Pods(PodPeer),
    /// Address ranges, and what is cut out of them.
    Nets(Vec<IpNet>, Vec<IpNet>),
    /// Addresses of nodes.
    Nodes(Selector),
    /// Domain names.
    Domains(Vec<DomainPattern>),
}

/// Pods, by labels of their own and of their namespaces.
#[derive(Debug, Default)]
pub(super) struct PodPeer {
    /// The pods; `None` where a peer names namespaces only, as Calico has it.
    pub(super) pods: Option<Terms>,
    /// The namespaces; `None` for the policy's own.
    pub(super) namespaces: Option<Terms>,
}

impl PodPeer {
    /// Calico's `selector`.
    pub(super) fn selector(&self) -> String {
        self.pods.as_ref().map(Terms::of_pods).unwrap_or_default()
    }

    /// Calico's `namespaceSelector`.
    pub(super) fn namespace_selector(&self) -> String {
        self.namespaces.as_ref().map(Terms::of_namespaces).unwrap_or_default()
    }
}
