//! Selectors made from selectors: label prefixes, and what `all()` and `global()` mean in some fields
//! (`spec/calico.md` 3.4).

use super::{Expr, Selector};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Selector {
    /// This selector with `prefix` before every label key, `has(k)` included. Calico tests the labels of an endpoint's
    /// namespace as `pcns.<key>` and those of its service account as `pcsa.<key>`.
    ///
    /// ```
    /// use tierwall::selector::Selector;
    ///
    /// let selector: Selector = "env == 'prod' && !has(legacy)".parse()?;
    /// assert_eq!(selector.with_label_prefix("pcns.").to_string(), r#"(pcns.env == "prod" && !has(pcns.legacy))"#);
    /// # Ok::<(), tierwall::selector::SelectorError>(())
    /// ```
    #[must_use]
    pub fn with_label_prefix(&self, prefix: &str) -> Selector {
        self.map_leaves(&|leaf| {
            let mut leaf = leaf.clone();
            if let Some(key) = leaf.key_mut() {
                *key = Arc::from(format!("{prefix}{key}"));
            }
            leaf
        })
    }

    /// This selector with `replacement` for every `all()`. The policy fields of Calico are rewritten as text instead:
    /// [`replace_all_text`].
    #[must_use]
    pub fn replace_all_with(&self, replacement: &Expr) -> Selector {
        self.map_leaves(&|leaf| if *leaf == Expr::All { replacement.clone() } else { leaf.clone() })
    }

    /// This selector with `replacement` for every `global()`. The policy fields of Calico are rewritten as text instead:
    /// [`replace_global_text`].
    #[must_use]
    pub fn replace_global_with(&self, replacement: &Expr) -> Selector {
        self.map_leaves(&|leaf| if *leaf == Expr::Global { replacement.clone() } else { leaf.clone() })
    }

    /// The label keys that the selector tests, sorted.
    pub fn keys(&self) -> BTreeSet<Arc<str>> {
        let mut keys = BTreeSet::new();
        self.expr().collect_keys(&mut keys);
        keys
    }

    fn map_leaves(&self, f: &dyn Fn(&Expr) -> Expr) -> Selector {
        self.expr().map_leaves(f).into()
    }
}

impl Expr {
    fn map_leaves(&self, f: &dyn Fn(&Expr) -> Expr) -> Expr {
        let each = |operands: &[Expr]| operands.iter().map(|operand| operand.map_leaves(f)).collect();
        match self {
            Expr::Not(operand) => Expr::Not(Box::new(operand.map_leaves(f))),
            Expr::And(operands) => Expr::And(each(operands)),
            Expr::Or(operands) => Expr::Or(each(operands)),
            leaf => f(leaf),
        }
    }

    fn collect_keys(&self, keys: &mut BTreeSet<Arc<str>>) {
        match self {
            Expr::Not(operand) => operand.collect_keys(keys),
            Expr::And(operands) | Expr::Or(operands) => {
                operands.iter().for_each(|operand| operand.collect_keys(keys));
            }
            leaf => keys.extend(leaf.clone().key_mut().cloned()),
        }
    }

    /// The label a leaf tests.
    fn key_mut(&mut self) -> Option<&mut Arc<str>> {
        match self {
            Expr::Has(key)
            | Expr::Equals(key, _)
            | Expr::NotEquals(key, _)
            | Expr::In(key, _)
            | Expr::NotIn(key, _)
            | Expr::Contains(key, _)
            | Expr::StartsWith(key, _)
            | Expr::EndsWith(key, _) => Some(key),
            Expr::All | Expr::Global | Expr::Not(_) | Expr::And(_) | Expr::Or(_) => None,
        }
    }
}

/// `text` with `replacement` for every literal `all()`, as Calico rewrites a policy's selector before it parses it:
/// `all( )` stays, and `"all()"` within a string changes.
///
/// ```
/// use tierwall::selector::replace_all_text;
///
/// assert_eq!(replace_all_text("!all() || all( )", "has(x)"), "!has(x) || all( )");
/// ```
#[must_use]
pub fn replace_all_text(text: &str, replacement: &str) -> String {
    text.replace("all()", replacement)
}

/// `text` with `replacement` for every literal `global()`; as [`replace_all_text`].
#[must_use]
pub fn replace_global_text(text: &str, replacement: &str) -> String {
    text.replace("global()", replacement)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Selector {
        Selector::parse(text).unwrap()
    }

    #[test]
    fn a_prefix_reaches_every_leaf() {
        let leaves = "(has(k) && k == 'v' && k != 'v' && k in {'v'} && k not in {'v'} && k contains 'v' \
                      && k starts with 'v' && k ends with 'v' && !(all() || global() || has(k)))";
        let prefixed = leaves.replace("k ", "p.k ").replace("(k)", "(p.k)");
        assert_eq!(parse(leaves).with_label_prefix("p."), parse(&prefixed));
    }

    #[test]
    fn only_the_named_leaf_is_replaced() {
        let has = Expr::Has("x".into());
        let selector = parse("!all() && (global() || all( ))");
        assert_eq!(selector.replace_all_with(&has), parse("!has(x) && (global() || has(x))"));
        assert_eq!(selector.replace_global_with(&has), parse("!all() && (has(x) || all())"));
    }

    #[test]
    fn text_is_replaced_literally() {
        assert_eq!(replace_all_text("a == 'all()' && all ()", "b"), "a == 'b' && all ()");
        assert_eq!(replace_global_text("global() || all()", "!has(n)"), "!has(n) || all()");
    }
}
