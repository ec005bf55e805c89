//! A cluster in numbers: what both baselines start from.

use super::labels::{Labels, Test};
use super::prefix::Prefix;
use super::rule::{Packet, Rule};
use crate::engine::Answer;
use rustc_hash::FxHashMap;
use std::net::IpAddr;
use std::ops::Range;
use tierwall::model::{Action, Direction, Flow, RuleAction, RuleId, Side};

/// Endpoints, network sets and selectors are named by their place in these lists.
#[derive(Debug)]
pub(super) struct World {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) by_address: FxHashMap<u32, u32>,
    pub(super) network_sets: Vec<NetworkSet>,
    pub(super) selectors: Vec<Test>,
    pub(super) tiers: Vec<Tier>,
    /// The rules of profiles, for each list of profiles that some endpoint has.
    pub(super) profiles: Vec<PerDirection<Span>>,
    /// The rules of every policy and profile; those of one list stand together.
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: u32,
    pub(super) labels: Labels,
    /// Its place in [`World::profiles`].
    pub(super) profiles: u32,
}

#[derive(Debug)]
pub(super) struct NetworkSet {
    pub(super) labels: Labels,
    pub(super) prefixes: Vec<Prefix>,
}

#[derive(Debug)]
pub(super) struct Tier {
    /// A flow that no policy decides goes on to the next tier; else it is denied.
    pub(super) passes: bool,
    pub(super) policies: Vec<Policy>,
}

#[derive(Debug)]
pub(super) struct Policy {
    /// The number of its selector.
    pub(super) subject: u32,
    /// Its rules; `None` if it does not govern the direction.
    pub(super) rules: PerDirection<Option<Span>>,
    /// What stands for the end of its tier.
    pub(super) end: PerDirection<Option<RuleId>>,
}

/// Consecutive members of [`World::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        place(self.first)..place(self.last)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PerDirection<T> {
    pub(super) ingress: T,
    pub(super) egress: T,
}

impl<T> PerDirection<T> {
    pub(super) fn from_fn(mut make: impl FnMut(Direction) -> T) -> Self {
        PerDirection { ingress: make(Direction::Ingress), egress: make(Direction::Egress) }
    }

    pub(super) fn get(&self, direction: Direction) -> &T {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// What one end of a flow says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) allowed: bool,
    pub(super) rule: Option<RuleId>,
}

impl Outcome {
    pub(super) const ALLOW: Outcome = Outcome { allowed: true, rule: None };
    pub(super) const DENY: Outcome = Outcome { allowed: false, rule: None };
}

/// What some rules in a row say of a flow.
pub(super) enum Step {
    /// They decide.
    Decided(Outcome),
    /// The rest of the tier is skipped.
    Passed,
    /// None of them matches.
    Open,
}

impl World {
    pub(super) fn rules(&self, span: Span) -> &[Rule] {
        self.rules.get(span.range()).unwrap_or_default()
    }

    pub(super) fn selector_matches(&self, selector: u32, labels: &[(u32, u32)]) -> bool {
        self.selectors.get(place(selector)).is_some_and(|test| test.matches(labels))
    }

    /// Tries the rules of a span in order.
    pub(super) fn walk(&self, span: Span, packet: &Packet, selected: impl Fn(u32) -> bool) -> Step {
        let mut matching = self.rules(span).iter().filter(|rule| rule.matches(packet, &selected));
        match matching.find(|rule| rule.action != RuleAction::Log) {
            None => Step::Open,
            Some(rule) if rule.action == RuleAction::Pass => Step::Passed,
            Some(rule) => Step::Decided(Outcome { allowed: rule.action == RuleAction::Allow, rule: rule.id }),
        }
    }

    /// Judges both ends of a flow between IPv4 addresses with `judge`, which is given the number of the endpoint.
    /// Other flows are undecided: there is nothing here to judge them by.
    pub(super) fn evaluate(&self, flow: &Flow, judge: impl Fn(u32, Direction, &Packet) -> Outcome) -> Answer {
        let (Some(source), Some(destination)) = (ipv4(flow.source()), ipv4(flow.destination())) else {
            return Answer { action: Action::Undecided, egress: None, ingress: None };
        };
        let (sender, receiver) = (self.by_address.get(&source), self.by_address.get(&destination));
        let side = |endpoint: Option<&u32>, direction, peer| {
            // Traffic of an endpoint to itself is seen by no policy.
            let Some(endpoint) = endpoint.filter(|_| sender != receiver) else { return Outcome::ALLOW };
            let protocol = flow.protocol();
            let port = protocol.has_ports().then(|| flow.destination_port());
            judge(*endpoint, direction, &Packet { peer, protocol, port })
        };
        let egress = side(sender, Direction::Egress, destination);
        let ingress = side(receiver, Direction::Ingress, source);
        let action = if egress.allowed && ingress.allowed { Action::Allow } else { Action::Deny };
        Answer { action, egress: egress.rule, ingress: ingress.rule }
    }
}

fn ipv4(side: Side) -> Option<u32> {
    match side {
        Side::Address(IpAddr::V4(address)) => Some(address.into()),
        _ => None,
    }
}

/// A number as an index.
pub(super) fn place(number: u32) -> usize {
    number as usize
}
