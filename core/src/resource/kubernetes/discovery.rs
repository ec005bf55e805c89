//! EndpointSlice, `discovery.k8s.io/v1`: the endpoints behind a service.

objects! { lenient
    /// Some of the endpoints of a service; the label `kubernetes.io/service-name` says which.
    pub struct EndpointSlice is EndpointSlice {
        /// `IPv4`, `IPv6` or `FQDN`.
        pub address_type: String,
        /// The endpoints.
        pub endpoints: Vec<Endpoint>,
        /// The ports that each of them has.
        pub ports: Vec<EndpointPort>,
    }
}

lenient! {
    /// An endpoint of an [`EndpointSlice`].
    pub struct Endpoint {
        /// Its addresses; only the first is in use.
        pub addresses: Vec<String>,
        /// Whether it may be used.
        pub conditions: EndpointConditions,
        /// The node it is on.
        pub node_name: Option<String>,
        /// The object it stands for, mostly a pod.
        pub target_ref: Option<ObjectReference>,
    }

    /// Whether an [`Endpoint`] may be used. Absent means unknown.
    pub struct EndpointConditions {
        /// Ready for traffic.
        pub ready: Option<bool>,
        /// Able to serve, even if it is terminating.
        pub serving: Option<bool>,
        /// Shutting down.
        pub terminating: Option<bool>,
    }

    /// An object that another one refers to.
    pub struct ObjectReference {
        /// Its kind.
        pub kind: String,
        /// Its namespace.
        pub namespace: String,
        /// Its name.
        pub name: String,
    }

    /// A port of an [`EndpointSlice`].
    pub struct EndpointPort {
        /// The name of the service's port.
        pub name: String,
        /// `TCP`, `UDP` or `SCTP`; absent: `TCP`.
        pub protocol: Option<String>,
        /// Its number; absent: the slice says nothing about ports.
        pub port: Option<i64>,
    }
}
