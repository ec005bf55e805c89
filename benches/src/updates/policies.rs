//! Edits of policies.

use super::edits::{Edit, Editor};
use crate::workload::rng::{index, length};
use tierwall::cluster::Cluster;
use tierwall::model::{Direction, EntityMatch, Policy, PolicyKey, PolicyKind, Rule, RuleAction};
use tierwall::resource::{Kind, ResourceKey};

/// What one of the policies says in one of its rules becomes what one of them says in another: the ports, the action, or
/// the peer. `None` if that is the same, or there is no rule.
pub(super) fn edit(editor: &mut Editor, cluster: &Cluster, keys: &[PolicyKey]) -> Option<Edit> {
    let old = &cluster.policy(editor.pick(keys)?)?.policy;
    let donor = &cluster.policy(editor.pick(keys)?)?.policy;
    let direction = *editor.rng.pick(&[Direction::Ingress, Direction::Egress]);
    let donor = editor.pick(donor.rules(direction)?)?;
    let mut policy = old.clone();
    let rules = match direction {
        Direction::Ingress => policy.ingress.as_mut(),
        Direction::Egress => policy.egress.as_mut(),
    }?;
    let at = index(editor.rng.below(length(rules)));
    let rule = rules.get_mut(at)?;
    match editor.rng.below(3) {
        0 => {
            rule.protocol = donor.protocol;
            rule.destination.ports = donor.destination.ports.clone();
        }
        1 => rule.action = other_action(rule.action, donor.action),
        _ => take_peer(rule, donor, direction),
    }
    if policy == *old { None } else { Edit::put(policy) }
}

/// That of the donor, or if it is the same, the opposite.
fn other_action(old: RuleAction, donor: RuleAction) -> RuleAction {
    match (old, donor) {
        (RuleAction::Allow, RuleAction::Allow) => RuleAction::Deny,
        (old, donor) if old == donor => RuleAction::Allow,
        (_, donor) => donor,
    }
}

fn take_peer(rule: &mut Rule, donor: &Rule, direction: Direction) {
    match direction {
        Direction::Ingress => rule.source = donor.source.clone(),
        Direction::Egress => {
            let ports = std::mem::take(&mut rule.destination.ports);
            rule.destination = EntityMatch { ports, ..donor.destination.clone() };
        }
    }
}

/// A policy like another one of its namespace comes, and then goes.
pub(super) fn come_or_go(editor: &mut Editor, cluster: &Cluster) -> Option<Edit> {
    if let Some(key) = editor.draft.take() {
        return Some(Edit::Remove(key));
    }
    let namespaces = std::mem::take(&mut editor.namespaced);
    let key = editor.pick(&namespaces).and_then(|keys| editor.pick(keys)).cloned();
    editor.namespaced = namespaces;
    let like = &cluster.policy(&key?)?.policy;
    let name = format!("draft-{}", editor.next_number());
    let namespace = like.key.namespace.as_deref().map(str::to_owned);
    editor.draft = Some(ResourceKey { kind: Kind::CalicoNetworkPolicy, namespace, name: name.clone() });
    let key = PolicyKey {
        kind: PolicyKind::NetworkPolicy,
        namespace: like.key.namespace.clone(),
        name: name.into(),
    };
    Edit::put(Policy { key, ..like.clone() })
}
