//! Endpoints: ids, addresses and effective labels.

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

#[derive(Debug, Clone, Default)]
pub(super) struct Endpoints {
    ids: BTreeMap<EndpointKey, EndpointId>,
    /// By id; an id is never used again.
    slots: Vec<Option<Box<EndpointEntry>>>,
    addresses: HashMap<IpAddr, SmallVec<[EndpointId; 2]>, ahash::RandomState>,
}

impl Endpoints {
    pub(super) fn get(&self, id: EndpointId) -> Option<&EndpointEntry> {
        self.slots.get(slot(id))?.as_deref()
    }

    pub(super) fn id(&self, key: &EndpointKey) -> Option<EndpointId> {
        self.ids.get(key).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &EndpointEntry> {
        self.ids.values().filter_map(|id| self.get(*id))
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &EndpointEntry> {
        let first = EndpointKey { kind: EndpointKind::HostEndpoint, namespace: None, name: "".into() };
        self.ids.range(first..).map(|(_, id)| *id).filter_map(|id| self.get(id))
    }

    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = &EndpointEntry> {
        self.addresses.get(&address).into_iter().flatten().filter_map(|id| self.get(*id))
    }

    pub(super) fn upsert(&mut self, endpoint: Endpoint) {
        self.remove_addresses(&endpoint.key);
        let next = EndpointId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        let id = *self.ids.entry(endpoint.key.clone()).or_insert(next);
        if id == next {
            self.slots.push(None);
        }
        for address in &endpoint.addresses {
            self.index(*address, id, &endpoint.key);
        }
        if let Some(entry) = self.slots.get_mut(slot(id)) {
            *entry = Some(Box::new(EndpointEntry { id, endpoint, labels: BTreeMap::new() }));
        }
    }

    pub(super) fn remove(&mut self, key: &EndpointKey) -> bool {
        self.remove_addresses(key);
        let Some(id) = self.ids.remove(key) else { return false };
        if let Some(entry) = self.slots.get_mut(slot(id)) {
            *entry = None;
        }
        true
    }

    /// Recomputes the effective labels of the endpoints that `affected` picks.
    pub(super) fn relabel(
        &mut self,
        affected: impl Fn(&Endpoint) -> bool,
        effective: impl Fn(&Endpoint) -> BTreeMap<Name, Name>,
    ) {
        for entry in self.slots.iter_mut().flatten().filter(|entry| affected(&entry.endpoint)) {
            entry.labels = effective(&entry.endpoint);
        }
    }

    /// Holders of an address are kept by key, so that nothing depends on the order of insertion.
    fn index(&mut self, address: IpAddr, id: EndpointId, key: &EndpointKey) {
        let slots = &self.slots;
        let holders = self.addresses.entry(address).or_default();
        if !holders.contains(&id) {
            let position = holders.partition_point(|other| {
                slots
                    .get(slot(*other))
                    .and_then(Option::as_ref)
                    .is_some_and(|entry| entry.endpoint.key < *key)
            });
            holders.insert(position, id);
        }
    }

    fn remove_addresses(&mut self, key: &EndpointKey) {
        let Some(id) = self.id(key) else { return };
        let addresses = self.get(id).map(|entry| entry.endpoint.addresses.clone()).unwrap_or_default();
        for address in addresses {
            if let Some(holders) = self.addresses.get_mut(&address) {
                holders.retain(|holder| *holder != id);
                if holders.is_empty() {
                    self.addresses.remove(&address);
                }
            }
        }
    }
}

fn slot(id: EndpointId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}
