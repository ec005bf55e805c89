//! The fast form of a scope, and how it changes.

use super::blocks::Blocks;
use super::chains::{Chains, Frame};
use super::wide::{self, Breadth, WideRules};
use super::{Builder, ClassKey, ClassSet};
use crate::cluster::Scope;
use crate::compile::holders::{at, at_mut};
use crate::compile::{Few, footprint};
use crate::tables::{Class, NONE, Program, count, index};
use std::collections::BTreeSet;

/// What the tables of a scope were made of.
#[derive(Debug)]
pub(in super::super) struct Form {
    scope: Scope,
    breadth: Breadth,
    wide: [WideRules; 2],
    chains: Chains,
    blocks: Blocks,
    /// Of each class, its first lists.
    firsts: Vec<[u32; 2]>,
    /// The classes that begin with a list, by its number; some no longer do.
    users: Vec<Few>,
    /// The lists that name a set of peers, by its number.
    naming: Vec<Few>,
    /// The lists that are left to the complete form.
    slow: BTreeSet<u32>,
}

/// What a change touched.
#[derive(Debug, Default)]
pub(in super::super) struct Touched {
    /// Classes that are new, in the order of their numbers, each with the known terms that hold for it.
    pub(in super::super) new: Vec<(u32, Vec<u32>)>,
    /// Classes that other policies govern than before, or the same ones otherwise.
    pub(in super::super) subjects: BTreeSet<u32>,
    /// Rule lists with other rules, by side.
    pub(in super::super) rules: [BTreeSet<u32>; 2],
    /// Some rule list or profile has other rules.
    pub(in super::super) recompiled: bool,
}

/// What an update wrote.
#[derive(Debug, Default, Clone, Copy)]
pub(in super::super) struct Written {
    pub(in super::super) classes: usize,
    pub(in super::super) lists: usize,
    pub(in super::super) wide_rules: usize,
}

impl Form {
    pub(in super::super) fn build(builder: &mut Builder<'_>, scope: Scope) -> (Self, Program) {
        let mut breadth = Breadth::new(builder, scope);
        let mut program = Program::default();
        let wide = loop {
            let [egress, ingress] = [0, 1].map(|side| wide::build(builder, &breadth, scope, side));
            program.wide = [egress.1, ingress.1];
            if program.bytes_of_rules() <= builder.source.budget() || !breadth.leave_out_half() {
                break [egress.0, ingress.0];
            }
        };
        let mut chains = Chains::new(builder.source.keys.len());
        let frame = Frame { breadth: &breadth, wide: &wide };
        let firsts: Vec<[u32; 2]> = (0..)
            .zip(builder.source.keys)
            .map(|(class, key)| [0, 1].map(|side| chains.add(builder, frame, scope, side, class, key)))
            .collect();
        let blocks = Blocks::new(builder, &chains, &mut program);
        let mut form = Form {
            scope,
            breadth,
            wide,
            chains,
            blocks,
            firsts,
            users: Vec::new(),
            naming: Vec::new(),
            slow: BTreeSet::new(),
        };
        for list in 0..count(form.chains.lists.len()) {
            form.write_list(builder, &mut program, list);
        }
        let classes = (0..).zip(builder.source.keys).map(|(class, key)| form.class(&program, class, key));
        program.classes = classes.collect();
        (form, program)
    }

    /// The record of a class.
    fn class(&self, program: &Program, class: u32, key: &ClassKey) -> Class {
        let list = |side: usize| {
            let first = at(&self.firsts, class).and_then(|firsts| firsts.get(side)).copied().unwrap_or(NONE);
            let mut list = program.lists.get(first).copied().unwrap_or_default();
            let rows = self.wide.get(side).map_or(&[][..], |wide| &wide.subject_rows);
            list.subject_row = at(rows, class).copied().unwrap_or(0);
            list
        };
        let peer = |side: usize| {
            let rows = self.wide.get(side).map_or(&[][..], |wide| &wide.peer_rows);
            at(rows, class).copied().unwrap_or(0)
        };
        Class {
            sides: [list(0), list(1)],
            peer_rows: [peer(0), peer(1)],
            group: at(&self.blocks.groups, class).copied().unwrap_or(0),
            flags: key.flags | if key.slow { Class::SLOW } else { 0 },
        }
    }

    /// What is kept of them, about, in bytes.
    pub(in super::super) fn bytes(&self) -> usize {
        self.wide.iter().map(WideRules::bytes).sum::<usize>()
            + self.chains.bytes()
            + self.blocks.bytes()
            + footprint::records(&self.firsts)
            + footprint::lists(&self.users)
            + footprint::lists(&self.naming)
    }

    /// Whether a rule list is wide.
    pub(in super::super) fn is_wide(&self, side: usize, list: u32) -> bool {
        self.breadth.is_wide(side, list)
    }

    /// Finds who uses what, which only updates need to know.
    pub(in super::super) fn link(&mut self) {
        self.users = vec![Few::new(); self.chains.lists.len()];
        for (class, firsts) in (0..).zip(&self.firsts) {
            for first in firsts {
                at_mut(&mut self.users, *first).into_iter().for_each(|users| users.push(class));
            }
        }
        self.link_lists(0);
    }

    /// Notes the sets of peers that lists name, from a list on.
    fn link_lists(&mut self, from: usize) {
        self.users.resize(self.chains.lists.len(), Few::new());
        self.naming.resize(self.chains.peers.len(), Few::new());
        for (number, list) in (count(from)..).zip(self.chains.lists.iter().skip(from)) {
            for entry in list.entries.iter().filter(|entry| entry.peers != Chains::ANY) {
                if let Some(naming) = at_mut(&mut self.naming, entry.peers)
                    && naming.last() != Some(&number)
                {
                    naming.push(number);
                }
            }
        }
    }

    /// Changes the tables as far as what was touched hangs on it. None if all of them do; they are of no use then.
    pub(in super::super) fn update(
        &mut self,
        builder: &mut Builder<'_>,
        program: &mut Program,
        touched: &Touched,
    ) -> Option<Written> {
        let mut written = Written::default();
        let mut lists = BTreeSet::new();
        let wide = [0, 1].map(|side| self.touches_wide(touched, side));
        let mut classes: BTreeSet<u32> = touched.new.iter().map(|(class, _)| *class).collect();
        for (side, wide) in wide.into_iter().enumerate() {
            self.add_to_wide(builder, program, touched, side);
            if wide {
                classes.extend(self.rewrite_wide(builder, program, side)?);
                written.wide_rules += program.wide.get(side)?.endings.len();
            }
        }
        if touched.recompiled {
            self.chains.edited();
        }
        let known = self.chains.lists.len();
        for (class, terms) in &touched.new {
            self.add_class(builder, *class, terms, &mut lists);
        }
        for class in &touched.subjects {
            self.renew(builder, *class);
            classes.insert(*class);
        }
        self.link_lists(known);
        written.lists = lists.len() + self.chains.lists.len() - known;
        self.write_lists(builder, program, &lists, known, &mut classes);
        for class in &classes {
            let Some(key) = at(builder.source.keys, *class) else { continue };
            let record = self.class(program, *class, key);
            if *class < program.classes.len() {
                program.classes.set(*class, record);
            } else {
                program.classes.push(record);
            }
        }
        written.classes = classes.len();
        Some(written)
    }

    /// Whether a wide rule list has other rules.
    fn touches_wide(&self, touched: &Touched, side: usize) -> bool {
        let lists = touched.rules.get(side);
        lists.into_iter().flatten().any(|list| self.is_wide(side, *list))
    }

    /// Writes the wide rules of a side anew: the classes that this concerns. None if narrow lists hang on where they were.
    fn rewrite_wide(
        &mut self,
        builder: &mut Builder<'_>,
        program: &mut Program,
        side: usize,
    ) -> Option<BTreeSet<u32>> {
        let (old, table) = (self.wide.get_mut(side)?, program.wide.get_mut(side)?);
        if let Some(classes) = old.rewrite(builder, table, &self.breadth, self.scope, side) {
            return Some(classes);
        }
        let (rules, new) = wide::build(builder, &self.breadth, self.scope, side);
        let is_mixed = self.chains.lists.iter().any(|list| list.is_mixed);
        if !rules.has_words_of(old) || is_mixed && !rules.is_laid_out_as(old) {
            return None;
        }
        (*old, *table) = (rules, new);
        Some((0..count(builder.source.keys.len())).collect())
    }

    /// Writes the rows of bits of all traffic anew.
    pub(in super::super) fn retell(&self, builder: &Builder<'_>, program: &mut Program) {
        for (rules, table) in self.wide.iter().zip(&mut program.wide) {
            rules.traffic(builder, table);
        }
    }

    /// Rows of bits for classes that are new or governed otherwise.
    fn add_to_wide(
        &mut self,
        builder: &mut Builder<'_>,
        program: &mut Program,
        touched: &Touched,
        side: usize,
    ) {
        let (Some(rules), Some(table)) = (self.wide.get_mut(side), program.wide.get_mut(side)) else {
            return;
        };
        for (class, _) in &touched.new {
            rules.add_class(builder, table, self.scope, side, *class);
        }
        for class in &touched.subjects {
            rules.renew_subject(builder, table, self.scope, side, *class);
        }
    }

    /// A new class: the lists that name it are in `lists`.
    fn add_class(&mut self, builder: &mut Builder<'_>, class: u32, terms: &[u32], lists: &mut BTreeSet<u32>) {
        let new_group = self.blocks.add_class(builder, &self.chains, class);
        for term in terms {
            let Some(peers) = self.chains.peers.get_index_of(&ClassSet::Term(*term)).map(count) else {
                continue;
            };
            if !self.blocks.is_broad(peers) {
                lists.extend(at(&self.naming, peers).into_iter().flatten());
            }
        }
        if new_group {
            let broad = (0..).zip(&self.naming).filter(|(peers, _)| self.blocks.is_broad(*peers));
            lists.extend(broad.flat_map(|(_, naming)| naming));
        }
        self.firsts.push([NONE; 2]);
        self.renew(builder, class);
    }

    /// Finds the first lists of a class.
    fn renew(&mut self, builder: &mut Builder<'_>, class: u32) {
        let Some(key) = at(builder.source.keys, class) else { return };
        let frame = Frame { breadth: &self.breadth, wide: &self.wide };
        let firsts = [0, 1].map(|side| self.chains.add(builder, frame, self.scope, side, class, key));
        self.users.resize(self.chains.lists.len(), Few::new());
        for first in firsts {
            at_mut(&mut self.users, first).into_iter().for_each(|users| users.push(class));
        }
        at_mut(&mut self.firsts, class).into_iter().for_each(|known| *known = firsts);
    }

    /// Writes these lists, and all from `known` on; classes that begin with one of the former are in `classes`.
    fn write_lists(
        &mut self,
        builder: &mut Builder<'_>,
        program: &mut Program,
        lists: &BTreeSet<u32>,
        known: usize,
        classes: &mut BTreeSet<u32>,
    ) {
        for number in lists.iter().copied().filter(|list| index(*list) < known) {
            self.write_list(builder, program, number);
            let uses = |class: &u32| at(&self.firsts, *class).is_some_and(|firsts| firsts.contains(&number));
            if let Some(users) = at_mut(&mut self.users, number) {
                users.retain(|class| uses(class));
                users.dedup();
                classes.extend(users.iter());
            }
        }
        for number in count(known)..count(self.chains.lists.len()) {
            self.write_list(builder, program, number);
        }
    }

    fn write_list(&mut self, builder: &mut Builder<'_>, program: &mut Program, number: u32) {
        let Some(list) = self.chains.lists.get_index(index(number)) else { return };
        let record = match self.blocks.list(builder, program, &self.chains.peers, list) {
            Some(record) if !list.is_over_budget => {
                self.slow.remove(&number);
                record
            }
            _ => {
                self.slow.insert(number);
                self.blocks.slow(program, list)
            }
        };
        if number < program.lists.len() {
            program.lists.set(number, record);
        } else {
            program.lists.push(record);
        }
        program.slow_lists = count(self.slow.len());
    }
}
