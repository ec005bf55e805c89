//! NetworkPolicy (`spec/kubernetes.md` 2), also as Calico stages it.

use super::policy::{KubernetesPolicy, Peer, PodPeer, Rule};
use super::ports::{PortEntry, Ports};
use super::selector::terms;
use crate::diagnostic::Code;
use crate::dialect::CidrSyntax;
use crate::lower::cidr::{CidrReading, parse_cidr};
use crate::lower::names::{NameRule, namespaced};
use crate::lower::ports::{port_name, port_number};
use crate::lower::problems::{Checker, suggestion};
use crate::model::{PolicyKind, PortRange, Protocol, RuleAction, Tier};
use crate::resource::kubernetes::{IpBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec};
use crate::resource::{IntOrString, ObjectMeta};
use ipnet::IpNet;

const TYPES: [&str; 2] = ["Ingress", "Egress"];

/// Reads a policy whose spec stands in the field `spec`.
pub(super) fn read(
    checker: &mut Checker,
    kind: PolicyKind,
    metadata: &ObjectMeta,
    spec: &NetworkPolicySpec,
    syntax: CidrSyntax,
) -> KubernetesPolicy {
    let (namespace, name) = namespaced(checker, metadata, NameRule::Subdomain);
    checker.at("spec", |checker| {
        let subject = terms(checker, "podSelector", &spec.pod_selector)
            .map(|pods| PodPeer { pods: Some(pods), namespaces: None });
        let (governs_ingress, governs_egress) = types(checker, spec);
        let ingress = checker.each("ingress", &spec.ingress, |checker, rule| {
            Some(read_rule(checker, "from", &rule.from, &rule.ports, syntax))
        });
        let egress = checker.each("egress", &spec.egress, |checker, rule| {
            Some(read_rule(checker, "to", &rule.to, &rule.ports, syntax))
        });
        KubernetesPolicy {
            kind,
            namespace: Some(namespace),
            name,
            tier: Some(Tier::DEFAULT),
            order: Some(Tier::NETWORK_POLICY_ORDER),
            subject,
            governs_ingress,
            governs_egress,
            is_deletion: false,
            ingress,
            egress,
        }
    })
}

/// `policyTypes`, with the API server's default (`spec/kubernetes.md` 2.2): ingress, and egress if there is a rule for it.
fn types(checker: &mut Checker, spec: &NetworkPolicySpec) -> (bool, bool) {
    let given = &spec.policy_types;
    if given.is_empty() {
        return (true, !spec.egress.is_empty());
    }
    let known = checker.each("policyTypes", given, |checker, word| {
        let known = TYPES.contains(&word.as_str());
        if !known {
            let message = format!("`{word}` is not a type of policy");
            checker.error(Code::UnknownValue, message, suggestion(word, TYPES));
        }
        known.then_some(())
    });
    if given.len() > TYPES.len() {
        checker.at("policyTypes", |checker| {
            let message = format!("{} types of policy are too many: there are two", given.len());
            checker.error(Code::InvalidLength, message, "write `[Ingress, Egress]` for both");
        });
    }
    let governs = |direction: &str| given.iter().any(|word| word == direction);
    let (ingress, egress) = (governs("Ingress"), governs("Egress"));
    if known.len() == given.len() {
        warn_without_effect(checker, ("ingress", "Ingress"), !spec.ingress.is_empty() && !ingress);
        warn_without_effect(checker, ("egress", "Egress"), !spec.egress.is_empty() && !egress);
    }
    (ingress, egress)
}

fn warn_without_effect(checker: &mut Checker, (key, word): (&'static str, &str), without_effect: bool) {
    if without_effect {
        let message = format!("these rules have no effect: `policyTypes` does not list `{word}`");
        let help = format!("add `{word}` to `policyTypes`, or remove the rules");
        checker.at(key, |checker| checker.warning(Code::LikelyMistake, message, help));
    }
}

fn read_rule(
    checker: &mut Checker,
    peers_key: &'static str,
    peers: &[NetworkPolicyPeer],
    ports: &[NetworkPolicyPort],
    syntax: CidrSyntax,
) -> Rule {
    let ports = checker.each("ports", ports, |checker, port| Some(read_port(checker, port)));
    let peers = checker.each(peers_key, peers, |checker, peer| Some(read_peer(checker, peer, syntax)));
    Rule {
        name: None,
        action: Some(RuleAction::Allow),
        peers: peers.into_iter().collect(),
        ports: ports.into_iter().collect(),
    }
}

fn read_peer(checker: &mut Checker, peer: &NetworkPolicyPeer, syntax: CidrSyntax) -> Option<Peer> {
    let NetworkPolicyPeer { pod_selector, namespace_selector, ip_block } = peer;
    match (ip_block, pod_selector, namespace_selector) {
        (None, None, None) => {
            checker.error(
                Code::EmptyPeer,
                "this peer selects nothing; a field with nothing after it counts as absent",
                "write `podSelector`, `namespaceSelector` (`{}` for all) or `ipBlock`, or remove the whole list for any peer",
            );
            None
        }
        (Some(block), None, None) => checker.at("ipBlock", |checker| read_block(checker, block, syntax)),
        (Some(_), ..) => {
            checker.error(
                Code::ConflictingFields,
                "`ipBlock` does not go together with selectors in one peer",
                "make two peers of it: either may match",
            );
            None
        }
        (None, pods, namespaces) => {
            let pods = match pods {
                Some(selector) => terms(checker, "podSelector", selector),
                None => Some(Default::default()),
            };
            let namespaces = match namespaces {
                Some(selector) => terms(checker, "namespaceSelector", selector).map(Some),
                None => Some(None),
            };
            Some(Peer::Pods(PodPeer { pods: Some(pods?), namespaces: namespaces? }))
        }
    }
}

fn read_block(checker: &mut Checker, block: &IpBlock, syntax: CidrSyntax) -> Option<Peer> {
    let reading = match syntax {
        CidrSyntax::Legacy => CidrReading::Legacy,
        CidrSyntax::Strict => CidrReading::Strict,
    };
    let cidr = checker.at("cidr", |checker| {
        if block.cidr.is_empty() {
            checker.error(Code::MissingField, "`ipBlock` needs a `cidr`", "write a range like `10.0.0.0/8`");
            return None;
        }
        checker.value(parse_cidr(&block.cidr, reading))
    });
    let except = checker.each("except", &block.except, |checker, text| {
        let except = checker.value(parse_cidr(text, reading));
        if let (Some(cidr), Some(except)) = (cidr, except) {
            check_except(checker, cidr, except);
        }
        Some(except)
    });
    Some(Peer::Nets(vec![cidr?], except.into_iter().collect::<Option<_>>()?))
}

/// An exception must be smaller than the range, and within it.
fn check_except(checker: &mut Checker, cidr: IpNet, except: IpNet) {
    let within = cidr.contains(&except);
    if within && except.prefix_len() > cidr.prefix_len() {
        return;
    }
    let (message, help) = if within {
        let message = format!("the exception `{except}` is the whole range");
        (message, "remove this peer: nothing is left of it")
    } else if except.contains(&cidr) {
        let message = format!("the exception `{except}` holds the whole range `{cidr}`");
        (message, "write a smaller range, or remove this peer: nothing is left of it")
    } else {
        let message = format!("the exception `{except}` is not within the range `{cidr}`");
        (
            message,
            "remove it: it excepts nothing; if you meant to deny it, note that NetworkPolicy only allows",
        )
    };
    checker.error(Code::InvalidCidr, message, help);
}

fn read_port(checker: &mut Checker, entry: &NetworkPolicyPort) -> Option<PortEntry> {
    let protocol = protocol(checker, entry.protocol.as_deref());
    let port = match &entry.port {
        Some(port) => checker.at("port", |checker| port_value(checker, port)),
        None => Some(Ports::Every),
    };
    let ports = match entry.end_port {
        Some(end) => checker.at("endPort", |checker| port_range(checker, port?, end)),
        None => port,
    };
    Some(PortEntry { protocol: Some(protocol?), ports: ports? })
}

/// A protocol of the Kubernetes APIs in the field `protocol`; TCP if it is absent.
pub(super) fn protocol(checker: &mut Checker, word: Option<&str>) -> Option<Protocol> {
    const WORDS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let word = word.unwrap_or("TCP");
    if WORDS.contains(&word) {
        return Protocol::from_name(word);
    }
    checker.at("protocol", |checker| {
        let help = if word.to_ascii_uppercase().starts_with("ICMP") {
            "ports have no ICMP; a rule without ports allows every protocol".to_owned()
        } else {
            suggestion(word, WORDS)
        };
        checker.error(Code::InvalidProtocol, format!("`{word}` is not a protocol that has ports here"), help);
    });
    None
}

fn port_value(checker: &mut Checker, port: &IntOrString) -> Option<Ports> {
    match port {
        IntOrString::Int(number) => {
            checker.value(port_number(*number)).map(|port| Ports::Range(PortRange::from(port)))
        }
        IntOrString::String(name) => {
            if let Some(help) = looks_like_numbers(name) {
                let message = format!("the text \"{name}\" is the name of a port, and a name needs a letter");
                checker.error(Code::InvalidPort, message, help);
                return None;
            }
            checker.value(port_name(name)).map(Ports::Named)
        }
    }
}

/// How to write a number or range that was given as text.
fn looks_like_numbers(text: &str) -> Option<String> {
    let is_number = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    if is_number(text) {
        return Some(format!("write the number without quotes: `port: {text}`"));
    }
    let (first, last) = text.split_once(['-', ':'])?;
    (is_number(first) && is_number(last))
        .then(|| format!("write the range as `port: {first}` and `endPort: {last}`"))
}

fn port_range(checker: &mut Checker, port: Ports, end: i64) -> Option<Ports> {
    let first = match port {
        Ports::Range(range) => range.first(),
        Ports::Named(name) => {
            let message = format!("`endPort` does not go together with the named port `{name}`");
            checker.error(
                Code::ConflictingFields,
                message,
                "write the first port as a number, or remove `endPort`",
            );
            return None;
        }
        Ports::Every | Ports::Nothing => {
            let help = format!("add the first port: `port: 1` and `endPort: {end}`, or remove `endPort`");
            checker.error(Code::ConflictingFields, "`endPort` needs `port`, where the range starts", help);
            return None;
        }
    };
    let last = checker.value(port_number(end))?;
    match PortRange::new(first, last) {
        Ok(range) => Some(Ports::Range(range)),
        Err(_) => {
            let message = format!("the range ends at {last}, before it starts at {first}");
            checker.error(Code::InvalidPort, message, format!("write `port: {last}` and `endPort: {first}`"));
            None
        }
    }
}
