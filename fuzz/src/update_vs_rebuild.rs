//! A snapshot that followed its cluster through edits answers as one that is compiled afresh, and as the reference does;
//! one of before answers as before.

use crate::draw::Draw;
use crate::edit::{Edit, apply, edits};
use crate::world::{World, context, flow, list};
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Direction, Evaluation, Flow, FlowContext, Point, Role};
use tierwall::reference::evaluate;
use tierwall::{CompileOptions, Compiler, Snapshot};

/// What was asked of a snapshot, and what it said.
type Said = Vec<(Flow, FlowContext, Evaluation)>;

pub fn check(data: &[u8]) {
    let draw = &mut Draw::new(data);
    let World { mut cluster, options, objects, .. } = World::draw(draw);
    let mut compiler = Compiler::new(options.clone());
    let mut kept: Option<(Snapshot, Said)> = None;
    let mut done: Vec<Vec<Edit>> = Vec::new();
    for _ in 0..=draw.number(5) {
        let snapshot = compiler.update(&mut cluster).snapshot;
        let story = || format!("{done:#?}\nof {options:?} {:?}\n{}", cluster.dialect(), list(&objects));
        let said = compare(draw, &cluster, &options, &snapshot, &story);
        if let Some((old, said)) = &kept {
            for (flow, context, expected) in said {
                assert_eq!(
                    old.evaluate(flow, context),
                    *expected,
                    "of before: {flow:?} {context:?}\n{}",
                    story()
                );
            }
        }
        if draw.chance(8) {
            kept = Some((snapshot, said));
        }
        // Now and then somebody else takes the changes, and the compiler must notice.
        if draw.chance(1) {
            cluster.take_changes();
        }
        done.push(edits(draw, &cluster, &objects));
        done.last().into_iter().for_each(|edits| apply(&mut cluster, edits));
    }
}

fn compare(
    draw: &mut Draw<'_>,
    cluster: &Cluster,
    options: &CompileOptions,
    snapshot: &Snapshot,
    story: &dyn Fn() -> String,
) -> Said {
    let fresh = Snapshot::compile_with(cluster, options);
    let read = Snapshot::from_bytes(&snapshot.to_bytes());
    let read = read.unwrap_or_else(|error| panic!("its own bytes are refused: {error}\n{}", story()));
    let mut said = Said::new();
    for _ in 0..=draw.number(7) {
        let (flow, context) = (flow(draw, cluster), context(draw));
        let expected = evaluate(cluster, &flow, &context);
        for (name, snapshot) in [("fresh", &fresh), ("updated", snapshot), ("read", &read)] {
            let found = snapshot.evaluate(&flow, &context);
            assert_eq!(found, expected, "{name}: {flow:?} {context:?}\n{}", story());
        }
        compare_at_endpoints(cluster, snapshot, &fresh, &flow, &context, story);
        said.push((flow, context, expected));
    }
    said
}

fn compare_at_endpoints(
    cluster: &Cluster,
    snapshot: &Snapshot,
    fresh: &Snapshot,
    flow: &Flow,
    context: &FlowContext,
    story: &dyn Fn() -> String,
) {
    for entry in cluster.endpoints() {
        for direction in [Direction::Egress, Direction::Ingress] {
            for scope in [Scope::Enforced, Scope::Pending] {
                let point = Point { endpoint: entry.id, direction, role: Role::Own };
                let [found, expected] = [snapshot, fresh].map(|snapshot| {
                    let judged = snapshot.judge(point, flow, context, scope);
                    (judged.action, judged.reason, judged.rule)
                });
                assert_eq!(found, expected, "{flow:?} {context:?} at {point:?} {scope:?}\n{}", story());
            }
        }
    }
}
