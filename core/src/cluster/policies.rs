//! Tiers, policies and profiles, their order and the ids of their rules.

use super::Cluster;
use super::changes::Log;
use super::order::{Tiers, tie_text};
use crate::dialect::TieBreak;
use crate::model::{
    Direction, Name, Order, Origin, Policy, PolicyKey, Profile, Rule, RuleId, RuleOrigin, Tier,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A policy with the ids of its rules.
#[derive(Debug, Clone)]
pub struct PolicyEntry {
    /// The policy.
    pub policy: Policy,
    /// What ranks it among policies of its order.
    pub(super) tie_text: Name,
    ids: RuleIds,
}

/// A profile with the ids of its rules.
#[derive(Debug, Clone)]
pub struct ProfileEntry {
    /// The profile.
    pub profile: Profile,
    ids: RuleIds,
}

#[derive(Debug, Clone, Default)]
struct RuleIds {
    ingress: Vec<RuleId>,
    egress: Vec<RuleId>,
    ingress_end: Option<RuleId>,
    egress_end: Option<RuleId>,
}

impl RuleIds {
    fn of(&self, direction: Direction) -> &[RuleId] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    fn iter(&self) -> impl Iterator<Item = RuleId> {
        self.ingress.iter().chain(&self.egress).chain(&self.ingress_end).chain(&self.egress_end).copied()
    }
}

impl PolicyEntry {
    /// The id of a rule.
    pub fn rule_id(&self, direction: Direction, index: usize) -> Option<RuleId> {
        self.ids.of(direction).get(index).copied()
    }

    /// The id that stands for the end of the tier, as this policy brought it about.
    pub fn end_id(&self, direction: Direction) -> Option<RuleId> {
        match direction {
            Direction::Ingress => self.ids.ingress_end,
            Direction::Egress => self.ids.egress_end,
        }
    }
}

impl PolicyEntry {
    /// What ranks the policy among those of its tier.
    pub(crate) fn rank(&self) -> (Order, &Name, &PolicyKey) {
        (self.policy.order, &self.tie_text, &self.policy.key)
    }
}

impl ProfileEntry {
    /// The id of a rule.
    pub fn rule_id(&self, direction: Direction, index: usize) -> Option<RuleId> {
        self.ids.of(direction).get(index).copied()
    }
}

/// Whose rule an id names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleOwner {
    /// A policy's.
    Policy(PolicyKey),
    /// A profile's.
    Profile(Name),
}

/// Which rule of its owner an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RulePosition {
    /// The rule at this place of the direction's list, from 0.
    Rule(usize),
    /// The end of the policy's tier.
    EndOfTier,
}

/// What an id of a rule stands for.
#[derive(Debug, Clone, Copy)]
pub struct RuleInfo<'a> {
    /// Whose rule it is.
    pub owner: &'a RuleOwner,
    /// In which direction.
    pub direction: Direction,
    /// Which rule.
    pub position: RulePosition,
    /// The rule; `None` for the end of a tier.
    pub rule: Option<&'a Rule>,
    /// Where it stands in its text.
    pub origin: Option<&'a Origin>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Policies {
    declared_tiers: BTreeSet<Name>,
    tiers: Tiers,
    policies: BTreeMap<PolicyKey, Arc<PolicyEntry>>,
    profiles: HashMap<Name, Arc<ProfileEntry>, ahash::RandomState>,
    owners: BTreeMap<RuleId, (RuleOwner, Direction)>,
    last_id: u32,
}

impl Policies {
    pub(super) fn put_tier(&mut self, tier: Tier, log: &mut Log) {
        self.declared_tiers.insert(tier.name.clone());
        log.tiers(self.tiers.put(tier));
    }

    pub(super) fn remove_tier(&mut self, name: &Name, log: &mut Log) {
        if self.declared_tiers.remove(name) {
            log.tiers(self.tiers.remove(name));
        }
    }

    pub(super) fn has_tier(&self, name: &str) -> bool {
        self.declared_tiers.contains(name)
    }

    pub(super) fn put_policy(&mut self, policy: Policy, tie_break: TieBreak, log: &mut Log) {
        let old = self.policies.get(&policy.key).map(Arc::clone);
        if old.as_ref().is_some_and(|old| old.policy == policy) {
            return;
        }
        let old_ids = old.as_ref().map(|old| &old.ids);
        let owner = RuleOwner::Policy(policy.key.clone());
        let mut ids = |direction| {
            let known = old.as_ref().map(|old| (old.policy.rules(direction).unwrap_or_default(), &old.ids));
            let rules = policy.rules(direction).unwrap_or_default();
            self.ids_for(&owner, direction, rules, known)
        };
        let (ingress, egress) = (ids(Direction::Ingress), ids(Direction::Egress));
        let mut end =
            |direction, old: Option<RuleId>| Some(old.unwrap_or_else(|| self.new_id(&owner, direction)));
        let ids = RuleIds {
            ingress,
            egress,
            ingress_end: end(Direction::Ingress, old_ids.and_then(|ids| ids.ingress_end)),
            egress_end: end(Direction::Egress, old_ids.and_then(|ids| ids.egress_end)),
        };
        self.forget(old_ids, &ids);
        log.policy(&policy.key);
        let tie_text = match &old {
            Some(old) if old.policy.tier == policy.tier => old.tie_text.clone(),
            _ => tie_text(&policy, tie_break).into(),
        };
        let entry = Arc::new(PolicyEntry { policy, tie_text, ids });
        log.tiers(self.tiers.put_policy(old.as_ref(), &entry));
        self.policies.insert(entry.policy.key.clone(), entry);
    }

    pub(super) fn remove_policy(&mut self, key: &PolicyKey, log: &mut Log) {
        let Some(old) = self.policies.remove(key) else { return };
        self.forget(Some(&old.ids), &RuleIds::default());
        log.policy(key);
        log.tiers(self.tiers.remove_policy(&old));
    }

    /// True if what the profile's endpoints inherit may have changed.
    pub(super) fn put_profile(&mut self, name: &Name, profile: Profile, log: &mut Log) -> bool {
        let old = self.profiles.get(name).map(Arc::clone);
        if old.as_ref().is_some_and(|old| old.profile == profile) {
            return false;
        }
        let owner = RuleOwner::Profile(name.clone());
        let mut ids = |direction| {
            let known = old.as_ref().map(|old| (old.profile.rules(direction), &old.ids));
            self.ids_for(&owner, direction, profile.rules(direction), known)
        };
        let (ingress, egress) = (ids(Direction::Ingress), ids(Direction::Egress));
        let ids = RuleIds { ingress, egress, ..RuleIds::default() };
        self.forget(old.as_ref().map(|old| &old.ids), &ids);
        log.profile(name);
        let relabels = old.is_none_or(|old| old.profile.labels_to_apply != profile.labels_to_apply);
        self.profiles.insert(name.clone(), Arc::new(ProfileEntry { profile, ids }));
        relabels
    }

    /// True if there was one.
    pub(super) fn remove_profile(&mut self, name: &Name, log: &mut Log) -> bool {
        let Some(old) = self.profiles.remove(name) else { return false };
        self.forget(Some(&old.ids), &RuleIds::default());
        log.profile(name);
        true
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Arc<ProfileEntry>> {
        self.profiles.get(name)
    }

    pub(super) fn policy(&self, key: &PolicyKey) -> Option<&Arc<PolicyEntry>> {
        self.policies.get(key)
    }

    pub(super) fn ordered(&self) -> impl Iterator<Item = (&Tier, impl Iterator<Item = &PolicyEntry>)> {
        self.tiers.iter()
    }

    /// The id of each rule: that of an equal rule the owner had, else a new one.
    fn ids_for(
        &mut self,
        owner: &RuleOwner,
        direction: Direction,
        rules: &[Rule],
        old: Option<(&[Rule], &RuleIds)>,
    ) -> Vec<RuleId> {
        let mut old: Vec<(&Rule, RuleId)> = old
            .map(|(rules, ids)| rules.iter().zip(ids.of(direction).iter().copied()).collect())
            .unwrap_or_default();
        rules
            .iter()
            .map(|rule| match old.iter().position(|(known, _)| same_rule(known, rule)) {
                Some(position) => old.remove(position).1,
                None => self.new_id(owner, direction),
            })
            .collect()
    }

    fn new_id(&mut self, owner: &RuleOwner, direction: Direction) -> RuleId {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        let id = RuleId(self.last_id);
        self.owners.insert(id, (owner.clone(), direction));
        id
    }

    fn forget(&mut self, old: Option<&RuleIds>, kept: &RuleIds) {
        let Some(old) = old else { return };
        let kept: BTreeSet<RuleId> = kept.iter().collect();
        for id in old.iter().filter(|id| !kept.contains(id)) {
            self.owners.remove(&id);
        }
    }
}

/// Equal but for the place in the text: moving a rule to another line does not change it.
fn same_rule(a: &Rule, b: &Rule) -> bool {
    without_place(a) == without_place(b)
}

fn without_place(rule: &Rule) -> impl PartialEq {
    let Rule {
        action,
        ip_version,
        protocol,
        not_protocol,
        icmp,
        not_icmp,
        source,
        destination,
        http,
        origin,
    } = rule;
    let RuleOrigin { name, index: _, at: _ } = origin;
    (action, ip_version, protocol, not_protocol, icmp, not_icmp, source, destination, http, name)
}

impl Cluster {
    /// What an id of a rule stands for; `None` once the rule is gone.
    pub fn rule(&self, id: RuleId) -> Option<RuleInfo<'_>> {
        let (owner, direction) = self.policies.owners.get(&id)?;
        let direction = *direction;
        let position = |ids: &RuleIds| {
            ids.of(direction)
                .iter()
                .position(|known| *known == id)
                .map_or(RulePosition::EndOfTier, RulePosition::Rule)
        };
        let (position, rules, origin) = match owner {
            RuleOwner::Policy(key) => {
                let entry = self.policies.policy(key)?;
                (
                    position(&entry.ids),
                    entry.policy.rules(direction).unwrap_or_default(),
                    entry.policy.origin.as_ref(),
                )
            }
            RuleOwner::Profile(name) => {
                let entry = self.policies.profile(name)?;
                (position(&entry.ids), entry.profile.rules(direction), None)
            }
        };
        let rule = match position {
            RulePosition::Rule(index) => rules.get(index),
            RulePosition::EndOfTier => None,
        };
        let origin = rule.and_then(|rule| rule.origin.at.as_ref()).or(origin);
        Some(RuleInfo { owner, direction, position, rule, origin })
    }

    /// A policy by its key.
    pub fn policy(&self, key: &PolicyKey) -> Option<&PolicyEntry> {
        self.policies.policy(key).map(|entry| &**entry)
    }

    /// Every policy, by key.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyEntry> {
        self.policies.policies.values().map(|entry| &**entry)
    }

    /// Every tier in order, each with its policies in order. Reserved tiers are always there; a tier that policies
    /// name and nobody declared comes last and denies (calico.md 5.1, 5.2).
    pub fn tiers(&self) -> impl Iterator<Item = (&Tier, impl Iterator<Item = &PolicyEntry>)> {
        self.policies.ordered()
    }

    /// A profile by its name.
    pub fn profile(&self, name: &str) -> Option<&ProfileEntry> {
        self.policies.profile(name).map(|entry| &**entry)
    }

    /// Every profile, by name.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = (&Name, &ProfileEntry)> {
        self.policies.profiles.iter().map(|(name, entry)| (name, &**entry))
    }
}
