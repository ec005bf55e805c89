//! Flows between workloads and the outside, by classes and atoms of traffic.

use crate::model::{Action, Flow, IpVersion, Side, Verdict};
use crate::tables::{
    Block, Class, Ending, ListRecord, NONE, Program, Tables, WORD_HTTP, WORD_LOG, Wide, Word, index,
    traffic_number,
};
use std::net::IpAddr;

/// What the flow is to the fast form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coordinates {
    pub(super) source: u32,
    pub(super) destination: u32,
    pub(super) traffic: TrafficOf,
}

/// The number of a flow's traffic, and its atom.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TrafficOf {
    number: u32,
    atom: u32,
}

impl TrafficOf {
    #[inline]
    pub(super) fn new(tables: &Tables, flow: &Flow) -> Self {
        let (protocol, port, icmp) = (flow.protocol().number(), flow.destination_port(), flow.icmp());
        TrafficOf {
            number: traffic_number(protocol, port, icmp),
            atom: tables.traffic.atom(protocol, port, icmp),
        }
    }
}

impl Coordinates {
    /// Those of a flow that this form cannot locate.
    pub(super) const NOWHERE: Self =
        Coordinates { source: NONE, destination: NONE, traffic: TrafficOf { number: 0, atom: 0 } };
}

/// The verdict of a flow without context, if this form can tell.
#[inline]
pub(super) fn verdict(tables: &Tables, program: &Program, flow: &Flow) -> Option<Verdict> {
    let located = Located::new(program, locate(tables, flow)?)?;
    located.decide(located.words(located.rows()), tables.generation)
}

/// The classes of its ends, and its traffic. None if an end is not an address, and not an endpoint of which an
/// address tells everything; or if both ends have the same address.
#[inline]
pub(super) fn locate(tables: &Tables, flow: &Flow) -> Option<Coordinates> {
    let traffic = TrafficOf::new(tables, flow);
    if let Some((source, destination)) = flow.v4_addresses() {
        let (from, to) = (tables.addresses.v4.get(source), tables.addresses.v4.get(destination));
        return (source != destination).then_some(Coordinates { source: from, destination: to, traffic });
    }
    let (source, destination) = match (flow.source(), flow.destination()) {
        (Side::Address(source), Side::Address(destination)) if source != destination => {
            (tables.addresses.class(source), tables.addresses.class(destination))
        }
        (Side::Address(_), Side::Address(_)) => return None,
        (source, destination) => named(tables, source, destination)?,
    };
    Some(Coordinates { source, destination, traffic })
}

/// The classes of ends of which at least one is an endpoint.
fn named(tables: &Tables, source: Side, destination: Side) -> Option<(u32, u32)> {
    let stated = |side| match side {
        Side::Address(address) | Side::Both(_, address) => Some(IpVersion::of(address)),
        Side::Endpoint(_) => None,
    };
    // Where none is stated, both use IPv4 if both have it; of other pairs the complete form finds the family.
    let version = stated(source).or(stated(destination)).unwrap_or(IpVersion::V4);
    let (source, destination) = (end(tables, source, version)?, end(tables, destination, version)?);
    (source.0 != destination.0).then_some((source.1, destination.1))
}

/// The address of an end and its class.
fn end(tables: &Tables, side: Side, version: IpVersion) -> Option<(IpAddr, u32)> {
    let (id, stated) = match side {
        Side::Address(address) => return Some((address, tables.addresses.class(address))),
        Side::Endpoint(id) => (id, None),
        Side::Both(id, address) => (id, Some(address)),
    };
    let record = tables.endpoints.get(id.get())?;
    let version = stated.map_or(version, IpVersion::of);
    let [v4, v6] = record.classes;
    let class = if version == IpVersion::V4 { v4 } else { v6 };
    let address = tables.endpoints.address_of(record, version)?;
    let known = class != NONE && stated.is_none_or(|stated| stated == address);
    known.then_some((address, class))
}

/// For each direction, a number.
pub(super) type Both = [u32; 2];

/// A flow with the records of its classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located<'a> {
    program: &'a Program,
    ends: Coordinates,
    from: &'a Class,
    to: &'a Class,
}

impl<'a> Located<'a> {
    /// None if this form does not know what both ends are.
    #[inline]
    pub(super) fn new(program: &'a Program, ends: Coordinates) -> Option<Self> {
        let (from, to) = (program.class(ends.source)?, program.class(ends.destination)?);
        let known = from.flags & Class::SLOW == 0 && from.flags == to.flags;
        known.then_some(Located { program, ends, from, to })
    }

    /// The subjects' first lists.
    #[inline]
    fn lists(&self) -> (&'a ListRecord, &'a ListRecord) {
        let ([egress, _], [_, ingress]) = (&self.from.sides, &self.to.sides);
        (egress, ingress)
    }

    /// Brings in the buckets where the peers may be.
    #[inline]
    pub(super) fn prefetch_buckets(&self) {
        let (egress, ingress) = self.lists();
        self.program.prefetch_bucket(egress, self.ends.destination);
        self.program.prefetch_bucket(ingress, self.ends.source);
    }

    /// The rows of the first lists for the peers.
    #[inline]
    pub(super) fn rows(&self) -> Both {
        let (egress, ingress) = self.lists();
        [
            self.program.row_of(egress, self.ends.destination, self.to.group),
            self.program.row_of(ingress, self.ends.source, self.from.group),
        ]
    }

    /// What comes first in the rows.
    #[inline]
    pub(super) fn words(&self, rows: Both) -> Both {
        let (egress, ingress) = self.lists();
        let [egress_row, ingress_row] = rows;
        let traffic = self.ends.traffic.number;
        [
            word_of(self.program, egress, egress_row, traffic),
            word_of(self.program, ingress, ingress_row, traffic),
        ]
    }

    /// Brings in what those words lead to.
    #[inline]
    pub(super) fn prefetch_endings(&self, words: Both) {
        let (egress, ingress) = self.lists();
        let [egress_word, ingress_word] = words;
        self.program.prefetch_ending(egress, egress_word);
        self.program.prefetch_ending(ingress, ingress_word);
    }

    /// The verdict, given what comes first in the rows.
    #[inline]
    pub(super) fn decide(&self, words: Both, generation: u32) -> Option<Verdict> {
        let Located { program, ends, from, to } = *self;
        let (egress, ingress) = self.lists();
        let ([to_row, _], [_, from_row]) = (to.peer_rows, from.peer_rows);
        let [egress_wide, ingress_wide] = &program.wide;
        let [egress_word, ingress_word] = words;
        let (source, destination) = ((ends.source, from.group), (ends.destination, to.group));
        let traffic = ends.traffic;
        let mut notes = 0;
        let egress =
            Pair { program, wide: egress_wide, list: egress, row: to_row, peer: destination, traffic };
        let egress = egress.first(egress_word, &mut notes);
        let ingress =
            Pair { program, wide: ingress_wide, list: ingress, row: from_row, peer: source, traffic };
        let ingress = ingress.first(ingress_word, &mut notes);
        let action = match (egress.code & Ending::ACTION, ingress.code & Ending::ACTION) {
            (Ending::ALLOW, Ending::ALLOW) => Action::Allow,
            (Ending::ALLOW | Ending::DENY, Ending::ALLOW | Ending::DENY) => Action::Deny,
            _ => return None,
        };
        let ends = ((egress.reason, egress.rule), (ingress.reason, ingress.rule));
        Some(Verdict::from_numbers(action, ends.0, ends.1, notes, generation))
    }
}

/// What comes first in a list, of which this is the row for the peer.
#[inline]
fn word_of(program: &Program, list: &ListRecord, row: u32, traffic: u32) -> Word {
    let word = program.word(row, traffic);
    if list.wild == 0 { word } else { word.min(program.word(list.wild, traffic)) }
}

/// A peer and traffic, as a subject's policies of one direction see them.
struct Pair<'a> {
    program: &'a Program,
    wide: &'a Wide,
    /// The subject's first list.
    list: &'a ListRecord,
    /// The peer's row of bits.
    row: u32,
    /// The peer's class and group.
    peer: (u32, u32),
    traffic: TrafficOf,
}

const SLOW: Ending = Ending { rule: 0, position: 0, reason: 0, code: Ending::SLOW };

impl Pair<'_> {
    /// What the first rule leads to that decides; `word` is what comes first in the first list.
    #[inline]
    fn first(&self, word: Word, notes: &mut u8) -> Ending {
        let narrow = self.ending(self.list, word);
        let plain = narrow.code < Ending::PASS && word & (WORD_LOG | WORD_HTTP) == 0;
        let position = self.first_bit();
        if position >= u32::from(self.list.words_before) * 64 {
            let mixed = self.list.flags & ListRecord::MIXED != 0;
            return if plain && !mixed { narrow } else { self.carefully(word, notes) };
        }
        let wide = self.wide.endings.get(index(position)).copied().unwrap_or(SLOW);
        if wide.code < Ending::PASS { wide } else { self.carefully(word, notes) }
    }

    #[inline]
    fn ending(&self, list: &ListRecord, word: Word) -> Ending {
        self.program.endings.get(index(list.endings) + index(word >> 2)).copied().unwrap_or(SLOW)
    }

    /// The same, step by step: where rules pass, log, or share their tier with wide ones.
    #[inline(never)]
    fn carefully(&self, word: Word, notes: &mut u8) -> Ending {
        let ending = self.in_list(self.list, word, 0, notes);
        if ending.code & Ending::ACTION == Ending::PASS { self.later(notes) } else { ending }
    }

    /// The lists after the first.
    fn later(&self, notes: &mut u8) -> Ending {
        let mut list = self.list;
        for _ in 0..self.program.lists.len() {
            let Some(header) = self.program.endings.get(index(list.endings)) else { return SLOW };
            let Some(next) = self.program.lists.get(header.rule) else { return SLOW };
            list = next;
            let row = self.program.row_of(list, self.peer.0, self.peer.1);
            let word = word_of(self.program, list, row, self.traffic.number);
            let ending = self.in_list(list, word, u32::from(header.position) * 64, notes);
            if ending.code & Ending::ACTION != Ending::PASS {
                return ending;
            }
        }
        SLOW
    }

    /// The wide rules of the tiers before a list, from a bit on, and then what comes first in the list.
    fn in_list(&self, list: &ListRecord, word: Word, from: u32, notes: &mut u8) -> Ending {
        let narrow = self.ending(list, word);
        let to = u32::from(list.words_before) * 64;
        if let Some(ending) = self.scan(from, to, false, notes) {
            return ending;
        }
        if list.flags & ListRecord::MIXED != 0
            && let Some(ending) = self.scan(to, u32::from(narrow.position), true, notes)
        {
            return ending;
        }
        if word & WORD_LOG != 0 {
            *notes |= Verdict::LOGGED;
        }
        if word & WORD_HTTP != 0 || narrow.code & Ending::HTTP != 0 {
            *notes |= Verdict::HTTP_ASSUMED;
        }
        narrow
    }

    /// A block of the bits that are set for the subject, the peer and the traffic.
    #[inline]
    fn block(&self, block: u32) -> Option<Block> {
        let traffic_row = self.wide.traffic_rows.get(index(self.traffic.atom)).copied().unwrap_or(0);
        let row = |row: u32| index(row * self.wide.blocks + block);
        let subject = &self.wide.subjects.get(row(self.list.subject_row))?.0;
        let peer = &self.wide.peers.get(row(self.row))?.0;
        let traffic = &self.wide.traffic.get(row(traffic_row))?.0;
        let mut words = [0; 8];
        for (((word, subject), peer), traffic) in words.iter_mut().zip(subject).zip(peer).zip(traffic) {
            *word = subject & peer & traffic;
        }
        Some(words)
    }

    /// The first bit of all, or the highest number.
    #[inline]
    fn first_bit(&self) -> u32 {
        for block in 0..self.wide.blocks {
            let Some([a, b, c, d, e, f, g, h]) = self.block(block) else { continue };
            if a | b | c | d | e | f | g | h == 0 {
                continue;
            }
            // Halves, quarters, eighths: whether there is a bit in the lower one.
            let (base, [a, b, c, d]) =
                if a | b | c | d != 0 { (0, [a, b, c, d]) } else { (256, [e, f, g, h]) };
            let (base, [a, b]) = if a | b != 0 { (base, [a, b]) } else { (base + 128, [c, d]) };
            let (base, word) = if a != 0 { (base, a) } else { (base + 64, b) };
            return block * 512 + base + word.trailing_zeros();
        }
        u32::MAX
    }

    /// What the first set bit in a range leads to that decides. After a rule that passes that is the first bit of the next
    /// tier, unless the range is part of one tier.
    fn scan(&self, mut from: u32, to: u32, one_tier: bool, notes: &mut u8) -> Option<Ending> {
        for block in from / 512..self.wide.blocks {
            for (word, mut bits) in (block * 8..).zip(self.block(block)?) {
                while bits != 0 {
                    let position = word * 64 + bits.trailing_zeros();
                    bits &= bits - 1;
                    if position < from {
                        continue;
                    }
                    if position >= to {
                        return None;
                    }
                    let ending = self.wide.endings.get(index(position)).copied().unwrap_or(SLOW);
                    if ending.code & Ending::HTTP != 0 {
                        *notes |= Verdict::HTTP_ASSUMED;
                    }
                    if ending.code & Ending::LOG != 0 {
                        *notes |= Verdict::LOGGED;
                        continue;
                    }
                    if ending.code & Ending::ACTION != Ending::PASS || one_tier {
                        return Some(ending);
                    }
                    from = self.wide.tier_ends.get(index(word)).map_or(u32::MAX, |end| u32::from(*end) * 64);
                }
            }
        }
        None
    }
}
