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

/// Reads the documents of a chunk, one after another.
///
/// The first error ends it, for what follows has no known beginning; it is returned, not reported.
pub(super) fn read<'s>(chunk: &Chunk<'s>, sink: &mut Sink<'s, '_>) -> Result<(), Fault> {
    let mut at = content_start(chunk.text);
    while at < chunk.text.len() {
        let Some(range) = extent(chunk, at, sink)? else {
            sink.abandon();
            return Ok(());
        };
        at = range.end + blank(chunk.text.get(range.end..).unwrap_or_default());
        let part =
            Chunk { start: chunk.start + range.start, text: chunk.text.get(range).unwrap_or_default() };
        let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
        match parse_to_ast(part.text, &collect, &strict()) {
            Ok(ast) => match ast.value.and_then(|value| convert(value, &part, sink)) {
                Some(root) => sink.document(root),
                None => return Ok(()),
            },
            Err(error) => return Err(explain(&part, error.kind(), error.range().start..error.range().end)),
        }
    }
    Ok(())
}

fn blank(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len()
}

/// Where the document that starts at `at` stands, or none if it is nested too deeply, which is reported. The parser
/// recurses and takes one document only, so depth and end are found before it runs.
fn extent(chunk: &Chunk<'_>, at: usize, sink: &mut Sink<'_, '_>) -> Result<Option<Range<usize>>, Fault> {
    let mut depth = 0_usize;
    let mut string: Option<usize> = None;
    let mut escaped = false;
    for (position, byte) in chunk.text.bytes().enumerate().skip(at) {
        match (string, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(_), b'"') => string = None,
            (Some(open), b'\n' | b'\r') => return Err(unclosed_string(chunk, open..position)),
            (Some(_), _) => {}
            (None, b'"') => string = Some(position),
            (None, b'{' | b'[') if depth == sink.limits.max_depth => {
                sink.too_deep(chunk.span(position..position + 1));
                return Ok(None);
            }
            (None, b'{' | b'[') => depth += 1,
            (None, b'}' | b']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Ok(Some(at..position + 1));
                }
            }
            // Outside of any brace there is no JSON document; the parser says so.
            (None, _) if depth == 0 => break,
            (None, _) => {}
        }
    }
    match string {
        Some(open) => Err(unclosed_string(chunk, open..chunk.text.len())),
        None => Ok(Some(at..chunk.text.len())),
    }
}

fn unclosed_string(chunk: &Chunk<'_>, range: Range<usize>) -> Fault {
    Fault::new(Code::InvalidSyntax, chunk.span(range), "this JSON string does not end on its line")
        .with_help("add the closing `\"`; a line break within a string is written `\\n`")
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
