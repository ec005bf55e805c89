//! Typed API objects of every dialect, in the shape that the API server stores them.
//!
//! They are plain data: build them in code, or, with the feature `serde`, read and write the API's JSON. What they say
//! is not judged here but in lowering, with all problems at once; an enumeration such as `action` is therefore a string.
//! A Go string that may be absent is a `String`, empty for absent; a Go pointer is an `Option`.
//!
//! Strict are the kinds that decide something: an unknown field in a policy is an error, for it might be the one that
//! narrows a rule. Of pods, services and the rest of the inventory only what bears on policy is kept, and all else ignored.
//!
//! ```
//! use tierwall::resource::kubernetes::{NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicySpec};
//! use tierwall::resource::{LabelSelector, ObjectMeta, Resource};
//!
//! let policy = NetworkPolicy {
//!     metadata: ObjectMeta::namespaced("shop", "database"),
//!     spec: NetworkPolicySpec {
//!         pod_selector: LabelSelector::labels([("app", "database")]),
//!         ingress: vec![NetworkPolicyIngressRule {
//!             from: vec![NetworkPolicyPeer {
//!                 pod_selector: Some(LabelSelector::labels([("app", "backend")])),
//!                 ..NetworkPolicyPeer::default()
//!             }],
//!             ..NetworkPolicyIngressRule::default()
//!         }],
//!         ..NetworkPolicySpec::default()
//!     },
//! };
//! assert_eq!(Resource::from(policy).key().to_string(), "NetworkPolicy shop/database");
//! ```

#[macro_use]
mod declare;

pub mod calico;
pub mod kubernetes;
pub mod policy_api;

#[cfg(feature = "serde")]
mod buffer;
mod key;
mod kind;
mod meta;
#[cfg(feature = "serde")]
mod wire;

#[cfg(test)]
#[cfg(feature = "serde")]
mod tests;

pub use key::ResourceKey;
pub use kind::{Kind, Lookup, Resource};
pub use meta::{Ignored, IntOrString, LabelSelector, LabelSelectorRequirement, ObjectMeta};
