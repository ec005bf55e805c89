//! Rules, and the order in which they are tried.

use super::{Check, Packed, Paged, Pool, PortCheck, Shared, Span, Table};
use crate::model::{Direction, HttpMatch, IdentityMatch, Name, PortRange, RuleAction, RuleId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    pub(crate) checks: Span,
    pub(crate) id: Option<RuleId>,
    pub(crate) action: RuleAction,
    /// It has an HTTP clause.
    pub(crate) http: bool,
    /// That clause compares paths.
    pub(crate) paths: bool,
}

/// A tier as it governs a subject in one phase, direction and scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AppliedTier {
    /// Its position among all tiers.
    pub(crate) tier: u32,
    /// Numbers of rule lists, one a policy.
    pub(crate) policies: Packed,
    /// What the end of the tier does.
    pub(crate) end: EndOfTier,
    /// The id that stands for its end.
    pub(crate) end_id: Option<RuleId>,
}

/// What happens to a flow that no rule of a tier decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum EndOfTier {
    /// The next tier is tried.
    Pass,
    /// It is allowed: the tier leaves this direction alone.
    Settled,
    /// It is denied, but for what is exempt.
    Deny {
        /// Traffic to the own node is.
        own_node: bool,
        /// Protocols without ports are.
        other_protocols: bool,
        /// Of protocols without ports it is not known.
        other_undecided: bool,
    },
}

/// A profile: its rules.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Profile {
    pub(crate) ingress: Span,
    pub(crate) egress: Span,
}

/// Labels of what has a name.
pub(crate) type LabelsByName = BTreeMap<Name, BTreeMap<Name, Name>>;

/// Every rule, and every list of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policies {
    pub(crate) rules: Pool<Rule>,
    /// The rules of one policy in one direction.
    pub(crate) rule_lists: Paged<Span>,
    /// Lists of numbers of rule lists.
    pub(crate) policies: Pool<u32>,
    pub(crate) tiers: Pool<AppliedTier>,
    /// What governs a subject in one phase, direction and scope.
    pub(crate) lists: Table<Span>,
    pub(crate) profiles: Paged<Profile>,
    pub(crate) checks: Pool<Check>,
    pub(crate) ports: Table<PortCheck>,
    pub(crate) port_ranges: Pool<PortRange>,
    pub(crate) conditions: Pool<u32>,
    pub(crate) identities: Shared<IdentityMatch>,
    pub(crate) http: Shared<HttpMatch>,
    /// For each set of domain names, the predicate it has in each view of the DNS.
    pub(crate) domains: Table<Span>,
    pub(crate) domain_views: Pool<u32>,
    /// Labels by namespace, of namespaces and of their service accounts; only if a rule asks for an identity.
    pub(crate) namespaces: Arc<LabelsByName>,
    pub(crate) service_accounts: Arc<BTreeMap<Name, LabelsByName>>,
}

impl Policies {
    pub(crate) fn list(&self, list: u32) -> &[AppliedTier] {
        self.lists.get(list).map_or(&[], |span| self.tiers.slice(*span))
    }

    /// How many rules policies and profiles have. Updates leave others behind.
    pub(crate) fn live_rules(&self) -> usize {
        let of_profiles = self.profiles.iter().flat_map(|profile| [profile.ingress, profile.egress]);
        self.rule_lists.iter().copied().chain(of_profiles).map(|rules| rules.range().len()).sum()
    }

    /// The rule lists of a tier's policies, in order.
    pub(crate) fn policies_of(&self, tier: &AppliedTier) -> impl Iterator<Item = &[Rule]> {
        let lists = self.policies.list(tier.policies).iter();
        lists.map(|list| self.rule_lists.get(list).map_or(&[][..], |span| self.rules.slice(*span)))
    }

    /// The rules of all policies and profiles that there are.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = &Rule> {
        let profiles = self.profiles.iter().flat_map(|profile| [profile.ingress, profile.egress]);
        self.rule_lists.iter().copied().chain(profiles).flat_map(|span| self.rules.slice(span))
    }

    pub(crate) fn profile(&self, profile: u32, direction: Direction) -> Option<&[Rule]> {
        let profile = self.profiles.get(profile)?;
        Some(self.rules.slice(match direction {
            Direction::Ingress => profile.ingress,
            Direction::Egress => profile.egress,
        }))
    }

    pub(crate) fn seal(&mut self) {
        self.rule_lists.seal();
        self.profiles.seal();
    }

    /// The bytes of what was replaced.
    pub(crate) fn garbage(&self) -> usize {
        self.rule_lists.garbage() + self.profiles.garbage()
    }

    /// Moves what can be replaced to new memory, without what was replaced.
    pub(crate) fn compact(&mut self) {
        self.rule_lists.compact();
        self.profiles.compact();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rules.bytes()
            + self.rule_lists.bytes()
            + self.policies.bytes()
            + self.tiers.bytes()
            + self.lists.bytes()
            + self.profiles.bytes()
            + self.checks.bytes()
            + self.ports.bytes()
            + self.port_ranges.bytes()
            + self.conditions.bytes()
            + self.identities.bytes()
            + self.http.bytes()
            + self.domains.bytes()
            + self.domain_views.bytes()
    }
}
