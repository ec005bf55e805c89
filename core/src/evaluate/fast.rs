//! Flows between workloads and the outside, by classes and atoms of traffic.

use crate::model::{Action, Flow, IpVersion, Side, Verdict};
use crate::tables::{Class, Ending, ListRecord, NONE, Program, Tables, WORD_HTTP, WORD_LOG, Wide, index};
use std::net::IpAddr;

/// What the flow is to the fast form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coordinates {
    pub(super) source: u32,
    pub(super) destination: u32,
    pub(super) atom: u32,
}

/// The verdict of a flow without context, if this form can tell.
#[inline]
pub(super) fn verdict(tables: &Tables, program: &Program, flow: &Flow) -> Option<Verdict> {
    let prepared = prepare(program, locate(tables, flow)?)?;
    decide(&prepared, tables.generation)
}

/// The classes of its ends and the atom of its traffic. None if an end is not an address, and not an endpoint of which an
/// address tells everything; or if both ends have the same address.
#[inline]
pub(super) fn locate(tables: &Tables, flow: &Flow) -> Option<Coordinates> {
    let atom = tables.traffic.atom(flow.protocol().number(), flow.destination_port(), flow.icmp());
    if let Some((source, destination)) = flow.v4_addresses() {
        let (from, to) = (tables.addresses.v4.get(source), tables.addresses.v4.get(destination));
        return (source != destination).then_some(Coordinates { source: from, destination: to, atom });
    }
    let (source, destination) = match (flow.source(), flow.destination()) {
        (Side::Address(source), Side::Address(destination)) if source != destination => {
            (tables.addresses.class(source), tables.addresses.class(destination))
        }
        (Side::Address(_), Side::Address(_)) => return None,
        (source, destination) => named(tables, source, destination)?,
    };
    Some(Coordinates { source, destination, atom })
}

/// The classes of ends of which at least one is an endpoint.
fn named(tables: &Tables, source: Side, destination: Side) -> Option<(u32, u32)> {
    let stated = |side| match side {
        Side::Address(address) | Side::Both(_, address) => Some(IpVersion::of(address)),
        Side::Endpoint(_) => None,
    };
    // Without a stated address both have to have one, and then the family comes of both: left to the slow form.
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
    let addresses = tables.endpoints.addresses_of(record).iter();
    let address = addresses.copied().find(|address| IpVersion::of(*address) == version)?;
    let known = class != NONE && stated.is_none_or(|stated| stated == address);
    known.then_some((address, class))
}

/// What each direction of a flow is looked up with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prepared<'a> {
    egress: Pair<'a>,
    ingress: Pair<'a>,
}

/// Finds the rows of both directions.
#[inline]
pub(super) fn prepare(program: &Program, coordinates: Coordinates) -> Option<Prepared<'_>> {
    let Coordinates { source, destination, atom } = coordinates;
    let (from, to) = (program.class(source)?, program.class(destination)?);
    if (from.flags | to.flags) & Class::SLOW != 0 || from.flags != to.flags {
        return None;
    }
    let [egress_wide, ingress_wide] = &program.wide;
    let [from_egress, _] = &from.sides;
    let [_, to_ingress] = &to.sides;
    let [to_row, _] = to.peer_rows;
    let [_, from_row] = from.peer_rows;
    Some(Prepared {
        egress: Pair {
            program,
            wide: egress_wide,
            list: from_egress,
            narrow_row: program.row_of(from_egress, destination, to.group),
            row: to_row,
            peer: destination,
            group: to.group,
            atom,
        },
        ingress: Pair {
            program,
            wide: ingress_wide,
            list: to_ingress,
            narrow_row: program.row_of(to_ingress, source, from.group),
            row: from_row,
            peer: source,
            group: from.group,
            atom,
        },
    })
}

impl Prepared<'_> {
    /// Brings in what [`decide`] reads first.
    #[inline]
    pub(super) fn prefetch(&self) {
        for pair in [&self.egress, &self.ingress] {
            pair.program.prefetch_row(pair.narrow_row);
        }
    }
}

/// Both directions.
#[inline]
pub(super) fn decide(prepared: &Prepared<'_>, generation: u32) -> Option<Verdict> {
    let mut notes = 0;
    let egress = prepared.egress.first(&mut notes);
    let ingress = prepared.ingress.first(&mut notes);
    let action = match (egress.code & Ending::ACTION, ingress.code & Ending::ACTION) {
        (Ending::ALLOW, Ending::ALLOW) => Action::Allow,
        (Ending::ALLOW | Ending::DENY, Ending::ALLOW | Ending::DENY) => Action::Deny,
        _ => return None,
    };
    let ends = ((egress.reason, egress.rule), (ingress.reason, ingress.rule));
    Some(Verdict::from_numbers(action, ends.0, ends.1, notes, generation))
}

/// A peer and traffic, as a subject's policies of one direction see them.
#[derive(Debug, Clone, Copy)]
struct Pair<'a> {
    program: &'a Program,
    wide: &'a Wide,
    /// The subject's first list, and its row for the peer.
    list: &'a ListRecord,
    narrow_row: u32,
    /// The peer's row of bits.
    row: u32,
    peer: u32,
    group: u32,
    atom: u32,
}

const SLOW: Ending = Ending { rule: 0, position: 0, reason: 0, code: Ending::SLOW };

impl Pair<'_> {
    /// What the first rule leads to that decides.
    #[inline]
    fn first(&self, notes: &mut u8) -> Ending {
        let ending = self.in_list(self.list, self.narrow_row, 0, notes);
        if ending.code & Ending::ACTION != Ending::PASS {
            return ending;
        }
        self.later(notes)
    }

    /// The lists after the first.
    #[cold]
    fn later(&self, notes: &mut u8) -> Ending {
        let mut list = self.list;
        for _ in &self.program.lists {
            let Some(header) = self.program.endings.get(index(list.endings)) else { return SLOW };
            let Some(next) = self.program.lists.get(index(header.rule)) else { return SLOW };
            list = next;
            let row = self.program.row_of(list, self.peer, self.group);
            let ending = self.in_list(list, row, u32::from(header.position) * 64, notes);
            if ending.code & Ending::ACTION != Ending::PASS {
                return ending;
            }
        }
        SLOW
    }

    /// The wide rules of the tiers before a list, from a bit on, and then the list.
    #[inline]
    fn in_list(&self, list: &ListRecord, row: u32, from: u32, notes: &mut u8) -> Ending {
        let mut word = self.program.word(row, self.atom);
        if list.wild != 0 {
            word = word.min(self.program.word(list.wild, self.atom));
        }
        let narrow =
            self.program.endings.get(index(list.endings) + index(word >> 2)).copied().unwrap_or(SLOW);
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

    /// What the first set bit in a range leads to that decides. After a rule that passes that is the first bit of the next
    /// tier, unless the range is part of one tier.
    #[inline]
    fn scan(&self, mut from: u32, to: u32, one_tier: bool, notes: &mut u8) -> Option<Ending> {
        let traffic_row = self.wide.traffic_rows.get(index(self.atom)).copied().unwrap_or(0);
        for block in 0..self.wide.blocks {
            let row = |row: u32| index(row * self.wide.blocks + block);
            let subject = self.wide.subjects.get(row(self.list.subject_row))?;
            let peer = self.wide.peers.get(row(self.row))?;
            let traffic = self.wide.traffic.get(row(traffic_row))?;
            let mut words = [0; 8];
            for (((word, subject), peer), traffic) in
                words.iter_mut().zip(subject.0).zip(peer.0).zip(traffic.0)
            {
                *word = subject & peer & traffic;
            }
            let mut some = 0_u32;
            for (place, word) in (0..).zip(words) {
                some |= u32::from(word != 0) << place;
            }
            while some != 0 {
                let place = some.trailing_zeros();
                some &= some - 1;
                let base = block * 512 + place * 64;
                let mut bits = words.get(index(place)).copied().unwrap_or(0);
                while bits != 0 {
                    let position = base + bits.trailing_zeros();
                    bits &= bits - 1;
                    if position < from {
                        continue;
                    }
                    if position >= to {
                        return None;
                    }
                    let ending = self.wide.endings.get(index(position)).copied().unwrap_or(SLOW);
                    let action = ending.code & Ending::ACTION;
                    if ending.code & Ending::HTTP != 0 {
                        *notes |= Verdict::HTTP_ASSUMED;
                    }
                    if ending.code & Ending::LOG != 0 {
                        *notes |= Verdict::LOGGED;
                        continue;
                    }
                    if action != Ending::PASS || one_tier {
                        return Some(ending);
                    }
                    from =
                        u32::from(self.wide.tier_ends.get(index(position / 64)).copied().unwrap_or(u16::MAX))
                            * 64;
                }
            }
        }
        None
    }
}
