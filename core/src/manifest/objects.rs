//! Documents to objects: lists are taken apart, and every object has a kind.

use super::node::{Node, Span, Value};
use super::parse::{Document, exceeded};
use super::source::Source;
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::Limits;

/// The objects of a text.
#[derive(Debug, Default)]
pub struct Objects<'d, 's> {
    /// The objects in the order of the text.
    pub objects: Vec<Object<'d, 's>>,
    /// What is no object, all of them errors.
    pub diagnostics: Vec<Diagnostic>,
}

/// An object that has a kind and an API version.
#[derive(Debug, Clone)]
pub struct Object<'d, 's> {
    /// The tree of the object alone; problem paths start here.
    pub node: &'d Node<'s>,
    /// `apiVersion`, its own or that of the typed list it is an item of.
    pub api_version: &'d str,
    /// `kind`, its own or that of the typed list it is an item of (`PodList` holds items of the kind `Pod`).
    pub kind: &'d str,
    /// False if its document has an error of its own; see [`Document::sound`].
    pub sound: bool,
}

impl<'d> Object<'d, '_> {
    /// `metadata.name`, if it is there and a string.
    pub fn name(&self) -> Option<&'d str> {
        self.node.get("metadata")?.get("name")?.as_str()
    }

    /// `metadata.namespace`, if it is there and a string.
    pub fn namespace(&self) -> Option<&'d str> {
        self.node.get("metadata")?.get("namespace")?.as_str()
    }

    /// How diagnostics name the object: `NetworkPolicy staging/front-end`.
    pub fn label(&self) -> String {
        label(self.kind, self.node)
    }
}

/// Finds the objects of documents: each document, each item of a `List`, of a typed list such as `PodList`, and of a list
/// at the top of a document.
///
/// Refuses with `TW0302` what has no `apiVersion` or `kind`, with `TW0202` what is not a map, with `TW0104` what exceeds
/// [`Limits::max_objects`].
pub fn objects<'d, 's>(source: &Source, documents: &'d [Document<'s>], limits: &Limits) -> Objects<'d, 's> {
    let mut finder = Finder { source, limits, found: Objects::default(), sound: true, full: false };
    for document in documents {
        finder.sound = document.sound;
        finder.visit(&document.root, None);
    }
    finder.found
}

/// The version and kind that the items of a typed list have.
#[derive(Clone, Copy)]
struct ItemKind<'d> {
    api_version: &'d str,
    kind: &'d str,
}

struct Finder<'f, 'd, 's> {
    source: &'f Source,
    limits: &'f Limits,
    found: Objects<'d, 's>,
    sound: bool,
    full: bool,
}

impl<'d, 's> Finder<'_, 'd, 's> {
    /// Recursion is as deep as the tree, which the reader has bounded.
    fn visit(&mut self, node: &'d Node<'s>, listed: Option<ItemKind<'d>>) {
        match &node.value {
            Value::Seq(items) => items.iter().for_each(|item| self.visit(item, listed)),
            Value::Map(_) => self.map(node, listed),
            _ => {
                let message = format!("an object is needed here, but this is {}", node.describe());
                let help = "an object is a map with `apiVersion`, `kind` and `metadata`";
                self.report(Code::WrongType, node.span, message, help.to_owned());
            }
        }
    }

    fn map(&mut self, node: &'d Node<'s>, listed: Option<ItemKind<'d>>) {
        let own = |name| node.get(name).and_then(Node::as_str).filter(|text| !text.is_empty());
        let kind = own("kind").or(listed.map(|listed| listed.kind));
        let api_version = own("apiVersion").or(listed.map(|listed| listed.api_version));
        match (api_version, kind) {
            (Some(api_version), Some(kind)) => match (kind.strip_suffix("List"), node.get("items")) {
                (Some(item), Some(items)) => self.list(items, api_version, item),
                _ => self.add(Object { node, api_version, kind, sound: self.sound }),
            },
            (_, kind) => self.without_kind(node, kind),
        }
    }

    fn list(&mut self, items: &'d Node<'s>, api_version: &'d str, item: &'d str) {
        let listed = (!item.is_empty()).then_some(ItemKind { api_version, kind: item });
        match &items.value {
            // Go writes an empty list as null.
            Value::Null => {}
            Value::Seq(_) => self.visit(items, listed),
            _ => {
                let message = format!("`items` must be a list, but it is {}", items.describe());
                self.report(Code::WrongType, items.span, message, "write each object after a `-`".to_owned());
            }
        }
    }

    fn add(&mut self, object: Object<'d, 's>) {
        if self.found.objects.len() < self.limits.max_objects {
            self.found.objects.push(object);
        } else if !std::mem::replace(&mut self.full, true) {
            let limit = self.limits.max_objects;
            let fault = exceeded("max_objects", "objects; the rest is left out", limit, object.node.head());
            self.report(fault.code, fault.span, fault.message, fault.help.unwrap_or_default());
        }
    }

    fn without_kind(&mut self, node: &'d Node<'s>, kind: Option<&str>) {
        let (missing, example) = match kind {
            Some(_) => ("apiVersion", "apiVersion: networking.k8s.io/v1"),
            None => ("kind", "kind: NetworkPolicy"),
        };
        let message = match node.get(missing).filter(|value| !matches!(value.value, Value::Null)) {
            Some(value) => format!("`{missing}` must be a word, but it is {}", value.describe()),
            None => format!("this object has no `{missing}`"),
        };
        let span = node.get(missing).map_or_else(|| node.head(), |value| value.span);
        let help = format!("write what it is, as `{example}`");
        let before = self.found.diagnostics.len();
        self.report(Code::MissingKind, span, message, help);
        if let Some(diagnostic) = self.found.diagnostics.get_mut(before) {
            diagnostic.object = Some(label(kind.unwrap_or("object"), node));
        }
    }

    fn report(&mut self, code: Code, span: Span, message: String, help: String) {
        if self.found.diagnostics.len() < self.limits.max_diagnostics {
            self.found.diagnostics.push(self.source.diagnostic(code, span, message, Some(help)));
        }
    }
}

fn label(kind: &str, node: &Node<'_>) -> String {
    let text = |name| node.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Node::as_str);
    match (text("namespace"), text("name")) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (None, Some(name)) => format!("{kind} {name}"),
        (_, None) => format!("{kind} without a name"),
    }
}
