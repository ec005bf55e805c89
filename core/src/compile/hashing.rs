//! Hashing of what consists of numbers.

use std::hash::{BuildHasherDefault, Hasher};

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
