//! How large a cluster is, in the terms that evaluation depends on.

use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use tierwall::cluster::{Cluster, PolicyEntry};
use tierwall::model::{Direction, Rule};
use tierwall::selector::Selector;

/// Counts of what a cluster holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Endpoints.
    pub endpoints: usize,
    /// Policies.
    pub policies: usize,
    /// Rules of all policies.
    pub rules: usize,
    /// Distinct selectors, of subjects and of peers.
    pub selectors: usize,
    /// The intervals into which the port ranges of all rules cut the numbers of ports.
    pub port_atoms: usize,
    /// Prefixes of all network sets.
    pub prefixes: usize,
}

impl Shape {
    /// Counts what a cluster holds.
    pub fn of(cluster: &Cluster) -> Self {
        let rules = || rules(cluster);
        let subjects = cluster.policies().map(|entry| &entry.policy.subject);
        let peers = rules().flat_map(|rule| [&rule.source.selector, &rule.destination.selector]).flatten();
        let selectors: HashSet<&Selector> = subjects.chain(peers).collect();
        let ranges = rules().flat_map(|rule| &rule.destination.ports.ranges);
        let ends = ranges.flat_map(|range| [Some(range.first()), range.last().checked_add(1)]);
        // An interval begins at 0 and wherever a range begins, or has just ended.
        let starts: BTreeSet<u16> = ends.flatten().chain([0]).collect();
        Shape {
            endpoints: cluster.endpoints().count(),
            policies: cluster.policies().count(),
            rules: rules().count(),
            selectors: selectors.len(),
            port_atoms: starts.len(),
            prefixes: cluster.network_sets().map(|entry| entry.set.nets.len()).sum(),
        }
    }
}

/// The rules of every policy.
pub(crate) fn rules(cluster: &Cluster) -> impl Iterator<Item = &Rule> {
    cluster.policies().flat_map(rules_of)
}

fn rules_of(entry: &PolicyEntry) -> impl Iterator<Item = &Rule> {
    let directions = [Direction::Ingress, Direction::Egress];
    directions.into_iter().filter_map(|direction| entry.policy.rules(direction)).flatten()
}
