//! Fuzz targets: each takes bytes and panics if something is wrong. See the README for how to run them.

pub mod batch_vs_single;
pub mod compiled_vs_reference;
mod draw;
mod edit;
pub mod manifest_load;
pub mod mutate;
pub mod selector_parse;
pub mod snapshot_from_bytes;
pub mod update_vs_rebuild;
mod world;

/// A target: its name, what it does with an input, and inputs to begin with.
pub struct Target {
    pub name: &'static str,
    pub check: fn(&[u8]),
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// About as long as inputs get.
    pub longest: usize,
}

pub const TARGETS: [Target; 6] = [
    Target {
        name: "selector_parse",
        check: selector_parse::check,
        seeds: selector_parse::seeds,
        longest: 300,
    },
    Target {
        name: "manifest_load",
        check: manifest_load::check,
        seeds: manifest_load::seeds,
        longest: 20_000,
    },
    Target {
        name: "compiled_vs_reference",
        check: compiled_vs_reference::check,
        seeds: Vec::new,
        longest: 1_500,
    },
    Target { name: "batch_vs_single", check: batch_vs_single::check, seeds: Vec::new, longest: 1_500 },
    Target { name: "update_vs_rebuild", check: update_vs_rebuild::check, seeds: Vec::new, longest: 2_500 },
    Target {
        name: "snapshot_from_bytes",
        check: snapshot_from_bytes::check,
        seeds: snapshot_from_bytes::seeds,
        longest: 1_000_000,
    },
];
