//! Kubernetes policies as the Calico policies they equal (`spec/calico.md` 6).

use super::policy::{KubernetesPolicy, Part, Peer, PodPeer, Rule};
use super::ports::Port;
use super::read_policy;
use crate::dialect::Dialect;
use crate::lower::problems::Checker;
use crate::model::{Direction, RuleAction};
use crate::resource::calico::{
    self, EntityRule, GlobalNetworkPolicySpec, NetworkPolicySpec, RuleMetadata, StagedNetworkPolicySpec,
};
use crate::resource::{IntOrString, ObjectMeta, Resource};
use std::collections::BTreeMap;

/// The Calico policy that a Kubernetes policy equals, as Calico itself converts it; `None` for other kinds, and for a
/// policy whose subject says nothing.
///
/// A NetworkPolicy becomes a Calico NetworkPolicy of order 1000 in the default tier, the cluster-wide kinds become
/// GlobalNetworkPolicies of the tiers `kube-admin` and `kube-baseline`, and a StagedKubernetesNetworkPolicy becomes a
/// StagedNetworkPolicy. To put it into a cluster, delete the original.
///
/// Nothing is validated: see [`lower`](crate::lower::lower) for that. A rule that is wrong, or that Calico has no words
/// for (a peer `nodes`; domain names in a rule that does not allow), is left out if it allows, and denies everything
/// otherwise (`spec/calico.md` 6.1, 6.2; `spec/kubernetes.md` 4.6).
///
/// ```
/// use tierwall::lower::calico_form;
/// use tierwall::resource::kubernetes::{NetworkPolicy, NetworkPolicySpec};
/// use tierwall::resource::{LabelSelector, ObjectMeta, Resource};
///
/// let policy = NetworkPolicy {
///     metadata: ObjectMeta::namespaced("shop", "isolate"),
///     spec: NetworkPolicySpec { pod_selector: LabelSelector::labels([("app", "web")]), ..Default::default() },
/// };
/// let Some(Resource::CalicoNetworkPolicy(form)) = calico_form(&policy.into()) else { unreachable!() };
/// assert_eq!(form.spec.selector, "projectcalico.org/orchestrator == 'k8s' && app == 'web'");
/// assert_eq!(form.spec.types, ["Ingress"]);
/// ```
pub fn calico_form(resource: &Resource) -> Option<Resource> {
    let source = read_policy(&mut Checker::default(), resource, &Dialect::default())?;
    let subject = source.subject.as_ref()?;
    let tier = source.tier?.to_owned();
    let [ingress, egress] =
        [Direction::Ingress, Direction::Egress].map(|direction| rules(&source, direction));
    let types = types(&source, [!ingress.is_empty(), !egress.is_empty()]);
    let (ingress, egress) = (Some(ingress), Some(egress));
    let (order, selector) = (source.order, subject.selector());
    let given = resource.metadata();
    let metadata = ObjectMeta {
        name: given.name.clone(),
        namespace: source.namespace.as_deref().map(str::to_owned),
        labels: given.labels.clone(),
        annotations: given.annotations.clone(),
        deletion_timestamp: None,
    };
    Some(match (resource, source.namespace) {
        (Resource::StagedKubernetesNetworkPolicy(staged), _) => {
            let staged_action = staged.spec.staged_action.clone();
            // A staged deletion says nothing but that.
            let spec = if source.is_deletion {
                StagedNetworkPolicySpec { staged_action, ..Default::default() }
            } else {
                StagedNetworkPolicySpec {
                    staged_action,
                    tier,
                    order,
                    selector,
                    types,
                    ingress,
                    egress,
                    ..Default::default()
                }
            };
            calico::StagedNetworkPolicy { metadata, spec }.into()
        }
        (_, Some(_)) => {
            let spec =
                NetworkPolicySpec { tier, order, selector, types, ingress, egress, ..Default::default() };
            calico::NetworkPolicy { metadata, spec }.into()
        }
        (_, None) => {
            let namespace_selector = subject.namespace_selector();
            let spec = GlobalNetworkPolicySpec {
                tier,
                order,
                selector,
                namespace_selector,
                types,
                ingress,
                egress,
                ..Default::default()
            };
            calico::GlobalNetworkPolicy { metadata, spec }.into()
        }
    })
}

/// NetworkPolicy states its directions. The other kinds govern a direction if there is a rule for it.
fn types(source: &KubernetesPolicy, has_rules: [bool; 2]) -> Vec<String> {
    let governed = match source.namespace {
        Some(_) => [source.governs_ingress, source.governs_egress],
        None => has_rules,
    };
    governed
        .into_iter()
        .zip(["Ingress", "Egress"])
        .filter(|(governed, _)| *governed)
        .map(|(_, word)| word.to_owned())
        .collect()
}

fn rules(source: &KubernetesPolicy, direction: Direction) -> Vec<calico::Rule> {
    source.rules(direction).iter().flat_map(|rule| rules_of(rule, direction)).collect()
}

fn rules_of(rule: &Rule, direction: Direction) -> Vec<calico::Rule> {
    let parts =
        rule.parts().map(|parts| parts.iter().map(|part| calico_rule(rule, part, direction)).collect());
    match (parts.flatten(), rule.action) {
        (Some(rules), _) => rules,
        (None, Some(RuleAction::Allow)) => Vec::new(),
        (None, _) => vec![calico::Rule { action: "Deny".to_owned(), ..calico::Rule::default() }],
    }
}

fn calico_rule(rule: &Rule, part: &Part<'_>, direction: Direction) -> Option<calico::Rule> {
    let peer = match part.peer {
        Some(peer) => entity(peer, part.action)?,
        None => EntityRule::default(),
    };
    let ports = part.ports.ports.iter().map(port).collect();
    let (source, destination) = match direction {
        Direction::Ingress => (peer, EntityRule { ports, ..EntityRule::default() }),
        Direction::Egress => (EntityRule::default(), EntityRule { ports, ..peer }),
    };
    let annotations = |name: &str| BTreeMap::from([("name".to_owned(), name.to_owned())]);
    Some(calico::Rule {
        action: action(part.action).to_owned(),
        protocol: part.ports.protocol.map(|protocol| protocol.to_string().into()),
        source,
        destination,
        metadata: rule.name.as_deref().map(|name| RuleMetadata { annotations: annotations(name) }),
        ..calico::Rule::default()
    })
}

fn action(action: RuleAction) -> &'static str {
    match action {
        RuleAction::Allow => "Allow",
        RuleAction::Deny => "Deny",
        RuleAction::Pass => "Pass",
        RuleAction::Log => "Log",
    }
}

/// `None` for a peer that Calico does not have: nodes, and domain names but to allow them.
fn entity(peer: &Peer, action: RuleAction) -> Option<EntityRule> {
    let texts = |nets: &[ipnet::IpNet]| nets.iter().map(ToString::to_string).collect();
    Some(match peer {
        Peer::Pods(pods) => pod_entity(pods),
        Peer::Nets(nets, except) => {
            EntityRule { nets: texts(nets), not_nets: texts(except), ..EntityRule::default() }
        }
        Peer::Domains(domains) if action == RuleAction::Allow => {
            EntityRule { domains: domains.iter().map(ToString::to_string).collect(), ..EntityRule::default() }
        }
        Peer::Domains(_) | Peer::Nodes(_) => return None,
    })
}

fn pod_entity(pods: &PodPeer) -> EntityRule {
    EntityRule {
        selector: pods.selector(),
        namespace_selector: pods.namespace_selector(),
        ..EntityRule::default()
    }
}

fn port(port: &Port) -> IntOrString {
    match port {
        Port::Range(range) if range.first() == range.last() => i64::from(range.first()).into(),
        Port::Range(range) => range.to_string().into(),
        Port::Named(name) => IntOrString::from(&**name),
    }
}
