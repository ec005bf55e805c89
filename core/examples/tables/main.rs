//! A backend that evaluates flows from its own copy of a snapshot's tables, and follows the cluster write by write.
//!
//! ```text
//! cargo run --example tables
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::panic,
    clippy::expect_used,
    reason = "a backend in few lines; in a kernel the verifier bounds what is read"
)]
#![allow(missing_docs, reason = "an example")]

mod backend;

use backend::{Maps, Question};
use std::net::IpAddr;
use tierwall::Compiler;
use tierwall::cluster::{Cluster, Scope};
use tierwall::lower::labels;
use tierwall::model::{
    Endpoint, EndpointKey, EndpointKind, EntityMatch, Isolation, Order, Policy, PolicyClass, PolicyKey,
    PolicyKind, Protocol, Rule, RuleAction, Tier,
};
use tierwall::selector::Selector;
use tierwall::view::delta;

fn pod(name: &str, app: &str, address: IpAddr) -> Endpoint {
    let own = std::collections::BTreeMap::from([("app", app)]);
    Endpoint {
        key: EndpointKey { kind: EndpointKind::Pod, namespace: Some("shop".into()), name: name.into() },
        labels: labels::workload_labels(&own, "shop", Some(labels::KUBERNETES), None),
        profiles: labels::workload_profiles("shop", None),
        addresses: vec![address],
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    }
}

/// Only the web may connect to databases.
fn policy() -> Policy {
    let web = EntityMatch { selector: Some(Selector::equals("app", "web")), ..EntityMatch::default() };
    Policy {
        key: PolicyKey { kind: PolicyKind::GlobalNetworkPolicy, namespace: None, name: "db".into() },
        tier: Tier::DEFAULT.into(),
        order: Order::new(10.0),
        subject: Selector::equals("app", "db"),
        ingress: Some(vec![Rule { source: web, ..Rule::new(RuleAction::Allow) }]),
        egress: None,
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (one, other, db): (IpAddr, IpAddr, IpAddr) =
        ("10.0.0.1".parse()?, "10.0.0.2".parse()?, "10.0.0.3".parse()?);
    let mut cluster = Cluster::new();
    let mut transaction = cluster.transaction();
    for pod in [pod("one", "web", one), pod("other", "batch", other), pod("db", "db", db)] {
        transaction.put(pod);
    }
    transaction.put(policy());
    transaction.commit();

    let mut compiler = Compiler::default();
    let old = compiler.update(&mut cluster).snapshot;
    let view = old.tables();
    println!("format {}, generation {}", view.format(), view.generation());
    for size in
        view.sizes().into_iter().chain(view.program(Scope::Enforced).into_iter().flat_map(|p| p.sizes()))
    {
        println!("{:>24} {:>8} records of {} bytes", size.map, size.len, size.record);
    }
    let mut maps = Maps::new(view);
    let question = Question {
        source: other,
        destination: db,
        protocol: Protocol::TCP.number(),
        destination_port: 5432,
        icmp: (0, 0),
    };
    println!("before: {:?}", maps.judge(Scope::Enforced, &question)[1]);

    cluster.put(pod("other", "web", other));
    let new = compiler.update(&mut cluster).snapshot;
    for write in delta(&old, &new).writes().unwrap_or_default() {
        println!("write {write:?}");
        maps.write(write);
    }
    println!("after: {:?}", maps.judge(Scope::Enforced, &question)[1]);
    assert_eq!(maps, Maps::new(new.tables()));
    Ok(())
}
