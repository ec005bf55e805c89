//! Host endpoints and workload endpoints (`spec/calico.md 1.4`, `1.5`).

use crate::resource::{Ignored, IntOrString};

objects! { strict
    /// An interface of a node, or all of them.
    pub struct HostEndpoint is HostEndpoint {
        /// What it is and has.
        pub spec: HostEndpointSpec,
    }

    /// An interface of a workload, mostly of a pod.
    pub struct WorkloadEndpoint is WorkloadEndpoint {
        /// What it is and has.
        pub spec: WorkloadEndpointSpec,
    }
}

strict! {
    /// What a [`HostEndpoint`] is and has.
    pub struct HostEndpointSpec {
        /// The name of the node. Required.
        pub node: String,
        /// The interface, `*` for all; empty: the one with `expected_ips`.
        pub interface_name: String,
        /// Its addresses: the only ones by which selectors and named ports find it.
        pub expected_ips as "expectedIPs": Vec<String>,
        /// The profiles that apply after all tiers, in order.
        pub profiles: Vec<String>,
        /// Its named ports.
        pub ports: Vec<EndpointPort>,
    }

    /// A named port of a [`HostEndpoint`].
    pub struct EndpointPort {
        /// The name that policies call it by.
        pub name: String,
        /// `TCP`, `UDP` or `SCTP`. Required.
        pub protocol: Option<IntOrString>,
        /// Its number, 1 to 65535; 0 stands for absent, which is not valid.
        pub port: i64,
    }

    /// What a [`WorkloadEndpoint`] is and has.
    pub struct WorkloadEndpointSpec {
        /// What runs the workload: `k8s` for pods.
        pub orchestrator: String,
        /// The workload, where it is not a pod.
        pub workload: String,
        /// The name of the node.
        pub node: String,
        /// The container.
        pub container_id as "containerID": String,
        /// The pod.
        pub pod: String,
        /// The name of the interface within the workload.
        pub endpoint: String,
        /// The service account that the workload runs as; empty if it has none.
        pub service_account_name: String,
        /// Its addresses, as ranges of one address.
        pub ip_networks: Vec<String>,
        /// Address translation, which comes before policy.
        pub ip_nats as "ipNATs": Vec<IpNat>,
        /// The IPv4 gateway.
        pub ipv4_gateway: String,
        /// The IPv6 gateway.
        pub ipv6_gateway: String,
        /// The profiles that apply after all tiers, in order.
        pub profiles: Vec<String>,
        /// The interface on the node.
        pub interface_name: String,
        /// The hardware address.
        pub mac: String,
        /// Its named ports.
        pub ports: Vec<WorkloadEndpointPort>,
        /// Ranges that it may send from besides its own addresses.
        pub allow_spoofed_source_prefixes: Vec<String>,
        /// Limits of bandwidth and the like.
        pub qos_controls: Ignored,
    }

    /// An address of a [`WorkloadEndpoint`] that the outside knows by another one.
    pub struct IpNat {
        /// The endpoint's own address.
        pub internal_ip as "internalIP": String,
        /// The address outside.
        pub external_ip as "externalIP": String,
    }

    /// A named port of a [`WorkloadEndpoint`].
    pub struct WorkloadEndpointPort {
        /// The name that policies call it by; empty if it has none.
        pub name: String,
        /// `TCP`, `UDP` or `SCTP`. Required.
        pub protocol: Option<IntOrString>,
        /// Its number, 1 to 65535; 0 stands for absent, which is not valid.
        pub port: i64,
        /// The port of the node that leads to it; 0 if there is none.
        pub host_port: i64,
        /// The address of the node for `host_port`; empty: any.
        pub host_ip as "hostIP": String,
    }
}
