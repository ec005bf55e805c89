//! JSON to the marked tree.

use std::borrow::Cow;
use std::ops::Range;

use jsonc_parser::ast::Value as Ast;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

use super::node::{Entry, Key, Node, Span, Value};
use super::parse::{Chunk, Fault, Sink, content_start};
use super::yaml::duplicates;
use crate::diagnostic::Code;

/// Reads the documents of a chunk, one after another; the first error ends it, for what follows has no known beginning.
pub(super) fn read<'s>(chunk: &Chunk<'s>, sink: &mut Sink<'s, '_>) {
    let mut at = content_start(chunk.text);
    while at < chunk.text.len() {
        match extent(chunk, at, sink.limits.max_depth) {
            Extent::Document(range) => {
                at = range.end + blank(chunk.text.get(range.end..).unwrap_or_default());
                let part = Chunk {
                    start: chunk.start + range.start,
                    text: chunk.text.get(range).unwrap_or_default(),
                };
                if read_one(&part, sink).is_none() {
                    return sink.abandon();
                }
            }
            Extent::TooDeep(at) => {
                sink.too_deep(chunk.span(at..at + 1));
                return sink.abandon();
            }
            Extent::Fault(fault) => {
                sink.report(fault);
                return sink.abandon();
            }
        }
    }
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len()
}

enum Extent {
    Document(Range<usize>),
    TooDeep(usize),
    Fault(Fault),
}

/// Where the document that starts at `at` ends. The parser recurses and takes one document only, so depth and end are
/// found before it runs.
fn extent(chunk: &Chunk<'_>, at: usize, max_depth: usize) -> Extent {
    let mut depth = 0_usize;
    let mut string: Option<usize> = None;
    let mut escaped = false;
    for (position, byte) in chunk.text.bytes().enumerate().skip(at) {
        match (string, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(_), b'"') => string = None,
            (Some(open), b'\n' | b'\r') => return Extent::Fault(unclosed_string(chunk, open..position)),
            (Some(_), _) => {}
            (None, b'"') => string = Some(position),
            (None, b'{' | b'[') => {
                depth += 1;
                if depth > max_depth {
                    return Extent::TooDeep(position);
                }
            }
            (None, b'}' | b']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Extent::Document(at..position + 1);
                }
            }
            // Outside of any brace there is no JSON document; the parser says so.
            (None, _) if depth == 0 => return Extent::Document(at..chunk.text.len()),
            (None, _) => {}
        }
    }
    match string {
        Some(open) => Extent::Fault(unclosed_string(chunk, open..chunk.text.len())),
        None => Extent::Document(at..chunk.text.len()),
    }
}

fn unclosed_string(chunk: &Chunk<'_>, range: Range<usize>) -> Fault {
    Fault::new(Code::InvalidSyntax, chunk.span(range), "this JSON string does not end on its line")
        .with_help("add the closing `\"`; a line break within a string is written `\\n`")
}

fn read_one<'s>(part: &Chunk<'s>, sink: &mut Sink<'s, '_>) -> Option<()> {
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
    match parse_to_ast(part.text, &collect, &strict()) {
        Ok(result) => {
            let root = convert(result.value?, part, sink)?;
            sink.document(root);
            Some(())
        }
        Err(error) => {
            sink.report(explain(part, error.kind(), error.range().start..error.range().end));
            None
        }
    }
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The tree of a value; its depth is known to be within the limit.
fn convert<'s>(ast: Ast<'s>, part: &Chunk<'s>, sink: &mut Sink<'s, '_>) -> Option<Node<'s>> {
    let (value, range) = match ast {
        Ast::NullKeyword(null) => (Value::Null, null.range),
        Ast::BooleanLit(word) => {
            let text = Cow::Borrowed(if word.value { "true" } else { "false" });
            (Value::Bool { value: word.value, text }, word.range)
        }
        Ast::NumberLit(number) => (Value::Number(Cow::Borrowed(number.value)), number.range),
        Ast::StringLit(string) => (Value::String { text: string.value, plain: false }, string.range),
        Ast::Array(array) => {
            let items = array.elements.into_iter().map(|item| convert(item, part, sink));
            (Value::Seq(items.collect::<Option<_>>()?), array.range)
        }
        Ast::Object(object) => {
            let mut entries = Vec::with_capacity(object.properties.len());
            for property in object.properties {
                let (name, range) = match property.name {
                    jsonc_parser::ast::ObjectPropName::String(name) => (name.value, name.range),
                    jsonc_parser::ast::ObjectPropName::Word(name) => (Cow::Borrowed(name.value), name.range),
                };
                let key = Key { name, span: part.span(range.start..range.end) };
                entries.push(Entry { key, value: convert(property.value, part, sink)? });
            }
            duplicates(&mut entries, sink.source).into_iter().for_each(|fault| sink.report(fault));
            (Value::Map(entries), object.range)
        }
    };
    let span: Span = part.span(range.start..range.end);
    sink.count(1, span).then_some(Node { value, span })
}

/// What the parser found, and what to write instead.
fn explain(part: &Chunk<'_>, kind: &ParseErrorKind, range: Range<usize>) -> Fault {
    let help = match kind {
        ParseErrorKind::CommentsNotAllowed => "JSON has no comments; remove it, or write the file in YAML",
        ParseErrorKind::TrailingCommasNotAllowed => "remove the comma after the last item",
        ParseErrorKind::ExpectedComma => "write a comma between the two",
        ParseErrorKind::ExpectedStringObjectProperty | ParseErrorKind::UnexpectedTokenInObject => {
            "keys stand in double quotes"
        }
        ParseErrorKind::SingleQuotedStringsNotAllowed => "use double quotes",
        ParseErrorKind::UnterminatedObject => "add the closing `}`",
        ParseErrorKind::UnterminatedArray => "add the closing `]`",
        ParseErrorKind::UnexpectedWord => "strings stand in double quotes",
        _ => "",
    };
    let what = kind.to_string();
    let mut letters = what.chars();
    let lower: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
    let fault = Fault::new(Code::InvalidSyntax, part.span(range), format!("this is not valid JSON: {lower}"));
    if help.is_empty() { fault } else { fault.with_help(help) }
}
