//! What evaluation costs without a compiled engine: the two ways in which policy evaluators are written.
//!
//! * [`AllPolicies`] (`l0` in reports): each flow tries the subject of every policy, then its rules, on labels. So do
//!   simulators and proxies that keep policies as they were written.
//! * [`AppliedRules`] (`l1`): each endpoint has a prepared list of the rules that govern it, and each rule looks up its
//!   peer in a prepared set of addresses. So do data planes that walk their rules.
//!
//! Both work on integers (labels are interned, selectors are trees of numbers, addresses are `u32`), so that they are
//! as fast as their kind allows; neither allocates per flow. Both agree with
//! [`tierwall::reference`](mod@tierwall::reference), the rule that decided included. They cover what
//! [`workload`](crate::workload) generates and refuse any other cluster.

mod all_policies;
mod applied_rules;
mod labels;
mod prefix;
mod rule;
mod translate;
mod world;

pub use all_policies::AllPolicies;
pub use applied_rules::AppliedRules;

/// What a baseline does not cover.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the baselines do not cover {what} ({whose})")]
pub struct Unsupported {
    what: &'static str,
    whose: String,
}

impl Unsupported {
    fn new(what: &'static str, whose: &impl ToString) -> Self {
        Unsupported { what, whose: whose.to_string() }
    }
}
