//! Readers while snapshots are published: every verdict is that of one snapshot, whole.
#![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use tierwall::cluster::Cluster;
use tierwall::model::{
    Action, Direction, Endpoint, EndpointKey, EndpointKind, Flow, FlowContext, Profile, Protocol, Rule,
    RuleAction, Verdict,
};
use tierwall::{Engine, Snapshot};

const SERVER: [u8; 4] = [10, 0, 0, 2];

/// A cluster whose server allows a flow in even generations and denies it in odd ones.
fn flip(cluster: &mut Cluster) {
    let action = if !cluster.generation().is_multiple_of(2) { RuleAction::Allow } else { RuleAction::Deny };
    let mut transaction = cluster.transaction();
    let profile = Profile { ingress: vec![Rule::new(action)], ..Profile::default() };
    transaction.put(tierwall::lower::Lowered::Profile("flip".into(), profile));
    transaction.commit();
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.put(Endpoint {
        key: EndpointKey {
            kind: EndpointKind::WorkloadEndpoint,
            namespace: Some("shop".into()),
            name: "server".into(),
        },
        labels: Default::default(),
        profiles: vec!["flip".into()],
        addresses: vec![IpAddr::from(SERVER)],
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    });
    flip(&mut cluster);
    cluster
}

fn flow() -> Flow {
    Flow::new(IpAddr::from([10, 0, 0, 1]), IpAddr::from(SERVER), Protocol::TCP).with_ports(40_000, 80)
}

/// A verdict that mixes two snapshots, or one that is half written, would show here.
fn check(verdict: Verdict) {
    let allowed = verdict.generation().is_multiple_of(2);
    assert_eq!(verdict.action(), if allowed { Action::Allow } else { Action::Deny }, "{verdict:?}");
    assert!(verdict.rule(Direction::Ingress).is_some());
}

#[test]
fn readers_see_whole_snapshots_in_order() {
    let (mut cluster, engine, done) = (cluster(), Engine::new(), AtomicBool::new(false));
    engine.publish(Snapshot::compile(&cluster));
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                let (mut reader, mut last) = (engine.reader(), 0);
                let mut batch = [Verdict::default(); 40];
                while !done.load(Ordering::Relaxed) {
                    let verdict = reader.verdict(&flow(), &FlowContext::default());
                    check(verdict);
                    check(engine.verdict(&flow(), &FlowContext::default()));
                    assert!(verdict.generation() >= last);
                    last = verdict.generation();
                    reader.verdicts(&[flow(); 40], &mut batch);
                    batch.iter().for_each(|verdict| check(*verdict));
                    assert!(batch.iter().all(|verdict| verdict.generation() == batch[0].generation()));
                }
            });
        }
        for _ in 0..2_000 {
            flip(&mut cluster);
            let old = engine.publish(Snapshot::compile(&cluster)).unwrap();
            assert_eq!(old.generation() + 1, cluster.generation());
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(engine.snapshot().unwrap().generation(), cluster.generation());
}

#[test]
fn before_the_first_snapshot_everything_is_denied() {
    let engine = Engine::new();
    let mut verdicts = [Verdict::default(); 2];
    engine.reader().verdicts(&[flow(); 2], &mut verdicts);
    assert_eq!(verdicts, [Verdict::default(); 2]);
    assert_eq!(engine.verdict(&flow(), &FlowContext::default()).action(), Action::Deny);
    assert!(engine.snapshot().is_none() && engine.reader().snapshot().is_none());
}

#[test]
fn what_was_replaced_is_kept_as_long_as_somebody_uses_it() {
    let (mut cluster, engine) = (cluster(), Engine::new());
    assert!(engine.publish(Snapshot::compile(&cluster)).is_none());
    let mut reader = engine.reader();
    check(reader.verdict(&flow(), &FlowContext::default()));
    for _ in 0..3 {
        flip(&mut cluster);
        drop(engine.publish(Snapshot::compile(&cluster)));
        // The reader still has the first; those between have no user.
        assert_eq!(engine.reclaim(), 1);
    }
    check(reader.verdict(&flow(), &FlowContext::default()));
    assert_eq!(engine.reclaim(), 0);
}
