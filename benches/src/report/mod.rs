//! The report: every engine on every suite, as a table and as JSON.

mod agreement;
mod compilation;
mod own;
mod suite;
mod timings;
mod updates;

pub use agreement::Agreement;
pub use compilation::Compilation;
pub use own::OwnReport;
pub use suite::SuiteReport;
pub use timings::Timings;
pub use updates::Updates;

use crate::measure::Plan;
use crate::probe::{Machine, load_average};
use crate::workload::{Shape, Suite};
use serde::Serialize;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// What was measured, where.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// What.
    pub suites: Vec<SuiteReport>,
    /// The cluster of the caller, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnReport>,
}

impl Report {
    /// Measures these suites, one after the other, and then the cluster that these manifests make, if there are any.
    /// `announce` is told what comes next.
    ///
    /// # Errors
    /// If the baselines do not cover a workload, or the manifests do not load.
    pub fn measure(
        suites: &[Suite],
        manifests: Vec<PathBuf>,
        plan: Plan,
        mut announce: impl FnMut(&str),
    ) -> Result<Self, Box<dyn Error>> {
        announce("the machine");
        let mut machine = Machine::probe();
        let suites = suites.iter().map(|suite| {
            announce(suite.name);
            SuiteReport::measure(suite, plan)
        });
        let suites = suites.collect::<Result<_, _>>()?;
        let own = if manifests.is_empty() {
            None
        } else {
            announce("the cluster of the manifests");
            Some(OwnReport::measure(manifests, plan)?)
        };
        machine.load_after = load_average();
        Ok(Report { machine, suites, own })
    }

    /// How many answers of the compiled engine differ from those it was compared with.
    pub fn mismatches(&self) -> usize {
        let suites = self.suites.iter().map(|suite| &suite.agreement);
        suites.chain(self.own.iter().map(|own| &own.agreement)).map(|agreement| agreement.mismatches).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        self.suites.iter().try_for_each(|suite| write!(f, "\n{suite}"))?;
        self.own.iter().try_for_each(|own| write!(f, "\n{own}"))
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

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { endpoints, policies, rules, selectors, port_atoms, .. } = self;
        write!(
            f,
            "{endpoints} endpoints, {policies} policies, {rules} rules, {selectors} selectors, {port_atoms} port atoms"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::S;
    use std::time::Duration;

    #[test]
    fn the_json_has_the_names_that_scripts_read() {
        let plan = Plan { passes: 1, pass_time: Duration::from_micros(10) };
        let mut announced = Vec::new();
        let report = Report::measure(&[S], Vec::new(), plan, |what| announced.push(what.to_owned())).unwrap();
        assert_eq!(announced, ["the machine", "S"]);
        assert_eq!(report.mismatches(), 0);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["machine"]["memory"].as_array().unwrap().len(), 4);
        assert!(json["machine"]["two_thread_speedup"].as_f64().is_some_and(|speedup| speedup > 0.0));
        let suite = &json["suites"][0];
        assert_eq!((&suite["name"], &suite["mismatches"]), (&"S".into(), &0.into()));
        assert!(suite["compared"]["l1"].as_u64().is_some_and(|count| count > 0));
        for count in [
            "endpoints",
            "policies",
            "rules",
            "selectors",
            "port_atoms",
            "classes",
            "table_bytes",
            "writer_bytes",
        ] {
            assert!(suite[count].as_u64().is_some_and(|count| count > 0), "{count}");
        }
        for number in [
            "mean_applied_rules",
            "load_ms",
            "compile_ms",
            "loop_ns",
            "dependent_ns",
            "batch_ns",
            "batch_min_ns",
            "batch_max_ns",
            "loop_skewed_ns",
            "two_thread_speedup",
            "l0_ns",
            "l1_ns",
            "l1_dependent_ns",
            "l1_batch_ns",
            "l1_skewed_ns",
            "l1_two_thread_speedup",
            "reference_ns",
            "loop_vs_l1",
            "batch_vs_l1",
            "loop_vs_l0",
        ] {
            assert!(suite[number].as_f64().is_some_and(|number| number > 0.0), "{number}");
        }
        for kind in [
            "relabel",
            "relabel_new",
            "endpoint",
            "namespaced_policy",
            "global_policy",
            "policy_new",
            "network_set",
        ] {
            for number in ["p50_us", "p90_us", "p99_us", "max_us", "commit_us", "update_us", "count"] {
                assert!(
                    suite["updates"][kind][number].as_f64().is_some_and(|number| number > 0.0),
                    "{kind} {number}"
                );
            }
            assert!(suite["updates"][kind]["whole"].is_u64(), "{kind}");
        }
        for number in ["idle_ns", "steady_ns", "full_ns"] {
            assert!(suite["readers"][number].as_f64().is_some_and(|number| number > 0.0), "{number}");
        }
        let text = report.to_string();
        assert!(text.contains("\n  reference"), "{text}");
        assert!(text.contains("\n  0 mismatches: "), "{text}");
    }
}
