//! How rows of bits change.

use super::super::{Builder, ClassSet, bit};
use super::layout::{Bit, Layout, lay_out};
use super::rows::is_set;
use super::{Breadth, WideRules, any};
use crate::cluster::Scope;
use crate::compile::holders::{at, at_mut};
use crate::tables::{Lineage, Wide, count};
use std::collections::BTreeSet;

impl WideRules {
    /// Writes rules anew, of which some are others than before: the classes that have other rows. None if not all bits stay
    /// where they are.
    pub(in super::super) fn rewrite(
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
        let of_subjects = self.classes_of(builder, &old, &subjects, |bit| &bit.subject);
        for class in &of_subjects {
            let mut row = vec![0; self.width];
            self.subject(builder, scope, side, *class, &mut row);
            self.set_subject(table, *class, &row);
        }
        let of_peers = self.classes_of(builder, &old, &peers, |bit| &bit.peer);
        for class in
            of_peers.iter().filter(|class| at(builder.source.keys, **class).is_some_and(|key| !key.slow))
        {
            let known = at(&self.peer_rows, *class).and_then(|row| self.peers.get(*row));
            let mut row = known.map_or_else(|| vec![0; self.width], |row| row.to_vec());
            for position in &peers {
                self.set_peer(builder, *class, *position, &mut row);
            }
            self.set_peer_row(table, *class, &row);
        }
        if !same_traffic {
            self.traffic(builder, table);
        }
        // Bits mean something else than they did.
        (table.endings, table.lineage) = (endings.into(), Lineage::default());
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

    /// The rows of a new class, with the next number.
    pub(in super::super) fn add_class(
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
        self.set_peer_row(table, class, &row);
    }

    fn set_peer_row(&mut self, table: &mut Wide, class: u32, row: &[u64]) {
        let number = self.peers.write(row, &mut table.peers);
        at_mut(&mut self.peer_rows, class).into_iter().for_each(|known| *known = number);
    }

    /// The row of a subject that is governed otherwise than before.
    pub(in super::super) fn renew_subject(
        &mut self,
        builder: &Builder<'_>,
        table: &mut Wide,
        scope: Scope,
        side: usize,
        class: u32,
    ) {
        let mut row = vec![0; self.width];
        self.subject(builder, scope, side, class, &mut row);
        self.set_subject(table, class, &row);
    }

    fn set_subject(&mut self, table: &mut Wide, class: u32, row: &[u64]) {
        let number = self.subjects.write(row, &mut table.subjects);
        at_mut(&mut self.subject_rows, class).into_iter().for_each(|known| *known = number);
    }
}
