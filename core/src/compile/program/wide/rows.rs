//! Rows of bits.

use super::super::bit;
use crate::compile::{Numbered, footprint, number};
use crate::tables::{AlignedBlock, Arena, count};

/// Rows of bits, each once. Row 0 has none set.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) known: Numbered<Box<[u64]>>,
}

impl Rows {
    pub(super) fn new(width: usize) -> Self {
        let mut rows = Rows::default();
        number(&mut rows.known, vec![0; width].into());
        rows
    }

    pub(super) fn add(&mut self, row: &[u64]) -> u32 {
        match self.known.get_index_of(row) {
            Some(known) => count(known),
            None => number(&mut self.known, row.into()),
        }
    }

    /// The number of a row, which is written to the table if it is new.
    pub(super) fn write(&mut self, row: &[u64], table: &mut Arena<AlignedBlock>) -> u32 {
        let known = self.known.len();
        let number = self.add(row);
        if self.known.len() > known {
            table.extend(blocks_of(row));
        }
        number
    }

    pub(super) fn bytes(&self) -> usize {
        footprint::entries::<Box<[u64]>>(self.known.len())
            + footprint::slices(self.known.iter().map(|row| &**row))
    }

    pub(super) fn blocks(&self) -> Vec<AlignedBlock> {
        self.known.iter().flat_map(|row| blocks_of(row)).collect()
    }
}

fn blocks_of(row: &[u64]) -> impl Iterator<Item = AlignedBlock> + '_ {
    row.chunks(8).map(|chunk| {
        let mut block = [0; 8];
        block.iter_mut().zip(chunk).for_each(|(word, from)| *word = *from);
        AlignedBlock(block)
    })
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
