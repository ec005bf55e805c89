//! Rows of bits.

use super::super::bit;
use crate::compile::footprint;
use crate::compile::hashing::QuickMap;
use crate::tables::{AlignedBlock, Arena, index};
use std::hash::BuildHasher;

/// Rows of bits, each once. Row 0 has none set.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// One behind the other.
    words: Vec<u64>,
    /// How many words a row has.
    width: usize,
    /// How many rows there are.
    len: u32,
    /// The number of each row by its hash, or the next that was free.
    known: QuickMap<u64, u32>,
}

impl Rows {
    pub(super) fn new(width: usize) -> Self {
        let mut rows = Rows { width, ..Rows::default() };
        rows.add(&vec![0; width]);
        rows
    }

    /// A row by its number.
    pub(super) fn get(&self, number: u32) -> Option<&[u64]> {
        let start = index(number) * self.width;
        self.words.get(start..start + self.width)
    }

    /// The number of a row.
    pub(super) fn add(&mut self, row: &[u64]) -> u32 {
        let mut hash = self.known.hasher().hash_one(row);
        while let Some(known) = self.known.get(&hash) {
            if self.get(*known) == Some(row) {
                return *known;
            }
            hash = hash.wrapping_add(1);
        }
        let number = self.len;
        self.known.insert(hash, number);
        self.words.extend_from_slice(row);
        self.len += 1;
        number
    }

    /// The number of a row, which is written to the table if it is new.
    pub(super) fn write(&mut self, row: &[u64], table: &mut Arena<AlignedBlock>) -> u32 {
        let known = self.len;
        let number = self.add(row);
        if self.len > known {
            table.extend(blocks_of(row));
        }
        number
    }

    pub(super) fn bytes(&self) -> usize {
        footprint::entries::<(u64, u32)>(self.known.len()) + footprint::records(&self.words)
    }

    pub(super) fn blocks(&self) -> Vec<AlignedBlock> {
        blocks_of(&self.words).collect()
    }
}

/// Rows have whole blocks.
fn blocks_of(words: &[u64]) -> impl Iterator<Item = AlignedBlock> + '_ {
    let (blocks, _) = words.as_chunks();
    blocks.iter().map(|block| AlignedBlock(*block))
}

pub(super) fn set(row: &mut [u64], position: u32) {
    let (word, mask) = bit(position);
    if let Some(word) = row.get_mut(word) {
        *word |= mask;
    }
}

pub(super) fn is_set(row: &[u64], position: u32) -> bool {
    let (word, mask) = bit(position);
    row.get(word).is_some_and(|word| word & mask != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_once() {
        let mut rows = Rows::new(8);
        let row = |position| {
            let mut row = vec![0; 8];
            set(&mut row, position);
            row
        };
        let numbers: Vec<u32> = (0..512).map(|position| rows.add(&row(position))).collect();
        assert!(numbers.iter().copied().eq(1..=512));
        assert!((0..512).all(|position| rows.add(&row(position)) == position + 1));
        assert_eq!((rows.add(&[0; 8]), rows.blocks().len()), (0, 513));
        assert_eq!((rows.get(512), rows.get(513)), (Some(row(511).as_slice()), None));
    }
}
