//! Network sets and their effective labels.

use super::index::Index;
use crate::model::{Name, NetworkSet, NetworkSetKey};
use std::collections::BTreeMap;

/// A network set with the labels it inherits.
#[derive(Debug, Clone)]
pub struct NetworkSetEntry {
    /// The set as declared.
    pub set: NetworkSet,
    /// Its effective labels: its own, then those of its profile.
    pub labels: BTreeMap<Name, Name>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct NetworkSets {
    entries: BTreeMap<NetworkSetKey, NetworkSetEntry>,
    by_profile: Index<Name, NetworkSetKey>,
}

impl NetworkSets {
    pub(super) fn iter(&self) -> impl Iterator<Item = &NetworkSetEntry> {
        self.entries.values()
    }

    pub(super) fn get(&self, key: &NetworkSetKey) -> Option<&NetworkSetEntry> {
        self.entries.get(key)
    }

    pub(super) fn contains(&self, key: &NetworkSetKey) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn with_profile(&self, profile: &str) -> impl Iterator<Item = &NetworkSetKey> {
        self.by_profile.get(profile)
    }

    /// Inserts or replaces a set; its effective labels are to be computed then. False if it is there already.
    pub(super) fn upsert(&mut self, set: NetworkSet) -> bool {
        let key = set.key.clone();
        let profile = set.profile.clone();
        let old = match self.entries.get_mut(&key) {
            Some(entry) if entry.set == set => return false,
            Some(entry) => std::mem::replace(&mut entry.set, set).profile,
            None => {
                self.entries.insert(key.clone(), NetworkSetEntry { set, labels: BTreeMap::new() });
                None
            }
        };
        self.index(&key, old.as_ref(), profile.as_ref());
        true
    }

    /// True if it was there.
    pub(super) fn remove(&mut self, key: &NetworkSetKey) -> bool {
        let Some(old) = self.entries.remove(key) else { return false };
        self.index(key, old.set.profile.as_ref(), None);
        true
    }

    /// Computes the effective labels of a set anew. True if they are others.
    pub(super) fn relabel(
        &mut self,
        key: &NetworkSetKey,
        effective: impl Fn(&NetworkSet) -> BTreeMap<Name, Name>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(key) else { return false };
        let labels = effective(&entry.set);
        let changed = labels != entry.labels;
        entry.labels = labels;
        changed
    }

    fn index(&mut self, key: &NetworkSetKey, old: Option<&Name>, new: Option<&Name>) {
        if let Some(profile) = old {
            self.by_profile.remove(profile, key);
        }
        if let Some(profile) = new {
            self.by_profile.insert(profile, key.clone());
        }
    }
}
