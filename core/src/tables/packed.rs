//! Lists of numbers of which many are near each other.

use super::{Pool, Span, index};
use std::hash::{Hash, Hasher};

/// Numbers of a list that are among 64 in a row. A list is chunks, whose numbers come one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chunk {
    /// Its numbers begin at 64 times this.
    place: u32,
    /// Which of the lower 32 numbers they are, and which of the others.
    bits: [u32; 2],
}

impl Chunk {
    /// A number alone.
    pub(crate) fn of(number: u32) -> Self {
        let bit = 1 << (number % 32);
        Chunk { place: number / 64, bits: if number & 32 == 0 { [bit, 0] } else { [0, bit] } }
    }

    /// The numbers of these bits, among those from 64 times `place` on.
    pub(crate) fn new(place: u32, bits: u64) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        Chunk { place, bits: [half(bits), half(bits >> 32)] }
    }

    /// Which 64 numbers.
    pub(crate) fn place(self) -> u32 {
        self.place
    }

    /// Which of them.
    pub(crate) fn bits(self) -> u64 {
        let [low, high] = self.bits;
        u64::from(high) << 32 | u64::from(low)
    }

    /// Adds the next number of the list, if it is among the 64 and higher than those that are there.
    pub(crate) fn append(&mut self, number: u32) -> bool {
        let next = Chunk::of(number);
        let fits = self.place == next.place && self.bits() < next.bits();
        if fits {
            self.add(next);
        }
        fits
    }

    /// Adds the numbers of a chunk of the same 64.
    pub(crate) fn add(&mut self, other: Chunk) {
        self.bits.iter_mut().zip(other.bits).for_each(|(bits, more)| *bits |= more);
    }

    /// Its numbers, from the lowest.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u32> + Clone {
        let first = self.place.wrapping_mul(64);
        let mut bits = self.bits();
        std::iter::from_fn(move || {
            let place = bits.trailing_zeros();
            bits &= bits.checked_sub(1)?;
            Some(first.wrapping_add(place))
        })
    }
}

/// As one number, which is much faster than as three, and tells lists apart as well.
impl Hash for Chunk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.bits() ^ u64::from(self.place) << 32);
    }
}

impl From<[u32; 3]> for Chunk {
    fn from([place, low, high]: [u32; 3]) -> Self {
        Chunk { place, bits: [low, high] }
    }
}

/// Where a list of numbers stands in a pool: they themselves, or chunks of three words, whichever takes less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Packed {
    pub(super) start: u32,
    /// How many words, above a bit that says whether they are chunks.
    pub(super) words: u32,
}

impl Packed {
    pub(super) const CHUNKS: u32 = 1;

    /// Whether chunks have all of their words.
    pub(super) fn is_whole(self) -> bool {
        self.words & Self::CHUNKS == 0 || self.span().len.is_multiple_of(3)
    }

    /// The words.
    pub(super) fn span(self) -> Span {
        Span { start: self.start, len: self.words >> 1 }
    }
}

/// A list of numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum List<'a> {
    Plain(&'a [u32]),
    Chunks(&'a [[u32; 3]]),
}

impl Pool<u32> {
    /// Adds a list.
    pub(crate) fn pack(&mut self, list: &[Chunk]) -> Packed {
        let numbers: u32 = list.iter().map(|chunk| chunk.bits().count_ones()).sum();
        let (span, kind) = if list.len() * 3 < index(numbers) {
            let words = |chunk: &Chunk| [chunk.place, chunk.bits[0], chunk.bits[1]];
            (self.push(list.iter().flat_map(words)), Packed::CHUNKS)
        } else {
            (self.push(list.iter().flat_map(|chunk| chunk.numbers())), 0)
        };
        Packed { start: span.start, words: span.len << 1 | kind }
    }

    /// The list; empty if it is none of this pool.
    pub(crate) fn list(&self, list: Packed) -> List<'_> {
        let words = self.slice(list.span());
        if list.words & Packed::CHUNKS == 0 {
            return List::Plain(words);
        }
        List::Chunks(words.as_chunks().0)
    }
}

impl<'a> List<'a> {
    pub(crate) const EMPTY: Self = List::Plain(&[]);

    /// Its numbers in chunks, which may have fewer of them than there could be.
    pub(crate) fn chunks(self) -> impl Iterator<Item = Chunk> + Clone + use<'a> {
        let (plain, chunks): (&[u32], &[[u32; 3]]) = match self {
            List::Plain(numbers) => (numbers, &[]),
            List::Chunks(chunks) => (&[], chunks),
        };
        plain.iter().map(|number| Chunk::of(*number)).chain(chunks.iter().map(|chunk| Chunk::from(*chunk)))
    }

    /// Its numbers in their order.
    pub(crate) fn iter(self) -> ListNumbers<'a> {
        let (plain, chunks): (&[u32], &[[u32; 3]]) = match self {
            List::Plain(numbers) => (numbers, &[]),
            List::Chunks(chunks) => (&[], chunks),
        };
        ListNumbers { plain: plain.iter(), chunks: chunks.iter(), first: 0, bits: 0 }
    }

    /// Whether it has a number. It is sorted.
    pub(crate) fn contains(self, number: u32) -> bool {
        let chunks = match self {
            List::Plain(numbers) => return numbers.binary_search(&number).is_ok(),
            List::Chunks(chunks) => chunks,
        };
        let wanted = Chunk::of(number);
        let place = chunks.partition_point(|[place, ..]| *place < wanted.place);
        let chunk = chunks.get(place).map(|chunk| Chunk::from(*chunk));
        chunk.is_some_and(|chunk| chunk.place == wanted.place && chunk.bits() & wanted.bits() != 0)
    }

    /// Whether every number is higher than the one before, and every chunk has one.
    pub(super) fn is_sorted(self) -> bool {
        match self {
            List::Plain(numbers) => numbers.is_sorted_by(|a, b| a < b),
            List::Chunks(chunks) => {
                chunks.is_sorted_by(|[a, ..], [b, ..]| a < b)
                    && chunks.iter().all(|[_, low, high]| low | high != 0)
            }
        }
    }
}

/// The numbers of a list.
#[derive(Debug, Clone)]
pub(crate) struct ListNumbers<'a> {
    plain: std::slice::Iter<'a, u32>,
    chunks: std::slice::Iter<'a, [u32; 3]>,
    /// What is left of a chunk.
    first: u32,
    bits: u64,
}

impl Iterator for ListNumbers<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if let Some(number) = self.plain.next() {
            return Some(*number);
        }
        while self.bits == 0 {
            let chunk = Chunk::from(*self.chunks.next()?);
            (self.first, self.bits) = (chunk.place.wrapping_mul(64), chunk.bits());
        }
        let number = self.first.wrapping_add(self.bits.trailing_zeros());
        self.bits &= self.bits - 1;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(list: &[u32]) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for number in list {
            if !chunks.last_mut().is_some_and(|last| last.append(*number)) {
                chunks.push(Chunk::of(*number));
            }
        }
        chunks
    }

    proptest! {
        #[test]
        fn a_list_keeps_its_numbers_and_their_order(
            sparse in prop::collection::vec(0..3_000_u32, 0..60),
            dense in prop::collection::btree_set(0..300_u32, 0..200),
        ) {
            let mut pool = Pool::default();
            for list in [sparse, dense.iter().copied().collect()] {
                let place = pool.pack(&packed(&list));
                prop_assert!(pool.list(place).iter().eq(list.iter().copied()));
                prop_assert!(index(place.span().len) <= list.len());
            }
        }

        #[test]
        fn a_sorted_list_tells_what_it_has(
            set in prop_oneof![
                prop::collection::btree_set(0..300_u32, 0..10),
                prop::collection::btree_set(0..300_u32, 0..200),
            ],
        ) {
            let mut pool = Pool::default();
            let list: Vec<u32> = set.iter().copied().collect();
            let place = pool.pack(&packed(&list));
            let list = pool.list(place);
            prop_assert!(list.is_sorted() && place.span().len <= 15);
            prop_assert!((0..400).all(|number| list.contains(number) == set.contains(&number)));
        }
    }

    #[test]
    fn the_highest_number_is_a_number() {
        let last = Chunk::of(u32::MAX);
        assert!(last.numbers().eq([u32::MAX]));
        assert!(List::Plain(&[u32::MAX]).contains(u32::MAX));
    }
}
