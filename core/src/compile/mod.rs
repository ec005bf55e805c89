//! From a cluster to its tables.
//!
//! * `vocabulary`: every predicate and condition that rules speak of, each once.
//! * `rules`: rules as lists of checks.
//! * `lists`: which rules govern whom, in which order.
//! * `labels`: label sets, cut down to what selectors mention, and which of them a selector matches.
//! * `holders`, `ranges`: what holds for endpoints, and for ranges of addresses, as `parts`.
//! * `endpoints`, `addresses`: who there is, and what each address is.
//! * `program`: classes of addresses, and what pairs of them and traffic lead to.
//! * `routes`: where services lead.

mod addresses;
mod endpoints;
mod holders;
mod inventory;
mod labels;
mod lists;
mod options;
mod parts;
mod program;
mod ranges;
mod routes;
mod rules;
mod vocabulary;

pub use options::CompileOptions;

use crate::cluster::{Cluster, Scope};
use crate::model::Name;
use crate::tables::{Policies, Tables, count};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A set that numbers its members in the order of their arrival.
type Numbered<T> = indexmap::IndexSet<T, ahash::RandomState>;

/// The number of a member, which is added if it is new.
fn number<T: std::hash::Hash + Eq>(set: &mut Numbered<T>, member: T) -> u32 {
    count(set.insert_full(member).0)
}

/// Compiles all of a cluster.
pub(crate) fn compile(cluster: &Cluster, options: &CompileOptions) -> Tables {
    let nodes = inventory::Nodes::new(cluster);
    let mut rules = rules::RuleCompiler::new(cluster, count(nodes.views().count()));
    let order = lists::Order::compile(cluster, &mut rules);
    let rules::RuleCompiler { vocabulary, mut policies, .. } = rules;
    declare_identities(cluster, &mut policies);

    let mut holders = holders::Holders::new(cluster, &vocabulary);
    let mut subjects = lists::Subjects::new(&order, &holders);
    let mut parts = parts::PartTable::new();
    let ranges = ranges::ranges(cluster, &vocabulary, &holders, &nodes, &mut parts);
    let mut endpoints = endpoints::compile(
        cluster,
        &mut holders,
        &mut subjects,
        &nodes,
        &mut parts,
        &mut policies,
        options.node.as_ref(),
    );
    let (addresses, keys) = addresses::addresses(cluster, &mut endpoints, &nodes, &ranges, &mut parts);
    let parts = parts.finish();
    let keys: Vec<program::ClassKey> = keys.into_iter().collect();
    let mut builder = program::Builder::new(program::Source {
        options,
        dialect: cluster.dialect(),
        policies: &policies,
        parts: &parts,
        endpoints: &endpoints,
        keys: &keys,
        cluster_wide: &order.cluster_wide,
        one_view: nodes.views().count() == 1,
    });
    let enforced = builder.program(Scope::Enforced);
    let pending = order.staged.then(|| builder.program(Scope::Pending));
    let (traffic, slow_rules) = builder.finish();
    Tables {
        generation: cluster.generation(),
        dialect: cluster.dialect().clone().into(),
        only_node: nodes.only(options.node.as_ref()),
        addresses,
        parts,
        endpoints,
        policies,
        routes: routes::compile(cluster),
        traffic,
        enforced,
        slow_rules,
        pending,
    }
}

/// Labels of namespaces and service accounts, which identities are compared with.
fn declare_identities(cluster: &Cluster, policies: &mut Policies) {
    if policies.identities.len() == 0 {
        return;
    }
    let namespaces = cluster.namespaces().map(|(name, labels)| (name.clone(), labels.clone()));
    policies.namespaces = Arc::new(namespaces.collect());
    let mut accounts: BTreeMap<Name, BTreeMap<Name, BTreeMap<Name, Name>>> = BTreeMap::new();
    for ((namespace, name), labels) in cluster.service_accounts() {
        accounts.entry(namespace.clone()).or_default().insert(name.clone(), labels.clone());
    }
    policies.service_accounts = accounts.into();
}
