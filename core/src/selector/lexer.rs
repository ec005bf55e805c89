//! Text to tokens (`spec/calico.md` 3.1).

use super::{SelectorError, explain};
use std::ops::Range;

/// The longest label key a selector may name, in bytes.
const MAX_LABEL_LENGTH: usize = 512;

/// One token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind<'a>,
    /// Its place in the text, in bytes; of a string, with its quotes.
    pub span: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind<'a> {
    /// A label key.
    Label(&'a str),
    /// A string literal, without its quotes.
    String(&'a str),
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `,`
    Comma,
    /// `==`
    Equals,
    /// `!=`
    NotEquals,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `contains`
    Contains,
    /// `starts with`
    StartsWith,
    /// `ends with`
    EndsWith,
    /// `!`
    Not,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `has(label)`, whole.
    Has(&'a str),
    /// `all()`, whole.
    All,
    /// `global()`, whole.
    Global,
}

/// Longer symbols stand before their prefixes.
const SYMBOLS: [(&str, TokenKind<'static>); 10] = [
    ("==", TokenKind::Equals),
    ("!=", TokenKind::NotEquals),
    ("&&", TokenKind::And),
    ("||", TokenKind::Or),
    ("!", TokenKind::Not),
    ("(", TokenKind::LeftParen),
    (")", TokenKind::RightParen),
    ("{", TokenKind::LeftBrace),
    ("}", TokenKind::RightBrace),
    (",", TokenKind::Comma),
];

/// The tokens of a selector's text, for highlighting and the like. Tokens alone do not make a selector:
/// [`Selector::parse`](super::Selector::parse) tells whether they do.
///
/// # Errors
/// A character no token starts with, a string without its end, a word after a label that is no operator, an
/// unfinished `has(`, `all(` or `global(`, a label of more than 512 bytes.
///
/// ```
/// use tierwall::selector::{TokenKind, tokenize};
///
/// let tokens = tokenize("app in {'web'}")?;
/// assert_eq!(tokens[0].kind, TokenKind::Label("app"));
/// assert_eq!(tokens[3].kind, TokenKind::String("web"));
/// assert_eq!(tokens[3].span, 8..13);
/// # Ok::<(), tierwall::selector::SelectorError>(())
/// ```
pub fn tokenize(text: &str) -> Result<Vec<Token<'_>>, SelectorError> {
    Lexer::new(text).collect()
}

/// Reads one token after the other; ends at the end of the text. Nothing is promised after an error.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// The label just read. Of words, only an operator may follow it, so that keywords can be labels (`in in {"a"}`).
    last_label: Option<&'a str>,
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Result<Token<'a>, SelectorError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks();
        if self.rest().is_empty() {
            return None;
        }
        let start = self.at;
        Some(self.token().map(|kind| {
            self.last_label = if let TokenKind::Label(label) = kind { Some(label) } else { None };
            Token { kind, span: start..self.at }
        }))
    }
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lexer { text, at: 0, last_label: None }
    }

    fn token(&mut self) -> Result<TokenKind<'a>, SelectorError> {
        let rest = self.rest();
        if let Some((symbol, kind)) = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            self.at += symbol.len();
            return Ok(*kind);
        }
        if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            return self.string(quote);
        }
        if let Some(label) = self.last_label {
            return self.operator(label);
        }
        if self.eat("has(") {
            let label = self.label_of_has()?;
            return self.close("has", TokenKind::Has(label));
        }
        if self.eat("all(") {
            return self.close("all", TokenKind::All);
        }
        if self.eat("global(") {
            return self.close("global", TokenKind::Global);
        }
        let start = self.at;
        match self.word() {
            "" => Err(explain::unexpected_character(self.text, start)),
            label => self.checked(label).map(TokenKind::Label),
        }
    }

    fn string(&mut self, quote: char) -> Result<TokenKind<'a>, SelectorError> {
        let closed = self.rest().strip_prefix(quote).and_then(|rest| rest.split_once(quote));
        let Some((value, _)) = closed else {
            return Err(explain::unterminated_string(self.text, self.at, quote));
        };
        self.at += value.len() + 2 * quote.len_utf8();
        Ok(TokenKind::String(value))
    }

    /// A word operator; the words of `not in`, `starts with` and `ends with` may stand together.
    fn operator(&mut self, label: &str) -> Result<TokenKind<'a>, SelectorError> {
        let start = self.at;
        let first = self.word();
        let end_of_first = self.at;
        let second = match first {
            "not" | "starts" | "ends" => {
                self.skip_blanks();
                self.word()
            }
            _ => "",
        };
        match (first, second) {
            ("in", _) => Ok(TokenKind::In),
            ("contains", _) => Ok(TokenKind::Contains),
            ("notin", _) | ("not", "in") => Ok(TokenKind::NotIn),
            ("startswith", _) | ("starts", "with") => Ok(TokenKind::StartsWith),
            ("endswith", _) | ("ends", "with") => Ok(TokenKind::EndsWith),
            ("", _) => Err(explain::unexpected_character(self.text, start)),
            _ => Err(explain::unknown_operator(label, first, second, start..end_of_first)),
        }
    }

    fn label_of_has(&mut self) -> Result<&'a str, SelectorError> {
        self.skip_blanks();
        match self.word() {
            "" => Err(explain::has_without_label(self.text, self.at)),
            label => self.checked(label),
        }
    }

    fn close(&mut self, function: &str, kind: TokenKind<'a>) -> Result<TokenKind<'a>, SelectorError> {
        self.skip_blanks();
        if self.eat(")") { Ok(kind) } else { Err(explain::unclosed_function(self.text, self.at, function)) }
    }

    fn checked(&self, label: &'a str) -> Result<&'a str, SelectorError> {
        if label.len() <= MAX_LABEL_LENGTH {
            return Ok(label);
        }
        let message = format!("a label of {} bytes; at most {MAX_LABEL_LENGTH} are allowed", label.len());
        Err(SelectorError::new(message, self.at - label.len()..self.at))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        self.at += self.text.len() - self.at - self.rest().trim_start_matches([' ', '\t']).len();
    }

    /// The label characters from here on, as many as there are.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = rest.split(|c| !is_label_character(c)).next().unwrap_or_default();
        self.at += word.len();
        word
    }
}

fn is_label_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')
}

#[cfg(test)]
mod tests {
    use super::TokenKind::*;
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind<'_>> {
        tokenize(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn keywords_are_labels_where_a_label_stands() {
        assert_eq!(kinds("in in {'in'}"), [Label("in"), In, LeftBrace, String("in"), RightBrace]);
        assert_eq!(kinds("startswith starts with 'x'"), [Label("startswith"), StartsWith, String("x")]);
        assert_eq!(kinds("has == 'x'"), [Label("has"), Equals, String("x")]);
        assert_eq!(kinds("has (a)"), [Label("has"), LeftParen, Label("a"), RightParen]);
    }

    #[test]
    fn spaces_are_optional_where_the_words_stay_apart() {
        assert_eq!(kinds("a\tnot\t in{\"x\",'y'}"), kinds("a notin { \"x\" , 'y' }"));
        assert_eq!(kinds("!has( a )&&all( )||global()"), [Not, Has("a"), And, All, Or, Global]);
        assert_eq!(kinds("-./_9==''"), [Label("-./_9"), Equals, String("")]);
        assert!(tokenize("a inx {'x'}").is_err());
        assert!(tokenize("a ends withs 'x'").is_err());
    }

    #[test]
    fn spans_cover_the_token() {
        let spans: Vec<_> = tokenize(" a not  in {'é'}").unwrap().into_iter().map(|t| t.span).collect();
        assert_eq!(spans, [1..2, 3..10, 11..12, 12..16, 16..17]);
    }

    #[test]
    fn labels_end_at_512_bytes() {
        let label = "a".repeat(512);
        assert_eq!(kinds(&format!("has({label})")), [Has(label.as_str())]);
        let longer = "a".repeat(513);
        assert_eq!(tokenize(&format!("has({longer})")).unwrap_err().span, 4..517);
        assert_eq!(tokenize(&format!("{longer} == 'x'")).unwrap_err().span, 0..513);
    }
}
