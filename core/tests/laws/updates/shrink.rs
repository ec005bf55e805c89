//! A script that went wrong, made small enough to be looked into.

use super::question::{Failure, Question};
use super::script::{Edit, Run, Start, Step};
use crate::generate::dialect_fields;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tierwall::lower::Lowered;
use tierwall::model::Rule;
use tierwall::{CompileOptions, Update};

/// Scripts are tried again so many times at most.
const ATTEMPTS: u32 = 4000;

/// A step that panics fails, too.
pub(super) fn caught(
    play: impl FnOnce() -> Result<Option<Update>, Failure>,
) -> Result<Option<Update>, Failure> {
    catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|panic| {
        Err(Failure { question: None, text: format!("panicked: {}", message(&*panic)) })
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[derive(Clone)]
struct Case {
    start: Start,
    steps: Vec<Step>,
    question: Option<Question>,
}

impl Case {
    /// What goes wrong, and at which step.
    fn fails(&self) -> Option<(usize, String)> {
        let mut run = Run::new(&self.start);
        self.steps.iter().enumerate().find_map(|(number, step)| {
            let mut ask = |_: &_, _: &_| self.question.iter().cloned().collect();
            let failure = caught(|| run.play(step, &mut ask)).err()?;
            Some((number, failure.text))
        })
    }
}

/// A case that gets smaller.
struct Shrink {
    case: Case,
    found: String,
    attempts: u32,
}

impl Shrink {
    fn attempt(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        if self.attempts == 0 {
            return false;
        }
        self.attempts -= 1;
        let mut smaller = self.case.clone();
        change(&mut smaller);
        let Some((number, found)) = smaller.fails() else { return false };
        smaller.steps.truncate(number + 1);
        (self.case, self.found) = (smaller, found);
        true
    }

    /// Takes runs of items out of a list, long ones first.
    fn thin<T>(&mut self, list: fn(&mut Case, usize) -> Option<&mut Vec<T>>, number: usize) {
        let length = |shrink: &mut Shrink| list(&mut shrink.case, number).map_or(0, |list| list.len());
        let mut run = length(self).div_ceil(2);
        while run > 0 {
            let mut end = length(self);
            while end > 0 {
                let first = end.saturating_sub(run);
                self.attempt(|case| {
                    if let Some(list) = list(case, number) {
                        list.drain(first..end.min(list.len()));
                    }
                });
                end = first.min(length(self));
            }
            run /= 2;
        }
    }

    fn pass(&mut self) {
        self.thin::<Step>(|case, _| Some(&mut case.steps), 0);
        for number in (0..self.case.steps.len()).rev() {
            self.thin::<Edit>(
                |case, number| match case.steps.get_mut(number) {
                    Some(Step::Commit(edits)) => Some(edits),
                    _ => None,
                },
                number,
            );
        }
        for number in 0..rules(&mut self.case.steps).len() {
            self.thin::<Rule>(|case, number| rules(&mut case.steps).into_iter().nth(number), number);
        }
        self.thin(|case, _| Some(&mut case.start.world.objects), 0);
        self.thin(|case, _| Some(&mut case.start.world.answers), 0);
        self.thin(|case, _| Some(&mut case.start.elsewhere.objects), 0);
        self.thin(|case, _| Some(&mut case.start.elsewhere.answers), 0);
        for (_, readings) in dialect_fields() {
            self.attempt(|case| readings[0].1(&mut case.start.world.dialect));
        }
        self.attempt(|case| case.start.options = CompileOptions::default());
        self.attempt(|case| {
            case.question = case.question.as_ref().map(Question::without_context);
        });
    }
}

/// The lists of rules of the policies that are put.
fn rules(steps: &mut [Step]) -> Vec<&mut Vec<Rule>> {
    let commits = steps.iter_mut().filter_map(|step| match step {
        Step::Commit(edits) => Some(edits),
        _ => None,
    });
    let policies = commits.flatten().filter_map(|edit| match edit {
        Edit::Put(object) => match &mut **object {
            Lowered::Policy(policy) => Some(policy),
            _ => None,
        },
        _ => None,
    });
    policies.flat_map(|policy| policy.ingress.iter_mut().chain(&mut policy.egress)).collect()
}

/// What went wrong, with as little of what led to it as still does.
pub(super) fn report(start: &Start, steps: &[Step], failure: Failure) -> String {
    let case = Case {
        start: start.clone(),
        steps: steps.to_vec(),
        question: failure.question.map(|question| *question),
    };
    let Some((_, found)) = case.fails() else {
        return format!("once, but not when done again: {}\n{start:?}\n{steps:#?}", failure.text);
    };
    let mut shrink = Shrink { case, found, attempts: ATTEMPTS };
    for _ in 0..3 {
        shrink.pass();
    }
    let Shrink { case: Case { start, steps, question }, found, .. } = shrink;
    format!("{found}\n{question:?}\n{start:?}\n{steps:#?}")
}
