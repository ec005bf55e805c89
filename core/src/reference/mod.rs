//! The reference evaluator: the definition of correct, written to be read beside the specification.
//!
//! It works straight from the [`Cluster`]: no index but that of addresses, no table, nothing
//! prepared. Everything faster is held equal to it.
//!
//! * `facts`: the two ends of a flow, and what is known of them.
//! * `matching`: one rule against one flow (calico.md 4).
//! * `walk`: tiers, policies, rules, profiles (calico.md 5).
//! * `judge`: one endpoint in one direction, with the phases of host endpoints (calico.md 7.2).
//! * `connection`: both ends, and what lies between them (calico.md 7.3, kubernetes.md 2.8, 5).

mod connection;
mod facts;
mod host;
mod judge;
mod matching;
mod outcome;
mod walk;

pub use crate::model::{Point, Role};
pub use judge::{Judgement, judge};
pub use matching::{Criterion, End, Field, Match, matches};
pub use outcome::Missing;
pub use walk::{Decider, Hit};

pub(crate) use connection::{Connection, SideResult, Step, StepKind, connect};
pub(crate) use facts::Facts;
pub(crate) use walk::Event;

use crate::cluster::{Cluster, Scope};
use crate::model::{Evaluation, Flow, FlowContext, Verdict};

/// The verdict of a connection, enforced and pending: the egress of its source joined with the ingress of its
/// destination, and everything on the way.
///
/// Time is linear in the policies, rules, network sets and services of the cluster.
///
/// ```
/// use tierwall::cluster::Cluster;
/// use tierwall::model::{Flow, FlowContext, Protocol};
/// use tierwall::reference;
/// use std::net::IpAddr;
/// let cluster = Cluster::new();
/// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP).with_ports(40000, 80);
/// // Neither address is an endpoint, so no policy has a say.
/// assert!(reference::evaluate(&cluster, &flow, &FlowContext::default()).enforced.is_allowed());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn evaluate(cluster: &Cluster, flow: &Flow, context: &FlowContext) -> Evaluation {
    let verdict = |scope| connect(cluster, flow, context, scope, false).verdict(cluster.generation());
    let (enforced, pending) = (verdict(Scope::Enforced), verdict(Scope::Pending));
    let differs = enforced.action() != pending.action();
    Evaluation {
        enforced: enforced.with_flag(Verdict::STAGED_DIFFERS, differs),
        pending: pending.with_flag(Verdict::STAGED_DIFFERS, differs),
    }
}
