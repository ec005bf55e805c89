//! Readings of the specifications.

use proptest::prelude::*;
use proptest::sample::Index;
use std::time::Duration;
use tierwall::dialect::*;
use tierwall::model::{PortRange, Protocol};

/// One reading of a field: its name, and what takes it.
pub(crate) type Reading = (&'static str, fn(&mut Dialect));

/// A field of the dialect with its readings, the documented one first.
pub(crate) type Field = (&'static str, &'static [Reading]);

macro_rules! fields {
    ($($field:ident: $choice:ident { $($reading:ident)+ })+) => {
        &[$((stringify!($field), &[$((stringify!($reading), |dialect| dialect.$field = $choice::$reading)),+])),+]
    };
}

/// The fields that are a choice. Of those that only say which manifests are refused there is one reading: that which
/// refuses the fewest.
const CHOICES: &[Field] = fields! {
    tie_break: TieBreak { NameNamespaceKind BackendName }
    absent_tier_order: AbsentTierOrder { Client Last }
    types_defaulting: TypesDefaulting { ByLength ByPresence }
    service_namespace: ServiceNamespace { Policy NoService }
    other_family_nets: OtherFamilyNets { RuleOff NoEffect }
    not_icmp: NotIcmp { NotBoth Neither }
    icmp_types: IcmpTypes { Compared Ignored }
    profile_pass: ProfilePass { NextProfile Deny }
    missing_namespace: MissingNamespace { Implied MissingProfile }
    http_paths: HttpPaths { Normalised Raw }
    identity: Identity { AddressSuffices Verified }
    endpoint_to_host: EndpointToHost { Accept Drop Return }
    egress_to_own_node: EgressToOwnNode { Allowed Evaluated }
    other_protocols: OtherProtocols { FollowPeers Allowed Undecided }
    selection_scope: SelectionScope { PerDirection AnyDirection }
    host_network: HostNetwork { Node Pod }
    cidr_pods: CidrPods { Matched NotMatched }
    absent_address: AbsentAddress { NoMatch Undecided }
    dns_coverage: DnsCoverage { Complete Partial }
    node_port_source: NodePortSource { Node Client }
};

/// The fields that are no choice.
const OTHERS: &[Field] = &[
    (
        "dns_extra_ttl",
        &[
            ("none", |dialect| dialect.dns_extra_ttl = Duration::ZERO),
            ("a minute", |dialect| dialect.dns_extra_ttl = Duration::from_secs(60)),
        ],
    ),
    (
        "failsafes",
        &[
            ("documented", |dialect| dialect.failsafes = Failsafes::default()),
            ("http from near", |dialect| dialect.failsafes = http_from_near()),
        ],
    ),
];

fn http_from_near() -> Failsafes {
    let http = |net: &str| Failsafe {
        protocol: Protocol::TCP,
        ports: PortRange::new(80, 443).unwrap(),
        net: Some(net.parse().unwrap()),
    };
    Failsafes { inbound: vec![http("10.0.0.0/8"), http("192.0.2.0/28")], outbound: vec![http("10.1.0.0/16")] }
}

/// Every field that varies.
pub(crate) fn fields() -> impl Iterator<Item = &'static Field> {
    CHOICES.iter().chain(OTHERS)
}

/// The documented reading of a field in half of the worlds, and one of the others in half. Fields of Calico Enterprise are known, and domain names may
/// stand in rules of any action.
pub(crate) fn dialect() -> impl Strategy<Value = Dialect> {
    let other = (any::<bool>(), any::<Index>());
    prop::collection::vec(other, fields().count()).prop_map(|others| {
        let mut dialect = Dialect::default();
        dialect.flavour = Flavour::Enterprise;
        dialect.domain_actions = DomainActions::Any;
        for ((_, readings), (other, index)) in fields().zip(others) {
            if let Some((_, take)) = readings.get(1..).filter(|_| other).map(|others| index.get(others)) {
                take(&mut dialect);
            }
        }
        dialect
    })
}
