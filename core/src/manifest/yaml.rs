//! YAML to the marked tree.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::node::{Entry, Key, Node, Span, Value, shorten};
use super::parse::{Chunk, Fault, Sink};
use super::{repair, scalar};
use crate::diagnostic::Code;

/// Reads the documents of a chunk.
pub(super) fn read<'s>(chunk: &Chunk<'s>, sink: &mut Sink<'s, '_>) {
    let bom = if chunk.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let chunk = Chunk { start: chunk.start + bom, text: chunk.text.get(bom..).unwrap_or_default() };
    let mut offsets = Offsets::new(chunk.text);
    let mut builder = Builder { chunk: &chunk, sink, open: Vec::new(), anchors: HashMap::new() };
    let mut parser = Parser::new_from_str(chunk.text);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => {
                let start = offsets.byte(span.start.index());
                let end = offsets.byte(span.end.index());
                if builder.event(event, chunk.span(start..end)).is_err() {
                    return;
                }
            }
            Err(error) => {
                let at = offsets.byte(error.marker().index());
                // The parser bounds the brackets inside one another before it tells of the first.
                if error.info() == "recursion limit exceeded" {
                    builder.sink.too_deep(chunk.span(at..at));
                } else {
                    let faults = repair::explain(&chunk, at, error.info());
                    faults.into_iter().for_each(|fault| builder.sink.report(fault));
                }
                return builder.sink.abandon();
            }
        }
    }
}

/// True if the text parses, whatever it says.
pub(super) fn is_valid(text: &str) -> bool {
    Parser::new_from_str(text).all(|event| event.is_ok())
}

/// The parser counts characters; the tree counts bytes. Positions come nearly in order, so the way is short.
struct Offsets<'s> {
    text: &'s str,
    ascii: bool,
    chars: usize,
    bytes: usize,
}

impl<'s> Offsets<'s> {
    fn new(text: &'s str) -> Self {
        Offsets { text, ascii: text.is_ascii(), chars: 0, bytes: 0 }
    }

    fn byte(&mut self, index: usize) -> usize {
        if self.ascii {
            return index.min(self.text.len());
        }
        let (before, after) = self.text.split_at_checked(self.bytes).unwrap_or((self.text, ""));
        if let Some(forward) = index.checked_sub(self.chars) {
            self.bytes += after.chars().take(forward).map(char::len_utf8).sum::<usize>();
        } else {
            self.bytes -= before.chars().rev().take(self.chars - index).map(char::len_utf8).sum::<usize>();
        }
        self.chars = index;
        self.bytes
    }
}

/// Nothing more can be read of this chunk; the reason is reported.
struct Stop;

/// Makes trees of events. It keeps its own stack, so depth costs no recursion.
struct Builder<'b, 's, 'l> {
    chunk: &'b Chunk<'s>,
    sink: &'b mut Sink<'s, 'l>,
    open: Vec<Open<'s>>,
    anchors: HashMap<usize, Anchored<'s>>,
}

/// A list or map that is not complete yet.
struct Open<'s> {
    items: Items<'s>,
    start: u32,
    anchor: usize,
}

enum Items<'s> {
    Seq(Vec<Node<'s>>),
    Map { entries: Vec<Entry<'s>>, key: Option<KeyOrMerge<'s>>, merged: Vec<Node<'s>> },
}

/// A key that waits for its value.
enum KeyOrMerge<'s> {
    Key(Key<'s>),
    /// `<<`: the value's entries belong to this map.
    Merge,
}

/// What an anchor names, with its size and depth.
struct Anchored<'s> {
    node: Node<'s>,
    nodes: usize,
    depth: usize,
}

impl<'s> Builder<'_, 's, '_> {
    fn event(&mut self, event: Event<'s>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text, style, tag.as_deref(), span);
                self.complete(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span);
                self.start(Items::Seq(Vec::new()), anchor, span)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span);
                self.start(Items::Map { entries: Vec::new(), key: None, merged: Vec::new() }, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => {
                let node = self.repeat(anchor, span)?;
                self.complete(node, 0)
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn start(&mut self, items: Items<'s>, anchor: usize, span: Span) -> Result<(), Stop> {
        if self.open.len() >= self.sink.limits.max_depth {
            self.sink.too_deep(span);
            return Err(self.stop());
        }
        self.open.push(Open { items, start: span.start, anchor });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Stop> {
        let Some(Open { items, start, anchor }) = self.open.pop() else { return Ok(()) };
        let value = match items {
            Items::Seq(items) => Value::Seq(items),
            Items::Map { mut entries, merged, .. } => {
                self.drop_duplicates(&mut entries);
                merged.into_iter().for_each(|node| self.merge(&mut entries, node));
                Value::Map(entries)
            }
        };
        let span = Span { start, end: span.end.max(start) };
        self.complete(Node { value, span }, anchor)
    }

    /// Puts a complete node where it belongs.
    fn complete(&mut self, node: Node<'s>, anchor: usize) -> Result<(), Stop> {
        if !self.sink.count(1, node.span) {
            return Err(Stop);
        }
        if anchor != 0 {
            self.remember(anchor, &node)?;
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.sink.document(node),
            Some(Items::Seq(items)) => items.push(node),
            Some(Items::Map { entries, key, merged }) => match key.take() {
                Some(KeyOrMerge::Key(key)) => entries.push(Entry { key, value: node }),
                Some(KeyOrMerge::Merge) => merged.push(node),
                None => {
                    let (new, fault) = into_key(node, self.chunk);
                    *key = Some(new);
                    if let Some(fault) = fault {
                        self.sink.report(fault);
                    }
                }
            },
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'s, str>, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node<'s> {
        let quoted = style != ScalarStyle::Plain;
        let value = match tag {
            None if quoted => Value::String { text, plain: false },
            None => scalar::resolve(text),
            Some(tag) => self.tagged(text, quoted, tag, span),
        };
        Node { value, span }
    }

    /// `!!str` and its like say what a scalar is; any other tag is refused.
    fn tagged(&mut self, text: Cow<'s, str>, quoted: bool, tag: &Tag, span: Span) -> Value<'s> {
        let string = |text| Value::String { text, plain: false };
        if !tag.is_yaml_core_schema() {
            // The tag `!` alone says "not resolved", that is, a string.
            if tag.handle.is_empty() && tag.suffix == "!" {
                return string(text);
            }
            self.refuse_tag(tag, span);
            return string(text);
        }
        let value = if quoted { string(text.clone()) } else { scalar::resolve(text.clone()) };
        match (tag.suffix.as_str(), &value) {
            ("str", _) => string(text),
            ("bool", Value::Bool { .. }) | ("int" | "float", Value::Number(_)) | ("null", Value::Null) => {
                value
            }
            ("bool" | "int" | "float" | "null", _) => {
                let message =
                    format!("`{}` is not of the type that the tag `!!{}` names", shorten(&text), tag.suffix);
                self.sink
                    .report(Fault::new(Code::UnsupportedYaml, span, message).with_help("remove the tag"));
                value
            }
            _ => {
                self.refuse_tag(tag, span);
                value
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => self.refuse_tag(tag, span),
            _ => {}
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, span: Span) {
        self.sink.report(repair::refused_tag(self.chunk, tag, span));
    }

    /// Keeps what an anchor names for the aliases to come.
    fn remember(&mut self, anchor: usize, node: &Node<'s>) -> Result<(), Stop> {
        let (nodes, depth) = measure(node);
        if !self.sink.count_repeated(nodes, node.span) {
            return Err(Stop);
        }
        self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
        Ok(())
    }

    fn repeat(&mut self, anchor: usize, span: Span) -> Result<Node<'s>, Stop> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            // The parser knows the anchor, so it is one that is still open.
            let message = "this alias repeats the list or map that it stands in";
            self.sink.report(
                Fault::new(Code::UnsupportedYaml, span, message).with_help("write out what is meant"),
            );
            return Err(self.stop());
        };
        let (nodes, depth) = (anchored.nodes, anchored.depth);
        if self.open.len() + depth > self.sink.limits.max_depth {
            self.sink.too_deep(span);
            return Err(self.stop());
        }
        if !(self.sink.count_repeated(nodes, span) && self.sink.count(nodes, span)) {
            return Err(Stop);
        }
        self.anchors.get(&anchor).map(|anchored| anchored.node.clone()).ok_or(Stop)
    }

    fn stop(&mut self) -> Stop {
        self.sink.abandon();
        Stop
    }

    fn drop_duplicates(&mut self, entries: &mut Vec<Entry<'s>>) {
        for fault in duplicates(entries, self.sink.source) {
            self.sink.report(fault);
        }
    }

    /// Adds the entries of a merge key's value; keys that the map has itself prevail, then the first to name them.
    fn merge(&mut self, entries: &mut Vec<Entry<'s>>, node: Node<'s>) {
        let fault = |span| {
            Fault::new(Code::UnsupportedYaml, span, "the merge key `<<` takes a map, or a list of maps")
                .with_help("write `<<: *name`, where `&name` stands before a map; or quote the key: \"<<\"")
        };
        let sources = match node.value {
            Value::Map(_) => vec![node],
            Value::Seq(items) => items,
            _ => return self.sink.report(fault(node.span)),
        };
        let mut names: HashSet<String> = entries.iter().map(|entry| entry.key.name.to_string()).collect();
        for source in sources {
            match source.value {
                Value::Map(merged) => {
                    entries
                        .extend(merged.into_iter().filter(|entry| names.insert(entry.key.name.to_string())));
                }
                _ => self.sink.report(fault(source.span)),
            }
        }
    }
}

/// Maps up to this size are searched key by key; beyond it, hashing is faster.
const FEW_KEYS: usize = 16;

/// Removes keys that stand a second time, and says where.
pub(super) fn duplicates<'s>(entries: &mut Vec<Entry<'s>>, source: &super::Source) -> Vec<Fault> {
    let repeated = if entries.len() <= FEW_KEYS {
        entries
            .iter()
            .enumerate()
            .any(|(at, entry)| entries.iter().take(at).any(|other| other.key.name == entry.key.name))
    } else {
        entries.iter().map(|entry| entry.key.name.as_ref()).collect::<HashSet<&str>>().len() < entries.len()
    };
    if !repeated {
        return Vec::new();
    }
    let mut first: HashMap<String, Span> = HashMap::new();
    let (mut faults, mut objects) = (Vec::new(), Vec::new());
    entries.retain(|entry| match first.get(entry.key.name.as_ref()) {
        None => {
            first.insert(entry.key.name.to_string(), entry.key.span);
            true
        }
        Some(span) => {
            let (line, column) = source.line_col(span.range().start);
            let message = format!(
                "the key `{}` stands twice in this map; first at line {line}, column {column}",
                shorten(&entry.key.name)
            );
            let help = "merge the two, or remove one: only one of them would count";
            faults.push(Fault::new(Code::DuplicateKey, entry.key.span, message).with_help(help));
            if *entry.key.name == *OBJECT_START {
                objects.push(entry.key.span);
            }
            false
        }
    });
    if objects.is_empty() { faults } else { objects.into_iter().map(missing_separator).collect() }
}

/// A key that only an object has, and as its first.
const OBJECT_START: &str = "apiVersion";

/// Two objects in one document: one word about the line between them says more than one about each key.
fn missing_separator(at: Span) -> Fault {
    let message = "a second object begins here, in the document of the first".to_owned();
    Fault::new(Code::DuplicateKey, at, message).with_help("write `---` on a line of its own before this one")
}

/// How many nodes there are, and how many lists and maps inside one another.
fn measure(node: &Node<'_>) -> (usize, usize) {
    let join =
        |(nodes, depth): (usize, usize), (more, deeper): (usize, usize)| (nodes + more, depth.max(deeper));
    let below = match &node.value {
        Value::Seq(items) => items.iter().map(measure).fold((0, 0), join),
        Value::Map(entries) => entries.iter().map(|entry| measure(&entry.value)).fold((0, 0), join),
        _ => return (1, 0),
    };
    (below.0 + 1, below.1 + 1)
}

/// The key that a node makes. Numbers are keys as they are written; other words that are not strings must be quoted, for
/// what Kubernetes would make of them is not what is written.
fn into_key<'s>(node: Node<'s>, chunk: &Chunk<'s>) -> (KeyOrMerge<'s>, Option<Fault>) {
    let span = node.span;
    let refuse = |message: String, help: String| {
        Some(Fault::new(Code::UnsupportedYaml, span, message).with_help(help))
    };
    let (name, fault) = match node.value {
        Value::String { text, plain: true } if text == "<<" => return (KeyOrMerge::Merge, None),
        Value::String { text: name, .. } | Value::Number(name) => (name, None),
        Value::Bool { text: name, .. } if name == "true" || name == "false" => (name, None),
        Value::Bool { text, .. } => {
            let fault =
                refuse(format!("YAML reads the key `{text}` as a boolean"), format!("quote it: \"{text}\""));
            (text, fault)
        }
        Value::Null => {
            let help = "write the key, or \"\" for the empty one".to_owned();
            (Cow::default(), refuse("there is no key before the colon".to_owned(), help))
        }
        Value::Seq(_) | Value::Map(_) => (Cow::default(), Some(repair::refused_key(chunk, span))),
    };
    (KeyOrMerge::Key(Key { name, span }), fault)
}
