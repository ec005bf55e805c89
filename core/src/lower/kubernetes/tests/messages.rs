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
    }))), @r#"
    error[TW0204]: spec.podSelector.matchExpressions[0].operator: `in` is not an operator of a label selector (write `In`)
    error[TW0204]: spec.policyTypes[0]: `ingress` is not a type of policy (did you mean `Ingress`?)
    error[TW0502]: spec.ingress[0].ports[0].port: the text "80" is the name of a port, and a name needs a letter (write the number without quotes: `port: 80`)
    error[TW0502]: spec.ingress[0].ports[1].port: the text "8080-8090" is the name of a port, and a name needs a letter (write the range as `port: 8080` and `endPort: 8090`)
    error[TW0206]: spec.ingress[0].ports[2].endPort: `endPort` does not go together with the named port `http` (write the first port as a number, or remove `endPort`)
    error[TW0503]: spec.ingress[0].ports[3].protocol: `tcp` is not a protocol that has ports here (did you mean `TCP`?)
    error[TW0502]: spec.ingress[0].ports[3].endPort: the range ends at 80, before it starts at 90 (write `port: 80` and `endPort: 90`)
    error[TW0503]: spec.ingress[0].ports[4].protocol: `ICMP` is not a protocol that has ports here (ports have no ICMP; a rule without ports allows every protocol)
    error[TW0206]: spec.ingress[0].ports[5].endPort: `endPort` needs `port`, where the range starts (add the first port: `port: 1` and `endPort: 80`, or remove `endPort`)
    error[TW0510]: spec.ingress[0].from[0]: this peer selects nothing; a field with nothing after it counts as absent (write `podSelector`, `namespaceSelector` (`{}` for all) or `ipBlock`, or remove the whole list for any peer)
    error[TW0501]: spec.ingress[0].from[1].ipBlock.except[0]: the exception `11.0.0.0/16` is not within the range `10.0.0.0/8` (remove it: it excepts nothing; if you meant to deny it, note that NetworkPolicy only allows)
    error[TW0501]: spec.ingress[0].from[1].ipBlock.except[1]: the exception `10.0.0.0/8` is the whole range (remove this peer: nothing is left of it)
    error[TW0501]: spec.ingress[0].from[1].ipBlock.except[2]: the exception `10.0.0.0/7` holds the whole range `10.0.0.0/8` (write a smaller range, or remove this peer: nothing is left of it)
    error[TW0206]: spec.ingress[0].from[2]: `ipBlock` does not go together with selectors in one peer (make two peers of it: either may match)
    error[TW0501]: spec.ingress[0].from[3].ipBlock.cidr: `10.0.0.1` is an address, not an address range (write `10.0.0.1/32`)
    "#);
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
    }))), @r#"
    error[TW0204]: spec.tier: `baseline` is not a tier of this kind of policy (did you mean `Baseline`?)
    error[TW0203]: spec.priority: this policy needs a `priority` (write a number from 0 to 1000; lower comes first)
    error[TW0206]: spec.subject: `namespaces` and `pods` exclude each other (keep one of them; `pods` has a `namespaceSelector` of its own)
    error[TW0204]: spec.ingress[0].action: `Allow` is not an action of this kind of policy (write `Accept`)
    error[TW0207]: spec.ingress[0].from: this rule needs at least one peer in `from`; an empty list is not "any peer" here (for any pod write the peer `namespaces: {}`)
    error[TW0510]: spec.egress[0].protocols[0]: this entry names no protocol (write `tcp`, `udp`, `sctp` or `destinationNamedPort`; for any protocol remove the list `protocols`)
    error[TW0203]: spec.egress[0].protocols[1].tcp.destinationPort: `tcp` needs a `destinationPort` (for every port of TCP write `destinationPort: {range: {start: 1, end: 65535}}`)
    error[TW0502]: spec.egress[0].protocols[2].udp.destinationPort.range: a range must end after it starts: 5 to 5 does not (write `number: 5` instead of the range)
    error[TW0510]: spec.egress[0].to[0]: this peer names nothing; a field with nothing after it counts as absent (write one of `namespaces`, `pods`, `networks`, `nodes` or `domainNames`; `namespaces: {}` is all namespaces)
    error[TW0501]: spec.egress[0].to[2].networks[0]: `10.0.0.1` is an address, not an address range (write `10.0.0.1/32`)
    "#);
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
    }))), @r#"
    error[TW0208]: spec.priority: the priority 2000 is out of range (write a number from 0 to 1000; lower comes first)
    error[TW0204]: spec.egress[0].action: `Accept` is not an action of this kind of policy (write `Allow`)
    error[TW0203]: spec.egress[0].to[0].pods.namespaceSelector: `pods` needs a `namespaceSelector` (write `namespaceSelector: {}` for all namespaces)
    error[TW0509]: spec.egress[1].to[0].domainNames[0]: `*.com` is not a domain name: it needs at least two labels besides `*` (write a name like `example.com` or `*.example.com`)
    error[TW0509]: spec.egress[1].to[0].domainNames[1]: `a.*.com` is not a domain name: `*` stands for whole labels in front only (write `*.example.com` for every name below `example.com`)
    warning[TW0702]: spec.egress[2].ports[0].namedPort: no container port can have this name: `HTTP` is not a port name: only lower-case letters, digits and `-` are allowed (write a number from 1 to 65535, or the name of a port of the endpoint, like `http`)
    warning[TW0702]: spec.egress[2].to[0]: the named port `HTTP` matches known pods in these ranges only (write the port as a number, or make a rule of its own for this peer)
    warning[TW0702]: spec.egress[3].ports[0].portRange: this range ends at 1, before it starts at 9: it matches nothing (write `start: 1` and `end: 9`)
    "#);
    let mut named = banp(json!({"ingress": [{"action": "Pass", "from": [{"namespaces": {}}]}]}));
    named["metadata"]["name"] = json!("mine");
    insta::assert_snapshot!(messages(named), @r#"
    error[TW0301]: metadata.name: there is only one policy of this kind, and its name is not `mine` (write `name: default`)
    error[TW0204]: spec.ingress[0].action: `Pass` is not an action of this kind of policy (write one of `Allow` or `Deny`)
    "#);
}
