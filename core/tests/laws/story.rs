//! The story that the compiled engine tells is that of the reference, step by step, for every connection.
//!
//! That its verdicts follow from it, and that the hits of single judgements are the reference's, is asked wherever both
//! engines are asked anything: see `engines`.

use crate::cases;
use crate::compiled::options;
use crate::generate::{Ask, asks, world};
use proptest::prelude::*;
use tierwall::Snapshot;
use tierwall::cluster::{Cluster, Phase, RuleOwner, RulePosition};
use tierwall::explain::{ConnectionTrace, RuleOutcome, RuleTrace, SideTrace, StepTrace, explain};
use tierwall::explanation::{Account, At, Connection, Did, End, Explanation, Judgement};
use tierwall::model::{Direction, RuleId};

/// How a trace is to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    Exact,
    /// As one of a scope that takes the same way: ends of tiers may be attributed to other policies, and rules that do not
    /// end a tier are not compared, nor what they leave open at an endpoint while the side is decided.
    SameWay,
}

/// A rule that was tried and did not fail to match: where, whose, which, and what came of it.
type Tried = (Phase, String, usize, &'static str);

fn check_account(cluster: &Cluster, told: &Account, trace: &ConnectionTrace, reading: Reading) {
    assert_eq!(told.verdict.action(), trace.action);
    if reading == Reading::Exact {
        let mut logs: Vec<u32> = Vec::new();
        for rule in judgements(told).flat_map(Judgement::logs).map(RuleId::get) {
            if !logs.contains(&rule) {
                logs.push(rule);
            }
        }
        assert_eq!(logs, trace.logged.iter().map(|rule| rule.rule_id).collect::<Vec<_>>());
        assert_eq!(judgements(told).any(|judgement| judgement.http_assumed), trace.http_assumed);
    }
    match &*told.connections {
        // A service without backends, of which a trace says nothing more.
        [] => assert!(trace.backends.is_empty() && trace.sides.iter().all(|side| side.steps.is_empty())),
        [connection] if trace.backends.is_empty() => check_connection(cluster, connection, trace, reading),
        connections => {
            assert_eq!(connections.len(), trace.backends.len());
            for (connection, trace) in connections.iter().zip(&trace.backends) {
                check_connection(cluster, connection, trace, reading);
            }
        }
    }
}

fn judgements(told: &Account) -> impl Iterator<Item = &Judgement> {
    let ends = told.connections.iter().flat_map(|connection| [&connection.egress, &connection.ingress]);
    ends.flat_map(|end| &end.judgements)
}

fn check_connection(cluster: &Cluster, told: &Connection, trace: &ConnectionTrace, reading: Reading) {
    assert_eq!(trace.sides.len(), 2);
    for side in &trace.sides {
        let end = match side.direction {
            Direction::Egress => &told.egress,
            Direction::Ingress => &told.ingress,
        };
        check_end(cluster, end, side, reading);
    }
}

fn check_end(cluster: &Cluster, told: &End, trace: &SideTrace, reading: Reading) {
    assert_eq!((told.said.action, told.said.reason), (trace.action, trace.reason));
    if reading == Reading::Exact {
        let rule = trace.decided_by.as_ref().map(|decider| decider.rule_id);
        assert_eq!(told.said.rule.map(RuleId::get), rule);
    }
    assert_eq!(told.judgements.len(), trace.steps.len(), "{told:#?} {trace:#?}");
    for (judgement, step) in told.judgements.iter().zip(&trace.steps) {
        check_judgement(cluster, judgement, step, reading);
    }
}

fn check_judgement(cluster: &Cluster, told: &Judgement, trace: &StepTrace, reading: Reading) {
    let name = |id| cluster.endpoint(id).unwrap().endpoint.key.to_string();
    let at = match told.at {
        At::Endpoint(point) => (name(point.endpoint), Some(point.direction), Some(point.role)),
        At::Reply { endpoint, direction } => (format!("{} (reply)", name(endpoint)), Some(direction), None),
        At::EndpointToHost => ("endpoint-to-host action".to_owned(), None, None),
    };
    assert_eq!(at, (trace.at.clone(), at.1.and(Some(trace.direction)), trace.role));
    let hits = told.hits(cluster).unwrap();
    let hits: Vec<String> =
        hits.iter().enumerate().map(|(position, hit)| format!("{position}|{hit}")).collect();
    match reading {
        Reading::Exact => {
            assert_eq!((told.said.action, told.said.reason), (trace.action, trace.reason));
            assert_eq!(hits, trace.policy_strings);
            assert_eq!(told_of_rules(cluster, told), traced_of_rules(trace));
        }
        Reading::SameWay => {
            assert_eq!(unattributed(&hits), unattributed(&trace.policy_strings));
        }
    }
}

/// The strings, those of ends of tiers without their policy.
fn unattributed(strings: &[String]) -> Vec<String> {
    let without = |string: &String| match *string.split('|').collect::<Vec<_>>() {
        [position, tier, _, action, "-1"] => format!("{position}|{tier}|{action}"),
        _ => string.clone(),
    };
    strings.iter().map(without).collect()
}

fn told_of_rules(cluster: &Cluster, told: &Judgement) -> Vec<Tried> {
    let tried = told.steps.iter().filter_map(|step| {
        let what = match step.did {
            Did::Rule { .. } | Did::ProfileRule { .. } => "matched",
            Did::Undecided { .. } => "unknown",
            Did::InvalidRequest => "invalid",
            _ => return None,
        };
        let info = cluster.rule(step.rule.unwrap()).unwrap();
        let owner = match info.owner {
            RuleOwner::Policy(key) => key.to_string(),
            RuleOwner::Profile(name) => name.to_string(),
        };
        let RulePosition::Rule(index) = info.position else { panic!("the end of a tier is no rule") };
        Some((step.phase, owner, index, what))
    });
    tried.collect()
}

fn traced_of_rules(trace: &StepTrace) -> Vec<Tried> {
    let mut tried = Vec::new();
    let mut note = |phase, owner: &str, rules: &[RuleTrace]| {
        for rule in rules {
            let what = match rule.outcome {
                RuleOutcome::Matched => "matched",
                RuleOutcome::Unknown { .. } => "unknown",
                RuleOutcome::InvalidRequest => "invalid",
                RuleOutcome::Missed { .. } | RuleOutcome::NotReached => continue,
            };
            tried.push((phase, owner.to_owned(), rule.index, what));
        }
    };
    for phase in &trace.phases {
        for policy in phase.tiers.iter().flat_map(|tier| &tier.policies) {
            note(phase.phase, &policy.policy, &policy.rules);
        }
        for profile in &phase.profiles {
            note(phase.phase, &profile.name, &profile.rules);
        }
    }
    tried
}

fn check(cluster: &Cluster, snapshot: &Snapshot, ask: &Ask) -> Explanation {
    let flow = ask.flow(cluster);
    let told = snapshot.explain(&flow, &ask.context);
    let evaluation = snapshot.evaluate(&flow, &ask.context);
    assert_eq!((told.enforced.verdict, told.pending.verdict), (evaluation.enforced, evaluation.pending));
    let trace = explain(cluster, &flow, &ask.context);
    check_account(cluster, &told.enforced, &trace.enforced, Reading::Exact);
    match &trace.pending {
        Some(pending) => check_account(cluster, &told.pending, pending, Reading::Exact),
        None => check_account(cluster, &told.pending, &trace.enforced, Reading::SameWay),
    }
    told
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn the_compiled_story_is_that_of_the_reference(world in world(), options in options(), asks in asks()) {
        let cluster = world.cluster();
        let snapshot = Snapshot::compile_with(&cluster, &options);
        let again = Snapshot::from_bytes(&snapshot.to_bytes()).unwrap();
        for ask in &asks {
            let told = check(&cluster, &snapshot, ask);
            prop_assert_eq!(&again.explain(&ask.flow(&cluster), &ask.context), &told);
            let text = serde_json::to_string(&told).unwrap();
            prop_assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), told);
        }
    }
}
