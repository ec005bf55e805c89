//! Which rules govern whom, in which order.

use super::holders::{Holders, at, at_mut};
use super::order::{Governing, Order};
use super::{Few, Numbered, footprint, number};
use crate::cluster::{EndpointEntry, Phase, Scope};
use crate::model::{Isolation, OtherProtocols, PolicyClass, RuleId};
use crate::tables::{AppliedTier, EndOfTier, Endpoints, NONE, Policies, Span, Subject, count};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// Subjects: for each label set, one for hosts and one for workloads with each list of profiles.
#[derive(Debug)]
pub(super) struct Subjects {
    /// The slots of the policies that select a label set, by its number, in the order in which they are tried.
    selecting: Vec<Few>,
    /// Tiers as they govern somebody, by what tells them apart.
    tiers: Map<Box<[u32]>, u32>,
    applied: Vec<AppliedTier>,
    /// Lists of these tiers.
    of_tiers: Map<Few, u32>,
    lists: Map<(u32, bool), Span>,
    profiles: Map<Vec<u32>, Span>,
    subjects: Numbered<(u32, bool, Span)>,
    /// The subjects of each label set.
    of_set: Vec<Few>,
}

impl Subjects {
    pub(super) fn new(order: &Order, holders: &Holders) -> Self {
        let sets = crate::tables::index(holders.len());
        let mut selecting = vec![Few::new(); sets];
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
            applied: Vec::new(),
            of_tiers: Map::default(),
            lists: Map::default(),
            profiles: Map::default(),
            subjects: Numbered::default(),
            of_set: vec![Few::new(); sets],
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
            self.of_set.push(Few::new());
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

    /// The subjects of a label set.
    pub(super) fn of_set(&self, set: u32) -> &[u32] {
        at(&self.of_set, set).map_or(&[], Few::as_slice)
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
            + footprint::entries::<(u32, bool, Span)>(self.subjects.len() + self.lists.len())
            + footprint::entries::<(Few, u32)>(self.tiers.len() + self.of_tiers.len())
            + footprint::slices(self.tiers.keys().map(|tier| &**tier))
            + footprint::records(&self.applied)
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
        let selecting: SmallVec<[(u32, Governing); 16]> =
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
        let acting: SmallVec<[&(u32, Governing); 16]> =
            selecting.iter().filter(|(_, policy)| acts(policy)).collect();
        let mut numbers = Few::new();
        for tier in acting.chunk_by(|(_, a), (_, b)| a.tier == b.tier) {
            numbers.extend(self.tier(tier, phase, direction, scope, policies));
        }
        if numbers.is_empty() {
            return NONE;
        }
        let applied = &self.applied;
        *self.of_tiers.entry(numbers).or_insert_with_key(|numbers| {
            let tiers =
                policies.tiers.push(numbers.iter().filter_map(|number| at(applied, *number)).copied());
            policies.lists.push(tiers)
        })
    }

    /// The number of a tier as these policies of it govern; none if it has no say.
    fn tier(
        &mut self,
        tier: &[&(u32, Governing)],
        phase: Phase,
        direction: usize,
        scope: Scope,
        policies: &mut Policies,
    ) -> Option<u32> {
        let (_, first) = tier.first()?;
        let end_of = |policy: &Governing| policy.ends.get(direction).copied().flatten();
        let governing = || tier.iter().filter(|(_, policy)| end_of(policy).is_some());
        let trigger = match scope {
            Scope::Enforced => governing().next_back(),
            Scope::Pending => governing().next(),
        };
        let settles = tier.iter().any(|(_, policy)| policy.isolation.settles_other_direction);
        let (end, end_id) = match trigger {
            None if settles => (EndOfTier::Settled, None),
            None => return None,
            Some((_, trigger)) => {
                let passes = first.passes || matches!(phase, Phase::Untracked | Phase::PreDnat);
                let end =
                    if passes { EndOfTier::Pass } else { denied(|| governing().map(|(_, policy)| policy)) };
                (end, end_of(trigger).flatten())
            }
        };
        let mut key: SmallVec<[u32; 32]> =
            smallvec![first.tier, end_number(end), end_id.map_or(0, RuleId::get)];
        key.extend(governing().map(|(slot, _)| 2 * slot + count(direction)));
        if let Some(known) = self.tiers.get(&*key) {
            return Some(*known);
        }
        let policies = policies.policies.push(key.iter().skip(3).copied());
        let number = count(self.applied.len());
        self.applied.push(AppliedTier { tier: first.tier, policies, end, end_id });
        self.tiers.insert(key.into_boxed_slice(), number);
        Some(number)
    }
}

/// The end of a tier that denies where all of these govern.
fn denied<'a, I: Iterator<Item = &'a Governing>>(governing: impl Fn() -> I) -> EndOfTier {
    let all = |holds: fn(&Isolation) -> bool| governing().all(|policy| holds(&policy.isolation));
    EndOfTier::Deny {
        own_node: all(|isolation| isolation.exempts_own_node),
        other_protocols: all(|isolation| isolation.other_protocols == OtherProtocols::Allowed),
        other_undecided: all(|isolation| isolation.other_protocols == OtherProtocols::Undecided),
    }
}

/// A number for each end that there may be.
fn end_number(end: EndOfTier) -> u32 {
    match end {
        EndOfTier::Pass => 0,
        EndOfTier::Settled => 1,
        EndOfTier::Deny { own_node, other_protocols, other_undecided } => {
            8 + u32::from(own_node) + 2 * u32::from(other_protocols) + 4 * u32::from(other_undecided)
        }
    }
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
