//! Objects of Calico's v1 data model, put into a cluster in the normal form.

use crate::calico_rule::{action, http, named_protocol, net, policy_kind, selector};
use crate::support::{list, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::dialect::{Dialect, MissingNamespace};
use tierwall::lower::Lowered;
use tierwall::model::{
    DefaultAction, Endpoint, EndpointKey, EndpointKind, EndpointPort, EntityMatch, HostInterface, IcmpMatch,
    IpVersion, Isolation, Name, NetworkSet, NetworkSetKey, Order, Policy, PolicyClass, PolicyKey, PolicyKind,
    PortMatch, PortRange, Profile, Protocol, Rule, RuleAction, ServiceBackend, ServiceKey, ServiceSlice,
    Tier,
};
use tierwall::resource::{Kind, ResourceKey};
use tierwall::selector::Selector;

pub(super) fn dialect() -> Dialect {
    let mut dialect = Dialect::default();
    dialect.missing_namespace = MissingNamespace::MissingProfile;
    dialect
}

/// A new cluster in the state.
pub(super) fn fresh(case: &Value) -> Result<Cluster, String> {
    let mut cluster = Cluster::with_dialect(dialect());
    update(&mut cluster, &Value::Null, case)?;
    Ok(cluster)
}

/// Takes a cluster from one state to another: what is gone is removed, what is there is put.
pub(super) fn update(cluster: &mut Cluster, from: &Value, to: &Value) -> Result<(), String> {
    let (old, new) = (objects(from)?, objects(to)?);
    let mut transaction = cluster.transaction();
    for (key, _) in &old {
        if !new.iter().any(|(kept, _)| kept == key) {
            transaction.remove(key);
        }
    }
    for object in new {
        if !old.contains(&object) {
            transaction.put(object.1);
        }
    }
    transaction.commit();
    Ok(())
}

/// The objects of a state by what names them. Rules and labels of a profile are two objects there and one here.
fn objects(case: &Value) -> Result<Vec<(ResourceKey, Lowered)>, String> {
    let mut objects = Vec::new();
    for json in list(case, "objects") {
        let value = &json["value"];
        match (text(json, "type"), json["kind"].as_str().unwrap_or_default()) {
            ("tier", _) => objects.push(tier(text(json, "name"), value)),
            ("policy", _) => objects.push(policy(json)?),
            ("workloadEndpoint", _) => objects.push(workload_endpoint(json)?),
            ("hostEndpoint", _) => objects.push(host_endpoint(json)?),
            ("networkSet", _) => objects.push(network_set(json)?),
            ("resource", "KubernetesEndpointSlice" | "EndpointSlice") => objects.push(slice(json)?),
            ("profileRules", _) | ("resource", "Profile") => {}
            (other, kind) => return Err(format!("this runner does not know objects {other} {kind}")),
        }
    }
    objects.extend(profiles(case)?);
    Ok(objects)
}

fn key(kind: Kind, namespace: Option<&str>, name: &str) -> ResourceKey {
    ResourceKey { kind, namespace: namespace.map(String::from), name: name.to_owned() }
}

fn tier(name: &str, value: &Value) -> (ResourceKey, Lowered) {
    let passes = value["default_action"].as_str().or(value["defaultAction"].as_str()) == Some("Pass");
    let default_action = if passes { DefaultAction::Pass } else { DefaultAction::Deny };
    let tier = Tier { name: name.into(), order: value["order"].as_f64().into(), default_action };
    (key(Kind::Tier, None, name), Lowered::Tier(tier))
}

/// `KIND/[NAMESPACE/]NAME`, as the expectations write it.
pub(super) fn policy_id(key: &PolicyKey) -> String {
    format!("{}/{}", key.kind, key.qualified_name())
}

/// The key of a policy object; the namespace is that of its key, not the one its value notes.
pub(super) fn policy_key(json: &Value) -> Result<PolicyKey, String> {
    let kind = policy_kind(text(json, "kind"))?;
    let namespace = json["namespace"].as_str().filter(|namespace| !namespace.is_empty()).map(Name::from);
    Ok(PolicyKey { kind, namespace, name: text(json, "name").into() })
}

fn resource_kind(kind: PolicyKind) -> Kind {
    match kind {
        PolicyKind::GlobalNetworkPolicy => Kind::GlobalNetworkPolicy,
        PolicyKind::KubernetesNetworkPolicy => Kind::NetworkPolicy,
        PolicyKind::NetworkPolicy => Kind::CalicoNetworkPolicy,
        PolicyKind::StagedGlobalNetworkPolicy => Kind::StagedGlobalNetworkPolicy,
        PolicyKind::StagedKubernetesNetworkPolicy => Kind::StagedKubernetesNetworkPolicy,
        PolicyKind::StagedNetworkPolicy => Kind::StagedNetworkPolicy,
        _ => Kind::ClusterNetworkPolicy,
    }
}

fn policy(json: &Value) -> Result<(ResourceKey, Lowered), String> {
    let value = &json["value"];
    let policy_key = policy_key(json)?;
    let class = match (value["untracked"] == true, value["pre_dnat"] == true) {
        (true, _) => PolicyClass::Untracked,
        (false, true) => PolicyClass::PreDnat,
        (false, false) => PolicyClass::Normal { apply_on_forward: value["apply_on_forward"] == true },
    };
    // Without types felix takes both directions (calico.md 4.1); before translation there is but ingress.
    let types: Vec<&str> = list(value, "types").iter().filter_map(Value::as_str).collect();
    let governs =
        |direction: &str| types.is_empty() || types.iter().any(|known| known.eq_ignore_ascii_case(direction));
    let rules = |field: &str| list(value, field).iter().map(rule).collect::<Result<Vec<_>, _>>();
    let ingress = governs("ingress").then(|| rules("inbound_rules")).transpose()?;
    let governs_egress = governs("egress") && class != PolicyClass::PreDnat;
    let egress = governs_egress.then(|| rules("outbound_rules")).transpose()?;
    let name = policy_key.name.to_string();
    let key = key(resource_kind(policy_key.kind), policy_key.namespace.as_deref(), &name);
    let policy = Policy {
        key: policy_key,
        tier: value["tier"].as_str().unwrap_or(Tier::DEFAULT).into(),
        order: Order::from(value["order"].as_f64()),
        subject: selector(&value["selector"])?.unwrap_or_else(Selector::all),
        ingress,
        egress,
        class,
        isolation: Isolation::default(),
        origin: None,
    };
    Ok((key, Lowered::Policy(policy)))
}

const RULE_FIELDS: [&str; 11] = [
    "action",
    "ip_version",
    "protocol",
    "!protocol",
    "icmp_type",
    "icmp_code",
    "!icmp_type",
    "!icmp_code",
    "http",
    "metadata",
    "log_prefix",
];

/// The fields of one end, with the end as `*`. The original selectors are noted beside what they were compiled to.
const END_FIELDS: [&str; 16] = [
    "*_net",
    "*_nets",
    "*_selector",
    "*_ports",
    "*_service",
    "*_service_ns",
    "!*_net",
    "!*_nets",
    "!*_selector",
    "!*_ports",
    "orig_*_selector",
    "orig_*_namespace_selector",
    "!orig_*_selector",
    "orig_*_service_acct_names",
    "orig_*_service_acct_selector",
    "orig_*_service",
];

pub(super) fn rule(json: &Value) -> Result<Rule, String> {
    let known = |field: &str| {
        let of_end = |end| END_FIELDS.iter().any(|pattern| pattern.replace('*', end) == field);
        RULE_FIELDS.contains(&field) || of_end("src") || of_end("dst")
    };
    if let Some((field, _)) = json.as_object().into_iter().flatten().find(|(field, _)| !known(field)) {
        return Err(format!("this runner does not know the field {field:?} of a rule"));
    }
    let action = match &json["action"] {
        Value::Null => RuleAction::Allow,
        text => action(text).ok_or_else(|| format!("{text} is not an action"))?,
    };
    Ok(Rule {
        ip_version: match json["ip_version"].as_u64() {
            Some(4) => Some(IpVersion::V4),
            Some(6) => Some(IpVersion::V6),
            _ => None,
        },
        protocol: protocol(&json["protocol"])?,
        not_protocol: protocol(&json["!protocol"])?,
        icmp: icmp(json, "icmp_type", "icmp_code"),
        not_icmp: icmp(json, "!icmp_type", "!icmp_code"),
        source: end(json, "src")?,
        destination: end(json, "dst")?,
        http: http(&json["http"])?,
        ..Rule::new(action)
    })
}

fn end(json: &Value, end: &str) -> Result<EntityMatch, String> {
    let field = |pattern: &str| &json[pattern.replace('*', end)];
    let nets = |one: &str, many: &str| {
        let all =
            field(many).as_array().into_iter().flatten().chain(Some(field(one)).filter(|net| !net.is_null()));
        all.map(net).collect::<Result<Vec<_>, _>>()
    };
    // Both together are one selector (calico.md 3.4).
    let (selector, not_selector) = match (selector(field("*_selector"))?, selector(field("!*_selector"))?) {
        (Some(positive), Some(negative)) => (Some(Selector::and([positive, Selector::not(negative)])), None),
        apart => apart,
    };
    let service = field("*_service").as_str().filter(|name| !name.is_empty()).map(|name| ServiceKey {
        namespace: field("*_service_ns").as_str().map(Name::from),
        name: name.into(),
    });
    Ok(EntityMatch {
        selector,
        not_selector,
        nets: nets("*_net", "*_nets")?,
        not_nets: nets("!*_net", "!*_nets")?,
        ports: ports(field("*_ports"))?,
        not_ports: ports(field("!*_ports"))?,
        service,
        ..EntityMatch::default()
    })
}

/// A port is a number, a range `FIRST:LAST` or a name.
fn ports(json: &Value) -> Result<PortMatch, String> {
    let mut ports = PortMatch::default();
    for port in json.as_array().into_iter().flatten() {
        let text = port.as_str().map_or_else(|| port.to_string(), String::from);
        let (first, last) = text.split_once(':').unwrap_or((&text, &text));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) => {
                ports.ranges.push(PortRange::new(first, last).map_err(|error| format!("{text}: {error}"))?);
            }
            _ => ports.names.push(text.as_str().into()),
        }
    }
    Ok(ports)
}

fn protocol(json: &Value) -> Result<Option<Protocol>, String> {
    let text = match json {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    named_protocol(&text).map(Some).ok_or_else(|| format!("{json} is not a protocol"))
}

fn icmp(json: &Value, type_field: &str, code_field: &str) -> Option<IcmpMatch> {
    let number = |field: &str| json[field].as_u64().and_then(|number| u8::try_from(number).ok());
    number(type_field).map(|icmp_type| IcmpMatch { icmp_type, code: number(code_field) })
}

fn labels(json: &Value) -> BTreeMap<Name, Name> {
    let labels = json.as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into()))).collect()
}

fn names(json: &Value) -> Vec<Name> {
    json.as_array().into_iter().flatten().filter_map(Value::as_str).map(Name::from).collect()
}

fn addresses(value: &Value, fields: [&str; 2]) -> Result<Vec<IpAddr>, String> {
    let all = fields.iter().flat_map(|field| list(value, field));
    all.map(|json| net(json).map(|net| net.addr())).collect()
}

fn endpoint_ports(value: &Value) -> Result<Vec<EndpointPort>, String> {
    let mut ports = Vec::new();
    for port in list(value, "ports") {
        ports.push(EndpointPort {
            name: text(port, "name").into(),
            protocol: protocol(&port["protocol"])?.unwrap_or(Protocol::TCP),
            port: port["port"].as_u64().and_then(|port| u16::try_from(port).ok()).ok_or("not a port")?,
        });
    }
    Ok(ports)
}

fn workload_endpoint(json: &Value) -> Result<(ResourceKey, Lowered), String> {
    let (id, value) = (text(json, "id"), &json["value"]);
    let endpoint = Endpoint {
        key: EndpointKey { kind: EndpointKind::WorkloadEndpoint, namespace: None, name: id.into() },
        labels: labels(&value["labels"]),
        profiles: names(&value["profile_ids"]),
        addresses: addresses(value, ["ipv4_nets", "ipv6_nets"])?,
        ports: endpoint_ports(value)?,
        node: Some(text(json, "hostname").into()),
        service_account: None,
        interface: None,
        origin: None,
    };
    Ok((key(Kind::WorkloadEndpoint, None, id), Lowered::Endpoint(endpoint)))
}

fn host_endpoint(json: &Value) -> Result<(ResourceKey, Lowered), String> {
    let (host, id, value) = (text(json, "hostname"), text(json, "endpointID"), &json["value"]);
    let interface = match value["name"].as_str().unwrap_or_default() {
        "" => HostInterface::ByAddress,
        "*" => HostInterface::All,
        name => HostInterface::Named(name.into()),
    };
    let endpoint = Endpoint {
        key: EndpointKey { kind: EndpointKind::HostEndpoint, namespace: None, name: id.into() },
        labels: labels(&value["labels"]),
        profiles: names(&value["profile_ids"]),
        addresses: addresses(value, ["expected_ipv4_addrs", "expected_ipv6_addrs"])?,
        ports: endpoint_ports(value)?,
        node: Some(host.into()),
        service_account: None,
        interface: Some(interface),
        origin: None,
    };
    Ok((key(Kind::HostEndpoint, None, id), Lowered::Endpoint(endpoint)))
}

fn network_set(json: &Value) -> Result<(ResourceKey, Lowered), String> {
    let (name, value) = (text(json, "name"), &json["value"]);
    let profiles = names(&value["profile_ids"]);
    if profiles.len() > 1 {
        return Err(format!("network set {name:?} has several profiles"));
    }
    let nets: Vec<_> = list(value, "nets").iter().map(net).collect::<Result<_, _>>()?;
    let set = NetworkSet {
        key: NetworkSetKey { namespace: None, name: name.into() },
        labels: labels(&value["labels"]),
        profile: profiles.into_iter().next(),
        nets,
        domains: Vec::new(),
    };
    Ok((key(Kind::GlobalNetworkSet, None, name), Lowered::NetworkSet(set)))
}

fn slice(json: &Value) -> Result<(ResourceKey, Lowered), String> {
    let value = &json["value"];
    let (namespace, name) = (text(&value["metadata"], "namespace"), text(&value["metadata"], "name"));
    let service = value["metadata"]["labels"]["kubernetes.io/service-name"].as_str();
    let addresses = list(value, "endpoints").iter().flat_map(|endpoint| list(endpoint, "addresses"));
    let backends = addresses.filter_map(|address| address.as_str()?.parse().ok());
    let mut ports = Vec::new();
    for port in list(value, "ports") {
        // A port without a number adds nothing (calico.md 4.5).
        let Some(number) = port["port"].as_u64().and_then(|port| u16::try_from(port).ok()) else { continue };
        let protocol = protocol(&port["protocol"])?.unwrap_or(Protocol::TCP);
        ports.push((port["name"].as_str().map(Name::from), protocol, number));
    }
    let slice = ServiceSlice {
        namespace: namespace.into(),
        name: name.into(),
        service: service.map(|name| ServiceKey { namespace: Some(namespace.into()), name: name.into() }),
        backends: backends.map(|address| ServiceBackend { address, ready: true }).collect(),
        ports,
    };
    Ok((key(Kind::EndpointSlice, Some(namespace), name), Lowered::Slice(slice)))
}

/// The profiles of a state: the labels of one object and the rules of another.
fn profiles(case: &Value) -> Result<Vec<(ResourceKey, Lowered)>, String> {
    let mut profiles: BTreeMap<String, Profile> = BTreeMap::new();
    for json in list(case, "objects") {
        let value = &json["value"];
        match (text(json, "type"), json["kind"].as_str()) {
            ("resource", Some("Profile")) => {
                let profile = profiles.entry(text(json, "name").to_owned()).or_default();
                profile.labels_to_apply = labels(&value["spec"]["labelsToApply"]);
            }
            ("profileRules", _) => {
                let profile = profiles.entry(profile_name(case, json)?).or_default();
                let rules = |field: &str| list(value, field).iter().map(rule).collect::<Result<Vec<_>, _>>();
                (profile.ingress, profile.egress) = (rules("inbound_rules")?, rules("outbound_rules")?);
            }
            _ => {}
        }
    }
    let named = |(name, profile): (String, Profile)| {
        (key(Kind::Profile, None, &name), Lowered::Profile(name.as_str().into(), profile))
    };
    Ok(profiles.into_iter().map(named).collect())
}

/// Whose rules they are. The corpus lost that name (`profileKey` is empty): it is the first profile of the state.
fn profile_name(case: &Value, json: &Value) -> Result<String, String> {
    let stated = ["name", "Name"].iter().find_map(|field| json["profileKey"][*field].as_str());
    if let Some(name) = stated.or(json["name"].as_str()) {
        return Ok(name.to_owned());
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for object in list(case, "objects") {
        if object["kind"] == "Profile" {
            names.insert(text(object, "name").to_owned());
        }
        names.extend(self::names(&object["value"]["profile_ids"]).iter().map(ToString::to_string));
    }
    names.pop_first().ok_or_else(|| "rules of a profile that nothing names".to_owned())
}
