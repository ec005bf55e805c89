//! Outcomes, of which there may be several while something is unknown.

use crate::model::{Action, Reason, RuleId};
use std::fmt;
use std::net::IpAddr;
use std::ops::{BitOr, BitOrAssign};

/// What would have to be known to decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase", tag = "what")
)]
#[non_exhaustive]
pub enum Missing {
    /// The HTTP request of the flow.
    HttpRequest,
    /// Which domain names the address has.
    DomainNames {
        /// The address.
        address: IpAddr,
    },
    /// The address of an end that is only known by name.
    Address,
    /// The address family of a flow between ends without addresses.
    AddressFamily,
    /// What the host's own firewall does (`DefaultEndpointToHostAction: Return`).
    HostFirewall,
    /// Which backend of the service the flow is sent to.
    Backend,
    /// What the implementation does with protocols other than TCP, UDP and SCTP.
    OtherProtocol,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::HttpRequest => f.write_str("the HTTP request"),
            Missing::DomainNames { address } => write!(f, "the domain names of {address}"),
            Missing::Address => f.write_str("the address of an end that has none"),
            Missing::AddressFamily => f.write_str("the address family of the flow"),
            Missing::HostFirewall => f.write_str("what the firewall of the host says"),
            Missing::Backend => f.write_str("which backend of the service receives the flow"),
            Missing::OtherProtocol => f.write_str("what the implementation does with this protocol"),
        }
    }
}

/// Where one part of the walk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Allow,
    Deny,
    /// Nothing decided; what comes next does.
    Open,
}

/// A set of endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endings(u8);

impl Endings {
    pub(crate) const NONE: Endings = Endings(0);

    pub(crate) fn contains(self, ending: Ending) -> bool {
        self.0 & Endings::from(ending).0 != 0
    }

    fn without(self, ending: Ending) -> Endings {
        Endings(self.0 & !Endings::from(ending).0)
    }

    pub(crate) fn except_open(self) -> Endings {
        self.without(Ending::Open)
    }
}

impl From<Ending> for Endings {
    fn from(ending: Ending) -> Self {
        Endings(match ending {
            Ending::Allow => 1,
            Ending::Deny => 2,
            Ending::Open => 4,
        })
    }
}

impl BitOr for Endings {
    type Output = Endings;
    fn bitor(self, other: Endings) -> Endings {
        Endings(self.0 | other.0)
    }
}

impl BitOrAssign for Endings {
    fn bitor_assign(&mut self, other: Endings) {
        self.0 |= other.0;
    }
}

/// How a part of the walk ends if nothing unknown matches, why, and every way it could end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    pub(crate) reason: Reason,
    pub(crate) rule: Option<RuleId>,
    pub(crate) possible: Endings,
    /// The first rule of which it is not known whether it matches.
    pub(crate) unknown: Option<RuleId>,
}

impl Outcome {
    pub(crate) fn new(ending: Ending, reason: Reason, rule: Option<RuleId>) -> Self {
        Outcome { ending, reason, rule, possible: ending.into(), unknown: None }
    }

    pub(crate) fn open() -> Self {
        Outcome::new(Ending::Open, Reason::NotPoliced, None)
    }

    pub(crate) fn allow(reason: Reason) -> Self {
        Outcome::new(Ending::Allow, reason, None)
    }

    pub(crate) fn deny(reason: Reason) -> Self {
        Outcome::new(Ending::Deny, reason, None)
    }

    /// Allow or deny, it is not known which.
    pub(crate) fn undecided() -> Self {
        let mut outcome = Outcome::deny(Reason::Undecided);
        outcome.possible |= Ending::Allow.into();
        outcome
    }

    /// The same, with more ways it could end.
    pub(crate) fn or_else_possible(mut self, others: Endings, unknown: Option<RuleId>) -> Self {
        self.possible |= others;
        self.unknown = unknown.or(self.unknown);
        self
    }

    /// What comes next decides where this part leaves it open.
    pub(crate) fn then(self, next: impl FnOnce() -> Outcome) -> Self {
        self.continued(Ending::Open, next)
    }

    /// What comes next has to allow as well.
    pub(crate) fn and(self, next: impl FnOnce() -> Outcome) -> Self {
        self.continued(Ending::Allow, next)
    }

    fn continued(self, on: Ending, next: impl FnOnce() -> Outcome) -> Self {
        if !self.possible.contains(on) {
            return self;
        }
        let next = next();
        let main = if self.ending == on { next } else { self };
        Outcome {
            possible: self.possible.without(on) | next.possible,
            unknown: self.unknown.or(next.unknown),
            ..main
        }
    }

    /// The action, and its reason and rule: undecided if both allow and deny are possible.
    pub(crate) fn decide(self) -> (Action, Reason, Option<RuleId>) {
        match (self.possible.contains(Ending::Allow), self.possible.contains(Ending::Deny)) {
            (true, true) => (Action::Undecided, Reason::Undecided, self.unknown),
            (true, false) => (Action::Allow, self.reason, self.rule),
            _ => (Action::Deny, self.reason, self.rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deny_on_every_branch_is_a_deny() {
        let deny = || Outcome::deny(Reason::Rule);
        assert_eq!(Outcome::undecided().and(deny).decide().0, Action::Deny);
        assert_eq!(Outcome::undecided().and(|| Outcome::allow(Reason::Rule)).decide().0, Action::Undecided);
        assert_eq!(Outcome::open().then(deny).decide(), (Action::Deny, Reason::Rule, None));
    }

    #[test]
    fn an_unknown_rule_that_changes_nothing_is_no_doubt() {
        let allow =
            Outcome::allow(Reason::ProfileRule).or_else_possible(Ending::Allow.into(), Some(RuleId(1)));
        assert_eq!(allow.decide(), (Action::Allow, Reason::ProfileRule, None));
    }
}
