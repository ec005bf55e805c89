//! Atoms of traffic: what the ports and messages that rules name do not tell apart.

use super::traffic::messages;
use crate::model::Protocol;
use crate::tables::{
    Check, DIVIDED, NUMBERS, Policies, ProtocolAtoms, Resolution, Traffic, UNDIVIDED, count,
};
use std::collections::{BTreeMap, BTreeSet};

/// The atoms of all traffic, and where they are among its numbers.
#[derive(Debug)]
pub(super) struct Atoms {
    pub(super) table: Traffic,
    /// From which number on traffic is of which atom, sorted.
    pub(super) starts: Vec<(u32, u32)>,
}

impl Atoms {
    /// Cut where these rules and ports begin and end.
    pub(super) fn new<'a>(policies: &Policies, resolutions: impl Iterator<Item = &'a Resolution>) -> Self {
        let ranges = policies.port_ranges.iter().map(|range| (range.first(), range.last()));
        let ports = cuts(ranges.chain(resolutions.map(|resolution| (resolution.port, resolution.port))));
        let icmp = cuts(policies.checks.iter().filter_map(|check| match check {
            Check::Icmp(wanted) | Check::NotIcmp(wanted) => Some(messages(*wanted)),
            _ => None,
        }));
        let named = policies.checks.iter().filter_map(|check| match check {
            Check::Protocol(protocol) | Check::NotProtocol(protocol) => Some(*protocol),
            _ => None,
        });
        let mut intervals = numbered(&ports);
        let icmp_table = if icmp.len() > 1 { count(intervals.len()) } else { 0 };
        if icmp.len() > 1 {
            intervals.extend(numbered(&icmp));
        }
        let mut atoms = Counter::default();
        let undivided = BTreeSet::from([0]);
        for (place, protocol) in (0..).zip(DIVIDED) {
            let (of, cuts) = if protocol.has_ports() {
                (ProtocolAtoms { ports: u16::MAX, ..ProtocolAtoms::default() }, &ports)
            } else if icmp_table > 0 {
                (ProtocolAtoms { table: icmp_table, icmp: u16::MAX, ..ProtocolAtoms::default() }, &icmp)
            } else {
                (ProtocolAtoms::default(), &undivided)
            };
            atoms.divide(protocol, place << 16, of, cuts);
        }
        atoms.others(&named.collect());
        let Counter { protocols, starts, atoms } = atoms;
        let protocols = (0..=u8::MAX).map(|protocol| protocols.get(&protocol).copied().unwrap_or_default());
        let table = Traffic { protocols: protocols.collect(), intervals: intervals.into(), atoms };
        Atoms { table, starts }
    }

    /// The places of the starts of a run.
    pub(super) fn places(&self, (first, end): (u32, u32)) -> std::ops::Range<usize> {
        let place = |number: u32| self.starts.partition_point(|(start, _)| *start < number);
        place(first)..place(end)
    }

    /// Whether a run consists of whole atoms.
    pub(super) fn tell(&self, (first, end): (u32, u32)) -> bool {
        let begins = |number: u32| self.starts.binary_search_by_key(&number, |(start, _)| *start).is_ok();
        begins(first) && (end == NUMBERS || begins(end))
    }
}

/// Numbers atoms.
#[derive(Default)]
struct Counter {
    protocols: BTreeMap<u8, ProtocolAtoms>,
    starts: Vec<(u32, u32)>,
    atoms: u32,
}

impl Counter {
    /// A protocol with an atom from each cut to the next.
    fn divide(&mut self, protocol: Protocol, first: u32, of: ProtocolAtoms, cuts: &BTreeSet<u16>) {
        self.protocols.insert(protocol.number(), ProtocolAtoms { base: self.atoms, ..of });
        for cut in cuts {
            self.starts.push((first + u32::from(*cut), self.atoms));
            self.atoms += 1;
        }
    }

    /// Of all others, those that rules name have an atom each, the rest one together.
    fn others(&mut self, named: &BTreeSet<u8>) {
        let rest = self.atoms;
        self.atoms += 1;
        for protocol in (0..=u8::MAX).filter(|protocol| !DIVIDED.contains(&Protocol::from(*protocol))) {
            let mut base = rest;
            if named.contains(&protocol) {
                base = self.atoms;
                self.atoms += 1;
            }
            self.protocols.insert(protocol, ProtocolAtoms { base, ..ProtocolAtoms::default() });
            self.starts.push((UNDIVIDED + u32::from(protocol), base));
        }
    }
}

/// Where intervals begin if ranges are to be unions of them.
fn cuts(ranges: impl Iterator<Item = (u16, u16)>) -> BTreeSet<u16> {
    let ends = ranges.flat_map(|(first, last)| [Some(first), last.checked_add(1)]);
    ends.flatten().chain([0]).collect()
}

/// The number of the interval of each value.
fn numbered(cuts: &BTreeSet<u16>) -> Vec<u16> {
    let mut interval = 0_u16;
    let step = |value: u16| {
        interval += u16::from(value > 0 && cuts.contains(&value));
        interval
    };
    (0..=u16::MAX).map(step).collect()
}
