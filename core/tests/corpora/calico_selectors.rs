//! Calico's own selector cases, one function per kind of case.

use crate::support::{Outcome, expect, run_cases};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha224};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tierwall::selector::{Selector, SelectorError, TokenKind, tokenize};

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |_, case| check(case))
}

fn check(case: &Value) -> Result<(), String> {
    match case["kind"].as_str() {
        Some("eval") => eval(case),
        Some("invalid") => invalid(case),
        Some("canonical") => canonical(case),
        Some("rewrite") => rewrite(case),
        Some("restriction") => restriction(case),
        Some("tokens") => tokens(case),
        other => Err(format!("unknown kind {other:?}")),
    }
}

fn eval(case: &Value) -> Result<(), String> {
    let labels: BTreeMap<String, String> = serde_json::from_value(case["labels"].clone()).unwrap();
    expect(&parse(case)?.matches(&labels), &case["expected"].as_bool().unwrap())
}

fn invalid(case: &Value) -> Result<(), String> {
    match Selector::parse(case["expr"].as_str().unwrap()) {
        Ok(selector) => Err(format!("accepted as {selector}")),
        Err(_) => Ok(()),
    }
}

fn canonical(case: &Value) -> Result<(), String> {
    let printed = parse(case)?.to_string();
    expect(printed.as_str(), case["canonical"].as_str().unwrap())?;
    let again = Selector::parse(&printed).map_err(|error| error.to_string())?;
    expect(&again.to_string(), &printed)?;
    match case["calicoUniqueId"].as_str() {
        Some(id) => expect(unique_id(&printed).as_str(), id),
        None => Ok(()),
    }
}

fn unique_id(canonical: &str) -> String {
    format!("s:{}", URL_SAFE_NO_PAD.encode(Sha224::digest(format!("s:{canonical}"))))
}

fn rewrite(case: &Value) -> Result<(), String> {
    let rewritten = parse(case)?.with_label_prefix(case["prefix"].as_str().unwrap());
    expect(rewritten.to_string().as_str(), case["result"].as_str().unwrap())
}

fn restriction(case: &Value) -> Result<(), String> {
    type Demand = (bool, bool, Option<BTreeSet<String>>);
    let expected: BTreeMap<String, Demand> = case["restrictions"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, demand)| {
            let flag = |name: &str| demand[name].as_bool().unwrap_or(false);
            let values = serde_json::from_value(demand["mustHaveOneOfValues"].clone()).unwrap();
            (key.clone(), (flag("mustBePresent"), flag("mustBeAbsent"), values))
        })
        .collect();
    let found: BTreeMap<String, Demand> = parse(case)?
        .restrictions()
        .into_iter()
        .map(|(key, demand)| {
            let values = demand.one_of.map(|values| values.iter().map(|v| v.to_string()).collect());
            (key.to_string(), (demand.must_be_present, demand.must_be_absent, values))
        })
        .collect();
    expect(&found, &expected)
}

fn tokens(case: &Value) -> Result<(), String> {
    let found = tokenize(case["input"].as_str().unwrap()).map(|tokens| {
        let named = tokens.iter().map(|token| calico_token(token.kind));
        named.chain([("TokEOF", None)]).map(|(kind, value)| (kind.into(), value.map(String::from))).collect()
    });
    match (case["expected"].as_array(), found) {
        (None, Err(SelectorError { .. })) => Ok(()),
        (None, Ok(tokens)) => Err(format!("accepted as {tokens:?}")),
        (Some(_), Err(error)) => Err(error.to_string()),
        (Some(expected), Ok(found)) => {
            let expected: Vec<(String, Option<String>)> = expected
                .iter()
                .map(|token| {
                    (token["kind"].as_str().unwrap().into(), token["value"].as_str().map(String::from))
                })
                .collect();
            expect(&found, &expected)
        }
    }
}

/// Calico's name of a token, and its value.
fn calico_token(kind: TokenKind<'_>) -> (&'static str, Option<&str>) {
    match kind {
        TokenKind::Label(label) => ("TokLabel", Some(label)),
        TokenKind::String(value) => ("TokStringLiteral", Some(value)),
        TokenKind::LeftBrace => ("TokLBrace", None),
        TokenKind::RightBrace => ("TokRBrace", None),
        TokenKind::Comma => ("TokComma", None),
        TokenKind::Equals => ("TokEq", None),
        TokenKind::NotEquals => ("TokNe", None),
        TokenKind::In => ("TokIn", None),
        TokenKind::NotIn => ("TokNotIn", None),
        TokenKind::Contains => ("TokContains", None),
        TokenKind::StartsWith => ("TokStartsWith", None),
        TokenKind::EndsWith => ("TokEndsWith", None),
        TokenKind::Not => ("TokNot", None),
        TokenKind::And => ("TokAnd", None),
        TokenKind::Or => ("TokOr", None),
        TokenKind::LeftParen => ("TokLParen", None),
        TokenKind::RightParen => ("TokRParen", None),
        TokenKind::Has(label) => ("TokHas", Some(label)),
        TokenKind::All => ("TokAll", None),
        TokenKind::Global => ("TokGlobal", None),
    }
}

fn parse(case: &Value) -> Result<Selector, String> {
    let text = case["expr"].as_str().unwrap();
    Selector::parse(text).map_err(|error| format!("{text:?} refused {error}"))
}
