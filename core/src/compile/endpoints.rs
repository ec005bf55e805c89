//! Endpoints, their addresses, and nodes.

use super::holders::Holders;
use super::inventory::Nodes;
use super::lists::Subjects;
use super::parts::PartTable;
use crate::cluster::{Cluster, EndpointEntry};
use crate::model::{EndpointKind, HostInterface, Name};
use crate::tables::{
    AddressClass, Addresses, EndpointRecord, Endpoints, Interface, NONE, NodeRecord, Parts, Place, Policies,
    Table, index,
};
use std::collections::BTreeMap;
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

/// What holds at each address that an endpoint or a node has.
pub(super) fn addresses(
    cluster: &Cluster,
    endpoints: &Endpoints,
    nodes: &Nodes,
    ranges: [Vec<crate::tables::Range>; 2],
    parts: &mut PartTable,
) -> Addresses {
    let [v4, v6] = ranges;
    let mut addresses = Addresses { exact: Vec::new(), v4, v6 };
    let held = cluster.endpoints().flat_map(|entry| &entry.endpoint.addresses);
    let mut all: Vec<IpAddr> =
        held.chain(cluster.nodes().flat_map(|node| &node.addresses)).copied().collect();
    all.sort_unstable();
    all.dedup();
    let mut node_of: BTreeMap<IpAddr, u32> = BTreeMap::new();
    for node in cluster.nodes() {
        for address in &node.addresses {
            node_of.entry(*address).or_insert_with(|| nodes.number(Some(&node.name)));
        }
    }
    let mut exact = Vec::with_capacity(all.len());
    for address in all {
        let node = node_of.get(&address).copied().unwrap_or(NONE);
        let (mut holders, mut place) = (Parts::EMPTY, None);
        for entry in cluster.endpoints_at(address) {
            let Some(record) = endpoints.get(entry.id.get()) else { continue };
            holders = parts.union(holders, record.part);
            place = place.or(Some(place_of(entry.id.get(), record)));
        }
        let host = if node == NONE { Place::Outside } else { Place::Host { node } };
        let class = AddressClass {
            place: place.unwrap_or(host),
            holders,
            address: addresses.covering(address),
            node,
        };
        exact.push((address, class));
    }
    addresses.exact = exact;
    addresses
}

fn place_of(endpoint: u32, record: &EndpointRecord) -> Place {
    match record {
        EndpointRecord { is_host: false, .. } => Place::Workload { endpoint },
        EndpointRecord { node: NONE, .. } => Place::Outside,
        EndpointRecord { node, .. } => Place::Host { node: *node },
    }
}
