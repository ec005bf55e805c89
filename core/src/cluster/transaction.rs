//! Changes, applied whole or not at all.

use super::Cluster;
use super::settle::Dirty;
use crate::diagnostic::Diagnostic;
use crate::lower::{self, Lowered, Lowering, labels};
use crate::model::{
    Endpoint, EndpointKey, EndpointKind, Name, NetworkSet, NetworkSetKey, Node, Policy, PolicyKey,
    PolicyKind, Profile, Service, ServiceKey, ServiceSlice, Tier,
};
use crate::resource::{Kind, Resource, ResourceKey};
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
        // A pod that finished or moved to the network of its node, or a staged policy with `Delete`, takes away what it
        // was before.
        if matches!(lowered, Lowered::Nothing | Lowered::HostPod { .. }) {
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
        cluster.settle(dirty);
        cluster.generation = cluster.generation.wrapping_add(1);
        cluster.generation
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster::with_dialect(crate::dialect::Dialect::default())
    }
}

impl Cluster {
    pub(super) fn prepare(&mut self) {
        self.policies.put_profile(&DEFAULT_ALLOW.into(), Profile::allow_all(), &mut self.log);
    }

    fn apply_put(&mut self, lowered: Lowered, dirty: &mut Dirty) {
        match lowered {
            Lowered::Policy(policy) => {
                self.policies.put_policy(policy, self.dialect.tie_break, &mut self.log);
            }
            Lowered::Tier(tier) => self.policies.put_tier(tier, &mut self.log),
            Lowered::Profile(name, profile) => self.put_profile(name, profile, dirty),
            Lowered::NetworkSet(set) => self.put_network_set(set, dirty),
            Lowered::Endpoint(endpoint) => self.put_endpoint(endpoint, dirty),
            Lowered::HostPod { namespace, name, node, addresses } => {
                self.host_pods.insert((namespace, name), super::HostPod { node, addresses });
            }
            Lowered::Namespace { name, labels } => {
                let (profile_name, profile) = labels::namespace_profile(&name, &labels);
                self.log.namespaces(self.namespaces.get(&name) != Some(&labels));
                self.namespaces.insert(name, labels);
                self.put_profile(profile_name, profile, dirty);
            }
            Lowered::ServiceAccount { namespace, name, labels } => {
                let (profile_name, profile) = labels::service_account_profile(&namespace, &name, &labels);
                let key = (namespace, name);
                self.log.service_accounts(self.service_accounts.get(&key) != Some(&labels));
                self.service_accounts.insert(key, labels);
                self.put_profile(profile_name, profile, dirty);
            }
            Lowered::Node(node) => self.log.nodes(self.nodes.put(node)),
            Lowered::Service(service) => self.services.put_service(service, &mut self.log),
            Lowered::Slice(slice) => self.services.put_slice(slice, &mut self.log),
            Lowered::Nothing => {}
        }
    }

    fn put_endpoint(&mut self, endpoint: Endpoint, dirty: &mut Dirty) {
        self.host_pods.remove(&host_pod_key(&endpoint.key));
        dirty.names(&endpoint.profiles, &self.policies);
        if let Some(id) = self.endpoints.upsert(endpoint) {
            dirty.endpoints.push(id);
            self.log.endpoint(id);
        }
    }

    fn put_network_set(&mut self, set: NetworkSet, dirty: &mut Dirty) {
        dirty.names(set.profile.as_slice(), &self.policies);
        let key = set.key.clone();
        if self.network_sets.upsert(set) {
            self.log.network_set(&key);
            dirty.network_sets.insert(key);
        }
    }

    fn put_profile(&mut self, name: Name, profile: Profile, dirty: &mut Dirty) {
        if self.policies.put_profile(&name, profile, &mut self.log) {
            dirty.profiles.insert(name);
        }
    }

    fn remove_profile(&mut self, name: Name, dirty: &mut Dirty) {
        if self.policies.remove_profile(&name, &mut self.log) {
            dirty.profiles.insert(name);
        }
    }

    fn apply_remove(&mut self, key: &ResourceKey, dirty: &mut Dirty) {
        let name: Name = key.name.as_str().into();
        let namespace: Option<Name> = key.namespace.as_deref().map(Into::into);
        match Target::of(key) {
            Target::Policy(key) => self.policies.remove_policy(&key, &mut self.log),
            Target::Tier => self.policies.remove_tier(&name, &mut self.log),
            Target::Profile => self.remove_profile(name, dirty),
            Target::NetworkSet => {
                let key = NetworkSetKey { namespace, name };
                if self.network_sets.remove(&key) {
                    self.log.network_set(&key);
                }
            }
            Target::Endpoint(key) => {
                if let Some(id) = self.endpoints.remove(&key) {
                    self.log.endpoint(id);
                }
                self.host_pods.remove(&host_pod_key(&key));
            }
            Target::Namespace => {
                self.log.namespaces(self.namespaces.remove(&name).is_some());
                self.remove_profile(labels::namespace_profile_name(&name), dirty);
            }
            Target::ServiceAccount(namespace) => {
                self.remove_profile(labels::service_account_profile_name(&namespace, &name), dirty);
                self.log.service_accounts(self.service_accounts.remove(&(namespace, name)).is_some());
            }
            Target::Node => self.log.nodes(self.nodes.remove(&name)),
            Target::Service => {
                self.services.remove_service(&ServiceKey { namespace, name }, &mut self.log);
            }
            Target::Slice(namespace) => self.services.remove_slice(&(namespace, name), &mut self.log),
        }
    }

    fn has(&self, key: &ResourceKey) -> bool {
        let name: Name = key.name.as_str().into();
        let namespace: Option<Name> = key.namespace.as_deref().map(Into::into);
        match Target::of(key) {
            Target::Policy(key) => self.policies.policy(&key).is_some(),
            Target::Tier => self.policies.has_tier(&name),
            Target::Profile => self.policies.profile(&name).is_some(),
            Target::NetworkSet => self.network_sets.contains(&NetworkSetKey { namespace, name }),
            Target::Endpoint(key) => {
                self.endpoints.id(&key).is_some() || self.host_pods.contains_key(&host_pod_key(&key))
            }
            Target::Namespace => self.namespaces.contains_key(&name),
            Target::ServiceAccount(namespace) => self.service_accounts.contains_key(&(namespace, name)),
            Target::Node => self.node(&name).is_some(),
            Target::Service => self.service(&ServiceKey { namespace, name }).is_some(),
            Target::Slice(namespace) => self.services.has_slice(&(namespace, name)),
        }
    }
}

/// Pods on the network of their node are kept by namespace and name.
fn host_pod_key(key: &EndpointKey) -> (Name, Name) {
    (key.namespace.clone().unwrap_or_default(), key.name.clone())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::kubernetes::Pod;

    fn pod(node: &str, host_network: bool) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.name = "x".to_owned();
        pod.spec.node_name = node.to_owned();
        pod.spec.host_network = host_network;
        pod
    }

    #[test]
    fn an_endpoint_keeps_its_id_until_it_is_removed() {
        let mut cluster = Cluster::new();
        let mut upsert = |pod| {
            cluster.upsert(Resource::from(pod)).unwrap();
            let changed: Vec<_> = cluster.take_changes().endpoints().iter().copied().collect();
            (cluster.workload("default", "x"), changed)
        };
        let (first, _) = upsert(pod("n1", false));
        assert_eq!(upsert(pod("n1", false)), (first, vec![]));
        assert_eq!(upsert(pod("n2", false)), (first, vec![first.unwrap()]));
        assert_eq!(upsert(pod("n2", true)), (None, vec![first.unwrap()]));
        let (second, changed) = upsert(pod("n2", false));
        assert!(second != first && changed == [second.unwrap()]);
    }
}
