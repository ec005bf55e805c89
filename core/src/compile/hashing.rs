//! Hashing of what consists of numbers.

use crate::model::Name;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

/// Hashes numbers that the compiler gave: nobody chooses them, so nobody can make them collide.
pub(super) type Quick = BuildHasherDefault<NumberHasher>;

/// A map by such numbers.
pub(super) type QuickMap<K, V> = std::collections::HashMap<K, V, Quick>;

/// Multiplies and rotates.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NumberHasher(u64);

/// Odd, and half of its bits are set: the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(FACTOR);
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            self.write_u64(u64::from_le_bytes(last));
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(u64::MAX));
    }

    /// Tables look at the lowest bits and at the highest, and a product has its best in the middle and above.
    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// What was found lately, by where in memory the texts are that it hangs on: what comes from one source shares them.
#[derive(Debug)]
pub(super) struct Recent<'a, const N: usize, T> {
    places: Vec<Option<([usize; N], T)>>,
    /// They are not freed meanwhile, so where they are tells what they are.
    texts: PhantomData<&'a Name>,
}

impl<const N: usize, T: Copy> Default for Recent<'_, N, T> {
    fn default() -> Self {
        Recent { places: vec![None; 1 << RECENT_BITS], texts: PhantomData }
    }
}

const RECENT_BITS: u32 = 12;

impl<'a, const N: usize, T: Copy> Recent<'a, N, T> {
    /// What these texts lead to, which `find` finds if it was not found lately.
    pub(super) fn get(&mut self, texts: [&'a Name; N], find: impl FnOnce() -> T) -> T {
        let key = texts.map(|text| Arc::as_ptr(text).addr());
        let hash = Quick::default().hash_one(key) >> (64 - RECENT_BITS);
        let place = usize::try_from(hash).ok().and_then(|place| self.places.get_mut(place));
        match place {
            Some(Some((known, found))) if *known == key => *found,
            place => {
                let found = find();
                place.into_iter().for_each(|place| *place = Some((key, found)));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    /// Of pairs of small numbers, which most keys are.
    #[test]
    fn hashes_of_small_numbers_are_apart() {
        let pairs = || (0..300_u32).flat_map(|a| (0..300_u32).map(move |b| (a, b)));
        let hash = |pair: (u32, u32)| Quick::default().hash_one(pair);
        assert_eq!(pairs().map(hash).collect::<HashSet<_>>().len(), 90_000);
        for shift in [0, 50] {
            let places: HashSet<u64> = pairs().map(|pair| hash(pair) >> shift & 0x3fff).collect();
            assert!(places.len() > 15_000, "{} of 16,384 places at bit {shift}", places.len());
        }
    }

    #[test]
    fn bytes_are_hashed_whole() {
        let hash = |bytes: &[u8]| {
            let mut hasher = NumberHasher::default();
            hasher.write(bytes);
            hasher.finish()
        };
        let all: HashSet<u64> = (0..=u8::MAX).flat_map(|byte| [hash(&[1, byte]), hash(&[byte; 9])]).collect();
        assert_eq!(all.len(), 512);
    }
}
