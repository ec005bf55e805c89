//! Profiles (`spec/calico.md 1.6`).

use super::Rule;
use std::collections::BTreeMap;

objects! { strict
    /// Rules and labels of all endpoints that name it; the rules apply after all tiers.
    pub struct Profile is Profile {
        /// The rules and labels.
        pub spec: ProfileSpec,
    }
}

strict! {
    /// The rules and labels of a [`Profile`].
    pub struct ProfileSpec {
        /// Rules for traffic that reaches the endpoints.
        pub ingress: Vec<Rule>,
        /// Rules for traffic that the endpoints send.
        pub egress: Vec<Rule>,
        /// Labels that the endpoints get, where they have none of that key.
        pub labels_to_apply: BTreeMap<String, String>,
    }
}
