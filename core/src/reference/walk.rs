//! Tiers, policies, rules and profiles in their order (calico.md 5).

use super::facts::Facts;
use super::matching::{Match, rule_matches};
use super::outcome::{Ending, Endings, Missing, Outcome};
use crate::cluster::{AppliedPolicy, AppliedTier, Phase, PolicyEntry, ProfileEntry, Scope};
use crate::dialect::ProfilePass;
use crate::model::{
    DefaultAction, Direction, Name, OtherProtocols, PolicyKey, Reason, Rule, RuleAction, RuleId, Tier,
};
use std::collections::BTreeMap;
use std::fmt;

/// A rule or default action that ended a tier, or the profiles: one element of a rule trace (calico.md 9.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Where on the flow's way.
    pub phase: Phase,
    /// The tier; `None` for profiles.
    pub tier: Option<Name>,
    /// Whose rule it is.
    pub decider: Decider,
    /// What it did: allow, deny or pass.
    pub action: RuleAction,
    /// The rule's place in the list of its direction; `None` for the default action of the tier.
    pub index: Option<usize>,
    /// The rule's id.
    pub rule: Option<RuleId>,
}

/// Whose rule a [`Hit`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decider {
    /// A policy's. For a default action: the policy it is attributed to.
    Policy(PolicyKey),
    /// A profile's.
    Profile(Name),
    /// No profile had a rule that matched.
    NoProfile,
}

/// The flow-log policy string without its position, as `tier1|np:default/np1|pass|0`.
impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|", self.tier.as_deref().unwrap_or("__PROFILE__"))?;
        match &self.decider {
            Decider::Policy(key) => write!(f, "{}:{}", key.kind.short(), key.qualified_name())?,
            Decider::Profile(name) => write!(f, "pro:{name}")?,
            Decider::NoProfile => f.write_str("pro:__NO_MATCH__")?,
        }
        write!(f, "|{}|", self.action)?;
        match self.index {
            Some(index) => write!(f, "{index}"),
            None => f.write_str("-1"),
        }
    }
}

/// What happened on the way, for the trace.
#[derive(Debug, Clone)]
pub(crate) enum Event<'a> {
    /// A phase began with these tiers.
    Phase(Phase, Vec<AppliedTier<'a>>),
    /// A rule was tried.
    Rule { policy: &'a PolicyEntry, index: usize, result: Match },
    /// A tier's default action was taken, or an exemption from it.
    TierDefault { tier: &'a Tier, reason: Reason },
    /// A profile was tried; `None` if it does not exist.
    Profile(&'a Name, Option<&'a ProfileEntry>),
    /// A rule of the profile tried last was tried.
    ProfileRule { index: usize, result: Match },
}

/// A walk through the policies of one endpoint in one direction, and what it leaves behind.
pub(crate) struct Walk<'a, 'f> {
    pub(crate) facts: &'f Facts<'a>,
    pub(crate) direction: Direction,
    pub(crate) scope: Scope,
    pub(crate) record: &'f mut Record<'a>,
}

/// What a walk leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Record<'a> {
    pub(crate) hits: Vec<Hit>,
    pub(crate) logs: Vec<RuleId>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) http_assumed: bool,
    /// `None` if nobody asked for the story.
    pub(crate) events: Option<Vec<Event<'a>>>,
}

impl<'a> Record<'a> {
    fn event(&mut self, event: impl FnOnce() -> Event<'a>) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }

    pub(super) fn lacks(&mut self, missing: &[Missing]) {
        for what in missing {
            if !self.missing.contains(what) {
                self.missing.push(what.clone());
            }
        }
    }
}

/// What the tiers say that come after one, by its position; asked for when a Pass rule may match.
type Later = BTreeMap<usize, Endings>;

impl<'a> Walk<'a, '_> {
    /// The tiers in order; open if none decides.
    pub(crate) fn tiers(&mut self, tiers: &[AppliedTier<'a>], phase: Phase) -> Outcome {
        self.record.event(|| Event::Phase(phase, tiers.to_vec()));
        self.tiers_from(tiers, 0, phase, &mut Later::new())
    }

    fn tiers_from(
        &mut self,
        tiers: &[AppliedTier<'a>],
        start: usize,
        phase: Phase,
        later: &mut Later,
    ) -> Outcome {
        let (mut others, mut unknown) = (Endings::NONE, None);
        for (position, tier) in tiers.iter().enumerate().skip(start) {
            let outcome = self.tier(tiers, position, tier, phase, later);
            unknown = unknown.or(outcome.unknown);
            if outcome.ending != Ending::Open {
                return outcome.or_else_possible(others, unknown);
            }
            // Whatever else this tier could do; that it is passed is what happens next.
            others |= outcome.possible.except_open();
        }
        Outcome::open().or_else_possible(others, unknown)
    }

    fn tier(
        &mut self,
        tiers: &[AppliedTier<'a>],
        position: usize,
        tier: &AppliedTier<'a>,
        phase: Phase,
        later: &mut Later,
    ) -> Outcome {
        let (mut others, mut unknown) = (Endings::NONE, None);
        for policy in &tier.policies {
            for (index, rule) in policy.rules.iter().enumerate() {
                let result = rule_matches(self.facts, rule);
                self.record.event(|| Event::Rule { policy: policy.entry, index, result: result.clone() });
                let id = policy.entry.rule_id(self.direction, index);
                match result {
                    Match::No(_) => {}
                    Match::Invalid => {
                        return Outcome::new(Ending::Deny, Reason::InvalidRequest, id)
                            .or_else_possible(others, unknown);
                    }
                    Match::Unknown(missing) => {
                        self.record.lacks(&missing);
                        unknown = unknown.or(id);
                        others |= match rule.action {
                            RuleAction::Allow => Ending::Allow.into(),
                            RuleAction::Deny => Ending::Deny.into(),
                            RuleAction::Log => Endings::NONE,
                            RuleAction::Pass => self.possible_after(tiers, position, phase, later),
                        };
                        others |= refusal(rule, &missing);
                    }
                    Match::Yes => {
                        self.record.http_assumed |= rule.http.is_some()
                            && self.facts.context.http == crate::model::Http::NotInspected;
                        let ending = match rule.action {
                            RuleAction::Log => {
                                self.record.logs.extend(id);
                                continue;
                            }
                            RuleAction::Allow => Ending::Allow,
                            RuleAction::Deny => Ending::Deny,
                            RuleAction::Pass => Ending::Open,
                        };
                        self.hit(phase, tier.tier, policy, rule.action, Some(index), id);
                        return Outcome::new(ending, Reason::Rule, id).or_else_possible(others, unknown);
                    }
                }
            }
        }
        self.end_of_tier(tier, phase).or_else_possible(others, unknown)
    }

    /// Every way the walk could end if the rest of the tier at `position` were skipped.
    fn possible_after(
        &mut self,
        tiers: &[AppliedTier<'a>],
        position: usize,
        phase: Phase,
        later: &mut Later,
    ) -> Endings {
        let next = position + 1;
        if let Some(known) = later.get(&next) {
            return *known;
        }
        let mut aside = Record::default();
        let mut walk =
            Walk { facts: self.facts, direction: self.direction, scope: self.scope, record: &mut aside };
        let possible = walk.tiers_from(tiers, next, phase, later).possible;
        self.record.lacks(&aside.missing);
        later.insert(next, possible);
        possible
    }

    /// The tier's default action (calico.md 5.5). Before connection tracking and translation it is always Pass (7.2).
    fn end_of_tier(&mut self, tier: &AppliedTier<'a>, phase: Phase) -> Outcome {
        if tier.settled {
            return Outcome::allow(Reason::TierDefault);
        }
        let trigger = match self.scope {
            Scope::Enforced => tier.policies.last(),
            Scope::Pending => tier.policies.first(),
        };
        let Some(trigger) = trigger else { return Outcome::open() };
        let id = trigger.entry.end_id(self.direction);
        let passes = tier.tier.default_action == DefaultAction::Pass
            || matches!(phase, Phase::Untracked | Phase::PreDnat);
        let outcome = if passes {
            Outcome::new(Ending::Open, Reason::TierDefault, id)
        } else {
            self.isolation(tier, id)
        };
        let action = match outcome.ending {
            Ending::Allow => RuleAction::Allow,
            Ending::Deny => RuleAction::Deny,
            Ending::Open => RuleAction::Pass,
        };
        self.hit(phase, tier.tier, trigger, action, None, id);
        self.record.event(|| Event::TierDefault { tier: tier.tier, reason: outcome.reason });
        outcome
    }

    /// The deny at the end of a tier, unless every policy of the tier exempts the flow (kubernetes.md 2.8, 2.9).
    fn isolation(&mut self, tier: &AppliedTier<'a>, id: Option<RuleId>) -> Outcome {
        let all = |exempts: &dyn Fn(&AppliedPolicy<'_>) -> bool| tier.policies.iter().all(exempts);
        if self.facts.to_own_node && all(&|policy| policy.entry.policy.isolation.exempts_own_node) {
            return Outcome::new(Ending::Allow, Reason::OwnNode, id);
        }
        let other = |reading| all(&|policy| policy.entry.policy.isolation.other_protocols == reading);
        if !self.facts.protocol.has_ports() {
            if other(OtherProtocols::Allowed) {
                return Outcome::new(Ending::Allow, Reason::TierDefault, id);
            }
            if other(OtherProtocols::Undecided) {
                self.record.lacks(&[Missing::OtherProtocol]);
                return Outcome { rule: id, unknown: id, ..Outcome::undecided() };
            }
        }
        Outcome::new(Ending::Deny, Reason::TierDefault, id)
    }

    /// The endpoint's profiles in order (calico.md 5.6); deny if none decides.
    pub(crate) fn profiles(&mut self, profiles: &'a [Name]) -> Outcome {
        let (mut others, mut unknown) = (Endings::NONE, None);
        for (position, name) in profiles.iter().enumerate() {
            let profile = self.facts.cluster.profile(name);
            self.record.event(|| Event::Profile(name, profile));
            let Some(profile) = profile else {
                self.profile_hit(Decider::Profile(name.clone()), RuleAction::Deny, 0, None);
                return Outcome::deny(Reason::MissingProfile).or_else_possible(others, unknown);
            };
            let outcome = self.profile(name, profile);
            unknown = unknown.or(outcome.unknown);
            others |= outcome.possible.except_open();
            if outcome.ending != Ending::Open {
                if outcome.possible.contains(Ending::Open) {
                    others |= self.possible_in_profiles(profiles.get(position + 1..).unwrap_or_default());
                }
                let decided = Outcome { possible: outcome.possible.except_open(), ..outcome };
                return decided.or_else_possible(others, unknown);
            }
        }
        self.profile_hit(Decider::NoProfile, RuleAction::Deny, 0, None);
        Outcome::deny(Reason::ProfileNoMatch).or_else_possible(others, unknown)
    }

    /// Every way the walk could end if only these profiles were left.
    fn possible_in_profiles(&mut self, profiles: &'a [Name]) -> Endings {
        let mut aside = Record::default();
        let mut walk =
            Walk { facts: self.facts, direction: self.direction, scope: self.scope, record: &mut aside };
        let mut possible = Endings::from(Ending::Open);
        for name in profiles {
            let Some(profile) = self.facts.cluster.profile(name) else { break };
            possible = possible.except_open() | walk.profile(name, profile).possible;
            if !possible.contains(Ending::Open) {
                break;
            }
        }
        self.record.lacks(&aside.missing);
        // What is left at a profile that does not exist, or at the end, is denied.
        let denied = if possible.contains(Ending::Open) { Ending::Deny.into() } else { Endings::NONE };
        possible.except_open() | denied
    }

    fn profile(&mut self, name: &Name, profile: &'a ProfileEntry) -> Outcome {
        let (mut others, mut unknown) = (Endings::NONE, None);
        for (index, rule) in profile.profile.rules(self.direction).iter().enumerate() {
            let result = rule_matches(self.facts, rule);
            self.record.event(|| Event::ProfileRule { index, result: result.clone() });
            let id = profile.rule_id(self.direction, index);
            let ending = match rule.action {
                RuleAction::Allow => Ending::Allow,
                RuleAction::Deny => Ending::Deny,
                RuleAction::Pass if self.facts.cluster.dialect().profile_pass == ProfilePass::Deny => {
                    Ending::Deny
                }
                RuleAction::Pass | RuleAction::Log => Ending::Open,
            };
            match result {
                Match::No(_) => {}
                Match::Invalid => {
                    return Outcome::new(Ending::Deny, Reason::InvalidRequest, id)
                        .or_else_possible(others, unknown);
                }
                Match::Unknown(missing) => {
                    self.record.lacks(&missing);
                    unknown = unknown.or(id);
                    // A profile that may be passed leaves it to the next ones.
                    let possible = if rule.action == RuleAction::Log { Endings::NONE } else { ending.into() };
                    others |= possible | refusal(rule, &missing);
                }
                Match::Yes if rule.action == RuleAction::Log => self.record.logs.extend(id),
                Match::Yes if ending == Ending::Open => {
                    return Outcome::open().or_else_possible(others, unknown);
                }
                Match::Yes => {
                    let action = if ending == Ending::Allow { RuleAction::Allow } else { RuleAction::Deny };
                    self.profile_hit(Decider::Profile(name.clone()), action, index, id);
                    return Outcome::new(ending, Reason::ProfileRule, id).or_else_possible(others, unknown);
                }
            }
        }
        Outcome::open().or_else_possible(others, unknown)
    }

    fn hit(
        &mut self,
        phase: Phase,
        tier: &Tier,
        policy: &AppliedPolicy<'_>,
        action: RuleAction,
        index: Option<usize>,
        rule: Option<RuleId>,
    ) {
        let decider = Decider::Policy(policy.entry.policy.key.clone());
        self.record.hits.push(Hit { phase, tier: Some(tier.name.clone()), decider, action, index, rule });
    }

    fn profile_hit(&mut self, decider: Decider, action: RuleAction, index: usize, rule: Option<RuleId>) {
        self.record.hits.push(Hit {
            phase: Phase::Normal,
            tier: None,
            decider,
            action,
            index: Some(index),
            rule,
        });
    }
}

/// What a request may bring about that is not known yet: one that paths cannot be compared with ends the walk in a deny
/// (calico.md 8).
fn refusal(rule: &Rule, missing: &[Missing]) -> Endings {
    let compares_paths = rule.http.as_ref().is_some_and(|http| !http.paths.is_empty());
    let open = compares_paths && missing.contains(&Missing::HttpRequest);
    if open { Ending::Deny.into() } else { Endings::NONE }
}
