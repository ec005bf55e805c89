//! Values of the model: names, addresses, selectors, the dialect.

use super::wire::{Codec, Decoded, Reader, records, variants};
use crate::dialect::{
    AbsentAddress, AbsentTierOrder, CidrPods, CidrSyntax, Dialect, DnsCoverage, DomainActions,
    EgressToOwnNode, EndpointToHost, Failsafe, Failsafes, Flavour, HostNetwork, HttpPaths, IcmpTypes,
    Identity, MissingNamespace, NodePortSource, NotIcmp, OtherFamilyNets, OtherProtocols, ProfilePass,
    SelectionScope, ServiceNamespace, TieBreak, TypesDefaulting,
};
use crate::model::{
    HttpMatch, IcmpMatch, IdentityMatch, IpVersion, Name, NamespaceMatch, PathMatch, PortRange, Protocol,
    RuleAction, RuleId, ServiceKey,
};
use crate::selector::{Expr, Selector, ValueSet};
use crate::tables::count;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

records! {
    Dialect {
        tie_break: TieBreak,
        absent_tier_order: AbsentTierOrder,
        types_defaulting: TypesDefaulting,
        service_namespace: ServiceNamespace,
        flavour: Flavour,
        domain_actions: DomainActions,
        other_family_nets: OtherFamilyNets,
        not_icmp: NotIcmp,
        icmp_types: IcmpTypes,
        profile_pass: ProfilePass,
        missing_namespace: MissingNamespace,
        http_paths: HttpPaths,
        identity: Identity,
        endpoint_to_host: EndpointToHost,
        egress_to_own_node: EgressToOwnNode,
        other_protocols: OtherProtocols,
        selection_scope: SelectionScope,
        host_network: HostNetwork,
        cidr_pods: CidrPods,
        absent_address: AbsentAddress,
        cidr_syntax: CidrSyntax,
        dns_coverage: DnsCoverage,
        dns_extra_ttl: Duration,
        node_port_source: NodePortSource,
        failsafes: Failsafes,
    }
    Failsafes { inbound: Vec<Failsafe>, outbound: Vec<Failsafe> }
    Failsafe { protocol: Protocol, ports: PortRange, net: Option<IpNet> }
    IcmpMatch { icmp_type: u8, code: Option<u8> }
    IdentityMatch { names: Vec<Name>, selector: Option<Selector>, namespace: NamespaceMatch }
    HttpMatch { methods: Vec<Name>, paths: Vec<PathMatch> }
    ServiceKey { namespace: Option<Name>, name: Name }
}

variants! {
    TieBreak { 0 = NameNamespaceKind, 1 = BackendName }
    AbsentTierOrder { 0 = Client, 1 = Last }
    TypesDefaulting { 0 = ByLength, 1 = ByPresence }
    ServiceNamespace { 0 = Policy, 1 = NoService }
    Flavour { 0 = OpenSource, 1 = Enterprise }
    DomainActions { 0 = AllowOnly, 1 = Any }
    OtherFamilyNets { 0 = RuleOff, 1 = NoEffect }
    NotIcmp { 0 = NotBoth, 1 = Neither }
    IcmpTypes { 0 = Compared, 1 = Ignored }
    ProfilePass { 0 = NextProfile, 1 = Deny }
    MissingNamespace { 0 = Implied, 1 = MissingProfile }
    HttpPaths { 0 = Normalised, 1 = Raw }
    Identity { 0 = AddressSuffices, 1 = Verified }
    EndpointToHost { 0 = Accept, 1 = Drop, 2 = Return }
    EgressToOwnNode { 0 = Allowed, 1 = Evaluated }
    OtherProtocols { 0 = FollowPeers, 1 = Allowed, 2 = Undecided }
    SelectionScope { 0 = PerDirection, 1 = AnyDirection }
    HostNetwork { 0 = Node, 1 = Pod }
    CidrPods { 0 = Matched, 1 = NotMatched }
    AbsentAddress { 0 = NoMatch, 1 = Undecided }
    CidrSyntax { 0 = Legacy, 1 = Strict }
    DnsCoverage { 0 = Complete, 1 = Partial }
    NodePortSource { 0 = Node, 1 = Client }
    IpVersion { 0 = V4, 1 = V6 }
    RuleAction { 0 = Allow, 1 = Deny, 2 = Log, 3 = Pass }
    NamespaceMatch { 0 = Any, 1 = Equals(name), 2 = Selector(selector) }
    PathMatch { 0 = Exact(path), 1 = Prefix(path) }
    Expr {
        0 = All,
        1 = Global,
        2 = Has(key),
        3 = Equals(key, value),
        4 = NotEquals(key, value),
        5 = In(key, values),
        6 = NotIn(key, values),
        7 = Contains(key, part),
        8 = StartsWith(key, part),
        9 = EndsWith(key, part),
        10 = Not(operand),
        11 = And(operands),
        12 = Or(operands),
    }
}

impl Codec for Box<Expr> {
    const LEAST: usize = Expr::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Expr::decode(input).map(Box::new)
    }
}

impl Codec for Selector {
    const LEAST: usize = Expr::LEAST;

    fn encode(&self, out: &mut Vec<u8>) {
        // As a tree: not every one that code can build has a text that parses.
        self.expr().encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        Expr::decode(input).map(Selector::from)
    }
}

impl Codec for ValueSet {
    const LEAST: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        count(self.iter().count()).encode(out);
        self.iter().for_each(|value| encode_text(value, out));
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let values: Vec<Name> = Codec::decode(input)?;
        if !values.is_sorted_by(|a, b| a < b) {
            return Err(input.fault("the values of a selector's set are not sorted, or repeat"));
        }
        Ok(values.into_iter().collect())
    }
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    count(text.len()).encode(out);
    out.extend_from_slice(text.as_bytes());
}

impl Codec for Name {
    const LEAST: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_text(self, out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let len = input.length(1)?;
        let bytes = input.slice(len)?;
        std::str::from_utf8(bytes)
            .map(Name::from)
            .map_err(|error| input.fault(format_args!("a text is not UTF-8: {error}")))
    }
}

/// Sorted by key.
impl<V: Codec> Codec for BTreeMap<Name, V> {
    const LEAST: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        count(self.len()).encode(out);
        for (key, value) in self {
            key.encode(out);
            value.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let entries: Vec<(Name, V)> = Codec::decode(input)?;
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(input.fault("the keys of a map are not sorted, or repeat"));
        }
        Ok(entries.into_iter().collect())
    }
}

impl Codec for Protocol {
    const LEAST: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        self.number().encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        u8::decode(input).map(Protocol::from)
    }
}

impl Codec for RuleId {
    const LEAST: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        self.get().encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        match u32::decode(input)? {
            RuleId::NONE => Err(input.fault("a rule has the id that means none")),
            id => Ok(RuleId(id)),
        }
    }
}

impl Codec for PortRange {
    const LEAST: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        (self.first(), self.last()).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let (first, last) = Codec::decode(input)?;
        PortRange::new(first, last).map_err(|error| input.fault(error))
    }
}

impl Codec for Duration {
    const LEAST: usize = 12;

    fn encode(&self, out: &mut Vec<u8>) {
        (self.as_secs(), self.subsec_nanos()).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        match Codec::decode(input)? {
            (seconds, nanos @ 0..1_000_000_000) => Ok(Duration::new(seconds, nanos)),
            _ => Err(input.fault("a duration has a second or more of nanoseconds")),
        }
    }
}

/// The family's number, then the octets.
impl Codec for IpAddr {
    const LEAST: usize = 5;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            IpAddr::V4(v4) => {
                out.push(4);
                out.extend_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                out.push(6);
                out.extend_from_slice(&v6.octets());
            }
        }
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        match u8::decode(input)? {
            4 => input.bytes().map(|octets: [u8; 4]| Ipv4Addr::from(octets).into()),
            6 => input.bytes().map(|octets: [u8; 16]| Ipv6Addr::from(octets).into()),
            other => Err(input.fault(format_args!("there is no address family {other}"))),
        }
    }
}

impl Codec for IpNet {
    const LEAST: usize = IpAddr::LEAST + 1;

    fn encode(&self, out: &mut Vec<u8>) {
        (self.addr(), self.prefix_len()).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Decoded<Self> {
        let (address, prefix) = Codec::decode(input)?;
        IpNet::new(address, prefix).map_err(|error| input.fault(error))
    }
}
