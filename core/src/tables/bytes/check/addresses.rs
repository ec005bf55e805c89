//! Addresses: their classes, and who has them. That runs are runs is a matter of decoding them.

use super::{Check, Checked};
use crate::tables::{NONE, Occupant, Tables};
use std::fmt::Arguments;

pub(super) fn check(check: Check, tables: &Tables) -> Checked {
    let addresses = &tables.addresses;
    let classes = addresses.classes.len();
    let parts = tables.parts.parts.len();
    for (position, (_, class)) in addresses.v4.runs().iter().enumerate() {
        check.number(*class, classes, "classes", format_args!("v4[{position}]"))?;
    }
    for (position, (_, class)) in addresses.runs_v6.iter().enumerate() {
        check.number(*class, classes, "classes", format_args!("runs_v6[{position}]"))?;
    }
    for (position, single) in addresses.singles_v6.sorted().iter().enumerate() {
        check.number_or_none(single.class, classes, "classes", format_args!("singles_v6[{position}]"))?;
        occupant(check, tables, single.occupant, format_args!("singles_v6[{position}]"))?;
    }
    for (position, class) in addresses.classes.iter().enumerate() {
        check.number(class.holders, parts, "parts", format_args!("classes[{position}].holders"))?;
        check.number(class.address, parts, "parts", format_args!("classes[{position}].address"))?;
    }
    let mut occupied = addresses.occupied_v4().into_iter().enumerate();
    occupied.try_for_each(|(position, (_, occupant))| {
        self::occupant(check, tables, occupant, format_args!("occupied_v4[{position}]"))
    })
}

fn occupant(check: Check, tables: &Tables, occupant: Occupant, record: Arguments<'_>) -> Checked {
    let Occupant { endpoint, node } = occupant;
    check.number_or_none(node, tables.endpoints.nodes.len(), "nodes", record)?;
    check.ensure(
        endpoint == NONE || tables.endpoints.get(endpoint).is_some(),
        record,
        format_args!("there is no endpoint {endpoint}"),
    )
}
