//! Where on its way a flow is judged.

use super::{Direction, EndpointId};

/// Where a flow is judged: at which endpoint, in which direction, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The direction as the endpoint sees it.
    pub direction: Direction,
    /// Whose traffic it is.
    pub role: Role,
}

/// Whose traffic passes an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub enum Role {
    /// The endpoint's own.
    Own,
    /// That which a host forwards: pre-DNAT and apply-on-forward policy of its host endpoint.
    Forwarded,
    /// That of a workload to its own host, of which the host endpoint sees pre-DNAT policy only (calico.md 7.3).
    PreDnatOnly,
}
