//! Nodes by number, and the views of the DNS that they have.

use super::Numbered;
use super::hashing::Recent;
use crate::cluster::Cluster;
use crate::model::Name;
use crate::tables::{NONE, count};
use std::collections::BTreeSet;

/// Nodes that are declared, by name, then those that endpoints name besides.
#[derive(Debug)]
pub(super) struct Nodes {
    names: Numbered<Name>,
    /// Nodes that saw answers of their own; view 0 is that of all others.
    views: Numbered<Name>,
}

impl Nodes {
    pub(super) fn new(cluster: &Cluster) -> Self {
        let declared = cluster.nodes().map(|node| &node.name);
        let named = cluster.endpoints_by_id().filter_map(|entry| entry.endpoint.node.as_ref());
        let mut names: Numbered<Name> = Numbered::default();
        let mut recent = Recent::default();
        for name in declared.chain(named) {
            recent.get([name], || {
                if !names.contains(name) {
                    names.insert(name.clone());
                }
            });
        }
        Nodes { names, views: cluster.dns_observers().into_iter().collect() }
    }

    /// A node's number.
    pub(super) fn number(&self, name: Option<&Name>) -> u32 {
        name.and_then(|name| self.names.get_index_of(name)).map_or(NONE, count)
    }

    /// Numbers a node that an endpoint names. False if it has a number.
    pub(super) fn add(&mut self, name: &Name) -> bool {
        self.names.insert(name.clone())
    }

    /// Whether these are the nodes that saw answers of their own.
    pub(super) fn are_observers(&self, names: &BTreeSet<Name>) -> bool {
        self.views.len() == names.len() && names.iter().all(|name| self.views.contains(name))
    }

    /// The number of the node that a compilation is limited to. One that nobody names has a number that nobody has.
    pub(super) fn only(&self, name: Option<&Name>) -> u32 {
        let unknown = count(self.names.len());
        name.map_or(NONE, |name| self.names.get_index_of(name).map_or(unknown, count))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.names.iter()
    }

    /// Which view of the DNS a node has.
    pub(super) fn view(&self, name: &str) -> u32 {
        self.views.get_index_of(name).map_or(0, |position| count(position) + 1)
    }

    /// The views, each by the node that has it.
    pub(super) fn views(&self) -> impl Iterator<Item = Option<&Name>> {
        std::iter::once(None).chain(self.views.iter().map(Some))
    }
}
