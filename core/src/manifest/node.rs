//! The marked tree: what a document holds, and where.

use std::borrow::Cow;

use crate::diagnostic::{FieldPath, Segment};

/// A part of a text, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end`. Texts of 4 GiB and more are refused before any span is made.
    pub(super) fn new(start: usize, end: usize) -> Self {
        let narrow = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { start: narrow(start), end: narrow(end.max(start)) }
    }

    /// As a range of `usize`, for slicing the text.
    pub(super) fn range(self) -> std::ops::Range<usize> {
        usize::try_from(self.start).unwrap_or(usize::MAX)..usize::try_from(self.end).unwrap_or(usize::MAX)
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'s> {
    /// What it is.
    pub value: Value<'s>,
    /// Where it stands; for what an alias repeats, where the anchor stands.
    pub span: Span,
}

/// A value. Scalars keep the text they were written as, for exact numbers and for messages.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'s> {
    /// `null`, `~`, or nothing at all after the colon.
    Null,
    /// A boolean; in YAML also `yes`, `no`, `on` and `off`.
    Bool {
        /// True or false.
        value: bool,
        /// The word as written.
        text: Cow<'s, str>,
    },
    /// A number, as written.
    Number(Cow<'s, str>),
    /// A string.
    String {
        /// The string, quotes and escapes resolved.
        text: Cow<'s, str>,
        /// True for YAML without quotes.
        plain: bool,
    },
    /// A list.
    Seq(Vec<Node<'s>>),
    /// A map, in the order of the text, every key once.
    Map(Vec<Entry<'s>>),
}

/// A key of a map and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'s> {
    /// The key.
    pub key: Key<'s>,
    /// What it holds.
    pub value: Node<'s>,
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Key<'s> {
    /// The key, quotes resolved.
    pub name: Cow<'s, str>,
    /// Where it stands.
    pub span: Span,
}

/// How far a path leads into a tree.
pub(super) struct Nearest<'n, 's> {
    /// The last node on the path that exists.
    pub(super) node: &'n Node<'s>,
    /// The innermost key on the way there.
    pub(super) key: Option<&'n Key<'s>>,
    /// True if `key` is the key of `node` itself, false if `node` is an item of a list under it.
    pub(super) key_is_own: bool,
    /// True if `node` is the whole path's.
    pub(super) complete: bool,
}

impl<'s> Node<'s> {
    /// The value of the key `name`, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Node<'s>> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The node at `path`.
    pub fn at(&self, path: &FieldPath) -> Option<&Node<'s>> {
        let nearest = self.nearest(path);
        nearest.complete.then_some(nearest.node)
    }

    /// Where the key of the field at `path` stands; none for the root and for items of lists.
    pub fn key_span(&self, path: &FieldPath) -> Option<Span> {
        let nearest = self.nearest(path);
        nearest.key.filter(|_| nearest.complete && nearest.key_is_own).map(|key| key.span)
    }

    /// Follows `path` as far as it exists.
    pub(super) fn nearest(&self, path: &FieldPath) -> Nearest<'_, 's> {
        let mut reached = Nearest { node: self, key: None, key_is_own: false, complete: false };
        for segment in path.segments() {
            match (segment, &reached.node.value) {
                (Segment::Key(name), _) => {
                    let Some(entry) = reached.node.entry(name) else { return reached };
                    reached =
                        Nearest { node: &entry.value, key: Some(&entry.key), key_is_own: true, ..reached };
                }
                (Segment::Index(index), Value::Seq(items)) => {
                    let Some(item) = items.get(*index) else { return reached };
                    reached = Nearest { node: item, key_is_own: false, ..reached };
                }
                (Segment::Index(_), _) => return reached,
            }
        }
        Nearest { complete: true, ..reached }
    }

    fn entry(&self, name: &str) -> Option<&Entry<'s>> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key.name == name),
            _ => None,
        }
    }

    /// The place that stands for the whole: a map's first key, for a map spans many lines.
    pub(super) fn head(&self) -> Span {
        match &self.value {
            Value::Map(entries) => entries.first().map_or(self.span, |entry| entry.key.span),
            _ => self.span,
        }
    }

    /// How the value is spoken of in a message.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool { text, .. } => format!("the boolean `{text}`"),
            Value::Number(text) => format!("the number `{text}`"),
            Value::String { text, .. } => format!("the string {:?}", shorten(text)),
            Value::Seq(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// The first 60 characters; values may be of any length, messages may not.
pub(super) fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((cut, _)) => Cow::Owned(format!("{}...", text.get(..cut).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
