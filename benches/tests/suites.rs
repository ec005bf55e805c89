//! The suites have the sizes of what they are modelled on.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod small;

use std::collections::BTreeSet;
use tierwall::cluster::{Cluster, EndpointEntry};
use tierwall::lower::Lowered;
use tierwall::model::{Direction, Protocol, Rule, RuleAction};
use tierwall_benches::baseline::AppliedRules;
use tierwall_benches::workload::{
    ADV_ANYPEER, ADV_CIDR, ADV_PORT, ANTREA, BinaryLabels, CB_ACL, CB_FW, CB_IPC, CILIUM_CI, MultiTenant,
    P50K, PROD_E, PROD_I, Recipe, Shape, Skew, Suite, Tenants, load,
};

#[track_caller]
fn assert_near(what: &str, actual: f64, expected: f64) {
    assert!((actual / expected - 1.0).abs() <= 0.05, "{what}: {actual}, expected {expected} within 5 %");
}

fn cluster(suite: Suite) -> Cluster {
    load(suite.workload().objects)
}

fn rules(cluster: &Cluster) -> impl Iterator<Item = &Rule> {
    let directions = [Direction::Ingress, Direction::Egress];
    let rules = move |direction| cluster.policies().filter_map(move |entry| entry.policy.rules(direction));
    directions.into_iter().flat_map(rules).flatten()
}

fn count(cluster: &Cluster, holds: impl Fn(&Rule) -> bool) -> f64 {
    rules(cluster).filter(|rule| holds(rule)).count() as f64
}

fn sizes(shape: Shape) -> (usize, usize, usize) {
    (shape.endpoints, shape.policies, shape.rules)
}

fn mean_applied_rules(cluster: &Cluster) -> f64 {
    AppliedRules::new(cluster).unwrap().mean_applied_rules()
}

#[test]
fn fifty_thousand_policies() {
    let shape = Shape::of(&cluster(P50K));
    assert_eq!((shape.endpoints, shape.policies), (100_000, 50_000));
    assert_near("rules", shape.rules as f64, 148_000.0);
}

#[test]
fn production_egress() {
    let cluster = cluster(PROD_E);
    let shape = Shape::of(&cluster);
    assert_eq!(sizes(shape), (1, 294, 18_816));
    assert_eq!(cluster.network_sets().count(), 3_708);
    assert_near("members", shape.prefixes as f64, 367_000.0);
    assert_near("inline prefixes", count(&cluster, |rule| !rule.destination.nets.is_empty()), 14_112.0);
    assert_near("port atoms", shape.port_atoms as f64, 16_018.0);
    assert_eq!(mean_applied_rules(&cluster), 18_816.0);
    let ranges = rules(&cluster).flat_map(|rule| &rule.destination.ports.ranges);
    let ports: BTreeSet<u16> = ranges.map(|range| range.first()).collect();
    assert_near("ports", ports.len() as f64, 7_600.0);
}

#[test]
fn production_ingress() {
    let cluster = cluster(PROD_I);
    assert_eq!(sizes(Shape::of(&cluster)), (1, 294, 19_992));
    assert_eq!(cluster.network_sets().count(), 3_708);
    assert_near("references", count(&cluster, |rule| rule.source.selector.is_some()), 4_838.0);
    let actions = |action| count(&cluster, |rule| rule.action == action);
    let others = [RuleAction::Deny, RuleAction::Allow, RuleAction::Pass].map(actions);
    assert_eq!(others, [10.0, 1.0, 19_981.0]);
    let sizes: Vec<usize> = cluster.network_sets().map(|entry| entry.set.nets.len()).collect();
    let histogram = [(0, 0), (1, 9), (10, 99), (100, 999), (1_000, 9_999), (54_566, 54_566)]
        .map(|(least, most)| sizes.iter().filter(|size| (least..=most).contains(*size)).count());
    assert_eq!(histogram, [4, 3_035, 446, 64, 158, 1]);
}

/// A tenth of the suite, which is the same ten times.
#[test]
fn tenants() {
    let shape = Shape::of(&load(Tenants { namespaces: 10_000 }.generate(Suite::SEED).objects));
    assert_eq!(sizes(shape), (10_000, 10_000, 30_000));
}

#[test]
fn small_namespaces() {
    assert_eq!(sizes(Shape::of(&cluster(ANTREA))), (100_000, 75_000, 50_000));
}

#[test]
fn identities() {
    let cluster = cluster(CILIUM_CI);
    let shape = Shape::of(&cluster);
    assert_eq!((shape.endpoints, shape.policies), (3_000, 3_000));
    let labels: BTreeSet<_> = cluster.endpoints().map(|entry| &entry.labels).collect();
    assert_eq!(labels.len(), 600);
    let subjects: BTreeSet<_> = cluster.policies().map(|entry| entry.policy.subject.to_string()).collect();
    assert_eq!(subjects.len(), 600);
}

/// W1 with a tenth of its namespaces; their endpoints are under as many policies each.
const TENTH: MultiTenant = MultiTenant { namespaces: 100, app_policies: 980, ..MultiTenant::W1 };

#[test]
fn thousands_of_global_policies() {
    let objects =
        MultiTenant { platform_policies: 2_000, app_policies: 798, ..TENTH }.generate(Suite::SEED).objects;
    assert_near("mean applied rules", mean_applied_rules(&load(objects)), 211.0);
}

#[test]
fn binary_labels_make_every_endpoint_different() {
    let cluster = load(BinaryLabels { cluster: TENTH, labels: 40 }.generate(Suite::SEED).objects);
    assert_near("mean applied rules", mean_applied_rules(&cluster), 173.0);
    let bits = |entry: &EndpointEntry| -> Vec<_> {
        let labels = entry.labels.iter().filter(|(key, _)| key.starts_with("bit-"));
        labels.map(|(_, value)| value.clone()).collect()
    };
    let distinct: BTreeSet<_> = cluster.endpoints().map(bits).collect();
    assert_eq!(distinct.len(), 10_000);
    assert!(distinct.iter().all(|bits| bits.len() == 40));
}

#[test]
fn distinct_ports() {
    let shape = Shape::of(&cluster(ADV_PORT));
    assert_eq!((shape.endpoints, shape.policies), (100_000, 10_000));
    assert_eq!(shape.port_atoms, 2 * 20_000 + 1);
}

#[test]
fn nested_prefixes() {
    let objects = ADV_CIDR.workload().objects;
    let nets = objects.iter().filter_map(|object| match object {
        Lowered::NetworkSet(set) => Some(&set.nets),
        _ => None,
    });
    let nets: BTreeSet<_> = nets.flatten().collect();
    assert_eq!(nets.len(), 100_000);
    // All but the widest are within the prefix that is one bit shorter.
    let nested = nets.iter().filter_map(|net| net.supernet()).filter(|net| nets.contains(net)).count();
    assert_eq!(nested, 95_000);
}

#[test]
fn any_peer() {
    let cluster = cluster(ADV_ANYPEER);
    let shape = Shape::of(&cluster);
    assert_eq!((shape.endpoints, shape.policies), (10_001, 1_150));
    let any_peer =
        |rule: &Rule| rule.source == Default::default() && !rule.destination.ports.ranges.is_empty();
    let exposed = cluster.policies().filter(|entry| entry.policy.key.namespace.as_deref() == Some("exposed"));
    let rules: Vec<&Rule> =
        exposed.filter_map(|entry| entry.policy.rules(Direction::Ingress)).flatten().collect();
    assert_eq!(rules.len(), 15_000);
    assert!(rules.into_iter().all(any_peer));
}

/// In thousandths; of acl and fw, as the published rule sets of 10,000 rules have them.
#[test]
fn five_tuples() {
    let share = |suite, holds: &dyn Fn(&Rule) -> bool| {
        let cluster = cluster(suite);
        assert_eq!(sizes(Shape::of(&cluster)), (1, 100, 10_000), "{}", suite.name);
        assert_eq!(count(&cluster, |rule| !rule.source.ports.is_empty()), 0.0);
        count(&cluster, holds) / 10.0
    };
    let tcp = |rule: &Rule| rule.protocol == Some(Protocol::TCP);
    assert_near("acl: TCP", share(CB_ACL, &tcp), 873.0);
    assert_near("fw: TCP", share(CB_FW, &tcp), 570.0);
    let exact =
        |rule: &Rule| matches!(&rule.destination.ports.ranges[..], [range] if range.first() == range.last());
    assert_near("acl: one port", share(CB_ACL, &exact), 604.0);
    assert_near("fw: one port", share(CB_FW, &exact), 629.0);
    let hosts = |rule: &Rule| rule.destination.nets.iter().any(|net| net.prefix_len() > 30);
    assert_near("ipc: hosts", share(CB_IPC, &hosts), 540.0);
}

#[test]
fn a_seed_means_one_workload() {
    for (name, recipe) in small::RECIPES {
        let (one, same) = (recipe.generate(1), recipe.generate(1));
        assert_eq!(one.objects, same.objects, "{name}");
        let flows = |seed| one.traffic.flows(100, Skew::Uniform, seed);
        assert_eq!(flows(1), same.traffic.flows(100, Skew::Uniform, 1), "{name}");
        assert_ne!(flows(1), flows(2), "{name}");
    }
}
