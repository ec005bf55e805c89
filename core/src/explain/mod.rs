//! The full story of a verdict: as data first, as text second.
//!
//! A [`Trace`] is made by the same steps as the verdict. Every tier, policy and rule that was tried is there, with the
//! field of the rule that failed and the value it failed on; so is what was not reached. With the feature `serde` it
//! serializes to a schema that is versioned by [`TRACE_VERSION`]; its `Display` is an indented tree.

mod build;
mod describe;
mod text;

use crate::cluster::{Cluster, Phase, Scope};
use crate::model::{Action, DefaultAction, Direction, Flow, FlowContext, Reason, RuleAction};
use crate::reference::{Missing, Role, connect};

/// The version of the trace's schema. Fields may be added to a version; none is removed or changes its meaning.
pub const TRACE_VERSION: u32 = 1;

/// The whole story of one flow.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Trace {
    /// [`TRACE_VERSION`].
    pub version: u32,
    /// The generation of the cluster that answered.
    pub generation: u32,
    /// The flow.
    pub flow: FlowTrace,
    /// What is enforced.
    pub enforced: ConnectionTrace,
    /// What would be, were the staged policies enforced; absent if that takes the same way.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub pending: Option<ConnectionTrace>,
    /// The service the flow goes to.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub service: Option<ServiceTrace>,
}

/// The flow that was asked for.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct FlowTrace {
    /// The source, as `Pod shop/web (10.0.0.1)`.
    pub source: String,
    /// The destination.
    pub destination: String,
    /// The protocol's name, or its number.
    pub protocol: String,
    /// The source port, for protocols that have ports.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub source_port: Option<u16>,
    /// The destination port, for protocols that have ports.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub destination_port: Option<u16>,
    /// The ICMP type and code.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub icmp: Option<(u8, u8)>,
    /// The HTTP request, as `GET /path`.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub http: Option<String>,
}

/// Where the service of a flow leads.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct ServiceTrace {
    /// The service, as `namespace/name`.
    pub service: String,
    /// The node that receives the flow, for a node port.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub node: Option<String>,
    /// The flow to each backend.
    pub backends: Vec<FlowTrace>,
}

/// A connection under one reading of staged policies.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct ConnectionTrace {
    /// Allow, deny or undecided.
    pub action: Action,
    /// What would have to be known to decide.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub missing: Vec<Missing>,
    /// Log rules that matched on the way, for a service on the way to any backend.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub logged: Vec<DeciderTrace>,
    /// An HTTP clause passed because the flow carries no request.
    pub http_assumed: bool,
    /// The egress of the source, then the ingress of the destination. Empty for a service: see `backends`.
    pub sides: Vec<SideTrace>,
    /// The connection to each backend of a service, in the order of [`ServiceTrace::backends`].
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub backends: Vec<ConnectionTrace>,
}

/// One side of a connection.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct SideTrace {
    /// Egress of the source or ingress of the destination.
    pub direction: Direction,
    /// The endpoint, as `Pod shop/web`; absent for an address outside.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub endpoint: Option<String>,
    /// Allow, deny or undecided.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, or the end of a tier.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub decided_by: Option<DeciderTrace>,
    /// What was judged on the way, in order.
    pub steps: Vec<StepTrace>,
}

/// A rule, or the end of a tier, by its owner.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct DeciderTrace {
    /// The id in the verdict.
    pub rule_id: u32,
    /// The policy or profile, as `NetworkPolicy shop/web`.
    pub owner: String,
    /// The direction of the rule.
    pub direction: Direction,
    /// The place of the rule in the API object's list; absent for the end of a tier.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub index: Option<u32>,
    /// The rule's name.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub name: Option<String>,
    /// The file and line, as `policies.yaml:12`.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub origin: Option<String>,
}

/// One judgement on the way.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct StepTrace {
    /// What judges: an endpoint, or what is configured for the host.
    pub at: String,
    /// The direction as it sees it.
    pub direction: Direction,
    /// Whose traffic it is; absent where it is not an endpoint that judges.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub role: Option<Role>,
    /// Allow, deny or undecided.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The flow-log policy strings (calico.md 9.2), as `0|tier1|np:default/np1|pass|0`.
    pub policy_strings: Vec<String>,
    /// The phases in order.
    pub phases: Vec<PhaseTrace>,
}

/// One phase of a judgement: tiers, then in the normal phase profiles.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct PhaseTrace {
    /// Which phase.
    pub phase: Phase,
    /// The tiers that govern the endpoint, in order.
    pub tiers: Vec<TierTrace>,
    /// The profiles that were tried, in order.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub profiles: Vec<ProfileTrace>,
}

/// One tier.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct TierTrace {
    /// Its name.
    pub name: String,
    /// Its order; absent if it comes last.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub order: Option<f64>,
    /// What it does with a flow that none of its policies decided.
    pub default_action: DefaultAction,
    /// What came of it.
    pub outcome: TierOutcome,
    /// Its policies that govern the endpoint, in order.
    pub policies: Vec<PolicyTrace>,
}

/// What came of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase", tag = "by")
)]
pub enum TierOutcome {
    /// A rule ended it.
    Rule {
        /// Allow, deny or pass.
        action: RuleAction,
    },
    /// No rule did, and its default action was taken, or an exemption from it.
    Default {
        /// Allow, deny or pass.
        action: RuleAction,
        /// Why.
        reason: Reason,
    },
    /// Something before it decided.
    NotReached,
}

/// One policy.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct PolicyTrace {
    /// The policy, as `NetworkPolicy shop/web`.
    pub policy: String,
    /// It is staged.
    pub staged: bool,
    /// Its order; absent if it comes last.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub order: Option<f64>,
    /// The file and line, as `policies.yaml:12`.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub origin: Option<String>,
    /// Its rules of the direction, in order.
    pub rules: Vec<RuleTrace>,
}

/// One profile.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct ProfileTrace {
    /// Its name.
    pub name: String,
    /// It does not exist.
    pub missing: bool,
    /// Its rules of the direction, in order.
    pub rules: Vec<RuleTrace>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct RuleTrace {
    /// Its place in the normal form: in the list of the direction.
    pub index: usize,
    /// The place of the rule in the API object that it was made from.
    pub source_index: u32,
    /// Its name.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub name: Option<String>,
    /// What it does with a flow it matches.
    pub action: RuleAction,
    /// The file and line, as `policies.yaml:12`.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub origin: Option<String>,
    /// What came of it.
    pub outcome: RuleOutcome,
}

/// What came of a rule.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase", tag = "result")
)]
pub enum RuleOutcome {
    /// It matched.
    Matched,
    /// It did not.
    Missed {
        /// The field that failed, as `destination.ports`.
        field: String,
        /// What it asks for.
        expected: String,
        /// What the flow has.
        actual: String,
    },
    /// It is not known.
    Unknown {
        /// What would have to be known.
        missing: Vec<Missing>,
    },
    /// The HTTP request is not one that paths can be compared with.
    InvalidRequest,
    /// Something before it decided.
    NotReached,
}

/// The whole story of a flow. Its verdicts are those of [`evaluate`](crate::reference::evaluate).
///
/// ```
/// use tierwall::{cluster::Cluster, explain, model::*};
/// use std::net::IpAddr;
/// let cluster = Cluster::new();
/// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP).with_ports(40000, 80);
/// let trace = explain::explain(&cluster, &flow, &FlowContext::default());
/// assert!(trace.to_string().starts_with("ALLOW 10.0.0.1 -> 10.0.0.2 TCP 80"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn explain(cluster: &Cluster, flow: &Flow, context: &FlowContext) -> Trace {
    let enforced = connect(cluster, flow, context, Scope::Enforced, true);
    let pending = connect(cluster, flow, context, Scope::Pending, true);
    build::trace(cluster, context, &enforced, &pending)
}
