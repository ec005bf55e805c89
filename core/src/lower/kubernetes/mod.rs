//! The kinds of Kubernetes: NetworkPolicy, the Network Policy API, and the inventory (`spec/kubernetes.md`).
//!
//! A policy is read once and checked on the way; from what was read come both its normal form and, for people, the Calico
//! policy that it equals.

mod admin_peers;
mod admin_policy;
mod calico_form;
mod cluster_policy;
mod inventory;
mod network_policy;
mod normal;
mod policy;
mod ports;
mod selector;
mod services;
mod staged;
#[cfg(all(test, feature = "serde"))]
mod tests;
mod workloads;

pub use calico_form::calico_form;

use self::policy::KubernetesPolicy;
use super::problems::Checker;
use super::{Lowered, Lowering};
use crate::dialect::Dialect;
use crate::model::{EndpointKind, PolicyKind};
use crate::resource::Resource;

/// Lowers an object of a Kubernetes kind, or a StagedKubernetesNetworkPolicy.
pub(super) fn lower(resource: &Resource, dialect: &Dialect) -> Lowering {
    let mut checker = Checker::default();
    let value = match read_policy(&mut checker, resource, dialect) {
        Some(policy) if policy.is_deletion => Some(Lowered::Nothing),
        Some(policy) => normal::policy(&mut checker, &policy, dialect).map(Lowered::Policy),
        None => Some(inventory(&mut checker, resource, dialect)),
    };
    checker.finish(value)
}

/// Reads a policy of any Kubernetes kind; `None` for what is not a policy.
fn read_policy(checker: &mut Checker, resource: &Resource, dialect: &Dialect) -> Option<KubernetesPolicy> {
    Some(match resource {
        Resource::NetworkPolicy(policy) => {
            let kind = PolicyKind::KubernetesNetworkPolicy;
            network_policy::read(checker, kind, &policy.metadata, &policy.spec, dialect.cidr_syntax)
        }
        Resource::StagedKubernetesNetworkPolicy(policy) => staged::read(checker, policy, dialect),
        Resource::AdminNetworkPolicy(policy) => admin_policy::read_admin(checker, policy, dialect),
        Resource::BaselineAdminNetworkPolicy(policy) => admin_policy::read_baseline(checker, policy),
        Resource::ClusterNetworkPolicy(policy) => cluster_policy::read(checker, policy, dialect),
        _ => return None,
    })
}

fn inventory(checker: &mut Checker, resource: &Resource, dialect: &Dialect) -> Lowered {
    let mut workload =
        |kind, metadata, template| workloads::workload(checker, kind, metadata, template, dialect);
    match resource {
        Resource::Deployment(object) => {
            workload(EndpointKind::Deployment, &object.metadata, &object.spec.template)
        }
        Resource::StatefulSet(object) => {
            workload(EndpointKind::StatefulSet, &object.metadata, &object.spec.template)
        }
        Resource::DaemonSet(object) => {
            workload(EndpointKind::DaemonSet, &object.metadata, &object.spec.template)
        }
        Resource::ReplicaSet(object) => {
            workload(EndpointKind::ReplicaSet, &object.metadata, &object.spec.template)
        }
        Resource::ReplicationController(object) => {
            workload(EndpointKind::ReplicationController, &object.metadata, &object.spec.template)
        }
        Resource::Job(object) => workload(EndpointKind::Job, &object.metadata, &object.spec.template),
        Resource::CronJob(object) => {
            workload(EndpointKind::CronJob, &object.metadata, &object.spec.job_template.spec.template)
        }
        Resource::Pod(pod) => workloads::pod(checker, pod, dialect),
        Resource::Node(node) => inventory::node(checker, node),
        Resource::Namespace(namespace) => inventory::namespace(namespace),
        Resource::ServiceAccount(account) => inventory::service_account(account),
        Resource::Service(service) => services::service(checker, service),
        Resource::EndpointSlice(slice) => services::slice(checker, slice),
        // The kinds of Calico are lowered elsewhere.
        _ => Lowered::Nothing,
    }
}
