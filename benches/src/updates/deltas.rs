//! What it takes a backend to follow an edit.

use super::{Editor, Follower, Kind, percentile};
use std::time::{Duration, Instant};
use tierwall::view::{Delta, delta};

/// Edits whose deltas are taken, at most.
const EDITS: usize = 100;

/// The deltas of edits of one kind.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Deltas {
    /// Half of them were found in no more microseconds.
    pub p50_us: f64,
    /// Half of them have no more writes; of those that have writes.
    pub writes: f64,
    /// How many there were.
    pub count: usize,
    /// How many of them a backend can write while it is read.
    pub live: usize,
    /// How many have no writes: all maps are to be filled anew.
    pub whole: usize,
}

/// Takes the deltas of edits that come after those whose times were measured, so as not to disturb these.
pub(super) fn measure_deltas(
    follower: &mut Follower<'_>,
    editor: &mut Editor,
    kind: &Kind,
    limit: Duration,
) -> Deltas {
    let (mut times, mut writes, mut live) = (Vec::new(), Vec::new(), 0);
    let start = Instant::now();
    while times.len() < EDITS && (times.is_empty() || start.elapsed() < limit) {
        let old = follower.snapshot();
        let Some(edit) = (kind.draw)(editor, follower.cluster()) else { break };
        follower.follow(edit);
        let Some((old, new)) = old.zip(follower.snapshot()) else { break };
        let before = Instant::now();
        let found = delta(&old, &new);
        times.push(before.elapsed().as_secs_f64() * 1e6);
        writes.extend(found.writes().map(|writes| writes.len() as f64));
        live += usize::from(matches!(found, Delta::Live(_)));
    }
    let (count, whole) = (times.len(), times.len() - writes.len());
    times.sort_unstable_by(f64::total_cmp);
    writes.sort_unstable_by(f64::total_cmp);
    Deltas { p50_us: percentile(&times, 50), writes: percentile(&writes, 50), count, live, whole }
}
