//! The conformance scenarios of `spec/calico.md` 13, row by row: what Calico says of a small world.
#![cfg(feature = "yaml")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a malformed row should fail loudly, and helpers of tests are not tests to the lints"
)]

#[path = "calico_scenarios/defaults.rs"]
mod defaults;
#[path = "engines/mod.rs"]
mod engines;
#[path = "calico_scenarios/fixture.rs"]
mod fixture;
#[path = "calico_scenarios/hosts.rs"]
mod hosts;
#[path = "calico_scenarios/peers.rs"]
mod peers;
#[path = "calico_scenarios/ports.rs"]
mod ports;
#[path = "calico_scenarios/selectors.rs"]
mod selectors;
#[path = "calico_scenarios/staged.rs"]
mod staged;
