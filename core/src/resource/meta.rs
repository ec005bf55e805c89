//! What objects of every dialect are made of.

use std::collections::BTreeMap;
use std::fmt;

lenient! {
    /// The identity of an object. Of what servers add (`uid`, `managedFields` and the like) nothing is kept.
    pub struct ObjectMeta {
        /// The name, unique within kind and namespace.
        pub name: String,
        /// The namespace of a namespaced kind; absent and empty mean `default`.
        pub namespace: Option<String>,
        /// What selectors select by.
        pub labels: BTreeMap<String, String>,
        /// Notes for people and tools.
        pub annotations: BTreeMap<String, String>,
        /// When its deletion was asked for (RFC 3339), while it is still there.
        pub deletion_timestamp: Option<String>,
    }
}

impl ObjectMeta {
    /// The metadata of a cluster-scoped object.
    pub fn named(name: impl Into<String>) -> Self {
        ObjectMeta { name: name.into(), ..ObjectMeta::default() }
    }

    /// The metadata of a namespaced object.
    pub fn namespaced(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        ObjectMeta { namespace: Some(namespace.into()), ..ObjectMeta::named(name) }
    }

    /// Adds a label, or replaces its value.
    #[must_use]
    pub fn with_label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }
}

strict! {
    /// A selector of Kubernetes: all its requirements must hold, so the empty one selects everything
    /// (`spec/kubernetes.md 1.2`).
    pub struct LabelSelector {
        /// Labels that must be there with these values.
        pub match_labels: BTreeMap<String, String>,
        /// Further requirements.
        pub match_expressions: Vec<LabelSelectorRequirement>,
    }

    /// One requirement of a [`LabelSelector`].
    pub struct LabelSelectorRequirement {
        /// The label's key.
        pub key: String,
        /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
        pub operator: String,
        /// The values of `In` and `NotIn`; empty for the others.
        pub values: Vec<String>,
    }
}

impl LabelSelector {
    /// Selects what has all these labels.
    ///
    /// ```
    /// use tierwall::resource::LabelSelector;
    /// let selector = LabelSelector::labels([("app", "web")]);
    /// assert_eq!(selector.match_labels["app"], "web");
    /// ```
    pub fn labels<K: Into<String>, V: Into<String>>(labels: impl IntoIterator<Item = (K, V)>) -> Self {
        let match_labels = labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        LabelSelector { match_labels, ..LabelSelector::default() }
    }
}

/// A value that the API writes as a number or as a string: ports (`80`, `http`, `80:90`) and protocols (`6`, `TCP`).
///
/// The two are kept apart, for a Kubernetes port `"80"` is a name, and not a valid one.
///
/// ```
/// use tierwall::resource::IntOrString;
/// assert_eq!(IntOrString::from(80), IntOrString::Int(80));
/// assert_eq!(IntOrString::from("http").to_string(), "http");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IntOrString {
    /// A number, of any size: validation says what is in range.
    Int(i64),
    /// A string.
    String(String),
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntOrString::Int(value) => value.fmt(f),
            IntOrString::String(value) => value.fmt(f),
        }
    }
}

impl From<i64> for IntOrString {
    fn from(value: i64) -> Self {
        IntOrString::Int(value)
    }
}

impl From<&str> for IntOrString {
    fn from(value: &str) -> Self {
        IntOrString::String(value.to_owned())
    }
}

impl From<String> for IntOrString {
    fn from(value: String) -> Self {
        IntOrString::String(value)
    }
}

/// A field that the API has and nothing here reads: accepted whatever it holds, dropped, never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ignored;

#[cfg(feature = "serde")]
mod wire {
    use super::{Ignored, IntOrString};
    use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, Unexpected, Visitor};
    use serde::ser::{Serialize, Serializer};
    use std::fmt;

    impl Serialize for IntOrString {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                IntOrString::Int(value) => serializer.serialize_i64(*value),
                IntOrString::String(value) => serializer.serialize_str(value),
            }
        }
    }

    impl<'de> Deserialize<'de> for IntOrString {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(IntOrStringVisitor)
        }
    }

    struct IntOrStringVisitor;

    impl Visitor<'_> for IntOrStringVisitor {
        type Value = IntOrString;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer or a string")
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<IntOrString, E> {
            Ok(IntOrString::Int(value))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<IntOrString, E> {
            let int =
                i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
            Ok(IntOrString::Int(int))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<IntOrString, E> {
            Ok(IntOrString::from(value))
        }

        fn visit_string<E: Error>(self, value: String) -> Result<IntOrString, E> {
            Ok(IntOrString::String(value))
        }
    }

    impl Serialize for Ignored {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit()
        }
    }

    impl<'de> Deserialize<'de> for Ignored {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            IgnoredAny::deserialize(deserializer).map(|_| Ignored)
        }
    }
}
