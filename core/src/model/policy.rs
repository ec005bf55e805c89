//! Tiers, policies and profiles of the normal form.

use super::{Name, Origin, Rule};
use crate::selector::Selector;
use std::cmp::Ordering;
use std::fmt;

/// The direction of a flow as its endpoint sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Direction {
    /// Into the endpoint.
    Ingress,
    /// Out of the endpoint.
    Egress,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        })
    }
}

/// A place in an order: lower comes first, none comes last (calico.md 5.1, 5.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order(Option<f64>);

impl Order {
    /// After everything that has an order.
    pub const LAST: Order = Order(None);

    /// The order `value`.
    pub fn new(value: f64) -> Self {
        // -0.0 and 0.0 are one order.
        Order(Some(value + 0.0))
    }

    /// The number; `None` for [`Order::LAST`].
    pub fn value(self) -> Option<f64> {
        self.0
    }
}

impl From<Option<f64>> for Order {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Order::LAST, Order::new)
    }
}

impl Eq for Order {}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "{value}"),
            None => f.write_str("last"),
        }
    }
}

/// What a tier does with a flow that none of its policies decided (calico.md 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum DefaultAction {
    /// It is denied.
    #[default]
    Deny,
    /// It goes on to the next tier.
    Pass,
}

impl fmt::Display for DefaultAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DefaultAction::Deny => "deny",
            DefaultAction::Pass => "pass",
        })
    }
}

/// A tier: policies that are consulted together (calico.md 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub name: Name,
    /// Its place among the tiers.
    pub order: Order,
    /// What happens to a flow that none of its policies decided.
    pub default_action: DefaultAction,
}

impl Tier {
    /// The tier of Kubernetes admin policies.
    pub const KUBE_ADMIN: &'static str = "kube-admin";
    /// The tier of policies that name none, and of Kubernetes NetworkPolicy.
    pub const DEFAULT: &'static str = "default";
    /// The tier of Kubernetes baseline policies.
    pub const KUBE_BASELINE: &'static str = "kube-baseline";
    /// The order of a Kubernetes NetworkPolicy within the default tier (calico.md 6.1).
    pub const NETWORK_POLICY_ORDER: f64 = 1000.0;
    /// The order that clients give to a tier that states none.
    pub const DEFAULT_ORDER: f64 = 1_000_000.0;

    /// The tiers that always exist (calico.md 1.2, v3.32).
    pub fn reserved() -> [Tier; 3] {
        let tier = |name: &str, order, default_action| Tier {
            name: name.into(),
            order: Order::new(order),
            default_action,
        };
        [
            tier(Self::KUBE_ADMIN, 1000.0, DefaultAction::Pass),
            tier(Self::DEFAULT, Self::DEFAULT_ORDER, DefaultAction::Deny),
            tier(Self::KUBE_BASELINE, 10_000_000.0, DefaultAction::Pass),
        ]
    }

    /// What a policy belongs to whose tier does not exist: it comes last and denies (calico.md 5.1).
    pub fn missing(name: Name) -> Tier {
        Tier { name, order: Order::LAST, default_action: DefaultAction::Deny }
    }
}

/// The API kind of a policy. Its text takes part in the tie-break of policies of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// Calico GlobalNetworkPolicy.
    GlobalNetworkPolicy,
    /// Kubernetes AdminNetworkPolicy (v1alpha1).
    KubernetesAdminNetworkPolicy,
    /// Kubernetes BaselineAdminNetworkPolicy (v1alpha1).
    KubernetesBaselineAdminNetworkPolicy,
    /// Kubernetes ClusterNetworkPolicy (v1alpha2).
    KubernetesClusterNetworkPolicy,
    /// Kubernetes NetworkPolicy.
    KubernetesNetworkPolicy,
    /// Calico NetworkPolicy.
    NetworkPolicy,
    /// Calico StagedGlobalNetworkPolicy.
    StagedGlobalNetworkPolicy,
    /// Calico StagedKubernetesNetworkPolicy.
    StagedKubernetesNetworkPolicy,
    /// Calico StagedNetworkPolicy.
    StagedNetworkPolicy,
}

impl PolicyKind {
    /// The kind's name in Calico's datastore, which its tie-break compares (calico.md 5.2).
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyKind::GlobalNetworkPolicy => "GlobalNetworkPolicy",
            PolicyKind::KubernetesAdminNetworkPolicy => "KubernetesAdminNetworkPolicy",
            PolicyKind::KubernetesBaselineAdminNetworkPolicy => "KubernetesBaselineAdminNetworkPolicy",
            PolicyKind::KubernetesClusterNetworkPolicy => "KubernetesClusterNetworkPolicy",
            PolicyKind::KubernetesNetworkPolicy => "KubernetesNetworkPolicy",
            PolicyKind::NetworkPolicy => "NetworkPolicy",
            PolicyKind::StagedGlobalNetworkPolicy => "StagedGlobalNetworkPolicy",
            PolicyKind::StagedKubernetesNetworkPolicy => "StagedKubernetesNetworkPolicy",
            PolicyKind::StagedNetworkPolicy => "StagedNetworkPolicy",
        }
    }

    /// The short form of flow-log policy strings (calico.md 9.2).
    pub fn short(self) -> &'static str {
        match self {
            PolicyKind::GlobalNetworkPolicy => "gnp",
            PolicyKind::KubernetesAdminNetworkPolicy => "kanp",
            PolicyKind::KubernetesBaselineAdminNetworkPolicy => "kbanp",
            PolicyKind::KubernetesClusterNetworkPolicy => "kcnp",
            PolicyKind::KubernetesNetworkPolicy => "knp",
            PolicyKind::NetworkPolicy => "np",
            PolicyKind::StagedGlobalNetworkPolicy => "sgnp",
            PolicyKind::StagedKubernetesNetworkPolicy => "sknp",
            PolicyKind::StagedNetworkPolicy => "snp",
        }
    }

    /// True for the kinds that are evaluated but not enforced.
    pub fn is_staged(self) -> bool {
        matches!(
            self,
            PolicyKind::StagedGlobalNetworkPolicy
                | PolicyKind::StagedKubernetesNetworkPolicy
                | PolicyKind::StagedNetworkPolicy
        )
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What identifies a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyKey {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its namespace; absent for cluster-scoped kinds.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
}

impl PolicyKey {
    /// `[<namespace>/]<name>`.
    pub fn qualified_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.to_string(),
        }
    }
}

/// `Kind namespace/name`.
impl fmt::Display for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.qualified_name())
    }
}

/// The part of a packet's way at which a policy acts (calico.md 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub enum PolicyClass {
    /// At workloads, and at host endpoints for the host's own traffic; with `apply_on_forward` also for traffic that the
    /// host forwards.
    Normal {
        /// Also for forwarded traffic of host endpoints.
        apply_on_forward: bool,
    },
    /// At host endpoints, before the destination is translated.
    PreDnat,
    /// At host endpoints, before connection tracking.
    Untracked,
}

/// What NetworkPolicy isolation says of protocols other than TCP, UDP and SCTP (kubernetes.md 2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OtherProtocols {
    /// Rules without ports match by peer; else an isolated pod is cut off.
    #[default]
    FollowPeers,
    /// Isolation does not cut them (kube-router).
    Allowed,
    /// The API leaves it open: undecided.
    Undecided,
}

/// What the end of a tier does on account of a policy. Where several policies govern an endpoint, an exemption holds if
/// all of them grant it. The default is Calico's: no exemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Isolation {
    /// Traffic between a workload and its own node is not cut off (kubernetes.md 2.8).
    pub exempts_own_node: bool,
    /// Protocols other than TCP, UDP and SCTP (kubernetes.md 2.9).
    pub other_protocols: OtherProtocols,
    /// The direction that no policy of the tier governs is allowed (kubernetes.md 5.3).
    pub settles_other_direction: bool,
}

/// A policy of the normal form: which endpoints it governs, and in each direction its rules in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What identifies it.
    pub key: PolicyKey,
    /// The tier it belongs to.
    pub tier: Name,
    /// Its place in the tier.
    pub order: Order,
    /// Which endpoints it governs, by effective labels.
    pub subject: Selector,
    /// Ingress rules; `None` if it does not govern ingress.
    pub ingress: Option<Vec<Rule>>,
    /// Egress rules; `None` if it does not govern egress.
    pub egress: Option<Vec<Rule>>,
    /// Where on a packet's way it acts.
    pub class: PolicyClass,
    /// What the end of its tier means on its account.
    pub isolation: Isolation,
    /// Where it stands in its text.
    pub origin: Option<Origin>,
}

impl Policy {
    /// The rules of a direction; `None` if it does not govern it.
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }
}

/// Rules for the endpoints that list it, after every tier, and labels for them (calico.md 1.6).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// Ingress rules.
    pub ingress: Vec<Rule>,
    /// Egress rules.
    pub egress: Vec<Rule>,
    /// Labels that its endpoints inherit.
    pub labels_to_apply: std::collections::BTreeMap<Name, Name>,
}

impl Profile {
    /// A profile that allows everything, like that of a namespace.
    pub fn allow_all() -> Self {
        Profile {
            ingress: vec![Rule::new(super::RuleAction::Allow)],
            egress: vec![Rule::new(super::RuleAction::Allow)],
            ..Profile::default()
        }
    }

    /// The rules of a direction.
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}
