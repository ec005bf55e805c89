//! Deterministic clusters and flows of any size, in the normal form.
//!
//! A [`Suite`] is a [`Recipe`] of full size with a name. Recipes take sizes, so that tests can make small clusters of the
//! same shape:
//!
//! * [`MultiTenant`]: a large cluster of many teams (S, M, W1, XL, P50k, ADV-GLOBAL).
//! * [`Production`]: one endpoint under thousands of rules and network sets (PROD-E, PROD-I).
//! * [`Tenants`], [`SmallNamespaces`], [`Identities`]: what Calico, Antrea and Cilium test themselves with.
//! * [`FiveTuples`]: rules of a packet classifier (CB-ACL, CB-FW, CB-IPC).
//! * [`BinaryLabels`], [`DistinctPorts`], [`NestedPrefixes`], [`AnyPeer`]: what compiled engines like least.
//!
//! The same recipe and seed give the same objects and flows on every platform.

mod adversarial;
mod five_tuples;
mod flows;
mod identities;
mod multi_tenant;
mod objects;
mod production;
pub(crate) mod rng;
mod shape;
mod small_namespaces;
mod suites;
mod tenants;

pub use adversarial::{AnyPeer, BinaryLabels, DistinctPorts, NestedPrefixes};
pub use five_tuples::{FiveTuples, Style};
pub use flows::{Skew, Traffic};
pub use identities::Identities;
pub use multi_tenant::MultiTenant;
pub use production::{Production, RuleForm, SetSizes};
pub use shape::Shape;
pub(crate) use shape::rules;
pub use small_namespaces::SmallNamespaces;
pub use suites::*;
pub use tenants::Tenants;

use std::fmt;
use tierwall::cluster::Cluster;
use tierwall::lower::Lowered;

/// A kind of cluster, of some size.
pub trait Recipe: fmt::Debug + Sync {
    /// A cluster of this kind, and its flows. Every random choice follows from the seed.
    fn generate(&self, seed: u64) -> Workload;
}

/// The objects of a cluster, and what flows through it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Namespaces, endpoints, network sets, tiers and policies.
    pub objects: Vec<Lowered>,
    /// The flows.
    pub traffic: Traffic,
}

/// Puts objects into an empty cluster, in one transaction.
///
/// ```
/// use tierwall_benches::workload::{S, Shape, load};
/// let shape = Shape::of(&load(S.workload().objects));
/// assert_eq!((shape.endpoints, shape.policies), (1_000, 100));
/// ```
pub fn load(objects: Vec<Lowered>) -> Cluster {
    let mut cluster = Cluster::new();
    let mut transaction = cluster.transaction();
    for object in objects {
        transaction.put(object);
    }
    transaction.commit();
    cluster
}
