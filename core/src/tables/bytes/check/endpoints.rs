//! Endpoints, what governs them, and nodes.

use super::{Check, Checked};
use crate::tables::{EndpointRecord, Host, NodeRecord, Table, Tables, index};

/// How many lists govern a workload, and a host endpoint.
const LISTS: [u32; 2] = [4, 16];

pub(super) fn check(check: Check, tables: &Tables) -> Checked {
    let endpoints = &tables.endpoints;
    let Table(records) = &endpoints.records;
    let Table(nodes) = &endpoints.nodes;
    for (number, record) in records.iter().enumerate() {
        if record.is(EndpointRecord::PRESENT) {
            self::record(check, tables, number, record)?;
        }
    }
    for (number, list) in endpoints.more.0.iter().enumerate() {
        check.span(*list, endpoints.addresses.0.len(), "addresses", format_args!("more[{number}]"))?;
    }
    let spans = endpoints.more.0.iter().copied().chain(nodes.iter().map(|node| node.addresses));
    let all: u64 = spans.map(|span| u64::from(span.len)).sum();
    check.ensure(
        usize::try_from(all).is_ok_and(|all| all == endpoints.addresses.0.len()),
        format_args!("addresses"),
        format_args!("endpoints and nodes have {all} of them, but there are {}", endpoints.addresses.0.len()),
    )?;
    for (number, subject) in endpoints.subjects.0.iter().enumerate() {
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
    check.tiles("nodes", nodes.iter().map(|node| node.hosts), endpoints.hosts.0.len(), "hosts")?;
    let mut listed = vec![false; records.len()];
    (0..).zip(nodes).try_for_each(|(number, node)| self::node(check, tables, number, node, &mut listed))
}

fn record(check: Check, tables: &Tables, number: usize, record: &EndpointRecord) -> Checked {
    let endpoints = &tables.endpoints;
    check.number(record.part, tables.parts.parts.len(), "parts", format_args!("records[{number}].part"))?;
    if record.subject != EndpointRecord::ELSEWHERE {
        check.number(
            record.subject,
            endpoints.subjects.len(),
            "subjects",
            format_args!("records[{number}].subject"),
        )?;
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
    check.number_or_none(
        record.more,
        endpoints.more.len(),
        "lists of addresses",
        format_args!("records[{number}].more"),
    )
}

/// A node's hosts are host endpoints of that node, each once.
fn node(check: Check, tables: &Tables, number: u32, node: &NodeRecord, listed: &mut [bool]) -> Checked {
    let endpoints = &tables.endpoints;
    let addresses = format_args!("nodes[{number}].addresses");
    check.span(node.addresses, endpoints.addresses.0.len(), "addresses", addresses)?;
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
