//! Every policy and profile, with what was compiled of it, in the order in which they are tried.

use super::footprint;
use super::rules::{RuleCompiler, Spoken};
use crate::cluster::{Cluster, PolicyEntry, ProfileEntry};
use crate::model::{
    DefaultAction, Direction, Isolation, Name, Order as PolicyOrder, PolicyClass, PolicyKey, RuleId,
};
use crate::tables::{Policies, Profile, Span, count, index};
use std::collections::HashMap;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// What matters of a policy to those it governs. Its rules are the rule lists that its slot has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Governing {
    /// The place of its tier.
    pub(super) tier: u32,
    pub(super) passes: bool,
    pub(super) class: PolicyClass,
    pub(super) staged: bool,
    pub(super) isolation: Isolation,
    /// The number of its subject's selector.
    pub(super) subject: u32,
    /// The id of its end for ingress and egress; absent where it does not govern.
    pub(super) ends: [Option<Option<RuleId>>; 2],
    /// It is of the whole cluster.
    pub(super) is_cluster_wide: bool,
}

/// What ranks a policy: its tier's place, and what ranks it in there.
type Rank = (u32, PolicyOrder, Name, PolicyKey);

/// Policies by slot: a number that a key keeps. A slot has two rule lists, one for each direction.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The policies that are there, of all that were.
    slots: Vec<Option<Governing>>,
    /// What ranks a slot, and the slot of a key: only updates need to know.
    ranks: Vec<Rank>,
    by_key: Map<PolicyKey, u32>,
    tiers: Map<Name, u32>,
    /// Slots in the order in which they are tried.
    ranked: Vec<u32>,
    /// The place of each slot in it.
    places: Vec<u32>,
    profiles: Map<Name, u32>,
    /// The ids of the rules of profiles, which tell whether they are the same: only updates need to know.
    rules_of_profiles: Map<Name, Vec<Option<RuleId>>>,
    pub(super) staged: bool,
}

/// What an edit of a policy means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Edit {
    /// It has other rules.
    Rules(u32),
    /// It governs others, or otherwise: its slot, and what it was.
    Governing(u32, Option<Governing>),
}

/// What an edit of a profile means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ProfileEdit {
    /// It has other rules; by number.
    Rules(u32),
    /// It came or went: endpoints that name it are governed otherwise.
    Users,
}

impl Order {
    /// Compiles the rules of every policy and profile.
    pub(super) fn compile(cluster: &Cluster, spoken: &mut Spoken, policies: &mut Policies) -> Self {
        let mut order = Order::default();
        spoken.vocabulary.reserve(cluster.policies().count());
        let mut rules = RuleCompiler { cluster, spoken, policies };
        for (place, (tier, of_tier)) in (0..).zip(cluster.tiers()) {
            order.tiers.insert(tier.name.clone(), place);
            for entry in of_tier {
                order.ranked.push(count(order.slots.len()));
                let governing = governing(entry, place, tier.default_action, &mut rules);
                order.staged |= governing.staged;
                for list in lists(entry, &mut rules) {
                    rules.policies.rule_lists.push(list);
                }
                order.slots.push(Some(governing));
            }
        }
        order.number();
        let mut profiles: Vec<_> = cluster.profiles().collect();
        profiles.sort_unstable_by_key(|(name, _)| *name);
        order.profiles.reserve(profiles.len());
        for (name, entry) in profiles {
            let profile = profile(entry, &mut rules);
            let number = rules.policies.profiles.push(profile);
            order.profiles.insert(name.clone(), number);
        }
        order
    }

    /// Notes what only updates need to know.
    pub(super) fn link(&mut self, cluster: &Cluster) {
        for (place, (_, of_tier)) in (0..).zip(cluster.tiers()) {
            for entry in of_tier {
                self.by_key.insert(entry.policy.key.clone(), count(self.ranks.len()));
                self.ranks.push(rank(entry, place));
            }
        }
        for (name, entry) in cluster.profiles() {
            self.rules_of_profiles.insert(name.clone(), ids(entry));
        }
    }

    /// Compiles a profile anew that was put or removed. None if its rules are what they were.
    pub(super) fn update_profile(
        &mut self,
        cluster: &Cluster,
        name: &Name,
        spoken: &mut Spoken,
        policies: &mut Policies,
    ) -> Option<ProfileEdit> {
        let Some(entry) = cluster.profile(name) else {
            self.rules_of_profiles.remove(name);
            return self.profiles.remove(name).map(|number| {
                policies.profiles.set(number, Profile::default());
                ProfileEdit::Users
            });
        };
        let ids = ids(entry);
        if self.rules_of_profiles.get(name) == Some(&ids) {
            return None;
        }
        self.rules_of_profiles.insert(name.clone(), ids);
        let mut rules = RuleCompiler { cluster, spoken, policies };
        let profile = profile(entry, &mut rules);
        Some(match self.profiles.get(name) {
            Some(number) => {
                rules.policies.profiles.set(*number, profile);
                ProfileEdit::Rules(*number)
            }
            None => {
                let number = rules.policies.profiles.push(profile);
                self.profiles.insert(name.clone(), number);
                ProfileEdit::Users
            }
        })
    }

    /// A new slot for a policy.
    fn slot(&mut self, entry: &PolicyEntry, tier: u32) -> u32 {
        let slot = count(self.slots.len());
        self.slots.push(None);
        self.ranks.push(rank(entry, tier));
        self.by_key.insert(entry.policy.key.clone(), slot);
        slot
    }

    /// Compiles a policy anew that was put or removed. None if it never was there.
    pub(super) fn update(
        &mut self,
        cluster: &Cluster,
        key: &PolicyKey,
        spoken: &mut Spoken,
        policies: &mut Policies,
    ) -> Option<Edit> {
        let mut rules = RuleCompiler { cluster, spoken, policies };
        let Some(entry) = cluster.policy(key) else {
            let slot = *self.by_key.get(key)?;
            let old = self.governing(slot).copied()?;
            for direction in [0, 1] {
                rules.policies.rule_lists.set(2 * slot + direction, Span::default());
            }
            self.place(slot, None, None);
            return Some(Edit::Governing(slot, Some(old)));
        };
        let tier = *self.tiers.get(&entry.policy.tier)?;
        let action = cluster.tiers().nth(index(tier)).map(|(tier, _)| tier.default_action)?;
        let new = governing(entry, tier, action, &mut rules);
        self.staged |= new.staged;
        let slot = match self.by_key.get(key) {
            Some(known) => *known,
            None => {
                for list in [Span::default(); 2] {
                    rules.policies.rule_lists.push(list);
                }
                self.slot(entry, tier)
            }
        };
        for (direction, list) in (0..).zip(lists(entry, &mut rules)) {
            rules.policies.rule_lists.set(2 * slot + direction, list);
        }
        let (old, rank) = (self.governing(slot).copied(), rank(entry, tier));
        let stays = old == Some(new) && self.ranks.get(index(slot)) == Some(&rank);
        if stays {
            return Some(Edit::Rules(slot));
        }
        self.place(slot, Some(rank), Some(new));
        Some(Edit::Governing(slot, old))
    }

    /// Puts a slot where its policy ranks now, or nowhere.
    fn place(&mut self, slot: u32, rank: Option<Rank>, governing: Option<Governing>) {
        self.ranked.retain(|other| *other != slot);
        self.slots.get_mut(index(slot)).into_iter().for_each(|known| *known = governing);
        if let Some(rank) = rank {
            let before = |other: &u32| self.ranks.get(index(*other)).is_some_and(|other| *other < rank);
            let place = self.ranked.partition_point(before);
            self.ranked.insert(place, slot);
            if let Some(known) = self.ranks.get_mut(index(slot)) {
                *known = rank;
            }
        }
        self.number();
    }

    fn number(&mut self) {
        self.places.resize(self.slots.len(), u32::MAX);
        for (place, slot) in (0..).zip(&self.ranked) {
            self.places.iter_mut().skip(index(*slot)).take(1).for_each(|known| *known = place);
        }
    }

    /// The rules of a policy, as they were compiled last.
    pub(super) fn rules_of(&self, key: &PolicyKey, policies: &Policies) -> [Span; 2] {
        let slot = self.by_key.get(key);
        [0, 1].map(|direction| {
            slot.and_then(|slot| policies.rule_lists.get(2 * slot + direction)).copied().unwrap_or_default()
        })
    }

    /// The same of a profile.
    pub(super) fn rules_of_profile(&self, name: &Name, policies: &Policies) -> [Span; 2] {
        let profile = self.profile(name).and_then(|number| policies.profiles.get(number));
        profile.map_or([Span::default(); 2], |profile| [profile.ingress, profile.egress])
    }

    pub(super) fn governing(&self, slot: u32) -> Option<&Governing> {
        self.slots.get(index(slot))?.as_ref()
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::records(&self.slots)
            + footprint::records(&self.ranks)
            + footprint::entries::<(PolicyKey, u32)>(self.by_key.len())
            + footprint::records(&self.ranked)
            + footprint::records(&self.places)
    }

    /// How many tiers there are.
    pub(super) fn tiers(&self) -> u32 {
        count(self.tiers.len())
    }

    /// The policies in the order in which they are tried.
    pub(super) fn policies(&self) -> impl Iterator<Item = (u32, &Governing)> {
        self.ranked.iter().filter_map(|slot| Some((*slot, self.governing(*slot)?)))
    }

    /// The place of a slot among all, in the order in which they are tried.
    pub(super) fn rank(&self, slot: u32) -> u32 {
        self.places.get(index(slot)).copied().unwrap_or(u32::MAX)
    }

    /// The place of a rule list among all of its direction.
    pub(super) fn rank_of_list(&self, list: u32) -> u32 {
        self.rank(list / 2)
    }

    /// Whether the policy of a rule list is of the whole cluster.
    pub(super) fn is_cluster_wide(&self, list: u32) -> bool {
        self.governing(list / 2).is_some_and(|policy| policy.is_cluster_wide)
    }

    /// The number of a profile.
    pub(super) fn profile(&self, name: &Name) -> Option<u32> {
        self.profiles.get(name).copied()
    }
}

fn rank(entry: &PolicyEntry, tier: u32) -> Rank {
    let (order, text, key) = entry.rank();
    (tier, order, text.clone(), key.clone())
}

fn governing(
    entry: &PolicyEntry,
    tier: u32,
    action: DefaultAction,
    rules: &mut RuleCompiler<'_>,
) -> Governing {
    let policy = &entry.policy;
    Governing {
        tier,
        passes: action == DefaultAction::Pass,
        class: policy.class,
        staged: policy.key.kind.is_staged(),
        isolation: policy.isolation,
        subject: rules.spoken.vocabulary.selector(&policy.subject),
        ends: DIRECTIONS.map(|direction| policy.rules(direction).map(|_| entry.end_id(direction))),
        is_cluster_wide: policy.key.namespace.is_none(),
    }
}

/// In the order of a slot's rule lists.
const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// The rules of a policy for each direction; none where it does not govern.
fn lists(entry: &PolicyEntry, rules: &mut RuleCompiler<'_>) -> [Span; 2] {
    DIRECTIONS.map(|direction| {
        let list = entry.policy.rules(direction).unwrap_or_default();
        rules.rules(list, |index| entry.rule_id(direction, index))
    })
}

fn ids(entry: &ProfileEntry) -> Vec<Option<RuleId>> {
    let of = |direction| {
        let rules = entry.profile.rules(direction).len();
        // The directions are told apart by what comes between them.
        (0..=rules).map(move |index| entry.rule_id(direction, index))
    };
    DIRECTIONS.into_iter().flat_map(of).collect()
}

fn profile(entry: &ProfileEntry, rules: &mut RuleCompiler<'_>) -> Profile {
    let mut compiled =
        |direction| rules.rules(entry.profile.rules(direction), |index| entry.rule_id(direction, index));
    Profile { ingress: compiled(Direction::Ingress), egress: compiled(Direction::Egress) }
}
