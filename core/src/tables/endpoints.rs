//! Endpoints, what governs them, and nodes.

use super::{NONE, Paged, Pool, Shared, Span, Table};
use crate::cluster::{Phase, Scope};
use crate::model::{Direction, IpVersion, Name};
use std::net::{IpAddr, Ipv4Addr};

/// The interface that a host endpoint stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interface {
    All,
    Named(Name),
    ByAddress,
    /// It stands for none.
    None,
}

/// A host endpoint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) endpoint: u32,
    pub(crate) interface: Interface,
}

/// An endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndpointRecord {
    /// What holds for it without its address.
    pub(crate) part: u32,
    pub(crate) subject: u32,
    /// Its node, or [`NONE`].
    pub(crate) node: u32,
    /// Its first IPv4 address, if its flags say that it has one.
    pub(crate) v4: u32,
    /// All others: a list of [`Endpoints::more`], or [`NONE`].
    pub(crate) more: u32,
    /// The classes of its IPv4 and IPv6 address, or [`NONE`] where an address does not tell what it is.
    pub(crate) classes: [u32; 2],
    pub(crate) flags: u32,
}

impl EndpointRecord {
    /// The id is in use.
    pub(crate) const PRESENT: u32 = 1;
    pub(crate) const HOST: u32 = 2;
    /// It stands for one process space, not for any number of pods.
    pub(crate) const SINGLE: u32 = 4;
    /// It is the host endpoint of every interface of a node that has none of its own.
    pub(crate) const WILDCARD: u32 = 8;
    pub(crate) const HAS_V4: u32 = 16;
    /// All of these.
    pub(super) const FLAGS: u32 = 31;

    /// The subject of endpoints that these tables do not judge.
    pub(crate) const ELSEWHERE: u32 = NONE - 1;

    pub(crate) const ABSENT: EndpointRecord = EndpointRecord {
        part: 0,
        subject: NONE,
        node: NONE,
        v4: 0,
        more: NONE,
        classes: [NONE; 2],
        flags: 0,
    };

    pub(crate) fn is(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
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
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct NodeRecord {
    pub(crate) addresses: Span,
    /// Its host endpoints, by name.
    pub(crate) hosts: Span,
    /// Which DNS answers its endpoints see.
    pub(crate) view: u32,
}

/// Endpoints by the number of their id, and nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Endpoints {
    pub(crate) records: Paged<EndpointRecord>,
    /// Lists of addresses.
    pub(crate) more: Table<Span>,
    pub(crate) addresses: Pool<IpAddr>,
    pub(crate) subjects: Paged<Subject>,
    pub(crate) lists: Pool<u32>,
    pub(crate) profiles: Pool<u32>,
    pub(crate) nodes: Table<NodeRecord>,
    pub(crate) hosts: Shared<Host>,
}

impl Endpoints {
    #[inline]
    pub(crate) fn get(&self, endpoint: u32) -> Option<&EndpointRecord> {
        self.records.get(endpoint).filter(|record| record.is(EndpointRecord::PRESENT))
    }

    /// Notes the class of one of its addresses.
    pub(crate) fn set_class(&mut self, endpoint: u32, address: IpAddr, class: u32) {
        if let Some(mut record) = self.records.get(endpoint).copied() {
            let [v4, v6] = &mut record.classes;
            *(if address.is_ipv4() { v4 } else { v6 }) = class;
            self.records.set(endpoint, record);
        }
    }

    /// Every address of an endpoint; those of a family in their order.
    pub(crate) fn addresses_of(&self, record: &EndpointRecord) -> impl Iterator<Item = IpAddr> {
        let first = record.is(EndpointRecord::HAS_V4).then(|| IpAddr::V4(Ipv4Addr::from_bits(record.v4)));
        let more = self.more.get(record.more).map_or(&[][..], |span| self.addresses.slice(*span));
        first.into_iter().chain(more.iter().copied())
    }

    /// The first address of a family.
    pub(crate) fn address_of(&self, record: &EndpointRecord, version: IpVersion) -> Option<IpAddr> {
        self.addresses_of(record).find(|address| IpVersion::of(*address) == version)
    }

    pub(crate) fn holds(&self, record: &EndpointRecord, address: IpAddr) -> bool {
        self.addresses_of(record).any(|known| known == address)
    }

    /// The list of a subject in one phase, direction and scope, or [`NONE`].
    pub(crate) fn list_of(&self, subject: u32, phase: Phase, direction: Direction, scope: Scope) -> u32 {
        let lists = self.subjects.get(subject).map_or(&[][..], |subject| self.lists.slice(subject.lists));
        lists.get(Subject::position(phase, direction, scope)).copied().unwrap_or(NONE)
    }

    pub(crate) fn profiles_of(&self, record: &EndpointRecord) -> &[u32] {
        self.subjects.get(record.subject).map_or(&[], |subject| self.profiles.slice(subject.profiles))
    }

    /// The host endpoints of a node, by name.
    pub(crate) fn hosts_of(&self, node: u32) -> &[Host] {
        self.nodes.get(node).map_or(&[], |node| self.hosts.slice(node.hosts))
    }

    pub(crate) fn seal(&mut self) {
        self.records.seal();
        self.subjects.seal();
    }

    /// The bytes of what was replaced.
    pub(crate) fn garbage(&self) -> usize {
        self.records.garbage() + self.subjects.garbage()
    }

    /// Moves what can be replaced to new memory, without what was replaced.
    pub(crate) fn compact(&mut self) {
        self.records.compact();
        self.subjects.compact();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.records.bytes()
            + self.more.bytes()
            + self.addresses.bytes()
            + self.subjects.bytes()
            + self.lists.bytes()
            + self.profiles.bytes()
            + self.nodes.bytes()
            + self.hosts.bytes()
    }
}
