//! What the JSON of every API type has in common.

use super::{Ignored, Kind, ObjectMeta};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;

/// Reads null as the default: Kubernetes takes null for absent.
pub(super) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// True for what need not be written.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Refuses an object that says it is of another kind.
pub(super) fn expect_kind<E: Error>(
    expected: Kind,
    api_version: Option<&str>,
    kind: Option<&str>,
) -> Result<(), E> {
    let (version, name) = (expected.api_version(), expected.as_str());
    if kind.is_some_and(|kind| kind != name) || api_version.is_some_and(|given| !expected.accepts(given)) {
        let (given_version, given) = (api_version.unwrap_or(version), kind.unwrap_or(name));
        return Err(E::custom(format_args!(
            "this is a `{given}` of `{given_version}`, not a `{name}` of `{version}`"
        )));
    }
    Ok(())
}

/// Reads the metadata of a policy: a field it does not have is an error, for a misspelt `namespace` or `labels` would
/// move the policy elsewhere in silence.
pub(super) fn strict_metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    null_default::<D, StrictMetadata>(deserializer).map(|meta| ObjectMeta {
        name: meta.name.unwrap_or_default(),
        namespace: meta.namespace,
        labels: meta.labels.unwrap_or_default(),
        annotations: meta.annotations.unwrap_or_default(),
        deletion_timestamp: meta.deletion_timestamp,
    })
}

/// All fields that metadata has and ever had.
#[derive(Default, Deserialize)]
#[serde(rename = "ObjectMeta", rename_all = "camelCase", default, deny_unknown_fields)]
struct StrictMetadata {
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    deletion_timestamp: Option<String>,
    #[serde(rename = "generateName")]
    _generate_name: Ignored,
    #[serde(rename = "uid")]
    _uid: Ignored,
    #[serde(rename = "resourceVersion")]
    _resource_version: Ignored,
    #[serde(rename = "generation")]
    _generation: Ignored,
    #[serde(rename = "creationTimestamp")]
    _creation_timestamp: Ignored,
    #[serde(rename = "deletionGracePeriodSeconds")]
    _deletion_grace_period_seconds: Ignored,
    #[serde(rename = "ownerReferences")]
    _owner_references: Ignored,
    #[serde(rename = "finalizers")]
    _finalizers: Ignored,
    #[serde(rename = "managedFields")]
    _managed_fields: Ignored,
    #[serde(rename = "selfLink")]
    _self_link: Ignored,
    #[serde(rename = "clusterName")]
    _cluster_name: Ignored,
    #[serde(rename = "initializers")]
    _initializers: Ignored,
}
