//! Objects of Calico (`projectcalico.org/v3`; as its datastore keeps them, `crd.projectcalico.org/v1`).

mod endpoint;
mod policy;
mod profile;
mod rule;
mod set;
mod staged;
mod tier;

pub use endpoint::{
    EndpointPort, HostEndpoint, HostEndpointSpec, IpNat, WorkloadEndpoint, WorkloadEndpointPort,
    WorkloadEndpointSpec,
};
pub use policy::{GlobalNetworkPolicy, GlobalNetworkPolicySpec, NetworkPolicy, NetworkPolicySpec};
pub use profile::{Profile, ProfileSpec};
pub use rule::{
    EntityRule, HttpMatch, HttpPath, IcmpFields, Rule, RuleMetadata, ServiceAccountMatch, ServiceMatch,
};
pub use set::{GlobalNetworkSet, NetworkSet, NetworkSetSpec};
pub use staged::{
    StagedGlobalNetworkPolicy, StagedGlobalNetworkPolicySpec, StagedKubernetesNetworkPolicy,
    StagedKubernetesNetworkPolicySpec, StagedNetworkPolicy, StagedNetworkPolicySpec,
};
pub use tier::{Tier, TierSpec};
