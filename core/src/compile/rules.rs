//! Rules as lists of checks.

use super::vocabulary::{Condition, Predicate, Vocabulary};
use super::{Few, Numbered, number};
use crate::cluster::Cluster;
use crate::dialect::{IcmpTypes, OtherFamilyNets};
use crate::model::{EntityMatch, IpVersion, PortMatch, Rule as ModelRule, RuleId};
use crate::selector::Selector;
use crate::tables::{Check, Parts, Policies, PortCheck, Rule, Side, Span};
use ipnet::IpNet;
use smallvec::SmallVec;

/// Ranges and conditions of a list of ports.
type PortKey = (SmallVec<[(u16, u16); 2]>, Few);

/// The checks of a rule, of which most have few.
type Checks = SmallVec<[Check; 8]>;

/// What rules speak of.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) vocabulary: Vocabulary,
    /// How many views of the DNS there are.
    views: u32,
    ports: Numbered<PortKey>,
    domains: Numbered<u32>,
    /// Some rule asks for the names of network sets that it selects.
    pub(super) asks_set_domains: bool,
}

impl Spoken {
    pub(super) fn new(views: u32) -> Self {
        Spoken {
            vocabulary: Vocabulary::new(),
            views,
            ports: Numbered::default(),
            domains: Numbered::default(),
            asks_set_domains: false,
        }
    }
}

/// Compiles rules, and collects what they speak of.
pub(super) struct RuleCompiler<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) spoken: &'a mut Spoken,
    pub(super) policies: &'a mut Policies,
}

impl RuleCompiler<'_> {
    /// Rules with their ids, as one run of the table.
    pub(super) fn rules(&mut self, rules: &[ModelRule], id: impl Fn(usize) -> Option<RuleId>) -> Span {
        let compiled: SmallVec<[Rule; 8]> =
            rules.iter().enumerate().map(|(index, rule)| self.rule(rule, id(index))).collect();
        self.policies.rules.push(compiled)
    }

    fn rule(&mut self, rule: &ModelRule, id: Option<RuleId>) -> Rule {
        let mut checks = Checks::new();
        self.flow_checks(rule, &mut checks);
        self.end_checks(&rule.source, Side::Source, &mut checks);
        self.end_checks(&rule.destination, Side::Destination, &mut checks);
        if let Some(http) = &rule.http {
            checks.push(Check::Http(self.policies.http.push(http.clone())));
        }
        Rule {
            checks: self.policies.checks.push(checks),
            id,
            action: rule.action,
            http: rule.http.is_some(),
            paths: rule.http.as_ref().is_some_and(|http| !http.paths.is_empty()),
        }
    }

    fn flow_checks(&self, rule: &ModelRule, checks: &mut Checks) {
        checks.extend(rule.ip_version.map(Check::Version));
        checks.extend(rule.protocol.map(|protocol| Check::Protocol(protocol.number())));
        checks.extend(rule.not_protocol.map(|protocol| Check::NotProtocol(protocol.number())));
        if self.cluster.dialect().icmp_types == IcmpTypes::Compared {
            checks.extend(rule.icmp.map(Check::Icmp));
            checks.extend(rule.not_icmp.map(Check::NotIcmp));
        }
    }

    fn end_checks(&mut self, entity: &EntityMatch, side: Side, checks: &mut Checks) {
        if self.cluster.dialect().other_family_nets == OtherFamilyNets::RuleOff {
            checks.extend(family_check(&entity.nets));
            checks.extend(family_check(&entity.not_nets));
        }
        if !entity.nets.is_empty() {
            checks.extend(entity.nets_skip_workloads.then_some(Check::Fails(side, Parts::WORKLOAD)));
            checks.push(Check::InNets(side, self.spoken.vocabulary.in_nets(entity.nets.iter().copied())));
        }
        if !entity.not_nets.is_empty() {
            checks.push(Check::NotInNets(
                side,
                self.spoken.vocabulary.in_nets(entity.not_nets.iter().copied()),
            ));
        }
        if let Some(selector) = &entity.selector {
            checks.push(self.selector_check(selector, entity.set_domains, side));
        }
        if let Some(selector) = &entity.not_selector {
            checks.push(Check::Fails(side, self.spoken.vocabulary.selected(selector)));
        }
        if let Some(selector) = &entity.nodes {
            checks.push(Check::Holds(side, self.spoken.vocabulary.of_node(selector)));
        }
        if !entity.domains.is_empty() {
            checks.push(Check::Named(side, self.domains(entity.domains.clone())));
        }
        if let Some(service) = &entity.service {
            checks.push(match side {
                Side::Source => Check::Holds(side, self.spoken.vocabulary.backs(service)),
                Side::Destination => Check::Resolves(side, self.spoken.vocabulary.service_ports(service)),
            });
        }
        for set in &entity.sets {
            checks.push(Check::Holds(side, self.spoken.vocabulary.in_nets(set.members.iter().copied())));
        }
        for set in &entity.not_sets {
            checks.push(Check::Fails(side, self.spoken.vocabulary.in_nets(set.members.iter().copied())));
        }
        for set in &entity.port_sets {
            checks.push(Check::Resolves(side, self.spoken.vocabulary.port_set(set)));
        }
        if !entity.ports.is_empty() {
            checks.push(Check::Ports(side, self.ports(&entity.ports, entity.selector.as_ref())));
        }
        if !entity.not_ports.is_empty() {
            checks.push(Check::NotPorts(side, self.ports(&entity.not_ports, entity.selector.as_ref())));
        }
        if let Some(identity) = &entity.identity {
            checks.push(Check::Identity(side, self.policies.identities.push(identity.clone())));
        }
    }

    fn selector_check(&mut self, selector: &Selector, set_domains: bool, side: Side) -> Check {
        let predicate = self.spoken.vocabulary.selected(selector);
        if !set_domains {
            return Check::Holds(side, predicate);
        }
        self.spoken.asks_set_domains = true;
        let picked = self.cluster.network_sets().filter(|entry| selector.matches(&entry.labels));
        let patterns: Vec<_> = picked.flat_map(|entry| entry.set.domains.iter().cloned()).collect();
        if patterns.is_empty() {
            return Check::Holds(side, predicate);
        }
        Check::HoldsOrNamed(side, predicate, self.domains(patterns))
    }

    /// The number of a list of names, with a predicate for each view of the DNS.
    fn domains(&mut self, mut patterns: Vec<crate::model::DomainPattern>) -> u32 {
        patterns.sort_unstable();
        patterns.dedup();
        let domains = number(&mut self.spoken.vocabulary.domains, patterns);
        let (position, new) = self.spoken.domains.insert_full(domains);
        if new {
            let views: Vec<u32> = (0..self.spoken.views)
                .map(|view| self.spoken.vocabulary.predicate(Predicate::Named { domains, view }))
                .collect();
            let span = self.policies.domain_views.push(views);
            self.policies.domains.push(span);
        }
        crate::tables::count(position)
    }

    fn ports(&mut self, ports: &PortMatch, selector: Option<&Selector>) -> u32 {
        let mut conditions = Few::new();
        for name in &ports.names {
            let selector = selector.map(|selector| self.spoken.vocabulary.selector(selector));
            conditions.push(self.spoken.vocabulary.condition(Condition::Port(name.clone(), selector)));
        }
        for set in &ports.sets {
            conditions.push(self.spoken.vocabulary.port_set(set));
        }
        let ranges = ports.ranges.iter().map(|range| (range.first(), range.last())).collect();
        let (position, new) = self.spoken.ports.insert_full((ranges, conditions.clone()));
        if new {
            let check = PortCheck {
                ranges: self.policies.port_ranges.push(ports.ranges.iter().copied()),
                conditions: self.policies.conditions.push(conditions),
            };
            self.policies.ports.push(check);
        }
        crate::tables::count(position)
    }
}

/// Ranges that are all of one family take the rule off flows of the other.
fn family_check(nets: &[IpNet]) -> Option<Check> {
    let version = IpVersion::of_net(nets.first()?);
    let other = match version {
        IpVersion::V4 => IpVersion::V6,
        IpVersion::V6 => IpVersion::V4,
    };
    let single = nets.iter().all(|net| IpVersion::of_net(net) == version);
    single.then_some(Check::NotVersion(other))
}
