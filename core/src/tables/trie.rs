//! IPv4 addresses to numbers: an entry for each first octet, then pages for one octet each.

use super::cell::count_octets_at_most;
use super::paged::{Pages, is_worth_moving};
use super::{Arena, count, index};

/// How many runs a sparse page has at most, so that it is one line of memory.
const SPARSE: usize = 12;

const DENSE_PAGE: u32 = 1 << 30;
const SPARSE_PAGE: u32 = 2 << 30;
const KIND: u32 = 3 << 30;

/// How many bits of an address come after its first octet.
const BELOW_ROOT: u32 = 24;

/// An entry for each value of an octet: a number, or the page of the next octet.
type Entries = [u32; 256];

/// The entries of a page, as far as they lead to numbers and not to pages.
pub(crate) type PageEntries = [Option<u32>; 256];

/// A page of which few entries differ from the one before: where runs begin, and what they lead to. Unused places
/// repeat the last run.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct SparsePage {
    /// Those after the runs are the highest.
    starts: [u8; 16],
    entries: [u32; SPARSE],
}

/// A number for every IPv4 address, below [`Trie::END`].
///
/// A writer changes copies of pages, which clones share after [`Trie::seal`].
#[derive(Debug, Clone)]
pub(crate) struct Trie {
    root: Arena<u32>,
    /// Those of the second octet are dense, so that most addresses take the same steps.
    dense: Pages<Entries>,
    sparse: Pages<SparsePage>,
    /// The bytes of pages that nothing leads to.
    garbage: usize,
}

impl Default for Trie {
    /// 0 for all.
    fn default() -> Self {
        Trie { root: vec![0; 256].into(), dense: Pages::default(), sparse: Pages::default(), garbage: 0 }
    }
}

/// Whatever pages say it.
impl PartialEq for Trie {
    fn eq(&self, other: &Self) -> bool {
        self.runs() == other.runs()
    }
}

impl Trie {
    /// Numbers are below this.
    pub(crate) const END: u32 = 1 << 30;

    /// From runs of addresses, sorted by their first, of which the first is 0.
    pub(crate) fn new(runs: &[(u32, u32)]) -> Self {
        let mut trie = Trie::default();
        let mut rest = runs;
        let mut value = 0;
        let mut root = vec![0; 256];
        for (octet, place) in (0..).zip(&mut root) {
            *place = trie.entry(&mut rest, octet << BELOW_ROOT, BELOW_ROOT, &mut value);
        }
        trie.root = root.into();
        trie.seal();
        trie
    }

    /// The entry for the addresses from `first` on that share all but the last `bits`. `value` is what the address
    /// before them has.
    fn entry(&mut self, rest: &mut &[(u32, u32)], first: u32, bits: u32, value: &mut u32) -> u32 {
        if let [(start, number), later @ ..] = *rest
            && *start == first
        {
            (*value, *rest) = (*number, later);
        }
        let last = first | ((1 << bits) - 1);
        if rest.first().is_none_or(|(start, _)| *start > last) {
            return *value;
        }
        let below = bits - 8;
        let mut entries = [0; 256];
        if below == 0 {
            fill(&mut entries, rest, last, value);
            return self.page(&entries, 0, 0);
        }
        for (octet, entry) in (0..).zip(&mut entries) {
            *entry = self.entry(rest, first | octet << below, below, value);
        }
        self.page(&entries, below, 0)
    }

    /// An entry for a page of these, above `below` bits: a new page, or the one that `old` leads to, if it can be changed.
    fn page(&mut self, entries: &Entries, below: u32, old: u32) -> u32 {
        let [first, ..] = *entries;
        let pairs = entries.iter().zip(entries.iter().skip(1));
        let runs = 1 + pairs.map(|(a, b)| u32::from(a != b)).sum::<u32>();
        if runs == 1 && first & KIND == 0 {
            self.discard(old);
            return first;
        }
        let is_sparse = index(runs) <= SPARSE && below < BELOW_ROOT - 8;
        let kind = if is_sparse { SPARSE_PAGE } else { DENSE_PAGE };
        let number = old & !KIND;
        if is_sparse {
            let page = SparsePage::new(entries);
            if let Some(place) = self.sparse.fresh_mut(number).filter(|_| old & KIND == kind) {
                *place = page;
                return old;
            }
            self.discard(old);
            return kind | self.sparse.push(page);
        }
        if let Some(place) = self.dense.fresh_mut(number).filter(|_| old & KIND == kind) {
            *place = *entries;
            return old;
        }
        self.discard(old);
        kind | self.dense.push(*entries)
    }

    /// Notes that nothing leads to a page any more.
    fn discard(&mut self, entry: u32) {
        self.garbage += match entry & KIND {
            DENSE_PAGE => size_of::<Entries>(),
            SPARSE_PAGE => size_of::<SparsePage>(),
            _ => 0,
        };
    }

    /// The same of a page and of all below it.
    fn discard_all(&mut self, entry: u32) {
        if entry & KIND != 0 {
            for below in self.entries(entry) {
                self.discard_all(below);
            }
            self.discard(entry);
        }
    }

    /// The entries of a page; those of a number are that number.
    fn entries(&self, entry: u32) -> Entries {
        let number = entry & !KIND;
        match entry & KIND {
            DENSE_PAGE => self.dense.get(number).copied().unwrap_or([0; 256]),
            SPARSE_PAGE => self.sparse.get(number).map_or([0; 256], SparsePage::expand),
            _ => [entry; 256],
        }
    }

    /// Gives every address from `first` to `last` a number. It shows at once in this value, and in clones taken from now
    /// on, which are cheap again after [`Trie::seal`].
    ///
    /// It copies the pages on the way to both ends, unless they were copied since the last seal: at most six, and the
    /// root.
    pub(crate) fn set(&mut self, first: u32, last: u32, number: u32) {
        debug_assert!(number < Trie::END);
        for octet in first >> BELOW_ROOT..=last >> BELOW_ROOT {
            let start = octet << BELOW_ROOT;
            let known = self.root.get(index(octet)).copied().unwrap_or(0);
            let entry = self.with(known, start, BELOW_ROOT, (first, last), number);
            if entry != known
                && let Some(place) = self.root.make_mut().get_mut(index(octet))
            {
                *place = entry;
            }
        }
    }

    /// The entry for the addresses from `start` on that share all but the last `bits`, when those from `first` to `last`
    /// have a number and the others lead where `entry` leads.
    fn with(&mut self, entry: u32, start: u32, bits: u32, (first, last): (u32, u32), number: u32) -> u32 {
        let end = start | ((1 << bits) - 1);
        if entry == number {
            return entry;
        }
        if first <= start && end <= last {
            self.discard_all(entry);
            return number;
        }
        let below = bits - 8;
        let mut entries = self.entries(entry);
        let mut changed = false;
        let octet = |address: u32| (address - start) >> below;
        let (from, to) = (octet(first.max(start)), octet(last.min(end)));
        for (octet, place) in (0..=255).zip(&mut entries).skip(index(from)).take(index(to - from) + 1) {
            let known = *place;
            *place = self.with(known, start | octet << below, below, (first, last), number);
            changed |= *place != known;
        }
        if changed { self.page(&entries, below, entry) } else { entry }
    }

    /// Lets clones share what changed. A clone that was taken before is as it was. When pages that were replaced take twice
    /// what those in use do, the latter are moved, so that the former can be freed.
    pub(crate) fn seal(&mut self) {
        self.dense.seal();
        self.sparse.seal();
        if is_worth_moving(self.garbage, self.bytes()) {
            self.compact();
        }
    }

    /// The bytes of pages that were replaced.
    pub(crate) fn garbage(&self) -> usize {
        self.garbage
    }

    /// Moves everything to new memory, without what was replaced.
    pub(crate) fn compact(&mut self) {
        let mut dense = Vec::with_capacity(index(self.dense.len()));
        let mut sparse = Vec::with_capacity(index(self.sparse.len()));
        let root: Vec<u32> =
            self.root.iter().map(|entry| self.moved(*entry, &mut dense, &mut sparse)).collect();
        *self = Trie { root: root.into(), dense: dense.into(), sparse: sparse.into(), garbage: 0 };
        self.dense.seal();
        self.sparse.seal();
    }

    /// The entry for a page among those that are in use, with all below it.
    fn moved(&self, entry: u32, dense: &mut Vec<Entries>, sparse: &mut Vec<SparsePage>) -> u32 {
        let number = entry & !KIND;
        match entry & KIND {
            DENSE_PAGE => {
                let Some(mut page) = self.dense.get(number).copied() else { return 0 };
                page.iter_mut().for_each(|entry| *entry = self.moved(*entry, dense, sparse));
                dense.push(page);
                DENSE_PAGE | count(dense.len() - 1)
            }
            SPARSE_PAGE => {
                let Some(mut page) = self.sparse.get(number).copied() else { return 0 };
                let mut last = None;
                for entry in &mut page.entries {
                    // Unused places repeat the last run.
                    *entry = match last {
                        Some((known, moved)) if known == *entry => moved,
                        _ => {
                            let moved = self.moved(*entry, dense, sparse);
                            last = Some((*entry, moved));
                            moved
                        }
                    };
                }
                sparse.push(page);
                SPARSE_PAGE | count(sparse.len() - 1)
            }
            _ => entry,
        }
    }

    /// Runs of addresses of one number: the first address of each, from 0 on.
    pub(crate) fn runs(&self) -> Vec<(u32, u32)> {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for (octet, entry) in (0..).zip(&self.root) {
            self.add_runs(*entry, octet << BELOW_ROOT, BELOW_ROOT, &mut runs);
        }
        runs
    }

    /// Visits every page that is not also another trie's, at the same addresses, and every page with one of the addresses
    /// of a sorted list: the first of its addresses, how many bits tell them apart, and its entries. Both are sealed.
    pub(crate) fn visit_unlike(
        &self,
        other: Option<&Trie>,
        list: &[u32],
        visit: &mut impl FnMut(u32, u32, &PageEntries),
    ) {
        let whole = |trie: &Trie| {
            let mut entries = [0; 256];
            entries.iter_mut().zip(&trie.root).for_each(|(place, entry)| *place = *entry);
            entries
        };
        let other = other.map(|other| (other, whole(other)));
        self.visit_page(&whole(self), other.as_ref(), list, (0, 32), visit);
    }

    fn visit_page(
        &self,
        entries: &Entries,
        other: Option<&(&Trie, Entries)>,
        list: &[u32],
        (start, bits): (u32, u32),
        visit: &mut impl FnMut(u32, u32, &PageEntries),
    ) {
        visit(start, bits, &entries.map(|entry| (entry & KIND == 0).then_some(entry)));
        let Some(below) = bits.checked_sub(8) else { return };
        for (octet, entry) in (0..).zip(entries).filter(|(_, entry)| **entry & KIND != 0) {
            let start = start | octet << below;
            let listed = list.get(list.partition_point(|address| *address < start));
            let is_listed = listed.is_some_and(|address| address >> below == start >> below);
            let known = other.map(|(other, known)| (*other, known.get(index(octet)).copied().unwrap_or(0)));
            let is_shared =
                known.is_some_and(|(other, known)| known == *entry && self.shares_page(other, known));
            if is_shared && !is_listed {
                continue;
            }
            let known = known.map(|(other, known)| (other, other.entries(known)));
            self.visit_page(&self.entries(*entry), known.as_ref(), list, (start, below), visit);
        }
    }

    /// Whether the same entry of both leads to the same.
    fn shares_page(&self, other: &Trie, entry: u32) -> bool {
        match entry & KIND {
            DENSE_PAGE => self.dense.shares_with(&other.dense),
            SPARSE_PAGE => self.sparse.shares_with(&other.sparse),
            _ => true,
        }
    }

    /// Where both differ: the first and the last address of each run, its number here, and its number there. Both are
    /// sealed.
    pub(crate) fn differences(&self, other: &Trie) -> Vec<(u32, u32, u32, u32)> {
        let mut runs = Vec::new();
        for (octet, (entry, known)) in (0..).zip(self.root.iter().zip(&other.root)) {
            self.differ(*entry, (other, *known), octet << BELOW_ROOT, BELOW_ROOT, &mut runs);
        }
        runs
    }

    fn differ(
        &self,
        entry: u32,
        (other, known): (&Trie, u32),
        start: u32,
        bits: u32,
        runs: &mut Vec<(u32, u32, u32, u32)>,
    ) {
        if entry == known && self.shares_page(other, known) {
            return;
        }
        let Some(below) = bits.checked_sub(8).filter(|_| (entry | known) & KIND != 0) else {
            let end = start | ((1 << bits) - 1);
            match runs.last_mut() {
                Some((_, last, one, two))
                    if last.checked_add(1) == Some(start) && (*one, *two) == (entry, known) =>
                {
                    *last = end;
                }
                _ => runs.push((start, end, entry, known)),
            }
            return;
        };
        for (octet, (entry, known)) in (0..).zip(self.entries(entry).iter().zip(&other.entries(known))) {
            self.differ(*entry, (other, *known), start | octet << below, below, runs);
        }
    }

    fn add_runs(&self, entry: u32, start: u32, bits: u32, runs: &mut Vec<(u32, u32)>) {
        if entry & KIND == 0 {
            if runs.last().is_none_or(|(_, number)| *number != entry) {
                runs.push((start, entry));
            }
            return;
        }
        // A page of the last octet leads to no others.
        let Some(below) = bits.checked_sub(8) else { return };
        for (octet, entry) in (0..).zip(self.entries(entry)) {
            self.add_runs(entry, start | octet << below, below, runs);
        }
    }

    /// The number of an address.
    #[inline(always)]
    pub(crate) fn get(&self, address: u32) -> u32 {
        let [_, _, third, fourth] = address.to_be_bytes();
        let entry = self.first(address);
        let entry = self.below(entry, third);
        self.below(entry, fourth)
    }

    /// The numbers of many addresses, step by step for all of them.
    #[inline(always)]
    pub(crate) fn get_many<const N: usize>(&self, addresses: &[u32; N]) -> [u32; N] {
        let mut numbers = [0; N];
        for (address, number) in addresses.iter().zip(&mut numbers) {
            let [_, _, third, fourth] = address.to_be_bytes();
            *number = self.below(self.first(*address), third);
            self.prefetch(*number, fourth);
        }
        for (address, number) in addresses.iter().zip(&mut numbers) {
            let [_, _, _, fourth] = address.to_be_bytes();
            *number = self.below(*number, fourth);
        }
        numbers
    }

    /// What the first two octets lead to.
    #[inline(always)]
    fn first(&self, address: u32) -> u32 {
        let [first, second, _, _] = address.to_be_bytes();
        self.below(self.root.get(usize::from(first)).copied().unwrap_or(0), second)
    }

    /// What the next octet leads to. The numbers of pages tell the kinds apart: taken for the wrong kind, they are too high.
    #[inline(always)]
    fn below(&self, entry: u32, octet: u8) -> u32 {
        if let Some(page) = self.dense.get_sealed(entry.wrapping_sub(DENSE_PAGE)) {
            return page.get(usize::from(octet)).copied().unwrap_or(0);
        }
        if let Some(page) = self.sparse.get_sealed(entry.wrapping_sub(SPARSE_PAGE)) {
            return page.find(octet);
        }
        if entry & KIND == 0 { entry } else { self.below_fresh(entry, octet) }
    }

    /// The same where the page is not sealed.
    #[cold]
    fn below_fresh(&self, entry: u32, octet: u8) -> u32 {
        self.entries(entry).get(usize::from(octet)).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn prefetch(&self, entry: u32, octet: u8) {
        let [dense, sparse] = places(entry);
        self.dense.prefetch_in(dense, octet.into());
        self.sparse.prefetch(sparse);
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.root) + self.dense.bytes() + self.sparse.bytes()
    }
}

/// The entries of the addresses up to `last`, which share all but the last octet.
fn fill(entries: &mut Entries, rest: &mut &[(u32, u32)], last: u32, value: &mut u32) {
    let mut from = 0;
    while let [(start, number), later @ ..] = *rest
        && *start <= last
    {
        let to = index(start & 255);
        entries.get_mut(from..to).into_iter().for_each(|run| run.fill(*value));
        (from, *value, *rest) = (to, *number, later);
    }
    entries.get_mut(from..).into_iter().for_each(|run| run.fill(*value));
}

impl SparsePage {
    #[inline(always)]
    fn find(&self, octet: u8) -> u32 {
        let last = count_octets_at_most(&self.starts, octet).wrapping_sub(1);
        self.entries.get(index(last).min(SPARSE - 1)).copied().unwrap_or(0)
    }

    /// Of at most [`SPARSE`] runs.
    fn new(entries: &Entries) -> Self {
        let mut page = SparsePage { starts: [u8::MAX; 16], entries: [0; SPARSE] };
        let mut places = page.starts.iter_mut().zip(&mut page.entries);
        let mut previous = None;
        for (octet, entry) in (0..=u8::MAX).zip(entries) {
            if previous != Some(*entry)
                && let Some((start, place)) = places.next()
            {
                (*start, *place) = (octet, *entry);
            }
            previous = Some(*entry);
        }
        places.for_each(|(_, place)| *place = previous.unwrap_or_default());
        page
    }

    fn expand(&self) -> Entries {
        let mut entries = [0; 256];
        let runs = self.starts.iter().zip(&self.entries);
        // What comes later in the page writes over what came before.
        runs.for_each(|(start, entry)| entries.iter_mut().skip((*start).into()).for_each(|e| *e = *entry));
        entries
    }
}

/// The dense page and the sparse one to look into for an entry: of what it does not lead to, the first.
#[inline]
fn places(entry: u32) -> [u32; 2] {
    // The bit of the kind, in all places.
    let mask = |shifted: u32| (shifted.cast_signed() >> 31).cast_unsigned() & !KIND;
    [entry & mask(entry << 1), entry & mask(entry)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address() -> impl Strategy<Value = u32> {
        prop_oneof![0x0a00_0000_u32..0x0a00_0400, 0x0a00_0000_u32..0x0a04_0000, any::<u32>()]
    }

    proptest! {
        #[test]
        fn every_address_has_the_number_of_its_run(
            starts in prop::collection::btree_map(address(), 0_u32..9, 0..200),
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
                    let numbers = trie.get_many(&[address, *start]);
                    prop_assert_eq!(numbers, [trie.get(address), trie.get(*start)]);
                }
            }
            runs.dedup_by_key(|(_, number)| *number);
            prop_assert_eq!(trie.runs(), runs);
        }

        #[test]
        fn pages_change_their_kind(
            sets in prop::collection::vec((0..4_u32, any::<u8>(), any::<u8>(), 0..3_u32, 0..6_u32), 0..80),
        ) {
            let (mut trie, mut numbers) = (Trie::default(), vec![0; 1024]);
            for (page, a, b, number, step) in sets {
                let (first, last) = (u32::from(a.min(b)), u32::from(a.max(b)));
                // Whole ranges, and every other address, of which a page has too many to be sparse.
                let each = if step < 3 { vec![(first, last)] } else { (first..=last).step_by(2).map(|one| (one, one)).collect() };
                for (first, last) in each {
                    trie.set(page << 8 | first, page << 8 | last, number);
                    numbers[index(page << 8 | first)..=index(page << 8 | last)].fill(number);
                }
                if step % 3 == 0 {
                    trie.seal();
                }
            }
            prop_assert!((0..).zip(&numbers).all(|(address, number)| trie.get(address) == *number));
        }

        #[test]
        fn differences_are_where_two_differ(
            before in prop::collection::vec((address(), address(), 0..5_u32), 0..20),
            after in prop::collection::vec((address(), address(), 0..5_u32), 0..6),
            is_compact in any::<bool>(),
        ) {
            let mut old = Trie::default();
            before.iter().for_each(|(a, b, number)| old.set(*a.min(b), *a.max(b), *number));
            old.seal();
            let mut new = old.clone();
            after.iter().for_each(|(a, b, number)| new.set(*a.min(b), *a.max(b), *number));
            new.seal();
            if is_compact {
                new.compact();
            }
            let mut followed = old.clone();
            for (first, last, number, known) in new.differences(&old) {
                prop_assert_ne!(number, known);
                prop_assert_eq!((old.get(first), old.get(last)), (known, known));
                followed.set(first, last, number);
            }
            prop_assert_eq!(followed.runs(), new.runs());
        }

        /// Against a list of runs that is cut by hand; and clones stay as they were.
        #[test]
        fn ranges_are_set(
            steps in prop::collection::vec((address(), address(), 0..5_u32, 0..3_u8, any::<bool>()), 1..60),
        ) {
            let (mut trie, mut runs) = (Trie::default(), vec![(0, 0)]);
            let mut clones = Vec::new();
            for (one, other, number, kind, seal) in steps {
                let (first, last) = match kind {
                    0 => (one, one),
                    1 => (one, one | 0xff),
                    _ => (one.min(other), one.max(other)),
                };
                trie.set(first, last, number);
                cut(&mut runs, first, last, number);
                prop_assert_eq!(trie.runs(), runs.clone());
                prop_assert!([first, last, first.saturating_sub(1), last.saturating_add(1)].into_iter().all(
                    |address| trie.get(address) == at(&runs, address)
                ));
                prop_assert_eq!(trie.bytes() - trie.garbage(), Trie::new(&runs).bytes());
                if seal {
                    trie.seal();
                    clones.push((trie.clone(), runs.clone()));
                }
            }
            trie.compact();
            prop_assert_eq!((trie.runs(), trie.garbage()), (runs, 0));
            for (clone, runs) in clones {
                prop_assert_eq!(clone.runs(), runs);
            }
        }
    }

    fn at(runs: &[(u32, u32)], address: u32) -> u32 {
        runs[runs.partition_point(|(first, _)| *first <= address) - 1].1
    }

    fn cut(runs: &mut Vec<(u32, u32)>, first: u32, last: u32, number: u32) {
        let after = last.checked_add(1).map(|after| (after, at(runs, after)));
        runs.retain(|(start, _)| *start < first || *start > last);
        runs.push((first, number));
        if let Some((after, known)) = after {
            runs.retain(|(start, _)| *start != after);
            runs.push((after, known));
        }
        runs.sort_unstable();
        runs.dedup_by_key(|(_, number)| *number);
    }

    #[test]
    fn sets_between_two_seals_share_pages() {
        let mut trie = Trie::default();
        let one = |trie: &mut Trie, address| trie.set(address, address, 1);
        one(&mut trie, 0x0a00_0001);
        trie.seal();
        let before = trie.bytes();
        for address in 2..10 {
            one(&mut trie, 0x0a00_0000 + address);
        }
        let path = size_of::<Entries>() + 2 * size_of::<SparsePage>();
        assert_eq!((trie.bytes() - before, trie.garbage()), (path, path));
    }
}
