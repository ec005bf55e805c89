//! The recorder that keeps everything.

use super::outcome::Outcome;
use super::recorder::Recorder;
use crate::cluster::Phase;
use crate::explanation::{At, Connection, Did, End, Judgement, Step};
use crate::model::{Direction, Flow, Judged, Point, RuleId, Verdict};

/// The story of one way of a flow.
#[derive(Debug)]
pub(super) struct Story {
    /// The flags of all judgements that have ended.
    flags: u8,
    phase: Phase,
    /// The flags and the steps of the judgement that goes on.
    here: u8,
    steps: Vec<Step>,
    /// The judgements of the side that goes on.
    judgements: Vec<Judgement>,
    egress: End,
    ingress: End,
}

impl Default for Story {
    fn default() -> Self {
        Story {
            flags: 0,
            phase: Phase::Normal,
            here: 0,
            steps: Vec::new(),
            judgements: Vec::new(),
            egress: End::default(),
            ingress: End::default(),
        }
    }
}

impl Story {
    pub(super) fn connection(self, flow: Flow) -> Connection {
        Connection { flow, egress: self.egress, ingress: self.ingress }
    }

    /// The judgement of one endpoint alone, whatever is at the point.
    pub(super) fn judgement(mut self, point: Point, said: Judged) -> Judgement {
        let (at, told) = (At::Endpoint(point), self.judgements.pop());
        match told {
            Some(told) => Judgement { at, said, ..told },
            None => Judgement { at, said, steps: Vec::new(), http_assumed: false },
        }
    }
}

impl Recorder for Story {
    fn flag(&mut self, flag: u8) {
        self.here |= flag;
    }

    fn flags(&self) -> u8 {
        self.flags | self.here
    }

    fn phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    fn step(&mut self, rule: Option<RuleId>, did: impl FnOnce() -> Did) {
        self.steps.push(Step { phase: self.phase, rule, did: did() });
    }

    fn judged(&mut self, at: impl FnOnce() -> At, outcome: Outcome) {
        let http_assumed = self.here & Verdict::HTTP_ASSUMED != 0;
        self.flags |= std::mem::take(&mut self.here);
        let steps = std::mem::take(&mut self.steps);
        self.judgements.push(Judgement { at: at(), said: outcome.into(), steps, http_assumed });
    }

    fn end(&mut self, direction: Direction, outcome: Outcome) {
        let end = End { said: outcome.into(), judgements: std::mem::take(&mut self.judgements) };
        match direction {
            Direction::Egress => self.egress = end,
            Direction::Ingress => self.ingress = end,
        }
    }

    fn join(&mut self, other: Self) {
        self.flags |= other.flags();
        self.judgements.extend(other.judgements);
    }
}
