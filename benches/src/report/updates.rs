//! How long edits take until they are in force, as numbers and as a table.

use super::agreement::Agreement;
use crate::measure::Plan;
use crate::updates::{
    Deltas, Editor, Follower, KINDS, Kind, Readers, UpdateTimes, measure_kind, measure_readers,
};
use serde::{Serialize, Serializer};
use std::fmt;
use tierwall::Snapshot;
use tierwall::cluster::Cluster;
use tierwall::model::Flow;

const SEED: u64 = 11;
/// A kind of edits takes as long as so many passes at most.
const PASSES: u32 = 32;
/// Flows on which the snapshot is compared with a fresh one after all edits.
const COMPARED: usize = 20_000;

/// Edits of a cluster in force, and what a reader notices of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Updates {
    /// What the writer keeps beside the tables, in bytes, as an estimate that leaves out names.
    pub writer_bytes: usize,
    /// The times by kind, of the kinds that the cluster has something for.
    #[serde(serialize_with = "by_kind")]
    pub updates: Vec<UpdateTimes>,
    /// A reader beside a writer of the first of these kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readers: Option<Readers>,
}

fn by_kind<S: Serializer>(updates: &[UpdateTimes], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(updates.iter().map(|times| (times.id, times)))
}

impl Updates {
    /// Edits a cluster, which is another one after that. The answers after all edits are compared with those of a fresh
    /// compilation.
    pub(super) fn measure(
        cluster: &mut Cluster,
        flows: &[Flow],
        plan: Plan,
        agreement: &mut Agreement,
    ) -> Self {
        let mut editor = Editor::new(cluster, SEED);
        let readers = Self::readers(cluster, &mut editor, flows, plan);
        let mut follower = Follower::new(cluster);
        let writer_bytes = follower.writer_bytes();
        let limit = plan.pass_time.saturating_mul(PASSES);
        let mut measure = |kind| measure_kind(&mut follower, &mut editor, kind, limit);
        let updates: Vec<UpdateTimes> = KINDS.iter().filter_map(&mut measure).collect();
        if let Some(updated) = follower.snapshot() {
            let fresh = Snapshot::compile(follower.cluster());
            let flows = flows.get(..COMPARED).unwrap_or(flows);
            agreement.compare_snapshots("a fresh compilation after all edits", &updated, &fresh, flows);
        }
        Updates { writer_bytes, updates, readers }
    }

    /// First of all, so that the reader meets the cluster as others measure it.
    fn readers(cluster: &mut Cluster, editor: &mut Editor, flows: &[Flow], plan: Plan) -> Option<Readers> {
        let mut follower = Follower::new(cluster);
        let mut can_be = |kind: &&Kind| {
            let edit = (kind.draw)(editor, follower.cluster());
            edit.map(|edit| follower.follow(edit)).is_some()
        };
        let kind = KINDS.iter().find(&mut can_be)?;
        Some(measure_readers(&mut follower, editor, kind, flows, plan))
    }
}

impl fmt::Display for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = ["p50", "p90", "p99", "max", "commit", "update"];
        write!(f, "  {:<30}", "us until an edit is in force")?;
        titles.iter().try_for_each(|title| write!(f, "{title:>12}"))?;
        writeln!(f, "{:>8}{:>8}{:>12}{:>8}{:>8}{:>8}", "edits", "whole", "delta", "writes", "live", "whole")?;
        for times in &self.updates {
            write!(f, "  {:<30}", times.title)?;
            let UpdateTimes { p50_us, p90_us, p99_us, max_us, commit_us, update_us, .. } = times;
            let numbers = [p50_us, p90_us, p99_us, max_us, commit_us, update_us];
            numbers.iter().try_for_each(|number| write!(f, "{number:>12.1}"))?;
            write!(f, "{:>8}{:>8}", times.count, times.whole)?;
            let Deltas { p50_us, writes, count, live, whole } = times.delta;
            let percent = |part: usize| format!("{} %", (part * 100).checked_div(count).unwrap_or(0));
            writeln!(f, "{p50_us:>12.1}{writes:>8}{:>8}{:>8}", percent(live), percent(whole))?;
        }
        writeln!(f, "  the writer keeps {} bytes beside the tables", self.writer_bytes)?;
        let Some(readers) = &self.readers else { return Ok(()) };
        writeln!(
            f,
            "  a reader: {:.1} ns for a flow; {:.1} at {:.0} commits/s; {:.1} at {:.0} commits/s",
            readers.idle_ns,
            readers.steady_ns,
            readers.steady_commits_per_s,
            readers.full_ns,
            readers.full_commits_per_s
        )
    }
}
