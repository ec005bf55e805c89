//! `kube-network-policies`: packets through whole policies, and single matchers. A matcher is turned into the smallest
//! policy that shows it.

use crate::scenario::{World, all, as_sent, namespace_object, objects, pod_object, protocol};
use crate::support::{Fate, Outcome, expect, list, run_cases, text};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tierwall::cluster::DnsAnswer;
use tierwall::dialect::{Dialect, DomainActions};
use tierwall::model::{
    Direction, Flow, Isolation, Order, Policy, PolicyClass, PolicyKey, PolicyKind, Protocol, Reason, Rule,
    RuleAction, Tier,
};
use tierwall::selector::Selector;

/// An address outside every cluster here.
const OUTSIDE: &str = "192.0.2.1";
/// The pod that a policy made here governs: `NAMESPACE/subject`, with this label.
const SUBJECT: (&str, &str) = ("tierwall-subject", "yes");
const SUBJECT_ADDRESSES: [&str; 2] = ["10.255.0.1", "fd00:255::1"];
const PEER_ADDRESS: &str = "10.255.0.2";

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |document, case| {
        if case.get("pitfall").is_some() {
            return Fate::Uncounted(
                "the corpus marks their expectation as a pitfall: one implementation's reading, not the API's",
            );
        }
        let result = match text(case, "kind") {
            "scenario" => scenario(document, case),
            "scenario-dns" => scenario_dns(case),
            "pipeline" => pipeline(document, case),
            "np-peer" => np_peer(case),
            "ipblock" => ip_block(case),
            "np-ports" => np_ports(case),
            "anp-ports" => anp_ports(case),
            "cnp-protocols" => cnp_protocols(case),
            "cnp-port" => cnp_port(case),
            "label-selector" => label_selector(case),
            "anp-subject" => anp_subject(case),
            kind => Err(format!("unknown kind {kind:?}")),
        };
        Fate::from(result)
    })
}

fn scenario(document: &Value, case: &Value) -> Result<(), String> {
    let objects = within_ports(&as_sent(objects(document, case)))?;
    let world = World::new(Dialect::default(), &objects)?;
    let probes: Vec<Value> = list(case, "probes").iter().cloned().map(with_protocol).collect();
    world.probe_all(&probes)?;
    match case["tierVerdict"].as_str() {
        Some(stated) => all(probes.iter().map(|probe| tier_verdict(&world, probe, stated))),
        None => Ok(()),
    }
}

/// Whether the only tier with policies had an opinion, and which.
fn tier_verdict(world: &World, probe: &Value, stated: &str) -> Result<(), String> {
    let verdict = world.verdict(&world.flow(probe)?)?;
    let directions = [Direction::Egress, Direction::Ingress];
    let decided = directions.into_iter().any(|direction| verdict.reason(direction) == Reason::Rule);
    let found = match (decided, verdict.is_allowed()) {
        (false, _) => "Next",
        (true, true) => "Accept",
        (true, false) => "Deny",
    };
    expect(found, stated).map_err(|error| format!("the tier's verdict: {error}"))
}

/// The upstream tests end ranges at 65537, which the API refuses, as must the engine. Ports end at 65535, so that is
/// what they are cut to.
fn within_ports(objects: &[Value]) -> Result<Vec<Value>, String> {
    let mut cut = objects.to_vec();
    cut.iter_mut().for_each(cut_end_ports);
    match cut != objects && World::new(Dialect::default(), objects).is_ok() {
        true => Err("an endPort above 65535 was accepted".to_owned()),
        false => Ok(cut),
    }
}

fn cut_end_ports(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(cut_end_ports),
        Value::Object(fields) => {
            for (field, value) in fields {
                match value.as_u64() {
                    Some(port) if field == "endPort" && port > u64::from(u16::MAX) => {
                        *value = json!(u16::MAX);
                    }
                    _ => cut_end_ports(value),
                }
            }
        }
        _ => {}
    }
}

/// A packet without a protocol is one that no port list names.
fn with_protocol(mut probe: Value) -> Value {
    if matches!(probe["protocol"].as_str(), None | Some("")) {
        probe["protocol"] = json!("ICMP");
    }
    probe
}

fn scenario_dns(case: &Value) -> Result<(), String> {
    let mut objects = vec![pod_object(&case["from"])];
    objects.extend_from_slice(list(case, "policies"));
    // The API documents names for rules that allow; this engine, and the schema, know them for any.
    let mut dialect = Dialect::default();
    dialect.domain_actions = DomainActions::Any;
    let mut world = World::new(dialect, &objects)?;
    for (name, addresses) in case["dns"].as_object().unwrap() {
        let addresses =
            addresses.as_array().unwrap().iter().map(|address| address.as_str().unwrap().parse().unwrap());
        world.engines.change().observe(DnsAnswer::addresses(name, addresses, Duration::from_secs(60)));
    }
    let from = &case["from"];
    world.probe(&json!({
        "from": format!("{}/{}", text(from, "namespace"), text(from, "name")),
        "toIp": case["toIp"], "protocol": "TCP", "port": 443, "expected": case["expected"],
    }))
}

/// The admin and baseline tiers are stubs that say one thing to everything, in both directions.
fn pipeline(document: &Value, case: &Value) -> Result<(), String> {
    let mut world = World::new(Dialect::default(), &within_ports(&as_sent(objects(document, case)))?)?;
    for (field, tier) in [("adminTier", Tier::KUBE_ADMIN), ("baselineTier", Tier::KUBE_BASELINE)] {
        let action = match text(case, field) {
            "Accept" => RuleAction::Allow,
            "Deny" => RuleAction::Deny,
            "Next" => continue,
            other => return Err(format!("no verdict {other:?}")),
        };
        world.engines.change().put(stub(tier, action));
    }
    world.probe_all(list(case, "probes"))
}

fn stub(tier: &str, action: RuleAction) -> Policy {
    Policy {
        key: PolicyKey {
            kind: PolicyKind::KubernetesClusterNetworkPolicy,
            namespace: None,
            name: format!("stub-{tier}").into(),
        },
        tier: tier.into(),
        order: Order::new(0.0),
        subject: Selector::all(),
        ingress: Some(vec![Rule::new(action)]),
        egress: Some(vec![Rule::new(action)]),
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    }
}

/// The pod of [`SUBJECT`] in a namespace, with some ports.
fn subject(namespace: &str, ports: &Value) -> Value {
    pod_object(&json!({
        "name": "subject", "namespace": namespace, "labels": {SUBJECT.0: SUBJECT.1}, "ips": SUBJECT_ADDRESSES, "ports": ports,
    }))
}

/// A NetworkPolicy for [`subject`], with one rule for each direction.
fn network_policy(namespace: &str, ingress: &Value, egress: &Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "made", "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {SUBJECT.0: SUBJECT.1}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [ingress],
            "egress": [egress],
        },
    })
}

fn allowed(
    world: &World,
    from: (Option<&str>, Option<&str>),
    to: (Option<&str>, Option<&str>),
) -> Result<bool, String> {
    let flow =
        Flow::new(world.side(from.0, from.1)?, world.side(to.0, to.1)?, Protocol::TCP).with_ports(40000, 80);
    Ok(world.verdict(&flow)?.is_allowed())
}

fn expected(case: &Value) -> bool {
    case["expected"].as_bool().unwrap()
}

/// Whether the peer of a NetworkPolicy selects a pod, as a source and as a destination.
fn np_peer(case: &Value) -> Result<(), String> {
    let namespace = text(case, "policyNamespace");
    let mut pod = case["pod"].clone();
    if pod["ip"].is_null() {
        pod["ip"] = json!(PEER_ADDRESS);
    }
    let namespaces = list(case, "namespaces").iter();
    let mut objects: Vec<Value> =
        namespaces.map(|namespace| namespace_object(&namespace["name"], &namespace["labels"])).collect();
    objects.extend([
        subject(namespace, &Value::Null),
        pod_object(&pod),
        network_policy(namespace, &json!({"from": [case["peer"]]}), &json!({"to": [case["peer"]]})),
    ]);
    let world = World::new(Dialect::default(), &objects)?;
    let subject = format!("{namespace}/subject");
    let peer = format!("{}/{}", text(&pod, "namespace"), text(&pod, "name"));
    let (subject, peer) = ((Some(subject.as_str()), None), (Some(peer.as_str()), None));
    expect(&allowed(&world, peer, subject)?, &expected(case))
        .map_err(|error| format!("as a source: {error}"))?;
    expect(&allowed(&world, subject, peer)?, &expected(case))
        .map_err(|error| format!("as a destination: {error}"))
}

/// Whether an ipBlock holds an address, of a source and of a destination.
pub(crate) fn ip_block(case: &Value) -> Result<(), String> {
    let peer = json!({"ipBlock": case["ipBlock"]});
    let policy = network_policy("ns", &json!({"from": [peer]}), &json!({"to": [peer]}));
    let world = World::new(Dialect::default(), &[subject("ns", &Value::Null), policy])?;
    let address = text(case, "ip");
    let own = SUBJECT_ADDRESSES.into_iter().find(|own| own.contains(':') == address.contains(':'));
    let (subject, address) = ((Some("ns/subject"), own), (None, Some(address)));
    expect(&allowed(&world, address, subject)?, &expected(case))
        .map_err(|error| format!("as a source: {error}"))?;
    expect(&allowed(&world, subject, address)?, &expected(case))
        .map_err(|error| format!("as a destination: {error}"))
}

/// A packet of the case's port and protocol from `from` to [`subject`].
fn packet(world: &World, case: &Value, from: (Option<&str>, Option<&str>)) -> Result<bool, String> {
    let named = case["protocol"].as_str().unwrap_or("TCP");
    let protocol = if named.is_empty() { Protocol::ICMP } else { protocol(named)? };
    let port = u16::try_from(case["port"].as_u64().unwrap_or(0)).unwrap();
    let destination = world.side(Some("ns/subject"), Some(SUBJECT_ADDRESSES[0]))?;
    let flow = Flow::new(world.side(from.0, from.1)?, destination, protocol).with_ports(40000, port);
    Ok(world.verdict(&flow)?.is_allowed())
}

fn np_ports(case: &Value) -> Result<(), String> {
    let policy = network_policy("ns", &json!({"ports": case["ports"]}), &json!({}));
    let objects = within_ports(&[subject("ns", &case["podPorts"]), policy])?;
    let world = World::new(Dialect::default(), &objects)?;
    expect(&packet(&world, case, (None, Some(OUTSIDE)))?, &expected(case))
}

fn anp_ports(case: &Value) -> Result<(), String> {
    let mut rule = json!({"action": "Deny", "from": [{"namespaces": {}}]});
    let ports = &case["ports"];
    // A Go slice without elements is sent as an absent list.
    if !list(case, "ports").is_empty() {
        rule["ports"] = ports.clone();
    }
    let policy = json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": {"name": "made"},
        "spec": {"priority": 1, "subject": {"namespaces": {}}, "ingress": [rule]},
    });
    denied_from_peer(case, &policy)
}

fn cnp_protocols(case: &Value) -> Result<(), String> {
    denied_from_peer(case, &cluster_policy(&case["ports"]))
}

fn cnp_port(case: &Value) -> Result<(), String> {
    let policy = cluster_policy(&json!([{"tcp": {"destinationPort": case["policyPort"]}}]));
    denied_from_peer(case, &policy)
}

fn cluster_policy(protocols: &Value) -> Value {
    let mut rule = json!({"action": "Deny", "from": [{"namespaces": {}}]});
    if protocols.as_array().is_some_and(|protocols| !protocols.is_empty()) {
        rule["protocols"] = protocols.clone();
    }
    json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "made"},
        "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "ingress": [rule]},
    })
}

/// The policy denies what its rule matches.
fn denied_from_peer(case: &Value, policy: &Value) -> Result<(), String> {
    let peer = pod_object(&json!({"name": "peer", "namespace": "ns", "labels": {}, "ip": PEER_ADDRESS}));
    let world = World::new(Dialect::default(), &[subject("ns", &case["podPorts"]), peer, policy.clone()])?;
    let matched = !packet(&world, case, (Some("ns/peer"), None))?;
    expect(&matched, &expected(case))
}

/// A selector that is absent or not valid selects nothing: a policy that has one is refused.
fn label_selector(case: &Value) -> Result<(), String> {
    let peer = json!({"podSelector": case["selector"]});
    let pod = json!({"name": "peer", "namespace": "ns", "labels": case["labels"], "ip": PEER_ADDRESS});
    let policy = network_policy("ns", &json!({"from": [peer]}), &json!({}));
    let selected =
        match World::new(Dialect::default(), &[subject("ns", &Value::Null), pod_object(&pod), policy]) {
            Ok(world) => allowed(&world, (Some("ns/peer"), None), (Some("ns/subject"), None))?,
            Err(_) if case["selector"].is_null() || is_invalid(&case["selector"]) => false,
            Err(error) => return Err(error),
        };
    expect(&selected, &expected(case))
}

fn anp_subject(case: &Value) -> Result<(), String> {
    let mut pod = case["pod"].clone();
    pod["ip"] = json!(PEER_ADDRESS);
    let namespace = text(&pod, "namespace");
    let policy = json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": {"name": "made"},
        "spec": {
            "priority": 1, "subject": case["subject"],
            "egress": [{"action": "Deny", "to": [{"networks": ["0.0.0.0/0"]}]}],
        },
    });
    let mut objects = as_sent(vec![policy]);
    objects.extend([namespace_object(&pod["namespace"], &case["namespaceLabels"]), pod_object(&pod)]);
    let name = format!("{namespace}/{}", text(&pod, "name"));
    let selected = match World::new(Dialect::default(), &objects) {
        Ok(world) => !allowed(&world, (Some(&name), None), (None, Some(OUTSIDE)))?,
        Err(_) if is_invalid(&case["subject"]) => false,
        Err(error) => return Err(error),
    };
    expect(&selected, &expected(case))
}

/// Somewhere in it is a selector with an operator or a label value that no label can have.
fn is_invalid(value: &Value) -> bool {
    let fields = value.as_object().into_iter().flatten();
    let items = value.as_array().into_iter().flatten();
    let operator = value["operator"].as_str();
    let labels = value["matchLabels"].as_object().into_iter().flatten();
    let value_of_none = |value: &Value| value.as_str().is_some_and(|value| value.contains(' '));
    operator.is_some_and(|name| !["In", "NotIn", "Exists", "DoesNotExist"].contains(&name))
        || labels.map(|(_, value)| value).any(value_of_none)
        || fields.map(|(_, value)| value).chain(items).any(is_invalid)
}
