//! What serde says is wrong, kept as data until a message is made of it.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

use crate::manifest::node::{Key, Node};

/// An error and the node it is about.
#[derive(Debug)]
pub(super) struct DecodeError {
    pub(super) kind: Kind,
    /// The innermost node or key that was being decoded.
    pub(super) place: Option<Place>,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Kind {
    /// The map has a field that the type does not have.
    UnknownField {
        name: String,
        expected: &'static [&'static str],
    },
    MissingField(&'static str),
    DuplicateField(&'static str),
    /// The value is of another type.
    Type {
        expected: String,
    },
    /// The type is right, the value is not.
    Value {
        found: String,
        expected: String,
        number: bool,
    },
    Variant {
        name: String,
        expected: &'static [&'static str],
    },
    Length {
        found: usize,
        expected: String,
    },
    /// An item of a list is null.
    NullItem,
    /// In the type's own words.
    Custom(String),
}

/// A node or key of the tree being decoded, by its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Node(usize),
    Key(usize),
}

impl Place {
    pub(super) fn of_node(node: &Node<'_>) -> Self {
        Place::Node(std::ptr::from_ref(node).addr())
    }

    pub(super) fn of_key(key: &Key<'_>) -> Self {
        Place::Key(std::ptr::from_ref(key).addr())
    }
}

impl DecodeError {
    pub(super) fn new(kind: Kind) -> Self {
        DecodeError { kind, place: None }
    }

    /// The error is about `place`, unless it is known to be about something within.
    pub(super) fn within(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}

impl Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        DecodeError::new(Kind::Custom(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        DecodeError::new(Kind::Type { expected: expected.to_string() })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let number = matches!(found, Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_));
        DecodeError::new(Kind::Value { found: found.to_string(), expected: expected.to_string(), number })
    }

    fn invalid_length(found: usize, expected: &dyn Expected) -> Self {
        DecodeError::new(Kind::Length { found, expected: expected.to_string() })
    }

    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        DecodeError::new(Kind::Variant { name: name.to_owned(), expected })
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        DecodeError::new(Kind::UnknownField { name: name.to_owned(), expected })
    }

    fn missing_field(field: &'static str) -> Self {
        DecodeError::new(Kind::MissingField(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        DecodeError::new(Kind::DuplicateField(field))
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Custom(message) => f.write_str(message),
            other => write!(f, "{other:?}"),
        }
    }
}

impl std::error::Error for DecodeError {}
