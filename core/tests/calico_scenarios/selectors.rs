//! `spec/calico.md` 13.6, the selectors, as the engine uses them; and 3.3, their canonical form.

use super::fixture::{Table, ask, gnp, refusal, world};
use tierwall::dialect::Dialect;
use tierwall::selector::Selector;

/// Over no labels, `a=b`, and `a=x, c=d`.
const TABLE: &[(&str, &str)] = &[
    (r#"a == "b""#, "F T F"),
    (r#"a != "b""#, "T F T"),
    (r#"!a == "b""#, "T F T"),
    ("a in {}", "F F F"),
    ("a not in {}", "T T T"),
    (r#"a not in {"b"}"#, "T F T"),
    (r#"has(a) && a != "b""#, "F F T"),
    (r#"!has(a) || a == "b" && has(c)"#, "T F F"),
    (r#"a contains """#, "F T T"),
    (r#"a startswith "x" || c == 'd'"#, "F F T"),
    ("!!has(a)", "F T T"),
    ("", "T T T"),
    ("global()", "T T T"),
];

const PODS: [(&str, &str, &str); 3] =
    [("p0", "", "10.0.1.0"), ("p1", "a: b", "10.0.1.1"), ("p2", "a: x, c: d", "10.0.1.2")];

fn pods() -> Vec<String> {
    let pod = |(name, labels, address): (&str, &str, &str)| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: dev, labels: {{{labels}}}}}, \
             status: {{podIP: {address}}}}}"
        )
    };
    PODS.map(pod).to_vec()
}

/// A selector in single quotes of YAML.
fn quoted(selector: &str) -> String {
    format!("'{}'", selector.replace('\'', "''"))
}

/// The truth values of a table's row, asking `holds` about each pod.
fn row(holds: impl Fn(&str, &str) -> bool) -> String {
    PODS.map(|(name, _, address)| if holds(name, address) { "T" } else { "F" }).join(" ")
}

/// As the subject of a policy, where `global()` may not stand (3.4).
#[test]
fn of_subjects() {
    let mut table = Table::default();
    for (selector, expected) in TABLE.iter().filter(|(selector, _)| *selector != "global()") {
        let spec = format!("selector: {}, types: [Ingress], ingress: [{{action: Deny}}]", quoted(selector));
        let cluster = world(&[pods(), vec![gnp("p", &spec)]].concat());
        let found =
            row(|name, _| ask(&cluster, &format!("in: Y -> dev/{name} tcp/1")).starts_with("deny (rule)"));
        table.expect("13.6", selector, expected, &found);
    }
    table.finish();
}

/// As the peer of a rule: all of the table in `notSelector`, which takes any selector as it is.
#[test]
fn of_peers() {
    let mut table = Table::default();
    for (selector, expected) in TABLE.iter().filter(|(selector, _)| !selector.is_empty()) {
        let source = format!("source: {{notSelector: {}}}", quoted(selector));
        let spec = format!("selector: app == 'db', types: [Ingress], ingress: [{{action: Allow, {source}}}]");
        let cluster = world(&[pods(), vec![gnp("p", &spec)]].concat());
        let found = row(|_, address| {
            ask(&cluster, &format!("in: {address} -> B tcp/1")).starts_with("deny (tier default)")
        });
        table.expect("13.6", selector, expected, &found);
    }
    table.finish();
}

#[test]
fn refused_and_accepted() {
    let refused = [
        "b == b",
        "'b1' == b",
        "b",
        "a b",
        "!",
        r#"foo == "bar" &"#,
        "foo != ||",
        r#"foo in {"", ||"#,
        r#"foo in """#,
        r#""FOO"#,
        "(",
        "()",
        "%",
        "has (a)",
        "has(a, b)",
        "all ()",
        r#"a = "b""#,
    ];
    let accepted = [r#"a in {"x",}"#, r#"in == "y""#, r#"-x == "y""#, "a notin {'b'}"];
    let refused = refused.map(|text| (quoted(text), "TW0401 spec.selector"));
    let accepted = accepted.map(|text| (quoted(text), ""));
    // The last of the refused ones: a line end is no blank.
    let with_line_end = ("\"a == 'b'\\n\"".to_owned(), "TW0401 spec.selector");
    let mut table = Table::default();
    for (text, expected) in refused.into_iter().chain(accepted).chain([with_line_end]) {
        let policy = gnp("p", &format!("selector: {text}"));
        table.expect("13.6", &text, expected, &refusal(Dialect::default(), &[policy]));
    }
    table.finish();
}

/// 3.3: the vectors and the examples of the text.
#[test]
fn canonical_forms() {
    let mut table = Table::default();
    for (text, expected) in [
        (" (all() )", "all()"),
        ("! (has( b)||! has(a ))", "!(has(b) || !has(a))"),
        (r#"! (a == "b"&&! c != "d")"#, r#"!(a == "b" && !c != "d")"#),
        (r#"a startswith '"'"#, r#"a starts with '"'"#),
        (r#"a in {"z", "z", "x", "y", "x", "a"}"#, r#"a in {"a", "x", "y", "z"}"#),
        (
            "!(!(k == 'v' && has(t) || all()) && (a in {'b', 'c'}))",
            r#"!(!((k == "v" && has(t)) || all()) && a in {"b", "c"})"#,
        ),
        ("", "all()"),
        ("a && (b && c)", ""),
        ("has(a) && (has(b) && has(c))", "(has(a) && (has(b) && has(c)))"),
        ("(a == 'b')", r#"a == "b""#),
        ("!(k == 'v')", r#"!k == "v""#),
        ("a endswith 'x'", r#"a ends with "x""#),
        ("a contains'x'", r#"a contains "x""#),
        ("a notin{'x'}", r#"a not in {"x"}"#),
    ] {
        let found = Selector::parse(text).map_or(String::new(), |selector| selector.to_string());
        table.expect("3.3", text, expected, &found);
    }
    table.finish();
}
