//! Clusters that are hard on one part of a compiled engine, made from a [`MultiTenant`](super::MultiTenant) one.

mod any_peer;
mod binary_labels;
mod distinct_ports;
mod nested_prefixes;

pub use any_peer::AnyPeer;
pub use binary_labels::BinaryLabels;
pub use distinct_ports::DistinctPorts;
pub use nested_prefixes::NestedPrefixes;

use super::rng::Rng;

/// Random numbers for what is changed about a cluster, which had its own from the same seed.
fn rng(seed: u64) -> Rng {
    Rng::new(!seed)
}
