//! Services: which backends their addresses lead to, and which addresses policy means by them.

use super::Cluster;
use super::changes::Log;
use super::index::Index;
use crate::model::{EndpointId, IpVersion, Name, Protocol, Service, ServiceKey, ServicePort, ServiceSlice};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Namespace and name of a slice.
type SliceKey = (Name, Name);

#[derive(Debug, Clone, Default)]
pub(super) struct Services {
    services: BTreeMap<ServiceKey, Service>,
    slices: BTreeMap<SliceKey, ServiceSlice>,
    slices_by_service: Index<ServiceKey, SliceKey>,
}

impl Services {
    pub(super) fn put_service(&mut self, service: Service, log: &mut Log) {
        if self.services.get(&service.key) != Some(&service) {
            log.service(&service.key);
            self.services.insert(service.key.clone(), service);
        }
    }

    pub(super) fn remove_service(&mut self, key: &ServiceKey, log: &mut Log) {
        if self.services.remove(key).is_some() {
            log.service(key);
        }
    }

    pub(super) fn put_slice(&mut self, slice: ServiceSlice, log: &mut Log) {
        let key = (slice.namespace.clone(), slice.name.clone());
        if self.slices.get(&key) == Some(&slice) {
            return;
        }
        self.remove_slice(&key, log);
        if let Some(service) = &slice.service {
            self.slices_by_service.insert(service, key.clone());
            log.service(service);
        }
        self.slices.insert(key, slice);
    }

    pub(super) fn remove_slice(&mut self, key: &SliceKey, log: &mut Log) {
        if let Some(ServiceSlice { service: Some(service), .. }) = self.slices.remove(key) {
            self.slices_by_service.remove(&service, key);
            log.service(&service);
        }
    }

    pub(super) fn has_slice(&self, key: &SliceKey) -> bool {
        self.slices.contains_key(key)
    }

    fn slices_of(&self, key: &ServiceKey) -> impl Iterator<Item = &ServiceSlice> {
        self.slices_by_service.get(key).filter_map(|slice| self.slices.get(slice))
    }
}

/// One place a service may send a flow to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    /// Its address; absent for a workload that never ran.
    pub address: Option<IpAddr>,
    /// Its endpoint, where the cluster knows it.
    pub endpoint: Option<EndpointId>,
    /// Its port.
    pub port: u16,
}

/// Where the address and port of a service lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRoute {
    /// The service.
    pub service: ServiceKey,
    /// Its backends for the port.
    pub backends: Vec<Backend>,
    /// The node that receives the flow, for a node port.
    pub node: Option<Name>,
    /// Only backends of that node receive it, and see the client's address.
    pub local_only: bool,
}

impl Cluster {
    /// The slices of a service.
    pub(crate) fn slices_of(&self, key: &ServiceKey) -> impl Iterator<Item = &ServiceSlice> {
        self.services.slices_of(key)
    }

    /// A service by its key.
    pub fn service(&self, key: &ServiceKey) -> Option<&Service> {
        self.services.services.get(key)
    }

    /// Every service, by key.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.services.values()
    }

    /// Where a flow to an address and port goes, if they are those of a service or a node port; `None` if they are not.
    pub fn route(&self, address: IpAddr, protocol: Protocol, port: u16) -> Option<ServiceRoute> {
        let version = Some(IpVersion::of(address));
        let by_address = self.services().find_map(|service| {
            let serves = service.addresses.contains(&address);
            let found =
                serves.then(|| service_port(service, protocol, |known| known.port == port)).flatten()?;
            Some(ServiceRoute {
                service: service.key.clone(),
                backends: self.backends(service, found, version, self.endpoints()),
                node: None,
                local_only: false,
            })
        });
        by_address.or_else(|| self.node_port_route(address, protocol, port))
    }

    fn node_port_route(&self, address: IpAddr, protocol: Protocol, port: u16) -> Option<ServiceRoute> {
        let node = self.nodes_at(address).next()?;
        self.services().find_map(|service| {
            let found = service_port(service, protocol, |known| known.node_port == Some(port))?;
            let mut backends = self.backends(service, found, Some(IpVersion::of(address)), self.endpoints());
            if service.local_only {
                backends.retain(|backend| {
                    let endpoint = backend.endpoint.and_then(|id| self.endpoint(id));
                    endpoint.is_some_and(|entry| entry.endpoint.node.as_ref() == Some(&node.name))
                });
            }
            Some(ServiceRoute {
                service: service.key.clone(),
                backends,
                node: Some(node.name.clone()),
                local_only: service.local_only,
            })
        })
    }

    /// Where a flow to a service goes, by the service's own port number; `None` if there is no such service or port.
    pub fn route_to_service(&self, key: &ServiceKey, protocol: Protocol, port: u16) -> Option<ServiceRoute> {
        let service = self.service(key)?;
        let found = service_port(service, protocol, |known| known.port == port)?;
        Some(ServiceRoute {
            service: key.clone(),
            backends: self.backends(service, found, None, self.endpoints()),
            node: None,
            local_only: false,
        })
    }

    /// The backends of a port of a service: those of its slices, else what it selects among `candidates`.
    pub(crate) fn backends<'a>(
        &self,
        service: &Service,
        port: &ServicePort,
        version: Option<IpVersion>,
        candidates: impl Iterator<Item = &'a super::EndpointEntry>,
    ) -> Vec<Backend> {
        let mut slices = self.services.slices_of(&service.key).peekable();
        let mut backends: Vec<Backend> = if slices.peek().is_some() {
            slices.flat_map(|slice| self.slice_backends(slice, port)).collect()
        } else {
            selected_backends(service, port, version, candidates)
        };
        backends.retain(|backend| {
            let family = backend.address.map(IpVersion::of);
            version.is_none() || family.is_none() || family == version
        });
        backends
    }

    fn slice_backends<'a>(
        &'a self,
        slice: &'a ServiceSlice,
        port: &'a ServicePort,
    ) -> impl Iterator<Item = Backend> + 'a {
        let ports = slice.ports.iter().filter(|(name, protocol, _)| {
            name.as_deref().unwrap_or("") == port.name.as_deref().unwrap_or("") && *protocol == port.protocol
        });
        ports.flat_map(move |(_, _, number)| {
            slice.backends.iter().filter(|backend| backend.ready).map(move |backend| Backend {
                address: Some(backend.address),
                endpoint: self.endpoints_at(backend.address).next().map(|entry| entry.id),
                port: *number,
            })
        })
    }

    /// Whether an address, or an endpoint without one, backs a service; with `port`, at that protocol and port
    /// (calico.md 4.5). Without slices, the pods that the service selects count.
    pub(crate) fn backs_service(
        &self,
        key: &ServiceKey,
        address: Option<IpAddr>,
        holders: &[&super::EndpointEntry],
        port: Option<(Protocol, u16)>,
    ) -> bool {
        let mut slices = self.services.slices_of(key).peekable();
        if slices.peek().is_some() {
            return slices.any(|slice| {
                slice.backends.iter().any(|backend| Some(backend.address) == address)
                    && port.is_none_or(|port| {
                        slice.ports.iter().any(|(_, protocol, number)| (*protocol, *number) == port)
                    })
            });
        }
        self.service(key).is_some_and(|service| {
            holders.iter().filter(|entry| service.selects(&entry.endpoint)).any(|entry| {
                port.is_none_or(|(protocol, number)| {
                    let leads = |known: &ServicePort| {
                        known.protocol == protocol && known.target_on(&entry.endpoint) == Some(number)
                    };
                    service.ports.iter().any(leads)
                })
            })
        })
    }
}

fn selected_backends<'a>(
    service: &Service,
    port: &ServicePort,
    version: Option<IpVersion>,
    candidates: impl Iterator<Item = &'a super::EndpointEntry>,
) -> Vec<Backend> {
    let selected = candidates.filter(|entry| service.selects(&entry.endpoint));
    selected
        .filter_map(|entry| {
            let address = match version {
                Some(version) => entry.endpoint.address(version),
                None => entry.endpoint.addresses.first().copied(),
            };
            if address.is_none() && !entry.endpoint.addresses.is_empty() {
                return None;
            }
            Some(Backend { address, endpoint: Some(entry.id), port: port.target_on(&entry.endpoint)? })
        })
        .collect()
}

fn service_port(
    service: &Service,
    protocol: Protocol,
    wanted: impl Fn(&ServicePort) -> bool,
) -> Option<&ServicePort> {
    service.ports.iter().find(|port| port.protocol == protocol && wanted(port))
}
