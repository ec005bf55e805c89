//! Workloads, baselines and measurements of tierwall.
//!
//! ```text
//! cargo run --release -p tierwall-benches -- report [--suite W1,PROD-E] [--manifest PATH] [--json FILE]
//! cargo bench -p tierwall-benches --bench curves -- --quick
//! cargo bench -p tierwall-benches --bench instructions
//! ```
//!
//! * [`workload`]: deterministic clusters and flows.
//! * [`engine`]: what is measured.
//! * [`baseline`]: engines as simple as they come, which everything is compared with.
//! * [`columns`]: the same flows, column by column.
//! * [`measure`]: how long an engine takes, in a loop, one flow after the answer to the last, in batches, in threads.
//! * [`probe`]: what the machine can do.
//! * [`updates`]: how long an edit takes until it is in force, and what readers notice of it.
//! * [`report`]: all of it, as a table and as JSON.
pub mod baseline;
pub mod columns;
pub mod engine;
pub mod measure;
pub mod probe;
pub mod report;
pub mod updates;
pub mod workload;
