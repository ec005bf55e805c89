//! Staged policies: policies that are tried out without taking effect (`spec/calico.md 1.1`).

use super::Rule;
use crate::resource::LabelSelector;
use crate::resource::kubernetes::{NetworkPolicyEgressRule, NetworkPolicyIngressRule};

objects! { strict
    /// The staged twin of a Calico NetworkPolicy.
    pub struct StagedNetworkPolicy is StagedNetworkPolicy {
        /// What is staged.
        pub spec: StagedNetworkPolicySpec,
    }

    /// The staged twin of a GlobalNetworkPolicy.
    pub struct StagedGlobalNetworkPolicy is StagedGlobalNetworkPolicy {
        /// What is staged.
        pub spec: StagedGlobalNetworkPolicySpec,
    }

    /// The staged twin of a Kubernetes NetworkPolicy.
    pub struct StagedKubernetesNetworkPolicy is StagedKubernetesNetworkPolicy {
        /// What is staged.
        pub spec: StagedKubernetesNetworkPolicySpec,
    }
}

strict! {
    /// What a [`StagedNetworkPolicy`] stages; see [`NetworkPolicySpec`](super::NetworkPolicySpec).
    pub struct StagedNetworkPolicySpec {
        /// `Set`, `Delete`, `Learn` or `Ignore`; empty: `Set`. With `Delete` the rest but the tier stays empty.
        pub staged_action: String,
        /// The tier it belongs to; empty: `default`.
        pub tier: String,
        /// Its place in the tier, lower comes first; absent: last.
        pub order: Option<f64>,
        /// The endpoints it governs; empty: all of the namespace.
        pub selector: String,
        /// The service accounts whose endpoints it governs; empty: any or none.
        pub service_account_selector: String,
        /// `Ingress`, `Egress` or both; empty: by the rules there are (`spec/calico.md 4.1`).
        pub types: Vec<String>,
        /// Rules for traffic that reaches the endpoints; the first that matches decides.
        pub ingress: Option<Vec<Rule>>,
        /// Rules for traffic that the endpoints send; the first that matches decides.
        pub egress: Option<Vec<Rule>>,
        /// `AssumeNeededOnEveryNode`; never changes a verdict.
        pub performance_hints: Vec<String>,
    }

    /// What a [`StagedGlobalNetworkPolicy`] stages; see [`GlobalNetworkPolicySpec`](super::GlobalNetworkPolicySpec).
    pub struct StagedGlobalNetworkPolicySpec {
        /// `Set`, `Delete`, `Learn` or `Ignore`; empty: `Set`. With `Delete` the rest but the tier stays empty.
        pub staged_action: String,
        /// The tier it belongs to; empty: `default`.
        pub tier: String,
        /// Its place in the tier, lower comes first; absent: last.
        pub order: Option<f64>,
        /// The endpoints it governs; empty: all.
        pub selector: String,
        /// The namespaces whose endpoints it governs; empty: any or none.
        pub namespace_selector: String,
        /// The service accounts whose endpoints it governs; empty: any or none.
        pub service_account_selector: String,
        /// `Ingress`, `Egress` or both; empty: by the rules there are (`spec/calico.md 4.1`).
        pub types: Vec<String>,
        /// Rules for traffic that reaches the endpoints; the first that matches decides.
        pub ingress: Option<Vec<Rule>>,
        /// Rules for traffic that the endpoints send; the first that matches decides.
        pub egress: Option<Vec<Rule>>,
        /// Of host endpoints: decide before connections are tracked. Needs `apply_on_forward`.
        pub do_not_track: bool,
        /// Of host endpoints: decide before the destination is translated. Needs `apply_on_forward`.
        pub pre_dnat as "preDNAT": bool,
        /// Of host endpoints: decide on forwarded traffic too.
        pub apply_on_forward: bool,
        /// `AssumeNeededOnEveryNode`; never changes a verdict.
        pub performance_hints: Vec<String>,
    }

    /// What a [`StagedKubernetesNetworkPolicy`] stages; see
    /// [`NetworkPolicySpec`](crate::resource::kubernetes::NetworkPolicySpec).
    pub struct StagedKubernetesNetworkPolicySpec {
        /// `Set`, `Delete`, `Learn` or `Ignore`; empty: `Set`. With `Delete` the rest stays empty.
        pub staged_action: String,
        /// The pods of the policy's namespace that it governs; the empty selector selects all.
        pub pod_selector: LabelSelector,
        /// `Ingress`, `Egress` or both. Empty: `Ingress`, and `Egress` too if there is `egress`.
        pub policy_types: Vec<String>,
        /// What may reach the pods.
        pub ingress: Option<Vec<NetworkPolicyIngressRule>>,
        /// What the pods may reach.
        pub egress: Option<Vec<NetworkPolicyEgressRule>>,
    }
}
