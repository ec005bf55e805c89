//! IPv4 addresses to numbers: a table of the first 16 bits, then pages of 8 bits each.

use super::{index, prefetch};

/// How many runs a sparse page has at most.
pub(crate) const SPARSE: usize = 16;

pub(super) const DENSE_PAGE: u32 = 1 << 30;
pub(super) const SPARSE_PAGE: u32 = 2 << 30;
pub(super) const KIND: u32 = 3 << 30;

/// A page of which few addresses differ from the one before: where runs begin, and what they lead to. Unused places
/// repeat the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub(crate) struct SparsePage {
    pub(super) starts: [u8; SPARSE],
    pub(super) entries: [u32; SPARSE],
}

/// A number for every IPv4 address, below 2^30.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trie {
    pub(super) root: Box<[u32; 1 << 16]>,
    pub(super) dense: Vec<[u32; 256]>,
    pub(super) sparse: Vec<SparsePage>,
}

impl Default for Trie {
    fn default() -> Self {
        Trie { root: Box::new([0; 1 << 16]), dense: Vec::new(), sparse: Vec::new() }
    }
}

impl Trie {
    /// From runs of addresses, sorted by their first, of which the first is 0.
    pub(crate) fn new(runs: &[(u32, u32)]) -> Self {
        let mut trie = Trie::default();
        let mut rest = runs;
        let mut value = 0;
        let mut root = Box::new([0; 1 << 16]);
        for (prefix, place) in (0..).zip(root.iter_mut()) {
            *place = trie.entry(&mut rest, prefix << 16, 16, &mut value);
        }
        Trie { root, ..trie }
    }

    /// The entry for the addresses from `first` on that share all but the last `bits`. `value` is what the address
    /// before them has.
    fn entry(&mut self, rest: &mut &[(u32, u32)], first: u32, bits: u32, value: &mut u32) -> u32 {
        let last = first | ((1 << bits) - 1);
        if let [(start, number), later @ ..] = *rest
            && *start == first
        {
            (*value, *rest) = (*number, later);
        }
        if rest.first().is_none_or(|(start, _)| *start > last) {
            return *value;
        }
        let below = bits - 8;
        let mut entries = [0; 256];
        for (byte, entry) in (0..).zip(&mut entries) {
            *entry = self.step(rest, first | byte << below, below, value);
        }
        self.page(entries)
    }

    fn step(&mut self, rest: &mut &[(u32, u32)], first: u32, bits: u32, value: &mut u32) -> u32 {
        if bits > 0 {
            return self.entry(rest, first, bits, value);
        }
        if let [(start, number), later @ ..] = *rest
            && *start == first
        {
            (*value, *rest) = (*number, later);
        }
        *value
    }

    fn page(&mut self, entries: [u32; 256]) -> u32 {
        let mut runs = 0;
        let mut previous = None;
        let mut page = SparsePage { starts: [u8::MAX; SPARSE], entries: [0; SPARSE] };
        for (byte, entry) in (0..=u8::MAX).zip(entries) {
            if previous == Some(entry) {
                continue;
            }
            if let (Some(start), Some(place)) = (page.starts.get_mut(runs), page.entries.get_mut(runs)) {
                (*start, *place) = (byte, entry);
            }
            (previous, runs) = (Some(entry), runs + 1);
        }
        if runs > SPARSE {
            self.dense.push(entries);
            return DENSE_PAGE | super::count(self.dense.len() - 1);
        }
        page.entries.iter_mut().skip(runs).for_each(|place| *place = previous.unwrap_or_default());
        self.sparse.push(page);
        SPARSE_PAGE | super::count(self.sparse.len() - 1)
    }

    /// The number of an address.
    #[inline]
    pub(crate) fn get(&self, address: u32) -> u32 {
        let mut entry = self.first(address);
        let [_, _, third, fourth] = address.to_be_bytes();
        for byte in [third, fourth] {
            if entry & KIND == 0 {
                break;
            }
            entry = self.next(entry, byte);
        }
        entry
    }

    #[inline]
    fn first(&self, address: u32) -> u32 {
        self.root.get(index(address >> 16)).copied().unwrap_or(0)
    }

    #[inline]
    fn next(&self, entry: u32, byte: u8) -> u32 {
        let number = index(entry & !KIND);
        if entry & KIND == DENSE_PAGE {
            return self.dense.get(number).and_then(|page| page.get(usize::from(byte))).copied().unwrap_or(0);
        }
        let Some(page) = self.sparse.get(number) else { return 0 };
        let started = page.starts.iter().map(|start| u8::from(*start <= byte)).sum::<u8>();
        page.entries.get(usize::from(started.wrapping_sub(1))).copied().unwrap_or(0)
    }

    /// The numbers of many addresses, step by step for all of them.
    pub(crate) fn get_many(&self, addresses: &[u32], numbers: &mut [u32]) {
        for address in addresses {
            prefetch(&*self.root, index(address >> 16));
        }
        for (address, number) in addresses.iter().zip(&mut *numbers) {
            *number = self.first(*address);
            self.prefetch_next(*number, third(*address));
        }
        for (address, number) in addresses.iter().zip(&mut *numbers) {
            let [_, _, third, fourth] = address.to_be_bytes();
            if *number & KIND != 0 {
                *number = self.next(*number, third);
                self.prefetch_next(*number, fourth);
            }
        }
        for (address, number) in addresses.iter().zip(numbers) {
            if *number & KIND != 0 {
                *number = self.next(*number, fourth(*address));
            }
        }
    }

    #[inline]
    fn prefetch_next(&self, entry: u32, byte: u8) {
        let number = index(entry & !KIND);
        match entry & KIND {
            DENSE_PAGE => {
                if let Some(page) = self.dense.get(number) {
                    prefetch(page, usize::from(byte));
                }
            }
            SPARSE_PAGE => prefetch(&self.sparse, number),
            _ => {}
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.root) + size_of_val(&*self.dense) + size_of_val(&*self.sparse)
    }
}

fn third(address: u32) -> u8 {
    let [_, _, byte, _] = address.to_be_bytes();
    byte
}

fn fourth(address: u32) -> u8 {
    let [_, _, _, byte] = address.to_be_bytes();
    byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_address_has_the_number_of_its_run(
            starts in prop::collection::btree_map(
                prop_oneof![0x0a00_0000_u32..0x0a00_0400, 0x0a00_0000_u32..0x0a04_0000, any::<u32>()],
                0_u32..9,
                0..200,
            ),
            near in prop::collection::vec(-2_i64..3, 1..8),
        ) {
            let mut runs: Vec<(u32, u32)> = starts.into_iter().collect();
            if runs.first().is_none_or(|(first, _)| *first > 0) {
                runs.insert(0, (0, 0));
            }
            let trie = Trie::new(&runs);
            for (start, _) in &runs {
                for offset in &near {
                    let address = u32::try_from((i64::from(*start) + offset).clamp(0, i64::from(u32::MAX))).unwrap();
                    let position = runs.partition_point(|(first, _)| *first <= address);
                    prop_assert_eq!(trie.get(address), runs[position - 1].1, "{:#x}", address);
                    let mut numbers = [u32::MAX; 2];
                    trie.get_many(&[address, *start], &mut numbers);
                    prop_assert_eq!(numbers, [trie.get(address), trie.get(*start)]);
                }
            }
        }
    }
}
