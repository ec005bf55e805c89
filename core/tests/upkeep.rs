//! What updates replace does not pile up.
#![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::lower::Lowered;
use tierwall::model::{
    Endpoint, EndpointKey, EndpointKind, Flow, FlowContext, Profile, Protocol, Rule, RuleAction,
};
use tierwall::reference::evaluate;
use tierwall::{Compiler, Snapshot, Update, Whole};

const ENDPOINTS: u32 = 20_000;

fn address(number: u32) -> IpAddr {
    let [_, a, b, c] = number.to_be_bytes();
    IpAddr::from([10, a, b, c])
}

fn endpoint(number: u32, label: u32) -> Endpoint {
    Endpoint {
        key: EndpointKey {
            kind: EndpointKind::WorkloadEndpoint,
            namespace: Some("shop".into()),
            name: format!("server{number}").into(),
        },
        labels: [("app".into(), label.to_string().into())].into(),
        profiles: vec![format!("profile{}", label % 8).into()],
        addresses: vec![address(number)],
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    }
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    let mut transaction = cluster.transaction();
    for number in 0..8_u32 {
        let rule = Rule::new(if number.is_multiple_of(2) { RuleAction::Allow } else { RuleAction::Deny });
        let profile = Profile { ingress: vec![rule.clone()], egress: vec![rule], ..Profile::default() };
        transaction.put(Lowered::Profile(format!("profile{number}").into(), profile));
    }
    (0..ENDPOINTS).for_each(|number| transaction.put(endpoint(number, number)));
    transaction.commit();
    cluster
}

/// Relabels one endpoint after the other, and gives the last update.
fn relabel(cluster: &mut Cluster, compiler: &mut Compiler, times: u32) -> Update {
    let mut last = None;
    for time in 0..times {
        cluster.put(endpoint(time * 7 % ENDPOINTS, time));
        let update = compiler.update(cluster);
        assert_eq!(update.whole, None);
        last = Some(update);
    }
    last.unwrap()
}

fn check(cluster: &Cluster, snapshot: &Snapshot) {
    assert_eq!(snapshot.generation(), cluster.generation());
    for number in 0..200 {
        let (from, to) = (address(number * 61), address(number * 97 + 1));
        let flow = Flow::new(from, to, Protocol::TCP).with_ports(40_000, 80);
        let context = FlowContext::default();
        assert_eq!(snapshot.evaluate(&flow, &context), evaluate(cluster, &flow, &context));
    }
}

#[test]
fn a_writer_without_upkeep_takes_a_few_times_the_memory_at_most() {
    let (mut cluster, mut compiler) = (cluster(), Compiler::default());
    let first = compiler.update(&mut cluster);
    let last = relabel(&mut cluster, &mut compiler, 6_000);
    check(&cluster, &last.snapshot);
    let (first, last) = (first.snapshot.table_bytes(), last.snapshot.table_bytes());
    assert!(last < 6 * first, "{first} bytes grew to {last}");
}

#[test]
fn upkeep_leaves_nothing_behind_and_changes_no_answer() {
    let (mut cluster, mut compiler) = (cluster(), Compiler::default());
    assert!(compiler.maintain(&cluster, usize::MAX).is_none());
    let first = compiler.update(&mut cluster);
    assert!(compiler.maintain(&cluster, usize::MAX).is_none());
    let before = relabel(&mut cluster, &mut compiler, 600);
    assert!(compiler.maintain(&cluster, 1_000).is_none(), "it does not fit the budget");
    let after = compiler.maintain(&cluster, usize::MAX).unwrap();
    check(&cluster, &after.snapshot);
    check(&cluster, &before.snapshot);
    assert!(after.snapshot.table_bytes() < before.snapshot.table_bytes());
    assert!(after.snapshot.table_bytes() < first.snapshot.table_bytes() * 5 / 4);
    assert!(compiler.maintain(&cluster, usize::MAX).is_none());
    // It goes on from there.
    let last = relabel(&mut cluster, &mut compiler, 50);
    check(&cluster, &last.snapshot);
}

#[test]
fn tables_that_grew_are_compiled_anew_when_there_is_time() {
    let mut cluster = Cluster::new();
    cluster.put(endpoint(0, 0));
    let mut compiler = Compiler::default();
    let first = compiler.update(&mut cluster).snapshot.table_bytes();
    for time in 0..4_000 {
        let rule = Rule {
            protocol: Some(Protocol::from(u8::try_from(time % 200).unwrap())),
            ..Rule::new(RuleAction::Allow)
        };
        let profile = Profile { ingress: vec![rule], ..Profile::default() };
        cluster.put(Lowered::Profile("profile0".into(), profile));
        compiler.update(&mut cluster);
    }
    let grown = compiler.update(&mut cluster).snapshot.table_bytes();
    assert!(grown > 2 * first);
    cluster.put(endpoint(1, 1));
    assert!(compiler.maintain(&cluster, usize::MAX).is_none_or(|update| update.whole.is_none()));
    compiler.update(&mut cluster);
    let update = compiler.maintain(&cluster, usize::MAX).unwrap();
    assert_eq!(update.whole, Some(Whole::Upkeep));
    assert!(update.snapshot.table_bytes() < 2 * first);
    check(&cluster, &update.snapshot);
}
