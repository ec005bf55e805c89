//! How long an engine takes for a flow.

use crate::engine::Engine;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tierwall::model::Flow;

/// The fastest, the middle and the slowest of several passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The fastest pass.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The slowest one.
    pub max: f64,
}

impl Spread {
    /// Of one number for each pass; of nothing, zeros.
    pub fn of(passes: impl IntoIterator<Item = f64>) -> Self {
        let mut passes: Vec<f64> = passes.into_iter().collect();
        passes.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| passes.get(index).copied().unwrap_or_default();
        Spread { min: at(0), median: at(passes.len() / 2), max: at(passes.len().saturating_sub(1)) }
    }
}

/// How measurements are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Passes over the same flows.
    pub passes: usize,
    /// A pass takes as many of the flows as the engine judges in about this time.
    pub pass_time: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Plan { passes: 9, pass_time: Duration::from_millis(300) }
    }
}

/// Nanoseconds for a flow, judging one after the other. A pass over fewer flows first tells how many to take, and warms
/// the caches.
pub fn ns_per_flow(engine: &impl Engine, flows: &[Flow], plan: Plan) -> Spread {
    let flows = flows.get(..affordable(engine, flows, plan.pass_time)).unwrap_or(flows);
    let count = flows.len().max(1) as f64;
    Spread::of((0..plan.passes).map(|_| pass(engine, flows).as_secs_f64() * 1e9 / count))
}

/// How many of the flows can be judged in `time`, found by doubling.
fn affordable(engine: &impl Engine, flows: &[Flow], time: Duration) -> usize {
    let mut count = 1;
    while count < flows.len() {
        let tried = flows.get(..count).unwrap_or(flows);
        if pass(engine, tried) * 2 > time {
            return count;
        }
        count *= 2;
    }
    flows.len()
}

fn pass(engine: &impl Engine, flows: &[Flow]) -> Duration {
    let start = Instant::now();
    let mut sum = 0_u64;
    for flow in flows {
        sum = sum.wrapping_add(engine.evaluate(flow).fingerprint());
    }
    black_box(sum);
    start.elapsed()
}

/// Runs `work`; its result, and the milliseconds it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Answer;
    use std::cell::Cell;
    use tierwall::model::Verdict;

    #[test]
    fn the_spread_sorts_passes() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(spread, Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(Spread::of([]), Spread { min: 0.0, median: 0.0, max: 0.0 });
    }

    #[test]
    fn every_pass_judges_every_flow() {
        let judged = Cell::new(0);
        let engine = |_: &Flow| {
            judged.set(judged.get() + 1);
            Answer::from(Verdict::default())
        };
        let flow = Flow::new(
            std::net::IpAddr::from([10, 0, 0, 1]),
            std::net::IpAddr::from([10, 0, 0, 2]),
            tierwall::model::Protocol::TCP,
        );
        let plan = Plan { passes: 9, pass_time: Duration::MAX };
        // Passes over 1, 2 and 4 flows find that all 5 are affordable.
        ns_per_flow(&engine, &[flow; 5], plan);
        assert_eq!(judged.get(), 1 + 2 + 4 + 9 * 5);
    }
}
