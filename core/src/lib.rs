//! Network policy, evaluated exactly.
//!
//! tierwall answers one question: may this flow pass, and why? It reads every policy dialect of the field (Kubernetes
//! NetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy, ClusterNetworkPolicy, and all of Calico's v3 policy),
//! mixed in one cluster, and names the rule behind every verdict, with its file and line.
//!
#![cfg_attr(feature = "yaml", doc = "```")]
#![cfg_attr(not(feature = "yaml"), doc = "```ignore")]
//! use tierwall::{cluster::Cluster, explain::explain, manifest::{LoadOptions, Source, load}, model::*};
//!
//! let mut cluster = Cluster::new();
//! let pods = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, status: {podIP: 10.0.0.1}}
//! ---
//! {apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop}, status: {podIP: 10.0.0.2}}";
//! let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed, namespace: shop}, spec: {}}";
//! load(&mut cluster, &[Source::new("pods.yaml", pods), Source::new("policy.yaml", policy)], &LoadOptions::default())?;
//!
//! let flow = Flow::new(cluster.side(&"shop/web".parse()?)?, cluster.side(&"shop/db".parse()?)?, Protocol::TCP).with_ports(0, 5432);
//! let trace = explain(&cluster, &flow, &FlowContext::default());
//! assert_eq!(trace.enforced.action, Action::Deny);
//! assert!(trace.to_string().contains("KubernetesNetworkPolicy shop/closed at policy.yaml:1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The way of a policy, and of a packet
//!
//! * [`resource`]: API objects of every kind, as a client sends them: built in code, or read with serde.
//! * [`manifest`]: YAML and JSON text to resources; every problem of a load at once, with its place and its repair.
//! * [`lower`]: resources to one normal form, in [`model`], validating on the way. Past it an invalid policy cannot be
//!   expressed, and no code asks which dialect a rule was.
//! * [`cluster`]: the world, written in transactions.
//! * [`reference`](mod@reference): the verdict of a flow, written to be read beside the specification.
//! * [`explain`](mod@explain): the same verdict with its whole story, as data and as text.
//! * [`Snapshot`]: the cluster compiled to tables that answer alike, in tens to hundreds of nanoseconds, one flow or a
//!   batch at a time; [`Engine`] holds the one in force. What a snapshot itself tells of its verdicts, by ids alone, is
//!   in [`explanation`](mod@explanation).
//!
//! [`view`] shows what a snapshot is made of to those who build other machines' memory from it, a kernel's maps for one.
//!
//! Labels are matched by [`selector`]; where implementations of the same API differ, [`dialect`] says which reading is
//! meant; [`limits`] bounds what is read.
//!
//! # Features
//!
//! * `yaml` (default): [`manifest`]. Implies `serde`.
//! * `serde`: resources, diagnostics and traces serialize and deserialize.
//!
//! Without features, clusters and policies are built in code; see `examples/in_code.rs`.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod cluster;
mod compile;
mod compiler;
pub mod diagnostic;
pub mod dialect;
mod engine;
mod evaluate;
pub mod explain;
pub mod explanation;
pub mod limits;
pub mod lower;
#[cfg(feature = "yaml")]
pub mod manifest;
pub mod model;
pub mod reference;
pub mod resource;
pub mod selector;
mod snapshot;
mod stats;
mod tables;
pub mod view;

pub use compile::CompileOptions;
pub use compiler::{Compiler, Update, Whole};
pub use engine::{Engine, Reader};
pub use explanation::Explanation;
pub use model::Judged;
pub use snapshot::{Snapshot, SnapshotError};
pub use stats::Stats;
