//! From API objects to the normal form: validation, defaults, and what each field means.
//!
//! `lower` is a pure function of one object and the [`Dialect`](crate::dialect::Dialect). All problems of the object are found at once, each
//! with the field it is about, why it is wrong and what to write instead. A field that is wrong never widens a policy: an
//! object with an error has no normal form, and past this module an invalid policy cannot be expressed.
//!
//! An object must satisfy everything that guards it in a cluster: the schema and the rules of its CRD, and the validator
//! of the API server or client.

mod calico_selector;
mod cidr;
mod kubernetes;
pub mod labels;
mod names;
mod ports;
mod problems;

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
        /// Its labels, as given.
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

/// Lowers an object of any kind.
pub fn lower(resource: &Resource, dialect: &Dialect) -> Lowering {
    kubernetes::lower(resource, dialect)
        .unwrap_or(Lowering { value: Some(Lowered::Nothing), problems: Vec::new() })
}
