//! The compiled form of a cluster: immutable arrays that name each other by number.
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
mod parts;
mod policies;
mod program;
mod routes;
mod store;
mod traffic;
mod trie;

pub(crate) use addresses::{Addresses, ClassParts, Occupant, Place};
pub use bytes::SnapshotError;
pub(crate) use bytes::{from_bytes, to_bytes};
pub(crate) use cell::prefetch;
pub(crate) use checks::{Check, PortCheck, Side};
pub(crate) use endpoints::{EndpointRecord, Endpoints, Host, Interface, NodeRecord, Subject};
pub(crate) use parts::{Part, Parts, Resolution};
pub(crate) use policies::{AppliedTier, EndOfTier, Policies, Profile, Rule};
pub(crate) use program::{
    AlignedBlock, Block, Bucket, Class, Ending, ListRecord, NO_MATCH, Program, Row, WORD_HTTP, WORD_LOG,
    Wide, Word,
};
pub(crate) use routes::{Backend, Route, RouteKey, Routes};
pub(crate) use store::{Pool, Span, Table, count, index};
pub(crate) use traffic::{DIVIDED, NUMBERS, ProtocolAtoms, Traffic, UNDIVIDED, traffic_number};
pub(crate) use trie::Trie;

use crate::dialect::Dialect;
use std::net::IpAddr;

/// What is nowhere.
pub(crate) const NONE: u32 = u32::MAX;

/// Everything that an evaluation reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tables {
    pub(crate) generation: u32,
    pub(crate) dialect: Dialect,
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
