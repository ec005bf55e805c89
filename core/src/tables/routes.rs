//! Where addresses of services lead.

use super::{Arena, Pool, Shared, Span};
use crate::model::ServiceKey;
use std::net::IpAddr;

/// One place a service may send a flow to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) address: Option<IpAddr>,
    /// Its endpoint's number, or [`NONE`](super::NONE).
    pub(crate) endpoint: u32,
    pub(crate) port: u16,
}

/// Where a flow is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Route {
    pub(crate) backends: Span,
    /// Only backends on the node that receives it count, and they see the client's address.
    pub(crate) local_only: bool,
}

/// A protocol with a port.
pub(crate) type RouteKey = (u8, u16);

/// Routes, sorted by what they are found by.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Routes {
    /// By a service's address.
    pub(crate) by_address: Arena<((IpAddr, RouteKey), Route)>,
    /// By node port: towards IPv4, towards IPv6.
    pub(crate) by_node_port: Arena<(RouteKey, [Route; 2])>,
    /// By the service's name: its namespace, its name.
    pub(crate) by_service: Shared<(ServiceKey, Vec<(RouteKey, Route)>)>,
    pub(crate) backends: Pool<Backend>,
}

impl Routes {
    pub(crate) fn to_address(&self, address: IpAddr, key: RouteKey) -> Option<Route> {
        find(&self.by_address, &(address, key)).copied()
    }

    pub(crate) fn to_node_port(&self, address: IpAddr, key: RouteKey) -> Option<Route> {
        let [v4, v6] = find(&self.by_node_port, &key)?;
        Some(if address.is_ipv4() { *v4 } else { *v6 })
    }

    pub(crate) fn to_service(&self, service: &ServiceKey, key: RouteKey) -> Option<Route> {
        find(find(self.by_service.as_slice(), service)?, &key).copied()
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.by_address)
            + size_of_val(&*self.by_node_port)
            + self.by_service.bytes()
            + self.backends.bytes()
    }
}

fn find<'a, K: Ord, V>(sorted: &'a [(K, V)], key: &K) -> Option<&'a V> {
    let position = sorted.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
    sorted.get(position).map(|(_, value)| value)
}
