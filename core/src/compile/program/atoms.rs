//! Atoms of traffic: what the ports and messages that rules name do not tell apart.

use super::traffic::messages;
use crate::model::Protocol;
use crate::tables::{
    Check, DIVIDED, NUMBERS, Policies, ProtocolAtoms, Resolution, Traffic, UNDIVIDED, count,
};
use std::collections::BTreeSet;

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
        let table = Traffic { protocols: vec![ProtocolAtoms::default(); 256], intervals, atoms: 0 };
        let mut atoms = Atoms { table, starts: Vec::new() };
        for (place, protocol) in (0..).zip(DIVIDED) {
            if protocol.has_ports() {
                atoms.divide(
                    protocol,
                    place << 16,
                    ProtocolAtoms { ports: u16::MAX, ..Default::default() },
                    &ports,
                );
            } else if icmp_table > 0 {
                let of_icmp = ProtocolAtoms { table: icmp_table, icmp: u16::MAX, ..Default::default() };
                atoms.divide(protocol, place << 16, of_icmp, &icmp);
            } else {
                atoms.divide(protocol, place << 16, ProtocolAtoms::default(), &BTreeSet::from([0]));
            }
        }
        atoms.undivided(&named.collect());
        atoms
    }

    fn divide(&mut self, protocol: Protocol, first: u32, of: ProtocolAtoms, cuts: &BTreeSet<u16>) {
        let base = self.table.atoms;
        for (atom, cut) in (base..).zip(cuts) {
            self.starts.push((first + u32::from(*cut), atom));
        }
        self.table.atoms += count(cuts.len());
        if let Some(place) = self.table.protocols.get_mut(usize::from(protocol.number())) {
            *place = ProtocolAtoms { base, ..of };
        }
    }

    /// Those that rules name have an atom each, all others one together.
    fn undivided(&mut self, named: &BTreeSet<u8>) {
        let others = self.table.atoms;
        self.table.atoms += 1;
        for (protocol, place) in (0..=u8::MAX).zip(&mut self.table.protocols) {
            if DIVIDED.contains(&Protocol::from(protocol)) {
                continue;
            }
            let mut base = others;
            if named.contains(&protocol) {
                base = self.table.atoms;
                self.table.atoms += 1;
            }
            *place = ProtocolAtoms { base, ..ProtocolAtoms::default() };
            self.starts.push((UNDIVIDED + u32::from(protocol), base));
        }
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
