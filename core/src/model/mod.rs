//! Domain values: what flows, rules and verdicts are made of. Nothing here parses text or knows an API dialect.

mod address_set;
mod columns;
mod domain;
mod flow;
mod http;
mod identity;
mod inventory;
mod net;
mod point;
mod policy;
mod rule;
#[cfg(feature = "serde")]
mod serial;
mod verdict;

pub use address_set::{AddressPort, AddressPortSet, AddressSet};
pub use columns::{ColumnLength, Columns, Ends};
pub use domain::{DomainPattern, InvalidDomain, canonical_domain};
pub use flow::{Flow, FlowContext, Http, HttpRequest, OriginalDestination, Side};
pub use http::{HttpMatch, PathMatch, normalise_path};
pub use identity::{IdentityMatch, NamespaceMatch, SpiffeId};
pub use inventory::{
    Endpoint, EndpointKey, EndpointKind, EndpointPort, HostInterface, NetworkSet, NetworkSetKey, Node,
    Service, ServiceBackend, ServicePort, ServiceSlice, ServiceTarget,
};
pub use net::{IcmpMatch, InvalidPortRange, IpVersion, PortRange, Protocol};
pub use point::{Judged, Point, Role};
pub use policy::{
    DefaultAction, Direction, Isolation, Order, OtherProtocols, Policy, PolicyClass, PolicyKey, PolicyKind,
    Profile, Tier,
};
pub use rule::{EntityMatch, Origin, PortMatch, Rule, RuleAction, RuleOrigin, ServiceKey};
pub use verdict::{Action, EndpointId, Evaluation, Reason, RuleId, Verdict};

use std::sync::Arc;

/// A shared name: of a tier, policy, namespace, profile or port.
pub type Name = Arc<str>;
