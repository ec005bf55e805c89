//! Whether writes can be put into an order in which a reader in between is never misled.
//!
//! Every write but those of addresses and of classes that are governed otherwise changes no answer. Of these two, each
//! changes at once all answers that it changes, so what may go wrong is a flow that needs two of them: in between it would
//! get an answer that is neither the old nor the new one.

use super::changes::Changes;
use super::delta::Apart;
use crate::tables::{Addresses, Class, Program, Usual, index};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Addresses in a row that have another class than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Move {
    first: u128,
    last: u128,
    from: u32,
    to: u32,
}

/// Which addresses have other classes, by family.
#[derive(Debug)]
pub(super) struct Moves([Vec<Move>; 2]);

/// What is to be written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Addresses,
    Classes,
}

/// A program with what changed.
pub(super) struct Changed<'a> {
    pub(super) old: &'a Program,
    pub(super) new: &'a Program,
    pub(super) changes: Changes,
}

/// How many pairs of classes are looked at, at most.
const MOST_PAIRS: usize = 1 << 16;

impl Moves {
    pub(super) fn between(old: &Addresses, new: &Addresses) -> Self {
        let v4 = new.v4.differences(&old.v4).into_iter();
        let v4 = v4.map(|(first, last, to, from)| Move { first: first.into(), last: last.into(), from, to });
        let of_single = |address: u128| {
            let class = |addresses: &Addresses| addresses.class(IpAddr::V6(address.into()));
            Move { first: address, last: address, from: class(old), to: class(new) }
        };
        let singles = new.singles_v6().changed(old.singles_v6());
        let mut v6: Vec<Move> =
            singles.into_iter().map(of_single).filter(|each| each.from != each.to).collect();
        if !new.runs_v6().is_same(old.runs_v6()) {
            v6.extend(runs(old.runs_v6(), new.runs_v6()));
        }
        Moves([v4.collect(), v6])
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    fn pairs(&self) -> BTreeSet<(u32, u32)> {
        self.0.iter().flatten().map(|each| (each.from, each.to)).collect()
    }
}

/// Where runs from 0 on differ.
fn runs(old: &[(u128, u32)], new: &[(u128, u32)]) -> Vec<Move> {
    let cuts: BTreeSet<u128> = old.iter().chain(new).map(|(first, _)| *first).collect();
    let ends = cuts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
    let class = |runs: &[(u128, u32)], address: u128| {
        let after = runs.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).and_then(|at| runs.get(at)).map_or(0, |(_, class)| *class)
    };
    let moves = cuts.iter().zip(ends);
    let moves = moves.map(|(first, last)| Move {
        first: *first,
        last,
        from: class(old, *first),
        to: class(new, *first),
    });
    moves.filter(|each| each.from != each.to).collect()
}

/// The order in which every answer is the old one until it is the new one; `writes` says how many prefixes of each family
/// are written.
pub(super) fn first(moves: &Moves, writes: [usize; 2], programs: &[Changed<'_>]) -> Result<First, Apart> {
    let pairs = moves.pairs();
    // Two ends of a flow must not move one after the other, unless it is all the same to those who move.
    let at_once = |(moves, writes): (&Vec<Move>, usize)| match &**moves {
        [] => true,
        [only] => writes == 1 || only.first == only.last,
        _ => false,
    };
    let as_before = || pairs.iter().all(|pair| programs.iter().all(|program| program.governs_alike(*pair)));
    if !moves.0.iter().zip(writes).all(at_once) && !as_before() {
        return Err(Apart::Addresses);
    }
    let otherwise: usize = programs.iter().map(|program| program.changes.otherwise.len()).sum();
    if moves.is_empty() || otherwise == 0 {
        return Ok(First::Addresses);
    }
    if otherwise.saturating_mul(pairs.len()) > MOST_PAIRS {
        return Err(Apart::AddressesAndPolicies);
    }
    let can_be =
        |first: &First| pairs.iter().all(|pair| programs.iter().all(|program| program.allows(*first, *pair)));
    [First::Addresses, First::Classes].into_iter().find(can_be).ok_or(Apart::AddressesAndPolicies)
}

impl Changed<'_> {
    /// What governs an address does not change when it moves.
    fn governs_alike(&self, (from, to): (u32, u32)) -> bool {
        let class = |class: u32| {
            let is_same = !self.changes.otherwise.contains(&class);
            self.new.class(class).filter(|_| is_same)
        };
        class(from).zip(class(to)).is_some_and(|(from, to)| from.sides == to.sides)
    }

    /// No class that is governed otherwise tells apart what addresses were and what they are, before or after it is written;
    /// and the addresses themselves come from, or go to, a class that stays as it is.
    fn allows(&self, first: First, (from, to): (u32, u32)) -> bool {
        let Changes { otherwise, .. } = &self.changes;
        let (classes, moving) = match first {
            First::Addresses => (&self.old.classes, to),
            First::Classes => (&self.new.classes, from),
        };
        !otherwise.contains(&moving)
            && otherwise
                .iter()
                .filter_map(|class| classes.get(*class))
                .all(|class| self.is_blind(class, from, to))
    }

    /// A class that says the same of two peers, whatever the traffic.
    fn is_blind(&self, subject: &Class, one: u32, other: u32) -> bool {
        let program = self.new;
        let (Some(from), Some(to)) = (program.class(one), program.class(other)) else { return false };
        if from.flags != to.flags {
            return false;
        }
        // The fast form does not judge between the families.
        if subject.flags != from.flags {
            return true;
        }
        let rows = from.peer_rows.iter().zip(&to.peer_rows);
        subject.sides.iter().zip(rows).all(|(first, (row, other_row))| {
            let mut list = first;
            for _ in 0..=program.lists.len() {
                let row_of = |class, group| program.row_of(Usual, list, class, group);
                let is_same = row_of(one, from.group) == row_of(other, to.group);
                let Some(header) = program.endings.get(index(list.endings)).filter(|_| is_same) else {
                    return false;
                };
                match program.lists.get(header.rule) {
                    Some(next) => list = next,
                    None => break,
                }
            }
            row == other_row
        })
    }
}
