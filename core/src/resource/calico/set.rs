//! Network sets: addresses that selectors can select (`spec/calico.md 1.3`).

objects! { strict
    /// Addresses with labels, in a namespace.
    pub struct NetworkSet is NetworkSet {
        /// The addresses.
        pub spec: NetworkSetSpec,
    }

    /// Addresses with labels, in no namespace.
    pub struct GlobalNetworkSet is GlobalNetworkSet {
        /// The addresses.
        pub spec: NetworkSetSpec,
    }
}

strict! {
    /// The addresses of a [`NetworkSet`] or [`GlobalNetworkSet`].
    pub struct NetworkSetSpec {
        /// Address ranges and single addresses.
        pub nets: Vec<String>,
        /// Domain names (Calico Enterprise), for the destination of egress Allow rules
        /// (`spec/domains-rbac-l7.md 1.1`).
        pub allowed_egress_domains: Vec<String>,
    }
}
