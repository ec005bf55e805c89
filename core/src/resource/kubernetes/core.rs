//! The inventory: namespaces, pods, nodes, service accounts, services (`v1`), as far as it bears on policy
//! (`spec/kubernetes.md 1.1`).

use crate::resource::IntOrString;
use std::collections::BTreeMap;

objects! { lenient
    /// A namespace; policies select it by its labels.
    pub struct Namespace is Namespace {}

    /// A service account; policies select it by its name and labels.
    pub struct ServiceAccount is ServiceAccount {}

    /// A pod.
    pub struct Pod is Pod {
        /// What it runs as and where.
        pub spec: PodSpec,
        /// Its phase and addresses.
        pub status: PodStatus,
    }

    /// A node of the cluster.
    pub struct Node is Node {
        /// Its addresses.
        pub status: NodeStatus,
    }

    /// A service.
    pub struct Service is Service {
        /// Its addresses, ports and the pods behind it.
        pub spec: ServiceSpec,
        /// The addresses of its load balancer.
        pub status: ServiceStatus,
    }
}

lenient! {
    /// What a [`Pod`] runs as and where.
    pub struct PodSpec {
        /// The node it runs on; empty until it is scheduled.
        pub node_name: String,
        /// True for a pod that shares the addresses of its node.
        pub host_network: bool,
        /// The service account it runs as; empty: that of `service_account`.
        pub service_account_name: String,
        /// The former name of `service_account_name`.
        pub service_account: String,
        /// Its containers.
        pub containers: Vec<Container>,
        /// Containers that run before the others, or beside them (`restart_policy`).
        pub init_containers: Vec<Container>,
    }

    /// A container of a [`PodSpec`].
    pub struct Container {
        /// Its name.
        pub name: String,
        /// The ports it declares.
        pub ports: Vec<ContainerPort>,
        /// `Always` for an init container that keeps running (a sidecar).
        pub restart_policy: Option<String>,
    }

    /// A port that a [`Container`] declares.
    pub struct ContainerPort {
        /// The name that policies may call it by; empty if it has none.
        pub name: String,
        /// Its number; 0 stands for absent, which is not valid.
        pub container_port: i64,
        /// `TCP`, `UDP` or `SCTP`; absent: `TCP`.
        pub protocol: Option<String>,
        /// The port of the node that leads to it.
        pub host_port: Option<i64>,
    }

    /// The phase and the addresses of a [`Pod`].
    pub struct PodStatus {
        /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`; empty where there is no status.
        pub phase: String,
        /// Its first address; empty until it has one.
        pub pod_ip as "podIP": String,
        /// All its addresses, at most one of each family.
        pub pod_ips as "podIPs": Vec<PodIp>,
        /// The address of its node.
        pub host_ip as "hostIP": String,
    }

    /// One address of a [`Pod`].
    pub struct PodIp {
        /// The address.
        pub ip: String,
    }

    /// The addresses of a [`Node`].
    pub struct NodeStatus {
        /// All its addresses and names.
        pub addresses: Vec<NodeAddress>,
    }

    /// One address of a [`Node`].
    pub struct NodeAddress {
        /// `InternalIP`, `ExternalIP`, `Hostname`, `InternalDNS` or `ExternalDNS`.
        pub address_type as "type": String,
        /// An address, or a name for the types of names.
        pub address: String,
    }

    /// The addresses and ports of a [`Service`], and the pods behind it.
    pub struct ServiceSpec {
        /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`; empty: `ClusterIP`.
        pub service_type as "type": String,
        /// Its first address, `None` for a headless service.
        pub cluster_ip as "clusterIP": String,
        /// All its addresses, at most one of each family.
        pub cluster_ips as "clusterIPs": Vec<String>,
        /// The labels of the pods behind it.
        pub selector: BTreeMap<String, String>,
        /// Its ports.
        pub ports: Vec<ServicePort>,
        /// Further addresses at which nodes accept traffic for it.
        pub external_ips as "externalIPs": Vec<String>,
        /// The load balancer address that was asked for.
        pub load_balancer_ip as "loadBalancerIP": String,
        /// `Cluster` or `Local`; empty: `Cluster`.
        pub external_traffic_policy: String,
        /// True if pods that are not ready count too.
        pub publish_not_ready_addresses: bool,
    }

    /// A port of a [`Service`].
    pub struct ServicePort {
        /// Its name; empty if it has none.
        pub name: String,
        /// `TCP`, `UDP` or `SCTP`; absent: `TCP`.
        pub protocol: Option<String>,
        /// Its number; 0 stands for absent, which is not valid.
        pub port: i64,
        /// The port of the pods, by number or name; absent: the same as `port`.
        pub target_port: Option<IntOrString>,
        /// The port of every node that leads to it.
        pub node_port: Option<i64>,
    }

    /// What became of a [`Service`].
    pub struct ServiceStatus {
        /// Its load balancer.
        pub load_balancer: LoadBalancerStatus,
    }

    /// The load balancer of a [`Service`].
    pub struct LoadBalancerStatus {
        /// Where it accepts traffic.
        pub ingress: Vec<LoadBalancerIngress>,
    }

    /// One place where a load balancer accepts traffic.
    pub struct LoadBalancerIngress {
        /// Its address; empty if it is known by name only.
        pub ip: String,
    }
}
