//! Single IPv6 addresses, by hash.
//!
//! An address belongs into one bucket. What a full bucket cannot take stands in a sorted list, so that finding one takes a
//! bounded number of steps whatever the addresses are.

use super::{Arena, NONE, Occupant, Paged, count, index};

/// What is known of a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Single {
    pub(crate) address: u128,
    /// Its class, or [`NONE`] for that of the run around it.
    pub(crate) class: u32,
    pub(crate) occupant: Occupant,
}

impl Single {
    /// Nothing is known of an address.
    pub(crate) fn unknown(address: u128) -> Self {
        Single { address, class: NONE, occupant: Occupant::NOBODY }
    }

    pub(super) fn says_nothing(&self) -> bool {
        self.class == NONE && self.occupant == Occupant::NOBODY
    }

    /// It says something of an address.
    fn is_of(&self, address: u128) -> bool {
        self.address == address && !self.says_nothing()
    }
}

const WAYS: usize = 8;

/// Places of a bucket; the used ones come first, the others say nothing.
type Bucket = [Single; WAYS];

const EMPTY: Bucket = [Single { address: 0, class: NONE, occupant: Occupant::NOBODY }; WAYS];

/// Buckets are half full on average at most.
const MOST_PER_BUCKET: u32 = 4;

/// Single addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Singles {
    /// Two to some power of them, or none.
    buckets: Paged<Bucket, 8>,
    /// What full buckets did not take, sorted by address.
    crowded: Arena<Single>,
    len: u32,
}

impl FromIterator<Single> for Singles {
    /// Of an address that comes twice, the last counts.
    fn from_iter<I: IntoIterator<Item = Single>>(singles: I) -> Self {
        let singles = Vec::from_iter(singles);
        let mut new = Singles::with_room(count(singles.len()));
        singles.into_iter().for_each(|single| new.set(single));
        new.seal();
        new
    }
}

/// Whatever buckets hold them.
impl PartialEq for Singles {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.sorted() == other.sorted()
    }
}

impl Singles {
    fn with_room(len: u32) -> Self {
        let buckets = index(len.div_ceil(MOST_PER_BUCKET)).next_power_of_two();
        Singles { buckets: vec![EMPTY; buckets].into(), ..Singles::default() }
    }

    #[inline]
    fn bucket_of(&self, address: u128) -> u32 {
        let [low, high] =
            [address, address >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
        let mixed = high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low;
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        // The upper bits are the well mixed ones.
        u32::try_from(mixed >> 32).unwrap_or(0) & self.buckets.len().wrapping_sub(1)
    }

    /// What is known of an address.
    #[inline]
    pub(crate) fn get(&self, address: u128) -> Option<&Single> {
        let bucket = self.buckets.get(self.bucket_of(address))?;
        let found = bucket.iter().find(|single| single.is_of(address));
        if found.is_some() || bucket.last().is_some_and(Single::says_nothing) {
            return found;
        }
        self.crowded.get(self.crowded_place(address).ok()?)
    }

    fn crowded_place(&self, address: u128) -> Result<usize, usize> {
        self.crowded.binary_search_by_key(&address, |single| single.address)
    }

    /// Puts down what is known of an address, in place of what was; if that is nothing, the address is forgotten.
    pub(crate) fn set(&mut self, single: Single) {
        if single.says_nothing() {
            self.remove(single.address);
        } else if !self.replace(single) {
            self.insert(single);
        }
    }

    fn replace(&mut self, single: Single) -> bool {
        let number = self.bucket_of(single.address);
        let Some(mut bucket) = self.buckets.get(number).copied() else { return false };
        if let Some(known) = bucket.iter_mut().find(|known| known.is_of(single.address)) {
            *known = single;
            self.buckets.set(number, bucket);
            return true;
        }
        let place = self.crowded_place(single.address).ok();
        let place = place.and_then(|place| self.crowded.make_mut().get_mut(place));
        place.map(|place| *place = single).is_some()
    }

    fn insert(&mut self, single: Single) {
        if self.len >= self.buckets.len().saturating_mul(MOST_PER_BUCKET) {
            self.grow();
        }
        self.len += 1;
        if !self.take(single)
            && let Err(place) = self.crowded_place(single.address)
        {
            let mut crowded = self.crowded.to_vec();
            crowded.insert(place, single);
            self.crowded = crowded.into();
        }
    }

    /// Puts an address that is not there into its bucket, if that has room.
    fn take(&mut self, single: Single) -> bool {
        let number = self.bucket_of(single.address);
        let Some(mut bucket) = self.buckets.get(number).copied() else { return false };
        let Some(place) = bucket.iter_mut().find(|place| place.says_nothing()) else { return false };
        *place = single;
        self.buckets.set(number, bucket);
        true
    }

    /// Moves all addresses to twice as many buckets.
    fn grow(&mut self) {
        let all = self.sorted();
        *self = Singles::with_room(self.len.max(MOST_PER_BUCKET).saturating_mul(2));
        let mut crowded = Vec::new();
        self.len = count(all.len());
        for single in all {
            if !self.take(single) {
                crowded.push(single);
            }
        }
        self.crowded = crowded.into();
    }

    fn remove(&mut self, address: u128) {
        let number = self.bucket_of(address);
        let Some(mut bucket) = self.buckets.get(number).copied() else { return };
        if let Some(place) = bucket.iter().position(|single| single.is_of(address)) {
            let rest = bucket.get_mut(place..).unwrap_or_default();
            rest.rotate_left(1);
            let next = self.crowded.iter().position(|single| self.bucket_of(single.address) == number);
            let next = next.and_then(|place| self.uncrowd(place)).unwrap_or(Single::unknown(0));
            rest.last_mut().into_iter().for_each(|last| *last = next);
            self.buckets.set(number, bucket);
            self.len -= 1;
        } else if let Ok(place) = self.crowded_place(address) {
            self.uncrowd(place);
            self.len -= 1;
        }
    }

    fn uncrowd(&mut self, place: usize) -> Option<Single> {
        let mut crowded = self.crowded.to_vec();
        let single = (place < crowded.len()).then(|| crowded.remove(place));
        self.crowded = crowded.into();
        single
    }

    /// All of them, by address.
    pub(crate) fn sorted(&self) -> Vec<Single> {
        let places = self.buckets.iter().flatten().filter(|single| !single.says_nothing());
        let mut all: Vec<Single> = places.chain(&self.crowded).copied().collect();
        all.sort_unstable_by_key(|single| single.address);
        all
    }

    /// The addresses of another class than an older one knows, sorted. Both are sealed. It looks at every page of buckets
    /// that they do not share.
    pub(crate) fn changed(&self, old: &Self) -> Vec<u128> {
        let mut all: Vec<Single> = if self.buckets.len() == old.buckets.len() {
            let buckets = self.buckets.changed(&old.buckets);
            let both = |number: u32| [self.buckets.get(number), old.buckets.get(number)];
            buckets.into_iter().flat_map(both).flatten().flatten().copied().collect()
        } else {
            [self.sorted(), old.sorted()].concat()
        };
        if !self.crowded.is_same(&old.crowded) {
            all.extend(self.crowded.iter().chain(&old.crowded));
        }
        let class = |singles: &Singles, address| singles.get(address).map_or(NONE, |single| single.class);
        let mut addresses: Vec<u128> = all.iter().map(|single| single.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses.retain(|address| class(self, *address) != class(old, *address));
        addresses
    }

    pub(crate) fn seal(&mut self) {
        self.buckets.seal();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.buckets.bytes() + size_of_val(&*self.crowded)
    }

    /// The bytes of pages that were replaced.
    pub(crate) fn garbage(&self) -> usize {
        self.buckets.garbage()
    }

    /// Moves everything to new memory, without what was replaced.
    pub(crate) fn compact(&mut self) {
        self.buckets.compact();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Addresses near each other, and some that all belong into one bucket, however many there are.
    fn address() -> impl Strategy<Value = u128> {
        prop_oneof![0..40_u128, (0..60_usize).prop_map(|place| colliding()[place])]
    }

    fn colliding() -> Vec<u128> {
        let singles = Singles { buckets: vec![EMPTY; 1 << 10].into(), ..Singles::default() };
        (0x2001_0db8_u128 << 96..).filter(|address| singles.bucket_of(*address) == 7).take(60).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..Default::default() })]

        #[test]
        fn they_are_as_a_map(steps in prop::collection::vec((address(), prop::option::of(0..3_u32)), 0..150)) {
            let (mut singles, mut map) = (Singles::default(), BTreeMap::new());
            let clone = singles.clone();
            for (number, (address, class)) in steps.into_iter().enumerate() {
                match class {
                    Some(class) => {
                        singles.set(Single { class, ..Single::unknown(address) });
                        map.insert(address, class);
                    }
                    None => {
                        singles.set(Single::unknown(address));
                        map.remove(&address);
                    }
                }
                if number % 8 == 0 {
                    singles.seal();
                }
                prop_assert_eq!(singles.get(address).map(|single| single.class), map.get(&address).copied());
            }
            let sorted: Vec<(u128, u32)> = singles.sorted().iter().map(|single| (single.address, single.class)).collect();
            prop_assert_eq!(sorted, map.into_iter().collect::<Vec<_>>());
            for single in singles.sorted() {
                prop_assert_eq!(singles.get(single.address), Some(&single));
            }
            prop_assert!(singles.sorted().into_iter().collect::<Singles>() == singles);
            prop_assert_eq!(clone.len, 0);
        }
    }

    #[test]
    fn addresses_of_one_bucket_are_all_found() {
        let singles: Singles =
            colliding().into_iter().map(|address| Single { class: 1, ..Single::unknown(address) }).collect();
        assert!(!singles.crowded.is_empty());
        assert!(colliding().into_iter().all(|address| singles.get(address).is_some()));
        assert!(singles.get(0).is_none() && Singles::default().get(0).is_none());
    }
}
