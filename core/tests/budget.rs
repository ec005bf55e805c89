//! A budget bounds the tables and changes no answer.
#![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::model::{
    Endpoint, EndpointKey, EndpointKind, EntityMatch, Flow, FlowContext, Isolation, Order, Policy,
    PolicyClass, PolicyKey, PolicyKind, Protocol, Rule, RuleAction, Tier,
};
use tierwall::reference::evaluate;
use tierwall::selector::Selector;
use tierwall::{CompileOptions, Compiler, Snapshot, Stats};

const LABELS: u32 = 8;
const ENDPOINTS: u32 = 1 << LABELS;

fn address(number: u32) -> IpAddr {
    let [.., high, low] = number.to_be_bytes();
    IpAddr::from([10, 0, high, low])
}

/// The endpoint whose labels are the bits of a number.
fn endpoint(number: u32, labels: u32) -> Endpoint {
    let label = |bit: u32| (format!("bit{bit}").into(), (labels >> bit & 1).to_string().into());
    Endpoint {
        key: EndpointKey {
            kind: EndpointKind::WorkloadEndpoint,
            namespace: Some("shop".into()),
            name: format!("server{number}").into(),
        },
        labels: (0..LABELS).map(label).collect(),
        profiles: Vec::new(),
        addresses: vec![address(number)],
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    }
}

fn with(bit: u32) -> Selector {
    Selector::parse(&format!("bit{} == '1'", bit % LABELS)).unwrap()
}

/// Of the whole cluster, or of its namespace.
fn policy(number: u32, of_namespace: bool) -> Policy {
    let peer = EntityMatch {
        selector: Some(Selector::and([with(number + 3), with(number * 5 + 1)])),
        ..EntityMatch::default()
    };
    let action = if number.is_multiple_of(3) { RuleAction::Deny } else { RuleAction::Allow };
    let rule = |rule: Rule| vec![Rule { protocol: Some(Protocol::TCP), ..rule }];
    Policy {
        key: PolicyKey {
            kind: if of_namespace { PolicyKind::NetworkPolicy } else { PolicyKind::GlobalNetworkPolicy },
            namespace: of_namespace.then(|| "shop".into()),
            name: format!("policy{number}").into(),
        },
        tier: Tier::DEFAULT.into(),
        order: Order::new(number.into()),
        subject: Selector::and([with(number), with(number * 3 + 1)]),
        ingress: Some(rule(Rule { source: peer.clone(), ..Rule::new(action) })),
        egress: Some(rule(Rule { destination: peer, ..Rule::new(action) })),
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    }
}

fn cluster(of_namespace: bool) -> Cluster {
    let mut cluster = Cluster::new();
    let mut transaction = cluster.transaction();
    (0..ENDPOINTS).for_each(|number| transaction.put(endpoint(number, number)));
    (0..40).for_each(|number| transaction.put(policy(number, of_namespace)));
    transaction.commit();
    cluster
}

fn options(budget: usize) -> CompileOptions {
    let mut options = CompileOptions::default();
    options.table_budget = budget;
    options
}

/// What the budget bounds.
fn bounded(stats: &Stats) -> usize {
    let tables = stats.bytes.iter().filter(|(table, _)| ["parts", "wide", "buckets", "rows"].contains(table));
    tables.map(|(_, bytes)| bytes).sum()
}

fn check(cluster: &Cluster, snapshot: &Snapshot) {
    for number in 0..400 {
        let (from, to) = (address(number * 61 % ENDPOINTS), address((number * 97 + 1) % ENDPOINTS));
        let flow = Flow::new(from, to, Protocol::TCP).with_ports(40_000, 80);
        let context = FlowContext::default();
        assert_eq!(snapshot.evaluate(&flow, &context), evaluate(cluster, &flow, &context));
    }
}

#[test]
fn what_does_not_fit_is_left_to_the_complete_form() {
    for of_namespace in [false, true] {
        let cluster = cluster(of_namespace);
        let whole = Snapshot::compile(&cluster).stats();
        assert_eq!(whole.slow_lists, 0);
        assert!(whole.wide_rules.iter().all(|rules| *rules > 0));
        // What is there whatever the budget: a row of each kind, what each atom leads to, and what holds for whom.
        let (least, most) =
            (bounded(&Snapshot::compile_with(&cluster, &options(0)).stats()), bounded(&whole));
        assert!(least < most / 2, "{least} of {most} bytes are there whatever the budget");
        let mut slow = 0;
        for eighth in (0..=8).rev() {
            let budget = least + (most - least) * eighth / 8;
            let snapshot = Snapshot::compile_with(&cluster, &options(budget));
            let stats = snapshot.stats();
            // A list has a row for the peers that it does not name, and one for any.
            let rows = 128 * stats.lists;
            assert!(bounded(&stats) <= budget + rows, "{} bytes, of {budget} that may be", bounded(&stats));
            slow = stats.slow_lists;
            check(&cluster, &snapshot);
        }
        assert!(slow > 0);
    }
}

#[test]
fn policies_that_did_not_fit_are_followed() {
    for budget in [0, 60_000] {
        let mut cluster = cluster(false);
        let mut compiler = Compiler::new(options(budget));
        let first = compiler.update(&mut cluster).snapshot;
        check(&cluster, &first);
        for number in 0..30 {
            match number % 3 {
                0 => cluster.put(endpoint(number, number * 7)),
                1 => cluster.put(policy(number * 5 % 40, false)),
                _ => cluster.put(Policy { order: Order::new(0.5), ..policy(number, number % 2 == 0) }),
            }
            let snapshot = compiler.update(&mut cluster).snapshot;
            check(&cluster, &snapshot);
        }
    }
}
