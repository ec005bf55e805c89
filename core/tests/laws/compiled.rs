//! The compiled form answers as the reference does.

use crate::generate::{Ask, asks, world};
use crate::{cases, engines};
use proptest::prelude::*;
use tierwall::Snapshot;
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Direction, Point, Role};

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

proptest! {
    #![proptest_config(cases(512))]

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
    fn a_compiled_endpoint_judges_as_the_endpoint_does(world in world(), asks in asks()) {
        let cluster = world.cluster();
        let snapshot = Snapshot::compile(&cluster);
        for ask in asks.iter().take(2) {
            check_judgements(&cluster, &snapshot, ask)?;
        }
    }
}
