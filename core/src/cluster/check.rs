//! References between objects that lead nowhere, and orders that the APIs leave open.

use super::Cluster;
use crate::diagnostic::{Code, Diagnostic, FieldPath, Location, Problem};
use crate::model::{Origin, Policy, PolicyKind, Tier};

impl Cluster {
    /// What is legal in each object and questionable in the whole: policies in a tier that does not exist, endpoints
    /// with a profile that does not exist, Kubernetes policies of equal priority. All of them warnings, in the order
    /// of tiers and policies, then of endpoints.
    pub fn check(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (tier, policies) in self.tiers() {
            let mut previous: Option<&Policy> = None;
            for policy in policies.map(|entry| &entry.policy) {
                found.extend(self.missing_tier(tier, policy));
                if is_administrative(policy) {
                    found.extend(previous.and_then(|previous| ambiguous(previous, policy)));
                    previous = Some(policy);
                }
            }
        }
        found.extend(self.missing_profiles());
        found
    }

    fn missing_tier(&self, tier: &Tier, policy: &Policy) -> Option<Diagnostic> {
        let exists = self.policies.has_tier(&tier.name)
            || Tier::reserved().iter().any(|known| known.name == tier.name);
        let message = format!(
            "the tier `{}` does not exist: this policy comes after every other tier, and what it does not allow is denied",
            tier.name
        );
        let problem = Problem::warning(Code::MissingTier, FieldPath::root().key("spec").key("tier"), message)
            .with_help(format!("add a Tier `{}`, or name an existing one", tier.name));
        (!exists).then(|| at(problem, policy.key.to_string(), policy.origin.as_ref()))
    }

    fn missing_profiles(&self) -> impl Iterator<Item = Diagnostic> + '_ {
        self.endpoints().flat_map(|entry| {
            let endpoint = &entry.endpoint;
            let missing = endpoint.profiles.iter().filter(|name| self.profile(name).is_none());
            missing.map(|name| {
                let message = format!("the profile `{name}` does not exist: what no policy allows is denied");
                let problem = Problem::warning(
                    Code::MissingProfile,
                    FieldPath::root().key("spec").key("profiles"),
                    message,
                )
                .with_help("add the profile, or leave it out");
                at(problem, endpoint.key.to_string(), endpoint.origin.as_ref())
            })
        })
    }
}

fn is_administrative(policy: &Policy) -> bool {
    matches!(
        policy.key.kind,
        PolicyKind::KubernetesClusterNetworkPolicy | PolicyKind::KubernetesAdminNetworkPolicy
    )
}

/// Kubernetes leaves the order of admin policies of one priority open (kubernetes.md 4.4).
fn ambiguous(previous: &Policy, policy: &Policy) -> Option<Diagnostic> {
    let message = format!(
        "{} and {} have the same priority: which comes first is up to the implementation; here the first one does",
        previous.key, policy.key
    );
    let problem =
        Problem::warning(Code::AmbiguousPriority, FieldPath::root().key("spec").key("priority"), message)
            .with_help("give them different priorities");
    (previous.order == policy.order).then(|| at(problem, policy.key.to_string(), policy.origin.as_ref()))
}

fn at(problem: Problem, object: String, origin: Option<&Origin>) -> Diagnostic {
    let location = origin.map(|origin| Location {
        source: origin.source.clone(),
        line: origin.line,
        column: 1,
        width: 1,
        text: String::new(),
    });
    Diagnostic { location, ..Diagnostic::without_location(problem, Some(object)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Isolation, Order, PolicyClass, PolicyKey};
    use crate::selector::Selector;

    fn policy(kind: PolicyKind, name: &str, tier: &str) -> Policy {
        Policy {
            key: PolicyKey { kind, namespace: None, name: name.into() },
            tier: tier.into(),
            order: Order::new(5.0),
            subject: Selector::all(),
            ingress: None,
            egress: None,
            class: PolicyClass::Normal { apply_on_forward: false },
            isolation: Isolation::default(),
            origin: Some(Origin { source: "p.yaml".into(), line: 7 }),
        }
    }

    #[test]
    fn a_tier_that_does_not_exist_is_reported() {
        let mut cluster = Cluster::new();
        cluster.put(policy(PolicyKind::GlobalNetworkPolicy, "a", "security"));
        let found = cluster.check();
        insta::assert_snapshot!(found[0], @r"
        warning[TW0601]: the tier `security` does not exist: this policy comes after every other tier, and what it does not allow is denied
         --> p.yaml:7:1
          = in GlobalNetworkPolicy a, spec.tier
          = help: add a Tier `security`, or name an existing one
        ");
        cluster.put(Tier {
            name: "security".into(),
            order: Order::new(1.0),
            default_action: Default::default(),
        });
        assert_eq!(cluster.check(), []);
    }

    #[test]
    fn equal_priorities_are_reported_for_kubernetes_only() {
        let mut cluster = Cluster::new();
        for name in ["a", "b"] {
            cluster.put(policy(PolicyKind::GlobalNetworkPolicy, name, Tier::KUBE_ADMIN));
        }
        assert_eq!(cluster.check(), []);
        for name in ["a", "b"] {
            cluster.put(policy(PolicyKind::KubernetesClusterNetworkPolicy, name, Tier::KUBE_ADMIN));
        }
        let codes: Vec<Code> = cluster.check().iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, [Code::AmbiguousPriority]);
    }
}
