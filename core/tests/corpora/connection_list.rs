//! Lists of permitted connections between workloads and ranges of external addresses, as np-guard's analyzer writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use tierwall::model::Side;

pub(crate) const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// What may pass: ranges of ports by protocol, or everything.
pub(crate) enum Permitted {
    All,
    Ports(BTreeMap<String, Vec<(u16, u16)>>),
}

impl Permitted {
    fn carries(&self, protocol: &str, port: u16) -> bool {
        match self {
            Permitted::All => true,
            Permitted::Ports(ports) => ports
                .get(protocol)
                .is_some_and(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&port))),
        }
    }
}

/// One end of a connection that is probed.
pub(crate) enum End {
    /// `namespace/name[Kind]`, and how the engine knows it.
    Workload(String, Side),
    External(Ipv4Addr),
}

impl End {
    pub(crate) fn name(&self) -> String {
        match self {
            End::Workload(name, _) => name.clone(),
            End::External(address) => address.to_string(),
        }
    }

    pub(crate) fn side(&self) -> Side {
        match self {
            End::Workload(_, side) => *side,
            End::External(address) => Side::Address(IpAddr::V4(*address)),
        }
    }
}

/// Every ordered pair that a list speaks of: of two workloads, or of a workload and an address.
pub(crate) fn pairs(ends: &[End]) -> impl Iterator<Item = (&End, &End)> {
    let pairs = ends.iter().flat_map(move |from| ends.iter().map(move |to| (from, to)));
    pairs.filter(|(from, to)| match (from, to) {
        (End::Workload(from, _), End::Workload(to, _)) => from != to,
        (End::External(_), End::External(_)) => false,
        _ => true,
    })
}

type Range = (Ipv4Addr, Ipv4Addr);

/// A complete list. What is permitted with an address is the union over the ranges that hold it.
#[derive(Default)]
pub(crate) struct ConnectionList {
    between: BTreeMap<(String, String), Permitted>,
    from_outside: BTreeMap<String, Vec<(Range, Permitted)>>,
    to_outside: BTreeMap<String, Vec<(Range, Permitted)>>,
}

impl ConnectionList {
    pub(crate) fn add(&mut self, from: &str, to: &str, permitted: Permitted) -> Result<(), String> {
        match (external(from)?, external(to)?) {
            (None, None) => drop(self.between.insert((from.to_owned(), to.to_owned()), permitted)),
            (Some(range), _) => self.from_outside.entry(to.to_owned()).or_default().push((range, permitted)),
            (None, Some(range)) => {
                self.to_outside.entry(from.to_owned()).or_default().push((range, permitted));
            }
        }
        Ok(())
    }

    pub(crate) fn permits(&self, from: &End, to: &End, protocol: &str, port: u16) -> bool {
        let by_range =
            |outside: &BTreeMap<String, Vec<(Range, Permitted)>>, workload: &str, address: &Ipv4Addr| {
                let ranges = outside.get(workload).into_iter().flatten();
                let mut holding = ranges.filter(|((first, last), _)| (first..=last).contains(&address));
                holding.any(|(_, permitted)| permitted.carries(protocol, port))
            };
        match (from, to) {
            (End::External(address), End::Workload(name, _)) => by_range(&self.from_outside, name, address),
            (End::Workload(name, _), End::External(address)) => by_range(&self.to_outside, name, address),
            _ => {
                let permitted = self.between.get(&(from.name(), to.name()));
                permitted.is_some_and(|permitted| permitted.carries(protocol, port))
            }
        }
    }

    /// An address of everything that the ranges tell apart: their first ones, and those after their last ones.
    pub(crate) fn addresses(&self) -> BTreeSet<Ipv4Addr> {
        let outside = self.from_outside.values().chain(self.to_outside.values()).flatten();
        outside
            .flat_map(|((first, last), _)| [*first, Ipv4Addr::from(u32::from(*last).saturating_add(1))])
            .collect()
    }

    /// Both sides of every bound of a port range, and the first and the last port.
    pub(crate) fn port_boundaries(&self) -> BTreeSet<u16> {
        let outside = self.from_outside.values().chain(self.to_outside.values()).flatten();
        let permitted = self.between.values().chain(outside.map(|(_, permitted)| permitted));
        let ranges = permitted.flat_map(|permitted| match permitted {
            Permitted::All => Vec::new(),
            Permitted::Ports(ports) => ports.values().flatten().copied().collect(),
        });
        around(ranges.flat_map(|(first, last)| [first, last]))
    }
}

/// The ports, their neighbours, and the first and the last port.
pub(crate) fn around(ports: impl Iterator<Item = u16>) -> BTreeSet<u16> {
    let neighbours = |port: u16| [port.saturating_sub(1).max(1), port, port.saturating_add(1)];
    ports.filter(|port| *port > 0).flat_map(neighbours).chain([1, u16::MAX]).collect()
}

/// The range of `a.b.c.d-e.f.g.h[External]`; `None` for a workload.
fn external(end: &str) -> Result<Option<Range>, String> {
    end.strip_suffix("[External]").map(range).transpose()
}

pub(crate) fn range(text: &str) -> Result<Range, String> {
    let parts =
        text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    parts.ok_or_else(|| format!("{text:?} is no range of addresses"))
}
