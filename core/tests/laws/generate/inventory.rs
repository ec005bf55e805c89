//! What is there to be governed and matched.

use super::words::{
    ACCOUNTS, NAMESPACES, NETS_V4, NETS_V6, OUTSIDE, PORT_NAMES, PORTS, SERVICES, TIERS, address, labels,
    some_of, team_labels, value,
};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::time::Duration;
use tierwall::cluster::DnsAnswer;
use tierwall::model::Name;
use tierwall::resource::calico::{
    EndpointPort, GlobalNetworkSet, HostEndpoint, HostEndpointSpec, NetworkSet, NetworkSetSpec, Profile,
    ProfileSpec, Rule, Tier, TierSpec, WorkloadEndpoint, WorkloadEndpointSpec,
};
use tierwall::resource::kubernetes::{
    Container, ContainerPort, Deployment, Endpoint, EndpointSlice, Namespace, Node, NodeAddress, NodeStatus,
    Pod, PodIp, PodSpec, PodStatus, PodTemplateSpec, Service, ServiceAccount, ServicePort, ServiceSpec,
    WorkloadSpec,
};
use tierwall::resource::{IntOrString, ObjectMeta, Resource};

const PODS: u8 = 6;
const NODES: [&str; 2] = ["n0", "n1"];

/// The namespace and name of a pod.
pub(crate) fn pod_name(index: u8) -> (&'static str, String) {
    (NAMESPACES[usize::from(index) % NAMESPACES.len()], format!("pod{index}"))
}

/// The objects of a cluster but for its policies.
pub(super) fn objects() -> impl Strategy<Value = Vec<Resource>> {
    let pods: Vec<_> = (0..PODS).map(|index| maybe(0.9, pod(index))).collect();
    let namespaces: Vec<_> = NAMESPACES.iter().map(|name| maybe(0.8, namespace(name))).collect();
    let accounts: Vec<_> = NAMESPACES
        .iter()
        .flat_map(|namespace| ACCOUNTS.iter().map(|name| maybe(0.4, account(namespace, name))))
        .collect();
    let nodes: Vec<_> = (0..2).map(|index| maybe(0.8, node(index))).collect();
    let hosts: Vec<_> = (0..4).map(|index| maybe(if index < 2 { 0.6 } else { 0.2 }, host(index))).collect();
    let tiers: Vec<_> = TIERS.iter().take(2).map(|name| maybe(0.8, tier(name))).collect();
    let services: Vec<_> = (0..2).map(|index| maybe(0.9, service(index))).collect();
    let slices = maybe(0.3, slice());
    let sets = (maybe(0.5, network_set()), maybe(0.5, global_network_set()));
    let others = (maybe(0.4, workload()), maybe(0.3, deployment()), maybe(0.9, profile()));
    let parts = (pods, namespaces, accounts, nodes, hosts, tiers, services, slices, sets, others);
    parts.prop_map(|(pods, namespaces, accounts, nodes, hosts, tiers, services, slices, sets, others)| {
        let lists = [pods, namespaces, accounts, nodes, hosts, tiers, services];
        let single = [slices, sets.0, sets.1, others.0, others.1, others.2];
        lists.into_iter().flatten().chain(single).flatten().collect()
    })
}

fn maybe(
    probability: f64,
    object: impl Strategy<Value = Resource> + 'static,
) -> BoxedStrategy<Option<Resource>> {
    prop::option::weighted(probability, object).boxed()
}

fn namespace(name: &'static str) -> impl Strategy<Value = Resource> {
    team_labels().prop_map(move |labels| {
        Namespace { metadata: ObjectMeta { labels, ..ObjectMeta::named(name) } }.into()
    })
}

fn account(namespace: &'static str, name: &'static str) -> impl Strategy<Value = Resource> {
    team_labels().prop_map(move |labels| {
        ServiceAccount { metadata: ObjectMeta { labels, ..ObjectMeta::namespaced(namespace, name) } }.into()
    })
}

fn node(index: u8) -> impl Strategy<Value = Resource> {
    (team_labels(), any::<bool>(), prop::bool::weighted(0.1)).prop_map(move |(labels, dual, shared)| {
        let of = |address: String| NodeAddress { address_type: "InternalIP".to_owned(), address };
        let last = index + 1;
        let v6 = dual.then(|| of(format!("fd01::{last}")));
        // Two nodes may claim one address, which is a mistake, but one that is answered.
        let shared = shared.then(|| of("10.1.0.1".to_owned()));
        let addresses = std::iter::once(of(format!("10.1.0.{last}"))).chain(v6).chain(shared).collect();
        let metadata = ObjectMeta { labels, ..ObjectMeta::named(NODES[usize::from(index)]) };
        Node { metadata, status: NodeStatus { addresses } }.into()
    })
}

fn container_ports() -> impl Strategy<Value = Vec<ContainerPort>> {
    let port =
        (select(&PORT_NAMES[..]), select(&PORTS[..]), select(&["TCP", "TCP", "TCP", "UDP", "SCTP"][..]));
    let port = port.prop_map(|(name, number, protocol)| ContainerPort {
        name: name.to_owned(),
        container_port: number.into(),
        protocol: Some(protocol.to_owned()),
        host_port: None,
    });
    prop::collection::vec(port, 0..4)
}

fn pod_spec() -> impl Strategy<Value = PodSpec> {
    let node = prop_oneof![1 => Just(""), 4 => select(&NODES[..])];
    let account = prop_oneof![1 => Just(""), 2 => select(&ACCOUNTS[..])];
    (node, account, container_ports(), prop::bool::weighted(0.05)).prop_map(
        |(node, account, ports, host_network)| PodSpec {
            node_name: node.to_owned(),
            service_account_name: account.to_owned(),
            containers: vec![Container { name: "server".to_owned(), ports, ..Container::default() }],
            host_network,
            ..PodSpec::default()
        },
    )
}

fn pod(index: u8) -> impl Strategy<Value = Resource> {
    // Now and then two pods have one address, as while one replaces the other.
    let last = prop_oneof![8 => Just(index + 1), 1 => Just(1)];
    let families = select(
        &[(true, true), (true, true), (true, false), (false, true), (false, false), (false, false)][..],
    );
    let phase = prop_oneof![12 => Just("Running"), 1 => Just("Succeeded")];
    let app = prop::option::weighted(0.7, value());
    (labels(), app, pod_spec(), last, families, phase).prop_map(
        move |(mut labels, app, spec, last, (v4, v6), phase)| {
            labels.extend(app.map(|app| ("app".to_owned(), app)));
            let (namespace, name) = pod_name(index);
            let addresses = [v4.then(|| format!("10.0.0.{last}")), v6.then(|| format!("fd00::{last}"))];
            let status = PodStatus {
                phase: phase.to_owned(),
                pod_ips: addresses.into_iter().flatten().map(|ip| PodIp { ip }).collect(),
                ..PodStatus::default()
            };
            let metadata = ObjectMeta { labels, ..ObjectMeta::namespaced(namespace, name) };
            Pod { metadata, spec, status }.into()
        },
    )
}

fn deployment() -> impl Strategy<Value = Resource> {
    (labels(), pod_spec()).prop_map(|(labels, spec)| {
        let template = PodTemplateSpec { metadata: ObjectMeta { labels, ..ObjectMeta::default() }, spec };
        let spec = WorkloadSpec { replicas: None, template };
        Deployment { metadata: ObjectMeta::namespaced("red", "shop"), spec }.into()
    })
}

/// A workload that is no pod.
fn workload() -> impl Strategy<Value = Resource> {
    (labels(), select(&NODES[..])).prop_map(|(labels, node)| {
        let spec = WorkloadEndpointSpec {
            orchestrator: "vm".to_owned(),
            workload: "vm0".to_owned(),
            node: node.to_owned(),
            endpoint: "eth0".to_owned(),
            ip_networks: vec!["10.0.0.100/32".to_owned()],
            profiles: vec!["shared".to_owned(), "kns.red".to_owned()],
            interface_name: "cali0".to_owned(),
            ..WorkloadEndpointSpec::default()
        };
        let name = format!("{node}-vm-vm0-eth0");
        WorkloadEndpoint { metadata: ObjectMeta { labels, ..ObjectMeta::namespaced("red", name) }, spec }
            .into()
    })
}

fn host(index: u8) -> impl Strategy<Value = Resource> {
    let interface = select(&["*", "eth0", "eth1", ""][..]);
    let profiles = some_of(&["kns.red", "shared", "projectcalico-default-allow"], 2);
    let port = (select(&PORT_NAMES[..]), select(&PORTS[..])).prop_map(|(name, port)| EndpointPort {
        name: name.to_owned(),
        protocol: Some(IntOrString::from("TCP")),
        port: port.into(),
    });
    (labels(), interface, any::<bool>(), profiles, prop::collection::vec(port, 0..2)).prop_map(
        move |(labels, interface, addressed, profiles, ports)| {
            let addressed = addressed || interface.is_empty();
            let spec = HostEndpointSpec {
                node: NODES[usize::from(index % 2)].to_owned(),
                interface_name: interface.to_owned(),
                expected_ips: addressed.then(|| format!("10.1.0.{}", index % 2 + 1)).into_iter().collect(),
                profiles,
                ports,
            };
            // It may claim labels that workloads must not.
            let metadata = ObjectMeta { labels, ..ObjectMeta::named(format!("host{index}")) };
            HostEndpoint { metadata, spec }.into()
        },
    )
}

fn profile() -> impl Strategy<Value = Resource> {
    let action = select(&["Allow", "Deny", "Log", "Pass", "Pass", "Pass"][..]);
    (prop::collection::vec(action, 1..4), labels()).prop_map(|(actions, mut labels_to_apply)| {
        labels_to_apply.remove("pcns.team");
        let rule = |action: &str| Rule { action: action.to_owned(), ..Rule::default() };
        let rules: Vec<Rule> = actions.into_iter().map(rule).collect();
        let spec = ProfileSpec { ingress: rules.clone(), egress: rules, labels_to_apply };
        Profile { metadata: ObjectMeta::named("shared"), spec }.into()
    })
}

fn tier(name: &'static str) -> impl Strategy<Value = Resource> {
    let order = prop::option::of(select(&[10.0, 1000.0, 2_000_000.0][..]));
    (order, select(&["Deny", "Pass"][..])).prop_map(move |(order, default_action)| {
        let spec = TierSpec { order, default_action: Some(default_action.to_owned()) };
        Tier { metadata: ObjectMeta::named(name), spec }.into()
    })
}

fn set_spec() -> impl Strategy<Value = NetworkSetSpec> {
    let domains = prop_oneof![2 => Just(Vec::new()), 1 => some_of(&["api.example.com", "*.example.com"], 2)];
    (some_of(&NETS_V4, 2), some_of(&NETS_V6, 2), domains).prop_map(|(v4, v6, domains)| NetworkSetSpec {
        nets: v4.into_iter().chain(v6).collect(),
        allowed_egress_domains: domains,
    })
}

fn network_set() -> impl Strategy<Value = Resource> {
    (labels(), set_spec()).prop_map(|(labels, spec)| {
        NetworkSet { metadata: ObjectMeta { labels, ..ObjectMeta::namespaced("blue", "ranges") }, spec }
            .into()
    })
}

fn global_network_set() -> impl Strategy<Value = Resource> {
    (labels(), set_spec()).prop_map(|(labels, spec)| {
        GlobalNetworkSet { metadata: ObjectMeta { labels, ..ObjectMeta::named("ranges") }, spec }.into()
    })
}

fn service(index: usize) -> impl Strategy<Value = Resource> {
    let target = prop_oneof![
        select(&PORTS[..]).prop_map(|port| IntOrString::Int(port.into())),
        select(&PORT_NAMES[..]).prop_map(IntOrString::from),
    ];
    let node_port = prop::option::weighted(0.7, Just(30_080));
    (select(&["a", "b"][..]), target, node_port, prop::bool::weighted(0.3)).prop_map(
        move |(app, target_port, node_port, local)| {
            let port = ServicePort {
                port: 8000,
                target_port: Some(target_port),
                node_port,
                ..ServicePort::default()
            };
            let spec = ServiceSpec {
                service_type: if node_port.is_some() { "NodePort".to_owned() } else { String::new() },
                cluster_ip: format!("10.96.0.{}", index + 1),
                selector: BTreeMap::from([("app".to_owned(), app.to_owned())]),
                ports: vec![port],
                external_traffic_policy: if local { "Local".to_owned() } else { String::new() },
                ..ServiceSpec::default()
            };
            let metadata = ObjectMeta::namespaced("red", SERVICES[index]);
            Service { metadata, spec, ..Service::default() }.into()
        },
    )
}

/// Backends of the first service, written by hand.
fn slice() -> impl Strategy<Value = Resource> {
    prop::sample::subsequence(vec!["10.0.0.1", "10.0.0.4", "192.0.2.10"], 0..=3).prop_map(|addresses| {
        let endpoint =
            |address: &str| Endpoint { addresses: vec![address.to_owned()], ..Endpoint::default() };
        let port = tierwall::resource::kubernetes::EndpointPort { port: Some(80), ..Default::default() };
        EndpointSlice {
            metadata: ObjectMeta::namespaced("red", "front-0")
                .with_label("kubernetes.io/service-name", SERVICES[0]),
            address_type: "IPv4".to_owned(),
            endpoints: addresses.into_iter().map(endpoint).collect(),
            ports: vec![port],
        }
        .into()
    })
}

/// DNS answers, of which most count everywhere.
pub(crate) fn answers() -> impl Strategy<Value = Vec<DnsAnswer>> {
    let names = select(&["api.example.com", "www.example.com", "example.com", "x.cdn.net"][..]);
    let expiry = select(&[20, 30, 30, 90][..]).prop_map(Duration::from_secs);
    let seen_by = prop::option::weighted(0.3, select(&NODES[..]));
    let answer = (names, prop::option::weighted(0.85, select(&OUTSIDE[..])), expiry, seen_by).prop_map(
        |(name, found, expiry, node)| {
            let answer = match found {
                Some(found) => DnsAnswer::addresses(name, [address(found)], expiry),
                None => DnsAnswer::alias(name, "x.cdn.net", expiry),
            };
            DnsAnswer { node: node.map(Name::from), ..answer }
        },
    );
    prop::collection::vec(answer, 0..7)
}
