//! Atoms of traffic.

use super::{Check, Checked};
use crate::tables::{Traffic, index};

/// One for each port, or for each type and code of ICMP.
pub(in super::super) const INTERVALS_OF_A_TABLE: usize = 1 << 16;

pub(super) fn check(check: Check, traffic: &Traffic) -> Checked {
    let Traffic { protocols, intervals, atoms } = traffic;
    let (tables, rest) = intervals.as_chunks::<INTERVALS_OF_A_TABLE>();
    check.ensure(
        rest.is_empty(),
        format_args!("intervals"),
        format_args!("there are {}, which is no number of tables", intervals.len()),
    )?;
    for (number, table) in tables.iter().enumerate() {
        let steps =
            table.windows(2).all(|pair| matches!(pair, [a, b] if a == b || a.checked_add(1) == Some(*b)));
        check.ensure(
            table.first() == Some(&0) && steps,
            format_args!("intervals of table {number}"),
            format_args!("they are not numbered from 0 on, one after the other"),
        )?;
    }
    check.ensure(
        protocols.len() == 256,
        format_args!("protocols"),
        format_args!("there are {}, not 256", protocols.len()),
    )?;
    for (number, protocol) in protocols.iter().enumerate() {
        let record = format_args!("protocols[{number}]");
        let table = tables.get(index(protocol.table) / INTERVALS_OF_A_TABLE);
        let table = table.filter(|_| index(protocol.table).is_multiple_of(INTERVALS_OF_A_TABLE));
        let last = match (protocol.ports, protocol.icmp) {
            (0, 0) => table.map(|_| 0),
            (u16::MAX, 0) | (0, u16::MAX) => table.and_then(|table| table.last().copied()),
            _ => None,
        };
        check.ensure(
            last.is_some(),
            record,
            format_args!("its masks or its table are none that there are"),
        )?;
        let last = u64::from(protocol.base) + last.map_or(0, u64::from);
        check.ensure(
            last < u64::from(*atoms),
            record,
            format_args!("it has an atom {last}, but there are {atoms}"),
        )?;
    }
    Ok(())
}
