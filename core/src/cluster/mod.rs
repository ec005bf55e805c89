//! The mutable world: what exists, what governs it, and what is known of it.
//!
//! A [`Cluster`] is written by one owner, in transactions that apply whole or not at all, and read through `&self`. It
//! holds the normal form only; text and API objects are gone by the time something is in it.
//!
//! A transaction costs what it changes, not what is there: the effective labels of the endpoints it puts and of those whose
//! profile it relabels, and the logarithm of the rest. [`Cluster::take_changes`] says what that was.

mod applied;
mod changes;
mod check;
mod dns;
mod endpoints;
mod index;
mod lookup;
mod network_sets;
mod nodes;
mod order;
mod policies;
mod services;
mod settle;
mod transaction;

pub use applied::{AppliedPolicy, AppliedTier, Phase, Scope};
pub use changes::Changes;
pub use dns::DnsAnswer;
pub use endpoints::EndpointEntry;
pub use lookup::{EndRef, InvalidEnd, UnknownEnd};
pub use network_sets::NetworkSetEntry;
pub use policies::{PolicyEntry, ProfileEntry, RuleInfo, RuleOwner, RulePosition};
pub use services::{Backend, ServiceRoute};
pub use transaction::{Invalid, Transaction};

use crate::dialect::Dialect;
use crate::lower::Lowered;
use crate::model::{EndpointId, Name, NetworkSetKey};
use crate::resource::{Resource, ResourceKey};
use crate::selector::Selector;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// The world that flows are judged in.
///
/// ```
/// use tierwall::cluster::Cluster;
/// let cluster = Cluster::new();
/// assert_eq!(cluster.endpoints().count(), 0);
/// ```
#[derive(Debug, Clone)]
pub struct Cluster {
    dialect: Dialect,
    generation: u32,
    now: Duration,
    namespaces: BTreeMap<Name, BTreeMap<Name, Name>>,
    service_accounts: BTreeMap<(Name, Name), BTreeMap<Name, Name>>,
    nodes: nodes::Nodes,
    network_sets: network_sets::NetworkSets,
    endpoints: endpoints::Endpoints,
    host_pods: BTreeMap<(Name, Name), HostPod>,
    policies: policies::Policies,
    services: services::Services,
    dns: dns::DnsTable,
    log: changes::Log,
}

/// A pod in the network of its node: its node, to everything but those who ask for it by name.
#[derive(Debug, Clone)]
struct HostPod {
    node: Option<Name>,
    addresses: Vec<IpAddr>,
}

impl Cluster {
    /// An empty cluster that reads the specifications as documented.
    pub fn new() -> Self {
        Cluster::default()
    }

    /// An empty cluster with chosen readings.
    pub fn with_dialect(dialect: Dialect) -> Self {
        let mut cluster = Cluster {
            dialect,
            generation: 0,
            now: Duration::ZERO,
            namespaces: BTreeMap::new(),
            service_accounts: BTreeMap::new(),
            nodes: nodes::Nodes::default(),
            network_sets: network_sets::NetworkSets::default(),
            endpoints: endpoints::Endpoints::default(),
            host_pods: BTreeMap::new(),
            policies: policies::Policies::default(),
            services: services::Services::default(),
            dns: dns::DnsTable::default(),
            log: changes::Log::default(),
        };
        cluster.prepare();
        cluster
    }

    /// The readings in force.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// How many transactions have been applied, wrapping.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Begins a transaction.
    pub fn transaction(&mut self) -> Transaction<'_> {
        Transaction::new(self)
    }

    /// Inserts or replaces one API object, as a transaction of its own. Warnings about it are returned.
    ///
    /// # Errors
    /// If the object is not valid; the cluster is then as it was.
    pub fn upsert(
        &mut self,
        resource: impl Into<Resource>,
    ) -> Result<Vec<crate::diagnostic::Diagnostic>, Invalid> {
        let mut transaction = self.transaction();
        let warnings = transaction.upsert(&resource.into())?;
        transaction.commit();
        Ok(warnings)
    }

    /// Inserts or replaces one object of the normal form, as a transaction of its own.
    pub fn put(&mut self, object: impl Into<Lowered>) {
        let mut transaction = self.transaction();
        transaction.put(object);
        transaction.commit();
    }

    /// Removes an object, as a transaction of its own. True if it was there.
    pub fn remove(&mut self, key: &ResourceKey) -> bool {
        let mut transaction = self.transaction();
        let existed = transaction.remove(key);
        transaction.commit();
        existed
    }

    /// The endpoint of an id; `None` if it was removed.
    pub fn endpoint(&self, id: EndpointId) -> Option<&EndpointEntry> {
        self.endpoints.get(id)
    }

    /// Every endpoint, by key.
    pub fn endpoints(&self) -> impl Iterator<Item = &EndpointEntry> {
        self.endpoints.iter()
    }

    /// Every endpoint, by id.
    pub(crate) fn endpoints_by_id(&self) -> impl Iterator<Item = &EndpointEntry> {
        self.endpoints.by_id()
    }

    /// Every host endpoint, by name.
    pub fn host_endpoints(&self) -> impl Iterator<Item = &EndpointEntry> {
        self.endpoints.hosts()
    }

    /// The host endpoints of a node, by name.
    pub fn host_endpoints_of(&self, node: &str) -> impl Iterator<Item = &EndpointEntry> {
        self.endpoints.hosts_of(node)
    }

    /// The endpoints that hold an address, by key.
    pub fn endpoints_at(&self, address: IpAddr) -> impl Iterator<Item = &EndpointEntry> {
        self.endpoints.at(address)
    }

    /// Every network set, by key.
    pub fn network_sets(&self) -> impl Iterator<Item = &NetworkSetEntry> {
        self.network_sets.iter()
    }

    /// A network set by its key.
    pub(crate) fn network_set(&self, key: &NetworkSetKey) -> Option<&NetworkSetEntry> {
        self.network_sets.get(key)
    }

    /// The endpoints that name a profile.
    pub(crate) fn endpoints_with_profile(&self, profile: &str) -> impl Iterator<Item = EndpointId> {
        self.endpoints.with_profile(profile)
    }

    /// The labels of a declared namespace.
    pub fn namespace(&self, name: &str) -> Option<&BTreeMap<Name, Name>> {
        self.namespaces.get(name)
    }

    /// Every declared namespace, by name.
    pub fn namespaces(&self) -> impl Iterator<Item = (&Name, &BTreeMap<Name, Name>)> {
        self.namespaces.iter()
    }

    /// The labels of a declared service account.
    pub fn service_account(&self, namespace: &str, name: &str) -> Option<&BTreeMap<Name, Name>> {
        self.service_accounts.get(&(namespace.into(), name.into()))
    }

    /// Every declared service account, by namespace and name.
    pub(crate) fn service_accounts(&self) -> impl Iterator<Item = (&(Name, Name), &BTreeMap<Name, Name>)> {
        self.service_accounts.iter()
    }

    /// Every address that a selector picks: of endpoints, and the ranges of network sets; sorted, without duplicates.
    ///
    /// This is what Calico programs as the IP set of a selector (calico.md 3.4). Linear in endpoints and network sets.
    pub fn addresses_of(&self, selector: &Selector) -> Vec<IpNet> {
        let endpoints = self.endpoints().filter(|entry| selector.matches(&entry.labels));
        let sets = self.network_sets().filter(|entry| selector.matches(&entry.labels));
        let mut addresses: Vec<IpNet> = endpoints
            .flat_map(|entry| entry.endpoint.addresses.iter().copied().map(IpNet::from))
            .chain(sets.flat_map(|entry| entry.set.nets.iter().map(IpNet::trunc)))
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}
