//! Which rules govern whom, in which order.

use super::holders::{Holders, at, at_mut};
use super::rules::RuleCompiler;
use super::{Numbered, number};
use crate::cluster::{Cluster, EndpointEntry, Phase, PolicyEntry, Scope};
use crate::model::{DefaultAction, Direction, Isolation, Name, OtherProtocols, PolicyClass, RuleId, Tier};
use crate::tables::{AppliedTier, EndOfTier, Endpoints, NONE, Policies, Profile, Span, Subject, index};
use std::collections::HashMap;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// A policy, with the numbers of what was compiled of it.
#[derive(Debug, Clone, Copy)]
struct Governing {
    tier: u32,
    passes: bool,
    class: PolicyClass,
    staged: bool,
    isolation: Isolation,
    subject: u32,
    /// Its rule list and the id of its end, for ingress and egress; absent where it does not govern.
    directions: [Option<(u32, Option<RuleId>)>; 2],
}

/// Every policy in the order in which it is tried, and every profile.
#[derive(Debug, Default)]
pub(super) struct Order {
    policies: Vec<Governing>,
    profiles: Map<Name, u32>,
    /// Of each rule list, whether its policy is of the whole cluster.
    pub(super) cluster_wide: Vec<bool>,
    pub(super) staged: bool,
}

impl Order {
    /// Compiles the rules of every policy and profile.
    pub(super) fn compile(cluster: &Cluster, rules: &mut RuleCompiler<'_>) -> Self {
        let mut order = Order::default();
        for (position, (tier, policies)) in (0..).zip(cluster.tiers()) {
            for entry in policies {
                order.policies.push(governing(entry, position, tier, rules));
                let lists = index(rules.policies.rule_lists.len());
                order.cluster_wide.resize(lists, entry.policy.key.namespace.is_none());
            }
        }
        order.staged = order.policies.iter().any(|policy| policy.staged);
        for (name, entry) in cluster.profiles() {
            let compiled = |direction, rules: &mut RuleCompiler<'_>| {
                rules.rules(entry.profile.rules(direction), |index| entry.rule_id(direction, index))
            };
            let profile = Profile {
                ingress: compiled(Direction::Ingress, rules),
                egress: compiled(Direction::Egress, rules),
            };
            let number = rules.policies.profiles.push(profile);
            order.profiles.insert(name.clone(), number);
        }
        order
    }
}

fn governing(entry: &PolicyEntry, position: u32, tier: &Tier, rules: &mut RuleCompiler<'_>) -> Governing {
    let policy = &entry.policy;
    let mut compiled = |direction| {
        let list = policy.rules(direction)?;
        let span = rules.rules(list, |index| entry.rule_id(direction, index));
        Some((rules.policies.rule_lists.push(span), entry.end_id(direction)))
    };
    let directions = [compiled(Direction::Ingress), compiled(Direction::Egress)];
    Governing {
        tier: position,
        passes: tier.default_action == DefaultAction::Pass,
        class: policy.class,
        staged: policy.key.kind.is_staged(),
        isolation: policy.isolation,
        subject: rules.vocabulary.selector(&policy.subject),
        directions,
    }
}

/// Whether two lists name the same, most often by being the same names.
fn same(a: &[Name], b: &[Name]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| std::sync::Arc::ptr_eq(a, b) || a == b)
}

/// One tier of a list: its position, the rule lists of its policies, its end, and the id of that.
type TierKey = (u32, Vec<u32>, EndOfTier, Option<RuleId>);

/// Subjects, each once, and the lists that they share.
pub(super) struct Subjects<'a> {
    order: &'a Order,
    /// The policies that select a label set, by its number.
    selecting: Vec<Vec<u32>>,
    tiers: Map<Vec<TierKey>, u32>,
    /// Runs of rule lists.
    policies: Map<Vec<u32>, Span>,
    lists: Map<(u32, bool), Span>,
    profiles: Map<Vec<u32>, Span>,
    subjects: Numbered<Subject>,
    /// The last endpoint of a label set: whether it was a host's, its profiles, and its subject.
    last: Vec<Option<(bool, &'a [Name], u32)>>,
}

impl<'a> Subjects<'a> {
    pub(super) fn new(order: &'a Order, holders: &Holders<'_>) -> Self {
        let mut selecting = vec![Vec::new(); usize::try_from(holders.len()).unwrap_or(usize::MAX)];
        for (position, policy) in (0..).zip(&order.policies) {
            for set in at(&holders.matching, policy.subject).into_iter().flatten() {
                if let Some(selecting) = at_mut(&mut selecting, *set) {
                    selecting.push(position);
                }
            }
        }
        Subjects {
            order,
            last: vec![None; selecting.len()],
            selecting,
            tiers: Map::default(),
            policies: Map::default(),
            lists: Map::default(),
            profiles: Map::default(),
            subjects: Numbered::default(),
        }
    }

    /// The number of what governs an endpoint.
    pub(super) fn subject(
        &mut self,
        entry: &'a EndpointEntry,
        set: u32,
        endpoints: &mut Endpoints,
        policies: &mut Policies,
    ) -> u32 {
        let is_host = entry.endpoint.is_host();
        if let Some((known, profiles, subject)) = at(&self.last, set).and_then(Option::as_ref)
            && *known == is_host
            && same(profiles, &entry.endpoint.profiles)
        {
            return *subject;
        }
        let lists = match self.lists.get(&(set, is_host)) {
            Some(known) => *known,
            None => {
                let lists = self.lists_of(set, is_host, policies);
                let span = endpoints.lists.push(lists);
                self.lists.insert((set, is_host), span);
                span
            }
        };
        let numbers: Vec<u32> = entry
            .endpoint
            .profiles
            .iter()
            .map(|name| self.order.profiles.get(name).copied().unwrap_or(NONE))
            .collect();
        let profiles = *self
            .profiles
            .entry(numbers)
            .or_insert_with_key(|numbers| endpoints.profiles.push(numbers.iter().copied()));
        let subject = Subject { lists, profiles };
        let known = self.subjects.len();
        let position = number(&mut self.subjects, subject);
        if self.subjects.len() > known {
            endpoints.subjects.push(subject);
        }
        if let Some(last) = at_mut(&mut self.last, set) {
            *last = Some((is_host, &entry.endpoint.profiles, position));
        }
        position
    }

    /// The lists of a subject, in the order of [`Subject::position`].
    fn lists_of(&mut self, set: u32, is_host: bool, policies: &mut Policies) -> Vec<u32> {
        let phases: &[Phase] = if is_host {
            &[Phase::Normal, Phase::Untracked, Phase::PreDnat, Phase::Forward]
        } else {
            &[Phase::Normal]
        };
        let selecting = at(&self.selecting, set).cloned().unwrap_or_default();
        let selecting: Vec<Governing> =
            selecting.iter().filter_map(|policy| at(&self.order.policies, *policy)).copied().collect();
        let mut lists = Vec::new();
        for phase in phases {
            for direction in [0, 1] {
                for scope in [Scope::Enforced, Scope::Pending] {
                    lists.push(self.list(&selecting, *phase, direction, scope, policies));
                }
            }
        }
        lists
    }

    fn list(
        &mut self,
        selecting: &[Governing],
        phase: Phase,
        direction: usize,
        scope: Scope,
        policies: &mut Policies,
    ) -> u32 {
        let acting: Vec<&Governing> = selecting
            .iter()
            .filter(|policy| acts_in(policy.class, phase) && (scope == Scope::Pending || !policy.staged))
            .collect();
        let tiers: Vec<_> = acting
            .chunk_by(|a, b| a.tier == b.tier)
            .filter_map(|tier| applied_tier(tier, phase, direction, scope))
            .collect();
        if tiers.is_empty() {
            return NONE;
        }
        if let Some(known) = self.tiers.get(&tiers) {
            return *known;
        }
        let applied: Vec<AppliedTier> = tiers
            .iter()
            .map(|(tier, lists, end, end_id)| AppliedTier {
                tier: *tier,
                policies: *self
                    .policies
                    .entry(lists.clone())
                    .or_insert_with_key(|lists| policies.policies.push(lists.iter().copied())),
                end: *end,
                end_id: *end_id,
            })
            .collect();
        let span = policies.tiers.push(applied);
        let list = policies.lists.push(span);
        self.tiers.insert(tiers, list);
        list
    }
}

fn applied_tier(tier: &[&Governing], phase: Phase, direction: usize, scope: Scope) -> Option<TierKey> {
    let position = tier.first()?.tier;
    let governing: Vec<(&Governing, u32, Option<RuleId>)> = tier
        .iter()
        .filter_map(|policy| {
            let (list, end) = policy.directions.get(direction).copied().flatten()?;
            Some((*policy, list, end))
        })
        .collect();
    let trigger = match scope {
        Scope::Enforced => governing.last(),
        Scope::Pending => governing.first(),
    };
    let Some((first, _, end_id)) = trigger else {
        let settled = tier.iter().any(|policy| policy.isolation.settles_other_direction);
        return settled.then_some((position, Vec::new(), EndOfTier::Settled, None));
    };
    let all =
        |holds: &dyn Fn(&Isolation) -> bool| governing.iter().all(|(policy, ..)| holds(&policy.isolation));
    let end = if first.passes || matches!(phase, Phase::Untracked | Phase::PreDnat) {
        EndOfTier::Pass
    } else {
        EndOfTier::Deny {
            own_node: all(&|isolation| isolation.exempts_own_node),
            other_protocols: all(&|isolation| isolation.other_protocols == OtherProtocols::Allowed),
            other_undecided: all(&|isolation| isolation.other_protocols == OtherProtocols::Undecided),
        }
    };
    Some((position, governing.iter().map(|(_, list, _)| *list).collect(), end, *end_id))
}

/// Workloads have no phase but the normal one, so host endpoints need no telling apart here.
fn acts_in(class: PolicyClass, phase: Phase) -> bool {
    match (phase, class) {
        (Phase::Untracked, PolicyClass::Untracked)
        | (Phase::PreDnat, PolicyClass::PreDnat)
        | (Phase::Normal, PolicyClass::Normal { .. }) => true,
        (Phase::Forward, PolicyClass::Normal { apply_on_forward }) => apply_on_forward,
        _ => false,
    }
}
