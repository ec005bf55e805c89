//! Wide policies: those that govern many classes, a bit for each of their rules.

use super::super::holders::{at, at_mut};
use super::super::order::Order;
use super::super::{Numbered, footprint, number};
use super::{Builder, ClassSet, MOST_VARIANTS, bit, ends, rules_of};
use crate::cluster::Scope;
use crate::model::Reason;
use crate::tables::{AlignedBlock, Arena, Ending, Span, Wide, count, index};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many times fewer classes a policy of the whole cluster needs.
const CLUSTER_WIDE: u32 = 8;
/// Positions of bits have 16 bits, and rows of bits are not to grow beyond all bounds.
const MOST_BITS: u32 = 32_768;

/// Which rule lists are wide, and of which tier. That is found once: later edits do not change it.
#[derive(Debug)]
pub(super) struct Breadth {
    wide: [BTreeMap<u32, BTreeSet<u32>>; 2],
    tiers: u32,
}

impl Breadth {
    pub(super) fn new(builder: &mut Builder<'_>, scope: Scope) -> Self {
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

    pub(super) fn is_wide(&self, side: usize, tier: u32, list: u32) -> bool {
        self.wide.get(side).and_then(|tiers| tiers.get(&tier)).is_some_and(|lists| lists.contains(&list))
    }

    /// Whether a list is wide, whatever its tier.
    pub(super) fn has(&self, side: usize, list: u32) -> bool {
        self.wide.get(side).is_some_and(|tiers| tiers.values().any(|lists| lists.contains(&list)))
    }

    /// The wide lists of a tier in the order in which they are tried.
    fn of_tier(&self, order: &Order, side: usize, tier: u32) -> Vec<u32> {
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

/// A wide rule list, with its first bit and the one after its last.
#[derive(Debug, Clone, Copy, PartialEq)]
struct WideList {
    list: u32,
    first: u32,
    after: u32,
}

/// The bits of policies that govern a subject: those that are set for every subject, and those that hang on it.
struct Governing {
    always: Vec<u64>,
    perhaps: Vec<u32>,
}

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
    by_list: HashMap<u32, WideList, ahash::RandomState>,
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

    /// Writes rules anew, of which some are others than before: the classes that have other rows. None if not all bits stay
    /// where they are.
    pub(super) fn rewrite(
        &mut self,
        builder: &mut Builder<'_>,
        table: &mut Wide,
        breadth: &Breadth,
        scope: Scope,
        side: usize,
    ) -> Option<BTreeSet<u32>> {
        let Layout { bits, endings, words, lists } = lay_out(builder, breadth, side);
        if (words, lists) != (self.words.clone(), self.lists.clone()) {
            return None;
        }
        let any = [
            any(builder, &bits, self.width, |bit| &bit.subject),
            any(builder, &bits, self.width, |bit| &bit.peer),
        ];
        let old = std::mem::replace(&mut self.bits, bits);
        let old_any = std::mem::replace(&mut self.any, any);
        let subjects = self.differing(&old, &old_any, 0, |bit| &bit.subject);
        let peers = self.differing(&old, &old_any, 1, |bit| &bit.peer);
        let traffic = |bits: &[Option<Bit>]| -> Vec<Option<u32>> {
            bits.iter().map(|bit| bit.as_ref().map(|bit| bit.traffic)).collect()
        };
        let same_traffic = traffic(&old) == traffic(&self.bits);
        let mut known = HashMap::default();
        let of_subjects = self.classes_of(builder, &old, &subjects, |bit| &bit.subject);
        for class in &of_subjects {
            let mut row = vec![0; self.width];
            self.subject(builder, scope, side, *class, &mut known, &mut row);
            self.set_subject(table, *class, &row);
        }
        let of_peers = self.classes_of(builder, &old, &peers, |bit| &bit.peer);
        for class in
            of_peers.iter().filter(|class| at(builder.source.keys, **class).is_some_and(|key| !key.slow))
        {
            let known = at(&self.peer_rows, *class).and_then(|row| self.peers.known.get_index(index(*row)));
            let mut row = known.map_or_else(|| vec![0; self.width], |row| row.to_vec());
            for position in &peers {
                self.set_peer(builder, *class, *position, &mut row);
            }
            let number = self.peers.write(&row, &mut table.peers);
            at_mut(&mut self.peer_rows, *class).into_iter().for_each(|known| *known = number);
        }
        if !same_traffic {
            self.traffic(builder, table);
        }
        table.endings = endings.into();
        Some(&of_subjects | &of_peers)
    }

    /// The bits of which part of a rule is another than it was.
    fn differing(
        &self,
        old: &[Option<Bit>],
        old_any: &[Vec<u64>; 2],
        place: usize,
        part: fn(&Bit) -> &ClassSet,
    ) -> Vec<u32> {
        let is_any = |any: &[Vec<u64>; 2], position| any.get(place).is_some_and(|any| is_set(any, position));
        let differs = |(position, (old, new)): &(u32, (&Option<Bit>, &Option<Bit>))| {
            let any = is_any(&self.any, *position);
            any != is_any(old_any, *position) || !any && old.as_ref().map(part) != new.as_ref().map(part)
        };
        (0..).zip(old.iter().zip(&self.bits)).filter(differs).map(|(position, _)| position).collect()
    }

    /// The classes for which part of these rules holds or held.
    fn classes_of(
        &self,
        builder: &mut Builder<'_>,
        old: &[Option<Bit>],
        positions: &[u32],
        part: fn(&Bit) -> &ClassSet,
    ) -> BTreeSet<u32> {
        let mut all = BTreeSet::new();
        for position in positions {
            for bit in [at(old, *position), at(&self.bits, *position)].into_iter().flatten().flatten() {
                all.extend(builder.classes(part(bit)).iter());
            }
        }
        all
    }

    /// Sets or clears the bit of a rule in the row of a peer.
    fn set_peer(&self, builder: &Builder<'_>, class: u32, position: u32, row: &mut [u64]) {
        let [_, any] = &self.any;
        let peer = at(&self.bits, position).and_then(Option::as_ref).map(|bit| &bit.peer);
        let (word, mask) = bit(position);
        let Some(word) = row.get_mut(word) else { return };
        if is_set(any, position) || peer.is_some_and(|peer| builder.contains(peer, class)) {
            *word |= mask;
        } else {
            *word &= !mask;
        }
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

/// A bit: what must hold for it to be set.
#[derive(Debug, PartialEq)]
struct Bit {
    subject: ClassSet,
    peer: ClassSet,
    traffic: u32,
}

/// The bits of a direction, and where they are.
struct Layout {
    bits: Vec<Option<Bit>>,
    endings: Vec<Ending>,
    words: Vec<(u16, u16)>,
    lists: BTreeMap<u32, Vec<WideList>>,
}

fn lay_out(builder: &mut Builder<'_>, breadth: &Breadth, side: usize) -> Layout {
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
        by_list: lists.values().flatten().map(|wide| (wide.list, *wide)).collect(),
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
#[derive(Debug, Default)]
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

    /// The number of a row, which is written to the table if it is new.
    fn write(&mut self, row: &[u64], table: &mut Arena<AlignedBlock>) -> u32 {
        let known = self.known.len();
        let number = self.add(row);
        if self.known.len() > known {
            table.extend(blocks_of(row));
        }
        number
    }

    fn bytes(&self) -> usize {
        footprint::entries::<Box<[u64]>>(self.known.len())
            + footprint::slices(self.known.iter().map(|row| &**row))
    }

    fn blocks(&self) -> Vec<AlignedBlock> {
        self.known.iter().flat_map(|row| blocks_of(row)).collect()
    }
}

fn blocks_of(row: &[u64]) -> impl Iterator<Item = AlignedBlock> + '_ {
    row.chunks(8).map(|chunk| {
        let mut block = [0; 8];
        block.iter_mut().zip(chunk).for_each(|(word, from)| *word = *from);
        AlignedBlock(block)
    })
}

fn set(row: &mut [u64], position: u32) {
    let (word, mask) = bit(position);
    if let Some(word) = row.get_mut(word) {
        *word |= mask;
    }
}

fn is_set(row: &[u64], position: u32) -> bool {
    let (word, mask) = bit(position);
    row.get(word).is_some_and(|word| word & mask != 0)
}

impl WideRules {
    fn all_subjects(&mut self, builder: &Builder<'_>, scope: Scope, side: usize) {
        let (mut row, mut known) = (vec![0; self.width], HashMap::default());
        for class in 0..count(builder.source.keys.len()) {
            self.subject(builder, scope, side, class, &mut known, &mut row);
            self.subject_rows.push(self.subjects.add(&row));
        }
    }

    /// A subject's row: the rules of the policies that govern it, as far as they can match it.
    fn subject(
        &self,
        builder: &Builder<'_>,
        scope: Scope,
        side: usize,
        class: u32,
        known: &mut HashMap<Span, Governing, ahash::RandomState>,
        row: &mut [u64],
    ) {
        row.fill(0);
        let Some(key) = at(builder.source.keys, class).filter(|key| !key.slow && self.width > 0) else {
            return;
        };
        for tier in builder.tiers(key, scope, side).iter().filter(|tier| self.lists.contains_key(&tier.tier))
        {
            let governing =
                known.entry(tier.policies).or_insert_with(|| self.governing(builder, tier.policies));
            row.iter_mut().zip(&governing.always).for_each(|(word, always)| *word |= always);
            for position in &governing.perhaps {
                let subject = at(&self.bits, *position).and_then(Option::as_ref).map(|bit| &bit.subject);
                if subject.is_some_and(|subject| builder.contains(subject, class)) {
                    set(row, *position);
                }
            }
        }
    }

    /// The bits of the wide ones among these policies.
    fn governing(&self, builder: &Builder<'_>, policies: Span) -> Governing {
        let mut governing = Governing { always: vec![0; self.width], perhaps: Vec::new() };
        let [any, _] = &self.any;
        for list in builder.source.policies.policies.slice(policies) {
            let Some(wide) = self.by_list.get(list) else { continue };
            for position in wide.first..wide.after {
                if is_set(any, position) {
                    set(&mut governing.always, position);
                } else {
                    governing.perhaps.push(position);
                }
            }
        }
        governing
    }

    /// Every peer's row: the rules whose demands on the peer it meets.
    fn all_peers(&mut self, builder: &mut Builder<'_>) {
        let width = self.width;
        let mut by_set: Vec<(&ClassSet, Vec<u64>)> = Vec::new();
        let mut known: HashMap<&ClassSet, usize, ahash::RandomState> = HashMap::default();
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
                let start = index(*class) * width;
                let row = all.get_mut(start + first..=start + last).unwrap_or_default();
                row.iter_mut().zip(mask.iter().skip(first)).for_each(|(word, more)| *word |= more);
            }
        }
        self.peer_rows = match width {
            0 => vec![0; classes],
            _ => all.chunks(width).map(|row| self.peers.add(row)).collect(),
        };
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

    /// The rows of a new class, with the next number.
    pub(super) fn add_class(
        &mut self,
        builder: &Builder<'_>,
        table: &mut Wide,
        scope: Scope,
        side: usize,
        class: u32,
    ) {
        self.subject_rows.push(0);
        self.renew_subject(builder, table, scope, side, class);
        self.peer_rows.push(0);
        self.renew_peer(builder, table, class);
    }

    /// The row of a peer that meets other demands than before.
    fn renew_peer(&mut self, builder: &Builder<'_>, table: &mut Wide, class: u32) {
        let slow = at(builder.source.keys, class).is_some_and(|key| key.slow);
        let [_, any] = &self.any;
        let mut row = any.clone();
        for position in (0..count(self.bits.len())).filter(|_| !slow) {
            self.set_peer(builder, class, position, &mut row);
        }
        let number = self.peers.write(&row, &mut table.peers);
        at_mut(&mut self.peer_rows, class).into_iter().for_each(|known| *known = number);
    }

    /// The row of a subject that is governed otherwise than before.
    pub(super) fn renew_subject(
        &mut self,
        builder: &Builder<'_>,
        table: &mut Wide,
        scope: Scope,
        side: usize,
        class: u32,
    ) {
        let mut row = vec![0; self.width];
        self.subject(builder, scope, side, class, &mut HashMap::default(), &mut row);
        self.set_subject(table, class, &row);
    }

    fn set_subject(&mut self, table: &mut Wide, class: u32, row: &[u64]) {
        let number = self.subjects.write(row, &mut table.subjects);
        at_mut(&mut self.subject_rows, class).into_iter().for_each(|known| *known = number);
    }
}
