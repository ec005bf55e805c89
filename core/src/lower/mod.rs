//! From API objects to the normal form: validation, defaults, and what each field means.
//!
//! [`lower`] is a pure function of one object and the [`Dialect`]. All problems of the object are found at once, each
//! with the field it is about, why it is wrong and what to write instead. A field that is wrong never widens a policy: an
//! object with an error has no normal form, and past this module an invalid policy cannot be expressed.
//!
//! An object must satisfy everything that guards it in a cluster: the schema and the rules of its CRD, and the validator
//! of the API server or client.

mod calico_endpoint;
mod calico_entity;
mod calico_http;
mod calico_objects;
mod calico_policy;
mod calico_rule;
mod calico_selector;
#[cfg(test)]
mod calico_tests;
mod cidr;
mod kubernetes;
pub mod labels;
mod names;
mod ports;
mod problems;
mod staged;

pub use kubernetes::calico_form;

use crate::diagnostic::Problem;
use crate::dialect::Dialect;
use crate::model::{Endpoint, Name, NetworkSet, Node, Policy, Profile, Service, ServiceSlice, Tier};
use crate::resource::Resource;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What an object is in the normal form.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Lowered {
    /// A policy of any kind.
    Policy(Policy),
    /// A tier.
    Tier(Tier),
    /// A profile and its name.
    Profile(Name, Profile),
    /// A NetworkSet or GlobalNetworkSet.
    NetworkSet(NetworkSet),
    /// A workload endpoint or host endpoint.
    Endpoint(Endpoint),
    /// A pod that shares the network of its node: no endpoint of its own.
    HostPod {
        /// Its namespace.
        namespace: Name,
        /// Its name.
        name: Name,
        /// The node it runs on, once it is scheduled.
        node: Option<Name>,
        /// Its addresses, which are those of the node.
        addresses: Vec<IpAddr>,
    },
    /// A namespace; its profile is [`labels::namespace_profile`].
    Namespace {
        /// Its name.
        name: Name,
        /// Its labels, with `kubernetes.io/metadata.name`.
        labels: BTreeMap<Name, Name>,
    },
    /// A service account; its profile is [`labels::service_account_profile`].
    ServiceAccount {
        /// Its namespace.
        namespace: Name,
        /// Its name.
        name: Name,
        /// Its labels, as given.
        labels: BTreeMap<Name, Name>,
    },
    /// A node.
    Node(Node),
    /// A service.
    Service(Service),
    /// Some backends of a service.
    Slice(ServiceSlice),
    /// Nothing that policy knows of, such as a pod that has finished or a staged deletion.
    Nothing,
}

/// What came of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowering {
    /// The normal form; `None` exactly if one of the problems is an error.
    pub value: Option<Lowered>,
    /// Everything wrong with the object, in the order of its fields.
    pub problems: Vec<Problem>,
}

impl Lowering {
    /// The errors, without the warnings.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.is_error())
    }
}

/// Lowers one object.
///
/// ```
/// use tierwall::dialect::Dialect;
/// use tierwall::lower::lower;
/// use tierwall::resource::{ObjectMeta, Resource, calico};
///
/// let rule = calico::Rule { action: "allow".to_owned(), ..calico::Rule::default() };
/// let mut policy = calico::NetworkPolicy { metadata: ObjectMeta::namespaced("shop", "web"), ..Default::default() };
/// policy.spec.ingress = Some(vec![rule]);
///
/// let lowering = lower(&Resource::from(policy), &Dialect::default());
/// assert!(lowering.value.is_none());
/// let problem = &lowering.problems[0];
/// assert_eq!(problem.path.to_string(), "spec.ingress[0].action");
/// assert_eq!(problem.help.as_deref(), Some("did you mean `Allow`?"));
/// ```
pub fn lower(resource: &Resource, dialect: &Dialect) -> Lowering {
    match resource {
        Resource::CalicoNetworkPolicy(object) => calico_policy::network_policy(object, dialect),
        Resource::GlobalNetworkPolicy(object) => calico_policy::global_network_policy(object, dialect),
        Resource::StagedNetworkPolicy(object) => calico_policy::staged_network_policy(object, dialect),
        Resource::StagedGlobalNetworkPolicy(object) => {
            calico_policy::staged_global_network_policy(object, dialect)
        }
        Resource::Tier(object) => calico_objects::tier(object, dialect),
        Resource::Profile(object) => calico_objects::profile(object, dialect),
        Resource::NetworkSet(object) => calico_objects::network_set(object, dialect),
        Resource::GlobalNetworkSet(object) => calico_objects::global_network_set(object, dialect),
        Resource::HostEndpoint(object) => calico_endpoint::host_endpoint(object),
        Resource::WorkloadEndpoint(object) => calico_endpoint::workload_endpoint(object),
        _ => kubernetes::lower(resource, dialect),
    }
}
