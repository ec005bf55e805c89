//! The fast form of the policies of one scope: what a pair of classes and an atom of traffic lead to.
//!
//! Policies that govern many subjects are *wide*: each of their rules has a bit, and a rule matches where the bit is set
//! for the subject's class, for the peer's class and for the atom. All others are *narrow*: a subject has a list for each
//! tier where they govern it, and for a peer's class the list has a row that says which of its rules comes first.

use super::{Arena, Lanes, Lineage, Paged, Usual, index, prefetch};
use crate::model::{Reason, RuleId};
use std::hint::select_unpredictable;

/// Addresses of which the same holds and which are governed alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Class {
    /// As a subject: its egress, then its ingress.
    pub(crate) sides: [ListRecord; 2],
    /// As a peer of egress, then of ingress: the row of bits.
    pub(crate) peer_rows: [u32; 2],
    /// Which of the broad terms hold.
    pub(crate) group: u32,
    pub(crate) flags: u32,
}

impl Class {
    /// The fast form does not know what it needs to know.
    pub(crate) const SLOW: u32 = 1;
    /// Its addresses are IPv6.
    pub(crate) const V6: u32 = 2;

    /// That of what has none.
    pub(crate) const NOWHERE: &Self =
        &Class { sides: [ListRecord::NOTHING; 2], peer_rows: [0; 2], group: 0, flags: Class::SLOW };
}

/// A list of narrow rules, ready to be looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub(crate) struct ListRecord {
    /// The subject's row of bits.
    pub(crate) subject_row: u32,
    /// The first of its buckets.
    pub(crate) bucket: u32,
    /// The first of its base rows, which is that of the group 0; if [`ListRecord::ONE_BASE`], that of every group.
    pub(crate) base: u32,
    /// The row of the rules for any peer.
    pub(crate) wild: u32,
    /// Where its endings begin; the first is its [`Ending::next`].
    pub(crate) endings: u32,
    /// The words of the tiers before it.
    pub(crate) words_before: u16,
    /// How many buckets it has: see [`Bucket::count`].
    pub(crate) buckets: u8,
    pub(crate) flags: u8,
}

impl ListRecord {
    const NOTHING: Self = ListRecord {
        subject_row: 0,
        bucket: 0,
        base: 0,
        wild: 0,
        endings: 0,
        words_before: 0,
        buckets: 0,
        flags: 0,
    };

    pub(crate) const ONE_BASE: u8 = 1;
    /// Wide policies of the same tier govern the subject too.
    pub(crate) const MIXED: u8 = 2;
}

/// What a rule, or the end of a tier, leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub(crate) struct Ending {
    pub(crate) rule: u32,
    /// The bit of the first wide rule that comes after it.
    pub(crate) position: u16,
    pub(crate) reason: u8,
    /// What happens, and notes for the verdict.
    pub(crate) code: u8,
}

impl Ending {
    pub(crate) const DENY: u8 = 0;
    pub(crate) const ALLOW: u8 = 1;
    /// The next tier decides.
    pub(crate) const PASS: u8 = 2;
    /// Only the complete form knows.
    pub(crate) const SLOW: u8 = 3;
    pub(crate) const ACTION: u8 = 3;
    /// The rule has an HTTP clause.
    pub(crate) const HTTP: u8 = 4;
    /// The rule only logs.
    pub(crate) const LOG: u8 = 8;

    pub(crate) fn new(code: u8, reason: Reason, rule: Option<RuleId>) -> Self {
        Ending { rule: rule.map_or(0, RuleId::get), position: u16::MAX, reason: reason as u8, code }
    }

    /// What it leads to if the next tier does the same with everything.
    pub(crate) fn then(self, next: Ending) -> Self {
        // A Log rule does not pass anything on.
        if self.code & (Ending::ACTION | Ending::LOG) != Ending::PASS {
            return self;
        }
        Ending { code: next.code | self.code & Ending::HTTP, position: self.position, ..next }
    }

    /// The first of a list's endings: the list of the next tier, and where the words of this tier end.
    pub(crate) fn next(list: u32, words_to: u16) -> Self {
        Ending { rule: list, position: words_to, reason: 0, code: Ending::SLOW }
    }
}

/// What comes first in a list: the number of its ending, above two bits of notes.
pub(crate) type Word = u32;

pub(crate) const NO_MATCH: Word = u32::MAX;
/// A Log rule matched before.
pub(crate) const WORD_LOG: Word = 1;
/// A Log rule with an HTTP clause did.
pub(crate) const WORD_HTTP: Word = 2;

/// What comes first in a list for one peer, by number of traffic: from the start of a segment to that of the next. Unused starts are
/// the highest number.
///
/// If there are more segments than places, the row is a *node*: its words are the numbers of earlier rows, one for each part
/// of the traffic, which may be nodes themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C, align(64))]
pub(crate) struct Row {
    pub(crate) starts: [u32; Row::SEGMENTS],
    pub(crate) words: [Word; Row::SEGMENTS],
}

/// Eight peers' classes with their rows. Unused classes are [`NONE`](super::NONE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Bucket {
    pub(crate) classes: [u32; 8],
    pub(crate) rows: [u32; 8],
}

/// Eight words of a row of bits.
pub(crate) type Block = [u64; 8];

pub(crate) const BLOCK_BITS: u32 = 512;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(align(64))]
pub(crate) struct AlignedBlock(pub(crate) Block);

/// The wide rules of one direction. Those of a tier begin with a word.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wide {
    /// Since its bits were laid out.
    pub(crate) lineage: Lineage,
    /// How many blocks a row has.
    pub(crate) blocks: u32,
    pub(crate) subjects: Arena<AlignedBlock>,
    pub(crate) peers: Arena<AlignedBlock>,
    pub(crate) traffic: Arena<AlignedBlock>,
    /// The row of each atom.
    pub(crate) traffic_rows: Arena<u32>,
    /// For each word, the first word of the next tier.
    pub(crate) tier_ends: Arena<u16>,
    /// For each bit.
    pub(crate) endings: Arena<Ending>,
}

/// The fast form of one scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Program {
    pub(crate) lineage: Lineage,
    pub(crate) classes: Paged<Class, 16>,
    /// Of egress, then of ingress.
    pub(crate) wide: [Wide; 2],
    pub(crate) buckets: Arena<Bucket>,
    pub(crate) rows: Arena<Row>,
    pub(crate) bases: Arena<u32>,
    pub(crate) endings: Arena<Ending>,
    /// Lists that come after others.
    pub(crate) lists: Paged<ListRecord>,
    /// How many of them did not fit the budget.
    pub(crate) slow_lists: u32,
}

impl Row {
    pub(crate) const SEGMENTS: usize = 8;
    /// The first start of a node. That of others is 0.
    pub(crate) const NODE: u32 = 1;
    /// No more rows lie on the way to a word: so many tell all traffic apart.
    pub(crate) const LEVELS: u8 = 7;

    /// A row of sorted segments, as many as fit. What the first has also holds before its start.
    pub(crate) fn new(segments: &[(u32, Word)], is_node: bool) -> Self {
        let mut row = Row { starts: [u32::MAX; Row::SEGMENTS], words: [NO_MATCH; Row::SEGMENTS] };
        for ((start, word), segment) in row.starts.iter_mut().zip(&mut row.words).zip(segments) {
            (*start, *word) = *segment;
        }
        let [first, ..] = &mut row.starts;
        *first = if is_node { Row::NODE } else { 0 };
        row
    }

    #[inline(always)]
    pub(crate) fn is_node(&self) -> bool {
        let [first, ..] = self.starts;
        first == Row::NODE
    }

    /// The word of the segment with this traffic.
    #[inline(always)]
    fn word(&self, lanes: impl Lanes, traffic: u32) -> Word {
        let last = lanes.count_at_most(&self.starts, traffic).saturating_sub(1);
        self.words.get(index(last & 7)).copied().unwrap_or(NO_MATCH)
    }
}

impl Bucket {
    pub(crate) const EMPTY: Bucket = Bucket { classes: [super::NONE; 8], rows: [0; 8] };

    /// The row of a class that is there.
    fn find(&self, peer: u32) -> Option<u32> {
        let mut places = self.classes.iter().zip(&self.rows);
        places.find(|(class, _)| **class == peer).map(|(_, row)| *row)
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        self.classes.last().is_some_and(|class| *class != super::NONE)
    }

    /// The most buckets that a list can have.
    pub(crate) const MOST: u32 = 15 << 15;

    /// How many buckets an octet stands for: its lower half, shifted by its upper half.
    #[inline(always)]
    pub(crate) fn count(buckets: u8) -> u32 {
        u32::from(buckets & 15) << (buckets >> 4)
    }

    /// Octets for more and more buckets: each one more, or an eighth more at most.
    pub(crate) fn counts() -> impl Iterator<Item = u8> {
        (1..16).chain((1..16).flat_map(|shift| (8..16).map(move |number| shift << 4 | number)))
    }

    /// Which bucket of a list a class belongs into: that part of all buckets which a product with an odd number is of 32
    /// bits.
    #[inline(always)]
    pub(crate) fn of(class: u32, buckets: u8) -> u32 {
        let spread = u64::from(class.wrapping_mul(0x9e37_79b1));
        u32::try_from((spread * u64::from(Bucket::count(buckets))) >> 32).unwrap_or(0)
    }
}

impl Program {
    #[inline(always)]
    pub(crate) fn class(&self, class: u32) -> Option<&Class> {
        self.classes.get(class)
    }

    /// The row of a list for a peer.
    #[inline(always)]
    pub(crate) fn row_of(&self, lanes: impl Lanes, list: &ListRecord, peer: u32, group: u32) -> u32 {
        let group = select_unpredictable(list.flags & ListRecord::ONE_BASE == 0, group, 0);
        let other = self.bases.get(index(list.base + group)).copied().unwrap_or(0);
        let number = Bucket::of(peer, list.buckets);
        let Some(bucket) = self.buckets.get(index(list.bucket + number)) else { return other };
        let place = lanes.first_equal(&bucket.classes, peer);
        // Only a full bucket sends its classes to the next.
        if (place == 8) & bucket.is_full() {
            return self.row_after(list, peer, number).unwrap_or(other);
        }
        let row = bucket.rows.get(index(place & 7)).copied().unwrap_or(0);
        // Where a peer is cannot be foreseen.
        select_unpredictable(place < 8, row, other)
    }

    #[cold]
    fn row_after(&self, list: &ListRecord, peer: u32, number: u32) -> Option<u32> {
        let count = Bucket::count(list.buckets);
        for next in (number + 1..count).chain(0..number) {
            let bucket = self.buckets.get(index(list.bucket + next))?;
            if let Some(row) = bucket.find(peer) {
                return Some(row);
            }
            if !bucket.is_full() {
                return None;
            }
        }
        None
    }

    /// Brings in what [`Program::row_of`] reads first.
    #[inline(always)]
    pub(crate) fn prefetch_bucket(&self, list: &ListRecord, peer: u32) {
        prefetch(&self.buckets, index(list.bucket + Bucket::of(peer, list.buckets)));
    }

    /// Brings in a row.
    #[inline(always)]
    pub(crate) fn prefetch_row(&self, row: u32) {
        prefetch(&self.rows, index(row));
    }

    /// Brings in the first endings of a list. Most lists have no more than these.
    #[inline(always)]
    pub(crate) fn prefetch_endings(&self, list: &ListRecord) {
        prefetch(&self.endings, index(list.endings) + 1);
    }

    /// What comes first in a row for traffic.
    #[inline(always)]
    pub(crate) fn word(&self, lanes: impl Lanes, row: u32, traffic: u32) -> Word {
        let Some(row) = self.rows.get(index(row)) else { return NO_MATCH };
        let word = row.word(lanes, traffic);
        if row.is_node() { self.word_below(word, traffic) } else { word }
    }

    /// The same of a row that a node leads to.
    #[inline(never)]
    fn word_below(&self, mut row: u32, traffic: u32) -> Word {
        for _ in 1..Row::LEVELS {
            let Some(found) = self.rows.get(index(row)) else { break };
            let word = found.word(Usual, traffic);
            if !found.is_node() {
                return word;
            }
            row = word;
        }
        NO_MATCH
    }

    pub(crate) fn seal(&mut self) {
        self.classes.seal();
        self.lists.seal();
    }

    /// The bytes of what was replaced.
    pub(crate) fn garbage(&self) -> usize {
        self.classes.garbage() + self.lists.garbage()
    }

    /// Moves what can be replaced to new memory, without what was replaced.
    pub(crate) fn compact(&mut self) {
        self.classes.compact();
        self.lists.compact();
    }

    /// What wide rules take, and what lists do: all that does not follow from how many classes there are.
    pub(crate) fn bytes_of_rules(&self) -> usize {
        let classes = self.classes.bytes();
        self.bytes_by_table().iter().map(|(_, bytes)| bytes).sum::<usize>() - classes
    }

    pub(crate) fn bytes_by_table(&self) -> [(&'static str, usize); 5] {
        [
            ("classes", self.classes.bytes()),
            ("wide", self.wide.iter().map(Wide::bytes).sum()),
            ("buckets", size_of_val(&*self.buckets)),
            ("rows", size_of_val(&*self.rows)),
            ("lists", size_of_val(&*self.bases) + size_of_val(&*self.endings) + self.lists.bytes()),
        ]
    }
}

impl Wide {
    /// The first bit that is set in a row of subjects, one of peers and one of traffic; if none is, a number after all bits.
    #[inline(always)]
    pub(crate) fn first_bit(&self, lanes: impl Lanes, subject: u32, peer: u32, traffic: u32) -> u32 {
        let bit = match self.block(subject, peer, traffic, 0) {
            Some([subject, peer, traffic]) => lanes.first_common_bit(subject, peer, traffic),
            None => BLOCK_BITS,
        };
        // Whether there is one cannot be foreseen, but most have one block.
        if self.blocks > 1 && bit == BLOCK_BITS { self.first_after(subject, peer, traffic) } else { bit }
    }

    /// The same in the blocks after the first.
    #[inline(never)]
    fn first_after(&self, subject: u32, peer: u32, traffic: u32) -> u32 {
        let first = |block| {
            let [subject, peer, traffic] = self.block(subject, peer, traffic, block)?;
            let bit = Usual.first_common_bit(subject, peer, traffic);
            (bit < BLOCK_BITS).then_some(block * BLOCK_BITS + bit)
        };
        (1..self.blocks).find_map(first).unwrap_or(self.blocks * BLOCK_BITS)
    }

    /// Brings in what [`Wide::first_bit`] reads first.
    #[inline(always)]
    pub(crate) fn prefetch(&self, subject: u32, peer: u32) {
        prefetch(&self.subjects, index(subject * self.blocks));
        prefetch(&self.peers, index(peer * self.blocks));
    }

    /// A block of each of these rows.
    #[inline(always)]
    pub(crate) fn block(&self, subject: u32, peer: u32, traffic: u32, block: u32) -> Option<[&Block; 3]> {
        let place = |row: u32| index(row * self.blocks + block);
        let subject = &self.subjects.get(place(subject))?.0;
        let peer = &self.peers.get(place(peer))?.0;
        let traffic = &self.traffic.get(place(traffic))?.0;
        Some([subject, peer, traffic])
    }

    /// The row of an atom.
    #[inline(always)]
    pub(crate) fn traffic_row(&self, atom: u32) -> u32 {
        self.traffic_rows.get(index(atom)).copied().unwrap_or(0)
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.subjects)
            + size_of_val(&*self.peers)
            + size_of_val(&*self.traffic)
            + size_of_val(&*self.traffic_rows)
            + size_of_val(&*self.tier_ends)
            + size_of_val(&*self.endings)
    }
}
