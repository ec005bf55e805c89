//! What compiled state takes, about.

use super::Few;
use super::chunks::Chunks;
use crate::tables::Chunk;

/// Records one behind the other.
pub(super) fn records<T>(records: &[T]) -> usize {
    size_of_val(records)
}

/// A table of so many entries of a size, with what finds them: a hash, a place, and the room that is left free.
pub(super) fn entries<T>(entries: usize) -> usize {
    entries * (size_of::<T>() + 24)
}

/// Lists of numbers.
pub(super) fn lists(lists: &[Few]) -> usize {
    let elsewhere = lists.iter().filter(|list| list.spilled());
    size_of_val(lists) + elsewhere.map(|list| list.capacity() * size_of::<u32>()).sum::<usize>()
}

/// The same, packed.
pub(super) fn chunks(lists: &[Chunks]) -> usize {
    let elsewhere = lists.iter().filter(|list| list.spilled());
    size_of_val(lists) + elsewhere.map(|list| list.capacity() * size_of::<Chunk>()).sum::<usize>()
}

/// Slices of their own.
pub(super) fn slices<'a, T: 'a>(slices: impl Iterator<Item = &'a [T]>) -> usize {
    slices.map(size_of_val).sum()
}
