//! ClusterNetworkPolicy (`spec/kubernetes.md` 4).

use super::admin_peers::{Rules, SCOPE, each_rule, named_port, priority, rule, subject};
use super::policy::KubernetesPolicy;
use super::ports::{PortEntry, Ports};
use crate::diagnostic::Code;
use crate::dialect::Dialect;
use crate::lower::names::{NameRule, cluster_scoped};
use crate::lower::ports::port_number;
use crate::lower::problems::{Checker, suggestion};
use crate::model::{PolicyKind, PortRange, Protocol, RuleAction, Tier};
use crate::resource::policy_api::{
    self, ClusterNetworkPolicy, ClusterNetworkPolicyProtocol, DestinationPort, ProtocolPort,
};

const MOST: usize = 25;
const TIERS: [(&str, &str); 2] = [("Admin", Tier::KUBE_ADMIN), ("Baseline", Tier::KUBE_BASELINE)];

/// Reads a ClusterNetworkPolicy.
pub(super) fn read(
    checker: &mut Checker,
    policy: &ClusterNetworkPolicy,
    dialect: &Dialect,
) -> KubernetesPolicy {
    let name = cluster_scoped(checker, &policy.metadata, NameRule::Subdomain, SCOPE);
    let spec = &policy.spec;
    checker.at("spec", |checker| {
        let tier = read_tier(checker, &spec.tier);
        let rules = Rules {
            actions: &[("Accept", RuleAction::Allow), ("Deny", RuleAction::Deny), ("Pass", RuleAction::Pass)],
            most: MOST,
            optional_namespaces: true,
            domains_expected: tier == Some(Tier::KUBE_ADMIN),
            domain_actions: dialect.domain_actions,
        };
        let order = priority(checker, spec.priority);
        let subject = subject(checker, &spec.subject, rules);
        let ingress = each_rule(checker, "ingress", &spec.ingress, rules, |checker, given| {
            let ports = read_protocols(checker, given.protocols.as_deref());
            rule(checker, (&given.name, &given.action), ("from", &given.from), ports, rules)
        });
        let egress = each_rule(checker, "egress", &spec.egress, rules, |checker, given| {
            let ports = read_protocols(checker, given.protocols.as_deref());
            rule(checker, (&given.name, &given.action), ("to", &given.to), ports, rules)
        });
        KubernetesPolicy {
            kind: PolicyKind::KubernetesClusterNetworkPolicy,
            namespace: None,
            name,
            tier,
            order,
            subject,
            governs_ingress: !ingress.is_empty(),
            governs_egress: !egress.is_empty(),
            is_deletion: false,
            ingress,
            egress,
        }
    })
}

fn read_tier(checker: &mut Checker, word: &str) -> Option<&'static str> {
    if let Some((_, tier)) = TIERS.iter().find(|(known, _)| *known == word) {
        return Some(tier);
    }
    checker.at("tier", |checker| {
        let help = suggestion(word, TIERS.map(|(known, _)| known));
        if word.is_empty() {
            checker.error(Code::MissingField, "this policy needs a `tier`", help);
        } else {
            checker.error(Code::UnknownValue, format!("`{word}` is not a tier of this kind of policy"), help);
        }
    });
    None
}

fn read_protocols(
    checker: &mut Checker,
    protocols: Option<&[ClusterNetworkPolicyProtocol]>,
) -> Option<Vec<PortEntry>> {
    let Some(protocols) = protocols else { return Some(Vec::new()) };
    checker.at("protocols", |checker| {
        if protocols.is_empty() {
            checker.error(
                Code::InvalidLength,
                "`protocols` must not be empty",
                "remove it for any port and protocol",
            );
        }
        checker.at_most(protocols, MOST, "protocols");
    });
    let entries = checker.each("protocols", protocols, |checker, entry| Some(read_protocol(checker, entry)));
    let entries: Option<Vec<PortEntry>> = entries.into_iter().collect();
    entries.filter(|entries| !entries.is_empty())
}

fn read_protocol(checker: &mut Checker, entry: &ClusterNetworkPolicyProtocol) -> Option<PortEntry> {
    let ClusterNetworkPolicyProtocol { tcp, udp, sctp, destination_named_port: name } = entry;
    match (tcp, udp, sctp, name) {
        (Some(ports), None, None, None) => read_ports(checker, "tcp", Protocol::TCP, ports),
        (None, Some(ports), None, None) => read_ports(checker, "udp", Protocol::UDP, ports),
        (None, None, Some(ports), None) => read_ports(checker, "sctp", Protocol::SCTP, ports),
        (None, None, None, Some(name)) => {
            let ports = checker.at("destinationNamedPort", |checker| named_port(checker, name));
            Some(PortEntry { protocol: None, ports })
        }
        (None, None, None, None) => {
            checker.error(
                Code::EmptyPeer,
                "this entry names no protocol",
                "write `tcp`, `udp`, `sctp` or `destinationNamedPort`; for any protocol remove the list `protocols`",
            );
            None
        }
        _ => {
            checker.error(
                Code::ConflictingFields,
                "an entry of `protocols` has one of `tcp`, `udp`, `sctp` and `destinationNamedPort`",
                "make an entry of each",
            );
            None
        }
    }
}

fn read_ports(
    checker: &mut Checker,
    key: &'static str,
    protocol: Protocol,
    ports: &ProtocolPort,
) -> Option<PortEntry> {
    checker.at(key, |checker| {
        checker.at("destinationPort", |checker| {
            let Some(port) = &ports.destination_port else {
                checker.error(
                    Code::MissingField,
                    format!("`{key}` needs a `destinationPort`"),
                    format!("for every port of {protocol} write `destinationPort: {{range: {{start: 1, end: 65535}}}}`"),
                );
                return None;
            };
            let range = read_destination(checker, port)?;
            Some(PortEntry { protocol: Some(protocol), ports: Ports::Range(range) })
        })
    })
}

fn read_destination(checker: &mut Checker, port: &DestinationPort) -> Option<PortRange> {
    match (port.number, &port.range) {
        (Some(number), None) => {
            checker.at("number", |checker| checker.value(port_number(number))).map(PortRange::from)
        }
        (None, Some(range)) => checker.at("range", |checker| read_range(checker, range)),
        (None, None) => {
            let help = "write `number: 443`, or `range: {start: 8000, end: 8999}`";
            checker.error(Code::MissingField, "this port has neither `number` nor `range`", help);
            None
        }
        (Some(_), Some(_)) => {
            let help = "keep one of them, or make two entries of `protocols`";
            checker.error(Code::ConflictingFields, "`number` and `range` exclude each other", help);
            None
        }
    }
}

fn read_range(checker: &mut Checker, range: &policy_api::PortRange) -> Option<PortRange> {
    let start = checker.at("start", |checker| checker.value(port_number(range.start)));
    let end = checker.at("end", |checker| checker.value(port_number(range.end)));
    let (start, end) = (start?, end?);
    if start >= end {
        let help = match start == end {
            true => format!("write `number: {start}` instead of the range"),
            false => format!("write `start: {end}` and `end: {start}`"),
        };
        checker.error(
            Code::InvalidPort,
            format!("a range must end after it starts: {start} to {end} does not"),
            help,
        );
        return None;
    }
    PortRange::new(start, end).ok()
}
