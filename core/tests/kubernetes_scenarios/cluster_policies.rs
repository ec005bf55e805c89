//! Scenarios C01 to C34: ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy (`spec/kubernetes.md`
//! 10).

use crate::support::{add, anp, banp, check, cluster_with, cnp, np, row, run, service};

const X: &str = "namespaces: (ns=x)";
const Y: &str = "namespaces: (ns=y)";
const EVERYONE: &str = "namespaces: {}";

/// An ingress rule about one peer.
fn from(action: &str, peer: &str) -> String {
    format!("{{action: {action}, from: [{{{peer}}}]}}")
}

/// A policy with one ingress rule about namespace y, for the pods of namespace x.
fn y_to_x(tier: &str, priority: u32, action: &str) -> String {
    cnp(tier, priority, X, &format!("ingress: [{}]", from(action, Y)))
}

fn allow_all_x() -> String {
    np("x", "{}", "", "ingress: [{}]")
}

fn isolated_x() -> String {
    np("x", "{}", "Ingress", "")
}

#[test]
fn actions_and_order() {
    let tcp80 = "protocols: [{tcp: {destinationPort: {number: 80}}}]";
    let accept_80 = format!("ingress: [{{action: Accept, from: [{{{Y}}}], {tcp80}}}]");
    let rules = |first, second| format!("ingress: [{}, {}]", from(first, Y), from(second, Y));
    run(&[
        row(
            "C01",
            [y_to_x("Admin", 10, "Deny")],
            [
                "y/a -> x/a 80: deny (ingress rule)",
                "z/a -> x/a 80: allow (ingress profile rule)",
                "e1 -> x/a 80: allow (ingress profile rule)",
            ],
        ),
        row("C02", [y_to_x("Admin", 10, "Deny"), allow_all_x()], ["y/a -> x/a 80: deny (ingress rule)"]),
        row(
            "C03",
            [cnp("Admin", 10, X, &accept_80), isolated_x()],
            ["y/a -> x/a 80: allow (ingress rule)", "y/a -> x/a 81: deny (ingress tier default)"],
        ),
        row("C04", [cnp("Admin", 10, X, &rules("Accept", "Deny"))], ["y/a -> x/a 80: allow (ingress rule)"]),
        row("C05", [cnp("Admin", 10, X, &rules("Deny", "Accept"))], ["y/a -> x/a 80: deny (ingress rule)"]),
        row(
            "C06",
            [y_to_x("Admin", 10, "Deny"), y_to_x("Admin", 20, "Accept")],
            ["y/a -> x/a 80: deny (ingress rule)"],
        ),
        row(
            "C33",
            [cnp(
                "Admin",
                10,
                X,
                "ingress: [{action: Deny, from: [{namespaces: (ns=y)}, {namespaces: (ns=z)}]}]",
            )],
            ["y/a -> x/a 80: deny", "z/b -> x/b 80: deny", "x/a -> x/b 80: allow"],
        ),
    ]);
}

#[test]
fn tiers() {
    let pass_then_deny = || [y_to_x("Admin", 5, "Pass"), y_to_x("Admin", 10, "Deny")];
    let [pass, deny] = pass_then_deny();
    let baseline_deny = || y_to_x("Baseline", 1, "Deny");
    let from_y = np("x", "{}", "", "ingress: [{from: [{namespaceSelector: (ns=y)}]}]");
    run(&[
        row("C07", pass_then_deny(), ["y/a -> x/a 80: allow (ingress profile rule)"]),
        row(
            "C08",
            [pass.clone(), deny.clone(), isolated_x()],
            ["y/a -> x/a 80: deny (ingress tier default)"],
        ),
        row("C09", [pass.clone(), deny.clone(), baseline_deny()], ["y/a -> x/a 80: deny (ingress rule)"]),
        row(
            "C10",
            [pass, deny, baseline_deny(), from_y],
            ["y/a -> x/a 80: allow (ingress rule)", "z/a -> x/a 80: deny (ingress tier default)"],
        ),
        row(
            "C11",
            [isolated_x(), y_to_x("Baseline", 1, "Accept")],
            ["y/a -> x/a 80: deny (ingress tier default)"],
        ),
        row(
            "C12",
            [y_to_x("Baseline", 10, "Accept"), y_to_x("Baseline", 20, "Deny")],
            ["y/a -> x/a 80: allow (ingress rule)"],
        ),
        row(
            "C13",
            [y_to_x("Baseline", 1, "Pass"), y_to_x("Baseline", 2, "Deny")],
            ["y/a -> x/a 80: allow (ingress profile rule)"],
        ),
    ]);
}

#[test]
fn networks() {
    let deny_v4 = "egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]";
    let pods_only = "egress: [{action: Pass, to: [{namespaces: {}}]},
                              {action: Deny, to: [{networks: [0.0.0.0/0, '::/0']}]}]";
    run(&[
        row(
            "C14",
            [cnp("Admin", 10, X, deny_v4)],
            ["x/a -> y/a 80: deny (egress rule)", "x/a -> e1 80: deny (egress rule)", "x/a -> e6 80: allow"],
        ),
        row(
            "C15",
            [cnp("Admin", 10, X, pods_only)],
            ["x/a -> y/a 80: allow", "x/a -> e1 80: deny (egress rule)", "x/a -> e6 80: deny (egress rule)"],
        ),
        row(
            "C28",
            [cnp("Admin", 10, X, "egress: [{action: Deny, to: [{networks: [192.0.2.0/24]}]}]")],
            ["x/a -> e1 ICMP: deny (egress rule)", "x/a -> e2 ICMP: allow"],
        ),
    ]);
}

#[test]
fn directions() {
    let accept_y = "egress: [{action: Accept, to: [{namespaces: (ns=y)}]}]";
    let deny_z = "egress: [{action: Deny, to: [{namespaces: (ns=z)}]}]";
    run(&[
        row(
            "C16",
            [cnp("Admin", 10, X, accept_y), np("y", "{}", "Ingress", "")],
            ["x/a -> y/a 80: deny (egress rule, ingress tier default)"],
        ),
        row(
            "C17",
            [cnp("Admin", 10, X, accept_y), np("x", "{}", "Egress", "")],
            ["x/a -> y/a 80: allow (egress rule)", "x/a -> z/a 80: deny (egress tier default)"],
        ),
        row(
            "C30",
            [cnp("Admin", 10, X, deny_z)],
            ["z/a -> x/a 80: allow", "x/a -> z/a 80: deny (egress rule)"],
        ),
    ]);
}

#[test]
fn protocols() {
    let deny = |protocols: &str| {
        let rule = format!("{{action: Deny, from: [{{namespaces: {{}}}}], protocols: [{protocols}]}}");
        cnp("Admin", 10, Y, &format!("ingress: [{rule}]"))
    };
    let two = "{tcp: {destinationPort: {number: 80}}}, {udp: {destinationPort: {number: 53}}}";
    run(&[
        row(
            "C18",
            [deny(two)],
            [
                "x/a -> y/a 80: deny",
                "x/a -> y/a UDP 53: deny",
                "x/a -> y/a 53: allow",
                "x/a -> y/a UDP 80: allow",
            ],
        ),
        row(
            "C19",
            [deny("{tcp: {destinationPort: {range: {start: 8080, end: 9090}}}}")],
            [
                "x/a -> y/a 8080: deny",
                "x/a -> y/a 9090: deny",
                "x/a -> y/a 9091: allow",
                "x/a -> y/a UDP 8080: allow",
            ],
        ),
        row(
            "C20",
            [deny("{destinationNamedPort: http}")],
            ["x/a -> y/a 8080: deny", "x/a -> y/a 9090: allow", "x/a -> y/b 9090: deny"],
        ),
        row(
            "C21",
            [deny("{destinationNamedPort: serve-80-udp}")],
            ["x/a -> y/a UDP 80: deny", "x/a -> y/a 80: allow"],
        ),
    ]);
}

#[test]
fn subjects_and_nodes() {
    let deny_all = "ingress: [{action: Deny, from: [{namespaces: {}}]}]";
    let pods_a = "pods: {namespaceSelector: {}, podSelector: (pod=a)}";
    let deny_infra = "egress: [{action: Deny, to: [{nodes: (role=infra)}]}]";
    run(&[
        row(
            "C22",
            [cnp("Admin", 10, pods_a, deny_all)],
            ["x/b -> y/a 80: deny (ingress rule)", "x/a -> y/b 80: allow"],
        ),
        row("C23", [cnp("Admin", 10, X, deny_all)], ["y/a -> x/h 80: allow (ingress not policed)"]),
        row(
            "C24",
            [cnp("Admin", 10, Y, deny_all)],
            [
                "x/h -> y/a 80: allow",
                "e1 -> y/a 80: allow",
                // A node that the pod is not on.
                "n1 -> y/a 80: allow (ingress profile rule)",
                "n2 -> y/a 80: allow (ingress own node)",
            ],
        ),
        row(
            "C25",
            [cnp("Admin", 10, X, deny_infra)],
            [
                "x/a -> 10.100.0.2 80: deny (egress rule)",
                "x/a -> 10.100.0.1 80: allow",
                "x/a -> y/a 80: allow",
            ],
        ),
    ]);
}

#[test]
fn domain_names() {
    let only = |names: &str| {
        let accept = format!("{{action: Accept, to: [{{domainNames: [{names}]}}]}}");
        cnp("Admin", 10, X, &format!("egress: [{accept}, {{action: Deny, to: [{{networks: [0.0.0.0/0]}}]}}]"))
    };
    let answers =
        [("www.example.com", "192.0.2.10"), ("a.b.example.com", "192.0.2.11"), ("example.com", "192.0.2.12")];
    let below = row(
        "C26",
        [only("'*.example.com'")],
        [
            "x/a -> 192.0.2.10 443: allow (egress rule)",
            "x/a -> 192.0.2.11 443: allow (egress rule)",
            "x/a -> 192.0.2.12 443: deny (egress rule)",
        ],
    );
    let exact =
        row("C27", [only("example.com")], ["x/a -> 192.0.2.12 443: allow", "x/a -> 192.0.2.10 443: deny"]);
    run(&[below.knowing(answers), exact.knowing(answers)]);
}

#[test]
fn a_pod_and_itself() {
    let deny = "ingress: [{action: Deny, from: [{namespaces: {}}]}],
                egress: [{action: Deny, to: [{namespaces: {}}]}]";
    let policies = || [cnp("Admin", 10, EVERYONE, deny), service("s", "10.96.0.1", "a", 8000, 80)];
    run(&[row(
        "C29",
        policies(),
        [
            "x/a -> x/a 80: allow (ingress traffic to itself)",
            "x/a -> svc/x/s 8000: deny (egress rule, ingress rule)",
            // The same, translated before the engine sees it.
            "x/a -> x/a 80 translated: deny (egress rule, ingress rule)",
        ],
    )]);
}

#[test]
fn the_first_version_of_the_api() {
    let allow_80 =
        "ingress: [{action: Allow, from: [{namespaces: (ns=y)}], ports: [{portNumber: {port: 80}}]}]";
    let deny_all = "ingress: [{action: Deny, from: [{namespaces: {}}]}]";
    run(&[
        row(
            "C31",
            [anp(10, X, allow_80), isolated_x(), banp(EVERYONE, deny_all)],
            ["y/a -> x/a 80: allow (ingress rule)", "y/a -> x/a 81: deny (ingress tier default)"],
        ),
        row(
            "C32",
            [banp(EVERYONE, deny_all), np("x", "(pod=a)", "", "ingress: [{}]")],
            ["y/a -> x/a 80: allow (ingress rule)", "y/a -> x/b 80: deny (ingress rule)"],
        ),
    ]);
}

/// C34: a namespace that loses the label its policy selects it by.
#[test]
fn labels_that_change() {
    let blue = "namespaces: {matchExpressions: [{key: team, operator: In, values: [blue]}]}";
    let mut cluster =
        cluster_with([cnp("Admin", 10, blue, "ingress: [{action: Deny, from: [{namespaces: (ns=x)}]}]")]);
    let mut failures = check(&cluster, "x/a -> y/a 80: deny (ingress rule)", true);
    let relabelled = "apiVersion: v1\nkind: Namespace\nmetadata: {name: y, labels: {ns: y}}\n";
    add(&mut cluster, &[relabelled.to_owned()]).unwrap();
    failures.extend(check(&cluster, "x/a -> y/a 80: allow (ingress profile rule)", true));
    assert!(failures.is_empty(), "C34: {}", failures.join("\n"));
}
