//! Ids of rules: one is kept while its rule is unchanged, names that rule and no other, and is never given again.

use crate::cases;
use crate::generate::{asks, upsert, world};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use tierwall::cluster::{Cluster, PolicyEntry, RulePosition};
use tierwall::model::{Direction, Rule, RuleId, RuleOrigin};
use tierwall::reference::evaluate;
use tierwall::resource::Resource;
use tierwall::resource::calico;

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// What is done to a list of rules.
#[derive(Debug, Clone)]
enum Change {
    Remove(Index),
    Double(Index),
    Swap(Index, Index),
    InsertDeny(Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (0..4u8, any::<Index>(), any::<Index>()).prop_map(|(kind, a, b)| match kind {
        0 => Change::Remove(a),
        1 => Change::Double(a),
        2 => Change::Swap(a, b),
        _ => Change::InsertDeny(a),
    });
    prop::collection::vec(change, 1..4)
}

impl Change {
    fn apply<R: Clone>(&self, rules: &mut Vec<R>, deny: Option<R>) {
        let length = rules.len();
        match self {
            Change::InsertDeny(at) => {
                if let Some(deny) = deny {
                    rules.insert(at.index(length + 1), deny);
                }
            }
            _ if rules.is_empty() => {}
            Change::Remove(at) => drop(rules.remove(at.index(length))),
            Change::Double(at) => {
                let at = at.index(length);
                rules.insert(at, rules[at].clone());
            }
            Change::Swap(a, b) => rules.swap(a.index(length), b.index(length)),
        }
    }
}

/// The policy with other rules; anything else as it was.
fn changed(resource: &Resource, changes: &[Change]) -> Resource {
    let mut resource = resource.clone();
    let deny = calico::Rule { action: "Deny".to_owned(), ..calico::Rule::default() };
    for change in changes {
        match &mut resource {
            Resource::NetworkPolicy(policy) => {
                change.apply(&mut policy.spec.ingress, Some(Default::default()));
                change.apply(&mut policy.spec.egress, Some(Default::default()));
            }
            Resource::ClusterNetworkPolicy(policy) => {
                change.apply(&mut policy.spec.ingress, None);
                change.apply(&mut policy.spec.egress, None);
            }
            Resource::CalicoNetworkPolicy(policy) => {
                let lists = [&mut policy.spec.ingress, &mut policy.spec.egress];
                lists.into_iter().flatten().for_each(|rules| change.apply(rules, Some(deny.clone())));
            }
            Resource::GlobalNetworkPolicy(policy) => {
                let lists = [&mut policy.spec.ingress, &mut policy.spec.egress];
                lists.into_iter().flatten().for_each(|rules| change.apply(rules, Some(deny.clone())));
            }
            _ => {}
        }
    }
    resource
}

/// The rules of a policy by their id.
fn rules_by_id(entry: &PolicyEntry) -> BTreeMap<RuleId, (Direction, Rule)> {
    let of = |direction| {
        let rules = entry.policy.rules(direction).unwrap_or_default();
        rules.iter().enumerate().map(move |(index, rule)| {
            let id = entry.rule_id(direction, index).unwrap();
            (id, (direction, placeless(rule)))
        })
    };
    DIRECTIONS.into_iter().flat_map(of).collect()
}

/// The rule without its place; its name belongs to it.
fn placeless(rule: &Rule) -> Rule {
    let origin = RuleOrigin { name: rule.origin.name.clone(), ..RuleOrigin::default() };
    Rule { origin, ..rule.clone() }
}

fn count(rules: &BTreeMap<RuleId, (Direction, Rule)>, wanted: &(Direction, Rule)) -> usize {
    rules.values().filter(|rule| *rule == wanted).count()
}

/// Every id of every policy names what it is the id of.
fn check_resolution(cluster: &Cluster) {
    for entry in cluster.policies() {
        for direction in DIRECTIONS {
            let rules = entry.policy.rules(direction).unwrap_or_default();
            for (index, rule) in rules.iter().enumerate() {
                let info = cluster.rule(entry.rule_id(direction, index).unwrap()).unwrap();
                assert_eq!((info.direction, info.position), (direction, RulePosition::Rule(index)));
                assert_eq!(info.rule, Some(rule));
            }
            let end = cluster.rule(entry.end_id(direction).unwrap()).unwrap();
            assert_eq!((end.direction, end.position), (direction, RulePosition::EndOfTier));
            assert!(end.rule.is_none());
        }
    }
}

fn check_change(cluster: &mut Cluster, resource: &Resource, changes: &[Change]) {
    let Some(entry) = policy_of(cluster, resource) else { return };
    let (key, before) = (entry.policy.key.clone(), rules_by_id(entry));
    upsert(cluster, &changed(resource, changes));
    let after = rules_by_id(cluster.policy(&key).unwrap());
    for rule in after.values() {
        let kept = after.keys().filter(|id| before.contains_key(id) && after[id] == *rule).count();
        let (had, has) = (count(&before, rule), count(&after, rule));
        assert_eq!(kept, had.min(has), "of {had} rules that were there and {has} that are: {rule:#?}");
    }
    for (id, rule) in &before {
        match after.get(id) {
            Some(other) => assert_eq!(other, rule, "an id was given to another rule"),
            None => assert!(cluster.rule(*id).is_none(), "the id of a rule that is gone"),
        }
    }
    check_resolution(cluster);
}

fn policy_of<'c>(cluster: &'c Cluster, resource: &Resource) -> Option<&'c PolicyEntry> {
    let key = resource.key();
    cluster.policies().find(|entry| {
        let policy = &entry.policy.key;
        *policy.name == *key.name && policy.namespace.as_deref() == key.namespace.as_deref()
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_rule_keeps_its_id_while_others_change(world in world(), changes in changes()) {
        let mut cluster = world.cluster();
        check_resolution(&cluster);
        for object in world.objects.iter().filter(|object| object.kind().is_policy()) {
            check_change(&mut cluster, object, &changes);
        }
    }

    #[test]
    fn an_id_is_never_given_again(world in world()) {
        let mut cluster = world.cluster();
        let all = |cluster: &Cluster| -> Vec<RuleId> {
            cluster.policies().flat_map(|entry| rules_by_id(entry).into_keys()).collect()
        };
        let before = all(&cluster);
        for object in &world.objects {
            cluster.remove(&object.key());
        }
        prop_assert!(before.iter().all(|id| cluster.rule(*id).is_none()));
        for object in &world.objects {
            upsert(&mut cluster, object);
        }
        prop_assert!(all(&cluster).iter().all(|id| !before.contains(id)));
    }

    #[test]
    fn verdicts_name_rules(world in world(), asks in asks()) {
        let cluster = world.cluster();
        for ask in &asks {
            let evaluation = evaluate(&cluster, &ask.flow(&cluster), &ask.context);
            for verdict in [evaluation.enforced, evaluation.pending] {
                for direction in DIRECTIONS {
                    if let Some(id) = verdict.rule(direction) {
                        prop_assert!(cluster.rule(id).is_some());
                    }
                }
            }
        }
    }
}
