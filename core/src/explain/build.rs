//! From the events of a walk to the trace.

use super::describe::{flow_trace, rule_outcome};
use super::{
    ConnectionTrace, DeciderTrace, PhaseTrace, PolicyTrace, ProfileTrace, RuleOutcome, RuleTrace,
    ServiceTrace, SideTrace, StepTrace, TRACE_VERSION, TierOutcome, TierTrace, Trace,
};
use crate::cluster::{AppliedPolicy, AppliedTier, Cluster, Phase, ProfileEntry, RuleOwner};
use crate::model::{Direction, FlowContext, Name, PolicyKey, Reason, Rule, RuleAction, RuleId};
use crate::reference::{Connection, Event, Facts, Hit, Match, SideResult, Step, StepKind};

pub(super) fn trace(
    cluster: &Cluster,
    context: &FlowContext,
    enforced: &Connection<'_>,
    pending: &Connection<'_>,
) -> Trace {
    let service = enforced.route.as_ref().map(|route| ServiceTrace {
        service: route.service.to_string(),
        node: route.node.as_deref().map(str::to_owned),
        backends: enforced
            .backends
            .iter()
            .map(|backend| flow_trace(cluster, &backend.flow, context))
            .collect(),
    });
    Trace {
        version: TRACE_VERSION,
        generation: cluster.generation(),
        flow: flow_trace(cluster, &enforced.flow, context),
        enforced: connection(cluster, enforced),
        pending: (!same_way(enforced, pending)).then(|| connection(cluster, pending)),
        service,
    }
}

/// Whether both connections are decided by the same rules, for the same reasons. The end of a tier is the same whichever
/// policy it is attributed to.
fn same_way(a: &Connection<'_>, b: &Connection<'_>) -> bool {
    let hits = |connection: &Connection<'_>, direction| {
        let of = |hit: &Hit| {
            let decider = hit.index.is_some().then(|| hit.decider.clone());
            (hit.phase, hit.tier.clone(), hit.action, hit.index, decider)
        };
        connection.hits(direction).map(of).collect::<Vec<_>>()
    };
    let reasons = |connection: &Connection<'_>| {
        [&connection.egress, &connection.ingress].map(|side| {
            let (action, reason, _) = side.outcome.decide();
            (action, reason)
        })
    };
    a.action() == b.action()
        && reasons(a) == reasons(b)
        && a.backends.len() == b.backends.len()
        && [Direction::Egress, Direction::Ingress]
            .into_iter()
            .all(|direction| hits(a, direction) == hits(b, direction))
        && a.backends.iter().zip(&b.backends).all(|(a, b)| same_way(a, b))
}

fn connection(cluster: &Cluster, connection_: &Connection<'_>) -> ConnectionTrace {
    let sides = if connection_.backends.is_empty() {
        vec![
            side(cluster, &connection_.egress, Direction::Egress),
            side(cluster, &connection_.ingress, Direction::Ingress),
        ]
    } else {
        Vec::new()
    };
    ConnectionTrace {
        action: connection_.action(),
        missing: connection_.missing(),
        logged: connection_.logs().into_iter().filter_map(|rule| decider(cluster, rule)).collect(),
        http_assumed: connection_.http_assumed(),
        sides,
        backends: connection_.backends.iter().map(|backend| connection(cluster, backend)).collect(),
    }
}

fn side(cluster: &Cluster, side: &SideResult<'_>, direction: Direction) -> SideTrace {
    let (action, reason, rule) = side.outcome.decide();
    SideTrace {
        direction,
        endpoint: side.endpoint.map(|entry| entry.endpoint.key.to_string()),
        action,
        reason,
        decided_by: rule.and_then(|rule| decider(cluster, rule)),
        steps: side.steps.iter().map(|each| step(each, direction)).collect(),
    }
}

fn decider(cluster: &Cluster, id: RuleId) -> Option<DeciderTrace> {
    let info = cluster.rule(id)?;
    let owner = match info.owner {
        RuleOwner::Policy(key) => key.to_string(),
        RuleOwner::Profile(name) => format!("Profile {name}"),
    };
    Some(DeciderTrace {
        rule_id: id.get(),
        owner,
        direction: info.direction,
        index: info.rule.map(|rule| rule.origin.index),
        name: info.rule.and_then(|rule| rule.origin.name.as_deref()).map(str::to_owned),
        origin: info.origin.map(ToString::to_string),
    })
}

fn step(step: &Step<'_>, side: Direction) -> StepTrace {
    let (action, reason, _) = step.outcome.decide();
    let (at, direction, role) = match step.kind {
        StepKind::Endpoint { entry, direction, role } => {
            (entry.endpoint.key.to_string(), direction, Some(role))
        }
        StepKind::Reply { entry, direction } => (format!("{} (reply)", entry.endpoint.key), direction, None),
        StepKind::EndpointToHost => ("endpoint-to-host action".to_owned(), side, None),
    };
    let hits = step.record.hits.iter().enumerate();
    StepTrace {
        at,
        direction,
        role,
        action,
        reason,
        policy_strings: hits.map(|(position, hit)| format!("{position}|{hit}")).collect(),
        phases: phases(step, direction),
    }
}

fn phases(step: &Step<'_>, direction: Direction) -> Vec<PhaseTrace> {
    let mut phases: Vec<PhaseTrace> = Vec::new();
    for event in step.record.events.iter().flatten() {
        match event {
            Event::Phase(phase, tiers) => phases.push(PhaseTrace {
                phase: *phase,
                tiers: tiers.iter().map(|each| tier(each, *phase, &step.record.hits)).collect(),
                profiles: Vec::new(),
            }),
            Event::Rule { policy, index, result } => {
                let rule = policy.policy.rules(direction).and_then(|rules| rules.get(*index));
                let traced =
                    phases.last_mut().and_then(|phase| traced_rule(phase, &policy.policy.key, *index));
                set_outcome(traced, rule, &step.facts, result);
            }
            Event::TierDefault { tier, reason } => {
                let traced = phases.last_mut().into_iter().flat_map(|phase| &mut phase.tiers);
                for traced in traced.filter(|traced| traced.name == *tier.name) {
                    if let TierOutcome::Default { reason: known, .. } = &mut traced.outcome {
                        *known = *reason;
                    }
                }
            }
            Event::Profile(name, entry) => {
                if let Some(phase) = phases.last_mut() {
                    phase.profiles.push(profile(name, *entry, direction));
                }
            }
            Event::ProfileRule { index, result } => {
                let traced = phases.last_mut().and_then(|phase| phase.profiles.last_mut());
                if let Some(traced) = traced {
                    let rule = step.facts.cluster.profile(&traced.name);
                    let rule = rule.and_then(|entry| entry.profile.rules(direction).get(*index));
                    set_outcome(traced.rules.get_mut(*index), rule, &step.facts, result);
                }
            }
        }
    }
    phases
}

fn set_outcome(traced: Option<&mut RuleTrace>, rule: Option<&Rule>, facts: &Facts<'_>, result: &Match) {
    if let (Some(traced), Some(rule)) = (traced, rule) {
        traced.outcome = rule_outcome(facts, rule, result);
    }
}

fn traced_rule<'t>(phase: &'t mut PhaseTrace, policy: &PolicyKey, index: usize) -> Option<&'t mut RuleTrace> {
    let name = policy.to_string();
    let mut policies = phase.tiers.iter_mut().flat_map(|tier| &mut tier.policies);
    policies.find(|traced| traced.policy == name)?.rules.get_mut(index)
}

fn tier(applied: &AppliedTier<'_>, phase: Phase, hits: &[Hit]) -> TierTrace {
    let name: &Name = &applied.tier.name;
    let hit = hits.iter().find(|hit| hit.phase == phase && hit.tier.as_ref() == Some(name));
    let outcome = match hit {
        Some(Hit { action, index: Some(_), .. }) => TierOutcome::Rule { action: *action },
        Some(Hit { action, index: None, .. }) => {
            TierOutcome::Default { action: *action, reason: Reason::TierDefault }
        }
        None if applied.settled => {
            TierOutcome::Default { action: RuleAction::Allow, reason: Reason::TierDefault }
        }
        None => TierOutcome::NotReached,
    };
    TierTrace {
        name: name.to_string(),
        order: applied.tier.order.value(),
        default_action: applied.tier.default_action,
        outcome,
        policies: applied.policies.iter().map(policy).collect(),
    }
}

fn policy(applied: &AppliedPolicy<'_>) -> PolicyTrace {
    let policy = &applied.entry.policy;
    PolicyTrace {
        policy: policy.key.to_string(),
        staged: policy.key.kind.is_staged(),
        order: policy.order.value(),
        origin: policy.origin.as_ref().map(ToString::to_string),
        rules: applied.rules.iter().enumerate().map(|(index, each)| rule(index, each)).collect(),
    }
}

fn profile(name: &Name, entry: Option<&ProfileEntry>, direction: Direction) -> ProfileTrace {
    let rules = entry.map(|entry| entry.profile.rules(direction)).unwrap_or_default();
    ProfileTrace {
        name: name.to_string(),
        missing: entry.is_none(),
        rules: rules.iter().enumerate().map(|(index, each)| rule(index, each)).collect(),
    }
}

fn rule(index: usize, rule: &Rule) -> RuleTrace {
    RuleTrace {
        index,
        source_index: rule.origin.index,
        name: rule.origin.name.as_deref().map(str::to_owned),
        action: rule.action,
        origin: rule.origin.at.as_ref().map(ToString::to_string),
        outcome: RuleOutcome::NotReached,
    }
}
