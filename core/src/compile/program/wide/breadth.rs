//! Which policies are wide.

use super::super::{Builder, MOST_VARIANTS, rules_of};
use crate::cluster::Scope;
use crate::compile::hashing::{Quick, QuickMap};
use crate::compile::holders::{at, at_mut};
use crate::compile::members;
use crate::compile::order::Order;
use crate::tables::{Chunk, Packed, index};
use std::collections::BTreeSet;

/// How many times fewer classes a policy of the whole cluster needs.
const CLUSTER_WIDE: u32 = 8;
/// Positions of bits have 16 bits, and rows of bits are not to grow beyond all bounds.
const MOST_BITS: u32 = 32_768;

/// Which rule lists are wide, and of which tier. That is found once: later edits do not change it.
#[derive(Debug)]
pub(in super::super) struct Breadth {
    /// With their tiers: those that govern most come first.
    lists: [Vec<(u32, u32)>; 2],
    /// A bit for each rule list.
    wide: [Vec<u64>; 2],
    /// The same of those that would be wide, but do not fit the budget.
    left_out: [Vec<u64>; 2],
    pub(super) tiers: u32,
}

/// How much a rule list governs.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    classes: u32,
    /// Lists of policies of its tier that it is in.
    lists: u32,
}

impl Breadth {
    pub(in super::super) fn new(builder: &mut Builder<'_>, scope: Scope) -> Self {
        let lists = [0, 1].map(|side| widest(builder, &shares(builder, scope, side)));
        let words = index(builder.source.policies.rule_lists.len()).div_ceil(64);
        let wide = lists.each_ref().map(|lists| {
            let mut wide = vec![0; words];
            lists.iter().for_each(|(list, _)| members::set(&mut wide, *list));
            wide
        });
        // A tier without policies may get some.
        let tiers = builder.source.order.tiers();
        Breadth { lists, wide, left_out: [vec![0; words], vec![0; words]], tiers }
    }

    /// Leaves half of the wide lists to the complete form: those that govern least. False if there are none.
    pub(in super::super) fn leave_out_half(&mut self) -> bool {
        let any = self.lists.iter().any(|lists| !lists.is_empty());
        let places = self.wide.iter_mut().zip(&mut self.left_out);
        for (lists, (wide, left_out)) in self.lists.iter_mut().zip(places) {
            for (list, _) in lists.drain(lists.len() / 2..) {
                members::clear(wide, list);
                members::set(left_out, list);
            }
        }
        any
    }

    /// Whether a rule list would be wide, but does not fit the budget.
    pub(in super::super) fn is_left_out(&self, side: usize, list: u32) -> bool {
        among(&self.left_out, side, Chunk::of(list)) != 0
    }

    /// Whether a rule list is wide.
    pub(in super::super) fn is_wide(&self, side: usize, list: u32) -> bool {
        self.wide_of(side, Chunk::of(list)) != 0
    }

    /// Which rule lists of a chunk are wide.
    pub(in super::super) fn wide_of(&self, side: usize, chunk: Chunk) -> u64 {
        among(&self.wide, side, chunk)
    }

    /// The wide lists of a tier in the order in which they are tried.
    pub(super) fn of_tier(&self, order: &Order, side: usize, tier: u32) -> Vec<u32> {
        let lists = self.lists.get(side).into_iter().flatten().filter(|(_, of)| *of == tier);
        let mut lists: Vec<u32> = lists.map(|(list, _)| *list).collect();
        lists.sort_by_key(|list| order.rank_of_list(*list));
        lists
    }
}

/// Which rule lists of a chunk have a bit.
fn among(bits: &[Vec<u64>; 2], side: usize, chunk: Chunk) -> u64 {
    chunk.bits() & bits.get(side).and_then(|bits| at(bits, chunk.place())).copied().unwrap_or(0)
}

/// How much each rule list of a side governs.
fn shares(builder: &Builder<'_>, scope: Scope, side: usize) -> Vec<Share> {
    let policies = builder.source.policies;
    let subjects = index(builder.source.endpoints.subjects.len());
    let mut classes: QuickMap<Packed, u32> = QuickMap::with_capacity_and_hasher(subjects, Quick::default());
    for key in builder.source.keys.iter().filter(|key| !key.slow) {
        for tier in builder.tiers(key, scope, side) {
            *classes.entry(tier.policies).or_default() += 1;
        }
    }
    let mut shares = vec![Share::default(); index(policies.rule_lists.len())];
    let classes: Vec<(Packed, u32)> = classes.into_iter().collect();
    for (span, classes) in classes {
        for list in policies.policies.list(span).iter() {
            if let Some(share) = at_mut(&mut shares, list) {
                share.classes += classes;
                share.lists += 1;
            }
        }
    }
    shares
}

/// The lists that govern enough, with their tiers: as many as there are bits for.
fn widest(builder: &Builder<'_>, shares: &[Share]) -> Vec<(u32, u32)> {
    let order = builder.source.order;
    let enough = builder.source.options.wide_classes;
    let is_wide = |list: u32, share: &Share| match order.is_cluster_wide(list) {
        // A policy of the whole cluster seldom stays with the few classes it has in a small one.
        true => share.classes >= enough.div_ceil(CLUSTER_WIDE),
        // One of a namespace, however many classes that has, costs a list as much as the classes it names.
        false => share.lists >= enough,
    };
    let governing = (0..).zip(shares).filter(|(list, share)| share.classes > 0 && is_wide(*list, share));
    let mut by_breadth: Vec<(u32, u32)> = governing.map(|(list, share)| (share.classes, list)).collect();
    by_breadth.sort_unstable_by(|a, b| b.cmp(a));
    let (mut wide, mut tiers, mut bits) = (Vec::new(), BTreeSet::new(), 0);
    for (_, list) in by_breadth {
        let Some(tier) = order.governing(list / 2).map(|policy| policy.tier) else { continue };
        let rules = rules_of(builder.source.policies, list);
        let conditional = |rule| at(&builder.shared.shapes, rule).is_some_and(|shape| shape.is_conditional);
        bits += rules.map(|rule| if conditional(rule) { MOST_VARIANTS } else { 1 }).sum::<u32>();
        // The first bit of a tier begins a word.
        bits += if tiers.insert(tier) { 63 } else { 0 };
        if bits > MOST_BITS {
            break;
        }
        wide.push((list, tier));
    }
    wide
}
