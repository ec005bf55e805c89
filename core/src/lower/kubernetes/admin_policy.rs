//! AdminNetworkPolicy and BaselineAdminNetworkPolicy (`spec/kubernetes.md` 3).

use super::admin_peers::{Rules, SCOPE, each_rule, named_port, priority, rule, subject};
use super::network_policy::protocol;
use super::policy::KubernetesPolicy;
use super::ports::{PortEntry, Ports};
use crate::diagnostic::Code;
use crate::dialect::{Dialect, DomainActions};
use crate::lower::names::{NameRule, cluster_scoped};
use crate::lower::ports::port_number;
use crate::lower::problems::Checker;
use crate::model::{PolicyKind, PortRange, RuleAction, Tier};
use crate::resource::policy_api::{
    AdminNetworkPolicy, AdminPort, BaselineAdminNetworkPolicy, PortNumber, ProtocolPortRange,
};

const MOST: usize = 100;
/// The one name a BaselineAdminNetworkPolicy may have.
const BASELINE_NAME: &str = "default";

const ADMIN: Rules = Rules {
    actions: &[("Allow", RuleAction::Allow), ("Deny", RuleAction::Deny), ("Pass", RuleAction::Pass)],
    most: MOST,
    optional_namespaces: false,
    domains_expected: true,
    domain_actions: DomainActions::AllowOnly,
};

const BASELINE: Rules = Rules {
    actions: &[("Allow", RuleAction::Allow), ("Deny", RuleAction::Deny)],
    domains_expected: false,
    ..ADMIN
};

/// Reads an AdminNetworkPolicy.
pub(super) fn read_admin(
    checker: &mut Checker,
    policy: &AdminNetworkPolicy,
    dialect: &Dialect,
) -> KubernetesPolicy {
    let rules = Rules { domain_actions: dialect.domain_actions, ..ADMIN };
    let name = cluster_scoped(checker, &policy.metadata, NameRule::Subdomain, SCOPE);
    let spec = &policy.spec;
    checker.at("spec", |checker| {
        let order = priority(checker, spec.priority);
        let subject = subject(checker, &spec.subject, rules);
        let ingress = each_rule(checker, "ingress", &spec.ingress, rules, |checker, given| {
            let ports = read_ports(checker, given.ports.as_deref());
            rule(checker, (&given.name, &given.action), ("from", &given.from), ports, rules)
        });
        let egress = each_rule(checker, "egress", &spec.egress, rules, |checker, given| {
            let ports = read_ports(checker, given.ports.as_deref());
            rule(checker, (&given.name, &given.action), ("to", &given.to), ports, rules)
        });
        KubernetesPolicy {
            kind: PolicyKind::KubernetesAdminNetworkPolicy,
            namespace: None,
            name,
            tier: Some(Tier::KUBE_ADMIN),
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

/// Reads a BaselineAdminNetworkPolicy.
pub(super) fn read_baseline(checker: &mut Checker, policy: &BaselineAdminNetworkPolicy) -> KubernetesPolicy {
    let name = cluster_scoped(checker, &policy.metadata, NameRule::Subdomain, SCOPE);
    if *name != *BASELINE_NAME {
        checker.at("metadata", |checker| {
            checker.at("name", |checker| {
                let message = format!("there is only one policy of this kind, and its name is not `{name}`");
                checker.error(Code::InvalidName, message, format!("write `name: {BASELINE_NAME}`"));
            });
        });
    }
    let spec = &policy.spec;
    checker.at("spec", |checker| {
        let subject = subject(checker, &spec.subject, BASELINE);
        let ingress = each_rule(checker, "ingress", &spec.ingress, BASELINE, |checker, given| {
            let ports = read_ports(checker, given.ports.as_deref());
            rule(checker, (&given.name, &given.action), ("from", &given.from), ports, BASELINE)
        });
        let egress = each_rule(checker, "egress", &spec.egress, BASELINE, |checker, given| {
            let ports = read_ports(checker, given.ports.as_deref());
            rule(checker, (&given.name, &given.action), ("to", &given.to), ports, BASELINE)
        });
        KubernetesPolicy {
            kind: PolicyKind::KubernetesBaselineAdminNetworkPolicy,
            namespace: None,
            name,
            tier: Some(Tier::KUBE_BASELINE),
            // There is no other policy of the tier to be before or after (`spec/calico.md` 6.3).
            order: Some(Tier::NETWORK_POLICY_ORDER),
            subject,
            governs_ingress: !ingress.is_empty(),
            governs_egress: !egress.is_empty(),
            is_deletion: false,
            ingress,
            egress,
        }
    })
}

fn read_ports(checker: &mut Checker, ports: Option<&[AdminPort]>) -> Option<Vec<PortEntry>> {
    let Some(ports) = ports else { return Some(Vec::new()) };
    checker.at("ports", |checker| {
        if ports.is_empty() {
            checker.error(
                Code::InvalidLength,
                "`ports` must not be empty",
                "remove it for any port and protocol",
            );
        }
        checker.at_most(ports, MOST, "ports");
    });
    let entries = checker.each("ports", ports, |checker, port| Some(read_port(checker, port)));
    let entries: Option<Vec<PortEntry>> = entries.into_iter().collect();
    entries.filter(|entries| !entries.is_empty())
}

fn read_port(checker: &mut Checker, port: &AdminPort) -> Option<PortEntry> {
    let AdminPort { port_number, port_range, named_port: name } = port;
    match (port_number, port_range, name) {
        (Some(number), None, None) => checker.at("portNumber", |checker| read_number(checker, number)),
        (None, Some(range), None) => checker.at("portRange", |checker| read_range(checker, range)),
        (None, None, Some(name)) => {
            let ports = checker.at("namedPort", |checker| named_port(checker, name));
            Some(PortEntry { protocol: None, ports })
        }
        (None, None, None) => {
            checker.error(
                Code::EmptyPeer,
                "this entry names no port",
                "write `portNumber`, `portRange` or `namedPort`; for any port remove the list `ports`",
            );
            None
        }
        _ => {
            checker.error(
                Code::ConflictingFields,
                "an entry of `ports` has one of `portNumber`, `portRange` and `namedPort`",
                "make an entry of each",
            );
            None
        }
    }
}

fn read_number(checker: &mut Checker, number: &PortNumber) -> Option<PortEntry> {
    let protocol = protocol(checker, number.protocol.as_deref());
    let port = checker.at("port", |checker| checker.value(port_number(number.port)));
    Some(PortEntry { protocol: Some(protocol?), ports: Ports::Range(PortRange::from(port?)) })
}

fn read_range(checker: &mut Checker, range: &ProtocolPortRange) -> Option<PortEntry> {
    let protocol = protocol(checker, range.protocol.as_deref());
    let start = checker.at("start", |checker| checker.value(port_number(range.start)));
    let end = checker.at("end", |checker| checker.value(port_number(range.end)));
    let (start, end) = (start?, end?);
    let ports = PortRange::new(start, end).map_or_else(
        |_| {
            let message =
                format!("this range ends at {end}, before it starts at {start}: it matches nothing");
            checker.warning(Code::LikelyMistake, message, format!("write `start: {end}` and `end: {start}`"));
            Ports::Nothing
        },
        Ports::Range,
    );
    Some(PortEntry { protocol: Some(protocol?), ports })
}
