//! `spec/calico.md` 13.5: host endpoints, and the ways of packets through a node (7.2, 7.3).

use super::fixture::{
    Table, add, ask, ask_about, connect, connect_about, flow, gnp, hep, object, world, world_with,
    world_without_hosts,
};
use crate::engines::{evaluate_once, judge_once};
use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::dialect::{Dialect, EndpointToHost};
use tierwall::model::{FlowContext, OriginalDestination};
use tierwall::reference::Missing;

const ALLOW: &str = "ingress: [{action: Allow}]";
const DENY: &str = "ingress: [{action: Deny}]";
const FORWARD: &str = "applyOnForward: true";

/// A GlobalNetworkPolicy for host endpoints with the label `host`.
fn on_host(name: &str, spec: &str) -> String {
    gnp(name, &format!("selector: has(host), {spec}"))
}

/// A host endpoint for every interface of a node.
fn wildcard(node: &str) -> String {
    let spec = format!("node: {node}, interfaceName: '*'");
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: HostEndpoint, \
         metadata: {{name: {node}-auto-hep, labels: {{host: {node}}}}}, spec: {{{spec}}}}}"
    )
}

fn node_port_service() -> String {
    let ports = "ports: [{port: 80, targetPort: 8080, nodePort: 30080}]";
    object(
        "v1",
        "Service",
        "dev/s",
        &format!("type: NodePort, clusterIP: 10.96.0.1, selector: {{app: db}}, {ports}"),
    )
}

fn deny_into_b() -> String {
    gnp("pods", "selector: app == 'db', types: [Ingress]")
}

struct Row {
    number: u8,
    objects: Vec<String>,
    /// Questions about connections, each with the action and the reasons of egress and ingress.
    connections: Vec<(&'static str, &'static str)>,
    /// Questions about one endpoint.
    judged: Vec<(&'static str, &'static str)>,
}

fn check(rows: Vec<Row>, world: impl Fn(&[String]) -> Cluster) {
    let mut table = Table::default();
    for row in rows {
        let cluster = world(&row.objects);
        for (question, expected) in row.connections {
            table.expect(row.number, question, expected, &connect(&cluster, question));
        }
        for (question, expected) in row.judged {
            table.expect(row.number, question, expected, &ask(&cluster, question));
        }
    }
    table.finish();
}

#[test]
fn host_endpoint_of_an_interface() {
    let not_blocked = "allow: not policed, profile rule";
    check(
        vec![
            Row {
                number: 94,
                objects: vec![],
                connections: vec![
                    ("Y -> n1 tcp/8443", "deny: not policed, no profile matched"),
                    ("Y -> n1 tcp/22", "allow: not policed, failsafe port"),
                    ("n1 -> Y tcp/443", "deny: no profile matched, not policed"),
                    ("n1 -> Y udp/53", "allow: failsafe port, not policed"),
                    ("n1 -> n1 tcp/8443", "allow: traffic to itself, traffic to itself"),
                ],
                judged: vec![(
                    "in: Y -> H1 tcp/8443",
                    "deny (no profile matched) __PROFILE__|pro:__NO_MATCH__|deny|0",
                )],
            },
            Row {
                number: 95,
                objects: vec![],
                connections: vec![("Y -> B tcp/8080", not_blocked)],
                judged: vec![("forward in at H1: Y -> B tcp/8080", "allow (forwarded by default)")],
            },
            Row {
                number: 95,
                objects: vec![deny_into_b()],
                connections: vec![("Y -> B tcp/8080", "deny: not policed, tier default")],
                judged: vec![],
            },
            Row {
                number: 96,
                objects: vec![hep(
                    "h1",
                    "node: n1, interfaceName: eth0, expectedIPs: [192.168.0.1], profiles: [projectcalico-default-allow]",
                )],
                connections: vec![("Y -> n1 tcp/8443", "allow: not policed, profile rule")],
                judged: vec![(
                    "in: Y -> H1 tcp/8443",
                    "allow (profile rule) __PROFILE__|pro:projectcalico-default-allow|allow|0",
                )],
            },
            Row {
                number: 97,
                objects: vec![on_host("p", &format!("types: [Ingress], {DENY}"))],
                connections: vec![
                    ("Y -> B tcp/8080", not_blocked),
                    ("Y -> n1 tcp/8443", "deny: not policed, rule"),
                ],
                judged: vec![("forward in at H1: Y -> B tcp/8080", "allow (forwarded by default)")],
            },
            Row {
                number: 98,
                objects: vec![on_host("p", &format!("{FORWARD}, types: [Ingress], {DENY}"))],
                connections: vec![
                    ("Y -> B tcp/8080", "deny: not policed, rule"),
                    // Failsafe ports are the host's own, not those of what it forwards to.
                    ("Y -> B tcp/22", "deny: not policed, rule"),
                    ("Y -> n1 tcp/22", "allow: not policed, failsafe port"),
                    ("Y -> n1 tcp/8443", "deny: not policed, rule"),
                ],
                judged: vec![(
                    "forward in at H1: Y -> B tcp/8080",
                    "deny (rule) forward:default|gnp:p|deny|0",
                )],
            },
            Row {
                number: 99,
                objects: vec![on_host("p", &format!("{FORWARD}, types: [Egress]"))],
                connections: vec![
                    ("Y -> B tcp/8080", not_blocked),
                    ("B -> Y tcp/80", "deny: tier default, not policed"),
                    // Between pods of the node nothing leaves it.
                    ("A -> B tcp/8080", "allow: profile rule, profile rule"),
                ],
                judged: vec![(
                    "forward out at H1: B -> Y tcp/80",
                    "deny (tier default) forward:default|gnp:p|deny|-1",
                )],
            },
        ],
        world,
    );
}

/// Rows 100 to 102, where the destination is translated: by the cluster's own service, or by the caller.
#[test]
fn before_translation() {
    let node_port = "destination: {nets: [192.168.0.1/32], ports: [30080]}";
    let deny_node_port = on_host(
        "p",
        &format!("preDNAT: true, {FORWARD}, ingress: [{{action: Deny, protocol: TCP, {node_port}}}]"),
    );
    let allow_all = || on_host("p", &format!("preDNAT: true, {FORWARD}, {ALLOW}"));
    let pre_dnat_allow = "allow (rule) pre-dnat:default|gnp:p|allow|0";
    check(
        vec![
            Row {
                number: 100,
                objects: vec![node_port_service(), deny_node_port.clone()],
                connections: vec![
                    ("Y -> n1 tcp/30080", "deny: not policed, rule"),
                    ("Y -> B tcp/8080", "allow: not policed, profile rule"),
                ],
                judged: vec![(
                    "forward in at H1: Y -> B tcp/8080",
                    "allow (forwarded by default) pre-dnat:default|gnp:p|pass|-1",
                )],
            },
            Row {
                // Failsafe ports come first in this phase too (7.2).
                number: 100,
                objects: vec![on_host("p", &format!("preDNAT: true, {FORWARD}, {DENY}"))],
                connections: vec![
                    ("Y -> n1 tcp/22", "allow: not policed, failsafe port"),
                    ("Y -> n1 tcp/23", "deny: not policed, rule"),
                ],
                judged: vec![],
            },
            Row {
                number: 101,
                objects: vec![allow_all(), on_host("q", &format!("types: [Ingress], {DENY}"))],
                connections: vec![("Y -> n1 tcp/9000", "allow: not policed, rule")],
                judged: vec![("in: Y -> H1 tcp/9000", pre_dnat_allow)],
            },
            Row {
                number: 102,
                objects: vec![node_port_service(), allow_all(), deny_into_b()],
                connections: vec![("Y -> n1 tcp/30080", "deny: not policed, tier default")],
                judged: vec![
                    ("forward in at H1: Y -> B tcp/8080", pre_dnat_allow),
                    ("in: Y -> B tcp/8080", "deny (tier default) default|gnp:pods|deny|-1"),
                ],
            },
        ],
        world,
    );

    let cluster = world(&[deny_node_port]);
    let original = |port| FlowContext {
        original_destination: Some(OriginalDestination { address: IpAddr::from([192, 168, 0, 1]), port }),
        ..FlowContext::default()
    };
    let mut table = Table::default();
    for (port, expected) in [
        (30080, "deny (rule) pre-dnat:default|gnp:p|deny|0"),
        (30081, "allow (forwarded by default) pre-dnat:default|gnp:p|pass|-1"),
    ] {
        let question = "forward in at H1: Y -> B tcp/8080";
        let got = ask_about(&cluster, question, &original(port));
        table.expect(100, &format!("translated from port {port}"), expected, &got);
    }
    let got = connect_about(&cluster, "Y -> B tcp/8080", &original(30080));
    table.expect(100, "the connection, translated by the caller", "deny: not policed, rule", &got);
    table.finish();
}

/// Rows 103 and 104: each direction of an untracked connection stands for itself.
#[test]
fn untracked() {
    let untracked = |rules: &str| on_host("p", &format!("doNotTrack: true, {FORWARD}, {rules}"));
    let request = "ingress: [{action: Allow, protocol: TCP, destination: {ports: [9000]}}]";
    let reply = "egress: [{action: Allow, protocol: TCP, source: {ports: [9000]}}]";
    let normal = on_host("q", "types: [Egress], egress: [{action: Allow}]");
    let both_ways = format!("{request}, {reply}");
    let no_profile = "deny (no profile matched) __PROFILE__|pro:__NO_MATCH__|deny|0";
    check(
        vec![
            Row {
                number: 103,
                objects: vec![untracked(request)],
                connections: vec![("Y -> n1 tcp/9000", "deny: not policed, reply not allowed")],
                judged: vec![("in: Y -> H1 tcp/9000", "allow (rule) untracked:default|gnp:p|allow|0")],
            },
            Row {
                // 7.4: the reply needs an untracked rule; a normal one is no help.
                number: 103,
                objects: vec![untracked(request), normal.clone()],
                connections: vec![("Y -> n1 tcp/9000", "deny: not policed, reply not allowed")],
                judged: vec![],
            },
            Row {
                number: 103,
                objects: vec![untracked(&both_ways)],
                connections: vec![
                    ("Y -> n1 tcp/9000", "allow: not policed, rule"),
                    ("Y -> n1 tcp/9001", "deny: not policed, no profile matched"),
                ],
                judged: vec![("out: H1 -> Y tcp/9000:40000", "allow (rule) untracked:default|gnp:p|allow|0")],
            },
            Row {
                // Failsafe ports come first, also as the source of replies (7.2). What a pod sends to its own node is
                // not seen by this phase.
                number: 103,
                objects: vec![untracked("ingress: [{action: Deny}], egress: [{action: Deny}]")],
                connections: vec![
                    ("Y -> n1 tcp/22", "allow: not policed, failsafe port"),
                    ("n1 -> Y tcp/6443", "allow: failsafe port, not policed"),
                    ("Y -> n1 tcp/23", "deny: not policed, rule"),
                ],
                judged: vec![
                    ("out: H1 -> Y tcp/23:40000", "deny (rule) untracked:default|gnp:p|deny|0"),
                    ("out: H1 -> Y tcp/22:40000", no_profile),
                    ("in: Y -> H1 tcp/6443:40000", no_profile),
                    ("pre-dnat in at H1: A -> n1 tcp/9000", "allow (not policed)"),
                ],
            },
            Row {
                // The same where the host began the connection.
                number: 103,
                objects: vec![untracked("egress: [{action: Allow}]"), normal],
                connections: vec![("n1 -> Y tcp/443", "deny: reply not allowed, not policed")],
                judged: vec![],
            },
            Row {
                number: 103,
                objects: vec![untracked("egress: [{action: Allow}], ingress: [{action: Allow}]")],
                connections: vec![("n1 -> Y tcp/443", "allow: rule, not policed")],
                judged: vec![],
            },
        ],
        world,
    );
    check(
        vec![Row {
            number: 104,
            objects: vec![
                wildcard("n1"),
                untracked("ingress: [{action: Deny}], egress: [{action: Deny}]"),
                on_host("q", "ingress: [{action: Allow}], egress: [{action: Allow}]"),
            ],
            connections: vec![
                ("Y -> n1 tcp/9000", "allow: not policed, rule"),
                ("n1 -> Y tcp/9000", "allow: rule, not policed"),
                ("Y -> B tcp/9000", "allow: not policed, profile rule"),
            ],
            judged: vec![("in: Y -> hep/n1-auto-hep tcp/9000", "allow (rule) default|gnp:q|allow|0")],
        }],
        |objects| world_without_hosts(Dialect::default(), objects),
    );
}

/// Row 105: these classes never act at workloads.
#[test]
fn host_classes_at_workloads() {
    let on_b = |class: &str| gnp("p", &format!("selector: app == 'db', {class}: true, {FORWARD}, {DENY}"));
    let by_profile = "allow (profile rule) __PROFILE__|pro:kns.dev|allow|0";
    let row = |class: &str| Row {
        number: 105,
        objects: vec![on_b(class)],
        connections: vec![("Y -> B tcp/9000", "allow: not policed, profile rule")],
        judged: vec![("in: A -> B tcp/9000", by_profile)],
    };
    check(vec![row("preDNAT"), row("doNotTrack")], world);
}

/// Row 106: a node reaches its own pods whatever policy says.
#[test]
fn own_node_to_pod() {
    check(
        vec![Row {
            number: 106,
            objects: vec![deny_into_b()],
            connections: vec![
                ("n1 -> B tcp/8080", "allow: own node, own node"),
                ("n2 -> B tcp/8080", "deny: not policed, tier default"),
            ],
            judged: vec![("in: n1 -> B tcp/8080", "deny (tier default) default|gnp:pods|deny|-1")],
        }],
        world,
    );
}

/// Rows 107 to 109, and the truth table of 7.3: traffic of a pod to its own node.
#[test]
fn pod_to_own_node() {
    let open = || gnp("pods", "selector: app == 'web', types: [Egress], egress: [{action: Allow}]");
    let closed = gnp("pods", "selector: app == 'web', types: [Egress]");
    let pre_dnat = |rule: &str| on_host("p", &format!("preDNAT: true, {FORWARD}, {rule}"));
    let normal = |rule: &str| on_host("p", &format!("{FORWARD}, types: [Ingress], {rule}"));
    let (none, all) = (world_without_hosts as fn(_, &[_]) -> _, world_with as fn(_, &[_]) -> _);
    let (accept, drop, return_) = (EndpointToHost::Accept, EndpointToHost::Drop, EndpointToHost::Return);
    let (yes, dropped) = ("allow: rule, not policed", "deny: endpoint-to-host action, not policed");
    let (refused, firewall) = ("deny: rule, not policed", "undecided: undecided, not policed");
    let wild = |policy: String| vec![wildcard("n1"), open(), policy];
    let mut table = Table::default();
    for (row, world, objects, action, expected) in [
        (107, all, vec![open()], drop, dropped),
        (107, all, vec![open()], accept, yes),
        (107, all, vec![open()], return_, firewall),
        (107, none, vec![open()], accept, yes),
        (107, none, vec![closed], accept, "deny: tier default, not policed"),
        (108, none, wild(normal(DENY)), accept, yes),
        (108, none, wild(normal(ALLOW)), drop, dropped),
        (109, none, wild(pre_dnat(DENY)), accept, refused),
        (109, none, wild(pre_dnat(DENY)), drop, refused),
        (109, none, wild(pre_dnat(DENY)), return_, refused),
        (109, none, wild(pre_dnat(ALLOW)), accept, yes),
        (109, none, wild(pre_dnat(ALLOW)), drop, dropped),
        (109, none, wild(pre_dnat(ALLOW)), return_, firewall),
        // A host endpoint of one interface does not see this traffic.
        (109, all, vec![open(), pre_dnat(DENY)], accept, yes),
        (109, all, vec![open(), normal(DENY)], accept, yes),
    ] {
        let mut dialect = Dialect::default();
        dialect.endpoint_to_host = action;
        let cluster = world(dialect, &objects);
        let got = connect(&cluster, "A -> n1 tcp/9000");
        table.expect(row, &format!("{action:?}"), expected, &got);
    }
    table.finish();
}

#[test]
fn the_firewall_of_the_host_is_not_known() {
    let mut dialect = Dialect::default();
    dialect.endpoint_to_host = EndpointToHost::Return;
    let cluster = world_with(dialect, &[]);
    let trace =
        tierwall::explain::explain(&cluster, &flow(&cluster, "A -> n1 tcp/9000"), &FlowContext::default());
    assert_eq!(trace.enforced.missing, [Missing::HostFirewall]);
}

/// Row 110: on its way, pod traffic passes the forward policy of both nodes.
#[test]
fn pod_to_remote_pod() {
    let policy = |name: &str, host: &str, rules: &str| {
        gnp(name, &format!("selector: host == '{host}', {FORWARD}, types: [Ingress, Egress], {rules}"))
    };
    let both = "ingress: [{action: Deny}], egress: [{action: Allow}]";
    let pass = "ingress: [{action: Pass}], egress: [{action: Pass}]";
    let nodes = || vec![wildcard("n1"), wildcard("n2")];
    let with = |policies: &[String]| [nodes().as_slice(), policies].concat();
    let to_c = "A -> C tcp/80";
    check(
        vec![
            Row {
                number: 110,
                objects: with(&[on_host("p", &format!("{FORWARD}, types: [Ingress, Egress], {both}"))]),
                connections: vec![(to_c, "deny: rule, rule")],
                judged: vec![(
                    "forward in at hep/n1-auto-hep: A -> C tcp/80",
                    "deny (rule) forward:default|gnp:p|deny|0",
                )],
            },
            Row {
                // Only the first node: the pod leaves through its interface there.
                number: 110,
                objects: with(&[policy("p", "n1", both)]),
                connections: vec![
                    (to_c, "deny: rule, profile rule"),
                    ("C -> A tcp/80", "deny: profile rule, rule"),
                    ("A -> B tcp/80", "deny: rule, profile rule"),
                ],
                judged: vec![],
            },
            Row {
                // Passed by the last tier, forwarded traffic goes on (7.2).
                number: 110,
                objects: with(&[policy("p", "n1", pass), policy("q", "n2", pass)]),
                connections: vec![(to_c, "allow: profile rule, profile rule")],
                judged: vec![(
                    "forward out at hep/n1-auto-hep: A -> C tcp/80",
                    "allow (forwarded by default) forward:default|gnp:p|pass|0",
                )],
            },
            Row {
                // The egress of the first node, on the way out.
                number: 110,
                objects: with(&[policy("p", "n1", "ingress: [{action: Allow}], egress: [{action: Deny}]")]),
                connections: vec![(to_c, "deny: rule, profile rule")],
                judged: vec![],
            },
        ],
        |objects| world_without_hosts(Dialect::default(), objects),
    );
}

/// 7.1: which host endpoint governs an interface.
#[test]
fn which_host_endpoint() {
    let named = |name: &str, interface: &str| {
        hep(name, &format!("node: n1, interfaceName: '{interface}', profiles: [{name}]"))
    };
    let by_address = hep("b-address", "node: n1, expectedIPs: [192.168.0.1], profiles: [b-address]");
    let mut cluster = world_without_hosts(Dialect::default(), &[]);
    let objects = [
        named("c-eth0", "eth0"),
        named("d-eth0", "eth0"),
        named("a-eth1", "eth1"),
        named("e-all", "*"),
        hep("z-other-node", "node: n2, interfaceName: eth0, profiles: [z-other-node]"),
    ];
    add(&mut cluster, &objects);
    let governor = |cluster: &Cluster, interface: &str| {
        let context = FlowContext { destination_interface: Some(interface.into()), ..FlowContext::default() };
        let trace = tierwall::explain::explain(cluster, &flow(cluster, "Y -> n1 tcp/9000"), &context);
        trace.enforced.sides[1].endpoint.clone().unwrap_or_default()
    };
    let mut table = Table::default();
    for (interface, expected) in [("eth0", "c-eth0"), ("eth1", "a-eth1"), ("eth2", "e-all")] {
        let expected = format!("HostEndpoint {expected}");
        table.expect("7.1", interface, &expected, &governor(&cluster, interface));
    }
    add(&mut cluster, &[by_address]);
    // The lowest name of those that fit, whether by name or by address.
    for (interface, expected) in [("eth0", "b-address"), ("eth1", "a-eth1")] {
        let expected = format!("HostEndpoint {expected}");
        table.expect("7.1 with an address", interface, &expected, &governor(&cluster, interface));
    }

    // By the address the flow goes to, where the interface is not said; and not by that of another interface.
    let by_address = |name: &str, address: &str| hep(name, &format!("node: n1, expectedIPs: [{address}]"));
    let mut cluster = world_without_hosts(Dialect::default(), &[]);
    add(&mut cluster, &[by_address("first", "192.168.9.9"), by_address("second", "192.168.0.1")]);
    let trace = |cluster: &Cluster, text: &str, context| {
        let trace = tierwall::explain::explain(cluster, &flow(cluster, text), &context);
        trace.enforced.sides[1].endpoint.clone().unwrap_or_default()
    };
    let unsaid = FlowContext::default;
    let eth7 = || FlowContext { destination_interface: Some("eth7".into()), ..FlowContext::default() };
    for (text, context, expected) in [
        ("Y -> 192.168.0.1 tcp/9000", unsaid(), "HostEndpoint second"),
        ("Y -> 192.168.9.9 tcp/9000", unsaid(), "HostEndpoint first"),
        ("Y -> 192.168.0.1 tcp/9000", eth7(), "HostEndpoint second"),
    ] {
        table.expect("7.1 by address", text, expected, &trace(&cluster, text, context));
    }
    table.finish();
}

/// What the engine says of a whole connection is what it says of each point on the way.
#[test]
fn evaluation_and_judgement_agree() {
    let cluster = world(&[on_host("p", &format!("{FORWARD}, types: [Ingress], {DENY}"))]);
    let flow = flow(&cluster, "Y -> n1 tcp/8443");
    let verdict = evaluate_once(&cluster, &flow, &FlowContext::default()).enforced;
    let host = cluster.host_endpoints().next().unwrap().id;
    let direction = tierwall::model::Direction::Ingress;
    let point =
        tierwall::reference::Point { endpoint: host, direction, role: tierwall::reference::Role::Own };
    let scope = tierwall::cluster::Scope::Enforced;
    let judgement = judge_once(&cluster, point, &flow, &FlowContext::default(), scope);
    assert_eq!(verdict.rule(direction), judgement.rule);
    assert_eq!(verdict.action(), judgement.action);
}
