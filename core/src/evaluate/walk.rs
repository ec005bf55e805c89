//! Tiers, policies, rules and profiles in their order.

use super::matching::Match;
use super::outcome::{ALLOW, DENY, Doubt, Ending, OPEN, Outcome};
use super::party::FlowView;
use super::recorder::{Notes, Recorder};
use crate::dialect::ProfilePass;
use crate::explanation::Did;
use crate::model::{Direction, Http, Reason, RuleAction, Verdict};
use crate::tables::{AppliedTier, EndOfTier, NONE, Rule};

impl FlowView<'_> {
    /// The tiers of a list in order; open if none decides.
    pub(super) fn tiers<R: Recorder>(&self, list: u32, recorder: &mut R) -> Outcome {
        let mut tiers = self.tables.policies.list(list);
        let mut doubt = Doubt::default();
        while let [tier, later @ ..] = tiers {
            let outcome = self.tier(tier, later, recorder);
            doubt.rule = doubt.rule.or(outcome.unknown);
            if outcome.ending != OPEN {
                return outcome.after(doubt);
            }
            doubt.possible |= outcome.possible & !OPEN;
            tiers = later;
        }
        Outcome::open().after(doubt)
    }

    fn tier<R: Recorder>(&self, tier: &AppliedTier, later: &[AppliedTier], recorder: &mut R) -> Outcome {
        let mut doubt = Doubt::default();
        for rule in self.tables.policies.policies_of(tier).flatten() {
            match self.matches(rule) {
                Match::No => {}
                Match::Invalid => {
                    recorder.step(rule.id, || Did::InvalidRequest);
                    return Outcome::new(DENY, Reason::InvalidRequest, rule.id).after(doubt);
                }
                Match::Unknown { request } => {
                    recorder.step(rule.id, || Did::Undecided { action: rule.action });
                    let possible = match rule.action {
                        RuleAction::Allow => ALLOW,
                        RuleAction::Deny => DENY,
                        RuleAction::Log => 0,
                        RuleAction::Pass => self.possible(later),
                    };
                    doubt.add(possible | refusal(rule, request), rule.id);
                }
                Match::Yes => {
                    recorder.step(rule.id, || Did::Rule { action: rule.action });
                    if rule.http && self.context.http == Http::NotInspected {
                        recorder.flag(Verdict::HTTP_ASSUMED);
                    }
                    match ending(rule.action) {
                        Some(ending) => return Outcome::new(ending, Reason::Rule, rule.id).after(doubt),
                        None => recorder.flag(Verdict::LOGGED),
                    }
                }
            }
        }
        let end = self.end_of_tier(tier);
        recorder.step(end.rule, move || Did::EndOfTier { action: action(end.ending), reason: end.reason });
        end.after(doubt)
    }

    /// Every end that these tiers could bring about.
    fn possible(&self, tiers: &[AppliedTier]) -> u8 {
        // From the last tier to the first: what a tier could do that is passed is what those after it could do.
        tiers.iter().rev().fold(OPEN, |after, tier| self.possible_in(tier, after))
    }

    fn possible_in(&self, tier: &AppliedTier, after: u8) -> u8 {
        let resolve = |possible: u8| if possible & OPEN == 0 { possible } else { possible & !OPEN | after };
        let mut possible = 0;
        for rule in self.tables.policies.policies_of(tier).flatten() {
            match (self.matches(rule), ending(rule.action)) {
                (Match::No, _) | (Match::Yes, None) => {}
                (Match::Invalid, _) => return possible | DENY,
                (Match::Unknown { request }, ending) => {
                    possible |= resolve(ending.unwrap_or(0)) | refusal(rule, request);
                }
                (Match::Yes, Some(ending)) => return possible | resolve(ending),
            }
        }
        possible | resolve(self.end_of_tier(tier).possible)
    }

    fn end_of_tier(&self, tier: &AppliedTier) -> Outcome {
        let id = tier.end_id;
        match tier.end {
            EndOfTier::Settled => Outcome::allow(Reason::TierDefault),
            EndOfTier::Pass => Outcome::new(OPEN, Reason::TierDefault, id),
            EndOfTier::Deny { own_node: true, .. } if self.to_own_node => {
                Outcome::new(ALLOW, Reason::OwnNode, id)
            }
            EndOfTier::Deny { other_protocols: true, .. } if !self.protocol.has_ports() => {
                Outcome::new(ALLOW, Reason::TierDefault, id)
            }
            EndOfTier::Deny { other_undecided: true, .. } if !self.protocol.has_ports() => {
                Outcome::undecided(id)
            }
            EndOfTier::Deny { .. } => Outcome::new(DENY, Reason::TierDefault, id),
        }
    }

    /// Profiles in order; deny if none decides.
    pub(super) fn profiles<R: Recorder>(
        &self,
        profiles: &[u32],
        direction: Direction,
        recorder: &mut R,
    ) -> Outcome {
        let mut doubt = Doubt::default();
        for (index, number) in profiles.iter().enumerate() {
            let Some(rules) = self.tables.policies.profile(*number, direction).filter(|_| *number != NONE)
            else {
                recorder.step(None, || Did::MissingProfile { index });
                return Outcome::deny(Reason::MissingProfile).after(doubt);
            };
            let outcome = self.profile(rules, recorder);
            doubt.add(outcome.possible & !OPEN, outcome.unknown);
            if outcome.ending != OPEN {
                if outcome.may(OPEN) {
                    let later = profiles.get(index + 1..).unwrap_or_default();
                    doubt.possible |= self.possible_in_profiles(later, direction);
                }
                return Outcome { possible: outcome.possible & !OPEN, ..outcome }.after(doubt);
            }
        }
        recorder.step(None, || Did::NoProfileMatched);
        Outcome::deny(Reason::ProfileNoMatch).after(doubt)
    }

    /// Every way it could end if only these profiles were left.
    fn possible_in_profiles(&self, profiles: &[u32], direction: Direction) -> u8 {
        let mut possible = 0;
        for number in profiles {
            let rules = self.tables.policies.profile(*number, direction).filter(|_| *number != NONE);
            let Some(rules) = rules else { break };
            let outcome = self.profile(rules, &mut Notes::default());
            possible |= outcome.possible & !OPEN;
            if !outcome.may(OPEN) {
                return possible;
            }
        }
        possible | DENY
    }

    fn profile<R: Recorder>(&self, rules: &[Rule], recorder: &mut R) -> Outcome {
        let mut doubt = Doubt::default();
        for rule in rules {
            let ending = match ending(rule.action) {
                Some(OPEN) if self.tables.dialect.profile_pass == ProfilePass::Deny => Some(DENY),
                ending => ending,
            };
            match (self.matches(rule), ending) {
                (Match::No, _) => {}
                (Match::Invalid, _) => {
                    recorder.step(rule.id, || Did::InvalidRequest);
                    return Outcome::new(DENY, Reason::InvalidRequest, rule.id).after(doubt);
                }
                (Match::Unknown { request }, ending) => {
                    recorder.step(rule.id, || Did::Undecided { action: ending.map_or(rule.action, action) });
                    // One that may be passed leaves it to the next ones.
                    doubt.add(ending.unwrap_or(0) | refusal(rule, request), rule.id);
                }
                (Match::Yes, ending) => {
                    recorder
                        .step(rule.id, || Did::ProfileRule { action: ending.map_or(rule.action, action) });
                    match ending {
                        None => recorder.flag(Verdict::LOGGED),
                        Some(OPEN) => return Outcome::open().after(doubt),
                        Some(ending) => {
                            return Outcome::new(ending, Reason::ProfileRule, rule.id).after(doubt);
                        }
                    }
                }
            }
        }
        Outcome::open().after(doubt)
    }
}

/// How a rule ends a tier; a Log rule does not.
fn ending(action: RuleAction) -> Option<Ending> {
    match action {
        RuleAction::Allow => Some(ALLOW),
        RuleAction::Deny => Some(DENY),
        RuleAction::Pass => Some(OPEN),
        RuleAction::Log => None,
    }
}

/// What brings about an end.
fn action(ending: Ending) -> RuleAction {
    match ending {
        ALLOW => RuleAction::Allow,
        OPEN => RuleAction::Pass,
        _ => RuleAction::Deny,
    }
}

/// A request that is not known may be one that paths cannot be compared with, which is denied.
fn refusal(rule: &Rule, request: bool) -> u8 {
    if rule.paths && request { DENY } else { 0 }
}
