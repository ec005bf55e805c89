//! Manifests: YAML and JSON text to typed resources, with the position of every problem.
//!
//! The way of a text: [`read`] or [`Source::new`] give a [`Source`]; [`parse_documents`] makes marked trees of it
//! ([`Node`]); [`objects`] takes lists apart; [`decode`] makes any serde type of an object and finds everything that
//! does not fit; [`locate`] joins a problem with its place in the text.
//!
//! ```
//! use tierwall::limits::Limits;
//! use tierwall::manifest::{Source, decode, locate, objects, parse_documents};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Pod { #[serde(rename = "apiVersion")] api_version: String, kind: String, metadata: Metadata }
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Metadata { name: String }
//!
//! let limits = Limits::default();
//! let source = Source::new("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  nmae: a\n");
//! let parsed = parse_documents(&source, &limits);
//! let found = objects(&source, &parsed.documents, &limits);
//! let object = &found.objects[0];
//! let decoded = decode::<Pod>(object.node, &limits);
//! assert!(decoded.value.is_none());
//! let diagnostic = locate(&source, object.node, decoded.problems[0].clone(), Some(object.label()));
//! assert_eq!(diagnostic.help.as_deref(), Some("did you mean `name`?"));
//! assert_eq!(diagnostic.location.map(|place| (place.line, place.column)), Some((4, 3)));
//! ```

mod decode;
mod files;
mod hints;
mod indent;
mod json;
mod load;
mod locate;
mod node;
mod objects;
mod parse;
mod repair;
mod scalar;
mod source;
#[cfg(test)]
mod tests;
mod yaml;

pub(crate) use decode::decode_resource;
pub use decode::{Decoded, decode};
pub use files::{Read, read};
pub use load::{LoadError, LoadOptions, LoadReport, OnInvalid, load, load_paths};
pub use locate::locate;
pub use node::{Entry, Key, Node, Span, Value};
pub use objects::{Object, Objects, objects};
pub use parse::{Document, Parsed, parse_documents};
pub use source::Source;
