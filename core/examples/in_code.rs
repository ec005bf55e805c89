//! Builds a cluster and its policies in code: no YAML, no serde.
//!
//! ```text
//! cargo run --example in_code --no-default-features
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::lower::labels;
use tierwall::model::{
    Direction, Endpoint, EndpointKey, EndpointKind, EntityMatch, Flow, FlowContext, Isolation, Order, Policy,
    PolicyClass, PolicyKey, PolicyKind, PortRange, Protocol, Rule, RuleAction, Tier,
};
use tierwall::reference::evaluate;
use tierwall::resource::kubernetes::{NetworkPolicy, NetworkPolicySpec};
use tierwall::resource::{LabelSelector, ObjectMeta};
use tierwall::selector::Selector;

fn pod(namespace: &str, name: &str, app: &str, address: IpAddr) -> Endpoint {
    let own = std::collections::BTreeMap::from([("app", app)]);
    Endpoint {
        key: EndpointKey { kind: EndpointKind::Pod, namespace: Some(namespace.into()), name: name.into() },
        labels: labels::workload_labels(&own, namespace, Some(labels::KUBERNETES), None),
        profiles: labels::workload_profiles(namespace, None),
        addresses: vec![address],
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (web, db): (IpAddr, IpAddr) = ("10.0.0.1".parse()?, "10.0.0.2".parse()?);

    // The normal form: what an engine links if it has policies of its own.
    let only_the_web = Rule {
        protocol: Some(Protocol::TCP),
        source: EntityMatch { selector: Some(Selector::equals("app", "web")), ..EntityMatch::default() },
        destination: EntityMatch { ports: PortRange::from(5432).into(), ..EntityMatch::default() },
        ..Rule::new(RuleAction::Allow)
    };
    let policy = Policy {
        key: PolicyKey { kind: PolicyKind::GlobalNetworkPolicy, namespace: None, name: "database".into() },
        tier: Tier::DEFAULT.into(),
        order: Order::new(10.0),
        subject: Selector::equals("app", "db"),
        ingress: Some(vec![only_the_web]),
        egress: None,
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    };

    let mut cluster = Cluster::new();
    let mut transaction = cluster.transaction();
    transaction.put(pod("shop", "web", "web", web));
    transaction.put(pod("shop", "db", "db", db));
    transaction.put(policy);
    transaction.commit();

    // An API object, as a watch delivers it.
    let isolate_web = NetworkPolicy {
        metadata: ObjectMeta::namespaced("shop", "isolate-web"),
        spec: NetworkPolicySpec {
            pod_selector: LabelSelector::labels([("app", "web")]),
            policy_types: vec!["Ingress".to_owned()],
            ..NetworkPolicySpec::default()
        },
    };
    cluster.upsert(isolate_web)?;

    for (source, destination, port) in [(web, db, 5432), (web, db, 22), (db, web, 80)] {
        let flow = Flow::new(source, destination, Protocol::TCP).with_ports(40000, port);
        let verdict = evaluate(&cluster, &flow, &FlowContext::default()).enforced;
        println!(
            "{source} -> {destination}:{port}: {}, egress: {}, ingress: {}",
            verdict.action(),
            verdict.reason(Direction::Egress),
            verdict.reason(Direction::Ingress)
        );
    }
    Ok(())
}
