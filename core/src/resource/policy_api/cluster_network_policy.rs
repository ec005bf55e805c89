//! ClusterNetworkPolicy, `policy.networking.k8s.io/v1alpha2` (`spec/kubernetes.md 4.1`).

use super::{EgressPeer, IngressPeer, Subject};

objects! { strict
    /// A policy that comes before (tier `Admin`) or after (tier `Baseline`) every NetworkPolicy.
    pub struct ClusterNetworkPolicy is ClusterNetworkPolicy {
        /// Whom it governs and what it decides.
        pub spec: ClusterNetworkPolicySpec,
    }
}

strict! {
    /// Whom a [`ClusterNetworkPolicy`] governs and what it decides.
    pub struct ClusterNetworkPolicySpec {
        /// `Admin` or `Baseline`. Required.
        pub tier: String,
        /// 0 to 1000, lower comes first within the tier. Required.
        pub priority: Option<i64>,
        /// Whom it governs. Required.
        pub subject: Subject,
        /// Rules for traffic that reaches the subject; the first that matches decides.
        pub ingress: Vec<ClusterIngressRule>,
        /// Rules for traffic that the subject sends; the first that matches decides.
        pub egress: Vec<ClusterEgressRule>,
    }

    /// What happens to some traffic that reaches the subject.
    pub struct ClusterIngressRule {
        /// A name for people; empty if it has none.
        pub name: String,
        /// `Accept`, `Deny` or `Pass`.
        pub action: String,
        /// Where it comes from; at least one.
        pub from: Vec<IngressPeer>,
        /// Protocols and ports; absent: any. Present and empty is not valid.
        pub protocols: Option<Vec<ClusterNetworkPolicyProtocol>>,
    }

    /// What happens to some traffic that the subject sends.
    pub struct ClusterEgressRule {
        /// A name for people; empty if it has none.
        pub name: String,
        /// `Accept`, `Deny` or `Pass`.
        pub action: String,
        /// Where it goes; at least one.
        pub to: Vec<EgressPeer>,
        /// Protocols and ports; absent: any. Present and empty is not valid.
        pub protocols: Option<Vec<ClusterNetworkPolicyProtocol>>,
    }

    /// A protocol and its ports: exactly one of these.
    pub struct ClusterNetworkPolicyProtocol {
        /// Ports of TCP.
        pub tcp: Option<ProtocolPort>,
        /// Ports of UDP.
        pub udp: Option<ProtocolPort>,
        /// Ports of SCTP.
        pub sctp: Option<ProtocolPort>,
        /// The name of a port of the destination pod, with the protocol it has there.
        pub destination_named_port: Option<String>,
    }

    /// Ports of one protocol.
    pub struct ProtocolPort {
        /// The ports of the destination. Required.
        pub destination_port: Option<DestinationPort>,
    }

    /// One port or a range: exactly one of the two.
    pub struct DestinationPort {
        /// One port, 1 to 65535.
        pub number: Option<i64>,
        /// A range of ports.
        pub range: Option<PortRange>,
    }

    /// A range of ports, both ends included.
    pub struct PortRange {
        /// The first, 1 to 65535; 0 stands for absent, which is not valid.
        pub start: i64,
        /// The last, greater than `start`; 0 stands for absent, which is not valid.
        pub end: i64,
    }
}
