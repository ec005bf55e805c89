//! The canonical text of a selector (`spec/calico.md` 3.3).

use super::{Expr, ValueSet};
use std::fmt::{self, Display, Formatter};

/// Writes the canonical text: as Calico normalises it, so that equal selectors print equal.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::All => f.write_str("all()"),
            Expr::Global => f.write_str("global()"),
            Expr::Has(key) => write!(f, "has({key})"),
            Expr::Equals(key, value) => write!(f, "{key} == {}", Quoted(value)),
            Expr::NotEquals(key, value) => write!(f, "{key} != {}", Quoted(value)),
            Expr::In(key, values) => write!(f, "{key} in {values}"),
            Expr::NotIn(key, values) => write!(f, "{key} not in {values}"),
            Expr::Contains(key, part) => write!(f, "{key} contains {}", Quoted(part)),
            Expr::StartsWith(key, part) => write!(f, "{key} starts with {}", Quoted(part)),
            Expr::EndsWith(key, part) => write!(f, "{key} ends with {}", Quoted(part)),
            Expr::Not(operand) => write!(f, "!{operand}"),
            Expr::And(operands) => write_group(f, operands, " && ", "all()"),
            Expr::Or(operands) => write_group(f, operands, " || ", "!all()"),
        }
    }
}

/// A group keeps its parentheses wherever it stands; a group of one, which only code can build, is its operand.
fn write_group(f: &mut Formatter<'_>, operands: &[Expr], operator: &str, empty: &str) -> fmt::Result {
    match operands {
        [] => f.write_str(empty),
        [operand] => operand.fmt(f),
        [first, rest @ ..] => {
            write!(f, "({first}")?;
            for operand in rest {
                write!(f, "{operator}{operand}")?;
            }
            f.write_str(")")
        }
    }
}

impl Display for ValueSet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, value) in self.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, Quoted(value))?;
        }
        f.write_str("}")
    }
}

/// A string literal. The language has no escapes, so a value with both kinds of quote has no literal.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('"') { '\'' } else { '"' };
        write!(f, "{quote}{}{quote}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Selector;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest, Sha224};

    fn canonical(text: &str) -> String {
        Selector::parse(text).unwrap().to_string()
    }

    #[test]
    fn the_vectors_of_the_specification() {
        for (text, expected) in [
            ("", "all()"),
            (" (all() )", "all()"),
            ("! (has( b)||! has(a ))", "!(has(b) || !has(a))"),
            (r#"! (a == "b"&&! c != "d")"#, r#"!(a == "b" && !c != "d")"#),
            (r#"a startswith '"'"#, r#"a starts with '"'"#),
            (r#"a in {"z", "z", "x", "y", "x", "a"}"#, r#"a in {"a", "x", "y", "z"}"#),
            (
                "!(!(k == 'v' && has(t) || all()) && (a in {'b', 'c'}))",
                r#"!(!((k == "v" && has(t)) || all()) && a in {"b", "c"})"#,
            ),
            ("a notin {}", "a not in {}"),
            ("has(a) && (has(b) && has(c))", "(has(a) && (has(b) && has(c)))"),
            ("(a == 'b')", r#"a == "b""#),
            ("!(!has(a))", "!!has(a)"),
            ("!!has(a)", "has(a)"),
            ("!!!global( )", "!global()"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn the_text_is_what_calico_hashes() {
        let id =
            |text| format!("s:{}", URL_SAFE_NO_PAD.encode(Sha224::digest(format!("s:{}", canonical(text)))));
        assert_eq!(id("all()"), "s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug");
        assert_eq!(id("!(has(b) || !has(a))"), "s:Iss0uCleLYv1GSv_pNm7hAO58kE9jAx1NKyG3Q");
    }

    #[test]
    fn groups_that_only_code_can_build_print_as_what_they_mean() {
        assert_eq!(Selector::and([]).to_string(), "all()");
        assert_eq!(Selector::or([]).to_string(), "!all()");
        assert_eq!(Selector::or([Selector::has("a")]).to_string(), "has(a)");
    }
}
