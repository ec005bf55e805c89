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
    let coordinates = locate(tables, flow)?;
    decide(program, coordinates, tables.generation)
}

/// The classes of its ends and the atom of its traffic. None if an end is not an address, and not an endpoint of which an
/// address tells everything; or if both ends have the same address.
#[inline]
pub(super) fn locate(tables: &Tables, flow: &Flow) -> Option<Coordinates> {
    let (source, destination) = match (flow.source(), flow.destination()) {
        (Side::Address(source), Side::Address(destination)) if source != destination => {
            (tables.addresses.class(source), tables.addresses.class(destination))
        }
        (Side::Address(_), Side::Address(_)) => return None,
        (source, destination) => named(tables, source, destination)?,
    };
    let atom = tables.traffic.atom(flow.protocol().number(), flow.destination_port(), flow.icmp());
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

/// Both directions.
#[inline]
pub(super) fn decide(program: &Program, coordinates: Coordinates, generation: u32) -> Option<Verdict> {
    let Coordinates { source, destination, atom } = coordinates;
    let (from, to) = (program.class(source)?, program.class(destination)?);
    if (from.flags | to.flags) & Class::SLOW != 0 || from.flags != to.flags {
        return None;
    }
    let mut notes = 0;
    let [egress_wide, ingress_wide] = &program.wide;
    let [from_egress, _] = &from.sides;
    let [_, to_ingress] = &to.sides;
    let [to_egress_row, _] = to.peer_rows;
    let [_, from_ingress_row] = from.peer_rows;
    let egress =
        Pair { program, wide: egress_wide, row: to_egress_row, peer: destination, group: to.group, atom };
    let ingress =
        Pair { program, wide: ingress_wide, row: from_ingress_row, peer: source, group: from.group, atom };
    let egress = egress.first(from_egress, &mut notes);
    let ingress = ingress.first(to_ingress, &mut notes);
    let action = match (egress.code & Ending::ACTION, ingress.code & Ending::ACTION) {
        (Ending::ALLOW, Ending::ALLOW) => Action::Allow,
        (Ending::ALLOW | Ending::DENY, Ending::ALLOW | Ending::DENY) => Action::Deny,
        _ => return None,
    };
    let ends = [(egress.reason, egress.rule), (ingress.reason, ingress.rule)];
    let [egress, ingress] = ends;
    Some(Verdict::from_numbers(action, egress, ingress, notes, generation))
}

/// A peer and traffic, as a subject's policies of one direction see them.
struct Pair<'a> {
    program: &'a Program,
    wide: &'a Wide,
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
    fn first(&self, list: &ListRecord, notes: &mut u8) -> Ending {
        let ending = self.in_list(list, list.subject_row, 0, notes);
        if ending.code & Ending::ACTION != Ending::PASS {
            return ending;
        }
        self.later(list, notes)
    }

    /// The lists after the first.
    #[cold]
    fn later(&self, first: &ListRecord, notes: &mut u8) -> Ending {
        let mut list = first;
        for _ in &self.program.lists {
            let Some(header) = self.program.endings.get(index(list.endings)) else { return SLOW };
            let Some(next) = self.program.lists.get(index(header.rule)) else { return SLOW };
            list = next;
            let ending = self.in_list(list, first.subject_row, u32::from(header.position) * 64, notes);
            if ending.code & Ending::ACTION != Ending::PASS {
                return ending;
            }
        }
        SLOW
    }

    /// The wide rules of the tiers before a list, from a bit on, and then the list.
    #[inline]
    fn in_list(&self, list: &ListRecord, subject_row: u32, from: u32, notes: &mut u8) -> Ending {
        let word = self.program.narrow(list, self.peer, self.group, self.atom);
        let narrow =
            self.program.endings.get(index(list.endings) + index(word >> 2)).copied().unwrap_or(SLOW);
        let to = u32::from(list.words_before) * 64;
        if let Some(ending) = self.scan(subject_row, from, to, false, notes) {
            return ending;
        }
        if list.flags & ListRecord::MIXED != 0
            && let Some(ending) = self.scan(subject_row, to, u32::from(narrow.position), true, notes)
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
    fn scan(
        &self,
        subject_row: u32,
        mut from: u32,
        to: u32,
        one_tier: bool,
        notes: &mut u8,
    ) -> Option<Ending> {
        let traffic_row = self.wide.traffic_rows.get(index(self.atom)).copied().unwrap_or(0);
        for block in 0..self.wide.blocks {
            let row = |row: u32| index(row * self.wide.blocks + block);
            let subject = self.wide.subjects.get(row(subject_row))?;
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
