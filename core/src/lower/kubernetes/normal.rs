//! Kubernetes policies in the normal form: what Calico makes of the Calico policies they equal (`spec/calico.md` 6), with
//! the peers that Calico does not have.

use super::policy::{KubernetesPolicy, Part, Peer, PodPeer, Rule};
use super::ports::Port;
use crate::diagnostic::Problem;
use crate::dialect::{CidrPods, Dialect, EgressToOwnNode, SelectionScope};
use crate::lower::calico_selector::{PeerFields, SubjectFields, subject, unlimited_selector};
use crate::lower::problems::Checker;
use crate::model::{
    self, Direction, EntityMatch, Isolation, Order, PolicyClass, PolicyKey, PortMatch, RuleAction, RuleOrigin,
};
use crate::selector::Selector;

/// The policy; `None` if a part of it has no meaning, about which the checker knows.
pub(super) fn policy(
    checker: &mut Checker,
    source: &KubernetesPolicy,
    dialect: &Dialect,
) -> Option<model::Policy> {
    let subject = subject_of(checker, source)?;
    let rules = |checker: &mut Checker, direction| {
        let rules = source.rules(direction).iter().enumerate();
        let rules: Option<Vec<_>> =
            rules.map(|(index, rule)| rules_of(checker, source, direction, (index, rule), dialect)).collect();
        rules.map(|rules| source.governs(direction).then(|| rules.into_iter().flatten().collect()))
    };
    Some(model::Policy {
        key: PolicyKey { kind: source.kind, namespace: source.namespace.clone(), name: source.name.clone() },
        tier: source.tier?.into(),
        order: Order::new(source.order?),
        subject,
        ingress: rules(checker, Direction::Ingress)?,
        egress: rules(checker, Direction::Egress)?,
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: isolation(source, dialect),
        origin: None,
    })
}

/// Only NetworkPolicy isolates; the tiers of the other kinds pass what no rule matched.
fn isolation(source: &KubernetesPolicy, dialect: &Dialect) -> Isolation {
    if source.namespace.is_none() {
        return Isolation::default();
    }
    Isolation {
        exempts_own_node: dialect.egress_to_own_node == EgressToOwnNode::Allowed,
        other_protocols: dialect.other_protocols,
        settles_other_direction: dialect.selection_scope == SelectionScope::AnyDirection,
    }
}

fn subject_of(checker: &mut Checker, source: &KubernetesPolicy) -> Option<Selector> {
    let pods = source.subject.as_ref()?;
    let fields = SubjectFields {
        selector: unlimited_selector(checker, &pods.selector()),
        namespace_selector: unlimited_selector(checker, &pods.namespace_selector()),
        service_account_selector: None,
    };
    checker.value(subject(&fields, source.namespace.as_deref()))
}

/// What one rule of the API object becomes.
fn rules_of(
    checker: &mut Checker,
    source: &KubernetesPolicy,
    direction: Direction,
    (index, rule): (usize, &Rule),
    dialect: &Dialect,
) -> Option<Vec<model::Rule>> {
    let origin =
        RuleOrigin { index: u32::try_from(index).unwrap_or(u32::MAX), name: rule.name.clone(), at: None };
    let parts = rule.parts()?;
    let mut lower = |part: &Part<'_>| {
        let peer = match part.peer {
            Some(peer) => checker.value(entity(source.namespace.as_deref(), peer, dialect))?,
            None => EntityMatch::default(),
        };
        // As in every rule of Calico that allows egress (`spec/domains-rbac-l7.md` 1.1).
        let set_domains =
            peer.selector.is_some() && direction == Direction::Egress && part.action == RuleAction::Allow;
        let peer = EntityMatch { set_domains, ..peer };
        let ports = port_match(&part.ports.ports);
        let (source, destination) = match direction {
            Direction::Ingress => (peer, EntityMatch { ports, ..EntityMatch::default() }),
            Direction::Egress => (EntityMatch::default(), EntityMatch { ports, ..peer }),
        };
        let rule = model::Rule::new(part.action);
        Some(model::Rule {
            protocol: part.ports.protocol,
            source,
            destination,
            origin: origin.clone(),
            ..rule
        })
    };
    parts.iter().map(&mut lower).collect()
}

fn port_match(ports: &[Port]) -> PortMatch {
    let mut matched = PortMatch::default();
    for port in ports {
        match port {
            Port::Range(range) => matched.ranges.push(*range),
            Port::Named(name) => matched.names.push(name.clone()),
        }
    }
    matched
}

fn entity(namespace: Option<&str>, peer: &Peer, dialect: &Dialect) -> Result<EntityMatch, Problem> {
    Ok(match peer {
        Peer::Pods(pods) => pod_entity(namespace, pods)?,
        Peer::Nets(nets, except) => EntityMatch {
            nets: nets.clone(),
            not_nets: except.clone(),
            nets_skip_workloads: dialect.cidr_pods == CidrPods::NotMatched,
            ..EntityMatch::default()
        },
        Peer::Nodes(nodes) => EntityMatch { nodes: Some(nodes.clone()), ..EntityMatch::default() },
        Peer::Domains(domains) => EntityMatch { domains: domains.clone(), ..EntityMatch::default() },
    })
}

fn pod_entity(namespace: Option<&str>, pods: &PodPeer) -> Result<EntityMatch, Problem> {
    // These texts were put together from labels that are valid, so there is nothing to report.
    let mut unused = Checker::default();
    let fields = PeerFields {
        selector: unlimited_selector(&mut unused, &pods.selector()),
        namespace_selector: unlimited_selector(&mut unused, &pods.namespace_selector()),
        ..PeerFields::default()
    };
    let selectors = fields.selectors(namespace)?;
    Ok(EntityMatch {
        selector: selectors.positive,
        not_selector: selectors.negative,
        identity: fields.identity(namespace),
        ..EntityMatch::default()
    })
}
