//! What Calico's validator and the schemas of its CRDs accept, as Calico's own cases state it, where the corpora are at
//! hand.
#![cfg(feature = "serde")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a malformed corpus should fail loudly, and helpers of tests are not tests to the lints"
)]

use serde_json::{Value, json};
use std::path::PathBuf;
use tierwall::dialect::Dialect;
use tierwall::lower::lower;
use tierwall::resource::Resource;

#[test]
fn calico_validators() {
    let Some(cases) = corpus("calico-validators") else { return };
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| run_case(case).err().map(|difference| format!("{}: {difference}", case["id"])))
        .collect();
    assert!(!cases.is_empty());
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// The cases of a corpus; none where the corpora are not at hand.
fn corpus(name: &str) -> Option<Vec<Value>> {
    let root = std::env::var_os("TIERWALL_CORPORA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(root.join(name).join("cases.json")).ok()?;
    let document: Value = serde_json::from_str(&text).unwrap();
    Some(document["cases"].as_array().unwrap().clone())
}

/// Runs one case: the resource, or the smallest object around the fragment, is accepted or refused.
///
/// # Errors
/// The difference.
pub fn run_case(case: &Value) -> Result<(), String> {
    let (kind, resource) = (case["kind"].as_str().unwrap(), &case["resource"]);
    let object = if case["fragment"] == true {
        enclose(kind, resource).ok_or_else(|| format!("unknown fragment {kind}"))?
    } else {
        resource.clone()
    };
    let problems = problems(object);
    match (case["valid"] == true, problems.is_empty()) {
        (true, false) => Err(format!("refused: {}", problems.join("; "))),
        (false, true) => Err("accepted".to_owned()),
        _ => Ok(()),
    }
}

/// Why the object is refused; nothing if it is accepted.
fn problems(object: Value) -> Vec<String> {
    match serde_json::from_value::<Resource>(object) {
        Ok(resource) => lower(&resource, &Dialect::default()).errors().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// The smallest object that holds the fragment and is valid if the fragment is.
fn enclose(kind: &str, fragment: &Value) -> Option<Value> {
    if let Some(kind) = kind.strip_suffix("Spec") {
        return Some(object(kind, fragment.clone()));
    }
    Some(match kind {
        "Rule" => policy(fragment.clone()),
        "RuleMetadata" => policy(json!({ "action": "Allow", "metadata": fragment })),
        "EntityRule" => policy(json!({ "action": "Allow", "protocol": "TCP", "source": fragment })),
        "ICMPFields" => policy(json!({ "action": "Allow", "protocol": "ICMP", "icmp": fragment })),
        "HTTPMatch" => policy(json!({ "action": "Allow", "protocol": "TCP", "http": fragment })),
        "WorkloadEndpointPort" => {
            object("WorkloadEndpoint", json!({ "interfaceName": "cali0", "ports": [fragment] }))
        }
        "EndpointPort" => {
            object("HostEndpoint", json!({ "node": "n", "interfaceName": "eth0", "ports": [fragment] }))
        }
        _ => return None,
    })
}

/// A policy with one rule, in the direction that the rule is for.
fn policy(rule: Value) -> Value {
    let direction = if rule["destination"]["services"].is_null() { "ingress" } else { "egress" };
    object("NetworkPolicy", json!({ direction: [rule] }))
}

fn object(kind: &str, spec: Value) -> Value {
    json!({ "apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": { "name": "x" }, "spec": spec })
}
