//! A text to documents: where each one ends, and which notation it is in.

use std::ops::Range;

use super::node::{Node, Span, Value};
use super::source::{Source, first_line};
use super::{json, yaml};
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::Limits;

/// What a text holds.
#[derive(Debug, Default)]
pub struct Parsed<'s> {
    /// The documents that could be read, in order; empty ones are left out.
    pub documents: Vec<Document<'s>>,
    /// The problems of the text, all of them errors.
    pub diagnostics: Vec<Diagnostic>,
}

/// One document of a text.
#[derive(Debug)]
pub struct Document<'s> {
    /// The tree.
    pub root: Node<'s>,
    /// False if the text has an error within this document, as a key that stands twice. Such a tree serves to find more
    /// problems, not to be loaded.
    pub sound: bool,
}

/// Reads all documents of `source`: YAML, JSON, or both, separated by `---` lines. JSON documents may also follow one
/// another without a separator. JSON is read strictly in a source named `*.json`; elsewhere, what is no JSON may still be
/// YAML, which has braces too and is more lenient about commas.
///
/// An error costs the document it is in; reading goes on with the next one, so every document's problems are reported.
///
/// What it refuses: `TW0101` for text that is neither, `TW0103` for a key that stands twice, `TW0104` beyond a limit,
/// `TW0105` for YAML that the Kubernetes tools refuse too.
pub fn parse_documents<'s>(source: &'s Source, limits: &Limits) -> Parsed<'s> {
    let mut sink =
        Sink { source, limits, nodes: 0, repeated: 0, faulty: false, full: false, parsed: Parsed::default() };
    let text = source.text();
    if text.len() > limits.max_bytes || u32::try_from(text.len()).is_err() {
        sink.exceeds("max_bytes", "bytes of text", limits.max_bytes, Span::default());
        return sink.parsed;
    }
    for chunk in chunks(source) {
        if sink.full {
            break;
        }
        let chunk = Chunk { start: chunk.start, text: text.get(chunk).unwrap_or_default() };
        if let Some(fault) = control_character(&chunk) {
            sink.report(fault);
        } else if is_json(chunk.text) {
            read_json(&chunk, &mut sink);
        } else {
            yaml::read(&chunk, &mut sink);
        }
    }
    sink.parsed
}

fn read_json<'s>(chunk: &Chunk<'s>, sink: &mut Sink<'s, '_>) {
    let (documents, diagnostics) = (sink.parsed.documents.len(), sink.parsed.diagnostics.len());
    let Err(fault) = json::read(chunk, sink) else { return };
    if sink.source.name().ends_with(".json") || !yaml::is_valid(chunk.text) {
        sink.report(fault);
        return sink.abandon();
    }
    sink.parsed.documents.truncate(documents);
    sink.parsed.diagnostics.truncate(diagnostics);
    sink.abandon();
    yaml::read(chunk, sink);
}

/// A part of a text that starts and ends where documents do.
pub(super) struct Chunk<'s> {
    /// Where it starts in the text, in bytes.
    pub(super) start: usize,
    pub(super) text: &'s str,
}

impl Chunk<'_> {
    /// The span of the text for a range of the chunk.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.start + range.start, self.start + range.end)
    }
}

/// A problem of the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Fault { code, span, message: message.into(), help: None }
    }

    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        Fault { help: Some(help.into()), ..self }
    }
}

/// Takes documents and problems, and holds both to the limits.
pub(super) struct Sink<'s, 'l> {
    pub(super) source: &'s Source,
    pub(super) limits: &'l Limits,
    nodes: usize,
    /// Nodes copied for anchors and aliases.
    repeated: usize,
    /// A problem was reported since the last document.
    faulty: bool,
    /// A limit is reached: nothing more is read.
    full: bool,
    parsed: Parsed<'s>,
}

impl<'s> Sink<'s, '_> {
    pub(super) fn report(&mut self, fault: Fault) {
        self.faulty = true;
        if self.full {
            return;
        }
        if self.parsed.diagnostics.len() + 1 >= self.limits.max_diagnostics {
            self.exceeds("max_diagnostics", "problems", self.limits.max_diagnostics, fault.span);
            return;
        }
        let Fault { code, span, message, help } = fault;
        self.parsed.diagnostics.push(self.source.diagnostic(code, span, message, help));
    }

    /// Adds a document; nothing is a document too, but one without content.
    pub(super) fn document(&mut self, root: Node<'s>) {
        let sound = !std::mem::take(&mut self.faulty);
        if matches!(root.value, Value::Null) || self.full {
            return;
        }
        if self.parsed.documents.len() >= self.limits.max_documents {
            self.exceeds("max_documents", "documents", self.limits.max_documents, root.span);
            return;
        }
        self.parsed.documents.push(Document { root, sound });
    }

    /// Counts nodes; false if there are too many, and then nothing more is read.
    pub(super) fn count(&mut self, nodes: usize, span: Span) -> bool {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.max_nodes {
            self.exceeds("max_nodes", "values", self.limits.max_nodes, span);
        }
        !self.full
    }

    /// Counts nodes that anchors and aliases copy: a few lines of them can stand for billions.
    pub(super) fn count_repeated(&mut self, nodes: usize, span: Span) -> bool {
        self.repeated = self.repeated.saturating_add(nodes);
        let limit = self.limits.max_alias_nodes;
        if self.repeated > limit {
            self.exceeds("max_alias_nodes", "values repeated by anchors and aliases", limit, span);
        }
        !self.full
    }

    /// Reports lists and maps nested too deeply; this costs the document.
    pub(super) fn too_deep(&mut self, span: Span) {
        let what = "levels of lists and maps inside one another; this document is not read";
        self.report(exceeded("max_depth", what, self.limits.max_depth, span));
    }

    /// The current document is lost, and with it the problems that would have marked it.
    pub(super) fn abandon(&mut self) {
        self.faulty = false;
    }

    /// Reports a limit that ends the reading.
    fn exceeds(&mut self, name: &str, what: &str, limit: usize, span: Span) {
        if std::mem::replace(&mut self.full, true) {
            return;
        }
        let what = format!("{what}; the rest is not read");
        let Fault { code, span, message, help } = exceeded(name, &what, limit, span);
        self.parsed.diagnostics.push(self.source.diagnostic(code, span, message, help));
        self.faulty = true;
    }
}

/// More than `limit` of `what`.
pub(super) fn exceeded(name: &str, what: &str, limit: usize, span: Span) -> Fault {
    Fault::new(Code::LimitExceeded, span, format!("more than {limit} {what}"))
        .with_help(format!("split the input, or raise `{name}` of the limits"))
}

/// Splits at the lines that start with `---`: they separate documents wherever they stand, even within quotes, so what
/// is wrong before one cannot reach past it.
fn chunks(source: &Source) -> Vec<Range<usize>> {
    let text = source.text();
    let mut chunks = Vec::new();
    let mut start = 0;
    for at in source.lines().iter().filter_map(|&at| usize::try_from(at).ok()) {
        let separates = text
            .get(at..)
            .and_then(|rest| rest.strip_prefix("---"))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if separates && !is_prologue(text.get(start..at).unwrap_or_default()) {
            chunks.push(start..at);
            start = at;
        }
    }
    chunks.push(start..text.len());
    chunks
}

/// True for what may stand before the first `---` without being a document: directives, comments, empty lines.
fn is_prologue(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().all(|line| line.trim().is_empty() || line.starts_with(['%', '#']))
}

/// True for text that starts as a JSON object or list of objects does. YAML's own notation in braces, with bare keys, goes
/// to the YAML reader.
fn is_json(text: &str) -> bool {
    let text = text.get(content_start(text)..).unwrap_or_default();
    match text.strip_prefix('[') {
        Some(items) => items.trim_start().starts_with(']') || is_json_object(items.trim_start()),
        None => is_json_object(text),
    }
}

fn is_json_object(text: &str) -> bool {
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with(['"', '}']))
}

/// Past the byte order mark, the `---` line and the blanks that stand before the content of a chunk.
pub(super) fn content_start(text: &str) -> usize {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    text.len() - rest.strip_prefix("---").unwrap_or(rest).trim_start().len()
}

/// Neither YAML nor JSON has control characters in its text; a NUL byte would even end it.
fn control_character(chunk: &Chunk<'_>) -> Option<Fault> {
    let is_control = |b: u8| matches!(b, 0..=8 | 11 | 12 | 14..=31 | 127);
    let at = chunk.text.bytes().position(is_control)?;
    let byte = chunk.text.as_bytes().get(at).copied().unwrap_or_default();
    let message = format!("the control character {byte:#04x} is not allowed in a manifest");
    Some(
        Fault::new(Code::InvalidSyntax, chunk.span(at..at + 1), message)
            .with_help("remove it, or save the file as UTF-8 text"),
    )
}

/// The part of `text` from `at` to the end of its line.
pub(super) fn rest_of_line(text: &str, at: usize) -> Range<usize> {
    let rest = text.get(at..).map(first_line).unwrap_or_default();
    at..at + rest.trim_end().len()
}
