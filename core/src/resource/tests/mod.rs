//! The JSON of every kind: laws that hold for each field of each full sample, then single cases.

mod cases;

use super::{Kind, Lookup, Resource};
use serde_json::{Map, Value, json};

/// One object of every kind, each field of it in use, as it is written.
fn samples() -> Vec<Value> {
    serde_json::from_str(include_str!("samples.json")).unwrap()
}

fn kind_of(object: &Value) -> Kind {
    match Kind::from_api(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()) {
        Lookup::Known(kind) => kind,
        other => panic!("{object}: {other:?}"),
    }
}

/// The kinds of which an unknown field is an error.
fn is_strict(kind: Kind) -> bool {
    kind.is_policy() || kind.group() == "projectcalico.org"
}

fn read(object: &Value) -> Result<Resource, String> {
    kind_of(object).deserialize(object).map_err(|error| error.to_string())
}

/// Maps whose keys are the user's, such as labels.
fn is_free(pointer: &str) -> bool {
    ["/labels", "/annotations", "/matchLabels", "/labelsToApply", "/spec/selector"]
        .iter()
        .any(|end| pointer.ends_with(end))
}

/// The JSON pointers of all maps of the API's own fields in `value`.
fn maps(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !is_free(&pointer) => {
            for (key, field) in fields {
                maps(field, format!("{pointer}/{key}"), found);
            }
            found.push(pointer);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                maps(item, format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// `object` after `change` of the map at `pointer`.
fn changed(object: &Value, pointer: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Value {
    let mut object = object.clone();
    change(object.pointer_mut(pointer).unwrap().as_object_mut().unwrap());
    object
}

/// Calls `check` with every sample and the pointer of each of its maps.
fn for_each_map(mut check: impl FnMut(&Value, &str)) {
    for sample in samples() {
        let mut pointers = Vec::new();
        maps(&sample, String::new(), &mut pointers);
        pointers.iter().for_each(|pointer| check(&sample, pointer));
    }
}

#[test]
fn every_kind_has_a_sample() {
    let kinds: Vec<Kind> = samples().iter().map(kind_of).collect();
    assert_eq!(kinds, Kind::ALL);
}

#[test]
fn what_is_read_is_written_again() {
    for sample in samples() {
        let resource = read(&sample).unwrap();
        assert_eq!(serde_json::to_value(&resource).unwrap(), sample);
        assert_eq!(serde_json::from_value::<Resource>(sample).unwrap(), resource);
    }
}

#[test]
fn null_is_the_same_as_absent() {
    for_each_map(|sample, pointer| {
        for key in sample.pointer(pointer).unwrap().as_object().unwrap().keys() {
            let kind = kind_of(sample);
            let null = changed(sample, pointer, |map| drop(map.insert(key.clone(), Value::Null)));
            let absent = changed(sample, pointer, |map| drop(map.remove(key)));
            let null =
                kind.deserialize(&null).unwrap_or_else(|error| panic!("{kind}{pointer}/{key}: {error}"));
            assert_eq!(null, kind.deserialize(&absent).unwrap(), "{kind}{pointer}/{key}");
        }
    });
}

#[test]
fn an_unknown_field_is_an_error_anywhere_in_a_policy_and_ignored_in_the_inventory() {
    for_each_map(|sample, pointer| {
        let object = changed(sample, pointer, |map| drop(map.insert("bogus".into(), json!([{"a": 1}]))));
        let result = read(&object);
        if is_strict(kind_of(sample)) {
            let message = result.expect_err(pointer);
            assert!(message.starts_with("unknown field `bogus`, expected "), "{pointer}: {message}");
        } else {
            assert_eq!(result, read(sample), "{pointer}");
        }
    });
}

#[test]
fn a_value_of_another_type_is_an_error() {
    for_each_map(|sample, pointer| {
        for (key, value) in sample.pointer(pointer).unwrap().as_object().unwrap() {
            let wrong = match value {
                Value::Bool(_) => json!("true"),
                _ => json!(true),
            };
            let object = changed(sample, pointer, |map| drop(map.insert(key.clone(), wrong)));
            let result = kind_of(sample).deserialize(&object);
            assert!(result.is_err(), "{}{pointer}/{key}: {result:?}", kind_of(sample));
        }
    });
}
