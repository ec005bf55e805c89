//! Atoms of traffic, and the sets of them that rules speak of.

use super::super::{Numbered, number};
use crate::dialect::NotIcmp;
use crate::model::{IcmpMatch, Protocol};
use crate::tables::{Check, Policies, PortCheck, ProtocolAtoms, Resolution, Side, Traffic, count, index};
use std::collections::{BTreeSet, HashMap};

/// Sorted, apart: from the first atom of a run to the one after its last.
pub(super) type Atoms = Box<[(u32, u32)]>;

/// What tells the atoms of a protocol apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ports,
    Icmp,
    Whole,
}

/// The atoms of one protocol, or of all that no rule names.
#[derive(Debug, Clone, Copy)]
struct Group {
    protocol: Option<u8>,
    base: u32,
    len: u32,
    kind: Kind,
}

/// Sets of atoms by number.
#[derive(Debug)]
pub(super) struct TrafficSets {
    pub(super) table: Traffic,
    groups: Vec<Group>,
    sets: Numbered<Atoms>,
    known: HashMap<Vec<Check>, u32, ahash::RandomState>,
}

impl TrafficSets {
    /// All traffic.
    pub(super) const ALL: u32 = 0;

    /// Cut where these rules and ports begin and end.
    pub(super) fn new<'a>(policies: &Policies, resolutions: impl Iterator<Item = &'a Resolution>) -> Self {
        let ranges = policies.port_ranges.iter().map(|range| (range.first(), range.last()));
        let ports = cuts(ranges.chain(resolutions.map(|resolution| (resolution.port, resolution.port))));
        let icmp = cuts(policies.checks.iter().filter_map(|check| match check {
            Check::Icmp(wanted) | Check::NotIcmp(wanted) => Some(messages(*wanted)),
            _ => None,
        }));
        let mut intervals = numbered(&ports);
        let icmp_table = if icmp.len() > 1 { count(intervals.len()) } else { 0 };
        if icmp.len() > 1 {
            intervals.extend(numbered(&icmp));
        }
        let named = policies.checks.iter().filter_map(|check| match check {
            Check::Protocol(protocol) | Check::NotProtocol(protocol) => Some(*protocol),
            _ => None,
        });
        let with_atoms = [Protocol::TCP, Protocol::UDP, Protocol::SCTP, Protocol::ICMP, Protocol::ICMPV6];
        let protocols: BTreeSet<u8> = named.chain(with_atoms.map(Protocol::number)).collect();
        let mut sets = TrafficSets {
            table: Traffic { intervals: intervals.into(), ..Traffic::default() },
            groups: Vec::new(),
            sets: Numbered::default(),
            known: HashMap::default(),
        };
        let mut base = 0;
        for protocol in protocols.into_iter().map(Some).chain([None]) {
            let kind = match protocol.map(Protocol::from) {
                Some(protocol) if protocol.has_ports() => Kind::Ports,
                Some(protocol) if protocol.is_icmp() => Kind::Icmp,
                _ => Kind::Whole,
            };
            let len = match kind {
                Kind::Ports => count(ports.len()),
                Kind::Icmp => count(icmp.len()),
                Kind::Whole => 1,
            };
            sets.groups.push(Group { protocol, base, len, kind });
            base += len;
        }
        sets.table.atoms = base;
        sets.table.protocols = (0..=u8::MAX).map(|protocol| sets.atoms_of(protocol, icmp_table)).collect();
        number(&mut sets.sets, [(0, base)].into());
        sets
    }

    fn atoms_of(&self, protocol: u8, icmp_table: u32) -> ProtocolAtoms {
        let own = self.groups.iter().find(|group| group.protocol == Some(protocol)).or(self.groups.last());
        let Some(group) = own else { return ProtocolAtoms::default() };
        let mask = |kind| if group.kind == kind { u16::MAX } else { 0 };
        let icmp = if icmp_table == 0 { 0 } else { mask(Kind::Icmp) };
        let table = if icmp == 0 { 0 } else { icmp_table };
        ProtocolAtoms { base: group.base, table, ports: mask(Kind::Ports), icmp }
    }

    /// The atoms of a set.
    pub(super) fn atoms(&self, set: u32) -> &[(u32, u32)] {
        self.sets.get_index(index(set)).map_or(&[], |atoms| atoms)
    }

    /// The set of the traffic without ports.
    pub(super) fn without_ports(&mut self) -> u32 {
        let groups = self.groups.iter().filter(|group| group.kind != Kind::Ports);
        let atoms = joined(groups.map(|group| (group.base, group.base + group.len)).collect());
        number(&mut self.sets, atoms)
    }

    /// The set of a rule's traffic that no condition of its has a say in.
    pub(super) fn plain(&mut self, checks: &[Check], policies: &Policies, not_icmp: NotIcmp) -> u32 {
        let relevant: Vec<Check> = checks.iter().filter(|check| is_traffic(check)).copied().collect();
        if let Some(known) = self.known.get(&relevant) {
            return *known;
        }
        let set = self.set(&relevant, policies, not_icmp, &[]);
        self.known.insert(relevant, set);
        set
    }

    /// The set of a rule's traffic towards a destination where conditions resolve to these ports.
    pub(super) fn set(
        &mut self,
        checks: &[Check],
        policies: &Policies,
        not_icmp: NotIcmp,
        resolutions: &[Resolution],
    ) -> u32 {
        let mut atoms = Vec::new();
        for group in &self.groups {
            let mut runs = vec![(0, group.len)];
            for check in checks {
                runs = self.apply(group, check, policies, not_icmp, resolutions, runs);
            }
            atoms.extend(runs.into_iter().map(|(first, end)| (group.base + first, group.base + end)));
        }
        number(&mut self.sets, joined(atoms))
    }

    fn apply(
        &self,
        group: &Group,
        check: &Check,
        policies: &Policies,
        not_icmp: NotIcmp,
        resolutions: &[Resolution],
        runs: Vec<(u32, u32)>,
    ) -> Vec<(u32, u32)> {
        let keep = |holds: bool, runs| if holds { runs } else { Vec::new() };
        match check {
            Check::Protocol(protocol) => keep(group.protocol == Some(*protocol), runs),
            Check::NotProtocol(protocol) => keep(group.protocol != Some(*protocol), runs),
            Check::Icmp(wanted) if group.kind == Kind::Icmp => both(&runs, &self.icmp_runs(*wanted)),
            Check::Icmp(_) => Vec::new(),
            Check::NotIcmp(unwanted) if group.kind == Kind::Icmp && !is_scattered(*unwanted, not_icmp) => {
                both(&runs, &others(&self.icmp_runs(*unwanted), group.len))
            }
            Check::Ports(Side::Destination, ports) => keep(
                group.kind == Kind::Ports,
                both(&runs, &self.port_runs(group, *ports, policies, resolutions)),
            ),
            Check::NotPorts(Side::Destination, ports) if group.kind == Kind::Ports => {
                both(&runs, &others(&self.port_runs(group, *ports, policies, resolutions), group.len))
            }
            Check::Resolves(Side::Destination, condition) => {
                let ports = resolved(group, *condition, resolutions);
                keep(group.kind == Kind::Ports, both(&runs, &self.runs_of(0, ports)))
            }
            _ => runs,
        }
    }

    fn port_runs(
        &self,
        group: &Group,
        ports: u32,
        policies: &Policies,
        resolutions: &[Resolution],
    ) -> Vec<(u32, u32)> {
        let Some(PortCheck { ranges, conditions }) = policies.ports.get(ports) else { return Vec::new() };
        let numbers = policies.port_ranges.slice(*ranges).iter().map(|range| (range.first(), range.last()));
        let conditions = policies.conditions.slice(*conditions).iter();
        self.runs_of(
            0,
            numbers.chain(conditions.flat_map(|condition| resolved(group, *condition, resolutions))),
        )
    }

    fn icmp_runs(&self, wanted: IcmpMatch) -> Vec<(u32, u32)> {
        let tables = self.table.protocols.get(usize::from(Protocol::ICMP.number()));
        self.runs_of(tables.map_or(0, |atoms| atoms.table), [messages(wanted)])
    }

    /// The intervals of ranges of values, sorted and apart.
    fn runs_of(&self, table: u32, ranges: impl IntoIterator<Item = (u16, u16)>) -> Vec<(u32, u32)> {
        let interval = |value: u16| {
            self.table.intervals.get(index(table) + usize::from(value)).copied().map_or(0, u32::from)
        };
        let runs = ranges.into_iter().map(|(first, last)| (interval(first), interval(last) + 1));
        joined(runs.collect()).into_vec()
    }
}

/// Whether a check has a say in what traffic a rule matches, rather than in between whom.
pub(super) fn is_traffic(check: &Check) -> bool {
    matches!(
        check,
        Check::Protocol(_)
            | Check::NotProtocol(_)
            | Check::Icmp(_)
            | Check::NotIcmp(_)
            | Check::Ports(Side::Destination, _)
            | Check::NotPorts(Side::Destination, _)
            | Check::Resolves(Side::Destination, _)
    )
}

/// Whether what it excludes is no run of messages.
pub(super) fn is_scattered(unwanted: IcmpMatch, reading: NotIcmp) -> bool {
    reading == NotIcmp::Neither && unwanted.code.is_some()
}

fn resolved<'a>(
    group: &Group,
    condition: u32,
    resolutions: &'a [Resolution],
) -> impl Iterator<Item = (u16, u16)> + use<'a> {
    let protocol = group.protocol;
    resolutions
        .iter()
        .filter(move |known| known.condition == condition && Some(known.protocol) == protocol)
        .map(|known| (known.port, known.port))
}

/// The messages as one number: the type above the code.
fn messages(wanted: IcmpMatch) -> (u16, u16) {
    let code = wanted.code.map_or((0, u8::MAX), |code| (code, code));
    (u16::from_be_bytes([wanted.icmp_type, code.0]), u16::from_be_bytes([wanted.icmp_type, code.1]))
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

/// Sorted runs without overlap.
fn joined(mut runs: Vec<(u32, u32)>) -> Atoms {
    runs.sort_unstable();
    let mut all: Vec<(u32, u32)> = Vec::with_capacity(runs.len());
    for (first, end) in runs.into_iter().filter(|(first, end)| first < end) {
        match all.last_mut() {
            Some((_, last)) if first <= *last => *last = end.max(*last),
            _ => all.push((first, end)),
        }
    }
    all.into()
}

fn both(left: &[(u32, u32)], right: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let (mut left, mut right, mut all) = (left.iter().peekable(), right.iter().peekable(), Vec::new());
    while let (Some((a, a_end)), Some((b, b_end))) = (left.peek(), right.peek()) {
        if a.max(b) < a_end.min(b_end) {
            all.push((*a.max(b), *a_end.min(b_end)));
        }
        if a_end < b_end {
            left.next()
        } else {
            right.next()
        };
    }
    all
}

fn others(runs: &[(u32, u32)], len: u32) -> Vec<(u32, u32)> {
    let mut all = Vec::new();
    let mut next = 0;
    for (first, end) in runs {
        if next < *first {
            all.push((next, *first));
        }
        next = *end;
    }
    if next < len {
        all.push((next, len));
    }
    all
}
