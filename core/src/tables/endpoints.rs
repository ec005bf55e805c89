//! Endpoints, what governs them, and nodes.

use super::{NONE, Pool, Span, Table};
use crate::cluster::{Phase, Scope};
use crate::model::{Direction, Name};
use std::net::IpAddr;

/// The interface that a host endpoint stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interface {
    All,
    Named(Name),
    ByAddress,
    /// It is no host endpoint's.
    None,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointRecord {
    /// What holds for it without its address.
    pub(crate) part: u32,
    pub(crate) subject: u32,
    /// Its node, or [`NONE`].
    pub(crate) node: u32,
    pub(crate) is_host: bool,
    /// It stands for one process space, not for any number of pods.
    pub(crate) is_single: bool,
    pub(crate) addresses: Span,
    /// The classes of its IPv4 and IPv6 address, or [`NONE`] where an address does not tell what it is.
    pub(crate) classes: [u32; 2],
    pub(crate) interface: Interface,
}

/// What governs an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    /// Numbers of lists: for each phase, direction and scope, as [`Subject::position`] says.
    pub(crate) lists: Span,
    /// Numbers of profiles; [`NONE`] for one that does not exist.
    pub(crate) profiles: Span,
}

impl Subject {
    /// Workloads only have the normal phase, so it comes first.
    pub(crate) fn position(phase: Phase, direction: Direction, scope: Scope) -> usize {
        let phase = match phase {
            Phase::Normal => 0,
            Phase::Untracked => 1,
            Phase::PreDnat => 2,
            Phase::Forward => 3,
        };
        let direction = usize::from(direction == Direction::Egress);
        let scope = usize::from(scope == Scope::Pending);
        phase * 4 + direction * 2 + scope
    }
}

/// A node that endpoints name or that is declared.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct NodeRecord {
    pub(crate) addresses: Span,
    /// Numbers of its host endpoints, by name.
    pub(crate) hosts: Span,
    /// Which DNS answers its endpoints see.
    pub(crate) view: u32,
}

/// Endpoints by the number of their id, and nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Endpoints {
    /// Absent where the id was removed.
    pub(crate) records: Table<Option<EndpointRecord>>,
    pub(crate) addresses: Pool<IpAddr>,
    pub(crate) subjects: Table<Subject>,
    pub(crate) lists: Pool<u32>,
    pub(crate) profiles: Pool<u32>,
    pub(crate) nodes: Table<NodeRecord>,
    pub(crate) hosts: Pool<u32>,
}

impl Endpoints {
    pub(crate) fn get(&self, endpoint: u32) -> Option<&EndpointRecord> {
        self.records.get(endpoint)?.as_ref()
    }

    /// Notes the class of one of its addresses.
    pub(crate) fn set_class(&mut self, endpoint: u32, address: IpAddr, class: u32) {
        if let Some(Some(record)) = self.records.get_mut(endpoint) {
            let [v4, v6] = &mut record.classes;
            *(if address.is_ipv4() { v4 } else { v6 }) = class;
        }
    }

    pub(crate) fn addresses_of(&self, record: &EndpointRecord) -> &[IpAddr] {
        self.addresses.slice(record.addresses)
    }

    /// The list of a subject in one phase, direction and scope, or [`NONE`].
    pub(crate) fn list_of(&self, subject: u32, phase: Phase, direction: Direction, scope: Scope) -> u32 {
        let lists = self.subjects.get(subject).map_or(&[][..], |subject| self.lists.slice(subject.lists));
        lists.get(Subject::position(phase, direction, scope)).copied().unwrap_or(NONE)
    }

    pub(crate) fn profiles_of(&self, record: &EndpointRecord) -> &[u32] {
        self.subjects.get(record.subject).map_or(&[], |subject| self.profiles.slice(subject.profiles))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.records.bytes()
            + self.addresses.bytes()
            + self.subjects.bytes()
            + self.lists.bytes()
            + self.profiles.bytes()
            + self.nodes.bytes()
            + self.hosts.bytes()
    }
}
