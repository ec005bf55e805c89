//! Addresses: the trie, the runs of IPv6, and what is occupied.

use super::{Check, Checked};
use crate::tables::trie::{DENSE_PAGE, KIND, SPARSE_PAGE, SparsePage};
use crate::tables::{NONE, Occupant, Tables, Trie, count, index};

pub(super) fn check(check: Check, tables: &Tables) -> Checked {
    let addresses = &tables.addresses;
    let classes = addresses.classes.len();
    let parts = tables.parts.parts.len();
    Pages::new(&addresses.v4, classes).check(check)?;
    check.ensure(
        addresses.v6.first().is_some_and(|(first, _)| *first == 0)
            && addresses.v6.is_sorted_by(|(a, _), (b, _)| a < b),
        format_args!("v6"),
        format_args!("its runs do not begin at ::, are not sorted, or repeat"),
    )?;
    for (position, (_, class)) in addresses.v6.iter().enumerate() {
        check.number(*class, classes, "classes", format_args!("v6[{position}]"))?;
    }
    for (position, class) in addresses.classes.0.iter().enumerate() {
        check.number(class.holders, parts, "parts", format_args!("classes[{position}].holders"))?;
        check.number(class.address, parts, "parts", format_args!("classes[{position}].address"))?;
    }
    occupied(check, tables, "occupied_v4", &addresses.occupied_v4)?;
    occupied(check, tables, "occupied_v6", &addresses.occupied_v6)
}

fn occupied<A: PartialOrd>(check: Check, tables: &Tables, list: &str, occupied: &[(A, Occupant)]) -> Checked {
    check.ensure(
        occupied.is_sorted_by(|(a, _), (b, _)| a < b),
        format_args!("{list}"),
        format_args!("its addresses are not sorted, or repeat"),
    )?;
    for (position, (_, Occupant { endpoint, node })) in occupied.iter().enumerate() {
        let nodes = tables.endpoints.nodes.len();
        check.number_or_none(*node, nodes, "nodes", format_args!("{list}[{position}].node"))?;
        check.ensure(
            *endpoint == NONE || tables.endpoints.get(*endpoint).is_some(),
            format_args!("{list}[{position}].endpoint"),
            format_args!("there is no endpoint {endpoint}"),
        )?;
    }
    Ok(())
}

/// The pages of a trie, and at which level each was seen: the third byte of addresses, or the fourth.
struct Pages<'a> {
    trie: &'a Trie,
    classes: u32,
    dense: Vec<Level>,
    sparse: Vec<Level>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Unseen,
    Third,
    Fourth,
}

impl<'a> Pages<'a> {
    fn new(trie: &'a Trie, classes: u32) -> Self {
        let (dense, sparse) = (vec![Level::Unseen; trie.dense.len()], vec![Level::Unseen; trie.sparse.len()]);
        Pages { trie, classes, dense, sparse }
    }

    fn check(mut self, check: Check) -> Checked {
        let trie = self.trie;
        for (prefix, entry) in trie.root.iter().enumerate() {
            self.entry(check, *entry, Level::Third, format_args!("v4.root[{prefix}]"))?;
        }
        for level in [Level::Third, Level::Fourth] {
            for (number, page) in trie.dense.iter().enumerate() {
                if self.dense.get(number) == Some(&level) {
                    self.page(check, page, level, format_args!("v4.dense[{number}]"))?;
                }
            }
            for (number, page) in trie.sparse.iter().enumerate() {
                if self.sparse.get(number) == Some(&level) {
                    check.ensure(
                        is_sparse(page),
                        format_args!("v4.sparse[{number}]"),
                        format_args!("its runs do not begin at 0, or are not sorted"),
                    )?;
                    self.page(check, &page.entries, level, format_args!("v4.sparse[{number}]"))?;
                }
            }
        }
        check.ensure(
            self.dense.iter().chain(&self.sparse).all(|level| *level != Level::Unseen),
            format_args!("v4"),
            format_args!("there are pages that no address leads to"),
        )
    }

    fn page(
        &mut self,
        check: Check,
        entries: &[u32],
        level: Level,
        record: std::fmt::Arguments<'_>,
    ) -> Checked {
        let is_last = level == Level::Fourth;
        for entry in entries {
            check.ensure(
                !is_last || entry & KIND == 0,
                record,
                format_args!("it leads to a page, but an address has no byte left for one"),
            )?;
            self.entry(check, *entry, Level::Fourth, record)?;
        }
        Ok(())
    }

    /// An entry names a class, or a page, which is then one of that level.
    fn entry(&mut self, check: Check, entry: u32, level: Level, record: std::fmt::Arguments<'_>) -> Checked {
        let number = entry & !KIND;
        let (pages, of) = match entry & KIND {
            0 => return check.number(number, self.classes, "classes", record),
            DENSE_PAGE => (&mut self.dense, "dense pages"),
            SPARSE_PAGE => (&mut self.sparse, "sparse pages"),
            _ => return check.ensure(false, record, format_args!("it is neither a class nor a page")),
        };
        check.number(number, count(pages.len()), of, record)?;
        let Some(seen) = pages.get_mut(index(number)) else { return Ok(()) };
        check.ensure(
            matches!(*seen, Level::Unseen) || *seen == level,
            record,
            format_args!("it leads to a page of another byte"),
        )?;
        *seen = level;
        Ok(())
    }
}

/// Whether runs are sorted, from 0 on; unused places repeat the last one.
fn is_sparse(page: &SparsePage) -> bool {
    let runs = || page.starts.iter().zip(&page.entries);
    page.starts.first() == Some(&0)
        && runs().zip(runs().skip(1)).all(|((start, entry), (next, next_entry))| {
            start < next || (start == next && *next == u8::MAX && entry == next_entry)
        })
}
