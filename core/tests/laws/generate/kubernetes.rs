//! NetworkPolicy, and as Calico stages it.

use super::calico::staged_action;
use super::selector::{pods, teams};
use super::words::{NETS_V4, NETS_V6, PORT_NAMES, PORTS, some_of};
use proptest::prelude::*;
use proptest::sample::select;
use tierwall::resource::IntOrString;
use tierwall::resource::calico::StagedKubernetesNetworkPolicySpec;
use tierwall::resource::kubernetes::{
    IpBlock, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};

fn port() -> impl Strategy<Value = NetworkPolicyPort> {
    let protocol = prop::option::of(select(&["TCP", "TCP", "UDP", "SCTP"][..]).prop_map(str::to_owned));
    let number = (select(&PORTS[..]), prop::option::weighted(0.3, 0..20i64)).prop_map(|(port, more)| {
        (Some(IntOrString::Int(port.into())), more.map(|more| i64::from(port) + more))
    });
    let name = select(&PORT_NAMES[..]).prop_map(|name| (Some(IntOrString::from(name)), None));
    let ports = prop_oneof![4 => number, 2 => name, 1 => Just((None, None))];
    (protocol, ports).prop_map(|(protocol, (port, end_port))| NetworkPolicyPort { protocol, port, end_port })
}

/// A range, with or without some of its own parts cut out.
fn block() -> impl Strategy<Value = IpBlock> {
    let any = select([&NETS_V4[..], &NETS_V6[..], &["0.0.0.0/0", "::/0"]].concat())
        .prop_map(|cidr| (cidr, Vec::new()));
    let holed = select(
        &[
            ("10.0.0.0/8", "10.0.0.1/32"),
            ("192.0.2.0/24", "192.0.2.0/28"),
            ("0.0.0.0/0", "10.0.0.0/8"),
            ("fd00::/16", "fd00::1/128"),
        ][..],
    );
    let holed = holed.prop_map(|(cidr, except)| (cidr, vec![except.to_owned()]));
    prop_oneof![any, holed].prop_map(|(cidr, except)| IpBlock { cidr: cidr.to_owned(), except })
}

fn peer() -> impl Strategy<Value = NetworkPolicyPeer> {
    let none = NetworkPolicyPeer::default;
    prop_oneof![
        2 => pods().prop_map(move |pods| NetworkPolicyPeer { pod_selector: Some(pods), ..none() }),
        2 => teams().prop_map(move |teams| NetworkPolicyPeer { namespace_selector: Some(teams), ..none() }),
        2 => (pods(), teams()).prop_map(move |(pods, teams)| NetworkPolicyPeer {
            pod_selector: Some(pods),
            namespace_selector: Some(teams),
            ..none()
        }),
        6 => block().prop_map(move |block| NetworkPolicyPeer { ip_block: Some(block), ..none() }),
    ]
}

fn ports_and_peers() -> impl Strategy<Value = (Vec<NetworkPolicyPort>, Vec<NetworkPolicyPeer>)> {
    let ports = prop_oneof![Just(Vec::new()), prop::collection::vec(port(), 1..3)];
    (ports, prop::collection::vec(peer(), 0..3))
}

/// The spec of a NetworkPolicy.
pub(super) fn spec() -> impl Strategy<Value = NetworkPolicySpec> {
    let ingress = ports_and_peers().prop_map(|(ports, from)| NetworkPolicyIngressRule { ports, from });
    let egress = ports_and_peers().prop_map(|(ports, to)| NetworkPolicyEgressRule { ports, to });
    let lists = (prop::collection::vec(ingress, 0..3), prop::collection::vec(egress, 0..3));
    (pods(), some_of(&["Ingress", "Egress"], 2), lists).prop_map(
        |(pod_selector, policy_types, (ingress, egress))| NetworkPolicySpec {
            pod_selector,
            policy_types,
            ingress,
            egress,
        },
    )
}

/// The spec of a StagedKubernetesNetworkPolicy.
pub(super) fn staged() -> impl Strategy<Value = StagedKubernetesNetworkPolicySpec> {
    (staged_action(), spec(), any::<[bool; 2]>()).prop_map(|(staged_action, spec, present)| {
        if staged_action == "Delete" {
            return StagedKubernetesNetworkPolicySpec { staged_action, ..Default::default() };
        }
        StagedKubernetesNetworkPolicySpec {
            staged_action,
            pod_selector: spec.pod_selector,
            policy_types: spec.policy_types,
            ingress: Some(spec.ingress).filter(|rules| present[0] || !rules.is_empty()),
            egress: Some(spec.egress).filter(|rules| present[1] || !rules.is_empty()),
        }
    })
}
