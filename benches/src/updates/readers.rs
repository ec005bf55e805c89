//! What a reader notices of a writer.

use super::edits::{Editor, Kind};
use super::follower::{Follower, Writer};
use crate::engine::Answer;
use crate::measure::{Contestant, Pass, Plan, contest};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tierwall::Engine;
use tierwall::model::{Flow, FlowContext};

/// A steady writer commits once in such a time.
const PERIOD: Duration = Duration::from_millis(1);

/// Nanoseconds for a flow in a loop of one thread, by the median of the passes, while another thread writes.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Readers {
    /// The kind of edits that are written.
    pub edits: &'static str,
    /// Nobody writes.
    pub idle_ns: f64,
    /// A thousand commits a second, if as many can be.
    pub steady_ns: f64,
    /// How many there were.
    pub steady_commits_per_s: f64,
    /// As many commits as can be.
    pub full_ns: f64,
    /// How many there were.
    pub full_commits_per_s: f64,
}

/// Measures one reader beside a writer of edits of a kind.
pub fn measure_readers(
    follower: &mut Follower<'_>,
    editor: &mut Editor,
    kind: &Kind,
    flows: &[Flow],
    plan: Plan,
) -> Readers {
    let idle_ns = read(follower.split().0, flows, plan);
    let mut beside = |period| {
        let (engine, writer) = follower.split();
        let mut script = Script { writer, editor, kind, period };
        script.run_beside(|| read(engine, flows, plan))
    };
    let (steady_ns, steady_commits_per_s) = beside(PERIOD);
    let (full_ns, full_commits_per_s) = beside(Duration::ZERO);
    Readers { edits: kind.id, idle_ns, steady_ns, steady_commits_per_s, full_ns, full_commits_per_s }
}

fn read(engine: &Engine, flows: &[Flow], plan: Plan) -> f64 {
    let reader = Contestant { id: "reader", title: "reader", pass: through_reader(engine), flows };
    contest(&[reader], plan).first().map_or(0.0, |timing| timing.ns.median)
}

/// One flow after the other, through a reader of the pass's own.
fn through_reader(engine: &Engine) -> Pass<'_> {
    Box::new(move |flows| {
        let (mut reader, context) = (engine.reader(), FlowContext::default());
        let start = Instant::now();
        let mut sum = 0_u64;
        for flow in flows {
            let answer: Answer = reader.verdict(flow, &context).into();
            sum = sum.wrapping_add(answer.fingerprint());
        }
        black_box(sum);
        start.elapsed()
    })
}

/// What a writer does.
struct Script<'a> {
    writer: Writer<'a>,
    editor: &'a mut Editor,
    kind: &'a Kind,
    period: Duration,
}

impl Script<'_> {
    /// Writes while `work` is done; its result, and how many commits a second there were.
    fn run_beside<T>(&mut self, work: impl FnOnce() -> T) -> (T, f64) {
        let (done, commits) = (AtomicBool::new(false), AtomicU64::new(0));
        let start = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| self.write(&done, &commits));
            let result = work();
            let commits = commits.load(Ordering::Relaxed);
            let per_second = commits as f64 / start.elapsed().as_secs_f64();
            done.store(true, Ordering::Relaxed);
            (result, per_second)
        })
    }

    fn write(&mut self, done: &AtomicBool, commits: &AtomicU64) {
        let mut next = Instant::now();
        while !done.load(Ordering::Relaxed) {
            let Some(edit) = (self.kind.draw)(self.editor, self.writer.cluster) else { return };
            self.writer.follow(edit);
            commits.fetch_add(1, Ordering::Relaxed);
            next += self.period;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}
