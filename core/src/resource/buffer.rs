//! Reading a resource whose kind is not known beforehand: `apiVersion` and `kind` may stand anywhere in the object, so
//! the object is kept until they are found.

use super::{Kind, Lookup, Resource};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;
use std::marker::PhantomData;

/// Lists and maps inside one another that a resource may have. API objects have a dozen.
const MAX_DEPTH: usize = 64;

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content = Reader { depth_left: MAX_DEPTH }.deserialize(deserializer)?;
        let api_version = content.text("apiVersion").ok_or_else(|| D::Error::missing_field("apiVersion"))?;
        let kind = content.text("kind").ok_or_else(|| D::Error::missing_field("kind"))?;
        match Kind::from_api(api_version, kind) {
            Lookup::Known(kind) => kind.deserialize(content.into_deserializer()),
            Lookup::UnsupportedVersion { supported } => Err(D::Error::custom(format_args!(
                "`{kind}` is not supported in version `{api_version}`; write `{supported}`"
            ))),
            Lookup::Unknown => {
                Err(D::Error::custom(format_args!("unknown kind `{kind}` of `{api_version}`")))
            }
        }
    }
}

/// Any value.
enum Content {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Content>),
    Map(Vec<(String, Content)>),
}

impl Content {
    /// The string at `key`, if this is a map that has it.
    fn text(&self, key: &str) -> Option<&str> {
        let Content::Map(entries) = self else { return None };
        entries.iter().find_map(|(name, value)| match value {
            Content::Text(text) if name == key => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Reads any value, down to some depth.
#[derive(Clone, Copy)]
struct Reader {
    depth_left: usize,
}

impl Reader {
    fn deeper<E: Error>(self) -> Result<Reader, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Reader { depth_left }),
            None => Err(E::custom(format_args!("more than {MAX_DEPTH} lists and maps inside one another"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Content;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an API object")
    }

    fn visit_unit<E: Error>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Content, E> {
        Ok(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let inner = self.deeper()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key()? {
            entries.push((key, map.next_value_seed(inner)?));
        }
        Ok(Content::Map(entries))
    }
}

/// Hands out what was read.
struct Buffered<E> {
    content: Content,
    error: PhantomData<E>,
}

impl<E: Error> IntoDeserializer<'_, E> for Content {
    type Deserializer = Buffered<E>;

    fn into_deserializer(self) -> Buffered<E> {
        Buffered { content: self, error: PhantomData }
    }
}

impl<'de, E: Error> Deserializer<'de> for Buffered<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value) => visitor.visit_bool(value),
            Content::Signed(value) => visitor.visit_i64(value),
            Content::Unsigned(value) => visitor.visit_u64(value),
            Content::Float(value) => visitor.visit_f64(value),
            Content::Text(value) => visitor.visit_string(value),
            Content::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Content::Map(entries) => visitor.visit_map(MapDeserializer::new(entries.into_iter())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
