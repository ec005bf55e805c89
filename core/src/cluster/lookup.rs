//! Names that people write for the ends of a flow.

use super::Cluster;
use crate::model::{EndpointId, EndpointKey, EndpointKind, Name, ServiceKey, Side};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One end of a flow as a person names it.
///
/// ```
/// use tierwall::cluster::EndRef;
/// assert_eq!("shop/web".parse(), Ok(EndRef::Workload { namespace: "shop".into(), name: "web".into() }));
/// assert_eq!("host/node-1".parse(), Ok(EndRef::Host("node-1".into())));
/// assert_eq!("192.0.2.1".parse(), Ok(EndRef::Address("192.0.2.1".parse()?)));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndRef {
    /// `NAMESPACE/NAME`: a pod, or a workload of another kind.
    Workload {
        /// Its namespace.
        namespace: Name,
        /// Its name.
        name: Name,
    },
    /// `host/NODE`: the node itself.
    Host(Name),
    /// `svc/NAMESPACE/NAME`: a service.
    Service(ServiceKey),
    /// An address.
    Address(IpAddr),
}

/// A text that names no end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not NAMESPACE/NAME, host/NODE, svc/NAMESPACE/NAME or an address")]
pub struct InvalidEnd {
    text: String,
}

impl FromStr for EndRef {
    type Err = InvalidEnd;

    fn from_str(text: &str) -> Result<Self, InvalidEnd> {
        if let Ok(address) = text.parse() {
            return Ok(EndRef::Address(address));
        }
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["host", node] if !node.is_empty() => Ok(EndRef::Host((*node).into())),
            ["svc", namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(EndRef::Service(ServiceKey { namespace: Some((*namespace).into()), name: (*name).into() }))
            }
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(EndRef::Workload { namespace: (*namespace).into(), name: (*name).into() })
            }
            _ => Err(InvalidEnd { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for EndRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndRef::Workload { namespace, name } => write!(f, "{namespace}/{name}"),
            EndRef::Host(node) => write!(f, "host/{node}"),
            EndRef::Service(key) => write!(f, "svc/{key}"),
            EndRef::Address(address) => write!(f, "{address}"),
        }
    }
}

/// A name that nothing in the cluster has, with the nearest ones that something has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEnd {
    end: EndRef,
    similar: Vec<String>,
}

impl fmt::Display for UnknownEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cluster has no {}", self.end)?;
        if !self.similar.is_empty() {
            write!(f, "; it has {}", self.similar.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownEnd {}

impl Cluster {
    /// The id of an endpoint; `None` if there is none of that key.
    pub fn endpoint_id(&self, key: &EndpointKey) -> Option<EndpointId> {
        self.endpoints.id(key)
    }

    /// The workload of that namespace and name, of the first kind in the order of [`EndpointKind::ALL`] that has it.
    pub fn workload(&self, namespace: &str, name: &str) -> Option<EndpointId> {
        let kinds = EndpointKind::ALL.into_iter().filter(|kind| *kind != EndpointKind::HostEndpoint);
        kinds
            .map(|kind| EndpointKey { kind, namespace: Some(namespace.into()), name: name.into() })
            .find_map(|key| self.endpoint_id(&key))
    }

    /// What a name means as the end of a flow. A service stands for its first address; one without an address is
    /// reached through [`FlowContext::service`](crate::model::FlowContext::service).
    ///
    /// # Errors
    /// If nothing in the cluster has the name, or it has neither an address nor an endpoint to stand for it.
    pub fn side(&self, end: &EndRef) -> Result<Side, UnknownEnd> {
        let found = match end {
            EndRef::Address(address) => Some(Side::Address(*address)),
            EndRef::Workload { namespace, name } => match self.workload(namespace, name) {
                Some(id) => Some(Side::Endpoint(id)),
                None => self.host_pod_side(namespace, name),
            },
            EndRef::Host(node) => self.host_side(node),
            EndRef::Service(key) => {
                self.service(key).and_then(|service| service.addresses.first()).copied().map(Side::Address)
            }
        };
        found.ok_or_else(|| UnknownEnd { end: end.clone(), similar: self.similar(end) })
    }

    /// A node is its address; without one, its host endpoint.
    fn host_side(&self, node: &str) -> Option<Side> {
        let address = self.node(node).and_then(|node| node.addresses.first()).copied().map(Side::Address);
        address.or_else(|| self.host_endpoints_of(node).next().map(|entry| Side::Endpoint(entry.id)))
    }

    fn host_pod_side(&self, namespace: &str, name: &str) -> Option<Side> {
        let pod = self.host_pods.get(&(namespace.into(), name.into()))?;
        let address = pod.addresses.first().copied().map(Side::Address);
        address.or_else(|| self.host_side(pod.node.as_deref()?))
    }

    fn similar(&self, end: &EndRef) -> Vec<String> {
        const MOST: usize = 3;
        let mut close: Vec<String> = match end {
            EndRef::Workload { namespace, name } => self
                .endpoints()
                .map(|entry| &entry.endpoint.key)
                .filter(|key| key.name == *name || key.namespace.as_ref() == Some(namespace))
                .map(|key| format!("{}/{}", key.namespace.as_deref().unwrap_or("host"), key.name))
                .collect(),
            EndRef::Host(_) => self.nodes().map(|node| format!("host/{}", node.name)).collect(),
            EndRef::Service(key) => self
                .services()
                .filter(|service| service.key.name == key.name || service.key.namespace == key.namespace)
                .map(|service| format!("svc/{}", service.key))
                .collect(),
            EndRef::Address(_) => Vec::new(),
        };
        let wanted = end.to_string();
        close.sort_by_key(|name| std::cmp::Reverse(common_prefix(name, &wanted)));
        close.into_iter().take(MOST).collect()
    }
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}
