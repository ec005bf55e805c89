//! StagedKubernetesNetworkPolicy: a NetworkPolicy that Calico tries out (`spec/calico.md` 1.1, 4.1, 6.1).

use super::network_policy;
use super::policy::KubernetesPolicy;
use crate::diagnostic::Code;
use crate::dialect::{Dialect, TypesDefaulting};
use crate::lower::problems::{Checker, suggestion};
use crate::model::PolicyKind;
use crate::resource::Resource;
use crate::resource::calico::{StagedKubernetesNetworkPolicy, StagedKubernetesNetworkPolicySpec};
use crate::resource::kubernetes::NetworkPolicySpec;

/// The staged action that says the policy will be gone.
pub(super) const DELETE: &str = "Delete";
const ACTIONS: [&str; 4] = ["Set", DELETE, "Learn", "Ignore"];

/// True for a staged deletion, which is nothing to evaluate.
pub(super) fn is_delete(resource: &Resource) -> bool {
    matches!(resource, Resource::StagedKubernetesNetworkPolicy(policy) if policy.spec.staged_action == DELETE)
}

/// Reads a staged policy.
pub(super) fn read(
    checker: &mut Checker,
    policy: &StagedKubernetesNetworkPolicy,
    dialect: &Dialect,
) -> KubernetesPolicy {
    check_action(checker, &policy.spec);
    let spec = network_policy_spec(&policy.spec, dialect.types_defaulting);
    let kind = PolicyKind::StagedKubernetesNetworkPolicy;
    network_policy::read(checker, kind, &policy.metadata, &spec, dialect.cidr_syntax)
}

fn check_action(checker: &mut Checker, spec: &StagedKubernetesNetworkPolicySpec) {
    let action = spec.staged_action.as_str();
    let deletion =
        StagedKubernetesNetworkPolicySpec { staged_action: DELETE.to_owned(), ..Default::default() };
    checker.at("spec", |checker| {
        checker.at("stagedAction", |checker| {
            if !action.is_empty() && !ACTIONS.contains(&action) {
                let message = format!("`{action}` is not a staged action");
                checker.error(Code::UnknownValue, message, suggestion(action, ACTIONS));
            } else if action == DELETE && *spec != deletion {
                let message = "a staged deletion says nothing but that: the rest of the spec must be empty";
                checker.error(Code::ConflictingFields, message, "remove the other fields, or write `Set`");
            }
        });
    });
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
