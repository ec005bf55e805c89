//! What the runners of all corpora share: reading case files, running cases on two threads, counting.

use crate::compared;
use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What became of one case.
pub(crate) enum Fate {
    Passed,
    /// The difference, for the person who has to find its cause.
    Failed(String),
    /// Not run, for this reason.
    #[expect(dead_code, reason = "no case needs it; one that comes to need it must say why")]
    Excluded(&'static str),
    /// No case of ours, for this reason.
    Uncounted(&'static str),
}

impl From<Result<(), String>> for Fate {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Fate::Passed,
            Err(difference) => Fate::Failed(difference),
        }
    }
}

/// What became of the cases of a corpus.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    /// How many asked the reference and the compiled engine for verdicts.
    pub(crate) compared: usize,
    /// `ID: difference` of each failed case.
    pub(crate) failures: Vec<String>,
    /// The id of each excluded case, and why.
    pub(crate) excluded: Vec<(String, &'static str)>,
    /// How many cases do not count, by the reason.
    pub(crate) uncounted: BTreeMap<&'static str, usize>,
}

impl Outcome {
    pub(crate) fn record(&mut self, id: &str, fate: impl Into<Fate>) {
        match fate.into() {
            Fate::Passed => self.passed += 1,
            Fate::Failed(difference) => self.failures.push(format!("{id}: {difference}")),
            Fate::Excluded(reason) => self.excluded.push((id.to_owned(), reason)),
            Fate::Uncounted(reason) => *self.uncounted.entry(reason).or_default() += 1,
        }
    }

    pub(crate) fn excluded_by_reason(&self) -> BTreeMap<&'static str, Vec<&str>> {
        let mut cases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (case, reason) in &self.excluded {
            cases.entry(reason).or_default().push(case);
        }
        cases
    }

    pub(crate) fn append(&mut self, mut other: Outcome) {
        self.passed += other.passed;
        self.compared += other.compared;
        for (reason, count) in other.uncounted {
            *self.uncounted.entry(reason).or_default() += count;
        }
        self.failures.append(&mut other.failures);
        self.excluded.append(&mut other.excluded);
    }
}

/// Every JSON file of a folder, by name, that is an object with a list `field`.
pub(crate) fn documents(folder: &Path, field: &str) -> Vec<Value> {
    let entries = std::fs::read_dir(folder).expect("a corpus is a readable folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| read_json(path))
        .filter(|document| document[field].is_array())
        .collect()
}

pub(crate) fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs every case of every case file of a folder. `check` gets the document and the case.
pub(crate) fn run_cases<F: Into<Fate>>(folder: &Path, check: impl Fn(&Value, &Value) -> F + Sync) -> Outcome {
    let mut outcome = Outcome::default();
    for document in documents(folder, "cases") {
        let cases = list(&document, "cases");
        outcome.append(run_all(cases, |case| text(case, "id").to_owned(), |case| check(&document, case)));
    }
    outcome
}

/// Runs `check` on every item, on two threads. A panic is a failure of its item.
pub(crate) fn run_all<T: Sync, F: Into<Fate>>(
    items: &[T],
    id: impl Fn(&T) -> String + Sync,
    check: impl Fn(&T) -> F + Sync,
) -> Outcome {
    let run = |part: &[T]| {
        let mut outcome = Outcome::default();
        for item in part {
            let fate = catch_unwind(AssertUnwindSafe(|| check(item).into()));
            outcome.compared += usize::from(compared::were_asked());
            outcome.record(&id(item), fate.unwrap_or_else(|_| Fate::Failed("panicked".to_owned())));
        }
        outcome
    };
    let (first, second) = items.split_at(items.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(second));
        let mut outcome = run(first);
        outcome.append(other.join().unwrap());
        outcome
    })
}

/// A text field that must be there.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field:?} in {object}"))
}

/// The elements of a list field; none if it is absent.
pub(crate) fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object[field].as_array().map_or(&[], Vec::as_slice)
}

/// `Err` that shows both values if they differ.
pub(crate) fn expect<T: PartialEq + std::fmt::Debug + ?Sized>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("found {found:?}, expected {expected:?}")) }
}
