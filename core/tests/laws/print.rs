//! What is printed and read again is what it was.

use crate::answer::{answers, contents, told};
use crate::cases;
use crate::generate::{World, asks, world};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write;
use tierwall::cluster::Cluster;
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::resource::Resource;

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_resource_survives_its_json(world in world()) {
        for object in &world.objects {
            let text = serde_json::to_string(object).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Resource>(&text).unwrap(), object);
        }
    }

    #[test]
    fn a_cluster_survives_its_manifests(world in world(), asks in asks()) {
        let objects: Vec<Value> = world.objects.iter().map(|object| serde_json::to_value(object).unwrap()).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let documents: String = objects.iter().map(yaml).collect();
        let expected = told(&world, &asks);
        for (name, text) in [("list.json", list), ("documents.yaml", documents)] {
            let cluster = loaded(&world, name, &text);
            prop_assert_eq!(&(contents(&cluster), answers(&cluster, &asks)), &expected, "{}", text);
        }
    }
}

/// The cluster of a text, with the DNS answers of the world.
fn loaded(world: &World, name: &str, text: &str) -> Cluster {
    let mut cluster = Cluster::with_dialect(world.dialect.clone());
    load(&mut cluster, &[Source::new(name, text)], &LoadOptions::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    world.observe(&mut cluster);
    cluster
}

/// An object as a document of YAML in block style, the words in it without quotes where they need none.
pub(crate) fn yaml(object: &Value) -> String {
    let mut text = String::from("---\n");
    write_block(&mut text, object, 0);
    text
}

fn write_block(text: &mut String, value: &Value, indent: usize) {
    let space = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let _ = write!(text, "{space}{}:", scalar(&Value::from(key.as_str())));
                write_inner(text, field, indent + 2);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(text, "{space}-");
                write_inner(text, item, indent + 2);
            }
        }
        other => {
            let _ = writeln!(text, "{space}{}", scalar(other));
        }
    }
}

fn write_inner(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            write_block(text, value, indent);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write_block(text, value, indent);
        }
        other => {
            let _ = writeln!(text, " {}", scalar(other));
        }
    }
}

fn scalar(value: &Value) -> String {
    const NOT_PLAIN: [&str; 5] = ["true", "false", "null", "y", "n"];
    match value.as_str() {
        Some(word) if is_word(word) && !NOT_PLAIN.contains(&word) => word.to_owned(),
        _ => value.to_string(),
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/'))
}
