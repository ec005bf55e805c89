//! The fast form of a scope, from the tables.

mod blocks;
mod chains;
mod rows;
mod shapes;
mod terms;
mod traffic;
mod wide;

use super::CompileOptions;
use super::holders::at;
use crate::cluster::{Phase, Scope};
use crate::dialect::Dialect;
use crate::model::Direction;
use crate::tables::{
    AppliedTier, Check, Class, Ending, Endpoints, NONE, Parts, Policies, Program, Resolution, Rule, Side,
    Traffic, count, index,
};
use std::collections::HashMap;
use std::rc::Rc;

/// What makes a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ClassKey {
    pub(super) holders: u32,
    pub(super) address: u32,
    /// What governs it, or [`NONE`].
    pub(super) subject: u32,
    /// Of [`Class::flags`].
    pub(super) flags: u32,
    /// The fast form says nothing of it.
    pub(super) slow: bool,
}

/// What the fast form is made from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) options: &'a CompileOptions,
    pub(super) dialect: &'a Dialect,
    pub(super) policies: &'a Policies,
    pub(super) parts: &'a Parts,
    pub(super) endpoints: &'a Endpoints,
    pub(super) keys: &'a [ClassKey],
    /// Of each rule list, whether its policy is of the whole cluster.
    pub(super) cluster_wide: &'a [bool],
    /// Every node sees the same DNS answers.
    pub(super) one_view: bool,
}

/// The classes for which part of a rule holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ClassSet {
    Term(u32),
    Classes(Rc<[u32]>),
}

/// The classes of destinations towards which a rule matches the same traffic: its number, and they.
type Variant = (u32, Rc<[u32]>);

/// Terms, traffic and rules, which the programs of all scopes share.
pub(super) struct Builder<'a> {
    source: Source<'a>,
    shapes: Vec<shapes::Shape>,
    terms: terms::Terms,
    traffic: traffic::TrafficSets,
    variants: HashMap<u32, Rc<[Variant]>, ahash::RandomState>,
}

/// A rule whose traffic hangs on the destination in more ways is left to the complete form.
const MOST_VARIANTS: u32 = 64;

const DIRECTIONS: [Direction; 2] = [Direction::Egress, Direction::Ingress];

impl<'a> Builder<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        let Source { policies, parts, .. } = source;
        let mut terms = terms::Terms::new(source.keys, parts);
        let mut traffic = traffic::TrafficSets::new(policies, parts.resolutions.iter());
        let mut shaper = shapes::Shaper {
            dialect: source.dialect,
            policies,
            one_view: source.one_view,
            terms: &mut terms,
            traffic: &mut traffic,
            odd: shapes::odd_conditions(parts.resolutions.iter()),
        };
        let shapes = policies.rules.iter().map(|rule| shaper.shape(rule)).collect();
        Builder { source, shapes, terms, traffic, variants: HashMap::default() }
    }

    /// From protocols and ports to atoms, and how many rules are left to the complete form.
    pub(super) fn finish(self) -> (Traffic, u32) {
        let slow = self.shapes.iter().filter(|shape| shape.code == Ending::SLOW).count();
        (self.traffic.table, count(slow))
    }

    /// The fast form of a scope.
    pub(super) fn program(&mut self, scope: Scope) -> Program {
        let breadth = wide::Breadth::new(self, scope);
        let wide = [0, 1].map(|side| wide::build(self, &breadth, scope, side));
        let mut chains = chains::Chains::new(&breadth, &wide);
        let classes = (0..).zip(self.source.keys);
        let firsts: Vec<[u32; 2]> = classes
            .map(|(class, key)| [0, 1].map(|side| chains.add(self, scope, side, class, key)))
            .collect();
        let built = blocks::build(self, &chains);
        let record = |(class, key): (usize, &ClassKey)| {
            let list = |side: usize| {
                let first = firsts.get(class).and_then(|firsts| firsts.get(side)).copied().unwrap_or(NONE);
                let mut list = built.program.lists.get(first).copied().unwrap_or_default();
                list.subject_row =
                    wide.get(side).and_then(|wide| wide.subject_rows.get(class)).copied().unwrap_or(0);
                list
            };
            let peer =
                |side: usize| wide.get(side).and_then(|wide| wide.peer_rows.get(class)).copied().unwrap_or(0);
            Class {
                sides: [list(0), list(1)],
                peer_rows: [peer(0), peer(1)],
                group: built.groups.get(class).copied().unwrap_or(0),
                flags: key.flags | if key.slow { Class::SLOW } else { 0 },
            }
        };
        let classes = self.source.keys.iter().enumerate().map(record).collect();
        Program { classes, wide: wide.map(|wide| wide.table), ..built.program }
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
        let shape = at(&self.shapes, rule).copied()?;
        if !shape.is_conditional || count(self.variants(rule).len()) <= MOST_VARIANTS {
            return Some(shape);
        }
        let traffic = traffic::TrafficSets::ALL;
        Some(shapes::Shape { is_conditional: false, traffic, code: Ending::SLOW, ..shape })
    }

    /// The traffic of a rule towards each class of destinations, as far as its term holds for them.
    fn variants(&mut self, rule: u32) -> Rc<[Variant]> {
        if let Some(known) = self.variants.get(&rule) {
            return known.clone();
        }
        let destination = at(&self.shapes, rule).map_or(terms::Terms::ANY, |shape| {
            let [_, destination] = shape.terms;
            destination
        });
        let conditions = self.conditions(rule);
        let mut by_traffic: Vec<(u32, Vec<u32>)> = Vec::new();
        let mut known: HashMap<Vec<Resolution>, usize, ahash::RandomState> = HashMap::default();
        for class in &*self.terms.classes(destination) {
            let mut resolutions = self.resolutions(*class);
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
                classes.push(*class);
            }
            if count(by_traffic.len()) > MOST_VARIANTS {
                // Too many, however many more there are.
                break;
            }
        }
        let variants: Rc<[_]> = by_traffic.into_iter().map(|(set, classes)| (set, classes.into())).collect();
        self.variants.insert(rule, variants.clone());
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
        shapes::conditional_traffic(checks, policies, dialect, resolutions, &mut self.traffic)
    }

    /// The classes of a set.
    fn classes(&mut self, set: &ClassSet) -> Rc<[u32]> {
        match set {
            ClassSet::Term(term) => self.terms.classes(*term),
            ClassSet::Classes(classes) => classes.clone(),
        }
    }

    /// Whether a set holds every class.
    fn is_any(&mut self, set: &ClassSet) -> bool {
        matches!(set, ClassSet::Term(term) if self.terms.is_any(*term))
    }

    fn contains(&self, set: &ClassSet, class: u32) -> bool {
        match set {
            ClassSet::Term(term) => self.terms.holds(*term, class),
            ClassSet::Classes(classes) => classes.binary_search(&class).is_ok(),
        }
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
