//! Traffic of every kind, at the borders of what rules say of it.

use super::{World, address, forms, global, http_port, local, pod, pod_text, read};
use std::sync::Arc;
use tierwall::dialect::{Dialect, NotIcmp};
use tierwall::model::{
    AddressPort, AddressPortSet, Direction, Flow, FlowContext, Protocol, Service, ServiceKey, ServicePort,
    ServiceTarget,
};

/// What a rule may say of traffic.
const CRITERIA: [&str; 26] = [
    "protocol: TCP",
    "notProtocol: TCP",
    "notProtocol: ICMP",
    "notProtocol: 47",
    "notProtocol: 254",
    "notProtocol: 255",
    "protocol: 253",
    "protocol: ICMP, icmp: {type: 3}",
    "protocol: ICMP, icmp: {type: 3, code: 1}",
    "protocol: ICMP, icmp: {type: 254, code: 255}",
    "protocol: ICMP, notICMP: {type: 3}",
    "protocol: ICMP, notICMP: {type: 3, code: 1}",
    "protocol: ICMP, notICMP: {type: 254, code: 255}",
    "notICMP: {type: 8, code: 0}, protocol: ICMP",
    "protocol: TCP, destination: {ports: [1]}",
    "protocol: TCP, destination: {ports: [65535]}",
    "protocol: TCP, destination: {ports: ['1:65534']}",
    "protocol: TCP, destination: {notPorts: ['1:65534']}",
    "protocol: TCP, destination: {notPorts: ['2:65535']}",
    "protocol: UDP, destination: {notPorts: [80]}",
    "protocol: UDP, destination: {ports: [80], notPorts: [80]}",
    "protocol: SCTP, destination: {ports: [80, '90:99']}",
    "protocol: SCTP, destination: {notPorts: ['81:65535']}",
    "protocol: TCP, destination: {ports: [http]}",
    "protocol: TCP, destination: {notPorts: [http, 65535]}",
    "protocol: TCP, source: {ports: ['40000:40001']}",
];

const PORTS: [u16; 12] = [0, 1, 2, 79, 80, 81, 90, 99, 100, 8080, 65534, 65535];
const MESSAGES: [(u8, u8); 11] =
    [(0, 0), (2, 255), (3, 0), (3, 1), (3, 2), (4, 0), (8, 0), (8, 1), (254, 254), (254, 255), (255, 255)];

/// Flows of every kind between two ends.
fn flows(to: std::net::IpAddr) -> Vec<Flow> {
    let flow = |protocol| Flow::new(pod(200), to, protocol);
    let with_ports = [Protocol::TCP, Protocol::UDP, Protocol::SCTP]
        .into_iter()
        .flat_map(|protocol| PORTS.iter().map(move |port| flow(protocol).with_ports(40_001, *port)));
    let messages = [Protocol::ICMP, Protocol::ICMPV6]
        .into_iter()
        .flat_map(|protocol| MESSAGES.iter().map(move |(kind, code)| flow(protocol).with_icmp(*kind, *code)));
    let others = [0, 46, 47, 48, 252, 253, 254, 255].map(|number| flow(Protocol::from(number)));
    with_ports.chain(messages).chain(others).collect()
}

/// A pod for each of the criteria, which its policy allows.
fn subjects(policy: fn(&str, u32, &str) -> String) -> String {
    let each = (1..).zip(CRITERIA).map(|(number, criterion)| {
        let spec = format!("selector: id == 'p{number}', ingress: [{{action: Allow, {criterion}}}]");
        let name = format!("r{number}");
        pod_text(number, &format!("id: p{number}"), &http_port(8080)) + &policy(&name, number.into(), &spec)
    });
    each.chain([pod_text(200, "id: other", "")]).collect()
}

#[test]
fn traffic_is_told_apart_where_rules_begin_and_end() {
    for policy in [global, local] {
        for reading in [NotIcmp::default(), NotIcmp::Neither] {
            let mut dialect = Dialect::default();
            dialect.not_icmp = reading;
            let world = World::with(dialect, forms(), |cluster| read(cluster, &subjects(policy)));
            for (number, criterion) in (1..).zip(CRITERIA) {
                let flows = flows(pod(number));
                let allowed = flows.iter().filter(|flow| world.allows(flow)).count();
                let none = criterion.contains("ports: [80], notPorts: [80]");
                assert!(none == (allowed == 0) && allowed < flows.len(), "{criterion}: {allowed}");
            }
        }
    }
}

/// A rule in a policy with others for all, so that it is what comes first of many.
#[test]
fn one_rule_after_the_other_takes_its_traffic() {
    let rules: Vec<String> = CRITERIA
        .iter()
        .enumerate()
        .map(|(place, criterion)| {
            let action = ["Allow", "Deny", "Pass", "Log"][place * 7 % 4];
            format!("{{action: {action}, {criterion}}}")
        })
        .collect();
    for turn in 0..4 {
        let mut turned = rules.clone();
        turned.rotate_left(turn * 7);
        let spec = format!("selector: id == 'p1', ingress: [{}]", turned.join(", "));
        let text = pod_text(1, "id: p1", &http_port(8080)) + &pod_text(200, "id: other", "");
        let world = World::new(&(text + &global("all", 1, &spec)));
        flows(pod(1)).iter().for_each(|flow| _ = world.allows(flow));
    }
}

fn service(port: u16, protocol: Protocol) -> Service {
    let port =
        ServicePort { name: None, protocol, port, target: ServiceTarget::Number(port), node_port: None };
    Service {
        key: ServiceKey { namespace: Some("shop".into()), name: "front".into() },
        addresses: Vec::new(),
        selector: Some([("app".into(), "b".into())].into()),
        ports: vec![port],
        local_only: false,
    }
}

/// A service, or a set of addresses with ports, may be of a protocol that has none.
#[test]
fn a_rule_may_name_ports_of_a_protocol_without_ports() {
    let text = pod_text(1, "app: a", "")
        + &pod_text(2, "app: c", "")
        + &local(
            "to",
            1,
            "selector: app == 'a', egress: [{action: Allow, destination: {services: {name: front}}}]",
        );
    let mut world = World::with(Dialect::default(), forms(), |cluster| {
        cluster.put(service(0, Protocol::ICMP));
        read(cluster, &text);
    });
    let reached = |world: &World, protocol| {
        let flow = |last: u8| Flow::new(pod(1), pod(last), protocol).with_ports(0, 0);
        [2, 3].map(|last| world.allows(&flow(last)))
    };
    assert_eq!(reached(&world, Protocol::ICMP), [false; 2]);
    // The first to back it.
    world.load(&pod_text(3, "app: b", ""));
    assert_eq!(reached(&world, Protocol::ICMP), [false, true]);
    assert_eq!(reached(&world, Protocol::UDP), [false; 2]);
    // And as it is compiled from the start.
    let both = text + &pod_text(3, "app: b", "");
    let world = World::with(Dialect::default(), forms(), |cluster| {
        cluster.put(service(0, Protocol::ICMP));
        read(cluster, &both);
    });
    assert_eq!(reached(&world, Protocol::ICMP), [false, true]);
}

#[test]
fn a_set_may_hold_ports_of_a_protocol_without_ports() {
    let text = pod_text(1, "app: a", "")
        + &pod_text(2, "app: b", "")
        + &local("to", 1, "selector: app == 'a', egress: [{action: Allow}]");
    let member = AddressPort { address: pod(2), protocol: Protocol::from(47), port: 0 };
    let set = Arc::new(AddressPortSet { name: "set".into(), members: vec![member] });
    let world = World::with(Dialect::default(), forms(), |cluster| {
        read(cluster, &text);
        let mut policy = cluster.policies().next().unwrap().policy.clone();
        policy.egress.as_mut().unwrap()[0].destination.port_sets = vec![set.clone()];
        cluster.put(policy);
    });
    let allowed = [46, 47, 48, 6]
        .map(|number| world.allows(&Flow::new(pod(1), pod(2), Protocol::from(number)).with_ports(0, 0)));
    assert_eq!(allowed, [false, true, false, false]);
    let outside = Flow::new(pod(1), address("192.0.2.1"), Protocol::from(47));
    let verdict = world.ask(&outside, &FlowContext::default()).enforced;
    assert!(verdict.rule(Direction::Egress).is_some() && !verdict.is_allowed());
}

/// Of a service, by its labels or its slices, every port counts.
#[test]
fn a_service_has_more_than_one_port() {
    let ports = "ports: [{name: a, port: 80}, {name: b, port: 81, protocol: UDP}, {name: c, port: 82}]";
    let slice = format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: back-1, namespace: shop, \
         labels: {{kubernetes.io/service-name: back}}}}, addressType: IPv4, endpoints: [{{addresses: [10.0.0.3]}}], \
         {ports}}}\n---\n"
    );
    let named = |name: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop}}, \
             spec: {{selector: {{app: {name}}}, {ports}}}}}\n---\n"
        )
    };
    let allow = |name: &str| format!("{{action: Allow, destination: {{services: {{name: {name}}}}}}}");
    let text = pod_text(1, "app: a", "")
        + &pod_text(2, "app: front", "")
        + &pod_text(3, "app: other", "")
        + &named("front")
        + &named("back")
        + &slice
        + &local("to", 1, &format!("selector: app == 'a', egress: [{}, {}]", allow("front"), allow("back")));
    let world = World::new(&text);
    for last in [2, 3] {
        for (protocol, expected) in [
            (Protocol::TCP, [false, true, false, true, false]),
            (Protocol::UDP, [false, false, true, false, false]),
        ] {
            let flow = |port| Flow::new(pod(1), pod(last), protocol).with_ports(40_000, port);
            assert_eq!([79, 80, 81, 82, 83].map(|port| world.allows(&flow(port))), expected, "{last}");
        }
    }
}
