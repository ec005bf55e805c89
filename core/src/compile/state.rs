//! Everything that was compiled, kept from one change of the cluster to the next.

use super::CompileOptions;
use super::addresses::{Classes, Classifier, Others};
use super::endpoints::EndpointCompiler;
use super::footprint;
use super::holders::Holders;
use super::inventory::Nodes;
use super::lists::Subjects;
use super::order::Order;
use super::parts::PartTable;
use super::program::{Builder, Form, Shared, Source};
use super::ranges::{self, Range};
use super::routes;
use super::rules::Spoken;
use crate::cluster::{Cluster, Scope};
use crate::model::{Name, NetworkSetKey};
use crate::tables::{Endpoints, Parts, Policies, Tables, count, index};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tables of a cluster, and what they were made of.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) options: CompileOptions,
    pub(crate) tables: Tables,
    pub(super) nodes: Nodes,
    pub(super) spoken: Spoken,
    pub(super) order: Order,
    pub(super) holders: Holders,
    pub(super) subjects: Subjects,
    pub(super) parts: PartTable,
    pub(super) ranges: [Vec<Range>; 2],
    pub(super) others: Others,
    pub(super) classes: Classes,
    pub(super) shared: Shared,
    pub(super) enforced: Form,
    pub(super) pending: Option<Form>,
    /// The network sets that name domains.
    pub(super) with_domains: BTreeSet<NetworkSetKey>,
}

impl State {
    /// Compiles all of a cluster.
    pub(crate) fn new(cluster: &Cluster, options: &CompileOptions) -> Self {
        let nodes = Nodes::new(cluster);
        let mut policies = Policies::default();
        let mut spoken = Spoken::new(count(nodes.views().count()));
        let order = Order::compile(cluster, &mut spoken, &mut policies);
        declare_identities(cluster, &mut policies);

        let vocabulary = &spoken.vocabulary;
        let mut holders = Holders::new(cluster, vocabulary);
        let mut subjects = Subjects::new(&order, &holders);
        let (mut parts, mut endpoints) = (Parts::default(), Endpoints::default());
        let mut table = PartTable::new(&mut parts);
        let ranges = ranges::ranges(cluster, vocabulary, &holders, &nodes, &mut table, &mut parts);
        let mut compiler = EndpointCompiler {
            cluster,
            vocabulary,
            order: &order,
            nodes: &nodes,
            holders: &mut holders,
            subjects: &mut subjects,
            table: &mut table,
            parts: &mut parts,
            endpoints: &mut endpoints,
            policies: &mut policies,
            only: options.node.as_ref(),
        };
        compiler.all();
        let others = Others::new(cluster, &nodes);
        let mut classes = Classes::with_room(index(holders.len()));
        let classifier = Classifier {
            cluster,
            endpoints: &mut endpoints,
            table: &mut table,
            parts: &mut parts,
            classes: &mut classes,
            others: &others,
            ranges: &ranges,
        };
        let addresses = classifier.all();
        let source = Source {
            options,
            dialect: cluster.dialect(),
            order: &order,
            policies: &policies,
            parts: &parts,
            endpoints: &endpoints,
            keys: &classes.keys,
            one_view: nodes.views().count() == 1,
        };
        let mut shared = Shared::new(source);
        let slow_rules = shared.slow_rules(0..count(policies.rules.len()));
        let mut builder = Builder::new(source, &mut shared);
        let (enforced, enforced_program) = Form::build(&mut builder, Scope::Enforced);
        let pending = order.staged.then(|| Form::build(&mut builder, Scope::Pending));
        let (pending, pending_program) = pending.unzip();
        let tables = Tables {
            generation: cluster.generation(),
            dialect: cluster.dialect().clone().into(),
            only_node: nodes.only(options.node.as_ref()),
            addresses,
            parts,
            endpoints,
            policies,
            routes: routes::compile(cluster),
            traffic: shared.atoms().clone(),
            enforced: enforced_program,
            slow_rules,
            pending: pending_program,
        };
        let with_domains = cluster.network_sets().filter(|entry| !entry.set.domains.is_empty());
        State {
            options: options.clone(),
            tables,
            nodes,
            spoken,
            order,
            holders,
            subjects,
            parts: table,
            ranges,
            others,
            classes,
            shared,
            enforced,
            pending,
            with_domains: with_domains.map(|entry| entry.set.key.clone()).collect(),
        }
    }
}

impl State {
    /// What is kept beside the tables, about, in bytes, without names and texts.
    pub(crate) fn bytes(&self) -> usize {
        let forms = std::iter::once(&self.enforced).chain(&self.pending);
        self.order.bytes()
            + self.holders.bytes()
            + self.subjects.bytes()
            + self.parts.bytes()
            + self.ranges.iter().map(|ranges| footprint::records(ranges)).sum::<usize>()
            + self.classes.bytes()
            + self.shared.bytes()
            + forms.map(Form::bytes).sum::<usize>()
    }
}

/// Labels of namespaces and service accounts, which identities are compared with.
pub(super) fn declare_identities(cluster: &Cluster, policies: &mut Policies) {
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
