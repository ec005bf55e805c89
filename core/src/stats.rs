//! What a compilation came to.

use crate::tables::{Class, Program, Tables};
use std::fmt;

/// How large the tables of a [`Snapshot`](crate::Snapshot) are, and which form was chosen for what.
///
/// The fast form looks up pairs of classes. What it does not hold, the complete form walks rule by rule; `slow_rules` and
/// `slow_lists` say where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Classes of addresses: those of one class are governed alike, and the same holds for them.
    pub classes: usize,
    /// Classes of which the fast form says nothing: of nodes, services, and endpoints on nodes whose host endpoints have
    /// policies for forwarded traffic.
    pub slow_classes: usize,
    /// Atoms: traffic that no rule tells apart.
    pub atoms: usize,
    /// Rules of policies and profiles.
    pub rules: usize,
    /// Rules that the complete form decides wherever all else matches: those on source ports, or on names that are not
    /// known to all.
    pub slow_rules: usize,
    /// Rules with a bit, for egress and for ingress; one whose ports hang on the destination may have several.
    pub wide_rules: [usize; 2],
    /// Lists of narrow rules.
    pub lists: usize,
    /// Lists that did not fit the budget, or that share a tier with policies of many endpoints that did not.
    pub slow_lists: usize,
    /// Rows of lists.
    pub rows: usize,
    /// Buckets of peers with rows of their own.
    pub buckets: usize,
    /// What each table takes, in bytes.
    pub bytes: Vec<(&'static str, usize)>,
}

impl Stats {
    pub(crate) fn of(tables: &Tables) -> Self {
        let programs = || std::iter::once(&tables.enforced).chain(&tables.pending);
        let sum = |count: fn(&Program) -> usize| programs().map(count).sum::<usize>();
        let wide = |side: usize| {
            let bits = programs().filter_map(|program| program.wide.get(side)).flat_map(|wide| &wide.endings);
            bits.filter(|ending| **ending != crate::tables::Ending::default()).count()
        };
        Stats {
            classes: crate::tables::index(tables.enforced.classes.len()),
            slow_classes: tables
                .enforced
                .classes
                .iter()
                .filter(|class| class.flags & Class::SLOW != 0)
                .count(),
            atoms: crate::tables::index(tables.traffic.atoms),
            rules: tables.policies.live_rules(),
            slow_rules: crate::tables::index(tables.slow_rules),
            wide_rules: [wide(0), wide(1)],
            lists: sum(|program| crate::tables::index(program.lists.len())),
            slow_lists: sum(|program| crate::tables::index(program.slow_lists)),
            rows: sum(|program| program.rows.len()),
            buckets: sum(|program| program.buckets.len()),
            bytes: tables.bytes_by_table(),
        }
    }
}

/// A line for each kind.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [egress, ingress] = self.wide_rules;
        writeln!(
            f,
            "{} classes ({} slow), {} atoms of traffic",
            self.classes, self.slow_classes, self.atoms
        )?;
        writeln!(
            f,
            "{} rules ({} slow), {egress} wide for egress, {ingress} for ingress",
            self.rules, self.slow_rules
        )?;
        writeln!(
            f,
            "{} lists ({} slow), {} rows, {} buckets",
            self.lists, self.slow_lists, self.rows, self.buckets
        )?;
        let total: usize = self.bytes.iter().map(|(_, bytes)| bytes).sum();
        write!(f, "{total} bytes:")?;
        self.bytes.iter().try_for_each(|(table, bytes)| write!(f, " {table} {bytes}"))
    }
}
