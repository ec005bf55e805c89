//! Tiers, policies and profiles, their order and the ids of their rules.

use super::Cluster;
use crate::dialect::TieBreak;
use crate::model::{Direction, Name, Origin, Policy, PolicyKey, PolicyKind, Profile, Rule, RuleId, Tier};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A policy with the ids of its rules.
#[derive(Debug, Clone)]
pub struct PolicyEntry {
    /// The policy.
    pub policy: Policy,
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
    fn rule(&self, direction: Direction, index: usize) -> Option<RuleId> {
        match direction {
            Direction::Ingress => self.ingress.get(index).copied(),
            Direction::Egress => self.egress.get(index).copied(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = RuleId> {
        self.ingress.iter().chain(&self.egress).chain(&self.ingress_end).chain(&self.egress_end).copied()
    }
}

impl PolicyEntry {
    /// The id of a rule.
    pub fn rule_id(&self, direction: Direction, index: usize) -> Option<RuleId> {
        self.ids.rule(direction, index)
    }

    /// The id that stands for the end of the tier, as this policy brought it about.
    pub fn end_id(&self, direction: Direction) -> Option<RuleId> {
        match direction {
            Direction::Ingress => self.ids.ingress_end,
            Direction::Egress => self.ids.egress_end,
        }
    }
}

impl ProfileEntry {
    /// The id of a rule.
    pub fn rule_id(&self, direction: Direction, index: usize) -> Option<RuleId> {
        self.ids.rule(direction, index)
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
    tiers: BTreeMap<Name, Tier>,
    policies: BTreeMap<PolicyKey, Arc<PolicyEntry>>,
    profiles: BTreeMap<Name, Arc<ProfileEntry>>,
    ordered: Vec<(Tier, Vec<Arc<PolicyEntry>>)>,
    owners: BTreeMap<RuleId, (RuleOwner, Direction)>,
    last_id: u32,
}

impl Policies {
    pub(super) fn put_tier(&mut self, tier: Tier) {
        self.tiers.insert(tier.name.clone(), tier);
    }

    pub(super) fn remove_tier(&mut self, name: &str) -> bool {
        self.tiers.remove(name).is_some()
    }

    pub(super) fn has_tier(&self, name: &str) -> bool {
        self.tiers.contains_key(name)
    }

    pub(super) fn put_policy(&mut self, policy: Policy) {
        let old = self.policies.remove(&policy.key);
        let owner = RuleOwner::Policy(policy.key.clone());
        let (old_ingress, old_egress) = match &old {
            Some(entry) => (
                known(entry.policy.ingress.as_deref().unwrap_or_default(), &entry.ids.ingress),
                known(entry.policy.egress.as_deref().unwrap_or_default(), &entry.ids.egress),
            ),
            None => (Vec::new(), Vec::new()),
        };
        let ids = RuleIds {
            ingress: self.ids_for(
                &owner,
                Direction::Ingress,
                policy.ingress.as_deref().unwrap_or_default(),
                old_ingress,
            ),
            egress: self.ids_for(
                &owner,
                Direction::Egress,
                policy.egress.as_deref().unwrap_or_default(),
                old_egress,
            ),
            ingress_end: Some(self.end_id(
                &owner,
                Direction::Ingress,
                old.as_ref().and_then(|e| e.ids.ingress_end),
            )),
            egress_end: Some(self.end_id(
                &owner,
                Direction::Egress,
                old.as_ref().and_then(|e| e.ids.egress_end),
            )),
        };
        self.forget(old.as_ref().map(|entry| &entry.ids), &ids);
        self.policies.insert(policy.key.clone(), Arc::new(PolicyEntry { policy, ids }));
    }

    pub(super) fn remove_policy(&mut self, key: &PolicyKey) -> bool {
        let old = self.policies.remove(key);
        self.forget(old.as_ref().map(|entry| &entry.ids), &RuleIds::default());
        old.is_some()
    }

    pub(super) fn put_profile(&mut self, name: Name, profile: Profile) {
        let old = self.profiles.remove(&name);
        let owner = RuleOwner::Profile(name.clone());
        let (old_ingress, old_egress) = match &old {
            Some(entry) => (
                known(&entry.profile.ingress, &entry.ids.ingress),
                known(&entry.profile.egress, &entry.ids.egress),
            ),
            None => (Vec::new(), Vec::new()),
        };
        let ids = RuleIds {
            ingress: self.ids_for(&owner, Direction::Ingress, &profile.ingress, old_ingress),
            egress: self.ids_for(&owner, Direction::Egress, &profile.egress, old_egress),
            ..RuleIds::default()
        };
        self.forget(old.as_ref().map(|entry| &entry.ids), &ids);
        self.profiles.insert(name, Arc::new(ProfileEntry { profile, ids }));
    }

    pub(super) fn remove_profile(&mut self, name: &str) -> bool {
        let old = self.profiles.remove(name);
        self.forget(old.as_ref().map(|entry| &entry.ids), &RuleIds::default());
        old.is_some()
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Arc<ProfileEntry>> {
        self.profiles.get(name)
    }

    pub(super) fn policy(&self, key: &PolicyKey) -> Option<&Arc<PolicyEntry>> {
        self.policies.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<PolicyEntry>> {
        self.policies.values()
    }

    pub(super) fn ordered(&self) -> &[(Tier, Vec<Arc<PolicyEntry>>)] {
        &self.ordered
    }

    /// The id of each rule: that of an equal rule the owner had, else a new one.
    fn ids_for(
        &mut self,
        owner: &RuleOwner,
        direction: Direction,
        rules: &[Rule],
        mut old: Vec<(&Rule, RuleId)>,
    ) -> Vec<RuleId> {
        rules
            .iter()
            .map(|rule| match old.iter().position(|(known, _)| same_rule(known, rule)) {
                Some(position) => old.remove(position).1,
                None => self.new_id(owner, direction),
            })
            .collect()
    }

    fn end_id(&mut self, owner: &RuleOwner, direction: Direction, old: Option<RuleId>) -> RuleId {
        old.unwrap_or_else(|| self.new_id(owner, direction))
    }

    fn new_id(&mut self, owner: &RuleOwner, direction: Direction) -> RuleId {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        let id = RuleId(self.last_id);
        self.owners.insert(id, (owner.clone(), direction));
        id
    }

    fn forget(&mut self, old: Option<&RuleIds>, kept: &RuleIds) {
        let Some(old) = old else { return };
        let kept: std::collections::BTreeSet<RuleId> = kept.iter().collect();
        for id in old.iter().filter(|id| !kept.contains(id)) {
            self.owners.remove(&id);
        }
    }

    /// Sorts tiers and policies anew (calico.md 5.1, 5.2).
    pub(super) fn sort(&mut self, tie_break: TieBreak) {
        let mut tiers: BTreeMap<Name, (Tier, Vec<Arc<PolicyEntry>>)> = Tier::reserved()
            .into_iter()
            .chain(self.tiers.values().cloned())
            .map(|tier| (tier.name.clone(), (tier, Vec::new())))
            .collect();
        let exists: Vec<Name> = tiers.keys().cloned().collect();
        for entry in self.policies.values() {
            let name = &entry.policy.tier;
            let (_, policies) =
                tiers.entry(name.clone()).or_insert_with(|| (Tier::missing(name.clone()), Vec::new()));
            policies.push(entry.clone());
        }
        for (_, policies) in tiers.values_mut() {
            policies.sort_by_cached_key(|entry| (entry.policy.order, tie_text(&entry.policy, tie_break)));
        }
        self.ordered = tiers.into_values().collect();
        let missing = |tier: &Tier| exists.binary_search(&tier.name).is_err();
        self.ordered
            .sort_by(|(a, _), (b, _)| (missing(a), a.order, &a.name).cmp(&(missing(b), b.order, &b.name)));
    }
}

fn known<'a>(rules: &'a [Rule], ids: &[RuleId]) -> Vec<(&'a Rule, RuleId)> {
    rules.iter().zip(ids.iter().copied()).collect()
}

/// Equal but for the place in the text: moving a rule to another line does not change it.
fn same_rule(a: &Rule, b: &Rule) -> bool {
    let without_place = |rule: &Rule| Rule { origin: crate::model::RuleOrigin::default(), ..rule.clone() };
    a.action == b.action && a.origin.name == b.origin.name && without_place(a) == without_place(b)
}

/// What ranks policies of one order (calico.md 5.2, 12.1).
fn tie_text(policy: &Policy, tie_break: TieBreak) -> String {
    let key = &policy.key;
    let namespace = key.namespace.as_deref().unwrap_or("");
    match tie_break {
        TieBreak::NameNamespaceKind => format!("{}/{namespace}/{}", key.name, key.kind),
        TieBreak::BackendName => {
            let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
            format!("{prefix}{}", backend_name(policy))
        }
    }
}

fn backend_name(policy: &Policy) -> String {
    let (name, tier) = (&policy.key.name, &policy.tier);
    let stage = if policy.key.kind.is_staged() { "staged:" } else { "" };
    match policy.key.kind {
        PolicyKind::KubernetesNetworkPolicy | PolicyKind::StagedKubernetesNetworkPolicy => {
            format!("{stage}knp.default.{name}")
        }
        PolicyKind::KubernetesAdminNetworkPolicy => format!("kanp.adminnetworkpolicy.{name}"),
        PolicyKind::KubernetesBaselineAdminNetworkPolicy => {
            format!("kbanp.baselineadminnetworkpolicy.{name}")
        }
        _ if name.starts_with(&format!("{tier}.")) => format!("{stage}{name}"),
        _ => format!("{stage}{tier}.{name}"),
    }
}

impl Cluster {
    /// What an id of a rule stands for; `None` once the rule is gone.
    pub fn rule(&self, id: RuleId) -> Option<RuleInfo<'_>> {
        let (owner, direction) = self.policies.owners.get(&id)?;
        let direction = *direction;
        let position = |ids: &RuleIds| {
            let list = match direction {
                Direction::Ingress => &ids.ingress,
                Direction::Egress => &ids.egress,
            };
            list.iter().position(|known| *known == id).map_or(RulePosition::EndOfTier, RulePosition::Rule)
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
        self.policies.iter().map(|entry| &**entry)
    }

    /// Every tier in order, each with its policies in order. Reserved tiers are always there; a tier that policies
    /// name and nobody declared comes last and denies (calico.md 5.1, 5.2).
    pub fn tiers(&self) -> impl Iterator<Item = (&Tier, impl Iterator<Item = &PolicyEntry>)> {
        self.policies.ordered().iter().map(|(tier, policies)| (tier, policies.iter().map(|entry| &**entry)))
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
