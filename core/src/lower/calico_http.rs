//! HTTP clauses of Calico rules (`spec/calico.md` 4.6).

use super::problems::{Checker, error};
use crate::diagnostic::{Code, Problem};
use crate::model::{Direction, HttpMatch, PathMatch, Protocol, RuleAction};
use crate::resource::calico::{self, HttpPath};

const MAX_ITEMS: usize = 20;
const MAX_PATH: usize = 1024;

/// Checks that the rule may have an HTTP clause. Parts of the rule that are wrong themselves are absent here.
pub(super) fn check_place(
    checker: &mut Checker,
    direction: Direction,
    action: Option<RuleAction>,
    protocol: Option<Protocol>,
) {
    if direction == Direction::Egress {
        let message = "`http` has no meaning in egress rules: requests are inspected where they arrive";
        checker.error(
            Code::InvalidHttp,
            message,
            "move the clause to an ingress rule of a policy for the destination",
        );
    }
    if action.is_some_and(|action| action != RuleAction::Allow) {
        checker.error(
            Code::InvalidHttp,
            "`http` is only for rules with `action: Allow`",
            "allow the requests that are wanted; the others meet the end of the tier",
        );
    }
    if let Some(protocol) = protocol.filter(|protocol| *protocol != Protocol::TCP) {
        checker.error(
            Code::InvalidHttp,
            format!("`http` needs TCP, and this rule is for {protocol}"),
            "write `protocol: TCP`, or leave the protocol out",
        );
    }
}

/// The clause.
pub(super) fn http_match(checker: &mut Checker, http: &calico::HttpMatch) -> HttpMatch {
    checker.at("methods", |checker| {
        checker.at_most(&http.methods, MAX_ITEMS, "methods");
        checker.distinct(&http.methods);
    });
    checker.at("paths", |checker| checker.at_most(&http.paths, MAX_ITEMS, "paths"));
    HttpMatch {
        methods: http.methods.iter().map(|method| method.as_str().into()).collect(),
        paths: checker.each("paths", &http.paths, path),
    }
}

fn path(checker: &mut Checker, path: &HttpPath) -> Option<PathMatch> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (key, text) = match (given(&path.exact), given(&path.prefix)) {
        (Some(exact), None) => ("exact", exact),
        (None, Some(prefix)) => ("prefix", prefix),
        (exact, _) => {
            let message = match exact {
                Some(_) => "`exact` and `prefix` exclude each other",
                None => "a path needs `exact` or `prefix`",
            };
            checker.error(
                Code::InvalidHttp,
                message,
                "write one of the two; several paths are several items",
            );
            return None;
        }
    };
    checker.at(key, |checker| checker.value(check_path(&text)))?;
    Some(if key == "exact" { PathMatch::Exact(text.into()) } else { PathMatch::Prefix(text.into()) })
}

fn check_path(path: &str) -> Result<(), Problem> {
    let length = path.chars().count();
    if length > MAX_PATH {
        let message = format!("a path has at most {MAX_PATH} characters; this one has {length}");
        return Err(error(Code::InvalidLength, message, "use a shorter `prefix`"));
    }
    if !path.starts_with('/') {
        let message = format!("the path `{path}` does not start with `/`");
        return Err(error(Code::InvalidHttp, message, format!("write `/{path}`")));
    }
    if let Some((before, _)) = path.split_once(['?', '#', ' ']) {
        let wrong = path.chars().nth(before.chars().count()).unwrap_or('?');
        return Err(error(
            Code::InvalidHttp,
            format!("the path `{path}` contains `{wrong}`, which no path has"),
            format!("write `{before}`; the query and the fragment are not matched"),
        ));
    }
    Ok(())
}
