//! What a NetworkPolicy means where fields are missing, null or empty (`spec/kubernetes.md` 2.2, 2.4).

use crate::support::{np_spec, row, run};

/// Ingress from another namespace and from outside, and egress.
const OPEN: [&str; 3] = ["y/a -> x/a 80: allow", "e1 -> x/a 80: allow", "x/a -> y/a 80: allow"];
const NO_INGRESS: [&str; 4] = [
    "y/a -> x/a 80: deny (ingress tier default)",
    "e1 -> x/a 80: deny (ingress tier default)",
    "x/b -> x/a 80: deny (ingress tier default)",
    "x/a -> y/a 80: allow",
];

fn x(spec: &str) -> [String; 1] {
    [np_spec("x", spec)]
}

#[test]
fn policy_types() {
    let ingress_only = |spec| row(spec, x(spec), NO_INGRESS);
    let egress_only = |spec| {
        row(
            spec,
            x(spec),
            [
                "y/a -> x/a 80: allow",
                "x/a -> y/a 80: deny (egress tier default)",
                "x/a -> e1 443: deny (egress tier default)",
            ],
        )
    };
    let both = |spec| {
        row(
            spec,
            x(spec),
            ["y/a -> x/a 80: deny (ingress tier default)", "x/a -> y/a 80: allow (egress rule)"],
        )
    };
    run(&[
        ingress_only("{podSelector: {}}"),
        ingress_only("{podSelector: {}, policyTypes: []}"),
        ingress_only("{podSelector: {}, policyTypes: null}"),
        ingress_only("{podSelector: {}, policyTypes: [Ingress]}"),
        ingress_only("{podSelector: {}, policyTypes: [Ingress, Ingress]}"),
        ingress_only("{podSelector: {}, egress: []}"),
        ingress_only("{podSelector: {}, egress: null}"),
        ingress_only("{podSelector: {}, policyTypes: [], egress: []}"),
        both("{podSelector: {}, egress: [{}]}"),
        both("{podSelector: {}, policyTypes: [], egress: [{}]}"),
        both("{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{}]}"),
        both("{podSelector: {}, policyTypes: [Egress, Ingress], egress: [{}]}"),
        // Lists that are given are not added to: the rules of the other direction mean nothing.
        ingress_only("{podSelector: {}, policyTypes: [Ingress], egress: [{to: [{podSelector: {}}]}]}"),
        egress_only("{podSelector: {}, policyTypes: [Egress]}"),
        egress_only("{podSelector: {}, policyTypes: [Egress], ingress: [{}]}"),
        egress_only("{podSelector: {}, policyTypes: [Egress], ingress: [{from: [{podSelector: {}}]}]}"),
    ]);
}

#[test]
fn subjects_and_rule_lists() {
    let isolated = |spec| row(spec, x(spec), NO_INGRESS);
    run(&[
        isolated("{}"),
        isolated("null"),
        row(
            "no spec",
            ["apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: NAME, namespace: x}\n"
                .to_owned()],
            NO_INGRESS,
        ),
        isolated("{podSelector: null}"),
        isolated("{podSelector: {matchLabels: null}}"),
        isolated("{podSelector: {matchLabels: {}, matchExpressions: []}}"),
        isolated("{policyTypes: [Ingress]}"),
        isolated("{ingress: null}"),
        isolated("{ingress: []}"),
        isolated("{ingress: [], policyTypes: [Ingress]}"),
    ]);
}

#[test]
fn a_policy_without_a_namespace_is_in_default() {
    let nowhere = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: NAME}\nspec: {}\n";
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: d, namespace: default}\nstatus: {podIP: 10.0.9.1}\n";
    run(&[row(
        "2.1",
        [nowhere.to_owned(), pod.to_owned()],
        ["y/a -> default/d 80: deny (ingress tier default)", "y/a -> x/a 80: allow"],
    )]);
}

#[test]
fn rules_that_allow_everything() {
    let open = |spec| row(spec, x(spec), OPEN);
    let protocols = |spec| {
        row(
            spec,
            x(spec),
            ["y/a -> x/a UDP 7: allow", "y/a -> x/a SCTP 7: allow", "e1 -> 10.0.1.1 ICMP: allow"],
        )
    };
    for rows in [
        ["{ingress: [{}]}", "{ingress: [{from: []}]}", "{ingress: [{from: null}]}"],
        ["{ingress: [{ports: []}]}", "{ingress: [{ports: null}]}", "{ingress: [{from: [], ports: []}]}"],
    ] {
        run(&rows.map(open));
        run(&rows.map(protocols));
    }
}

#[test]
fn peers() {
    let own = |spec| {
        row(
            spec,
            x(spec),
            ["x/b -> x/a 80: allow", "y/a -> x/a 80: deny", "e1 -> x/a 80: deny", "n2 -> x/a 80: deny"],
        )
    };
    let all_pods = |spec| {
        row(
            spec,
            x(spec),
            ["x/b -> x/a 80: allow", "y/a -> x/a 80: allow", "e1 -> x/a 80: deny", "n2 -> x/a 80: deny"],
        )
    };
    let own_b =
        |spec| row(spec, x(spec), ["x/b -> x/a 80: allow", "x/c -> x/a 80: deny", "y/b -> x/a 80: deny"]);
    run(&[
        own("{ingress: [{from: [{podSelector: {}}]}]}"),
        own("{ingress: [{from: [{podSelector: {matchLabels: null}}]}]}"),
        all_pods("{ingress: [{from: [{namespaceSelector: {}}]}]}"),
        all_pods("{ingress: [{from: [{namespaceSelector: {}, podSelector: {}}]}]}"),
        all_pods("{ingress: [{from: [{namespaceSelector: {}, podSelector: null}]}]}"),
        own_b("{ingress: [{from: [{namespaceSelector: null, podSelector: (pod=b)}]}]}"),
        own_b("{ingress: [{from: [{namespaceSelector: , podSelector: (pod=b)}]}]}"),
        own_b("{ingress: [{from: [{podSelector: (pod=b)}]}]}"),
    ]);
}

#[test]
fn ports() {
    let tcp = |spec| {
        row(
            spec,
            x(spec),
            [
                "y/a -> x/a 1: allow",
                "y/a -> x/a 65535: allow",
                "y/a -> x/a UDP 80: deny",
                "y/a -> x/a SCTP 80: deny",
                "e1 -> 10.0.1.1 ICMP: deny",
            ],
        )
    };
    run(&[
        tcp("{ingress: [{ports: [{}]}]}"),
        tcp("{ingress: [{ports: [{protocol: null, port: null}]}]}"),
        tcp("{ingress: [{ports: [{protocol: TCP}]}]}"),
        row(
            "UDP",
            x("{ingress: [{ports: [{protocol: UDP}]}]}"),
            ["y/a -> x/a UDP 5353: allow", "y/a -> x/a 5353: deny"],
        ),
        row(
            "TCP 80",
            x("{ingress: [{ports: [{port: 80}]}]}"),
            ["y/a -> x/a 80: allow", "y/a -> x/a 81: deny", "y/a -> x/a UDP 80: deny"],
        ),
    ]);
}
