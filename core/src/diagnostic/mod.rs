//! Problems of an input, written for the person who must repair it.
//!
//! Lowering and validation know *which field* is wrong ([`Problem`], by [`FieldPath`]); the manifest reader knows
//! *where in the text* that field stands, and joins the two to a [`Diagnostic`].

mod code;
mod path;

pub use code::Code;
pub use path::{FieldPath, Segment};

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Severity {
    /// Worth knowing; the object is used as it stands.
    Warning,
    /// The object cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One thing wrong with an object, named by the field it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable code of this kind of problem.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// The field, from the root of the object.
    pub path: FieldPath,
    /// What is wrong and why.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The part of the field's string value that is wrong, in bytes; for selectors and the like.
    pub span: Option<Range<usize>>,
}

impl Problem {
    /// An error about the field at `path`.
    pub fn error(code: Code, path: FieldPath, message: impl Into<String>) -> Self {
        Problem { code, severity: Severity::Error, path, message: message.into(), help: None, span: None }
    }

    /// A warning about the field at `path`.
    pub fn warning(code: Code, path: FieldPath, message: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(code, path, message) }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Narrows the problem to a part of the field's string value, in bytes.
    #[must_use]
    pub fn with_span(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// True for an error, false for a warning.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}: {}", self.severity, self.code, self.path, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// A place in an input text. Lines and columns count from 1; columns count characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Location {
    /// The file's path, or `<stdin>` and the like.
    pub source: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters of the line the problem covers (at least 1).
    pub width: u32,
    /// The whole offending line, without its line end; empty for a very long one.
    pub text: String,
}

/// A problem with the place it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Diagnostic {
    /// The stable code of this kind of problem.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// The object, as `NetworkPolicy staging/front-end`; absent where the text did not get that far.
    pub object: Option<String>,
    /// The field within the object, as `spec.ingress[0].ports[1]`; empty for the object itself.
    pub path: String,
    /// What is wrong and why.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Where it stands in the text; absent for objects built in code.
    pub location: Option<Location>,
}

impl Diagnostic {
    /// A problem of an object that has no text behind it.
    pub fn without_location(problem: Problem, object: Option<String>) -> Self {
        Diagnostic {
            code: problem.code,
            severity: problem.severity,
            object,
            path: problem.path.to_string(),
            message: problem.message,
            help: problem.help,
            location: None,
        }
    }

    /// True for an error, false for a warning.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Renders the diagnostic as rustc does: the code and message, the place, the line with the part underlined, the object,
/// and what to write instead.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        let mut gutter = 1;
        if let Some(location) = &self.location {
            gutter = location.line.to_string().len();
            let column = usize::try_from(location.column).unwrap_or(1);
            let width = usize::try_from(location.width).unwrap_or(1).max(1);
            write!(f, "\n{:gutter$}--> {}:{}:{}", "", location.source, location.line, location.column)?;
            if !location.text.is_empty() {
                let indent = " ".repeat(column.saturating_sub(1));
                write!(f, "\n{:gutter$} |", "")?;
                write!(f, "\n{} | {}", location.line, location.text)?;
                write!(f, "\n{:gutter$} | {indent}{}", "", "^".repeat(width))?;
            }
        }
        match (&self.object, self.path.is_empty()) {
            (Some(object), true) => write!(f, "\n{:gutter$} = in {object}", "")?,
            (Some(object), false) => write!(f, "\n{:gutter$} = in {object}, {}", "", self.path)?,
            (None, false) => write!(f, "\n{:gutter$} = in {}", "", self.path)?,
            (None, true) => {}
        }
        match &self.help {
            Some(help) => write!(f, "\n{:gutter$} = help: {help}", ""),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_the_line_and_the_repair() {
        let diagnostic = Diagnostic {
            code: Code::UnknownField,
            severity: Severity::Error,
            object: Some("GlobalNetworkPolicy deny".to_owned()),
            path: "spec.egress[0].destnation".to_owned(),
            message: "unknown field `destnation`".to_owned(),
            help: Some("did you mean `destination`?".to_owned()),
            location: Some(Location {
                source: "policy.yaml".into(),
                line: 12,
                column: 5,
                width: 10,
                text: "    destnation:".to_owned(),
            }),
        };
        insta::assert_snapshot!(diagnostic, @r"
        error[TW0201]: unknown field `destnation`
          --> policy.yaml:12:5
           |
        12 |     destnation:
           |     ^^^^^^^^^^
           = in GlobalNetworkPolicy deny, spec.egress[0].destnation
           = help: did you mean `destination`?
        ");
    }
}
