//! Endpoints and nodes.

use super::holders::Holders;
use super::inventory::Nodes;
use super::lists::Subjects;
use super::parts::PartTable;
use crate::cluster::{Cluster, EndpointEntry};
use crate::model::{EndpointKind, HostInterface, Name};
use crate::tables::{EndpointRecord, Endpoints, Host, Interface, NONE, NodeRecord, Policies, Table, index};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The endpoint table: records of endpoints by id, and nodes with their host endpoints.
pub(super) fn compile<'a>(
    cluster: &'a Cluster,
    holders: &mut Holders<'_>,
    subjects: &mut Subjects<'a>,
    nodes: &Nodes,
    parts: &mut PartTable,
    policies: &mut Policies,
    only: Option<&Name>,
) -> Endpoints {
    let mut endpoints = Endpoints::default();
    let mut records: Vec<EndpointRecord> = Vec::new();
    for entry in cluster.endpoints_by_id() {
        let set = holders.set_of(entry);
        let (v4, more) = addresses(entry, &mut endpoints);
        let is_local = only.is_none() || entry.endpoint.node.as_ref() == only;
        let has_v4 = if v4.is_some() { EndpointRecord::HAS_V4 } else { 0 };
        records.resize(index(entry.id.get()), EndpointRecord::ABSENT);
        records.push(EndpointRecord {
            part: holders.part(entry, set, parts),
            subject: if is_local {
                subjects.subject(entry, set, &mut endpoints, policies)
            } else {
                EndpointRecord::ELSEWHERE
            },
            node: nodes.number(entry.endpoint.node.as_ref()),
            v4: v4.unwrap_or_default(),
            more,
            classes: [NONE; 2],
            flags: flags(entry) | has_v4,
        });
    }
    endpoints.records = records.into_iter().collect();
    endpoints.nodes = node_records(cluster, nodes, &mut endpoints);
    endpoints
}

fn flags(entry: &EndpointEntry) -> u32 {
    let endpoint = &entry.endpoint;
    let single = matches!(endpoint.key.kind, EndpointKind::Pod | EndpointKind::WorkloadEndpoint);
    let flag = |holds, flag| if holds { flag } else { 0 };
    EndpointRecord::PRESENT
        | flag(endpoint.is_host(), EndpointRecord::HOST)
        | flag(single, EndpointRecord::SINGLE)
        | flag(endpoint.interface == Some(HostInterface::All), EndpointRecord::WILDCARD)
}

/// The first IPv4 address, and the list of all others.
fn addresses(entry: &EndpointEntry, endpoints: &mut Endpoints) -> (Option<u32>, u32) {
    let mut first = None;
    let mut others: Vec<IpAddr> = Vec::new();
    for address in &entry.endpoint.addresses {
        match address {
            IpAddr::V4(v4) if first.is_none() => first = Some(v4.to_bits()),
            _ => others.push(*address),
        }
    }
    if others.is_empty() {
        return (first, NONE);
    }
    let span = endpoints.addresses.push(others);
    (first, endpoints.more.push(span))
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
    let mut hosts: BTreeMap<u32, Vec<Host>> = BTreeMap::new();
    for entry in cluster.host_endpoints() {
        let host = Host { endpoint: entry.id.get(), interface: interface(entry) };
        hosts.entry(nodes.number(entry.endpoint.node.as_ref())).or_default().push(host);
    }
    let record = |name: &Name| {
        let addresses = cluster.node(name).map(|node| node.addresses.as_slice()).unwrap_or_default();
        NodeRecord {
            addresses: endpoints.addresses.push(addresses.iter().copied()),
            hosts: endpoints.hosts.append(hosts.remove(&nodes.number(Some(name))).unwrap_or_default()),
            view: nodes.view(name),
        }
    };
    nodes.names().map(record).collect()
}
