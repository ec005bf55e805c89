//! Deterministic clusters and flows of any size, in the normal form.
//!
//! Tier *security* governs everything with a few global policies (quarantine, threat feeds, environments, DNS); tier
//! *platform* governs teams, roles and environments; tier *app* governs each namespace: a default deny, and one or more
//! policies for each app. Team and environment are labels of namespaces, which endpoints inherit.
//!
//! The same parameters give the same objects and flows on every platform.

mod flows;
mod inventory;
mod policies;
pub(crate) mod rng;
mod shape;

pub use flows::{Skew, Traffic};
pub use shape::Shape;

use tierwall::cluster::Cluster;
use tierwall::lower::Lowered;

/// What a workload is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Namespaces. Each has 4 to 16 apps.
    pub namespaces: u32,
    /// Endpoints in each namespace.
    pub endpoints_per_namespace: u32,
    /// Policies of tier *platform*.
    pub platform_policies: u32,
    /// Policies of tier *app*, spread evenly over the namespaces.
    pub app_policies: u32,
    /// Global network sets; the first ten are threat feeds.
    pub network_sets: u32,
    /// Prefixes of all network sets together, skewed to the first sets.
    pub prefixes: u32,
    /// Lists of one to six prefixes that rules spell out.
    pub inline_lists: u32,
    /// What every random choice follows from.
    pub seed: u64,
}

impl Parameters {
    /// How many objects there are, at least.
    fn objects(&self) -> u32 {
        let endpoints = self.namespaces * self.endpoints_per_namespace;
        self.namespaces + endpoints + self.platform_policies + self.app_policies + self.network_sets
    }
}

/// A workload with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// What it is made of.
    pub parameters: Parameters,
}

/// 1,000 endpoints under 100 policies.
pub const S: Suite = Suite {
    name: "S",
    parameters: Parameters {
        namespaces: 10,
        endpoints_per_namespace: 100,
        platform_policies: 13,
        app_policies: 70,
        network_sets: 20,
        prefixes: 100,
        inline_lists: 20,
        seed: 42,
    },
};

/// 10,000 endpoints under 1,000 policies.
pub const M: Suite = Suite {
    name: "M",
    parameters: Parameters {
        namespaces: 100,
        endpoints_per_namespace: 100,
        platform_policies: 83,
        app_policies: 900,
        network_sets: 60,
        prefixes: 1_000,
        inline_lists: 100,
        seed: 42,
    },
};

/// 100,000 endpoints under 10,000 policies: a large multi-tenant cluster.
pub const W1: Suite = Suite {
    name: "W1",
    parameters: Parameters {
        namespaces: 1_000,
        endpoints_per_namespace: 100,
        platform_policies: 183,
        app_policies: 9_800,
        network_sets: 200,
        prefixes: 10_000,
        inline_lists: 400,
        seed: 42,
    },
};

/// Every suite, from the smallest.
pub const SUITES: [Suite; 3] = [S, M, W1];

/// The objects of a cluster, and what flows through it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Namespaces, endpoints, network sets, tiers and policies.
    pub objects: Vec<Lowered>,
    /// The flows.
    pub traffic: Traffic,
}

impl Workload {
    /// The workload of these parameters.
    ///
    /// ```
    /// use tierwall_benches::workload::{S, Shape, Workload, load};
    /// let workload = Workload::generate(&S.parameters);
    /// let shape = Shape::of(&load(workload.objects));
    /// assert_eq!((shape.endpoints, shape.policies), (1_000, 100));
    /// ```
    pub fn generate(parameters: &Parameters) -> Self {
        let mut rng = rng::Rng::new(parameters.seed);
        let inventory = inventory::Inventory::generate(parameters, &mut rng);
        let policies = policies::generate(parameters, &inventory, &mut rng);
        let traffic = Traffic::new(&inventory);
        let mut objects = inventory.objects;
        objects.extend(policies::tiers().map(Lowered::from));
        objects.extend(policies.into_iter().map(Lowered::from));
        Workload { objects, traffic }
    }
}

/// Puts objects into an empty cluster, in one transaction.
pub fn load(objects: Vec<Lowered>) -> Cluster {
    let mut cluster = Cluster::new();
    let mut transaction = cluster.transaction();
    for object in objects {
        transaction.put(object);
    }
    transaction.commit();
    cluster
}
