//! Nodes, namespaces and service accounts. Nothing of the inventory is refused: what cannot be used is left out, with a
//! warning.

use crate::diagnostic::{Code, Problem, Severity};
use crate::lower::Lowered;
use crate::lower::cidr::parse_ip;
use crate::lower::labels::METADATA_NAME_LABEL;
use crate::lower::names::namespace_of;
use crate::lower::problems::{Checker, suggestion};
use crate::model::{self, Name, Protocol};
use crate::resource::kubernetes::{Namespace, Node, ServiceAccount};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The types of node addresses that are addresses and not names.
const ADDRESS_TYPES: [&str; 2] = ["InternalIP", "ExternalIP"];

/// Lowers a node.
pub(super) fn node(checker: &mut Checker, node: &Node) -> Lowered {
    let addresses = checker.at("status", |checker| {
        checker.each("addresses", &node.status.addresses, |checker, given| {
            let is_address = ADDRESS_TYPES.contains(&given.address_type.as_str());
            is_address.then(|| address(checker, "address", &given.address)).flatten()
        })
    });
    Lowered::Node(model::Node {
        name: node.metadata.name.as_str().into(),
        labels: shared(&node.metadata.labels),
        addresses,
    })
}

/// Lowers a namespace. Every namespace of a cluster has the label `kubernetes.io/metadata.name`, so it is added where a
/// manifest leaves it out (`spec/kubernetes.md` 1.1).
pub(super) fn namespace(namespace: &Namespace) -> Lowered {
    let name: Name = namespace.metadata.name.as_str().into();
    let mut labels = shared(&namespace.metadata.labels);
    labels.entry(METADATA_NAME_LABEL.into()).or_insert_with(|| name.clone());
    Lowered::Namespace { name, labels }
}

/// Lowers a service account.
pub(super) fn service_account(account: &ServiceAccount) -> Lowered {
    Lowered::ServiceAccount {
        namespace: namespace_of(&account.metadata).into(),
        name: account.metadata.name.as_str().into(),
        labels: shared(&account.metadata.labels),
    }
}

fn shared(labels: &BTreeMap<String, String>) -> BTreeMap<Name, Name> {
    labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect()
}

/// A name, which is absent where its field is empty.
pub(super) fn named(text: &str) -> Option<Name> {
    (!text.is_empty()).then(|| text.into())
}

/// The address in the field `key`; a warning if it is none.
pub(super) fn address(checker: &mut Checker, key: &'static str, text: &str) -> Option<IpAddr> {
    checker.at(key, |checker| usable(checker, parse_ip(text)))
}

/// The value; a warning that it is left out if it is wrong.
pub(super) fn usable<T>(checker: &mut Checker, result: Result<T, Problem>) -> Option<T> {
    result
        .map_err(|problem| {
            let message = format!("{}; it is left out", problem.message);
            checker.report(Problem { severity: Severity::Warning, message, ..problem });
        })
        .ok()
}

/// The protocol of a port in the field `protocol`, TCP if absent; `None` for those that policy does not know the ports of.
pub(super) fn port_protocol(checker: &mut Checker, word: Option<&str>) -> Option<Protocol> {
    const WORDS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let word = word.filter(|word| !word.is_empty()).unwrap_or("TCP");
    if WORDS.contains(&word) {
        return Protocol::from_name(word);
    }
    checker.at("protocol", |checker| {
        let message = format!("`{word}` is not a protocol that has ports here; the port is left out");
        checker.warning(Code::InvalidProtocol, message, suggestion(word, WORDS));
    });
    None
}
