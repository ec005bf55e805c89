//! What the fast form knows of a rule.

use super::terms::{Terms, Test, Tests};
use super::traffic::{TrafficSets, is_scattered, is_traffic};
use crate::dialect::{Dialect, DnsCoverage};
use crate::model::{IpVersion, Protocol, RuleAction};
use crate::tables::{Check, Ending, Policies, Resolution, Rule, Side};

/// A rule as a demand on each end and on the traffic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// On the source, then on the destination.
    pub(super) terms: [u32; 2],
    /// The traffic it matches, unless it is conditional.
    pub(super) traffic: u32,
    /// The traffic it matches hangs on the destination.
    pub(super) is_conditional: bool,
    /// What it leads to, as an [`Ending`]'s code.
    pub(super) code: u8,
}

/// What shapes are made of.
pub(super) struct Shaper<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) policies: &'a Policies,
    /// Every node sees the same DNS answers.
    pub(super) one_view: bool,
    pub(super) terms: &'a mut Terms,
    pub(super) traffic: &'a mut TrafficSets,
    /// Conditions that resolve to ports of protocols that have none.
    pub(super) odd: &'a [u32],
}

/// The conditions that the fast form leaves to the slow one.
pub(super) fn odd_conditions<'a>(resolutions: impl Iterator<Item = &'a Resolution>) -> Vec<u32> {
    let odd = resolutions.filter(|known| !Protocol::from(known.protocol).has_ports());
    let mut odd: Vec<u32> = odd.map(|known| known.condition).collect();
    odd.sort_unstable();
    odd.dedup();
    odd
}

impl Shaper<'_> {
    pub(super) fn shape(&mut self, rule: &Rule) -> Shape {
        let checks = self.policies.checks.slice(rule.checks);
        let mut tests = [Tests::new(), Tests::new()];
        let (mut slow, mut is_odd, mut is_conditional) = (false, false, false);
        for check in checks {
            slow |= self.is_slow(check);
            is_odd |= self.is_odd(check);
            is_conditional |= self.is_conditional(check);
            if let Some((side, test)) = self.test(check) {
                let [source, destination] = &mut tests;
                match side {
                    Side::Source => source.push(test),
                    Side::Destination => destination.push(test),
                }
            }
        }
        let mut code = match rule.action {
            _ if slow || is_odd => Ending::SLOW,
            RuleAction::Allow => Ending::ALLOW,
            RuleAction::Deny => Ending::DENY,
            RuleAction::Pass => Ending::PASS,
            RuleAction::Log => Ending::PASS | Ending::LOG,
        };
        if rule.http && code != Ending::SLOW {
            code |= Ending::HTTP;
        }
        let terms = tests.map(|tests| self.terms.term(tests));
        let traffic = match is_odd {
            true => TrafficSets::ALL,
            false => self.traffic.plain(checks, self.policies, self.dialect.not_icmp),
        };
        Shape { terms, traffic, is_conditional: is_conditional && !is_odd, code }
    }

    /// What must hold at an end. What the fast form does not know is taken to hold, and the rule is slow.
    fn test(&self, check: &Check) -> Option<(Side, Test)> {
        Some(match *check {
            Check::Version(version) => (Side::Source, Test::Family { v6: version == IpVersion::V6 }),
            Check::NotVersion(version) => (Side::Source, Test::Family { v6: version != IpVersion::V6 }),
            Check::Holds(side, predicate) | Check::InNets(side, predicate) => (side, Test::Holds(predicate)),
            Check::Fails(side, predicate) | Check::NotInNets(side, predicate) => {
                (side, Test::Fails(predicate))
            }
            Check::Named(side, domains) if self.knows_names() => (side, Test::Holds(self.named(domains)?)),
            Check::HoldsOrNamed(side, predicate, domains) if self.knows_names() => {
                (side, Test::Either(predicate, self.named(domains)?))
            }
            _ => return None,
        })
    }

    fn named(&self, domains: u32) -> Option<u32> {
        let views = self.policies.domains.get(domains)?;
        self.policies.domain_views.slice(*views).first().copied()
    }

    fn knows_names(&self) -> bool {
        self.one_view && self.dialect.dns_coverage == DnsCoverage::Complete
    }

    fn is_slow(&self, check: &Check) -> bool {
        match check {
            Check::Ports(Side::Source, _)
            | Check::NotPorts(Side::Source, _)
            | Check::Resolves(Side::Source, _) => true,
            Check::Named(..) | Check::HoldsOrNamed(..) => !self.knows_names(),
            Check::NotIcmp(unwanted) => is_scattered(*unwanted, self.dialect.not_icmp),
            _ => false,
        }
    }

    /// Whether it may hold of traffic that has no ports.
    fn is_odd(&self, check: &Check) -> bool {
        matches!(check, Check::Resolves(_, condition) if self.odd.binary_search(condition).is_ok())
    }

    fn is_conditional(&self, check: &Check) -> bool {
        match check {
            Check::Ports(Side::Destination, ports) | Check::NotPorts(Side::Destination, ports) => {
                let ports = self.policies.ports.get(*ports);
                ports.is_some_and(|ports| !self.policies.conditions.slice(ports.conditions).is_empty())
            }
            Check::Resolves(Side::Destination, _) => true,
            _ => false,
        }
    }
}

/// The traffic of a conditional rule towards a destination where conditions resolve to these ports.
pub(super) fn conditional_traffic(
    checks: &[Check],
    policies: &Policies,
    dialect: &Dialect,
    resolutions: &[Resolution],
    traffic: &mut TrafficSets,
) -> u32 {
    let checks: Vec<Check> = checks.iter().filter(|check| is_traffic(check)).copied().collect();
    traffic.set(&checks, policies, dialect.not_icmp, resolutions)
}
