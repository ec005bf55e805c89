//! A selector that parses prints as text that parses to one of the same meaning.

use std::collections::BTreeMap;
use tierwall::selector::{Selector, tokenize};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let tokens = tokenize(text);
    let parsed = match Selector::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{error:?} is not of {text:?}");
            return;
        }
    };
    assert!(tokens.is_ok(), "{text:?} parses, but has no tokens");
    let printed = parsed.to_string();
    let again =
        Selector::parse(&printed).unwrap_or_else(|error| panic!("{printed:?}, of {text:?}: {error:?}"));
    // `!(!(x))` prints as `!!x`, as Calico does, which parses as `x`: from there on the text stays as it is.
    let canonical = again.to_string();
    assert_eq!(
        Selector::parse(&canonical).map(|selector| selector.to_string()),
        Ok(canonical),
        "of {text:?}"
    );
    for labels in [&[][..], &[("a", "")], &[("a", "b")], &[("a", "a"), ("b", "xb")]] {
        let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
        assert_eq!(again.matches(&labels), parsed.matches(&labels), "{text:?} on {labels:?}");
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        "",
        "all()",
        "global()",
        "has(a) && !has(b.c/d-e_f)",
        "a == 'b' || a != \"c\"",
        "a in {'b', \"c\",} && a not in {}",
        "a notin {'x'} && (b contains 'c' || b starts with 'd' || b ends with 'e')",
        "!(!(a == 'v' && has(t) || all()) && (b in {'b', 'c'}))",
        "a startswith '\"'",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
