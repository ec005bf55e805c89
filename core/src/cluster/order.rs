//! The order of tiers, and of the policies of each (calico.md 5.1, 5.2).

use super::PolicyEntry;
use crate::dialect::TieBreak;
use crate::model::{Name, Order, Policy, PolicyKind, Tier};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every tier in order, each with its policies in order. A change costs in proportion to the logarithm of what is there.
#[derive(Debug, Clone)]
pub(super) struct Tiers {
    /// Where each tier stands.
    ranks: BTreeMap<Name, TierRank>,
    ranked: BTreeMap<TierRank, RankedTier>,
}

/// Tiers that nobody declared come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TierRank {
    presence: Presence,
    order: Order,
    name: Name,
}

/// Why a tier is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Presence {
    /// It was declared, or always exists.
    Exists,
    /// Policies name it.
    Missing,
}

#[derive(Debug, Clone)]
struct RankedTier {
    tier: Tier,
    policies: BTreeSet<Ranked>,
}

/// A policy among those of its tier.
#[derive(Debug, Clone)]
struct Ranked(Arc<PolicyEntry>);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.rank().cmp(&other.0.rank())
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl Default for Tiers {
    fn default() -> Self {
        let mut tiers = Tiers { ranks: BTreeMap::new(), ranked: BTreeMap::new() };
        for tier in Tier::reserved() {
            tiers.place(tier, Presence::Exists);
        }
        tiers
    }
}

impl Tiers {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Tier, impl Iterator<Item = &PolicyEntry>)> {
        self.ranked.values().map(|ranked| (&ranked.tier, ranked.policies.iter().map(|policy| &*policy.0)))
    }

    /// Declares a tier. True if that makes a difference.
    pub(super) fn put(&mut self, tier: Tier) -> bool {
        self.place(tier, Presence::Exists)
    }

    /// Takes back what was declared. True if that makes a difference.
    pub(super) fn remove(&mut self, name: &Name) -> bool {
        if let Some(reserved) = Tier::reserved().into_iter().find(|tier| tier.name == *name) {
            return self.place(reserved, Presence::Exists);
        }
        let changed = self.place(Tier::missing(name.clone()), Presence::Missing);
        self.drop_unused(name);
        changed
    }

    /// Puts a policy in the place of what it was. True if a tier came or went with it.
    pub(super) fn put_policy(&mut self, old: Option<&Arc<PolicyEntry>>, new: &Arc<PolicyEntry>) -> bool {
        let tier = &new.policy.tier;
        let came =
            !self.ranks.contains_key(tier) && self.place(Tier::missing(tier.clone()), Presence::Missing);
        if let Some(policies) = self.policies(tier) {
            policies.replace(Ranked(Arc::clone(new)));
        }
        let moved =
            old.filter(|old| old.policy.tier != *tier || Ranked(Arc::clone(old)) != Ranked(Arc::clone(new)));
        let went = moved.is_some_and(|old| self.remove_policy(old));
        came || went
    }

    /// Takes a policy away. True if its tier went with it.
    pub(super) fn remove_policy(&mut self, entry: &Arc<PolicyEntry>) -> bool {
        if let Some(policies) = self.policies(&entry.policy.tier) {
            policies.remove(&Ranked(Arc::clone(entry)));
        }
        self.drop_unused(&entry.policy.tier)
    }

    fn policies(&mut self, tier: &Name) -> Option<&mut BTreeSet<Ranked>> {
        let rank = self.ranks.get(tier)?;
        self.ranked.get_mut(rank).map(|ranked| &mut ranked.policies)
    }

    /// Puts a tier in its place, with the policies it has. True if it was not there like this.
    fn place(&mut self, tier: Tier, presence: Presence) -> bool {
        let rank = TierRank { presence, order: tier.order, name: tier.name.clone() };
        let old_rank = self.ranks.insert(tier.name.clone(), rank.clone());
        let old = old_rank.as_ref().and_then(|rank| self.ranked.remove(rank));
        let same = old_rank.as_ref() == Some(&rank) && old.as_ref().is_some_and(|old| old.tier == tier);
        let policies = old.map(|old| old.policies).unwrap_or_default();
        self.ranked.insert(rank, RankedTier { tier, policies });
        !same
    }

    /// Forgets a tier that nobody declared and no policy names. True if it was one.
    fn drop_unused(&mut self, name: &Name) -> bool {
        let Some(rank) = self.ranks.get(name) else { return false };
        let unused = rank.presence == Presence::Missing
            && self.ranked.get(rank).is_some_and(|ranked| ranked.policies.is_empty());
        if unused && let Some(rank) = self.ranks.remove(name) {
            self.ranked.remove(&rank);
        }
        unused
    }
}

/// What ranks policies of one order (calico.md 5.2, 12.1).
pub(super) fn tie_text(policy: &Policy, tie_break: TieBreak) -> String {
    let key = &policy.key;
    let namespace = key.namespace.as_deref().unwrap_or("");
    match tie_break {
        TieBreak::NameNamespaceKind => [&key.name, "/", namespace, "/", key.kind.as_str()].concat(),
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
