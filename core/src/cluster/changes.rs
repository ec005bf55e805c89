//! What a cluster became different in, for whoever keeps something that was made of it.

use super::Cluster;
use crate::model::{EndpointId, Name, NetworkSetKey, PolicyKey, ServiceKey};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was touched since the changes were last taken: at least everything that differs. An object that was changed and
/// changed back is in it; one that was put again as it was, down to its place in its text, is not.
///
/// Whether a named object was put or removed is for the cluster to say: it has it, or has not.
///
/// ```
/// use tierwall::cluster::Cluster;
/// use tierwall::model::Tier;
/// let mut cluster = Cluster::new();
/// assert!(cluster.take_changes().is_everything());
/// cluster.put(Tier::missing("security".into()));
/// assert!(cluster.take_changes().tiers());
/// cluster.put(Tier::missing("security".into()));
/// assert!(cluster.take_changes().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    everything: bool,
    /// Where they begin and where they end.
    since: Point,
    until: Point,
    tiers: bool,
    nodes: bool,
    namespaces: bool,
    service_accounts: bool,
    dns: bool,
    endpoints: BTreeSet<EndpointId>,
    policies: BTreeSet<PolicyKey>,
    profiles: BTreeSet<Name>,
    network_sets: BTreeSet<NetworkSetKey>,
    services: BTreeSet<ServiceKey>,
}

impl Changes {
    /// How many ids, keys and names are collected, 65,536. With more, the changes are [everything](Self::is_everything):
    /// whoever follows the cluster does better to begin anew, and whoever does not pays for no more.
    pub const MOST_KEYS: usize = 1 << 16;

    /// Anything may have changed; what it was is not known, and every list is empty. So it is when the changes are taken
    /// for the first time, from a new cluster or a clone, and when there were more than [`Changes::MOST_KEYS`].
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// These begin where those others ended, so that nothing is missing between them. False if that is not known: where
    /// these are [everything](Self::is_everything), of another cluster, or where others were taken in between.
    pub fn follow(&self, others: &Changes) -> bool {
        !self.everything && self.since == others.until
    }

    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Changes { since: self.since.clone(), until: self.until.clone(), ..Changes::default() }
    }

    /// Endpoints that came, went, were declared differently (labels, profiles, addresses, ports, node, ...) or inherit
    /// other labels. Not those whose profile has other rules; see [`Changes::profiles`].
    pub fn endpoints(&self) -> &BTreeSet<EndpointId> {
        &self.endpoints
    }

    /// Policies that came, went or differ in anything. Two that are not here, and whose tier is the same, come in the same
    /// order as before.
    pub fn policies(&self) -> &BTreeSet<PolicyKey> {
        &self.policies
    }

    /// Tiers came, went, or differ in order or default action. This counts the tiers that exist only because a policy
    /// names them.
    pub fn tiers(&self) -> bool {
        self.tiers
    }

    /// Profiles that came, went, or differ in rules or labels; those of namespaces and service accounts included.
    pub fn profiles(&self) -> &BTreeSet<Name> {
        &self.profiles
    }

    /// Network sets that came, went, were declared differently or inherit other labels.
    pub fn network_sets(&self) -> &BTreeSet<NetworkSetKey> {
        &self.network_sets
    }

    /// Services that came, went or differ, in themselves or in their slices. A service without slices leads to the
    /// endpoints it selects; those are in [`Changes::endpoints`].
    pub fn services(&self) -> &BTreeSet<ServiceKey> {
        &self.services
    }

    /// Nodes came, went, or differ in labels or addresses.
    pub fn nodes(&self) -> bool {
        self.nodes
    }

    /// Declared namespaces came, went or differ in labels.
    pub fn namespaces(&self) -> bool {
        self.namespaces
    }

    /// Declared service accounts came, went or differ in labels.
    pub fn service_accounts(&self) -> bool {
        self.service_accounts
    }

    /// DNS answers came, expired or last longer.
    pub fn dns(&self) -> bool {
        self.dns
    }
}

impl Cluster {
    /// What was touched since this was last called; from then on, changes are collected anew. Nothing is collected until
    /// it is called for the first time: the first answer is [everything](Changes::is_everything).
    pub fn take_changes(&mut self) -> Changes {
        let now = Point::default();
        let new = Changes { since: now.clone(), ..Changes::default() };
        Changes { until: now, ..std::mem::replace(&mut self.log.0, new) }
    }
}

/// A point in the history of one cluster, which is no other's.
#[derive(Debug, Clone, Default)]
struct Point(Arc<()>);

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Point {}

/// The changes that wait to be taken.
#[derive(Debug)]
pub(super) struct Log(Changes);

impl Default for Log {
    fn default() -> Self {
        Log(Changes { everything: true, ..Changes::default() })
    }
}

/// Nobody has taken anything from the clone.
impl Clone for Log {
    fn clone(&self) -> Self {
        Log::default()
    }
}

impl Log {
    pub(super) fn endpoint(&mut self, id: EndpointId) {
        self.collect(|changes| &mut changes.endpoints, &id);
    }

    pub(super) fn policy(&mut self, key: &PolicyKey) {
        self.collect(|changes| &mut changes.policies, key);
    }

    pub(super) fn profile(&mut self, name: &Name) {
        self.collect(|changes| &mut changes.profiles, name);
    }

    pub(super) fn network_set(&mut self, key: &NetworkSetKey) {
        self.collect(|changes| &mut changes.network_sets, key);
    }

    pub(super) fn service(&mut self, key: &ServiceKey) {
        self.collect(|changes| &mut changes.services, key);
    }

    pub(super) fn tiers(&mut self, changed: bool) {
        self.0.tiers |= changed && !self.0.everything;
    }

    pub(super) fn nodes(&mut self, changed: bool) {
        self.0.nodes |= changed && !self.0.everything;
    }

    pub(super) fn namespaces(&mut self, changed: bool) {
        self.0.namespaces |= changed && !self.0.everything;
    }

    pub(super) fn service_accounts(&mut self, changed: bool) {
        self.0.service_accounts |= changed && !self.0.everything;
    }

    pub(super) fn dns(&mut self, changed: bool) {
        self.0.dns |= changed && !self.0.everything;
    }

    fn collect<T: Ord + Clone>(&mut self, list: impl FnOnce(&mut Changes) -> &mut BTreeSet<T>, key: &T) {
        if self.0.everything {
            return;
        }
        list(&mut self.0).insert(key.clone());
        let Changes { endpoints, policies, profiles, network_sets, services, .. } = &self.0;
        let keys = endpoints.len() + policies.len() + profiles.len() + network_sets.len() + services.len();
        if keys > Changes::MOST_KEYS {
            *self = Log::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_keys_than_are_worth_it_are_everything() {
        let mut cluster = Cluster::new();
        cluster.take_changes();
        for id in 1..=Changes::MOST_KEYS {
            cluster.log.endpoint(EndpointId(u32::try_from(id).unwrap()));
        }
        assert!(!cluster.log.0.is_everything());
        cluster.log.profile(&"p".into());
        assert!(cluster.log.0.is_everything() && cluster.log.0.endpoints.is_empty());
        cluster.log.nodes(true);
        assert!(cluster.take_changes().is_everything());
        assert!(cluster.take_changes().is_empty());
    }
}
