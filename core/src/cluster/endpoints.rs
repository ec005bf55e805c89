//! Endpoints: ids, addresses and effective labels.

use super::index::Index;
use crate::model::{Endpoint, EndpointId, EndpointKey, EndpointKind, Name};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// An endpoint with what the cluster knows of it.
#[derive(Debug, Clone)]
pub struct EndpointEntry {
    /// Its id.
    pub id: EndpointId,
    /// The endpoint as declared.
    pub endpoint: Endpoint,
    /// Its effective labels: its own, then those of its profiles in order (calico.md 2).
    pub labels: BTreeMap<Name, Name>,
}

/// The endpoints that hold an address.
type Holders = HashMap<IpAddr, SmallVec<[EndpointId; 2]>, ahash::RandomState>;

#[derive(Debug, Clone, Default)]
pub(super) struct Endpoints {
    ids: HashMap<EndpointKey, EndpointId, ahash::RandomState>,
    /// The same in order. To find a key here means to compare it with many, each somewhere else in memory.
    sorted: BTreeMap<EndpointKey, EndpointId>,
    /// By id; an id is never used again.
    slots: Vec<Option<Box<EndpointEntry>>>,
    addresses: Holders,
    by_profile: Index<Name, EndpointId>,
    hosts_by_node: Index<Name, EndpointKey>,
}

impl Endpoints {
    pub(super) fn get(&self, id: EndpointId) -> Option<&EndpointEntry> {
        self.slots.get(slot(id))?.as_deref()
    }

    pub(super) fn id(&self, key: &EndpointKey) -> Option<EndpointId> {
        self.ids.get(key).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &EndpointEntry> {
        self.sorted.values().filter_map(|id| self.get(*id))
    }

    pub(super) fn by_id(&self) -> impl Iterator<Item = &EndpointEntry> {
        self.slots.iter().filter_map(Option::as_deref)
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &EndpointEntry> {
        let first = EndpointKey { kind: EndpointKind::HostEndpoint, namespace: None, name: "".into() };
        self.sorted.range(first..).map(|(_, id)| *id).filter_map(|id| self.get(id))
    }

    pub(super) fn hosts_of(&self, node: &str) -> impl Iterator<Item = &EndpointEntry> {
        self.hosts_by_node.get(node).filter_map(|key| self.get(self.id(key)?))
    }

    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = &EndpointEntry> {
        self.addresses.get(&address).into_iter().flatten().filter_map(|id| self.get(*id))
    }

    pub(super) fn with_profile(&self, profile: &str) -> impl Iterator<Item = EndpointId> {
        self.by_profile.get(profile).copied()
    }

    /// Inserts or replaces an endpoint; its effective labels are to be computed then. `None` if it is there already.
    pub(super) fn upsert(&mut self, endpoint: Endpoint) -> Option<EndpointId> {
        let id = match self.id(&endpoint.key) {
            Some(id) => id,
            None => self.vacant_slot(&endpoint.key),
        };
        let entry = self.slots.get_mut(slot(id))?;
        let old = match entry {
            Some(entry) if entry.endpoint == endpoint => return None,
            Some(entry) => Some(std::mem::replace(&mut entry.endpoint, endpoint)),
            None => {
                *entry = Some(Box::new(EndpointEntry { id, endpoint, labels: BTreeMap::new() }));
                None
            }
        };
        self.index(id, old.as_ref());
        Some(id)
    }

    pub(super) fn remove(&mut self, key: &EndpointKey) -> Option<EndpointId> {
        let id = self.ids.remove(key)?;
        self.sorted.remove(key);
        let removed = self.slots.get_mut(slot(id))?.take()?;
        self.index(id, Some(&removed.endpoint));
        Some(id)
    }

    /// Computes the effective labels of an endpoint anew. True if they are others.
    pub(super) fn relabel(
        &mut self,
        id: EndpointId,
        effective: impl Fn(&Endpoint) -> BTreeMap<Name, Name>,
    ) -> bool {
        let Some(Some(entry)) = self.slots.get_mut(slot(id)) else { return false };
        let labels = effective(&entry.endpoint);
        let changed = labels != entry.labels;
        entry.labels = labels;
        changed
    }

    fn vacant_slot(&mut self, key: &EndpointKey) -> EndpointId {
        let id = EndpointId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push(None);
        self.ids.insert(key.clone(), id);
        self.sorted.insert(key.clone(), id);
        id
    }

    /// Indexes the endpoint of an id as it is instead of as it was.
    fn index(&mut self, id: EndpointId, old: Option<&Endpoint>) {
        let Endpoints { slots, addresses, by_profile, hosts_by_node, .. } = self;
        let new = slots.get(slot(id)).and_then(Option::as_deref).map(|entry| &entry.endpoint);
        if addresses_of(old) != addresses_of(new) {
            addresses_of(old).iter().for_each(|address| withdraw(addresses, *address, id));
            addresses_of(new).iter().for_each(|address| hold(addresses, slots, *address, id));
        }
        if profiles_of(old) != profiles_of(new) {
            profiles_of(old).iter().for_each(|profile| by_profile.remove(profile, &id));
            profiles_of(new).iter().for_each(|profile| by_profile.insert(profile, id));
        }
        if let Some((node, key)) = old.and_then(host_of) {
            hosts_by_node.remove(node, key);
        }
        if let Some((node, key)) = new.and_then(host_of) {
            hosts_by_node.insert(node, key.clone());
        }
    }
}

fn addresses_of(endpoint: Option<&Endpoint>) -> &[IpAddr] {
    endpoint.map(|endpoint| endpoint.addresses.as_slice()).unwrap_or_default()
}

fn profiles_of(endpoint: Option<&Endpoint>) -> &[Name] {
    endpoint.map(|endpoint| endpoint.profiles.as_slice()).unwrap_or_default()
}

fn host_of(endpoint: &Endpoint) -> Option<(&Name, &EndpointKey)> {
    endpoint.node.as_ref().filter(|_| endpoint.is_host()).map(|node| (node, &endpoint.key))
}

/// Holders of an address are kept by key, so that nothing depends on the order of insertion.
fn hold(holders: &mut Holders, slots: &[Option<Box<EndpointEntry>>], address: IpAddr, id: EndpointId) {
    let key =
        |id: EndpointId| slots.get(slot(id)).and_then(Option::as_deref).map(|entry| &entry.endpoint.key);
    let holders = holders.entry(address).or_default();
    if !holders.contains(&id) {
        let position = holders.partition_point(|other| key(*other) < key(id));
        holders.insert(position, id);
    }
}

fn withdraw(holders: &mut Holders, address: IpAddr, id: EndpointId) {
    let Some(ids) = holders.get_mut(&address) else { return };
    ids.retain(|holder| *holder != id);
    if ids.is_empty() {
        holders.remove(&address);
    }
}

fn slot(id: EndpointId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}
