//! Rules, and the order in which they are tried.

use super::{Check, Checked};
use crate::tables::{Check as Demand, Packed, Rule, Tables};
use std::collections::HashSet;

pub(super) fn check(check: Check, tables: &Tables) -> Checked {
    let policies = &tables.policies;
    let of_profiles = policies.profiles.iter().flat_map(|profile| [profile.ingress, profile.egress]);
    let rules = policies.rules.0.len();
    check.apart("rule_lists", policies.rule_lists.iter().copied().chain(of_profiles), rules, "rules")?;
    let checks = policies.rules.iter().map(|rule| rule.checks);
    check.apart("rules", checks, policies.checks.0.len(), "checks")?;
    let of_tiers = policies.tiers.iter().map(|tier| tier.policies.span());
    check.shares("tiers", of_tiers, policies.policies.0.len(), "policies")?;
    let mut lists: Vec<Packed> = policies.tiers.iter().map(|tier| tier.policies).collect();
    lists.sort_unstable_by_key(|list| (list.start, list.words));
    lists.dedup();
    for list in lists {
        check.ensure(
            list.is_whole(),
            format_args!("policies[{}]", list.start),
            format_args!("they are no whole chunks"),
        )?;
        for rules in policies.policies.list(list).iter() {
            let record = format_args!("policies[{}]", list.start);
            check.number(rules, policies.rule_lists.len(), "rule lists", record)?;
        }
    }
    let of_lists = policies.lists.iter().copied();
    check.apart("lists", of_lists, policies.tiers.0.len(), "tiers")?;
    let ranges = policies.ports.iter().map(|ports| ports.ranges);
    check.apart("ports", ranges, policies.port_ranges.0.len(), "port_ranges")?;
    let conditions = policies.ports.iter().map(|ports| ports.conditions);
    check.apart("ports", conditions, policies.conditions.0.len(), "conditions")?;
    let views = policies.domains.iter().copied();
    check.apart("domains", views, policies.domain_views.0.len(), "domain_views")?;
    check.ensure(
        policies.domains.0.windows(2).all(|pair| matches!(pair, [a, b] if a.len == b.len)),
        format_args!("domains"),
        format_args!("not all of them have a predicate for each view"),
    )?;
    policies
        .rules
        .iter()
        .enumerate()
        .try_for_each(|(number, rule)| self::rule(check, tables, number, rule))?;
    (0..policies.lists.len()).try_for_each(|list| self::list(check, tables, list))
}

fn rule(check: Check, tables: &Tables, number: usize, rule: &Rule) -> Checked {
    let policies = &tables.policies;
    let record = format_args!("rules[{number}].checks");
    let (mut http, mut paths) = (false, false);
    for demand in policies.checks.slice(rule.checks) {
        match *demand {
            Demand::Ports(_, ports) | Demand::NotPorts(_, ports) => {
                check.number(ports, policies.ports.len(), "ports", record)?;
            }
            Demand::Named(_, domains) | Demand::HoldsOrNamed(_, _, domains) => {
                check.number(domains, policies.domains.len(), "domains", record)?;
            }
            Demand::Identity(_, identity) => {
                check.number(identity, policies.identities.len(), "identities", record)?;
            }
            Demand::Http(number) => {
                check.number(number, policies.http.len(), "http matches", record)?;
                http = true;
                paths |= policies.http.get(number).is_some_and(|http| !http.paths.is_empty());
            }
            // What is compared with the flow alone; and predicates and conditions, which are names that stand in parts
            // or do not.
            Demand::Version(_)
            | Demand::NotVersion(_)
            | Demand::Protocol(_)
            | Demand::NotProtocol(_)
            | Demand::Icmp(_)
            | Demand::NotIcmp(_)
            | Demand::Holds(..)
            | Demand::Fails(..)
            | Demand::InNets(..)
            | Demand::NotInNets(..)
            | Demand::Resolves(..) => {}
        }
    }
    check.ensure(
        (rule.http, rule.paths) == (http, paths),
        format_args!("rules[{number}]"),
        format_args!("it does not say of its HTTP clause what that is"),
    )
}

/// Tiers come in order, and no policy comes twice.
fn list(check: Check, tables: &Tables, list: u32) -> Checked {
    let policies = &tables.policies;
    let tiers = policies.list(list);
    let mut known = HashSet::<u32, ahash::RandomState>::default();
    let mut rules = tiers.iter().flat_map(|tier| policies.policies.list(tier.policies).iter());
    check.ensure(
        tiers.is_sorted_by(|a, b| a.tier < b.tier) && rules.all(|rules| known.insert(rules)),
        format_args!("lists[{list}]"),
        format_args!("its tiers are not sorted, or its policies repeat"),
    )
}
