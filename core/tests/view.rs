//! What a backend gets to write: how much, and in which order.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are not tests to the lints"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use tierwall::cluster::{Cluster, Scope};
use tierwall::lower::labels;
use tierwall::model::{
    Endpoint, EndpointKey, EndpointKind, EntityMatch, Isolation, Order, Policy, PolicyClass, PolicyKey,
    PolicyKind, PortRange, Protocol, Rule, RuleAction, Tier,
};
use tierwall::selector::Selector;
use tierwall::view::{Apart, Delta, Record, Whole, Write, delta};
use tierwall::{Compiler, Snapshot};

const NAMESPACES: u8 = 20;
const PODS: u8 = 40;

fn name(namespace: u8) -> String {
    format!("n{namespace}")
}

/// A pod of one of four apps, unless it is said which.
fn pod(namespace: u8, number: u8, app: &str) -> Endpoint {
    let space = name(namespace);
    let own = BTreeMap::from([("app", app)]);
    let v6: [u16; 8] = [0xfd00, 0, 0, 0, 0, 0, namespace.into(), number.into()];
    Endpoint {
        key: EndpointKey {
            kind: EndpointKind::Pod,
            namespace: Some(space.as_str().into()),
            name: format!("p{number}").into(),
        },
        labels: labels::workload_labels(&own, &space, Some(labels::KUBERNETES), None),
        profiles: labels::workload_profiles(&space, None),
        addresses: vec![[10, 0, namespace, number].into(), v6.into()],
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    }
}

fn app(number: u8) -> &'static str {
    ["web", "api", "db", "batch"][usize::from(number) % 4]
}

/// In each namespace, apps are reached from the one before them.
fn policy(namespace: u8, subject: u8, port: u16) -> Policy {
    let peer = Selector::equals("app", app(subject + 3));
    let rule = Rule {
        protocol: Some(Protocol::TCP),
        source: EntityMatch { selector: Some(peer), ..EntityMatch::default() },
        destination: EntityMatch { ports: PortRange::from(port).into(), ..EntityMatch::default() },
        ..Rule::new(RuleAction::Allow)
    };
    let space = name(namespace);
    let in_space = format!("projectcalico.org/namespace == '{space}' && app == '{}'", app(subject));
    Policy {
        key: PolicyKey {
            kind: PolicyKind::NetworkPolicy,
            namespace: Some(space.as_str().into()),
            name: app(subject).into(),
        },
        tier: Tier::DEFAULT.into(),
        order: Order::new(10.0),
        subject: Selector::parse(&in_space).unwrap(),
        ingress: Some(vec![rule]),
        egress: None,
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    }
}

struct World {
    cluster: Cluster,
    compiler: Compiler,
    snapshot: Snapshot,
}

impl World {
    fn new() -> Self {
        let mut cluster = Cluster::new();
        let mut transaction = cluster.transaction();
        for namespace in 0..NAMESPACES {
            (0..PODS).for_each(|number| transaction.put(pod(namespace, number, app(number))));
            (0..4).for_each(|subject| transaction.put(policy(namespace, subject, 80)));
        }
        transaction.commit();
        let mut compiler = Compiler::default();
        let snapshot = compiler.update(&mut cluster).snapshot;
        World { cluster, compiler, snapshot }
    }

    fn follow(&mut self) -> Delta {
        let new = self.compiler.update(&mut self.cluster).snapshot;
        let delta = delta(&self.snapshot, &new);
        self.snapshot = new;
        delta
    }
}

fn live(delta: &Delta) -> &[Write] {
    match delta {
        Delta::Live(writes) => writes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn endpoints_are_prefixes_of_their_own() {
    let world = World::new();
    let prefixes: Vec<_> = world.snapshot.tables().prefixes().collect();
    let pods = usize::from(NAMESPACES) * usize::from(PODS);
    let full = prefixes.iter().filter(|(prefix, _)| [32, 128].contains(&prefix.length)).count();
    assert_eq!(full, 2 * pods);
    // Beside them there are ranges of the outside: of each family one, and one of each page with pods.
    assert!(prefixes.len() < 2 * pods + 40, "{}", prefixes.len());
}

#[test]
fn a_relabelled_pod_takes_a_write_for_each_address() {
    let mut world = World::new();
    world.cluster.put(pod(3, 5, "db"));
    let delta = world.follow();
    let [Write::Prefix(v4, Some(_)), Write::Prefix(v6, Some(_)), Write::Generation(_)] =
        sorted(live(&delta))[..]
    else {
        panic!("{delta:#?}")
    };
    assert_eq!(v4.address, IpAddr::from([10, 0, 3, 5]));
    assert_eq!((v4.length, v6.length), (32, 128));
}

fn sorted(writes: &[Write]) -> Vec<Write> {
    let mut writes = writes.to_vec();
    writes.sort_by_key(|write| match write {
        Write::Prefix(prefix, _) => u32::from(prefix.length),
        _ => u32::MAX,
    });
    writes
}

#[test]
fn a_pod_that_comes_or_goes_takes_a_write_for_each_address() {
    let mut world = World::new();
    world.cluster.put(pod(3, 200, "db"));
    assert_eq!(live(&world.follow()).len(), 3);
    let key = tierwall::resource::ResourceKey {
        kind: tierwall::resource::Kind::Pod,
        namespace: Some(name(3)),
        name: "p200".into(),
    };
    world.cluster.remove(&key);
    let delta = world.follow();
    let removed = live(&delta).iter().filter(|write| matches!(write, Write::Prefix(_, None))).count();
    assert_eq!((removed, live(&delta).len()), (2, 3));
}

#[test]
fn a_policy_of_a_namespace_takes_few_writes_and_classes_come_last() {
    let mut world = World::new();
    world.cluster.put(policy(3, 2, 81));
    let delta = world.follow();
    let writes = live(&delta);
    println!("{} writes for a policy", writes.len());
    assert!(writes.len() < 40, "{writes:#?}");
    let is_class = |write: &Write| matches!(write, Write::Record(_, _, Record::Class(_)));
    // One for each family.
    assert_eq!(writes.iter().filter(|write| is_class(write)).count(), 2);
    assert!(writes[writes.len() - 3..writes.len() - 1].iter().all(is_class));
}

#[test]
fn pods_that_change_together_are_written_apart() {
    let mut world = World::new();
    let mut transaction = world.cluster.transaction();
    transaction.put(pod(3, 5, "db"));
    transaction.put(pod(3, 6, "web"));
    transaction.commit();
    let delta = world.follow();
    assert!(matches!(&delta, Delta::Apart(writes, Apart::Addresses) if writes.len() == 5), "{delta:#?}");
}

#[test]
fn snapshots_that_were_compiled_apart_have_nothing_in_common() {
    let world = World::new();
    let other = Snapshot::compile(&world.cluster);
    assert_eq!(delta(&world.snapshot, &other), Delta::Whole(Whole::Unrelated));
    let read = Snapshot::from_bytes(&world.snapshot.to_bytes()).unwrap();
    assert_eq!(delta(&world.snapshot, &read), Delta::Whole(Whole::Unrelated));
}

#[test]
fn sizes_are_those_of_the_maps() {
    let world = World::new();
    let view = world.snapshot.tables();
    let program = view.program(Scope::Enforced).unwrap();
    for size in program.sizes() {
        println!("{} {} of {}", size.map, size.len, size.record);
    }
    let of = |map: &str| program.sizes().into_iter().find(|size| size.map == map).unwrap();
    assert_eq!((of("classes").len, of("classes").record), (program.classes().len(), 64));
    assert_eq!(of("rows").len as usize, program.rows().iter().count());
    assert_eq!(view.slow_lists(Scope::Enforced), 0);
    assert_eq!((view.slow_classes().count(), view.slow_rules().len()), (0, 0));
}
