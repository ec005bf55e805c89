//! How long a cluster in force takes to follow an edit, and what its readers notice of it.

mod deltas;
mod edits;
mod follower;
mod policies;
mod readers;

pub use deltas::Deltas;
pub use edits::{Edit, Editor, KINDS, Kind};
pub use follower::{Follower, Times};
pub use readers::{Readers, measure_readers};

use std::time::{Duration, Instant};

/// Edits of a kind at most.
const EDITS: usize = 1_000;

/// How long edits of one kind took until they were in force, in microseconds.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct UpdateTimes {
    /// The kind, as a word.
    #[serde(skip)]
    pub id: &'static str,
    /// The same for people.
    #[serde(skip)]
    pub title: &'static str,
    /// Half of them took no longer, from the beginning of the transaction to the publication.
    pub p50_us: f64,
    /// Nine tenths.
    pub p90_us: f64,
    /// All but a hundredth.
    pub p99_us: f64,
    /// None.
    pub max_us: f64,
    /// The median of the transactions alone.
    pub commit_us: f64,
    /// The median of [`Compiler::update`](tierwall::Compiler::update) alone.
    pub update_us: f64,
    /// How many there were.
    pub count: usize,
    /// How many of them led to a compilation of everything.
    pub whole: usize,
    /// What a backend has to do for such edits.
    pub delta: Deltas,
}

/// Makes edits of a kind, one after the other, until there are many or the time is over. `None` if the cluster has nothing
/// that such an edit could change.
pub fn measure_kind(
    follower: &mut Follower<'_>,
    editor: &mut Editor,
    kind: &Kind,
    limit: Duration,
) -> Option<UpdateTimes> {
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < EDITS && (times.is_empty() || start.elapsed() < limit) {
        let Some(edit) = (kind.draw)(editor, follower.cluster()) else { break };
        times.push(follower.follow(edit));
    }
    if times.is_empty() {
        return None;
    }
    let delta = deltas::measure_deltas(follower, editor, kind, limit / 4);
    Some(UpdateTimes::of(kind, &times, delta))
}

impl UpdateTimes {
    fn of(kind: &Kind, times: &[Times], delta: Deltas) -> Self {
        let sorted = |part: fn(&Times) -> Duration| {
            let mut sorted: Vec<f64> = times.iter().map(|time| part(time).as_secs_f64() * 1e6).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        let all = sorted(|time| time.all);
        UpdateTimes {
            id: kind.id,
            title: kind.title,
            p50_us: percentile(&all, 50),
            p90_us: percentile(&all, 90),
            p99_us: percentile(&all, 99),
            max_us: percentile(&all, 100),
            commit_us: percentile(&sorted(|time| time.commit), 50),
            update_us: percentile(&sorted(|time| time.update), 50),
            count: times.len(),
            whole: times.iter().filter(|time| time.whole).count(),
            delta,
        }
    }
}

/// The least of the sorted numbers that so many of a hundred do not exceed; of nothing, zero.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{S, load};
    use tierwall::Snapshot;

    #[test]
    fn percentiles_are_of_those_that_were_measured() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!([50, 99, 100].map(|percent| percentile(&sorted, percent)), [100.0, 198.0, 200.0]);
        assert_eq!((percentile(&[7.0], 50), percentile(&[], 50)), (7.0, 0.0));
    }

    #[test]
    fn every_kind_that_there_can_be_changes_something() {
        let mut cluster = load(S.workload().objects);
        let mut editor = Editor::new(&cluster, 1);
        let mut follower = Follower::new(&mut cluster);
        let mut measured = Vec::new();
        for kind in KINDS {
            let before = follower.cluster().generation();
            let times = measure_kind(&mut follower, &mut editor, kind, Duration::from_millis(20));
            measured.extend(times.map(|times| {
                assert!(times.count > 0 && times.p50_us > 0.0 && times.max_us >= times.p99_us);
                assert!(follower.cluster().generation() > before);
                let Deltas { count, live, whole, .. } = times.delta;
                assert!(count > 0 && live + whole <= count, "{:?}", times.delta);
                times.id
            }));
        }
        // No rule and no network set of the suite has a domain name.
        assert_eq!(measured.len(), KINDS.len() - 1, "{measured:?}");
        let updated = follower.snapshot().unwrap();
        assert_eq!(updated.generation(), Snapshot::compile(follower.cluster()).generation());
    }

    #[test]
    fn an_edit_is_a_change() {
        let mut cluster = load(S.workload().objects);
        let mut editor = Editor::new(&cluster, 1);
        cluster.take_changes();
        for kind in KINDS {
            for _ in 0..20 {
                let Some(edit) = (kind.draw)(&mut editor, &cluster) else { break };
                edit.apply(&mut cluster);
                assert!(!cluster.take_changes().is_empty(), "{}", kind.id);
            }
        }
    }
}
