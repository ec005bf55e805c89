//! What endpoints and network sets inherit, brought up to date after a transaction.

use super::Cluster;
use super::policies::Policies;
use crate::dialect::MissingNamespace;
use crate::lower::labels;
use crate::model::{Endpoint, EndpointId, Name, NetworkSet, NetworkSetKey, Profile};
use std::collections::{BTreeMap, BTreeSet};

/// What a transaction touched, so that what hangs on it is computed anew once.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    /// Profiles whose users may inherit other labels.
    pub(super) profiles: BTreeSet<Name>,
    /// Profiles that did not exist when an endpoint or network set named them.
    missing: BTreeSet<Name>,
    pub(super) endpoints: Vec<EndpointId>,
    pub(super) network_sets: BTreeSet<NetworkSetKey>,
}

impl Dirty {
    /// Takes note of profiles that an endpoint or network set names.
    pub(super) fn names(&mut self, profiles: &[Name], policies: &Policies) {
        let missing = profiles.iter().filter(|name| policies.profile(name).is_none());
        self.missing.extend(missing.cloned());
    }
}

impl Cluster {
    /// Brings inherited labels up to date.
    pub(super) fn settle(&mut self, dirty: Dirty) {
        self.imply_profiles(&dirty);
        let Dirty { profiles, mut endpoints, mut network_sets, .. } = dirty;
        for profile in &profiles {
            endpoints.extend(self.endpoints.with_profile(profile));
            network_sets.extend(self.network_sets.with_profile(profile).cloned());
        }
        endpoints.sort_unstable();
        endpoints.dedup();
        let policies = &self.policies;
        for id in endpoints {
            let effective =
                |endpoint: &Endpoint| effective_labels(policies, &endpoint.labels, &endpoint.profiles);
            if self.endpoints.relabel(id, effective) {
                self.log.endpoint(id);
            }
        }
        for key in network_sets {
            let effective =
                |set: &NetworkSet| effective_labels(policies, &set.labels, set.profile.as_slice());
            if self.network_sets.relabel(&key, effective) {
                self.log.network_set(&key);
            }
        }
    }

    /// Namespaces and service accounts that are used and not declared are taken to exist, if the dialect says so.
    fn imply_profiles(&mut self, dirty: &Dirty) {
        if self.dialect.missing_namespace != MissingNamespace::Implied {
            return;
        }
        for name in dirty.profiles.union(&dirty.missing) {
            let missing = self.policies.profile(name).is_none();
            if missing
                && self.is_used(name)
                && let Some(profile) = implied_profile(name)
            {
                self.policies.put_profile(name, profile, &mut self.log);
            }
        }
    }

    fn is_used(&self, profile: &str) -> bool {
        self.endpoints.with_profile(profile).next().is_some()
            || self.network_sets.with_profile(profile).next().is_some()
    }
}

/// The profile of a namespace or service account without labels of its own, by the profile's name.
fn implied_profile(name: &str) -> Option<Profile> {
    let none: BTreeMap<Name, Name> = BTreeMap::new();
    if let Some(namespace) = name.strip_prefix("kns.") {
        return Some(labels::namespace_profile(namespace, &none).1);
    }
    let (namespace, account) = name.strip_prefix("ksa.")?.split_once('.')?;
    Some(labels::service_account_profile(namespace, account, &none).1)
}

/// Own labels win, then those of the first profile that has the key (calico.md 2).
fn effective_labels(
    policies: &Policies,
    own: &BTreeMap<Name, Name>,
    profiles: &[Name],
) -> BTreeMap<Name, Name> {
    let mut labels = own.clone();
    for profile in profiles.iter().filter_map(|name| policies.profile(name)) {
        for (key, value) in &profile.profile.labels_to_apply {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    labels
}
