//! Objects of Kubernetes itself: NetworkPolicy, and the inventory it speaks of.

mod core;
mod discovery;
mod network_policy;
mod workloads;

pub use self::core::{
    Container, ContainerPort, LoadBalancerIngress, LoadBalancerStatus, Namespace, Node, NodeAddress,
    NodeStatus, Pod, PodIp, PodSpec, PodStatus, Service, ServiceAccount, ServicePort, ServiceSpec,
    ServiceStatus,
};
pub use discovery::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice, ObjectReference};
pub use network_policy::{
    IpBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
pub use workloads::{
    CronJob, CronJobSpec, DaemonSet, Deployment, Job, JobTemplateSpec, PodTemplateSpec, ReplicaSet,
    ReplicationController, StatefulSet, WorkloadSpec,
};
