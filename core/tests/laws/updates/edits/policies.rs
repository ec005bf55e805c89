//! Edits of policies of every kind.

use super::{Edit, Hand, put};
use crate::equality::rewrite_rule;
use crate::generate::{NETS_V4, NETS_V6};
use tierwall::model::{
    Direction, EntityMatch, Isolation, Name, Order, OtherProtocols, Policy, PolicyClass, PolicyKey,
    PolicyKind, PortMatch, PortRange, Protocol, Rule, RuleAction,
};
use tierwall::resource::{Kind, ResourceKey};
use tierwall::selector::Selector;

const SELECTORS: [&str; 14] = [
    "all()",
    "app == 'a'",
    "app == 'b'",
    "app != 'a'",
    "app in {'a', 'b'}",
    "tier == 'a'",
    "has(tier)",
    "!has(app)",
    "new0 == 'a'",
    "has(new1) && app == 'a'",
    "new0 == 'b' || new1 == 'b'",
    "pcns.team == 'a'",
    "projectcalico.org/namespace == 'red'",
    "projectcalico.org/namespace == 'red' && app == 'a'",
];
const RANGES: [(u16, u16); 8] =
    [(80, 80), (81, 81), (80, 81), (443, 443), (53, 53), (80, 90), (8000, 9000), (1, 65_535)];
/// How many policies there may be that are made like others.
const TWINS: usize = 24;

fn one(hand: &mut Hand<'_>) -> Option<Policy> {
    let all: Vec<&Policy> = hand.cluster.policies().map(|entry| &entry.policy).collect();
    hand.pick(&all).map(|policy| (*policy).clone())
}

fn edited(hand: &mut Hand<'_>, edit: impl FnOnce(&mut Hand<'_>, &mut Policy)) -> Option<Vec<Edit>> {
    let mut policy = one(hand)?;
    edit(hand, &mut policy);
    put(policy)
}

fn rules_of(policy: &mut Policy, direction: Direction) -> Option<&mut Vec<Rule>> {
    match direction {
        Direction::Ingress => policy.ingress.as_mut(),
        Direction::Egress => policy.egress.as_mut(),
    }
}

fn direction(hand: &mut Hand<'_>) -> Direction {
    *hand.random.pick(&[Direction::Ingress, Direction::Egress])
}

/// An edit of one rule of a policy that has some.
fn edited_rule(
    hand: &mut Hand<'_>,
    edit: impl FnOnce(&mut Hand<'_>, &mut Rule, Direction),
) -> Option<Vec<Edit>> {
    let (mut policy, direction) = (one(hand)?, direction(hand));
    let rules = rules_of(&mut policy, direction).filter(|rules| !rules.is_empty())?;
    let at = hand.random.below(rules.len());
    edit(hand, &mut rules[at], direction);
    put(policy)
}

/// The other end of a rule.
fn peer_of(rule: &mut Rule, direction: Direction) -> &mut EntityMatch {
    match direction {
        Direction::Ingress => &mut rule.source,
        Direction::Egress => &mut rule.destination,
    }
}

/// A rule of any policy, of a direction.
pub(super) fn some_rule(hand: &mut Hand<'_>, direction: Direction) -> Option<Rule> {
    let all: Vec<&Rule> =
        hand.cluster.policies().flat_map(|entry| entry.policy.rules(direction).unwrap_or_default()).collect();
    hand.pick(&all).map(|rule| (*rule).clone())
}

fn selector(hand: &mut Hand<'_>) -> Selector {
    let text: &&str = hand.random.pick(&SELECTORS);
    Selector::parse(text).unwrap()
}

pub(super) fn action(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_rule(hand, |hand, rule, _| {
        rule.action =
            *hand.random.pick(&[RuleAction::Allow, RuleAction::Deny, RuleAction::Pass, RuleAction::Log]);
    })
}

pub(super) fn ports(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_rule(hand, |hand, rule, _| {
        let (first, last) = *hand.random.pick(&RANGES);
        let range = PortRange::new(first, last).unwrap();
        let mut ports = PortMatch::from(range);
        match hand.random.below(8) {
            0 => ports = PortMatch::default(),
            1 => ports = PortMatch { names: vec!["http".into()], ..PortMatch::default() },
            2 => ports.names.push("metrics".into()),
            _ => {}
        }
        match hand.random.below(10) {
            0 => rule.destination.not_ports = ports,
            1 => rule.source.ports = ports,
            _ => rule.destination.ports = ports,
        }
        if !hand.random.one_in(4) && rule.protocol.is_none_or(|protocol| !protocol.has_ports()) {
            rule.protocol = Some(Protocol::TCP);
        }
    })
}

pub(super) fn peer(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_rule(hand, |hand, rule, direction| {
        if let Some(mut other) = some_rule(hand, direction) {
            *peer_of(rule, direction) = std::mem::take(peer_of(&mut other, direction));
        }
    })
}

pub(super) fn peer_selector(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_rule(hand, |hand, rule, direction| {
        let selector = if hand.random.one_in(6) { None } else { Some(selector(hand)) };
        let peer = peer_of(rule, direction);
        if hand.random.one_in(8) {
            peer.not_selector = selector;
        } else {
            peer.selector = selector;
        }
    })
}

pub(super) fn nets(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_rule(hand, |hand, rule, direction| {
        let words: &[&str] = if hand.random.one_in(4) { &NETS_V6 } else { &NETS_V4 };
        let nets = (0..hand.random.below(3)).map(|_| hand.random.pick(words).parse().unwrap()).collect();
        let peer = peer_of(rule, direction);
        match hand.random.below(6) {
            0 => peer.not_nets = nets,
            1 => peer.nets_skip_workloads = !peer.nets_skip_workloads,
            _ => peer.nets = nets,
        }
    })
}

pub(super) fn protocol(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_rule(hand, |hand, rule, _| {
        rule.protocol =
            *hand.random.pick(&[None, Some(Protocol::TCP), Some(Protocol::UDP), Some(Protocol::ICMP)]);
    })
}

/// What only the normal form can say.
pub(super) fn words(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited_rule(hand, |hand, rule, _| rewrite_rule(rule, hand.random))
}

/// One more, one less, or two that change places.
pub(super) fn rules(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let (mut policy, direction) = (one(hand)?, direction(hand));
    let extra = some_rule(hand, direction);
    let rules = rules_of(&mut policy, direction)?;
    let (one, other) = (hand.random.below(rules.len() + 1), hand.random.below(rules.len() + 1));
    match (hand.random.below(4), extra) {
        (0 | 1, Some(extra)) if rules.len() < 12 => rules.insert(one, extra),
        (2, _) if one < rules.len() && other < rules.len() => rules.swap(one, other),
        _ if one < rules.len() => drop(rules.remove(one)),
        _ => return None,
    }
    put(policy)
}

/// A direction more or less.
pub(super) fn directions(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, policy| {
        let direction = direction(hand);
        let rules = some_rule(hand, direction).map(|rule| vec![rule]).unwrap_or_default();
        let stated = match direction {
            Direction::Ingress => &mut policy.ingress,
            Direction::Egress if policy.class == PolicyClass::PreDnat => return,
            Direction::Egress => &mut policy.egress,
        };
        *stated = if stated.is_some() { None } else { Some(rules) };
    })
}

pub(super) fn order(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, policy| {
        policy.order =
            Order::from(*hand.random.pick(&[None, Some(-10.0), Some(10.0), Some(1000.0), Some(1000.5)]));
    })
}

pub(super) fn subject(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, policy| {
        let another = if hand.random.one_in(3) { one(hand) } else { None };
        policy.subject = another.map_or_else(|| selector(hand), |another| another.subject);
    })
}

pub(super) fn tier(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, policy| {
        policy.tier = (*hand.random.pick(&["alpha", "beta", "ghost", "default", "kube-admin"])).into();
    })
}

fn is_global(kind: PolicyKind) -> bool {
    matches!(kind, PolicyKind::GlobalNetworkPolicy | PolicyKind::StagedGlobalNetworkPolicy)
}

pub(super) fn class(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let mut policy = one(hand).filter(|policy| is_global(policy.key.kind))?;
    policy.class = match hand.random.below(4) {
        0 => PolicyClass::PreDnat,
        1 => PolicyClass::Untracked,
        number => PolicyClass::Normal { apply_on_forward: number == 2 },
    };
    if policy.class == PolicyClass::PreDnat {
        policy.egress = None;
    }
    put(policy)
}

pub(super) fn isolation(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, policy| {
        policy.isolation = Isolation {
            exempts_own_node: hand.random.one_in(2),
            other_protocols: *hand.random.pick(&[
                OtherProtocols::FollowPeers,
                OtherProtocols::Allowed,
                OtherProtocols::Undecided,
            ]),
            settles_other_direction: hand.random.one_in(3),
        };
    })
}

/// The staged kind of an enforced one, and the other way around.
fn counterpart(kind: PolicyKind) -> Option<PolicyKind> {
    Some(match kind {
        PolicyKind::NetworkPolicy => PolicyKind::StagedNetworkPolicy,
        PolicyKind::StagedNetworkPolicy => PolicyKind::NetworkPolicy,
        PolicyKind::GlobalNetworkPolicy => PolicyKind::StagedGlobalNetworkPolicy,
        PolicyKind::StagedGlobalNetworkPolicy => PolicyKind::GlobalNetworkPolicy,
        PolicyKind::KubernetesNetworkPolicy => PolicyKind::StagedKubernetesNetworkPolicy,
        PolicyKind::StagedKubernetesNetworkPolicy => PolicyKind::KubernetesNetworkPolicy,
        _ => return None,
    })
}

/// A policy is staged or enforced instead; now and then both.
pub(super) fn staging(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let mut policy = one(hand)?;
    let removal = Edit::Remove(resource_key(&policy.key));
    policy.key.kind = counterpart(policy.key.kind)?;
    let mut edits = put(policy)?;
    if !hand.random.one_in(3) {
        edits.insert(0, removal);
    }
    Some(edits)
}

fn is_policy(kind: Kind) -> bool {
    kind.is_policy()
}

pub(super) fn other(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(is_policy)
}

/// The same under another name.
pub(super) fn twin(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, policy| {
        policy.key.name = Name::from(format!("twin{}", hand.random.below(TWINS)));
    })
}

pub(super) fn remove(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    Some(vec![Edit::Remove(resource_key(&one(hand)?.key))])
}

fn resource_key(key: &PolicyKey) -> ResourceKey {
    let kind = match key.kind {
        PolicyKind::GlobalNetworkPolicy => Kind::GlobalNetworkPolicy,
        PolicyKind::KubernetesAdminNetworkPolicy => Kind::AdminNetworkPolicy,
        PolicyKind::KubernetesBaselineAdminNetworkPolicy => Kind::BaselineAdminNetworkPolicy,
        PolicyKind::KubernetesClusterNetworkPolicy => Kind::ClusterNetworkPolicy,
        PolicyKind::KubernetesNetworkPolicy => Kind::NetworkPolicy,
        PolicyKind::NetworkPolicy => Kind::CalicoNetworkPolicy,
        PolicyKind::StagedGlobalNetworkPolicy => Kind::StagedGlobalNetworkPolicy,
        PolicyKind::StagedKubernetesNetworkPolicy => Kind::StagedKubernetesNetworkPolicy,
        PolicyKind::StagedNetworkPolicy => Kind::StagedNetworkPolicy,
    };
    let namespace = key.namespace.as_deref().map(str::to_owned);
    ResourceKey { kind, namespace, name: key.name.to_string() }
}

/// As it is.
pub(super) fn again(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |_, _| {})
}
