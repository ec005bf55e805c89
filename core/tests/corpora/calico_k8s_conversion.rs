//! Kubernetes policies and the Calico policies they become, as Calico's own cases state them.
//!
//! Two things are checked: the Calico policy that the converter writes, and that Calico's lowering of it, with the rules
//! that the case states, is the same normal form as that of the Kubernetes policy.

use crate::support::{Outcome, list, run_cases};
use serde_json::{Map, Value, json};
use std::path::Path;
use tierwall::diagnostic::{Code, Problem};
use tierwall::dialect::Dialect;
use tierwall::lower::{Lowered, calico_form, lower};
use tierwall::model::{Direction, Policy, RuleOrigin};
use tierwall::resource::Resource;

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |_, case| check(case))
}

fn check(case: &Value) -> Result<(), String> {
    let expected = &case["expected"];
    let resource = read(&with_lost_ports(case))?;
    let form = calico_form(&resource);
    let written = serde_json::to_value(&form).map_err(|error| error.to_string())?;
    let mut failures = Vec::new();
    for (path, assertion) in expected["fields"].as_object().into_iter().flatten() {
        if !holds(&field(&written, path), assertion)? {
            failures.push(format!("{path}: expected {assertion}, found {}", field(&written, path)));
        }
    }
    let lowering = lower(&resource, &Dialect::default());
    let problems: Vec<&Problem> = lowering.errors().collect();
    match &lowering.value {
        // Calico reports an error and goes on with the rules it understood. Here the policy is refused, unless what
        // Calico did not understand is a peer that it lacks.
        Some(_) if expected["error"] == true => {
            let understood = has_peer_that_calico_lacks(&case["input"]);
            failures.extend((!understood).then(|| "the policy was not refused".to_owned()));
        }
        Some(Lowered::Policy(policy)) => {
            failures.extend(equals_calico_policy(policy, &written, expected).err());
        }
        Some(_) => failures.extend(form.is_some().then(|| "it has no normal form".to_owned())),
        // A policy without a subject is ignored by Calico and refused here.
        None => {
            let refused = expected["error"] == true
                || form.is_none()
                || problems.iter().all(|problem| never_stored(problem));
            failures.extend((!refused).then(|| format!("refused: {problems:?}")));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n    ")) }
}

fn read(json: &Value) -> Result<Resource, String> {
    serde_json::from_value(json.clone()).map_err(|error| format!("{json}: {error}"))
}

fn has_peer_that_calico_lacks(json: &Value) -> bool {
    match json {
        Value::Object(fields) => fields.iter().any(|(field, value)| {
            ["nodes", "domainNames"].contains(&field.as_str()) || has_peer_that_calico_lacks(value)
        }),
        Value::Array(items) => items.iter().any(has_peer_that_calico_lacks),
        _ => false,
    }
}

/// Whether the API server of Kubernetes refuses the policy, so that Calico never converts it outside of its tests.
fn never_stored(problem: &Problem) -> bool {
    match problem.code {
        Code::InvalidCidr => problem.path.to_string().contains(".except["),
        Code::MissingField => problem.path.to_string() == "spec.priority",
        _ => false,
    }
}

fn holds(found: &Value, assertion: &Value) -> Result<bool, String> {
    let expected = &assertion["value"];
    Ok(match assertion["op"].as_str() {
        Some("equal") => normal(found) == normal(expected),
        Some("consistOf") => sorted(found) == sorted(expected),
        Some("length") => {
            found.as_array().map_or(0, Vec::len) as u64 == expected.as_u64().unwrap_or(u64::MAX)
        }
        Some("empty") => normal(found).is_null(),
        other => return Err(format!("unknown op {other:?}")),
    })
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
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), normal(value)));
            let kept: Map<String, Value> = fields.filter(|(_, value)| !value.is_null()).collect();
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

/// The policy has the subject and rules of the Calico policy it becomes. Where the case states all rules of a direction,
/// those are taken.
fn equals_calico_policy(policy: &Policy, written: &Value, expected: &Value) -> Result<(), String> {
    let mut stated = written.clone();
    for (direction, name) in [(Direction::Ingress, "ingress"), (Direction::Egress, "egress")] {
        let rules = &expected["fields"][format!("spec.{name}")]["value"];
        if rules.is_array() && policy.rules(direction).is_some() {
            stated["spec"][name] = rules.clone();
        }
    }
    let lowering = lower(&read(&stated)?, &Dialect::default());
    let Some(Lowered::Policy(calico)) = &lowering.value else {
        // Calico writes ranges of both families into one rule, which it does not take from anyone else.
        let problems: Vec<&Problem> = lowering.errors().collect();
        let expressible = problems.iter().any(|problem| problem.code != Code::IpVersionConflict);
        return if expressible { Err(format!("the Calico policy is refused: {problems:?}")) } else { Ok(()) };
    };
    if policy.subject.to_string() != calico.subject.to_string() {
        return Err(format!("subject {}, of the Calico policy {}", policy.subject, calico.subject));
    }
    for direction in [Direction::Ingress, Direction::Egress] {
        let (ours, theirs) = (rules(policy, direction), rules(calico, direction));
        if ours != theirs {
            return Err(format!("{direction} {ours:#?}, of the Calico policy {theirs:#?}"));
        }
    }
    Ok(())
}

/// The rules in any order, without where they came from; none for a direction that is not governed.
fn rules(policy: &Policy, direction: Direction) -> Option<Vec<String>> {
    let mut rules = policy.rules(direction)?.to_vec();
    // A cluster-wide policy without rules governs nothing, or what the end of its tier passes: it is the same.
    if rules.is_empty() && policy.key.namespace.is_none() {
        return None;
    }
    for rule in &mut rules {
        rule.origin = RuleOrigin::default();
        // Domains of network sets: Calico Enterprise has them, for its own policies only.
        (rule.source.set_domains, rule.destination.set_domains) = (false, false);
    }
    let mut texts: Vec<String> = rules.iter().map(|rule| format!("{rule:?}")).collect();
    texts.sort();
    Some(texts)
}

/// The input with the ports that the corpus lost: Go pointers became `destinationPort: 0`. They are those of the
/// expected rule of the same name, or at the same place; a rule that was not expected to survive had invalid ones.
fn with_lost_ports(case: &Value) -> Value {
    let mut input = case["input"].clone();
    for direction in ["ingress", "egress"] {
        for (position, rule) in items(input.get_mut("spec"), direction).enumerate() {
            let name = rule["name"].clone();
            for protocol in ["tcp", "udp", "sctp"] {
                let mut ports = expected_ports(case, direction, position, &name, protocol).into_iter();
                for entry in items(Some(&mut *rule), "protocols") {
                    if entry[protocol]["destinationPort"] == 0 {
                        let port = ports.next().unwrap_or_else(|| json!({ "number": 0 }));
                        entry[protocol]["destinationPort"] = port;
                    }
                }
            }
        }
    }
    input
}

fn items<'a>(object: Option<&'a mut Value>, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = object.and_then(|object| object.get_mut(field)).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn expected_ports(
    case: &Value,
    direction: &str,
    position: usize,
    name: &Value,
    protocol: &str,
) -> Vec<Value> {
    let fields = &case["expected"]["fields"];
    let is_of_rule = |rule: &&Value| {
        rule["metadata"]["annotations"]["name"] == *name && rule["protocol"] == protocol.to_uppercase()
    };
    let by_name = list(&fields[format!("spec.{direction}")], "value").iter().find(is_of_rule);
    let by_place = &fields[format!("spec.{direction}.{position}.destination.ports")]["value"];
    let ports = by_name.map_or(by_place, |rule| &rule["destination"]["ports"]);
    ports.as_array().into_iter().flatten().map(port).collect()
}

/// A port of Calico, `80` or `"2000:3000"`, as a ClusterNetworkPolicy writes it.
fn port(calico: &Value) -> Value {
    match calico.as_str().and_then(|text| text.split_once(':')) {
        Some((start, end)) => json!({ "range": { "start": number(start), "end": number(end) } }),
        None => json!({ "number": calico }),
    }
}

fn number(text: &str) -> Option<u16> {
    text.parse().ok()
}
