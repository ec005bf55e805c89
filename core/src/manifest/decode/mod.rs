//! A tree to any serde type, with every problem found.
//!
//! serde stops at the first error. So after an error the value it is about is left out, and decoding starts again, until
//! nothing is wrong any more: every attempt finds one problem. Objects are small and mostly right, so this is cheap.

mod deserializer;
mod error;
mod message;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::DeserializeOwned;

use self::deserializer::Attempt;
use self::error::{DecodeError, Kind, Place};
use super::node::{Key, Node, Value};
use crate::diagnostic::{Code, FieldPath, Problem, Segment};
use crate::limits::Limits;
use crate::resource::Resource;

/// What decoding made of a tree.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The value. If there are problems, what they are about is left out of it, and a value that lacks something
    /// required is not there at all; it then serves to find more problems, not to be used.
    pub value: Option<T>,
    /// What does not fit the type, all of them errors, in the order they were found.
    pub problems: Vec<Problem>,
    /// Fields that the type does not have and does not refuse either, as warnings.
    pub ignored: Vec<Problem>,
}

/// Decodes `node` into `T`.
///
/// As in Kubernetes, a field that is null is absent, and a number such as `80.0` is a whole number. Unlike there, a null
/// among the items of a list or the values of a map of strings is refused: it is always a mistake.
pub fn decode<T: DeserializeOwned>(node: &Node<'_>, limits: &Limits) -> Decoded<T> {
    decode_by(node, limits, |attempt| T::deserialize(attempt))
}

/// Decodes `node` into a resource of a kind; see [`decode`].
pub(crate) fn decode_resource(
    node: &Node<'_>,
    kind: crate::resource::Kind,
    limits: &Limits,
) -> Decoded<Resource> {
    decode_by(node, limits, |attempt| kind.deserialize(attempt))
}

fn decode_by<T>(
    node: &Node<'_>,
    limits: &Limits,
    read: impl Fn(Attempt<'_, '_, '_>) -> Result<T, DecodeError>,
) -> Decoded<T> {
    let mut pruned = HashSet::new();
    let mut problems = Vec::new();
    loop {
        let ignored = RefCell::new(Vec::new());
        let error = match read(Attempt::root(node, &pruned, &ignored)) {
            Ok(value) => {
                let ignored = ignored.into_inner().into_iter().take(limits.max_problems_per_object);
                let ignored = ignored.filter_map(|field| message::ignored(node, field)).collect();
                return Decoded { value: Some(value), problems, ignored };
            }
            Err(error) => error,
        };
        let place = error.place.unwrap_or(Place::of_node(node));
        if !pruned.contains(&place) && !follows_from_pruning(node, &error, place, &pruned) {
            problems.extend(message::problem(node, &error, place));
        }
        let exhausted = problems.len() >= limits.max_problems_per_object;
        if exhausted {
            problems.push(too_many(limits));
        }
        if exhausted || !prune(node, place, &mut pruned) {
            return Decoded { value: None, problems, ignored: Vec::new() };
        }
    }
}

/// Leaves out what is at `place`. If it is left out already and still in the way, because it is what a variant holds, the
/// value around it must go. False if that is the whole.
fn prune(root: &Node<'_>, place: Place, pruned: &mut HashSet<Place>) -> bool {
    let mut place = place;
    while place != Place::of_node(root) {
        if pruned.insert(place) {
            return true;
        }
        let around = find(root, place).and_then(|found| match found.path.segments() {
            [around @ .., _] => root.at(&around.iter().cloned().collect()),
            [] => None,
        });
        match around {
            Some(around) => place = Place::of_node(around),
            None => return false,
        }
    }
    false
}

fn too_many(limits: &Limits) -> Problem {
    let message = format!("more than {} problems in this object", limits.max_problems_per_object);
    Problem::error(Code::LimitExceeded, FieldPath::root(), message).with_help("repair these first")
}

/// True if a field is missing only because its value was wrong and left out.
fn follows_from_pruning(root: &Node<'_>, error: &DecodeError, place: Place, pruned: &HashSet<Place>) -> bool {
    let Kind::MissingField(field) = error.kind else { return false };
    let Some(Found { path, .. }) = find(root, place) else { return false };
    let Some(Value::Map(entries)) = root.at(&path).map(|node| &node.value) else { return false };
    entries.iter().any(|entry| {
        entry.key.name == field
            && (pruned.contains(&Place::of_key(&entry.key)) || pruned.contains(&Place::of_node(&entry.value)))
    })
}

/// A node or key of a tree, found again by its place.
struct Found<'n, 's> {
    path: FieldPath,
    node: &'n Node<'s>,
}

/// Searches the whole tree: errors are rare, so decoding itself keeps no path.
fn find<'n, 's>(root: &'n Node<'s>, place: Place) -> Option<Found<'n, 's>> {
    let mut steps = Vec::new();
    let node = walk(root, place, &mut steps)?;
    Some(Found { path: steps.into_iter().collect(), node })
}

fn walk<'n, 's>(node: &'n Node<'s>, place: Place, steps: &mut Vec<Segment>) -> Option<&'n Node<'s>> {
    if Place::of_node(node) == place {
        return Some(node);
    }
    match &node.value {
        Value::Seq(items) => items.iter().enumerate().find_map(|(index, item)| {
            steps.push(Segment::Index(index));
            walk(item, place, steps).or_else(|| {
                steps.pop();
                None
            })
        }),
        Value::Map(entries) => entries.iter().find_map(|entry| {
            steps.push(step(&entry.key));
            if Place::of_key(&entry.key) == place {
                return Some(&entry.value);
            }
            walk(&entry.value, place, steps).or_else(|| {
                steps.pop();
                None
            })
        }),
        _ => None,
    }
}

fn step(key: &Key<'_>) -> Segment {
    Segment::Key(key.name.to_string().into())
}
