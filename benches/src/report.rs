//! The report: every engine on every suite, as a table and as JSON.

use crate::baseline::{AllPolicies, AppliedRules, Unsupported};
use crate::engine::{Answer, Engine};
use crate::measure::{
    Plan, Spread, batched_ns_per_flow, dependent_ns_per_flow, ns_per_flow, timed, two_thread_speedup,
};
use crate::probe::{Machine, load_average};
use crate::workload::{Shape, Skew, Suite, Workload, load};
use serde::{Serialize, Serializer};
use std::fmt;
use tierwall::model::{Flow, FlowContext};
use tierwall::reference;

const FLOWS: usize = 1_000_000;
/// Flows judged in one call, where calls take many.
const BATCH: usize = 64;
const UNIFORM_SEED: u64 = 7;
const SKEWED_SEED: u64 = 9;

/// What was measured, where.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// What.
    pub suites: Vec<SuiteReport>,
}

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
    /// Preparing the lists and sets of [`AppliedRules`], in milliseconds.
    pub l1_build_ms: f64,
    /// How many times faster two threads are than one, both with [`AppliedRules`].
    pub l1_two_thread_speedup: f64,
    /// How long a flow takes. In JSON, each is three numbers: `<id>_ns` (the median), `<id>_min_ns` and `<id>_max_ns`.
    #[serde(flatten, serialize_with = "as_numbers")]
    pub timings: Vec<Timing>,
}

/// Nanoseconds for a flow, judged at both ends and answered with the rules that decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// What was measured, as a word.
    pub id: &'static str,
    /// The same for the table.
    pub title: &'static str,
    /// The passes.
    pub ns: Spread,
}

fn as_numbers<S: Serializer>(timings: &[Timing], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(timings.iter().flat_map(|Timing { id, ns, .. }| {
        [(format!("{id}_ns"), ns.median), (format!("{id}_min_ns"), ns.min), (format!("{id}_max_ns"), ns.max)]
    }))
}

impl Report {
    /// Measures these suites, one after the other.
    ///
    /// # Errors
    /// If the baselines do not cover a workload.
    pub fn measure(suites: &[Suite], plan: Plan) -> Result<Self, Unsupported> {
        let mut machine = Machine::probe();
        let suites =
            suites.iter().map(|suite| SuiteReport::measure(suite, plan)).collect::<Result<_, _>>()?;
        machine.load_after = load_average();
        Ok(Report { machine, suites })
    }
}

impl SuiteReport {
    fn measure(suite: &Suite, plan: Plan) -> Result<Self, Unsupported> {
        let (Workload { objects, traffic }, generate_ms) = timed(|| suite.workload());
        let (cluster, load_ms) = timed(|| load(objects));
        let uniform = traffic.flows(FLOWS, Skew::Uniform, UNIFORM_SEED);
        let skewed = traffic.flows(FLOWS, Skew::Skewed, SKEWED_SEED);
        let all_policies = AllPolicies::new(&cluster)?;
        let (applied_rules, l1_build_ms) = timed(|| AppliedRules::new(&cluster));
        let applied_rules = applied_rules?;
        let context = FlowContext::default();
        let by_reference = |flow: &Flow| reference::evaluate(&cluster, flow, &context).enforced.into();
        let l1_in_batches = |flows: &[Flow], answers: &mut [Answer]| {
            for (flow, answer) in flows.iter().zip(answers) {
                *answer = applied_rules.evaluate(flow);
            }
        };
        let l1_dependent = dependent_ns_per_flow(&applied_rules, &uniform, plan);
        let l1_batch = batched_ns_per_flow(l1_in_batches, BATCH, &uniform, plan);
        let timings = vec![
            time("l0", "l0: every policy", ns_per_flow(&all_policies, &uniform, plan)),
            time("l1", "l1: applied rules", ns_per_flow(&applied_rules, &uniform, plan)),
            time("l1_skewed", "l1, skewed flows", ns_per_flow(&applied_rules, &skewed, plan)),
            time("l1_dependent", "l1, each after the last", l1_dependent),
            time("l1_batch", "l1, 64 at a time", l1_batch),
            time("reference", "reference", ns_per_flow(&by_reference, &uniform, plan)),
        ];
        Ok(SuiteReport {
            name: suite.name,
            seed: Suite::SEED,
            shape: Shape::of(&cluster),
            mean_applied_rules: applied_rules.mean_applied_rules(),
            generate_ms,
            load_ms,
            l1_build_ms,
            l1_two_thread_speedup: two_thread_speedup(&applied_rules, &uniform, plan).median,
            timings,
        })
    }
}

fn time(id: &'static str, title: &'static str, ns: Spread) -> Timing {
    Timing { id, title, ns }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        for suite in &self.suites {
            write!(f, "\n{suite}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} processors, {}", self.cpu, self.cpus, self.platform)?;
        let load = |load: Option<[f64; 3]>| match load {
            Some([one, five, fifteen]) => format!("{one:.2} {five:.2} {fifteen:.2}"),
            None => "unknown".to_owned(),
        };
        writeln!(f, "load average before: {}, after: {}", load(self.load_before), load(self.load_after))?;
        write!(f, "dependent read:")?;
        for latency in &self.memory {
            write!(f, "  {} KiB {:.1} ns", latency.kib, latency.read_ns)?;
        }
        write!(f, "\ntwo threads: {:.2} times as fast as one", self.two_thread_speedup)
    }
}

impl fmt::Display for SuiteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { endpoints, policies, rules, selectors, port_atoms, .. } = self.shape;
        writeln!(
            f,
            "{}: {endpoints} endpoints, {policies} policies, {rules} rules, {selectors} selectors, {port_atoms} port \
             atoms, {:.1} rules applied to an endpoint",
            self.name, self.mean_applied_rules
        )?;
        writeln!(
            f,
            "  generated in {:.0} ms, loaded in {:.0} ms, l1 built in {:.0} ms",
            self.generate_ms, self.load_ms, self.l1_build_ms
        )?;
        writeln!(f, "  {:<28}{:>14}{:>14}{:>14}", "ns for a flow, both ends", "min", "median", "max")?;
        for Timing { title, ns: Spread { min, median, max }, .. } in &self.timings {
            writeln!(f, "  {title:<28}{min:>14.1}{median:>14.1}{max:>14.1}")?;
        }
        writeln!(f, "  two threads with l1: {:.2} times as fast as one", self.l1_two_thread_speedup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::S;
    use std::time::Duration;

    #[test]
    fn the_json_has_the_names_that_scripts_read() {
        let report = Report::measure(&[S], Plan { passes: 1, pass_time: Duration::ZERO }).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["machine"]["memory"].as_array().unwrap().len(), 4);
        assert!(json["machine"]["two_thread_speedup"].as_f64().is_some_and(|speedup| speedup > 0.0));
        let suite = &json["suites"][0];
        assert_eq!(suite["name"], "S");
        for count in ["endpoints", "policies", "rules", "selectors", "port_atoms"] {
            assert!(suite[count].as_u64().is_some_and(|count| count > 0), "{count}");
        }
        for number in [
            "mean_applied_rules",
            "load_ms",
            "l0_ns",
            "l1_ns",
            "l1_min_ns",
            "l1_max_ns",
            "l1_dependent_ns",
            "l1_batch_ns",
            "l1_two_thread_speedup",
            "reference_ns",
        ] {
            assert!(suite[number].as_f64().is_some_and(|number| number > 0.0), "{number}");
        }
        assert!(report.to_string().contains("\n  reference"));
    }
}
