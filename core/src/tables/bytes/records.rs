//! The fields of every table, in the order of their bytes.

use super::wire::{Codec, Decoded, Reader, decode_runs, encode_runs, records, variants};
use crate::model::{HttpMatch, IdentityMatch, Name, PortRange, RuleAction, RuleId, ServiceKey};
use crate::tables::trie::{SPARSE, SparsePage};
use crate::tables::{
    Addresses, AlignedBlock, AppliedTier, Backend, Block, Bucket, Check, Class, ClassParts, EndOfTier,
    Ending, EndpointRecord, Endpoints, Host, Interface, ListRecord, NodeRecord, Occupant, Part, Parts,
    Policies, Pool, PortCheck, Profile, Program, ProtocolAtoms, Resolution, Route, RouteKey, Routes, Row,
    Rule, Side, Span, Subject, Table, Traffic, Trie, Wide, Word,
};
use std::collections::BTreeMap;
use std::net::IpAddr;

// Addresses.
records! {
    Addresses {
        v4: Trie,
        v6: Vec<(u128, u32)>,
        classes: Table<ClassParts>,
        occupied_v4: Vec<(u32, Occupant)>,
        occupied_v6: Vec<(u128, Occupant)>,
    }
    ClassParts { holders: u32, address: u32 }
    Occupant { endpoint: u32, node: u32 }
    SparsePage { starts: [u8; SPARSE], entries: [u32; SPARSE] }
}

// Parts.
records! {
    Parts { parts: Table<Part>, predicates: Pool<u32>, resolutions: Pool<Resolution> }
    Part { predicates: Span, resolutions: Span }
    Resolution { condition: u32, protocol: u8, port: u16 }
}

// Endpoints and nodes.
records! {
    Endpoints {
        records: Table<EndpointRecord>,
        more: Table<Span>,
        addresses: Pool<IpAddr>,
        subjects: Table<Subject>,
        lists: Pool<u32>,
        profiles: Pool<u32>,
        nodes: Table<NodeRecord>,
        hosts: Pool<Host>,
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
        rule_lists: Table<Span>,
        policies: Pool<u32>,
        tiers: Pool<AppliedTier>,
        lists: Table<Span>,
        profiles: Table<Profile>,
        checks: Pool<Check>,
        ports: Table<PortCheck>,
        port_ranges: Pool<PortRange>,
        conditions: Pool<u32>,
        identities: Table<IdentityMatch>,
        http: Table<HttpMatch>,
        domains: Table<Span>,
        domain_views: Pool<u32>,
        namespaces: BTreeMap<Name, BTreeMap<Name, Name>>,
        service_accounts: BTreeMap<Name, BTreeMap<Name, BTreeMap<Name, Name>>>,
    }
    Rule { checks: Span, id: Option<RuleId>, action: RuleAction, http: bool, paths: bool }
    AppliedTier { tier: u32, policies: Span, end: EndOfTier, end_id: Option<RuleId> }
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
        by_address: Vec<((IpAddr, RouteKey), Route)>,
        by_node_port: Vec<(RouteKey, [Route; 2])>,
        by_service: Vec<(ServiceKey, Vec<(RouteKey, Route)>)>,
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
        classes: Vec<Class>,
        wide: [Wide; 2],
        buckets: Vec<Bucket>,
        rows: Vec<Row>,
        bases: Vec<u32>,
        segments: Pool<(u32, Word)>,
        long_rows: Table<Span>,
        endings: Vec<Ending>,
        lists: Vec<ListRecord>,
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
        bucket_bits: u8,
        flags: u8,
    }
    Ending { rule: u32, position: u16, reason: u8, code: u8 }
    Row { starts: [u32; 8], words: [Word; 8] }
    Bucket { classes: [u32; 8], rows: [u32; 8] }
    Wide {
        blocks: u32,
        subjects: Vec<AlignedBlock>,
        peers: Vec<AlignedBlock>,
        traffic: Vec<AlignedBlock>,
        traffic_rows: Vec<u32>,
        tier_ends: Vec<u16>,
        endings: Vec<Ending>,
    }
    Span { start: u32, len: u32 }
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

impl<T: Codec> Codec for Table<T> {
    const LEAST: usize = Vec::<T>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        let Table(records) = self;
        records.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Vec::decode(input).map(Table)
    }
}

impl<T: Codec> Codec for Pool<T> {
    const LEAST: usize = Vec::<T>::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        let Pool(records) = self;
        records.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Vec::decode(input).map(Pool)
    }
}

/// The root has a place for each 16 bits, most of which are as their neighbours.
impl Codec for Trie {
    const LEAST: usize = 12;

    fn encode(&self, out: &mut Vec<u8>) {
        let Trie { root, dense, sparse } = self;
        encode_runs(&**root, out);
        dense.encode(out);
        sparse.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let root: Vec<u32> = decode_runs(input, 1 << 16)?;
        let root = Box::try_from(root).map_err(|root: Vec<u32>| {
            input.fault(format_args!("the root of a trie has {} entries, not 65536", root.len()))
        })?;
        Ok(Trie { root, dense: Vec::decode(input)?, sparse: Vec::decode(input)? })
    }
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
        let protocols = Vec::decode(input)?;
        let intervals = decode_runs(input, super::check::INTERVALS_OF_A_TABLE * 2)?;
        Ok(Traffic { protocols, intervals, atoms: u32::decode(input)? })
    }
}
