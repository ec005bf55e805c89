//! What Calico's validator and the schemas of its CRDs accept, as Calico's own cases state it.

use crate::support::{Outcome, run_cases, text};
use serde_json::{Value, json};
use std::path::Path;
use tierwall::dialect::Dialect;
use tierwall::lower::lower;
use tierwall::resource::Resource;

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |_, case| check(case))
}

/// The resource, or the smallest object around the fragment, is accepted or refused.
fn check(case: &Value) -> Result<(), String> {
    let (kind, resource) = (text(case, "kind"), &case["resource"]);
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
        return Some(object(kind, fragment));
    }
    let http = |http: &Value| policy(&json!({ "action": "Allow", "protocol": "TCP", "http": http }));
    let source = |source: &Value| policy(&json!({ "action": "Allow", "protocol": "TCP", "source": source }));
    Some(match kind {
        "Rule" => policy(fragment),
        "RuleMetadata" => policy(&json!({ "action": "Allow", "metadata": fragment })),
        "EntityRule" => source(fragment),
        "ServiceMatch" => source(&json!({ "services": fragment })),
        "ServiceAccountMatch" => source(&json!({ "serviceAccounts": fragment })),
        "ICMPFields" => policy(&json!({ "action": "Allow", "protocol": "ICMP", "icmp": fragment })),
        "HTTPMatch" => http(fragment),
        "HTTPPath" => http(&json!({ "paths": [fragment] })),
        "WorkloadEndpointPort" => {
            object("WorkloadEndpoint", &json!({ "interfaceName": "cali0", "ports": [fragment] }))
        }
        "EndpointPort" => {
            object("HostEndpoint", &json!({ "node": "n", "interfaceName": "eth0", "ports": [fragment] }))
        }
        _ => return None,
    })
}

/// A policy with one rule, in the direction that the rule is for.
fn policy(rule: &Value) -> Value {
    let direction = if rule["destination"]["services"].is_null() { "ingress" } else { "egress" };
    object("NetworkPolicy", &json!({ direction: [rule] }))
}

fn object(kind: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": { "name": "x" }, "spec": spec })
}
