//! Runs of addresses as prefixes, of which the longest that has an address counts.

use crate::tables::{Addresses, NONE, PageEntries, index};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with the number of its leading bits that count; all others are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// The first address.
    pub address: IpAddr,
    /// How many bits count: at most 32 of an IPv4 address, 128 of an IPv6 one.
    pub length: u8,
}

/// Prefixes with their classes.
pub(super) type Classes = BTreeMap<Prefix, u32>;

impl Prefix {
    fn v4(address: u32, length: u8) -> Self {
        Prefix { address: Ipv4Addr::from_bits(address).into(), length }
    }

    fn v6(address: u128, length: u8) -> Self {
        Prefix { address: Ipv6Addr::from_bits(address).into(), length }
    }
}

/// Every prefix.
pub(super) fn all(addresses: &Addresses) -> Classes {
    let mut all = unlike_v4(addresses, None, &[]);
    all.extend(runs_v6(addresses));
    let singles = addresses.singles_v6().sorted().into_iter().filter(|single| single.class != NONE);
    all.extend(singles.map(|single| (Prefix::v6(single.address, 128), single.class)));
    all
}

/// The prefixes of each that the other does not have alike: the older ones, and the newer ones. It takes as long as what
/// they do not share is large.
pub(super) fn differing(old: &Addresses, new: &Addresses) -> (Classes, Classes) {
    let occupied = new.differently_occupied_v4(old);
    let mut before = unlike_v4(old, Some(new), &occupied);
    let mut after = unlike_v4(new, Some(old), &occupied);
    let changed = new.singles_v6().changed(old.singles_v6());
    let same_runs = new.runs_v6().is_same(old.runs_v6());
    if !same_runs || !changed.is_empty() {
        for (addresses, prefixes) in [(old, &mut before), (new, &mut after)] {
            let runs = runs_v6(addresses);
            let of_run = |prefix: &Prefix| runs.get(prefix).copied();
            let single = |address: u128| {
                let known = addresses.singles_v6().get(address).map(|single| single.class);
                let prefix = Prefix::v6(address, 128);
                Some((prefix, known.filter(|class| *class != NONE).or_else(|| of_run(&prefix))?))
            };
            let singles: Vec<_> = changed.iter().filter_map(|address| single(*address)).collect();
            if !same_runs {
                let hidden = |prefix: &Prefix| prefix.length == 128 && single_at(addresses, prefix);
                prefixes
                    .extend(runs.iter().filter(|(prefix, _)| !hidden(prefix)).map(|(p, class)| (*p, *class)));
            }
            prefixes.extend(singles);
        }
    }
    before.retain(|prefix, class| match after.get(prefix) {
        Some(other) if other == class => after.remove(prefix).is_none(),
        _ => true,
    });
    (before, after)
}

/// An address has a class of its own, whatever the runs say.
fn single_at(addresses: &Addresses, prefix: &Prefix) -> bool {
    match prefix.address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => {
            addresses.singles_v6().get(address.to_bits()).is_some_and(|single| single.class != NONE)
        }
    }
}

/// Those of the pages that others do not share, or that have one of these addresses. An address that somebody has is a
/// prefix of its own, whatever is beside it, so that it takes one write to change its class.
fn unlike_v4(addresses: &Addresses, others: Option<&Addresses>, listed: &[u32]) -> Classes {
    let mut prefixes = Classes::new();
    addresses.v4.visit_unlike(others.map(|others| &others.v4), listed, &mut |start, bits, entries| {
        let mut ranges = *entries;
        if bits == 8 {
            for (address, range) in (start..).zip(&mut ranges).filter(|(at, _)| addresses.is_occupied_v4(*at))
            {
                prefixes.extend(range.take().map(|class| (Prefix::v4(address, 32), class)));
            }
        }
        for (offset, length, class) in of_page(&ranges) {
            // An entry stands for all addresses below it.
            let below = bits.saturating_sub(8);
            let length = 32 - u8::try_from(bits).unwrap_or(0) + length;
            prefixes.insert(Prefix::v4(start | offset << below, length), class);
        }
    });
    prefixes
}

/// The blocks of a page; what has prefixes elsewhere, as pages have, is covered there.
fn of_page(entries: &PageEntries) -> Vec<(u32, u8, u32)> {
    let Some(first) = entries.iter().flatten().next() else { return Vec::new() };
    let mut runs = vec![(0, *first)];
    for (octet, entry) in (0..).zip(entries) {
        runs.extend(entry.map(|class| (octet, class)));
    }
    runs.dedup_by_key(|(_, class)| *class);
    let narrow =
        |(offset, length, class): (u128, u8, u32)| (u32::try_from(offset).unwrap_or(0), length, class);
    let blocks = nested(&runs, 8).into_iter().map(narrow);
    let is_elsewhere = |octet: u32| entries.get(index(octet)).is_some_and(Option::is_none);
    blocks.filter(|(octet, length, _)| !(*length == 8 && is_elsewhere(*octet))).collect()
}

fn runs_v6(addresses: &Addresses) -> Classes {
    let blocks = nested(addresses.runs_v6(), 128);
    blocks.into_iter().map(|(address, length, class)| (Prefix::v6(address, length), class)).collect()
}

/// How many classes are considered for a block: more would seldom save another one.
const CANDIDATES: usize = 8;

/// A block of numbers: what it may best be given, and its halves, if they differ.
struct Node {
    candidates: SmallVec<[u32; CANDIDATES]>,
    halves: Option<(usize, usize)>,
}

/// Few blocks, each a number, a length of its leading bits and a class, that give all numbers of so many bits the class of
/// their run: that of the longest block with the number. The first run begins at 0; the first block is that of all numbers.
fn nested(runs: &[(u128, u32)], bits: u8) -> Vec<(u128, u8, u32)> {
    let (mut nodes, mut blocks) = (Vec::new(), Vec::new());
    if let Some(root) = grow(runs, 0, bits, &mut nodes) {
        cover(&nodes, root, None, (0, 0, bits), &mut blocks);
    }
    blocks
}

/// The node of the block from `start` on; the first of the runs covers its start. From its halves it has what both may be
/// given, or, if there is no such thing, what either may.
fn grow(runs: &[(u128, u32)], start: u128, bits: u8, nodes: &mut Vec<Node>) -> Option<usize> {
    let (_, class) = runs.first()?;
    let mut node = Node { candidates: SmallVec::from_slice(&[*class]), halves: None };
    if let Some(below) = bits.checked_sub(1).filter(|_| runs.len() > 1) {
        let middle = start | 1 << below;
        let at = runs.partition_point(|(first, _)| *first < middle);
        let begins = runs.get(at).is_some_and(|(first, _)| *first == middle);
        let low = grow(runs.get(..at)?, start, below, nodes)?;
        let high = grow(runs.get(at - usize::from(!begins)..)?, middle, below, nodes)?;
        node.halves = Some((low, high));
        let (low, high) = (&nodes.get(low)?.candidates, &nodes.get(high)?.candidates);
        node.candidates = low.iter().filter(|class| high.contains(class)).copied().collect();
        if node.candidates.is_empty() {
            node.candidates = low.iter().chain(high).copied().take(CANDIDATES).collect();
        }
    }
    nodes.push(node);
    Some(nodes.len() - 1)
}

fn cover(
    nodes: &[Node],
    node: usize,
    around: Option<u32>,
    (start, length, bits): (u128, u8, u8),
    blocks: &mut Vec<(u128, u8, u32)>,
) {
    let Some(Node { candidates, halves }) = nodes.get(node) else { return };
    let known = around.filter(|class| candidates.contains(class));
    let Some(class) = known.or(candidates.first().copied()) else { return };
    if known.is_none() {
        blocks.push((start, length, class));
    }
    if let Some((low, high)) = halves {
        let below = bits - 1;
        cover(nodes, *low, Some(class), (start, length + 1, below), blocks);
        cover(nodes, *high, Some(class), (start | 1 << below, length + 1, below), blocks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_longest_block_of_a_number_has_its_class(
            starts in prop::collection::btree_map(0..256_u128, 0..4_u32, 0..40),
            first in 0..4_u32,
        ) {
            let mut runs: Vec<(u128, u32)> = vec![(0, first)];
            runs.extend(starts.into_iter().filter(|(start, _)| *start > 0));
            let blocks = nested(&runs, 8);
            prop_assert_eq!(blocks.first().map(|(start, length, _)| (*start, *length)), Some((0, 0)));
            for number in 0..256_u128 {
                let has = |(start, length, _): &&(u128, u8, u32)| number >> (8 - length) == start >> (8 - length);
                let longest = blocks.iter().filter(has).max_by_key(|(_, length, _)| *length).unwrap();
                let run = runs.iter().rfind(|(first, _)| *first <= number).unwrap();
                prop_assert_eq!(longest.2, run.1);
            }
            prop_assert!(blocks.len() <= 2 * runs.len() * 8);
        }
    }

    #[test]
    fn what_is_nested_takes_one_block_each() {
        let nets = [(0, 0), (0x10, 1), (0x14, 2), (0x18, 1), (0x20, 0)];
        assert_eq!(nested(&nets, 8), [(0, 0, 0), (0x10, 4, 1), (0x14, 6, 2)]);
    }
}
