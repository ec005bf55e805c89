//! The bits of wide rules, and where they are.

use super::super::{Builder, ClassSet, Variant, ends, rules_of};
use super::Breadth;
use crate::model::Reason;
use crate::tables::{Ending, count};
use std::collections::BTreeMap;

/// A wide rule list, with its first bit and the one after its last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WideList {
    pub(super) list: u32,
    pub(super) first: u32,
    pub(super) after: u32,
}

/// A bit: what must hold for it to be set.
#[derive(Debug, PartialEq)]
pub(super) struct Bit {
    pub(super) subject: ClassSet,
    pub(super) peer: ClassSet,
    pub(super) traffic: u32,
}

/// The bits of a direction, and where they are.
pub(super) struct Layout {
    pub(super) bits: Vec<Option<Bit>>,
    pub(super) endings: Vec<Ending>,
    /// By tier: the first of its words, and the first after them.
    pub(super) words: Vec<(u16, u16)>,
    /// By tier, in the order in which they are tried.
    pub(super) lists: BTreeMap<u32, Vec<WideList>>,
}

pub(super) fn lay_out(builder: &mut Builder<'_>, breadth: &Breadth, side: usize) -> Layout {
    let mut layout =
        Layout { bits: Vec::new(), endings: Vec::new(), words: Vec::new(), lists: BTreeMap::new() };
    let Layout { bits, endings, words, lists } = &mut layout;
    for tier in 0..breadth.tiers {
        let first = count(bits.len() / 64);
        for list in breadth.of_tier(builder.source.order, side, tier) {
            let first = count(bits.len());
            for rule in rules_of(builder.source.policies, list) {
                for (bit, ending) in bits_of(builder, rule, side) {
                    bits.push(Some(bit));
                    endings.push(ending);
                }
            }
            let list = WideList { list, first, after: count(bits.len()) };
            lists.entry(tier).or_default().push(list);
        }
        while !bits.len().is_multiple_of(64) {
            bits.push(None);
            endings.push(Ending::default());
        }
        let narrow = |words: u32| u16::try_from(words).unwrap_or(u16::MAX);
        words.push((narrow(first), narrow(count(bits.len() / 64))));
    }
    layout
}

/// The bits of a rule: one, or one for each traffic that its destinations give it.
fn bits_of(builder: &mut Builder<'_>, rule: u32, side: usize) -> Vec<(Bit, Ending)> {
    let Some(shape) = builder.shape(rule) else { return Vec::new() };
    let id = builder.rule(rule).and_then(|rule| rule.id);
    let ending = Ending::new(shape.code, Reason::Rule, id);
    let set = |end: usize| ClassSet::Term(shape.terms.get(end).copied().unwrap_or_default());
    let [subject, peer] = ends(side).map(set);
    if !shape.is_conditional {
        return vec![(Bit { subject, peer, traffic: shape.traffic }, ending)];
    }
    let variants = builder.variants(rule);
    let bit = |(traffic, classes): &Variant| {
        let destination = ClassSet::Classes(classes.clone());
        let (subject, peer) =
            if side == 0 { (subject.clone(), destination) } else { (destination, peer.clone()) };
        (Bit { subject, peer, traffic: *traffic }, ending)
    };
    variants.iter().map(bit).collect()
}
