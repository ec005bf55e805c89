//! Who the ends of a flow are: by many demands at once, by name, by identity, by where they are.

use super::{World, address, enterprise, forms, global, http_port, local, pod, pod_text, read, tcp};
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::dialect::Dialect;
use tierwall::model::{
    Direction, Flow, FlowContext, OriginalDestination, Policy, Protocol, Reason, ServiceKey,
};
use tierwall::{CompileOptions, Snapshot};

/// The only policy, changed.
fn change_policy(cluster: &mut Cluster, change: impl Fn(&mut Policy)) {
    let mut policy = cluster.policies().next().unwrap().policy.clone();
    change(&mut policy);
    cluster.put(policy);
}

/// Of many endpoints a few are picked, and each of the other demands leaves one of these out.
#[test]
fn every_demand_on_an_end_counts() {
    let mut text = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: web}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: good, namespace: shop, labels: {trust: high}}}
---
"
    .to_owned();
    for last in 1..=240 {
        let picked = if last <= 8 { ", app: a" } else { "" };
        let mut more = String::new();
        if last == 2 {
            more += ", bad: x";
        }
        let account = if last == 5 { "" } else { "serviceAccountName: good" };
        text += &pod_text(last, &format!("id: p{last}{picked}{more}"), account);
    }
    text += &pod_text(250, "id: s", "");
    let source = "{selector: app == 'a', notSelector: has(bad), nets: ['10.0.0.0/29'], notNets: [10.0.0.3/32, 10.0.0.4/32]";
    let told_apart = "{action: Deny, source: {selector: id starts with 'q'}}";
    let ends = [
        format!("{source}}}"),
        format!(
            "{source}, namespaceSelector: team == 'web', serviceAccounts: {{selector: trust == 'high'}}}}"
        ),
        format!("{source}, namespaceSelector: team == 'none'}}"),
    ];
    for (place, expected) in [vec![1, 5, 6, 7], vec![1, 6, 7], vec![]].into_iter().enumerate() {
        for policy in [global, local] {
            let end = &ends[place];
            let spec = format!(
                "selector: id == 's', types: [Ingress, Egress], ingress: [{told_apart}, {{action: Allow, source: {end}}}], \
                 egress: [{{action: Allow, destination: {end}}}]"
            );
            let world = World::new(&(text.clone() + &policy("p", 1, &spec)));
            let (subject, others) = (pod(250), (1..=12).chain(230..=240));
            let from: Vec<u8> =
                others.clone().filter(|last| world.allows(&tcp(pod(*last), subject, 80))).collect();
            let to: Vec<u8> = others.filter(|last| world.allows(&tcp(subject, pod(*last), 80))).collect();
            assert_eq!((from, to), (expected.clone(), expected.clone()), "{end}");
        }
    }
}

/// A node knows the names of those who send to its endpoints by the answers that it saw.
#[test]
fn names_of_a_source_are_those_that_the_node_of_the_subject_saw() {
    let mut text = global(
        "p",
        1,
        "selector: has(app), types: [Egress], egress: [{action: Allow, destination: {domains: [a.com]}}]",
    );
    for (last, node) in [(1, "n1"), (2, "n2"), (3, "n3")] {
        write!(text, "{}", pod_text(last, "app: a", &format!("nodeName: {node}"))).unwrap();
    }
    let seen: [IpAddr; 3] = [7, 8, 9].map(|last| IpAddr::from([203, 0, 113, last]));
    let observe = |cluster: &mut Cluster, node: Option<&str>, address: IpAddr, seconds: u64| {
        let answer = DnsAnswer::addresses("a.com", [address], Duration::from_secs(seconds));
        cluster.observe(DnsAnswer { node: node.map(Into::into), ..answer });
    };
    let mut world = World::with(enterprise(), forms(), |cluster| {
        read(cluster, &text);
        change_policy(cluster, |policy| {
            let mut rules = policy.egress.take().unwrap();
            rules.iter_mut().for_each(|rule| std::mem::swap(&mut rule.source, &mut rule.destination));
            policy.ingress = Some(rules);
        });
        observe(cluster, Some("n1"), seen[0], 60);
        observe(cluster, Some("n2"), seen[1], 200);
        observe(cluster, None, seen[2], 200);
    });
    let allowed =
        |world: &World| seen.map(|from| [1, 2, 3].map(|last| world.allows(&tcp(from, pod(last), 443))));
    let (first, second) = ([true, false, false], [false, true, false]);
    let everywhere = allowed(&world)[2];
    assert_eq!(allowed(&world)[..2], [first, second]);
    // As many nodes saw something of their own as before, but others.
    world.edit(|cluster| {
        cluster.advance(Duration::from_secs(100));
        observe(cluster, Some("n3"), seen[0], 200);
    });
    assert_eq!(allowed(&world), [[false, false, true], second, everywhere]);
}

/// The account that an identity names has no labels if nobody declared it.
#[test]
fn an_account_that_is_not_declared_has_no_labels() {
    let account = |name: &str, role: &str| {
        format!(
            "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}, namespace: shop, labels: {{role: {role}}}}}}}\n---\n"
        )
    };
    let spec = "selector: app == 'b', ingress: [{action: Allow, source: {serviceAccounts: {selector: role == 'x'}}}]";
    let text = account("web", "x")
        + &account("old", "y")
        + &pod_text(1, "app: a", "serviceAccountName: web")
        + &pod_text(2, "app: b", "")
        + &local("p", 1, spec);
    let mut world = World::new(&text);
    let allowed = |world: &World| {
        ["web", "old", "ghost"].map(|name| {
            let context = FlowContext {
                source_principal: Some(format!("spiffe://cluster.local/ns/shop/sa/{name}")),
                ..FlowContext::default()
            };
            world.ask(&tcp(pod(1), pod(2), 80), &context).enforced.is_allowed()
        })
    };
    assert_eq!(allowed(&world), [true, false, false]);
    // Accounts get other labels, those of the endpoints stay.
    world.load(&account("old", "x"));
    assert_eq!(allowed(&world), [true, true, false]);
    world.load(&account("ghost", "x"));
    assert_eq!(allowed(&world), [true; 3]);
    world.load(&account("old", "z"));
    assert_eq!(allowed(&world), [true, false, true]);
}

/// What a host sees before translation of a flow to a service is the address of the service, wherever the flow says that it
/// was sent to first.
#[test]
fn before_translation_a_flow_goes_to_the_service() {
    let text = pod_text(2, "app: b", "nodeName: n")
        + "
{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop},
 spec: {clusterIP: 10.96.0.1, selector: {app: b}, ports: [{port: 8000, targetPort: 80}]}}
---
{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {name: h, labels: {host: h}}, spec: {node: n, interfaceName: '*'}}
---
"
        + &global(
            "p",
            1,
            "selector: host == 'h', preDNAT: true, applyOnForward: true, \
             ingress: [{action: Deny, protocol: TCP, destination: {nets: [10.96.0.1/32], ports: [8000]}}]",
        );
    let world = World::new(&text);
    let service = ServiceKey { namespace: Some("shop".into()), name: "front".into() };
    let original = OriginalDestination { address: address("198.51.100.9"), port: 8000 };
    for original_destination in [None, Some(original)] {
        for service in [None, Some(service.clone())] {
            let context =
                FlowContext { original_destination, service: service.clone(), ..FlowContext::default() };
            let to_service = tcp(address("192.0.2.1"), address("10.96.0.1"), 8000);
            let verdict = world.ask(&to_service, &context).enforced;
            if service.is_some() || original_destination.is_none() {
                assert!(!verdict.is_allowed(), "{context:?}");
            }
            let direct = tcp(address("192.0.2.1"), pod(2), 80);
            world.ask(&direct, &context);
        }
    }
}

/// A compilation for one node leaves other hosts to their own.
#[test]
fn hosts_of_other_nodes_are_not_judged() {
    let host = |number: u8| {
        format!(
            "{{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {{name: h{number}, labels: {{host: h}}}}, \
             spec: {{node: n{number}, interfaceName: eth0, expectedIPs: [10.1.0.{number}]}}}}\n---\n"
        )
    };
    let mut cluster = Cluster::new();
    read(
        &mut cluster,
        &(host(1) + &host(2) + &global("p", 1, "selector: host == 'h', types: [Ingress, Egress]")),
    );
    let mut options = CompileOptions::default();
    options.node = Some("n1".into());
    let snapshot = Snapshot::compile_with(&cluster, &options);
    let outside = address("192.0.2.1");
    let reasons = |number: u8| {
        let host = IpAddr::from([10, 1, 0, number]);
        let context = FlowContext::default();
        [
            snapshot.verdict(&tcp(outside, host, 8080), &context).reason(Direction::Ingress),
            snapshot.verdict(&tcp(host, outside, 8080), &context).reason(Direction::Egress),
        ]
    };
    assert_eq!(reasons(1), [Reason::TierDefault; 2]);
    assert_eq!(reasons(2), [Reason::NotEvaluated; 2]);
}

/// Ranges that are not meant for workloads hold hosts, whatever labels both have.
#[test]
fn a_host_is_no_workload_though_it_has_the_same_labels() {
    let host = |number: u8, label: &str| {
        format!(
            "{{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {{name: h{number}, labels: {{app: {label}}}}}, \
             spec: {{node: n{number}, interfaceName: eth0, expectedIPs: [10.0.1.{number}], profiles: [projectcalico-default-allow]}}}}\n---\n"
        )
    };
    let rules = "ingress: [{action: Allow, source: {nets: [10.0.0.0/16]}}, \
                 {action: Allow, protocol: UDP, source: {selector: app == 'x' || app == 'y'}, destination: {ports: [http]}}]";
    for port in [String::new(), http_port(80)] {
        // In both orders.
        let text = pod_text(1, "app: x", "")
            + &host(1, "x")
            + &host(2, "y")
            + &pod_text(2, "app: y", "")
            + &pod_text(3, "app: s", &port)
            + &global("p", 1, &format!("selector: app == 's', {rules}"));
        let world = World::with(Dialect::default(), forms(), |cluster| {
            read(cluster, &text);
            change_policy(cluster, |policy| {
                policy.ingress.as_mut().unwrap()[0].source.nets_skip_workloads = true;
            });
        });
        let allowed = ["10.0.0.1", "10.0.1.1", "10.0.1.2", "10.0.0.2", "10.0.1.3"]
            .map(|from| world.allows(&tcp(address(from), pod(3), 80)));
        assert_eq!(allowed, [false, true, true, false, true]);
    }
}

/// Some ports of a host are open whatever its policies say, and no others.
#[test]
fn failsafe_ports_of_a_host_stay_open() {
    let host = "{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {name: h, labels: {host: h}}, \
                spec: {node: n, interfaceName: eth0, expectedIPs: [10.1.0.1]}}\n---\n";
    let world =
        World::new(&(host.to_owned() + &global("p", 1, "selector: host == 'h', types: [Ingress, Egress]")));
    let (outside, host) = (address("192.0.2.1"), address("10.1.0.1"));
    let reason = |flow: &Flow, direction| world.ask(flow, &FlowContext::default()).enforced.reason(direction);
    let open = [22, 23].map(|port| reason(&tcp(outside, host, port), Direction::Ingress));
    assert_eq!(open, [Reason::Failsafe, Reason::TierDefault]);
    let dns = |port| Flow::new(host, outside, Protocol::UDP).with_ports(40_000, port);
    let open = [53, 54].map(|port| reason(&dns(port), Direction::Egress));
    assert_eq!(open, [Reason::Failsafe, Reason::TierDefault]);
}
