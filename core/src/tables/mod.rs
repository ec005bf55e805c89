//! The compiled form of a cluster: immutable arrays that name each other by number.
//!
//! Clones share the arrays. A writer changes a clone of its own: it appends to the same memory where readers do not look,
//! and copies the pages of what it replaces. Readers of older clones see nothing of it.
//!
//! An address, or an endpoint without one, is what holds there: the predicates of its *parts*. One part stands for the
//! labels of the endpoints that hold the address, one for the ranges that cover it. Parts are shared, so their number
//! follows the distinct label sets and ranges, not the endpoints. A rule is a list of *checks* over predicates, ports
//! and protocols; an endpoint's *subject* lists the rules that govern it, tier by tier.

mod addresses;
mod bytes;
mod cell;
mod checks;
mod endpoints;
mod lineage;
mod packed;
mod paged;
mod parts;
mod policies;
mod program;
mod routes;
mod singles;
mod store;
mod traffic;
mod trie;

pub(crate) use addresses::{Addresses, ClassParts, Occupant, Place};
pub use bytes::SnapshotError;
pub(crate) use bytes::{from_bytes, to_bytes};
pub(crate) use cell::{Arena, Lanes, Task, Usual, prefetch, run};
pub(crate) use checks::{Check, PortCheck, Side};
pub(crate) use endpoints::{EndpointRecord, Endpoints, Host, Interface, NodeRecord, Subject};
pub(crate) use lineage::Lineage;
pub(crate) use packed::{Chunk, List, Packed};
pub(crate) use paged::Paged;
pub(crate) use parts::{Part, Parts, Resolution};
pub(crate) use policies::{AppliedTier, EndOfTier, LabelsByName, Policies, Profile, Rule};
pub(crate) use program::{
    AlignedBlock, BLOCK_BITS, Block, Bucket, Class, Ending, ListRecord, NO_MATCH, Program, Row, WORD_HTTP,
    WORD_LOG, Wide, Word,
};
pub(crate) use routes::{Backend, Route, RouteKey, Routes};
pub(crate) use singles::{Single, Singles};
pub(crate) use store::{Pool, Shared, Span, Table, count, index};
pub(crate) use traffic::{DIVIDED, NUMBERS, ProtocolAtoms, Traffic, UNDIVIDED, traffic_number};
pub(crate) use trie::{PageEntries, Trie};

use crate::dialect::Dialect;
use std::net::IpAddr;
use std::sync::Arc;

/// What is nowhere.
pub(crate) const NONE: u32 = u32::MAX;

/// Everything that an evaluation reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tables {
    pub(crate) generation: u32,
    pub(crate) dialect: Arc<Dialect>,
    /// The node whose endpoints are judged, or [`NONE`] for all.
    pub(crate) only_node: u32,
    pub(crate) addresses: Addresses,
    pub(crate) parts: Parts,
    pub(crate) endpoints: Endpoints,
    pub(crate) policies: Policies,
    pub(crate) routes: Routes,
    pub(crate) traffic: Traffic,
    pub(crate) enforced: Program,
    /// Rules that the fast form leaves to the complete one.
    pub(crate) slow_rules: u32,
    /// Only if some policy is staged.
    pub(crate) pending: Option<Program>,
}

impl Tables {
    /// What an address is.
    pub(crate) fn place_at(&self, address: IpAddr) -> Place {
        let Occupant { endpoint, node } = self.addresses.occupant(address);
        match (self.endpoints.get(endpoint), node) {
            (Some(record), _) => self.place_of(endpoint, record),
            (None, NONE) => Place::Outside,
            (None, node) => Place::Host { node },
        }
    }

    /// What an endpoint is.
    pub(crate) fn place_of(&self, endpoint: u32, record: &EndpointRecord) -> Place {
        match record.node {
            _ if !record.is(EndpointRecord::HOST) => Place::Workload { endpoint },
            NONE => Place::Outside,
            node => Place::Host { node },
        }
    }

    /// Lets clones share what changed; until then each copies it.
    pub(crate) fn seal(&mut self) {
        self.addresses.seal();
        self.parts.parts.seal();
        self.endpoints.seal();
        self.policies.seal();
        self.programs_mut().for_each(Program::seal);
    }

    /// The bytes of what was replaced, as far as tables count it: pages, but not the runs of pools that nothing names.
    pub(crate) fn garbage(&self) -> usize {
        self.addresses.garbage()
            + self.parts.parts.garbage()
            + self.endpoints.garbage()
            + self.policies.garbage()
            + self.programs().map(Program::garbage).sum::<usize>()
    }

    /// Moves what can be replaced to new memory, without what was replaced. Linear in these tables.
    pub(crate) fn compact(&mut self) {
        self.addresses.compact();
        self.parts.parts.compact();
        self.endpoints.compact();
        self.policies.compact();
        self.programs_mut().for_each(Program::compact);
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        std::iter::once(&self.enforced).chain(&self.pending)
    }

    fn programs_mut(&mut self) -> impl Iterator<Item = &mut Program> {
        std::iter::once(&mut self.enforced).chain(&mut self.pending)
    }

    /// What all arrays take together.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes_by_table().iter().map(|(_, bytes)| bytes).sum()
    }

    /// What the arrays take, without what texts they refer to.
    pub(crate) fn bytes_by_table(&self) -> Vec<(&'static str, usize)> {
        let mut bytes = vec![
            ("addresses", self.addresses.bytes()),
            ("parts", self.parts.bytes()),
            ("endpoints", self.endpoints.bytes()),
            ("policies", self.policies.bytes()),
            ("routes", self.routes.bytes()),
            ("traffic", self.traffic.bytes()),
        ];
        let pending = self.pending.as_ref().map(Program::bytes_by_table).into_iter().flatten();
        for (position, (table, of_enforced)) in self.enforced.bytes_by_table().into_iter().enumerate() {
            let of_pending = pending.clone().nth(position).map_or(0, |(_, bytes)| bytes);
            bytes.push((table, of_enforced + of_pending));
        }
        bytes
    }
}
