//! Pods, and the objects that pods are made from.

use super::inventory::{address, named, port_protocol, usable};
use crate::dialect::{Dialect, HostNetwork};
use crate::lower::Lowered;
use crate::lower::labels::{KUBERNETES, workload_labels, workload_profiles};
use crate::lower::names::namespace_of;
use crate::lower::ports::port_number;
use crate::lower::problems::Checker;
use crate::model::{Endpoint, EndpointKey, EndpointKind, EndpointPort};
use crate::resource::ObjectMeta;
use crate::resource::kubernetes::{Container, Pod, PodSpec, PodStatus, PodTemplateSpec};
use std::net::IpAddr;

/// Lowers a pod. One that has finished has no address any more, and is nothing to policy (`spec/kubernetes.md` 1.1).
pub(super) fn pod(checker: &mut Checker, pod: &Pod, dialect: &Dialect) -> Lowered {
    if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
        return Lowered::Nothing;
    }
    let addresses = checker.at("status", |checker| pod_addresses(checker, &pod.status));
    let ports = checker.at("spec", |checker| pod_ports(checker, &pod.spec));
    let key = key(EndpointKind::Pod, &pod.metadata);
    endpoint(key, &pod.metadata, &pod.spec, (addresses, ports), dialect)
}

/// Lowers what pods are made from: an endpoint like those pods, without an address.
pub(super) fn workload(
    checker: &mut Checker,
    kind: EndpointKind,
    metadata: &ObjectMeta,
    template: &PodTemplateSpec,
    dialect: &Dialect,
) -> Lowered {
    // The jobs of a CronJob are a level deeper.
    let outer: &[&'static str] = if kind == EndpointKind::CronJob {
        &["spec", "jobTemplate", "spec", "template", "spec"]
    } else {
        &["spec", "template", "spec"]
    };
    let ports = within(checker, outer, &mut |checker| pod_ports(checker, &template.spec));
    endpoint(key(kind, metadata), &template.metadata, &template.spec, (Vec::new(), ports), dialect)
}

fn within<T>(checker: &mut Checker, path: &[&'static str], look: &mut dyn FnMut(&mut Checker) -> T) -> T {
    match path {
        [first, rest @ ..] => checker.at(*first, |checker| within(checker, rest, look)),
        [] => look(checker),
    }
}

fn key(kind: EndpointKind, metadata: &ObjectMeta) -> EndpointKey {
    let namespace = Some(namespace_of(metadata).into());
    EndpointKey { kind, namespace, name: metadata.name.as_str().into() }
}

fn endpoint(
    key: EndpointKey,
    metadata: &ObjectMeta,
    spec: &PodSpec,
    (addresses, ports): (Vec<IpAddr>, Vec<EndpointPort>),
    dialect: &Dialect,
) -> Lowered {
    let node = named(&spec.node_name);
    let namespace = key.namespace.clone().unwrap_or_default();
    if spec.host_network && dialect.host_network == HostNetwork::Node {
        return Lowered::HostPod { namespace, name: key.name, node, addresses };
    }
    // A live cluster always fills the service account in. Where a manifest names none, none is assumed, as Calico has it
    // (`spec/calico.md` 1.5): `default` would add a label and a profile that nobody wrote.
    let service_account = named(&spec.service_account_name).or_else(|| named(&spec.service_account));
    Lowered::Endpoint(Endpoint {
        labels: workload_labels(&metadata.labels, &namespace, Some(KUBERNETES), service_account.as_deref()),
        profiles: workload_profiles(&namespace, service_account.as_deref()),
        key,
        addresses,
        ports,
        node,
        service_account,
        interface: None,
        origin: None,
    })
}

fn pod_addresses(checker: &mut Checker, status: &PodStatus) -> Vec<IpAddr> {
    let mut addresses =
        checker.each("podIPs", &status.pod_ips, |checker, given| address(checker, "ip", &given.ip));
    if !status.pod_ip.is_empty() {
        let first = address(checker, "podIP", &status.pod_ip);
        addresses.extend(first.filter(|first| !addresses.contains(first)));
    }
    addresses
}

/// The named ports of all containers, those that run first included (`spec/calico.md` 1.5).
fn pod_ports(checker: &mut Checker, spec: &PodSpec) -> Vec<EndpointPort> {
    let mut ports = container_ports(checker, "containers", &spec.containers);
    ports.extend(container_ports(checker, "initContainers", &spec.init_containers));
    ports
}

fn container_ports(checker: &mut Checker, key: &'static str, containers: &[Container]) -> Vec<EndpointPort> {
    let ports = checker.each(key, containers, |checker, container| {
        Some(checker.each("ports", &container.ports, |checker, port| {
            let name = named(&port.name)?;
            let number =
                checker.at("containerPort", |checker| usable(checker, port_number(port.container_port)));
            let protocol = port_protocol(checker, port.protocol.as_deref());
            Some(EndpointPort { name, protocol: protocol?, port: number? })
        }))
    });
    ports.into_iter().flatten().collect()
}
