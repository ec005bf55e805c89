//! The errors of a selector's text: what was expected, what stands there, what to write instead.

use super::lexer::Lexer;
use super::{SelectorError, Token, TokenKind};
use std::ops::Range;

type Found<'a> = Option<Token<'a>>;

// Characters that start no token.

pub(super) fn unexpected_character(text: &str, at: usize) -> SelectorError {
    let rest = text.get(at..).unwrap_or_default();
    let Some(character) = rest.chars().next() else {
        return SelectorError::new("the selector ends too early", at..at);
    };
    let error = |message: String| SelectorError::new(message, at..at + character.len_utf8());
    match character {
        '\n' | '\r' if rest.trim().is_empty() => error("a line break after the selector".into())
            .help("write it on one line, or as a YAML block with `|-`, which keeps no final line break"),
        '\n' | '\r' => {
            error("a line break within the selector; only spaces and tabs may stand between its words".into())
                .help("write it on one line, or as a YAML block with `>-`, which joins lines with spaces")
        }
        '=' => error("`=` is not an operator".into()).help("write `==`"),
        '&' => error("`&` is not an operator".into()).help("write `&&`"),
        '|' => error("`|` is not an operator".into()).help("write `||`"),
        '[' | ']' => {
            error(format!("unexpected `{character}`")).help("sets are written in braces: `{\"a\", \"b\"}`")
        }
        '“' | '”' | '‘' | '’' | '`' => {
            error(format!("`{character}` is not a quote of the selector language")).help("write `\"` or `'`")
        }
        blank if blank.is_whitespace() => {
            error(format!("the blank {} is not allowed", blank.escape_unicode())).help("write a plain space")
        }
        other => error(format!("unexpected character `{}`", shown(other.encode_utf8(&mut [0; 4]))))
            .help("label keys are made of letters, digits, `_`, `.`, `/` and `-`; values stand in quotes"),
    }
}

pub(super) fn unterminated_string(text: &str, at: usize, quote: char) -> SelectorError {
    SelectorError::new("this string has no closing quote", at..text.len()).help(format!(
        "end the value with `{quote}`; a value that contains `{quote}` goes in the other kind of quotes"
    ))
}

// Words.

/// After `label` stands `first`, which is no operator; `second` is the word after that, where `first` needs one.
pub(super) fn unknown_operator(label: &str, first: &str, second: &str, span: Range<usize>) -> SelectorError {
    if let "not" | "starts" | "ends" = first {
        return incomplete_operator(label, first, second, span);
    }
    let error =
        SelectorError::new(format!("expected an operator after the label `{label}`, found `{first}`"), span);
    let lower = first.to_ascii_lowercase();
    match lower.as_str() {
        _ if label.eq_ignore_ascii_case("not") => error.help("negation is written `!`"),
        "and" | "or" => error.help(bare_label(label)),
        "in" | "not" | "notin" | "contains" | "starts" | "startswith" | "ends" | "endswith" => {
            error.help(format!("operators are written in lower case: `{lower}`"))
        }
        "is" | "equals" | "eq" => error.help("equality is written `==`"),
        _ => error.help(OPERATORS),
    }
}

fn incomplete_operator(label: &str, first: &str, second: &str, span: Range<usize>) -> SelectorError {
    let wanted = if first == "not" { "in" } else { "with" };
    let found = if second.is_empty() { String::new() } else { format!(", not `{second}`") };
    let error = SelectorError::new(format!("expected `{wanted}` after `{first}`{found}"), span);
    match first {
        "not" => error.help(format!("write `{label} not in {{\"value\"}}` or `{label} != \"value\"`")),
        _ => error.help(format!("write `{label} {first} with \"value\"`")),
    }
}

const OPERATORS: &str =
    "the operators are `==`, `!=`, `in`, `not in`, `contains`, `starts with` and `ends with`";

fn bare_label(label: &str) -> String {
    format!("compare it: `{label} == \"value\"`, or test it with `has({label})`")
}

// Functions.

pub(super) fn has_without_label(text: &str, at: usize) -> SelectorError {
    let rest = text.get(at..).unwrap_or_default();
    let error = |message| SelectorError::new(message, at..at + rest.chars().next().map_or(0, char::len_utf8));
    match rest.chars().next() {
        None | Some(')') => error("has() needs a label").help("write `has(label)`"),
        Some('"' | '\'') => error("has() takes a label, not a string").help("write the label without quotes"),
        Some(_) => unexpected_character(text, at),
    }
}

pub(super) fn unclosed_function(text: &str, at: usize, function: &str) -> SelectorError {
    let rest = text.get(at..).unwrap_or_default();
    let Some(next) = rest.chars().next() else {
        return SelectorError::new(format!("the parenthesis of {function}( is never closed"), at..at)
            .help("add `)`");
    };
    let error = SelectorError::new(
        format!("expected `)` to close {function}(, found `{}`", shown(next.encode_utf8(&mut [0; 4]))),
        at..at + next.len_utf8(),
    );
    match function {
        "has" => error.help("has() takes one label; join several with `&&`: `has(a) && has(b)`"),
        _ => error.help(format!("write `{function}()`")),
    }
}

// Tokens in the wrong place.

/// A piece of the text for a message: on one line.
fn shown(piece: &str) -> String {
    piece
        .chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

fn kind<'a>(found: &Found<'a>) -> Option<TokenKind<'a>> {
    found.as_ref().map(|token| token.kind)
}

fn span(text: &str, found: &Found<'_>) -> Range<usize> {
    found.as_ref().map_or(text.len()..text.len(), |token| token.span.clone())
}

fn expected(what: &str, text: &str, found: &Found<'_>) -> SelectorError {
    let span = span(text, found);
    let message = match text.get(span.clone()) {
        Some("") | None => format!("expected {what}, but the selector ends here"),
        Some(word) => format!("expected {what}, found `{}`", shown(word)),
    };
    SelectorError::new(message, span)
}

/// `rest` reads on after `found`.
pub(super) fn expected_operand(text: &str, found: &Found<'_>, mut rest: Lexer<'_>) -> SelectorError {
    let mut next = || rest.next().and_then(Result::ok).map(|token| token.kind);
    let error = expected("a label, has(), all(), global() or a parenthesis", text, found);
    match kind(found) {
        Some(TokenKind::String(_)) => {
            let value = text.get(error.span.clone()).unwrap_or_default();
            let error =
                SelectorError { message: "a test starts with its label, not with a value".into(), ..error };
            match (next(), next()) {
                (Some(TokenKind::Equals), Some(TokenKind::Label(label))) => {
                    error.help(format!("write `{label} == {value}`"))
                }
                (Some(TokenKind::NotEquals), Some(TokenKind::Label(label))) => {
                    error.help(format!("write `{label} != {value}`"))
                }
                _ => error.help("label keys are written without quotes"),
            }
        }
        Some(TokenKind::RightParen) if before(text, &error.span).ends_with('(') => {
            error.help("empty parentheses mean nothing; `all()` selects everything")
        }
        _ => error,
    }
}

fn before<'a>(text: &'a str, span: &Range<usize>) -> &'a str {
    text.get(..span.start).unwrap_or_default().trim_end()
}

pub(super) fn expected_operator(
    text: &str,
    label: &str,
    at: Range<usize>,
    found: &Found<'_>,
) -> SelectorError {
    match kind(found) {
        Some(TokenKind::LeftParen) => no_function(label, at.start..span(text, found).end),
        None | Some(TokenKind::And | TokenKind::Or | TokenKind::RightParen) => {
            SelectorError::new(format!("the label `{label}` is not compared with anything"), at)
                .help(bare_label(label))
        }
        Some(TokenKind::Not) => expected("an operator after the label", text, found)
            .help(format!("write `{label} != \"value\"` or `{label} not in {{\"value\"}}`")),
        _ => expected("an operator after the label", text, found).help(OPERATORS),
    }
}

/// A label before a parenthesis is meant as a function.
fn no_function(label: &str, span: Range<usize>) -> SelectorError {
    let function = label.to_ascii_lowercase();
    let call = match function.as_str() {
        "has" => "has(label)",
        "all" => "all()",
        "global" => "global()",
        _ => {
            return SelectorError::new(format!("there is no function `{label}`"), span)
                .help("the functions are has(label), all() and global()");
        }
    };
    if function == label {
        SelectorError::new(format!("`{label}` apart from its parenthesis is read as a label"), span)
            .help(format!("no space before the parenthesis: `{call}`"))
    } else {
        SelectorError::new(format!("there is no function `{label}`"), span)
            .help(format!("write it in lower case: `{call}`"))
    }
}

pub(super) fn expected_string(text: &str, found: &Found<'_>) -> SelectorError {
    let error = expected("a value in quotes", text, found);
    match kind(found) {
        Some(TokenKind::Label(word)) => error.help(format!("quote the value: `\"{word}\"`")),
        Some(TokenKind::LeftBrace) => error.help("only `in` and `not in` take a set"),
        _ => error,
    }
}

pub(super) fn expected_set(text: &str, found: &Found<'_>) -> SelectorError {
    let error = expected("a set in braces", text, found);
    match kind(found) {
        Some(TokenKind::String(_)) => {
            let value = text.get(error.span.clone()).unwrap_or_default();
            error.help(format!("write `{{{value}}}`"))
        }
        Some(TokenKind::Label(word)) => error.help(format!("write `{{\"{word}\"}}`")),
        _ => error.help("sets are written `{\"a\", \"b\"}`"),
    }
}

pub(super) fn expected_member(text: &str, found: &Found<'_>) -> SelectorError {
    let error = expected("a value in quotes or `}`", text, found);
    match kind(found) {
        Some(TokenKind::Label(word)) => error.help(format!("quote the value: `\"{word}\"`")),
        _ => error,
    }
}

pub(super) fn expected_comma(text: &str, found: &Found<'_>) -> SelectorError {
    expected("`,` or `}`", text, found)
}

pub(super) fn after_operand(text: &str, found: &Found<'_>) -> SelectorError {
    let error = expected("`&&`, `||` or the end of the selector", text, found);
    match kind(found) {
        Some(TokenKind::Label(word)) if word.eq_ignore_ascii_case("and") => error.help("write `&&`"),
        Some(TokenKind::Label(word)) if word.eq_ignore_ascii_case("or") => error.help("write `||`"),
        Some(TokenKind::RightParen) => {
            SelectorError { message: "this parenthesis was never opened".into(), ..error }.help("remove it")
        }
        _ => error.help("join tests with `&&` (and) or `||` (or)"),
    }
}

pub(super) fn unclosed_parenthesis(opened: Range<usize>) -> SelectorError {
    SelectorError::new("this parenthesis is never closed", opened).help("add `)`")
}

pub(super) fn too_deep(at: Range<usize>, limit: usize) -> SelectorError {
    SelectorError::new(format!("groups and negations nest more than {limit} deep here"), at)
        .help("parentheses around one operand, and pairs of `!`, can be dropped")
}

#[cfg(test)]
mod tests {
    use super::super::Selector;
    use std::fmt::Write;

    /// The text, the span underlined, the message and the help.
    fn report(texts: &[&str]) -> String {
        let mut out = String::new();
        for text in texts {
            let error = Selector::parse(text).unwrap_err();
            let before = text.get(..error.span.start).unwrap().chars().count();
            let width = text.get(error.span).unwrap().chars().count().max(1);
            writeln!(out, "{}", text.replace('\n', "⏎").replace('\u{a0}', "⍽")).unwrap();
            writeln!(out, "{:before$}{} {}", "", "^".repeat(width), error.message).unwrap();
            if let Some(help) = error.help {
                writeln!(out, "  {help}").unwrap();
            }
        }
        out
    }

    #[test]
    fn characters() {
        insta::assert_snapshot!(report(&[
            "a = 'b'", "has(a) & has(b)", "has(a) | has(b)", "a == 'b'\n", "has(a) &&\nhas(b)", "%", "a == 'b' && %",
            "a % 'b'", "a == “b”", "a\u{a0}== 'b'", "a in ['b']", "a == 'b", "a == \"b'", "has(é)",
        ]), @r#"
        a = 'b'
          ^ `=` is not an operator
          write `==`
        has(a) & has(b)
               ^ `&` is not an operator
          write `&&`
        has(a) | has(b)
               ^ `|` is not an operator
          write `||`
        a == 'b'⏎
                ^ a line break after the selector
          write it on one line, or as a YAML block with `|-`, which keeps no final line break
        has(a) &&⏎has(b)
                 ^ a line break within the selector; only spaces and tabs may stand between its words
          write it on one line, or as a YAML block with `>-`, which joins lines with spaces
        %
        ^ unexpected character `%`
          label keys are made of letters, digits, `_`, `.`, `/` and `-`; values stand in quotes
        a == 'b' && %
                    ^ unexpected character `%`
          label keys are made of letters, digits, `_`, `.`, `/` and `-`; values stand in quotes
        a % 'b'
          ^ unexpected character `%`
          label keys are made of letters, digits, `_`, `.`, `/` and `-`; values stand in quotes
        a == “b”
             ^ `“` is not a quote of the selector language
          write `"` or `'`
        a⍽== 'b'
         ^ the blank \u{a0} is not allowed
          write a plain space
        a in ['b']
             ^ unexpected `[`
          sets are written in braces: `{"a", "b"}`
        a == 'b
             ^^ this string has no closing quote
          end the value with `'`; a value that contains `'` goes in the other kind of quotes
        a == "b'
             ^^^ this string has no closing quote
          end the value with `"`; a value that contains `"` goes in the other kind of quotes
        has(é)
            ^ unexpected character `é`
          label keys are made of letters, digits, `_`, `.`, `/` and `-`; values stand in quotes
        "#);
    }

    #[test]
    fn words() {
        insta::assert_snapshot!(report(&[
            "a b", "a IN {'b'}", "a not 'b'", "a starts 'b'", "a starts foo 'b'", "a ends withs 'b'", "has(a) and has(b)",
            "a and b", "not has(a)", "a is 'b'", "a squiggles 'b'",
        ]), @r#"
        a b
          ^ expected an operator after the label `a`, found `b`
          the operators are `==`, `!=`, `in`, `not in`, `contains`, `starts with` and `ends with`
        a IN {'b'}
          ^^ expected an operator after the label `a`, found `IN`
          operators are written in lower case: `in`
        a not 'b'
          ^^^ expected `in` after `not`
          write `a not in {"value"}` or `a != "value"`
        a starts 'b'
          ^^^^^^ expected `with` after `starts`
          write `a starts with "value"`
        a starts foo 'b'
          ^^^^^^ expected `with` after `starts`, not `foo`
          write `a starts with "value"`
        a ends withs 'b'
          ^^^^ expected `with` after `ends`, not `withs`
          write `a ends with "value"`
        has(a) and has(b)
               ^^^ expected `&&`, `||` or the end of the selector, found `and`
          write `&&`
        a and b
          ^^^ expected an operator after the label `a`, found `and`
          compare it: `a == "value"`, or test it with `has(a)`
        not has(a)
            ^^^ expected an operator after the label `not`, found `has`
          negation is written `!`
        a is 'b'
          ^^ expected an operator after the label `a`, found `is`
          equality is written `==`
        a squiggles 'b'
          ^^^^^^^^^ expected an operator after the label `a`, found `squiggles`
          the operators are `==`, `!=`, `in`, `not in`, `contains`, `starts with` and `ends with`
        "#);
    }

    #[test]
    fn functions() {
        insta::assert_snapshot!(report(&[
            "has()", "has('a')", "has(a, b)", "has(a", "has(", "all(", "all(a)", "has (a)", "all ()", "Has(a)", "exists(a)",
        ]), @r#"
        has()
            ^ has() needs a label
          write `has(label)`
        has('a')
            ^ has() takes a label, not a string
          write the label without quotes
        has(a, b)
             ^ expected `)` to close has(, found `,`
          has() takes one label; join several with `&&`: `has(a) && has(b)`
        has(a
             ^ the parenthesis of has( is never closed
          add `)`
        has(
            ^ has() needs a label
          write `has(label)`
        all(
            ^ the parenthesis of all( is never closed
          add `)`
        all(a)
            ^ expected `)` to close all(, found `a`
          write `all()`
        has (a)
        ^^^^^ `has` apart from its parenthesis is read as a label
          no space before the parenthesis: `has(label)`
        all ()
        ^^^^^ `all` apart from its parenthesis is read as a label
          no space before the parenthesis: `all()`
        Has(a)
        ^^^^ there is no function `Has`
          write it in lower case: `has(label)`
        exists(a)
        ^^^^^^^ there is no function `exists`
          the functions are has(label), all() and global()
        "#);
    }

    #[test]
    fn places() {
        insta::assert_snapshot!(report(&[
            "a", "(a)", "a && has(b)", "a 'b'", "a !has(b)", "a == b", "a == ", "a == {'b'}", "'b' == a", "'b' != a", "'b'", "!",
            "a == 'b' &&", "foo != ||", "()", "(a == 'b' && )", "(", "(a == 'b'", "a == 'b')", "a == 'b' c == 'd'", "a == 'b', c == 'd'",
            "a in 'b'", "a in b", "a in", "a in {b}", "a in {,'b'}", "a in {'b' 'c'}", "a in {'b'", "foo in {\"\", ||",
        ]), @r#"
        a
        ^ the label `a` is not compared with anything
          compare it: `a == "value"`, or test it with `has(a)`
        (a)
         ^ the label `a` is not compared with anything
          compare it: `a == "value"`, or test it with `has(a)`
        a && has(b)
        ^ the label `a` is not compared with anything
          compare it: `a == "value"`, or test it with `has(a)`
        a 'b'
          ^^^ expected an operator after the label, found `'b'`
          the operators are `==`, `!=`, `in`, `not in`, `contains`, `starts with` and `ends with`
        a !has(b)
          ^ expected an operator after the label, found `!`
          write `a != "value"` or `a not in {"value"}`
        a == b
             ^ expected a value in quotes, found `b`
          quote the value: `"b"`
        a == 
             ^ expected a value in quotes, but the selector ends here
        a == {'b'}
             ^ expected a value in quotes, found `{`
          only `in` and `not in` take a set
        'b' == a
        ^^^ a test starts with its label, not with a value
          write `a == 'b'`
        'b' != a
        ^^^ a test starts with its label, not with a value
          write `a != 'b'`
        'b'
        ^^^ a test starts with its label, not with a value
          label keys are written without quotes
        !
         ^ expected a label, has(), all(), global() or a parenthesis, but the selector ends here
        a == 'b' &&
                   ^ expected a label, has(), all(), global() or a parenthesis, but the selector ends here
        foo != ||
               ^^ expected a value in quotes, found `||`
        ()
         ^ expected a label, has(), all(), global() or a parenthesis, found `)`
          empty parentheses mean nothing; `all()` selects everything
        (a == 'b' && )
                     ^ expected a label, has(), all(), global() or a parenthesis, found `)`
        (
         ^ expected a label, has(), all(), global() or a parenthesis, but the selector ends here
        (a == 'b'
        ^ this parenthesis is never closed
          add `)`
        a == 'b')
                ^ this parenthesis was never opened
          remove it
        a == 'b' c == 'd'
                 ^ expected `&&`, `||` or the end of the selector, found `c`
          join tests with `&&` (and) or `||` (or)
        a == 'b', c == 'd'
                ^ expected `&&`, `||` or the end of the selector, found `,`
          join tests with `&&` (and) or `||` (or)
        a in 'b'
             ^^^ expected a set in braces, found `'b'`
          write `{'b'}`
        a in b
             ^ expected a set in braces, found `b`
          write `{"b"}`
        a in
            ^ expected a set in braces, but the selector ends here
          sets are written `{"a", "b"}`
        a in {b}
              ^ expected a value in quotes or `}`, found `b`
          quote the value: `"b"`
        a in {,'b'}
              ^ expected a value in quotes or `}`, found `,`
        a in {'b' 'c'}
                  ^^^ expected `,` or `}`, found `'c'`
        a in {'b'
                 ^ expected `,` or `}`, but the selector ends here
        foo in {"", ||
                    ^^ expected a value in quotes or `}`, found `||`
        "#);
    }

    #[test]
    fn an_error_displays_with_its_place() {
        let error = Selector::parse("a = 'b'").unwrap_err();
        assert_eq!(error.to_string(), "at byte 2: `=` is not an operator (write `==`)");
    }
}
