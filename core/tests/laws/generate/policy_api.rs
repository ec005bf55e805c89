//! ClusterNetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy.

use super::selector;
use super::words::{NETS_V4, NETS_V6, PORT_NAMES, PORTS, any_of};
use proptest::prelude::*;
use proptest::sample::select;
use tierwall::resource::LabelSelector;
use tierwall::resource::policy_api::{
    AdminEgressRule, AdminIngressRule, AdminNetworkPolicySpec, AdminPort, BaselineAdminNetworkPolicySpec,
    BaselineEgressPeer, BaselineEgressRule, ClusterEgressRule, ClusterIngressRule,
    ClusterNetworkPolicyProtocol, ClusterNetworkPolicySpec, DestinationPort, EgressPeer, IngressPeer,
    NamespacedPod, PortNumber, PortRange, ProtocolPort, ProtocolPortRange, Subject,
};

/// The subject of these pods of every namespace.
pub(super) fn pods(selector: LabelSelector) -> Subject {
    let pods =
        NamespacedPod { namespace_selector: Some(LabelSelector::default()), pod_selector: Some(selector) };
    Subject { pods: Some(pods), namespaces: None }
}

fn namespaced_pod() -> impl Strategy<Value = NamespacedPod> {
    (selector::teams(), selector::pods())
        .prop_map(|(teams, pods)| NamespacedPod { namespace_selector: Some(teams), pod_selector: Some(pods) })
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        selector::teams().prop_map(|teams| Subject { namespaces: Some(teams), pods: None }),
        namespaced_pod().prop_map(|pods| Subject { namespaces: None, pods: Some(pods) }),
    ]
}

fn ingress_peer() -> impl Strategy<Value = IngressPeer> {
    subject().prop_map(|Subject { namespaces, pods }| IngressPeer { namespaces, pods })
}

/// Networks of one family: two of them, and one rule of Calico's could not say the same.
fn networks() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![3 => any_of(&NETS_V4, 2), 1 => any_of(&NETS_V6, 2), 1 => Just(vec!["0.0.0.0/0".to_owned()])]
}

fn baseline_peer() -> impl Strategy<Value = BaselineEgressPeer> {
    prop_oneof![
        3 => subject().prop_map(|Subject { namespaces, pods }| {
            BaselineEgressPeer { namespaces, pods, ..Default::default() }
        }),
        1 => networks().prop_map(|nets| BaselineEgressPeer { networks: Some(nets), ..Default::default() }),
        1 => selector::teams().prop_map(|nodes| BaselineEgressPeer { nodes: Some(nodes), ..Default::default() }),
    ]
}

fn egress_peer() -> impl Strategy<Value = EgressPeer> {
    let names = any_of(&["api.example.com", "*.example.com", "example.com"], 2);
    prop_oneof![
        6 => baseline_peer().prop_map(|BaselineEgressPeer { namespaces, pods, nodes, networks }| {
            EgressPeer { namespaces, pods, nodes, networks, domain_names: None }
        }),
        2 => names.prop_map(|names| EgressPeer { domain_names: Some(names), ..EgressPeer::default() }),
    ]
}

/// Named ports are of pods: nodes and domain names have none.
fn has_named_ports(peer: &EgressPeer) -> bool {
    peer.nodes.is_none() && peer.domain_names.is_none()
}

fn name() -> impl Strategy<Value = String> {
    select(&["", "", "one", "two"][..]).prop_map(str::to_owned)
}

fn admin_port() -> impl Strategy<Value = AdminPort> {
    let protocol = || prop::option::of(select(&["TCP", "UDP", "SCTP"][..]).prop_map(str::to_owned));
    let number = (protocol(), select(&PORTS[..])).prop_map(|(protocol, port)| AdminPort {
        port_number: Some(PortNumber { protocol, port: port.into() }),
        ..AdminPort::default()
    });
    // One that ends before it starts is legal, and matches nothing.
    let range =
        (protocol(), select(&PORTS[..]), select(&PORTS[..])).prop_map(|(protocol, start, end)| AdminPort {
            port_range: Some(ProtocolPortRange { protocol, start: start.into(), end: end.into() }),
            ..AdminPort::default()
        });
    let name = select(&PORT_NAMES[..])
        .prop_map(|name| AdminPort { named_port: Some(name.to_owned()), ..AdminPort::default() });
    prop_oneof![2 => number, 1 => range, 1 => name]
}

fn admin_ports() -> impl Strategy<Value = Option<Vec<AdminPort>>> {
    prop::option::weighted(0.5, prop::collection::vec(admin_port(), 1..3))
}

fn numbered(ports: Option<Vec<AdminPort>>, names_allowed: bool) -> Option<Vec<AdminPort>> {
    ports.filter(|ports| names_allowed || ports.iter().all(|port| port.named_port.is_none()))
}

fn admin_ingress(actions: &'static [&'static str]) -> impl Strategy<Value = AdminIngressRule> {
    (name(), select(actions), prop::collection::vec(ingress_peer(), 1..3), admin_ports()).prop_map(
        |(name, action, from, ports)| AdminIngressRule { name, action: action.to_owned(), from, ports },
    )
}

/// An AdminNetworkPolicy.
pub(super) fn admin() -> impl Strategy<Value = AdminNetworkPolicySpec> {
    let actions = &["Allow", "Deny", "Pass"];
    let egress = (name(), select(actions), prop::collection::vec(egress_peer(), 1..3), admin_ports());
    let egress = egress.prop_map(|(name, action, to, ports)| {
        let ports = numbered(ports, to.iter().all(has_named_ports));
        AdminEgressRule { name, action: action.to_owned(), to, ports }
    });
    let rules = (prop::collection::vec(admin_ingress(actions), 0..4), prop::collection::vec(egress, 0..4));
    (0..1000i64, subject(), rules).prop_map(|(priority, subject, (ingress, egress))| AdminNetworkPolicySpec {
        priority: Some(priority),
        subject,
        ingress,
        egress,
    })
}

/// A BaselineAdminNetworkPolicy.
pub(super) fn baseline() -> impl Strategy<Value = BaselineAdminNetworkPolicySpec> {
    let actions = &["Allow", "Deny"];
    let egress = (name(), select(actions), prop::collection::vec(baseline_peer(), 1..3), admin_ports());
    let egress = egress.prop_map(|(name, action, to, ports)| {
        let ports = numbered(ports, to.iter().all(|peer| peer.nodes.is_none()));
        BaselineEgressRule { name, action: action.to_owned(), to, ports }
    });
    let rules = (prop::collection::vec(admin_ingress(actions), 0..4), prop::collection::vec(egress, 0..4));
    (subject(), rules).prop_map(|(subject, (ingress, egress))| BaselineAdminNetworkPolicySpec {
        subject,
        ingress,
        egress,
    })
}

fn protocol() -> impl Strategy<Value = ClusterNetworkPolicyProtocol> {
    let none = ClusterNetworkPolicyProtocol::default;
    let number =
        select(&PORTS[..]).prop_map(|port| DestinationPort { number: Some(port.into()), range: None });
    let range = (1..100i64, 1..9000i64).prop_map(|(start, more)| DestinationPort {
        number: None,
        range: Some(PortRange { start, end: start + more }),
    });
    let numbered = (0..3u8, prop_oneof![number, range]).prop_map(move |(which, port)| {
        let ports = Some(ProtocolPort { destination_port: Some(port) });
        match which {
            0 => ClusterNetworkPolicyProtocol { udp: ports, ..none() },
            1 => ClusterNetworkPolicyProtocol { sctp: ports, ..none() },
            _ => ClusterNetworkPolicyProtocol { tcp: ports, ..none() },
        }
    });
    let named = select(&PORT_NAMES[..]).prop_map(move |name| ClusterNetworkPolicyProtocol {
        destination_named_port: Some(name.to_owned()),
        ..none()
    });
    prop_oneof![3 => numbered, 1 => named]
}

fn protocols() -> impl Strategy<Value = Option<Vec<ClusterNetworkPolicyProtocol>>> {
    prop::option::weighted(0.5, prop::collection::vec(protocol(), 1..3))
}

/// A ClusterNetworkPolicy.
pub(super) fn cluster() -> impl Strategy<Value = ClusterNetworkPolicySpec> {
    let action = || select(&["Accept", "Deny", "Pass"][..]);
    let ingress = (name(), action(), prop::collection::vec(ingress_peer(), 1..3), protocols());
    let ingress = ingress.prop_map(|(name, action, from, protocols)| ClusterIngressRule {
        name,
        action: action.to_owned(),
        from,
        protocols,
    });
    let egress = (name(), action(), prop::collection::vec(egress_peer(), 1..3), protocols());
    let egress = egress.prop_map(|(name, action, to, protocols)| {
        let named = |entry: &ClusterNetworkPolicyProtocol| entry.destination_named_port.is_some();
        let allowed = to.iter().all(has_named_ports);
        let protocols = protocols.filter(|protocols| allowed || !protocols.iter().any(named));
        ClusterEgressRule { name, action: action.to_owned(), to, protocols }
    });
    let rules = (prop::collection::vec(ingress, 0..4), prop::collection::vec(egress, 0..4));
    (select(&["Admin", "Baseline"][..]), 0..=1000i64, subject(), rules).prop_map(
        |(tier, priority, subject, (ingress, egress))| ClusterNetworkPolicySpec {
            tier: tier.to_owned(),
            priority: Some(priority),
            subject,
            ingress,
            egress,
        },
    )
}
