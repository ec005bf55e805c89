//! The serde deserializer over a tree.

use std::cell::RefCell;
use std::collections::HashSet;
use std::slice;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{DecodeError, Kind, Place};
use crate::manifest::node::{Entry, Key, Node, Value};
use crate::manifest::scalar::{Number, parse_number};

/// A field that its type ignores, and the fields it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ignored {
    pub(super) key: Place,
    pub(super) fields: &'static [&'static str],
}

/// One attempt to decode a node: what to leave out, and what was ignored.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a, 'de, 's> {
    node: &'de Node<'s>,
    pruned: &'a HashSet<Place>,
    ignored: &'a RefCell<Vec<Ignored>>,
    /// The field that the node is the value of.
    field: Option<Ignored>,
}

impl<'a, 'de, 's> Attempt<'a, 'de, 's> {
    pub(super) fn root(
        node: &'de Node<'s>,
        pruned: &'a HashSet<Place>,
        ignored: &'a RefCell<Vec<Ignored>>,
    ) -> Self {
        Attempt { node, pruned, ignored, field: None }
    }

    fn at(self, node: &'de Node<'s>) -> Self {
        Attempt { node, field: None, ..self }
    }

    /// Runs a visitor; errors that know no place are about this node.
    fn visit<T>(self, visit: impl FnOnce(Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        visit(self).map_err(|error| error.within(Place::of_node(self.node)))
    }

    fn is_pruned(self, place: Place) -> bool {
        !self.pruned.is_empty() && self.pruned.contains(&place)
    }

    fn items(self, items: &'de [Node<'s>]) -> Items<'a, 'de, 's> {
        Items { attempt: self, items: items.iter() }
    }

    fn entries(self, entries: &'de [Entry<'s>], fields: &'static [&'static str]) -> Entries<'a, 'de, 's> {
        Entries { attempt: self, entries: entries.iter(), value: None, fields }
    }

    fn visit_any<V: Visitor<'de>>(
        self,
        visitor: V,
        fields: &'static [&'static str],
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool { value, .. } => visitor.visit_bool(*value),
            Value::Number(text) => match parse_number(text) {
                Some(Number::Unsigned(value)) => visitor.visit_u64(value),
                Some(Number::Signed(value)) => visitor.visit_i64(value),
                Some(Number::Float(value)) => visitor.visit_f64(value),
                None => Err(DecodeError::new(Kind::Custom(format!("`{text}` is not a number")))),
            },
            Value::String { text, .. } => visitor.visit_borrowed_str(text),
            Value::Seq(items) => visitor.visit_seq(self.items(items)),
            Value::Map(entries) => visitor.visit_map(self.entries(entries, fields)),
        }
    }
}

impl<'de> Deserializer<'de> for Attempt<'_, 'de, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(|attempt| attempt.visit_any(visitor, &[]))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(|attempt| match attempt.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(attempt),
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.visit(|attempt| visitor.visit_newtype_struct(attempt))
    }

    /// A null that is not skipped already, because a flattened struct hides its fields, is an empty list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(|attempt| match attempt.node.value {
            Value::Null => visitor.visit_seq(attempt.items(&[])),
            _ => attempt.visit_any(visitor, &[]),
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.visit(|attempt| match attempt.node.value {
            Value::Null => visitor.visit_map(attempt.entries(&[], fields)),
            _ => attempt.visit_any(visitor, fields),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.visit(|attempt| match &attempt.node.value {
            Value::String { text, .. } => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            Value::Map(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Variant { attempt, entry }),
                _ => Err(DecodeError::new(Kind::Length {
                    found: entries.len(),
                    expected: "a map with exactly one key".to_owned(),
                })),
            },
            _ => {
                Err(DecodeError::new(Kind::Type { expected: format!("one of `{}`", variants.join("`, `")) }))
            }
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if let Some(field) = self.field {
            self.ignored.borrow_mut().push(field);
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct identifier
    }
}

struct Items<'a, 'de, 's> {
    attempt: Attempt<'a, 'de, 's>,
    items: slice::Iter<'de, Node<'s>>,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let attempt = self.attempt;
        let Some(item) = self.items.find(|item| !attempt.is_pruned(Place::of_node(item))) else {
            return Ok(None);
        };
        match item.value {
            Value::Null => Err(DecodeError::new(Kind::NullItem).within(Place::of_node(item))),
            // Untagged enums fail only after their value was read, so the place is noted here too.
            _ => attempt.at(item).visit(|attempt| seed.deserialize(attempt)).map(Some),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a, 'de, 's> {
    attempt: Attempt<'a, 'de, 's>,
    entries: slice::Iter<'de, Entry<'s>>,
    value: Option<&'de Entry<'s>>,
    /// The fields of the struct; none if it is a map, or a struct that does not tell.
    fields: &'static [&'static str],
}

impl Entries<'_, '_, '_> {
    /// A null field is absent. Only fields that the type has are skipped: others must be found out as unknown.
    fn is_absent(&self, entry: &Entry<'_>) -> bool {
        self.attempt.is_pruned(Place::of_key(&entry.key))
            || self.attempt.is_pruned(Place::of_node(&entry.value))
            || matches!(entry.value.value, Value::Null) && self.fields.contains(&entry.key.name.as_ref())
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        loop {
            let Some(entry) = self.entries.next() else { return Ok(None) };
            if self.is_absent(entry) {
                continue;
            }
            self.value = Some(entry);
            let key = seed.deserialize(KeyName(&entry.key));
            return key.map(Some).map_err(|error: DecodeError| error.within(Place::of_key(&entry.key)));
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let Some(entry) = self.value.take() else {
            return Err(DecodeError::new(Kind::Custom("a value was asked for before its key".to_owned())));
        };
        let field = Ignored { key: Place::of_key(&entry.key), fields: self.fields };
        let attempt = Attempt { field: Some(field), ..self.attempt.at(&entry.value) };
        attempt.visit(|attempt| seed.deserialize(attempt))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A key, which is always a string.
struct KeyName<'de, 's>(&'de Key<'s>);

impl<'de> Deserializer<'de> for KeyName<'de, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor
            .visit_borrowed_str(&self.0.name)
            .map_err(|error: DecodeError| error.within(Place::of_key(self.0)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(&self.0.name))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// An enum value written as a map of one key: the variant, and what it holds.
struct Variant<'a, 'de, 's> {
    attempt: Attempt<'a, 'de, 's>,
    entry: &'de Entry<'s>,
}

impl<'a, 'de, 's> EnumAccess<'de> for Variant<'a, 'de, 's> {
    type Error = DecodeError;
    type Variant = Attempt<'a, 'de, 's>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), DecodeError> {
        let place = Place::of_key(&self.entry.key);
        let variant = seed.deserialize(KeyName(&self.entry.key));
        let variant = variant.map_err(|error: DecodeError| error.within(place))?;
        Ok((variant, self.attempt.at(&self.entry.value)))
    }
}

impl<'de> VariantAccess<'de> for Attempt<'_, 'de, '_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_struct("", fields, visitor)
    }
}
