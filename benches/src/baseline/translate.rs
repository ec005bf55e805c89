//! From a cluster to its numbers, refusing what the baselines do not cover.

use super::Unsupported;
use super::labels::{Interner, next};
use super::prefix::Prefix;
use super::rule::{Ranges, Rule};
use super::world::{Endpoint, NetworkSet, PerDirection, Policy, Span, Tier, World};
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use std::net::IpAddr;
use tierwall::cluster::{Cluster, EndpointEntry, PolicyEntry, ProfileEntry};
use tierwall::dialect::Dialect;
use tierwall::model::{
    self, DefaultAction, Direction, EndpointKind, EntityMatch, Isolation, Name, PolicyClass, PortMatch,
    RuleAction, RuleId,
};

impl World {
    /// The numbers of a cluster.
    pub(super) fn of(cluster: &Cluster) -> Result<Self, Unsupported> {
        let covered = *cluster.dialect() == Dialect::default()
            && cluster.services().next().is_none()
            && cluster.nodes().next().is_none();
        if !covered {
            return Err(Unsupported::new("services, nodes and other readings of the APIs", &"the cluster"));
        }
        let mut translation = Translation { cluster, interner: Interner::default(), rules: Vec::new() };
        let tiers = translation.tiers()?;
        let (endpoints, by_address, profiles) = translation.endpoints()?;
        let network_sets = translation.network_sets()?;
        let Translation { interner, rules, .. } = translation;
        let selectors = interner.tests;
        Ok(World { endpoints, by_address, network_sets, selectors, tiers, profiles, rules })
    }
}

struct Translation<'a> {
    cluster: &'a Cluster,
    interner: Interner,
    rules: Vec<Rule>,
}

type Endpoints = (Vec<Endpoint>, FxHashMap<u32, u32>, Vec<PerDirection<Span>>);

impl Translation<'_> {
    fn tiers(&mut self) -> Result<Vec<Tier>, Unsupported> {
        let mut tiers = Vec::new();
        for (tier, entries) in self.cluster.tiers() {
            let policies = entries.map(|entry| self.policy(entry)).collect::<Result<Vec<_>, _>>()?;
            tiers.push(Tier { passes: tier.default_action == DefaultAction::Pass, policies });
        }
        tiers.retain(|tier| !tier.policies.is_empty());
        Ok(tiers)
    }

    fn policy(&mut self, entry: &PolicyEntry) -> Result<Policy, Unsupported> {
        let policy = &entry.policy;
        let covered = matches!(policy.class, PolicyClass::Normal { .. })
            && policy.isolation == Isolation::default()
            && !policy.key.kind.is_staged();
        if !covered {
            return Err(Unsupported::new("policy of this kind", &policy.key));
        }
        let mut rules = |direction| {
            let Some(rules) = policy.rules(direction) else { return Ok(None) };
            let first = next(self.rules.len());
            for (index, rule) in rules.iter().enumerate() {
                let rule = self.rule(rule, direction, entry.rule_id(direction, index));
                let rule = rule?.ok_or_else(|| Unsupported::new("a criterion of a rule", &policy.key))?;
                self.rules.push(rule);
            }
            Ok(Some(Span { first, last: next(self.rules.len()) }))
        };
        let rules = PerDirection { ingress: rules(Direction::Ingress)?, egress: rules(Direction::Egress)? };
        let end = PerDirection::from_fn(|direction| entry.end_id(direction));
        Ok(Policy { subject: self.interner.selector(&policy.subject)?, rules, end })
    }

    /// `None` if the rule has a criterion beyond the protocol, the destination's ports, and the peer's selector and ranges.
    fn rule(
        &mut self,
        rule: &model::Rule,
        direction: Direction,
        id: Option<RuleId>,
    ) -> Result<Option<Rule>, Unsupported> {
        let peer = match direction {
            Direction::Ingress => &rule.source,
            Direction::Egress => &rule.destination,
        };
        let ranges = Ranges { nets: prefixes(&peer.nets), not_nets: prefixes(&peer.not_nets) };
        let ipv4 = ranges.nets.len() == peer.nets.len() && ranges.not_nets.len() == peer.not_nets.len();
        if !ipv4 || *rule != only_covered(rule, peer, direction) {
            return Ok(None);
        }
        let selector = peer.selector.as_ref().map(|selector| self.interner.selector(selector)).transpose()?;
        let ports = rule.destination.ports.ranges.iter().map(|range| (range.first(), range.last())).collect();
        let no_ranges = ranges.nets.is_empty() && ranges.not_nets.is_empty();
        let ranges = (!no_ranges).then(|| Box::new(ranges));
        Ok(Some(Rule { action: rule.action, protocol: rule.protocol, selector, ports, ranges, id }))
    }

    fn endpoints(&mut self) -> Result<Endpoints, Unsupported> {
        let (mut endpoints, mut by_address) = (Vec::new(), FxHashMap::default());
        let (mut lists, mut profiles) = (FxHashMap::<Vec<Name>, u32>::default(), Vec::new());
        for entry in self.cluster.endpoints() {
            let address = address(entry)?;
            let list = match lists.get(&entry.endpoint.profiles) {
                Some(list) => *list,
                None => {
                    let list = next(profiles.len());
                    profiles.push(self.profiles(&entry.endpoint.profiles)?);
                    lists.insert(entry.endpoint.profiles.clone(), list);
                    list
                }
            };
            if by_address.insert(address, next(endpoints.len())).is_some() {
                return Err(Unsupported::new("an address of several endpoints", &entry.endpoint.key));
            }
            let labels = self.interner.labels(&entry.labels);
            endpoints.push(Endpoint { address, labels, profiles: list });
        }
        Ok((endpoints, by_address, profiles))
    }

    /// The rules of a list of profiles. As they only allow and deny, the list is as good as one profile.
    fn profiles(&mut self, names: &[Name]) -> Result<PerDirection<Span>, Unsupported> {
        let missing = |name: &Name| Unsupported::new("a profile that does not exist", name);
        let entries: Vec<&ProfileEntry> = names
            .iter()
            .map(|name| self.cluster.profile(name).ok_or_else(|| missing(name)))
            .collect::<Result<_, _>>()?;
        let mut rules = |direction| {
            let first = next(self.rules.len());
            for entry in &entries {
                for (index, rule) in entry.profile.rules(direction).iter().enumerate() {
                    let plain = matches!(rule.action, RuleAction::Allow | RuleAction::Deny);
                    let rule = self.rule(rule, direction, entry.rule_id(direction, index))?;
                    let rule = rule.filter(|_| plain);
                    self.rules.push(
                        rule.ok_or_else(|| Unsupported::new("a rule of a profile", &names.join(", ")))?,
                    );
                }
            }
            Ok(Span { first, last: next(self.rules.len()) })
        };
        Ok(PerDirection { ingress: rules(Direction::Ingress)?, egress: rules(Direction::Egress)? })
    }

    fn network_sets(&mut self) -> Result<Vec<NetworkSet>, Unsupported> {
        let mut sets = Vec::new();
        for entry in self.cluster.network_sets() {
            let prefixes = prefixes(&entry.set.nets);
            if prefixes.len() != entry.set.nets.len() || !entry.set.domains.is_empty() {
                return Err(Unsupported::new("IPv6 and domains in network sets", &entry.set.key.name));
            }
            sets.push(NetworkSet { labels: self.interner.labels(&entry.labels), prefixes: prefixes.into() });
        }
        Ok(sets)
    }
}

/// The rule with only those criteria that the baselines know: equal to `rule` exactly if it has no others.
fn only_covered(rule: &model::Rule, peer: &EntityMatch, direction: Direction) -> model::Rule {
    let peer = EntityMatch {
        selector: peer.selector.clone(),
        nets: peer.nets.clone(),
        not_nets: peer.not_nets.clone(),
        ..EntityMatch::default()
    };
    let ports = PortMatch { ranges: rule.destination.ports.ranges.clone(), ..PortMatch::default() };
    let mut covered =
        model::Rule { protocol: rule.protocol, origin: rule.origin.clone(), ..model::Rule::new(rule.action) };
    match direction {
        Direction::Ingress => covered.source = peer,
        Direction::Egress => covered.destination = peer,
    }
    covered.destination.ports = ports;
    covered
}

fn prefixes(nets: &[IpNet]) -> Box<[Prefix]> {
    nets.iter().filter_map(Prefix::of).collect()
}

fn address(entry: &EndpointEntry) -> Result<u32, Unsupported> {
    let endpoint = &entry.endpoint;
    let single = matches!(endpoint.key.kind, EndpointKind::Pod | EndpointKind::WorkloadEndpoint);
    match endpoint.addresses.as_slice() {
        [IpAddr::V4(address)] if single && endpoint.node.is_none() => Ok((*address).into()),
        _ => Err(Unsupported::new("endpoints but pods with one IPv4 address and no node", &endpoint.key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierwall::lower::Lowered;
    use tierwall::model::{
        DomainPattern, Endpoint, EndpointKey, IcmpMatch, IpVersion, NetworkSetKey, Order, PolicyKey,
        PolicyKind, Rule,
    };
    use tierwall::selector::Selector;

    fn pod(address: &str) -> Endpoint {
        Endpoint {
            key: EndpointKey { kind: EndpointKind::Pod, namespace: Some("a".into()), name: address.into() },
            labels: Default::default(),
            profiles: vec!["projectcalico-default-allow".into()],
            addresses: vec![address.parse().unwrap()],
            ports: Vec::new(),
            node: None,
            service_account: None,
            interface: None,
            origin: None,
        }
    }

    fn policy(rule: Rule) -> model::Policy {
        model::Policy {
            key: PolicyKey { kind: PolicyKind::GlobalNetworkPolicy, namespace: None, name: "p".into() },
            tier: "default".into(),
            order: Order::LAST,
            subject: Selector::all(),
            ingress: Some(vec![rule]),
            egress: None,
            class: PolicyClass::Normal { apply_on_forward: false },
            isolation: Isolation::default(),
            origin: None,
        }
    }

    fn refusal(object: impl Into<Lowered>) -> Option<String> {
        let mut cluster = Cluster::new();
        cluster.put(pod("10.0.0.1"));
        cluster.put(object);
        World::of(&cluster).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_not_covered_is_refused() {
        let allow = || Rule::new(RuleAction::Allow);
        let from = |source| policy(Rule { source, ..allow() });
        let unnamed = EntityMatch::default;
        let icmp = Some(IcmpMatch { icmp_type: 8, code: None });
        let nets = |net: &str| vec![net.parse().unwrap()];
        let set = |nets, domains: Vec<DomainPattern>| model::NetworkSet {
            key: NetworkSetKey { namespace: None, name: "s".into() },
            labels: Default::default(),
            profile: None,
            nets,
            domains,
        };
        let of_node = Endpoint { node: Some("n".into()), ..pod("10.0.0.2") };
        let elsewhere =
            Endpoint { key: EndpointKey { name: "b".into(), ..pod("10.0.0.1").key }, ..pod("10.0.0.1") };
        let part = Selector::parse("a contains 'x'").unwrap();

        assert_eq!(refusal(policy(allow())), None);
        assert_eq!(refusal(from(EntityMatch { nets: nets("10.0.0.0/8"), ..unnamed() })), None);
        let refused = [
            refusal(policy(Rule { icmp, ..allow() })),
            refusal(policy(Rule { ip_version: Some(IpVersion::V4), ..allow() })),
            refusal(policy(Rule {
                destination: EntityMatch { nets: nets("10.0.0.0/8"), ..unnamed() },
                ..allow()
            })),
            refusal(from(EntityMatch { nets: nets("fd00::/8"), ..unnamed() })),
            refusal(from(EntityMatch { not_selector: Some(Selector::all()), ..unnamed() })),
            refusal(from(EntityMatch { selector: Some(part), ..unnamed() })),
            refusal(model::Policy { class: PolicyClass::Untracked, ..policy(allow()) }),
            refusal(Endpoint { profiles: vec!["missing".into()], ..pod("10.0.0.2") }),
            refusal(set(nets("fd00::/8"), Vec::new())),
            refusal(set(Vec::new(), vec!["example.com".parse().unwrap()])),
            refusal(pod("fd00::1")),
            refusal(of_node),
            refusal(elsewhere),
        ];
        for (number, refusal) in refused.iter().enumerate() {
            let message = refusal.as_deref().unwrap_or_default();
            assert!(message.starts_with("the baselines do not cover"), "case {number}: {refusal:?}");
        }
    }
}
