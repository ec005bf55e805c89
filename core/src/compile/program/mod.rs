//! The fast form of a scope, from the tables.
//!
//! * `terms`: what rules demand of one end, and of which classes it holds.
//! * `traffic`, `atoms`: what they demand of traffic.
//! * `shapes`: rules as these demands.
//! * `wide`: policies that govern many classes, as bits.
//! * `chains`: what all others come to for a subject, as lists.
//! * `blocks`, `rows`: lists made ready to be looked up.
//! * `form`: all of it together, and how it changes.

mod atoms;
mod blocks;
mod chains;
mod form;
mod rows;
mod shapes;
mod terms;
mod traffic;
mod wide;

pub(super) use form::{Form, Touched};

use super::holders::at;
use super::members::Members;
use super::order::Order;
use super::{CompileOptions, footprint};
use crate::cluster::{Phase, Scope};
use crate::dialect::Dialect;
use crate::model::Direction;
use crate::tables::{
    AppliedTier, Check, Ending, Endpoints, Parts, Policies, Resolution, Rule, Side, Traffic, count, index,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What makes a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ClassKey {
    pub(super) holders: u32,
    pub(super) address: u32,
    /// What governs it, or [`NONE`](crate::tables::NONE).
    pub(super) subject: u32,
    /// Of [`Class::flags`](crate::tables::Class::flags).
    pub(super) flags: u32,
    /// The fast form says nothing of it.
    pub(super) slow: bool,
}

/// What the fast form is made from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) options: &'a CompileOptions,
    pub(super) dialect: &'a Dialect,
    pub(super) order: &'a Order,
    pub(super) policies: &'a Policies,
    pub(super) parts: &'a Parts,
    pub(super) endpoints: &'a Endpoints,
    pub(super) keys: &'a [ClassKey],
    /// Every node sees the same DNS answers.
    pub(super) one_view: bool,
}

impl Source<'_> {
    /// What the fast form of a scope may take, in bytes: what is left of the budget.
    fn budget(&self) -> usize {
        let left = self.options.table_budget.saturating_sub(self.parts.bytes());
        if self.order.staged { left / 2 } else { left }
    }
}

/// The classes for which part of a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ClassSet {
    Term(u32),
    Classes(Arc<Members>),
}

/// The classes of destinations towards which a rule matches the same traffic: its number, and they.
type Variant = (u32, Arc<Members>);

/// Terms, traffic and rules, which the programs of all scopes share.
#[derive(Debug)]
pub(super) struct Shared {
    shapes: Vec<shapes::Shape>,
    terms: terms::Terms,
    traffic: traffic::TrafficSets,
    atoms: atoms::Atoms,
    variants: HashMap<u32, Arc<[Variant]>, ahash::RandomState>,
    /// Conditions that resolve to ports of protocols that have none.
    odd: Vec<u32>,
}

/// What programs are built with.
pub(super) struct Builder<'a> {
    source: Source<'a>,
    shared: &'a mut Shared,
}

/// A rule whose traffic hangs on the destination in more ways is left to the complete form.
const MOST_VARIANTS: u32 = 64;

const DIRECTIONS: [Direction; 2] = [Direction::Egress, Direction::Ingress];

impl Shared {
    pub(super) fn new(source: Source<'_>) -> Self {
        let resolutions = || source.parts.resolutions.iter();
        let mut shared = Shared {
            shapes: Vec::new(),
            terms: terms::Terms::new(source.keys, source.parts),
            traffic: traffic::TrafficSets::new(),
            atoms: atoms::Atoms::new(source.policies, resolutions()),
            variants: HashMap::default(),
            odd: shapes::odd_conditions(resolutions()),
        };
        shared.add_rules(source);
        shared
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::records(&self.shapes)
            + self.terms.bytes()
            + footprint::records(&self.atoms.starts)
            + footprint::entries::<(u32, Arc<[Variant]>)>(self.variants.len())
    }

    /// Finds the shapes of the rules that came since the last time.
    pub(super) fn add_rules(&mut self, source: Source<'_>) {
        let mut shaper = shapes::Shaper {
            dialect: source.dialect,
            policies: source.policies,
            one_view: source.one_view,
            terms: &mut self.terms,
            traffic: &mut self.traffic,
            odd: &self.odd,
        };
        let new = source.policies.rules.iter().skip(self.shapes.len());
        self.shapes.extend(new.map(|rule| shaper.shape(rule)));
    }

    /// How many of these rules are left to the complete form.
    pub(super) fn slow_rules(&self, rules: std::ops::Range<u32>) -> u32 {
        let slow = |rule: &u32| at(&self.shapes, *rule).is_some_and(|shape| shape.code == Ending::SLOW);
        count(rules.filter(slow).count())
    }

    /// From protocols and ports to atoms.
    pub(super) fn atoms(&self) -> &Traffic {
        &self.atoms.table
    }

    /// Whether atoms tell the traffic of these rules.
    pub(super) fn tells(&self, rules: std::ops::Range<u32>) -> bool {
        let told = |shape: &shapes::Shape| {
            !shape.is_conditional && self.traffic.runs(shape.traffic).iter().all(|run| self.atoms.tell(*run))
        };
        rules.filter_map(|rule| at(&self.shapes, rule)).all(told)
    }

    /// Cuts traffic into atoms anew.
    pub(super) fn cut_atoms(&mut self, source: Source<'_>) {
        self.atoms = atoms::Atoms::new(source.policies, source.parts.resolutions.iter());
    }

    /// A new class, with the next number: the terms that hold for it. Rules whose traffic hangs on the destination, which
    /// may be this class, are in `rules`. None if the class changes more than that.
    pub(super) fn add_class(
        &mut self,
        key: &ClassKey,
        parts: &Parts,
        rules: &mut BTreeSet<u32>,
    ) -> Option<Vec<u32>> {
        let resolutions = [parts.resolutions(key.holders), parts.resolutions(key.address)].concat();
        let odd = shapes::odd_conditions(resolutions.iter());
        let terms = self.terms.add_class(key, parts)?;
        if !odd.iter().all(|condition| self.odd.contains(condition)) {
            return None;
        }
        let shapes = &self.shapes;
        self.variants.retain(|rule, _| {
            let [_, destination] = at(shapes, *rule).map_or([terms::Terms::ANY; 2], |shape| shape.terms);
            let concerned = destination == terms::Terms::ANY || terms.contains(&destination);
            if concerned && !key.slow {
                rules.insert(*rule);
            }
            !concerned || key.slow
        });
        Some(terms)
    }

    /// Predicates that are new hold for a class, which is not slow.
    pub(super) fn add_predicates(&mut self, class: u32, new: &[u32]) {
        self.terms.add_predicates(class, new);
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: Source<'a>, shared: &'a mut Shared) -> Self {
        Builder { source, shared }
    }

    fn rule(&self, rule: u32) -> Option<&'a Rule> {
        self.source.policies.rules.get(rule)
    }

    /// The tiers that govern a class as a subject.
    fn tiers(&self, key: &ClassKey, scope: Scope, side: usize) -> &'a [AppliedTier] {
        let Source { endpoints, policies, .. } = self.source;
        let direction = DIRECTIONS.get(side).copied().unwrap_or(Direction::Ingress);
        policies.list(endpoints.list_of(key.subject, Phase::Normal, direction, scope))
    }

    /// The ports that conditions resolve to at a class.
    fn resolutions(&self, class: u32) -> Vec<Resolution> {
        let Some(key) = at(self.source.keys, class) else { return Vec::new() };
        let parts = self.source.parts;
        [parts.resolutions(key.holders), parts.resolutions(key.address)].concat()
    }

    /// The shape of a rule, which is slow if its traffic comes in too many variants.
    fn shape(&mut self, rule: u32) -> Option<shapes::Shape> {
        let shape = at(&self.shared.shapes, rule).copied()?;
        if !shape.is_conditional || count(self.variants(rule).len()) <= MOST_VARIANTS {
            return Some(shape);
        }
        let traffic = traffic::TrafficSets::ALL;
        Some(shapes::Shape { is_conditional: false, traffic, code: Ending::SLOW, ..shape })
    }

    /// The traffic of a rule towards each class of destinations, as far as its term holds for them.
    fn variants(&mut self, rule: u32) -> Arc<[Variant]> {
        if let Some(known) = self.shared.variants.get(&rule) {
            return known.clone();
        }
        let destination = at(&self.shared.shapes, rule).map_or(terms::Terms::ANY, |shape| {
            let [_, destination] = shape.terms;
            destination
        });
        let conditions = self.conditions(rule);
        let mut by_traffic: Vec<(u32, Vec<u32>)> = Vec::new();
        let mut known: HashMap<Vec<Resolution>, usize, ahash::RandomState> = HashMap::default();
        let towards = self.shared.terms.classes(self.source.parts, destination);
        for class in &*towards {
            let mut resolutions = self.resolutions(class);
            resolutions.retain(|resolution| conditions.contains(&resolution.condition));
            let place = match known.get(&resolutions) {
                Some(known) => *known,
                None => {
                    let traffic = self.traffic_to(rule, &resolutions);
                    let place = by_traffic.iter().position(|(set, _)| *set == traffic);
                    let place = place.unwrap_or_else(|| {
                        by_traffic.push((traffic, Vec::new()));
                        by_traffic.len() - 1
                    });
                    known.insert(resolutions, place);
                    place
                }
            };
            if let Some((_, classes)) = by_traffic.get_mut(place) {
                classes.push(class);
            }
            if count(by_traffic.len()) > MOST_VARIANTS {
                // Too many, however many more there are.
                break;
            }
        }
        let variants: Arc<[_]> = by_traffic
            .into_iter()
            .map(|(set, classes)| (set, Arc::new(classes.into_iter().collect())))
            .collect();
        self.shared.variants.insert(rule, variants.clone());
        variants
    }

    /// The conditions that a rule's traffic hangs on.
    fn conditions(&self, rule: u32) -> Vec<u32> {
        let Source { policies, .. } = self.source;
        let checks = policies.rules.get(rule).map_or(&[][..], |rule| policies.checks.slice(rule.checks));
        let of_check = |check: &Check| match *check {
            Check::Ports(Side::Destination, ports) | Check::NotPorts(Side::Destination, ports) => policies
                .ports
                .get(ports)
                .map_or(Vec::new(), |ports| policies.conditions.slice(ports.conditions).to_vec()),
            Check::Resolves(Side::Destination, condition) => vec![condition],
            _ => Vec::new(),
        };
        checks.iter().flat_map(of_check).collect()
    }

    fn traffic_to(&mut self, rule: u32, resolutions: &[Resolution]) -> u32 {
        let Source { policies, dialect, .. } = self.source;
        let checks = policies.rules.get(rule).map_or(&[][..], |rule| policies.checks.slice(rule.checks));
        shapes::conditional_traffic(checks, policies, dialect, resolutions, &mut self.shared.traffic)
    }

    /// The classes of a set.
    fn classes(&mut self, set: &ClassSet) -> Arc<Members> {
        match set {
            ClassSet::Term(term) => self.shared.terms.classes(self.source.parts, *term),
            ClassSet::Classes(classes) => classes.clone(),
        }
    }

    /// Whether a set holds every class.
    fn is_any(&mut self, set: &ClassSet) -> bool {
        matches!(set, ClassSet::Term(term) if self.is_any_term(*term))
    }

    fn is_any_term(&mut self, term: u32) -> bool {
        self.shared.terms.is_any(self.source.parts, term)
    }

    fn contains(&self, set: &ClassSet, class: u32) -> bool {
        match set {
            ClassSet::Term(term) => self.term_holds(*term, class),
            ClassSet::Classes(classes) => classes.contains(class),
        }
    }

    fn term_holds(&self, term: u32, class: u32) -> bool {
        self.shared.terms.holds(self.source.parts, term, class)
    }
}

/// The rules of a rule list, by number.
fn rules_of(policies: &Policies, list: u32) -> std::ops::Range<u32> {
    policies.rule_lists.get(list).map_or(0..0, |span| span.range())
}

/// The place of a side in the terms of a rule.
fn ends(side: usize) -> [usize; 2] {
    // The subject of egress is the source, its peer the destination; of ingress the other way round.
    if side == 0 { [0, 1] } else { [1, 0] }
}

fn bit(position: u32) -> (usize, u64) {
    (index(position / 64), 1 << (position % 64))
}
