//! The labels and profiles that endpoints have on account of where they are (`spec/calico.md` 1.6, 2).

use crate::model::{Name, Profile};
use std::collections::BTreeMap;

/// Before the labels of a namespace, as its endpoints inherit them.
pub const NAMESPACE_PREFIX: &str = "pcns.";
/// Before the labels of a service account, as its endpoints inherit them.
pub const SERVICE_ACCOUNT_PREFIX: &str = "pcsa.";
/// The automatic label that names the namespace of an endpoint or network set.
pub const NAMESPACE_LABEL: &str = "projectcalico.org/namespace";
/// The automatic label that names what runs a workload: `k8s` for pods.
pub const ORCHESTRATOR_LABEL: &str = "projectcalico.org/orchestrator";
/// The automatic label that names the service account of a workload.
pub const SERVICE_ACCOUNT_LABEL: &str = "projectcalico.org/serviceaccount";
/// The automatic label that names a namespace or service account, for selectors over those.
pub const NAME_LABEL: &str = "projectcalico.org/name";
/// The orchestrator of pods.
pub const KUBERNETES: &str = "k8s";

/// The label that names a namespace to the selectors of Kubernetes; every namespace of a cluster has it.
pub const METADATA_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The labels of a workload endpoint before it inherits any: its own, without those that pretend to be inherited, and
/// the automatic ones.
///
/// ```
/// use std::collections::BTreeMap;
/// use tierwall::lower::labels::workload_labels;
///
/// let own = BTreeMap::from([("app", "web"), ("pcns.env", "forged")]);
/// let labels = workload_labels(&own, "dev", Some("k8s"), Some("web-sa"));
/// let expected = [
///     ("app", "web"),
///     ("projectcalico.org/namespace", "dev"),
///     ("projectcalico.org/orchestrator", "k8s"),
///     ("projectcalico.org/serviceaccount", "web-sa"),
/// ];
/// assert!(labels.iter().map(|(key, value)| (&**key, &**value)).eq(expected));
/// ```
pub fn workload_labels<K: AsRef<str>, V: AsRef<str>>(
    own: &BTreeMap<K, V>,
    namespace: &str,
    orchestrator: Option<&str>,
    service_account: Option<&str>,
) -> BTreeMap<Name, Name> {
    let inherited = |key: &str| key.starts_with(NAMESPACE_PREFIX) || key.starts_with(SERVICE_ACCOUNT_PREFIX);
    let own =
        own.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).filter(|(key, _)| !inherited(key));
    let automatic = [
        (NAMESPACE_LABEL, Some(namespace)),
        (ORCHESTRATOR_LABEL, orchestrator),
        (SERVICE_ACCOUNT_LABEL, service_account),
    ];
    let automatic = automatic.into_iter().filter_map(|(key, value)| Some((key, value?)));
    own.chain(automatic).map(|(key, value)| (key.into(), value.into())).collect()
}

/// The profiles of a pod, in the order they are consulted: of its namespace, then of its service account.
pub fn workload_profiles(namespace: &str, service_account: Option<&str>) -> Vec<Name> {
    let service_account = service_account.map(|name| service_account_profile_name(namespace, name));
    std::iter::once(namespace_profile_name(namespace)).chain(service_account).collect()
}

/// The name of a namespace's profile: `kns.<namespace>`.
pub fn namespace_profile_name(namespace: &str) -> Name {
    format!("kns.{namespace}").into()
}

/// The name of a service account's profile: `ksa.<namespace>.<name>`.
pub fn service_account_profile_name(namespace: &str, name: &str) -> Name {
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    format!("ksa.{namespace}.{name}").into()
}

/// The profile that a namespace is to its endpoints: it allows everything, and they inherit its labels as
/// `pcns.<key>`. The label `kubernetes.io/metadata.name`, which every namespace of a cluster has, is added if missing.
pub fn namespace_profile<K: AsRef<str>, V: AsRef<str>>(
    name: &str,
    labels: &BTreeMap<K, V>,
) -> (Name, Profile) {
    let mut labels_to_apply = inherited_labels(NAMESPACE_PREFIX, name, labels);
    let metadata_name = format!("{NAMESPACE_PREFIX}{METADATA_NAME_LABEL}").into();
    labels_to_apply.entry(metadata_name).or_insert_with(|| name.into());
    (namespace_profile_name(name), Profile { labels_to_apply, ..Profile::allow_all() })
}

/// The profile that a service account is to its endpoints: it has no rules, and they inherit its labels as `pcsa.<key>`.
pub fn service_account_profile<K: AsRef<str>, V: AsRef<str>>(
    namespace: &str,
    name: &str,
    labels: &BTreeMap<K, V>,
) -> (Name, Profile) {
    let labels_to_apply = inherited_labels(SERVICE_ACCOUNT_PREFIX, name, labels);
    (service_account_profile_name(namespace, name), Profile { labels_to_apply, ..Profile::default() })
}

fn inherited_labels<K: AsRef<str>, V: AsRef<str>>(
    prefix: &str,
    name: &str,
    labels: &BTreeMap<K, V>,
) -> BTreeMap<Name, Name> {
    let own = labels.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
    own.chain([(NAME_LABEL, name)])
        .map(|(key, value)| (format!("{prefix}{key}").into(), value.into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(labels: &BTreeMap<Name, Name>) -> Vec<(&str, &str)> {
        labels.iter().map(|(key, value)| (&**key, &**value)).collect()
    }

    /// `spec/calico.md` 2, the example; and what the endpoint may not claim itself.
    #[test]
    fn automatic_labels_win() {
        let own = BTreeMap::from([
            (NAMESPACE_LABEL, "forged"),
            (SERVICE_ACCOUNT_LABEL, "stays"),
            ("pcsa.role", "forged"),
        ]);
        let labels = workload_labels(&own, "dev", None, None);
        assert_eq!(pairs(&labels), [(NAMESPACE_LABEL, "dev"), (SERVICE_ACCOUNT_LABEL, "stays")]);
    }

    #[test]
    fn profiles_of_namespaces_and_service_accounts() {
        let (name, profile) = namespace_profile("dev", &BTreeMap::from([("env", "dev"), (NAME_LABEL, "x")]));
        assert_eq!(&*name, "kns.dev");
        assert_eq!(
            pairs(&profile.labels_to_apply),
            [
                ("pcns.env", "dev"),
                ("pcns.kubernetes.io/metadata.name", "dev"),
                ("pcns.projectcalico.org/name", "dev")
            ]
        );
        assert_eq!((profile.ingress.len(), profile.egress.len()), (1, 1));

        let (name, profile) = service_account_profile("dev", "web-sa", &BTreeMap::from([("role", "fe")]));
        assert_eq!(&*name, "ksa.dev.web-sa");
        assert_eq!(
            pairs(&profile.labels_to_apply),
            [("pcsa.projectcalico.org/name", "web-sa"), ("pcsa.role", "fe")]
        );
        assert!(profile.ingress.is_empty() && profile.egress.is_empty());
        assert_eq!(&*service_account_profile_name("", "a"), "ksa.default.a");
    }

    #[test]
    fn a_pod_consults_its_namespace_first() {
        let names = workload_profiles("dev", Some("web-sa"));
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["kns.dev", "ksa.dev.web-sa"]);
    }
}
