//! Which policies govern an endpoint, in the order they are tried.

use super::{Cluster, EndpointEntry, PolicyEntry};
use crate::model::{Direction, Policy, PolicyClass, Rule, Tier};
use std::fmt;

/// The part of a packet's way at which policies are tried (calico.md 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub enum Phase {
    /// At a host endpoint, before connection tracking.
    Untracked,
    /// At a host endpoint, before the destination is translated.
    PreDnat,
    /// At a workload, and at a host endpoint for the host's own traffic.
    Normal,
    /// At a host endpoint, for traffic the host forwards.
    Forward,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Untracked => "untracked",
            Phase::PreDnat => "pre-dnat",
            Phase::Normal => "normal",
            Phase::Forward => "forward",
        })
    }
}

/// Whether staged policies count (calico.md 9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// They do not.
    Enforced,
    /// They count as if they were enforced.
    Pending,
}

/// A tier that governs an endpoint, with those of its policies that do.
#[derive(Debug, Clone)]
pub struct AppliedTier<'a> {
    /// The tier.
    pub tier: &'a Tier,
    /// Its policies that govern the endpoint in the direction, in order; empty only if `settled`.
    pub policies: Vec<AppliedPolicy<'a>>,
    /// No policy of the tier governs the direction, and one that selects the endpoint says this allows it.
    pub settled: bool,
}

/// A policy that governs an endpoint, with its rules of the direction.
#[derive(Debug, Clone, Copy)]
pub struct AppliedPolicy<'a> {
    /// The policy.
    pub entry: &'a PolicyEntry,
    /// Its rules of the direction.
    pub rules: &'a [Rule],
}

impl Cluster {
    /// The tiers and policies that govern an endpoint in a direction and phase, in the order they are tried
    /// (calico.md 5.3, 7.2). A tier without such a policy is left out. Linear in the policies of the cluster.
    pub fn applied(
        &self,
        endpoint: &EndpointEntry,
        direction: Direction,
        phase: Phase,
        scope: Scope,
    ) -> Vec<AppliedTier<'_>> {
        let mut tiers = Vec::new();
        for (tier, entries) in self.policies.ordered() {
            let governing = entries.filter(|entry| {
                acts_in(&entry.policy, endpoint, phase)
                    && (scope == Scope::Pending || !entry.policy.key.kind.is_staged())
                    && entry.policy.subject.matches(&endpoint.labels)
            });
            let (mut policies, mut settled) = (Vec::new(), false);
            for entry in governing {
                settled |= entry.policy.isolation.settles_other_direction;
                if let Some(rules) = entry.policy.rules(direction) {
                    policies.push(AppliedPolicy { entry, rules });
                }
            }
            settled &= policies.is_empty();
            if settled || !policies.is_empty() {
                tiers.push(AppliedTier { tier, policies, settled });
            }
        }
        tiers
    }
}

/// Untracked and pre-DNAT policies never act at workloads (calico.md 5.3).
fn acts_in(policy: &Policy, endpoint: &EndpointEntry, phase: Phase) -> bool {
    match (phase, policy.class) {
        (Phase::Untracked, PolicyClass::Untracked) | (Phase::PreDnat, PolicyClass::PreDnat) => {
            endpoint.endpoint.is_host()
        }
        (Phase::Normal, PolicyClass::Normal { .. }) => true,
        (Phase::Forward, PolicyClass::Normal { apply_on_forward }) => {
            apply_on_forward && endpoint.endpoint.is_host()
        }
        _ => false,
    }
}
