//! Where services lead.

use crate::cluster::{Cluster, EndpointEntry};
use crate::model::{IpVersion, Name, Service, ServicePort};
use crate::tables::{Backend, NONE, Route, RouteKey, Routes};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Routes of every service, while they are collected. Where services share an address or a node port, the first has it.
struct Collector<'a> {
    cluster: &'a Cluster,
    by_namespace: BTreeMap<Option<&'a Name>, Vec<&'a EndpointEntry>>,
    routes: Routes,
}

pub(super) fn compile(cluster: &Cluster) -> Routes {
    let mut by_namespace: BTreeMap<Option<&Name>, Vec<&EndpointEntry>> = BTreeMap::new();
    if cluster.services().next().is_some() {
        for entry in cluster.endpoints() {
            by_namespace.entry(entry.endpoint.key.namespace.as_ref()).or_default().push(entry);
        }
    }
    let mut collector = Collector { cluster, by_namespace, routes: Routes::default() };
    let mut by_address: BTreeMap<(IpAddr, RouteKey), Route> = BTreeMap::new();
    let mut by_node_port: BTreeMap<RouteKey, [Route; 2]> = BTreeMap::new();
    for service in cluster.services() {
        let mut by_port: BTreeMap<RouteKey, Route> = BTreeMap::new();
        for port in &service.ports {
            let key = (port.protocol.number(), port.port);
            for address in &service.addresses {
                let version = Some(IpVersion::of(*address));
                by_address.entry((*address, key)).or_insert_with(|| collector.route(service, port, version));
            }
            by_port.entry(key).or_insert_with(|| collector.route(service, port, None));
            if let Some(number) = port.node_port {
                by_node_port.entry((key.0, number)).or_insert_with(|| {
                    [IpVersion::V4, IpVersion::V6].map(|version| Route {
                        local_only: service.local_only,
                        ..collector.route(service, port, Some(version))
                    })
                });
            }
        }
        collector.routes.by_service.push((service.key.clone(), by_port.into_iter().collect()));
    }
    Routes {
        by_address: by_address.into_iter().collect(),
        by_node_port: by_node_port.into_iter().collect(),
        ..collector.routes
    }
}

impl Collector<'_> {
    fn route(&mut self, service: &Service, port: &ServicePort, version: Option<IpVersion>) -> Route {
        let candidates = self.by_namespace.get(&service.key.namespace.as_ref());
        let candidates = candidates.into_iter().flatten().copied();
        let backends = self.cluster.backends(service, port, version, candidates);
        let backends = backends.into_iter().map(|backend| Backend {
            address: backend.address,
            endpoint: backend.endpoint.map_or(NONE, |id| id.get()),
            port: backend.port,
        });
        Route { backends: self.routes.backends.push(backends), local_only: false }
    }
}
