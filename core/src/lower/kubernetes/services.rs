//! Services and the slices of their endpoints.

use super::inventory::{address, named, port_protocol, usable};
use crate::lower::Lowered;
use crate::lower::cidr::parse_ip;
use crate::lower::names::namespace_of;
use crate::lower::ports::port_number;
use crate::lower::problems::Checker;
use crate::model::{
    self, Name, Protocol, ServiceBackend, ServiceKey, ServicePort, ServiceSlice, ServiceTarget,
};
use crate::resource::IntOrString;
use crate::resource::kubernetes::{self, EndpointSlice, Service};
use std::net::IpAddr;

/// What the cluster address of a headless service says.
const HEADLESS: &str = "None";
const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// Lowers a service. An `ExternalName` is only a name for another one, and nothing to policy.
pub(super) fn service(checker: &mut Checker, service: &Service) -> Lowered {
    if service.spec.service_type == "ExternalName" {
        return Lowered::Nothing;
    }
    let namespace = namespace_of(&service.metadata);
    let selector = &service.spec.selector;
    let selector = selector.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    let mut addresses = service_addresses(checker, service);
    addresses.sort_unstable();
    addresses.dedup();
    Lowered::Service(model::Service {
        key: ServiceKey { namespace: Some(namespace.into()), name: service.metadata.name.as_str().into() },
        addresses,
        selector: (!service.spec.selector.is_empty()).then(|| selector.collect()),
        ports: checker.at("spec", |checker| checker.each("ports", &service.spec.ports, service_port)),
        local_only: service.spec.external_traffic_policy == "Local",
    })
}

fn service_addresses(checker: &mut Checker, service: &Service) -> Vec<IpAddr> {
    let Service { spec, status, .. } = service;
    let is_given = |text: &str| !text.is_empty() && text != HEADLESS;
    let mut addresses = checker.at("spec", |checker| {
        let first =
            is_given(&spec.cluster_ip).then(|| address(checker, "clusterIP", &spec.cluster_ip)).flatten();
        let mut list = |key, texts: &[String]| {
            checker
                .each(key, texts, |checker, text| is_given(text).then(|| usable(checker, parse_ip(text)))?)
        };
        let cluster = list("clusterIPs", &spec.cluster_ips);
        let external = list("externalIPs", &spec.external_ips);
        // What was asked for counts as long as the status does not say what was given.
        let asked = status.load_balancer.ingress.is_empty() && is_given(&spec.load_balancer_ip);
        let asked = asked.then(|| address(checker, "loadBalancerIP", &spec.load_balancer_ip)).flatten();
        first.into_iter().chain(cluster).chain(external).chain(asked).collect::<Vec<_>>()
    });
    addresses.extend(checker.at("status", |checker| {
        checker.at("loadBalancer", |checker| {
            checker.each("ingress", &status.load_balancer.ingress, |checker, given| {
                is_given(&given.ip).then(|| address(checker, "ip", &given.ip))?
            })
        })
    }));
    addresses
}

fn service_port(checker: &mut Checker, given: &kubernetes::ServicePort) -> Option<ServicePort> {
    let protocol = port_protocol(checker, given.protocol.as_deref())?;
    let port = checker.at("port", |checker| usable(checker, port_number(given.port)))?;
    let target = match &given.target_port {
        None | Some(IntOrString::Int(0)) => ServiceTarget::Number(port),
        Some(IntOrString::Int(number)) => {
            ServiceTarget::Number(checker.at("targetPort", |checker| usable(checker, port_number(*number)))?)
        }
        Some(IntOrString::String(name)) => ServiceTarget::Named(name.as_str().into()),
    };
    let node_port = given
        .node_port
        .filter(|number| *number != 0)
        .and_then(|number| checker.at("nodePort", |checker| usable(checker, port_number(number))));
    Some(ServicePort { name: named(&given.name), protocol, port, target, node_port })
}

/// Lowers a slice of a service's endpoints (`spec/calico.md` 4.5).
pub(super) fn slice(checker: &mut Checker, slice: &EndpointSlice) -> Lowered {
    let namespace: Name = namespace_of(&slice.metadata).into();
    let service = slice
        .metadata
        .labels
        .get(SERVICE_NAME_LABEL)
        .map(|name| ServiceKey { namespace: Some(namespace.clone()), name: name.as_str().into() });
    let backends = checker.each("endpoints", &slice.endpoints, |checker, endpoint| {
        let ready = endpoint.conditions.ready.unwrap_or(true);
        // Names are no addresses, and legal in slices of type `FQDN`.
        let is_address = slice.address_type != "FQDN";
        Some(checker.each("addresses", &endpoint.addresses, |checker, text| {
            let address = is_address.then(|| usable(checker, parse_ip(text)))??;
            Some(ServiceBackend { address, ready })
        }))
    });
    let ports = checker.each("ports", &slice.ports, slice_port);
    Lowered::Slice(ServiceSlice {
        namespace,
        name: slice.metadata.name.as_str().into(),
        service,
        backends: backends.into_iter().flatten().collect(),
        ports,
    })
}

fn slice_port(
    checker: &mut Checker,
    given: &kubernetes::EndpointPort,
) -> Option<(Option<Name>, Protocol, u16)> {
    let number = given.port?;
    let protocol = port_protocol(checker, given.protocol.as_deref())?;
    let port = checker.at("port", |checker| usable(checker, port_number(number)))?;
    Some((named(&given.name), protocol, port))
}
