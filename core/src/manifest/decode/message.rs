//! Errors to problems: words, and what to write instead.

use super::deserializer::Ignored;
use super::error::{DecodeError, Kind, Place};
use super::{Found, find};
use crate::diagnostic::{Code, FieldPath, Problem, Segment};
use crate::manifest::hints;
use crate::manifest::node::{Node, Value, shorten};

/// Longer lists of names are not read.
const MOST_NAMES: usize = 16;

/// The problem that an error is. `None` cannot happen: the place is of this tree.
pub(super) fn problem(root: &Node<'_>, error: &DecodeError, place: Place) -> Option<Problem> {
    let Found { path, node } = find(root, place)?;
    Some(match &error.kind {
        Kind::UnknownField { name, expected } => {
            let (message, help) = unknown_field(name, expected);
            Problem { help, ..Problem::error(Code::UnknownField, path, message) }
        }
        Kind::MissingField(field) => {
            Problem::error(Code::MissingField, path.key(*field), format!("the field `{field}` is missing"))
        }
        Kind::DuplicateField(field) => Problem::error(
            Code::DuplicateKey,
            path,
            format!("the field `{field}` stands twice, perhaps under two names"),
        ),
        Kind::Type { expected } => wrong_type(path, node, expected),
        Kind::Value { expected, number: true, .. } => {
            let message = format!("{} is out of range: expected {}", node.describe(), in_words(expected));
            Problem::error(Code::OutOfRange, path, message)
        }
        Kind::Value { found, expected, number: false } => {
            let message = format!("{} is not valid here: expected {}", shorten(found), in_words(expected));
            Problem::error(Code::InvalidValue, path, message)
        }
        Kind::Variant { name, expected } => {
            let message = format!("`{}` is not known here", shorten(name));
            Problem { help: choice(name, expected), ..Problem::error(Code::UnknownValue, path, message) }
        }
        Kind::Length { found, expected } => {
            let message = format!("there are {found} here: expected {}", in_words(expected));
            Problem::error(Code::InvalidLength, path, message)
        }
        Kind::NullItem => Problem::error(Code::WrongType, path, "this item of the list is empty")
            .with_help("remove its `-`, or write what belongs there"),
        // serde's words for a value that no form of an untagged enum takes.
        Kind::Custom(message) if message.starts_with("data did not match any variant of untagged enum") => {
            Problem::error(Code::InvalidValue, path, format!("{} is not valid here", node.describe()))
        }
        Kind::Custom(message) => Problem::error(Code::InvalidValue, path, message.clone()),
    })
}

/// The warning about a field that the type ignores.
pub(super) fn ignored(root: &Node<'_>, field: Ignored) -> Option<Problem> {
    let Found { path, .. } = find(root, field.key)?;
    let Some(Segment::Key(name)) = path.segments().last() else { return None };
    let (message, help) = unknown_field(name, field.fields);
    Some(Problem { help, ..Problem::warning(Code::UnknownField, path, message) })
}

fn unknown_field(name: &str, expected: &[&str]) -> (String, Option<String>) {
    let help = match (hints::misplaced(name, expected), similar(name, expected), hints::any_field(expected)) {
        (Some(hint), _, _) | (None, None, Some(hint)) => Some(hint.to_owned()),
        _ => choice(name, expected),
    };
    (format!("unknown field `{}`", shorten(name)), help)
}

/// "Did you mean", or all there is to choose from.
fn choice(name: &str, expected: &[&str]) -> Option<String> {
    if let Some(similar) = similar(name, expected) {
        return Some(format!("did you mean `{similar}`?"));
    }
    let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("only {only} is known here")),
        _ if names.len() > MOST_NAMES => None,
        [most @ .., last] => Some(format!("known here are {} and {last}", most.join(", "))),
    }
}

/// The one name that `name` can be a slip of: another case, or a typing error in about every third letter.
fn similar<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    // Long names are not typing errors, and comparing them would cost.
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
    let most = (name.chars().count() / 3).max(1);
    names
        .iter()
        .map(|candidate| (distance(candidate), *candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

fn wrong_type(path: FieldPath, node: &Node<'_>, expected: &str) -> Problem {
    let message = format!("expected {}, found {}", in_words(expected), node.describe());
    let problem = Problem::error(Code::WrongType, path, message);
    match retype(node, expected) {
        Some(help) => problem.with_help(help),
        None => problem,
    }
}

/// How to write the same value in the type that is expected.
fn retype(node: &Node<'_>, expected: &str) -> Option<String> {
    let wants_list = expected == "a sequence";
    match &node.value {
        Value::Bool { text, .. } | Value::Number(text) | Value::String { text, .. } if wants_list => {
            Some(format!("write it as an item of a list: `- {}`", shorten(text)))
        }
        Value::Map(_) if wants_list => {
            Some("put a `-` before the first key, and indent the others like it".to_owned())
        }
        Value::Bool { text, .. } if expected.contains("string") => {
            Some(format!("YAML reads `{text}` as a boolean; quote it: \"{text}\""))
        }
        Value::Number(text) if expected.contains("string") => {
            Some(format!("quote it: \"{}\"", shorten(text)))
        }
        Value::Null if expected.contains("string") => {
            Some("write \"\" if the empty string is meant".to_owned())
        }
        Value::String { text, plain: false }
            if is_number(expected) && crate::manifest::scalar::parse_number(text).is_some() =>
        {
            Some(format!("remove the quotes: {text}"))
        }
        Value::String { text, plain: false }
            if expected == "a boolean" && matches!(text.as_ref(), "true" | "false") =>
        {
            Some(format!("remove the quotes: {text}"))
        }
        Value::Seq(_) if !expected.contains("list") => {
            Some("write it without the `-` or the brackets".to_owned())
        }
        _ => None,
    }
}

fn is_number(expected: &str) -> bool {
    matches!(
        expected,
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "f32" | "f64" | "usize" | "isize"
    )
}

/// serde speaks of Rust's types; people write manifests.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if expected.starts_with("struct ") => "a map of fields".to_owned(),
        _ if expected.starts_with("enum ") => "a word".to_owned(),
        _ => expected.to_owned(),
    }
}
