//! Endpoints, what governs them, and nodes.

use super::{Check, Checked};
use crate::tables::{EndpointRecord, Host, NONE, NodeRecord, Tables, index};

/// How many lists govern a workload, and a host endpoint.
const LISTS: [u32; 2] = [4, 16];

pub(super) fn check(check: Check, tables: &Tables) -> Checked {
    let endpoints = &tables.endpoints;
    let mut lists = vec![false; index(endpoints.more.len())];
    for (number, record) in endpoints.records.iter().enumerate() {
        self::record(check, tables, number, record)?;
        if record.more != NONE {
            check.ensure(
                lists.get_mut(index(record.more)).is_some_and(|listed| !std::mem::replace(listed, true)),
                format_args!("records[{number}].more"),
                format_args!("there is no list of addresses {}, or it is that of another", record.more),
            )?;
        }
    }
    let of_nodes = endpoints.nodes.iter().map(|node| node.addresses);
    let addresses = endpoints.more.iter().copied().chain(of_nodes);
    check.apart("more", addresses, endpoints.addresses.0.len(), "addresses")?;
    for (number, subject) in endpoints.subjects.iter().enumerate() {
        let lists = format_args!("subjects[{number}].lists");
        check.span(subject.lists, endpoints.lists.0.len(), "lists", lists)?;
        check.ensure(
            LISTS.contains(&subject.lists.len),
            lists,
            format_args!("there are not 4 or 16 of them"),
        )?;
        let profiles = format_args!("subjects[{number}].profiles");
        check.span(subject.profiles, endpoints.profiles.0.len(), "profiles", profiles)?;
    }
    for (position, list) in endpoints.lists.iter().enumerate() {
        let lists = tables.policies.lists.len();
        check.number_or_none(*list, lists, "lists of tiers", format_args!("lists[{position}]"))?;
    }
    for (position, profile) in endpoints.profiles.iter().enumerate() {
        let profiles = tables.policies.profiles.len();
        check.number_or_none(*profile, profiles, "profiles", format_args!("profiles[{position}]"))?;
    }
    let hosts = endpoints.nodes.iter().map(|node| node.hosts);
    check.apart("nodes", hosts, endpoints.hosts.as_slice().len(), "hosts")?;
    let mut listed = vec![false; index(endpoints.records.len())];
    (0..)
        .zip(endpoints.nodes.iter())
        .try_for_each(|(number, node)| self::node(check, tables, number, node, &mut listed))
}

fn record(check: Check, tables: &Tables, number: usize, record: &EndpointRecord) -> Checked {
    let endpoints = &tables.endpoints;
    if !record.is(EndpointRecord::PRESENT) {
        return check.ensure(
            *record == EndpointRecord::ABSENT,
            format_args!("records[{number}]"),
            format_args!("it is absent, but not empty"),
        );
    }
    check.ensure(
        record.flags & !EndpointRecord::FLAGS == 0 && (record.is(EndpointRecord::HAS_V4) || record.v4 == 0),
        format_args!("records[{number}].flags"),
        format_args!("there are none like {:#x}, or it has an address that they deny", record.flags),
    )?;
    check.number(record.part, tables.parts.parts.len(), "parts", format_args!("records[{number}].part"))?;
    let elsewhere = record.subject == EndpointRecord::ELSEWHERE && tables.only_node != NONE;
    if !elsewhere {
        let subjects = endpoints.subjects.len();
        check.number(record.subject, subjects, "subjects", format_args!("records[{number}].subject"))?;
    }
    check.number_or_none(
        record.node,
        endpoints.nodes.len(),
        "nodes",
        format_args!("records[{number}].node"),
    )?;
    for class in record.classes {
        let classes = tables.addresses.classes.len();
        check.number_or_none(class, classes, "classes", format_args!("records[{number}].classes"))?;
    }
    Ok(())
}

/// A node's hosts are host endpoints of that node, each once.
fn node(check: Check, tables: &Tables, number: u32, node: &NodeRecord, listed: &mut [bool]) -> Checked {
    let endpoints = &tables.endpoints;
    let views = tables.policies.domains.get(0).map(|views| views.len);
    check.ensure(
        views.is_none_or(|views| node.view < views),
        format_args!("nodes[{number}].view"),
        format_args!("there is no view {} of the names", node.view),
    )?;
    for host in endpoints.hosts.slice(node.hosts) {
        let Host { endpoint, .. } = host;
        let record = endpoints.get(*endpoint);
        let known = record.is_some_and(|record| record.is(EndpointRecord::HOST) && record.node == number);
        let first = listed.get_mut(index(*endpoint)).is_some_and(|listed| !std::mem::replace(listed, true));
        check.ensure(
            known && first,
            format_args!("nodes[{number}].hosts"),
            format_args!("endpoint {endpoint} is no host endpoint of this node, or stands there twice"),
        )?;
    }
    Ok(())
}
