//! Endpoints and nodes.

use super::hashing::Recent;
use super::holders::{Holders, at_mut};
use super::inventory::Nodes;
use super::lists::Subjects;
use super::order::Order;
use super::parts::PartTable;
use super::vocabulary::Vocabulary;
use crate::cluster::{Cluster, EndpointEntry};
use crate::model::{EndpointKind, HostInterface, Name};
use crate::tables::{
    EndpointRecord, Endpoints, Host, Interface, NONE, NodeRecord, Parts, Policies, Table, index,
};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What endpoints are compiled with.
pub(super) struct EndpointCompiler<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) order: &'a Order,
    pub(super) nodes: &'a Nodes,
    pub(super) holders: &'a mut Holders,
    pub(super) subjects: &'a mut Subjects,
    pub(super) table: &'a mut PartTable,
    pub(super) parts: &'a mut Parts,
    pub(super) endpoints: &'a mut Endpoints,
    pub(super) policies: &'a mut Policies,
    /// The only node whose endpoints are judged.
    pub(super) only: Option<&'a Name>,
}

impl EndpointCompiler<'_> {
    /// The records of all endpoints, and of nodes with their host endpoints.
    pub(super) fn all(&mut self) {
        let mut records: Vec<EndpointRecord> = Vec::with_capacity(self.holders.endpoints());
        let mut last: Vec<Option<Last<'_>>> = vec![None; index(self.holders.len())];
        let mut nodes = Recent::default();
        for entry in self.cluster.endpoints_by_id() {
            let set = self.holders.set_of(entry.id.get());
            let node = entry.endpoint.node.as_ref();
            let node = node.map_or(NONE, |name| nodes.get([name], || self.nodes.number(Some(name))));
            let last = at_mut(&mut last, set);
            let known = last.as_deref().and_then(Option::as_ref).filter(|last| last.is_like(entry));
            let record = self.record(entry, set, node, known.map(|known| known.subject));
            if let Some(last) = last {
                *last = Some(Last::new(entry, record.subject));
            }
            records.resize(index(entry.id.get()), EndpointRecord::ABSENT);
            records.push(record);
        }
        self.endpoints.records = records.into();
        self.endpoints.nodes = node_records(self.cluster, self.nodes, self.endpoints);
    }

    /// The record of an endpoint that came or changed, as it is now.
    pub(super) fn renew(&mut self, entry: &EndpointEntry) -> EndpointRecord {
        let set = self.holders.relabel(entry, self.vocabulary);
        self.subjects.extend(self.order, self.holders);
        self.record(entry, set, self.nodes.number(entry.endpoint.node.as_ref()), None)
    }

    /// The record of an endpoint, of which the subject may be known.
    fn record(&mut self, entry: &EndpointEntry, set: u32, node: u32, subject: Option<u32>) -> EndpointRecord {
        let old = self.endpoints.get(entry.id.get()).copied();
        let (v4, more) = addresses(entry, old, self.endpoints);
        let is_local = self.only.is_none() || entry.endpoint.node.as_ref() == self.only;
        let has_v4 = if v4.is_some() { EndpointRecord::HAS_V4 } else { 0 };
        EndpointRecord {
            part: self.holders.part(self.cluster, entry, set, self.table, self.parts),
            subject: match subject {
                _ if !is_local => EndpointRecord::ELSEWHERE,
                Some(known) => known,
                None => self.subjects.subject(self.order, entry, set, self.endpoints, self.policies),
            },
            node,
            v4: v4.unwrap_or_default(),
            more,
            classes: [NONE; 2],
            flags: flags(entry) | has_v4,
        }
    }
}

/// The last endpoint of a label set, and its subject.
#[derive(Debug, Clone, Copy)]
struct Last<'a> {
    is_host: bool,
    profiles: &'a [Name],
    subject: u32,
}

impl<'a> Last<'a> {
    fn new(entry: &'a EndpointEntry, subject: u32) -> Self {
        Last { is_host: entry.endpoint.is_host(), profiles: &entry.endpoint.profiles, subject }
    }

    /// Whether another endpoint of the label set has the same subject. Most often they have the very same profiles.
    fn is_like(&self, other: &EndpointEntry) -> bool {
        let profiles = &other.endpoint.profiles;
        self.subject != EndpointRecord::ELSEWHERE
            && self.is_host == other.endpoint.is_host()
            && self.profiles.len() == profiles.len()
            && self.profiles.iter().zip(profiles).all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
    }
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

/// The first IPv4 address, and the list of all others: that of the record it had, if it is the same.
fn addresses(
    entry: &EndpointEntry,
    old: Option<EndpointRecord>,
    endpoints: &mut Endpoints,
) -> (Option<u32>, u32) {
    let mut first = None;
    let mut others: SmallVec<[IpAddr; 4]> = SmallVec::new();
    for address in &entry.endpoint.addresses {
        match address {
            IpAddr::V4(v4) if first.is_none() => first = Some(v4.to_bits()),
            _ => others.push(*address),
        }
    }
    if others.is_empty() {
        return (first, NONE);
    }
    let known = |record: EndpointRecord| {
        let same =
            endpoints.more.get(record.more).map(|span| endpoints.addresses.slice(*span)) == Some(&others);
        same.then_some(record.more)
    };
    match old.and_then(known) {
        Some(more) => (first, more),
        None => {
            let span = endpoints.addresses.push(others);
            (first, endpoints.more.push(span))
        }
    }
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
