//! Endpoints, their addresses, and nodes.

use super::holders::Holders;
use super::inventory::Nodes;
use super::lists::Subjects;
use super::parts::PartTable;
use super::program::ClassKey;
use super::ranges::{Range, covering};
use super::{Numbered, number};
use crate::cluster::{Cluster, EndpointEntry};
use crate::model::{EndpointKind, HostInterface, Name};
use crate::tables::{
    Addresses, Class, ClassParts, EndpointRecord, Endpoints, Interface, NONE, NodeRecord, Occupant, Parts,
    Place, Policies, Table, Trie, index,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The endpoint table: records of endpoints by id, and nodes with their host endpoints.
pub(super) fn compile(
    cluster: &Cluster,
    holders: &mut Holders<'_>,
    subjects: &mut Subjects<'_>,
    nodes: &Nodes,
    parts: &mut PartTable,
    policies: &mut Policies,
) -> Endpoints {
    let mut endpoints = Endpoints::default();
    let mut records: Vec<Option<EndpointRecord>> = Vec::new();
    for entry in cluster.endpoints() {
        let set = holders.set_of(&entry.labels);
        let record = EndpointRecord {
            part: holders.part(entry, set, parts),
            subject: subjects.subject(entry, set, &mut endpoints, policies),
            node: nodes.number(entry.endpoint.node.as_ref()),
            is_host: entry.endpoint.is_host(),
            is_single: matches!(entry.endpoint.key.kind, EndpointKind::Pod | EndpointKind::WorkloadEndpoint),
            addresses: endpoints.addresses.push(entry.endpoint.addresses.iter().copied()),
            classes: [NONE; 2],
            interface: interface(entry),
        };
        let slot = index(entry.id.get());
        if records.len() <= slot {
            records.resize(slot + 1, None);
        }
        if let Some(place) = records.get_mut(slot) {
            *place = Some(record);
        }
    }
    endpoints.records = records.into_iter().collect();
    endpoints.nodes = node_records(cluster, nodes, &mut endpoints);
    endpoints
}

fn interface(entry: &EndpointEntry) -> Interface {
    match &entry.endpoint.interface {
        Some(HostInterface::All) => Interface::All,
        Some(HostInterface::Named(name)) => Interface::Named(name.clone()),
        Some(HostInterface::ByAddress) => Interface::ByAddress,
        None => Interface::None,
    }
}

fn node_records(cluster: &Cluster, nodes: &Nodes, endpoints: &mut Endpoints) -> Table<NodeRecord> {
    let mut hosts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in cluster.host_endpoints() {
        hosts.entry(nodes.number(entry.endpoint.node.as_ref())).or_default().push(entry.id.get());
    }
    let record = |name: &Name| {
        let addresses = cluster.node(name).map(|node| node.addresses.as_slice()).unwrap_or_default();
        let number = nodes.number(Some(name));
        NodeRecord {
            addresses: endpoints.addresses.push(addresses.iter().copied()),
            hosts: endpoints.hosts.push(hosts.get(&number).into_iter().flatten().copied()),
            view: nodes.view(name),
        }
    };
    nodes.names().map(record).collect()
}

/// The class of every address, what each of those is that something has, and the classes themselves.
pub(super) fn addresses(
    cluster: &Cluster,
    endpoints: &mut Endpoints,
    nodes: &Nodes,
    ranges: &[Vec<Range>; 2],
    parts: &mut PartTable,
) -> (Addresses, Numbered<ClassKey>) {
    let mut node_of: BTreeMap<IpAddr, u32> = BTreeMap::new();
    for node in cluster.nodes() {
        for address in &node.addresses {
            node_of.entry(*address).or_insert_with(|| nodes.number(Some(&node.name)));
        }
    }
    let mut occupied: Vec<(IpAddr, Occupant)> = Vec::new();
    let mut keys: Numbered<ClassKey> = Numbered::default();
    let mut single: [Vec<(u128, u32)>; 2] = Default::default();
    let [v4, v6] = ranges;
    let mut all: Vec<IpAddr> =
        cluster.endpoints().flat_map(|entry| &entry.endpoint.addresses).copied().collect();
    let of_services = cluster.services().flat_map(|service| &service.addresses);
    all.extend(node_of.keys().copied().chain(of_services.copied()));
    all.sort_unstable();
    all.dedup();
    let served: BTreeSet<IpAddr> =
        cluster.services().flat_map(|service| &service.addresses).copied().collect();
    for address in all {
        let node = node_of.get(&address).copied().unwrap_or(NONE);
        let (mut holders, mut first) = (Parts::EMPTY, None);
        for entry in cluster.endpoints_at(address) {
            let Some(record) = endpoints.get(entry.id.get()) else { continue };
            holders = parts.union(holders, record.part);
            first = first.or(Some((entry.id.get(), record)));
        }
        let host = if node == NONE { Place::Outside } else { Place::Host { node } };
        let place = first.map_or(host, |(endpoint, record)| place_of(endpoint, record));
        let (bits, flags, ranges) = match address {
            IpAddr::V4(v4_address) => (u128::from(v4_address.to_bits()), 0, v4),
            IpAddr::V6(v6_address) => (v6_address.to_bits(), Class::V6, v6),
        };
        let workload = first.filter(|_| matches!(place, Place::Workload { .. }));
        let slow = node != NONE
            || served.contains(&address)
            || matches!(place, Place::Host { .. })
            || workload.is_some_and(|(_, record)| is_slow(endpoints, record, address));
        let key = ClassKey {
            holders,
            address: covering(ranges, bits),
            subject: workload.map_or(NONE, |(_, record)| record.subject),
            flags,
            slow,
        };
        let class = number(&mut keys, key);
        let [of_v4, of_v6] = &mut single;
        if flags == 0 { of_v4 } else { of_v6 }.push((bits, class));
        if place != Place::Outside || node != NONE {
            occupied.push((address, Occupant { place, node }));
        }
        if let Some((endpoint, _)) = workload {
            endpoints.set_class(endpoint, address, class);
        }
    }
    let outside = |keys: &mut Numbered<ClassKey>, range: &Range, flags| {
        let key = ClassKey { holders: Parts::EMPTY, address: range.part, subject: NONE, flags, slow: false };
        (range.first, number(keys, key))
    };
    let [single_v4, single_v6] = single;
    let runs_v4: Vec<_> = v4.iter().map(|range| outside(&mut keys, range, 0)).collect();
    let runs_v6: Vec<_> = v6.iter().map(|range| outside(&mut keys, range, Class::V6)).collect();
    let narrow = |(first, class): (u128, u32)| Some((u32::try_from(first).ok()?, class));
    let runs: Vec<(u32, u32)> =
        merged(&runs_v4, &single_v4, u128::from(u32::MAX)).into_iter().filter_map(narrow).collect();
    let addresses = Addresses {
        v4: Trie::new(&runs),
        v6: merged(&runs_v6, &single_v6, u128::MAX),
        classes: keys.iter().map(|key| ClassParts { holders: key.holders, address: key.address }).collect(),
        occupied,
    };
    (addresses, keys)
}

/// Whether an address does not tell all that matters of its endpoint: it has another one of the family, or its node has
/// a host endpoint that may have a say.
fn is_slow(endpoints: &Endpoints, record: &EndpointRecord, address: IpAddr) -> bool {
    let of_family =
        endpoints.addresses_of(record).iter().filter(|known| known.is_ipv4() == address.is_ipv4());
    let node = endpoints.nodes.get(record.node);
    let hosts = node.map_or(&[][..], |node| endpoints.hosts.slice(node.hosts));
    let mut lists = hosts.iter().filter_map(|host| endpoints.get(*host)).flat_map(|host| {
        let lists = endpoints
            .subjects
            .get(host.subject)
            .map_or(&[][..], |subject| endpoints.lists.slice(subject.lists));
        // The normal phase, which comes first, is for the host's own traffic.
        lists.iter().skip(LISTS_OF_A_PHASE)
    });
    of_family.count() > 1 || lists.any(|list| *list != NONE)
}

/// For each direction and scope.
const LISTS_OF_A_PHASE: usize = 4;

/// Runs of addresses in which single ones have classes of their own.
fn merged(runs: &[(u128, u32)], single: &[(u128, u32)], last: u128) -> Vec<(u128, u32)> {
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
        if *address < last {
            push(address + 1, current);
        }
    }
    runs.for_each(|(first, run)| push(first, run));
    all
}

fn place_of(endpoint: u32, record: &EndpointRecord) -> Place {
    match record {
        EndpointRecord { is_host: false, .. } => Place::Workload { endpoint },
        EndpointRecord { node: NONE, .. } => Place::Outside,
        EndpointRecord { node, .. } => Place::Host { node: *node },
    }
}
