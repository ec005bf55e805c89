//! Level 0: every policy is tried for every flow.

use super::Unsupported;
use super::labels::next;
use super::prefix::Holders;
use super::rule::Packet;
use super::world::{Outcome, Policy, Step, Tier, World, place};
use crate::engine::{Answer, Engine};
use tierwall::cluster::Cluster;
use tierwall::model::{Direction, Flow};

/// Evaluates the selector of every policy for the subject, then its rules on the labels of the peer.
#[derive(Debug)]
pub struct AllPolicies {
    world: World,
    holders: Holders,
}

/// The other end of a flow: the labels of its endpoint, if it is one, and of the network sets that hold its address.
struct Peer<'a, S> {
    world: &'a World,
    labels: Option<&'a [(u32, u32)]>,
    sets: S,
}

impl<S: Iterator<Item = u32> + Clone> Peer<'_, S> {
    fn matches(&self, selector: u32) -> bool {
        let world = self.world;
        self.labels.is_some_and(|labels| world.selector_matches(selector, labels))
            || self.sets.clone().any(|set| {
                let set = world.network_sets.get(place(set));
                set.is_some_and(|set| world.selector_matches(selector, &set.labels))
            })
    }
}

impl AllPolicies {
    /// Reads a cluster. Later changes to it are not seen.
    ///
    /// # Errors
    /// If the cluster holds what no workload generates.
    pub fn new(cluster: &Cluster) -> Result<Self, Unsupported> {
        let world = World::of(cluster)?;
        let sets = world.network_sets.iter().enumerate();
        let prefixes =
            sets.flat_map(|(number, set)| set.prefixes.iter().map(move |prefix| (*prefix, next(number))));
        let holders = Holders::new(prefixes);
        Ok(AllPolicies { world, holders })
    }

    fn judge(&self, subject: u32, direction: Direction, packet: &Packet) -> Outcome {
        let world = &self.world;
        let Some(subject) = world.endpoints.get(place(subject)) else { return Outcome::DENY };
        let peer = Peer {
            world,
            labels: (world.by_address.get(&packet.peer))
                .and_then(|peer| world.endpoints.get(place(*peer)))
                .map(|peer| &*peer.labels),
            sets: self.holders.of(packet.peer),
        };
        for tier in &world.tiers {
            if let Some(outcome) = self.tier(tier, &subject.labels, direction, packet, &peer) {
                return outcome;
            }
        }
        let profiles = world.profiles.get(place(subject.profiles));
        let span = profiles.map(|profiles| *profiles.get(direction));
        match span.map(|span| world.walk(span, packet, |selector| peer.matches(selector))) {
            Some(Step::Decided(outcome)) => outcome,
            _ => Outcome::DENY,
        }
    }

    /// `None` if the tier passes the flow on.
    fn tier<S: Iterator<Item = u32> + Clone>(
        &self,
        tier: &Tier,
        subject: &[(u32, u32)],
        direction: Direction,
        packet: &Packet,
        peer: &Peer<'_, S>,
    ) -> Option<Outcome> {
        let mut last: Option<&Policy> = None;
        for policy in &tier.policies {
            let Some(span) = *policy.rules.get(direction) else { continue };
            if !self.world.selector_matches(policy.subject, subject) {
                continue;
            }
            last = Some(policy);
            match self.world.walk(span, packet, |selector| peer.matches(selector)) {
                Step::Decided(outcome) => return Some(outcome),
                Step::Passed => return None,
                Step::Open => {}
            }
        }
        let denied = last.filter(|_| !tier.passes)?;
        Some(Outcome { allowed: false, rule: *denied.end.get(direction) })
    }
}

impl Engine for AllPolicies {
    fn evaluate(&self, flow: &Flow) -> Answer {
        self.world.evaluate(flow, |subject, direction, packet| self.judge(subject, direction, packet))
    }
}
