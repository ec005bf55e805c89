//! Wide policies: those that govern many classes, a bit for each of their rules.

use super::super::{Numbered, holders::at, number};
use super::{Builder, ClassSet, MOST_VARIANTS, bit, ends, rules_of};
use crate::cluster::Scope;
use crate::model::Reason;
use crate::tables::{AlignedBlock, Ending, Wide, count, index};
use std::collections::{BTreeMap, BTreeSet};

/// How many times fewer classes a policy of the whole cluster needs.
const CLUSTER_WIDE: u32 = 8;
/// Positions of bits have 16 bits, and rows of bits are not to grow beyond all bounds.
const MOST_BITS: u32 = 32_768;

/// Which rule lists are wide, and of which tier.
pub(super) struct Breadth {
    /// By tier, then by number, which is the order in which they are tried.
    wide: [BTreeMap<u32, BTreeSet<u32>>; 2],
    tiers: u32,
}

impl Breadth {
    pub(super) fn new(builder: &mut Builder<'_>, scope: Scope) -> Self {
        let mut counts: [BTreeMap<u32, (u32, u32)>; 2] = Default::default();
        let mut tiers = 0;
        for key in builder.source.keys.iter().filter(|key| !key.slow) {
            for (counts, side) in counts.iter_mut().zip([0, 1]) {
                for tier in builder.tiers(key, scope, side) {
                    tiers = tiers.max(tier.tier + 1);
                    for list in builder.source.policies.policies.slice(tier.policies) {
                        counts.entry(*list).or_insert((tier.tier, 0)).1 += 1;
                    }
                }
            }
        }
        let wide = counts.map(|counts| widest(builder, &counts));
        Breadth { wide, tiers }
    }

    pub(super) fn is_wide(&self, side: usize, tier: u32, list: u32) -> bool {
        self.wide.get(side).and_then(|tiers| tiers.get(&tier)).is_some_and(|lists| lists.contains(&list))
    }
}

/// The lists of enough classes: as many as there are bits for.
fn widest(builder: &Builder<'_>, counts: &BTreeMap<u32, (u32, u32)>) -> BTreeMap<u32, BTreeSet<u32>> {
    let enough = |list: u32| {
        let wide_classes = builder.source.options.wide_classes;
        // A policy of the whole cluster seldom stays with the few classes it has in a small one.
        let cluster_wide = at(builder.source.cluster_wide, list) == Some(&true);
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
        let conditional = |rule| at(&builder.shapes, rule).is_some_and(|shape| shape.is_conditional);
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

/// The wide rules of a direction, compiled.
pub(super) struct WideRules {
    pub(super) table: Wide,
    /// By class.
    pub(super) subject_rows: Vec<u32>,
    pub(super) peer_rows: Vec<u32>,
    /// By tier: the first of its words, and the first after them.
    words: Vec<(u16, u16)>,
    /// The first bit of each list.
    first_bits: BTreeMap<u32, u32>,
}

impl WideRules {
    /// The words of a tier.
    pub(super) fn words(&self, tier: u32) -> (u16, u16) {
        at(&self.words, tier).copied().unwrap_or_default()
    }

    /// The words of all tiers.
    pub(super) fn all_words(&self) -> u16 {
        self.words.last().map_or(0, |(_, end)| *end)
    }

    /// The first bit of the tier that comes after a list.
    pub(super) fn position(&self, tier: u32, list: u32) -> u16 {
        let (_, end) = self.words(tier);
        let end = u32::from(end) * 64;
        let next = self.first_bits.range(list..).next().map_or(end, |(_, bit)| *bit);
        u16::try_from(next.min(end)).unwrap_or(u16::MAX)
    }
}

/// A bit: what must hold for it to be set, and what it leads to.
struct Bit {
    subject: ClassSet,
    peer: ClassSet,
    traffic: u32,
}

pub(super) fn build(builder: &mut Builder<'_>, breadth: &Breadth, scope: Scope, side: usize) -> WideRules {
    let lists = breadth.wide.get(side).cloned().unwrap_or_default();
    let (mut bits, mut endings): (Vec<Option<Bit>>, Vec<Ending>) = (Vec::new(), Vec::new());
    let (mut words, mut first_bits) = (Vec::new(), BTreeMap::new());
    for tier in 0..breadth.tiers {
        let first = count(bits.len() / 64);
        for list in lists.get(&tier).into_iter().flatten() {
            first_bits.insert(*list, count(bits.len()));
            for rule in rules_of(builder.source.policies, *list) {
                for (bit, ending) in bits_of(builder, rule, side) {
                    bits.push(Some(bit));
                    endings.push(ending);
                }
            }
        }
        while !bits.len().is_multiple_of(64) {
            bits.push(None);
            endings.push(Ending::default());
        }
        let narrow = |words: u32| u16::try_from(words).unwrap_or(u16::MAX);
        words.push((narrow(first), narrow(count(bits.len() / 64))));
    }
    let blocks = count(bits.len().div_ceil(512));
    let table = Wide {
        blocks,
        endings: endings.into(),
        tier_ends: words.iter().flat_map(|(first, end)| (*first..*end).map(|_| *end)).collect(),
        ..Wide::default()
    };
    let mut rules = WideRules { table, subject_rows: Vec::new(), peer_rows: Vec::new(), words, first_bits };
    let width = index(blocks) * 8;
    subjects(builder, &lists, &bits, scope, side, width, &mut rules);
    peers(builder, &bits, width, &mut rules);
    traffic(builder, &bits, width, &mut rules);
    rules
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
    let bit = |(traffic, classes): &super::Variant| {
        let destination = ClassSet::Classes(classes.clone());
        let (subject, peer) =
            if side == 0 { (subject.clone(), destination) } else { (destination, peer.clone()) };
        (Bit { subject, peer, traffic: *traffic }, ending)
    };
    variants.iter().map(bit).collect()
}

/// Rows of bits, each once. Row 0 has none set.
#[derive(Default)]
struct Rows {
    known: Numbered<Box<[u64]>>,
}

impl Rows {
    fn new(width: usize) -> Self {
        let mut rows = Rows::default();
        number(&mut rows.known, vec![0; width].into());
        rows
    }

    fn add(&mut self, row: &[u64]) -> u32 {
        match self.known.get_index_of(row) {
            Some(known) => count(known),
            None => number(&mut self.known, row.into()),
        }
    }

    fn blocks(&self) -> Vec<AlignedBlock> {
        let words = self.known.iter().flat_map(|row| row.chunks(8));
        words
            .map(|chunk| {
                let mut block = [0; 8];
                block.iter_mut().zip(chunk).for_each(|(word, from)| *word = *from);
                AlignedBlock(block)
            })
            .collect()
    }
}

fn set(row: &mut [u64], position: u32) {
    let (word, mask) = bit(position);
    if let Some(word) = row.get_mut(word) {
        *word |= mask;
    }
}

/// A subject's row: the rules of the policies that govern it, as far as they can match it.
fn subjects(
    builder: &mut Builder<'_>,
    lists: &BTreeMap<u32, BTreeSet<u32>>,
    bits: &[Option<Bit>],
    scope: Scope,
    side: usize,
    width: usize,
    rules: &mut WideRules,
) {
    let mut rows = Rows::new(width);
    let any: Vec<bool> =
        bits.iter().map(|bit| bit.as_ref().is_some_and(|bit| builder.is_any(&bit.subject))).collect();
    let mut row = vec![0; width];
    for (class, key) in (0..).zip(builder.source.keys) {
        row.fill(0);
        for tier in builder.tiers(key, scope, side).iter().filter(|_| !key.slow) {
            let Some(wide) = lists.get(&tier.tier) else { continue };
            for list in builder.source.policies.policies.slice(tier.policies) {
                if !wide.contains(list) {
                    continue;
                }
                let first = rules.first_bits.get(list).copied().unwrap_or_default();
                let after =
                    rules.first_bits.range(list + 1..).next().map_or(count(bits.len()), |(_, bit)| *bit);
                for position in first..after {
                    let governs = at(bits, position).and_then(Option::as_ref).is_some_and(|bit| {
                        at(&any, position) == Some(&true) || builder.contains(&bit.subject, class)
                    });
                    if governs {
                        set(&mut row, position);
                    }
                }
            }
        }
        rules.subject_rows.push(rows.add(&row));
    }
    rules.table.subjects = rows.blocks().into();
}

/// A peer's row: the rules whose demands on the peer it meets.
fn peers(builder: &mut Builder<'_>, bits: &[Option<Bit>], width: usize, rules: &mut WideRules) {
    let mut for_all = vec![0; width];
    let mut by_set: Vec<(ClassSet, Vec<u64>)> = Vec::new();
    let mut known: std::collections::HashMap<ClassSet, usize, ahash::RandomState> = Default::default();
    for (position, bit) in (0..).zip(bits) {
        let Some(bit) = bit else { continue };
        if builder.is_any(&bit.peer) {
            set(&mut for_all, position);
            continue;
        }
        let place = *known.entry(bit.peer.clone()).or_insert_with(|| {
            by_set.push((bit.peer.clone(), vec![0; width]));
            by_set.len() - 1
        });
        if let Some((_, row)) = by_set.get_mut(place) {
            set(row, position);
        }
    }
    let classes = builder.source.keys.len();
    let mut all = for_all.repeat(classes);
    for (peer, mask) in &by_set {
        let first = mask.iter().position(|word| *word != 0).unwrap_or(0);
        let last = mask.iter().rposition(|word| *word != 0).unwrap_or(0);
        for class in &*builder.classes(peer) {
            let start = index(*class) * width;
            let row = all.get_mut(start + first..=start + last).unwrap_or_default();
            row.iter_mut().zip(mask.iter().skip(first)).for_each(|(word, more)| *word |= more);
        }
    }
    let mut rows = Rows::new(width);
    rules.peer_rows =
        if width == 0 { vec![0; classes] } else { all.chunks(width).map(|row| rows.add(row)).collect() };
    rules.table.peers = rows.blocks().into();
}

/// An atom's row: the rules that match such traffic.
fn traffic(builder: &mut Builder<'_>, bits: &[Option<Bit>], width: usize, rules: &mut WideRules) {
    let mut masks: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (position, bit) in (0..).zip(bits) {
        if let Some(bit) = bit {
            set(masks.entry(bit.traffic).or_insert_with(|| vec![0; width]), position);
        }
    }
    // Rows change only where a set begins or ends.
    let mut changes: BTreeMap<u32, Vec<(bool, u32)>> = BTreeMap::from([(0, Vec::new())]);
    for traffic in masks.keys() {
        for (first, end) in builder.traffic.atoms(*traffic) {
            changes.entry(*first).or_default().push((true, *traffic));
            changes.entry(*end).or_default().push((false, *traffic));
        }
    }
    let mut rows = Rows::new(width);
    let mut row = vec![0; width];
    let mut ends = changes.keys().copied().skip(1).collect::<Vec<_>>();
    ends.push(builder.traffic.table.atoms);
    // Each bit has one set of traffic, so sets that begin or end do not touch each other's bits.
    for ((first, changes), end) in changes.iter().zip(ends) {
        for (begins, traffic) in changes {
            let mask = masks.get(traffic).map_or(&[][..], Vec::as_slice);
            for (word, bits) in row.iter_mut().zip(mask) {
                *word = if *begins { *word | bits } else { *word & !bits };
            }
        }
        let number = rows.add(&row);
        rules.table.traffic_rows.extend((*first..end).map(|_| number));
    }
    rules.table.traffic = rows.blocks().into();
}
