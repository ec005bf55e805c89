//! What is done to a cluster and to what follows it, as data that can be done again.

use super::question::{Failure, Question};
use crate::equality;
use crate::generate::World;
use std::fmt;
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::lower::Lowered;
use tierwall::model::{Evaluation, Flow, FlowContext};
use tierwall::resource::{Resource, ResourceKey};
use tierwall::{CompileOptions, Compiler, Snapshot, Update};

/// One change of a cluster. It states all of the object, so that it means something whatever came before.
#[derive(Clone)]
pub(super) enum Edit {
    Upsert(Box<Resource>),
    Put(Box<Lowered>),
    Remove(ResourceKey),
    Observe(DnsAnswer),
    Advance(Duration),
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Upsert(object) => write!(f, "Upsert({})", serde_json::to_string(object).unwrap()),
            Edit::Put(object) => write!(f, "Put({object:?})"),
            Edit::Remove(key) => write!(f, "Remove({key})"),
            Edit::Observe(answer) => write!(f, "{answer:?}"),
            Edit::Advance(now) => write!(f, "Advance({now:?})"),
        }
    }
}

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A transaction; what it has of DNS comes after it.
    Commit(Vec<Edit>),
    /// The compiler follows the cluster.
    Update,
    /// The snapshot is kept, with its answers.
    Keep,
    /// The oldest that is kept goes.
    Forget,
    /// Somebody takes the changes.
    Steal,
    /// A clone takes the place of the cluster.
    Clone,
    /// The compiler follows another cluster.
    Elsewhere,
    /// Another compiler follows the cluster.
    Rival,
}

/// What a script begins with.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) world: World,
    /// Another cluster to follow.
    pub(super) elsewhere: World,
    pub(super) options: CompileOptions,
}

/// A snapshot that is not the newest any more, and what it said when it was.
struct Kept {
    snapshot: Snapshot,
    said: Vec<(Question, Flow, Evaluation)>,
}

/// A script under way.
pub(super) struct Run {
    pub(super) options: CompileOptions,
    pub(super) cluster: Cluster,
    elsewhere: Cluster,
    compiler: Compiler,
    rival: Compiler,
    newest: Option<Snapshot>,
    kept: Vec<Kept>,
}

impl Run {
    pub(super) fn new(start: &Start) -> Self {
        Run {
            options: start.options.clone(),
            cluster: equality::cluster(&start.world),
            elsewhere: equality::cluster(&start.elsewhere),
            compiler: Compiler::new(start.options.clone()),
            rival: Compiler::default(),
            newest: None,
            kept: Vec::new(),
        }
    }

    /// Does the next step. What is asked of each snapshot that comes of it, `ask` says.
    pub(super) fn play(
        &mut self,
        step: &Step,
        ask: &mut impl FnMut(&Cluster, &Snapshot) -> Vec<Question>,
    ) -> Result<Option<Update>, Failure> {
        match step {
            Step::Commit(edits) => commit(&mut self.cluster, edits),
            Step::Update => {
                let update = self.compiler.update(&mut self.cluster);
                let Run { cluster, options, .. } = self;
                check(cluster, options, &update.snapshot, ask)?;
                self.kept.iter().try_for_each(Kept::check)?;
                self.newest = Some(update.snapshot.clone());
                return Ok(Some(update));
            }
            Step::Keep => {
                if let Some(snapshot) = self.newest.take() {
                    let said = |question: Question| {
                        let flow = question.flow(&self.cluster);
                        let evaluation = snapshot.evaluate(&flow, &question.context);
                        (question, flow, evaluation)
                    };
                    let said = ask(&self.cluster, &snapshot).into_iter().map(said).collect();
                    self.kept.push(Kept { snapshot, said });
                }
            }
            Step::Forget if self.kept.is_empty() => {}
            Step::Forget => drop(self.kept.remove(0)),
            Step::Steal => drop(self.cluster.take_changes()),
            Step::Clone => self.cluster = self.cluster.clone(),
            Step::Elsewhere => {
                let update = self.compiler.update(&mut self.elsewhere);
                check(&self.elsewhere, &self.options, &update.snapshot, ask)?;
            }
            Step::Rival => {
                let update = self.rival.update(&mut self.cluster);
                check(&self.cluster, &CompileOptions::default(), &update.snapshot, ask)?;
            }
        }
        Ok(None)
    }
}

impl Kept {
    fn check(&self) -> Result<(), Failure> {
        for (question, flow, said) in &self.said {
            let now = self.snapshot.evaluate(flow, &question.context);
            if now != *said {
                let text = format!("an old snapshot changed its mind: it said {said:?}, and says {now:?}");
                return Err(Failure { question: Some(Box::new(question.clone())), text });
            }
        }
        Ok(())
    }
}

/// A snapshot that came of an update answers as one that is compiled afresh, and so does what is read from its bytes.
fn check(
    cluster: &Cluster,
    options: &CompileOptions,
    snapshot: &Snapshot,
    ask: &mut impl FnMut(&Cluster, &Snapshot) -> Vec<Question>,
) -> Result<(), Failure> {
    let fresh = Snapshot::compile_with(cluster, options);
    let read = Snapshot::from_bytes(&snapshot.to_bytes())
        .map_err(|error| Failure { question: None, text: format!("its own bytes are refused: {error}") })?;
    let questions = ask(cluster, &fresh);
    for question in &questions {
        question.check(cluster, options, &fresh, &[("updated", snapshot), ("read", &read)])?;
    }
    let alone: Vec<Flow> = questions.iter().map(|question| question.flow(cluster)).collect();
    let mut verdicts = vec![Default::default(); alone.len()];
    snapshot.verdicts(&alone, &mut verdicts);
    for ((question, flow), verdict) in questions.iter().zip(&alone).zip(verdicts) {
        let single = fresh.verdict(flow, &FlowContext::default());
        if verdict != single {
            let text = format!("in a batch {verdict:?}, compiled afresh {single:?}");
            let question = Box::new(question.without_context());
            return Err(Failure { question: Some(question), text });
        }
    }
    Ok(())
}

pub(super) fn commit(cluster: &mut Cluster, edits: &[Edit]) {
    let mut transaction = cluster.transaction();
    for edit in edits {
        match edit {
            Edit::Upsert(object) => drop(transaction.upsert(object).unwrap()),
            Edit::Put(object) => transaction.put(Lowered::clone(object)),
            Edit::Remove(key) => drop(transaction.remove(key)),
            Edit::Observe(_) | Edit::Advance(_) => {}
        }
    }
    transaction.commit();
    for edit in edits {
        match edit {
            Edit::Observe(answer) => cluster.observe(answer.clone()),
            Edit::Advance(now) => cluster.advance(*now),
            _ => {}
        }
    }
}
