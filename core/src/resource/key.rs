//! What names a resource.

use super::{Kind, Resource};
use std::fmt;

/// What names a resource: no two of one cluster have the same key.
///
/// Prints as `NetworkPolicy shop/database`, or `Tier security` where there is no namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// The kind.
    pub kind: Kind,
    /// The namespace; `None` for cluster-scoped kinds, and for them only.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl Resource {
    /// What names this resource. A namespaced one that does not say its namespace is in `default`, and a namespace
    /// that a cluster-scoped one states means nothing.
    pub fn key(&self) -> ResourceKey {
        let (kind, metadata) = (self.kind(), self.metadata());
        let given = metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let namespace = kind.is_namespaced().then(|| given.unwrap_or("default").to_owned());
        ResourceKey { kind, namespace, name: metadata.name.clone() }
    }
}
