//! Collecting what is wrong with an object, each problem with the field it is about.

use super::{Lowered, Lowering};
use crate::diagnostic::{Code, FieldPath, Problem, Segment};
use crate::selector::SelectorError;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The problems found so far, and the field that is being looked at.
///
/// Parsers of single values know no fields: they return a [`Problem`] with an empty path (or a path within the value),
/// and [`Checker::report`] puts the current field before it.
#[derive(Debug, Default)]
pub(super) struct Checker {
    path: Vec<Segment>,
    problems: Vec<Problem>,
}

impl Checker {
    /// Looks at the field `key` of the current one.
    pub(super) fn at<T>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        look: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.push(Segment::Key(key.into()));
        let result = look(self);
        self.path.pop();
        result
    }

    /// Looks at every item of the list `key`, in order, and keeps what comes of the good ones.
    pub(super) fn each<'a, I, T>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        items: &'a [I],
        mut look: impl FnMut(&mut Self, &'a I) -> Option<T>,
    ) -> Vec<T> {
        self.at(key, |checker| {
            let mut kept = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                checker.path.push(Segment::Index(index));
                kept.extend(look(checker, item));
                checker.path.pop();
            }
            kept
        })
    }

    /// Adds a problem whose path starts at the current field.
    pub(super) fn report(&mut self, mut problem: Problem) {
        let path = self.path.iter().chain(problem.path.segments()).cloned().collect();
        problem.path = path;
        self.problems.push(problem);
    }

    /// Adds an error about the current field.
    pub(super) fn error(&mut self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        self.report(error(code, message, help));
    }

    /// Adds a warning about the current field.
    pub(super) fn warning(&mut self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        self.report(Problem::warning(code, FieldPath::root(), message).with_help(help));
    }

    /// The value, or its problem reported.
    pub(super) fn value<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.report(problem)).ok()
    }

    /// An error unless `list` has at most `limit` items.
    pub(super) fn at_most<T>(&mut self, list: &[T], limit: usize, what: &str) {
        if list.len() > limit {
            let given = list.len();
            self.error(
                Code::InvalidLength,
                format!("{given} {what} are too many: the API takes at most {limit}"),
                "split the list over several rules or policies",
            );
        }
    }

    /// An error for every item of the current list that stands in it before.
    pub(super) fn distinct<T: Ord + std::fmt::Display>(&mut self, list: &[T]) {
        let mut seen = BTreeSet::new();
        for (index, item) in list.iter().enumerate() {
            if !seen.insert(item) {
                self.path.push(Segment::Index(index));
                self.error(Code::DuplicateItem, format!("`{item}` stands in this list twice"), "remove one");
                self.path.pop();
            }
        }
    }

    /// The result: without a value if any problem is an error.
    pub(super) fn finish(self, value: Option<Lowered>) -> Lowering {
        let failed = self.problems.iter().any(Problem::is_error);
        Lowering { value: value.filter(|_| !failed), problems: self.problems }
    }
}

/// An error about a value whose field is not known yet.
pub(super) fn error(code: Code, message: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem::error(code, FieldPath::root(), message).with_help(help)
}

impl From<SelectorError> for Problem {
    fn from(error: SelectorError) -> Self {
        Problem {
            help: error.help,
            ..Problem::error(Code::InvalidSelector, FieldPath::root(), error.message).with_span(error.span)
        }
    }
}

/// "did you mean" for a word that is none of `words`; else the list of them.
pub(super) fn suggestion<'a>(given: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    let likely = |word: &&&str| {
        let (given, word) = (given.trim().to_ascii_lowercase(), word.to_ascii_lowercase());
        given == word || (given.len() > 2 && (word.starts_with(&given) || one_edit_apart(&given, &word)))
    };
    match (words.iter().find(likely), words.as_slice()) {
        (Some(word), _) => format!("did you mean `{word}`?"),
        (None, [only]) => format!("write `{only}`"),
        (None, _) => format!("write one of {}", word_list(&words)),
    }
}

/// `` `a`, `b` or `c` ``.
pub(super) fn word_list(words: &[&str]) -> String {
    joined(words, "or")
}

/// `` `a`, `b` and `c` ``.
pub(super) fn all_words(words: &[&str]) -> String {
    joined(words, "and")
}

fn joined(words: &[&str], conjunction: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {conjunction} {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

/// One letter inserted, left out or exchanged.
fn one_edit_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same_start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let same_end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    long - short <= 1 && same_start + same_end + 1 >= long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined() {
        let mut checker = Checker::default();
        checker.at("spec", |checker| {
            checker.each("ports", &[1, 2], |checker, port| {
                if *port == 2 {
                    let inner = Problem::error(Code::InvalidPort, FieldPath::root().key("first"), "no");
                    checker.report(inner);
                }
                Some(*port)
            });
            checker.warning(Code::LikelyMistake, "hm", "think");
        });
        let lowering = checker.finish(Some(Lowered::Nothing));
        assert!(lowering.value.is_none());
        let paths: Vec<String> = lowering.problems.iter().map(|problem| problem.path.to_string()).collect();
        assert_eq!(paths, ["spec.ports[1].first", "spec"]);
    }

    #[test]
    fn a_warning_leaves_the_value() {
        let mut checker = Checker::default();
        checker.warning(Code::LikelyMistake, "hm", "think");
        assert!(checker.finish(Some(Lowered::Nothing)).value.is_some());
    }

    #[test]
    fn near_words_are_suggested() {
        let words = ["Allow", "Deny", "Log", "Pass"];
        assert_eq!(suggestion("allow", words), "did you mean `Allow`?");
        assert_eq!(suggestion("Alow", words), "did you mean `Allow`?");
        assert_eq!(suggestion("Deni", words), "did you mean `Deny`?");
        assert_eq!(suggestion("Accept", words), "write one of `Allow`, `Deny`, `Log` or `Pass`");
        assert_eq!(suggestion("", words), "write one of `Allow`, `Deny`, `Log` or `Pass`");
        assert_eq!(suggestion("", ["only"]), "write `only`");
    }
}
