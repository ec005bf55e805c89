//! Whole texts, and what is said of them.

use std::fmt::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;

/// All that is wrong with a text, short of decoding.
pub(super) fn problems(text: &str) -> String {
    let limits = Limits::default();
    let source = Source::new("x.yaml", text);
    let parsed = parse_documents(&source, &limits);
    let found = objects(&source, &parsed.documents, &limits);
    let mut all = String::new();
    for diagnostic in parsed.diagnostics.iter().chain(&found.diagnostics) {
        writeln!(all, "{diagnostic}\n").unwrap();
    }
    all.trim_end().to_owned()
}

/// The one document of a text that is right, written without positions.
fn tree(text: &str) -> String {
    let source = Source::new("x.yaml", text);
    let parsed = parse_documents(&source, &Limits::default());
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.documents.iter().map(|document| outline(&document.root)).collect::<Vec<_>>().join(" --- ")
}

fn outline(node: &Node<'_>) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool { value, .. } => value.to_string(),
        Value::Number(text) => text.to_string(),
        Value::String { text, .. } => format!("{text:?}"),
        Value::Seq(items) => format!("[{}]", items.iter().map(outline).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries =
                entries.iter().map(|entry| format!("{}: {}", entry.key.name, outline(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn a_key_level_with_the_dash_is_led_to_its_column() {
    let text = "kind: NetworkPolicy\nspec:\n  ingress:\n    - from:\n      - podSelector: {}\n    ports:\n    - port: 443\n  egress:\n    - to:\n      - podSelector: {}\n    ports:\n    - port: 27017\n";
    insta::assert_snapshot!(problems(text), @r"
    error[TW0101]: `ports` stands level with the `-` of the list under `ingress`, where only another `-` may stand
     --> x.yaml:6:5
      |
    6 |     ports:
      |     ^^^^^
      = help: indent `ports` to column 7, beside `from`

    error[TW0101]: `ports` stands level with the `-` of the list under `egress`, where only another `-` may stand
      --> x.yaml:11:5
       |
    11 |     ports:
       |     ^^^^^
       = help: indent `ports` to column 7, beside `to`
    ");
}

#[test]
fn a_key_deeper_than_its_siblings_is_led_to_their_column() {
    let text = "spec:\n  egress:\n    - action: Allow\n        destination:\n        ports:\n        - 53\n        selector: k8s-app == \"kube-dns\"\n";
    insta::assert_snapshot!(problems(text), @r"
    error[TW0101]: `destination` is indented deeper than `action`, but `action` has a value already and cannot hold more
     --> x.yaml:4:9
      |
    4 |         destination:
      |         ^^^^^^^^^^^
      = help: indent `destination` like `action`, to column 7; leave `ports`, `selector` at column 9, so that they stand inside `destination`
    ");
}

#[test]
fn the_manifests_of_the_guide_are_led_to_their_repair() {
    let corpora = std::env::var_os("TIERWALL_CORPORA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")),
        PathBuf::from,
    );
    let folder = corpora.join("guide-examples");
    if !folder.is_dir() {
        return;
    }
    let limits = Limits::default();
    let read = read(&[folder], &limits);
    let all: Vec<String> = read
        .sources
        .iter()
        .flat_map(|source| parse_documents(source, &limits).diagnostics)
        .map(|diagnostic| {
            let place = diagnostic.location.unwrap();
            format!("{}:{} {}", place.line, place.column, diagnostic.help.unwrap())
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    12:9 indent `destination` like `action`, to column 7; leave `ports`, `selector` at column 9, so that they stand inside `destination`
    15:5 indent `ports` to column 7, beside `from`
    23:5 indent `ports` to column 7, beside `to`
    ");
}

#[test]
fn an_error_costs_one_document() {
    let text = "a: 'x\n---\napiVersion: v1\nkind: Pod\n---\nb:\n\tc: 1\n---\n{\"d\": [1}\n---\nkind: Pod\nkind: Node\napiVersion: v1\n";
    insta::assert_snapshot!(problems(text), @r#"
    error[TW0101]: this quoted string has no closing quote
     --> x.yaml:1:4
      |
    1 | a: 'x
      |    ^^
      = help: add the closing quote

    error[TW0101]: this line is indented with a tab, which YAML does not allow
     --> x.yaml:7:1
      |
    7 | 	c: 1
      | ^
      = help: indent with spaces

    error[TW0101]: this is not valid JSON: unexpected close brace
     --> x.yaml:9:9
      |
    9 | {"d": [1}
      |         ^

    error[TW0103]: the key `kind` stands twice in this map; first at line 11, column 1
      --> x.yaml:12:1
       |
    12 | kind: Node
       | ^^^^
       = help: merge the two, or remove one: only one of them would count
    "#);
}

#[test]
fn mistakes_in_values_are_named() {
    let text = "domains:\n- *.example.com\n---\nselector: !has(x)\n---\nselector: 'a' == \"b\"\n---\na: x: y\n---\na: [1, 2\nb: 3\n---\nname:x\nspec: y\n---\na: {{ .x }}\n---\nyes: 1\n---\na: &b [*b]\n---\na: \"\\d\"\n";
    let messages: Vec<String> = parse_documents(&Source::new("x.yaml", text), &Limits::default())
        .diagnostics
        .into_iter()
        .map(|diagnostic| format!("{} ({})", diagnostic.message, diagnostic.help.unwrap_or_default()))
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
    a value that starts with `*` must be quoted (quote it: "*.example.com")
    the YAML tag `!has(x)` is not supported (a value that starts with `!` must be quoted: "!has(x)")
    a value that starts with a quote ends at the next one; the rest has no place (quote it: "'a' == \"b\"")
    a value that contains a colon and a space must be quoted (quote it: "x: y")
    the `[` is not closed (add the closing `]`)
    a space is missing after the colon of `name:` (write `name: x`)
    this looks like a template, which is not YAML before it is rendered (render it first (as with `helm template`), and load the result)
    YAML reads the key `yes` as a boolean (quote it: "yes")
    this alias repeats the list or map that it stands in (write out what is meant)
    a backslash in double quotes starts an escape, and this is none (write `\\` for a backslash, or put the string in single quotes)
    "#);
}

#[test]
fn what_is_no_json_may_be_yaml() {
    assert_eq!(tree("---\n{\"a\": 1} # b\n---\n{\"a\": [x, y,],}\n"), "{a: 1} --- {a: [\"x\", \"y\"]}");
}

#[test]
fn json_is_strict() {
    for (text, message) in [
        ("{\"a\": 1,}", "trailing comma"),
        ("{\"a\": 1 /* b */}", "comments"),
        ("{\"a\": 01}", "expected comma"),
        ("{\"a\": [1 2]}", "expected comma"),
        ("{\"a\": 'x'}", "single-quoted"),
        ("{\"a\": 0x1}", "hexadecimal"),
        ("{\"a\": \"x\ny\"}", "does not end on its line"),
        ("{\"a\": 1", "unterminated object"),
        ("{\"a\": NaN}", "unexpected token"),
        ("{\"a\": 1}}", "close brace"),
        ("{\"a\": 1, \"a\": 2}", "stands twice"),
    ] {
        let source = Source::new("x.json", text);
        let parsed = parse_documents(&source, &Limits::default()).diagnostics.remove(0).message;
        assert!(parsed.contains(message), "{text}: {parsed}");
    }
}

#[test]
fn yaml_and_json_make_the_same_tree() {
    let yaml = "a: [1, -2.5, true, null, x]\nb: {c: \"\\u00e9\", d: []}\n";
    let json = "{\"a\": [1, -2.5, true, null, \"x\"], \"b\": {\"c\": \"\\u00e9\", \"d\": []}}";
    assert_eq!(tree(yaml), tree(json));
    assert_eq!(tree("{\"a\": 1} {\"b\": 2}\n---\n{\"c\": 3}"), "{a: 1} --- {b: 2} --- {c: 3}");
    assert_eq!(tree("\u{feff}{\"a\": 1}"), "{a: 1}");
    assert_eq!(
        tree("\u{feff}%YAML 1.1\n# x\n---\na: 1\n...\n---\n---\n# empty\n---\n- {b: 2}\n"),
        "{a: 1} --- [{b: 2}]"
    );
}

#[test]
fn anchors_aliases_and_merge_keys_are_resolved() {
    let text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {b: 5, <<: [*x, *y]}\nw: *x\n\"<<\": 6\n";
    assert_eq!(
        tree(text),
        "{x: {a: 1, b: 2}, y: {b: 3, c: 4}, z: {b: 5, a: 1, c: 4}, w: {a: 1, b: 2}, <<: 6}"
    );
    insta::assert_snapshot!(problems("apiVersion: v1\nkind: Pod\nspec:\n  <<: 1\n"), @r#"
    error[TW0105]: the merge key `<<` takes a map, or a list of maps
     --> x.yaml:4:7
      |
    4 |   <<: 1
      |       ^
      = help: write `<<: *name`, where `&name` stands before a map; or quote the key: "<<"
    "#);
}

#[test]
fn tags_of_the_core_schema_are_resolved_and_others_refused() {
    assert_eq!(
        tree("[!!str 80, !!int 80, !!str yes, ! 80, !!seq [], !!map {}]"),
        "[\"80\", 80, \"yes\", \"80\", [], {}]"
    );
    for text in ["a: !!int x", "a: !!binary eA==", "a: !Ref {}", "a: !!set {}", "a: !!map []"] {
        let parsed = parse_documents(&Source::new("x", text), &Limits::default()).diagnostics;
        assert_eq!(parsed.len(), 1, "{text}");
        assert_eq!(parsed[0].code, crate::diagnostic::Code::UnsupportedYaml);
    }
}

#[test]
fn spans_are_bytes_of_the_text() {
    let text = "\u{feff}é: ü\r\n\"ß\": [ä, 'ö']\r\n---\r\nlist:\r\n- ñame: |\r\n    x\r\n  b: 2\r\n";
    let source = Source::new("x", text);
    let parsed = parse_documents(&source, &Limits::default());
    let mut seen = Vec::new();
    for document in &parsed.documents {
        collect(&document.root, text, &mut seen);
    }
    assert_eq!(seen, ["é", "ü", "\"ß\"", "ä", "'ö'", "list", "ñame", "b", "2"]);
}

/// The text under every key and one-line scalar.
fn collect<'t>(node: &Node<'_>, text: &'t str, seen: &mut Vec<&'t str>) {
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| collect(item, text, seen)),
        Value::Map(entries) => entries.iter().for_each(|entry| {
            seen.push(text.get(entry.key.span.range()).unwrap());
            collect(&entry.value, text, seen);
        }),
        _ => seen.extend(text.get(node.span.range()).filter(|text| !text.contains('\n'))),
    }
}

#[test]
fn limits_hold() {
    let messages = |text: &str, change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        let source = Source::new("x", text);
        let parsed = parse_documents(&source, &limits);
        let objects = objects(&source, &parsed.documents, &limits);
        let all =
            parsed.diagnostics.iter().chain(&objects.diagnostics).map(|problem| problem.message.as_str());
        (all.collect::<Vec<_>>().join("|"), objects.objects.len())
    };
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n".to_owned()
        + &('c'..'k')
            .map(|name| {
                format!(
                    "{name}: &{name} [{}]\n",
                    vec![format!("*{}", char::from(name as u8 - 1)); 9].join(", ")
                )
            })
            .collect::<String>();
    assert!(messages(&bomb, |_| {}).0.starts_with("more than 1000000 values repeated"));
    let deep = |open: &str| open.repeat(100_000);
    assert!(messages(&deep("["), |_| {}).0.starts_with("more than 64 levels"));
    assert!(messages(&deep("{\"a\":"), |_| {}).0.starts_with("more than 64 levels"));
    assert!(messages(&deep("- "), |_| {}).0.starts_with("more than 64 levels"));
    assert!(messages(&deep("{a: "), |_| {}).0.starts_with("more than 64 levels"));
    assert!(messages("a: 1\n", |limits| limits.max_bytes = 3).0.starts_with("more than 3 bytes"));
    assert!(
        messages("a: 1\n---\nb: 1\n", |limits| limits.max_documents = 1)
            .0
            .starts_with("more than 1 documents")
    );
    assert!(messages("[1, 2, 3]", |limits| limits.max_nodes = 3).0.starts_with("more than 3 values"));
    let pods = "{apiVersion: v1, kind: PodList, items: [{}, {}, {}]}";
    assert_eq!(
        messages(pods, |limits| limits.max_objects = 2),
        ("more than 2 objects; the rest is left out".to_owned(), 2)
    );
    let (many, _) = messages(&"- !x 1\n".repeat(100), |limits| limits.max_diagnostics = 3);
    assert_eq!(many.matches("is not supported").count(), 2);
    assert!(many.contains("more than 3 problems"));
}

#[test]
fn lists_are_taken_apart() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: n}}\n- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicyList\n  items: [{metadata: {name: b}}, 1]\n---\n[{\"apiVersion\": \"v1\", \"kind\": \"Node\"}]\n---\nkind: PodList\napiVersion: v1\nitems: null\n---\nkind: 1\napiVersion: v1\n";
    let limits = Limits::default();
    let source = Source::new("x.yaml", text);
    let parsed = parse_documents(&source, &limits);
    let found = objects(&source, &parsed.documents, &limits);
    let labels: Vec<String> =
        found.objects.iter().map(|object| format!("{} {}", object.api_version, object.label())).collect();
    assert_eq!(labels, ["v1 Pod n/a", "networking.k8s.io/v1 NetworkPolicy b", "v1 Node without a name"]);
    insta::assert_snapshot!(problems(text), @r"
    error[TW0202]: an object is needed here, but this is the number `1`
     --> x.yaml:7:34
      |
    7 |   items: [{metadata: {name: b}}, 1]
      |                                  ^
      = help: an object is a map with `apiVersion`, `kind` and `metadata`

    error[TW0302]: `kind` must be a word, but it is the number `1`
      --> x.yaml:15:7
       |
    15 | kind: 1
       |       ^
       = in object without a name
       = help: write what it is, as `kind: NetworkPolicy`
    ");
}

#[test]
fn a_tree_with_an_error_is_not_sound() {
    let source = Source::new("x", "a: 1\n---\na: 1\na: 2\n---\nb: 1\n");
    let parsed = parse_documents(&source, &Limits::default());
    assert_eq!(
        parsed.documents.iter().map(|document| document.sound).collect::<Vec<_>>(),
        [true, false, true]
    );
}

/// Pieces of YAML and JSON, so that random text gets somewhere.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "'",
        "&x ",
        "*x",
        "<<: ",
        "!t ",
        "!!str ",
        "|\n",
        ">-\n",
        "# c",
        "---\n",
        "\n---\n",
        "...\n",
        "%YAML 1.2\n",
        "é",
        "\u{feff}",
        "\r\n",
        "\r",
        "1",
        "null",
        "? ",
        "\\",
        "\\u00",
        "{{ ",
        "\u{0}",
        "\u{85}",
        "\u{2028}",
        "apiVersion: v1\nkind: List\nitems:\n",
        "{\"a\": ",
        "\"b\"",
        "true",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check_text(text: &str) -> Result<(), TestCaseError> {
    let limits = Limits::default();
    let source = Source::new("x", text);
    let parsed = parse_documents(&source, &limits);
    let found = objects(&source, &parsed.documents, &limits);
    let lines = source.lines().len();
    for diagnostic in parsed.diagnostics.iter().chain(&found.diagnostics) {
        let place = diagnostic.location.as_ref().unwrap();
        let line = usize::try_from(place.line).unwrap();
        let end = usize::try_from(place.column).unwrap();
        prop_assert!(line >= 1 && line <= lines, "{diagnostic}");
        prop_assert!(end <= place.text.chars().count() + 1, "{diagnostic}");
        prop_assert!(source.text().contains(&place.text));
        prop_assert!(!place.text.contains(['\n', '\r']));
    }
    for object in &found.objects {
        let decoded = decode::<std::collections::BTreeMap<String, Vec<String>>>(object.node, &limits);
        prop_assert!(decoded.value.is_some() || !decoded.problems.is_empty());
        for problem in decoded.problems {
            prop_assert!(locate(&source, object.node, problem, None).location.unwrap().line >= 1);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in pieces()) {
        check_text(&text)?;
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        match Source::from_bytes("x", bytes) {
            Ok(source) => check_text(source.text())?,
            Err(diagnostic) => prop_assert!(diagnostic.location.is_some()),
        }
    }

    /// What serde_json writes is read as the same value, as JSON and as the YAML that JSON is.
    #[test]
    fn json_is_read_as_it_was_written(value in json(), spaced in any::<bool>()) {
        let text = if spaced { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let text = format!("{{\"a\": {text}}}");
        let source = Source::new("x", text.clone());
        let parsed = parse_documents(&source, &Limits::default());
        prop_assert_eq!(&parsed.diagnostics, &[]);
        let decoded = decode::<serde_json::Value>(parsed.documents[0].root.get("a").unwrap(), &Limits::default());
        prop_assert_eq!(decoded.value, Some(value.clone()));
        let yaml = Source::new("x", format!("# YAML\n{text}"));
        let parsed = parse_documents(&yaml, &Limits::default());
        prop_assert_eq!(&parsed.diagnostics, &[]);
        let decoded = decode::<serde_json::Value>(parsed.documents[0].root.get("a").unwrap(), &Limits::default());
        prop_assert_eq!(decoded.value, Some(value));
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "[ -~é\\n\\t]{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[ -~é]{0,8}", inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Value>()),
        ]
    })
}
