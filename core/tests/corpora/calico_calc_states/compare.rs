//! What a state is expected to come to, compared with what the cluster says.

use super::objects::{policy_id, policy_key};
use crate::calico_rule::{address_port, named_protocol, net};
use crate::support::{expect, list};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tierwall::cluster::{Cluster, EndpointEntry, Phase, PolicyEntry, Scope};
use tierwall::model::{
    AddressPort, Direction, EntityMatch, Flow, FlowContext, Name, PolicyClass, PortMatch, Protocol, Rule,
    RuleAction,
};
use tierwall::reference::{Match, matches};
use tierwall::selector::Selector;

const LOCAL: &str = "localhostname";

pub(super) fn state(cluster: &Cluster, case: &Value) -> Result<(), String> {
    const READ: [&str; 9] = [
        "ipSets",
        "activePolicies",
        "activeProfiles",
        "untrackedPolicies",
        "preDNATPolicies",
        "endpoints",
        "untrackedEndpoints",
        "preDNATEndpoints",
        "forwardEndpoints",
    ];
    let expected = &case["expected"];
    if let Some((field, _)) =
        expected.as_object().into_iter().flatten().find(|(field, _)| !READ.contains(&&***field))
    {
        return Err(format!("this runner does not know the expectation {field:?}"));
    }
    let locals: Vec<&EndpointEntry> =
        cluster.endpoints().filter(|entry| entry.endpoint.node.as_deref() == Some(LOCAL)).collect();
    let active = active_policies(cluster, &locals, &always_needed(case)?);
    let of_class = |class: PolicyClass| {
        active
            .iter()
            .filter(move |entry| entry.policy.class == class)
            .map(|entry| policy_id(&entry.policy.key))
            .collect()
    };
    let ids: BTreeSet<String> = active.iter().map(|entry| policy_id(&entry.policy.key)).collect();
    let profiles: BTreeSet<Name> =
        locals.iter().flat_map(|entry| entry.endpoint.profiles.iter().cloned()).collect();
    let named =
        |what, result: Result<(), String>| result.map_err(|difference| format!("{what}: {difference}"));
    named("activePolicies", expect(&ids, &strings(expected, "activePolicies")))?;
    named(
        "untrackedPolicies",
        expect(&of_class(PolicyClass::Untracked), &strings(expected, "untrackedPolicies")),
    )?;
    named("preDNATPolicies", expect(&of_class(PolicyClass::PreDnat), &strings(expected, "preDNATPolicies")))?;
    let profile_names = profiles.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    named("activeProfiles", expect(&profile_names, &strings(expected, "activeProfiles")))?;
    named("endpoints", endpoints(cluster, &locals, Phase::Normal, &expected["endpoints"]))?;
    named(
        "untrackedEndpoints",
        endpoints(cluster, &locals, Phase::Untracked, &expected["untrackedEndpoints"]),
    )?;
    named("preDNATEndpoints", endpoints(cluster, &locals, Phase::PreDnat, &expected["preDNATEndpoints"]))?;
    if !expected["forwardEndpoints"].is_null() {
        named(
            "forwardEndpoints",
            endpoints(cluster, &locals, Phase::Forward, &expected["forwardEndpoints"]),
        )?;
    }
    let rules = active
        .iter()
        .flat_map(|entry| entry.policy.ingress.iter().chain(&entry.policy.egress))
        .flatten()
        .chain(
            profiles
                .iter()
                .filter_map(|name| cluster.profile(name))
                .flat_map(|entry| entry.profile.ingress.iter().chain(&entry.profile.egress)),
        );
    named("ipSets", ip_sets(cluster, rules, &expected["ipSets"]))
}

fn strings(expected: &Value, field: &str) -> BTreeSet<String> {
    list(expected, field).iter().filter_map(Value::as_str).map(String::from).collect()
}

/// Policies that every node holds, needed or not: a hint that says nothing about verdicts, so the normal form lacks it.
fn always_needed(case: &Value) -> Result<BTreeSet<String>, String> {
    let hinted = |json: &&Value| {
        list(&json["value"], "performance_hints").iter().any(|hint| hint == "AssumeNeededOnEveryNode")
    };
    list(case, "objects")
        .iter()
        .filter(hinted)
        .map(|json| policy_key(json).map(|key| policy_id(&key)))
        .collect()
}

fn active_policies<'a>(
    cluster: &'a Cluster,
    locals: &[&EndpointEntry],
    always: &BTreeSet<String>,
) -> Vec<&'a PolicyEntry> {
    let is_active = |entry: &&PolicyEntry| {
        let policy = &entry.policy;
        always.contains(&policy_id(&policy.key))
            || locals.iter().any(|local| policy.subject.matches(&local.labels))
    };
    cluster.policies().filter(is_active).collect()
}

/// A tier with its ingress and egress policies, in order.
type TierOrder = (String, Vec<String>, Vec<String>);

fn endpoints(
    cluster: &Cluster,
    locals: &[&EndpointEntry],
    phase: Phase,
    expected: &Value,
) -> Result<(), String> {
    let found: BTreeMap<String, Vec<TierOrder>> = locals
        .iter()
        .map(|entry| (entry.endpoint.key.name.to_string(), tiers(cluster, entry, phase)))
        .filter(|(_, tiers)| phase == Phase::Normal || !tiers.is_empty())
        .collect();
    let ids = |tier: &Value, field: &str| {
        list(tier, field).iter().filter_map(Value::as_str).map(String::from).collect::<Vec<_>>()
    };
    let tier = |tier: &Value| {
        (
            tier["name"].as_str().unwrap_or_default().to_owned(),
            ids(tier, "ingressPolicies"),
            ids(tier, "egressPolicies"),
        )
    };
    let expected: BTreeMap<String, Vec<TierOrder>> = expected
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, tiers)| (name.clone(), tiers.as_array().into_iter().flatten().map(tier).collect()))
        .collect();
    expect(&found, &expected)
}

fn tiers(cluster: &Cluster, entry: &EndpointEntry, phase: Phase) -> Vec<TierOrder> {
    let policies = |direction| {
        let applied = cluster.applied(entry, direction, phase, Scope::Pending).into_iter();
        applied
            .map(|tier| {
                let ids = tier.policies.iter().map(|policy| policy_id(&policy.entry.policy.key));
                (tier.tier.name.clone(), ids.collect::<Vec<_>>())
            })
            .collect::<BTreeMap<_, _>>()
    };
    let (mut ingress, mut egress) = (policies(Direction::Ingress), policies(Direction::Egress));
    cluster
        .tiers()
        .map(|(tier, _)| {
            let name = &tier.name;
            (
                name.to_string(),
                ingress.remove(name).unwrap_or_default(),
                egress.remove(name).unwrap_or_default(),
            )
        })
        .filter(|(_, ingress, egress)| !ingress.is_empty() || !egress.is_empty())
        .collect()
}

/// What a rule needs to have resolved. Selectors are in their canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SetName {
    Selector(String),
    NamedPort { protocol: Option<Protocol>, port: String, of: String },
}

impl SetName {
    /// Reads `selector: SELECTOR` or `named port: PROTOCOL:NAME of SELECTOR`.
    fn parse(text: &str) -> Result<Self, String> {
        let canonical = |text: &str| {
            Selector::parse(text)
                .map(|selector| selector.to_string())
                .map_err(|error| format!("{text:?}: {error}"))
        };
        if let Some(selector) = text.strip_prefix("selector: ") {
            return canonical(selector).map(SetName::Selector);
        }
        let parts = text.strip_prefix("named port: ").and_then(|rest| rest.split_once(" of "));
        let Some((port, of)) = parts else { return Err(format!("unknown IP set {text:?}")) };
        let (protocol, port) = port.split_once(':').ok_or_else(|| format!("no protocol in {text:?}"))?;
        Ok(SetName::NamedPort {
            protocol: named_protocol(protocol),
            port: port.to_owned(),
            of: canonical(of)?,
        })
    }

    fn selector(&self) -> Selector {
        let (SetName::Selector(text) | SetName::NamedPort { of: text, .. }) = self;
        Selector::parse(text).unwrap()
    }
}

fn ip_sets<'a>(
    cluster: &Cluster,
    rules: impl Iterator<Item = &'a Rule>,
    expected: &Value,
) -> Result<(), String> {
    let needed: BTreeSet<SetName> = rules
        .flat_map(|rule| [&rule.source, &rule.destination].map(|end| sets_of(end, rule.protocol)))
        .flatten()
        .collect();
    let mut named = BTreeSet::new();
    for (text, members) in expected.as_object().into_iter().flatten() {
        let name = SetName::parse(text)?;
        if !needed.contains(&name) {
            return Err(format!("no active rule needs {text:?}, only {needed:?}"));
        }
        let members = members.as_array().map_or(&[][..], Vec::as_slice);
        match &name {
            SetName::Selector(_) => expect_addresses(&cluster.addresses_of(&name.selector()), members),
            SetName::NamedPort { protocol, port, .. } => {
                expect_ports(cluster, &named_port_rule(&name.selector(), *protocol, port), members)
            }
        }
        .map_err(|difference| format!("{text:?}: {difference}"))?;
        named.insert(name);
    }
    // A set of named ports stands for the set of its selector, too.
    let covered = |name: &SetName| {
        let of_same = |other: &SetName| matches!((other, name), (SetName::NamedPort { of, .. }, SetName::Selector(text)) if of == text);
        named.contains(name) || named.iter().any(of_same)
    };
    match needed.iter().find(|name| !covered(name)) {
        Some(name) => Err(format!("{name:?} was not expected")),
        None => Ok(()),
    }
}

fn sets_of(end: &EntityMatch, protocol: Option<Protocol>) -> Vec<SetName> {
    let selectors =
        end.selector.iter().chain(&end.not_selector).map(|text| SetName::Selector(text.to_string()));
    let of = end.selector.as_ref().map_or_else(|| Selector::all().to_string(), ToString::to_string);
    let names = end.ports.names.iter().chain(&end.not_ports.names);
    let named = names.map(|port| SetName::NamedPort { protocol, port: port.to_string(), of: of.clone() });
    selectors.chain(named).collect()
}

/// Equal as sets of addresses, however they are written.
fn expect_addresses(found: &[IpNet], expected: &[Value]) -> Result<(), String> {
    let expected = expected.iter().map(net).collect::<Result<Vec<_>, _>>()?;
    let normal = |nets: &[IpNet]| {
        let mut nets = IpNet::aggregate(&nets.to_vec());
        nets.sort();
        nets
    };
    expect(&normal(found), &normal(&expected))
}

fn named_port_rule(of: &Selector, protocol: Option<Protocol>, port: &str) -> Rule {
    Rule {
        protocol,
        destination: EntityMatch {
            selector: Some(of.clone()),
            ports: PortMatch { names: vec![port.into()], ..PortMatch::default() },
            ..EntityMatch::default()
        },
        ..Rule::new(RuleAction::Allow)
    }
}

/// The rule matches at these addresses and ports, and at no other of those that any endpoint has.
fn expect_ports(cluster: &Cluster, rule: &Rule, expected: &[Value]) -> Result<(), String> {
    let expected: BTreeSet<AddressPort> = expected.iter().map(address_port).collect::<Result<_, _>>()?;
    let addresses = cluster.endpoints().flat_map(|entry| entry.endpoint.addresses.iter().copied());
    let numbers: BTreeSet<u16> =
        cluster.endpoints().flat_map(|entry| entry.endpoint.ports.iter().map(|port| port.port)).collect();
    let protocols = [Protocol::TCP, Protocol::UDP, Protocol::SCTP];
    let all = addresses.flat_map(|address| {
        let members = numbers
            .iter()
            .flat_map(move |port| protocols.map(|protocol| AddressPort { address, protocol, port: *port }));
        members.collect::<Vec<_>>()
    });
    let matched = |member: &AddressPort| {
        let source: IpAddr = match member.address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let flow = Flow::new(source, member.address, member.protocol).with_ports(0, member.port);
        matches(cluster, rule, &flow, &FlowContext::default()) == Match::Yes
    };
    let found: BTreeSet<AddressPort> = all.chain(expected.iter().copied()).filter(matched).collect();
    expect(&found, &expected)
}
