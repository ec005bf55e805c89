//! Whether the compiled engine answers as others do.

use crate::engine::{Answer, Engine};
use serde::{Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};
use tierwall::Snapshot;
use tierwall::model::{Flow, FlowContext, Verdict};

/// An engine whose answers are taken for right.
pub(super) struct Witness<'a> {
    pub(super) name: &'static str,
    pub(super) engine: &'a dyn Engine,
    /// It is asked about no more flows,
    pub(super) flows: usize,
    /// and for no longer.
    pub(super) time: Duration,
}

/// How many answers were compared: the action, and the rules that decided at both ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// With whom, on how many flows.
    #[serde(serialize_with = "as_map")]
    pub compared: Vec<(&'static str, usize)>,
    /// How many answers were different.
    pub mismatches: usize,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_mismatch: Option<String>,
}

fn as_map<S: Serializer>(compared: &[(&'static str, usize)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(compared.iter().copied())
}

impl Agreement {
    /// Compares what the snapshot says of a flow alone with what it says in a batch, and both with the witnesses.
    pub(super) fn check(snapshot: &Snapshot, flows: &[Flow], witnesses: &[Witness<'_>]) -> Self {
        let most = witnesses.iter().map(|witness| witness.flows).max().unwrap_or(0);
        let flows = flows.get(..most).unwrap_or(flows);
        let mut verdicts = vec![Verdict::default(); flows.len()];
        snapshot.verdicts(flows, &mut verdicts);
        let mut agreement = Agreement { compared: Vec::new(), mismatches: 0, first_mismatch: None };
        let context = FlowContext::default();
        for (flow, verdict) in flows.iter().zip(&verdicts) {
            agreement.compare("evaluated alone", flow, *verdict, snapshot.verdict(flow, &context));
        }
        for Witness { name, engine, flows: most, time } in witnesses {
            let start = Instant::now();
            let asked = flows.iter().zip(&verdicts).take(*most).take_while(|_| start.elapsed() < *time);
            let asked = asked.map(|(flow, verdict)| {
                agreement.compare::<Answer>(name, flow, (*verdict).into(), engine.evaluate(flow));
            });
            let count = asked.count();
            agreement.compared.push((name, count));
        }
        agreement
    }

    /// Compares two snapshots of one cluster, in everything that a verdict says.
    pub(super) fn compare_snapshots(
        &mut self,
        name: &'static str,
        snapshot: &Snapshot,
        expected: &Snapshot,
        flows: &[Flow],
    ) {
        let context = FlowContext::default();
        for flow in flows {
            self.compare(name, flow, snapshot.verdict(flow, &context), expected.verdict(flow, &context));
        }
        self.compared.push((name, flows.len()));
    }

    fn compare<A: Copy + PartialEq + fmt::Debug>(&mut self, name: &str, flow: &Flow, found: A, expected: A) {
        if found != expected {
            self.mismatches += 1;
            let difference = || format!("{flow:?}: {found:?}, but {name}: {expected:?}");
            self.first_mismatch.get_or_insert_with(difference);
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mismatches", self.mismatches)?;
        for (number, (name, count)) in self.compared.iter().enumerate() {
            write!(f, "{} {count} answers with {name}", if number == 0 { ":" } else { "," })?;
        }
        match &self.first_mismatch {
            Some(first) => write!(f, "\n  first: {first}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{S, Skew, Workload, load};

    #[test]
    fn a_witness_that_answers_otherwise_is_heard() {
        let Workload { objects, traffic } = S.workload();
        let snapshot = Snapshot::compile(&load(objects));
        let flows = traffic.flows(10, Skew::Uniform, 1);
        let none = |_: &Flow| Answer { action: tierwall::model::Action::Undecided, ..Answer::default() };
        let witness = |flows, time| Witness { name: "nobody", engine: &none, flows, time };
        let agreement = Agreement::check(&snapshot, &flows, &[witness(4, Duration::MAX)]);
        assert_eq!((agreement.mismatches, agreement.compared.as_slice()), (4, &[("nobody", 4)][..]));
        assert!(agreement.to_string().starts_with("4 mismatches: 4 answers with nobody\n  first: Flow"));
        let agreement = Agreement::check(&snapshot, &flows, &[witness(4, Duration::ZERO)]);
        assert_eq!(agreement.to_string(), "0 mismatches: 0 answers with nobody");
    }
}
