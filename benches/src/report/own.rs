//! The compiled engine on a cluster from manifests.

use super::agreement::{Agreement, Witness};
use super::compilation::Compilation;
use super::suite::BATCH;
use super::timings::{Timings, times};
use crate::engine::{by_reference, compiled};
use crate::measure::{
    Contestant, Plan, contest, in_batches, one_after_the_other, one_by_one, timed, two_thread_speedup,
};
use crate::workload::rng::Rng;
use crate::workload::{Shape, rules};
use serde::Serialize;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tierwall::cluster::{Cluster, EndpointEntry};
use tierwall::manifest::{LoadOptions, load_paths};
use tierwall::model::{Flow, Protocol, Side, Verdict};

const FLOWS: usize = 200_000;
const SEED: u64 = 7;
/// Out of 100 flows, those to a port that a rule names. The others go to any port.
const NAMED_PORT: u32 = 50;

/// The measurements on a cluster from manifests: TCP flows between any two of its pods.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnReport {
    /// Where it came from.
    pub manifests: Vec<PathBuf>,
    /// How large it is.
    #[serde(flatten)]
    pub shape: Shape,
    /// Reading it into an empty cluster, in milliseconds.
    pub load_ms: f64,
    /// Compiling the cluster.
    #[serde(flatten)]
    pub compilation: Compilation,
    /// Whether it answers as the reference does.
    #[serde(flatten)]
    pub agreement: Agreement,
    /// How long a flow takes, by engine and manner.
    #[serde(flatten)]
    pub timings: Timings,
    /// How many times faster two threads are than one.
    pub two_thread_speedup: f64,
}

impl OwnReport {
    /// Loads files and directories as one cluster, and measures it.
    ///
    /// # Errors
    /// If a manifest is not valid, or there are no pods.
    pub fn measure(manifests: Vec<PathBuf>, plan: Plan) -> Result<Self, Box<dyn Error>> {
        let mut cluster = Cluster::new();
        let (loaded, load_ms) = timed(|| load_paths(&mut cluster, &manifests, &LoadOptions::default()));
        loaded?;
        let flows = flows(&cluster).ok_or("there are no pods in the manifests, and so no flows")?;
        let (snapshot, compilation) = Compilation::measure(&cluster, plan);
        let (engine, reference) = (compiled(&snapshot), by_reference(&cluster));
        let time = Duration::from_secs(5);
        let witness = Witness { name: "the reference", engine: &reference, flows: 20_000, time };
        let agreement = Agreement::check(&snapshot, &flows, &[witness]);
        let batch = |flows: &[Flow], verdicts: &mut [Verdict]| snapshot.verdicts(flows, verdicts);
        let contestant = |id, title, pass| Contestant { id, title, pass, flows: &flows };
        let timings = contest(
            &[
                contestant("loop", "compiled", one_by_one(&engine)),
                contestant("batch", "compiled, 1,024 at a time", in_batches(batch, BATCH)),
                contestant("dependent", "compiled, each after the last", one_after_the_other(&engine)),
                contestant("reference", "reference", one_by_one(&reference)),
            ],
            plan,
        );
        Ok(OwnReport {
            shape: Shape::of(&cluster),
            load_ms,
            compilation,
            agreement,
            timings: Timings(timings),
            two_thread_speedup: two_thread_speedup(&engine, &flows, plan).median,
            manifests,
        })
    }
}

/// None if there are no pods.
fn flows(cluster: &Cluster) -> Option<Vec<Flow>> {
    let pods: Vec<Side> = cluster.endpoints().filter(|entry| !entry.endpoint.is_host()).map(side).collect();
    if pods.is_empty() {
        return None;
    }
    let ranges = rules(cluster).flat_map(|rule| &rule.destination.ports.ranges);
    let ports: Vec<u16> = ranges.map(|range| range.first()).collect();
    let mut rng = Rng::new(SEED);
    let flow = |_| {
        let named = !ports.is_empty() && rng.percent(NAMED_PORT);
        let port = if named { *rng.pick(&ports) } else { rng.port() };
        Flow::new(*rng.pick(&pods), *rng.pick(&pods), Protocol::TCP).with_ports(40_000, port)
    };
    Some((0..FLOWS).map(flow).collect())
}

/// By address, as of a packet; IPv4 if there is a choice. What has no address is named.
fn side(entry: &EndpointEntry) -> Side {
    let address = entry.endpoint.addresses.iter().min();
    address.map_or(Side::Endpoint(entry.id), |address| Side::Address(*address))
}

impl fmt::Display for OwnReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<String> = self.manifests.iter().map(|path| path.display().to_string()).collect();
        writeln!(f, "{}: {}\n  loaded in {:.0} ms", paths.join(", "), self.shape, self.load_ms)?;
        write!(f, "{}  {}\n{}", self.compilation, self.agreement, self.timings)?;
        writeln!(f, "  two threads: {:.2} times as fast as one", self.two_thread_speedup)?;
        writeln!(f, "  compiled: {} as the reference", times(self.timings.ratio("reference", "loop")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(path: &str) -> Result<OwnReport, Box<dyn Error>> {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path);
        OwnReport::measure(vec![path], Plan { passes: 1, pass_time: Duration::ZERO })
    }

    #[test]
    fn the_example_of_the_repository_is_measured() {
        let report = measure("core/examples/shop").unwrap();
        assert_eq!((report.agreement.mismatches, report.agreement.compared.len()), (0, 1));
        assert!(report.agreement.compared[0].1 > 0);
        assert!(report.to_string().contains("\n  compiled, 1,024 at a time"));
    }

    #[test]
    fn without_pods_there_is_nothing_to_measure() {
        let error = measure("core/examples/shop/policies/security/next-tier.yaml").unwrap_err();
        assert!(error.to_string().starts_with("there are no pods"), "{error}");
    }
}
