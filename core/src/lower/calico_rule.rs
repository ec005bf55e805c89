//! Rules of Calico policies and profiles (`spec/calico.md` 4.2).

use super::calico_entity::{EntityReader, Families, PortUse};
use super::calico_http;
use super::names::annotations;
use super::ports::{protocol_number, protocol_text};
use super::problems::{Checker, suggestion};
use crate::diagnostic::Code;
use crate::dialect::Dialect;
use crate::model::{Direction, IcmpMatch, IpVersion, Name, Protocol, Rule, RuleAction, RuleOrigin};
use crate::resource::IntOrString;
use crate::resource::calico::{self, IcmpFields};

const MAX_RULES: usize = 1024;
const MAX_ICMP_TYPE: u8 = 254;
const ACTIONS: [(&str, RuleAction); 4] = [
    ("Allow", RuleAction::Allow),
    ("Deny", RuleAction::Deny),
    ("Log", RuleAction::Log),
    ("Pass", RuleAction::Pass),
];

/// Where a rule stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuleContext<'a> {
    /// The direction it is for.
    pub(super) direction: Direction,
    /// The namespace of its policy; none for global policies and profiles.
    pub(super) namespace: Option<&'a str>,
    /// The readings in force.
    pub(super) dialect: &'a Dialect,
}

/// Lowers the rules of a direction, in the field `ingress` or `egress`.
pub(super) fn rules(checker: &mut Checker, rules: &[calico::Rule], context: RuleContext<'_>) -> Vec<Rule> {
    let key = match context.direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    };
    checker.at(key, |checker| checker.at_most(rules, MAX_RULES, "rules"));
    let mut lowered = checker.each(key, rules, |checker, rule| lower_rule(checker, rule, context));
    for (index, rule) in (0..).zip(&mut lowered) {
        rule.origin.index = index;
    }
    lowered
}

fn lower_rule(checker: &mut Checker, rule: &calico::Rule, context: RuleContext<'_>) -> Option<Rule> {
    let action = action(checker, &rule.action);
    let stated_version = ip_version(checker, rule.ip_version);
    let protocol = protocol(checker, "protocol", rule.protocol.as_ref());
    let not_protocol = self::protocol(checker, "notProtocol", rule.not_protocol.as_ref());
    check_icmp_family(checker, "protocol", protocol, stated_version);
    check_icmp_family(checker, "notProtocol", not_protocol, stated_version);
    let icmp = icmp(checker, "icmp", rule.icmp.as_ref());
    let not_icmp = self::icmp(checker, "notICMP", rule.not_icmp.as_ref());
    check_icmp_protocol(checker, rule, protocol);

    let mut entities = EntityReader {
        context,
        action,
        ports: port_use(rule.protocol.as_ref(), protocol),
        families: Families::new(stated_version),
    };
    let source = entities.source(checker, &rule.source);
    let destination = entities.destination(checker, &rule.destination);
    let http = rule.http.as_ref().map(|http| {
        checker.at("http", |checker| {
            calico_http::check_place(checker, context.direction, action, protocol);
            calico_http::http_match(checker, http)
        })
    });
    let name = rule_name(checker, rule);
    Some(Rule {
        action: action?,
        ip_version: stated_version.or_else(|| implied_version(rule.protocol.as_ref())),
        protocol,
        not_protocol,
        icmp,
        not_icmp,
        source,
        destination,
        http,
        origin: RuleOrigin { name, ..RuleOrigin::default() },
    })
}

fn action(checker: &mut Checker, given: &str) -> Option<RuleAction> {
    let action = ACTIONS.iter().find(|(word, _)| *word == given).map(|(_, action)| *action);
    if action.is_none() {
        let help = suggestion(given, ACTIONS.map(|(word, _)| word));
        checker.at("action", |checker| {
            if given.is_empty() {
                checker.error(Code::MissingField, "this rule needs an `action`", help);
            } else {
                checker.error(Code::UnknownValue, format!("`{given}` is not an action"), help);
            }
        });
    }
    action
}

fn ip_version(checker: &mut Checker, given: Option<i64>) -> Option<IpVersion> {
    match given? {
        4 => Some(IpVersion::V4),
        6 => Some(IpVersion::V6),
        other => {
            checker.at("ipVersion", |checker| {
                let message = format!("{other} is not a version of IP");
                checker.error(Code::UnknownValue, message, "write 4 or 6, or leave the field out for both");
            });
            None
        }
    }
}

fn protocol(checker: &mut Checker, key: &'static str, given: Option<&IntOrString>) -> Option<Protocol> {
    let result = match given? {
        IntOrString::Int(number) => protocol_number(*number),
        IntOrString::String(text) => protocol_text(text),
    };
    checker.at(key, |checker| checker.value(result))
}

/// The names of the ICMP protocols stand for a family as well; their numbers do not.
fn implied_version(protocol: Option<&IntOrString>) -> Option<IpVersion> {
    let Some(IntOrString::String(name)) = protocol else { return None };
    Protocol::from_name(name).and_then(icmp_version)
}

fn icmp_version(protocol: Protocol) -> Option<IpVersion> {
    match protocol {
        Protocol::ICMP => Some(IpVersion::V4),
        Protocol::ICMPV6 => Some(IpVersion::V6),
        _ => None,
    }
}

fn check_icmp_family(
    checker: &mut Checker,
    key: &'static str,
    protocol: Option<Protocol>,
    stated: Option<IpVersion>,
) {
    let (Some(protocol), Some(stated)) = (protocol, stated) else { return };
    let Some(needed) = icmp_version(protocol).filter(|needed| *needed != stated) else { return };
    let other = if protocol == Protocol::ICMP { Protocol::ICMPV6 } else { Protocol::ICMP };
    let number = match needed {
        IpVersion::V4 => 4,
        IpVersion::V6 => 6,
    };
    checker.at(key, |checker| {
        checker.error(
            Code::IpVersionConflict,
            format!("{protocol} is a protocol of {needed}, and the rule is for {stated}"),
            format!("write `ipVersion: {number}`, or `{key}: {other}`"),
        );
    });
}

fn check_icmp_protocol(checker: &mut Checker, rule: &calico::Rule, protocol: Option<Protocol>) {
    // A protocol that is wrong has its own error.
    if rule.icmp.is_none() || protocol.is_none() != rule.protocol.is_none() {
        return;
    }
    if !protocol.is_some_and(Protocol::is_icmp) {
        checker.at("icmp", |checker| {
            checker.error(
                Code::InvalidIcmp,
                "`icmp` needs a protocol that is ICMP",
                "add `protocol: ICMP` or `protocol: ICMPv6` to the rule",
            );
        });
    }
}

fn icmp(checker: &mut Checker, key: &'static str, fields: Option<&IcmpFields>) -> Option<IcmpMatch> {
    let fields = fields?;
    checker.at(key, |checker| {
        let icmp_type = icmp_number(checker, "type", fields.icmp_type, MAX_ICMP_TYPE);
        let code = icmp_number(checker, "code", fields.code, u8::MAX);
        if fields.code.is_some() && fields.icmp_type.is_none() {
            let message = "`code` needs a `type`: each type has codes of its own";
            checker.error(Code::InvalidIcmp, message, "add the `type` that the code belongs to");
        }
        Some(IcmpMatch { icmp_type: icmp_type?, code })
    })
}

fn icmp_number(checker: &mut Checker, key: &'static str, given: Option<i64>, most: u8) -> Option<u8> {
    let given = given?;
    let number = u8::try_from(given).ok().filter(|number| *number <= most);
    if number.is_none() {
        checker.at(key, |checker| {
            let message = format!("{given} is not an ICMP {key}");
            checker.error(Code::OutOfRange, message, format!("write a number from 0 to {most}"));
        });
    }
    number
}

/// Which ports the rule's protocol allows (`spec/calico.md` 4.4).
fn port_use(given: Option<&IntOrString>, protocol: Option<Protocol>) -> PortUse {
    match (given, protocol) {
        (None, _) => PortUse::NamesOnly,
        (Some(_), Some(protocol)) if !protocol.has_ports() => PortUse::None(protocol),
        (Some(_), _) => PortUse::Any,
    }
}

fn rule_name(checker: &mut Checker, rule: &calico::Rule) -> Option<Name> {
    let metadata = rule.metadata.as_ref()?;
    checker.at("metadata", |checker| annotations(checker, &metadata.annotations));
    metadata.annotations.get("name").map(|name| name.as_str().into())
}
