//! Types as the resources have them, and what is said of text that does not fit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::*;
use crate::manifest::{Source, locate, parse_documents};

#[derive(Debug, Deserialize, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Policy {
    spec: Spec,
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Spec {
    order: Option<f64>,
    types: Vec<Type>,
    ingress: Vec<Rule>,
    selector: String,
    apply_on_forward: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Type {
    Ingress,
    Egress,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    action: String,
    #[serde(default)]
    source: Option<Side>,
    #[serde(default)]
    destination: Option<Side>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct Side {
    ports: Vec<Port>,
    nets: Vec<String>,
    ttl: u8,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Name(String),
}

fn decoded<T: DeserializeOwned>(text: &str) -> (Option<T>, String) {
    let limits = Limits::default();
    let source = Source::new("x.yaml", text);
    let parsed = parse_documents(&source, &limits);
    assert_eq!(parsed.diagnostics, []);
    let root = &parsed.documents[0].root;
    let Decoded { value, problems, ignored } = decode(root, &limits);
    let mut all = String::new();
    for problem in problems.into_iter().chain(ignored) {
        writeln!(all, "{}\n", locate(&source, root, problem, None)).unwrap();
    }
    (value, all.trim_end().to_owned())
}

#[test]
fn every_problem_is_found_and_the_rest_decoded() {
    let text = "spec:\n  order: ten\n  types: [Ingress, egress, Foo]\n  slector: all()\n  ingress:\n  - action: Allow\n    ports: [53]\n    source:\n      ports: [80, http, 70000]\n      ttl: 300\n  - source: {}\n  - action: Deny\n    destination: {nets: 10.0.0.0/8}\n";
    let (value, problems) = decoded::<Policy>(text);
    let spec = value.unwrap().spec;
    assert_eq!(spec.types, [Type::Ingress]);
    assert_eq!(spec.ingress.len(), 2);
    assert_eq!(
        spec.ingress[0].source.as_ref().unwrap().ports,
        [Port::Number(80), Port::Name("http".to_owned())]
    );
    insta::assert_snapshot!(problems, @r#"
    error[TW0202]: expected a number, found the string "ten"
     --> x.yaml:2:10
      |
    2 |   order: ten
      |          ^^^
      = in spec.order

    error[TW0204]: `egress` is not known here
     --> x.yaml:3:20
      |
    3 |   types: [Ingress, egress, Foo]
      |                    ^^^^^^
      = in spec.types[1]
      = help: did you mean `Egress`?

    error[TW0204]: `Foo` is not known here
     --> x.yaml:3:28
      |
    3 |   types: [Ingress, egress, Foo]
      |                            ^^^
      = in spec.types[2]
      = help: known here are `Ingress` and `Egress`

    error[TW0201]: unknown field `slector`
     --> x.yaml:4:3
      |
    4 |   slector: all()
      |   ^^^^^^^
      = in spec.slector
      = help: did you mean `selector`?

    error[TW0201]: unknown field `ports`
     --> x.yaml:7:5
      |
    7 |     ports: [53]
      |     ^^^^^
      = in spec.ingress[0].ports
      = help: it belongs inside `source` or `destination`, one level deeper

    error[TW0205]: the number `70000` is not valid here
     --> x.yaml:9:25
      |
    9 |       ports: [80, http, 70000]
      |                         ^^^^^
      = in spec.ingress[0].source.ports[2]

    error[TW0208]: the number `300` is out of range: expected a whole number from 0 to 255
      --> x.yaml:10:12
       |
    10 |       ttl: 300
       |            ^^^
       = in spec.ingress[0].source.ttl

    error[TW0203]: the field `action` is missing
      --> x.yaml:11:5
       |
    11 |   - source: {}
       |     ^^^^^^
       = in spec.ingress[1].action

    error[TW0202]: expected a list, found the string "10.0.0.0/8"
      --> x.yaml:13:25
       |
    13 |     destination: {nets: 10.0.0.0/8}
       |                         ^^^^^^^^^^
       = in spec.ingress[2].destination.nets
       = help: write it as an item of a list: `- 10.0.0.0/8`
    "#);
}

#[test]
fn words_that_are_no_strings_must_be_quoted() {
    let text = "metadata:\n  a: yes\n  b: 1.10\n  c:\n  d: [x]\nspec:\n  applyOnForward: \"true\"\n  order: \"5\"\n  ingress:\n  -\n  selector: {}\n";
    insta::assert_snapshot!(decoded::<Policy>(text).1, @r#"
    error[TW0202]: expected a string, found the boolean `yes`
     --> x.yaml:2:6
      |
    2 |   a: yes
      |      ^^^
      = in metadata.a
      = help: YAML reads `yes` as a boolean; quote it: "yes"

    error[TW0202]: expected a string, found the number `1.10`
     --> x.yaml:3:6
      |
    3 |   b: 1.10
      |      ^^^^
      = in metadata.b
      = help: quote it: "1.10"

    error[TW0202]: expected a string, found nothing
     --> x.yaml:4:3
      |
    4 |   c:
      |   ^
      = in metadata.c
      = help: write "" if the empty string is meant

    error[TW0202]: expected a string, found a list
     --> x.yaml:5:3
      |
    5 |   d: [x]
      |   ^
      = in metadata.d
      = help: write it without the `-` or the brackets

    error[TW0202]: expected `true` or `false`, found the string "true"
     --> x.yaml:7:19
      |
    7 |   applyOnForward: "true"
      |                   ^^^^^^
      = in spec.applyOnForward
      = help: remove the quotes: true

    error[TW0202]: expected a number, found the string "5"
     --> x.yaml:8:10
      |
    8 |   order: "5"
      |          ^^^
      = in spec.order
      = help: remove the quotes: 5

    error[TW0202]: this item of the list is empty
      --> x.yaml:10:4
       |
    10 |   -
       |    ^
       = in spec.ingress[0]
       = help: remove its `-`, or write what belongs there

    error[TW0202]: expected a string, found a map
      --> x.yaml:11:3
       |
    11 |   selector: {}
       |   ^^^^^^^^
       = in spec.selector
    "#);
}

#[test]
fn null_fields_are_absent_and_whole_floats_are_integers() {
    let text = "spec:\n  order:\n  types: null\n  selector: ~\n  ingress:\n  - action: Allow\n    source:\n    destination: {ttl: 1e1, ports: [80.0]}\n";
    let (value, problems) = decoded::<Policy>(text);
    assert_eq!(problems, "");
    let destination = Side { ttl: 10, ports: vec![Port::Number(80)], nets: vec![] };
    let rule = Rule { action: "Allow".to_owned(), source: None, destination: Some(destination) };
    assert_eq!(value.unwrap().spec, Spec { ingress: vec![rule], ..Spec::default() });
}

#[test]
fn an_unknown_field_without_a_value_is_found_too() {
    insta::assert_snapshot!(decoded::<Policy>("spec:\n  typs:\n").1, @r"
    error[TW0201]: unknown field `typs`
     --> x.yaml:2:3
      |
    2 |   typs:
      |   ^^^^
      = in spec.typs
      = help: did you mean `types`?
    ");
}

#[test]
fn a_field_that_was_wrong_is_not_missing() {
    let (value, problems) = decoded::<Rule>("action: [Allow]\nsource: {ttl: x}\n");
    assert_eq!(value, None);
    insta::assert_snapshot!(problems, @r#"
    error[TW0202]: expected a string, found a list
     --> x.yaml:1:1
      |
    1 | action: [Allow]
      | ^^^^^^
      = in action
      = help: write it without the `-` or the brackets

    error[TW0202]: expected a whole number from 0 to 255, found the string "x"
     --> x.yaml:2:15
      |
    2 | source: {ttl: x}
      |               ^
      = in source.ttl
    "#);
}

#[test]
fn ignored_fields_are_told() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Pod {
        node_name: String,
    }
    let (value, problems) = decoded::<Pod>("nodeName: n\nnodename: x\ncontainers: [{}]\n");
    assert_eq!(value, Some(Pod { node_name: "n".to_owned() }));
    insta::assert_snapshot!(problems, @r"
    warning[TW0201]: unknown field `nodename`
     --> x.yaml:2:1
      |
    2 | nodename: x
      | ^^^^^^^^
      = in nodename
      = help: did you mean `nodeName`?

    warning[TW0201]: unknown field `containers`
     --> x.yaml:3:1
      |
    3 | containers: [{}]
      | ^^^^^^^^^^
      = in containers
      = help: only `nodeName` is known here
    ");
}

#[test]
fn flattened_fields_may_be_null() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Outer {
        name: String,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        order: Option<u32>,
        items: Vec<String>,
    }
    let (value, problems) = decoded::<Outer>("name: x\norder:\nitems: [a]\n");
    assert_eq!(problems, "");
    assert_eq!(
        value,
        Some(Outer { name: "x".to_owned(), inner: Inner { order: None, items: vec!["a".to_owned()] } })
    );
}

#[test]
fn enums_may_be_maps_of_one_key() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    enum Match {
        Tcp { port: u16 },
        Named(String),
        Any,
    }
    let text = "- tcp: {port: 80}\n- named: http\n- any\n- any:\n- tcp: {port: x}\n- {}\n- 5\n- udp: {}\n";
    let (value, problems) = decoded::<Vec<Match>>(text);
    assert_eq!(
        value.unwrap(),
        [Match::Tcp { port: 80 }, Match::Named("http".to_owned()), Match::Any, Match::Any]
    );
    insta::assert_snapshot!(problems, @r#"
    error[TW0202]: expected a whole number from 0 to 65535, found the string "x"
     --> x.yaml:5:15
      |
    5 | - tcp: {port: x}
      |               ^
      = in [4].tcp.port

    error[TW0207]: there are 0 here: expected a map with exactly one key
     --> x.yaml:6:3
      |
    6 | - {}
      |   ^^
      = in [5]

    error[TW0202]: expected one of `tcp`, `named`, `any`, found the number `5`
     --> x.yaml:7:3
      |
    7 | - 5
      |   ^
      = in [6]

    error[TW0204]: `udp` is not known here
     --> x.yaml:8:3
      |
    8 | - udp: {}
      |   ^^^
      = in [7].udp
      = help: known here are `tcp`, `named` and `any`
    "#);
}

#[test]
fn misplaced_fields_are_led_home() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Peer {
        #[serde(rename = "podSelector")]
        _pods: Option<Selector>,
        #[serde(rename = "ipBlock")]
        _block: Option<BTreeMap<String, String>>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Selector {
        #[serde(rename = "matchLabels")]
        _labels: Option<BTreeMap<String, String>>,
        #[serde(rename = "matchExpressions")]
        _expressions: Option<Vec<String>>,
    }
    let text = "cidr: 10.0.0.0/8\npodSelector: {app: web, matchLabel: {}}\n";
    insta::assert_snapshot!(decoded::<Peer>(text).1, @r"
    error[TW0201]: unknown field `cidr`
     --> x.yaml:1:1
      |
    1 | cidr: 10.0.0.0/8
      | ^^^^
      = in cidr
      = help: it belongs inside `ipBlock`

    error[TW0201]: unknown field `app`
     --> x.yaml:2:15
      |
    2 | podSelector: {app: web, matchLabel: {}}
      |               ^^^
      = in podSelector.app
      = help: labels belong inside `matchLabels`, one level deeper

    error[TW0201]: unknown field `matchLabel`
     --> x.yaml:2:25
      |
    2 | podSelector: {app: web, matchLabel: {}}
      |                         ^^^^^^^^^^
      = in podSelector.matchLabel
      = help: did you mean `matchLabels`?
    ");
}

#[test]
fn problems_of_one_object_are_limited() {
    let text = format!("[{}]", "x, ".repeat(500));
    let source = Source::new("x", text);
    let limits = Limits::default();
    let parsed = parse_documents(&source, &limits);
    let decoded = decode::<Vec<u8>>(&parsed.documents[0].root, &limits);
    assert_eq!((decoded.value, decoded.problems.len()), (None, 101));
}

#[test]
fn a_part_of_a_string_is_located_where_it_stands() {
    let source = Source::new("x", "a: 'é == b'\nb: \"x\\ty\"\n");
    let parsed = parse_documents(&source, &Limits::default());
    let place = |field: &'static str, span| {
        let problem = Problem::error(Code::InvalidSelector, FieldPath::root().key(field), "").with_span(span);
        let place = locate(&source, &parsed.documents[0].root, problem, None).location.unwrap();
        (place.line, place.column, place.width)
    };
    assert_eq!(place("a", 3..5), (1, 7, 2));
    assert_eq!(place("b", 1..2), (2, 4, 6));
    assert_eq!(place("c", 1..2), (1, 1, 1));
}
