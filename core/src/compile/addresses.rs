//! The class of every address, and who has it.

use super::footprint;
use super::hashing::{Quick, QuickMap};
use super::inventory::Nodes;
use super::parts::PartTable;
use super::program::ClassKey;
use super::ranges::{Range, Sweep, covering};
use crate::cluster::Cluster;
use crate::tables::{
    Addresses, Class, ClassParts, EndpointRecord, Endpoints, NONE, Occupant, Parts, Single, count,
};
use smallvec::{SmallVec, smallvec};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every class by number, and by what makes it.
#[derive(Debug, Default)]
pub(super) struct Classes {
    pub(super) keys: Vec<ClassKey>,
    known: QuickMap<ClassKey, u32>,
    /// The classes of a subject, and those of a part of holders; as far as they are linked.
    of_subject: QuickMap<u32, Vec<u32>>,
    of_holders: QuickMap<u32, Vec<u32>>,
    linked: usize,
}

impl Classes {
    /// With room for so many.
    pub(super) fn with_room(room: usize) -> Self {
        Classes {
            keys: Vec::with_capacity(room),
            known: QuickMap::with_capacity_and_hasher(room, Quick::default()),
            ..Classes::default()
        }
    }

    /// The number of a class.
    pub(super) fn number(&mut self, key: ClassKey) -> u32 {
        *self.known.entry(key).or_insert_with(|| {
            self.keys.push(key);
            count(self.keys.len() - 1)
        })
    }

    /// Finds the classes of subjects and parts, which only updates need to know.
    pub(super) fn link(&mut self) {
        for (class, key) in (count(self.linked)..).zip(self.keys.iter().skip(self.linked)) {
            self.of_subject.entry(key.subject).or_default().push(class);
            self.of_holders.entry(key.holders).or_default().push(class);
        }
        self.linked = self.keys.len();
    }

    pub(super) fn of_subject(&self, subject: u32) -> &[u32] {
        self.of_subject.get(&subject).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of_holders(&self, part: u32) -> &[u32] {
        self.of_holders.get(&part).map_or(&[], Vec::as_slice)
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::records(&self.keys)
            + footprint::entries::<(ClassKey, u32)>(self.known.len())
            + footprint::entries::<(u32, Vec<u32>)>(self.of_subject.len() + self.of_holders.len())
            + 2 * self.linked * size_of::<u32>()
    }

    /// What holds at the addresses of each class, from a number on.
    pub(super) fn parts(&self, from: u32) -> impl Iterator<Item = ClassParts> {
        let keys = self.keys.iter().skip(crate::tables::index(from));
        keys.map(|key| ClassParts { holders: key.holders, address: key.address })
    }

    /// The class of addresses that nobody has.
    pub(super) fn outside(&mut self, part: u32, flags: u32) -> u32 {
        self.number(ClassKey { holders: Parts::EMPTY, address: part, subject: NONE, flags, slow: false })
    }
}

/// Addresses that others than endpoints have.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// The first node that has an address.
    nodes: BTreeMap<IpAddr, u32>,
    /// Addresses of services.
    served: BTreeSet<IpAddr>,
}

impl Others {
    pub(super) fn new(cluster: &Cluster, nodes: &Nodes) -> Self {
        let mut of_nodes: BTreeMap<IpAddr, u32> = BTreeMap::new();
        for node in cluster.nodes() {
            for address in &node.addresses {
                of_nodes.entry(*address).or_insert_with(|| nodes.number(Some(&node.name)));
            }
        }
        let served = cluster.services().flat_map(|service| &service.addresses).copied().collect();
        Others { nodes: of_nodes, served }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = IpAddr> {
        self.nodes.keys().chain(&self.served).copied()
    }

    /// Whether anybody of these has an address.
    pub(super) fn have(&self, address: IpAddr) -> bool {
        self.nodes.contains_key(&address) || self.served.contains(&address)
    }
}

/// Classifies the addresses that something has.
pub(super) struct Classifier<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) endpoints: &'a mut Endpoints,
    pub(super) table: &'a mut PartTable,
    pub(super) parts: &'a mut Parts,
    pub(super) classes: &'a mut Classes,
    pub(super) others: &'a Others,
    pub(super) ranges: &'a [Vec<Range>; 2],
}

impl Classifier<'_> {
    /// The class of every address, and who has those that somebody has.
    pub(super) fn all(mut self) -> Addresses {
        let (held_v4, held_v6) = self.held();
        let mut occupied_v4 = Vec::with_capacity(held_v4.len());
        let (mut single_v4, mut single_v6) = (Vec::with_capacity(held_v4.len()), Vec::new());
        let [ranges_v4, _] = self.ranges;
        let mut covering = Sweep::new(ranges_v4);
        let mut later = held_v4.iter().skip(AHEAD);
        for same in held_v4.chunk_by(|a, b| a >> 32 == b >> 32) {
            later.next().into_iter().for_each(|held| self.endpoints.records.prefetch(low(*held)));
            let Some(address) = same.first().and_then(|held| u32::try_from(held >> 32).ok()) else {
                continue;
            };
            let only = same.first().map(|held| low(*held)).filter(|_| same.len() == 1);
            let part = covering.at(address.into());
            let (class, occupant) = self.covered(IpAddr::V4(Ipv4Addr::from_bits(address)), part, only);
            single_v4.push((address, class));
            occupied_v4.extend(occupant.map(|occupant| (address, occupant)));
        }
        for same in held_v6.chunk_by(|a, b| a.0 == b.0) {
            let Some((address, endpoint)) = same.first().copied() else { continue };
            let only = Some(endpoint).filter(|_| same.len() == 1);
            let (class, occupant) = self.address(IpAddr::V6(Ipv6Addr::from_bits(address)), only);
            single_v6.push(Single { address, class, occupant: occupant.unwrap_or(Occupant::NOBODY) });
        }
        let [v4, v6] = self.ranges;
        let runs_v4 = outside(self.classes, v4, 0);
        let runs_v6 = outside(self.classes, v6, Class::V6);
        let narrow = |(first, class): (u128, u32)| Some((u32::try_from(first).ok()?, class));
        let runs_v4: Vec<(u32, u32)> = runs_v4.into_iter().filter_map(narrow).collect();
        Addresses::new(
            &merged(&runs_v4, &single_v4),
            &occupied_v4,
            runs_v6,
            single_v6,
            self.classes.parts(0).collect(),
        )
    }

    /// Addresses with who holds them, sorted: IPv4 ones above the number of the endpoint. What nodes and services have
    /// is there once with [`NONE`].
    fn held(&self) -> (Vec<u64>, Vec<(u128, u32)>) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut add = |address: IpAddr, endpoint: u32| match address {
            IpAddr::V4(address) => v4.push(u64::from(address.to_bits()) << 32 | u64::from(endpoint)),
            IpAddr::V6(address) => v6.push((address.to_bits(), endpoint)),
        };
        let endpoints = &*self.endpoints;
        for (endpoint, record) in
            (0..endpoints.records.len()).filter_map(|number| Some((number, endpoints.get(number)?)))
        {
            endpoints.addresses_of(record).for_each(|address| add(address, endpoint));
        }
        self.others.iter().for_each(|address| add(address, NONE));
        v4.sort_unstable();
        v4.dedup();
        v6.sort_unstable();
        v6.dedup();
        (v4, v6)
    }

    /// The class of an address that somebody has, and who that is. `only` is the number of its only holder, if it is
    /// known.
    pub(super) fn address(&mut self, address: IpAddr, only: Option<u32>) -> (u32, Option<Occupant>) {
        let [v4, v6] = self.ranges;
        let part = match address {
            IpAddr::V4(address) => covering(v4, address.to_bits().into()),
            IpAddr::V6(address) => covering(v6, address.to_bits()),
        };
        self.covered(address, part, only)
    }

    /// The same, given the part of the ranges that cover it.
    fn covered(&mut self, address: IpAddr, part: u32, only: Option<u32>) -> (u32, Option<Occupant>) {
        let node = self.others.nodes.get(&address).copied().unwrap_or(NONE);
        let (mut holders, mut endpoint) = (Parts::EMPTY, NONE);
        let held_by: SmallVec<[u32; 2]> = match only {
            Some(number) => smallvec![number],
            None => self.cluster.endpoints_at(address).map(|entry| entry.id.get()).collect(),
        };
        for number in held_by {
            if let Some(record) = self.endpoints.get(number) {
                holders = self.table.union(self.parts, holders, record.part);
                endpoint = if endpoint == NONE { number } else { endpoint };
            }
        }
        let flags = if address.is_ipv6() { Class::V6 } else { 0 };
        let first = self.endpoints.get(endpoint).copied();
        let workload = first.filter(|record| !record.is(EndpointRecord::HOST));
        let slow = node != NONE
            || (first.is_some() && workload.is_none())
            || workload.is_some_and(|record| self.is_slow(&record, address))
            || self.others.served.contains(&address);
        let class = self.classes.number(ClassKey {
            holders,
            address: part,
            subject: workload.map_or(NONE, |record| record.subject),
            flags,
            slow,
        });
        if workload.is_some() {
            self.endpoints.set_class(endpoint, address, class);
        }
        let occupied = endpoint != NONE || node != NONE;
        (class, occupied.then_some(Occupant { endpoint, node }))
    }

    /// The class of an address whose holders or ranges may be others than before, and who has it; none if nobody does.
    pub(super) fn again(&mut self, address: IpAddr) -> Option<(u32, Occupant)> {
        let mut holders = self.cluster.endpoints_at(address).map(|entry| entry.id.get()).peekable();
        if holders.peek().is_none() && !self.others.have(address) {
            return None;
        }
        // An address tells what it is of its first holder only.
        holders.for_each(|holder| self.endpoints.set_class(holder, address, NONE));
        let (class, occupant) = self.address(address, None);
        Some((class, occupant.unwrap_or(Occupant::NOBODY)))
    }

    /// The class of an address if nobody has it.
    pub(super) fn outside(&mut self, address: IpAddr) -> u32 {
        let [v4, v6] = self.ranges;
        let (part, flags) = match address {
            IpAddr::V4(address) => (covering(v4, address.to_bits().into()), 0),
            IpAddr::V6(address) => (covering(v6, address.to_bits()), Class::V6),
        };
        self.classes.outside(part, flags)
    }

    /// Whether an address does not tell all that matters of its endpoint: it has another one of the family, or its node
    /// has a host endpoint that may have a say.
    fn is_slow(&self, record: &EndpointRecord, address: IpAddr) -> bool {
        let endpoints = &*self.endpoints;
        if record.more == NONE && endpoints.hosts.len() == 0 {
            return false;
        }
        let of_family = endpoints.addresses_of(record).filter(|known| known.is_ipv4() == address.is_ipv4());
        let hosts = endpoints.hosts_of(record.node).iter().filter_map(|host| endpoints.get(host.endpoint));
        let mut lists = hosts.flat_map(|host| {
            let subject = endpoints.subjects.get(host.subject);
            let lists = subject.map_or(&[][..], |subject| endpoints.lists.slice(subject.lists));
            // The normal phase, which comes first, is for the host's own traffic.
            lists.iter().skip(LISTS_OF_A_PHASE)
        });
        of_family.count() > 1 || lists.any(|list| *list != NONE)
    }
}

/// Endpoints are read in the order of their addresses, which is none of memory: so many are on their way.
const AHEAD: usize = 16;

/// For each direction and scope.
const LISTS_OF_A_PHASE: usize = 4;

fn low(held: u64) -> u32 {
    u32::try_from(held & u64::from(u32::MAX)).unwrap_or(NONE)
}

/// The classes of ranges that nobody holds.
fn outside(classes: &mut Classes, ranges: &[Range], flags: u32) -> Vec<(u128, u32)> {
    ranges.iter().map(|range| (range.first, classes.outside(range.part, flags))).collect()
}

/// Runs of addresses in which single ones have classes of their own.
fn merged(runs: &[(u32, u32)], single: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32)> = Vec::with_capacity(runs.len() + 2 * single.len());
    let mut runs = runs.iter().copied().peekable();
    let mut current = 0;
    let mut push = |first: u32, class: u32| match all.last_mut() {
        Some((known, known_class)) if *known == first => *known_class = class,
        Some((_, known_class)) if *known_class == class => {}
        _ => all.push((first, class)),
    };
    for (address, class) in single {
        while let Some((first, run)) = runs.next_if(|(first, _)| first <= address) {
            push(first, run);
            current = run;
        }
        push(*address, *class);
        if let Some(next) = address.checked_add(1) {
            push(next, current);
        }
    }
    runs.for_each(|(first, run)| push(first, run));
    all
}
