//! Addresses, what each of them is, and the classes of them.

use super::inventory::Nodes;
use super::parts::PartTable;
use super::program::ClassKey;
use super::ranges::{Range, covering};
use super::{Numbered, number};
use crate::cluster::Cluster;
use crate::tables::{Addresses, Class, ClassParts, EndpointRecord, Endpoints, NONE, Occupant, Parts, Single};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Classifies the addresses that something has.
struct Classifier<'a> {
    cluster: &'a Cluster,
    endpoints: &'a mut Endpoints,
    parts: &'a mut PartTable,
    keys: Numbered<ClassKey>,
    /// The first node that has an address.
    nodes: BTreeMap<IpAddr, u32>,
    /// Addresses of services.
    served: BTreeSet<IpAddr>,
}

/// The class of every address, who has those that somebody has, and the classes themselves.
pub(super) fn addresses(
    cluster: &Cluster,
    endpoints: &mut Endpoints,
    nodes: &Nodes,
    ranges: &[Vec<Range>; 2],
    parts: &mut PartTable,
) -> (Addresses, Numbered<ClassKey>) {
    let mut of_nodes: BTreeMap<IpAddr, u32> = BTreeMap::new();
    for node in cluster.nodes() {
        for address in &node.addresses {
            of_nodes.entry(*address).or_insert_with(|| nodes.number(Some(&node.name)));
        }
    }
    let served = cluster.services().flat_map(|service| &service.addresses).copied().collect();
    let (held_v4, held_v6) = held(endpoints, &of_nodes, &served);
    let [v4, v6] = ranges;
    let mut classifier =
        Classifier { cluster, endpoints, parts, keys: Numbered::default(), nodes: of_nodes, served };
    let mut occupied_v4 = Vec::new();
    let (mut single_v4, mut single_v6) = (Vec::new(), Vec::new());
    for same in held_v4.chunk_by(|a, b| a >> 32 == b >> 32) {
        let Some(address) = same.first().and_then(|held| u32::try_from(held >> 32).ok()) else { continue };
        let only = same.first().map(|held| low(*held)).filter(|_| same.len() == 1);
        let (class, occupant) = classifier.address(IpAddr::V4(Ipv4Addr::from_bits(address)), only, v4);
        single_v4.push((u128::from(address), class));
        occupied_v4.extend(occupant.map(|occupant| (address, occupant)));
    }
    for same in held_v6.chunk_by(|a, b| a.0 == b.0) {
        let Some((address, endpoint)) = same.first().copied() else { continue };
        let only = Some(endpoint).filter(|_| same.len() == 1);
        let (class, occupant) = classifier.address(IpAddr::V6(Ipv6Addr::from_bits(address)), only, v6);
        single_v6.push(Single { address, class, occupant: occupant.unwrap_or(Occupant::NOBODY) });
    }
    let mut keys = classifier.keys;
    let runs_v4 = outside(&mut keys, v4, 0);
    let runs_v6 = outside(&mut keys, v6, Class::V6);
    let narrow = |(first, class): (u128, u32)| Some((u32::try_from(first).ok()?, class));
    let runs: Vec<(u32, u32)> = merged(&runs_v4, &single_v4).into_iter().filter_map(narrow).collect();
    let classes = keys.iter().map(|key| ClassParts { holders: key.holders, address: key.address }).collect();
    (Addresses::new(&runs, &occupied_v4, runs_v6, single_v6, classes), keys)
}

/// Addresses with who holds them, sorted: IPv4 ones above the number of the endpoint. What nodes and services have is
/// there once with [`NONE`].
fn held(
    endpoints: &Endpoints,
    nodes: &BTreeMap<IpAddr, u32>,
    served: &BTreeSet<IpAddr>,
) -> (Vec<u64>, Vec<(u128, u32)>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    let mut add = |address: IpAddr, endpoint: u32| match address {
        IpAddr::V4(address) => v4.push(u64::from(address.to_bits()) << 32 | u64::from(endpoint)),
        IpAddr::V6(address) => v6.push((address.to_bits(), endpoint)),
    };
    for (endpoint, record) in
        (0..endpoints.records.len()).filter_map(|number| Some((number, endpoints.get(number)?)))
    {
        endpoints.addresses_of(record).for_each(|address| add(address, endpoint));
    }
    nodes.keys().chain(served).for_each(|address| add(*address, NONE));
    v4.sort_unstable();
    v4.dedup();
    v6.sort_unstable();
    v6.dedup();
    (v4, v6)
}

fn low(held: u64) -> u32 {
    u32::try_from(held & u64::from(u32::MAX)).unwrap_or(NONE)
}

impl Classifier<'_> {
    /// The class of an address that somebody has, and who that is. `only` is the number of its only holder.
    fn address(&mut self, address: IpAddr, only: Option<u32>, ranges: &[Range]) -> (u32, Option<Occupant>) {
        let node = self.nodes.get(&address).copied().unwrap_or(NONE);
        let (mut holders, mut endpoint) = (Parts::EMPTY, NONE);
        let mut add = |number: u32, record: &EndpointRecord, parts: &mut PartTable| {
            holders = parts.union(holders, record.part);
            endpoint = if endpoint == NONE { number } else { endpoint };
        };
        if let Some(number) = only {
            if let Some(record) = self.endpoints.get(number) {
                add(number, record, self.parts);
            }
        } else {
            for entry in self.cluster.endpoints_at(address) {
                if let Some(record) = self.endpoints.get(entry.id.get()) {
                    add(entry.id.get(), record, self.parts);
                }
            }
        }
        let (bits, flags) = match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 0),
            IpAddr::V6(v6) => (v6.to_bits(), Class::V6),
        };
        let first = self.endpoints.get(endpoint).copied();
        let workload = first.filter(|record| !record.is(EndpointRecord::HOST));
        let slow = node != NONE
            || (first.is_some() && workload.is_none())
            || workload.is_some_and(|record| self.is_slow(&record, address))
            || self.served.contains(&address);
        let key = ClassKey {
            holders,
            address: covering(ranges, bits),
            subject: workload.map_or(NONE, |record| record.subject),
            flags,
            slow,
        };
        let class = number(&mut self.keys, key);
        if workload.is_some() {
            self.endpoints.set_class(endpoint, address, class);
        }
        let occupied = endpoint != NONE || node != NONE;
        (class, occupied.then_some(Occupant { endpoint, node }))
    }

    /// Whether an address does not tell all that matters of its endpoint: it has another one of the family, or its node
    /// has a host endpoint that may have a say.
    fn is_slow(&self, record: &EndpointRecord, address: IpAddr) -> bool {
        let endpoints = &*self.endpoints;
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

/// For each direction and scope.
const LISTS_OF_A_PHASE: usize = 4;

/// The classes of ranges that nobody holds.
fn outside(keys: &mut Numbered<ClassKey>, ranges: &[Range], flags: u32) -> Vec<(u128, u32)> {
    let key = |part| ClassKey { holders: Parts::EMPTY, address: part, subject: NONE, flags, slow: false };
    ranges.iter().map(|range| (range.first, number(keys, key(range.part)))).collect()
}

/// Runs of addresses in which single ones have classes of their own.
fn merged(runs: &[(u128, u32)], single: &[(u128, u32)]) -> Vec<(u128, u32)> {
    let mut all: Vec<(u128, u32)> = Vec::with_capacity(runs.len() + 2 * single.len());
    let mut runs = runs.iter().copied().peekable();
    let mut current = 0;
    let mut push = |first: u128, class: u32| match all.last_mut() {
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
        if *address < u128::from(u32::MAX) {
            push(address + 1, current);
        }
    }
    runs.for_each(|(first, run)| push(first, run));
    all
}
