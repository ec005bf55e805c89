//! Both baselines give the reference's answers: the action, and the rule that decided at each end.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use tierwall::cluster::Cluster;
use tierwall::model::{Action, FlowContext};
use tierwall::reference;
use tierwall_benches::baseline::{AllPolicies, AppliedRules};
use tierwall_benches::engine::{Answer, Engine};
use tierwall_benches::workload::{Parameters, S, Skew, W1, Workload, load};

/// W1 with its global policies and network sets, and fewer namespaces.
const SMALL_W1: Parameters = Parameters {
    namespaces: 20,
    endpoints_per_namespace: 100,
    app_policies: 196,
    prefixes: 2_000,
    ..W1.parameters
};

fn check(parameters: &Parameters, flows: usize) {
    let Workload { objects, traffic } = Workload::generate(parameters);
    let cluster: Cluster = load(objects);
    let all_policies = AllPolicies::new(&cluster).unwrap();
    let applied_rules = AppliedRules::new(&cluster).unwrap();
    let context = FlowContext::default();
    let (mut allowed, mut ruled) = (0, 0);
    for skew in [Skew::Uniform, Skew::Skewed] {
        for flow in traffic.flows(flows, skew, 7) {
            let expected: Answer = reference::evaluate(&cluster, &flow, &context).enforced.into();
            assert_eq!(all_policies.evaluate(&flow), expected, "AllPolicies on {flow:?}");
            assert_eq!(applied_rules.evaluate(&flow), expected, "AppliedRules on {flow:?}");
            allowed += usize::from(expected.action == Action::Allow);
            ruled += usize::from(expected.egress.is_some() && expected.ingress.is_some());
        }
    }
    // The flows are worth comparing: both actions are common, and so are rules at both ends.
    assert!((flows / 20..flows * 39 / 20).contains(&allowed), "{allowed} of {} allowed", 2 * flows);
    assert!(ruled > flows, "{ruled} of {} with rules at both ends", 2 * flows);
}

#[test]
fn on_suite_s() {
    check(&S.parameters, 4_000);
}

#[test]
fn on_a_small_w1() {
    check(&SMALL_W1, 2_000);
}
