//! Host endpoints and workload endpoints (`spec/calico.md` 1.4, 1.5, 2).

use super::cidr::{CidrReading, parse_cidr, parse_ip};
use super::labels::workload_labels;
use super::names::{NameRule, check_name, cluster_scoped, namespaced};
use super::ports::{port_name, port_number, protocol_number, protocol_text};
use super::problems::{Checker, error};
use super::{Lowered, Lowering};
use crate::diagnostic::{Code, Problem};
use crate::model::{
    Endpoint, EndpointKey, EndpointKind, EndpointPort, HostInterface, IpVersion, Name, Protocol,
};
use crate::resource::IntOrString;
use crate::resource::calico::{
    self, HostEndpoint, HostEndpointSpec, WorkloadEndpoint, WorkloadEndpointPort, WorkloadEndpointSpec,
};
use std::net::IpAddr;

const MAX_INTERFACE: usize = 15;
const ALL_INTERFACES: &str = "*";

/// Lowers a HostEndpoint.
pub(super) fn host_endpoint(endpoint: &HostEndpoint) -> Lowering {
    let mut checker = Checker::default();
    let help = "remove it; a host endpoint belongs to its node";
    let name = cluster_scoped(&mut checker, &endpoint.metadata, NameRule::Subdomain, help);
    let key = EndpointKey { kind: EndpointKind::HostEndpoint, namespace: None, name };
    let labels = endpoint.metadata.labels.iter();
    let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect();
    let spec = &endpoint.spec;
    let value = checker.at("spec", |checker| {
        check_where(checker, spec);
        let addresses =
            checker.each("expectedIPs", &spec.expected_ips, |checker, text| checker.value(parse_ip(text)));
        checker.at("expectedIPs", |checker| checker.distinct(&spec.expected_ips));
        let lowered = Endpoint {
            key,
            labels,
            profiles: profiles(checker, &spec.profiles),
            addresses,
            ports: checker.each("ports", &spec.ports, host_port),
            node: optional(&spec.node),
            service_account: None,
            interface: Some(interface(checker, &spec.interface_name)),
            origin: None,
        };
        let numeric = spec.ports.iter().any(|port| is_numeric(port.protocol.as_ref()));
        if numeric { warn_absent(checker) } else { Lowered::Endpoint(lowered) }
    });
    checker.finish(Some(value))
}

/// Checks the fields that say which interfaces of which node the endpoint is.
fn check_where(checker: &mut Checker, spec: &HostEndpointSpec) {
    if spec.node.is_empty() {
        checker.at("node", |checker| {
            let message = "a host endpoint needs the name of its node";
            checker.error(
                Code::MissingField,
                message,
                "add `node` with the name that Calico knows the node by",
            );
        });
    } else {
        check_names(checker, &[("node", &spec.node)]);
    }
    if spec.interface_name.is_empty() && spec.expected_ips.is_empty() {
        checker.error(
            Code::MissingField,
            "a host endpoint needs `interfaceName` or `expectedIPs`",
            "write `interfaceName: \"*\"` for all interfaces of the node",
        );
    }
}

fn interface(checker: &mut Checker, name: &str) -> HostInterface {
    match name {
        "" => HostInterface::ByAddress,
        ALL_INTERFACES => HostInterface::All,
        _ => {
            checker.at("interfaceName", |checker| checker.value(check_interface(name)));
            HostInterface::Named(name.into())
        }
    }
}

fn check_interface(name: &str) -> Result<(), Problem> {
    let wrong = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')));
    let reason = match wrong {
        Some(wrong) => format!("it contains `{}`", wrong.escape_debug()),
        None if name.len() > MAX_INTERFACE => format!("it has more than {MAX_INTERFACE} characters"),
        None => return Ok(()),
    };
    let help = "use at most 15 letters, digits, `_`, `.` and `-`, or \"*\" for all interfaces";
    Err(error(Code::InvalidName, format!("`{name}` is not the name of an interface: {reason}"), help))
}

fn host_port(checker: &mut Checker, port: &calico::EndpointPort) -> Option<EndpointPort> {
    let name = checker.at("name", |checker| checker.value(port_name(&port.name)));
    let protocol = port_protocol(checker, port.protocol.as_ref());
    let number = checker.at("port", |checker| checker.value(port_number(port.port)));
    Some(EndpointPort { name: name?, protocol: protocol?, port: number? })
}

fn port_protocol(checker: &mut Checker, given: Option<&IntOrString>) -> Option<Protocol> {
    checker.at("protocol", |checker| {
        let help = "write `TCP`, `UDP` or `SCTP`";
        let parsed = match given {
            None => Err(error(Code::MissingField, "a port needs a `protocol`", help)),
            Some(IntOrString::Int(number)) => protocol_number(*number),
            Some(IntOrString::String(text)) => protocol_text(text),
        };
        checker.value(parsed.and_then(|protocol| {
            let message = format!("{protocol} is not a protocol with ports");
            if protocol.has_ports() { Ok(protocol) } else { Err(error(Code::InvalidProtocol, message, help)) }
        }))
    })
}

fn is_numeric(protocol: Option<&IntOrString>) -> bool {
    match protocol {
        Some(IntOrString::Int(_)) => true,
        Some(IntOrString::String(text)) => text.bytes().all(|b| b.is_ascii_digit()),
        None => false,
    }
}

/// The API takes a port whose protocol is a number; the agent wants a name, and then leaves out the whole endpoint
/// (`spec/calico.md` 4.4).
fn warn_absent(checker: &mut Checker) -> Lowered {
    checker.at("ports", |checker| {
        checker.warning(
            Code::LikelyMistake,
            "Calico leaves out the whole endpoint, because the protocol of a port is a number: no policy governs it, and \
             no selector finds it",
            "write the protocol by name: `TCP`, `UDP` or `SCTP`",
        );
    });
    Lowered::Nothing
}

/// Lowers a WorkloadEndpoint.
pub(super) fn workload_endpoint(endpoint: &WorkloadEndpoint) -> Lowering {
    let mut checker = Checker::default();
    let (namespace, name) = namespaced(&mut checker, &endpoint.metadata, NameRule::Subdomain);
    let spec = &endpoint.spec;
    let service_account: Option<Name> = optional(&spec.service_account_name);
    let labels = workload_labels(
        &endpoint.metadata.labels,
        &namespace,
        Some(&spec.orchestrator),
        service_account.as_deref(),
    );
    let value = checker.at("spec", |checker| {
        check_workload(checker, spec);
        if spec.profiles.is_empty() {
            warn_without_profiles(checker, &namespace, service_account.as_deref());
        }
        let lowered = Endpoint {
            key: EndpointKey { kind: EndpointKind::WorkloadEndpoint, namespace: Some(namespace), name },
            labels,
            profiles: profiles(checker, &spec.profiles),
            addresses: checker.each("ipNetworks", &spec.ip_networks, single_address),
            ports: checker.each("ports", &spec.ports, workload_port),
            node: optional(&spec.node),
            service_account,
            interface: None,
            origin: None,
        };
        let numeric = spec.ports.iter().any(|port| is_numeric(port.protocol.as_ref()));
        if numeric { warn_absent(checker) } else { Lowered::Endpoint(lowered) }
    });
    checker.finish(Some(value))
}

/// Checks the fields that have no meaning for policy.
fn check_workload(checker: &mut Checker, spec: &WorkloadEndpointSpec) {
    check_names(
        checker,
        &[
            ("orchestrator", &spec.orchestrator),
            ("workload", &spec.workload),
            ("node", &spec.node),
            ("pod", &spec.pod),
            ("endpoint", &spec.endpoint),
            ("serviceAccountName", &spec.service_account_name),
        ],
    );
    checker.at("containerID", |checker| checker.value(check_container_id(&spec.container_id)));
    checker.at("interfaceName", |checker| match spec.interface_name.as_str() {
        "" => {
            let message = "a workload endpoint needs the name of its interface on the node";
            checker.error(Code::MissingField, message, "add `interfaceName`, like `cali0123456789a`");
        }
        ALL_INTERFACES => {}
        name => {
            checker.value(check_interface(name));
        }
    });
    for (key, text, version) in [
        ("ipv4Gateway", &spec.ipv4_gateway, IpVersion::V4),
        ("ipv6Gateway", &spec.ipv6_gateway, IpVersion::V6),
    ] {
        if !text.is_empty() {
            checker.at(key, |checker| checker.value(check_gateway(text, version)));
        }
    }
    check_translations(checker, spec);
    checker.at("mac", |checker| checker.value(check_mac(&spec.mac)));
    checker.each("allowSpoofedSourcePrefixes", &spec.allow_spoofed_source_prefixes, |checker, text| {
        checker.value(parse_cidr(text, CidrReading::CalicoSet))
    });
}

/// What is translated must be an address of the endpoint.
fn check_translations(checker: &mut Checker, spec: &WorkloadEndpointSpec) {
    let own = |address: IpAddr| {
        let nets = spec.ip_networks.iter().filter_map(|text| parse_cidr(text, CidrReading::CalicoSet).ok());
        nets.into_iter().any(|net| net.contains(&address))
    };
    checker.each("ipNATs", &spec.ip_nats, |checker, nat| {
        checker.at("externalIP", |checker| checker.value(parse_ip(&nat.external_ip)));
        checker.at("internalIP", |checker| {
            let address = checker.value(parse_ip(&nat.internal_ip))?;
            if !own(address) {
                let message = format!("`{address}` is not an address of this endpoint");
                checker.error(
                    Code::InvalidValue,
                    message,
                    "write one of `ipNetworks`, without its prefix length",
                );
            }
            Some(())
        })
    });
}

fn warn_without_profiles(checker: &mut Checker, namespace: &str, service_account: Option<&str>) {
    let usual = super::labels::workload_profiles(namespace, service_account).join(", ");
    checker.at("profiles", |checker| {
        checker.warning(
            Code::LikelyMistake,
            "this endpoint has no profile: it inherits no label of its namespace, and what no policy allows is denied",
            format!("write `profiles: [{usual}]`, as the endpoints of pods have"),
        );
    });
}

fn single_address(checker: &mut Checker, text: &String) -> Option<IpAddr> {
    let net = checker.value(parse_cidr(text, CidrReading::CalicoSet))?;
    if net.prefix_len() != net.max_prefix_len() {
        let message = format!("`{text}` holds more than one address");
        let help = "write the single address of the endpoint; ranges belong into a network set";
        checker.error(Code::InvalidCidr, message, help);
    }
    Some(net.addr())
}

/// A port without a name only matters to the node, if it has a port there.
fn workload_port(checker: &mut Checker, port: &WorkloadEndpointPort) -> Option<EndpointPort> {
    let protocol = port_protocol(checker, port.protocol.as_ref());
    let number = checker.at("port", |checker| checker.value(port_number(port.port)));
    if port.host_port != 0 {
        checker.at("hostPort", |checker| checker.value(port_number(port.host_port)));
    }
    if !port.host_ip.is_empty() {
        checker.at("hostIP", |checker| checker.value(parse_ip(&port.host_ip)));
    }
    if port.name.is_empty() && port.host_port != 0 {
        return None;
    }
    let name = checker.at("name", |checker| checker.value(port_name(&port.name)));
    Some(EndpointPort { name: name?, protocol: protocol?, port: number? })
}

fn profiles(checker: &mut Checker, names: &[String]) -> Vec<Name> {
    checker.at("profiles", |checker| checker.distinct(names));
    checker.each("profiles", names, |checker, name| {
        checker.value(check_name(name, NameRule::Subdomain, "the name of a profile"))?;
        Some(name.as_str().into())
    })
}

/// Checks names where they are given.
fn check_names(checker: &mut Checker, fields: &[(&'static str, &String)]) {
    for (key, name) in fields.iter().filter(|(_, name)| !name.is_empty()) {
        checker.at(*key, |checker| checker.value(check_name(name, NameRule::Subdomain, "this name")));
    }
}

fn check_container_id(id: &str) -> Result<(), Problem> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain && !id.starts_with('-') && !id.ends_with('-') {
        return Ok(());
    }
    let message = format!("`{id}` is not the id of a container");
    Err(error(Code::InvalidName, message, "use letters and digits, with `-` between them"))
}

fn check_gateway(text: &str, version: IpVersion) -> Result<(), Problem> {
    let address = parse_ip(text)?;
    if IpVersion::of(address) == version {
        return Ok(());
    }
    let message = format!("`{text}` is not an {version} address");
    Err(error(Code::IpVersionConflict, message, format!("write an {version} address, or remove it")))
}

/// Six, eight or twenty bytes in hexadecimal, as `00:11:22:33:44:55`, `00-11-...` or `0011.2233.4455`.
fn check_mac(mac: &str) -> Result<(), Problem> {
    let groups_of = |separator: char, digits: usize| {
        let groups: Vec<&str> = mac.split(separator).collect();
        let hexadecimal =
            |group: &&str| group.len() == digits && group.bytes().all(|b| b.is_ascii_hexdigit());
        matches!(groups.len() * digits, 12 | 16 | 40) && groups.iter().all(hexadecimal)
    };
    if mac.is_empty() || groups_of(':', 2) || groups_of('-', 2) || groups_of('.', 4) {
        return Ok(());
    }
    let message = format!("`{mac}` is not a hardware address");
    Err(error(Code::InvalidValue, message, "write it like `00:11:22:33:44:55`, or remove it"))
}

fn optional(name: &str) -> Option<Name> {
    (!name.is_empty()).then(|| name.into())
}
