//! What the narrow policies that govern a subject come to: for each tier a list of entries, the first of which that
//! matches decides.

use super::super::hashing::{Quick, QuickMap};
use super::super::holders::at;
use super::super::{Numbered, footprint, number};
use super::terms::Terms;
use super::traffic::TrafficSets;
use super::wide::{Breadth, WideRules};
use super::{Builder, ClassKey, ClassSet, ends, rules_of};
use crate::cluster::Scope;
use crate::dialect::ProfilePass;
use crate::model::Reason;
use crate::tables::{AppliedTier, EndOfTier, Ending, EndpointRecord, NONE, Span, index};
use smallvec::{SmallVec, smallvec};

/// One entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) ending: Ending,
    /// Number of the set of peers.
    pub(super) peers: u32,
    /// Number of the set of traffic.
    pub(super) traffic: u32,
}

/// Entries, of which most lists have few.
pub(super) type Entries = SmallVec<[Entry; 4]>;

/// A list: its entries, and what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct List {
    pub(super) entries: Entries,
    /// The words of the tiers before it, and of its own and those before it.
    pub(super) words: (u16, u16),
    /// Wide policies of the tier govern the subject too.
    pub(super) is_mixed: bool,
    /// The list of the next tier.
    pub(super) next: u32,
    /// The complete form decides, because of policies that did not fit the budget.
    pub(super) is_over_budget: bool,
}

/// Where wide rules are, as narrow ones see it.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) breadth: &'a Breadth,
    pub(super) wide: &'a [WideRules; 2],
}

/// Lists by number, of both directions. A list comes after those that it leads to.
#[derive(Debug)]
pub(super) struct Chains {
    pub(super) lists: Numbered<List, Quick>,
    /// Sets of peers by number.
    pub(super) peers: Numbered<ClassSet, Quick>,
    /// The lists that are the same for all subjects of a family.
    known: QuickMap<Known, u32>,
    /// How often rules were others.
    edits: u32,
}

/// What a list is made of that is the same for all subjects of a family: the side, the tier or the profiles, the list after
/// it, and the rules as they were after so many edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Known {
    side: usize,
    tier: Option<AppliedTier>,
    profiles: Span,
    next: u32,
    edits: u32,
    /// Of [`ClassKey::flags`].
    flags: u32,
}

impl Chains {
    /// Every peer.
    pub(super) const ANY: u32 = 0;

    /// Of so many classes.
    pub(super) fn new(classes: usize) -> Self {
        let mut peers = Numbered::default();
        number(&mut peers, ClassSet::Term(Terms::ANY));
        Chains {
            lists: Numbered::with_capacity_and_hasher(2 * classes, Quick::default()),
            peers,
            known: QuickMap::with_capacity_and_hasher(classes, Quick::default()),
            edits: 0,
        }
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::slices(self.lists.iter().map(|list| list.entries.as_slice()))
            + footprint::entries::<List>(self.lists.len())
            + footprint::entries::<ClassSet>(self.peers.len())
            + footprint::entries::<(Known, u32)>(self.known.len())
    }

    /// Rules are others than before.
    pub(super) fn edited(&mut self) {
        self.edits = self.edits.wrapping_add(1);
    }

    /// The number of the first list of a class as a subject.
    pub(super) fn add(
        &mut self,
        builder: &mut Builder<'_>,
        frame: Frame<'_>,
        scope: Scope,
        side: usize,
        class: u32,
        key: &ClassKey,
    ) -> u32 {
        if key.slow {
            return self.list(
                smallvec![always(Ending::SLOW, Reason::NotEvaluated, None)],
                (0, 0),
                false,
                NONE,
            );
        }
        if key.subject == EndpointRecord::ELSEWHERE {
            let other = always(Ending::ALLOW, Reason::NotEvaluated, None);
            return self.list(smallvec![other], (0, 0), false, NONE);
        }
        if key.subject == NONE {
            return self.list(
                smallvec![always(Ending::ALLOW, Reason::NotPoliced, None)],
                (0, 0),
                false,
                NONE,
            );
        }
        let profiles = builder.source.endpoints.subjects.get(key.subject).map(|subject| subject.profiles);
        let known = Known {
            side,
            tier: None,
            profiles: profiles.unwrap_or_default(),
            next: NONE,
            edits: self.edits,
            flags: key.flags,
        };
        let mut first = self.known(known, |chains, same| {
            let all_words = frame.wide.get(side).map_or(0, WideRules::all_words);
            let subject = Subject { side, class, same };
            let profiles = chains.profiles(builder, subject, key);
            chains.list(profiles, (all_words, all_words), false, NONE)
        });
        let policies = builder.source.policies;
        for tier in builder.tiers(key, scope, side).iter().rev() {
            let mut chunks = policies.policies.list(tier.policies).chunks();
            if tier.end == EndOfTier::Pass
                && chunks.all(|chunk| frame.breadth.wide_of(side, chunk) == chunk.bits())
            {
                // Only wide policies govern here.
                continue;
            }
            let known = Known { tier: Some(*tier), profiles: Span::default(), next: first, ..known };
            first = self.known(known, |chains, same| {
                chains.tier(builder, frame, Subject { side, class, same }, tier, first)
            });
        }
        first
    }

    /// A list that may be known; `make` makes it, and says whether it is the same for all subjects.
    fn known(&mut self, known: Known, make: impl FnOnce(&mut Self, &mut bool) -> u32) -> u32 {
        if let Some(list) = self.known.get(&known) {
            return *list;
        }
        let mut same = true;
        let list = make(self, &mut same);
        if same {
            self.known.insert(known, list);
        }
        list
    }

    /// The list of a tier; that of the next one, if only wide policies govern here and the tier passes.
    fn tier(
        &mut self,
        builder: &mut Builder<'_>,
        frame: Frame<'_>,
        mut subject: Subject<'_>,
        tier: &AppliedTier,
        next: u32,
    ) -> u32 {
        let side = subject.side;
        let Some(wide) = frame.wide.get(side) else { return next };
        let words = wide.words(tier.tier);
        let lists = || builder.source.policies.policies.list(tier.policies).iter();
        if lists().any(|list| frame.breadth.is_left_out(side, list)) {
            let entries = smallvec![always(Ending::SLOW, Reason::NotEvaluated, None)];
            return number(
                &mut self.lists,
                List { entries, words, is_mixed: false, next, is_over_budget: true },
            );
        }
        let is_wide = |list: &u32| frame.breadth.is_wide(side, *list);
        let is_mixed = lists().any(|list| is_wide(&list));
        let mut entries = Entries::new();
        for list in lists().filter(|list| !is_wide(list)) {
            let position = if is_mixed { wide.position(builder.source.order, tier.tier, list) } else { 0 };
            for rule in rules_of(builder.source.policies, list) {
                self.rule(builder, &mut subject, rule, Reason::Rule, position, &mut entries);
            }
        }
        if entries.is_empty() && tier.end == EndOfTier::Pass {
            return next;
        }
        end_entries(tier, &mut entries);
        let bits = if is_mixed { u16::try_from(u32::from(words.1) * 64).unwrap_or(u16::MAX) } else { 0 };
        entries.iter_mut().for_each(|entry| entry.ending.position = entry.ending.position.min(bits));
        let logs = entries.iter().any(|entry| entry.ending.code & Ending::LOG != 0);
        if is_mixed && logs {
            // Whether a Log rule counts hangs on the bits before it, which a word does not tell.
            let slow = always(Ending::SLOW, Reason::NotEvaluated, None);
            return self.list(smallvec![slow], words, false, next);
        }
        self.list(entries, words, is_mixed, next)
    }

    /// The entries of a rule, if the subject is one it can match.
    fn rule(
        &mut self,
        builder: &mut Builder<'_>,
        of: &mut Subject<'_>,
        rule: u32,
        reason: Reason,
        position: u16,
        entries: &mut Entries,
    ) {
        let Subject { side, class, .. } = *of;
        // Towards the subject itself there is no more than one variant.
        let shape = if side == 0 { builder.shape(rule) } else { at(&builder.shared.shapes, rule).copied() };
        let Some(shape) = shape else { return };
        let [subject, peer] = ends(side).map(|end| shape.terms.get(end).copied().unwrap_or_default());
        *of.same &= builder.shared.terms.is_of_family(subject) && !(shape.is_conditional && side == 1);
        if !builder.term_holds(subject, class) {
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
            let is_any = builder.is_any_term(peer);
            add(ClassSet::Term(if is_any { Terms::ANY } else { peer }), shape.traffic);
        } else if side == 0 {
            for (traffic, classes) in builder.variants(rule).iter() {
                add(ClassSet::Classes(classes.clone()), *traffic);
            }
        } else {
            let resolutions = builder.resolutions(class);
            let traffic = builder.traffic_to(rule, &resolutions);
            let is_any = builder.is_any_term(peer);
            add(ClassSet::Term(if is_any { Terms::ANY } else { peer }), traffic);
        }
    }

    /// The profiles one after the other; one that does not exist, or the end of them, denies.
    fn profiles(&mut self, builder: &mut Builder<'_>, mut of: Subject<'_>, key: &ClassKey) -> Entries {
        let super::Source { endpoints, policies, dialect, .. } = builder.source;
        let subject = endpoints.subjects.get(key.subject);
        let (mut entries, mut end) = (Entries::new(), Reason::ProfileNoMatch);
        for profile in subject.map_or(&[][..], |subject| endpoints.profiles.slice(subject.profiles)) {
            let Some(profile) = policies.profiles.get(*profile) else {
                end = Reason::MissingProfile;
                break;
            };
            let rules = if of.side == 0 { profile.egress } else { profile.ingress };
            for rule in rules.range() {
                self.rule(builder, &mut of, rule, Reason::ProfileRule, 0, &mut entries);
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

    fn list(&mut self, mut entries: Entries, words: (u16, u16), is_mixed: bool, next: u32) -> u32 {
        let last = entries.iter().position(|entry| {
            entry.peers == Self::ANY
                && entry.traffic == TrafficSets::ALL
                && entry.ending.code & Ending::LOG == 0
        });
        entries.truncate(last.map_or(entries.len(), |last| last + 1));
        if let Some(then) = self.constant_after(words, next) {
            entries.iter_mut().for_each(|entry| entry.ending = entry.ending.then(then));
        }
        number(&mut self.lists, List { entries, words, is_mixed, next, is_over_budget: false })
    }

    /// What all that a list passes on comes to, if that is the same for all of it. Most often the profiles allow it.
    fn constant_after(&self, words: (u16, u16), next: u32) -> Option<Ending> {
        let next = self.lists.get_index(index(next))?;
        let [Entry { ending, peers: Self::ANY, traffic: TrafficSets::ALL }] = *next.entries.as_slice() else {
            return None;
        };
        let is_all = !next.is_mixed && next.words.0 == words.1;
        (is_all && ending.code & (Ending::ACTION | Ending::LOG) <= Ending::ALLOW).then_some(ending)
    }
}

/// A class as the subject of one side, and whether what was made so far is the same for all others.
struct Subject<'a> {
    side: usize,
    class: u32,
    same: &'a mut bool,
}

fn always(code: u8, reason: Reason, rule: Option<crate::model::RuleId>) -> Entry {
    Entry { ending: Ending::new(code, reason, rule), peers: Chains::ANY, traffic: TrafficSets::ALL }
}

/// What the end of the tier does. Traffic of a workload to its own node, which may be exempt, is none of the fast form.
fn end_entries(tier: &AppliedTier, entries: &mut Entries) {
    let (code, id) = match tier.end {
        EndOfTier::Pass => (Ending::PASS, None),
        EndOfTier::Settled => (Ending::ALLOW, None),
        EndOfTier::Deny { other_protocols, other_undecided, .. } => {
            let exempt = match (other_protocols, other_undecided) {
                (true, _) => Some(Ending::ALLOW),
                (false, true) => Some(Ending::SLOW),
                (false, false) => None,
            };
            entries.extend(exempt.map(|code| Entry {
                traffic: TrafficSets::WITHOUT_PORTS,
                ..always(code, Reason::TierDefault, tier.end_id)
            }));
            (Ending::DENY, tier.end_id)
        }
    };
    entries.push(always(code, Reason::TierDefault, id));
}
