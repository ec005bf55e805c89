//! Which rules govern whom, in which order.

use super::holders::{Holders, at, at_mut};
use super::order::{Governing, Order};
use super::{Numbered, footprint, number};
use crate::cluster::{EndpointEntry, Phase, Scope};
use crate::model::{Isolation, Name, OtherProtocols, PolicyClass, RuleId};
use crate::tables::{AppliedTier, EndOfTier, Endpoints, NONE, Policies, Span, Subject, count};
use std::collections::HashMap;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// Whether two lists name the same, most often by being the same names.
fn same(a: &[Name], b: &[Name]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| std::sync::Arc::ptr_eq(a, b) || a == b)
}

/// One tier of a list: its position, the rule lists of its policies, its end, and the id of that.
type TierKey = (u32, Vec<u32>, EndOfTier, Option<RuleId>);

/// The last endpoint of a label set: whether it was a host's, its profiles, and its subject.
type Last = (bool, Vec<Name>, u32);

/// Subjects: for each label set, one for hosts and one for workloads with each list of profiles.
#[derive(Debug)]
pub(super) struct Subjects {
    /// The slots of the policies that select a label set, by its number, in the order in which they are tried.
    selecting: Vec<Vec<u32>>,
    tiers: Map<Vec<TierKey>, u32>,
    /// Runs of rule lists.
    policies: Map<Vec<u32>, Span>,
    lists: Map<(u32, bool), Span>,
    profiles: Map<Vec<u32>, Span>,
    subjects: Numbered<(u32, bool, Span)>,
    /// The subjects of each label set.
    of_set: Vec<Vec<u32>>,
    last: Vec<Option<Last>>,
}

impl Subjects {
    pub(super) fn new(order: &Order, holders: &Holders) -> Self {
        let sets = crate::tables::index(holders.len());
        let mut selecting = vec![Vec::new(); sets];
        for (slot, policy) in order.policies() {
            for set in at(&holders.matching, policy.subject).into_iter().flatten() {
                if let Some(selecting) = at_mut(&mut selecting, *set) {
                    selecting.push(slot);
                }
            }
        }
        Subjects {
            selecting,
            tiers: Map::default(),
            policies: Map::default(),
            lists: Map::default(),
            profiles: Map::default(),
            subjects: Numbered::default(),
            of_set: vec![Vec::new(); sets],
            last: vec![None; sets],
        }
    }

    /// Makes room for label sets that are new, and finds the policies that select them.
    pub(super) fn extend(&mut self, order: &Order, holders: &Holders) {
        let known = count(self.selecting.len());
        if known == holders.len() {
            return;
        }
        for set in known..holders.len() {
            let selects = |policy: &Governing| {
                at(&holders.matching, policy.subject).is_some_and(|sets| sets.binary_search(&set).is_ok())
            };
            let selecting = order.policies().filter(|(_, policy)| selects(policy));
            self.selecting.push(selecting.map(|(slot, _)| slot).collect());
            self.of_set.push(Vec::new());
            self.last.push(None);
        }
    }

    /// The number of what governs an endpoint.
    pub(super) fn subject(
        &mut self,
        order: &Order,
        entry: &EndpointEntry,
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
                let lists = self.lists_of(order, set, is_host, policies);
                let span = endpoints.lists.push(lists);
                self.lists.insert((set, is_host), span);
                span
            }
        };
        let profiles = &entry.endpoint.profiles;
        let numbers: Vec<u32> = profiles.iter().map(|name| order.profile(name).unwrap_or(NONE)).collect();
        let profiles = *self
            .profiles
            .entry(numbers)
            .or_insert_with_key(|numbers| endpoints.profiles.push(numbers.iter().copied()));
        let known = self.subjects.len();
        let position = number(&mut self.subjects, (set, is_host, profiles));
        if self.subjects.len() > known {
            endpoints.subjects.push(Subject { lists, profiles });
            at_mut(&mut self.of_set, set).into_iter().for_each(|subjects| subjects.push(position));
        }
        if let Some(last) = at_mut(&mut self.last, set) {
            *last = Some((is_host, entry.endpoint.profiles.clone(), position));
        }
        position
    }

    /// Notes that a policy governs label sets otherwise than before, or no longer. Every subject that this concerns is in
    /// `changed`.
    pub(super) fn policy(
        &mut self,
        order: &Order,
        slot: u32,
        sets: &[u32],
        selects: impl Fn(u32) -> bool,
        changed: &mut std::collections::BTreeSet<u32>,
    ) {
        for set in sets {
            let Some(selecting) = at_mut(&mut self.selecting, *set) else { continue };
            selecting.retain(|other| *other != slot);
            if selects(*set) {
                selecting.push(slot);
            }
            selecting.sort_unstable_by_key(|slot| order.rank(*slot));
            changed.extend(at(&self.of_set, *set).into_iter().flatten());
        }
    }

    /// Profiles came or went: what was found for the last endpoints may be no more so.
    pub(super) fn forget_profiles(&mut self) {
        self.last.iter_mut().for_each(|last| *last = None);
    }

    /// The subjects of a label set.
    pub(super) fn of_set(&self, set: u32) -> &[u32] {
        at(&self.of_set, set).map_or(&[], Vec::as_slice)
    }

    /// The subjects whose lists of profiles have a number in them.
    pub(super) fn with_profile(&self, profile: u32, endpoints: &Endpoints) -> Vec<u32> {
        let has =
            |(_, _, profiles): &(u32, bool, Span)| endpoints.profiles.slice(*profiles).contains(&profile);
        (0..).zip(&self.subjects).filter(|(_, subject)| has(subject)).map(|(number, _)| number).collect()
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::lists(&self.selecting)
            + footprint::lists(&self.of_set)
            + footprint::records(&self.last)
            + footprint::entries::<(u32, bool, Span)>(self.subjects.len() + self.lists.len())
            + footprint::entries::<(Vec<TierKey>, u32)>(self.tiers.len())
            + footprint::slices(self.policies.keys().map(Vec::as_slice))
    }

    /// Whether a subject is a host's.
    pub(super) fn is_host(&self, subject: u32) -> bool {
        self.subjects.get_index(crate::tables::index(subject)).is_some_and(|(_, is_host, _)| *is_host)
    }

    /// How many subjects there are.
    pub(super) fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Finds the lists of a subject anew.
    pub(super) fn renew(
        &mut self,
        order: &Order,
        subject: u32,
        endpoints: &mut Endpoints,
        policies: &mut Policies,
    ) {
        let Some((set, is_host, profiles)) = self.subjects.get_index(crate::tables::index(subject)).copied()
        else {
            return;
        };
        let lists = self.lists_of(order, set, is_host, policies);
        let lists = endpoints.lists.push(lists);
        self.lists.insert((set, is_host), lists);
        endpoints.subjects.set(subject, Subject { lists, profiles });
    }

    /// The lists of a subject, in the order of [`Subject::position`].
    fn lists_of(&mut self, order: &Order, set: u32, is_host: bool, policies: &mut Policies) -> Vec<u32> {
        let phases: &[Phase] = if is_host {
            &[Phase::Normal, Phase::Untracked, Phase::PreDnat, Phase::Forward]
        } else {
            &[Phase::Normal]
        };
        let selecting = at(&self.selecting, set).cloned().unwrap_or_default();
        let selecting: Vec<(u32, Governing)> =
            selecting.iter().filter_map(|slot| Some((*slot, *order.governing(*slot)?))).collect();
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
        selecting: &[(u32, Governing)],
        phase: Phase,
        direction: usize,
        scope: Scope,
        policies: &mut Policies,
    ) -> u32 {
        let acts =
            |policy: &Governing| acts_in(policy.class, phase) && (scope == Scope::Pending || !policy.staged);
        let acting: Vec<&(u32, Governing)> = selecting.iter().filter(|(_, policy)| acts(policy)).collect();
        let tiers: Vec<_> = acting
            .chunk_by(|(_, a), (_, b)| a.tier == b.tier)
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

fn applied_tier(tier: &[&(u32, Governing)], phase: Phase, direction: usize, scope: Scope) -> Option<TierKey> {
    let position = tier.first()?.1.tier;
    let governing: Vec<(&Governing, u32, Option<RuleId>)> = tier
        .iter()
        .filter_map(|(slot, policy)| {
            let end = policy.ends.get(direction).copied().flatten()?;
            Some((policy, 2 * slot + count(direction), end))
        })
        .collect();
    let trigger = match scope {
        Scope::Enforced => governing.last(),
        Scope::Pending => governing.first(),
    };
    let Some((first, _, end_id)) = trigger else {
        let settled = tier.iter().any(|(_, policy)| policy.isolation.settles_other_direction);
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
