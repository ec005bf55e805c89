//! The fields of every table, in the order of their bytes.

use super::wire::{Codec, Decoded, Reader, decode_runs, encode_runs, records, variants};
use crate::model::{HttpMatch, IdentityMatch, Name, PortRange, RuleAction, RuleId, ServiceKey};
use crate::tables::{
    Addresses, AlignedBlock, AppliedTier, Arena, Backend, Block, Bucket, Check, Class, ClassParts, EndOfTier,
    Ending, EndpointRecord, Endpoints, Host, Interface, LabelsByName, Lineage, ListRecord, NodeRecord,
    Occupant, Packed, Paged, Part, Parts, Policies, Pool, PortCheck, Profile, Program, ProtocolAtoms,
    Resolution, Route, RouteKey, Routes, Row, Rule, Shared, Side, Single, Span, Subject, Table, Traffic,
    Trie, Wide, Word, count,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

// Addresses, themselves below.
records! {
    ClassParts { holders: u32, address: u32 }
    Occupant { endpoint: u32, node: u32 }
    Single { address: u128, class: u32, occupant: Occupant }
}

// Parts.
records! {
    Parts { parts: Paged<Part>, predicates: Pool<u32>, resolutions: Pool<Resolution> }
    Part { predicates: Packed, resolutions: Span }
    Packed { start: u32, words: u32 }
    Resolution { condition: u32, protocol: u8, port: u16 }
}

// Endpoints and nodes.
records! {
    Endpoints {
        records: Paged<EndpointRecord>,
        more: Table<Span>,
        addresses: Pool<IpAddr>,
        subjects: Paged<Subject>,
        lists: Pool<u32>,
        profiles: Pool<u32>,
        nodes: Table<NodeRecord>,
        hosts: Shared<Host>,
    }
    EndpointRecord {
        part: u32,
        subject: u32,
        node: u32,
        v4: u32,
        more: u32,
        classes: [u32; 2],
        flags: u32,
    }
    Host { endpoint: u32, interface: Interface }
    Subject { lists: Span, profiles: Span }
    NodeRecord { addresses: Span, hosts: Span, view: u32 }
}
variants! {
    Interface { 0 = All, 1 = Named(name), 2 = ByAddress, 3 = None }
}

// Policies.
records! {
    Policies {
        rules: Pool<Rule>,
        rule_lists: Paged<Span>,
        policies: Pool<u32>,
        tiers: Pool<AppliedTier>,
        lists: Table<Span>,
        profiles: Paged<Profile>,
        checks: Pool<Check>,
        ports: Table<PortCheck>,
        port_ranges: Pool<PortRange>,
        conditions: Pool<u32>,
        identities: Shared<IdentityMatch>,
        http: Shared<HttpMatch>,
        domains: Table<Span>,
        domain_views: Pool<u32>,
        namespaces: Arc<LabelsByName>,
        service_accounts: Arc<BTreeMap<Name, LabelsByName>>,
    }
    Rule { checks: Span, id: Option<RuleId>, action: RuleAction, http: bool, paths: bool }
    AppliedTier { tier: u32, policies: Packed, end: EndOfTier, end_id: Option<RuleId> }
    Profile { ingress: Span, egress: Span }
    PortCheck { ranges: Span, conditions: Span }
}
variants! {
    EndOfTier { 0 = Pass, 1 = Settled, 2 = Deny { own_node, other_protocols, other_undecided } }
    Side { 0 = Source, 1 = Destination }
    Check {
        0 = Version(version),
        1 = NotVersion(version),
        2 = Protocol(number),
        3 = NotProtocol(number),
        4 = Icmp(wanted),
        5 = NotIcmp(unwanted),
        6 = Holds(side, predicate),
        7 = Fails(side, predicate),
        8 = InNets(side, predicate),
        9 = NotInNets(side, predicate),
        10 = Ports(side, ports),
        11 = NotPorts(side, ports),
        12 = Resolves(side, condition),
        13 = Named(side, domains),
        14 = HoldsOrNamed(side, predicate, domains),
        15 = Identity(side, identity),
        16 = Http(http),
    }
}

// Routes.
records! {
    Routes {
        by_address: Arena<((IpAddr, RouteKey), Route)>,
        by_node_port: Arena<(RouteKey, [Route; 2])>,
        by_service: Shared<(ServiceKey, Vec<(RouteKey, Route)>)>,
        backends: Pool<Backend>,
    }
    Route { backends: Span, local_only: bool }
    Backend { address: Option<IpAddr>, endpoint: u32, port: u16 }
}

// Traffic, of which only the protocols are a plain record: see below.
records! {
    ProtocolAtoms { base: u32, table: u32, ports: u16, icmp: u16 }
}

// The fast form.
records! {
    Program {
        lineage: Lineage,
        classes: Paged<Class, 16>,
        wide: [Wide; 2],
        buckets: Arena<Bucket>,
        rows: Arena<Row>,
        bases: Arena<u32>,
        endings: Arena<Ending>,
        lists: Paged<ListRecord>,
        slow_lists: u32,
    }
    Class { sides: [ListRecord; 2], peer_rows: [u32; 2], group: u32, flags: u32 }
    ListRecord {
        subject_row: u32,
        bucket: u32,
        base: u32,
        wild: u32,
        endings: u32,
        words_before: u16,
        buckets: u8,
        flags: u8,
    }
    Ending { rule: u32, position: u16, reason: u8, code: u8 }
    Row { starts: [u32; 8], words: [Word; 8] }
    Bucket { classes: [u32; 8], rows: [u32; 8] }
    Wide {
        lineage: Lineage,
        blocks: u32,
        subjects: Arena<AlignedBlock>,
        peers: Arena<AlignedBlock>,
        traffic: Arena<AlignedBlock>,
        traffic_rows: Arena<u32>,
        tier_ends: Arena<u16>,
        endings: Arena<Ending>,
    }
    Span { start: u32, len: u32 }
}

/// What is read begins a lineage of its own.
impl Codec for Lineage {
    const LEAST: usize = 0;

    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(_: &mut Reader<'_>) -> Decoded<Self> {
        Ok(Lineage::default())
    }
}

impl Codec for AlignedBlock {
    const LEAST: usize = Block::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        let AlignedBlock(block) = self;
        block.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Block::decode(input).map(AlignedBlock)
    }
}

/// The members of a list, as `Vec` has them.
fn encode_list<'a, T: Codec + 'a>(members: impl ExactSizeIterator<Item = &'a T>, out: &mut Vec<u8>) {
    count(members.len()).encode(out);
    members.for_each(|member| member.encode(out));
}

impl<T: Codec + Copy> Codec for Arena<T> {
    const LEAST: usize = Vec::<T>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.iter(), out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Vec::decode(input).map(Arena::from)
    }
}

impl<T: Codec + Copy> Codec for Table<T> {
    const LEAST: usize = Vec::<T>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.iter(), out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Vec::decode(input).map(Table::from)
    }
}

impl<T: Codec + Copy> Codec for Pool<T> {
    const LEAST: usize = Vec::<T>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.iter(), out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Vec::decode(input).map(Pool::from)
    }
}

impl<T: Codec> Codec for Shared<T> {
    const LEAST: usize = Vec::<T>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.as_slice().iter(), out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Vec::decode(input).map(Shared::from)
    }
}

/// The records in the order of their numbers, whatever pages they stand in.
impl<T: Codec + Copy, const N: usize> Codec for Paged<T, N> {
    const LEAST: usize = Vec::<T>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        self.iter().for_each(|record| record.encode(out));
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Vec::decode(input).map(Paged::from)
    }
}

/// What stands for an address is not part of the form: runs and addresses are.
impl Codec for Addresses {
    const LEAST: usize = 5 * Vec::<u32>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        self.v4.runs().encode(out);
        self.occupied_v4().encode(out);
        self.runs_v6.encode(out);
        self.singles_v6.sorted().encode(out);
        self.classes.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let runs_v4: Vec<(u32, u32)> = Vec::decode(input)?;
        if !are_runs(&runs_v4) || runs_v4.iter().any(|(_, class)| *class >= Trie::END) {
            return Err(input.fault(
                "IPv4 runs do not begin at 0.0.0.0, are not sorted, repeat, or have a class too high",
            ));
        }
        let occupied_v4: Vec<(u32, Occupant)> = Vec::decode(input)?;
        if !occupied_v4.is_sorted_by(|(a, _), (b, _)| a < b)
            || occupied_v4.iter().any(|(_, occupant)| *occupant == Occupant::NOBODY)
        {
            return Err(
                input.fault("IPv4 addresses that somebody has are not sorted, repeat, or nobody has them")
            );
        }
        let runs_v6: Vec<(u128, u32)> = Vec::decode(input)?;
        if !are_runs(&runs_v6) {
            return Err(input.fault("IPv6 runs do not begin at ::, are not sorted, or repeat"));
        }
        let singles_v6: Vec<Single> = Vec::decode(input)?;
        if !singles_v6.is_sorted_by(|a, b| a.address < b.address)
            || singles_v6.iter().any(Single::says_nothing)
        {
            return Err(input.fault("single IPv6 addresses are not sorted, repeat, or say nothing"));
        }
        Ok(Addresses::new(&runs_v4, &occupied_v4, runs_v6, singles_v6, Paged::decode(input)?))
    }
}

/// Sorted runs from 0 on, each of another class than the one before.
fn are_runs<A: PartialOrd + Default>(runs: &[(A, u32)]) -> bool {
    runs.first().is_some_and(|(first, _)| *first == A::default())
        && runs.is_sorted_by(|(a, class), (b, next)| a < b && class != next)
}

/// Intervals have a place for each port.
impl Codec for Traffic {
    const LEAST: usize = 12;

    fn encode(&self, out: &mut Vec<u8>) {
        let Traffic { protocols, intervals, atoms } = self;
        protocols.encode(out);
        encode_runs(intervals, out);
        atoms.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let protocols = Arena::decode(input)?;
        let intervals = decode_runs(input, super::check::INTERVALS_OF_A_TABLE * 2)?.into();
        Ok(Traffic { protocols, intervals, atoms: u32::decode(input)? })
    }
}
