//! A text with a name, and positions in it.

use std::sync::{Arc, OnceLock};

use super::node::Span;
use crate::diagnostic::{Code, Diagnostic, Location, Severity};

/// Lines longer than this, in bytes, are not repeated in diagnostics: JSON often is one line of megabytes.
const LONGEST_SHOWN_LINE: usize = 1_000;

/// A text and the name its problems are reported under. The text is kept as it is, byte order mark and line ends
/// included, so every position is a position in the file.
#[derive(Debug)]
pub struct Source {
    name: Arc<str>,
    text: String,
    /// Where each line starts; made when the first position is asked for.
    lines: OnceLock<Vec<u32>>,
}

impl Source {
    /// A text in memory.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Source { name: name.into(), text: text.into(), lines: OnceLock::new() }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// `TW0102` with the position of the first byte that is not UTF-8.
    pub fn from_bytes(name: impl Into<Arc<str>>, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        let name = name.into();
        String::from_utf8(bytes).map(|text| Source::new(Arc::clone(&name), text)).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let lossy = Source::new(name, String::from_utf8_lossy(error.as_bytes()));
            let byte = error.as_bytes().get(valid).copied().unwrap_or_default();
            let message = format!("the text is not UTF-8: byte {valid} of the file is {byte:#04x}");
            // The text before the error is unchanged by the lossy conversion, so the offset holds in both.
            let help = "save the file as UTF-8".to_owned();
            Box::new(lossy.diagnostic(Code::InvalidUtf8, Span::new(valid, valid + 1), message, Some(help)))
        })
    }

    /// The name: a path, or `<stdin>` and the like.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte, both from 1; the column counts characters, a byte order mark not included.
    /// A byte beyond the end is taken as the end.
    pub fn line_col(&self, byte: usize) -> (u32, u32) {
        let (number, line) = self.line_of(byte);
        let before = self.text.get(line..self.floor(byte)).unwrap_or_default();
        (number, count(before).saturating_add(1))
    }

    /// The line of a byte, from 1. Unlike [`Source::line_col`] this does not depend on how long the line is.
    pub fn line(&self, byte: usize) -> u32 {
        self.line_of(byte).0
    }

    /// The place of a span: what it covers of the line it starts on.
    pub fn location(&self, span: Span) -> Location {
        let range = span.range();
        let line_start = self.line_of(range.start).1;
        let start = self.floor(range.start).max(line_start);
        let (line, column) = self.line_col(start);
        let text = self.line_text(line_start);
        let rest = self.text.get(start..).unwrap_or_default();
        let covered = self.text.get(start..self.floor(range.end)).unwrap_or_default();
        let covered = first_line(covered).trim_end();
        let available = count(first_line(rest));
        let text = if text.len() > LONGEST_SHOWN_LINE { String::new() } else { text.to_owned() };
        let width = count(covered).min(available).max(1);
        Location { source: Arc::clone(&self.name), line, column, width, text }
    }

    /// A problem of the text itself.
    pub(super) fn diagnostic(
        &self,
        code: Code,
        span: Span,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            object: None,
            path: String::new(),
            message,
            help,
            location: Some(self.location(span)),
        }
    }

    /// Where each line starts, in bytes. As in YAML, a line ends with a line feed, a carriage return, or both.
    pub(super) fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let bytes = self.text.as_bytes();
            let follows_break = |&at: &usize| match (bytes.get(at.wrapping_sub(1)), bytes.get(at)) {
                (Some(b'\n'), _) => true,
                (Some(b'\r'), next) => next != Some(&b'\n'),
                _ => false,
            };
            let first = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
            let starts = std::iter::once(first).chain((1..=bytes.len()).filter(follows_break));
            starts.map(|at| Span::new(at, at).start).collect()
        })
    }

    /// The number (from 1) and the start of the line that holds `byte`.
    fn line_of(&self, byte: usize) -> (u32, usize) {
        let byte = Span::new(byte, byte).start;
        let lines = self.lines();
        let after = lines.partition_point(|&start| start <= byte).max(1);
        let start = lines.get(after - 1).copied().unwrap_or_default();
        (u32::try_from(after).unwrap_or(u32::MAX), usize::try_from(start).unwrap_or_default())
    }

    fn line_text(&self, start: usize) -> &str {
        first_line(self.text.get(start..).unwrap_or_default())
    }

    /// The start of the character that holds `byte`.
    fn floor(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        (0..=byte).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or_default()
    }
}

/// The text up to its first line end.
pub(super) fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default()
}

fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_end_in_any_way() {
        let source = Source::new("x", "\u{feff}é: 1\r\nb: 2\rc: 3\n");
        let at = |needle: &str| source.line_col(source.text().find(needle).unwrap());
        assert_eq!((at("é"), at("1"), at("b"), at("3")), ((1, 1), (1, 4), (2, 1), (3, 4)));
        assert_eq!(source.line_col(usize::MAX), (4, 1));
        let location = source.location(Span::new(0, 100));
        assert_eq!((location.text.as_str(), location.width), ("é: 1", 4));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_located() {
        let problem = Source::from_bytes("x.yaml", b"a: 1\nb: caf\xe9\n".to_vec()).unwrap_err();
        insta::assert_snapshot!(problem, @r"
        error[TW0102]: the text is not UTF-8: byte 11 of the file is 0xe9
         --> x.yaml:2:7
          |
        2 | b: caf�
          |       ^
          = help: save the file as UTF-8
        ");
    }

    #[test]
    fn a_line_of_megabytes_is_not_repeated() {
        let source = Source::new("x.json", "[".repeat(5_000));
        let location = source.location(Span::new(4_000, 4_001));
        assert_eq!((location.column, location.text.as_str()), (4_001, ""));
    }
}
