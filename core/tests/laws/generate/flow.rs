//! Questions: a flow, and what is known of it.

use super::inventory::pod_name;
use super::words::{ACCOUNTS, NAMESPACES, OUTSIDE, SERVICES, address};
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt;
use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::model::{
    EndpointId, EndpointKey, EndpointKind, Flow, FlowContext, Http, HttpRequest, Name, OriginalDestination,
    Protocol, ServiceKey, Side,
};

/// One end of a flow, by a name that means the same in every cluster.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Pod(u8),
    Workload(&'static str, &'static str),
    HostEndpoint(u8),
    Address(IpAddr),
    /// A pod at some address, be it its own or not.
    PodAt(u8, IpAddr),
    /// An id that no endpoint has.
    Nobody(u32),
}

/// A flow that can be asked of any cluster.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) source: End,
    pub(crate) destination: End,
    pub(crate) protocol: Protocol,
    /// That of the source, and that of the destination.
    pub(crate) ports: (u16, u16),
    pub(crate) icmp: (u8, u8),
    pub(crate) context: FlowContext,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ask { source, destination, protocol, ports, icmp, context } = self;
        write!(f, "{source:?} -> {destination:?} {protocol} {ports:?} {icmp:?}")?;
        if *context == FlowContext::default() { Ok(()) } else { write!(f, " {context:?}") }
    }
}

impl End {
    /// The end in a cluster. A pod that has no endpoint there is asked for by the address it would have.
    pub(crate) fn side(&self, cluster: &Cluster) -> Side {
        match self {
            End::Pod(index) => {
                let (namespace, name) = pod_name(*index);
                let address = || address(&format!("10.0.0.{}", index + 1)).into();
                cluster.workload(namespace, &name).map_or_else(address, Side::Endpoint)
            }
            End::Workload(namespace, name) => {
                let nobody = || address(OUTSIDE[0]).into();
                cluster.workload(namespace, name).map_or_else(nobody, Side::Endpoint)
            }
            End::HostEndpoint(index) => {
                let name = format!("host{index}").into();
                let key = EndpointKey { kind: EndpointKind::HostEndpoint, namespace: None, name };
                let address = || address(&format!("10.1.0.{}", index + 1)).into();
                cluster.endpoint_id(&key).map_or_else(address, Side::Endpoint)
            }
            End::Address(address) => Side::Address(*address),
            End::PodAt(index, address) => match End::Pod(*index).side(cluster) {
                Side::Endpoint(id) => Side::Both(id, *address),
                other => other,
            },
            End::Nobody(id) => Side::Endpoint(EndpointId::from(*id)),
        }
    }
}

impl Ask {
    /// The flow in a cluster.
    pub(crate) fn flow(&self, cluster: &Cluster) -> Flow {
        Flow::new(self.source.side(cluster), self.destination.side(cluster), self.protocol)
            .with_ports(self.ports.0, self.ports.1)
            .with_icmp(self.icmp.0, self.icmp.1)
    }
}

/// Some questions.
pub(crate) fn asks() -> impl Strategy<Value = Vec<Ask>> {
    prop::collection::vec(ask(), 12)
}

fn ask() -> impl Strategy<Value = Ask> {
    let protocol = prop_oneof![
        8 => Just(Protocol::TCP),
        2 => Just(Protocol::UDP),
        1 => Just(Protocol::SCTP),
        1 => Just(Protocol::ICMP),
        1 => Just(Protocol::ICMPV6),
        1 => Just(Protocol::from(47)),
    ];
    let port = select(&[7, 22, 53, 80, 81, 90, 443, 8000, 8080, 30_080][..]);
    let ports = (prop_oneof![3 => Just(40_000), 1 => select(&[22, 53, 80, 90][..])], port);
    let icmp = (select(&[3, 8, 128][..]), 0..2u8);
    (end(), destination(), protocol, ports, icmp, context()).prop_map(
        |(source, destination, protocol, ports, icmp, context)| Ask {
            source,
            destination,
            protocol,
            ports,
            icmp,
            context,
        },
    )
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        20 => (0..6u8).prop_map(End::Pod),
        3 => (0..6u8, any::<bool>()).prop_map(|(index, v6)| {
            let last = index + 1;
            End::Address(address(&if v6 { format!("fd00::{last}") } else { format!("10.0.0.{last}") }))
        }),
        2 => select(&["10.1.0.1", "10.1.0.2", "fd01::1"][..]).prop_map(|text| End::Address(address(text))),
        4 => select(&OUTSIDE[..]).prop_map(|text| End::Address(address(text))),
        1 => select(&[("red", "shop"), ("red", "n0-vm-vm0-eth0")][..]).prop_map(|(ns, name)| End::Workload(ns, name)),
        1 => (0..4u8).prop_map(End::HostEndpoint),
        1 => (0..6u8, select(&["10.0.0.1", "10.0.0.2", "fd00::3", "192.0.2.10"][..]))
            .prop_map(|(index, text)| End::PodAt(index, address(text))),
    ]
}

fn destination() -> impl Strategy<Value = End> {
    let service = select(&["10.96.0.1", "10.96.0.2"][..]).prop_map(|text| End::Address(address(text)));
    prop_oneof![12 => end(), 1 => service]
}

/// A request that HTTP clauses are asked about.
pub(crate) fn request() -> impl Strategy<Value = HttpRequest> {
    let method = prop::option::of(select(&["GET", "POST", "PUT"][..]).prop_map(str::to_owned));
    let path = select(&["/", "/pub/x?y", "/public", "/public", "/pub/../adm", "/%2e%2e/adm", "*", ""][..]);
    (method, prop::option::weighted(0.8, path.prop_map(str::to_owned)))
        .prop_map(|(method, path)| HttpRequest { method, path })
}

/// What may be known of a flow.
pub(crate) fn context() -> impl Strategy<Value = FlowContext> {
    let http = prop_oneof![
        4 => Just(Http::NotInspected),
        1 => Just(Http::Unknown),
        5 => request().prop_map(Http::Request),
    ];
    let principal = || {
        let known = (select(&NAMESPACES[..]), select(&ACCOUNTS[..]))
            .prop_map(|(ns, account)| Some(format!("spiffe://cluster.local/ns/{ns}/sa/{account}")));
        prop_oneof![8 => Just(None), 4 => known, 1 => Just(Some("someone".to_owned()))]
    };
    let original = prop::option::weighted(0.05, select(&["10.96.0.1", "10.1.0.1"][..]));
    let via_service = prop::bool::weighted(0.05);
    let interface = || prop::option::weighted(0.1, select(&["eth0", "eth1"][..]).prop_map(Name::from));
    let service = prop::option::weighted(0.03, select(&SERVICES[..]));
    let service = service
        .prop_map(|name| name.map(|name| ServiceKey { namespace: Some("red".into()), name: name.into() }));
    let way = (original, via_service, interface(), interface(), service);
    (http, principal(), principal(), way).prop_map(|(http, source_principal, destination_principal, way)| {
        FlowContext {
            http,
            source_principal,
            destination_principal,
            original_destination: way
                .0
                .map(|text| OriginalDestination { address: address(text), port: 8000 }),
            via_service: way.1,
            source_interface: way.2,
            destination_interface: way.3,
            service: way.4,
        }
    })
}
