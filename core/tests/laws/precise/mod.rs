//! Clusters each made for one thing that a rule may say or an edit may change, and flows at its borders; in every form that
//! the compiled engine has for them.

mod ends;
mod traffic;
mod undecided;
mod updates;

use crate::engines;
use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::dialect::{Dialect, Flavour};
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::model::{Evaluation, Flow, FlowContext, Protocol, Side};
use tierwall::{CompileOptions, Compiler, Snapshot};

/// The same cluster several times, each with a compiler that follows it with other options.
struct World {
    followed: Vec<(Cluster, Compiler, Snapshot)>,
}

/// Policies as lists, as bits, with all that lists have, and left to the complete form.
fn forms() -> Vec<CompileOptions> {
    let [usual, mut bits, mut lists, mut complete] = std::array::from_fn(|_| CompileOptions::default());
    bits.wide_classes = 1;
    (lists.wide_classes, lists.folded_rules, lists.broad_classes) = (u32::MAX, 0, 0);
    complete.table_budget = 0;
    vec![usual, bits, lists, complete]
}

fn enterprise() -> Dialect {
    let mut dialect = Dialect::default();
    dialect.flavour = Flavour::Enterprise;
    dialect
}

impl World {
    fn new(text: &str) -> Self {
        Self::with(Dialect::default(), forms(), |cluster| read(cluster, text))
    }

    fn with(dialect: Dialect, options: Vec<CompileOptions>, make: impl Fn(&mut Cluster)) -> Self {
        let mut cluster = Cluster::with_dialect(dialect);
        make(&mut cluster);
        let follow = |options| {
            let (mut cluster, mut compiler) = (cluster.clone(), Compiler::new(options));
            let snapshot = compiler.update(&mut cluster).snapshot;
            (cluster, compiler, snapshot)
        };
        World { followed: options.into_iter().map(follow).collect() }
    }

    fn edit(&mut self, edit: impl Fn(&mut Cluster)) {
        for (cluster, compiler, snapshot) in &mut self.followed {
            edit(cluster);
            *snapshot = compiler.update(cluster).snapshot;
        }
    }

    fn load(&mut self, text: &str) {
        self.edit(|cluster| read(cluster, text));
    }

    /// What all of them, and the reference, say.
    fn ask(&self, flow: &Flow, context: &FlowContext) -> Evaluation {
        let mut answer = None;
        for (cluster, _, snapshot) in &self.followed {
            let said = engines::evaluate(cluster, snapshot, flow, context);
            answer = Some(said.unwrap_or_else(|difference| panic!("{difference}")));
        }
        answer.unwrap()
    }

    fn allows(&self, flow: &Flow) -> bool {
        self.ask(flow, &FlowContext::default()).enforced.is_allowed()
    }

    /// Which of the pods 10.0.0.`to` a flow of TCP from 10.0.0.`from` may reach.
    fn reached(&self, from: u8, to: impl IntoIterator<Item = u8>, port: u16) -> Vec<u8> {
        to.into_iter().filter(|to| self.allows(&tcp(pod(from), pod(*to), port))).collect()
    }
}

fn read(cluster: &mut Cluster, text: &str) {
    load(cluster, &[Source::new("precise.yaml", text)], &LoadOptions::default()).unwrap();
}

fn tcp(from: impl Into<Side>, to: impl Into<Side>, port: u16) -> Flow {
    Flow::new(from, to, Protocol::TCP).with_ports(40_000, port)
}

fn pod(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The text of a pod 10.0.0.`last` with these labels, and more of its spec.
fn pod_text(last: u8, labels: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p{last}, namespace: shop, labels: {{{labels}}}}}, \
         spec: {{{spec}}}, status: {{podIP: 10.0.0.{last}}}}}\n---\n"
    )
}

/// A port of the name `http`.
fn http_port(port: u16) -> String {
    format!("containers: [{{name: c, ports: [{{name: http, containerPort: {port}}}]}}]")
}

/// The text of a policy of the whole cluster.
fn global(name: &str, order: u32, spec: &str) -> String {
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {{name: {name}}}, \
         spec: {{order: {order}, {spec}}}}}\n---\n"
    )
}

/// The text of a policy of the namespace.
fn local(name: &str, order: u32, spec: &str) -> String {
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {{name: {name}, namespace: shop}}, \
         spec: {{order: {order}, {spec}}}}}\n---\n"
    )
}
