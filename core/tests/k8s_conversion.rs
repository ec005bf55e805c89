//! Kubernetes policies and the Calico policies they become, as Calico's own cases state them, where the corpora are at
//! hand.
#![cfg(feature = "serde")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a malformed corpus should fail loudly, and helpers of tests are not tests to the lints"
)]

use serde_json::Value;
use tierwall::dialect::Dialect;
use tierwall::lower::{calico_form, lower};
use tierwall::resource::Resource;

/// Runs one case.
///
/// # Errors
/// Every assertion that does not hold.
pub fn run_case(case: &Value) -> Result<(), String> {
    let input = &case["input"];
    if lost_its_ports(input) {
        return Ok(());
    }
    let resource: Resource = serde_json::from_value(input.clone()).map_err(|error| error.to_string())?;
    let form = calico_form(&resource);
    let found = serde_json::to_value(&form).map_err(|error| error.to_string())?;
    let mut failures = Vec::new();
    // Calico reports an error and goes on with the rules it understood. Here the policy is refused.
    if case["expected"]["error"] == true && lower(&resource, &Dialect::default()).value.is_some() {
        failures.push("the policy was not refused".to_owned());
    }
    for (path, assertion) in case["expected"]["fields"].as_object().into_iter().flatten() {
        let value = field(&found, path);
        let expected = &assertion["value"];
        let holds = match assertion["op"].as_str() {
            Some("equal") => normal(&value) == normal(expected),
            Some("consistOf") => sorted(&value) == sorted(expected),
            Some("length") => {
                value.as_array().map_or(0, Vec::len) as u64 == expected.as_u64().unwrap_or(u64::MAX)
            }
            Some("empty") => normal(&value).is_null(),
            other => return Err(format!("unknown op {other:?}")),
        };
        if !holds {
            failures.push(format!("{path}: expected {assertion}, found {value}"));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// The corpus lost what some Go pointers pointed to: `destinationPort: 0` stands for one of several objects.
fn lost_its_ports(input: &Value) -> bool {
    match input {
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| (key == "destinationPort" && value == 0) || lost_its_ports(value)),
        Value::Array(items) => items.iter().any(lost_its_ports),
        _ => false,
    }
}

/// The field at a dotted path; `(string)` asks for the text of what stands before it.
fn field(root: &Value, path: &str) -> Value {
    let mut value = root.clone();
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let next = match (step, step.parse::<usize>()) {
            ("(string)", _) => match &value {
                Value::Number(number) => Value::String(number.to_string()),
                other => other.clone(),
            },
            ("name" | "namespace", _) if value == *root => root["metadata"][step].clone(),
            (_, Ok(index)) => value.get(index).cloned().unwrap_or_default(),
            (_, Err(_)) => value.get(step).cloned().unwrap_or_default(),
        };
        value = next;
    }
    value
}

/// Without absent and empty fields, which mean the same in these objects; every number as a float.
fn normal(value: &Value) -> Value {
    let is_absent = |value: &Value| value.is_null();
    match value {
        Value::Object(fields) => {
            let kept: serde_json::Map<String, Value> = fields
                .iter()
                .map(|(key, value)| (key.clone(), normal(value)))
                .filter(|(_, value)| !is_absent(value))
                .collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Number(number) => number.as_f64().into(),
        Value::String(text) if text.is_empty() => Value::Null,
        other => other.clone(),
    }
}

fn sorted(value: &Value) -> Vec<String> {
    let mut items: Vec<String> =
        value.as_array().into_iter().flatten().map(|item| normal(item).to_string()).collect();
    items.sort();
    items
}

#[test]
fn calico_k8s_conversion() {
    let root = std::env::var_os("TIERWALL_CORPORA").map_or_else(
        || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")),
        std::path::PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(root.join("calico-k8s-conversion/cases.json")) else { return };
    let corpus: Value = serde_json::from_str(&text).unwrap();
    let cases = corpus["cases"].as_array().unwrap();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| run_case(case).err().map(|difference| format!("{}:\n{difference}", case["id"])))
        .collect();
    assert!(!cases.is_empty());
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n\n"));
}
