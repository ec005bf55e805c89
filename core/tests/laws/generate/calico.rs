//! Rules and policies of Calico.

use super::entity::{Parts, Place, PortUse, parts, plain_end};
use super::selector;
use super::words::{TIERS, some_of};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use tierwall::model::{Direction, IpVersion, Protocol};
use tierwall::resource::IntOrString;
use tierwall::resource::calico::{
    EntityRule, GlobalNetworkPolicySpec, HttpMatch, HttpPath, IcmpFields, NetworkPolicySpec, Rule,
    RuleMetadata, StagedGlobalNetworkPolicySpec, StagedNetworkPolicySpec,
};

/// The protocols of rules, by name or number.
fn protocol() -> impl Strategy<Value = IntOrString> {
    let names = select(&["TCP", "TCP", "TCP", "UDP", "SCTP", "ICMP", "ICMP", "ICMPv6", "UDPLite"][..]);
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
    let code = prop::option::weighted(0.85, select(&[0i64, 1][..]));
    (select(&[8i64, 128, 3][..]), code)
        .prop_map(|(icmp_type, code)| IcmpFields { icmp_type: Some(icmp_type), code })
}

/// What a rule must look like that matches requests.
fn http() -> impl Strategy<Value = HttpMatch> {
    let path =
        (select(&["/", "/pub", "/pub", "/adm"][..]), prop::bool::weighted(0.3)).prop_map(|(path, exact)| {
            let path = Some(path.to_owned());
            if exact {
                HttpPath { exact: path, prefix: None }
            } else {
                HttpPath { exact: None, prefix: path }
            }
        });
    (some_of(&["GET", "POST"], 2), prop::collection::vec(path, 0..4))
        .prop_map(|(methods, paths)| HttpMatch { methods, paths })
}

fn rule(direction: Direction) -> impl Strategy<Value = Rule> {
    let action = select(&["Allow", "Allow", "Allow", "Deny", "Deny", "Pass", "Log"][..]);
    let family = (select(&[IpVersion::V4, IpVersion::V4, IpVersion::V6][..]), prop::bool::weighted(0.15));
    let protocols = (prop::option::weighted(0.4, protocol()), prop::option::weighted(0.05, protocol()));
    let icmps = (prop::option::weighted(0.5, icmp()), prop::option::weighted(0.4, icmp()));
    let http = prop::option::weighted(0.9, http());
    let name = prop::option::weighted(0.2, select(&["one", "two"][..]));
    let extra = (name, prop::option::weighted(0.5, 0..8u8));
    (action, family, protocols, icmps, parts(), parts(), http, extra).prop_map(
        move |(action, family, protocols, icmps, source, destination, http, (name, alone))| {
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
            let rule = consistent(rule, direction, family, (source, destination));
            alone.map_or(rule.clone(), |criterion| only(criterion, rule))
        },
    )
}

/// The rule with one of its criteria only, so that this one decides. A rule without it stays as it is.
fn only(criterion: u8, rule: Rule) -> Rule {
    let bare = Rule { action: rule.action.clone(), metadata: rule.metadata.clone(), ..Rule::default() };
    let nobody = EntityRule::default();
    match criterion {
        0 | 1 if rule.source != nobody => Rule { protocol: rule.protocol, source: rule.source, ..bare },
        2 | 3 if rule.destination != nobody => {
            Rule { protocol: rule.protocol, destination: rule.destination, ..bare }
        }
        4 if rule.icmp.is_some() => Rule { protocol: rule.protocol, icmp: rule.icmp, ..bare },
        5 if rule.not_icmp.is_some() => Rule { not_icmp: rule.not_icmp, ..bare },
        6 | 7 if rule.http.is_some() => Rule { http: rule.http, ..bare },
        _ => rule,
    }
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
    let some = prop::collection::vec(rule(direction), 1..8);
    prop::option::weighted(0.8, prop_oneof![1 => Just(Vec::new()), 4 => some])
}

fn types() -> impl Strategy<Value = Vec<String>> {
    some_of(&["Ingress", "Egress"], 2)
}

fn order() -> impl Strategy<Value = Option<f64>> {
    let some = prop_oneof![3 => Just(1000.0), 1 => select(&[-5.0, 10.0, 999.5, 1001.0][..])];
    prop::option::of(some)
}

fn tier() -> impl Strategy<Value = String> {
    let named = select(&TIERS[..]);
    prop_oneof![7 => Just(""), 1 => Just("default"), 3 => named].prop_map(str::to_owned)
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

/// A rule with one criterion, of those that seldom decide among others.
fn plain_rule(direction: Direction) -> impl Strategy<Value = Rule> {
    let action = select(&["Allow", "Allow", "Allow", "Allow", "Deny", "Deny", "Log"][..]);
    (action, http(), icmp(), plain_end(), 0..6u8).prop_map(move |(action, http, icmp, end, criterion)| {
        let rule = Rule { action: action.to_owned(), ..Rule::default() };
        let egress = direction == Direction::Egress;
        let mut rule = match criterion {
            0..=2 if !egress && action == "Allow" => Rule { http: Some(http), ..rule },
            0 | 1 => Rule { not_icmp: Some(icmp), ..rule },
            _ if egress => Rule { destination: end, ..rule },
            _ => Rule { source: end, ..rule },
        };
        // Names of domains are for egress rules that allow.
        if !egress || action != "Allow" {
            rule.source.domains.clear();
            rule.destination.domains.clear();
        }
        rule
    })
}

/// A policy for everything in its namespace, often before most others.
pub(super) fn plain_policy() -> impl Strategy<Value = NetworkPolicySpec> {
    let rules = |direction| prop::collection::vec(plain_rule(direction), 1..3).prop_map(Some);
    let order = prop::option::of(Just(-10.0));
    (order, rules(Direction::Ingress), rules(Direction::Egress)).prop_map(|(order, ingress, egress)| {
        NetworkPolicySpec { order, ingress, egress, ..NetworkPolicySpec::default() }
    })
}

/// The same for everything there is.
pub(super) fn plain_global_policy() -> impl Strategy<Value = GlobalNetworkPolicySpec> {
    (plain_policy(), prop::bool::weighted(0.2)).prop_map(|(spec, untracked)| GlobalNetworkPolicySpec {
        do_not_track: untracked,
        apply_on_forward: untracked,
        order: spec.order,
        ingress: spec.ingress.map(with_namespaces),
        egress: spec.egress.map(with_namespaces),
        ..GlobalNetworkPolicySpec::default()
    })
}

/// The rules, whose services must say their namespace where the policy has none.
fn with_namespaces(mut rules: Vec<Rule>) -> Vec<Rule> {
    let ends = rules.iter_mut().flat_map(|rule| [&mut rule.source, &mut rule.destination]);
    for service in ends.filter_map(|end| end.services.as_mut()) {
        service.namespace = "red".to_owned();
    }
    rules
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
            ingress: spec.ingress.map(with_namespaces),
            egress: spec.egress.map(with_namespaces),
            performance_hints: vec!["AssumeNeededOnEveryNode".to_owned()],
            ..GlobalNetworkPolicySpec::default()
        };
        match class {
            0..=2 => GlobalNetworkPolicySpec { apply_on_forward: true, do_not_track: true, ..spec },
            3 => {
                let types = spec.types.iter().filter(|word| *word == "Ingress").cloned().collect();
                let pre_dnat = GlobalNetworkPolicySpec { apply_on_forward: true, pre_dnat: true, ..spec };
                GlobalNetworkPolicySpec { egress: None, types, ..pre_dnat }
            }
            4..=6 => GlobalNetworkPolicySpec { apply_on_forward: true, ..spec },
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
