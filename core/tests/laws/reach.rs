//! A law is worth what its cases reach: generated questions are decided in every way, by policies of every kind.

use crate::generate::{asks, world};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use tierwall::cluster::RuleOwner;
use tierwall::model::{Action, Direction, PolicyKind, Reason};
use tierwall::reference::evaluate;

#[test]
fn generated_questions_are_decided_in_every_way() {
    let mut runner = TestRunner::deterministic();
    let (mut actions, mut reasons, mut kinds) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..2000 {
        let (world, asks) = (world(), asks()).new_tree(&mut runner).unwrap().current();
        let cluster = world.cluster();
        let evaluations = asks.iter().map(|ask| evaluate(&cluster, &ask.flow(&cluster), &ask.context));
        for verdict in evaluations.flat_map(|evaluation| [evaluation.enforced, evaluation.pending]) {
            actions.insert(verdict.action() as u8);
            for direction in [Direction::Egress, Direction::Ingress] {
                reasons.insert(verdict.reason(direction).as_str());
                let info = verdict.rule(direction).and_then(|id| cluster.rule(id));
                if let Some(RuleOwner::Policy(key)) = info.map(|info| info.owner) {
                    kinds.insert(key.kind);
                }
            }
        }
    }
    assert_eq!(actions, [Action::Deny, Action::Allow, Action::Undecided].map(|action| action as u8).into());
    assert_eq!(kinds, ALL_KINDS.into());
    // These no verdict on a generated question has: the last one is never that of an endpoint's own policy.
    let never = [Reason::NotEvaluated, Reason::UnknownEndpoint, Reason::ForwardDefault];
    let expected = Reason::ALL.iter().filter(|reason| !never.contains(reason));
    assert_eq!(reasons, expected.map(|reason| reason.as_str()).collect());
}

pub(crate) const ALL_KINDS: [PolicyKind; 9] = [
    PolicyKind::GlobalNetworkPolicy,
    PolicyKind::KubernetesAdminNetworkPolicy,
    PolicyKind::KubernetesBaselineAdminNetworkPolicy,
    PolicyKind::KubernetesClusterNetworkPolicy,
    PolicyKind::KubernetesNetworkPolicy,
    PolicyKind::NetworkPolicy,
    PolicyKind::StagedGlobalNetworkPolicy,
    PolicyKind::StagedKubernetesNetworkPolicy,
    PolicyKind::StagedNetworkPolicy,
];
