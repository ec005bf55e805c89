//! The two ends of a flow, and what holds for them.

use crate::model::{
    EndpointId, Flow, FlowContext, IpVersion, OriginalDestination, Protocol, Side as FlowSide,
};
use crate::tables::{ClassParts, Parts, Place, Resolution, Side, Tables};
use std::net::IpAddr;

/// One end of a flow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Party<'a> {
    pub(super) address: Option<IpAddr>,
    /// What holds at it is what holds for any of these parts.
    parts: [u32; 3],
    pub(super) port: u16,
    pub(super) principal: Option<&'a str>,
}

/// A flow as rules see it at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlowView<'a> {
    pub(super) tables: &'a Tables,
    pub(super) context: &'a FlowContext,
    pub(super) protocol: Protocol,
    pub(super) icmp: (u8, u8),
    pub(super) version: Option<IpVersion>,
    pub(super) source: Party<'a>,
    pub(super) destination: Party<'a>,
    /// The destination before it was translated.
    pub(super) original: Option<OriginalDestination>,
    /// Which DNS answers count: those that the judged endpoint's node sees.
    pub(super) dns_view: u32,
    /// The flow goes from a workload to its own node.
    pub(super) to_own_node: bool,
}

impl<'a> FlowView<'a> {
    /// Of a settled flow.
    pub(super) fn new(tables: &'a Tables, flow: &Flow, context: &'a FlowContext) -> Self {
        let source =
            Party::new(tables, flow.source(), flow.source_port(), context.source_principal.as_deref());
        let destination = Party::new(
            tables,
            flow.destination(),
            flow.destination_port(),
            context.destination_principal.as_deref(),
        );
        let version = source.address.or(destination.address).map(IpVersion::of);
        FlowView {
            tables,
            context,
            protocol: flow.protocol(),
            icmp: flow.icmp(),
            version: version.or(match flow.protocol() {
                Protocol::ICMP => Some(IpVersion::V4),
                Protocol::ICMPV6 => Some(IpVersion::V6),
                _ => None,
            }),
            source,
            destination,
            original: context.original_destination,
            dns_view: 0,
            to_own_node: false,
        }
    }

    pub(super) fn party(&self, side: Side) -> &Party<'a> {
        match side {
            Side::Source => &self.source,
            Side::Destination => &self.destination,
        }
    }

    pub(super) fn holds(&self, side: Side, predicate: u32) -> bool {
        self.party(side).parts.iter().any(|part| self.tables.parts.holds(*part, predicate))
    }

    /// Whether the condition resolves to the flow's protocol and the port of that end.
    pub(super) fn resolves(&self, side: Side, condition: u32) -> bool {
        let Party { parts, port, .. } = *self.party(side);
        let wanted = Resolution { condition, protocol: self.protocol.number(), port };
        parts.iter().any(|part| self.tables.parts.resolves(*part, wanted))
    }

    /// The flow as it is before its destination is translated.
    pub(super) fn before_translation(mut self) -> Self {
        if let Some(OriginalDestination { address, port }) = self.original {
            self.destination.address = Some(address);
            self.destination.port = port;
            self.destination.parts = parts_at(self.tables, Some(address), None);
        }
        self
    }
}

impl<'a> Party<'a> {
    fn new(tables: &Tables, side: FlowSide, port: u16, principal: Option<&'a str>) -> Self {
        let (address, named) = split(side);
        Party { address, parts: parts_at(tables, address, named), port, principal }
    }
}

/// The parts at an address; with those of the named endpoint, if it does not hold the address itself.
fn parts_at(tables: &Tables, address: Option<IpAddr>, named: Option<EndpointId>) -> [u32; 3] {
    let [holders, address_part] = match address {
        Some(address) => {
            let ClassParts { holders, address } = tables.addresses.parts(address);
            [holders, address]
        }
        None => [Parts::EMPTY; 2],
    };
    let named = named.and_then(|id| tables.endpoints.get(id.get()));
    let elsewhere =
        named.filter(|record| address.is_none_or(|address| !tables.endpoints.holds(record, address)));
    [holders, address_part, elsewhere.map_or(Parts::EMPTY, |record| record.part)]
}

/// What an end of a flow is.
pub(super) fn place(tables: &Tables, side: FlowSide) -> Place {
    match split(side) {
        (None, None) => Place::Outside,
        (Some(address), None) => tables.place_at(address),
        (_, Some(id)) => match tables.endpoints.get(id.get()) {
            None => Place::Unknown,
            Some(record) => tables.place_of(id.get(), record),
        },
    }
}

fn split(side: FlowSide) -> (Option<IpAddr>, Option<EndpointId>) {
    match side {
        FlowSide::Address(address) => (Some(address), None),
        FlowSide::Endpoint(endpoint) => (None, Some(endpoint)),
        FlowSide::Both(endpoint, address) => (Some(address), Some(endpoint)),
    }
}

/// Gives each end that is named without an address the one it uses towards the other end.
pub(super) fn settle(tables: &Tables, flow: &Flow) -> Flow {
    let named = |side| matches!(side, FlowSide::Endpoint(_));
    if !named(flow.source()) && !named(flow.destination()) {
        return *flow;
    }
    let version = family(tables, flow);
    let settled = |side| match side {
        FlowSide::Endpoint(id) => {
            let address = version.and_then(|version| address_of(tables, id, version));
            address.map_or(side, |address| FlowSide::Both(id, address))
        }
        _ => side,
    };
    flow.with_source(settled(flow.source())).with_destination(settled(flow.destination()))
}

fn address_of(tables: &Tables, id: EndpointId, version: IpVersion) -> Option<IpAddr> {
    tables.endpoints.address_of(tables.endpoints.get(id.get())?, version)
}

/// The family of a stated address, else the first one that both ends have addresses of.
fn family(tables: &Tables, flow: &Flow) -> Option<IpVersion> {
    if let Some(address) = flow.source_address().or(flow.destination_address()) {
        return Some(IpVersion::of(address));
    }
    // An end without any address goes along with every family, but two of them have none.
    let has = |side, version| {
        let (_, named) = split(side);
        let record = tables.endpoints.get(named?.get())?;
        let some = tables.endpoints.addresses_of(record).next().is_some();
        some.then(|| named.is_some_and(|id| address_of(tables, id, version).is_some()))
    };
    [IpVersion::V4, IpVersion::V6].into_iter().find(|version| {
        let ends = [has(flow.source(), *version), has(flow.destination(), *version)];
        !ends.contains(&Some(false)) && ends.contains(&Some(true))
    })
}
