//! The workloads are what they are said to be.

use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use tierwall::model::{Flow, Name, Protocol};
use tierwall_benches::baseline::AppliedRules;
use tierwall_benches::workload::{M, S, Shape, Skew, W1, Workload, load};

#[track_caller]
fn assert_near(what: &str, actual: f64, expected: f64) {
    assert!((actual / expected - 1.0).abs() <= 0.05, "{what}: {actual}, expected {expected} within 5 %");
}

/// The size at which figures are published.
#[test]
fn w1_has_its_published_shape() {
    let cluster = load(W1.workload().objects);
    let shape = Shape::of(&cluster);
    assert_eq!((shape.endpoints, shape.policies), (100_000, 10_000));
    assert_near("rules", shape.rules as f64, 27_839.0);
    assert_near("selectors", shape.selectors as f64, 10_926.0);
    assert_near("port atoms", shape.port_atoms as f64, 427.0);
    assert_near("prefixes", shape.prefixes as f64, 9_956.0);
    let applied = AppliedRules::new(&cluster).unwrap();
    assert_near("mean applied rules", applied.mean_applied_rules(), 47.0);
}

#[test]
fn small_suites_have_the_sizes_of_their_names() {
    for (suite, size) in [(S, (1_000, 100)), (M, (10_000, 1_000))] {
        let shape = Shape::of(&load(suite.workload().objects));
        assert_eq!((shape.endpoints, shape.policies), size, "{}", suite.name);
    }
}

#[test]
fn a_seed_means_one_workload() {
    let (one, other) = (S.workload(), S.workload());
    assert_eq!(one.objects, other.objects);
    assert_eq!(one.traffic.flows(100, Skew::Skewed, 1), other.traffic.flows(100, Skew::Skewed, 1));
    assert_ne!(one.traffic.flows(100, Skew::Skewed, 1), one.traffic.flows(100, Skew::Skewed, 2));
}

/// The same on every platform and in every release: numbers are compared between both.
#[test]
fn a_flow_of_w1_never_changes() {
    let flow = W1.workload().traffic.flows(1_000, Skew::Uniform, 7)[999];
    assert_eq!(flow.source_address(), Some(IpAddr::from([10, 1, 159, 5])));
    assert_eq!(flow.destination_address(), Some(IpAddr::from([10, 2, 40, 162])));
    assert_eq!((flow.protocol(), flow.destination_port()), (Protocol::TCP, 62_572));
}

#[test]
fn flows_are_mixed_as_documented() {
    let Workload { objects, traffic } = M.workload();
    let cluster = load(objects);
    let namespaces: HashMap<IpAddr, &Name> = cluster
        .endpoints()
        .filter_map(|entry| Some((entry.endpoint.addresses[0], entry.endpoint.key.namespace.as_ref()?)))
        .collect();
    let nets: Vec<&IpNet> = cluster.network_sets().flat_map(|entry| &entry.set.nets).collect();
    let count = 20_000;
    let flows = traffic.flows(count, Skew::Uniform, 1);
    let share =
        |holds: &dyn Fn(&Flow) -> bool| flows.iter().filter(|flow| holds(flow)).count() as f64 / count as f64;
    let namespace = |address: Option<IpAddr>| address.and_then(|address| namespaces.get(&address));
    let outside = |flow: &Flow| namespace(flow.destination_address()).is_none();
    let listed = |flow: &Flow| {
        outside(flow)
            && flow.destination_address().is_some_and(|address| nets.iter().any(|net| net.contains(&address)))
    };

    assert!(flows.iter().all(|flow| namespace(flow.source_address()).is_some()));
    // A hundredth of the flows to any pod stays in the namespace by chance.
    assert_near(
        "same namespace",
        share(&|flow| namespace(flow.source_address()) == namespace(flow.destination_address())),
        0.424,
    );
    assert_near("outside", share(&outside), 0.20);
    assert!(share(&listed) >= 0.095);
    assert_near("TCP", share(&|flow| flow.protocol() == Protocol::TCP), 0.88);
}

#[test]
fn skewed_flows_come_from_few_endpoints() {
    let traffic = M.workload().traffic;
    let sources = |skew| {
        let flows = traffic.flows(10_000, skew, 1);
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for flow in flows {
            *counts.entry(flow.source_address().unwrap()).or_default() += 1;
        }
        counts.into_values().max().unwrap()
    };
    assert!(sources(Skew::Uniform) < 10);
    assert!(sources(Skew::Skewed) > 500);
}
