//! Where implementations legitimately differ: one value says which reading is meant.
//!
//! Every field names its source and starts at the documented behaviour. Two clusters with equal resources and equal
//! dialects answer equally.

pub use crate::model::OtherProtocols;

use crate::model::{PortRange, Protocol};
use ipnet::IpNet;
use std::time::Duration;

/// The readings of the specifications in force. Start from [`Dialect::default`] and change single fields.
///
/// ```
/// use tierwall::dialect::{Dialect, EndpointToHost};
/// let mut dialect = Dialect::default();
/// dialect.endpoint_to_host = EndpointToHost::Drop;
/// assert_ne!(dialect, Dialect::default());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Dialect {
    /// How policies of one order are ranked (calico.md 5.2).
    pub tie_break: TieBreak,
    /// The order of a Tier object that states none (calico.md 1.2).
    pub absent_tier_order: AbsentTierOrder,
    /// How a Calico policy without `types` gets them (calico.md 4.1).
    pub types_defaulting: TypesDefaulting,
    /// What `services` without a namespace means in a namespaced Calico policy (calico.md 4.5).
    pub service_namespace: ServiceNamespace,
    /// Whether Calico Enterprise fields (`domains`, `allowedEgressDomains`) are known (domains-rbac-l7.md 1.1).
    pub flavour: Flavour,
    /// Which rules of Kubernetes admin policy may name domains (kubernetes.md 4.5).
    pub domain_actions: DomainActions,
    /// What `nets` or `notNets` of another family than the flow's do to a rule (calico.md 4.3, 10).
    pub other_family_nets: OtherFamilyNets,
    /// How `notICMP` reads a type with a code (calico.md 10).
    pub not_icmp: NotIcmp,
    /// Whether ICMP types and codes are looked at (calico.md 10: the checker does not).
    pub icmp_types: IcmpTypes,
    /// What a Pass rule in a profile does (calico.md 5.6).
    pub profile_pass: ProfilePass,
    /// What the profile of a namespace is that no manifest declares (calico.md 1.6).
    pub missing_namespace: MissingNamespace,
    /// How paths of HTTP requests are compared (calico.md 8).
    pub http_paths: HttpPaths,
    /// Whether a peer without a verified identity fails service-account criteria (domains-rbac-l7.md 3.4).
    pub identity: Identity,
    /// Traffic of a workload to its own node, after its egress policy allowed it (calico.md 7.3).
    pub endpoint_to_host: EndpointToHost,
    /// Whether NetworkPolicy isolation cuts a pod's egress to its own node (kubernetes.md 2.8).
    pub egress_to_own_node: EgressToOwnNode,
    /// What NetworkPolicy says of protocols other than TCP, UDP and SCTP (kubernetes.md 2.9).
    pub other_protocols: OtherProtocols,
    /// Whether a NetworkPolicy that selects a pod settles the direction it does not list (kubernetes.md 5.3).
    pub selection_scope: SelectionScope,
    /// What host-networked pods are to selectors (kubernetes.md 2.8).
    pub host_network: HostNetwork,
    /// Whether `ipBlock` and `networks` match addresses of pods (kubernetes.md 2.6, 8).
    pub cidr_pods: CidrPods,
    /// What an address range says of an endpoint that has no address.
    pub absent_address: AbsentAddress,
    /// How strictly address ranges of Kubernetes NetworkPolicy are read (kubernetes.md 1.3).
    pub cidr_syntax: CidrSyntax,
    /// Whether the table of DNS answers holds every name that matters (domains-rbac-l7.md 1.5).
    pub dns_coverage: DnsCoverage,
    /// How much longer than its TTL a DNS answer counts (domains-rbac-l7.md 1.4 `dnsExtraTTL`).
    pub dns_extra_ttl: Duration,
    /// Whether the source of node-port traffic is hidden behind the node when the backend is on another node.
    pub node_port_source: NodePortSource,
    /// Ports of host endpoints that are always open (calico.md 7.2).
    pub failsafes: Failsafes,
}

impl Default for Dialect {
    fn default() -> Self {
        Dialect {
            tie_break: TieBreak::default(),
            absent_tier_order: AbsentTierOrder::default(),
            types_defaulting: TypesDefaulting::default(),
            service_namespace: ServiceNamespace::default(),
            flavour: Flavour::default(),
            domain_actions: DomainActions::default(),
            other_family_nets: OtherFamilyNets::default(),
            not_icmp: NotIcmp::default(),
            icmp_types: IcmpTypes::default(),
            profile_pass: ProfilePass::default(),
            missing_namespace: MissingNamespace::default(),
            http_paths: HttpPaths::default(),
            identity: Identity::default(),
            endpoint_to_host: EndpointToHost::default(),
            egress_to_own_node: EgressToOwnNode::default(),
            other_protocols: OtherProtocols::default(),
            selection_scope: SelectionScope::default(),
            host_network: HostNetwork::default(),
            cidr_pods: CidrPods::default(),
            absent_address: AbsentAddress::default(),
            cidr_syntax: CidrSyntax::default(),
            dns_coverage: DnsCoverage::default(),
            dns_extra_ttl: Duration::ZERO,
            node_port_source: NodePortSource::default(),
            failsafes: Failsafes::default(),
        }
    }
}

macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $name:ident { $(#[doc = $first_doc:literal])+ $first:ident, $($(#[doc = $other_doc:literal])+ $other:ident,)+ })+) => {
        $($(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = $first_doc])+
            #[default]
            $first,
            $($(#[doc = $other_doc])+ $other,)+
        })+
    };
}

choices! {
    /// How policies of one order are ranked.
    TieBreak {
        /// By the text `name/namespace/kind` (Calico v3.32 and later).
        NameNamespaceKind,
        /// By the name in the datastore, which starts with the namespace and the tier (Calico v3.29 to v3.31).
        BackendName,
    }
    /// The order of a tier that states none.
    AbsentTierOrder {
        /// 1,000,000, as the client and the API server write it.
        Client,
        /// After every tier that has an order, as felix reads the raw object.
        Last,
    }
    /// How a Calico policy without `types` gets them.
    TypesDefaulting {
        /// By the number of rules, as the client and the API server do.
        ByLength,
        /// By which lists are present, as the admission policy of CRD mode does (v3.32).
        ByPresence,
    }
    /// What `services` without a namespace means.
    ServiceNamespace {
        /// The namespace of the policy, as the API documents.
        Policy,
        /// No service, as felix does.
        NoService,
    }
    /// Which Calico API is read.
    Flavour {
        /// Open source: the Enterprise fields are unknown fields.
        OpenSource,
        /// Enterprise and Cloud: `domains` and `allowedEgressDomains` are known.
        Enterprise,
    }
    /// Which rules may name domains.
    DomainActions {
        /// Rules that allow, as the API documents: a name has no address before it is looked up, so denying by name
        /// is refused.
        AllowOnly,
        /// Rules of any action, as its schema accepts and kube-network-policies evaluates: they match what was looked
        /// up. What was not passes a deny; an incomplete table makes it undecided.
        Any,
    }
    /// What address ranges of another family do.
    OtherFamilyNets {
        /// The rule does not match (the data planes).
        RuleOff,
        /// A range does not hold the address, so `notNets` holds (the checker).
        NoEffect,
    }
    /// How `notICMP` reads a type with a code.
    NotIcmp {
        /// Not both of them (iptables, eBPF).
        NotBoth,
        /// Neither of them (nftables).
        Neither,
    }
    /// Whether ICMP types and codes are looked at.
    IcmpTypes {
        /// They are (the data planes).
        Compared,
        /// They are not (the checker).
        Ignored,
    }
    /// What a Pass rule in a profile does.
    ProfilePass {
        /// The next profile is tried (iptables, nftables).
        NextProfile,
        /// The flow is denied (eBPF, the checker).
        Deny,
    }
    /// What the profile of an undeclared namespace is.
    MissingNamespace {
        /// The namespace is taken to exist, without labels of its own: manifests in git rarely hold it.
        Implied,
        /// It is absent, and an absent profile denies (Calico).
        MissingProfile,
    }
    /// How HTTP paths are compared.
    HttpPaths {
        /// Normalised, prefixes end at segments (v3.31.6, v3.32 and later).
        Normalised,
        /// As text without the query (v3.30 to v3.31.5).
        Raw,
    }
    /// What an unverified peer is to service-account criteria.
    Identity {
        /// They count as matched; the address still has to match (the checker).
        AddressSuffices,
        /// They do not match.
        Verified,
    }
    /// What happens to a workload's traffic to its own node once policy allowed it.
    EndpointToHost {
        /// It is allowed: what Calico's stock manifest sets, and plain Kubernetes means.
        Accept,
        /// It is denied: felix's own default.
        Drop,
        /// The host's own firewall decides, which is not known here.
        Return,
    }
    /// Whether NetworkPolicy isolation cuts egress to the own node.
    EgressToOwnNode {
        /// It does not (the documentation of Kubernetes).
        Allowed,
        /// It does (several implementations).
        Evaluated,
    }
    /// Whether NetworkPolicy settles a direction it does not list.
    SelectionScope {
        /// It does not: baseline policy still decides there.
        PerDirection,
        /// It does: the direction is allowed (kube-network-policies).
        AnyDirection,
    }
    /// What host-networked pods are.
    HostNetwork {
        /// Their node: selectors do not see them.
        Node,
        /// Pods like any other.
        Pod,
    }
    /// Whether Kubernetes address ranges match pods.
    CidrPods {
        /// They do.
        Matched,
        /// They match other addresses only (Cilium).
        NotMatched,
    }
    /// What an address range says of an endpoint without an address.
    AbsentAddress {
        /// It does not hold it.
        NoMatch,
        /// It is not known.
        Undecided,
    }
    /// How strictly address ranges are read.
    CidrSyntax {
        /// As stored objects may hold them: host bits are cut off.
        Legacy,
        /// As new objects must be written (`StrictIPCIDRValidation`).
        Strict,
    }
    /// Whether the DNS table is complete.
    DnsCoverage {
        /// A name without an answer has no address (felix).
        Complete,
        /// A name without an answer is not known: undecided.
        Partial,
    }
    /// Whose address a backend on another node sees for node-port traffic.
    NodePortSource {
        /// The node's that received it, unless the service says `externalTrafficPolicy: Local` (kube-proxy).
        Node,
        /// The client's (eBPF data planes).
        Client,
    }
}

/// Ports of host endpoints that stay open whatever policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failsafes {
    /// Into the host.
    pub inbound: Vec<Failsafe>,
    /// Out of the host.
    pub outbound: Vec<Failsafe>,
}

/// One failsafe port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failsafe {
    /// The protocol.
    pub protocol: Protocol,
    /// The destination port.
    pub ports: PortRange,
    /// Only for remote addresses in this range.
    pub net: Option<IpNet>,
}

impl Default for Failsafes {
    fn default() -> Self {
        let port = |(protocol, port): (Protocol, u16)| Failsafe {
            protocol,
            ports: PortRange::from(port),
            net: None,
        };
        let tcp = |port| (Protocol::TCP, port);
        let udp = |port| (Protocol::UDP, port);
        let both = [179, 2379, 2380, 5473, 6443, 6666, 6667];
        Failsafes {
            inbound: [tcp(22), udp(68)].into_iter().chain(both.map(tcp)).map(port).collect(),
            outbound: [udp(53), udp(67)].into_iter().chain(both.map(tcp)).map(port).collect(),
        }
    }
}
