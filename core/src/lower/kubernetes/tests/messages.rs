//! What people read.

use super::{anp, banp, cnp, lowering, np};
use serde_json::{Value, json};

fn messages(value: Value) -> String {
    let problems = lowering(value).problems;
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn network_policy() {
    insta::assert_snapshot!(messages(np(json!({
        "podSelector": {"matchExpressions": [{"key": "app", "operator": "in", "values": []}]},
        "policyTypes": ["ingress"],
        "ingress": [{
            "ports": [
                {"port": "80"},
                {"port": "8080-8090"},
                {"port": "http", "endPort": 90},
                {"protocol": "tcp", "port": 90, "endPort": 80},
                {"protocol": "ICMP"},
                {"endPort": 80},
            ],
            "from": [
                {},
                {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16", "10.0.0.0/8", "10.0.0.0/7"]}},
                {"ipBlock": {"cidr": "10.0.0.1"}, "podSelector": {}},
                {"ipBlock": {"cidr": "10.0.0.1"}},
            ],
        }],
    }))), @"");
}

#[test]
fn cluster_network_policy() {
    insta::assert_snapshot!(messages(cnp(json!({
        "tier": "baseline",
        "priority": null,
        "subject": {"namespaces": {}, "pods": {"podSelector": {}}},
        "ingress": [{"action": "Allow", "from": []}],
        "egress": [{
            "action": "Deny",
            "to": [{}, {"domainNames": ["example.com"]}, {"networks": ["10.0.0.1"]}],
            "protocols": [{}, {"tcp": {}}, {"udp": {"destinationPort": {"range": {"start": 5, "end": 5}}}}],
        }],
    }))), @"");
}

#[test]
fn admin_network_policies() {
    insta::assert_snapshot!(messages(anp(json!({
        "priority": 2000,
        "egress": [
            {"action": "Accept", "to": [{"pods": {"podSelector": {}}}]},
            {"action": "Allow", "to": [{"domainNames": ["*.com", "a.*.com"]}]},
            {"action": "Allow", "to": [{"networks": ["10.0.0.0/8"]}], "ports": [{"namedPort": "HTTP"}]},
            {"action": "Deny", "to": [{"namespaces": {}}], "ports": [{"portRange": {"start": 9, "end": 1}}]},
        ],
    }))), @"");
    let mut named = banp(json!({"ingress": [{"action": "Pass", "from": [{"namespaces": {}}]}]}));
    named["metadata"]["name"] = json!("mine");
    insta::assert_snapshot!(messages(named), @"");
}
