//! Where on its way a flow is judged.

use super::{Action, Direction, EndpointId, Reason, RuleId};

/// Where a flow is judged: at which endpoint, in which direction, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
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

/// What one endpoint says of a flow in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Judged {
    /// Allow, deny, or undecided.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, or the end of a tier.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub rule: Option<RuleId>,
}
