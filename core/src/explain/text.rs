//! The trace as an indented tree.

use super::{
    ConnectionTrace, DeciderTrace, FlowTrace, PhaseTrace, PolicyTrace, RuleOutcome, RuleTrace, SideTrace,
    StepTrace, TierOutcome, TierTrace, Trace,
};
use crate::cluster::Phase;
use crate::model::{Action, Reason};
use crate::reference::Role;
use std::fmt;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", verb(self.enforced.action), self.flow)?;
        if let Some(service) = &self.service {
            write!(f, "through service {}", service.service)?;
            if let Some(node) = &service.node {
                write!(f, ", received by node {node}")?;
            }
            writeln!(f)?;
        }
        let backends = self.service.as_ref().map(|service| service.backends.as_slice()).unwrap_or_default();
        connection(f, &self.enforced, backends)?;
        if let Some(pending) = &self.pending {
            writeln!(f, "\nIf the staged policies were enforced: {}", verb(pending.action))?;
            connection(f, pending, backends)?;
        }
        Ok(())
    }
}

impl Trace {
    /// The verdict and its reasons, without the rules that were tried: one line a side.
    pub fn summary(&self) -> String {
        let mut lines = vec![format!("{} {}", verb(self.enforced.action), self.flow)];
        if let Some(service) = &self.service {
            let node =
                service.node.as_deref().map(|node| format!(", received by node {node}")).unwrap_or_default();
            lines.push(format!("  through service {}{node}", service.service));
            if service.backends.is_empty() {
                lines.push("  the service has no backend for this port".to_owned());
            }
            for (flow, backend) in service.backends.iter().zip(&self.enforced.backends) {
                lines.push(format!("  backend {}: {}", flow.destination, verb(backend.action)));
                lines.extend(backend.sides.iter().map(|side| format!("    {}", headline(side))));
            }
        }
        lines.extend(self.enforced.sides.iter().map(|side| format!("  {}", headline(side))));
        lines.extend(self.enforced.missing.iter().map(|missing| format!("  not known: {missing}")));
        lines.extend(self.enforced.logged.iter().map(|rule| format!("  logged by {}", decider(rule))));
        if self.enforced.http_assumed {
            lines.push(
                "  an HTTP clause was taken to match: give a method and path to judge a request".to_owned(),
            );
        }
        if let Some(pending) = &self.pending {
            lines.push(format!("  if the staged policies were enforced: {}", verb(pending.action)));
            let sides =
                pending.sides.iter().chain(pending.backends.iter().flat_map(|backend| &backend.sides));
            lines.extend(sides.map(|side| format!("    {}", headline(side))));
        }
        lines.join("\n")
    }
}

impl fmt::Display for FlowTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {}", self.source, self.destination, self.protocol)?;
        if let Some(port) = self.destination_port {
            write!(f, " {port}")?;
        }
        if let Some((icmp_type, code)) = self.icmp {
            write!(f, " type {icmp_type} code {code}")?;
        }
        match &self.http {
            Some(http) => write!(f, ", {http}"),
            None => Ok(()),
        }
    }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Allow => "ALLOW",
        Action::Deny => "DENY",
        Action::Undecided => "UNDECIDED",
    }
}

fn connection(
    f: &mut fmt::Formatter<'_>,
    connection_: &ConnectionTrace,
    backends: &[FlowTrace],
) -> fmt::Result {
    for missing in &connection_.missing {
        writeln!(f, "not known: {missing}")?;
    }
    for rule in &connection_.logged {
        writeln!(f, "logged by {}", decider(rule))?;
    }
    if connection_.http_assumed {
        writeln!(f, "an HTTP clause was taken to match: the flow carries no request")?;
    }
    for (flow, backend) in backends.iter().zip(&connection_.backends) {
        writeln!(f, "\nbackend: {} {flow}", verb(backend.action))?;
        connection(f, backend, &[])?;
    }
    connection_.sides.iter().try_for_each(|each| side(f, each))
}

/// What decided a side, in one line.
fn headline(side: &SideTrace) -> String {
    let endpoint = side.endpoint.as_deref().unwrap_or("an address outside");
    let mut line = format!("{} of {endpoint}: {}", side.direction, side.action);
    let denied = side
        .steps
        .iter()
        .find(|step| step.action == Action::Deny && Some(&step.at) != side.endpoint.as_ref());
    if let Some(step) = denied.filter(|step| side.action == Action::Deny && step.reason == side.reason) {
        line.push_str(&format!(" at {}", step.at));
    }
    match (&side.decided_by, side.reason) {
        (Some(rule), Reason::TierDefault) => {
            line.push_str(&format!(" at the end of its tier, brought about by {}", decider(rule)));
        }
        (Some(rule), Reason::Rule | Reason::ProfileRule) => line.push_str(&format!(" by {}", decider(rule))),
        (Some(rule), reason) => line.push_str(&format!(" ({reason}), {}", decider(rule))),
        (None, reason) => line.push_str(&format!(" ({reason})")),
    }
    line
}

fn decider(rule: &DeciderTrace) -> String {
    let mut text = rule.owner.clone();
    if let Some(index) = rule.index {
        text.push_str(&format!(" {} rule {index}", rule.direction));
    }
    if let Some(name) = &rule.name {
        text.push_str(&format!(" \"{name}\""));
    }
    if let Some(origin) = &rule.origin {
        text.push_str(&format!(" at {origin}"));
    }
    text
}

fn side(f: &mut fmt::Formatter<'_>, side: &SideTrace) -> fmt::Result {
    writeln!(f, "\n{}", headline(side))?;
    side.steps.iter().try_for_each(|each| step(f, each))
}

fn step(f: &mut fmt::Formatter<'_>, step: &StepTrace) -> fmt::Result {
    let role = match step.role {
        Some(Role::Forwarded) => " for forwarded traffic",
        Some(Role::PreDnatOnly) => " before translation",
        Some(Role::Own) | None => "",
    };
    writeln!(f, "  {} {}{role}: {} ({})", step.at, step.direction, step.action, step.reason)?;
    step.phases.iter().try_for_each(|each| phase(f, each))?;
    if !step.policy_strings.is_empty() {
        writeln!(f, "    flow-log policies: {}", step.policy_strings.join(" "))?;
    }
    Ok(())
}

fn phase(f: &mut fmt::Formatter<'_>, phase: &PhaseTrace) -> fmt::Result {
    if phase.phase != Phase::Normal && !phase.tiers.is_empty() {
        writeln!(f, "    {} policies", phase.phase)?;
    }
    phase.tiers.iter().try_for_each(|each| tier(f, each))?;
    for profile in &phase.profiles {
        let missing = if profile.missing { " does not exist: deny" } else { "" };
        writeln!(f, "    profile {}{missing}", profile.name)?;
        profile.rules.iter().try_for_each(|each| rule(f, each, "      "))?;
    }
    Ok(())
}

fn tier(f: &mut fmt::Formatter<'_>, tier: &TierTrace) -> fmt::Result {
    let order = tier.order.map_or_else(|| "last".to_owned(), |order| format!("order {order}"));
    let outcome = match tier.outcome {
        TierOutcome::Rule { action } => action.to_string(),
        TierOutcome::Default { action, reason: Reason::TierDefault } => format!("{action} by default"),
        TierOutcome::Default { action, reason } => format!("{action} ({reason})"),
        TierOutcome::NotReached => "not reached".to_owned(),
    };
    writeln!(f, "    tier {} ({order}, default {}): {outcome}", tier.name, tier.default_action)?;
    if tier.outcome == TierOutcome::NotReached {
        return Ok(());
    }
    tier.policies.iter().try_for_each(|each| policy(f, each))
}

fn policy(f: &mut fmt::Formatter<'_>, policy: &PolicyTrace) -> fmt::Result {
    let origin = policy.origin.as_deref().map(|origin| format!("  {origin}")).unwrap_or_default();
    let staged = if policy.staged { " (staged)" } else { "" };
    let reached =
        policy.rules.is_empty() || policy.rules.iter().any(|rule| rule.outcome != RuleOutcome::NotReached);
    let note = match (policy.rules.is_empty(), reached) {
        (true, _) => ": no rules in this direction",
        (false, true) => "",
        (false, false) => ": not reached",
    };
    writeln!(f, "      {}{staged}{note}{origin}", policy.policy)?;
    if reached { policy.rules.iter().try_for_each(|each| rule(f, each, "        ")) } else { Ok(()) }
}

fn rule(f: &mut fmt::Formatter<'_>, rule: &RuleTrace, indent: &str) -> fmt::Result {
    let mark = match rule.outcome {
        RuleOutcome::Matched => "=>",
        RuleOutcome::Unknown { .. } => "??",
        _ => "  ",
    };
    write!(f, "{indent}{mark} rule {} {}", rule.source_index, rule.action)?;
    if let Some(name) = &rule.name {
        write!(f, " \"{name}\"")?;
    }
    match &rule.outcome {
        RuleOutcome::Matched => write!(f, ": matches")?,
        RuleOutcome::Missed { field, expected, actual } => {
            write!(f, ": {field} {expected}, flow has {actual}")?;
        }
        RuleOutcome::Unknown { missing } => {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            write!(f, ": not known without {}", missing.join(" and "))?;
        }
        RuleOutcome::InvalidRequest => write!(f, ": the request's path cannot be compared")?,
        RuleOutcome::NotReached => write!(f, ": not reached")?,
    }
    match &rule.origin {
        Some(origin) => writeln!(f, "  {origin}"),
        None => writeln!(f),
    }
}
