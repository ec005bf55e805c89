//! AdminNetworkPolicy and BaselineAdminNetworkPolicy, `policy.networking.k8s.io/v1alpha1` (`spec/kubernetes.md 3.1`).

use super::{EgressPeer, IngressPeer, NamespacedPod, Subject};
use crate::resource::LabelSelector;

objects! { strict
    /// A policy that comes before every NetworkPolicy.
    pub struct AdminNetworkPolicy is AdminNetworkPolicy {
        /// Whom it governs and what it decides.
        pub spec: AdminNetworkPolicySpec,
    }

    /// The policy, at most one and named `default`, that comes after every NetworkPolicy.
    pub struct BaselineAdminNetworkPolicy is BaselineAdminNetworkPolicy {
        /// Whom it governs and what it decides.
        pub spec: BaselineAdminNetworkPolicySpec,
    }
}

strict! {
    /// Whom an [`AdminNetworkPolicy`] governs and what it decides.
    pub struct AdminNetworkPolicySpec {
        /// 0 to 1000, lower comes first. Required.
        pub priority: Option<i64>,
        /// Whom it governs. Required.
        pub subject: Subject,
        /// Rules for traffic that reaches the subject; the first that matches decides.
        pub ingress: Vec<AdminIngressRule>,
        /// Rules for traffic that the subject sends; the first that matches decides.
        pub egress: Vec<AdminEgressRule>,
    }

    /// Whom a [`BaselineAdminNetworkPolicy`] governs and what it decides.
    pub struct BaselineAdminNetworkPolicySpec {
        /// Whom it governs. Required.
        pub subject: Subject,
        /// Rules for traffic that reaches the subject; the first that matches decides.
        pub ingress: Vec<AdminIngressRule>,
        /// Rules for traffic that the subject sends; the first that matches decides.
        pub egress: Vec<BaselineEgressRule>,
    }

    /// What happens to some traffic that reaches the subject.
    pub struct AdminIngressRule {
        /// A name for people; empty if it has none.
        pub name: String,
        /// `Allow`, `Deny`, or `Pass` (not in a baseline policy).
        pub action: String,
        /// Where it comes from; at least one.
        pub from: Vec<IngressPeer>,
        /// The ports it goes to; absent: any port of any protocol.
        pub ports: Option<Vec<AdminPort>>,
    }

    /// What happens to some traffic that the subject of an [`AdminNetworkPolicy`] sends.
    pub struct AdminEgressRule {
        /// A name for people; empty if it has none.
        pub name: String,
        /// `Allow`, `Deny` or `Pass`.
        pub action: String,
        /// Where it goes; at least one.
        pub to: Vec<EgressPeer>,
        /// The ports it goes to; absent: any port of any protocol.
        pub ports: Option<Vec<AdminPort>>,
    }

    /// What happens to some traffic that the subject of a [`BaselineAdminNetworkPolicy`] sends.
    pub struct BaselineEgressRule {
        /// A name for people; empty if it has none.
        pub name: String,
        /// `Allow` or `Deny`.
        pub action: String,
        /// Where it goes; at least one.
        pub to: Vec<BaselineEgressPeer>,
        /// The ports it goes to; absent: any port of any protocol.
        pub ports: Option<Vec<AdminPort>>,
    }

    /// The destination of outgoing traffic in a baseline policy: exactly one of these.
    pub struct BaselineEgressPeer {
        /// All pods of the namespaces with these labels.
        pub namespaces: Option<LabelSelector>,
        /// Pods by their own labels too.
        pub pods: Option<NamespacedPod>,
        /// The addresses of the nodes with these labels.
        pub nodes: Option<LabelSelector>,
        /// Address ranges, of pods too.
        pub networks: Option<Vec<String>>,
    }

    /// Ports of the destination: exactly one of the three.
    pub struct AdminPort {
        /// One port.
        pub port_number: Option<PortNumber>,
        /// A range of ports.
        pub port_range: Option<ProtocolPortRange>,
        /// The name of a port of the destination pod, with the protocol it has there.
        pub named_port: Option<String>,
    }

    /// One port of a protocol.
    pub struct PortNumber {
        /// `TCP`, `UDP` or `SCTP`; absent: `TCP`.
        pub protocol: Option<String>,
        /// 1 to 65535; 0 stands for absent, which is not valid.
        pub port: i64,
    }

    /// A range of ports of a protocol, both ends included.
    pub struct ProtocolPortRange {
        /// `TCP`, `UDP` or `SCTP`; absent: `TCP`.
        pub protocol: Option<String>,
        /// The first, 1 to 65535; 0 stands for absent, which is not valid.
        pub start: i64,
        /// The last, 1 to 65535; 0 stands for absent, which is not valid.
        pub end: i64,
    }
}
