//! Readers while snapshots are published: every verdict is that of one snapshot, whole.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails should fail loudly, and its helpers are not tests to the lints"
)]

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tierwall::cluster::Cluster;
use tierwall::model::{
    Action, Direction, Endpoint, EndpointKey, EndpointKind, Flow, FlowContext, Profile, Protocol, Rule,
    RuleAction, Verdict,
};
use tierwall::reference::evaluate;
use tierwall::{Compiler, Engine, Snapshot};

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

/// Servers that a writer relabels in turn, and what each generation must make of a flow between them.
mod turns {
    use super::*;
    use tierwall::model::{
        EntityMatch, Isolation, Order, Policy, PolicyClass, PolicyKey, PolicyKind, PortRange, Tier,
    };
    use tierwall::selector::Selector;

    pub(super) const SERVERS: u32 = 12;
    /// The shade whose servers may connect to any port.
    const FRIENDS: u32 = 3;

    /// When a server was last relabelled, as of a generation; from 0.
    fn turn(server: u32, generation: u32) -> u32 {
        let since = (generation + SERVERS - server % SERVERS) % SERVERS;
        (generation + SERVERS) - since
    }

    fn is_open(server: u32, generation: u32) -> bool {
        (turn(server, generation) / SERVERS).is_multiple_of(2)
    }

    fn shade(server: u32, generation: u32) -> u32 {
        turn(server, generation) % 7
    }

    pub(super) fn port(generation: u32) -> u16 {
        8_000 + u16::try_from(generation / 5 % 3).unwrap()
    }

    /// What a flow must come to.
    pub(super) fn is_allowed(from: u32, to: u32, to_port: u16, generation: u32) -> bool {
        is_open(to, generation) && (to_port == port(generation) || shade(from, generation) == FRIENDS)
    }

    pub(super) fn address(server: u32) -> IpAddr {
        IpAddr::from([10, 0, 1, u8::try_from(server).unwrap()])
    }

    fn server(number: u32, generation: u32) -> Endpoint {
        let role = if is_open(number, generation) { "open" } else { "closed" };
        let shade = shade(number, generation).to_string();
        Endpoint {
            key: EndpointKey {
                kind: EndpointKind::WorkloadEndpoint,
                namespace: Some("shop".into()),
                name: format!("server{number}").into(),
            },
            labels: [("role", role), ("shade", &shade)].map(|(key, value)| (key.into(), value.into())).into(),
            profiles: Vec::new(),
            addresses: vec![address(number)],
            ports: Vec::new(),
            node: None,
            service_account: None,
            interface: None,
            origin: None,
        }
    }

    fn policy(name: &str, subject: &str, ingress: Vec<Rule>) -> Policy {
        Policy {
            key: PolicyKey { kind: PolicyKind::GlobalNetworkPolicy, namespace: None, name: name.into() },
            tier: Tier::DEFAULT.into(),
            order: Order::new(1.0),
            subject: Selector::parse(subject).unwrap(),
            ingress: Some(ingress),
            egress: Some(vec![Rule::new(RuleAction::Allow)]),
            class: PolicyClass::Normal { apply_on_forward: false },
            isolation: Isolation::default(),
            origin: None,
        }
    }

    fn open(generation: u32) -> Policy {
        let friends = Selector::parse(&format!("shade == '{FRIENDS}'")).unwrap();
        let source = EntityMatch { selector: Some(friends), ..EntityMatch::default() };
        let ports = PortRange::from(port(generation)).into();
        let destination = EntityMatch { ports, ..EntityMatch::default() };
        let rule = |source, destination| Rule {
            protocol: Some(Protocol::TCP),
            source,
            destination,
            ..Rule::new(RuleAction::Allow)
        };
        let rules = vec![rule(source, EntityMatch::default()), rule(EntityMatch::default(), destination)];
        policy("open", "role == 'open'", rules)
    }

    pub(super) fn cluster() -> Cluster {
        let mut cluster = Cluster::new();
        let mut transaction = cluster.transaction();
        (0..SERVERS).for_each(|number| transaction.put(server(number, 1)));
        transaction.put(open(1));
        transaction.put(policy("closed", "role == 'closed'", Vec::new()));
        assert_eq!(transaction.commit(), 1);
        cluster
    }

    /// The next generation: a server has its turn, and now and then the policy another port, both at once.
    pub(super) fn next(cluster: &mut Cluster) {
        let generation = cluster.generation() + 1;
        let mut transaction = cluster.transaction();
        transaction.put(server(generation % SERVERS, generation));
        if generation.is_multiple_of(5) {
            transaction.put(open(generation));
        }
        assert_eq!(transaction.commit(), generation);
    }

    /// The flow, and its ends and port.
    pub(super) fn question(number: u32) -> (Flow, [u32; 2], u16) {
        let (from, to) = (number % SERVERS, number / SERVERS % SERVERS);
        let port = 8_000 + u16::try_from(number / (SERVERS * SERVERS) % 4).unwrap();
        let flow = Flow::new(address(from), address(to), Protocol::TCP).with_ports(40_000, port);
        (flow, [from, to], port)
    }

    /// Flows of a server to itself are not judged.
    pub(super) fn questions() -> Vec<(Flow, [u32; 2], u16)> {
        (0..SERVERS * SERVERS * 4).map(question).filter(|(_, [from, to], _)| from != to).collect()
    }
}

/// The verdict is that of its own generation, of all there was then.
fn check_turn(question: &(Flow, [u32; 2], u16), verdict: Verdict) {
    let (_, [from, to], port) = *question;
    let allowed = turns::is_allowed(from, to, port, verdict.generation());
    assert_eq!(verdict.is_allowed(), allowed, "{question:?} {verdict:?}");
    assert!(verdict.rule(Direction::Ingress).is_some());
}

/// Reads until it is done; keeps snapshots and asks them again later, too. Returns how many verdicts it checked.
fn read_turns(engine: &Engine, done: &AtomicBool, first: usize) -> usize {
    const BATCH: usize = 16;
    let questions = turns::questions();
    let flows: Vec<Flow> = questions.iter().map(|(flow, ..)| *flow).collect();
    let (mut reader, mut kept, mut last, mut checked) = (engine.reader(), Vec::new(), 0, 0);
    let mut batch = [Verdict::default(); BATCH];
    while !done.load(Ordering::Relaxed) {
        let at = (first + checked) % (questions.len() - BATCH);
        let snapshot = reader.snapshot().unwrap().clone();
        assert!(snapshot.generation() >= last);
        last = snapshot.generation();
        for question in &questions[at..at + BATCH] {
            let verdict = snapshot.verdict(&question.0, &FlowContext::default());
            assert_eq!(verdict.generation(), last);
            check_turn(question, verdict);
            check_turn(question, reader.verdict(&question.0, &FlowContext::default()));
        }
        reader.verdicts(&flows[at..at + BATCH], &mut batch);
        questions[at..].iter().zip(&batch).for_each(|(question, verdict)| check_turn(question, *verdict));
        assert!(batch.iter().all(|verdict| verdict.generation() == batch[0].generation()));
        kept.push(snapshot);
        let old: &Snapshot = &kept[checked / 7 % kept.len()];
        check_turn(&questions[at], old.verdict(&flows[at], &FlowContext::default()));
        if kept.len() > 20 {
            kept.swap_remove(checked / 3 % kept.len());
        }
        checked += 3 * BATCH + 1;
    }
    checked
}

#[test]
fn readers_see_whole_updates_of_a_writer_at_full_speed() {
    const TIME: Duration = Duration::from_secs(4);
    let (mut cluster, engine, done) = (turns::cluster(), Engine::new(), AtomicBool::new(false));
    let mut compiler = Compiler::default();
    engine.publish(compiler.update(&mut cluster).snapshot);
    let mut kept_up = 0;
    let start = Instant::now();
    let checked: usize = std::thread::scope(|threads| {
        let (engine, done) = (&engine, &done);
        let readers = [0, 100, 300].map(|first| threads.spawn(move || read_turns(engine, done, first)));
        // A reader that fails ends the test: it is not to wait for the writer.
        while start.elapsed() < TIME && !readers.iter().any(|reader| reader.is_finished()) {
            turns::next(&mut cluster);
            engine.publish(compiler.update(&mut cluster).snapshot);
            // What upkeep moves, readers may be reading.
            while cluster.generation().is_multiple_of(64)
                && let Some(update) = compiler.maintain(&cluster, usize::MAX)
            {
                assert!(kept_up < cluster.generation(), "upkeep that never ends");
                kept_up += 1;
                engine.publish(update.snapshot);
            }
        }
        done.store(true, Ordering::Relaxed);
        readers.map(|reader| reader.join().unwrap()).into_iter().sum()
    });
    println!("{checked} verdicts of {} generations, {kept_up} times upkeep", cluster.generation());
    assert!(checked > 1_000 && kept_up > 0 && cluster.generation() > 2 * turns::SERVERS);
    let snapshot = engine.snapshot().unwrap();
    for question in turns::questions() {
        let verdict = snapshot.verdict(&question.0, &FlowContext::default());
        check_turn(&question, verdict);
        assert_eq!(verdict, evaluate(&cluster, &question.0, &FlowContext::default()).enforced);
    }
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
