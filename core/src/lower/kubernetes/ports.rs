//! The ports of a Kubernetes rule, and how they are grouped into Calico rules (`spec/calico.md` 6.1).

use crate::model::{Name, PortRange, Protocol};
use std::collections::BTreeMap;

/// One entry of a rule's list of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortEntry {
    /// The protocol; a named port of an admin policy has none, and takes that of the pod's port.
    pub(super) protocol: Option<Protocol>,
    /// The ports of that protocol.
    pub(super) ports: Ports,
}

/// The ports of a [`PortEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ports {
    /// Every port.
    Every,
    /// None: a range whose start is greater than its end, which the schema of v1alpha1 lets pass.
    Nothing,
    /// A number or range.
    Range(PortRange),
    /// A named port.
    Named(Name),
}

/// One port of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Port {
    /// A number or range.
    Range(PortRange),
    /// A named port.
    Named(Name),
}

/// The ports of one protocol: what one Calico rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortGroup {
    /// The protocol, if any.
    pub(super) protocol: Option<Protocol>,
    /// The ports; none for every port.
    pub(super) ports: Vec<Port>,
}

/// Groups entries by protocol, in the order of the protocols' names. Without entries there is one group, for everything;
/// a protocol of which nothing matches has no group.
pub(super) fn group(entries: &[PortEntry]) -> Vec<PortGroup> {
    if entries.is_empty() {
        return vec![PortGroup { protocol: None, ports: Vec::new() }];
    }
    let mut by_name: BTreeMap<Option<&'static str>, (Option<Protocol>, Vec<&Ports>)> = BTreeMap::new();
    for entry in entries {
        let (_, ports) =
            by_name.entry(entry.protocol.and_then(Protocol::name)).or_insert((entry.protocol, Vec::new()));
        ports.push(&entry.ports);
    }
    by_name.into_values().filter_map(|(protocol, ports)| group_of(protocol, &ports)).collect()
}

fn group_of(protocol: Option<Protocol>, ports: &[&Ports]) -> Option<PortGroup> {
    if ports.iter().any(|ports| **ports == Ports::Every) {
        return Some(PortGroup { protocol, ports: Vec::new() });
    }
    let ports: Vec<Port> = ports
        .iter()
        .filter_map(|ports| match ports {
            Ports::Range(range) => Some(Port::Range(*range)),
            Ports::Named(name) => Some(Port::Named(name.clone())),
            Ports::Every | Ports::Nothing => None,
        })
        .collect();
    (!ports.is_empty()).then(|| PortGroup { protocol, ports: simplify(ports) })
}

/// Merges numbers that adjoin or overlap, as Calico does: with two or more numbers, names come first and numbers are
/// sorted; else nothing moves.
fn simplify(ports: Vec<Port>) -> Vec<Port> {
    let mut ranges: Vec<PortRange> = ports
        .iter()
        .filter_map(|port| match port {
            Port::Range(range) => Some(*range),
            Port::Named(_) => None,
        })
        .collect();
    if ranges.len() < 2 {
        return ports;
    }
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some((_, last)) if range.first() <= last.saturating_add(1) => *last = range.last().max(*last),
            _ => merged.push((range.first(), range.last())),
        }
    }
    let names = ports.into_iter().filter(|port| matches!(port, Port::Named(_)));
    let ranges =
        merged.into_iter().filter_map(|(first, last)| PortRange::new(first, last).ok()).map(Port::Range);
    names.chain(ranges).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(protocol: Protocol, first: u16, last: u16) -> PortEntry {
        PortEntry { protocol: Some(protocol), ports: Ports::Range(PortRange::new(first, last).unwrap()) }
    }

    fn text(entries: &[PortEntry]) -> String {
        let port = |port: &Port| match port {
            Port::Range(range) => range.to_string(),
            Port::Named(name) => name.to_string(),
        };
        let group = |group: &PortGroup| {
            let protocol = group.protocol.map_or("any".to_owned(), |protocol| protocol.to_string());
            format!("{protocol}[{}]", group.ports.iter().map(port).collect::<Vec<_>>().join(","))
        };
        super::group(entries).iter().map(group).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn protocols_are_sorted_and_ports_merged() {
        let named = |protocol, name: &str| PortEntry { protocol, ports: Ports::Named(name.into()) };
        let (tcp, udp, sctp) = (Protocol::TCP, Protocol::UDP, Protocol::SCTP);
        assert_eq!(text(&[]), "any[]");
        assert_eq!(
            text(&[entry(udp, 90, 90), entry(tcp, 81, 81), entry(sctp, 1, 1), entry(tcp, 80, 80)]),
            "SCTP[1] TCP[80:81] UDP[90]"
        );
        assert_eq!(text(&[entry(tcp, 80, 80), named(Some(tcp), "foo")]), "TCP[80,foo]");
        assert_eq!(text(&[entry(tcp, 80, 80), named(Some(tcp), "foo"), entry(tcp, 1, 2)]), "TCP[foo,1:2,80]");
        assert_eq!(text(&[entry(tcp, 80, 80), named(None, "foo")]), "any[foo] TCP[80]");
        assert_eq!(text(&[entry(tcp, 65535, 65535), entry(tcp, 65534, 65534)]), "TCP[65534:65535]");
        let every = PortEntry { protocol: Some(tcp), ports: Ports::Every };
        assert_eq!(text(&[entry(tcp, 80, 80), every, named(Some(tcp), "foo")]), "TCP[]");
        let nothing = PortEntry { protocol: Some(tcp), ports: Ports::Nothing };
        assert_eq!(text(std::slice::from_ref(&nothing)), "");
        assert_eq!(text(&[nothing, entry(udp, 1, 1)]), "UDP[1]");
    }

    proptest! {
        #[test]
        fn merging_keeps_the_set(pairs in prop::collection::vec((0u16..40, 0u16..6), 1..12), port in 0u16..50) {
            let entries: Vec<_> = pairs.iter().map(|&(first, more)| entry(Protocol::TCP, first, first + more)).collect();
            let groups = group(&entries);
            let merged: Vec<PortRange> = groups[0].ports.iter().map(|port| match port {
                Port::Range(range) => *range,
                Port::Named(name) => panic!("{name}"),
            }).collect();
            let before = pairs.iter().any(|&(first, more)| (first..=first + more).contains(&port));
            prop_assert_eq!(merged.iter().any(|range| range.contains(port)), before);
            prop_assert!(merged.windows(2).all(|pair| pair[0].last() + 1 < pair[1].first()));
        }
    }
}
