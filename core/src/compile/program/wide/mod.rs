//! Wide policies: those that govern many classes, a bit for each of their rules.
//!
//! * `breadth`: which they are.
//! * `layout`: their bits.
//! * `rows`: rows of bits, each once.
//! * `edit`: how rows change with rules and classes.

mod breadth;
mod edit;
mod layout;
mod rows;

pub(super) use breadth::Breadth;

use super::{Builder, ClassSet};
use crate::cluster::Scope;
use crate::compile::footprint;
use crate::compile::hashing::QuickMap;
use crate::compile::holders::{at, at_mut};
use crate::compile::order::Order;
use crate::tables::{Wide, count, index};
use layout::{Bit, Layout, WideList, lay_out};
use rows::{Rows, is_set, set};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Bits by their words.
type Words = SmallVec<[(u32, u64); 1]>;

/// The wide rules of a direction, compiled.
#[derive(Debug)]
pub(super) struct WideRules {
    /// By class.
    pub(super) subject_rows: Vec<u32>,
    pub(super) peer_rows: Vec<u32>,
    /// By tier: the first of its words, and the first after them.
    words: Vec<(u16, u16)>,
    /// By tier, in the order in which they are tried.
    lists: BTreeMap<u32, Vec<WideList>>,
    /// The bits of each list, by its number; none of one that is narrow.
    words_of: Vec<Words>,
    bits: Vec<Option<Bit>>,
    /// The bits whose rules demand nothing of the subject; and those that demand nothing of the peer.
    any: [Vec<u64>; 2],
    /// How many words a row has.
    width: usize,
    subjects: Rows,
    peers: Rows,
}

impl WideRules {
    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        footprint::records(&self.bits)
            + footprint::records(&self.subject_rows)
            + footprint::records(&self.peer_rows)
            + self.subjects.bytes()
            + self.peers.bytes()
    }

    /// The words of a tier.
    pub(super) fn words(&self, tier: u32) -> (u16, u16) {
        at(&self.words, tier).copied().unwrap_or_default()
    }

    /// The words of all tiers.
    pub(super) fn all_words(&self) -> u16 {
        self.words.last().map_or(0, |(_, end)| *end)
    }

    /// The first bit of the tier that comes after a list.
    pub(super) fn position(&self, order: &Order, tier: u32, list: u32) -> u16 {
        let (_, end) = self.words(tier);
        let rank = order.rank_of_list(list);
        let mut lists = self.lists.get(&tier).into_iter().flatten();
        let next = lists.find(|wide| order.rank_of_list(wide.list) > rank);
        u16::try_from(next.map_or(u32::from(end) * 64, |next| next.first)).unwrap_or(u16::MAX)
    }

    /// Whether the bits of all lists are where they are in another compilation.
    pub(super) fn is_laid_out_as(&self, other: &WideRules) -> bool {
        self.words == other.words && self.lists == other.lists
    }

    /// Whether the words of all tiers are.
    pub(super) fn has_words_of(&self, other: &WideRules) -> bool {
        self.words == other.words
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    breadth: &Breadth,
    scope: Scope,
    side: usize,
) -> (WideRules, Wide) {
    let Layout { bits, endings, words, lists } = lay_out(builder, breadth, side);
    let blocks = count(bits.len().div_ceil(512));
    let mut table = Wide {
        blocks,
        endings: endings.into(),
        tier_ends: words.iter().flat_map(|(first, end)| (*first..*end).map(|_| *end)).collect(),
        ..Wide::default()
    };
    let width = index(blocks) * 8;
    let mut rules = WideRules {
        subject_rows: Vec::new(),
        peer_rows: Vec::new(),
        words,
        words_of: words_of(&lists),
        lists,
        any: [any(builder, &bits, width, |bit| &bit.subject), any(builder, &bits, width, |bit| &bit.peer)],
        bits,
        width,
        subjects: Rows::new(width),
        peers: Rows::new(width),
    };
    rules.all_subjects(builder, scope, side);
    rules.all_peers(builder);
    table.subjects = rules.subjects.blocks().into();
    table.peers = rules.peers.blocks().into();
    rules.traffic(builder, &mut table);
    (rules, table)
}

/// The bits of lists by their numbers.
fn words_of(lists: &BTreeMap<u32, Vec<WideList>>) -> Vec<Words> {
    let mut words_of: Vec<Words> = Vec::new();
    for WideList { list, first, after } in lists.values().flatten() {
        if words_of.len() <= index(*list) {
            words_of.resize(index(*list) + 1, Words::new());
        }
        let Some(words) = at_mut(&mut words_of, *list) else { continue };
        for position in *first..*after {
            let (word, bit) = (position / 64, 1 << (position % 64));
            match words.last_mut() {
                Some((last, bits)) if *last == word => *bits |= bit,
                _ => words.push((word, bit)),
            }
        }
    }
    words_of
}

/// The bits for which part of a rule demands nothing.
fn any(
    builder: &mut Builder<'_>,
    bits: &[Option<Bit>],
    width: usize,
    part: impl Fn(&Bit) -> &ClassSet,
) -> Vec<u64> {
    let mut row = vec![0; width];
    for (position, bit) in (0..).zip(bits) {
        if bit.as_ref().is_some_and(|bit| builder.is_any(part(bit))) {
            set(&mut row, position);
        }
    }
    row
}

impl WideRules {
    fn all_subjects(&mut self, builder: &Builder<'_>, scope: Scope, side: usize) {
        if self.width == 0 {
            self.subject_rows = vec![0; builder.source.keys.len()];
            return;
        }
        let mut row = vec![0; self.width];
        for class in 0..count(builder.source.keys.len()) {
            self.subject(builder, scope, side, class, &mut row);
            self.subject_rows.push(self.subjects.add(&row));
        }
    }

    /// A subject's row: the rules of the policies that govern it, as far as they can match it.
    fn subject(&self, builder: &Builder<'_>, scope: Scope, side: usize, class: u32, row: &mut [u64]) {
        row.fill(0);
        let Some(key) = at(builder.source.keys, class).filter(|key| !key.slow && self.width > 0) else {
            return;
        };
        for tier in builder.tiers(key, scope, side).iter().filter(|tier| self.lists.contains_key(&tier.tier))
        {
            for list in builder.source.policies.policies.list(tier.policies).iter() {
                for (word, bits) in at(&self.words_of, list).into_iter().flatten() {
                    row.get_mut(index(*word)).into_iter().for_each(|word| *word |= bits);
                }
            }
        }
        self.keep_matching(builder, class, row);
    }

    /// Clears the bits of rules that demand of a subject what it does not meet.
    fn keep_matching(&self, builder: &Builder<'_>, class: u32, row: &mut [u64]) {
        let [any, _] = &self.any;
        for (word, (row, any)) in (0..).zip(row.iter_mut().zip(any)) {
            let mut perhaps = *row & !any;
            while perhaps != 0 {
                let position = word * 64 + perhaps.trailing_zeros();
                let subject = at(&self.bits, position).and_then(Option::as_ref).map(|bit| &bit.subject);
                if !subject.is_some_and(|subject| builder.contains(subject, class)) {
                    *row &= !(perhaps & perhaps.wrapping_neg());
                }
                perhaps &= perhaps - 1;
            }
        }
    }

    /// Every peer's row: the rules whose demands on the peer it meets.
    fn all_peers(&mut self, builder: &mut Builder<'_>) {
        if self.width == 0 {
            self.peer_rows = vec![0; builder.source.keys.len()];
            return;
        }
        let width = self.width;
        let mut by_set: Vec<(&ClassSet, Vec<u64>)> = Vec::new();
        let mut known: QuickMap<&ClassSet, usize> = QuickMap::default();
        for (position, bit) in (0..).zip(&self.bits) {
            let Some(bit) = bit.as_ref().filter(|_| !is_set(&self.any[1], position)) else { continue };
            let place = *known.entry(&bit.peer).or_insert_with(|| {
                by_set.push((&bit.peer, vec![0; width]));
                by_set.len() - 1
            });
            if let Some((_, row)) = by_set.get_mut(place) {
                set(row, position);
            }
        }
        let classes = builder.source.keys.len();
        let mut all = self.any[1].repeat(classes);
        for (peer, mask) in &by_set {
            let first = mask.iter().position(|word| *word != 0).unwrap_or(0);
            let last = mask.iter().rposition(|word| *word != 0).unwrap_or(0);
            for class in &*builder.classes(peer) {
                let start = index(class) * width;
                let row = all.get_mut(start + first..=start + last).unwrap_or_default();
                row.iter_mut().zip(mask.iter().skip(first)).for_each(|(word, more)| *word |= more);
            }
        }
        self.peer_rows = all.chunks(width).map(|row| self.peers.add(row)).collect();
    }

    /// An atom's row: the rules that match such traffic.
    pub(super) fn traffic(&self, builder: &Builder<'_>, table: &mut Wide) {
        let shared = &*builder.shared;
        let mut masks: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for (position, bit) in (0..).zip(&self.bits) {
            if let Some(bit) = bit {
                set(masks.entry(bit.traffic).or_insert_with(|| vec![0; self.width]), position);
            }
        }
        // Rows change only where a set begins or ends.
        let mut changes: BTreeMap<usize, Vec<(bool, u32)>> = BTreeMap::from([(0, Vec::new())]);
        for traffic in masks.keys() {
            for run in shared.traffic.runs(*traffic) {
                let places = shared.atoms.places(*run);
                changes.entry(places.start).or_default().push((true, *traffic));
                changes.entry(places.end).or_default().push((false, *traffic));
            }
        }
        let mut rows = Rows::new(self.width);
        let mut row = vec![0; self.width];
        let starts = &shared.atoms.starts;
        let ends = changes.keys().copied().skip(1).chain([starts.len()]);
        let mut traffic_rows = vec![0; index(shared.atoms.table.atoms)];
        // Each bit has one set of traffic, so sets that begin or end do not touch each other's bits.
        for ((first, changes), end) in changes.iter().zip(ends) {
            for (begins, traffic) in changes {
                let mask = masks.get(traffic).map_or(&[][..], Vec::as_slice);
                for (word, bits) in row.iter_mut().zip(mask) {
                    *word = if *begins { *word | bits } else { *word & !bits };
                }
            }
            let number = rows.add(&row);
            for (_, atom) in starts.get(*first..end).unwrap_or_default() {
                traffic_rows.iter_mut().skip(index(*atom)).take(1).for_each(|place| *place = number);
            }
        }
        table.traffic_rows = traffic_rows.into();
        table.traffic = rows.blocks().into();
    }
}
