//! How parts of an evaluation end, and every other way they could while something is unknown.

use crate::model::{Action, Reason, RuleId};

/// How a part ends: one of three bits.
pub(super) type Ending = u8;

pub(super) const ALLOW: Ending = 1;
pub(super) const DENY: Ending = 2;
/// What comes next decides.
pub(super) const OPEN: Ending = 4;

/// The end of a part if nothing unknown matches, why, and the set of all ends it could have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) ending: Ending,
    pub(super) possible: u8,
    pub(super) reason: Reason,
    pub(super) rule: Option<RuleId>,
    /// The first rule of which it is not known whether it matches.
    pub(super) unknown: Option<RuleId>,
}

/// What a part has seen of the unknown so far: ends it could have had, and the first rule that leaves it open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Doubt {
    pub(super) possible: u8,
    pub(super) rule: Option<RuleId>,
}

impl Doubt {
    pub(super) fn add(&mut self, possible: u8, rule: Option<RuleId>) {
        self.possible |= possible;
        self.rule = self.rule.or(rule);
    }
}

impl Outcome {
    pub(super) fn new(ending: Ending, reason: Reason, rule: Option<RuleId>) -> Self {
        Outcome { ending, possible: ending, reason, rule, unknown: None }
    }

    pub(super) fn open() -> Self {
        Outcome::new(OPEN, Reason::NotPoliced, None)
    }

    pub(super) fn allow(reason: Reason) -> Self {
        Outcome::new(ALLOW, reason, None)
    }

    pub(super) fn deny(reason: Reason) -> Self {
        Outcome::new(DENY, reason, None)
    }

    pub(super) fn undecided(rule: Option<RuleId>) -> Self {
        Outcome { ending: DENY, possible: ALLOW | DENY, reason: Reason::Undecided, rule, unknown: rule }
    }

    /// With the doubt of what came before.
    pub(super) fn after(mut self, doubt: Doubt) -> Self {
        self.possible |= doubt.possible;
        self.unknown = doubt.rule.or(self.unknown);
        self
    }

    pub(super) fn may(self, ending: Ending) -> bool {
        self.possible & ending != 0
    }

    /// What comes next decides where this leaves it open.
    pub(super) fn then(self, next: impl FnOnce() -> Outcome) -> Self {
        if self.may(OPEN) { self.replace(OPEN, next()) } else { self }
    }

    /// The other has to allow as well.
    pub(super) fn and(self, other: Outcome) -> Self {
        if self.may(ALLOW) { self.replace(ALLOW, other) } else { self }
    }

    fn replace(self, ending: Ending, next: Outcome) -> Self {
        let main = if self.ending == ending { next } else { self };
        Outcome {
            possible: self.possible & !ending | next.possible,
            unknown: self.unknown.or(next.unknown),
            ..main
        }
    }

    /// Undecided if it could both be allowed and denied.
    pub(super) fn decide(self) -> (Action, Reason, Option<RuleId>) {
        match (self.may(ALLOW), self.may(DENY)) {
            (true, true) => (Action::Undecided, Reason::Undecided, self.unknown),
            (true, false) => (Action::Allow, self.reason, self.rule),
            (false, _) => (Action::Deny, self.reason, self.rule),
        }
    }
}
