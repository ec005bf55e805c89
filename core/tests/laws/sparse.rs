//! Clusters with so many rules, of which each matches so little, that what decides is anywhere among many blocks of bits;
//! as they are compiled, and as they are after edits.

use crate::engines;
use crate::equality::{Random, each};
use crate::large::pod;
use std::fmt::Write;
use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::model::{
    Direction, Endpoint, EndpointPort, EntityMatch, Flow, FlowContext, Order, Policy, PortMatch, PortRange,
    Protocol, Rule, RuleAction, Verdict,
};
use tierwall::selector::Selector;
use tierwall::{CompileOptions, Compiler, Snapshot};

const PODS: usize = 40;
/// Policies of the whole cluster, and the rules that each has in a direction: three blocks of bits, and more.
const POLICIES: usize = 24;
const RULES: usize = 70;
/// Rules name one port of so many, and after edits one of twice as many.
const PORTS: u16 = 20;
/// Named ports are one of these.
const NAMED: [u16; 4] = [8000, 8001, 8002, 8003];

/// One pod or two; of a label that all have, or of one that comes later.
fn peers(random: &mut Random) -> String {
    let one = |random: &mut Random| format!("'p{}'", random.below(PODS + 2));
    match random.below(16) {
        0 => format!("new == 'n{}'", random.below(3)),
        1 => format!("half != 'h0' && id == {}", one(random)),
        2..=6 => format!("id in {{{}, {}}}", one(random), one(random)),
        _ => format!("id == {}", one(random)),
    }
}

fn selector(text: &str) -> Option<Selector> {
    Some(Selector::parse(text).unwrap())
}

fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(first, last).unwrap()
}

/// A rule that hardly ever matches.
fn rule(random: &mut Random, actions: &[RuleAction], direction: Direction, ports: u16) -> Rule {
    let mut rule = Rule::new(*random.pick(actions));
    rule.protocol = Some(if random.one_in(12) { Protocol::UDP } else { Protocol::TCP });
    let peer = EntityMatch { selector: selector(&peers(random)), ..EntityMatch::default() };
    let subject = match random.below(8) {
        0 => EntityMatch { selector: selector("half == 'h0'"), ..EntityMatch::default() },
        _ => EntityMatch::default(),
    };
    (rule.source, rule.destination) = match direction {
        Direction::Ingress => (peer, subject),
        Direction::Egress => (subject, peer),
    };
    let port = 1 + u16::try_from(random.below(ports.into())).unwrap();
    rule.destination.ports = match random.below(40) {
        0 => PortMatch { names: vec!["http".into()], ..PortMatch::default() },
        1 => PortMatch::from(range(port, port + 1)),
        _ => PortMatch::from(range(port, port)),
    };
    if !rule.destination.ports.names.is_empty() && random.one_in(2) {
        (rule.source.selector, rule.destination.selector) = (None, None);
    }
    rule
}

fn rules(random: &mut Random, actions: &[RuleAction], count: usize, direction: Direction) -> Vec<Rule> {
    (0..count).map(|_| rule(random, actions, direction, PORTS)).collect()
}

/// Policies without rules, as they are declared.
fn policies(random: &mut Random, text: &mut String) {
    writeln!(
        text,
        "{{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {{name: first}}, spec: {{order: 1, defaultAction: Pass}}}}\n---"
    )
    .unwrap();
    // Where there are wide rules in the tier that denies, no bit tells before they were looked at one by one.
    let last_tier = *random.pick(&["first", "default"]);
    let mut policy = |kind: &str, name: String, namespace: &str, subject: &str, order: usize| {
        let tier = if order < 100 && !random.one_in(4) { "first" } else { last_tier };
        let prefix = if tier == "first" { "first." } else { "" };
        writeln!(
            text,
            "{{apiVersion: projectcalico.org/v3, kind: {kind}, metadata: {{name: {prefix}{name}{namespace}}}, \
             spec: {{tier: {tier}, order: {order}, selector: \"{subject}\", types: [Ingress, Egress]}}}}\n---"
        )
        .unwrap();
    };
    for number in 0..POLICIES {
        // Pods of another half than these, which there will be, are governed by what comes last only.
        let subject = ["half in {'h0', 'h1'}", "half != 'h2'", "half == 'h0'", "half == 'h1'"][number % 4];
        let is_last = number + 4 >= POLICIES;
        let (subject, order) = if is_last { ("all()", 200) } else { (subject, number * 37 % 100) };
        policy("GlobalNetworkPolicy", format!("g{number}"), "", subject, order);
    }
    for number in 0..6 {
        let subject = format!("id == 'p{number}'");
        policy("NetworkPolicy", format!("n{number}"), ", namespace: shop", &subject, number * 17);
    }
}

const ACTIONS: [&[RuleAction]; 3] = [
    &[RuleAction::Allow, RuleAction::Deny],
    &[RuleAction::Allow, RuleAction::Deny, RuleAction::Pass],
    &[RuleAction::Allow, RuleAction::Deny, RuleAction::Pass, RuleAction::Log],
];

/// A cluster, and the actions that its rules have.
fn cluster(random: &mut Random, number: u64) -> (Cluster, &'static [RuleAction]) {
    let mut cluster = Cluster::new();
    let mut text: String = (0..PODS).map(|number| pod(number, NAMED[number % 3])).collect();
    policies(random, &mut text);
    load(&mut cluster, &[Source::new("sparse.yaml", &text)], &LoadOptions::default()).unwrap();
    let actions = ACTIONS[usize::try_from(number % 3).unwrap()];
    let all: Vec<Policy> = cluster.policies().map(|entry| entry.policy.clone()).collect();
    for mut policy in all {
        let count = if policy.key.namespace.is_none() { RULES } else { 6 };
        policy.ingress = Some(rules(random, actions, count, Direction::Ingress));
        policy.egress = Some(rules(random, actions, count, Direction::Egress));
        cluster.put(policy);
    }
    (cluster, actions)
}

/// What an edit has to do with: an end of a flow, or its port.
#[derive(Default, Clone, Copy)]
struct Hint {
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    port: Option<u16>,
}

fn address(pod: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, u8::try_from(pod).unwrap()])
}

fn flow(random: &mut Random, hint: Hint) -> Flow {
    let port = match random.below(10) {
        0 => *random.pick(&NAMED),
        _ => 1 + u16::try_from(random.below(usize::from(PORTS) + 1)).unwrap(),
    };
    let protocol = if random.one_in(12) { Protocol::UDP } else { Protocol::TCP };
    let (source, destination) = (address(random.below(PODS + 3)), address(random.below(PODS + 3)));
    Flow::new(hint.source.unwrap_or(source), hint.destination.unwrap_or(destination), protocol)
        .with_ports(40_000, hint.port.unwrap_or(port))
}

/// Some flows are answered as by the reference, alone and together; every other one is what an edit hints at.
fn compare(
    cluster: &Cluster,
    snapshot: &Snapshot,
    random: &mut Random,
    hints: &[Hint],
    count: usize,
) -> Result<(), String> {
    let any = [Hint::default()];
    let hints = if hints.is_empty() { &any } else { hints };
    let hint = |random: &mut Random| if random.one_in(2) { Hint::default() } else { *random.pick(hints) };
    let one = |random: &mut Random| {
        let hint = hint(random);
        flow(random, hint)
    };
    let flows: Vec<Flow> = (0..count).map(|_| one(random)).collect();
    let mut verdicts = vec![Verdict::default(); flows.len()];
    snapshot.verdicts(&flows, &mut verdicts);
    for (flow, verdict) in flows.iter().zip(verdicts) {
        let expected = engines::evaluate(cluster, snapshot, flow, &FlowContext::default())?;
        if verdict != expected.enforced {
            return Err(format!(
                "in a batch {flow:?} comes to {verdict:?}, alone to {:?}",
                expected.enforced
            ));
        }
    }
    Ok(())
}

fn options(number: u64) -> CompileOptions {
    let mut options = CompileOptions::default();
    if number % 2 == 1 {
        (options.wide_classes, options.broad_classes, options.folded_rules) = (60, 8, 0);
    }
    options
}

#[test]
fn any_of_many_blocks_may_decide() {
    each(0, 6, |number, _: &mut ()| {
        let mut random = Random::new(number);
        let (cluster, _) = cluster(&mut random, number);
        let snapshot = Snapshot::compile_with(&cluster, &options(number));
        compare(&cluster, &snapshot, &mut random, &[], 1000)
    });
}

/// An edit of one rule or two, or of one pod.
fn edit(cluster: &mut Cluster, random: &mut Random, actions: &[RuleAction], hints: &mut Vec<Hint>) {
    match random.below(12) {
        0..=5 => edit_rule(cluster, random, actions, hints),
        6 => edit_policy(cluster, random),
        _ => edit_pod(cluster, random, hints),
    }
}

/// A flow that a rule means.
fn hint(cluster: &Cluster, rule: &Rule, direction: Direction) -> Hint {
    let port = rule.destination.ports.ranges.first().map(|range| range.first());
    let peer = if direction == Direction::Ingress { &rule.source } else { &rule.destination };
    let is_peer = |labels| peer.selector.as_ref().is_none_or(|selector| selector.matches(labels));
    let mut peers = cluster.endpoints().filter(|entry| is_peer(&entry.labels));
    let peer = peers.next().and_then(|entry| entry.endpoint.addresses.first().copied());
    match direction {
        Direction::Ingress => Hint { source: peer, destination: None, port },
        Direction::Egress => Hint { source: None, destination: peer, port },
    }
}

fn some_policy(cluster: &Cluster, random: &mut Random) -> Policy {
    let all: Vec<&Policy> = cluster.policies().map(|entry| &entry.policy).collect();
    (*random.pick(&all)).clone()
}

fn edit_rule(cluster: &mut Cluster, random: &mut Random, actions: &[RuleAction], hints: &mut Vec<Hint>) {
    let (mut policy, direction) =
        (some_policy(cluster, random), *random.pick(&[Direction::Ingress, Direction::Egress]));
    let rules = match direction {
        Direction::Ingress => policy.ingress.as_mut().unwrap(),
        Direction::Egress => policy.egress.as_mut().unwrap(),
    };
    let (one, other) = (random.below(rules.len()), random.below(rules.len()));
    let new = rule(random, actions, direction, 2 * PORTS);
    hints.push(hint(cluster, &rules[one], direction));
    match random.below(6) {
        0 => rules[one] = new,
        1 | 2 => rules[one].destination.ports = new.destination.ports,
        // For everybody, or for whom it is no more.
        3 if direction == Direction::Ingress => rules[one].source = EntityMatch::default(),
        3 => rules[one].destination.selector = None,
        4 => rules[one].action = new.action,
        _ => rules.swap(one, other),
    }
    hints.push(hint(cluster, &rules[one], direction));
    cluster.put(policy);
}

fn edit_policy(cluster: &mut Cluster, random: &mut Random) {
    let mut policy = some_policy(cluster, random);
    policy.order = Order::from(Some(f64::from(u32::try_from(random.below(100)).unwrap())));
    cluster.put(policy);
}

fn edit_pod(cluster: &mut Cluster, random: &mut Random, hints: &mut Vec<Hint>) {
    let all: Vec<&Endpoint> = cluster.endpoints().map(|entry| &entry.endpoint).collect();
    let mut pod = (*random.pick(&all)).clone();
    let last = random.below(PODS + 2);
    match random.below(6) {
        0 => drop(pod.labels.insert("half".into(), format!("h{}", random.below(3)).into())),
        1 => drop(pod.labels.insert("id".into(), format!("p{last}").into())),
        2 => drop(pod.labels.insert("new".into(), format!("n{}", random.below(3)).into())),
        3 => pod.addresses = vec![address(last)],
        4 => {
            let port = 8000 + u16::try_from(random.below(12)).unwrap();
            pod.ports = vec![EndpointPort { name: "http".into(), protocol: Protocol::TCP, port }];
            let destination = pod.addresses.first().copied();
            hints.push(Hint { source: None, destination, port: Some(port) });
        }
        _ => {
            pod.key.name = format!("p{last}").into();
            pod.labels.insert("id".into(), format!("p{last}").into());
            pod.addresses = vec![address(last)];
        }
    }
    let address = pod.addresses.first().copied();
    hints.push(Hint { source: address, ..Hint::default() });
    hints.push(Hint { destination: address, ..Hint::default() });
    cluster.put(pod);
}

#[test]
fn any_of_many_blocks_may_change() {
    each(0, 6, |number, _: &mut ()| {
        let mut random = Random::new(number);
        let (mut cluster, actions) = cluster(&mut random, number);
        let mut compiler = Compiler::new(options(number));
        compiler.update(&mut cluster);
        for _ in 0..48 {
            let mut hints = Vec::new();
            let edits = if random.one_in(4) { 3 } else { 1 };
            for _ in 0..edits {
                edit(&mut cluster, &mut random, actions, &mut hints);
            }
            let snapshot = compiler.update(&mut cluster).snapshot;
            compare(&cluster, &snapshot, &mut random, &hints, 50)?;
        }
        Ok(())
    });
}
