//! What the narrow policies that govern a subject come to: for each tier a list of entries, the first of which that
//! matches decides.

use super::super::holders::at;
use super::super::{Numbered, number};
use super::terms::Terms;
use super::traffic::TrafficSets;
use super::wide::{Breadth, WideRules};
use super::{Builder, ClassKey, ClassSet, ends, rules_of};
use crate::cluster::Scope;
use crate::dialect::ProfilePass;
use crate::model::Reason;
use crate::tables::{AppliedTier, EndOfTier, Ending, EndpointRecord, NONE};

/// One entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) ending: Ending,
    /// Number of the set of peers.
    pub(super) peers: u32,
    /// Number of the set of traffic.
    pub(super) traffic: u32,
}

/// A list: its entries, and what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
    /// The words of the tiers before it, and of its own and those before it.
    pub(super) words: (u16, u16),
    /// Wide policies of the tier govern the subject too.
    pub(super) is_mixed: bool,
    /// The list of the next tier.
    pub(super) next: u32,
}

/// Lists by number, of both directions. A list comes after those that it leads to.
pub(super) struct Chains<'a> {
    breadth: &'a Breadth,
    wide: &'a [WideRules; 2],
    pub(super) lists: Numbered<List>,
    /// Sets of peers by number.
    pub(super) peers: Numbered<ClassSet>,
}

impl<'a> Chains<'a> {
    /// Every peer.
    pub(super) const ANY: u32 = 0;

    pub(super) fn new(breadth: &'a Breadth, wide: &'a [WideRules; 2]) -> Self {
        let mut peers = Numbered::default();
        number(&mut peers, ClassSet::Term(Terms::ANY));
        Chains { breadth, wide, lists: Numbered::default(), peers }
    }

    /// The number of the first list of a class as a subject.
    pub(super) fn add(
        &mut self,
        builder: &mut Builder<'_>,
        scope: Scope,
        side: usize,
        class: u32,
        key: &ClassKey,
    ) -> u32 {
        if key.slow {
            return self.list(vec![always(Ending::SLOW, Reason::NotEvaluated, None)], (0, 0), false, NONE);
        }
        if key.subject == EndpointRecord::ELSEWHERE {
            let other = always(Ending::ALLOW, Reason::NotEvaluated, None);
            return self.list(vec![other], (0, 0), false, NONE);
        }
        if key.subject == NONE {
            return self.list(vec![always(Ending::ALLOW, Reason::NotPoliced, None)], (0, 0), false, NONE);
        }
        let all_words = self.wide.get(side).map_or(0, WideRules::all_words);
        let profiles = self.profiles(builder, side, class, key);
        let mut first = self.list(profiles, (all_words, all_words), false, NONE);
        for tier in builder.tiers(key, scope, side).iter().rev() {
            first = self.tier(builder, side, class, tier, first);
        }
        first
    }

    /// The list of a tier; that of the next one, if only wide policies govern here and the tier passes.
    fn tier(
        &mut self,
        builder: &mut Builder<'_>,
        side: usize,
        class: u32,
        tier: &AppliedTier,
        next: u32,
    ) -> u32 {
        let Some(wide) = self.wide.get(side) else { return next };
        let lists = builder.source.policies.policies.slice(tier.policies);
        let is_wide = |list: &&u32| self.breadth.is_wide(side, tier.tier, **list);
        let is_mixed = lists.iter().any(|list| is_wide(&list));
        let mut entries = Vec::new();
        for list in lists.iter().filter(|list| !is_wide(list)) {
            let position = wide.position(tier.tier, *list);
            for rule in rules_of(builder.source.policies, *list) {
                self.rule(builder, side, class, rule, Reason::Rule, position, &mut entries);
            }
        }
        if entries.is_empty() && tier.end == EndOfTier::Pass {
            return next;
        }
        let (_, end) = wide.words(tier.tier);
        let words = wide.words(tier.tier);
        end_entries(builder, tier, &mut entries);
        let bits = u16::try_from(u32::from(end) * 64).unwrap_or(u16::MAX);
        entries.iter_mut().for_each(|entry| entry.ending.position = entry.ending.position.min(bits));
        let logs = entries.iter().any(|entry| entry.ending.code & Ending::LOG != 0);
        if is_mixed && logs {
            // Whether a Log rule counts hangs on the bits before it, which a word does not tell.
            let slow = always(Ending::SLOW, Reason::NotEvaluated, None);
            return self.list(vec![slow], words, false, next);
        }
        self.list(entries, words, is_mixed, next)
    }

    /// The entries of a rule, if the subject is one it can match.
    #[expect(clippy::too_many_arguments, reason = "what a rule is to a subject")]
    fn rule(
        &mut self,
        builder: &mut Builder<'_>,
        side: usize,
        class: u32,
        rule: u32,
        reason: Reason,
        position: u16,
        entries: &mut Vec<Entry>,
    ) {
        // Towards the subject itself there is no more than one variant.
        let shape = if side == 0 { builder.shape(rule) } else { at(&builder.shapes, rule).copied() };
        let Some(shape) = shape else { return };
        let [subject, peer] = ends(side).map(|end| shape.terms.get(end).copied().unwrap_or_default());
        if !builder.terms.holds(subject, class) {
            return;
        }
        let ending = Ending {
            position,
            ..Ending::new(shape.code, reason, builder.rule(rule).and_then(|rule| rule.id))
        };
        let mut add = |peers, traffic| {
            let peers = number(&mut self.peers, peers);
            entries.push(Entry { ending, peers, traffic });
        };
        if !shape.is_conditional {
            let is_any = builder.terms.is_any(peer);
            add(ClassSet::Term(if is_any { Terms::ANY } else { peer }), shape.traffic);
        } else if side == 0 {
            for (traffic, classes) in builder.variants(rule).iter() {
                add(ClassSet::Classes(classes.clone()), *traffic);
            }
        } else {
            let resolutions = builder.resolutions(class);
            let traffic = builder.traffic_to(rule, &resolutions);
            let is_any = builder.terms.is_any(peer);
            add(ClassSet::Term(if is_any { Terms::ANY } else { peer }), traffic);
        }
    }

    /// The profiles one after the other; one that does not exist, or the end of them, denies.
    fn profiles(&mut self, builder: &mut Builder<'_>, side: usize, class: u32, key: &ClassKey) -> Vec<Entry> {
        let super::Source { endpoints, policies, dialect, .. } = builder.source;
        let subject = endpoints.subjects.get(key.subject);
        let (mut entries, mut end) = (Vec::new(), Reason::ProfileNoMatch);
        for profile in subject.map_or(&[][..], |subject| endpoints.profiles.slice(subject.profiles)) {
            let Some(profile) = policies.profiles.get(*profile) else {
                end = Reason::MissingProfile;
                break;
            };
            let rules = if side == 0 { profile.egress } else { profile.ingress };
            for rule in rules.range() {
                self.rule(builder, side, class, rule, Reason::ProfileRule, u16::MAX, &mut entries);
            }
        }
        for entry in &mut entries {
            let code = &mut entry.ending.code;
            if *code & (Ending::ACTION | Ending::LOG) == Ending::PASS {
                // To the next profile, of which a single list does not know where it begins.
                *code = match dialect.profile_pass {
                    ProfilePass::Deny => Ending::DENY,
                    ProfilePass::NextProfile => Ending::SLOW,
                };
            }
            // That a clause passed is not noted of profiles.
            *code &= !Ending::HTTP;
        }
        entries.push(always(Ending::DENY, end, None));
        entries
    }

    fn list(&mut self, mut entries: Vec<Entry>, words: (u16, u16), is_mixed: bool, next: u32) -> u32 {
        let last = entries.iter().position(|entry| {
            entry.peers == Self::ANY
                && entry.traffic == TrafficSets::ALL
                && entry.ending.code & Ending::LOG == 0
        });
        entries.truncate(last.map_or(entries.len(), |last| last + 1));
        number(&mut self.lists, List { entries, words, is_mixed, next })
    }
}

fn always(code: u8, reason: Reason, rule: Option<crate::model::RuleId>) -> Entry {
    Entry { ending: Ending::new(code, reason, rule), peers: Chains::ANY, traffic: TrafficSets::ALL }
}

/// What the end of the tier does. Traffic of a workload to its own node, which may be exempt, is none of the fast form.
fn end_entries(builder: &mut Builder<'_>, tier: &AppliedTier, entries: &mut Vec<Entry>) {
    let (code, id) = match tier.end {
        EndOfTier::Pass => (Ending::PASS, None),
        EndOfTier::Settled => (Ending::ALLOW, None),
        EndOfTier::Deny { other_protocols, other_undecided, .. } => {
            let without_ports = builder.traffic.without_ports();
            let exempt = match (other_protocols, other_undecided) {
                (true, _) => Some(Ending::ALLOW),
                (false, true) => Some(Ending::SLOW),
                (false, false) => None,
            };
            entries.extend(exempt.map(|code| Entry {
                traffic: without_ports,
                ..always(code, Reason::TierDefault, tier.end_id)
            }));
            (Ending::DENY, tier.end_id)
        }
    };
    entries.push(always(code, Reason::TierDefault, id));
}
