//! Laws of the language, and its truth table.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Labels = BTreeMap<String, String>;

/// The truth table of `spec/calico.md` 13.6, over no labels, `a=b`, and `a=x, c=d`.
#[test]
fn truth_table() {
    let none: [(&str, &str); 0] = [];
    for (text, expected) in [
        (r#"a == "b""#, [false, true, false]),
        (r#"a != "b""#, [true, false, true]),
        (r#"!a == "b""#, [true, false, true]),
        ("a in {}", [false, false, false]),
        ("a not in {}", [true, true, true]),
        (r#"a not in {"b"}"#, [true, false, true]),
        (r#"has(a) && a != "b""#, [false, false, true]),
        (r#"!has(a) || a == "b" && has(c)"#, [true, false, false]),
        (r#"a contains """#, [false, true, true]),
        ("a startswith \"x\" || c == 'd'", [false, false, true]),
        ("!!has(a)", [false, true, true]),
        ("", [true, true, true]),
        ("global()", [true, true, true]),
    ] {
        let selector = Selector::parse(text).unwrap();
        let found = [
            selector.matches(&none),
            selector.matches(&[("a", "b")]),
            selector.matches(&[("a", "x"), ("c", "d")]),
        ];
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_the_specification_refuses() {
    for text in [
        "b == b",
        "'b1' == b",
        "b",
        "a b",
        "!",
        "foo == \"bar\" &",
        "foo != ||",
        "foo in {\"\", ||",
        "foo in \"\"",
        "\"FOO",
        "(",
        "()",
        "%",
        "has (a)",
        "has(a, b)",
        "all ()",
        "a = \"b\"",
        "a == \"b\"\n",
        "a in {,\"x\"}",
        "has()",
    ] {
        assert!(Selector::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_the_specification_accepts() {
    for text in [
        "a in {\"x\",}",
        "in == \"y\"",
        "has == 'x'",
        "all == 'x'",
        "-x == \"y\"",
        "a notin {'b'}",
        "a == 'x\ny'",
    ] {
        assert!(Selector::parse(text).is_ok(), "{text}");
    }
}

fn key() -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(vec!["a", "b", "in", "has", "x.io/k-_9"]).prop_map(Arc::from)
}

/// Values that are parts of each other, so that every test can hold and fail; never both kinds of quotes.
fn value() -> impl Strategy<Value = Arc<str>> {
    prop::sample::select(vec!["", "a", "ab", "ba", "aba", "\"", "it's", "all()", "é"]).prop_map(Arc::from)
}

fn leaf() -> impl Strategy<Value = Expr> {
    let values = || prop::collection::vec(value(), 0..4).prop_map(ValueSet::from_iter);
    prop_oneof![
        Just(Expr::All),
        Just(Expr::Global),
        key().prop_map(Expr::Has),
        (key(), value()).prop_map(|(k, v)| Expr::Equals(k, v)),
        (key(), value()).prop_map(|(k, v)| Expr::NotEquals(k, v)),
        (key(), value()).prop_map(|(k, v)| Expr::Contains(k, v)),
        (key(), value()).prop_map(|(k, v)| Expr::StartsWith(k, v)),
        (key(), value()).prop_map(|(k, v)| Expr::EndsWith(k, v)),
        (key(), values()).prop_map(|(k, v)| Expr::In(k, v)),
        (key(), values()).prop_map(|(k, v)| Expr::NotIn(k, v)),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|x| Expr::Not(Box::new(x))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner, 2..4).prop_map(Expr::Or),
        ]
    })
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_map(key().prop_map(|k| k.to_string()), value().prop_map(|v| v.to_string()), 0..4)
}

/// Texts near the language, so that the parser gets past the first word.
fn near_selector() -> impl Strategy<Value = String> {
    let words = vec![
        "a", "b", "has(", "has(a)", "all()", "global(", "(", ")", "{", "}", ",", "==", "=", "!=", "!", "&&",
        "&", "||", "|", "in", "not", "starts", "with", "contains", "'v'", "\"v\"", "'", "\"", " ", "\t",
        "\n", "%", "é", "“",
    ];
    prop::collection::vec(prop::sample::select(words), 0..14).prop_map(|words| words.concat())
}

/// What parsing makes of a printed tree: adjacent negations cancel.
fn collapsed(expr: &Expr) -> Expr {
    match expr {
        Expr::Not(operand) => match collapsed(operand) {
            Expr::Not(inner) => *inner,
            operand => Expr::Not(Box::new(operand)),
        },
        Expr::And(operands) => Expr::And(operands.iter().map(collapsed).collect()),
        Expr::Or(operands) => Expr::Or(operands.iter().map(collapsed).collect()),
        leaf => leaf.clone(),
    }
}

/// The table of `spec/calico.md` 3.2, row by row.
fn naive(expr: &Expr, labels: &Labels) -> bool {
    let get = |key: &Arc<str>| labels.get(&**key).map(String::as_str);
    match expr {
        Expr::All | Expr::Global => true,
        Expr::Has(k) => labels.keys().any(|key| **key == **k),
        Expr::Equals(k, v) => match get(k) {
            None => false,
            Some(value) => value == &**v,
        },
        Expr::NotEquals(k, v) => match get(k) {
            None => true,
            Some(value) => value != &**v,
        },
        Expr::In(k, set) => match get(k) {
            None => false,
            Some(value) => set.iter().any(|member| member == value),
        },
        Expr::NotIn(k, set) => match get(k) {
            None => true,
            Some(value) => set.iter().all(|member| member != value),
        },
        Expr::Contains(k, v) => get(k)
            .is_some_and(|value| (0..=value.len()).any(|i| value.as_bytes()[i..].starts_with(v.as_bytes()))),
        Expr::StartsWith(k, v) => get(k).is_some_and(|value| value.as_bytes().starts_with(v.as_bytes())),
        Expr::EndsWith(k, v) => get(k).is_some_and(|value| value.as_bytes().ends_with(v.as_bytes())),
        Expr::Not(x) => !naive(x, labels),
        Expr::And(xs) => !xs.iter().any(|x| !naive(x, labels)),
        Expr::Or(xs) => xs.iter().any(|x| naive(x, labels)),
    }
}

fn check_error_of(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = Selector::parse(text) {
        prop_assert!(text.get(error.span.clone()).is_some(), "{:?} outside {text:?}", error.span);
        prop_assert!(!error.message.is_empty());
    }
    Ok(())
}

proptest! {
    #[test]
    fn printing_and_parsing_gives_the_same(expr in expr()) {
        let selector = Selector::from(expr);
        let parsed = Selector::parse(&selector.to_string()).unwrap();
        prop_assert_eq!(parsed.expr(), &collapsed(selector.expr()));
        let canonical = parsed.to_string();
        prop_assert_eq!(Selector::parse(&canonical).unwrap().to_string(), canonical);
    }

    #[test]
    fn evaluation_follows_the_table(expr in expr(), labels in labels()) {
        prop_assert_eq!(Selector::from(expr.clone()).matches(&labels), naive(&expr, &labels));
    }

    #[test]
    fn a_prefix_moves_the_labels_along(expr in expr(), labels in labels()) {
        let selector = Selector::from(expr);
        let prefixed: Labels = labels.iter().map(|(k, v)| (format!("pcns.{k}"), v.clone())).collect();
        prop_assert_eq!(selector.with_label_prefix("pcns.").matches(&prefixed), selector.matches(&labels));
    }

    #[test]
    fn whatever_matches_meets_the_restrictions(expr in expr(), labels in labels()) {
        let selector = Selector::from(expr);
        if selector.matches(&labels) {
            for (key, demand) in selector.restrictions() {
                let value = labels.label(&key);
                prop_assert!(!demand.must_be_present || value.is_some());
                prop_assert!(!demand.must_be_absent || value.is_none());
                prop_assert!(demand.one_of.is_none_or(|values| value.is_some_and(|v| values.contains(v))));
            }
        }
    }

    #[test]
    fn any_text_parses_or_is_refused_with_a_place(text in "\\PC*") {
        check_error_of(&text)?;
    }

    #[test]
    fn any_text_near_the_language_too(text in near_selector()) {
        check_error_of(&text)?;
        if let Ok(tokens) = tokenize(&text) {
            prop_assert!(tokens.iter().all(|token| text.get(token.span.clone()).is_some()));
        }
    }
}
