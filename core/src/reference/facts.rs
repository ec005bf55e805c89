//! The two ends of a flow, and what is known of them.

use crate::cluster::{Cluster, EndpointEntry};
use crate::model::{EndpointId, Flow, FlowContext, IpVersion, Name, OriginalDestination, Protocol, Side};
use std::net::IpAddr;

/// One end of a flow.
#[derive(Debug, Clone)]
pub(crate) struct Party<'a> {
    pub(crate) address: Option<IpAddr>,
    /// Every endpoint that holds the address; the named one, if it has none.
    pub(crate) holders: Vec<&'a EndpointEntry>,
    pub(crate) port: u16,
    pub(crate) principal: Option<&'a str>,
}

/// A flow as rules see it at one place.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) context: &'a FlowContext,
    pub(crate) protocol: Protocol,
    pub(crate) icmp: (u8, u8),
    pub(crate) version: Option<IpVersion>,
    pub(crate) source: Party<'a>,
    pub(crate) destination: Party<'a>,
    /// The destination before it was translated.
    pub(crate) original: Option<OriginalDestination>,
    /// The node whose DNS answers count: that of the endpoint that is judged.
    pub(crate) node: Option<Name>,
    /// The flow goes from a workload to its own node.
    pub(crate) to_own_node: bool,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(cluster: &'a Cluster, flow: &Flow, context: &'a FlowContext) -> Self {
        let flow = settle(cluster, flow);
        let party = |side: Side, port, principal: &'a Option<String>| {
            let (address, named) = parts(side);
            Party {
                address,
                holders: holders(cluster, address, named),
                port,
                principal: principal.as_deref(),
            }
        };
        let source = party(flow.source(), flow.source_port(), &context.source_principal);
        let destination = party(flow.destination(), flow.destination_port(), &context.destination_principal);
        let version = source.address.or(destination.address).map(IpVersion::of).or(match flow.protocol() {
            Protocol::ICMP => Some(IpVersion::V4),
            Protocol::ICMPV6 => Some(IpVersion::V6),
            _ => None,
        });
        Facts {
            cluster,
            context,
            protocol: flow.protocol(),
            icmp: flow.icmp(),
            version,
            source,
            destination,
            original: context.original_destination,
            node: None,
            to_own_node: false,
        }
    }

    /// The same flow, whose destination was another before it was translated.
    pub(crate) fn translated_from(mut self, original: Option<OriginalDestination>) -> Self {
        self.original = original.or(self.original);
        self
    }

    /// The flow as it is before its destination is translated.
    pub(crate) fn before_translation(&self) -> Facts<'a> {
        let mut facts = self.clone();
        if let Some(OriginalDestination { address, port }) = self.original {
            facts.destination.address = Some(address);
            facts.destination.port = port;
            facts.destination.holders = holders(self.cluster, Some(address), None);
        }
        facts
    }
}

fn parts(side: Side) -> (Option<IpAddr>, Option<EndpointId>) {
    match side {
        Side::Address(address) => (Some(address), None),
        Side::Endpoint(endpoint) => (None, Some(endpoint)),
        Side::Both(endpoint, address) => (Some(address), Some(endpoint)),
    }
}

fn holders(cluster: &Cluster, address: Option<IpAddr>, named: Option<EndpointId>) -> Vec<&EndpointEntry> {
    let mut holders: Vec<&EndpointEntry> =
        address.into_iter().flat_map(|address| cluster.endpoints_at(address)).collect();
    let named = named.and_then(|id| cluster.endpoint(id));
    holders.extend(named.filter(|entry| !holders.iter().any(|holder| holder.id == entry.id)));
    holders
}

/// Gives each end that is named without an address the address it uses towards the other end.
pub(crate) fn settle(cluster: &Cluster, flow: &Flow) -> Flow {
    let version = family(cluster, flow);
    let side = |side: Side| match side {
        Side::Endpoint(id) => {
            let address = version.and_then(|version| cluster.endpoint(id)?.endpoint.address(version));
            address.map_or(side, |address| Side::Both(id, address))
        }
        _ => side,
    };
    flow.with_source(side(flow.source())).with_destination(side(flow.destination()))
}

/// The family that both ends have: that of a stated address, else the first one both have addresses of.
fn family(cluster: &Cluster, flow: &Flow) -> Option<IpVersion> {
    let stated = flow.source_address().or(flow.destination_address());
    if let Some(address) = stated {
        return Some(IpVersion::of(address));
    }
    let has = |side: Side, version| {
        let entry = parts(side).1.and_then(|id| cluster.endpoint(id))?;
        let addresses = &entry.endpoint.addresses;
        (!addresses.is_empty()).then(|| entry.endpoint.address(version).is_some())
    };
    let suits = |version: &IpVersion| {
        let (source, destination) = (has(flow.source(), *version), has(flow.destination(), *version));
        source != Some(false) && destination != Some(false) && (source.is_some() || destination.is_some())
    };
    [IpVersion::V4, IpVersion::V6].into_iter().find(suits)
}
