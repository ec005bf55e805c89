//! What is noted of a walk: flags only, for a verdict, or its whole story.

use super::outcome::Outcome;
use crate::cluster::Phase;
use crate::explanation::{At, Did};
use crate::model::{Direction, RuleId};

/// Takes notes as a flow is judged. What a recorder does not override costs nothing.
pub(super) trait Recorder: Default {
    /// Sets a flag of the verdict.
    fn flag(&mut self, flag: u8);

    /// The flags that were set.
    fn flags(&self) -> u8;

    /// What follows is of this phase.
    fn phase(&mut self, _phase: Phase) {}

    /// Something happened, and this rule has a part in it.
    fn step(&mut self, _rule: Option<RuleId>, _did: impl FnOnce() -> Did) {}

    /// A judgement ends: it is made of the steps since the one before.
    fn judged(&mut self, _at: impl FnOnce() -> At, _outcome: Outcome) {}

    /// A side of the connection ends: it is made of the judgements since the one before.
    fn end(&mut self, _direction: Direction, _outcome: Outcome) {}

    /// Takes over what another noted.
    fn join(&mut self, other: Self);
}

/// The flags of the verdict.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Notes(u8);

impl Recorder for Notes {
    fn flag(&mut self, flag: u8) {
        self.0 |= flag;
    }

    fn flags(&self) -> u8 {
        self.0
    }

    fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
