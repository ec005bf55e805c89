//! The compiled form answers as the reference does.

use crate::generate::{Ask, asks, world};
use crate::{cases, columns, engines};
use proptest::prelude::*;
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Action, Direction, Flow, FlowContext, Point, Reason, Role, Side, Verdict};
use tierwall::reference::evaluate;
use tierwall::{CompileOptions, Snapshot};

/// At every endpoint, whether or not the flow is its own.
fn check_judgements(cluster: &Cluster, snapshot: &Snapshot, ask: &Ask) -> Result<(), TestCaseError> {
    let flow = ask.flow(cluster);
    for entry in cluster.endpoints() {
        for direction in [Direction::Egress, Direction::Ingress] {
            for role in [Role::Own, Role::Forwarded, Role::PreDnatOnly] {
                for scope in [Scope::Enforced, Scope::Pending] {
                    let point = Point { endpoint: entry.id, direction, role };
                    engines::judge(cluster, snapshot, point, &flow, &ask.context, scope)
                        .map_err(TestCaseError::fail)?;
                }
            }
        }
    }
    Ok(())
}

/// Each side is as it is where all nodes are compiled, or another node's; if one denies, so does the flow.
fn check_own_sides(cluster: &Cluster, snapshot: &Snapshot, ask: &Ask) {
    let flow = ask.flow(cluster);
    let (all, own) = (evaluate(cluster, &flow, &ask.context), snapshot.evaluate(&flow, &ask.context));
    let to_node_port = flow.destination_address().is_some_and(|address| {
        cluster.nodes().any(|node| node.addresses.contains(&address))
            && cluster.route(address, flow.protocol(), flow.destination_port()).is_some()
    });
    for (all, own) in [(all.enforced, own.enforced), (all.pending, own.pending)] {
        let (mut whole, mut undecided) = (true, false);
        for direction in [Direction::Egress, Direction::Ingress] {
            undecided |=
                Reason::Undecided == all.reason(direction) || Reason::Undecided == own.reason(direction);
            if own.reason(direction) == Reason::NotEvaluated {
                whole = false;
                continue;
            }
            // The node whose port it is judges the flow on its way, and may be a third one that denies it.
            let denied_between = to_node_port && all.action() == Action::Deny;
            if !undecided && !denied_between {
                assert_eq!(
                    (own.reason(direction), own.rule(direction)),
                    (all.reason(direction), all.rule(direction))
                );
            }
        }
        if whole && !undecided && !to_node_port {
            assert_eq!(own.action(), all.action());
        }
        assert!(
            undecided || all.action() != Action::Allow || own.action() == Action::Allow,
            "{own:?} {all:?}"
        );
    }
}

/// Every form that the fast tables take: small clusters alone would not reach them all.
pub(crate) fn options() -> impl Strategy<Value = CompileOptions> {
    // The wide rules of such clusters take a few thousand bytes.
    let budget = prop_oneof![4 => Just(usize::MAX), 1 => Just(0), 1 => 0..4_000_usize, 1 => 0..20_000_usize];
    let wide = prop_oneof![Just(1), Just(2), Just(3), Just(u32::MAX)];
    let folded = prop_oneof![Just(0), Just(1), Just(6)];
    let broad = prop_oneof![Just(0), Just(1), Just(64)];
    (budget, wide, folded, broad).prop_map(|(table_budget, wide_classes, folded_rules, broad_classes)| {
        let mut options = CompileOptions::default();
        options.table_budget = table_budget;
        options.wide_classes = wide_classes;
        options.folded_rules = folded_rules;
        options.broad_classes = broad_classes;
        options
    })
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn no_option_changes_an_answer(world in world(), options in options(), asks in asks()) {
        let cluster = world.cluster();
        let snapshot = Snapshot::compile_with(&cluster, &options);
        for ask in &asks {
            engines::evaluate(&cluster, &snapshot, &ask.flow(&cluster), &ask.context)
                .map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn a_compiled_cluster_answers_as_the_cluster_does(world in world(), asks in asks()) {
        let cluster = world.cluster();
        let snapshot = Snapshot::compile(&cluster);
        for ask in &asks {
            engines::evaluate(&cluster, &snapshot, &ask.flow(&cluster), &ask.context)
                .map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn a_batch_is_its_flows(world in world(), options in options(), asks in asks(), len in 0..100_usize) {
        let cluster = world.cluster();
        let snapshot = Snapshot::compile_with(&cluster, &options);
        let mut flows: Vec<Flow> = asks.iter().cycle().take(len).map(|ask| ask.flow(&cluster)).collect();
        // Some to where they come from.
        flows.iter_mut().skip(3).step_by(7).for_each(|flow| *flow = flow.with_destination(flow.source()));
        let mut verdicts = vec![Verdict::default(); len];
        snapshot.verdicts(&flows, &mut verdicts);
        let is_v4 = |flow: &&Flow| [flow.source(), flow.destination()].iter().all(|side| {
            matches!(side, Side::Address(address) if address.is_ipv4())
        });
        // Only then their addresses are looked up together.
        let v4: Vec<Flow> = flows.iter().filter(is_v4).copied().collect();
        let mut verdicts_v4 = vec![Verdict::default(); v4.len()];
        snapshot.verdicts(&v4, &mut verdicts_v4);
        for (flow, verdict) in flows.iter().zip(verdicts).chain(v4.iter().zip(verdicts_v4)) {
            prop_assert_eq!(verdict, snapshot.verdict(flow, &FlowContext::default()));
        }
        for group in columns::groups(&flows) {
            group.check(&snapshot)?;
        }
    }

    #[test]
    fn a_node_judges_its_own_side_alike(world in world(), node in prop::sample::select(vec!["n0", "n1", "nowhere"]), asks in asks()) {
        let cluster = world.cluster();
        let mut options = CompileOptions::default();
        options.node = Some(node.into());
        let snapshot = Snapshot::compile_with(&cluster, &options);
        for ask in &asks {
            check_own_sides(&cluster, &snapshot, ask);
        }
    }

    #[test]
    fn a_compiled_endpoint_judges_as_the_endpoint_does(world in world(), asks in asks()) {
        let cluster = world.cluster();
        let snapshot = Snapshot::compile(&cluster);
        for ask in asks.iter().take(2) {
            check_judgements(&cluster, &snapshot, ask)?;
        }
    }
}
