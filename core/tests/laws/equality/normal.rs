//! Criteria that no manifest states, or seldom: sets of addresses, and of addresses with ports; negated selectors; ports
//! and ICMP messages without a protocol; ranges of both families; named ports of what a selector picks.

use super::random::Random;
use ipnet::IpNet;
use std::sync::Arc;
use tierwall::cluster::Cluster;
use tierwall::model::{
    AddressPort, AddressPortSet, AddressSet, EntityMatch, IcmpMatch, Policy, PortMatch, Protocol, Rule,
    RuleAction,
};

/// Puts a third of the policies into words that only the normal form has. What becomes of a policy hangs on it alone.
pub(super) fn rewrite(cluster: &mut Cluster) {
    let policies: Vec<Policy> = cluster.policies().map(|entry| entry.policy.clone()).collect();
    let mut transaction = cluster.transaction();
    for mut policy in policies {
        let mut random = Random::of(&format!("{} {} {:?}", policy.key, policy.subject, policy.order));
        if random.one_in(3) {
            for rule in policy.ingress.iter_mut().chain(&mut policy.egress).flatten() {
                rewrite_rule(rule, &mut random);
            }
            transaction.put(policy);
        }
    }
    transaction.commit();
}

pub(crate) fn rewrite_rule(rule: &mut Rule, random: &mut Random) {
    for entity in [&mut rule.source, &mut rule.destination] {
        rewrite_entity(entity, random);
    }
    if random.one_in(4) {
        rule.protocol = None;
    }
    let bare = Rule {
        origin: rule.origin.clone(),
        ..Rule::new(*random.pick(&[RuleAction::Allow, RuleAction::Deny]))
    };
    match random.below(24) {
        // What comes before it decides.
        0 | 1 => *rule = bare,
        2 => {
            let icmp = IcmpMatch { icmp_type: *random.pick(&[3, 8]), code: None };
            *rule = Rule { icmp: Some(icmp), ..bare };
        }
        _ => {}
    }
}

fn rewrite_entity(entity: &mut EntityMatch, random: &mut Random) {
    for (nets, sets) in [(&mut entity.nets, &mut entity.sets), (&mut entity.not_nets, &mut entity.not_sets)] {
        if random.one_in(2) && !nets.is_empty() {
            sets.push(Arc::new(AddressSet { name: "nets".into(), members: std::mem::take(nets) }));
        }
    }
    // A manifest states it beside no other selector, and in global policies only.
    if random.one_in(4) && entity.not_selector.is_none() {
        entity.not_selector = entity.selector.take();
    }
    if random.one_in(4) && entity.selector.is_some() {
        entity.ports.names.push("http".into());
    }
    if random.one_in(4) && !entity.nets.is_empty() {
        entity.nets.extend(["10.0.0.0/30", "fd00::/126"].map(|net| net.parse::<IpNet>().unwrap()));
    }
    match random.below(14) {
        0 => entity.port_sets.push(triples(random)),
        1 | 5 | 6 => entity.ports = PortMatch { sets: vec![triples(random)], ..entity.ports.clone() },
        2 => entity.not_ports = PortMatch { sets: vec![triples(random)], ..entity.not_ports.clone() },
        3 => entity.not_sets.push(some(random)),
        4 => entity.sets.push(some(random)),
        _ => {}
    }
}

fn some(random: &mut Random) -> Arc<AddressSet> {
    const MEMBERS: [&str; 5] = ["10.0.0.0/30", "10.0.0.0/8", "fd00::/126", "192.0.2.0/24", "2001:db8::/31"];
    let members = (0..2 + random.below(2)).map(|_| random.pick(&MEMBERS).parse().unwrap()).collect();
    Arc::new(AddressSet { name: "some".into(), members })
}

/// Most of the addresses that pods have, each at most of the ports.
fn triples(random: &mut Random) -> Arc<AddressPortSet> {
    let addresses = (1..=6).flat_map(|last| [format!("10.0.0.{last}"), format!("fd00::{last}")]);
    let addresses: Vec<String> =
        addresses.chain(["192.0.2.10", "203.0.113.7", "10.1.0.1"].map(str::to_owned)).collect();
    let mut members = Vec::new();
    for address in addresses {
        for port in [53, 80, 81, 90, 443, 8000, 8080, 40_000] {
            let protocol = *random.pick(&[Protocol::TCP, Protocol::TCP, Protocol::UDP]);
            if !random.one_in(3) {
                members.push(AddressPort { address: address.parse().unwrap(), protocol, port });
            }
        }
    }
    Arc::new(AddressPortSet { name: "triples".into(), members })
}
