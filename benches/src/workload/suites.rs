//! The suites that are measured.

use super::production::{Production, RuleForm, SET_SIZES};
use super::{
    AnyPeer, BinaryLabels, DistinctPorts, FiveTuples, Identities, MultiTenant, NestedPrefixes, Recipe,
    SmallNamespaces, Style, Tenants, Workload,
};
use tierwall::model::Direction;

/// A workload with a name.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// What it is made of.
    pub recipe: &'static dyn Recipe,
}

impl Suite {
    /// What every random choice of a suite follows from.
    pub const SEED: u64 = 42;

    /// The cluster and the flows.
    pub fn workload(&self) -> Workload {
        self.recipe.generate(Self::SEED)
    }
}

/// 1,000 endpoints under 100 policies.
pub const S: Suite = Suite { name: "S", recipe: &MultiTenant::S };

/// 10,000 endpoints under 1,000 policies.
pub const M: Suite = Suite { name: "M", recipe: &MultiTenant::M };

/// 100,000 endpoints under 10,000 policies: a large multi-tenant cluster.
pub const W1: Suite = Suite { name: "W1", recipe: &MultiTenant::W1 };

/// 1,000,000 endpoints under 10,000 policies: W1 with ten times as many endpoints.
pub const XL: Suite =
    Suite { name: "XL", recipe: &MultiTenant { endpoints_per_namespace: 1_000, ..MultiTenant::W1 } };

/// 100,000 endpoints under 50,000 policies: W1 with five times as many policies.
pub const P50K: Suite =
    Suite { name: "P50k", recipe: &MultiTenant { app_policies: 49_800, ..MultiTenant::W1 } };

/// One endpoint under 18,816 egress rules of an allow list: the production deployment that Calico's pull request 13265
/// is about, with the criteria that such a list has. Only its sizes are published, so the rest is chosen here.
pub const PROD_E: Suite = Suite {
    name: "PROD-E",
    recipe: &Production {
        direction: Direction::Egress,
        form: RuleForm::AllowList,
        policies: 294,
        rules_per_policy: 64,
        references_per_mille: 250,
        denies: 19,
        allows: 19,
        sets: &SET_SIZES,
    },
};

/// One endpoint under 19,992 ingress rules: the store of `BenchmarkEvaluateBaselinePolicyScale` in Calico's
/// `app-policy/checker`. There, half of the references are to the flow's other end, and no flow matches any rule.
pub const PROD_I: Suite = Suite {
    name: "PROD-I",
    recipe: &Production {
        direction: Direction::Ingress,
        form: RuleForm::Guarded,
        policies: 294,
        rules_per_policy: 68,
        references_per_mille: 242,
        denies: 10,
        allows: 1,
        sets: &SET_SIZES,
    },
};

/// 100,000 namespaces of one endpoint and one policy each: `IsolatedCustomers100k` of Calico's `felix/calc` benchmarks.
pub const TENANT: Suite = Suite { name: "TENANT", recipe: &Tenants { namespaces: 100_000 } };

/// 25,000 namespaces of four endpoints and three policies each: `networkpolicy_controller_perf_test.go` of Antrea.
pub const ANTREA: Suite = Suite { name: "ANTREA", recipe: &SmallNamespaces { namespaces: 25_000 } };

/// 600 identities of five endpoints and five policies each: the network policy scale test of Cilium's CI (pull request
/// 35278, `cl2-modules/netpol`) on 100 nodes.
pub const CILIUM_CI: Suite =
    Suite { name: "CILIUM-CI", recipe: &Identities { identities: 600, endpoints_per_identity: 5 } };

/// W1 with 40 binary labels set at random, and global policies on pairs of them: every endpoint is a class of its own.
pub const ADV_LABEL: Suite =
    Suite { name: "ADV-LABEL", recipe: &BinaryLabels { cluster: MultiTenant::W1, labels: 40 } };

/// W1 with 2,000 global policies, which every endpoint has many of.
pub const ADV_GLOBAL: Suite = Suite {
    name: "ADV-GLOBAL",
    recipe: &MultiTenant { platform_policies: 2_000, app_policies: 7_983, ..MultiTenant::W1 },
};

/// W1 with 20,000 distinct ports instead of 120, none next to another.
pub const ADV_PORT: Suite =
    Suite { name: "ADV-PORT", recipe: &DistinctPorts { cluster: MultiTenant::W1, ports: 20_000 } };

/// W1 with 100,000 prefixes in its network sets, in 5,000 chains of 20 prefixes around each other.
pub const ADV_CIDR: Suite =
    Suite { name: "ADV-CIDR", recipe: &NestedPrefixes { cluster: MultiTenant::W1, chains: 5_000 } };

/// M with one more endpoint, under 15,000 rules of one port each for any peer: what multiplies rules by peers in a table
/// of both.
pub const ADV_ANYPEER: Suite = Suite {
    name: "ADV-ANYPEER",
    recipe: &AnyPeer { cluster: MultiTenant::M, policies: 150, rules_per_policy: 100 },
};

/// One endpoint under 10,000 rules of a router's access control lists.
pub const CB_ACL: Suite = Suite { name: "CB-ACL", recipe: &FiveTuples { style: Style::Acl, rules: 10_000 } };

/// One endpoint under 10,000 rules of a firewall.
pub const CB_FW: Suite = Suite { name: "CB-FW", recipe: &FiveTuples { style: Style::Fw, rules: 10_000 } };

/// One endpoint under 10,000 rules of a Linux packet filter.
pub const CB_IPC: Suite = Suite { name: "CB-IPC", recipe: &FiveTuples { style: Style::Ipc, rules: 10_000 } };

/// Every suite: those of one kind together, from the smallest.
pub const SUITES: [Suite; 18] = [
    S,
    M,
    W1,
    XL,
    P50K,
    PROD_E,
    PROD_I,
    TENANT,
    ANTREA,
    CILIUM_CI,
    ADV_LABEL,
    ADV_GLOBAL,
    ADV_PORT,
    ADV_CIDR,
    ADV_ANYPEER,
    CB_ACL,
    CB_FW,
    CB_IPC,
];
