//! StagedKubernetesNetworkPolicy: a NetworkPolicy that Calico tries out (`spec/calico.md` 1.1, 4.1, 6.1).

use super::network_policy;
use super::policy::KubernetesPolicy;
use crate::dialect::{Dialect, TypesDefaulting};
use crate::lower::problems::Checker;
use crate::lower::staged::is_deletion;
use crate::model::PolicyKind;
use crate::resource::calico::{StagedKubernetesNetworkPolicy, StagedKubernetesNetworkPolicySpec};
use crate::resource::kubernetes::NetworkPolicySpec;

/// Reads a staged policy. One that stages a deletion governs nothing.
pub(super) fn read(
    checker: &mut Checker,
    policy: &StagedKubernetesNetworkPolicy,
    dialect: &Dialect,
) -> KubernetesPolicy {
    let StagedKubernetesNetworkPolicySpec { staged_action, .. } = &policy.spec;
    let bare =
        StagedKubernetesNetworkPolicySpec { staged_action: staged_action.clone(), ..Default::default() };
    let is_deletion =
        checker.at("spec", |checker| is_deletion(checker, staged_action, policy.spec == bare, ""));
    let spec = network_policy_spec(&policy.spec, dialect.types_defaulting);
    let kind = PolicyKind::StagedKubernetesNetworkPolicy;
    let read = network_policy::read(checker, kind, &policy.metadata, &spec, dialect.cidr_syntax);
    KubernetesPolicy { is_deletion, ..read }
}

/// The spec with its types stated: Calico defaults them in a way of its own.
fn network_policy_spec(
    spec: &StagedKubernetesNetworkPolicySpec,
    defaulting: TypesDefaulting,
) -> NetworkPolicySpec {
    let has_egress = match defaulting {
        TypesDefaulting::ByLength => spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()),
        TypesDefaulting::ByPresence => spec.egress.is_some(),
    };
    let policy_types = match (spec.policy_types.as_slice(), has_egress) {
        ([], true) => vec!["Ingress".to_owned(), "Egress".to_owned()],
        (given, _) => given.to_vec(),
    };
    NetworkPolicySpec {
        pod_selector: spec.pod_selector.clone(),
        policy_types,
        ingress: spec.ingress.clone().unwrap_or_default(),
        egress: spec.egress.clone().unwrap_or_default(),
    }
}
