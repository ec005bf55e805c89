//! The compiled engine and the reference answer alike, on as many flows as there is time for; and those flows are worth
//! asking: each reading, field, action, reason and phase decides some of them.
//!
//! `TIERWALL_FLOWS` sets how many flows are compared, ten thousand a world; `TIERWALL_SEED`, which.

mod census;
mod difference;
mod draw;
mod normal;
mod random;

pub(crate) use difference::cluster;
pub(crate) use draw::Pool;
pub(crate) use normal::rewrite_rule;
pub(crate) use random::Random;

use crate::compiled::options;
use crate::engines;
use crate::generate::{World, context, world};
use census::Census;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Direction, EndpointId, FlowContext, Point, Role};
use tierwall::{CompileOptions, Snapshot};

/// How many flows are compared unless it is said, and in how many worlds: more worlds, to see more for less.
const FEW: (u64, u64) = (120_000, 400);
/// How many flows a world has where there are many.
const MANY: u64 = 10_000;

/// What a variable of the environment says, if it is set.
pub(crate) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.replace('_', "").parse().unwrap())
}

/// A world with what questions about it are drawn from.
struct Subject {
    world: World,
    options: CompileOptions,
    cluster: Cluster,
    snapshot: Snapshot,
    pool: Pool,
    random: Random,
    number: u64,
}

impl Subject {
    fn new(number: u64) -> Self {
        let mut random = Random::new(number);
        let mut runner = runner(&mut random);
        let contexts = prop::collection::vec(context(), 16);
        let (world, mut contexts) = (world(), contexts).new_tree(&mut runner).unwrap().current();
        // Every other one as any user compiles it.
        let options = match number % 2 {
            0 => CompileOptions::default(),
            _ => options().new_tree(&mut runner).unwrap().current(),
        };
        contexts.resize(19, FlowContext::default());
        let cluster = difference::cluster(&world);
        let (snapshot, pool) = (Snapshot::compile_with(&cluster, &options), Pool::new(&cluster, contexts));
        Subject { world, options, cluster, snapshot, pool, random, number }
    }

    /// Compares the engines on some flows, and some of those at some endpoint.
    fn compare(&mut self, flows: u64) -> Result<(), String> {
        let endpoints: Vec<EndpointId> = self.cluster.endpoints().map(|entry| entry.id).collect();
        let Subject { cluster, snapshot, pool, random, world, options, .. } = self;
        for _ in 0..flows {
            let drawn = pool.draw(snapshot, random);
            let (flow, context) = (&drawn.flow, drawn.context);
            let mut result = engines::evaluate(cluster, snapshot, flow, context).map(drop);
            if random.one_in(4) && !endpoints.is_empty() {
                let point = Point {
                    endpoint: *random.pick(&endpoints),
                    direction: *random.pick(&[Direction::Egress, Direction::Ingress]),
                    role: *random.pick(&[Role::Own, Role::Own, Role::Forwarded, Role::PreDnatOnly]),
                };
                let scope = *random.pick(&[Scope::Enforced, Scope::Pending]);
                result = result.and(engines::judge(cluster, snapshot, point, flow, context, scope).map(drop));
            }
            result.map_err(|_| difference::report(world, options, drawn.ask()))?;
        }
        Ok(())
    }
}

/// What makes objects by the strategies of `generate`.
pub(crate) fn runner(random: &mut Random) -> TestRunner {
    let seed: Vec<u8> = (0..4).flat_map(|_| random.next().to_le_bytes()).collect();
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

/// Does something with each of so many worlds from a first one, on all processors, and adds up what comes of it.
fn each_world<T: Default + Send>(
    first: u64,
    worlds: u64,
    work: impl Fn(Subject, &mut T) -> Result<(), String> + Sync,
) -> Vec<T> {
    each(first, worlds, |number, sum| work(Subject::new(number), sum))
}

/// Does something with each of so many numbers from a first one, on all processors, and adds up what comes of it.
pub(crate) fn each<T: Default + Send>(
    first: u64,
    count: u64,
    work: impl Fn(u64, &mut T) -> Result<(), String> + Sync,
) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let run = |thread: u64| -> Result<T, String> {
        let mut sum = T::default();
        for number in (thread..count).step_by(usize::try_from(threads).unwrap()) {
            work(first + number, &mut sum)?;
        }
        Ok(sum)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.map(|result| result.unwrap_or_else(|difference| panic!("{difference}"))).collect()
    })
}

#[test]
fn compiled_and_reference_answer_alike() {
    let (flows, worlds) = match number("TIERWALL_FLOWS") {
        Some(flows) => (flows, flows.div_ceil(MANY).max(FEW.1.min(flows))),
        None => FEW,
    };
    let each = flows.div_ceil(worlds);
    let compared: u64 =
        each_world(number("TIERWALL_SEED").unwrap_or(0) << 32, worlds, |mut subject, sum: &mut u64| {
            subject.compare(each)?;
            *sum += each;
            Ok(())
        })
        .into_iter()
        .sum();
    println!("{compared} flows of {worlds} worlds, each answered alike");
}

/// How many worlds are looked into, and how many flows of each.
const CENSUS: (u64, u64) = (1600, 40);

#[test]
fn everything_decides_some_flows() {
    let censuses = each_world(0, CENSUS.0, |mut subject, census: &mut Census| {
        census.take(&mut subject, CENSUS.1);
        Ok(())
    });
    let mut all = Census::default();
    censuses.into_iter().for_each(|census| all.add(census));
    println!("{all}");
    let astray = all.astray();
    assert!(astray.is_empty(), "not one flow in a thousand, or more without need of a reason: {astray:#?}");
}
