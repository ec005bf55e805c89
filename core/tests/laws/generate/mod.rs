//! Clusters, policies and flows. The words are few, so that what is generated meets.

mod calico;
mod dialect;
mod entity;
mod flow;
mod inventory;
mod kubernetes;
mod policy_api;
mod selector;
mod words;

pub(crate) use dialect::dialect;
pub(crate) use dialect::fields as dialect_fields;
pub(crate) use flow::{Ask, End, asks, context, request};
pub(crate) use inventory::{answers, pod_name};
pub(crate) use words::{NETS_V4, NETS_V6, OUTSIDE};

use proptest::prelude::*;
use std::fmt;
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::dialect::Dialect;
use tierwall::resource::calico::{
    GlobalNetworkPolicy, GlobalNetworkPolicySpec, NetworkPolicy, NetworkPolicySpec,
    StagedGlobalNetworkPolicy, StagedGlobalNetworkPolicySpec, StagedKubernetesNetworkPolicy,
    StagedKubernetesNetworkPolicySpec, StagedNetworkPolicy, StagedNetworkPolicySpec,
};
use tierwall::resource::policy_api::{
    AdminNetworkPolicy, AdminNetworkPolicySpec, BaselineAdminNetworkPolicy, BaselineAdminNetworkPolicySpec,
    ClusterNetworkPolicy, ClusterNetworkPolicySpec,
};
use tierwall::resource::{LabelSelector, ObjectMeta, Resource, kubernetes as k8s};

/// Everything there is to load into a cluster.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) dialect: Dialect,
    /// No two with the same key.
    pub(crate) objects: Vec<Resource>,
    pub(crate) answers: Vec<DnsAnswer>,
    /// When the clock stands after them.
    pub(crate) now: Duration,
}

/// As manifests, to be tried by hand.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}\n{:?} at {:?}", self.dialect, self.answers, self.now)?;
        self.objects.iter().try_for_each(|object| writeln!(f, "{}", serde_json::to_string(object).unwrap()))
    }
}

impl World {
    /// The cluster, each object as a transaction of its own.
    pub(crate) fn cluster(&self) -> Cluster {
        let mut cluster = Cluster::with_dialect(self.dialect.clone());
        for object in &self.objects {
            upsert(&mut cluster, object);
        }
        self.observe(&mut cluster);
        cluster
    }

    /// The same cluster, built at once.
    pub(crate) fn in_one_transaction(&self) -> Cluster {
        let mut cluster = Cluster::with_dialect(self.dialect.clone());
        let mut transaction = cluster.transaction();
        for object in &self.objects {
            transaction.upsert(object).unwrap_or_else(|error| panic!("{error}\n{object:#?}"));
        }
        transaction.commit();
        self.observe(&mut cluster);
        cluster
    }

    /// Lets the cluster know of the DNS answers.
    pub(crate) fn observe(&self, cluster: &mut Cluster) {
        for answer in &self.answers {
            cluster.observe(answer.clone());
        }
        cluster.advance(self.now);
    }
}

/// Puts an object in; what is generated is valid.
pub(crate) fn upsert(cluster: &mut Cluster, object: &Resource) {
    cluster.upsert(object.clone()).unwrap_or_else(|error| panic!("{error}\n{object:#?}"));
}

/// A world with policies of every kind; now and then of Kubernetes only, whose exemptions others undo.
pub(crate) fn world() -> impl Strategy<Value = World> {
    prop_oneof![2 => world_of(policy().boxed()), 1 => world_of(kubernetes_policy().boxed())]
}

/// A world with such policies, besides at most one for the baseline of v1alpha1.
pub(crate) fn world_of(policies: BoxedStrategy<Policy>) -> impl Strategy<Value = World> {
    let policies = prop::collection::vec(policies, 0..16);
    let baseline = prop::option::weighted(0.2, policy_api::baseline());
    let now = prop_oneof![1 => Just(Duration::ZERO), 6 => Just(Duration::from_secs(40))];
    (inventory::objects(), policies, baseline, dialect(), inventory::answers(), now).prop_map(
        |(mut objects, policies, baseline, dialect, answers, now)| {
            let named = policies.into_iter().enumerate();
            objects.extend(named.map(|(index, policy)| policy.named(&format!("p{index}"))));
            objects.extend(baseline.map(|spec| Policy::Baseline(spec).named("default")));
            World { dialect, objects, answers, now }
        },
    )
}

/// A policy that has no name yet.
#[derive(Debug, Clone)]
pub(crate) enum Policy {
    Kubernetes(&'static str, k8s::NetworkPolicySpec),
    StagedKubernetes(&'static str, StagedKubernetesNetworkPolicySpec),
    Admin(AdminNetworkPolicySpec),
    Baseline(BaselineAdminNetworkPolicySpec),
    Cluster(ClusterNetworkPolicySpec),
    Calico(&'static str, NetworkPolicySpec),
    StagedCalico(&'static str, StagedNetworkPolicySpec),
    Global(GlobalNetworkPolicySpec),
    StagedGlobal(StagedGlobalNetworkPolicySpec),
}

/// A policy of any kind of which there may be several.
pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![
        5 => kubernetes_policy(),
        2 => calico::plain_global_policy().prop_map(Policy::Global),
        6 => (words::namespace(), calico::plain_policy()).prop_map(|(ns, spec)| Policy::Calico(ns, spec)),
        2 => (words::namespace(), calico::network_policy()).prop_map(|(ns, spec)| Policy::Calico(ns, spec)),
        3 => calico::global_policy().prop_map(Policy::Global),
        1 => (words::namespace(), calico::staged_policy()).prop_map(|(ns, spec)| Policy::StagedCalico(ns, spec)),
        1 => calico::staged_global_policy().prop_map(Policy::StagedGlobal),
    ]
}

/// A policy of a kind of Kubernetes, and its staged one.
pub(crate) fn kubernetes_policy() -> impl Strategy<Value = Policy> {
    prop_oneof![
        4 => (words::namespace(), kubernetes::spec()).prop_map(|(ns, spec)| Policy::Kubernetes(ns, spec)),
        1 => (words::namespace(), kubernetes::staged()).prop_map(|(ns, spec)| Policy::StagedKubernetes(ns, spec)),
        1 => policy_api::admin().prop_map(Policy::Admin),
        2 => policy_api::cluster().prop_map(Policy::Cluster),
    ]
}

impl Policy {
    /// The object.
    pub(crate) fn named(self, name: &str) -> Resource {
        let inside = |namespace: &str| ObjectMeta::namespaced(namespace, name);
        let metadata = ObjectMeta::named(name);
        match self {
            Policy::Kubernetes(ns, spec) => k8s::NetworkPolicy { metadata: inside(ns), spec }.into(),
            Policy::StagedKubernetes(ns, spec) => {
                StagedKubernetesNetworkPolicy { metadata: inside(ns), spec }.into()
            }
            Policy::Admin(spec) => AdminNetworkPolicy { metadata, spec }.into(),
            Policy::Baseline(spec) => BaselineAdminNetworkPolicy { metadata, spec }.into(),
            Policy::Cluster(spec) => ClusterNetworkPolicy { metadata, spec }.into(),
            Policy::Calico(ns, spec) => NetworkPolicy { metadata: inside(ns), spec }.into(),
            Policy::StagedCalico(ns, spec) => StagedNetworkPolicy { metadata: inside(ns), spec }.into(),
            Policy::Global(spec) => GlobalNetworkPolicy { metadata, spec }.into(),
            Policy::StagedGlobal(spec) => StagedGlobalNetworkPolicy { metadata, spec }.into(),
        }
    }

    /// The same policy for nobody. A staged deletion is for nobody as it is.
    pub(crate) fn for_nobody(mut self) -> Self {
        let nobody = || LabelSelector::labels([("app", "nobody")]);
        let text = "app == 'nobody'".to_owned();
        match &mut self {
            Policy::Kubernetes(_, spec) => spec.pod_selector = nobody(),
            Policy::StagedKubernetes(_, StagedKubernetesNetworkPolicySpec { staged_action, .. })
            | Policy::StagedCalico(_, StagedNetworkPolicySpec { staged_action, .. })
            | Policy::StagedGlobal(StagedGlobalNetworkPolicySpec { staged_action, .. })
                if staged_action == "Delete" => {}
            Policy::StagedKubernetes(_, spec) => spec.pod_selector = nobody(),
            Policy::Admin(spec) => spec.subject = policy_api::pods(nobody()),
            Policy::Baseline(spec) => spec.subject = policy_api::pods(nobody()),
            Policy::Cluster(spec) => spec.subject = policy_api::pods(nobody()),
            Policy::Calico(_, spec) => spec.selector = text,
            Policy::StagedCalico(_, spec) => spec.selector = text,
            Policy::Global(spec) => spec.selector = text,
            Policy::StagedGlobal(spec) => spec.selector = text,
        }
        self
    }
}
