//! The compiled form answers as the reference does, whatever the options, and explains just that.

use crate::world::{World, list};
use tierwall::Snapshot;
use tierwall::cluster::Scope;
use tierwall::model::{Direction, Point, Role};
use tierwall::reference::{evaluate, judge};

pub fn check(data: &[u8]) {
    let World { cluster, options, flows, objects } = World::new(data);
    let story = || format!("{options:?} {:?}\n{}", cluster.dialect(), list(&objects));
    let snapshot = Snapshot::compile_with(&cluster, &options);
    for (flow, context) in &flows {
        let expected = evaluate(&cluster, flow, context);
        assert_eq!(snapshot.evaluate(flow, context), expected, "{flow:?} {context:?}\n{}", story());
        assert_eq!(snapshot.verdict(flow, context), expected.enforced, "{flow:?} {context:?}\n{}", story());
        let told = snapshot.explain(flow, context);
        let told = (told.enforced.verdict, told.pending.verdict);
        assert_eq!(told, (expected.enforced, expected.pending), "{flow:?} {context:?}\n{}", story());
    }
    let Some((flow, context)) = flows.first() else { return };
    for entry in cluster.endpoints() {
        for direction in [Direction::Egress, Direction::Ingress] {
            for role in [Role::Own, Role::Forwarded, Role::PreDnatOnly] {
                for scope in [Scope::Enforced, Scope::Pending] {
                    let point = Point { endpoint: entry.id, direction, role };
                    let expected = judge(&cluster, point, flow, context, scope);
                    let found = snapshot.judge(point, flow, context, scope);
                    assert_eq!(
                        (found.action, found.reason, found.rule),
                        (expected.action, expected.reason, expected.rule),
                        "{flow:?} {context:?} at {point:?} {scope:?}\n{}",
                        story()
                    );
                }
            }
        }
    }
}
