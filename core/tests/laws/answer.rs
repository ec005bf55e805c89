//! What a cluster says and what is in it, without the ids that hang on how it came to be.

use crate::generate::{Ask, World};
use std::collections::BTreeMap;
use tierwall::cluster::{Cluster, RuleOwner, RulePosition};
use tierwall::model::{
    Action, Direction, Endpoint, Name, NetworkSet, Node, Policy, Profile, Reason, Rule, Service, Tier,
    Verdict,
};
use tierwall::reference::evaluate;

/// The verdict on one flow, with the rules it names by their owners.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) enforced: Said,
    pub(crate) pending: Said,
}

/// A verdict without ids.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) action: Action,
    pub(crate) egress: (Reason, Option<Decider>),
    pub(crate) ingress: (Reason, Option<Decider>),
    logged: bool,
    staged_differs: bool,
    http_assumed: bool,
}

/// The rule, or the end of a tier, that decided.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decider {
    pub(crate) owner: RuleOwner,
    pub(crate) position: RulePosition,
}

/// The answer to one question.
pub(crate) fn answer(cluster: &Cluster, ask: &Ask) -> Answer {
    let evaluation = evaluate(cluster, &ask.flow(cluster), &ask.context);
    Answer { enforced: said(cluster, evaluation.enforced), pending: said(cluster, evaluation.pending) }
}

/// The answers to all of them.
pub(crate) fn answers(cluster: &Cluster, asks: &[Ask]) -> Vec<Answer> {
    asks.iter().map(|ask| answer(cluster, ask)).collect()
}

/// A verdict without its ids, each of which names something.
pub(crate) fn said(cluster: &Cluster, verdict: Verdict) -> Said {
    let side = |direction| {
        let decider = verdict.rule(direction).map(|id| {
            let info = cluster.rule(id).unwrap_or_else(|| panic!("{id:?} names nothing"));
            Decider { owner: info.owner.clone(), position: info.position }
        });
        (verdict.reason(direction), decider)
    };
    Said {
        action: verdict.action(),
        egress: side(Direction::Egress),
        ingress: side(Direction::Ingress),
        logged: verdict.is_logged(),
        staged_differs: verdict.staged_differs(),
        http_assumed: verdict.http_assumed(),
    }
}

/// Everything in a cluster, without ids and without the places of texts.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    tiers: Vec<(Tier, Vec<Policy>)>,
    endpoints: Vec<(Endpoint, BTreeMap<Name, Name>)>,
    network_sets: Vec<(NetworkSet, BTreeMap<Name, Name>)>,
    namespaces: Vec<(Name, BTreeMap<Name, Name>)>,
    nodes: Vec<Node>,
    services: Vec<Service>,
    shared: Option<Profile>,
}

/// What is in a cluster.
pub(crate) fn contents(cluster: &Cluster) -> Contents {
    let tiers = cluster.tiers().map(|(tier, entries)| {
        (tier.clone(), entries.map(|entry| without_places(entry.policy.clone())).collect())
    });
    let endpoints = cluster
        .endpoints()
        .map(|entry| (Endpoint { origin: None, ..entry.endpoint.clone() }, entry.labels.clone()));
    Contents {
        tiers: tiers.collect(),
        endpoints: endpoints.collect(),
        network_sets: cluster.network_sets().map(|entry| (entry.set.clone(), entry.labels.clone())).collect(),
        namespaces: cluster.namespaces().map(|(name, labels)| (name.clone(), labels.clone())).collect(),
        nodes: cluster.nodes().cloned().collect(),
        services: cluster.services().cloned().collect(),
        shared: cluster.profile("shared").map(|entry| Profile {
            ingress: placeless(entry.profile.ingress.clone()),
            egress: placeless(entry.profile.egress.clone()),
            ..entry.profile.clone()
        }),
    }
}

fn without_places(policy: Policy) -> Policy {
    Policy {
        ingress: policy.ingress.map(placeless),
        egress: policy.egress.map(placeless),
        origin: None,
        ..policy
    }
}

/// The rules without the places they stand at.
pub(crate) fn placeless(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.iter_mut().for_each(|rule| rule.origin.at = None);
    rules
}

/// What is in the cluster of a world, and what it answers.
pub(crate) fn told(world: &World, asks: &[Ask]) -> (Contents, Vec<Answer>) {
    let cluster = world.cluster();
    (contents(&cluster), answers(&cluster, asks))
}
