//! One rule of the normal form.

use super::{
    AddressPortSet, AddressSet, DomainPattern, HttpMatch, IcmpMatch, IdentityMatch, IpVersion, Name,
    PortRange, Protocol,
};
use crate::selector::Selector;
use ipnet::IpNet;
use std::fmt;
use std::sync::Arc;

/// What a rule does with a flow it matches (calico.md 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum RuleAction {
    /// Allowed; nothing later is consulted.
    Allow,
    /// Denied; nothing later is consulted.
    Deny,
    /// Noted; the next rule is tried.
    Log,
    /// The rest of the tier is skipped.
    Pass,
}

impl fmt::Display for RuleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RuleAction::Allow => "allow",
            RuleAction::Deny => "deny",
            RuleAction::Log => "log",
            RuleAction::Pass => "pass",
        })
    }
}

/// A rule: an action and the criteria that must *all* hold. A criterion that is absent or empty holds for every flow.
///
/// ```
/// use tierwall::model::{EntityMatch, PortRange, Protocol, Rule, RuleAction};
/// let rule = Rule {
///     protocol: Some(Protocol::TCP),
///     source: EntityMatch { nets: vec!["10.0.0.0/8".parse()?], ..EntityMatch::default() },
///     destination: EntityMatch { ports: PortRange::from(443).into(), ..EntityMatch::default() },
///     ..Rule::new(RuleAction::Allow)
/// };
/// assert_eq!(rule.action, RuleAction::Allow);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What happens to a flow that matches.
    pub action: RuleAction,
    /// Only this family (`ipVersion`).
    pub ip_version: Option<IpVersion>,
    /// Only this protocol.
    pub protocol: Option<Protocol>,
    /// Any protocol but this one.
    pub not_protocol: Option<Protocol>,
    /// Only these ICMP messages.
    pub icmp: Option<IcmpMatch>,
    /// Anything but these ICMP messages.
    pub not_icmp: Option<IcmpMatch>,
    /// The flow's source.
    pub source: EntityMatch,
    /// The flow's destination.
    pub destination: EntityMatch,
    /// The HTTP request, where one is inspected.
    pub http: Option<HttpMatch>,
    /// Where the rule came from.
    pub origin: RuleOrigin,
}

impl Rule {
    /// A rule without criteria: it matches every flow.
    pub fn new(action: RuleAction) -> Self {
        Rule {
            action,
            ip_version: None,
            protocol: None,
            not_protocol: None,
            icmp: None,
            not_icmp: None,
            source: EntityMatch::default(),
            destination: EntityMatch::default(),
            http: None,
            origin: RuleOrigin::default(),
        }
    }
}

/// The criteria on one end of a flow. They must all hold; within one list any member does (calico.md 4.3).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EntityMatch {
    /// The address is that of an endpoint or network set whose effective labels match; it is never an unknown address.
    pub selector: Option<Selector>,
    /// The address is that of no endpoint or network set whose effective labels match.
    pub not_selector: Option<Selector>,
    /// The address is in one of these ranges.
    pub nets: Vec<IpNet>,
    /// `nets` do not hold addresses of workload endpoints (kubernetes.md 8, "ipBlock vs pod IP").
    pub nets_skip_workloads: bool,
    /// The address is in none of these ranges.
    pub not_nets: Vec<IpNet>,
    /// The port is one of these.
    pub ports: PortMatch,
    /// The port is none of these.
    pub not_ports: PortMatch,
    /// The address (with protocol and port, for a destination) is a backend of this service.
    pub service: Option<ServiceKey>,
    /// The address is one of a node whose labels match.
    pub nodes: Option<Selector>,
    /// The address was learned for one of these names.
    pub domains: Vec<DomainPattern>,
    /// Domain names of the network sets that `selector` picks count as members (domains-rbac-l7.md 1.1).
    pub set_domains: bool,
    /// The identity of the TLS peer, where one is known.
    pub identity: Option<IdentityMatch>,
    /// The address is in every one of these sets.
    pub sets: Vec<Arc<AddressSet>>,
    /// The address is in none of these sets.
    pub not_sets: Vec<Arc<AddressSet>>,
    /// The address, protocol and port are in every one of these sets.
    pub port_sets: Vec<Arc<AddressPortSet>>,
}

/// Ports by number, by range, by name, or as resolved sets: any of them (calico.md 4.4).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PortMatch {
    /// Numbers and ranges.
    pub ranges: Vec<PortRange>,
    /// Named ports, resolved on the endpoint that owns the address.
    pub names: Vec<Name>,
    /// Named ports that were resolved elsewhere.
    pub sets: Vec<Arc<AddressPortSet>>,
}

impl PortMatch {
    /// True if there is no criterion.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.names.is_empty() && self.sets.is_empty()
    }
}

impl From<PortRange> for PortMatch {
    fn from(range: PortRange) -> Self {
        PortMatch { ranges: vec![range], ..PortMatch::default() }
    }
}

impl fmt::Display for PortMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.ranges.iter().map(ToString::to_string);
        let names = self.names.iter().map(ToString::to_string);
        let sets = self.sets.iter().map(|set| format!("set {}", set.name));
        let all: Vec<String> = ranges.chain(names).chain(sets).collect();
        write!(f, "[{}]", all.join(", "))
    }
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceKey {
    /// Its namespace; absent only where the policy names none and has none, which matches no service.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace.as_deref().unwrap_or(""), self.name)
    }
}

/// The text an object came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file's path, or `<stdin>` and the like.
    pub source: Arc<str>,
    /// The line it starts at, from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// Which rule of the API object a normal-form rule was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleOrigin {
    /// Its position in the list of its direction, from 0. One Kubernetes rule becomes several rules here.
    pub index: u32,
    /// Its name (`rule.name`, or the annotation `name`).
    pub name: Option<Name>,
    /// Where it stands in its text.
    pub at: Option<Origin>,
}
