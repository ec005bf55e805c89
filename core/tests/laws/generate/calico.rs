//! Rules and policies of Calico.

use super::entity::{Parts, Place, PortUse, parts};
use super::selector;
use super::words::{TIERS, some_of};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use tierwall::model::{Direction, IpVersion, Protocol};
use tierwall::resource::IntOrString;
use tierwall::resource::calico::{
    GlobalNetworkPolicySpec, HttpMatch, HttpPath, IcmpFields, NetworkPolicySpec, Rule, RuleMetadata,
    StagedGlobalNetworkPolicySpec, StagedNetworkPolicySpec,
};

/// The protocols of rules, by name or number.
fn protocol() -> impl Strategy<Value = IntOrString> {
    let names = select(&["TCP", "TCP", "TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "UDPLite"][..]);
    let numbers = select(&[1i64, 6, 17, 47, 58][..]);
    prop_oneof![4 => names.prop_map(IntOrString::from), 1 => numbers.prop_map(IntOrString::Int)]
}

fn number(protocol: &IntOrString) -> Protocol {
    match protocol {
        IntOrString::Int(number) => Protocol::from(u8::try_from(*number).unwrap()),
        IntOrString::String(name) => Protocol::from_name(name).unwrap(),
    }
}

fn icmp() -> impl Strategy<Value = IcmpFields> {
    let code = prop::option::of(select(&[0i64, 1][..]));
    (select(&[8i64, 128, 3][..]), code)
        .prop_map(|(icmp_type, code)| IcmpFields { icmp_type: Some(icmp_type), code })
}

/// What a rule must look like that matches requests.
fn http() -> impl Strategy<Value = HttpMatch> {
    let path = (select(&["/", "/pub", "/adm"][..]), any::<bool>()).prop_map(|(path, exact)| {
        let path = Some(path.to_owned());
        if exact { HttpPath { exact: path, prefix: None } } else { HttpPath { exact: None, prefix: path } }
    });
    (some_of(&["GET", "POST"], 2), prop::collection::vec(path, 0..3))
        .prop_map(|(methods, paths)| HttpMatch { methods, paths })
}

fn rule(direction: Direction) -> impl Strategy<Value = Rule> {
    let action = select(&["Allow", "Allow", "Deny", "Deny", "Pass", "Log"][..]);
    let family = (select(&[IpVersion::V4, IpVersion::V4, IpVersion::V6][..]), prop::bool::weighted(0.15));
    let protocols = (prop::option::weighted(0.4, protocol()), prop::option::weighted(0.05, protocol()));
    let icmps = (prop::option::weighted(0.5, icmp()), prop::option::weighted(0.05, icmp()));
    let http = prop::option::weighted(0.5, http());
    let name = prop::option::weighted(0.2, select(&["one", "two"][..]));
    (action, family, protocols, icmps, parts(), parts(), http, name).prop_map(
        move |(action, family, protocols, icmps, source, destination, http, name)| {
            let rule = Rule {
                action: action.to_owned(),
                protocol: protocols.0,
                not_protocol: protocols.1,
                icmp: icmps.0,
                not_icmp: icmps.1,
                http,
                metadata: name.map(|name| RuleMetadata {
                    annotations: BTreeMap::from([("name".to_owned(), name.to_owned())]),
                }),
                ..Rule::default()
            };
            consistent(rule, direction, family, (source, destination))
        },
    )
}

/// The rule without what its other parts exclude.
fn consistent(
    mut rule: Rule,
    direction: Direction,
    (family, stated): (IpVersion, bool),
    (source, destination): (Parts, Parts),
) -> Rule {
    let protocol = rule.protocol.as_ref().map(number);
    let is_icmp = |given: &Option<IntOrString>| given.as_ref().is_some_and(|given| number(given).is_icmp());
    if stated && !is_icmp(&rule.protocol) && !is_icmp(&rule.not_protocol) {
        rule.ip_version = Some(if family == IpVersion::V4 { 4 } else { 6 });
    }
    rule.icmp = rule.icmp.filter(|_| protocol.is_some_and(Protocol::is_icmp));
    let plain = rule.action == "Allow" && direction == Direction::Ingress;
    rule.http = rule.http.filter(|_| plain && protocol.is_none_or(|protocol| protocol == Protocol::TCP));
    let ports = match protocol {
        None => PortUse::Names,
        Some(protocol) if protocol.has_ports() => PortUse::Any,
        Some(_) => PortUse::None,
    };
    let egress = direction == Direction::Egress;
    rule.source = source.at(Place { family, ports, services: !egress, domains: false, destination: false });
    let domains = egress && rule.action == "Allow";
    rule.destination = destination.at(Place { family, ports, services: egress, domains, destination: true });
    rule
}

fn rules(direction: Direction) -> impl Strategy<Value = Option<Vec<Rule>>> {
    prop::option::weighted(0.8, prop::collection::vec(rule(direction), 0..6))
}

fn types() -> impl Strategy<Value = Vec<String>> {
    some_of(&["Ingress", "Egress"], 2)
}

fn order() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(select(&[-5.0, 0.0, 10.0, 999.5, 1000.0, 1001.0][..]))
}

fn tier() -> impl Strategy<Value = String> {
    let named = select(&TIERS[..]);
    prop_oneof![3 => Just(""), 1 => Just("default"), 3 => named].prop_map(str::to_owned)
}

/// A NetworkPolicy.
pub(super) fn network_policy() -> impl Strategy<Value = NetworkPolicySpec> {
    let selectors = (selector::endpoints(), selector::accounts());
    let rules = (rules(Direction::Ingress), rules(Direction::Egress));
    (tier(), order(), selectors, types(), rules).prop_map(
        |(tier, order, (selector, service_account_selector), types, (ingress, egress))| NetworkPolicySpec {
            tier,
            order,
            selector,
            service_account_selector,
            types,
            ingress,
            egress,
            performance_hints: Vec::new(),
        },
    )
}

/// A GlobalNetworkPolicy, of any of the classes.
pub(super) fn global_policy() -> impl Strategy<Value = GlobalNetworkPolicySpec> {
    (network_policy(), selector::namespaces(), 0..10u8).prop_map(|(spec, namespace_selector, class)| {
        let spec = GlobalNetworkPolicySpec {
            tier: spec.tier,
            order: spec.order,
            selector: spec.selector,
            namespace_selector,
            service_account_selector: spec.service_account_selector,
            types: spec.types,
            ingress: spec.ingress,
            egress: spec.egress,
            performance_hints: vec!["AssumeNeededOnEveryNode".to_owned()],
            ..GlobalNetworkPolicySpec::default()
        };
        match class {
            0 | 1 => GlobalNetworkPolicySpec { apply_on_forward: true, do_not_track: true, ..spec },
            2 => {
                let types = spec.types.iter().filter(|word| *word == "Ingress").cloned().collect();
                let pre_dnat = GlobalNetworkPolicySpec { apply_on_forward: true, pre_dnat: true, ..spec };
                GlobalNetworkPolicySpec { egress: None, types, ..pre_dnat }
            }
            3..=5 => GlobalNetworkPolicySpec { apply_on_forward: true, ..spec },
            _ => spec,
        }
    })
}

/// What a staged policy says it would do.
pub(super) fn staged_action() -> impl Strategy<Value = String> {
    select(&["", "Set", "Set", "Learn", "Ignore", "Delete"][..]).prop_map(str::to_owned)
}

/// A StagedNetworkPolicy.
pub(super) fn staged_policy() -> impl Strategy<Value = StagedNetworkPolicySpec> {
    (staged_action(), network_policy()).prop_map(|(staged_action, spec)| {
        if staged_action == "Delete" {
            return StagedNetworkPolicySpec { staged_action, tier: spec.tier, ..Default::default() };
        }
        StagedNetworkPolicySpec {
            staged_action,
            tier: spec.tier,
            order: spec.order,
            selector: spec.selector,
            service_account_selector: spec.service_account_selector,
            types: spec.types,
            ingress: spec.ingress,
            egress: spec.egress,
            performance_hints: spec.performance_hints,
        }
    })
}

/// A StagedGlobalNetworkPolicy.
pub(super) fn staged_global_policy() -> impl Strategy<Value = StagedGlobalNetworkPolicySpec> {
    (staged_action(), global_policy()).prop_map(|(staged_action, spec)| {
        if staged_action == "Delete" {
            return StagedGlobalNetworkPolicySpec { staged_action, tier: spec.tier, ..Default::default() };
        }
        StagedGlobalNetworkPolicySpec {
            staged_action,
            tier: spec.tier,
            order: spec.order,
            selector: spec.selector,
            namespace_selector: spec.namespace_selector,
            service_account_selector: spec.service_account_selector,
            types: spec.types,
            ingress: spec.ingress,
            egress: spec.egress,
            do_not_track: spec.do_not_track,
            pre_dnat: spec.pre_dnat,
            apply_on_forward: spec.apply_on_forward,
            performance_hints: spec.performance_hints,
        }
    })
}
