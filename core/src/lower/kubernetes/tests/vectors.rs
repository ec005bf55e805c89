//! What is accepted and what is not: `spec/kubernetes.md` 11, row by row.

use super::{anp, banp, cnp, lowering, np};
use crate::dialect::{CidrSyntax, Dialect};
use crate::lower::lower;
use serde_json::{Value, json};

/// The paths of the errors; a field that does not exist is an error of reading already.
fn errors(value: &Value) -> Vec<String> {
    if serde_json::from_value::<crate::resource::Resource>(value.clone()).is_err() {
        return vec!["unreadable".to_owned()];
    }
    lowering(value.clone()).errors().map(|problem| problem.path.to_string()).collect()
}

#[track_caller]
fn accepts(value: Value) {
    assert_eq!(errors(&value), Vec::<String>::new(), "{value}");
    assert!(lowering(value).value.is_some());
}

#[track_caller]
fn rejects(value: Value, path: &str) {
    assert_eq!(errors(&value), [path], "{value}");
    if path != "unreadable" {
        assert!(lowering(value).value.is_none());
    }
}

fn ports(port: Value) -> Value {
    np(json!({"ingress": [{"ports": [port]}]}))
}

fn peer(peer: Value) -> Value {
    np(json!({"egress": [{"to": [peer]}]}))
}

#[test]
fn network_policy_ports() {
    let at = |field: &str| format!("spec.ingress[0].ports[0].{field}");
    rejects(ports(json!({"port": "80"})), &at("port"));
    rejects(ports(json!({"port": "http", "endPort": 90})), &at("endPort"));
    rejects(ports(json!({"endPort": 90})), &at("endPort"));
    rejects(ports(json!({"port": 90, "endPort": 80})), &at("endPort"));
    accepts(ports(json!({"port": 80, "endPort": 80})));
    for port in [json!(0), json!(65536), json!(-1)] {
        rejects(ports(json!({"port": port})), &at("port"));
    }
    rejects(ports(json!({"port": 1, "endPort": 65536})), &at("endPort"));
    for name in ["abcdefghijklmnop", "-a", "a-", "a--b", "HTTP", ""] {
        rejects(ports(json!({"port": name})), &at("port"));
    }
    accepts(ports(json!({"port": "abcdefghijklmno"})));
    for protocol in ["ICMP", "tcp", ""] {
        rejects(ports(json!({"protocol": protocol})), &at("protocol"));
    }
    accepts(ports(json!({})));
    accepts(ports(json!({"protocol": "SCTP"})));
}

#[test]
fn network_policy_peers() {
    let at = |field: &str| format!("spec.egress[0].to[0]{field}");
    rejects(peer(json!({})), &at(""));
    rejects(peer(json!({"podSelector": null})), &at(""));
    rejects(peer(json!({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}})), &at(""));
    rejects(peer(json!({"ipBlock": {}})), &at(".ipBlock.cidr"));
    for except in ["10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/16", "fd00::/64", "10.0.0.1"] {
        let block = json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": [except]}});
        rejects(peer(block), &at(".ipBlock.except[0]"));
    }
    accepts(peer(json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9"]}})));
    accepts(peer(json!({"podSelector": {}, "namespaceSelector": {}})));
}

#[test]
fn network_policy_ranges_are_strict_where_the_dialect_says_so() {
    for range in ["10.0.0.5/8", "010.0.0.0/8"] {
        let policy = peer(json!({"ipBlock": {"cidr": range}}));
        accepts(policy.clone());
        let dialect = Dialect { cidr_syntax: CidrSyntax::Strict, ..Dialect::default() };
        assert!(lower(&super::resource(policy), &dialect).value.is_none(), "{range}");
    }
}

#[test]
fn network_policy_types_and_selectors() {
    rejects(np(json!({"policyTypes": ["Ingress", "Egress", "Ingress"]})), "spec.policyTypes");
    rejects(np(json!({"policyTypes": ["ingress"]})), "spec.policyTypes[0]");
    accepts(np(json!({"policyTypes": ["Ingress", "Ingress"]})));
    let selector = |requirement: Value| np(json!({"podSelector": {"matchExpressions": [requirement]}}));
    let at = |field: &str| format!("spec.podSelector.matchExpressions[0].{field}");
    rejects(selector(json!({"key": "a", "operator": "Exists", "values": ["v"]})), &at("values"));
    rejects(selector(json!({"key": "a", "operator": "In"})), &at("values"));
    rejects(selector(json!({"key": "a", "operator": "notIn", "values": ["v"]})), &at("operator"));
    rejects(selector(json!({"key": "-a", "operator": "Exists"})), &at("key"));
    rejects(selector(json!({"key": "a", "operator": "In", "values": ["v", "-"]})), &at("values[1]"));
    accepts(selector(json!({"key": "a", "operator": "In", "values": [""]})));
    rejects(np(json!({"podSelector": {"matchLabels": {"a": "b c"}}})), "spec.podSelector.matchLabels.a");
}

#[test]
fn network_policy_fields_that_are_null_or_missing() {
    accepts(np(Value::Null));
    accepts(np(json!({"podSelector": null, "policyTypes": [], "ingress": null, "egress": null})));
    accepts(np(json!({"podSelector": {"matchLabels": null}, "ingress": [{"from": null, "ports": null}]})));
    accepts(np(json!({"ingress": [{"from": [{"namespaceSelector": null, "podSelector": {}}]}]})));
}

fn rule(fields: Value) -> Value {
    let mut rule = json!({"action": "Deny", "to": [{"namespaces": {}}]});
    for (key, value) in fields.as_object().unwrap() {
        rule[key] = value.clone();
    }
    rule
}

fn cnp_rule(fields: Value) -> Value {
    cnp(json!({"egress": [rule(fields)]}))
}

fn cnp_peer(peer: Value) -> Value {
    cnp_rule(json!({"to": [peer]}))
}

fn cnp_protocol(protocol: Value) -> Value {
    cnp_rule(json!({"protocols": [protocol]}))
}

#[test]
fn cluster_network_policy_itself() {
    rejects(cnp(json!({"tier": null})), "spec.tier");
    rejects(cnp(json!({"tier": "admin"})), "spec.tier");
    rejects(cnp(json!({"priority": null})), "spec.priority");
    rejects(cnp(json!({"priority": -1})), "spec.priority");
    rejects(cnp(json!({"priority": 1001})), "spec.priority");
    accepts(cnp(json!({"priority": 0})));
    accepts(cnp(json!({"priority": 1000})));
    rejects(cnp(json!({"subject": {}})), "spec.subject");
    let pods = json!({"podSelector": {}});
    rejects(cnp(json!({"subject": {"namespaces": {}, "pods": pods}})), "spec.subject");
    accepts(cnp(json!({"subject": {"pods": {"podSelector": {}}}})));
    rejects(cnp(json!({"subject": {"pods": {"namespaceSelector": {}}}})), "spec.subject.pods.podSelector");
}

#[test]
fn cluster_network_policy_rules() {
    let many = |item: Value, number: usize| Value::Array(vec![item; number]);
    accepts(cnp(json!({"egress": many(rule(json!({})), 25)})));
    rejects(cnp(json!({"egress": many(rule(json!({})), 26)})), "spec.egress");
    accepts(cnp_rule(json!({"to": many(json!({"namespaces": {}}), 25)})));
    rejects(cnp_rule(json!({"to": many(json!({"namespaces": {}}), 26)})), "spec.egress[0].to");
    let tcp = json!({"tcp": {"destinationPort": {"number": 80}}});
    accepts(cnp_rule(json!({"protocols": many(tcp.clone(), 25)})));
    rejects(cnp_rule(json!({"protocols": many(tcp, 26)})), "spec.egress[0].protocols");
    rejects(cnp_rule(json!({"to": []})), "spec.egress[0].to");
    rejects(cnp_rule(json!({"to": null})), "spec.egress[0].to");
    rejects(cnp(json!({"ingress": [{"action": "Deny", "from": []}]})), "spec.ingress[0].from");
    for action in [json!("Allow"), json!("accept"), Value::Null] {
        rejects(cnp_rule(json!({"action": action})), "spec.egress[0].action");
    }
    accepts(cnp_rule(json!({"name": "n".repeat(100)})));
    rejects(cnp_rule(json!({"name": "n".repeat(101)})), "spec.egress[0].name");
}

#[test]
fn cluster_network_policy_peers() {
    let at = "spec.egress[0].to[0]";
    rejects(cnp_peer(json!({})), at);
    rejects(cnp_peer(json!({"namespaces": null})), at);
    rejects(cnp_peer(json!({"namespaces": {}, "pods": {"podSelector": {}}})), at);
    let networks = json!({"networks": ["10.0.0.0/8"]});
    rejects(cnp(json!({"ingress": [{"action": "Deny", "from": [networks]}]})), "unreadable");
    for networks in [json!(["10.0.0.0"]), json!(["010.0.0.0/8"]), json!(["::ffff:10.0.0.0/104"])] {
        rejects(cnp_peer(json!({"networks": networks})), &format!("{at}.networks[0]"));
    }
    rejects(cnp_peer(json!({"networks": ["10.0.0.0/8", "10.0.0.0/8"]})), &format!("{at}.networks[1]"));
    rejects(cnp_peer(json!({"networks": []})), &format!("{at}.networks"));
    accepts(cnp_peer(json!({"networks": ["10.0.0.5/8"]})));
    let many = |number: usize| (0..number).map(|n| format!("10.{n}.0.0/16")).collect::<Vec<_>>();
    accepts(cnp_peer(json!({"networks": many(25)})));
    rejects(cnp_peer(json!({"networks": many(26)})), &format!("{at}.networks"));
    accepts(cnp_peer(json!({"nodes": {}})));
    accepts(cnp_peer(json!({"pods": {"podSelector": {}}})));
}

#[test]
fn cluster_network_policy_protocols() {
    let at = "spec.egress[0].protocols";
    rejects(cnp_rule(json!({"protocols": []})), at);
    let entry = format!("{at}[0]");
    let port = json!({"destinationPort": {"number": 80}});
    rejects(cnp_protocol(json!({})), &entry);
    rejects(cnp_protocol(json!({"tcp": {}})), &format!("{entry}.tcp.destinationPort"));
    rejects(cnp_protocol(json!({"tcp": port, "udp": port})), &entry);
    let tcp = |port: Value| cnp_protocol(json!({"tcp": {"destinationPort": port}}));
    let port = format!("{entry}.tcp.destinationPort");
    rejects(tcp(json!({"range": {"start": 80, "end": 80}})), &format!("{port}.range"));
    rejects(tcp(json!({"range": {"start": 81, "end": 80}})), &format!("{port}.range"));
    accepts(tcp(json!({"range": {"start": 80, "end": 81}})));
    rejects(tcp(json!({"number": 80, "range": {"start": 80, "end": 81}})), &port);
    rejects(tcp(json!({})), &port);
    rejects(tcp(json!({"number": 0})), &format!("{port}.number"));
    accepts(cnp_protocol(json!({"destinationNamedPort": "http"})));
}

#[test]
fn cluster_network_policy_domain_names() {
    let domain = |name: &str| cnp_rule(json!({"action": "Accept", "to": [{"domainNames": [name]}]}));
    let at = "spec.egress[0].to[0].domainNames";
    for name in ["*.com", "com", "*", "a.*.b.com", "foo*.b.com", "", "a..b", "-a.com", "a-.com", "1.2.3.4"] {
        rejects(domain(name), &format!("{at}[0]"));
    }
    for name in ["example.com.", "*.a.b.c", "x_y.example.com", "_tcp.example.com", "*.example.com."] {
        accepts(domain(name));
    }
    for action in ["Deny", "Pass"] {
        let names = json!([{"domainNames": ["a.com"]}]);
        rejects(cnp_rule(json!({"action": action, "to": names})), at);
    }
}

#[test]
fn named_ports_are_of_pods() {
    let named = |peer: Value| {
        cnp_rule(json!({"action": "Accept", "to": [peer], "protocols": [{"destinationNamedPort": "http"}]}))
    };
    accepts(named(json!({"networks": ["10.0.0.0/8"]})));
    rejects(named(json!({"nodes": {}})), "spec.egress[0].to[0]");
    rejects(named(json!({"domainNames": ["a.com"]})), "spec.egress[0].to[0]");
    accepts(named(json!({"namespaces": {}})));
}

#[test]
fn admin_network_policy() {
    let rule = |fields: Value| anp(json!({"egress": [rule(fields)]}));
    let pods = |pods: Value| rule(json!({"to": [{"pods": pods}]}));
    rejects(pods(json!({"podSelector": {}})), "spec.egress[0].to[0].pods.namespaceSelector");
    accepts(pods(json!({"podSelector": {}, "namespaceSelector": {}})));
    accepts(rule(json!({"ports": [{"portRange": {"start": 81, "end": 80}}]})));
    rejects(rule(json!({"action": "Accept"})), "spec.egress[0].action");
    rejects(rule(json!({"ports": []})), "spec.egress[0].ports");
    let at = "spec.egress[0].ports[0]";
    rejects(rule(json!({"ports": [{}]})), at);
    rejects(rule(json!({"ports": [{"namedPort": "a", "portNumber": {"port": 1}}]})), at);
    rejects(rule(json!({"ports": [{"portNumber": {"port": 0}}]})), &format!("{at}.portNumber.port"));
    let icmp = json!({"portNumber": {"protocol": "ICMP", "port": 1}});
    rejects(rule(json!({"ports": [icmp]})), &format!("{at}.portNumber.protocol"));
    let many = |number| Value::Array(vec![json!({"action": "Deny", "to": [{"namespaces": {}}]}); number]);
    accepts(anp(json!({"egress": many(100)})));
    rejects(anp(json!({"egress": many(101)})), "spec.egress");
    rejects(anp(json!({"priority": 1001})), "spec.priority");
    let old_shape = json!({"namespaces": {"namespaceSelector": {}}});
    rejects(rule(json!({"to": [old_shape]})), "unreadable");
}

#[test]
fn baseline_admin_network_policy() {
    let rule = |fields: Value| banp(json!({"egress": [rule(fields)]}));
    accepts(rule(json!({"action": "Allow"})));
    rejects(rule(json!({"action": "Pass"})), "spec.egress[0].action");
    rejects(rule(json!({"to": [{"domainNames": ["a.com"]}]})), "unreadable");
    let mut named = banp(json!({}));
    named["metadata"]["name"] = json!("other");
    rejects(named, "metadata.name");
}
