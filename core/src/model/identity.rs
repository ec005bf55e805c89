//! Identities of a TLS peer (calico.md 8, domains-rbac-l7.md 3.1).

use super::Name;
use crate::selector::Selector;
use std::fmt;

/// The service account a SPIFFE id names: `spiffe://<trust domain>/ns/<namespace>/sa/<account>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpiffeId<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The service account.
    pub service_account: &'a str,
}

impl<'a> SpiffeId<'a> {
    /// Reads a principal; `None` if it is not exactly of that form. The trust domain is not compared.
    ///
    /// ```
    /// use tierwall::model::SpiffeId;
    /// let id = SpiffeId::parse("spiffe://cluster.local/ns/shop/sa/web").unwrap();
    /// assert_eq!((id.namespace, id.service_account), ("shop", "web"));
    /// assert!(SpiffeId::parse("spiffe://cluster.local/ns/shop/sa/web/wl/x").is_none());
    /// ```
    pub fn parse(principal: &'a str) -> Option<Self> {
        let mut parts = principal.strip_prefix("spiffe://")?.split('/');
        let trust_domain = parts.next()?;
        let (ns, namespace, sa, service_account) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let well_formed = ns == "ns"
            && sa == "sa"
            && parts.next().is_none()
            && ![trust_domain, namespace, service_account].contains(&"");
        well_formed.then_some(SpiffeId { namespace, service_account })
    }
}

/// What the identity of a peer must be, where the flow tells one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IdentityMatch {
    /// Service account names; empty for any.
    pub names: Vec<Name>,
    /// A selector over the labels of the service account, as written.
    pub selector: Option<Selector>,
    /// The namespace.
    pub namespace: NamespaceMatch,
}

/// Which namespaces an identity may come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum NamespaceMatch {
    /// Any.
    #[default]
    Any,
    /// This one.
    Equals(Name),
    /// Those whose labels match, as written.
    Selector(Selector),
}

impl fmt::Display for IdentityMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.names.is_empty() {
            parts.push(format!("service account in {{{}}}", self.names.join(", ")));
        }
        if let Some(selector) = &self.selector {
            parts.push(format!("service account labels {selector}"));
        }
        match &self.namespace {
            NamespaceMatch::Any => {}
            NamespaceMatch::Equals(namespace) => parts.push(format!("namespace {namespace}")),
            NamespaceMatch::Selector(selector) => parts.push(format!("namespace labels {selector}")),
        }
        f.write_str(&parts.join(" and "))
    }
}
