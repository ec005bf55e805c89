//! Objects of the Network Policy API (`policy.networking.k8s.io`): policies of administrators, for the whole cluster.

mod admin;
mod cluster_network_policy;

pub use admin::{
    AdminEgressRule, AdminIngressRule, AdminNetworkPolicy, AdminNetworkPolicySpec, AdminPort,
    BaselineAdminNetworkPolicy, BaselineAdminNetworkPolicySpec, BaselineEgressPeer, BaselineEgressRule,
    PortNumber, ProtocolPortRange,
};
pub use cluster_network_policy::{
    ClusterEgressRule, ClusterIngressRule, ClusterNetworkPolicy, ClusterNetworkPolicyProtocol,
    ClusterNetworkPolicySpec, DestinationPort, PortRange, ProtocolPort,
};

use crate::resource::LabelSelector;

strict! {
    /// Whom a policy governs: exactly one of the two.
    pub struct Subject {
        /// All pods of the namespaces with these labels.
        pub namespaces: Option<LabelSelector>,
        /// Pods by their own labels too.
        pub pods: Option<NamespacedPod>,
    }

    /// The source of incoming traffic: exactly one of the two.
    pub struct IngressPeer {
        /// All pods of the namespaces with these labels.
        pub namespaces: Option<LabelSelector>,
        /// Pods by their own labels too.
        pub pods: Option<NamespacedPod>,
    }

    /// The destination of outgoing traffic: exactly one of these.
    pub struct EgressPeer {
        /// All pods of the namespaces with these labels.
        pub namespaces: Option<LabelSelector>,
        /// Pods by their own labels too.
        pub pods: Option<NamespacedPod>,
        /// The addresses of the nodes with these labels.
        pub nodes: Option<LabelSelector>,
        /// Address ranges, of pods too.
        pub networks: Option<Vec<String>>,
        /// Domain names, `*.` in front for all names below (`spec/kubernetes.md 4.5`).
        pub domain_names: Option<Vec<String>>,
    }

    /// Pods by the labels of their namespace and their own.
    pub struct NamespacedPod {
        /// The namespaces. Required in v1alpha1; in v1alpha2 absent means all.
        pub namespace_selector: Option<LabelSelector>,
        /// The pods. Required.
        pub pod_selector: Option<LabelSelector>,
    }
}
