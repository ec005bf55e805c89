//! Tiers and policies.

use super::MultiTenant;
use super::inventory::{ENVIRONMENTS, Inventory, Namespace, ROLES, SHARED_APPS, TEAMS, shared_app, team};
use crate::workload::objects::{
    Author, Rules, in_namespace, in_network_set, label, peer, peer_in, ports_from, prefix, tier,
};
use crate::workload::rng::{Rng, index, length};
use ipnet::IpNet;
use tierwall::model::{
    DefaultAction, Direction, EntityMatch, Name, Policy, PortRange, Protocol, RuleAction, Tier,
};
use tierwall::selector::Selector;

const SECURITY: &str = "security";
pub(in crate::workload) const PLATFORM: &str = "platform";
pub(in crate::workload) const APP: &str = "app";

const THREAT_FEEDS: u32 = 10;

pub(super) fn tiers() -> [Tier; 3] {
    [
        tier(SECURITY, 100.0, DefaultAction::Pass),
        tier(PLATFORM, 200.0, DefaultAction::Pass),
        tier(APP, 300.0, DefaultAction::Deny),
    ]
}

pub(super) fn generate(parameters: &MultiTenant, inventory: &Inventory, rng: &mut Rng) -> Vec<Policy> {
    let mut policies = security(inventory);
    policies.extend(platform(parameters, inventory, rng));
    policies.extend(app(parameters, inventory, rng));
    policies
}

fn environment(environment: &str) -> Selector {
    label("pcns.env", environment)
}

fn of_team(team: &str) -> Selector {
    label("pcns.team", team)
}

fn app_of(namespace: &Namespace, app: &str) -> Selector {
    Selector::and([in_namespace(&namespace.name), label("app", app)])
}

fn net(address: [u8; 4], length: u32) -> IpNet {
    IpNet::V4(prefix(address.into(), length))
}

fn any_app(namespace: &Namespace, rng: &mut Rng) -> Selector {
    app_of(namespace, rng.pick::<Name>(&namespace.apps))
}

fn any_team(rng: &mut Rng) -> Name {
    team(rng.below(TEAMS))
}

fn any_role(rng: &mut Rng) -> Selector {
    label("role", rng.pick::<&str>(&ROLES))
}

fn any_environment(rng: &mut Rng) -> Selector {
    environment(rng.pick::<&str>(&ENVIRONMENTS))
}

fn security(inventory: &Inventory) -> Vec<Policy> {
    let mut author = Author::new(SECURITY);
    let cut_off = |peer: &EntityMatch| {
        let mut rules = Rules::default();
        rules.push(Direction::Ingress, RuleAction::Deny, None, peer.clone(), Vec::new());
        rules.push(Direction::Egress, RuleAction::Deny, None, peer.clone(), Vec::new());
        rules
    };
    author.push(None, Selector::has("quarantine"), true, cut_off(&EntityMatch::default()));
    for feed in 0..THREAT_FEEDS {
        author.push(None, Selector::all(), true, cut_off(&peer(in_network_set(feed))));
    }
    let [prod, _, dev] = ENVIRONMENTS.map(environment);
    for role in ROLES {
        let mut rules = Rules::default();
        let from_dev = peer(Selector::and([dev.clone(), label("role", role)]));
        rules.push(Direction::Ingress, RuleAction::Deny, Some(Protocol::TCP), from_dev, Vec::new());
        author.push(None, prod.clone(), true, rules);
    }
    author.push(None, Selector::all(), false, dns_and_metadata(inventory));
    author.policies
}

/// DNS of the cluster for everybody, the metadata service of the cloud for nobody.
fn dns_and_metadata(inventory: &Inventory) -> Rules {
    let mut rules = Rules::default();
    let apps = inventory
        .namespaces
        .iter()
        .flat_map(|namespace| namespace.apps.iter().map(move |app| (namespace, app)));
    if let Some((namespace, app)) = apps.clone().next() {
        for protocol in [Protocol::UDP, Protocol::TCP] {
            let dns = peer(app_of(namespace, app));
            rules.push(Direction::Egress, RuleAction::Allow, Some(protocol), dns, vec![PortRange::from(53)]);
        }
    }
    let metadata = peer_in(vec![net([169, 254, 169, 254], 32)]);
    rules.push(Direction::Egress, RuleAction::Deny, None, metadata, Vec::new());
    rules
}

fn platform(parameters: &MultiTenant, inventory: &Inventory, rng: &mut Rng) -> Vec<Policy> {
    let mut author = Author::new(PLATFORM);
    for number in 0..parameters.platform_policies {
        let subject = match number % 4 {
            0 | 1 => of_team(&any_team(rng)),
            2 => Selector::and([any_role(rng), any_environment(rng)]),
            _ => Selector::and([of_team(&any_team(rng)), Selector::not(any_environment(rng))]),
        };
        let mut rules = Rules::default();
        for _ in 0..rng.range(1, 5) {
            platform_rule(parameters, inventory, rng, &mut rules);
        }
        author.push(None, subject, false, rules);
    }
    author.policies
}

fn platform_rule(parameters: &MultiTenant, inventory: &Inventory, rng: &mut Rng, rules: &mut Rules) {
    let selector = match rng.below(6) {
        0 => of_team(&any_team(rng)),
        1 => Selector::and([any_role(rng), any_environment(rng)]),
        2 => Selector::and([of_team(&any_team(rng)), any_role(rng)]),
        3 => in_network_set(rng.below(parameters.network_sets)),
        4 => Selector::in_set("pcns.team", [any_team(rng), any_team(rng), any_team(rng)]),
        _ => label("app", &shared_app(rng.below(SHARED_APPS))),
    };
    let action = match rng.below(10) {
        0..=4 => RuleAction::Allow,
        5..=7 => RuleAction::Pass,
        _ => RuleAction::Deny,
    };
    let port = *rng.pick(&inventory.ports);
    let ports = ports_from(port, if rng.percent(20) { 20 } else { 0 });
    let protocol = if rng.percent(85) { Protocol::TCP } else { Protocol::UDP };
    let direction = if rng.percent(60) { Direction::Ingress } else { Direction::Egress };
    rules.push(direction, action, Some(protocol), peer(selector), vec![ports]);
}

fn app(parameters: &MultiTenant, inventory: &Inventory, rng: &mut Rng) -> Vec<Policy> {
    let mut author = Author::new(APP);
    let count = index(parameters.app_policies);
    let rounds =
        (0_usize..).flat_map(|round| inventory.namespaces.iter().map(move |namespace| (round, namespace)));
    for (round, namespace) in rounds.take(count) {
        // The first policy of each namespace is for the whole of it, the others are for its apps in turn.
        match round.checked_sub(1).and_then(|round| namespace.apps.iter().cycle().nth(round)) {
            None => author.push(
                Some(&namespace.name),
                in_namespace(&namespace.name),
                true,
                isolation(namespace, rng),
            ),
            Some(app) => {
                let mut rules = Rules::default();
                for _ in 0..rng.range(1, 5) {
                    app_rule(parameters, inventory, namespace, rng, &mut rules);
                }
                author.push(Some(&namespace.name), app_of(namespace, app), true, rules);
            }
        }
    }
    author.policies
}

/// No ingress but, in half of the cases, from the namespace itself; sometimes egress to the namespace only.
fn isolation(namespace: &Namespace, rng: &mut Rng) -> Rules {
    let mut rules = Rules::default();
    for (direction, percent) in [(Direction::Ingress, 50), (Direction::Egress, 40)] {
        if rng.percent(percent) {
            rules.push(direction, RuleAction::Allow, None, peer(in_namespace(&namespace.name)), Vec::new());
        }
    }
    rules
}

fn app_rule(
    parameters: &MultiTenant,
    inventory: &Inventory,
    namespace: &Namespace,
    rng: &mut Rng,
    rules: &mut Rules,
) {
    let count = rng.range(1, 3);
    let any_port = rng.percent(10);
    let ports: Vec<PortRange> =
        if any_port { Vec::new() } else { (0..count).map(|_| app_port(inventory, rng)).collect() };
    let action = if rng.percent(95) { RuleAction::Allow } else { RuleAction::Deny };
    let protocol = (!ports.is_empty()).then(|| if rng.percent(90) { Protocol::TCP } else { Protocol::UDP });
    let peer = app_peer(parameters, inventory, namespace, rng);
    let direction = if rng.percent(70) { Direction::Ingress } else { Direction::Egress };
    rules.push(direction, action, protocol, peer, ports);
}

fn app_port(inventory: &Inventory, rng: &mut Rng) -> PortRange {
    let port = inventory.ports.get(index(rng.falling(length(&inventory.ports)))).copied().unwrap_or(0);
    ports_from(port, if rng.percent(5) { 100 } else { 0 })
}

fn app_peer(
    parameters: &MultiTenant,
    inventory: &Inventory,
    namespace: &Namespace,
    rng: &mut Rng,
) -> EntityMatch {
    let private = [net([10, 0, 0, 0], 8), net([172, 16, 0, 0], 12), net([192, 168, 0, 0], 16)];
    match rng.below(10) {
        0..=4 => peer(any_app(namespace, rng)),
        5 => peer(any_app(rng.pick(&inventory.namespaces), rng)),
        6 => peer(Selector::and([of_team(&namespace.team), any_role(rng)])),
        7 => peer_in(rng.pick(&inventory.inline_lists).clone()),
        8 => EntityMatch {
            nets: vec![net([0, 0, 0, 0], 0)],
            not_nets: private.into_iter().take(if rng.percent(50) { 1 } else { 3 }).collect(),
            ..EntityMatch::default()
        },
        _ => peer(in_network_set(rng.below(parameters.network_sets))),
    }
}
