//! Every recipe that is not of the small suites, of a size that the reference can handle.

use tierwall::model::Direction;
use tierwall_benches::workload::{
    AnyPeer, BinaryLabels, DistinctPorts, FiveTuples, Identities, MultiTenant, NestedPrefixes, Production,
    Recipe, RuleForm, SetSizes, SmallNamespaces, Style, Tenants,
};

const CLUSTER: MultiTenant = MultiTenant { platform_policies: 60, ..MultiTenant::S };

const SETS: [SetSizes; 3] = [
    SetSizes { count: 1, smallest: 0, largest: 0 },
    SetSizes { count: 30, smallest: 1, largest: 9 },
    SetSizes { count: 2, smallest: 100, largest: 200 },
];

const PRODUCTION: Production = Production {
    direction: Direction::Egress,
    form: RuleForm::AllowList,
    policies: 10,
    rules_per_policy: 16,
    references_per_mille: 250,
    denies: 10,
    allows: 10,
    sets: &SETS,
};

/// The recipes, by the names of their suites.
pub(crate) const RECIPES: [(&str, &dyn Recipe); 13] = [
    ("PROD-E", &PRODUCTION),
    ("PROD-I", &Production { direction: Direction::Ingress, form: RuleForm::Guarded, ..PRODUCTION }),
    ("TENANT", &Tenants { namespaces: 300 }),
    ("ANTREA", &SmallNamespaces { namespaces: 50 }),
    ("CILIUM-CI", &Identities { identities: 20, endpoints_per_identity: 5 }),
    ("ADV-LABEL", &BinaryLabels { cluster: CLUSTER, labels: 10 }),
    ("ADV-GLOBAL", &MultiTenant { platform_policies: 400, ..MultiTenant::S }),
    ("ADV-PORT", &DistinctPorts { cluster: CLUSTER, ports: 200 }),
    ("ADV-CIDR", &NestedPrefixes { cluster: CLUSTER, chains: 50 }),
    ("ADV-ANYPEER", &AnyPeer { cluster: CLUSTER, policies: 10, rules_per_policy: 20 }),
    ("CB-ACL", &FiveTuples { style: Style::Acl, rules: 300 }),
    ("CB-FW", &FiveTuples { style: Style::Fw, rules: 300 }),
    ("CB-IPC", &FiveTuples { style: Style::Ipc, rules: 300 }),
];
