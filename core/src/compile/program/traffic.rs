//! The sets of traffic that rules speak of.

use super::super::{Numbered, number};
use crate::dialect::NotIcmp;
use crate::model::{IcmpMatch, Protocol};
use crate::tables::{Check, DIVIDED, NUMBERS, Policies, PortCheck, Resolution, Side, UNDIVIDED, index};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;

/// Runs of numbers of traffic, sorted and apart: each from its first to the one after its last.
pub(super) type Runs = Box<[(u32, u32)]>;

/// The same, while they are made: most are few.
type RunList = SmallVec<[(u32, u32); 4]>;

/// What tells the traffic of a protocol apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ports,
    Icmp,
    /// Only which protocol it is.
    Protocol,
}

/// The numbers of one protocol, or of all that have one each.
#[derive(Debug, Clone, Copy)]
struct Group {
    protocol: Option<u8>,
    base: u32,
    len: u32,
    kind: Kind,
}

/// The groups in the order of their numbers.
fn groups() -> impl Iterator<Item = Group> {
    let divided = (0..).zip(DIVIDED).map(|(place, protocol)| Group {
        protocol: Some(protocol.number()),
        base: place << 16,
        len: 1 << 16,
        kind: if protocol.has_ports() { Kind::Ports } else { Kind::Icmp },
    });
    let others = Group { protocol: None, base: UNDIVIDED, len: NUMBERS - UNDIVIDED, kind: Kind::Protocol };
    divided.chain([others])
}

/// What a rule demands of traffic, which is seldom much.
type Demands = SmallVec<[Check; 4]>;

/// Sets of traffic by number.
#[derive(Debug)]
pub(super) struct TrafficSets {
    sets: Numbered<Runs>,
    known: HashMap<Demands, u32, ahash::RandomState>,
}

impl TrafficSets {
    /// All traffic.
    pub(super) const ALL: u32 = 0;
    /// The traffic without ports.
    pub(super) const WITHOUT_PORTS: u32 = 1;

    pub(super) fn new() -> Self {
        let mut sets = TrafficSets { sets: Numbered::default(), known: HashMap::default() };
        number(&mut sets.sets, [(0, NUMBERS)].into());
        let groups = groups().filter(|group| group.kind != Kind::Ports);
        let runs = joined(groups.map(|group| (group.base, group.base + group.len)).collect());
        number(&mut sets.sets, runs.as_slice().into());
        sets
    }

    /// The runs of a set.
    pub(super) fn runs(&self, set: u32) -> &[(u32, u32)] {
        self.sets.get_index(index(set)).map_or(&[], |runs| runs)
    }

    /// The set of a rule's traffic that no condition of its has a say in.
    pub(super) fn plain(&mut self, checks: &[Check], policies: &Policies, not_icmp: NotIcmp) -> u32 {
        let relevant: Demands = checks.iter().filter(|check| is_traffic(check)).copied().collect();
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
        let mut all = RunList::new();
        for group in groups() {
            let mut runs: RunList = smallvec![(0, group.len)];
            for check in checks {
                if runs.is_empty() {
                    break;
                }
                runs = group.apply(check, policies, not_icmp, resolutions, runs);
            }
            all.extend(runs.into_iter().map(|(first, end)| (group.base + first, group.base + end)));
        }
        number(&mut self.sets, joined(all).as_slice().into())
    }
}

impl Group {
    /// What is left of runs within the group where a check holds.
    fn apply(
        &self,
        check: &Check,
        policies: &Policies,
        not_icmp: NotIcmp,
        resolutions: &[Resolution],
        runs: RunList,
    ) -> RunList {
        let keep = |holds: bool, runs| if holds { runs } else { RunList::new() };
        match check {
            Check::Protocol(protocol) => both(&runs, &self.runs_of_protocol(*protocol)),
            Check::NotProtocol(protocol) => both(&runs, &others(&self.runs_of_protocol(*protocol), self.len)),
            Check::Icmp(wanted) if self.kind == Kind::Icmp => both(&runs, &runs_of([messages(*wanted)])),
            Check::Icmp(_) => RunList::new(),
            Check::NotIcmp(unwanted) if self.kind == Kind::Icmp && !is_scattered(*unwanted, not_icmp) => {
                both(&runs, &others(&runs_of([messages(*unwanted)]), self.len))
            }
            Check::Ports(Side::Destination, ports) => {
                keep(self.kind == Kind::Ports, both(&runs, &self.port_runs(*ports, policies, resolutions)))
            }
            Check::NotPorts(Side::Destination, ports) if self.kind == Kind::Ports => {
                both(&runs, &others(&self.port_runs(*ports, policies, resolutions), self.len))
            }
            Check::Resolves(Side::Destination, condition) => {
                keep(self.kind == Kind::Ports, both(&runs, &runs_of(self.resolved(*condition, resolutions))))
            }
            _ => runs,
        }
    }

    fn runs_of_protocol(&self, protocol: u8) -> RunList {
        let number = u32::from(protocol);
        match self.protocol {
            Some(own) if own == protocol => smallvec![(0, self.len)],
            None if !DIVIDED.contains(&Protocol::from(protocol)) => smallvec![(number, number + 1)],
            _ => RunList::new(),
        }
    }

    fn port_runs(&self, ports: u32, policies: &Policies, resolutions: &[Resolution]) -> RunList {
        let Some(PortCheck { ranges, conditions }) = policies.ports.get(ports) else { return RunList::new() };
        let numbers = policies.port_ranges.slice(*ranges).iter().map(|range| (range.first(), range.last()));
        let conditions = policies.conditions.slice(*conditions).iter();
        runs_of(numbers.chain(conditions.flat_map(|condition| self.resolved(*condition, resolutions))))
    }

    fn resolved<'a>(
        &self,
        condition: u32,
        resolutions: &'a [Resolution],
    ) -> impl Iterator<Item = (u16, u16)> + use<'a> {
        let protocol = self.protocol;
        resolutions
            .iter()
            .filter(move |known| known.condition == condition && Some(known.protocol) == protocol)
            .map(|known| (known.port, known.port))
    }
}

/// Ranges of values as runs.
fn runs_of(ranges: impl IntoIterator<Item = (u16, u16)>) -> RunList {
    joined(ranges.into_iter().map(|(first, last)| (u32::from(first), u32::from(last) + 1)).collect())
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

/// The messages as one number: the type above the code.
pub(super) fn messages(wanted: IcmpMatch) -> (u16, u16) {
    let code = wanted.code.map_or((0, u8::MAX), |code| (code, code));
    (u16::from_be_bytes([wanted.icmp_type, code.0]), u16::from_be_bytes([wanted.icmp_type, code.1]))
}

/// Sorted runs without overlap.
fn joined(mut runs: RunList) -> RunList {
    runs.sort_unstable();
    runs.retain(|(first, end)| *first < *end);
    runs.dedup_by(|(first, end), (_, last)| {
        let joins = *first <= *last;
        if joins {
            *last = (*last).max(*end);
        }
        joins
    });
    runs
}

fn both(left: &[(u32, u32)], right: &[(u32, u32)]) -> RunList {
    let (mut left, mut right, mut all) = (left.iter().peekable(), right.iter().peekable(), RunList::new());
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

fn others(runs: &[(u32, u32)], len: u32) -> RunList {
    let mut all = RunList::new();
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
