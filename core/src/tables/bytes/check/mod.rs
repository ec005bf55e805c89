//! Whether decoded records go together.
//!
//! Evaluation reads tables by `get` and has an answer where there is nothing; here whatever would make it read nothing,
//! read something else than was compiled, or go round in circles is refused. Everything takes time in proportion to the
//! records: lists of which the compiler gives each record one of its own are held to that, so that nothing is read twice.

mod addresses;
mod endpoints;
mod policies;
mod program;
mod routes;
mod traffic;

use super::{
    ADDRESSES, ENDPOINTS, ENFORCED, META, PARTS, PENDING, POLICIES, ROUTES, Section, SnapshotError, TRAFFIC,
};
use crate::tables::{NONE, Part, Span, Tables, count};
use std::fmt::Arguments;

pub(super) use traffic::INTERVALS_OF_A_TABLE;

type Checked = Result<(), SnapshotError>;

pub(super) fn tables(tables: &Tables) -> Checked {
    Check(META).ensure(
        tables.slow_rules <= count(tables.policies.rules.0.len()),
        format_args!("slow_rules"),
        format_args!("there are fewer rules than {}", tables.slow_rules),
    )?;
    let nodes = tables.endpoints.nodes.len();
    Check(META).ensure(
        // That of a node which nothing names is one more than there are.
        tables.only_node == NONE || tables.only_node <= nodes,
        format_args!("only_node"),
        format_args!("there is no number {} among the {nodes} nodes", tables.only_node),
    )?;
    addresses::check(Check(ADDRESSES), tables)?;
    parts(Check(PARTS), tables)?;
    endpoints::check(Check(ENDPOINTS), tables)?;
    policies::check(Check(POLICIES), tables)?;
    routes::check(Check(ROUTES), tables)?;
    traffic::check(Check(TRAFFIC), &tables.traffic)?;
    program::check(Check(ENFORCED), tables, &tables.enforced)?;
    tables.pending.as_ref().map_or(Ok(()), |pending| program::check(Check(PENDING), tables, pending))
}

fn parts(check: Check, tables: &Tables) -> Checked {
    let parts = &tables.parts;
    let lists = |part: u32| (parts.predicates(part), parts.resolutions(part));
    check.ensure(
        parts.parts.get(0) == Some(&Part::default()),
        format_args!("parts[0]"),
        format_args!("the first part must be there and empty"),
    )?;
    let predicates = parts.parts.iter().map(|part| part.predicates.span());
    check.apart("parts", predicates, parts.predicates.0.len(), "predicates")?;
    let resolutions = parts.parts.iter().map(|part| part.resolutions);
    check.apart("parts", resolutions, parts.resolutions.0.len(), "resolutions")?;
    for part in 0..parts.parts.len() {
        check.ensure(
            parts.parts.get(part).is_none_or(|part| part.predicates.is_whole()),
            format_args!("parts[{part}]"),
            format_args!("its predicates are no whole chunks"),
        )?;
        let (predicates, resolutions) = lists(part);
        check.ensure(
            predicates.is_sorted() && resolutions.is_sorted_by(|a, b| a < b),
            format_args!("parts[{part}]"),
            format_args!("its predicates or resolutions are not sorted, or repeat"),
        )?;
    }
    Ok(())
}

/// Checks of one section.
#[derive(Debug, Clone, Copy)]
struct Check(Section);

impl Check {
    fn ensure(self, holds: bool, record: Arguments<'_>, problem: Arguments<'_>) -> Checked {
        if holds {
            return Ok(());
        }
        let Check(Section { name: section, .. }) = self;
        Err(SnapshotError::Inconsistent { section, record: record.to_string(), problem: problem.to_string() })
    }

    /// A number names one of so many records.
    fn number(self, number: u32, len: u32, of: &str, record: Arguments<'_>) -> Checked {
        self.ensure(number < len, record, format_args!("there is no number {number} among the {len} {of}"))
    }

    /// A number names one of so many records, or none.
    fn number_or_none(self, number: u32, len: u32, of: &str, record: Arguments<'_>) -> Checked {
        if number == NONE { Ok(()) } else { self.number(number, len, of, record) }
    }

    /// A span lies within a pool of that length.
    fn span(self, span: Span, len: usize, of: &str, record: Arguments<'_>) -> Checked {
        let Span { start, len: run } = span;
        let end = u64::from(start) + u64::from(run);
        self.ensure(
            usize::try_from(end).is_ok_and(|end| end <= len),
            record,
            format_args!("it reaches from {start} to {end}, but there are {len} {of}"),
        )
    }

    /// The spans of records lie within the pool, and no two of them have a record in common. What no span names is left
    /// of records that were replaced.
    fn apart(self, records: &str, spans: impl IntoIterator<Item = Span>, len: usize, of: &str) -> Checked {
        let mut numbered: Vec<(Span, usize)> =
            spans.into_iter().enumerate().map(|(position, span)| (span, position)).collect();
        numbered.sort_unstable_by_key(|(Span { start, len }, position)| (*start, *len, *position));
        let mut end = 0;
        for (span, position) in numbered {
            let record = format_args!("{records}[{position}]");
            self.span(span, len, of, record)?;
            self.ensure(
                span.start >= end || span.len == 0,
                record,
                format_args!("its {of} begin at {}, but those of another end at {end}", span.start),
            )?;
            end = span.range().end.max(end);
        }
        Ok(())
    }

    /// The same, but several records may share one span. These are the spans.
    fn shares(
        self,
        records: &str,
        spans: impl Iterator<Item = Span>,
        len: usize,
        of: &str,
    ) -> Result<Vec<Span>, SnapshotError> {
        let mut spans: Vec<Span> = spans.filter(|span| span.len > 0).collect();
        spans.sort_unstable_by_key(|span| (span.start, span.len));
        spans.dedup();
        self.apart(records, spans.iter().copied(), len, of)?;
        Ok(spans)
    }
}
