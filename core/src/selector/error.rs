//! Why a text is not a selector.

use std::fmt;
use std::ops::Range;

/// A text that is not a selector: what is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    /// What is wrong and what was expected.
    pub message: String,
    /// The part of the text that is wrong, in bytes, on character boundaries; empty where something is missing.
    pub span: Range<usize>,
    /// What to write instead.
    pub help: Option<String>,
}

impl SelectorError {
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        SelectorError { message: message.into(), span, help: None }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        SelectorError { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.span.start, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SelectorError {}
