//! Where a selector reads the labels it tests.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

/// The labels of one object, by key.
///
/// Implemented for maps of strings and for slices and arrays of pairs **sorted by key**. Implement it for a type of
/// your own to test labels that are computed rather than stored:
///
/// ```
/// use tierwall::selector::{LabelSource, Selector};
///
/// struct Pod { app: String }
///
/// impl LabelSource for Pod {
///     fn label(&self, key: &str) -> Option<&str> {
///         (key == "app").then_some(self.app.as_str())
///     }
/// }
///
/// let selector: Selector = "app starts with 'web' && !has(env)".parse()?;
/// assert!(selector.matches(&Pod { app: "web-7".into() }));
/// # Ok::<(), tierwall::selector::SelectorError>(())
/// ```
pub trait LabelSource {
    /// The value of the label `key`; none where the object has no such label.
    fn label(&self, key: &str) -> Option<&str>;
}

impl<T: LabelSource + ?Sized> LabelSource for &T {
    fn label(&self, key: &str) -> Option<&str> {
        (**self).label(key)
    }
}

impl<K: Borrow<str> + Ord, V: AsRef<str>> LabelSource for BTreeMap<K, V> {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key).map(AsRef::as_ref)
    }
}

impl<K: Borrow<str> + Eq + Hash, V: AsRef<str>, S: BuildHasher> LabelSource for HashMap<K, V, S> {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key).map(AsRef::as_ref)
    }
}

/// The pairs must be sorted by key, bytewise, and no key may occur twice.
impl<K: AsRef<str>, V: AsRef<str>> LabelSource for [(K, V)] {
    fn label(&self, key: &str) -> Option<&str> {
        let at = self.binary_search_by(|(k, _)| k.as_ref().cmp(key)).ok()?;
        self.get(at).map(|(_, value)| value.as_ref())
    }
}

/// As for a slice: sorted by key.
impl<K: AsRef<str>, V: AsRef<str>, const N: usize> LabelSource for [(K, V); N] {
    fn label(&self, key: &str) -> Option<&str> {
        self.as_slice().label(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn every_source_finds_what_it_holds_and_nothing_else() {
        let pairs = [("a", "1"), ("a.b", ""), ("b", "2")];
        let owned: BTreeMap<String, String> =
            pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let shared: BTreeMap<Arc<str>, Arc<str>> = pairs.iter().map(|&(k, v)| (k.into(), v.into())).collect();
        let hashed: HashMap<&str, &str> = pairs.into();
        let sources: [&dyn LabelSource; 5] = [&owned, &shared, &hashed, &pairs, &pairs.as_slice()];
        for source in sources {
            assert_eq!(source.label("a"), Some("1"));
            assert_eq!(source.label("a.b"), Some(""));
            assert_eq!(source.label("b"), Some("2"));
            assert_eq!(source.label("a."), None);
            assert_eq!(source.label("c"), None);
        }
    }
}
