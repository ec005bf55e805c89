//! What hangs on a thing, by that thing.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// A set of values for each key. A key without values takes no space; values come in their order.
#[derive(Debug, Clone)]
pub(super) struct Index<K, V> {
    sets: HashMap<K, BTreeSet<V>, ahash::RandomState>,
}

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Index { sets: HashMap::default() }
    }
}

impl<K: Eq + Hash + Clone, V: Ord> Index<K, V> {
    pub(super) fn insert(&mut self, key: &K, value: V) {
        match self.sets.get_mut(key) {
            Some(values) => drop(values.insert(value)),
            None => drop(self.sets.insert(key.clone(), BTreeSet::from([value]))),
        }
    }

    pub(super) fn remove(&mut self, key: &K, value: &V) {
        let Some(values) = self.sets.get_mut(key) else { return };
        values.remove(value);
        if values.is_empty() {
            self.sets.remove(key);
        }
    }

    pub(super) fn get<'a, Q>(&'a self, key: &Q) -> impl Iterator<Item = &'a V> + use<'a, K, V, Q>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.sets.get(key).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_in_order_and_the_last_one_takes_the_key_along() {
        let mut index = Index::default();
        for (key, value) in [("a", 2), ("b", 9), ("a", 1), ("a", 2)] {
            index.insert(&key, value);
        }
        assert_eq!(index.get("a").collect::<Vec<_>>(), [&1, &2]);
        index.remove(&"a", &1);
        index.remove(&"a", &7);
        assert_eq!(index.get("a").collect::<Vec<_>>(), [&2]);
        index.remove(&"a", &2);
        assert_eq!(index.sets.len(), 1);
    }
}
