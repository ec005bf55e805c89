//! Workloads, baselines and measurements of tierwall.
//!
//! ```text
//! cargo run --release -p tierwall-benches -- report [--suite W1] [--json FILE]
//! ```
//!
//! * [`workload`]: deterministic clusters and flows.
pub mod baseline;
pub mod engine;
pub mod measure;
pub mod probe;
pub mod report;
pub mod workload;
