//! The tables of a [`Snapshot`] for those who build on them: other machines' memory, maps of a kernel, analyses.
//!
//! [`TablesView`] shows what the fast form reads, as maps of plain records; [`delta`] gives the writes that turn a copy of
//! one snapshot's maps into another's. `core/examples/tables` is a backend in two hundred lines: it fills maps from a view,
//! follows updates, and evaluates flows from its maps alone.
//!
//! # One flow
//!
//! 1. Each address has a class, that of the longest prefix that has it. Flows from an address to itself are none of the
//!    fast form; neither are those with a [context](crate::model::FlowContext).
//! 2. Both classes are known, neither is [`Class::SLOW`], and their flags are equal; else the fast form cannot tell.
//! 3. For egress the source is the subject and the destination its peer, for ingress the other way round; for each:
//!    the subject's list, then, as long as tiers pass, the list of the next tier.
//! 4. Before a list come the wide rules of the tiers before it: the set bits below [`List::words_before`] times 64, in
//!    order. One that passes goes on with the first bit of the next tier ([`WideView::tier_ends`]), one that logs with the
//!    next bit; any other decides. In a list that is [`List::MIXED`], the bits of its own tier that stand before
//!    [`Ending::position`] of what comes first in the list come first; those end with the tier, whatever they say.
//! 5. What comes first in a list is the smaller word of two rows: that of the peer, found in the list's buckets or else
//!    among its bases, and [`List::wild`]. The row says it by [`traffic_number`]; one with many segments leads to others
//!    ([`Row::NODE`]).
//! 6. The ending denies, allows, passes, or leaves it to the complete form.
//!
//! A flow is allowed if both directions allow it.
//!
//! # What the fast form leaves to the complete one
//!
//! A backend that has no complete form must refuse what it would get wrong, by name, before it loads anything:
//! [`TablesView::slow_classes`], [`TablesView::slow_lists`], [`TablesView::slow_rules`].

mod array;
mod changes;
mod delta;
mod order;
mod prefixes;
mod program;
mod records;

pub use array::Array;
pub use delta::{Apart, Delta, Record, Whole, Write, delta};
pub use prefixes::Prefix;
pub use program::{ProgramView, WideView};
pub use records::{Block, Bucket, Class, Ending, List, ProtocolAtoms, Row};

use crate::Snapshot;
use crate::cluster::Scope;
use crate::model::{Direction, Reason, RuleId};
use crate::tables::{self, Program, Tables};
use std::collections::BTreeSet;

/// The version of everything in this module: records, the order of their fields, and what numbers mean. It is raised with
/// every change of these, so that a backend that pins maps can tell those of another version.
pub const FORMAT: u32 = 3;

/// The number of traffic, by which rows tell it apart. It is the same for all snapshots.
///
/// TCP, UDP and SCTP have 65,536 numbers each, from 0 on, by destination port; then ICMP and ICMPv6 have as many, by type
/// times 256 and code; then each other protocol has one, from 327,680 on, by its own number.
///
/// ```
/// use tierwall::view::traffic_number;
/// assert_eq!(traffic_number(6, 443, (0, 0)), 443);
/// assert_eq!(traffic_number(17, 53, (0, 0)), 65_536 + 53);
/// assert_eq!(traffic_number(1, 0, (8, 0)), 3 * 65_536 + 8 * 256);
/// assert_eq!(traffic_number(47, 0, (0, 0)), 5 * 65_536 + 47);
/// ```
pub fn traffic_number(protocol: u8, destination_port: u16, icmp: (u8, u8)) -> u32 {
    tables::traffic_number(protocol, destination_port, icmp)
}

/// How large a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Size {
    /// Its name, as here.
    pub map: &'static str,
    /// How many records it has.
    pub len: u32,
    /// How many bytes one of them has; of a prefix, its key and its class.
    pub record: u32,
}

impl Size {
    fn of<T>(map: &'static str, array: Array<'_, T>) -> Self {
        Size { map, len: array.len(), record: tables::count(size_of::<T>()) }
    }
}

/// Everything that the fast form reads.
///
/// ```
/// use tierwall::{Snapshot, cluster::Cluster, cluster::Scope, view::FORMAT};
/// let snapshot = Snapshot::compile(&Cluster::new());
/// let tables = snapshot.tables();
/// assert_eq!(tables.format(), FORMAT);
/// // Two families, each one class of addresses that nobody has.
/// assert_eq!(tables.prefixes().count(), 2);
/// assert_eq!(tables.program(Scope::Enforced).map(|program| program.classes().len()), Some(2));
/// assert!(tables.program(Scope::Pending).is_none());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TablesView<'a>(&'a Tables);

impl Snapshot {
    /// What the fast form reads, to be copied.
    pub fn tables(&self) -> TablesView<'_> {
        TablesView(self.as_tables())
    }
}

impl<'a> TablesView<'a> {
    /// [`FORMAT`].
    pub fn format(self) -> u32 {
        FORMAT
    }

    /// The generation of the cluster that was compiled, wrapping.
    pub fn generation(self) -> u32 {
        self.0.generation
    }

    /// Every address with its class: that of the longest prefix that has it counts. All addresses have one, and the numbers
    /// of classes are those of every program. In the order of addresses, shorter prefixes first.
    ///
    /// Those of full length may as well stand in a map of their own that is asked first. It takes time and memory in
    /// proportion to the addresses.
    pub fn prefixes(self) -> impl ExactSizeIterator<Item = (Prefix, u32)> {
        prefixes::all(&self.0.addresses).into_iter()
    }

    /// The atoms of traffic, by which wide rules tell it apart.
    pub fn traffic(self) -> TrafficView<'a> {
        TrafficView(&self.0.traffic)
    }

    /// What classes and traffic lead to; [`Scope::Pending`] has a program of its own if there are staged policies.
    pub fn program(self, scope: Scope) -> Option<ProgramView<'a>> {
        let program = match scope {
            Scope::Enforced => Some(&self.0.enforced),
            Scope::Pending => self.0.pending.as_ref(),
        };
        program.map(ProgramView)
    }

    /// How large the maps of addresses and traffic are. Linear in the addresses. [`ProgramView::sizes`] has those of a
    /// program.
    pub fn sizes(self) -> Vec<Size> {
        let prefixes = tables::count(self.prefixes().len());
        vec![
            Size::of("protocols", self.traffic().protocols()),
            Size::of("intervals", self.traffic().intervals()),
            // A length, an address, a class.
            Size { map: "prefixes", len: prefixes, record: 24 },
        ]
    }

    /// The classes of which the fast form says nothing, by number.
    pub fn slow_classes(self) -> impl Iterator<Item = u32> + use<'a> {
        let classes = (0..).zip(self.0.enforced.classes.iter());
        classes.filter(|(_, class)| class.flags & tables::Class::SLOW != 0).map(|(number, _)| number)
    }

    /// How many lists of a scope are left to the complete form because they did not fit the budget
    /// ([`CompileOptions::table_budget`](crate::CompileOptions::table_budget)). Their only ending is [`Ending::SLOW`].
    pub fn slow_lists(self, scope: Scope) -> u32 {
        self.program(scope).map_or(0, |program| program.0.slow_lists)
    }

    /// The rules that the fast form leaves to the complete one where all else matches. It may name some that no longer
    /// govern anybody. Linear in the endings.
    pub fn slow_rules(self) -> Vec<RuleId> {
        let rules = |program: &'a Program| {
            let wide = program.wide.iter().flat_map(|wide| &wide.endings);
            let slow = |ending: &&tables::Ending| {
                let is_of_rule = [Reason::Rule as u8, Reason::ProfileRule as u8].contains(&ending.reason);
                is_of_rule && ending.code & tables::Ending::ACTION == tables::Ending::SLOW
            };
            program.endings.iter().chain(wide).filter(slow).map(|ending| ending.rule)
        };
        let mut named: BTreeSet<u32> = rules(&self.0.enforced).collect();
        named.extend(self.0.pending.iter().flat_map(rules));
        let in_use = self.0.policies.in_use().filter_map(|rule| rule.id);
        let ids: BTreeSet<RuleId> = in_use.filter(|id| named.contains(&id.get())).collect();
        ids.into_iter().collect()
    }
}

/// The atoms of all traffic.
#[derive(Debug, Clone, Copy)]
pub struct TrafficView<'a>(&'a tables::Traffic);

impl<'a> TrafficView<'a> {
    /// By protocol number; 256 of them.
    pub fn protocols(self) -> Array<'a, ProtocolAtoms> {
        Array::new(&self.0.protocols)
    }

    /// The number of its interval for every port, then for every ICMP type and code.
    pub fn intervals(self) -> Array<'a, u16> {
        Array::new(&self.0.intervals)
    }

    /// How many atoms there are.
    pub fn atoms(self) -> u32 {
        self.0.atoms
    }
}

/// Directions in the order of [`Class::sides`].
pub const DIRECTIONS: [Direction; 2] = [Direction::Egress, Direction::Ingress];
