//! Flows between workloads and the outside, by classes and atoms of traffic.

use crate::model::{Flow, IpVersion, Side, Verdict};
use crate::tables::{
    BLOCK_BITS, Block, Class, Ending, Lanes, ListRecord, NONE, Program, Tables, WORD_HTTP, WORD_LOG, Wide,
    Word, index, prefetch, traffic_number,
};
use std::hint::select_unpredictable;
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
    #[inline(always)]
    pub(super) fn new(tables: &Tables, (protocol, port, icmp): (u8, u16, (u8, u8))) -> Self {
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
#[inline(always)]
pub(super) fn verdict(lanes: impl Lanes, tables: &Tables, program: &Program, flow: &Flow) -> Option<Verdict> {
    let located = Located::new(program, locate(tables, flow)?);
    let lookup = Lookup { lanes, program, located };
    // First what leads to other memory.
    let rows = lookup.rows();
    let bits = lookup.bits();
    lookup.decide(bits, lookup.words(rows), tables.generation)
}

/// The classes of its ends, and its traffic. None if an end is not an address, and not an endpoint of which an
/// address tells everything; or if both ends have the same address.
#[inline(always)]
pub(super) fn locate(tables: &Tables, flow: &Flow) -> Option<Coordinates> {
    let traffic = TrafficOf::new(tables, flow.traffic());
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
    from: &'a Class,
    to: &'a Class,
    ends: Coordinates,
}

impl<'a> Located<'a> {
    #[inline(always)]
    pub(super) fn new(program: &'a Program, ends: Coordinates) -> Self {
        let class = |class| program.class(class).unwrap_or(Class::NOWHERE);
        Located { from: class(ends.source), to: class(ends.destination), ends }
    }

    /// Brings in the records of the classes.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        prefetch(std::slice::from_ref(self.from), 0);
        prefetch(std::slice::from_ref(self.to), 0);
    }

    /// Not 0 if this form does not know what both ends are.
    #[inline(always)]
    fn unknown(&self) -> u32 {
        self.from.flags & Class::SLOW | self.from.flags ^ self.to.flags
    }
}

/// A flow on its way through a program.
#[derive(Clone, Copy)]
pub(super) struct Lookup<'a, L> {
    pub(super) lanes: L,
    pub(super) program: &'a Program,
    pub(super) located: Located<'a>,
}

impl<'a, L: Lanes> Lookup<'a, L> {
    /// The source's egress.
    #[inline(always)]
    fn egress(&self) -> Pair<'a, L> {
        let Lookup { lanes, program, located: Located { from, to, ends } } = *self;
        let ([list, _], [wide, _], [row, _]) = (&from.sides, &program.wide, to.peer_rows);
        let (peer, group, traffic) = (ends.destination, to.group, ends.traffic);
        Pair { lanes, program, wide, list, row, peer, group, traffic }
    }

    /// The destination's ingress.
    #[inline(always)]
    fn ingress(&self) -> Pair<'a, L> {
        let Lookup { lanes, program, located: Located { from, to, ends } } = *self;
        let ([_, list], [_, wide], [_, row]) = (&to.sides, &program.wide, from.peer_rows);
        let (peer, group, traffic) = (ends.source, from.group, ends.traffic);
        Pair { lanes, program, wide, list, row, peer, group, traffic }
    }

    /// Brings in the buckets where the peers may be, and what else the classes lead to.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        self.egress().prefetch();
        self.ingress().prefetch();
    }

    /// The first bits that are set.
    #[inline(always)]
    pub(super) fn bits(&self) -> Both {
        [self.egress().first_bit(), self.ingress().first_bit()]
    }

    /// The rows of the first lists for the peers.
    #[inline(always)]
    pub(super) fn rows(&self) -> Both {
        [self.egress().row(), self.ingress().row()]
    }

    /// What comes first in the rows.
    #[inline(always)]
    pub(super) fn words(&self, [egress, ingress]: Both) -> Both {
        [self.egress().word(egress), self.ingress().word(ingress)]
    }

    /// The verdict, given the first bits and what comes first in the rows.
    #[inline(always)]
    pub(super) fn decide(&self, bits: Both, words: Both, generation: u32) -> Option<Verdict> {
        let ([egress_bit, ingress_bit], [egress_word, ingress_word]) = (bits, words);
        let (egress, egress_more) = self.egress().first(egress_bit, egress_word);
        let (ingress, ingress_more) = self.ingress().first(ingress_bit, ingress_word);
        if self.located.unknown() | egress_more | ingress_more != 0 {
            return self.decide_carefully(words, generation);
        }
        Some(verdict_of(egress, ingress, 0, generation))
    }

    /// The same where more than the first rule counts.
    #[cold]
    #[inline(never)]
    fn decide_carefully(&self, words: Both, generation: u32) -> Option<Verdict> {
        if self.located.unknown() != 0 {
            return None;
        }
        let [egress, ingress] = words;
        let mut notes = 0;
        let egress = self.egress().carefully(egress, &mut notes);
        let ingress = self.ingress().carefully(ingress, &mut notes);
        let decide = [egress, ingress].iter().all(|ending| ending.code & Ending::ACTION <= Ending::ALLOW);
        decide.then(|| verdict_of(egress, ingress, notes, generation))
    }
}

/// The verdict of what both directions lead to, which allows or denies.
#[inline(always)]
fn verdict_of(egress: Ending, ingress: Ending, notes: u8, generation: u32) -> Verdict {
    // Not by comparing the actions: which it is cannot be foreseen.
    let is_allowed = egress.code & ingress.code & Ending::ALLOW != 0;
    let ends = ((egress.reason, egress.rule), (ingress.reason, ingress.rule));
    Verdict::from_numbers(is_allowed, ends.0, ends.1, notes, generation)
}

/// A peer and traffic, as a subject's policies of one direction see them.
struct Pair<'a, L> {
    lanes: L,
    program: &'a Program,
    wide: &'a Wide,
    /// The subject's first list.
    list: &'a ListRecord,
    /// The peer's row of bits.
    row: u32,
    /// The peer's class.
    peer: u32,
    group: u32,
    traffic: TrafficOf,
}

const SLOW: Ending = Ending { rule: 0, position: 0, reason: 0, code: Ending::SLOW };

impl<L: Lanes> Pair<'_, L> {
    #[inline(always)]
    fn prefetch(&self) {
        self.program.prefetch_bucket(self.list, self.peer);
        self.program.prefetch_endings(self.list);
        self.wide.prefetch(self.list.subject_row, self.row);
    }

    /// The row of the first list.
    #[inline(always)]
    fn row(&self) -> u32 {
        self.row_of(self.list)
    }

    #[inline(always)]
    fn row_of(&self, list: &ListRecord) -> u32 {
        self.program.row_of(self.lanes, list, self.peer, self.group)
    }

    /// What comes first in the first list, of which this is the row.
    #[inline(always)]
    fn word(&self, row: u32) -> Word {
        self.word_of(self.list, row)
    }

    #[inline(always)]
    fn word_of(&self, list: &ListRecord, row: u32) -> Word {
        let word = |row| self.program.word(self.lanes, row, self.traffic.number);
        // The row 0 is empty. Looking into it costs less than to foresee who has no other.
        word(row).min(word(list.wild))
    }

    /// What the first rule leads to, that of the first bit or of what comes first in the first list. The number is not 0 if
    /// more than this decides.
    #[inline(always)]
    fn first(&self, position: u32, word: Word) -> (Ending, u32) {
        let narrow = self.ending(self.list, word);
        let is_wide = position < u32::from(self.list.words_before) * 64;
        let place = if is_wide { position } else { 0 };
        let wide = self.wide.endings.get(index(place)).copied().unwrap_or(SLOW);
        let noted = word & (WORD_LOG | WORD_HTTP) | u32::from(self.list.flags & ListRecord::MIXED);
        // Which of both it is cannot be foreseen.
        let ending = select_unpredictable(is_wide, wide, narrow);
        let noted = select_unpredictable(is_wide, 0, noted);
        (ending, noted | u32::from(ending.code & !Ending::ALLOW))
    }

    #[inline(always)]
    fn ending(&self, list: &ListRecord, word: Word) -> Ending {
        self.program.endings.get(index(list.endings) + index(word >> 2)).copied().unwrap_or(SLOW)
    }

    /// The same, step by step: where rules pass, log, or share their tier with wide ones.
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
            let word = self.word_of(list, self.row_of(list));
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
    fn block(&self, block: u32) -> Option<Block> {
        let traffic = self.wide.traffic_row(self.traffic.atom);
        let [subject, peer, traffic] = self.wide.block(self.list.subject_row, self.row, traffic, block)?;
        let mut words = *subject;
        for ((word, peer), traffic) in words.iter_mut().zip(peer).zip(traffic) {
            *word &= peer & traffic;
        }
        Some(words)
    }

    /// The first bit of all; if there is none, a number after all.
    #[inline(always)]
    fn first_bit(&self) -> u32 {
        let traffic = self.wide.traffic_row(self.traffic.atom);
        self.wide.first_bit(self.lanes, self.list.subject_row, self.row, traffic)
    }

    /// What the first set bit in a range leads to that decides. After a rule that passes that is the first bit of the next
    /// tier, unless the range is part of one tier.
    fn scan(&self, mut from: u32, to: u32, one_tier: bool, notes: &mut u8) -> Option<Ending> {
        for block in from / BLOCK_BITS..self.wide.blocks {
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
