//! From a cluster to its tables, and from its changes to theirs.
//!
//! * `vocabulary`: every predicate and condition that rules speak of, each once.
//! * `rules`, `order`: rules as lists of checks, policies in the order in which they are tried.
//! * `lists`: which rules govern whom.
//! * `labels`, `anchors`: label sets, cut down to what selectors mention, and which selectors match which of them.
//! * `holders`, `ranges`: what holds for endpoints, and for ranges of addresses, as `parts`.
//! * `members`, `chunks`, `hashing`: sets and lists of numbers.
//! * `endpoints`, `addresses`: who there is, and what each address is.
//! * `program`: classes of addresses, and what pairs of them and traffic lead to.
//! * `routes`: where services lead.
//! * `state`: all of it, kept from one change of the cluster to the next; `update`: what a change does to it.

mod addresses;
mod anchors;
mod chunks;
mod endpoints;
mod footprint;
mod hashing;
mod holders;
mod inventory;
mod labels;
mod lists;
mod members;
mod options;
mod order;
mod parts;
mod program;
mod ranges;
mod routes;
mod rules;
mod state;
mod update;
mod vocabulary;

pub use options::CompileOptions;
pub(crate) use state::State;
pub(crate) use update::Work;

use crate::cluster::Cluster;
use crate::tables::{Tables, count};

/// A set that numbers its members in the order of their arrival.
type Numbered<T, S = ahash::RandomState> = indexmap::IndexSet<T, S>;

/// Numbers of which there are few more often than not.
type Few = smallvec::SmallVec<[u32; 4]>;

/// The number of a member, which is added if it is new.
fn number<T: std::hash::Hash + Eq, S: std::hash::BuildHasher>(set: &mut Numbered<T, S>, member: T) -> u32 {
    count(set.insert_full(member).0)
}

/// Compiles all of a cluster.
pub(crate) fn compile(cluster: &Cluster, options: &CompileOptions) -> Tables {
    let mut tables = State::new(cluster, options).tables;
    tables.seal();
    tables
}
