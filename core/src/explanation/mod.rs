//! The story of a compiled verdict, by the ids of rules and endpoints.
//!
//! [`Snapshot::explain`](crate::Snapshot::explain) tells it from the tables alone, so it needs no [`Cluster`], holds no
//! name, and comes from a snapshot that was read from bytes too. It is what a flow log needs: an entry for each tier
//! that passed, allowed or denied, the profile, and the rules that log (calico.md 9.2). Whoever has the cluster makes
//! names of the ids: [`Judgement::hits`].
//!
//! [`explain`](mod@crate::explain) tells more, field by field, and takes the reference evaluator and the cluster for it.
//!
//! * `hits`: from ids to the names in a flow log.
//!
//! [`Cluster`]: crate::cluster::Cluster

mod hits;
#[cfg(test)]
mod tests;

use crate::cluster::Phase;
use crate::model::{Action, Direction, EndpointId, Flow, Judged, Point, Reason, RuleAction, RuleId, Verdict};

/// Both verdicts of a flow, each with its story.
///
/// ```
/// use tierwall::{Snapshot, cluster::Cluster, model::*};
/// use std::net::IpAddr;
/// let snapshot = Snapshot::compile(&Cluster::new());
/// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP).with_ports(40000, 80);
/// let told = snapshot.explain(&flow, &FlowContext::default());
/// assert_eq!(told.enforced.verdict, snapshot.verdict(&flow, &FlowContext::default()));
/// // Neither address is an endpoint, so nothing judged.
/// assert!(told.enforced.connections.iter().all(|connection| connection.egress.judgements.is_empty()));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Explanation {
    /// What is enforced.
    pub enforced: Account,
    /// What would be, were the staged policies enforced.
    pub pending: Account,
}

/// A verdict and how it came about.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Account {
    /// The verdict, with its flags.
    pub verdict: Verdict,
    /// Which form of the tables gave the verdict. The story is always that of the complete one, to which the fast one is
    /// held equal.
    pub form: Form,
    /// The connection; for a service, that to each backend which may receive it, in order. Their verdicts are joined as
    /// [`Account::verdict`] says: that on which they agree, or undecided. Empty if the service has no backend.
    pub connections: Vec<Connection>,
}

/// Which form of the compiled tables answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub enum Form {
    /// That by classes of addresses and ports, for flows of which nothing else is known.
    Fast,
    /// That which walks tiers, policies and profiles, for every flow.
    #[default]
    Complete,
}

/// A connection as it is judged at both ends. It is allowed if both allow it.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Connection {
    /// The flow, with the addresses that its ends use; to the backend, for a service.
    pub flow: Flow,
    /// What is said on the source's side.
    pub egress: End,
    /// What is said on the destination's side.
    pub ingress: End,
}

/// What is said on one side of a connection.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct End {
    /// What comes of it: each judgement has to allow, and then the reason is that of the endpoint's own policies.
    pub said: Judged,
    /// Who judged on the way, in order. Empty if nobody does: `said` has the reason, for one traffic to itself.
    pub judgements: Vec<Judgement>,
}

/// What one endpoint says of a flow in one direction, and how it comes to it.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Judgement {
    /// Who judges.
    pub at: At,
    /// What comes of it.
    pub said: Judged,
    /// What happened, in order. Rules that did not match are left out.
    pub steps: Vec<Step>,
    /// An HTTP clause passed because the flow carries no request.
    pub http_assumed: bool,
}

/// Who judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub enum At {
    /// The policies of an endpoint.
    Endpoint(Point),
    /// The untracked policies of a host endpoint, of the reply.
    Reply {
        /// The host endpoint.
        endpoint: EndpointId,
        /// The direction of the reply as the endpoint sees it.
        direction: Direction,
    },
    /// What is configured for traffic of workloads to their own host.
    EndpointToHost,
}

/// One thing that happened as a flow was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Step {
    /// The phase that the flow was in.
    pub phase: Phase,
    /// The rule, or the end of a tier as one policy brought it about; `None` if neither has a part in it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub rule: Option<RuleId>,
    /// What happened.
    pub did: Did,
}

/// What happened.
///
/// While something is unknown, a step may only be what happens if no undecided rule before it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase", tag = "what")
)]
#[non_exhaustive]
pub enum Did {
    /// A rule of a policy matched.
    Rule {
        /// What it did. Log goes on with the next rule, pass with the next tier.
        action: RuleAction,
    },
    /// No rule of a tier's policies decided.
    EndOfTier {
        /// What the tier did then: allow, deny or pass. Deny if it is undecided, as the reason says.
        action: RuleAction,
        /// Why: the tier's default action, or an exemption from it. Without a rule, the tier leaves this direction
        /// alone.
        reason: Reason,
    },
    /// A rule of a profile matched.
    ProfileRule {
        /// What it did. Log goes on with the next rule, pass with the next profile.
        action: RuleAction,
    },
    /// No rule of any profile decided, which denies.
    NoProfileMatched,
    /// A profile does not exist, which denies.
    MissingProfile {
        /// Its place in the endpoint's list, from 0.
        index: usize,
    },
    /// It is not known whether a rule matches.
    Undecided {
        /// What the rule would do.
        action: RuleAction,
    },
    /// The HTTP request is not one that the rule's paths can be compared with, which denies.
    InvalidRequest,
    /// The flow goes to a failsafe port, or replies to one that does: the policies of the phase have no say. In the normal
    /// phase, and of a reply, that allows it.
    Failsafe,
    /// Nothing in the phases that see the flow decided, and this is what holds then.
    Otherwise {
        /// Allow or deny.
        action: Action,
        /// Why.
        reason: Reason,
    },
}

impl Judgement {
    /// The rules that log it, in order.
    pub fn logs(&self) -> impl Iterator<Item = RuleId> {
        let logs = self.steps.iter().filter(|step| {
            let (Did::Rule { action } | Did::ProfileRule { action }) = step.did else { return false };
            action == RuleAction::Log
        });
        logs.filter_map(|step| step.rule)
    }

    /// The rules of which it is not known whether they match, in order.
    pub fn undecided(&self) -> impl Iterator<Item = RuleId> {
        let undecided = self.steps.iter().filter(|step| matches!(step.did, Did::Undecided { .. }));
        undecided.filter_map(|step| step.rule)
    }
}
