//! A large multi-tenant cluster.
//!
//! Tier *security* governs everything with a few global policies (quarantine, threat feeds, environments, DNS); tier
//! *platform* governs teams, roles and environments; tier *app* governs each namespace: a default deny, and one or more
//! policies for each app. Team and environment are labels of namespaces, which endpoints inherit.

mod inventory;
mod policies;

pub(super) use policies::{APP, PLATFORM};

use super::flows::{AmongPods, Mix, Traffic};
use super::rng::Rng;
use super::{Recipe, Workload};
use inventory::Inventory;
use tierwall::lower::Lowered;

/// Most flows stay in the cluster; half of those that leave it go to an address that some network set holds.
const MIX: Mix = Mix { same_namespace: 42, any_pod: 38, listed: 10, named_port: 85, tcp: 88 };

/// Namespaces with apps of several roles, under three tiers of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultiTenant {
    /// Namespaces. Each has 4 to 16 apps.
    pub namespaces: u32,
    /// Endpoints in each namespace.
    pub endpoints_per_namespace: u32,
    /// Policies of tier *platform*. Tier *security* has 17.
    pub platform_policies: u32,
    /// Policies of tier *app*, spread evenly over the namespaces.
    pub app_policies: u32,
    /// Global network sets; the first ten are threat feeds.
    pub network_sets: u32,
    /// Prefixes of all network sets together, skewed to the first sets.
    pub prefixes: u32,
    /// Lists of one to six prefixes that rules spell out.
    pub inline_lists: u32,
}

impl MultiTenant {
    /// 1,000 endpoints under 100 policies.
    pub const S: Self = MultiTenant {
        namespaces: 10,
        endpoints_per_namespace: 100,
        platform_policies: 13,
        app_policies: 70,
        network_sets: 20,
        prefixes: 100,
        inline_lists: 20,
    };

    /// 10,000 endpoints under 1,000 policies.
    pub const M: Self = MultiTenant {
        namespaces: 100,
        endpoints_per_namespace: 100,
        platform_policies: 83,
        app_policies: 900,
        network_sets: 60,
        prefixes: 1_000,
        inline_lists: 100,
    };

    /// 100,000 endpoints under 10,000 policies.
    pub const W1: Self = MultiTenant {
        namespaces: 1_000,
        endpoints_per_namespace: 100,
        platform_policies: 183,
        app_policies: 9_800,
        network_sets: 200,
        prefixes: 10_000,
        inline_lists: 400,
    };

    /// How many objects there are, at least.
    fn objects(&self) -> u32 {
        let endpoints = self.namespaces * self.endpoints_per_namespace;
        self.namespaces + endpoints + self.platform_policies + self.app_policies + self.network_sets
    }
}

impl Recipe for MultiTenant {
    fn generate(&self, seed: u64) -> Workload {
        let mut rng = Rng::new(seed);
        let inventory = Inventory::generate(self, &mut rng);
        let policies = policies::generate(self, &inventory, &mut rng);
        let Inventory { addresses, prefixes, ports, mut objects, .. } = inventory;
        objects.extend(policies::tiers().map(Lowered::from));
        objects.extend(policies.into_iter().map(Lowered::from));
        let per_namespace = self.endpoints_per_namespace;
        let traffic = Traffic::among_pods(AmongPods { mix: MIX, addresses, per_namespace, prefixes, ports });
        Workload { objects, traffic }
    }
}
