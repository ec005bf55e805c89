//! Both baselines and the compiled engine give the reference's answers: the action, and the rule that decided at each end.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod small;

use tierwall::Snapshot;
use tierwall::cluster::Cluster;
use tierwall::lower::Lowered;
use tierwall::model::{
    Action, EntityMatch, Flow, FlowContext, Isolation, Order, Policy, PolicyClass, PolicyKey, PolicyKind,
    Profile, Protocol, Rule, RuleAction, Side,
};
use tierwall::reference;
use tierwall::selector::Selector;
use tierwall_benches::baseline::{AllPolicies, AppliedRules};
use tierwall_benches::engine::{Answer, Engine, compiled};
use tierwall_benches::workload::{MultiTenant, Recipe, S, Skew, Suite, Traffic, Workload, load};

/// W1 with its global policies and network sets, and fewer namespaces.
const SMALL_W1: MultiTenant =
    MultiTenant { namespaces: 20, app_policies: 196, prefixes: 2_000, ..MultiTenant::W1 };

/// How many flows there were, and what came of them.
#[derive(Debug, Default)]
struct Tally {
    flows: usize,
    allowed: usize,
    ruled_at_an_end: usize,
    ruled_at_both: usize,
}

/// Compares both baselines and the compiled engine with the reference.
fn compare(cluster: &Cluster, traffic: &Traffic, flows: usize) -> Tally {
    let all_policies = AllPolicies::new(cluster).unwrap();
    let applied_rules = AppliedRules::new(cluster).unwrap();
    let snapshot = Snapshot::compile(cluster);
    let compiled = compiled(&snapshot);
    let context = FlowContext::default();
    let mut tally = Tally::default();
    for skew in [Skew::Uniform, Skew::Skewed] {
        for flow in traffic.flows(flows, skew, 7) {
            let expected: Answer = reference::evaluate(cluster, &flow, &context).enforced.into();
            assert_eq!(all_policies.evaluate(&flow), expected, "AllPolicies on {flow:?}");
            assert_eq!(applied_rules.evaluate(&flow), expected, "AppliedRules on {flow:?}");
            assert_eq!(compiled.evaluate(&flow), expected, "Snapshot on {flow:?}");
            let Answer { action, egress, ingress } = expected;
            tally.flows += 1;
            tally.allowed += usize::from(action == Action::Allow);
            tally.ruled_at_an_end += usize::from(egress.is_some() || ingress.is_some());
            tally.ruled_at_both += usize::from(egress.is_some() && ingress.is_some());
        }
    }
    tally
}

fn check_multi_tenant(cluster: &Cluster, traffic: &Traffic, flows: usize) {
    let tally = compare(cluster, traffic, flows);
    // The flows are worth comparing: both actions are common, and so are rules at both ends.
    assert!((tally.flows / 40..tally.flows * 39 / 40).contains(&tally.allowed), "{tally:?}");
    assert!(tally.ruled_at_both > tally.flows / 2, "{tally:?}");
}

fn check(recipe: &impl Recipe, flows: usize) {
    let Workload { objects, traffic } = recipe.generate(Suite::SEED);
    check_multi_tenant(&load(objects), &traffic, flows);
}

#[test]
fn on_small_suites_of_every_kind() {
    for (name, recipe) in small::RECIPES {
        let Workload { objects, traffic } = recipe.generate(Suite::SEED);
        let tally = compare(&load(objects), &traffic, 300);
        // The flows are worth comparing here, too.
        let some = tally.flows / 40;
        assert!((some..tally.flows - some).contains(&tally.allowed), "{name}: {tally:?}");
        assert!(tally.ruled_at_an_end > tally.flows / 2, "{name}: {tally:?}");
    }
}

#[test]
fn on_suite_s() {
    check(&MultiTenant::S, 4_000);
}

#[test]
fn on_a_small_w1() {
    check(&SMALL_W1, 2_000);
}

/// What the baselines know and no suite has: Log rules, other forms of selectors, profiles that deny.
#[test]
fn on_rules_that_no_suite_has() {
    let Workload { objects, traffic } = S.workload();
    let mut cluster = load(objects);
    let udp = Rule { protocol: Some(Protocol::UDP), ..Rule::new(RuleAction::Deny) };
    let denies_udp = vec![udp, Rule::new(RuleAction::Allow)];
    let labels = cluster.profile("kns.ns-0").unwrap().profile.labels_to_apply.clone();
    let profile = Profile { ingress: denies_udp.clone(), egress: denies_udp, labels_to_apply: labels };
    cluster.put(Lowered::Profile("kns.ns-0".into(), profile));
    let databases =
        Selector::parse("role == 'database' || role not in {'frontend', 'backend', 'worker'}").unwrap();
    let log = |peer: EntityMatch| Rule { source: peer, ..Rule::new(RuleAction::Log) };
    let deny = |peer: EntityMatch| Rule { source: peer, ..Rule::new(RuleAction::Deny) };
    let canaries = EntityMatch {
        selector: Some(Selector::parse("version != 'v1' && has(version)").unwrap()),
        ..EntityMatch::default()
    };
    cluster.put(Policy {
        key: PolicyKey { kind: PolicyKind::GlobalNetworkPolicy, namespace: None, name: "extra".into() },
        tier: "security".into(),
        order: Order::new(-1.0),
        subject: databases,
        ingress: Some(vec![log(EntityMatch::default()), deny(canaries)]),
        egress: None,
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    });
    check_multi_tenant(&cluster, &traffic, 2_000);
}

/// The baselines find endpoints by address only, and say so.
#[test]
fn flows_without_addresses_are_undecided() {
    let cluster = load(S.workload().objects);
    let mut ends = cluster.endpoints().map(|entry| Side::Endpoint(entry.id));
    let flow = Flow::new(ends.next().unwrap(), ends.next().unwrap(), Protocol::TCP);
    let undecided = Answer { action: Action::Undecided, egress: None, ingress: None };
    assert_eq!(AllPolicies::new(&cluster).unwrap().evaluate(&flow), undecided);
    assert_eq!(AppliedRules::new(&cluster).unwrap().evaluate(&flow), undecided);
}
