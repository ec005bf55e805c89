//! NetworkPolicy and GlobalNetworkPolicy (`spec/calico.md 1.1`).

use super::Rule;

objects! { strict
    /// A policy for the workload endpoints of its namespace.
    pub struct NetworkPolicy is CalicoNetworkPolicy {
        /// Whom it governs and what it decides.
        pub spec: NetworkPolicySpec,
    }

    /// A policy for the workload and host endpoints of the whole cluster.
    pub struct GlobalNetworkPolicy is GlobalNetworkPolicy {
        /// Whom it governs and what it decides.
        pub spec: GlobalNetworkPolicySpec,
    }
}

strict! {
    /// Whom a [`NetworkPolicy`] governs and what it decides.
    pub struct NetworkPolicySpec {
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

    /// Whom a [`GlobalNetworkPolicy`] governs and what it decides.
    pub struct GlobalNetworkPolicySpec {
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
}
