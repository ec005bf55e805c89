//! Clusters with more of everything than a generated one has: tiers that need many words of bits, and more than a block of
//! them; lists that name many peers; named ports that are others at every destination.

use crate::engines;
use crate::equality::{Random, each};
use std::fmt::Write;
use tierwall::cluster::Cluster;
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::model::{Flow, FlowContext, Protocol};
use tierwall::{CompileOptions, Snapshot};

const PODS: usize = 80;
/// Policies of the whole cluster, and the rules that each has in a direction.
const POLICIES: usize = 10;
const RULES: usize = 66;
const FLOWS: usize = 4000;
/// Ports that rules name, and one that they do not.
const PORTS: [u16; 5] = [80, 443, 8000, 8001, 9];

/// A pod with a named port.
pub(super) fn pod(number: usize, port: u16) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p{number}, namespace: shop, labels: {{id: p{number}, half: h{}}}}}, \
         spec: {{containers: [{{name: c, ports: [{{name: http, containerPort: {port}}}]}}]}}, \
         status: {{podIP: 10.0.0.{number}}}}}\n---\n",
        number % 2
    )
}

/// Some pods, most often few.
fn peers(random: &mut Random) -> String {
    let ids = |random: &mut Random, most: usize| {
        let ids: Vec<String> =
            (0..=random.below(most)).map(|_| format!("'p{}'", random.below(PODS))).collect();
        format!("id in {{{}}}", ids.join(", "))
    };
    match random.below(8) {
        0 => "half == 'h0'".to_owned(),
        1 | 2 => ids(random, 40),
        _ => ids(random, 2),
    }
}

/// The actions of rules. Where none logs or passes, the first bit and what comes first in a row decide.
const ACTIONS: [&[&str]; 2] = [&["Allow", "Deny", "Pass", "Pass", "Log"], &["Allow", "Deny"]];

/// The rules of one direction, `peer` being the other end of it.
fn rules(random: &mut Random, actions: &[&str], count: usize, peer: &str, any_peer: usize) -> String {
    let rule = |random: &mut Random| {
        let action = *random.pick(actions);
        let port = random.pick(&PORTS[..4]);
        let mut source = String::new();
        let mut destination = format!("ports: [{port}]");
        if !random.one_in(any_peer) {
            let selector = format!("selector: \"{}\"", peers(random));
            match peer {
                "source" => source = selector,
                _ => write!(destination, ", {selector}").unwrap(),
            }
        }
        format!("{{action: {action}, protocol: TCP, source: {{{source}}}, destination: {{{destination}}}}}")
    };
    (0..count).map(|_| rule(random)).collect::<Vec<_>>().join(", ")
}

fn policies(random: &mut Random, actions: &[&str], text: &mut String) {
    let rules = |random: &mut Random, count, peer, any_peer| rules(random, actions, count, peer, any_peer);
    writeln!(
        text,
        "{{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {{name: first}}, spec: {{order: 1}}}}\n---"
    )
    .unwrap();
    for policy in 0..POLICIES {
        let tier = if policy < POLICIES / 2 { "first" } else { "default" };
        let prefix = if tier == "first" { "first." } else { "" };
        let (ingress, egress) =
            (rules(random, RULES, "source", 400), rules(random, RULES, "destination", 400));
        let selector = *random.pick(&["all()", "half == 'h0'", "half == 'h1'"]);
        writeln!(
            text,
            "{{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {{name: {prefix}g{policy}}}, \
             spec: {{tier: {tier}, order: {}, selector: \"{selector}\", types: [Ingress, Egress], \
             ingress: [{ingress}], egress: [{egress}]}}}}\n---",
            random.below(100)
        )
        .unwrap();
    }
    for policy in 0..PODS / 4 {
        let (ingress, egress) = (rules(random, 20, "source", 3), rules(random, 20, "destination", 3));
        let tier = *random.pick(&["first", "default"]);
        let prefix = if tier == "first" { "first." } else { "" };
        // Where the named port is another at each destination, a list says nothing of what comes after it.
        let named =
            if policy == 0 { "{action: Allow, protocol: TCP, destination: {ports: [http]}}, " } else { "" };
        writeln!(
            text,
            "{{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {{name: {prefix}n{policy}, namespace: shop}}, \
             spec: {{tier: {tier}, order: {}, selector: \"{}\", types: [Ingress, Egress], \
             ingress: [{ingress}], egress: [{named}{egress}]}}}}\n---",
            random.below(100),
            if policy == 0 { "id == 'p0'".to_owned() } else { peers(random) }
        )
        .unwrap();
    }
}

fn flow(random: &mut Random) -> Flow {
    let address = |pod: usize| std::net::IpAddr::from([10, 0, 0, u8::try_from(pod).unwrap()]);
    let source = if random.one_in(20) { 0 } else { random.below(PODS + 2) };
    let destination = random.below(PODS + 2);
    let port =
        if random.one_in(4) { 8000 + u16::try_from(destination).unwrap() } else { *random.pick(&PORTS) };
    Flow::new(address(source), address(destination), Protocol::TCP).with_ports(40_000, port)
}

#[test]
fn a_large_cluster_is_compiled_exactly() {
    each(0, 12, |number, _: &mut ()| {
        let mut random = Random::new(number);
        let mut text: String = (0..).zip(8000..).take(PODS).map(|(number, port)| pod(number, port)).collect();
        let mut options = CompileOptions::default();
        policies(&mut random, if number < 6 { ACTIONS[0] } else { ACTIONS[1] }, &mut text);
        let mut cluster = Cluster::new();
        load(&mut cluster, &[Source::new("large.yaml", &text)], &LoadOptions::default()).unwrap();
        match number % 3 {
            0 => {}
            1 => (options.wide_classes, options.broad_classes, options.folded_rules) = (60, 8, 0),
            _ => (options.wide_classes, options.broad_classes) = (u32::MAX, 30),
        }
        if number % 2 == 1 {
            options.table_budget = random.below(60_000);
        }
        let snapshot = Snapshot::compile_with(&cluster, &options);
        for _ in 0..FLOWS {
            let flow = flow(&mut random);
            engines::evaluate(&cluster, &snapshot, &flow, &FlowContext::default())?;
        }
        Ok(())
    });
}
