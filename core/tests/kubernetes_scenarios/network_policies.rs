//! Scenarios S01 to S60: NetworkPolicy (`spec/kubernetes.md` 10).

use crate::support::{np, row, run};

/// S02: everything in namespace x is isolated for ingress.
fn isolated_x() -> String {
    np("x", "{}", "Ingress", "")
}

/// S06: everything in namespace x is isolated for egress.
fn mute_x() -> String {
    np("x", "{}", "Egress", "")
}

/// A policy for the ingress of x/a.
fn into_a(rules: &str) -> String {
    np("x", "(pod=a)", "", &format!("ingress: [{rules}]"))
}

/// A policy for the egress of x/a.
fn from_a(rules: &str) -> String {
    np("x", "(pod=a)", "Egress", &format!("egress: [{rules}]"))
}

#[test]
fn isolation_and_policy_types() {
    run(&[
        row("S01", [], ["x/a -> y/b 80: allow (egress profile rule, ingress profile rule)"]),
        row("S02", [isolated_x()], ["y/a -> x/a 80: deny (egress profile rule, ingress tier default)"]),
        row("S03", [isolated_x()], ["x/a -> y/a 80: allow (egress profile rule)"]),
        row("S04", [isolated_x()], ["x/b -> x/a 80: deny (ingress tier default)"]),
        row("S05", [isolated_x()], ["e1 -> x/a 80: deny (egress not policed, ingress tier default)"]),
        row("S06", [mute_x()], ["x/a -> y/a 80: deny (egress tier default)"]),
        row("S07", [mute_x()], ["y/a -> x/a 80: allow (ingress profile rule)"]),
        row("S08", [np("x", "{}", "", "")], ["y/a -> x/a 80: deny (ingress tier default)"]),
        row("S09", [np("x", "{}", "", "")], ["x/a -> y/a 80: allow"]),
        row("S10", [np("x", "{}", "", "egress: []")], ["x/a -> y/a 80: allow"]),
        row("S11", [np("x", "{}", "", "egress: [{}]")], ["y/a -> x/a 80: deny (ingress tier default)"]),
        row("S12", [np("x", "{}", "", "egress: [{}]")], ["x/a -> e1 443: allow (egress rule)"]),
        row(
            "S13",
            [np("x", "{}", "Egress", "ingress: [{from: [{namespaceSelector: (ns=z)}]}]")],
            ["y/a -> x/a 80: allow (ingress profile rule)"],
        ),
        row(
            "S14",
            [np("x", "{}", "Egress", "ingress: [{from: [{namespaceSelector: (ns=z)}]}]")],
            ["x/a -> y/a 80: deny (egress tier default)"],
        ),
    ]);
}

#[test]
fn peers() {
    let either = "{from: [{namespaceSelector: (ns=y)}, {podSelector: (pod=b)}]}";
    let both = "{from: [{namespaceSelector: (ns=y), podSelector: (pod=b)}]}";
    run(&[
        row(
            "S15",
            [np("x", "(pod=a)", "Ingress", "ingress: [{}]")],
            ["e1 -> x/a 9999: allow (ingress rule)"],
        ),
        row("S16", [into_a("{from: []}")], ["z/a -> x/a UDP 80: allow (ingress rule)"]),
        row("S17", [into_a("{from: [{podSelector: {}}]}")], ["x/b -> x/a 80: allow (ingress rule)"]),
        row("S18", [into_a("{from: [{podSelector: {}}]}")], ["y/b -> x/a 80: deny (ingress tier default)"]),
        row("S19", [into_a("{from: [{namespaceSelector: {}}]}")], ["y/b -> x/a 80: allow (ingress rule)"]),
        row(
            "S20",
            [into_a("{from: [{namespaceSelector: {}}]}")],
            ["e1 -> x/a 80: deny (ingress tier default)"],
        ),
        row("S21", [into_a(both)], ["y/b -> x/a 80: allow (ingress rule)"]),
        row("S22", [into_a(both)], ["y/a -> x/a 80: deny", "x/b -> x/a 80: deny"]),
        row("S23", [into_a(either)], ["y/a -> x/a 80: allow", "x/b -> x/a 80: allow"]),
        row("S24", [into_a(either)], ["z/b -> x/a 80: deny"]),
        row(
            "S59",
            [into_a("{from: [{namespaceSelector: null, podSelector: (pod=b)}]}")],
            ["x/b -> x/a 80: allow", "y/b -> x/a 80: deny"],
        ),
        row(
            "S60",
            [np("y", "{}", "Ingress, Egress", "")],
            ["x/a -> z/a 80: allow", "x/a -> x/b 80: allow", "z/c -> e1 443: allow", "e1 -> x/a 80: allow"],
        ),
    ]);
}

#[test]
fn ports() {
    let two = "{from: [{namespaceSelector: (ns=y)}], ports: [{protocol: TCP, port: 80}]},
               {from: [{namespaceSelector: (ns=z)}], ports: [{protocol: TCP, port: 81}]}";
    let http = "{to: [{namespaceSelector: (ns=y)}], ports: [{port: http}]}";
    run(&[
        row("S25", [into_a(two)], ["y/a -> x/a 81: deny (ingress tier default)"]),
        row("S26", [into_a(two)], ["z/a -> x/a 81: allow (ingress rule)"]),
        row("S27", [into_a("{ports: [{port: 80}]}")], ["y/a -> x/a 80: allow", "y/a -> x/a UDP 80: deny"]),
        row(
            "S28",
            [into_a("{ports: [{protocol: UDP}]}")],
            ["y/a -> x/a UDP 5000: allow", "y/a -> x/a 80: deny"],
        ),
        row(
            "S29",
            [into_a("{ports: [{port: 80, endPort: 90}]}")],
            ["y/a -> x/a 80: allow", "y/a -> x/a 90: allow", "y/a -> x/a 79: deny", "y/a -> x/a 91: deny"],
        ),
        row("S30", [into_a("{ports: [{}]}")], ["y/a -> x/a 81: allow", "y/a -> x/a UDP 81: deny"]),
        row(
            "S31",
            [into_a("{ports: [{port: serve-81-tcp}]}")],
            ["y/a -> x/a 81: allow", "y/a -> x/a 80: deny"],
        ),
        row(
            "S32",
            [into_a("{ports: [{protocol: TCP, port: serve-81-udp}]}")],
            ["y/a -> x/a 81: deny", "y/a -> x/a UDP 81: deny"],
        ),
        row("S33", [from_a(http)], ["x/a -> y/a 8080: allow (egress rule)", "x/a -> y/a 9090: deny"]),
        row("S34", [from_a(http)], ["x/a -> y/b 9090: allow (egress rule)", "x/a -> y/b 8080: deny"]),
        row(
            "S35",
            [from_a("{ports: [{port: http}]}")],
            [
                "x/a -> e1 8080: deny (egress tier default)",
                // A name without `to` is of any pod.
                "x/a -> y/b 9090: allow",
            ],
        ),
        row(
            "S57",
            [into_a("{ports: [{protocol: SCTP, port: 81}]}")],
            ["y/a -> x/a 81: deny", "y/a -> x/a SCTP 81: allow"],
        ),
    ]);
}

#[test]
fn address_ranges() {
    let except = "{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/28]}}";
    run(&[
        row(
            "S36",
            [into_a("{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}")],
            ["e1 -> x/a 80: allow (ingress rule)", "e2 -> x/a 80: deny (ingress tier default)"],
        ),
        row(
            "S37",
            [into_a(&format!("{{from: [{except}]}}"))],
            ["192.0.2.10 -> x/a 80: deny", "192.0.2.20 -> x/a 80: allow"],
        ),
        row(
            "S38",
            [into_a(&format!("{{from: [{except}, {{ipBlock: {{cidr: 192.0.2.10/32}}}}]}}"))],
            ["e1 -> x/a 80: allow"],
        ),
        row(
            "S39",
            [into_a("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}")],
            ["e1 -> x/a 80: allow", "e6 -> x/a 80: deny", "e6 -> fd00:1::1 80: deny"],
        ),
        row(
            "S58",
            [from_a("{to: [{ipBlock: {cidr: 10.0.2.2/32}}]}")],
            ["x/a -> y/b 80: allow (egress rule)", "x/a -> y/a 80: deny"],
        ),
    ]);
}

#[test]
fn several_policies() {
    let from_y = "ingress: [{from: [{namespaceSelector: (ns=y)}]}]";
    let to_y = "egress: [{to: [{namespaceSelector: (ns=y)}]}]";
    let from_z = "ingress: [{from: [{namespaceSelector: (ns=z)}]}]";
    run(&[
        row(
            "S40",
            [isolated_x(), np("x", "(pod=a)", "", from_y)],
            ["y/a -> x/a 80: allow (ingress rule)", "y/a -> x/b 80: deny (ingress tier default)"],
        ),
        row(
            "S41",
            [mute_x(), np("y", "{}", "", "ingress: [{}]")],
            ["x/a -> y/a 80: deny (egress tier default, ingress rule)"],
        ),
        row(
            "S42",
            [np("x", "{}", "Egress", to_y), np("y", "{}", "", from_z)],
            [
                "x/a -> y/a 80: deny (egress rule, ingress tier default)",
                "x/a -> z/a 80: deny (egress tier default)",
            ],
        ),
        // The replies of what is allowed are not judged: there is one flow, and it is that of the first packet.
        row("S43", [mute_x()], ["y/a -> x/a 80: allow"]),
    ]);
}

#[test]
fn label_selectors() {
    let namespaces = |requirement: &str| {
        into_a(&format!("{{from: [{{namespaceSelector: {{matchExpressions: [{{{requirement}}}]}}}}]}}"))
    };
    let not_blue = || namespaces("key: team, operator: NotIn, values: [blue]");
    run(&[
        row("S44", [not_blue()], ["z/a -> x/a 80: allow", "x/b -> x/a 80: allow", "y/a -> x/a 80: deny"]),
        row(
            "S45",
            [namespaces("key: team, operator: DoesNotExist")],
            ["z/a -> x/a 80: allow", "y/a -> x/a 80: deny"],
        ),
        row(
            "S46",
            [namespaces("key: team, operator: Exists")],
            ["y/a -> x/a 80: allow", "z/a -> x/a 80: deny"],
        ),
        row(
            "S47",
            [namespaces("key: team, operator: In, values: [blue, red]")],
            ["y/a -> x/a 80: allow", "z/a -> x/a 80: deny"],
        ),
        row(
            "S48",
            [into_a("{from: [{namespaceSelector: (kubernetes.io/metadata.name=z)}]}")],
            ["z/a -> x/a 80: allow", "y/a -> x/a 80: deny"],
        ),
        row(
            "S49",
            [into_a("{from: [{podSelector: (pod=b,tier=db)}]}")],
            ["x/b -> x/a 80: allow", "x/c -> x/a 80: deny"],
        ),
        row("S50", [not_blue()], ["e1 -> x/a 80: deny (ingress tier default)"]),
    ]);
}

#[test]
fn nodes_and_the_pod_itself() {
    let from_n2 = "{from: [{ipBlock: {cidr: 10.100.0.2/32}}]}";
    let from_h = "ingress: [{from: [{namespaceSelector: (ns=x), podSelector: (pod=h)}]}]";
    run(&[
        row(
            "S51",
            [isolated_x()],
            ["x/a -> x/a 80: allow (egress traffic to itself, ingress traffic to itself)"],
        ),
        row("S52", [isolated_x()], ["n1 -> x/a 80: allow (ingress own node)"]),
        row("S53", [isolated_x()], ["n2 -> x/a 80: deny (ingress tier default)"]),
        row("S54", [into_a(from_n2)], ["n2 -> x/a 80: allow (ingress rule)"]),
        row("S55", [isolated_x()], ["y/a -> x/h 80: allow (ingress not policed)"]),
        row("S56", [np("y", "(pod=a)", "", from_h)], ["x/h -> y/a 80: deny (ingress tier default)"]),
    ]);
}
