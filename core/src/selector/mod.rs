//! Label selectors: Calico's expression language and Kubernetes `LabelSelector`s, in one tree.
//!
//! The language (`spec/calico.md` 3.1), from the loosest operator to the tightest:
//!
//! | text | holds where |
//! |---|---|
//! | `x \|\| y` | either holds |
//! | `x && y` | both hold |
//! | `!x` | x does not hold |
//! | `k == "v"`, `k in {"v", "w"}` | label `k` is present and has that value, or one of those |
//! | `k != "v"`, `k not in {"v", "w"}` | label `k` is absent, or has another value |
//! | `k contains "v"`, `k starts with "v"`, `k ends with "v"` | label `k` is present and its value does |
//! | `has(k)` | label `k` is present |
//! | `all()`, `global()`, empty text | always |
//!
//! ```
//! use std::collections::BTreeMap;
//! use tierwall::selector::Selector;
//!
//! let selector = Selector::parse("app == 'web' && env not in {'dev', 'test'}")?;
//! assert!(selector.matches(&BTreeMap::from([("app", "web")])));
//! assert!(!selector.matches(&BTreeMap::from([("app", "web"), ("env", "dev")])));
//!
//! let error = Selector::parse("app = 'web'").unwrap_err();
//! assert_eq!(error.span, 4..5);
//! assert_eq!(error.help.as_deref(), Some("write `==`"));
//! # Ok::<(), tierwall::selector::SelectorError>(())
//! ```

mod canonical;
mod error;
mod explain;
mod expr;
mod labels;
mod lexer;
mod parser;
mod requirement;
mod restriction;
mod rewrite;
mod syntax;
#[cfg(test)]
mod tests;

pub use error::SelectorError;
pub use expr::{Expr, ValueSet};
pub use labels::LabelSource;
pub use lexer::{Token, TokenKind, tokenize};
pub use requirement::{Operator, UnknownOperator};
pub use restriction::LabelRestriction;
pub use rewrite::{replace_all_text, replace_global_text};
pub use syntax::{validate_label_key, validate_label_value};

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A selector: a predicate over labels. Cheap to clone.
///
/// Parsed from text, or built in code:
///
/// ```
/// use tierwall::selector::Selector;
///
/// let built = Selector::and([Selector::equals("app", "web"), Selector::not(Selector::has("legacy"))]);
/// assert_eq!(built, Selector::parse("app == 'web' && !has(legacy)")?);
/// # Ok::<(), tierwall::selector::SelectorError>(())
/// ```
///
/// The constructors take any string as key and value. Printed, a key the grammar does not know, or a value with both
/// kinds of quotes, gives a text that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector(Arc<Expr>);

impl Selector {
    /// Parses a selector. Blanks alone are [`Selector::all`].
    ///
    /// # Errors
    /// The first thing wrong, with its place in the text. Groups and negations may nest 512 deep.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parser::parse(text).map(Selector::from)
    }

    /// True if `labels` satisfy the selector.
    pub fn matches<L: LabelSource + ?Sized>(&self, labels: &L) -> bool {
        self.0.matches(labels)
    }

    /// The tree.
    pub fn expr(&self) -> &Expr {
        &self.0
    }

    /// `all()`: every object.
    #[must_use]
    pub fn all() -> Self {
        Expr::All.into()
    }

    /// `has(key)`.
    #[must_use]
    pub fn has(key: impl Into<Arc<str>>) -> Self {
        Expr::Has(key.into()).into()
    }

    /// `key == "value"`.
    #[must_use]
    pub fn equals(key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        Expr::Equals(key.into(), value.into()).into()
    }

    /// `key in {values}`; never true without values.
    #[must_use]
    pub fn in_set<V: Into<Arc<str>>>(key: impl Into<Arc<str>>, values: impl IntoIterator<Item = V>) -> Self {
        Expr::In(key.into(), values.into_iter().collect()).into()
    }

    /// `!operand`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a constructor beside `and` and `or`, not an operator")]
    pub fn not(operand: Selector) -> Self {
        Expr::Not(Box::new(operand.into_expr())).into()
    }

    /// Every one of `operands`; [`Selector::all`] without any.
    #[must_use]
    pub fn and(operands: impl IntoIterator<Item = Selector>) -> Self {
        Expr::and(operands.into_iter().map(Selector::into_expr).collect()).into()
    }

    /// At least one of `operands`; never true without any.
    #[must_use]
    pub fn or(operands: impl IntoIterator<Item = Selector>) -> Self {
        Expr::or(operands.into_iter().map(Selector::into_expr).collect()).into()
    }

    fn into_expr(self) -> Expr {
        Arc::unwrap_or_clone(self.0)
    }
}

impl From<Expr> for Selector {
    fn from(expr: Expr) -> Self {
        Selector(Arc::new(expr))
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Selector::parse(text)
    }
}

/// Writes the canonical text (`spec/calico.md` 3.3).
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
