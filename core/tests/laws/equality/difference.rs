//! A difference between the engines, made small enough to be looked into.

use super::normal::rewrite;
use crate::engines;
use crate::generate::{Ask, World, dialect_fields};
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Direction, FlowContext, Point, Role};
use tierwall::{CompileOptions, Snapshot};

/// The cluster of a world, some of whose policies are in words of the normal form.
pub(crate) fn cluster(world: &World) -> Cluster {
    let mut cluster = world.in_one_transaction();
    rewrite(&mut cluster);
    cluster
}

/// How the engines differ about one question, at any place.
fn difference(world: &World, options: &CompileOptions, ask: &Ask) -> Option<String> {
    let cluster = cluster(world);
    let snapshot = Snapshot::compile_with(&cluster, options);
    let (flow, context) = (ask.flow(&cluster), &ask.context);
    let whole = engines::evaluate(&cluster, &snapshot, &flow, context).err();
    whole.or_else(|| {
        points(&cluster).find_map(|(point, scope)| {
            engines::judge(&cluster, &snapshot, point, &flow, context, scope).err()
        })
    })
}

fn points(cluster: &Cluster) -> impl Iterator<Item = (Point, Scope)> {
    cluster.endpoints().flat_map(|entry| {
        (0..12).map(|number| {
            let direction = [Direction::Egress, Direction::Ingress][number % 2];
            let role = [Role::Own, Role::Forwarded, Role::PreDnatOnly][number / 2 % 3];
            let scope = [Scope::Enforced, Scope::Pending][number / 6];
            (Point { endpoint: entry.id, direction, role }, scope)
        })
    })
}

/// A question, and the world that it is asked of.
#[derive(Clone)]
struct Case {
    world: World,
    options: CompileOptions,
    ask: Ask,
    found: String,
}

impl Case {
    /// Changes the case, if the engines differ then as well.
    fn attempt(&mut self, change: impl FnOnce(&mut World, &mut Ask)) {
        let mut smaller = self.clone();
        change(&mut smaller.world, &mut smaller.ask);
        if let Some(found) = difference(&smaller.world, &smaller.options, &smaller.ask) {
            *self = Case { found, ..smaller };
        }
    }
}

/// A report: the question, the answers, and as little of the world as shows the difference.
pub(super) fn report(world: &World, options: &CompileOptions, ask: Ask) -> String {
    let Some(found) = difference(world, options, &ask) else {
        return format!("the engines differ, but not when asked again: {ask:?} {options:?}\n{world:?}");
    };
    let mut case = Case { world: world.clone(), options: options.clone(), ask, found };
    for index in (0..world.objects.len()).rev() {
        case.attempt(|world, _| drop(world.objects.remove(index)));
    }
    for index in (0..world.answers.len()).rev() {
        case.attempt(|world, _| drop(world.answers.remove(index)));
    }
    for (_, readings) in dialect_fields() {
        case.attempt(|world, _| readings[0].1(&mut world.dialect));
    }
    case.attempt(|_, ask| ask.context = FlowContext::default());
    let Case { world, options, ask, found } = case;
    let cluster = cluster(&world);
    let policies: Vec<_> = cluster.policies().map(|entry| &entry.policy).collect();
    format!("{ask:?} {options:?}\n{found}\n{world:?}\nin the normal form: {policies:#?}")
}
