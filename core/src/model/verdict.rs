//! The answer: a verdict, its reasons, and the ids it names.

use super::Direction;
use std::fmt;

/// Names an endpoint of one cluster; stable while the endpoint exists, and never given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct EndpointId(pub(crate) u32);

impl EndpointId {
    /// The number in a [`Flow`](super::Flow).
    pub fn get(self) -> u32 {
        self.0
    }
}

impl From<u32> for EndpointId {
    fn from(number: u32) -> Self {
        EndpointId(number)
    }
}

/// Names a rule, or the end of a tier as one policy brought it about. A rule keeps its id while it is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct RuleId(
    #[cfg_attr(feature = "serde", serde(deserialize_with = "super::serial::rule_number"))] pub(crate) u32,
);

impl RuleId {
    pub(crate) const NONE: u32 = 0;

    /// The number, as it stands in a [`Verdict`]; never 0.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// What is to happen with a flow. Deny is 0, so zeroed memory denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[repr(u8)]
pub enum Action {
    /// It may not pass.
    #[default]
    Deny = 0,
    /// It may pass.
    Allow = 1,
    /// It cannot be known without what the flow or the cluster lacks; see [`Reason::Undecided`].
    Undecided = 2,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Deny => "deny",
            Action::Allow => "allow",
            Action::Undecided => "undecided",
        })
    }
}

macro_rules! reasons {
    ($($(#[$meta:meta])+ $name:ident = $number:literal, $text:literal;)+) => {
        /// Why one direction of a verdict is as it is (calico.md 9.2, kubernetes.md 2.8).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$meta])+ $name = $number,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)+];

            /// A few words for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $text,)+ }
            }

            fn from_number(number: u8) -> Reason {
                match number { $($number => Reason::$name,)+ _ => Reason::NotEvaluated }
            }
        }
    };
}

reasons! {
    /// It was not evaluated: what zeroed memory says.
    #[default]
    NotEvaluated = 0, "not evaluated";
    /// A rule of a policy.
    Rule = 1, "rule";
    /// The end of a tier whose policies govern the endpoint and did not match.
    TierDefault = 2, "tier default";
    /// A rule of a profile.
    ProfileRule = 3, "profile rule";
    /// No rule of any profile matched, or the endpoint has none.
    ProfileNoMatch = 4, "no profile matched";
    /// The endpoint lists a profile that does not exist.
    MissingProfile = 5, "missing profile";
    /// No policy applies here: the address is no endpoint, or its interface has no host endpoint.
    NotPoliced = 6, "not policed";
    /// A failsafe port of a host endpoint.
    Failsafe = 7, "failsafe port";
    /// No policy for forwarded traffic governs the host endpoint.
    ForwardDefault = 8, "forwarded by default";
    /// What is configured for traffic of workloads to their own host.
    EndpointToHost = 9, "endpoint-to-host action";
    /// Traffic between a node and its own workload.
    OwnNode = 10, "own node";
    /// An endpoint's traffic to itself.
    SelfTraffic = 11, "traffic to itself";
    /// Something that decides is not known.
    Undecided = 12, "undecided";
    /// The HTTP request is not one that rules can be applied to.
    InvalidRequest = 13, "invalid request";
    /// The reply of an untracked connection is not allowed.
    ReplyDenied = 14, "reply not allowed";
    /// The flow names an endpoint that does not exist.
    UnknownEndpoint = 15, "unknown endpoint";
    /// The service has no backend for the flow.
    NoBackend = 16, "no backend";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The answer for one flow: 16 bytes of plain data. Zeroed memory is a deny.
///
/// It joins what the source's egress and the destination's ingress say; each direction has its reason and, where a rule
/// or the end of a tier decided, its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "super::serial::VerdictFields", into = "super::serial::VerdictFields")
)]
#[repr(C)]
pub struct Verdict {
    action: u8,
    egress_reason: u8,
    ingress_reason: u8,
    flags: u8,
    egress_rule: u32,
    ingress_rule: u32,
    generation: u32,
}

const _: () = assert!(size_of::<Verdict>() == 16);

impl Verdict {
    pub(crate) const LOGGED: u8 = 1;
    pub(crate) const STAGED_DIFFERS: u8 = 2;
    pub(crate) const HTTP_ASSUMED: u8 = 4;

    pub(crate) fn new(action: Action, generation: u32) -> Self {
        Verdict { action: action as u8, generation, ..Verdict::default() }
    }

    pub(crate) fn with_reason(mut self, direction: Direction, reason: Reason, rule: Option<RuleId>) -> Self {
        let number = rule.map_or(RuleId::NONE, RuleId::get);
        match direction {
            Direction::Egress => (self.egress_reason, self.egress_rule) = (reason as u8, number),
            Direction::Ingress => (self.ingress_reason, self.ingress_rule) = (reason as u8, number),
        }
        self
    }

    pub(crate) fn with_flag(mut self, flag: u8, on: bool) -> Self {
        if on {
            self.flags |= flag;
        }
        self
    }

    /// From what stands in tables: a reason and a rule for each direction.
    #[inline]
    pub(crate) fn from_numbers(
        is_allowed: bool,
        egress: (u8, u32),
        ingress: (u8, u32),
        flags: u8,
        generation: u32,
    ) -> Self {
        Verdict {
            action: u8::from(is_allowed),
            egress_reason: egress.0,
            ingress_reason: ingress.0,
            flags,
            egress_rule: egress.1,
            ingress_rule: ingress.1,
            generation,
        }
    }

    pub(crate) fn with_flags_of(self, other: Verdict) -> Self {
        self.with_flag(other.flags, true)
    }

    /// Allow, deny or undecided.
    pub fn action(self) -> Action {
        match self.action {
            1 => Action::Allow,
            2 => Action::Undecided,
            _ => Action::Deny,
        }
    }

    /// True only for [`Action::Allow`]: undecided folds to deny. Use [`Verdict::fold`] to choose.
    pub fn is_allowed(self) -> bool {
        self.action() == Action::Allow
    }

    /// The verdict as a yes or no, with `undecided` for [`Action::Undecided`].
    pub fn fold(self, undecided: bool) -> bool {
        match self.action() {
            Action::Allow => true,
            Action::Deny => false,
            Action::Undecided => undecided,
        }
    }

    /// Why the direction is as it is.
    pub fn reason(self, direction: Direction) -> Reason {
        Reason::from_number(match direction {
            Direction::Egress => self.egress_reason,
            Direction::Ingress => self.ingress_reason,
        })
    }

    /// The rule that decided the direction, or the end of a tier.
    pub fn rule(self, direction: Direction) -> Option<RuleId> {
        let number = match direction {
            Direction::Egress => self.egress_rule,
            Direction::Ingress => self.ingress_rule,
        };
        (number != RuleId::NONE).then_some(RuleId(number))
    }

    /// A Log rule matched on the way.
    pub fn is_logged(self) -> bool {
        self.flags & Self::LOGGED != 0
    }

    /// The staged policies, were they enforced, would give another action.
    pub fn staged_differs(self) -> bool {
        self.flags & Self::STAGED_DIFFERS != 0
    }

    /// An HTTP clause passed because the flow carries no request: the connection is judged, its requests are not.
    pub fn http_assumed(self) -> bool {
        self.flags & Self::HTTP_ASSUMED != 0
    }

    /// The generation of the cluster that answered, wrapping.
    pub fn generation(self) -> u32 {
        self.generation
    }
}

/// Both answers for one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct Evaluation {
    /// What is enforced: staged policies do not count.
    pub enforced: Verdict,
    /// What would be, were the staged policies enforced (calico.md 9.2).
    pub pending: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroed_memory_denies() {
        let zeroed = Verdict::default();
        assert_eq!(zeroed.action(), Action::Deny);
        assert_eq!(zeroed.reason(Direction::Ingress), Reason::NotEvaluated);
        assert_eq!(zeroed.rule(Direction::Egress), None);
    }

    #[test]
    fn reasons_survive_the_plain_bytes() {
        for reason in Reason::ALL {
            let verdict =
                Verdict::new(Action::Allow, 7).with_reason(Direction::Ingress, *reason, Some(RuleId(3)));
            assert_eq!(verdict.reason(Direction::Ingress), *reason);
            assert_eq!(verdict.reason(Direction::Egress), Reason::NotEvaluated);
            assert_eq!(verdict.rule(Direction::Ingress), Some(RuleId(3)));
            assert_eq!(verdict.generation(), 7);
        }
    }
}
