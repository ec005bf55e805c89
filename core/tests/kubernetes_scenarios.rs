//! What the specification of Kubernetes policy says by example, executed: its scenarios, its tables of defaults and
//! outcomes, its options, and its vectors of what is valid (`spec/kubernetes.md` 2.2, 2.4, 2.8, 2.9, 5, 10, 11).
#![cfg(feature = "yaml")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a malformed row should fail loudly, and helpers of tests are not tests to the lints"
)]

#[path = "engines/mod.rs"]
mod engines;
#[path = "kubernetes_scenarios/support.rs"]
mod support;

#[path = "kubernetes_scenarios/cluster_policies.rs"]
mod cluster_policies;
#[path = "kubernetes_scenarios/defaults.rs"]
mod defaults;
#[path = "kubernetes_scenarios/network_policies.rs"]
mod network_policies;
#[path = "kubernetes_scenarios/options.rs"]
mod options;
#[path = "kubernetes_scenarios/outcomes.rs"]
mod outcomes;
#[path = "kubernetes_scenarios/validation.rs"]
mod validation;
