//! Changes, applied whole or not at all.

use super::{Cluster, NetworkSetEntry};
use crate::diagnostic::Diagnostic;
use crate::dialect::MissingNamespace;
use crate::lower::{self, Lowered, Lowering, labels};
use crate::model::{
    Endpoint, EndpointKey, EndpointKind, Name, NetworkSet, NetworkSetKey, Node, Policy, PolicyKey,
    PolicyKind, Profile, Service, ServiceKey, ServiceSlice, Tier,
};
use crate::resource::{Kind, Resource, ResourceKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name of the profile that allows everything and always exists (calico.md 1.6).
const DEFAULT_ALLOW: &str = "projectcalico-default-allow";

/// An object that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Every problem found, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.diagnostics.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Invalid {}

/// Changes that are applied together by [`Transaction::commit`]; dropped without it, they are not applied.
///
/// ```
/// use tierwall::cluster::Cluster;
/// use tierwall::model::Tier;
/// let mut cluster = Cluster::new();
/// let mut transaction = cluster.transaction();
/// transaction.put(Tier::missing("security".into()));
/// drop(transaction);
/// assert!(cluster.tiers().all(|(tier, _)| &*tier.name != "security"));
/// ```
#[derive(Debug)]
pub struct Transaction<'a> {
    cluster: &'a mut Cluster,
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Put(Lowered),
    Remove(ResourceKey),
}

impl<'a> Transaction<'a> {
    pub(super) fn new(cluster: &'a mut Cluster) -> Self {
        Transaction { cluster, changes: Vec::new() }
    }

    /// Inserts or replaces an API object. Warnings about it are returned.
    ///
    /// # Errors
    /// If the object is not valid; the transaction is then as it was.
    pub fn upsert(&mut self, resource: &Resource) -> Result<Vec<Diagnostic>, Invalid> {
        let key = resource.key();
        let Lowering { value, problems } = lower::lower(resource, &self.cluster.dialect);
        let object = key.to_string();
        let diagnostics: Vec<Diagnostic> = problems
            .into_iter()
            .map(|problem| Diagnostic::without_location(problem, Some(object.clone())))
            .collect();
        let Some(lowered) = value else { return Err(Invalid { diagnostics }) };
        self.put_keyed(key, lowered);
        Ok(diagnostics)
    }

    /// Inserts or replaces what the API object `key` was lowered to.
    pub(crate) fn put_keyed(&mut self, key: ResourceKey, lowered: Lowered) {
        // A pod that finished, or a staged policy with `Delete`, takes away what it was before.
        if matches!(lowered, Lowered::Nothing | Lowered::HostPod { .. } | Lowered::Endpoint(_)) {
            self.changes.push(Change::Remove(key));
        }
        self.changes.push(Change::Put(lowered));
    }

    /// Inserts or replaces an object of the normal form.
    pub fn put(&mut self, object: impl Into<Lowered>) {
        self.changes.push(Change::Put(object.into()));
    }

    /// Removes an object. True if it is there.
    pub fn remove(&mut self, key: &ResourceKey) -> bool {
        self.changes.push(Change::Remove(key.clone()));
        self.cluster.has(key)
    }

    /// Applies every change, in their order, and returns the new generation.
    pub fn commit(self) -> u32 {
        let Transaction { cluster, changes } = self;
        let mut dirty = Dirty::default();
        for change in changes {
            match change {
                Change::Put(lowered) => cluster.apply_put(lowered, &mut dirty),
                Change::Remove(key) => cluster.apply_remove(&key, &mut dirty),
            }
        }
        cluster.settle(&dirty);
        cluster.generation = cluster.generation.wrapping_add(1);
        cluster.generation
    }
}

/// What a transaction touched, so that what hangs on it is computed anew once.
#[derive(Debug, Default)]
struct Dirty {
    profiles: BTreeSet<Name>,
    endpoints: BTreeSet<EndpointKey>,
    network_sets: BTreeSet<NetworkSetKey>,
    policies: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster::with_dialect(crate::dialect::Dialect::default())
    }
}

impl Cluster {
    pub(super) fn prepare(&mut self) {
        self.policies.put_profile(DEFAULT_ALLOW.into(), Profile::allow_all());
        self.policies.sort(self.dialect.tie_break);
    }

    fn apply_put(&mut self, lowered: Lowered, dirty: &mut Dirty) {
        match lowered {
            Lowered::Policy(policy) => {
                self.policies.put_policy(policy);
                dirty.policies = true;
            }
            Lowered::Tier(tier) => {
                self.policies.put_tier(tier);
                dirty.policies = true;
            }
            Lowered::Profile(name, profile) => self.put_profile(name, profile, dirty),
            Lowered::NetworkSet(set) => {
                dirty.network_sets.insert(set.key.clone());
                self.network_sets.insert(set.key.clone(), NetworkSetEntry { set, labels: BTreeMap::new() });
            }
            Lowered::Endpoint(endpoint) => {
                dirty.endpoints.insert(endpoint.key.clone());
                self.endpoints.upsert(endpoint);
            }
            Lowered::HostPod { namespace, name, node, addresses } => {
                self.host_pods.insert((namespace, name), super::HostPod { node, addresses });
            }
            Lowered::Namespace { name, labels } => {
                let (profile_name, profile) = labels::namespace_profile(&name, &labels);
                self.namespaces.insert(name, labels);
                self.put_profile(profile_name, profile, dirty);
            }
            Lowered::ServiceAccount { namespace, name, labels } => {
                let (profile_name, profile) = labels::service_account_profile(&namespace, &name, &labels);
                self.service_accounts.insert((namespace, name), labels);
                self.put_profile(profile_name, profile, dirty);
            }
            Lowered::Node(node) => {
                self.nodes.insert(node.name.clone(), node);
            }
            Lowered::Service(service) => self.services.put_service(service),
            Lowered::Slice(slice) => self.services.put_slice(slice),
            Lowered::Nothing => {}
        }
    }

    fn put_profile(&mut self, name: Name, profile: Profile, dirty: &mut Dirty) {
        dirty.profiles.insert(name.clone());
        self.policies.put_profile(name, profile);
    }

    fn remove_profile(&mut self, name: Name, dirty: &mut Dirty) {
        self.policies.remove_profile(&name);
        dirty.profiles.insert(name);
    }

    fn apply_remove(&mut self, key: &ResourceKey, dirty: &mut Dirty) {
        let name: Name = key.name.as_str().into();
        let namespace: Option<Name> = key.namespace.as_deref().map(Into::into);
        match Target::of(key) {
            Target::Policy(key) => dirty.policies |= self.policies.remove_policy(&key),
            Target::Tier => dirty.policies |= self.policies.remove_tier(&name),
            Target::Profile => self.remove_profile(name, dirty),
            Target::NetworkSet => {
                self.network_sets.remove(&NetworkSetKey { namespace, name });
            }
            Target::Endpoint(key) => {
                self.endpoints.remove(&key);
                self.host_pods.remove(&(key.namespace.unwrap_or_else(|| "".into()), key.name));
            }
            Target::Namespace => {
                self.namespaces.remove(&name);
                self.remove_profile(labels::namespace_profile_name(&name), dirty);
            }
            Target::ServiceAccount(namespace) => {
                self.remove_profile(labels::service_account_profile_name(&namespace, &name), dirty);
                self.service_accounts.remove(&(namespace, name));
            }
            Target::Node => {
                self.nodes.remove(&name);
            }
            Target::Service => {
                self.services.remove_service(&ServiceKey { namespace, name });
            }
            Target::Slice(namespace) => {
                self.services.remove_slice(&(namespace, name));
            }
        }
    }

    fn has(&self, key: &ResourceKey) -> bool {
        let name: Name = key.name.as_str().into();
        let namespace: Option<Name> = key.namespace.as_deref().map(Into::into);
        match Target::of(key) {
            Target::Policy(key) => self.policies.policy(&key).is_some(),
            Target::Tier => self.policies.has_tier(&name),
            Target::Profile => self.policies.profile(&name).is_some(),
            Target::NetworkSet => self.network_sets.contains_key(&NetworkSetKey { namespace, name }),
            Target::Endpoint(key) => {
                self.endpoints.id(&key).is_some()
                    || self.host_pods.contains_key(&(key.namespace.unwrap_or_else(|| "".into()), key.name))
            }
            Target::Namespace => self.namespaces.contains_key(&name),
            Target::ServiceAccount(namespace) => self.service_accounts.contains_key(&(namespace, name)),
            Target::Node => self.nodes.contains_key(&name),
            Target::Service => self.service(&ServiceKey { namespace, name }).is_some(),
            Target::Slice(namespace) => self.services.has_slice(&(namespace, name)),
        }
    }

    /// Brings inherited labels and the order of policies up to date.
    fn settle(&mut self, dirty: &Dirty) {
        self.imply_profiles(dirty);
        let policies = &self.policies;
        let touches = |profiles: &[Name]| profiles.iter().any(|profile| dirty.profiles.contains(profile));
        self.endpoints.relabel(
            |endpoint| dirty.endpoints.contains(&endpoint.key) || touches(&endpoint.profiles),
            |endpoint| effective_labels(policies, &endpoint.labels, &endpoint.profiles),
        );
        for (key, entry) in &mut self.network_sets {
            let profiles: &[Name] = entry.set.profile.as_slice();
            if dirty.network_sets.contains(key) || touches(profiles) {
                entry.labels = effective_labels(policies, &entry.set.labels, profiles);
            }
        }
        if dirty.policies {
            self.policies.sort(self.dialect.tie_break);
        }
    }

    /// Namespaces and service accounts that are used and not declared are taken to exist, if the dialect says so.
    fn imply_profiles(&mut self, dirty: &Dirty) {
        if self.dialect.missing_namespace != MissingNamespace::Implied || dirty.is_empty() {
            return;
        }
        let touched = |profile: &Name| dirty.profiles.contains(profile);
        let of_endpoints = self.endpoints.iter().flat_map(|entry| {
            let own = dirty.endpoints.contains(&entry.endpoint.key);
            entry.endpoint.profiles.iter().filter(move |profile| own || touched(profile))
        });
        let of_sets = self.network_sets.iter().flat_map(|(key, entry)| {
            let own = dirty.network_sets.contains(key);
            entry.set.profile.iter().filter(move |profile| own || touched(profile))
        });
        let missing: BTreeSet<Name> = of_endpoints
            .chain(of_sets)
            .filter(|profile| self.policies.profile(profile).is_none())
            .cloned()
            .collect();
        for name in missing {
            if let Some(profile) = implied_profile(&name) {
                self.policies.put_profile(name, profile);
            }
        }
    }
}

impl Dirty {
    fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.endpoints.is_empty() && self.network_sets.is_empty()
    }
}

/// The profile of a namespace or service account without labels of its own, by the profile's name.
fn implied_profile(name: &str) -> Option<Profile> {
    let none: BTreeMap<Name, Name> = BTreeMap::new();
    if let Some(namespace) = name.strip_prefix("kns.") {
        return Some(labels::namespace_profile(namespace, &none).1);
    }
    let (namespace, account) = name.strip_prefix("ksa.")?.split_once('.')?;
    Some(labels::service_account_profile(namespace, account, &none).1)
}

/// Own labels win, then those of the first profile that has the key (calico.md 2).
fn effective_labels(
    policies: &super::policies::Policies,
    own: &BTreeMap<Name, Name>,
    profiles: &[Name],
) -> BTreeMap<Name, Name> {
    let mut labels = own.clone();
    for profile in profiles.iter().filter_map(|name| policies.profile(name)) {
        for (key, value) in &profile.profile.labels_to_apply {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    labels
}

/// What kind of thing a resource key names here.
enum Target {
    Policy(PolicyKey),
    Tier,
    Profile,
    NetworkSet,
    Endpoint(EndpointKey),
    Namespace,
    ServiceAccount(Name),
    Node,
    Service,
    Slice(Name),
}

impl Target {
    fn of(key: &ResourceKey) -> Target {
        let name: Name = key.name.as_str().into();
        let namespace: Option<Name> = key.namespace.as_deref().map(Into::into);
        let required = || namespace.clone().unwrap_or_else(|| "".into());
        let policy =
            |kind| Target::Policy(PolicyKey { kind, namespace: namespace.clone(), name: name.clone() });
        let endpoint =
            |kind| Target::Endpoint(EndpointKey { kind, namespace: namespace.clone(), name: name.clone() });
        match key.kind {
            Kind::NetworkPolicy => policy(PolicyKind::KubernetesNetworkPolicy),
            Kind::AdminNetworkPolicy => policy(PolicyKind::KubernetesAdminNetworkPolicy),
            Kind::BaselineAdminNetworkPolicy => policy(PolicyKind::KubernetesBaselineAdminNetworkPolicy),
            Kind::ClusterNetworkPolicy => policy(PolicyKind::KubernetesClusterNetworkPolicy),
            Kind::CalicoNetworkPolicy => policy(PolicyKind::NetworkPolicy),
            Kind::GlobalNetworkPolicy => policy(PolicyKind::GlobalNetworkPolicy),
            Kind::StagedNetworkPolicy => policy(PolicyKind::StagedNetworkPolicy),
            Kind::StagedGlobalNetworkPolicy => policy(PolicyKind::StagedGlobalNetworkPolicy),
            Kind::StagedKubernetesNetworkPolicy => policy(PolicyKind::StagedKubernetesNetworkPolicy),
            Kind::Tier => Target::Tier,
            Kind::Profile => Target::Profile,
            Kind::NetworkSet | Kind::GlobalNetworkSet => Target::NetworkSet,
            Kind::HostEndpoint => endpoint(EndpointKind::HostEndpoint),
            Kind::WorkloadEndpoint => endpoint(EndpointKind::WorkloadEndpoint),
            Kind::Pod => endpoint(EndpointKind::Pod),
            Kind::Deployment => endpoint(EndpointKind::Deployment),
            Kind::StatefulSet => endpoint(EndpointKind::StatefulSet),
            Kind::DaemonSet => endpoint(EndpointKind::DaemonSet),
            Kind::ReplicaSet => endpoint(EndpointKind::ReplicaSet),
            Kind::Job => endpoint(EndpointKind::Job),
            Kind::CronJob => endpoint(EndpointKind::CronJob),
            Kind::ReplicationController => endpoint(EndpointKind::ReplicationController),
            Kind::Namespace => Target::Namespace,
            Kind::ServiceAccount => Target::ServiceAccount(required()),
            Kind::Node => Target::Node,
            Kind::Service => Target::Service,
            Kind::EndpointSlice => Target::Slice(required()),
        }
    }
}

macro_rules! from_objects {
    ($($object:ident => $variant:ident,)+) => {
        $(impl From<$object> for Lowered {
            fn from(object: $object) -> Self {
                Lowered::$variant(object)
            }
        })+
    };
}

from_objects! {
    Policy => Policy,
    Tier => Tier,
    NetworkSet => NetworkSet,
    Endpoint => Endpoint,
    Node => Node,
    Service => Service,
    ServiceSlice => Slice,
}
