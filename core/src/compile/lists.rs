//! Which rules govern whom, in which order.

use super::chunks::{Chunks, append};
use super::hashing::{Quick, QuickMap};
use super::holders::{Holders, at, at_mut};
use super::order::{Governing, Order};
use super::{Few, Numbered, footprint, number};
use crate::cluster::{EndpointEntry, Phase, Scope};
use crate::model::{Isolation, OtherProtocols, PolicyClass};
use crate::tables::{AppliedTier, EndOfTier, Endpoints, NONE, Packed, Policies, Span, Subject, count, index};
use smallvec::SmallVec;
/// A policy that selects a label set, with its slot.
type Selecting<'a> = (u32, &'a Governing);

/// Subjects: for each label set, one for hosts and one for workloads with each list of profiles.
#[derive(Debug)]
pub(super) struct Subjects {
    /// The slots of the policies that select a label set, by its number, in the order in which they are tried.
    selecting: Vec<Few>,
    /// Lists of policies.
    policies: QuickMap<Chunks, Packed>,
    /// Tiers as they govern somebody.
    applied: Numbered<AppliedTier, Quick>,
    /// Lists of these tiers.
    of_tiers: QuickMap<Few, u32>,
    /// Of each label set, those of its workloads and those of its hosts.
    lists: Vec<[Option<Span>; 2]>,
    profiles: QuickMap<Few, Span>,
    subjects: Numbered<(u32, bool, Span), Quick>,
    /// The subjects of each label set.
    of_set: Vec<Few>,
}

impl Subjects {
    pub(super) fn new(order: &Order, holders: &Holders) -> Self {
        let sets = index(holders.len());
        // Where every label set is governed otherwise, there are about as many of all these.
        let room = Quick::default;
        Subjects {
            selecting: selecting(order, holders, sets),
            policies: QuickMap::with_capacity_and_hasher(sets, room()),
            applied: Numbered::with_capacity_and_hasher(sets, room()),
            of_tiers: QuickMap::with_capacity_and_hasher(sets, room()),
            lists: vec![[None; 2]; sets],
            profiles: QuickMap::default(),
            subjects: Numbered::with_capacity_and_hasher(sets, room()),
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
                at(&holders.matching, policy.subject).is_some_and(|sets| sets.contains(set))
            };
            let selecting = order.policies().filter(|(_, policy)| selects(policy));
            self.selecting.push(selecting.map(|(slot, _)| slot).collect());
            self.of_set.push(Few::new());
            self.lists.push([None; 2]);
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
        let known = at(&self.lists, set).and_then(|lists| lists.get(usize::from(is_host))).copied().flatten();
        let lists = known.unwrap_or_else(|| {
            let lists = self.lists_of(order, set, is_host, policies);
            self.note(set, is_host, endpoints.lists.push(lists))
        });
        let profiles = &entry.endpoint.profiles;
        let numbers: Few = profiles.iter().map(|name| order.profile(name).unwrap_or(NONE)).collect();
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
            + footprint::entries::<(u32, bool, Span)>(self.subjects.len())
            + footprint::records(&self.lists)
            + footprint::entries::<(Few, u32)>(self.of_tiers.len())
            + footprint::entries::<(Chunks, Packed)>(self.policies.len())
            + footprint::slices(self.policies.keys().map(Chunks::as_slice))
            + footprint::entries::<AppliedTier>(self.applied.len())
    }

    /// Whether a subject is a host's.
    pub(super) fn is_host(&self, subject: u32) -> bool {
        self.subjects.get_index(index(subject)).is_some_and(|(_, is_host, _)| *is_host)
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
        let Some((set, is_host, profiles)) = self.subjects.get_index(index(subject)).copied() else {
            return;
        };
        let lists = self.lists_of(order, set, is_host, policies);
        let lists = self.note(set, is_host, endpoints.lists.push(lists));
        endpoints.subjects.set(subject, Subject { lists, profiles });
    }

    /// Notes where the lists of a label set are.
    fn note(&mut self, set: u32, is_host: bool, lists: Span) -> Span {
        let place = at_mut(&mut self.lists, set).and_then(|lists| lists.get_mut(usize::from(is_host)));
        place.into_iter().for_each(|place| *place = Some(lists));
        lists
    }

    /// The lists of a subject, in the order of [`Subject::position`].
    fn lists_of(
        &mut self,
        order: &Order,
        set: u32,
        is_host: bool,
        policies: &mut Policies,
    ) -> SmallVec<[u32; 16]> {
        let phases: &[Phase] = if is_host {
            &[Phase::Normal, Phase::Untracked, Phase::PreDnat, Phase::Forward]
        } else {
            &[Phase::Normal]
        };
        let mut lists = SmallVec::new();
        let mut acting: SmallVec<[Selecting<'_>; 64]> = SmallVec::new();
        for phase in phases {
            acting.clear();
            for slot in at(&self.selecting, set).into_iter().flatten() {
                let governing = order.governing(*slot).filter(|policy| acts_in(policy.class, *phase));
                acting.extend(governing.map(|policy| (*slot, policy)));
            }
            for direction in [0, 1] {
                let numbers = self.tiers(&acting, *phase, direction, policies);
                lists.extend(numbers.map(|numbers| self.list(numbers, policies)));
            }
        }
        lists
    }

    /// The numbers of the tiers of a phase and direction: as they are enforced, and with what is staged.
    fn tiers(
        &mut self,
        acting: &[Selecting<'_>],
        phase: Phase,
        direction: usize,
        policies: &mut Policies,
    ) -> [Few; 2] {
        let mut numbers = [Few::new(), Few::new()];
        for tier in acting.chunk_by(|(_, a), (_, b)| a.tier == b.tier) {
            let all = self.policies_of(tier, direction, policies);
            let enforced: SmallVec<[Selecting<'_>; 16]>;
            let (in_force, own) = if tier.iter().any(|(_, policy)| policy.staged) {
                enforced = tier.iter().filter(|(_, policy)| !policy.staged).copied().collect();
                (enforced.as_slice(), self.policies_of(&enforced, direction, policies))
            } else {
                (tier, all)
            };
            let [of_enforced, of_pending] = &mut numbers;
            of_enforced.extend(self.tier(in_force, own, phase, direction, Scope::Enforced));
            of_pending.extend(self.tier(tier, all, phase, direction, Scope::Pending));
        }
        numbers
    }

    /// The list of these tiers.
    fn list(&mut self, numbers: Few, policies: &mut Policies) -> u32 {
        if numbers.is_empty() {
            return NONE;
        }
        let applied = &self.applied;
        *self.of_tiers.entry(numbers).or_insert_with_key(|numbers| {
            let tiers = numbers.iter().filter_map(|number| applied.get_index(index(*number))).copied();
            let tiers = policies.tiers.push(tiers);
            policies.lists.push(tiers)
        })
    }

    /// The list of those of these policies that govern a direction.
    fn policies_of(&mut self, tier: &[Selecting<'_>], direction: usize, policies: &mut Policies) -> Packed {
        let mut list = Chunks::new();
        let governing = tier.iter().filter(|(_, policy)| governs(policy, direction));
        governing.for_each(|(slot, _)| append(&mut list, 2 * slot + count(direction)));
        *self.policies.entry(list).or_insert_with_key(|list| policies.policies.pack(list))
    }

    /// The number of a tier as these policies of it govern; none if it has no say.
    fn tier(
        &mut self,
        tier: &[Selecting<'_>],
        policies: Packed,
        phase: Phase,
        direction: usize,
        scope: Scope,
    ) -> Option<u32> {
        let (_, first) = tier.first()?;
        let governing = || tier.iter().filter(|(_, policy)| governs(policy, direction));
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
                let end = match passes {
                    true => EndOfTier::Pass,
                    false => denied(|| governing().map(|(_, policy)| *policy)),
                };
                (end, trigger.ends.get(direction).copied().flatten().flatten())
            }
        };
        Some(number(&mut self.applied, AppliedTier { tier: first.tier, policies, end, end_id }))
    }
}

/// Whether a policy governs a direction.
fn governs(policy: &Governing, direction: usize) -> bool {
    policy.ends.get(direction).is_some_and(Option::is_some)
}

/// The slots of the policies that select each of so many label sets.
fn selecting(order: &Order, holders: &Holders, sets: usize) -> Vec<Few> {
    let selected = |policy: &Governing| at(&holders.matching, policy.subject).into_iter().flatten();
    let mut lengths = vec![0; sets];
    for set in order.policies().flat_map(|(_, policy)| selected(policy)) {
        at_mut(&mut lengths, set).into_iter().for_each(|length| *length += 1);
    }
    let mut selecting: Vec<Few> = lengths.into_iter().map(Few::with_capacity).collect();
    for (slot, policy) in order.policies() {
        for set in selected(policy) {
            at_mut(&mut selecting, set).into_iter().for_each(|slots| slots.push(slot));
        }
    }
    selecting
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
