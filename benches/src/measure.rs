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
        Plan { passes: 9, pass_time: Duration::from_millis(150) }
    }
}

/// Something that judges flows; how long it took.
pub type Pass<'a> = Box<dyn Fn(&[Flow]) -> Duration + 'a>;

/// One flow after the other. The processor may begin with the next before it is done with one.
pub fn one_by_one<'a>(engine: &'a impl Engine) -> Pass<'a> {
    Box::new(move |flows| loop_over(engine, flows))
}

/// One flow after the answer to the last: what a caller waits for who has one flow.
pub fn one_after_the_other<'a>(engine: &'a impl Engine) -> Pass<'a> {
    // Zero, but the compiler does not know: the next flow depends on the answer.
    let mask = black_box(0);
    Box::new(move |flows| chain_through(engine, flows, mask))
}

/// `batch` flows at a time, by `judge`, which writes an answer for each flow it is given.
pub fn in_batches<'a, A: Clone + Default>(judge: impl Fn(&[Flow], &mut [A]) + 'a, batch: usize) -> Pass<'a> {
    Box::new(move |flows| through_batches(&judge, batch, flows))
}

/// One way to judge some flows, which is to be compared with others.
pub struct Contestant<'a> {
    /// A word for it.
    pub id: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// What it does.
    pub pass: Pass<'a>,
    /// All that there is to judge.
    pub flows: &'a [Flow],
}

/// Nanoseconds for a flow, judged at both ends and answered with the rules that decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// What was measured, as a word.
    pub id: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// The passes.
    pub ns: Spread,
}

/// Has the contestants take turns, one pass each, so that what disturbs the machine meets all of them alike. Each goes
/// through as many of its flows as it judges in the time of a pass. One that needs more time even for a single flow has
/// fewer turns.
pub fn contest(contestants: &[Contestant<'_>], plan: Plan) -> Vec<Timing> {
    let budget = plan.pass_time.saturating_mul(u32::try_from(plan.passes).unwrap_or(u32::MAX));
    let mut turns: Vec<(&[Flow], Duration, Vec<f64>)> = contestants
        .iter()
        .map(|Contestant { pass, flows, .. }| {
            (affordable(pass, flows, plan.pass_time), Duration::ZERO, Vec::new())
        })
        .collect();
    for _ in 0..plan.passes {
        for (contestant, (flows, spent, results)) in contestants.iter().zip(&mut turns) {
            if results.is_empty() || *spent <= budget {
                let time = (contestant.pass)(flows);
                *spent += time;
                results.push(time.as_secs_f64() * 1e9 / flows.len().max(1) as f64);
            }
        }
    }
    let timing = |(contestant, (_, _, results)): (&Contestant<'_>, (_, _, Vec<f64>))| Timing {
        id: contestant.id,
        title: contestant.title,
        ns: Spread::of(results),
    };
    contestants.iter().zip(turns).map(timing).collect()
}

/// How many times faster two threads are than one, each with half of the flows.
pub fn two_thread_speedup(engine: &(impl Engine + Sync), flows: &[Flow], plan: Plan) -> Spread {
    let alone = one_by_one(engine);
    let flows = affordable(&alone, flows, plan.pass_time);
    repeated(plan, || alone(flows).as_secs_f64() / loop_in_two_threads(engine, flows).as_secs_f64())
}

/// Milliseconds for `work`. What it makes is taken down outside of the time.
pub fn ms_of<T>(work: impl Fn() -> T, plan: Plan) -> Spread {
    repeated(plan, || timed(&work).1)
}

/// The result of each pass; at least one. There are fewer than planned if they take longer than planned.
fn repeated(plan: Plan, mut pass: impl FnMut() -> f64) -> Spread {
    let planned = u32::try_from(plan.passes).unwrap_or(u32::MAX);
    let (start, budget) = (Instant::now(), plan.pass_time.saturating_mul(planned));
    let mut results = Vec::new();
    for _ in 0..plan.passes {
        results.push(pass());
        if start.elapsed() > budget {
            break;
        }
    }
    Spread::of(results)
}

/// As many of the flows as `pass` takes about `time` for, found by doubling. This also warms the caches.
fn affordable<'f>(pass: &Pass<'_>, flows: &'f [Flow], time: Duration) -> &'f [Flow] {
    let mut count = 1;
    while let Some(tried) = flows.get(..count) {
        if pass(tried) * 2 > time {
            return tried;
        }
        count *= 2;
    }
    flows
}

fn loop_over(engine: &impl Engine, flows: &[Flow]) -> Duration {
    let start = Instant::now();
    let mut sum = 0_u64;
    for flow in flows {
        sum = sum.wrapping_add(engine.evaluate(flow).fingerprint());
    }
    black_box(sum);
    start.elapsed()
}

/// Judges as many flows as there are; after each, goes on to the next but for what `mask` lets through of the answer.
fn chain_through(engine: &impl Engine, flows: &[Flow], mask: usize) -> Duration {
    let start = Instant::now();
    let mut last = 0;
    for number in 0..flows.len() {
        if let Some(flow) = flows.get(number ^ (last & mask)) {
            last = low_bits(engine.evaluate(flow).fingerprint());
        }
    }
    black_box(last);
    start.elapsed()
}

#[expect(clippy::cast_possible_truncation, reason = "any bits that depend on the number will do")]
fn low_bits(number: u64) -> usize {
    number as usize
}

fn through_batches<A: Clone + Default>(
    judge: &impl Fn(&[Flow], &mut [A]),
    batch: usize,
    flows: &[Flow],
) -> Duration {
    let batch = batch.max(1);
    let mut answers = vec![A::default(); batch.min(flows.len())];
    let start = Instant::now();
    for flows in flows.chunks(batch) {
        if let Some(answers) = answers.get_mut(..flows.len()) {
            judge(flows, answers);
            black_box(answers);
        }
    }
    start.elapsed()
}

fn loop_in_two_threads(engine: &(impl Engine + Sync), flows: &[Flow]) -> Duration {
    let (one, other) = flows.split_at(flows.len() / 2);
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| loop_over(engine, one));
        loop_over(engine, other);
    });
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
    use std::cell::{Cell, RefCell};
    use std::sync::Mutex;
    use std::thread;

    #[test]
    fn the_spread_sorts_passes() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(spread, Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(Spread::of([]), Spread { min: 0.0, median: 0.0, max: 0.0 });
    }

    const PLAN: Plan = Plan { passes: 9, pass_time: Duration::MAX };

    /// Flows that differ in their destination port, which counts from 0.
    fn flows(count: u16) -> Vec<Flow> {
        let address = |last| std::net::IpAddr::from([10, 0, 0, last]);
        let flow = Flow::new(address(1), address(2), tierwall::model::Protocol::TCP);
        (0..count).map(|port| flow.with_ports(40_000, port)).collect()
    }

    fn allow() -> Answer {
        Answer { action: tierwall::model::Action::Allow, ..Answer::default() }
    }

    fn once(pass: Pass<'_>, flows: &[Flow]) {
        contest(&[Contestant { id: "", title: "", pass, flows }], PLAN);
    }

    #[test]
    fn every_pass_judges_every_flow() {
        // Passes over 1, 2 and 4 flows find that all 5 are affordable.
        let all = 1 + 2 + 4 + 9 * 5;
        let judged = Cell::new(0);
        let engine = |_: &Flow| {
            judged.set(judged.get() + 1);
            Answer::default()
        };
        once(one_by_one(&engine), &flows(5));
        assert_eq!(judged.take(), all);
        once(one_after_the_other(&engine), &flows(5));
        assert_eq!(judged.take(), all);
        let judge = |flows: &[Flow], answers: &mut [Answer]| {
            assert_eq!(flows.len(), answers.len());
            judged.set(judged.get() + flows.len());
        };
        once(in_batches(judge, 2), &flows(5));
        assert_eq!(judged.take(), all);
    }

    #[test]
    fn contestants_take_turns() {
        let turns = RefCell::new(Vec::new());
        let contestant = |id: &'static str, time: u64, flows| {
            let turns = &turns;
            let pass: Pass<'_> = Box::new(move |_| {
                turns.borrow_mut().push(id);
                Duration::from_secs(time)
            });
            Contestant { id, title: "", pass, flows }
        };
        let (one, two) = (flows(1), flows(2));
        let plan = Plan { passes: 3, pass_time: Duration::from_secs(3) };
        let timings = contest(&[contestant("slow", 8, &one), contestant("fast", 1, &two)], plan);
        // The first time to see how many flows are affordable.
        assert_eq!(turns.take(), ["slow", "fast", "fast", "slow", "fast", "slow", "fast", "fast"]);
        let medians: Vec<f64> = timings.iter().map(|timing| timing.ns.median).collect();
        assert_eq!(medians, [8e9, 0.5e9]);
    }

    #[test]
    fn repetitions_end_when_their_time_is_over() {
        let passes_of = |plan| {
            let count = Cell::new(0);
            repeated(plan, || {
                count.set(count.get() + 1);
                0.0
            });
            count.get()
        };
        assert_eq!(passes_of(PLAN), 9);
        assert_eq!(passes_of(Plan { pass_time: Duration::ZERO, ..PLAN }), 1);
    }

    #[test]
    fn the_next_flow_depends_on_the_answer() {
        let visited = |mask| {
            let ports = RefCell::new(Vec::new());
            let engine = |flow: &Flow| {
                ports.borrow_mut().push(flow.destination_port());
                // The fingerprint is 1 << 62, and all of it is 0 for what is denied.
                if flow.destination_port() == 1 { allow() } else { Answer::default() }
            };
            chain_through(&engine, &flows(4), mask);
            ports.into_inner()
        };
        assert_eq!(visited(0), [0, 1, 2, 3]);
        // What comes after flow 1 is out of bounds, and so is all that follows from it.
        assert_eq!(visited(usize::MAX), [0, 1]);
    }

    #[test]
    fn batches_cover_the_flows_in_order() {
        let ports = RefCell::new(Vec::new());
        let judge = |flows: &[Flow], _: &mut [Answer]| {
            ports.borrow_mut().push(flows.iter().map(Flow::destination_port).collect::<Vec<_>>());
        };
        through_batches(&judge, 2, &flows(5));
        assert_eq!(ports.into_inner(), [vec![0, 1], vec![2, 3], vec![4]]);
    }

    #[test]
    fn two_threads_share_the_flows() {
        let threads = Mutex::new(Vec::new());
        let engine = |flow: &Flow| {
            threads.lock().unwrap().push((thread::current().id(), flow.destination_port()));
            Answer::default()
        };
        loop_in_two_threads(&engine, &flows(5));
        let mut judged = threads.into_inner().unwrap();
        judged.sort_by_key(|(_, port)| *port);
        let ports: Vec<u16> = judged.iter().map(|(_, port)| *port).collect();
        assert_eq!(ports, [0, 1, 2, 3, 4]);
        let (one, other) = judged.split_at(2);
        assert!(one.iter().all(|(thread, _)| *thread == one[0].0));
        assert!(other.iter().all(|(thread, _)| *thread == thread::current().id()));
        assert_ne!(one[0].0, other[0].0);
        assert!(two_thread_speedup(&|_: &Flow| allow(), &flows(5), PLAN).min > 0.0);
    }
}
