//! Which host endpoint governs an interface, and the ports that stay open whatever it says (calico.md 7.1, 7.2).

use super::facts::Facts;
use crate::cluster::{Cluster, EndpointEntry};
use crate::dialect::Failsafe;
use crate::model::{Direction, HostInterface};
use std::net::IpAddr;

/// The host endpoint of the interface through which a node talks to the outside.
///
/// With `interface`, that of the interface's name, else one of the node's addresses, else the wildcard. Without it the
/// interface is taken to be the one a specific host endpoint stands for. The lowest name wins.
pub(super) fn uplink<'a>(
    cluster: &'a Cluster,
    node: &str,
    interface: Option<&str>,
    address: Option<IpAddr>,
) -> Option<&'a EndpointEntry> {
    let specific = |entry: &&EndpointEntry| match (&entry.endpoint.interface, interface) {
        (Some(HostInterface::Named(name)), Some(interface)) => **name == *interface,
        (Some(HostInterface::Named(_) | HostInterface::ByAddress), None) => true,
        (Some(HostInterface::ByAddress), Some(_)) => {
            address.is_none_or(|address| entry.endpoint.addresses.contains(&address))
        }
        _ => false,
    };
    let holds =
        |entry: &&EndpointEntry| address.is_some_and(|address| entry.endpoint.addresses.contains(&address));
    let candidates = || of_node(cluster, node).filter(specific);
    let by_address = if interface.is_none() { candidates().find(holds) } else { None };
    by_address.or_else(|| candidates().next()).or_else(|| wildcard(cluster, node))
}

/// The host endpoint of every interface of a node that has none of its own, among them those of workloads.
pub(super) fn wildcard<'a>(cluster: &'a Cluster, node: &str) -> Option<&'a EndpointEntry> {
    of_node(cluster, node).find(|entry| is_wildcard(entry))
}

pub(super) fn is_wildcard(entry: &EndpointEntry) -> bool {
    entry.endpoint.interface == Some(HostInterface::All)
}

fn of_node<'a>(cluster: &'a Cluster, node: &str) -> impl Iterator<Item = &'a EndpointEntry> {
    cluster.host_endpoints().filter(move |entry| entry.endpoint.node.as_deref() == Some(node))
}

/// Whether a flow goes to a failsafe port.
pub(super) fn is_failsafe(facts: &Facts<'_>, direction: Direction) -> bool {
    let failsafes = &facts.cluster.dialect().failsafes;
    let (list, remote) = match direction {
        Direction::Ingress => (&failsafes.inbound, facts.source.address),
        Direction::Egress => (&failsafes.outbound, facts.destination.address),
    };
    list.iter().any(|failsafe| suits(failsafe, facts, facts.destination.port, remote))
}

/// Whether a packet is the reply to a flow to a failsafe port: that port is then its source (calico.md 7.2, phase 1).
pub(super) fn is_failsafe_reply(facts: &Facts<'_>, direction: Direction) -> bool {
    let failsafes = &facts.cluster.dialect().failsafes;
    let (list, remote) = match direction {
        Direction::Egress => (&failsafes.inbound, facts.destination.address),
        Direction::Ingress => (&failsafes.outbound, facts.source.address),
    };
    list.iter().any(|failsafe| suits(failsafe, facts, facts.source.port, remote))
}

fn suits(failsafe: &Failsafe, facts: &Facts<'_>, port: u16, remote: Option<IpAddr>) -> bool {
    let near = |net: &ipnet::IpNet| remote.is_some_and(|remote| net.contains(&remote));
    failsafe.protocol == facts.protocol
        && failsafe.ports.contains(port)
        && failsafe.net.as_ref().is_none_or(near)
}
