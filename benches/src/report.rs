//! The report: every engine on every suite, as a table and as JSON.

use crate::baseline::{AllPolicies, AppliedRules, Unsupported};
use crate::measure::{Plan, Spread, ns_per_flow, timed};
use crate::probe::{Machine, load_average};
use crate::workload::{Shape, Skew, Suite, Workload, load};
use serde::Serialize;
use std::fmt;
use tierwall::model::{Flow, FlowContext};
use tierwall::reference;

const FLOWS: usize = 1_000_000;
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

/// The measurements on one suite. A flow is judged at both ends, and answered with the rules that decided.
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
    /// [`AllPolicies`], for a flow.
    pub l0_ns: Spread,
    /// [`AppliedRules`], for a flow.
    pub l1_ns: Spread,
    /// The same, where few endpoints are in most flows.
    pub l1_skewed_ns: Spread,
    /// [`tierwall::reference`](mod@tierwall::reference), for a flow.
    pub reference_ns: Spread,
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
        let (Workload { objects, traffic }, generate_ms) = timed(|| Workload::generate(&suite.parameters));
        let (cluster, load_ms) = timed(|| load(objects));
        let uniform = traffic.flows(FLOWS, Skew::Uniform, UNIFORM_SEED);
        let skewed = traffic.flows(FLOWS, Skew::Skewed, SKEWED_SEED);
        let all_policies = AllPolicies::new(&cluster)?;
        let (applied_rules, l1_build_ms) = timed(|| AppliedRules::new(&cluster));
        let applied_rules = applied_rules?;
        let context = FlowContext::default();
        let by_reference = |flow: &Flow| reference::evaluate(&cluster, flow, &context).enforced.into();
        Ok(SuiteReport {
            name: suite.name,
            seed: suite.parameters.seed,
            shape: Shape::of(&cluster),
            mean_applied_rules: applied_rules.mean_applied_rules(),
            generate_ms,
            load_ms,
            l1_build_ms,
            l0_ns: ns_per_flow(&all_policies, &uniform, plan),
            l1_ns: ns_per_flow(&applied_rules, &uniform, plan),
            l1_skewed_ns: ns_per_flow(&applied_rules, &skewed, plan),
            reference_ns: ns_per_flow(&by_reference, &uniform, plan),
        })
    }
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
            write!(f, "  {} KiB {:.1} ns", latency.kib, latency.read_ns.median)?;
        }
        Ok(())
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
        let rows = [
            ("l0, all policies", self.l0_ns),
            ("l1, applied rules", self.l1_ns),
            ("l1, skewed flows", self.l1_skewed_ns),
            ("reference", self.reference_ns),
        ];
        for (name, Spread { min, median, max }) in rows {
            writeln!(f, "  {name:<28}{min:>14.1}{median:>14.1}{max:>14.1}")?;
        }
        Ok(())
    }
}
