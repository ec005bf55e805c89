//! Small clusters of the normal form, and flows, from bytes. The words are few, so that what is drawn meets.

use crate::draw::Draw;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tierwall::CompileOptions;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::dialect::*;
use tierwall::lower::Lowered;
use tierwall::model::*;
use tierwall::selector::{Expr, Selector};

const NAMESPACES: [&str; 2] = ["red", "blue"];
const KEYS: [&str; 3] = ["app", "tier", "projectcalico.org/namespace"];
const VALUES: [&str; 4] = ["a", "b", "", "red"];
const NODES: [&str; 2] = ["n0", "n1"];
const PROFILES: [&str; 4] = ["kns.red", "kns.blue", "p", "missing"];
const TIERS: [&str; 4] = ["default", "alpha", "beta", "ghost"];
const PORT_NAMES: [&str; 2] = ["http", "dns"];
const PORTS: [u16; 6] = [0, 53, 80, 443, 8080, 65535];
const SERVICES: [&str; 2] = ["front", "back"];
const ACCOUNTS: [&str; 2] = ["api", "web"];
const DOMAINS: [&str; 3] = ["api.example.com", "*.example.com", "x.cdn.net"];
const ADDRESSES: [&str; 15] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.3",
    "10.0.0.4",
    "10.0.1.1",
    "10.1.0.1",
    "10.1.0.2",
    "10.96.0.1",
    "192.0.2.10",
    "0.0.0.0",
    "255.255.255.255",
    "fd00::1",
    "fd00::2",
    "2001:db8::5",
    "::",
];
const NETS: [&str; 12] = [
    "10.0.0.0/8",
    "10.0.0.0/30",
    "10.0.0.2/32",
    "10.0.0.1/31",
    "192.0.2.0/24",
    "0.0.0.0/0",
    "0.0.0.0/32",
    "255.255.255.255/32",
    "fd00::/16",
    "fd00::2/128",
    "::/0",
    "ffff::/16",
];
const PROTOCOLS: [Protocol; 7] = [
    Protocol::TCP,
    Protocol::UDP,
    Protocol::SCTP,
    Protocol::ICMP,
    Protocol::ICMPV6,
    Protocol::UDPLITE,
    Protocol::TCP,
];

/// A cluster, how to compile it, and what to ask.
pub struct World {
    pub cluster: Cluster,
    pub options: CompileOptions,
    pub flows: Vec<(Flow, FlowContext)>,
    /// What the cluster was made of, to be looked at when something fails.
    pub objects: Vec<Lowered>,
}

impl World {
    pub fn new(data: &[u8]) -> Self {
        World::draw(&mut Draw::new(data))
    }

    pub fn draw(draw: &mut Draw<'_>) -> Self {
        let options = options(draw);
        let asked = 1 + draw.number(7);
        let mut cluster = Cluster::with_dialect(dialect(draw));
        let mut objects: Vec<Lowered> = Vec::new();
        let sizes = [8, 2, 4, 6, 2, 2, 2, 2, 3].map(|most| draw.number(most));
        let [endpoints, nodes, tiers, policies, profiles, sets, services, slices, answers] = sizes;
        for index in 0..endpoints {
            objects.push(endpoint(draw, index).into());
        }
        for name in &NODES[..nodes] {
            objects.push(node(draw, name).into());
        }
        for name in &TIERS[4 - tiers..] {
            objects.push(tier(draw, name).into());
        }
        for index in 0..policies {
            objects.push(policy(draw, index).into());
        }
        for name in &PROFILES[4 - profiles..] {
            objects.push(profile(draw, name));
        }
        for name in NAMESPACES {
            if draw.chance(12) {
                objects.push(Lowered::Namespace { name: name.into(), labels: labels(draw) });
            }
            for account in ACCOUNTS {
                if draw.chance(5) {
                    let (namespace, name) = (name.into(), account.into());
                    objects.push(Lowered::ServiceAccount { namespace, name, labels: labels(draw) });
                }
            }
        }
        for index in 0..sets {
            objects.push(network_set(draw, index).into());
        }
        for name in &SERVICES[..services] {
            objects.push(service(draw, name).into());
        }
        for index in 0..slices {
            objects.push(slice(draw, index).into());
        }
        objects.iter().cloned().for_each(|object| cluster.put(object));
        for _ in 0..answers {
            cluster.observe(answer(draw));
        }
        let flows = (0..asked).map(|_| (flow(draw, &cluster), context(draw))).collect();
        World { cluster, options, flows, objects }
    }
}

/// Any object, with a name that others may have.
pub fn object(draw: &mut Draw<'_>) -> Lowered {
    let index = draw.number(5);
    match draw.number(9) {
        0 | 1 => endpoint(draw, index).into(),
        2 | 3 => policy(draw, index).into(),
        4 => network_set(draw, index % 2).into(),
        5 => tier(draw, TIERS[index % 4]).into(),
        6 => node(draw, NODES[index % 2]).into(),
        7 => profile(draw, PROFILES[index % 4]),
        8 => service(draw, SERVICES[index % 2]).into(),
        _ if index < 2 => slice(draw, index).into(),
        _ => Lowered::Namespace { name: NAMESPACES[index % 2].into(), labels: labels(draw) },
    }
}

/// The objects, one a line.
pub fn list(objects: &[Lowered]) -> String {
    objects.iter().map(|object| format!("{object:?}\n")).collect()
}

fn options(draw: &mut Draw<'_>) -> CompileOptions {
    let mut options = CompileOptions::default();
    options.table_budget = draw.one(&[usize::MAX, 0, 1_000, 10_000]);
    options.wide_classes = draw.one(&[1, 2, 3, u32::MAX]);
    options.folded_rules = draw.one(&[0, 1, 6]);
    options.broad_classes = draw.one(&[0, 1, 64]);
    options
}

fn dialect(draw: &mut Draw<'_>) -> Dialect {
    let mut dialect = Dialect::default();
    dialect.flavour = Flavour::Enterprise;
    dialect.domain_actions = DomainActions::Any;
    if draw.chance(8) {
        return dialect;
    }
    dialect.tie_break = draw.one(&[TieBreak::NameNamespaceKind, TieBreak::BackendName]);
    dialect.other_family_nets = draw.one(&[OtherFamilyNets::RuleOff, OtherFamilyNets::NoEffect]);
    dialect.not_icmp = draw.one(&[NotIcmp::NotBoth, NotIcmp::Neither]);
    dialect.icmp_types = draw.one(&[IcmpTypes::Compared, IcmpTypes::Ignored]);
    dialect.profile_pass = draw.one(&[ProfilePass::NextProfile, ProfilePass::Deny]);
    dialect.missing_namespace = draw.one(&[MissingNamespace::Implied, MissingNamespace::MissingProfile]);
    dialect.http_paths = draw.one(&[HttpPaths::Normalised, HttpPaths::Raw]);
    dialect.identity = draw.one(&[Identity::AddressSuffices, Identity::Verified]);
    dialect.endpoint_to_host =
        draw.one(&[EndpointToHost::Accept, EndpointToHost::Drop, EndpointToHost::Return]);
    dialect.absent_address = draw.one(&[AbsentAddress::NoMatch, AbsentAddress::Undecided]);
    dialect.dns_coverage = draw.one(&[DnsCoverage::Complete, DnsCoverage::Partial]);
    dialect.node_port_source = draw.one(&[NodePortSource::Node, NodePortSource::Client]);
    if draw.chance(4) {
        let net = draw.maybe(8, net);
        let failsafe = Failsafe { protocol: protocol(draw), ports: ports(draw), net };
        dialect.failsafes = Failsafes { inbound: vec![failsafe.clone()], outbound: vec![failsafe] };
    }
    dialect
}

fn name(draw: &mut Draw<'_>, of: &[&'static str]) -> Name {
    draw.one(of).into()
}

fn address(draw: &mut Draw<'_>) -> IpAddr {
    draw.one(&ADDRESSES).parse().unwrap()
}

fn net(draw: &mut Draw<'_>) -> IpNet {
    draw.one(&NETS).parse().unwrap()
}

fn protocol(draw: &mut Draw<'_>) -> Protocol {
    if draw.chance(1) { Protocol::from(draw.number(255) as u8) } else { draw.one(&PROTOCOLS) }
}

fn port(draw: &mut Draw<'_>) -> u16 {
    if draw.chance(1) { draw.number(65535) as u16 } else { draw.one(&PORTS) }
}

fn ports(draw: &mut Draw<'_>) -> PortRange {
    let (a, b) = (port(draw), port(draw));
    if draw.chance(10) { a.into() } else { PortRange::new(a.min(b), a.max(b)).unwrap() }
}

fn labels(draw: &mut Draw<'_>) -> BTreeMap<Name, Name> {
    draw.list(2, |draw| (name(draw, &KEYS), name(draw, &VALUES))).into_iter().collect()
}

fn selector(draw: &mut Draw<'_>, depth: usize) -> Selector {
    let key = name(draw, &KEYS);
    let value = name(draw, &VALUES);
    let values = |draw: &mut Draw<'_>| draw.list(2, |draw| name(draw, &VALUES)).into_iter().collect();
    match draw.number(if depth == 0 { 9 } else { 12 }) {
        0 => Selector::all(),
        1 | 2 => Expr::Equals(key, value).into(),
        3 => Expr::Has(key).into(),
        4 => Expr::NotEquals(key, value).into(),
        5 => Expr::In(key, values(draw)).into(),
        6 => Expr::NotIn(key, values(draw)).into(),
        7 => Expr::Contains(key, value).into(),
        8 => Expr::StartsWith(key, value).into(),
        9 => Expr::EndsWith(key, value).into(),
        10 => Selector::not(selector(draw, depth - 1)),
        11 => Selector::and(draw.list(2, |draw| selector(draw, depth - 1))),
        _ => Selector::or(draw.list(2, |draw| selector(draw, depth - 1))),
    }
}

pub fn endpoint(draw: &mut Draw<'_>, index: usize) -> Endpoint {
    let kind = draw.one(&[
        EndpointKind::Pod,
        EndpointKind::Pod,
        EndpointKind::Pod,
        EndpointKind::WorkloadEndpoint,
        EndpointKind::Deployment,
        EndpointKind::HostEndpoint,
        EndpointKind::HostEndpoint,
    ]);
    let is_host = kind == EndpointKind::HostEndpoint;
    let interfaces = [HostInterface::All, HostInterface::Named("eth0".into()), HostInterface::ByAddress];
    Endpoint {
        key: EndpointKey {
            kind,
            namespace: (!is_host).then(|| name(draw, &NAMESPACES)),
            name: format!("e{index}").into(),
        },
        labels: labels(draw),
        profiles: draw.list(2, |draw| name(draw, &PROFILES)),
        addresses: draw.list(2, address),
        ports: draw.list(2, |draw| EndpointPort {
            name: name(draw, &PORT_NAMES),
            protocol: protocol(draw),
            port: port(draw),
        }),
        node: draw.maybe(14, |draw| name(draw, &NODES)),
        service_account: draw.maybe(8, |draw| name(draw, &ACCOUNTS)),
        interface: is_host.then(|| draw.one(&interfaces)),
        origin: None,
    }
}

fn profile(draw: &mut Draw<'_>, name: &str) -> Lowered {
    let profile = Profile { ingress: rules(draw), egress: rules(draw), labels_to_apply: labels(draw) };
    Lowered::Profile(name.into(), profile)
}

fn node(draw: &mut Draw<'_>, name: &str) -> Node {
    Node { name: name.into(), labels: labels(draw), addresses: draw.list(2, address) }
}

fn tier(draw: &mut Draw<'_>, name: &str) -> Tier {
    Tier {
        name: name.into(),
        order: draw.maybe(12, |draw| draw.number(3) as f64).into(),
        default_action: draw.one(&[DefaultAction::Deny, DefaultAction::Pass]),
    }
}

pub fn policy(draw: &mut Draw<'_>, index: usize) -> Policy {
    use PolicyKind as Kind;
    let kind = draw.one(&[
        Kind::GlobalNetworkPolicy,
        Kind::NetworkPolicy,
        Kind::KubernetesNetworkPolicy,
        Kind::KubernetesClusterNetworkPolicy,
        Kind::StagedGlobalNetworkPolicy,
        Kind::StagedNetworkPolicy,
    ]);
    let is_global = matches!(
        kind,
        Kind::GlobalNetworkPolicy | Kind::KubernetesClusterNetworkPolicy | Kind::StagedGlobalNetworkPolicy
    );
    let class = match draw.number(9) {
        0 => PolicyClass::PreDnat,
        1 => PolicyClass::Untracked,
        2 | 3 => PolicyClass::Normal { apply_on_forward: true },
        _ => PolicyClass::Normal { apply_on_forward: false },
    };
    let exemption = [OtherProtocols::FollowPeers, OtherProtocols::Allowed, OtherProtocols::Undecided];
    let has_egress = class != PolicyClass::PreDnat;
    Policy {
        key: PolicyKey {
            kind,
            namespace: (!is_global).then(|| name(draw, &NAMESPACES)),
            name: format!("p{index}").into(),
        },
        tier: name(draw, &TIERS),
        order: draw.maybe(12, |draw| draw.number(3) as f64).into(),
        subject: if draw.chance(6) { Selector::all() } else { selector(draw, 2) },
        ingress: draw.maybe(12, rules),
        egress: draw.maybe(10, rules).filter(|_| has_egress),
        class,
        isolation: Isolation {
            exempts_own_node: draw.chance(3),
            other_protocols: if draw.chance(4) { draw.one(&exemption) } else { OtherProtocols::FollowPeers },
            settles_other_direction: draw.chance(3),
        },
        origin: None,
    }
}

fn rules(draw: &mut Draw<'_>) -> Vec<Rule> {
    draw.list(4, rule)
}

fn icmp(draw: &mut Draw<'_>) -> IcmpMatch {
    IcmpMatch { icmp_type: draw.one(&[0, 3, 8, 255]), code: draw.maybe(8, |draw| draw.one(&[0, 1, 255])) }
}

pub fn rule(draw: &mut Draw<'_>) -> Rule {
    use RuleAction::{Allow, Deny, Log, Pass};
    let mut rule = Rule::new(draw.one(&[Allow, Deny, Pass, Log, Allow, Deny]));
    rule.source = entity(draw);
    rule.destination = entity(draw);
    rule.protocol = draw.maybe(7, protocol);
    if draw.chance(3) {
        rule.ip_version = draw.maybe(8, |draw| draw.one(&[IpVersion::V4, IpVersion::V6]));
        rule.not_protocol = draw.maybe(8, protocol);
        rule.icmp = draw.maybe(6, icmp);
        rule.not_icmp = draw.maybe(6, icmp);
        rule.http = draw.maybe(8, http);
    }
    rule
}

fn http(draw: &mut Draw<'_>) -> HttpMatch {
    HttpMatch {
        methods: draw.list(1, |draw| name(draw, &["GET", "*", "POST"])),
        paths: draw.list(2, |draw| {
            let path = name(draw, &["/", "/x", "/x/y", "no"]);
            if draw.chance(8) { PathMatch::Exact(path) } else { PathMatch::Prefix(path) }
        }),
    }
}

fn entity(draw: &mut Draw<'_>) -> EntityMatch {
    let mut entity = EntityMatch::default();
    if draw.chance(6) {
        return entity;
    }
    entity.selector = draw.maybe(5, |draw| selector(draw, 1));
    entity.nets = if draw.chance(3) { draw.list(2, net) } else { Vec::new() };
    entity.ports = port_match(draw, 4);
    if draw.chance(3) {
        entity.not_selector = draw.maybe(5, |draw| selector(draw, 1));
        entity.nets_skip_workloads = draw.chance(5);
        entity.not_nets = draw.list(1, net);
        entity.not_ports = port_match(draw, 5);
        entity.service = draw.maybe(3, service_key);
        entity.nodes = draw.maybe(3, |draw| selector(draw, 1));
    }
    if draw.chance(2) {
        entity.domains = draw.list(2, domain);
        entity.set_domains = draw.chance(8);
        entity.identity = draw.maybe(6, identity);
        entity.sets = draw.list(1, address_set);
        entity.not_sets = draw.list(1, address_set);
        entity.port_sets = draw.list(1, port_set);
    }
    entity
}

fn port_match(draw: &mut Draw<'_>, of: usize) -> PortMatch {
    if !draw.chance(of) {
        return PortMatch::default();
    }
    PortMatch {
        ranges: draw.list(2, ports),
        names: draw.list(1, |draw| name(draw, &PORT_NAMES)),
        sets: if draw.chance(2) { draw.list(1, port_set) } else { Vec::new() },
    }
}

fn address_set(draw: &mut Draw<'_>) -> Arc<AddressSet> {
    Arc::new(AddressSet { name: "set".into(), members: draw.list(2, net) })
}

fn port_set(draw: &mut Draw<'_>) -> Arc<AddressPortSet> {
    let member = |draw: &mut Draw<'_>| AddressPort {
        address: address(draw),
        protocol: protocol(draw),
        port: port(draw),
    };
    Arc::new(AddressPortSet { name: "ports".into(), members: draw.list(2, member) })
}

fn domain(draw: &mut Draw<'_>) -> DomainPattern {
    draw.one(&DOMAINS).parse().unwrap()
}

fn identity(draw: &mut Draw<'_>) -> IdentityMatch {
    IdentityMatch {
        names: draw.list(1, |draw| name(draw, &ACCOUNTS)),
        selector: draw.maybe(5, |draw| selector(draw, 1)),
        namespace: match draw.number(3) {
            0 => NamespaceMatch::Equals(name(draw, &NAMESPACES)),
            1 => NamespaceMatch::Selector(selector(draw, 1)),
            _ => NamespaceMatch::Any,
        },
    }
}

fn network_set(draw: &mut Draw<'_>, index: usize) -> NetworkSet {
    NetworkSet {
        key: NetworkSetKey {
            namespace: draw.maybe(8, |draw| name(draw, &NAMESPACES)),
            name: format!("s{index}").into(),
        },
        labels: labels(draw),
        profile: draw.maybe(4, |draw| name(draw, &PROFILES)),
        nets: draw.list(2, net),
        domains: draw.list(1, domain),
    }
}

fn service_key(draw: &mut Draw<'_>) -> ServiceKey {
    ServiceKey { namespace: Some(name(draw, &NAMESPACES)), name: name(draw, &SERVICES) }
}

fn service(draw: &mut Draw<'_>, own: &str) -> Service {
    let port = |draw: &mut Draw<'_>| ServicePort {
        name: draw.maybe(4, |draw| name(draw, &PORT_NAMES)),
        protocol: protocol(draw),
        port: port(draw),
        target: if draw.chance(8) {
            ServiceTarget::Number(port(draw))
        } else {
            ServiceTarget::Named(name(draw, &PORT_NAMES))
        },
        node_port: draw.maybe(6, port),
    };
    Service {
        key: ServiceKey { namespace: Some(name(draw, &NAMESPACES)), name: own.into() },
        addresses: draw.list(2, address),
        selector: draw.maybe(12, labels),
        ports: draw.list(2, port),
        local_only: draw.chance(5),
    }
}

fn slice(draw: &mut Draw<'_>, index: usize) -> ServiceSlice {
    ServiceSlice {
        namespace: name(draw, &NAMESPACES),
        name: format!("slice{index}").into(),
        service: draw.maybe(14, service_key),
        backends: draw.list(2, |draw| ServiceBackend { address: address(draw), ready: draw.chance(14) }),
        ports: draw
            .list(2, |draw| (draw.maybe(4, |draw| name(draw, &PORT_NAMES)), protocol(draw), port(draw))),
    }
}

pub fn answer(draw: &mut Draw<'_>) -> DnsAnswer {
    let name = draw.one(&["api.example.com", "www.example.com", "x.cdn.net"]);
    let expiry = Duration::from_secs(60);
    let answer = if draw.chance(12) {
        DnsAnswer::addresses(name, draw.list(2, address), expiry)
    } else {
        DnsAnswer::alias(name, "x.cdn.net", expiry)
    };
    DnsAnswer { node: draw.maybe(3, |draw| self::name(draw, &NODES)), ..answer }
}

fn side(draw: &mut Draw<'_>, cluster: &Cluster) -> Side {
    let ids: Vec<EndpointId> = cluster.endpoints().map(|entry| entry.id).collect();
    let stranger = EndpointId::from(draw.one(&[99, u32::MAX]));
    let id = if ids.is_empty() || draw.chance(1) { stranger } else { draw.one(&ids) };
    match draw.number(3) {
        0 | 1 => Side::Address(address(draw)),
        2 => Side::Endpoint(id),
        _ => Side::Both(id, address(draw)),
    }
}

/// A flow, of which nothing else is known.
pub fn flow(draw: &mut Draw<'_>, cluster: &Cluster) -> Flow {
    Flow::new(side(draw, cluster), side(draw, cluster), protocol(draw))
        .with_ports(port(draw), port(draw))
        .with_icmp(draw.one(&[0, 3, 8, 255]), draw.one(&[0, 1, 255]))
}

pub fn context(draw: &mut Draw<'_>) -> FlowContext {
    let mut context = FlowContext::default();
    if draw.chance(8) {
        return context;
    }
    context.http = match draw.number(3) {
        0 => Http::NotInspected,
        1 => Http::Unknown,
        _ => Http::Request(HttpRequest {
            method: draw.maybe(12, |draw| draw.one(&["GET", "POST"]).to_owned()),
            path: draw.maybe(12, |draw| draw.one(&["/", "/x", "/x/../y", "/%2e", "*", ""]).to_owned()),
        }),
    };
    let principal = |draw: &mut Draw<'_>| {
        let (namespace, account) = (draw.one(&NAMESPACES), draw.one(&ACCOUNTS));
        if draw.chance(2) { "nobody".to_owned() } else { format!("spiffe://d/ns/{namespace}/sa/{account}") }
    };
    context.source_principal = draw.maybe(5, principal);
    context.destination_principal = draw.maybe(5, principal);
    context.original_destination =
        draw.maybe(3, |draw| OriginalDestination { address: address(draw), port: port(draw) });
    context.source_interface = draw.maybe(3, |draw| name(draw, &["eth0", "eth1"]));
    context.destination_interface = draw.maybe(3, |draw| name(draw, &["eth0", "eth1"]));
    context.service = draw.maybe(3, service_key);
    context.via_service = draw.chance(3);
    context
}
