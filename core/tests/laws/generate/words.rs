//! The words of generated objects.

use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The namespaces; each pod has its own by its number.
pub(crate) const NAMESPACES: [&str; 3] = ["red", "blue", "green"];
/// Addresses of nobody in the cluster.
pub(crate) const OUTSIDE: [&str; 5] =
    ["192.0.2.10", "192.0.2.200", "203.0.113.7", "2001:db8::5", "2001:db9::1"];
/// Ranges that hold some of the addresses there are.
pub(crate) const NETS_V4: [&str; 7] = [
    "10.0.0.0/8",
    "10.0.0.0/30",
    "10.0.0.1/32",
    "10.1.0.0/16",
    "192.0.2.0/24",
    "192.0.2.0/28",
    "203.0.113.7/32",
];
pub(crate) const NETS_V6: [&str; 5] =
    ["fd00::/16", "fd00::/126", "fd00::1/128", "2001:db8::/32", "fd01::/64"];
/// Names of ports.
pub(super) const PORT_NAMES: [&str; 2] = ["http", "metrics"];
/// Numbers of ports.
pub(super) const PORTS: [u16; 6] = [53, 80, 81, 90, 443, 8080];
/// Names of service accounts.
pub(super) const ACCOUNTS: [&str; 2] = ["api", "web"];
/// Names of services.
pub(super) const SERVICES: [&str; 2] = ["front", "back"];
/// Names of tiers; no object declares the last one.
pub(super) const TIERS: [&str; 3] = ["alpha", "beta", "ghost"];

/// A namespace for a policy: more often that in which the services are.
pub(super) fn namespace() -> impl Strategy<Value = &'static str> {
    select(&["red", "red", "red", "red", "red", "blue", "green"][..])
}

/// Labels of pods and of everything that selectors select.
pub(super) fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    let keys = select(&["app", "app", "tier", "pcns.team"][..]);
    prop::collection::btree_map(keys.prop_map(str::to_owned), value(), 0..4)
}

/// Labels of namespaces.
pub(super) fn team_labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    let keys = select(&["team", "role"][..]);
    prop::collection::btree_map(keys.prop_map(str::to_owned), value(), 0..3)
}

pub(super) fn value() -> impl Strategy<Value = String> {
    select(&["a", "a", "b", "b", ""][..]).prop_map(str::to_owned)
}

/// Some of the items, in their order.
pub(super) fn some_of(items: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(items.to_vec(), 0..=most)
        .prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

/// At least one of the items, in their order.
pub(super) fn any_of(items: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(items.to_vec(), 1..=most)
        .prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}
