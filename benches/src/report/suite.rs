//! Every engine on one suite.

use super::agreement::{Agreement, Witness};
use super::compilation::Compilation;
use super::timings::{Timings, times};
use super::updates::Updates;
use crate::baseline::{AllPolicies, AppliedRules, Unsupported};
use crate::columns::{FlowColumns, in_columns};
use crate::engine::{Answer, Engine, by_reference, compiled};
use crate::measure::{
    Contestant, Plan, contest, in_batches, one_after_the_other, one_by_one, timed, two_thread_speedup,
};
use crate::workload::{Shape, Skew, Suite, Workload, load};
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use tierwall::model::{Flow, Verdict};

const FLOWS: usize = 1_000_000;
const UNIFORM_SEED: u64 = 7;
const SKEWED_SEED: u64 = 9;
/// Flows that the compiled engine judges in one call, where calls take many.
pub(super) const BATCH: usize = 1_024;
/// The same of a baseline, which gains nothing by more.
const L1_BATCH: usize = 64;

/// The measurements on one suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuiteReport {
    /// The suite.
    pub name: &'static str,
    /// What every random choice of the workload followed from.
    pub seed: u64,
    /// How large it is.
    #[serde(flatten)]
    pub shape: Shape,
    /// Rules of policies that govern an endpoint, both directions together, on average.
    pub mean_applied_rules: f64,
    /// Making the objects, in milliseconds.
    pub generate_ms: f64,
    /// Putting them into an empty cluster in one transaction, in milliseconds.
    pub load_ms: f64,
    /// Compiling the cluster.
    #[serde(flatten)]
    pub compilation: Compilation,
    /// Preparing the lists and sets of [`AppliedRules`], in milliseconds.
    pub l1_build_ms: f64,
    /// Whether the engines give the same answers.
    #[serde(flatten)]
    pub agreement: Agreement,
    /// How long a flow takes, by engine and manner.
    #[serde(flatten)]
    pub timings: Timings,
    /// How many times faster two threads are than one, both with the compiled engine.
    pub two_thread_speedup: f64,
    /// The same with [`AppliedRules`].
    pub l1_two_thread_speedup: f64,
    /// How many times faster the compiled engine is than [`AppliedRules`], one by one.
    pub loop_vs_l1: f64,
    /// The same in batches, where the baseline goes one by one.
    pub batch_vs_l1: f64,
    /// How many times faster the compiled engine is than [`AllPolicies`], one by one.
    pub loop_vs_l0: f64,
    /// How long edits take until they are in force.
    #[serde(flatten)]
    pub updates: Updates,
}

impl SuiteReport {
    pub(super) fn measure(suite: &Suite, plan: Plan) -> Result<Self, Unsupported> {
        let (Workload { objects, traffic }, generate_ms) = timed(|| suite.workload());
        let (mut cluster, load_ms) = timed(|| load(objects));
        let (snapshot, compilation) = Compilation::measure(&cluster, plan);
        let l0 = AllPolicies::new(&cluster)?;
        let (l1, l1_build_ms) = timed(|| AppliedRules::new(&cluster));
        let l1 = l1?;
        let (engine, reference) = (compiled(&snapshot), by_reference(&cluster));
        let uniform = traffic.flows(FLOWS, Skew::Uniform, UNIFORM_SEED);
        let skewed = traffic.flows(FLOWS, Skew::Skewed, SKEWED_SEED);
        let witness = |name, engine, flows, seconds| Witness {
            name,
            engine,
            flows,
            time: Duration::from_secs(seconds),
        };
        let witnesses = [
            witness("l1", &l1, 200_000, 10),
            witness("l0", &l0, 2_000, 2),
            witness("the reference", &reference, 200, 2),
        ];
        let mut agreement = Agreement::check(&snapshot, &uniform, &witnesses);

        let batch = |flows: &[Flow], verdicts: &mut [Verdict]| snapshot.verdicts(flows, verdicts);
        let l1_batch = |flows: &[Flow], answers: &mut [Answer]| {
            for (flow, answer) in flows.iter().zip(answers) {
                *answer = l1.evaluate(flow);
            }
        };
        let contestant = |id, title, pass| Contestant { id, title, pass, flows: &uniform };
        let columns = FlowColumns::of(&uniform);
        let mut contestants = vec![
            contestant("loop", "compiled", one_by_one(&engine)),
            contestant("batch", "compiled, 1,024 at a time", in_batches(batch, BATCH)),
            contestant("l1", "l1: applied rules", one_by_one(&l1)),
            contestant("l1_batch", "l1, 64 at a time", in_batches(l1_batch, L1_BATCH)),
            contestant("dependent", "compiled, each after the last", one_after_the_other(&engine)),
            contestant("l1_dependent", "l1, each after the last", one_after_the_other(&l1)),
            Contestant {
                flows: &skewed,
                ..contestant("loop_skewed", "compiled, skewed flows", one_by_one(&engine))
            },
            Contestant { flows: &skewed, ..contestant("l1_skewed", "l1, skewed flows", one_by_one(&l1)) },
            contestant("l0", "l0: every policy", one_by_one(&l0)),
            contestant("reference", "reference", one_by_one(&reference)),
        ];
        if let Some(columns) = &columns {
            let pass = in_columns(&snapshot, columns, BATCH);
            contestants.insert(2, contestant("columns", "compiled, 1,024 rows of columns", pass));
        }
        let timings = Timings(contest(&contestants, plan));
        drop(contestants);
        let [two_thread_speedup, l1_two_thread_speedup] =
            [two_thread_speedup(&engine, &uniform, plan), two_thread_speedup(&l1, &uniform, plan)];
        let shape = Shape::of(&cluster);
        // It is another cluster from here on.
        drop(reference);
        let updates = Updates::measure(&mut cluster, &uniform, plan, &mut agreement);
        Ok(SuiteReport {
            name: suite.name,
            seed: Suite::SEED,
            shape,
            mean_applied_rules: l1.mean_applied_rules(),
            generate_ms,
            load_ms,
            compilation,
            l1_build_ms,
            agreement,
            two_thread_speedup: two_thread_speedup.median,
            l1_two_thread_speedup: l1_two_thread_speedup.median,
            loop_vs_l1: timings.ratio("l1", "loop"),
            batch_vs_l1: timings.ratio("l1", "batch"),
            loop_vs_l0: timings.ratio("l0", "loop"),
            timings,
            updates,
        })
    }
}

impl fmt::Display for SuiteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {}, {:.1} rules applied to an endpoint",
            self.name, self.shape, self.mean_applied_rules
        )?;
        writeln!(
            f,
            "  generated in {:.0} ms, loaded in {:.0} ms, l1 built in {:.0} ms",
            self.generate_ms, self.load_ms, self.l1_build_ms
        )?;
        write!(f, "{}  {}\n{}", self.compilation, self.agreement, self.timings)?;
        writeln!(
            f,
            "  two threads: {:.2} times as fast as one, with l1 {:.2}",
            self.two_thread_speedup, self.l1_two_thread_speedup
        )?;
        writeln!(
            f,
            "  compiled: {} as l1, in batches {}; {} as l0",
            times(self.loop_vs_l1),
            times(self.batch_vs_l1),
            times(self.loop_vs_l0)
        )?;
        write!(f, "{}", self.updates)
    }
}
