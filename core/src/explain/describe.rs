//! What a rule asked for, and what the flow has.

use super::{FlowTrace, RuleOutcome};
use crate::cluster::{Cluster, EndpointEntry};
use crate::model::{EntityMatch, Flow, FlowContext, Http, Rule, Side};
use crate::reference::{Criterion, End, Facts, Field, Match};
use crate::selector::Selector;
use std::fmt::Display;

pub(super) fn flow_trace(cluster: &Cluster, flow: &Flow, context: &FlowContext) -> FlowTrace {
    let has_ports = flow.protocol().has_ports();
    FlowTrace {
        source: place(cluster, flow.source()),
        destination: match &context.service {
            Some(service) if flow.destination_address().is_none_or(|address| address.is_unspecified()) => {
                format!("Service {service}")
            }
            _ => place(cluster, flow.destination()),
        },
        protocol: flow.protocol().to_string(),
        source_port: has_ports.then(|| flow.source_port()).filter(|port| *port != 0),
        destination_port: has_ports.then(|| flow.destination_port()),
        icmp: flow.protocol().is_icmp().then(|| flow.icmp()),
        http: match &context.http {
            Http::NotInspected => None,
            Http::Unknown => Some("unknown request".to_owned()),
            Http::Request(request) => Some(format!(
                "{} {}",
                request.method.as_deref().unwrap_or("(any method)"),
                request.path.as_deref().unwrap_or("(any path)")
            )),
        },
    }
}

/// An end of a flow: whose it is, and its address.
fn place(cluster: &Cluster, side: Side) -> String {
    let (named, address) = match side {
        Side::Address(address) => (None, Some(address)),
        Side::Endpoint(id) => (Some(id), None),
        Side::Both(id, address) => (Some(id), Some(address)),
    };
    let entry = match named {
        Some(id) => cluster.endpoint(id),
        None => address.and_then(|address| cluster.endpoints_at(address).next()),
    };
    let node = || address.and_then(|address| cluster.nodes_at(address).next());
    let name = match entry {
        Some(entry) => Some(entry.endpoint.key.to_string()),
        None => node().map(|node| format!("Node {}", node.name)),
    };
    match (name, address) {
        (Some(name), Some(address)) => format!("{name} ({address})"),
        (Some(name), None) => name,
        (None, Some(address)) => address.to_string(),
        (None, None) => "an endpoint that does not exist".to_owned(),
    }
}

pub(super) fn rule_outcome(facts: &Facts<'_>, rule: &Rule, result: &Match) -> RuleOutcome {
    match result {
        Match::Yes => RuleOutcome::Matched,
        Match::Invalid => RuleOutcome::InvalidRequest,
        Match::Unknown(missing) => RuleOutcome::Unknown { missing: missing.clone() },
        Match::No(criterion) => {
            let (field, expected, actual) = match criterion {
                Criterion::Flow(field) => flow_field(facts, rule, *field),
                Criterion::End(end, field) => end_field(facts, rule, *end, *field),
            };
            RuleOutcome::Missed { field, expected, actual }
        }
    }
}

type Words = (String, String, String);

fn flow_field(facts: &Facts<'_>, rule: &Rule, field: Field) -> Words {
    let icmp = || format!("type {} code {}", facts.icmp.0, facts.icmp.1);
    let (name, expected, actual) = match field {
        Field::IpVersion => ("ipVersion", text(rule.ip_version), text(facts.version)),
        Field::Protocol => ("protocol", text(rule.protocol), facts.protocol.to_string()),
        Field::NotProtocol => ("notProtocol", text(rule.not_protocol), facts.protocol.to_string()),
        Field::Icmp => (
            "icmp",
            text(rule.icmp),
            if facts.protocol.is_icmp() { icmp() } else { facts.protocol.to_string() },
        ),
        Field::NotIcmp => ("notICMP", text(rule.not_icmp), icmp()),
        Field::HttpPaths => ("http.paths", http_paths(rule), request(facts, |request| request.path.clone())),
        _ => ("http.methods", http_methods(rule), request(facts, |request| request.method.clone())),
    };
    (name.to_owned(), expected, actual)
}

fn end_field(facts: &Facts<'_>, rule: &Rule, end: End, field: Field) -> Words {
    let (side, entity, party) = match end {
        End::Source => ("source", &rule.source, &facts.source),
        End::Destination => ("destination", &rule.destination, &facts.destination),
    };
    let address = party.address.map_or_else(|| "no address".to_owned(), |address| address.to_string());
    let who = |selector: Option<&Selector>| owner(&party.holders, &address, selector);
    let port = || format!("{} {} of {}", facts.protocol, party.port, ports_of(&party.holders, &address));
    let (name, expected, actual) = match field {
        Field::NotSelector => {
            ("notSelector", text(entity.not_selector.as_ref()), who(entity.not_selector.as_ref()))
        }
        Field::Nets => ("nets", list(&entity.nets), address),
        Field::NotNets => ("notNets", list(&entity.not_nets), address),
        Field::NetsFamily => ("nets", families(entity), address),
        Field::Ports => ("ports", entity.ports.to_string(), port()),
        Field::NotPorts => ("notPorts", entity.not_ports.to_string(), port()),
        Field::Services => ("services", text(entity.service.as_ref()), port()),
        Field::Nodes => ("nodes", text(entity.nodes.as_ref()), who(None)),
        Field::Domains => ("domains", list(&entity.domains), names(facts, &address)),
        Field::Identity => (
            "serviceAccounts",
            text(entity.identity.as_ref()),
            party.principal.unwrap_or("plain text").to_owned(),
        ),
        Field::Set => ("set", names_of(entity.sets.iter().map(|set| &*set.name)), address),
        Field::NotSet => ("notSet", names_of(entity.not_sets.iter().map(|set| &*set.name)), address),
        Field::PortSet => ("portSet", names_of(entity.port_sets.iter().map(|set| &*set.name)), port()),
        _ => ("selector", text(entity.selector.as_ref()), who(entity.selector.as_ref())),
    };
    (format!("{side}.{name}"), expected, actual)
}

/// Who holds an address, with the labels that the selector looks at.
fn owner(holders: &[&EndpointEntry], address: &str, selector: Option<&Selector>) -> String {
    let Some(holder) = holders.first() else { return format!("{address}, which is no endpoint") };
    let label = |key| match holder.labels.get(&key) {
        Some(value) => format!("{key}={value}"),
        None => format!("no {key}"),
    };
    let labels: Vec<String> =
        selector.map(Selector::keys).unwrap_or_default().into_iter().map(label).collect();
    let name = &holder.endpoint.key;
    if labels.is_empty() { name.to_string() } else { format!("{name} ({})", labels.join(", ")) }
}

/// Who holds an address, with its named ports.
fn ports_of(holders: &[&EndpointEntry], address: &str) -> String {
    let Some(holder) = holders.first() else { return address.to_owned() };
    let ports: Vec<String> = holder
        .endpoint
        .ports
        .iter()
        .map(|port| format!("{} is {} {}", port.name, port.protocol, port.port))
        .collect();
    let name = &holder.endpoint.key;
    if ports.is_empty() { name.to_string() } else { format!("{name} ({})", ports.join(", ")) }
}

fn names(facts: &Facts<'_>, address: &str) -> String {
    let known =
        facts.destination.address.map(|address| facts.cluster.names_of(address, facts.node.as_deref()));
    match known.filter(|names| !names.is_empty()) {
        Some(names) => format!("{address}, known as {}", names_of(names.keys().map(|name| &**name))),
        None => format!("{address}, which has no known name"),
    }
}

fn request(facts: &Facts<'_>, part: impl Fn(&crate::model::HttpRequest) -> Option<String>) -> String {
    match &facts.context.http {
        Http::Request(request) => part(request).unwrap_or_default(),
        _ => String::new(),
    }
}

fn http_paths(rule: &Rule) -> String {
    rule.http.as_ref().map(|http| list(&http.paths)).unwrap_or_default()
}

fn http_methods(rule: &Rule) -> String {
    rule.http.as_ref().map(|http| list(&http.methods)).unwrap_or_default()
}

fn families(entity: &EntityMatch) -> String {
    let nets: Vec<ipnet::IpNet> = entity.nets.iter().chain(&entity.not_nets).copied().collect();
    format!("only ranges of another family: {}", list(&nets))
}

fn text(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn list(values: &[impl Display]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    format!("[{}]", texts.join(", "))
}

fn names_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", names.collect::<Vec<_>>().join(", "))
}
