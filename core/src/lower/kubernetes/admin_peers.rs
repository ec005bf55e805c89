//! Subjects and peers of the Network Policy API (`spec/kubernetes.md` 3.1, 4.1, 4.5), the same in both of its versions but
//! for a few limits.

use super::policy::{Peer, PodPeer, Rule};
use super::ports::{PortEntry, Ports};
use super::selector::{Terms, selector, terms};
use crate::diagnostic::{Code, Problem};
use crate::dialect::DomainActions;
use crate::lower::cidr::{CidrReading, parse_cidr};
use crate::lower::ports::port_name;
use crate::lower::problems::{Checker, error, suggestion, word_list};
use crate::model::{DomainPattern, InvalidDomain, Name, RuleAction};
use crate::resource::LabelSelector;
use crate::resource::policy_api::{BaselineEgressPeer, EgressPeer, IngressPeer, NamespacedPod, Subject};

/// What limits these policies, which are in no namespace.
pub(super) const SCOPE: &str = "remove it; `spec.subject` says which pods the policy governs";

const MAX_RULE_NAME: usize = 100;
const MAX_PRIORITY: i64 = 1000;
const MAX_CIDR_TEXT: usize = 43;
/// Ranges and domain names of one peer.
const MAX_ADDRESSES: usize = 25;

/// What the versions of the API, and its kinds, do not share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The words for the actions.
    pub(super) actions: &'static [(&'static str, RuleAction)],
    /// Rules of a direction, peers of a rule, entries of its list of ports.
    pub(super) most: usize,
    /// `pods` may come without `namespaceSelector`, which then means all namespaces.
    pub(super) optional_namespaces: bool,
    /// Domain names are for this kind and tier.
    pub(super) domains_expected: bool,
    /// Domain names are for rules of these actions.
    pub(super) domain_actions: DomainActions,
}

/// A peer of any kind of rule: its fields, of which exactly one is to be set.
#[derive(Debug, Default)]
pub(super) struct PeerFields<'a> {
    namespaces: Option<&'a LabelSelector>,
    pods: Option<&'a NamespacedPod>,
    networks: Option<&'a [String]>,
    nodes: Option<&'a LabelSelector>,
    domain_names: Option<&'a [String]>,
    /// The fields that peers of this place have.
    known: &'static [&'static str],
}

impl<'a> From<&'a Subject> for PeerFields<'a> {
    fn from(subject: &'a Subject) -> Self {
        let Subject { namespaces, pods } = subject;
        PeerFields {
            namespaces: namespaces.as_ref(),
            pods: pods.as_ref(),
            known: &["namespaces", "pods"],
            ..PeerFields::default()
        }
    }
}

impl<'a> From<&'a IngressPeer> for PeerFields<'a> {
    fn from(peer: &'a IngressPeer) -> Self {
        let IngressPeer { namespaces, pods } = peer;
        PeerFields {
            namespaces: namespaces.as_ref(),
            pods: pods.as_ref(),
            known: &["namespaces", "pods"],
            ..PeerFields::default()
        }
    }
}

impl<'a> From<&'a EgressPeer> for PeerFields<'a> {
    fn from(peer: &'a EgressPeer) -> Self {
        let EgressPeer { namespaces, pods, nodes, networks, domain_names } = peer;
        PeerFields {
            namespaces: namespaces.as_ref(),
            pods: pods.as_ref(),
            networks: networks.as_deref(),
            nodes: nodes.as_ref(),
            domain_names: domain_names.as_deref(),
            known: &["namespaces", "pods", "networks", "nodes", "domainNames"],
        }
    }
}

impl<'a> From<&'a BaselineEgressPeer> for PeerFields<'a> {
    fn from(peer: &'a BaselineEgressPeer) -> Self {
        let BaselineEgressPeer { namespaces, pods, nodes, networks } = peer;
        PeerFields {
            namespaces: namespaces.as_ref(),
            pods: pods.as_ref(),
            networks: networks.as_deref(),
            nodes: nodes.as_ref(),
            domain_names: None,
            known: &["namespaces", "pods", "networks", "nodes"],
        }
    }
}

impl PeerFields<'_> {
    fn set(&self) -> Vec<&'static str> {
        let fields = [
            ("namespaces", self.namespaces.is_some()),
            ("pods", self.pods.is_some()),
            ("networks", self.networks.is_some()),
            ("nodes", self.nodes.is_some()),
            ("domainNames", self.domain_names.is_some()),
        ];
        fields.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect()
    }
}

/// The priority in the field `priority`.
pub(super) fn priority(checker: &mut Checker, priority: Option<i64>) -> Option<f64> {
    checker.at("priority", |checker| {
        let Some(priority) = priority else {
            checker.error(
                Code::MissingField,
                "this policy needs a `priority`",
                "write a number from 0 to 1000; lower comes first",
            );
            return None;
        };
        if !(0..=MAX_PRIORITY).contains(&priority) {
            let message = format!("the priority {priority} is out of range");
            checker.error(Code::OutOfRange, message, "write a number from 0 to 1000; lower comes first");
        }
        // Exact for every valid priority.
        u16::try_from(priority).ok().map(f64::from)
    })
}

/// Whom the policy governs, in the field `subject`.
pub(super) fn subject(checker: &mut Checker, subject: &Subject, rules: Rules) -> Option<PodPeer> {
    checker.at("subject", |checker| {
        let fields = PeerFields::from(subject);
        one_of(checker, &fields.set(), fields.known, "subject")?;
        match (fields.namespaces, fields.pods) {
            // A subject is pods even where it names namespaces only: not host endpoints, nor other workloads.
            (Some(namespaces), _) => {
                let namespaces = terms(checker, "namespaces", namespaces)?;
                Some(PodPeer { pods: Some(Terms::default()), namespaces: Some(namespaces) })
            }
            (None, Some(pods)) => namespaced_pods(checker, pods, rules),
            (None, None) => None,
        }
    })
}

/// The rules of a direction, in the field `key`.
pub(super) fn each_rule<R>(
    checker: &mut Checker,
    key: &'static str,
    list: &[R],
    rules: Rules,
    mut read: impl FnMut(&mut Checker, &R) -> Rule,
) -> Vec<Rule> {
    checker.at(key, |checker| checker.at_most(list, rules.most, "rules"));
    checker.each(key, list, |checker, rule| Some(read(checker, rule)))
}

/// One rule, with its ports already read.
pub(super) fn rule<P>(
    checker: &mut Checker,
    (name, action): (&str, &str),
    (key, peers): (&'static str, &[P]),
    ports: Option<Vec<PortEntry>>,
    rules: Rules,
) -> Rule
where
    for<'a> PeerFields<'a>: From<&'a P>,
{
    let name = rule_name(checker, name);
    let action = read_action(checker, action, rules);
    let peers = read_peers(checker, key, peers, rules);
    if let (Some(peers), Some(action)) = (&peers, action) {
        check_domains(checker, key, peers, action, rules);
    }
    if let (Some(peers), Some(ports)) = (&peers, &ports) {
        check_named_ports(checker, key, peers, ports);
    }
    Rule { name, action, peers, ports }
}

fn rule_name(checker: &mut Checker, name: &str) -> Option<Name> {
    let length = name.chars().count();
    if length > MAX_RULE_NAME {
        let message =
            format!("the name of a rule has at most {MAX_RULE_NAME} characters; this one has {length}");
        checker.at("name", |checker| checker.error(Code::InvalidLength, message, "shorten it"));
    }
    (!name.is_empty()).then(|| name.into())
}

fn read_action(checker: &mut Checker, given: &str, rules: Rules) -> Option<RuleAction> {
    if let Some((_, action)) = rules.actions.iter().find(|(word, _)| *word == given) {
        return Some(*action);
    }
    let words: Vec<&str> = rules.actions.iter().map(|(word, _)| *word).collect();
    // The two versions have different words for one thing.
    let synonym = ["Allow", "Accept"].iter().any(|word| word.eq_ignore_ascii_case(given));
    let help = match words.first() {
        Some(allow) if synonym => format!("write `{allow}`"),
        _ => suggestion(given, words),
    };
    checker.at("action", |checker| {
        if given.is_empty() {
            checker.error(Code::MissingField, "this rule needs an `action`", help);
        } else {
            checker.error(
                Code::UnknownValue,
                format!("`{given}` is not an action of this kind of policy"),
                help,
            );
        }
    });
    None
}

fn read_peers<P>(checker: &mut Checker, key: &'static str, peers: &[P], rules: Rules) -> Option<Vec<Peer>>
where
    for<'a> PeerFields<'a>: From<&'a P>,
{
    checker.at(key, |checker| {
        if peers.is_empty() {
            let message = format!(
                "this rule needs at least one peer in `{key}`; an empty list is not \"any peer\" here"
            );
            let help = if key == "to" {
                "for any destination write the peers `namespaces: {}` and `networks: [0.0.0.0/0, \"::/0\"]`"
            } else {
                "for any pod write the peer `namespaces: {}`"
            };
            checker.error(Code::InvalidLength, message, help);
        }
        checker.at_most(peers, rules.most, "peers");
    });
    let read =
        checker.each(key, peers, |checker, peer| Some(read_peer(checker, &PeerFields::from(peer), rules)));
    let read: Option<Vec<Peer>> = read.into_iter().collect();
    read.filter(|peers| !peers.is_empty())
}

fn read_peer(checker: &mut Checker, peer: &PeerFields<'_>, rules: Rules) -> Option<Peer> {
    one_of(checker, &peer.set(), peer.known, "peer")?;
    if let Some(namespaces) = peer.namespaces {
        let namespaces = terms(checker, "namespaces", namespaces)?;
        return Some(Peer::Pods(PodPeer { pods: None, namespaces: Some(namespaces) }));
    }
    if let Some(pods) = peer.pods {
        return namespaced_pods(checker, pods, rules).map(Peer::Pods);
    }
    if let Some(nodes) = peer.nodes {
        return selector(checker, "nodes", nodes).map(Peer::Nodes);
    }
    if let Some(networks) = peer.networks {
        return addresses(checker, "networks", networks, network).map(|nets| Peer::Nets(nets, Vec::new()));
    }
    addresses(checker, "domainNames", peer.domain_names?, domain).map(Peer::Domains)
}

/// `None` unless exactly one field is set.
fn one_of(checker: &mut Checker, set: &[&str], known: &[&str], what: &str) -> Option<()> {
    match set {
        [_] => Some(()),
        [] => {
            checker.error(
                Code::EmptyPeer,
                format!("this {what} names nothing; a field with nothing after it counts as absent"),
                format!("write one of {}; `namespaces: {{}}` is all namespaces", word_list(known)),
            );
            None
        }
        set => {
            let help = match what {
                "peer" => "make a peer of each: any of them may match",
                _ => "keep one of them; `pods` has a `namespaceSelector` of its own",
            };
            checker.error(
                Code::ConflictingFields,
                format!("{} exclude each other", word_list(set).replace(" or ", " and ")),
                help,
            );
            None
        }
    }
}

fn namespaced_pods(checker: &mut Checker, pods: &NamespacedPod, rules: Rules) -> Option<PodPeer> {
    checker.at("pods", |checker| {
        let namespaces = match &pods.namespace_selector {
            Some(selector) => terms(checker, "namespaceSelector", selector),
            None if rules.optional_namespaces => Some(Terms::default()),
            None => {
                missing_selector(checker, "namespaceSelector", "namespaces");
                None
            }
        };
        let pods = match &pods.pod_selector {
            Some(selector) => terms(checker, "podSelector", selector),
            None => {
                missing_selector(checker, "podSelector", "pods");
                None
            }
        };
        Some(PodPeer { pods: Some(pods?), namespaces: Some(namespaces?) })
    })
}

fn missing_selector(checker: &mut Checker, key: &'static str, what: &str) {
    checker.at(key, |checker| {
        checker.error(
            Code::MissingField,
            format!("`pods` needs a `{key}`"),
            format!("write `{key}: {{}}` for all {what}"),
        );
    });
}

/// The ranges or domain names of a peer.
fn addresses<T>(
    checker: &mut Checker,
    key: &'static str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Option<Vec<T>> {
    checker.at(key, |checker| {
        if texts.is_empty() {
            checker.error(
                Code::InvalidLength,
                format!("`{key}` must not be empty"),
                "add an item, or remove the peer",
            );
        }
        checker.at_most(texts, MAX_ADDRESSES, "items");
        checker.distinct(texts);
    });
    let values = checker.each(key, texts, |checker, text| checker.value(read(text)));
    (!values.is_empty() && values.len() == texts.len()).then_some(values)
}

fn network(text: &str) -> Result<ipnet::IpNet, Problem> {
    if text.len() > MAX_CIDR_TEXT {
        let message = format!("a range has at most {MAX_CIDR_TEXT} characters; this one has {}", text.len());
        return Err(error(Code::InvalidLength, message, "write it in its short form"));
    }
    parse_cidr(text, CidrReading::Crd)
}

/// A domain name by the pattern of the API (`spec/kubernetes.md` 4.5), which is narrower than [`DomainPattern`].
fn domain(text: &str) -> Result<DomainPattern, Problem> {
    let refuse = |reason: &str, help: &str| {
        Err(error(Code::InvalidDomain, format!("`{text}` is not a domain name: {reason}"), help))
    };
    let name = text.strip_prefix("*.").unwrap_or(text);
    if name.contains('*') {
        return refuse(
            "`*` stands for whole labels in front only",
            "write `*.example.com` for every name below `example.com`",
        );
    }
    let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    if labels.len() < 2 {
        return refuse(
            "it needs at least two labels besides `*`",
            "write a name like `example.com` or `*.example.com`",
        );
    }
    if let Some(label) = labels.iter().find(|label| !is_domain_label(label)) {
        return refuse(
            &format!("`{label}` is not a label"),
            "a label starts and ends with a letter or digit, with `-` and `_` between",
        );
    }
    text.parse().or_else(|cause: InvalidDomain| {
        refuse(&cause.to_string(), "write a name like `example.com`, and addresses under `networks`")
    })
}

/// A first character that may also be `_`, then letters, digits, `-` and `_`, of which the last is a letter or digit.
fn is_domain_label(label: &str) -> bool {
    let mut bytes = label.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let ends = bytes.next_back().is_none_or(|b| b.is_ascii_alphanumeric());
    starts && ends && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Domain names are for what allows (`spec/kubernetes.md` 4.5): a name that was not looked up yet has no address, so a
/// rule that denies it would let through what it is about.
fn check_domains(checker: &mut Checker, key: &'static str, peers: &[Peer], action: RuleAction, rules: Rules) {
    checker.each(key, peers, |checker, peer| {
        let Peer::Domains(_) = peer else { return Some(()) };
        checker.at("domainNames", |checker| {
            if action != RuleAction::Allow && rules.domain_actions != DomainActions::Any {
                checker.error(
                    Code::InvalidDomain,
                    "domain names are for rules that allow: a name has no address before it is looked up",
                    "allow the names that are meant, and deny `networks` in a later rule",
                );
            } else if !rules.domains_expected {
                checker.warning(
                    Code::LikelyMistake,
                    "newer versions of the API take domain names in the Admin tier only",
                    "move the rule to a policy of the Admin tier",
                );
            }
        });
        Some(())
    });
}

/// Named ports are of pods: a peer of nodes or domain names has none, and one of ranges only where they hold pods.
fn check_named_ports(checker: &mut Checker, key: &'static str, peers: &[Peer], ports: &[PortEntry]) {
    let Some(name) = ports.iter().find_map(|entry| match &entry.ports {
        Ports::Named(name) => Some(name),
        _ => None,
    }) else {
        return;
    };
    checker.each(key, peers, |checker, peer| {
        let help = "write the port as a number, or make a rule of its own for this peer";
        match peer {
            Peer::Nodes(_) | Peer::Domains(_) => checker.error(
                Code::ConflictingFields,
                format!("the named port `{name}` does not go together with this peer, which is not pods"),
                help,
            ),
            Peer::Nets(..) => checker.warning(
                Code::LikelyMistake,
                format!("the named port `{name}` matches known pods in these ranges only"),
                help,
            ),
            Peer::Pods(_) => {}
        }
        Some(())
    });
}

/// A port name, which the API here takes whatever it is.
pub(super) fn named_port(checker: &mut Checker, name: &str) -> Ports {
    if let Err(problem) = port_name(name) {
        let message = format!("no container port can have this name: {}", problem.message);
        checker.warning(Code::LikelyMistake, message, problem.help.unwrap_or_default());
    }
    Ports::Named(name.into())
}
