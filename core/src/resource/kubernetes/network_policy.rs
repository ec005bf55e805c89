//! NetworkPolicy, `networking.k8s.io/v1` (`spec/kubernetes.md 2.1`).

use crate::resource::{IntOrString, LabelSelector};

objects! { strict
    /// A NetworkPolicy of Kubernetes: what may reach the pods it selects, and what they may reach.
    pub struct NetworkPolicy is NetworkPolicy {
        /// Whom it governs and what it allows.
        pub spec: NetworkPolicySpec,
    }
}

strict! {
    /// Whom a [`NetworkPolicy`] governs and what it allows.
    pub struct NetworkPolicySpec {
        /// The pods of the policy's namespace that it governs; the empty selector selects all.
        pub pod_selector: LabelSelector,
        /// `Ingress`, `Egress` or both. Empty: `Ingress`, and `Egress` too if there is an egress rule.
        pub policy_types: Vec<String>,
        /// What may reach the pods. None at all: nothing may.
        pub ingress: Vec<NetworkPolicyIngressRule>,
        /// What the pods may reach. None at all: nothing.
        pub egress: Vec<NetworkPolicyEgressRule>,
    }

    /// Traffic that may reach the pods of a policy: both `ports` and `from` must match.
    pub struct NetworkPolicyIngressRule {
        /// The ports it may come in by. None at all: any port of any protocol.
        pub ports: Vec<NetworkPolicyPort>,
        /// Where it may come from. None at all: from anywhere.
        pub from: Vec<NetworkPolicyPeer>,
    }

    /// Traffic that the pods of a policy may send: both `ports` and `to` must match.
    pub struct NetworkPolicyEgressRule {
        /// The ports it may go to. None at all: any port of any protocol.
        pub ports: Vec<NetworkPolicyPort>,
        /// Where it may go. None at all: anywhere.
        pub to: Vec<NetworkPolicyPeer>,
    }

    /// Ports of one protocol, always those of the destination.
    pub struct NetworkPolicyPort {
        /// `TCP`, `UDP` or `SCTP`; absent: `TCP`.
        pub protocol: Option<String>,
        /// A number, or the name of a port of the destination pod; absent: all ports of the protocol.
        pub port: Option<IntOrString>,
        /// The last port of a range that starts with `port`.
        pub end_port: Option<i64>,
    }

    /// The other end of the traffic: pods by label, or addresses.
    pub struct NetworkPolicyPeer {
        /// Pods with these labels, of the namespaces of `namespace_selector` or else of the policy's own namespace.
        pub pod_selector: Option<LabelSelector>,
        /// Namespaces with these labels; present and empty: all namespaces.
        pub namespace_selector: Option<LabelSelector>,
        /// Addresses. Excludes the selectors.
        pub ip_block: Option<IpBlock>,
    }

    /// Addresses of a range, without some of them.
    pub struct IpBlock {
        /// The range.
        pub cidr: String,
        /// Ranges within it that are left out.
        pub except: Vec<String>,
    }
}
