//! What to write instead of YAML that does not parse.

use std::ops::Range;

use saphyr_parser::Tag;

use super::indent;
use super::node::{Span, shorten};
use super::parse::{Chunk, Fault, rest_of_line};
use crate::diagnostic::Code;

/// The problems behind a syntax error at byte `at` of the chunk: what the lines show to be wrong, or else what the
/// parser says.
pub(super) fn explain(chunk: &Chunk<'_>, at: usize, info: &str) -> Vec<Fault> {
    let at = at.min(chunk.text.len());
    let line = line_at(chunk.text, at);
    if let Some(fault) = tab(chunk, &line) {
        return vec![fault];
    }
    if let Some(faults) = indentation(chunk, &line) {
        return faults;
    }
    vec![by_words(chunk, &line, at, info).unwrap_or_else(|| {
        let range = if at < line.end { rest_of_line(chunk.text, at) } else { line.clone() };
        Fault::new(Code::InvalidSyntax, chunk.span(range), format!("this is not valid YAML: {info}"))
    })]
}

/// A list or map that stands where a key is needed.
pub(super) fn refused_key(chunk: &Chunk<'_>, span: Span) -> Fault {
    let line = line_at(chunk.text, span.range().start.saturating_sub(chunk.start));
    template(chunk, &line).unwrap_or_else(|| {
        Fault::new(Code::UnsupportedYaml, span, "a list or map stands where a key is needed")
            .with_help("quote the key if it starts with `[` or `{`")
    })
}

/// A tag that Kubernetes tools refuse too. Mostly it is a value that happens to start with `!`.
pub(super) fn refused_tag(chunk: &Chunk<'_>, tag: &Tag, span: Span) -> Fault {
    let at = span.range().start.saturating_sub(chunk.start);
    let line = line_at(chunk.text, at);
    let fault =
        Fault::new(Code::UnsupportedYaml, span, format!("the YAML tag `{}` is not supported", tag_text(tag)));
    match value_on(chunk.text, &line) {
        Some((_, value)) if value.starts_with('!') && !value.starts_with("!!") => {
            fault.with_help(format!("a value that starts with `!` must be quoted: {}", quote(value)))
        }
        _ => fault.with_help("remove the tag"),
    }
}

fn tag_text(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else {
        format!("{}{}", tag.handle, tag.suffix)
    }
}

/// The line that byte `at` is on, or the one before it if there is nothing on it.
fn line_at(text: &str, at: usize) -> Range<usize> {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let line = rest_of_line(text, start);
    if !text.get(line.clone()).unwrap_or_default().trim().is_empty() {
        return line;
    }
    let before = text.get(..start).unwrap_or_default().trim_end();
    rest_of_line(text, before.rfind(['\n', '\r']).map_or(0, |end| end + 1))
}

fn tab(chunk: &Chunk<'_>, line: &Range<usize>) -> Option<Fault> {
    let text = chunk.text.get(line.clone())?;
    let blanks = text.len() - text.trim_start_matches([' ', '\t']).len();
    let first = text.get(..blanks)?.find('\t')?;
    let range = line.start + first..line.start + blanks;
    Some(
        Fault::new(
            Code::InvalidSyntax,
            chunk.span(range),
            "this line is indented with a tab, which YAML does not allow",
        )
        .with_help("indent with spaces"),
    )
}

/// What the indentation shows, if it shows anything at the line where the parser gave up; then all of it.
fn indentation(chunk: &Chunk<'_>, line: &Range<usize>) -> Option<Vec<Fault>> {
    let found = indent::misplaced(chunk.text);
    let explains = |range: &Range<usize>| {
        range.end >= line_at(chunk.text, line.start.saturating_sub(1)).start && range.start <= line.end
    };
    found.iter().any(|misplaced| explains(&misplaced.range)).then(|| {
        found
            .into_iter()
            .map(|wrong| {
                Fault::new(Code::InvalidSyntax, chunk.span(wrong.range), wrong.message).with_help(wrong.help)
            })
            .collect()
    })
}

/// Mistakes that show in the words of the line.
fn by_words(chunk: &Chunk<'_>, line: &Range<usize>, at: usize, info: &str) -> Option<Fault> {
    template(chunk, line)
        .or_else(|| quoting(chunk, line))
        .or_else(|| missing_space(chunk, line, info))
        .or_else(|| unclosed(chunk, line, at, info))
}

/// Text of a template language; its braces are YAML for a map, and mostly not even that.
fn template(chunk: &Chunk<'_>, line: &Range<usize>) -> Option<Fault> {
    let text = chunk.text.get(line.clone()).filter(|text| text.contains("{{"))?;
    let message = "this looks like a template, which is not YAML before it is rendered";
    let help = "render it first (as with `helm template`), and load the result";
    Some(Fault::new(Code::InvalidSyntax, chunk.span(trimmed(line, text)), message).with_help(help))
}

/// A value that YAML does not take without quotes, or with the quotes it has.
fn quoting(chunk: &Chunk<'_>, line: &Range<usize>) -> Option<Fault> {
    let (at, value) = value_on(chunk.text, line)?;
    let message = match value.chars().next()? {
        first @ ('*' | '&' | '!' | '%' | '@' | '`') => {
            format!("a value that starts with `{first}` must be quoted")
        }
        first @ ('"' | '\'') if goes_on_after_its_quote(value, first) => {
            "a value that starts with a quote ends at the next one; the rest has no place".to_owned()
        }
        '"' | '\'' | '[' | '{' => return None,
        _ if value.contains(": ") => "a value that contains a colon and a space must be quoted".to_owned(),
        _ => return None,
    };
    let span = chunk.span(at..at + value.len());
    Some(Fault::new(Code::InvalidSyntax, span, message).with_help(format!("quote it: {}", quote(value))))
}

/// Quotes and brackets without their end, and what stands in double quotes only.
fn unclosed(chunk: &Chunk<'_>, line: &Range<usize>, at: usize, info: &str) -> Option<Fault> {
    let fault = |range, message: &str, help: &str| {
        Some(Fault::new(Code::InvalidSyntax, chunk.span(range), message).with_help(help))
    };
    if info.contains("quoted scalar, found unexpected") {
        let range = rest_of_line(chunk.text, at);
        return fault(range, "this quoted string has no closing quote", "add the closing quote");
    }
    if info.contains("unknown escape") {
        let help = "write `\\\\` for a backslash, or put the string in single quotes";
        return fault(
            rest_of_line(chunk.text, at),
            "a backslash in double quotes starts an escape, and this is none",
            help,
        );
    }
    let previous = line_at(chunk.text, line.start.saturating_sub(1));
    [line.clone(), previous].into_iter().find_map(|line| {
        let (at, value) = value_on(chunk.text, &line)?;
        let (open, close) =
            [('[', ']'), ('{', '}')].into_iter().find(|(open, _)| value.starts_with(*open))?;
        if value.matches(open).count() <= value.matches(close).count() {
            return None;
        }
        fault(
            at..at + value.len(),
            &format!("the `{open}` is not closed"),
            &format!("add the closing `{close}`"),
        )
    })
}

/// `name:value`, which YAML takes for one word.
fn missing_space(chunk: &Chunk<'_>, line: &Range<usize>, info: &str) -> Option<Fault> {
    if !info.contains("simple key") && !info.contains("mapping values") {
        return None;
    }
    let previous = line_at(chunk.text, line.start.saturating_sub(1));
    [line.clone(), previous].into_iter().find_map(|line| {
        let text = chunk.text.get(line.clone())?;
        let (key, value) = text.trim().trim_start_matches("- ").split_once(':')?;
        if value.is_empty() || value.starts_with([' ', '/']) || !key.bytes().all(|b| b.is_ascii_alphabetic())
        {
            return None;
        }
        let range = chunk.span(trimmed(&line, text));
        let message = format!("a space is missing after the colon of `{}:`", shorten(key));
        Some(Fault::new(Code::InvalidSyntax, range, message).with_help(format!(
            "write `{}: {}`",
            shorten(key),
            shorten(value)
        )))
    })
}

/// The value on a line: after `key: `, or after the dash of a list item.
fn value_on<'t>(text: &'t str, line: &Range<usize>) -> Option<(usize, &'t str)> {
    let whole = text.get(line.clone())?;
    let item = whole.trim_start().trim_start_matches("- ").trim_start();
    let value = match item.split_once(": ") {
        Some((key, value)) if !key.starts_with(['"', '\'', '*', '&', '!']) => value.trim(),
        _ => item.trim(),
    };
    (!value.is_empty()).then(|| (line.start + whole.trim_end().len() - value.len(), value))
}

/// True if more than a comment follows the quote that ends `value`.
fn goes_on_after_its_quote(value: &str, quote: char) -> bool {
    let inner = value.strip_prefix(quote).unwrap_or_default();
    inner
        .split_once(quote)
        .is_some_and(|(_, rest)| !rest.trim().is_empty() && !rest.trim_start().starts_with('#'))
}

/// The value in quotes that need no escapes, if there are any.
fn quote(value: &str) -> String {
    if value.contains(['"', '\\']) && !value.contains('\'') {
        format!("'{value}'")
    } else {
        format!("{value:?}")
    }
}

fn trimmed(line: &Range<usize>, text: &str) -> Range<usize> {
    line.start + (text.len() - text.trim_start().len())..line.end
}
