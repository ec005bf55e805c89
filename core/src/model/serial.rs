//! What flows and verdicts look like when they are serialized: their fields by name, not their plain bytes.

use super::{Action, Direction, Flow, Protocol, Reason, RuleId, Side, Verdict};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// A number of a rule, of which none is 0.
pub(super) fn rule_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        RuleId::NONE => Err(D::Error::custom("no rule has the id 0")),
        number => Ok(number),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FlowFields {
    source: Side,
    destination: Side,
    /// The number.
    protocol: u8,
    source_port: u16,
    destination_port: u16,
    icmp_type: u8,
    icmp_code: u8,
}

impl From<Flow> for FlowFields {
    fn from(flow: Flow) -> Self {
        let (icmp_type, icmp_code) = flow.icmp();
        FlowFields {
            source: flow.source(),
            destination: flow.destination(),
            protocol: flow.protocol().number(),
            source_port: flow.source_port(),
            destination_port: flow.destination_port(),
            icmp_type,
            icmp_code,
        }
    }
}

impl From<FlowFields> for Flow {
    fn from(fields: FlowFields) -> Self {
        Flow::new(fields.source, fields.destination, Protocol::from(fields.protocol))
            .with_ports(fields.source_port, fields.destination_port)
            .with_icmp(fields.icmp_type, fields.icmp_code)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerdictFields {
    action: Action,
    egress: ReasonFields,
    ingress: ReasonFields,
    logged: bool,
    staged_differs: bool,
    http_assumed: bool,
    generation: u32,
}

#[derive(Serialize, Deserialize)]
struct ReasonFields {
    reason: Reason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<RuleId>,
}

impl From<Verdict> for VerdictFields {
    fn from(verdict: Verdict) -> Self {
        let side =
            |direction| ReasonFields { reason: verdict.reason(direction), rule: verdict.rule(direction) };
        VerdictFields {
            action: verdict.action(),
            egress: side(Direction::Egress),
            ingress: side(Direction::Ingress),
            logged: verdict.is_logged(),
            staged_differs: verdict.staged_differs(),
            http_assumed: verdict.http_assumed(),
            generation: verdict.generation(),
        }
    }
}

impl From<VerdictFields> for Verdict {
    fn from(fields: VerdictFields) -> Self {
        Verdict::new(fields.action, fields.generation)
            .with_reason(Direction::Egress, fields.egress.reason, fields.egress.rule)
            .with_reason(Direction::Ingress, fields.ingress.reason, fields.ingress.rule)
            .with_flag(Verdict::LOGGED, fields.logged)
            .with_flag(Verdict::STAGED_DIFFERS, fields.staged_differs)
            .with_flag(Verdict::HTTP_ASSUMED, fields.http_assumed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_names_and_come_back() {
        let verdict = Verdict::new(Action::Undecided, 7)
            .with_reason(Direction::Ingress, Reason::Rule, Some(RuleId(3)))
            .with_flag(Verdict::LOGGED | Verdict::HTTP_ASSUMED, true);
        let text = serde_json::to_string(&verdict).unwrap();
        assert_eq!(
            text,
            r#"{"action":"undecided","egress":{"reason":"notEvaluated"},"ingress":{"reason":"rule","rule":3},"logged":true,"stagedDiffers":false,"httpAssumed":true,"generation":7}"#
        );
        assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
    }

    #[test]
    fn no_rule_is_number_0() {
        assert!(serde_json::from_str::<RuleId>("0").is_err());
        assert_eq!(serde_json::from_str::<RuleId>("1").unwrap(), RuleId(1));
    }
}
