//! What is exempt, what is special, and what the readings of the dialect change (`spec/kubernetes.md` 1.1, 1.5, 2.8,
//! 2.9, 8).

use crate::support::{Row, cnp, np, row, run, service};
use tierwall::dialect::{CidrPods, Dialect, EgressToOwnNode, EndpointToHost, HostNetwork, OtherProtocols};

fn isolated() -> String {
    np("x", "{}", "Ingress, Egress", "")
}

fn into_a(rules: &str) -> String {
    np("x", "(pod=a)", "", &format!("ingress: [{rules}]"))
}

#[test]
fn a_pod_and_its_node() {
    let evaluated = |dialect: &mut Dialect| dialect.egress_to_own_node = EgressToOwnNode::Evaluated;
    let to_node = || np("x", "{}", "Egress", "egress: [{to: [{ipBlock: {cidr: 10.100.0.1/32}}]}]");
    let baseline = || cnp("Baseline", 1, "namespaces: (ns=x)", "egress: [{action: Deny, to: [{nodes: {}}]}]");
    let admin = || cnp("Admin", 1, "namespaces: (ns=x)", "egress: [{action: Deny, to: [{nodes: {}}]}]");
    run(&[
        row("from the own node", [isolated()], ["n1 -> x/a 80: allow (ingress own node)"]),
        row("from another node", [isolated()], ["n2 -> x/a 80: deny (ingress tier default)"]),
        row("to the own node", [isolated()], ["x/a -> n1 80: allow (egress own node)"]),
        row("to another node", [isolated()], ["x/a -> n2 80: deny (egress tier default)"]),
        row("to the own node, evaluated", [isolated()], ["x/a -> n1 80: deny (egress tier default)"])
            .reading(evaluated),
        row("a rule for the own node", [to_node()], ["x/a -> n1 80: allow (egress rule)"]).reading(evaluated),
        row("a pod of the own node", [isolated()], ["x/a -> x/h 80: allow (egress own node)"]),
        // The exemption lifts isolation and nothing else: 2.11.
        row("admin before it", [isolated(), admin()], ["x/a -> n1 80: deny (egress rule)"]),
        row("the baseline without isolation", [baseline()], ["x/a -> n1 80: deny (egress rule)"]),
        row(
            "the baseline with isolation",
            [isolated(), baseline()],
            ["x/a -> n1 80: allow (egress own node)"],
        ),
        row("what the host does", [], ["x/a -> n1 80: deny (egress endpoint-to-host action)"])
            .reading(|dialect| dialect.endpoint_to_host = EndpointToHost::Drop),
    ]);
}

#[test]
fn a_pod_and_itself() {
    let own_service = || service("s", "10.96.0.1", "a", 8000, 80);
    run(&[
        row("by its address", [isolated()], ["x/a -> x/a 80: allow (egress traffic to itself)"]),
        // Through a service a pod is to itself like any other.
        row("through a service", [isolated(), own_service()], ["x/a -> svc/x/s 8000: deny"]),
        row("through a service, nothing denies", [own_service()], ["x/a -> svc/x/s 8000: allow"]),
        row(
            "through a service, allowed",
            [
                np(
                    "x",
                    "(pod=a)",
                    "Ingress, Egress",
                    "ingress: [{from: [{podSelector: (pod=a)}]}], egress: [{to: [{podSelector: (pod=a)}]}]",
                ),
                own_service(),
            ],
            ["x/a -> svc/x/s 8000: allow (egress rule, ingress rule)"],
        ),
    ]);
}

#[test]
fn services() {
    let egress = |port| np("x", "(pod=c)", "Egress", &format!("egress: [{{ports: [{{port: {port}}}]}}]"));
    let to_a = || np("x", "(pod=c)", "Egress", "egress: [{to: [{podSelector: (pod=a)}]}]");
    let to_range =
        |range| np("x", "(pod=c)", "Egress", &format!("egress: [{{to: [{{ipBlock: {{cidr: {range}}}}}]}}]"));
    let front = || service("s", "10.96.0.1", "a", 8000, 80);
    run(&[
        row("the port of the pod", [front(), egress(80)], ["x/c -> svc/x/s 8000: allow (egress rule)"]),
        row(
            "not that of the service",
            [front(), egress(8000)],
            ["x/c -> svc/x/s 8000: deny (egress tier default)"],
        ),
        row("the pod", [front(), to_a()], ["x/c -> svc/x/s 8000: allow (egress rule)"]),
        row("its address", [front(), to_range("10.0.1.1/32")], ["x/c -> svc/x/s 8000: allow (egress rule)"]),
        row("not that of the service", [front(), to_range("10.96.0.0/16")], ["x/c -> svc/x/s 8000: deny"]),
        row(
            "no pod behind it",
            [service("s", "10.96.0.1", "nobody", 8000, 80)],
            ["x/c -> svc/x/s 8000: deny (egress no backend)"],
        ),
        // An address that no service is known for stays what it is.
        row("an unknown address", [to_range("10.96.0.0/16")], ["x/c -> 10.96.0.1 8000: allow (egress rule)"]),
        row(
            "no port is free",
            [np("x", "{}", "Egress", "egress: [{to: [{podSelector: {}}]}]")],
            ["x/a -> 192.0.2.53 UDP 53: deny", "x/a -> 192.0.2.53 53: deny"],
        ),
    ]);
}

#[test]
fn host_networked_pods() {
    let pods = |dialect: &mut Dialect| dialect.host_network = HostNetwork::Pod;
    let from_h =
        || np("y", "(pod=a)", "", "ingress: [{from: [{namespaceSelector: (ns=x), podSelector: (pod=h)}]}]");
    let from_x = || np("y", "(pod=a)", "", "ingress: [{from: [{namespaceSelector: (ns=x)}]}]");
    let from_node = || np("y", "(pod=a)", "", "ingress: [{from: [{ipBlock: {cidr: 10.100.0.1/32}}]}]");
    let not_blue = || {
        let requirement = "{key: team, operator: NotIn, values: [blue]}";
        np(
            "y",
            "(pod=a)",
            "",
            &format!("ingress: [{{from: [{{namespaceSelector: {{matchExpressions: [{requirement}]}}}}]}}]"),
        )
    };
    run(&[
        row("as a subject", [isolated()], ["y/a -> x/h 80: allow (ingress not policed)"]),
        row("as a peer", [from_h()], ["x/h -> y/a 80: deny (ingress tier default)"]),
        row("as a peer by its namespace", [from_x()], ["x/h -> y/a 80: deny"]),
        row(
            "as no peer by what it is not",
            [not_blue()],
            ["x/h -> y/a 80: deny", "n1 -> y/a 80: deny", "e1 -> y/a 80: deny"],
        ),
        row("by the address of its node", [from_node()], ["x/h -> y/a 80: allow (ingress rule)"]),
        row("as a subject like any pod", [isolated()], ["y/a -> x/h 80: deny (ingress tier default)"])
            .reading(pods),
        row("as a peer like any pod", [from_h()], ["x/h -> y/a 80: allow (ingress rule)"]).reading(pods),
    ]);
}

#[test]
fn pods_that_have_finished() {
    let job = |metadata: &str, phase: &str| {
        let metadata = format!("{{name: job, namespace: y, labels: {{pod: job}}{metadata}}}");
        let status = format!("{{phase: {phase}, podIP: 10.0.8.1}}");
        format!("apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nstatus: {status}\n")
    };
    let done = |phase| job("", phase);
    let deleted = job(", deletionTimestamp: '2026-01-01T00:00:00Z'", "Running");
    let from_job = || into_a("{from: [{namespaceSelector: {}, podSelector: (pod=job)}]}");
    run(&[
        row("running", [done("Running"), from_job()], ["10.0.8.1 -> x/a 80: allow"]),
        row("succeeded", [done("Succeeded"), from_job()], ["10.0.8.1 -> x/a 80: deny"]),
        row("failed", [done("Failed"), from_job()], ["10.0.8.1 -> x/a 80: deny"]),
        row("being deleted", [deleted, from_job()], ["10.0.8.1 -> x/a 80: allow"]),
    ]);
}

#[test]
fn address_ranges_and_pods() {
    let skipped = |dialect: &mut Dialect| dialect.cidr_pods = CidrPods::NotMatched;
    let everywhere = || np("x", "(pod=a)", "Egress", "egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]");
    let deny =
        || cnp("Admin", 1, "namespaces: (ns=x)", "egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]");
    run(&[
        row(
            "a pod is in the range",
            [everywhere()],
            ["x/a -> y/a 80: allow (egress rule)", "x/a -> e1 80: allow"],
        ),
        row(
            "only what is no pod",
            [everywhere()],
            [
                "x/a -> y/a 80: deny (egress tier default)",
                "x/a -> e1 80: allow (egress rule)",
                "x/a -> n2 80: allow (egress rule)",
            ],
        )
        .reading(skipped),
        row("networks likewise", [deny()], ["x/a -> y/a 80: allow", "x/a -> e1 80: deny (egress rule)"])
            .reading(skipped),
    ]);
}

#[test]
fn other_protocols() {
    let flows = ["y/a -> x/a ICMP", "y/a -> x/a UDPLite"];
    let ask = |id: &str, policy: String, reading: OtherProtocols, answer: &str| -> Row {
        let [icmp, lite] = flows.map(|flow| format!("{flow}: {answer}"));
        row(id, [policy], [&icmp, &lite]).reading(|dialect| dialect.other_protocols = reading)
    };
    let from_y = || into_a("{from: [{namespaceSelector: (ns=y)}]}");
    let from_z = || into_a("{from: [{namespaceSelector: (ns=z)}]}");
    let with_port = || into_a("{from: [{namespaceSelector: (ns=y)}], ports: [{port: 80}]}");
    let (follow, allowed, undecided) =
        (OtherProtocols::FollowPeers, OtherProtocols::Allowed, OtherProtocols::Undecided);
    run(&[
        ask("by peer", from_y(), follow, "allow (ingress rule)"),
        ask("by another peer", from_z(), follow, "deny (ingress tier default)"),
        ask("a rule with ports", with_port(), follow, "deny (ingress tier default)"),
        ask("always, by peer", from_y(), allowed, "allow"),
        ask("always, by another peer", from_z(), allowed, "allow"),
        ask("always, a rule with ports", with_port(), allowed, "allow"),
        ask("open, by another peer", from_z(), undecided, "undecided (ingress undecided)"),
        ask("open, a rule with ports", with_port(), undecided, "undecided (ingress undecided)"),
        // TCP, UDP and SCTP are never exempt.
        row(
            "isolation holds",
            [from_z()],
            ["y/a -> x/a 80: deny", "y/a -> x/a UDP 80: deny", "y/a -> x/a SCTP 80: deny"],
        )
        .reading(|dialect| dialect.other_protocols = allowed),
        row("no isolation", [], ["y/a -> x/a ICMP: allow"])
            .reading(|dialect| dialect.other_protocols = undecided),
        row(
            "admin first",
            [
                cnp("Admin", 1, "namespaces: (ns=x)", "ingress: [{action: Deny, from: [{namespaces: {}}]}]"),
                isolated(),
            ],
            ["y/a -> x/a ICMP: deny (ingress rule)"],
        )
        .reading(|dialect| dialect.other_protocols = undecided),
    ]);
}

/// Section 1.5: names mean what each pod makes of them.
#[test]
fn named_ports() {
    let from_range = || into_a("{from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: serve-80-tcp}]}");
    let to_range = || {
        np("x", "(pod=a)", "Egress", "egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: http}]}]")
    };
    run(&[
        row(
            "from a range",
            [from_range()],
            ["e1 -> x/a 80: allow", "e1 -> x/a 81: deny", "e2 -> x/a 80: deny"],
        ),
        row(
            "to a range",
            [to_range()],
            [
                "x/a -> y/a 8080: allow",
                "x/a -> y/a 9090: deny",
                "x/a -> y/b 9090: allow",
                "x/a -> e1 8080: deny",
            ],
        ),
    ]);
}
