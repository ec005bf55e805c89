//! A cluster that is edited, and the snapshots that follow it: after every update they answer as if everything had been
//! compiled afresh, and those of before as they did before.
//!
//! `TIERWALL_EDITS` sets how many edits are made; `TIERWALL_SEED`, which.

mod census;
mod deltas;
mod edits;
mod question;
mod script;
mod shrink;

use crate::compiled::options;
use crate::equality::{Random, each, number, runner};
use crate::generate::{context, world};
use census::Census;
use edits::Hand;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use question::{Failure, Play, Question};
use script::{Edit, Run, Start, Step};
use tierwall::cluster::Cluster;
use tierwall::model::FlowContext;
use tierwall::resource::{Kind, Resource};
use tierwall::{CompileOptions, Snapshot};

/// How many edits are made unless it is said.
const EDITS: u64 = 14_000;
/// A cluster is edited about so many times.
const EACH: u64 = 80;
/// So many questions are asked after an update.
const QUESTIONS: usize = 40;

/// A cluster with what its edits and the questions about it are drawn from.
struct Session {
    start: Start,
    stock: Vec<Resource>,
    contexts: Vec<FlowContext>,
    crowd: usize,
    calm: bool,
    random: Random,
    run: Run,
    steps: Vec<Step>,
    /// What was done, to be done again.
    past: Vec<Edit>,
    /// The kinds of the edits since the last update.
    kinds: Vec<&'static str>,
}

impl Session {
    fn new(number: u64) -> Self {
        let mut random = Random::new(number);
        let mut runner = runner(&mut random);
        let parts = (prop::array::uniform4(world()), prop::collection::vec(context(), 16), options());
        let (mut worlds, mut contexts, mut options) = parts.new_tree(&mut runner).unwrap().current();
        // In a calm cluster there is little that makes a compiler begin anew, so that updates follow updates.
        let calm = random.one_in(3);
        if calm {
            worlds.iter_mut().for_each(|world| world.objects.retain(is_calm));
        }
        let [world, elsewhere, ..] = worlds.clone();
        let stock = worlds.into_iter().flat_map(|world| world.objects).collect();
        contexts.insert(0, FlowContext::default());
        // Every other one as any user compiles it.
        if number.is_multiple_of(2) {
            options = CompileOptions::default();
        }
        if random.one_in(8) {
            options.node = Some((*random.pick(&["n0", "n1", "nowhere"])).into());
        }
        let crowd = *random.pick(&[4, 4, 4, 300]);
        let start = Start { world, elsewhere, options };
        let run = Run::new(&start);
        let (steps, past, kinds) = (Vec::new(), Vec::new(), Vec::new());
        Session { start, stock, contexts, crowd, calm, random, run, steps, past, kinds }
    }

    /// Edits and updates until there were so many edits.
    fn go(&mut self, edits: u64, census: &mut Census) -> Result<(), String> {
        let mut left = edits;
        if self.crowd > 100 {
            self.gather(census)?;
        }
        self.play(Step::Update, census)?;
        while left > 0 {
            let count = if self.random.one_in(2) { 1 } else { 1 + self.random.below(5) };
            self.commit(count, census)?;
            left = left.saturating_sub(count as u64);
            if let Some(step) = self.disturbance() {
                self.play(step, census)?;
            }
            if !self.random.one_in(4) {
                self.play(Step::Update, census)?;
            }
            if self.random.one_in(6) {
                self.play(Step::Keep, census)?;
            }
            if self.random.one_in(8) {
                self.play(Step::Forget, census)?;
            }
        }
        self.play(Step::Update, census)
    }

    /// Something that a compiler must notice, now and then.
    fn disturbance(&mut self) -> Option<Step> {
        match self.random.below(100) {
            0 => Some(Step::Steal),
            1 => Some(Step::Clone),
            2 => Some(Step::Elsewhere),
            3 => Some(Step::Rival),
            _ => None,
        }
    }

    /// Puts in half of the crowd.
    fn gather(&mut self, census: &mut Census) -> Result<(), String> {
        let half = self.crowd / 2;
        let edits = (0..half).flat_map(|_| self.hand().add_endpoint().unwrap_or_default()).collect();
        self.play(Step::Commit(edits), census)
    }

    /// A transaction of so many edits.
    fn commit(&mut self, count: usize, census: &mut Census) -> Result<(), String> {
        let mut edits = Vec::new();
        for _ in 0..count {
            let (kind, made) = if self.random.one_in(4) && !self.past.is_empty() {
                ("as before", vec![self.random.pick(&self.past).clone()])
            } else {
                self.hand().edit()
            };
            census.edit(kind);
            self.kinds.push(kind);
            edits.extend(made);
        }
        self.past.extend(edits.iter().filter(|edit| !matches!(edit, Edit::Advance(_))).cloned());
        self.play(Step::Commit(edits), census)
    }

    fn hand(&mut self) -> Hand<'_> {
        let Session { run, stock, crowd, calm, random, .. } = self;
        Hand { cluster: &run.cluster, stock, crowd: *crowd, calm: *calm, random }
    }

    fn play(&mut self, step: Step, census: &mut Census) -> Result<(), String> {
        self.steps.push(step);
        let Session { start, contexts, random, run, steps, kinds, .. } = self;
        let step = steps.last().unwrap();
        let mut ask = |cluster: &Cluster, snapshot: &Snapshot| -> Vec<Question> {
            Play::new(cluster, contexts).questions(snapshot, random, QUESTIONS)
        };
        let played: Result<_, Failure> = shrink::caught(|| run.play(step, &mut ask));
        match played {
            Ok(Some(update)) => {
                census.update(&update, kinds);
                kinds.clear();
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(failure) => Err(shrink::report(start, steps, failure)),
        }
    }
}

fn is_calm(object: &Resource) -> bool {
    !matches!(object.kind(), Kind::HostEndpoint | Kind::Node | Kind::Service | Kind::EndpointSlice)
}

#[test]
fn an_updated_snapshot_answers_as_a_fresh_one() {
    let edits = number("TIERWALL_EDITS").unwrap_or(EDITS);
    let sessions = edits.div_ceil(EACH);
    let first = number("TIERWALL_SEED").unwrap_or(0) << 32;
    let censuses = each(first, sessions, |number, census| Session::new(number).go(EACH.min(edits), census));
    let mut all = Census::default();
    censuses.into_iter().for_each(|census| all.add(census));
    println!("{all}");
    let never = all.never();
    assert!(edits < EDITS || never.is_empty(), "edits that were never made: {never:?}");
}
