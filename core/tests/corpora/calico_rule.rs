//! Rules as Calico's data planes and its checker receive them (felix's protobuf, camel case), and the IP sets they name.

use crate::support::{list, text};
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use tierwall::model::{
    AddressPort, AddressPortSet, AddressSet, EntityMatch, HttpMatch, IcmpMatch, IdentityMatch, IpVersion,
    Name, NamespaceMatch, Order, PathMatch, PolicyKind, PortMatch, PortRange, Protocol, Rule, RuleAction,
};
use tierwall::selector::Selector;

/// Who evaluates the rules: it decides what some of their fields mean (calico.md 10).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evaluator {
    DataPlane,
    Checker,
}

/// What the rules of one place refer to.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) evaluator: Evaluator,
    /// IP sets by id, each a list of members.
    pub(crate) sets: &'a Value,
    /// The namespace of the rules' policy; empty if it has none.
    pub(crate) namespace: &'a str,
}

const RULE_FIELDS: [&str; 14] = [
    "action",
    "ipVersion",
    "protocol",
    "notProtocol",
    "icmp",
    "notIcmp",
    "httpMatch",
    "dstIpPortSetIds",
    "matchId",
    "ruleId",
    "metadata",
    "originalSrcService",
    "originalDstService",
    "originalSrcServiceNamespace",
];

/// The fields of one end, with the end as `*`.
const END_FIELDS: [&str; 12] = [
    "*Net",
    "not*Net",
    "*Ports",
    "not*Ports",
    "*IpSetIds",
    "not*IpSetIds",
    "*NamedPortIpSetIds",
    "not*NamedPortIpSetIds",
    "*ServiceAccountMatch",
    "original*Selector",
    "original*NamespaceSelector",
    "originalNot*Selector",
];

impl<'a> Surroundings<'a> {
    pub(crate) fn rule(self, json: &Value, action: RuleAction) -> Result<Rule, String> {
        refuse_unknown_fields(json)?;
        let (mut source, mut destination) = (self.end(json, "src")?, self.end(json, "dst")?);
        for id in list(json, "dstIpPortSetIds") {
            destination.port_sets.extend(self.port_set(id)?);
        }
        let protocol = self.protocol(&json["protocol"])?;
        if protocol == Found::NotExpressible {
            source.sets.push(nothing());
        }
        Ok(Rule {
            // The checker does not look at it.
            ip_version: match self.evaluator {
                Evaluator::DataPlane => ip_version(&json["ipVersion"])?,
                Evaluator::Checker => None,
            },
            protocol: protocol.value(),
            not_protocol: self.protocol(&json["notProtocol"])?.value(),
            icmp: icmp(&json["icmp"])?,
            not_icmp: icmp(&json["notIcmp"])?,
            source,
            destination,
            http: http(&json["httpMatch"])?,
            ..Rule::new(action)
        })
    }

    fn end(self, json: &Value, end: &str) -> Result<EntityMatch, String> {
        let field = |pattern: &str| &json[end_field(pattern, end)];
        let nets = self.nets(field("*Net"))?;
        let mut sets = self.address_sets(field("*IpSetIds"))?;
        if nets.is_empty() && !list(json, &end_field("*Net", end)).is_empty() {
            sets.push(nothing());
        }
        Ok(EntityMatch {
            nets,
            not_nets: self.nets(field("not*Net"))?,
            ports: self.ports(field("*Ports"), field("*NamedPortIpSetIds"))?,
            not_ports: self.ports(field("not*Ports"), field("not*NamedPortIpSetIds"))?,
            sets,
            not_sets: self.address_sets(field("not*IpSetIds"))?,
            identity: match self.evaluator {
                Evaluator::DataPlane => None,
                Evaluator::Checker => self.identity(field)?,
            },
            ..EntityMatch::default()
        })
    }

    /// To the checker a text that is no range holds no address, and one that is no protocol is no flow's.
    fn nets(self, json: &Value) -> Result<Vec<IpNet>, String> {
        let nets = json.as_array().into_iter().flatten().map(net);
        match self.evaluator {
            Evaluator::DataPlane => nets.collect(),
            Evaluator::Checker => Ok(nets.filter_map(Result::ok).collect()),
        }
    }

    fn protocol(self, json: &Value) -> Result<Found<Protocol>, String> {
        let found = match (&json["name"], &json["number"]) {
            (Value::String(name), _) => named_protocol(name),
            (_, Value::Number(number)) => {
                number.as_u64().and_then(|n| u8::try_from(n).ok()).map(Protocol::from)
            }
            _ if json.is_null() => return Ok(Found::Nothing),
            _ => None,
        };
        match (found, self.evaluator) {
            (Some(protocol), _) => Ok(Found::Value(protocol)),
            (None, Evaluator::Checker) => Ok(Found::NotExpressible),
            (None, Evaluator::DataPlane) => Err(format!("{json} is not a protocol")),
        }
    }

    fn ports(self, ranges: &Value, named: &Value) -> Result<PortMatch, String> {
        let mut ports = PortMatch { ranges: port_ranges(ranges)?, ..PortMatch::default() };
        for id in named.as_array().into_iter().flatten() {
            match self.evaluator {
                Evaluator::DataPlane => ports.sets.extend(self.port_set(id)?),
                // It looks the bare number up among address-port members: nothing is ever found.
                Evaluator::Checker => {
                    ports.sets.push(Arc::new(AddressPortSet { name: name(id)?, members: Vec::new() }));
                }
            }
        }
        Ok(ports)
    }

    fn address_sets(self, ids: &Value) -> Result<Vec<Arc<AddressSet>>, String> {
        let mut sets = Vec::new();
        for id in ids.as_array().into_iter().flatten() {
            let Some(members) = self.members(id)? else { continue };
            let members = members.iter().map(net).collect::<Result<_, _>>()?;
            sets.push(Arc::new(AddressSet { name: name(id)?, members }));
        }
        Ok(sets)
    }

    fn port_set(self, id: &Value) -> Result<Option<Arc<AddressPortSet>>, String> {
        let Some(members) = self.members(id)? else { return Ok(None) };
        let mut members = members.iter().map(address_port).collect::<Result<Vec<_>, _>>()?;
        if self.evaluator == Evaluator::Checker {
            members.retain(|member| member.protocol != Protocol::SCTP);
        }
        Ok(Some(Arc::new(AddressPortSet { name: name(id)?, members })))
    }

    /// The members of a set. To the checker a set it does not know is no constraint.
    fn members(self, id: &Value) -> Result<Option<&'a [Value]>, String> {
        match self.sets[id.as_str().unwrap_or_default()].as_array() {
            Some(members) => Ok(Some(members)),
            None if self.evaluator == Evaluator::Checker => Ok(None),
            None => Err(format!("no IP set {id}")),
        }
    }

    /// Who the peer must be; where nothing else says which namespace, that of a namespaced policy (calico.md 8).
    fn identity<'v>(self, field: impl Fn(&str) -> &'v Value) -> Result<Option<IdentityMatch>, String> {
        let accounts = field("*ServiceAccountMatch");
        let names: Vec<Name> = list(accounts, "names").iter().map(name).collect::<Result<_, _>>()?;
        let selector = selector(&accounts["selector"])?;
        let namespaces = self::selector(field("original*NamespaceSelector"))?;
        let labels = ["original*Selector", "originalNot*Selector"]
            .into_iter()
            .any(|pattern| field(pattern).as_str().is_some_and(|text| !text.is_empty()));
        let peer_is_described = labels || !names.is_empty() || selector.is_some();
        let namespace = match namespaces {
            Some(selector) => NamespaceMatch::Selector(selector),
            None if !self.namespace.is_empty() && peer_is_described => {
                NamespaceMatch::Equals(self.namespace.into())
            }
            None => NamespaceMatch::Any,
        };
        let identity = IdentityMatch { names, selector, namespace };
        Ok((identity != IdentityMatch::default()).then_some(identity))
    }
}

/// A criterion as it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found<T> {
    Nothing,
    Value(T),
    /// One that the normal form has no place for: past validation there is none.
    NotExpressible,
}

impl<T> Found<T> {
    fn value(self) -> Option<T> {
        match self {
            Found::Value(value) => Some(value),
            Found::Nothing | Found::NotExpressible => None,
        }
    }
}

/// What a criterion becomes that nothing satisfies.
fn nothing() -> Arc<AddressSet> {
    Arc::new(AddressSet { name: "nothing".into(), members: Vec::new() })
}

fn end_field(pattern: &str, end: &str) -> String {
    match pattern.strip_prefix('*') {
        Some(rest) => format!("{end}{rest}"),
        None => pattern.replace('*', if end == "src" { "Src" } else { "Dst" }),
    }
}

/// A criterion that is not understood must not be dropped in silence.
fn refuse_unknown_fields(json: &Value) -> Result<(), String> {
    let known = |field: &str| {
        let of_end = |end| END_FIELDS.iter().any(|pattern| end_field(pattern, end) == field);
        RULE_FIELDS.contains(&field) || of_end("src") || of_end("dst")
    };
    match json.as_object().into_iter().flatten().find(|(field, _)| !known(field)) {
        Some((field, _)) => Err(format!("this runner does not know the field {field:?} of a rule")),
        None => Ok(()),
    }
}

/// The action of a rule; `None` for a text that is no action.
pub(crate) fn action(json: &Value) -> Option<RuleAction> {
    match json.as_str()?.to_ascii_lowercase().as_str() {
        "allow" => Some(RuleAction::Allow),
        "deny" => Some(RuleAction::Deny),
        "log" => Some(RuleAction::Log),
        "pass" | "next-tier" => Some(RuleAction::Pass),
        _ => None,
    }
}

/// The kind of a policy, as ids of policies write it.
pub(crate) fn policy_kind(text: &str) -> Result<PolicyKind, String> {
    const KINDS: [PolicyKind; 7] = [
        PolicyKind::GlobalNetworkPolicy,
        PolicyKind::KubernetesClusterNetworkPolicy,
        PolicyKind::KubernetesNetworkPolicy,
        PolicyKind::NetworkPolicy,
        PolicyKind::StagedGlobalNetworkPolicy,
        PolicyKind::StagedKubernetesNetworkPolicy,
        PolicyKind::StagedNetworkPolicy,
    ];
    KINDS.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("unknown kind {text:?}"))
}

/// The order of what stands at a place in a list.
pub(crate) fn order(position: usize) -> Order {
    Order::new(position as f64)
}

pub(crate) fn name(json: &Value) -> Result<Name, String> {
    json.as_str().map(Name::from).ok_or_else(|| format!("{json} is not a name"))
}

pub(crate) fn selector(json: &Value) -> Result<Option<Selector>, String> {
    let Some(text) = json.as_str().filter(|text| !text.is_empty()) else { return Ok(None) };
    Selector::parse(text).map(Some).map_err(|error| format!("{text:?}: {error}"))
}

/// A range, or an address alone.
pub(crate) fn net(json: &Value) -> Result<IpNet, String> {
    let text = json.as_str().ok_or_else(|| format!("{json} is not an address range"))?;
    let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    parsed.map(|net| net.trunc()).ok_or_else(|| format!("{text:?} is not an address range"))
}

/// `ADDRESS[/LENGTH],PROTOCOL:PORT`.
pub(crate) fn address_port(json: &Value) -> Result<AddressPort, String> {
    let parse = || {
        let (address, port) = json.as_str()?.split_once(',')?;
        let net = net(&Value::from(address)).ok()?;
        let (protocol, port) = port.split_once(':')?;
        let protocol = named_protocol(protocol)?;
        (net.prefix_len() == net.max_prefix_len()).then_some(())?;
        Some(AddressPort { address: net.addr(), protocol, port: port.parse().ok()? })
    };
    parse().ok_or_else(|| format!("{json} is not an address with protocol and port"))
}

/// A protocol by its name in any case, or by its number.
pub(crate) fn named_protocol(text: &str) -> Option<Protocol> {
    let by_name =
        Protocol::names().find(|known| known.eq_ignore_ascii_case(text)).and_then(Protocol::from_name);
    by_name.or_else(|| text.parse::<u8>().ok().map(Protocol::from))
}

fn ip_version(json: &Value) -> Result<Option<IpVersion>, String> {
    match (json.as_u64(), json.as_str()) {
        (Some(4), _) | (_, Some("4" | "IPV4")) => Ok(Some(IpVersion::V4)),
        (Some(6), _) | (_, Some("6" | "IPV6")) => Ok(Some(IpVersion::V6)),
        (Some(0), _) | (_, Some("ANY" | "")) => Ok(None),
        _ if json.is_null() => Ok(None),
        _ => Err(format!("{json} is not an IP version")),
    }
}

fn icmp(json: &Value) -> Result<Option<IcmpMatch>, String> {
    let number = |field: &str| json[field].as_u64().and_then(|number| u8::try_from(number).ok());
    match number("type") {
        Some(icmp_type) => Ok(Some(IcmpMatch { icmp_type, code: number("code") })),
        None if json.is_null() => Ok(None),
        None => Err(format!("{json} has no ICMP type")),
    }
}

fn port_ranges(json: &Value) -> Result<Vec<PortRange>, String> {
    let port = |range: &Value, field: &str| range[field].as_u64().and_then(|port| u16::try_from(port).ok());
    let parse = |range: &Value| PortRange::new(port(range, "first")?, port(range, "last")?).ok();
    let ranges = json.as_array().into_iter().flatten();
    ranges.map(|range| parse(range).ok_or_else(|| format!("{range} is not a port range"))).collect()
}

pub(crate) fn http(json: &Value) -> Result<Option<HttpMatch>, String> {
    if json.is_null() {
        return Ok(None);
    }
    let methods = list(json, "methods").iter().map(name).collect::<Result<_, _>>()?;
    Ok(Some(HttpMatch { methods, paths: paths(&json["paths"]) }))
}

pub(crate) fn paths(json: &Value) -> Vec<PathMatch> {
    let path = |json: &Value| match json["exact"].as_str() {
        Some(exact) => PathMatch::Exact(exact.into()),
        None => PathMatch::Prefix(text(json, "prefix").into()),
    };
    json.as_array().into_iter().flatten().map(path).collect()
}
