//! Records as a backend sees them: plain data, all numbers of the machine's own byte order.

use crate::tables;

/// Addresses of which the same holds and which are governed alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Class {
    /// As a subject: its first list of egress, then of ingress.
    pub sides: [List; 2],
    /// As a peer of egress, then of ingress: the number of its row of bits.
    pub peer_rows: [u32; 2],
    /// Its place among the base rows of a list.
    pub group: u32,
    /// [`Class::SLOW`], [`Class::V6`].
    pub flags: u32,
}

impl Class {
    /// The fast form says nothing of flows from or to it: nodes, services, endpoints of which an address does not tell all.
    pub const SLOW: u32 = tables::Class::SLOW;
    /// Its addresses are IPv6. The flags of both ends of a flow must be equal.
    pub const V6: u32 = tables::Class::V6;
}

impl From<tables::Class> for Class {
    fn from(class: tables::Class) -> Self {
        let tables::Class { sides, peer_rows, group, flags } = class;
        Class { sides: sides.map(List::from), peer_rows, group, flags }
    }
}

/// The narrow rules of a subject in one tier, or those of its profiles, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct List {
    /// The number of the subject's row of bits; it counts in the first list of a class.
    pub subject_row: u32,
    /// The number of the first of its buckets.
    pub bucket: u32,
    /// The number of its base row of group 0; with [`List::ONE_BASE`], of all groups.
    pub base: u32,
    /// The row of the rules for any peer. 0, the row of no rule, need not be looked up.
    pub wild: u32,
    /// The number of the first of its endings, which is its header: [`Ending::rule`] is the list of the next tier, and
    /// [`Ending::position`] the first word of bits after those of this tier.
    pub endings: u32,
    /// How many words of bits belong to tiers before it.
    pub words_before: u16,
    /// How many buckets it has: see [`Bucket::count`].
    pub buckets: u8,
    /// [`List::ONE_BASE`], [`List::MIXED`].
    pub flags: u8,
}

impl List {
    /// All groups have the same base row.
    pub const ONE_BASE: u8 = tables::ListRecord::ONE_BASE;
    /// Wide rules of its own tier govern the subject, too; [`Ending::position`] says which come before a narrow one.
    pub const MIXED: u8 = tables::ListRecord::MIXED;
}

impl From<tables::ListRecord> for List {
    fn from(list: tables::ListRecord) -> Self {
        let tables::ListRecord { subject_row, bucket, base, wild, endings, words_before, buckets, flags } =
            list;
        List { subject_row, bucket, base, wild, endings, words_before, buckets, flags }
    }
}

/// Eight peers' classes with their rows. Unused classes are `u32::MAX`, and come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Bucket {
    /// Numbers of classes.
    pub classes: [u32; 8],
    /// The rows of each.
    pub rows: [u32; 8],
}

impl Bucket {
    /// How many buckets [`List::buckets`] stands for: its lower four bits, shifted to the left by its upper four. A list
    /// without any looks into the first bucket of all, which is empty.
    pub fn count(buckets: u8) -> u32 {
        tables::Bucket::count(buckets)
    }

    /// Which of a list's buckets a class belongs into: the lower 32 bits of its product with 0x9e3779b1, times their
    /// count, of which the upper 32 of 64 bits. If that is full, the ones after it, in a circle.
    pub fn of(class: u32, buckets: u8) -> u32 {
        tables::Bucket::of(class, buckets)
    }
}

impl From<tables::Bucket> for Bucket {
    fn from(bucket: tables::Bucket) -> Self {
        let tables::Bucket { classes, rows } = bucket;
        Bucket { classes, rows }
    }
}

/// What comes first in a list for a peer, by number of traffic: from one start to the next. Unused starts are `u32::MAX`.
/// What the first has holds before its start, too.
///
/// A word is the number of an ending, counted from the list's header, above two bits, [`Row::LOG`] and [`Row::HTTP`].
/// `u32::MAX` is none: nothing of the list matches. Of two words the smaller one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Row {
    /// Where segments begin.
    pub starts: [u32; 8],
    /// The word of each segment.
    pub words: [u32; 8],
}

impl Row {
    /// As the first start, instead of 0: the row is a node, and its words are numbers of rows, where this goes on.
    pub const NODE: u32 = tables::Row::NODE;
    /// The most rows on the way to a word that is none of a node.
    pub const LEVELS: u8 = tables::Row::LEVELS;
    /// In a word: a Log rule matched before.
    pub const LOG: u32 = tables::WORD_LOG;
    /// In a word: a Log rule with an HTTP clause did.
    pub const HTTP: u32 = tables::WORD_HTTP;
}

impl From<tables::Row> for Row {
    fn from(row: tables::Row) -> Self {
        let tables::Row { starts, words } = row;
        Row { starts, words }
    }
}

/// What a rule, or the end of a tier, leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Ending {
    /// The id of the rule, or 0.
    pub rule: u32,
    /// Of a narrow rule in a list that is mixed: the bit of the first wide rule of the tier that comes after it.
    pub position: u16,
    /// The number of the [`Reason`](crate::model::Reason).
    pub reason: u8,
    /// [`Ending::DENY`], [`Ending::ALLOW`], [`Ending::PASS`] or [`Ending::SLOW`], with [`Ending::HTTP`] and
    /// [`Ending::LOG`].
    pub code: u8,
}

impl Ending {
    /// The flow is denied.
    pub const DENY: u8 = tables::Ending::DENY;
    /// The flow is allowed.
    pub const ALLOW: u8 = tables::Ending::ALLOW;
    /// The next tier decides.
    pub const PASS: u8 = tables::Ending::PASS;
    /// The fast form cannot tell.
    pub const SLOW: u8 = tables::Ending::SLOW;
    /// The bits of a code that are one of these.
    pub const ACTION: u8 = tables::Ending::ACTION;
    /// The rule has an HTTP clause, which passes.
    pub const HTTP: u8 = tables::Ending::HTTP;
    /// The rule only logs; the one after it counts.
    pub const LOG: u8 = tables::Ending::LOG;
}

impl From<tables::Ending> for Ending {
    fn from(ending: tables::Ending) -> Self {
        let tables::Ending { rule, position, reason, code } = ending;
        Ending { rule, position, reason, code }
    }
}

/// Eight words of a row of bits: bit `b` of word `w` of block `n` stands for the wide rule `512 n + 64 w + b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Block(pub [u64; 8]);

impl From<tables::AlignedBlock> for Block {
    fn from(block: tables::AlignedBlock) -> Self {
        Block(block.0)
    }
}

/// Where the atoms of a protocol are: `base` and what [`TrafficView::intervals`](super::TrafficView::intervals) says at
/// `table` and, as far as these masks let them through, the destination port or the ICMP type, times 256, and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct ProtocolAtoms {
    /// The first atom.
    pub base: u32,
    /// The number of the first interval.
    pub table: u32,
    /// All bits, if destination ports tell its atoms apart.
    pub ports: u16,
    /// All bits, if ICMP type and code do.
    pub icmp: u16,
}

impl From<tables::ProtocolAtoms> for ProtocolAtoms {
    fn from(atoms: tables::ProtocolAtoms) -> Self {
        let tables::ProtocolAtoms { base, table, ports, icmp } = atoms;
        ProtocolAtoms { base, table, ports, icmp }
    }
}
