//! Edits of a cluster, from bytes.

use crate::draw::Draw;
use crate::world;
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::lower::Lowered;
use tierwall::model::{Endpoint, EndpointKind, Policy, PolicyKind};
use tierwall::resource::{Kind, ResourceKey};

/// One edit.
#[derive(Debug)]
pub enum Edit {
    Put(Box<Lowered>),
    Remove(ResourceKey),
    Observe(DnsAnswer),
    Advance(Duration),
}

/// Some edits of a cluster that was made of these objects.
pub fn edits(draw: &mut Draw<'_>, cluster: &Cluster, objects: &[Lowered]) -> Vec<Edit> {
    (0..=draw.number(3)).map(|_| edit(draw, cluster, objects)).collect()
}

/// Often a small change of what is there, or what was there before, so that much stays as it is.
fn edit(draw: &mut Draw<'_>, cluster: &Cluster, objects: &[Lowered]) -> Edit {
    let put = |object| Edit::Put(Box::new(object));
    match draw.number(11) {
        0..=2 => changed_endpoint(draw, cluster).unwrap_or_else(|| put(world::endpoint(draw, 0).into())),
        3..=5 => changed_policy(draw, cluster).unwrap_or_else(|| put(world::policy(draw, 0).into())),
        6 | 7 => put(world::object(draw)),
        8 if !objects.is_empty() => put(draw.one(objects)),
        9 => Edit::Observe(world::answer(draw)),
        10 => Edit::Advance(Duration::from_secs(draw.one(&[1, 61, 121]))),
        _ if objects.is_empty() => put(world::object(draw)),
        _ => key(&draw.one(objects)).map_or_else(|| put(world::object(draw)), Edit::Remove),
    }
}

fn changed_endpoint(draw: &mut Draw<'_>, cluster: &Cluster) -> Option<Edit> {
    let all: Vec<&Endpoint> = cluster.endpoints().map(|entry| &entry.endpoint).collect();
    let mut endpoint = (!all.is_empty()).then(|| draw.one(&all).clone())?;
    let other = world::endpoint(draw, 0);
    match draw.number(7) {
        0..=2 => endpoint.labels = other.labels,
        3 => endpoint.labels = draw.one(&all).labels.clone(),
        4 => endpoint.addresses = other.addresses,
        5 => endpoint.node = other.node,
        6 => endpoint.ports = other.ports,
        _ => endpoint.profiles = other.profiles,
    }
    Some(Edit::Put(Box::new(endpoint.into())))
}

fn changed_policy(draw: &mut Draw<'_>, cluster: &Cluster) -> Option<Edit> {
    let all: Vec<&Policy> = cluster.policies().map(|entry| &entry.policy).collect();
    let mut policy = (!all.is_empty()).then(|| draw.one(&all).clone())?;
    let other = world::policy(draw, 0);
    match draw.number(5) {
        0 => policy.order = other.order,
        1 => policy.tier = other.tier,
        2 => policy.subject = other.subject,
        3 => policy.isolation = other.isolation,
        number => {
            let rules = if number == 4 { &mut policy.ingress } else { &mut policy.egress };
            let rules = rules.as_mut().filter(|rules| !rules.is_empty())?;
            let (at, rule) = (draw.number(rules.len() - 1), world::rule(draw));
            match draw.number(5) {
                0 => rules.insert(at, rule),
                1 => drop(rules.remove(at)),
                2 => rules[at].action = rule.action,
                3 => rules[at].destination.ports = rule.destination.ports,
                4 => rules[at].source.selector = rule.source.selector,
                _ => rules[at].destination.selector = rule.destination.selector,
            }
        }
    }
    Some(Edit::Put(Box::new(policy.into())))
}

/// Makes the edits, as one transaction, and after it those of DNS.
pub fn apply(cluster: &mut Cluster, edits: &[Edit]) {
    let mut transaction = cluster.transaction();
    for edit in edits {
        match edit {
            Edit::Put(object) => transaction.put(Lowered::clone(object)),
            Edit::Remove(key) => drop(transaction.remove(key)),
            Edit::Observe(_) | Edit::Advance(_) => {}
        }
    }
    transaction.commit();
    for edit in edits {
        match edit {
            Edit::Observe(answer) => cluster.observe(answer.clone()),
            Edit::Advance(step) => cluster.advance(cluster.now() + *step),
            Edit::Put(_) | Edit::Remove(_) => {}
        }
    }
}

/// What an object is removed by.
fn key(object: &Lowered) -> Option<ResourceKey> {
    let (kind, namespace, name) = match object {
        Lowered::Policy(policy) => {
            (of_policy(policy.key.kind), policy.key.namespace.as_ref(), &policy.key.name)
        }
        Lowered::Tier(tier) => (Kind::Tier, None, &tier.name),
        Lowered::Profile(name, _) => (Kind::Profile, None, name),
        Lowered::NetworkSet(set) => (Kind::NetworkSet, set.key.namespace.as_ref(), &set.key.name),
        Lowered::Endpoint(endpoint) => {
            (of_endpoint(endpoint.key.kind), endpoint.key.namespace.as_ref(), &endpoint.key.name)
        }
        Lowered::Namespace { name, .. } => (Kind::Namespace, None, name),
        Lowered::ServiceAccount { namespace, name, .. } => (Kind::ServiceAccount, Some(namespace), name),
        Lowered::Node(node) => (Kind::Node, None, &node.name),
        Lowered::Service(service) => (Kind::Service, service.key.namespace.as_ref(), &service.key.name),
        Lowered::Slice(slice) => (Kind::EndpointSlice, Some(&slice.namespace), &slice.name),
        _ => return None,
    };
    let namespace = namespace.map(|namespace| namespace.to_string());
    Some(ResourceKey { kind, namespace, name: name.to_string() })
}

fn of_policy(kind: PolicyKind) -> Kind {
    match kind {
        PolicyKind::GlobalNetworkPolicy => Kind::GlobalNetworkPolicy,
        PolicyKind::KubernetesAdminNetworkPolicy => Kind::AdminNetworkPolicy,
        PolicyKind::KubernetesBaselineAdminNetworkPolicy => Kind::BaselineAdminNetworkPolicy,
        PolicyKind::KubernetesClusterNetworkPolicy => Kind::ClusterNetworkPolicy,
        PolicyKind::KubernetesNetworkPolicy => Kind::NetworkPolicy,
        PolicyKind::NetworkPolicy => Kind::CalicoNetworkPolicy,
        PolicyKind::StagedGlobalNetworkPolicy => Kind::StagedGlobalNetworkPolicy,
        PolicyKind::StagedKubernetesNetworkPolicy => Kind::StagedKubernetesNetworkPolicy,
        PolicyKind::StagedNetworkPolicy => Kind::StagedNetworkPolicy,
    }
}

fn of_endpoint(kind: EndpointKind) -> Kind {
    match kind {
        EndpointKind::HostEndpoint => Kind::HostEndpoint,
        EndpointKind::WorkloadEndpoint => Kind::WorkloadEndpoint,
        EndpointKind::Deployment => Kind::Deployment,
        _ => Kind::Pod,
    }
}
