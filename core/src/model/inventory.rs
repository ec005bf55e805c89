//! What is there to be governed and matched: endpoints, network sets, nodes and services.

use super::{DomainPattern, IpVersion, Name, Origin, Protocol, ServiceKey};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// What an endpoint was declared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointKind {
    /// A Kubernetes pod.
    Pod,
    /// A Calico WorkloadEndpoint, of any orchestrator.
    WorkloadEndpoint,
    /// A Kubernetes Deployment, standing for its pods; it has no address. Likewise the following ones.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A ReplicaSet.
    ReplicaSet,
    /// A Job.
    Job,
    /// A CronJob.
    CronJob,
    /// A ReplicationController.
    ReplicationController,
    /// A Calico HostEndpoint: interfaces of a node.
    HostEndpoint,
}

impl EndpointKind {
    /// Every kind, in the order in which a bare name is looked up.
    pub const ALL: [EndpointKind; 10] = [
        EndpointKind::Pod,
        EndpointKind::WorkloadEndpoint,
        EndpointKind::Deployment,
        EndpointKind::StatefulSet,
        EndpointKind::DaemonSet,
        EndpointKind::ReplicaSet,
        EndpointKind::Job,
        EndpointKind::CronJob,
        EndpointKind::ReplicationController,
        EndpointKind::HostEndpoint,
    ];

    /// The kind's name in its API.
    pub fn as_str(self) -> &'static str {
        match self {
            EndpointKind::Pod => "Pod",
            EndpointKind::WorkloadEndpoint => "WorkloadEndpoint",
            EndpointKind::Deployment => "Deployment",
            EndpointKind::StatefulSet => "StatefulSet",
            EndpointKind::DaemonSet => "DaemonSet",
            EndpointKind::ReplicaSet => "ReplicaSet",
            EndpointKind::Job => "Job",
            EndpointKind::CronJob => "CronJob",
            EndpointKind::ReplicationController => "ReplicationController",
            EndpointKind::HostEndpoint => "HostEndpoint",
        }
    }
}

/// What identifies an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// Its kind.
    pub kind: EndpointKind,
    /// Its namespace; absent for host endpoints.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
}

/// `Kind namespace/name`.
impl fmt::Display for EndpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind.as_str(), self.name),
            None => write!(f, "{} {}", self.kind.as_str(), self.name),
        }
    }
}

/// A workload endpoint or host endpoint (calico.md 1.4, 1.5, 2).
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// What identifies it.
    pub key: EndpointKey,
    /// Its labels, with the automatic ones (`projectcalico.org/namespace`, ...) and without those it inherits.
    pub labels: BTreeMap<Name, Name>,
    /// Its profiles, in the order they are consulted.
    pub profiles: Vec<Name>,
    /// Its addresses; empty for a workload that never ran.
    pub addresses: Vec<IpAddr>,
    /// Its named ports.
    pub ports: Vec<EndpointPort>,
    /// The node it is on.
    pub node: Option<Name>,
    /// Its service account.
    pub service_account: Option<Name>,
    /// Which interfaces it stands for; host endpoints only.
    pub interface: Option<HostInterface>,
    /// Where it stands in its text.
    pub origin: Option<Origin>,
}

impl Endpoint {
    /// True for a host endpoint.
    pub fn is_host(&self) -> bool {
        self.key.kind == EndpointKind::HostEndpoint
    }

    /// The first of its addresses of a family.
    pub fn address(&self, version: IpVersion) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| IpVersion::of(*address) == version)
    }
}

/// The interfaces a host endpoint stands for (calico.md 7.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostInterface {
    /// Every interface of the node (`*`).
    All,
    /// The interface of this name.
    Named(Name),
    /// The interface that has one of the endpoint's addresses.
    ByAddress,
}

/// A named port of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointPort {
    /// Its name.
    pub name: Name,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub port: u16,
}

/// What identifies a network set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkSetKey {
    /// The namespace of a NetworkSet; absent for a GlobalNetworkSet.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
}

/// A NetworkSet or GlobalNetworkSet (calico.md 1.3).
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSet {
    /// What identifies it.
    pub key: NetworkSetKey,
    /// Its labels, with the automatic one of its namespace and without those it inherits.
    pub labels: BTreeMap<Name, Name>,
    /// The profile whose labels it inherits: that of its namespace.
    pub profile: Option<Name>,
    /// Its ranges.
    pub nets: Vec<IpNet>,
    /// Its domain names (`allowedEgressDomains`).
    pub domains: Vec<DomainPattern>,
}

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: Name,
    /// Its labels.
    pub labels: BTreeMap<Name, Name>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A Kubernetes Service, as far as a flow to one of its addresses is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// What identifies it.
    pub key: ServiceKey,
    /// Its cluster, external and load-balancer addresses; empty for a headless service.
    pub addresses: Vec<IpAddr>,
    /// Which pods of its namespace back it; absent for a service whose slices are written by hand.
    pub selector: Option<BTreeMap<Name, Name>>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Node-port traffic goes to backends of the receiving node only (`externalTrafficPolicy: Local`).
    pub local_only: bool,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; slices refer to it.
    pub name: Option<Name>,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port of the service's addresses.
    pub port: u16,
    /// The port of the backends: a number, or a named port of each.
    pub target: ServiceTarget,
    /// The port of every node.
    pub node_port: Option<u16>,
}

/// The backend port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceTarget {
    /// This number.
    Number(u16),
    /// The backend's port of this name.
    Named(Name),
}

/// An EndpointSlice: backends of a service (calico.md 4.5).
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceSlice {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// The service it belongs to (label `kubernetes.io/service-name`).
    pub service: Option<ServiceKey>,
    /// Its addresses.
    pub backends: Vec<ServiceBackend>,
    /// Its ports: name, protocol and number.
    pub ports: Vec<(Option<Name>, Protocol, u16)>,
}

/// One address of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceBackend {
    /// The address.
    pub address: IpAddr,
    /// It receives traffic of the service's addresses (`conditions.ready`); policy does not look at this.
    pub ready: bool,
}

impl Service {
    /// Whether the service's selector picks a workload: by the labels it was declared with, in the service's namespace.
    pub(crate) fn selects(&self, endpoint: &Endpoint) -> bool {
        let Some(selector) = self.selector.as_ref().filter(|selector| !selector.is_empty()) else {
            return false;
        };
        !endpoint.is_host()
            && endpoint.key.namespace == self.key.namespace
            && selector.iter().all(|(key, value)| endpoint.labels.get(key) == Some(value))
    }
}

impl ServicePort {
    /// The number of the port on an endpoint that backs it.
    pub(crate) fn target_on(&self, endpoint: &Endpoint) -> Option<u16> {
        match &self.target {
            ServiceTarget::Number(number) => Some(*number),
            ServiceTarget::Named(name) => {
                let named = endpoint
                    .ports
                    .iter()
                    .find(|known| known.name == *name && known.protocol == self.protocol);
                named.map(|known| known.port)
            }
        }
    }
}
