//! The trace tells the story of the verdict.

use crate::cases;
use crate::generate::{Ask, asks, world};
use proptest::prelude::*;
use tierwall::cluster::Cluster;
use tierwall::explain::{ConnectionTrace, RuleOutcome, SideTrace, StepTrace, Trace, explain};
use tierwall::model::{Direction, Flow, Rule, Verdict};
use tierwall::reference::{Match, Role, evaluate, matches};

fn check_verdict(told: &ConnectionTrace, verdict: Verdict) {
    assert_eq!(told.action, verdict.action());
    assert_eq!(!told.logged.is_empty(), verdict.is_logged());
    assert_eq!(told.http_assumed, verdict.http_assumed());
    for side in &told.sides {
        assert_eq!(side.reason, verdict.reason(side.direction));
        let decided_by = side.decided_by.as_ref().map(|decider| decider.rule_id);
        assert_eq!(decided_by, verdict.rule(side.direction).map(|id| id.get()));
    }
}

/// Every rule of the step that was tried is as the rule alone says of the flow.
fn check_step(cluster: &Cluster, step: &StepTrace, flow: &Flow, ask: &Ask) {
    for phase in &step.phases {
        for policy in phase.tiers.iter().flat_map(|tier| &tier.policies) {
            let entry =
                cluster.policies().find(|entry| entry.policy.key.to_string() == policy.policy).unwrap();
            let rules = entry.policy.rules(step.direction).unwrap();
            assert_eq!(rules.len(), policy.rules.len());
            for (rule, told) in rules.iter().zip(&policy.rules) {
                assert_eq!((rule.action, rule.origin.index), (told.action, told.source_index));
                check_rule(cluster, rule, &told.outcome, flow, ask);
            }
        }
        for profile in phase.profiles.iter().filter(|profile| !profile.missing) {
            let rules = cluster.profile(&profile.name).unwrap().profile.rules(step.direction);
            for (rule, told) in rules.iter().zip(&profile.rules) {
                check_rule(cluster, rule, &told.outcome, flow, ask);
            }
        }
    }
}

fn check_rule(cluster: &Cluster, rule: &Rule, told: &RuleOutcome, flow: &Flow, ask: &Ask) {
    let alone = matches(cluster, rule, flow, &ask.context);
    let agrees = match told {
        RuleOutcome::Matched => alone == Match::Yes,
        RuleOutcome::Missed { .. } => matches!(alone, Match::No(_)),
        RuleOutcome::Unknown { missing } => alone == Match::Unknown(missing.clone()),
        RuleOutcome::InvalidRequest => alone == Match::Invalid,
        RuleOutcome::NotReached => true,
    };
    assert!(agrees, "{told:?}, but {alone:?}: {rule:#?}");
}

/// The step at the workload that the flow itself leaves or enters: elsewhere the flow looks otherwise.
fn own_steps(side: &SideTrace) -> impl Iterator<Item = &StepTrace> {
    side.steps.iter().filter(|step| step.role == Some(Role::Own) && side.endpoint.as_ref() == Some(&step.at))
}

fn check(cluster: &Cluster, ask: &Ask) -> Trace {
    let flow = ask.flow(cluster);
    let evaluation = evaluate(cluster, &flow, &ask.context);
    let trace = explain(cluster, &flow, &ask.context);
    check_verdict(&trace.enforced, evaluation.enforced);
    match &trace.pending {
        Some(pending) => check_verdict(pending, evaluation.pending),
        // It takes the same way.
        None => {
            assert_eq!(evaluation.pending.action(), evaluation.enforced.action());
            for direction in [Direction::Egress, Direction::Ingress] {
                assert_eq!(evaluation.pending.reason(direction), evaluation.enforced.reason(direction));
            }
        }
    }
    if trace.service.is_none() && ask.context.original_destination.is_none() {
        let connections = std::iter::once(&trace.enforced).chain(&trace.pending);
        for step in connections.flat_map(|connection| &connection.sides).flat_map(own_steps) {
            check_step(cluster, step, &flow, ask);
        }
    }
    trace
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn the_trace_is_that_of_the_verdict(world in world(), asks in asks()) {
        let mut world = world;
        // A rule by itself is on no node, so no node may know more names than others.
        world.answers.iter_mut().for_each(|answer| answer.node = None);
        let cluster = world.cluster();
        for ask in &asks {
            let trace = check(&cluster, ask);
            let text = serde_json::to_string(&trace).unwrap();
            prop_assert_eq!(serde_json::from_str::<Trace>(&text).unwrap(), trace);
        }
    }
}
