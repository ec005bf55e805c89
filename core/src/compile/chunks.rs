//! Lists of numbers while they are made.

use crate::tables::Chunk;
use smallvec::SmallVec;

/// A list of numbers, as tables hold it.
pub(super) type Chunks = SmallVec<[Chunk; 2]>;

/// Adds a number at the end.
pub(super) fn append(list: &mut Chunks, number: u32) {
    if !list.last_mut().is_some_and(|last| last.append(number)) {
        list.push(Chunk::of(number));
    }
}

/// Adds numbers that are higher than all others.
pub(super) fn append_all(list: &mut Chunks, chunk: Chunk) {
    match list.last_mut() {
        _ if chunk.bits() == 0 => {}
        Some(last) if last.place() == chunk.place() => last.add(chunk),
        _ => list.push(chunk),
    }
}

/// The list of these numbers, in their order.
pub(super) fn packed(numbers: impl IntoIterator<Item = u32>) -> Chunks {
    let mut list = Chunks::new();
    numbers.into_iter().for_each(|number| append(&mut list, number));
    list
}

/// A sorted list of the numbers of all of these.
pub(super) fn merged(mut chunks: Chunks) -> Chunks {
    let is_sorted = chunks.is_sorted_by(|a, b| a.place() < b.place());
    if !is_sorted {
        chunks.sort_unstable_by_key(|chunk| chunk.place());
        chunks.dedup_by(|next, chunk| {
            let same = chunk.place() == next.place();
            if same {
                chunk.add(*next);
            }
            same
        });
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_merged_list_is_sorted(list in prop::collection::vec(0..300_u32, 0..60)) {
            let sorted: BTreeSet<u32> = list.iter().copied().collect();
            let merged = merged(packed(list));
            prop_assert!(merged.iter().flat_map(|chunk| chunk.numbers()).eq(sorted));
        }
    }
}
