//! Nodes, by name and by address.

use super::Cluster;
use super::index::Index;
use crate::model::{Name, Node};
use std::collections::BTreeMap;
use std::net::IpAddr;

#[derive(Debug, Clone, Default)]
pub(super) struct Nodes {
    by_name: BTreeMap<Name, Node>,
    by_address: Index<IpAddr, Name>,
}

impl Nodes {
    /// Inserts or replaces a node. False if it is there already.
    pub(super) fn put(&mut self, node: Node) -> bool {
        if self.by_name.get(&node.name) == Some(&node) {
            return false;
        }
        self.remove(&node.name);
        for address in &node.addresses {
            self.by_address.insert(address, node.name.clone());
        }
        self.by_name.insert(node.name.clone(), node);
        true
    }

    /// True if it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let Some(old) = self.by_name.remove(name) else { return false };
        for address in &old.addresses {
            self.by_address.remove(address, &old.name);
        }
        true
    }
}

impl Cluster {
    /// Every node, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.by_name.values()
    }

    /// The node of a name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.by_name.get(name)
    }

    /// The nodes that hold an address, by name.
    pub fn nodes_at(&self, address: IpAddr) -> impl Iterator<Item = &Node> {
        self.nodes.by_address.get(&address).filter_map(|name| self.node(name))
    }
}
