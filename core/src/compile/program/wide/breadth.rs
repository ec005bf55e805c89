//! Which policies are wide.

use super::super::{Builder, MOST_VARIANTS, rules_of};
use crate::cluster::Scope;
use crate::compile::holders::at;
use crate::compile::order::Order;
use std::collections::{BTreeMap, BTreeSet};

/// How many times fewer classes a policy of the whole cluster needs.
const CLUSTER_WIDE: u32 = 8;
/// Positions of bits have 16 bits, and rows of bits are not to grow beyond all bounds.
const MOST_BITS: u32 = 32_768;

/// Which rule lists are wide, and of which tier. That is found once: later edits do not change it.
#[derive(Debug)]
pub(in super::super) struct Breadth {
    wide: [BTreeMap<u32, BTreeSet<u32>>; 2],
    pub(super) tiers: u32,
}

impl Breadth {
    pub(in super::super) fn new(builder: &mut Builder<'_>, scope: Scope) -> Self {
        let mut counts: [BTreeMap<u32, (u32, u32)>; 2] = Default::default();
        for key in builder.source.keys.iter().filter(|key| !key.slow) {
            for (counts, side) in counts.iter_mut().zip([0, 1]) {
                for tier in builder.tiers(key, scope, side) {
                    for list in builder.source.policies.policies.slice(tier.policies) {
                        counts.entry(*list).or_insert((tier.tier, 0)).1 += 1;
                    }
                }
            }
        }
        let wide = counts.map(|counts| widest(builder, &counts));
        // A tier without policies may get some.
        Breadth { wide, tiers: builder.source.order.tiers() }
    }

    pub(in super::super) fn is_wide(&self, side: usize, tier: u32, list: u32) -> bool {
        self.wide.get(side).and_then(|tiers| tiers.get(&tier)).is_some_and(|lists| lists.contains(&list))
    }

    /// Whether a list is wide, whatever its tier.
    pub(in super::super) fn has(&self, side: usize, list: u32) -> bool {
        self.wide.get(side).is_some_and(|tiers| tiers.values().any(|lists| lists.contains(&list)))
    }

    /// The wide lists of a tier in the order in which they are tried.
    pub(super) fn of_tier(&self, order: &Order, side: usize, tier: u32) -> Vec<u32> {
        let lists = self.wide.get(side).and_then(|tiers| tiers.get(&tier));
        let mut lists: Vec<u32> = lists.into_iter().flatten().copied().collect();
        lists.sort_by_key(|list| order.rank_of_list(*list));
        lists
    }
}

/// The lists of enough classes: as many as there are bits for.
fn widest(builder: &Builder<'_>, counts: &BTreeMap<u32, (u32, u32)>) -> BTreeMap<u32, BTreeSet<u32>> {
    let enough = |list: u32| {
        let wide_classes = builder.source.options.wide_classes;
        // A policy of the whole cluster seldom stays with the few classes it has in a small one.
        let cluster_wide = builder.source.order.is_cluster_wide(list);
        if cluster_wide { wide_classes.div_ceil(CLUSTER_WIDE) } else { wide_classes }
    };
    let mut by_breadth: Vec<(u32, u32, u32)> = counts
        .iter()
        .filter(|(list, (_, classes))| *classes >= enough(**list))
        .map(|(list, (tier, n))| (*n, *list, *tier))
        .collect();
    by_breadth.sort_unstable_by(|a, b| b.cmp(a));
    let (mut wide, mut bits): (BTreeMap<u32, BTreeSet<u32>>, u32) = (BTreeMap::new(), 0);
    for (_, list, tier) in by_breadth {
        let rules = rules_of(builder.source.policies, list);
        let conditional = |rule| at(&builder.shared.shapes, rule).is_some_and(|shape| shape.is_conditional);
        bits += rules.map(|rule| if conditional(rule) { MOST_VARIANTS } else { 1 }).sum::<u32>();
        // The first bit of a tier begins a word.
        bits += if wide.contains_key(&tier) { 0 } else { 63 };
        if bits > MOST_BITS {
            break;
        }
        wide.entry(tier).or_default().insert(list);
    }
    wide
}
