//! Problems of fields to places in the text.

use super::node::{Nearest, Node, Span, Value};
use super::source::Source;
use crate::diagnostic::{Code, Diagnostic, Problem};

/// Joins a problem with its place: the value if it is a scalar, else the key; for a field that is absent, the
/// nearest one around it that is there.
///
/// `root` is the object that the problem's path starts from, `object` how the object is named in the diagnostic.
pub fn locate(source: &Source, root: &Node<'_>, problem: Problem, object: Option<String>) -> Diagnostic {
    let span = span_of(source, root, &problem);
    Diagnostic { location: Some(source.location(span)), ..Diagnostic::without_location(problem, object) }
}

fn span_of(source: &Source, root: &Node<'_>, problem: &Problem) -> Span {
    let Nearest { node, key, key_is_own, complete } = root.nearest(&problem.path);
    let is_block = matches!(node.value, Value::Seq(_) | Value::Map(_) | Value::Null);
    match key {
        Some(key) if !complete && key_is_own => key.span,
        Some(key) if key_is_own && (is_block || is_about_key(problem.code)) => key.span,
        _ if is_block => node.head(),
        _ => within(source, node, problem).unwrap_or(node.span),
    }
}

fn is_about_key(code: Code) -> bool {
    matches!(code, Code::UnknownField | Code::DuplicateKey | Code::MissingField)
}

/// The part of a string that a problem names, where the string stands in the text just as it is.
fn within(source: &Source, node: &Node<'_>, problem: &Problem) -> Option<Span> {
    let part = problem.span.clone()?;
    let text = node.as_str()?;
    let written = source.text().get(node.span.range())?;
    let start = node.span.range().start + written.find(text)?;
    text.get(part.clone())?;
    Some(Span::new(start + part.start, start + part.end))
}
