//! Edits of everything that is neither an endpoint nor a policy.

use super::policies::some_rule;
use super::{Edit, Hand, put};
use crate::generate::{NETS_V4, NETS_V6, OUTSIDE};
use std::time::Duration;
use tierwall::cluster::DnsAnswer;
use tierwall::lower::Lowered;
use tierwall::model::{DefaultAction, Direction, Name, NetworkSet, Order, Profile, Rule, RuleAction, Tier};
use tierwall::resource::Kind;

pub(super) fn tier(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    put(Tier {
        name: (*hand.random.pick(&["alpha", "beta", "beta", "ghost", "default", "kube-baseline"])).into(),
        order: Order::from(*hand.random.pick(&[None, Some(10.0), Some(1000.0), Some(2_000_000.0)])),
        default_action: *hand.random.pick(&[DefaultAction::Deny, DefaultAction::Pass]),
    })
}

pub(super) fn remove_tier(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(|kind| kind == Kind::Tier)
}

pub(super) fn profile(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let rules = |hand: &mut Hand<'_>, direction| {
        let actions = [RuleAction::Allow, RuleAction::Deny, RuleAction::Log, RuleAction::Pass];
        let rule = |hand: &mut Hand<'_>| {
            let plain = Rule::new(*hand.random.pick(&actions));
            // Every other one as a policy has it: between whom, and on which ports.
            let of_policy = if hand.random.one_in(2) { some_rule(hand, direction) } else { None };
            of_policy.unwrap_or(plain)
        };
        (0..hand.random.below(3)).map(|_| rule(hand)).collect()
    };
    let (ingress, egress) = (rules(hand, Direction::Ingress), rules(hand, Direction::Egress));
    let label = |hand: &mut Hand<'_>| -> (Name, Name) {
        let (key, value) = (*hand.random.pick(&["app", "tier", "new0"]), *hand.random.pick(&["a", "b"]));
        (key.into(), value.into())
    };
    let labels_to_apply = (0..hand.random.below(3)).map(|_| label(hand)).collect();
    let name: Name = (*hand.random.pick(&["shared", "shared", "missing"])).into();
    Some(vec![Edit::Put(Box::new(Lowered::Profile(name, Profile { ingress, egress, labels_to_apply })))])
}

pub(super) fn remove_profile(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(|kind| kind == Kind::Profile)
}

fn is_set(kind: Kind) -> bool {
    matches!(kind, Kind::NetworkSet | Kind::GlobalNetworkSet)
}

pub(super) fn network_set(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(is_set)
}

pub(super) fn remove_network_set(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(is_set)
}

fn edited_set(hand: &mut Hand<'_>, edit: impl FnOnce(&mut Hand<'_>, &mut NetworkSet)) -> Option<Vec<Edit>> {
    let sets: Vec<&NetworkSet> = hand.cluster.network_sets().map(|entry| &entry.set).collect();
    let mut set = (*hand.pick(&sets)?).clone();
    edit(hand, &mut set);
    put(set)
}

/// One member more or less: a range, or an address that an endpoint has, or comes to have.
pub(super) fn member(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_set(hand, |hand, set| {
        let net = match hand.random.below(3) {
            0 => (*hand.random.pick(&NETS_V4)).to_owned(),
            1 => (*hand.random.pick(&NETS_V6)).to_owned(),
            _ => format!("10.0.0.{}/32", 1 + hand.random.below(9)),
        };
        let net = net.parse().unwrap();
        if set.nets.contains(&net) {
            set.nets.retain(|known| *known != net);
        } else {
            set.nets.push(net);
        }
    })
}

pub(super) fn labels_of_set(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_set(hand, |hand, set| {
        let key = *hand.random.pick(&["app", "tier", "new0"]);
        if set.labels.remove(key).is_none() {
            set.labels.insert(key.into(), (*hand.random.pick(&["a", "b"])).into());
        }
    })
}

pub(super) fn domains_of_set(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_set(hand, |hand, set| {
        let domain = hand.random.pick(&["api.example.com", "*.example.com", "x.cdn.net"]).parse().unwrap();
        if set.domains.contains(&domain) {
            set.domains.retain(|known| *known != domain);
        } else {
            set.domains.push(domain);
        }
    })
}

pub(super) fn service(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(|kind| kind == Kind::Service)
}

pub(super) fn remove_service(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(|kind| kind == Kind::Service)
}

pub(super) fn slice(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(|kind| kind == Kind::EndpointSlice)
}

pub(super) fn remove_slice(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(|kind| kind == Kind::EndpointSlice)
}

pub(super) fn namespace(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(|kind| kind == Kind::Namespace)
}

pub(super) fn remove_namespace(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(|kind| kind == Kind::Namespace)
}

pub(super) fn account(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(|kind| kind == Kind::ServiceAccount)
}

pub(super) fn remove_account(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(|kind| kind == Kind::ServiceAccount)
}

pub(super) fn node(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(|kind| kind == Kind::Node)
}

pub(super) fn remove_node(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.removal(|kind| kind == Kind::Node)
}

pub(super) fn answer(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let name = *hand.random.pick(&["api.example.com", "www.example.com", "example.com", "x.cdn.net"]);
    let expires_at = hand.cluster.now() + Duration::from_secs(*hand.random.pick(&[5, 20, 20, 60]));
    let answer = match hand.random.below(6) {
        0 => DnsAnswer::alias(name, "x.cdn.net", expires_at),
        // An address that a pod has, or comes to have.
        1 => DnsAnswer::addresses(name, [[10, 0, 0, 1].into()], expires_at),
        _ => DnsAnswer::addresses(name, [hand.random.pick(&OUTSIDE).parse().unwrap()], expires_at),
    };
    let node = hand.random.pick(&[None, None, None, Some("n0"), Some("n1")]).map(Name::from);
    Some(vec![Edit::Observe(DnsAnswer { node, ..answer })])
}

pub(super) fn clock(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let step = Duration::from_secs(*hand.random.pick(&[1, 10, 30]));
    Some(vec![Edit::Advance(hand.cluster.now() + step)])
}
