//! What generated clusters never hold, or hardly ever.

use crate::engines::evaluate;
use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::model::{EndpointId, Flow, FlowContext, Protocol, Side};
use tierwall::{CompileOptions, Compiler, Snapshot};

fn cluster(text: &str) -> Cluster {
    let mut cluster = Cluster::new();
    load(&mut cluster, &[Source::new("corner.yaml", text)], &LoadOptions::default()).unwrap();
    cluster
}

fn tcp(from: impl Into<Side>, to: impl Into<Side>, port: u16) -> Flow {
    Flow::new(from, to, Protocol::TCP).with_ports(40_000, port)
}

/// An endpoint with two addresses of each family is judged at each of them, and by name at the first.
#[test]
fn an_endpoint_may_have_two_addresses_of_a_family() {
    let cluster = cluster(
        "
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: n-vm-a-eth0, namespace: red, labels: {app: a}}
spec: {orchestrator: vm, workload: a, node: n, endpoint: eth0, interfaceName: c0, profiles: [kns.red],
       ipNetworks: [10.0.0.1/32, 10.0.0.2/32, 'fd00::1/128', 'fd00::2/128']}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: n-vm-b-eth0, namespace: red, labels: {app: b}}
spec: {orchestrator: vm, workload: b, node: n, endpoint: eth0, interfaceName: c1, profiles: [kns.red],
       ipNetworks: [10.0.0.3/32, 'fd00::3/128']}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: p, namespace: red}
spec:
  types: [Ingress, Egress]
  ingress:
  - {action: Deny, protocol: TCP, source: {nets: [10.0.0.2/32]}, destination: {ports: [80]}}
  - {action: Deny, protocol: TCP, source: {nets: ['fd00::1/128']}, destination: {ports: [80]}}
  - {action: Allow, source: {selector: app == 'a'}}
  egress:
  - {action: Deny, destination: {nets: [10.0.0.1/32]}}
  - {action: Deny, destination: {nets: ['fd00::2/128']}}
  - {action: Allow}
",
    );
    let snapshot = Snapshot::compile(&cluster);
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2", "fd00::3"];
    let addresses = addresses.map(|text| Side::from(text.parse::<IpAddr>().unwrap()));
    let ids: Vec<EndpointId> = cluster.endpoints().map(|entry| entry.id).collect();
    let both = |id: &EndpointId| {
        let id = *id;
        addresses.into_iter().filter_map(move |side| match side {
            Side::Address(address) => Some(Side::Both(id, address)),
            _ => None,
        })
    };
    let sides: Vec<Side> = addresses
        .into_iter()
        .chain(ids.iter().copied().map(Side::from))
        .chain(ids.iter().flat_map(both))
        .collect();
    for from in &sides {
        for to in &sides {
            for port in [80, 81] {
                let flow = tcp(*from, *to, port);
                evaluate(&cluster, &snapshot, &flow, &FlowContext::default()).unwrap();
            }
        }
    }
}

/// A rule of a profile names a port, which is another at each endpoint.
#[test]
fn a_rule_of_a_profile_may_name_a_port() {
    let pod = |name: &str, last: u8, port: u16| {
        format!(
            "
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {{name: n-vm-{name}-eth0, namespace: red, labels: {{app: {name}}}}}
spec: {{orchestrator: vm, workload: {name}, node: n, endpoint: eth0, interfaceName: c{last}, profiles: [shared],
       ipNetworks: [10.0.0.{last}/32], ports: [{{name: http, protocol: TCP, port: {port}}}]}}
---"
        )
    };
    let cluster = cluster(&format!(
        "{}{}
apiVersion: projectcalico.org/v3
kind: Profile
metadata: {{name: shared}}
spec:
  ingress: [{{action: Allow, protocol: TCP, destination: {{ports: [http]}}}}]
  egress: [{{action: Deny, protocol: TCP, destination: {{ports: [http]}}}}, {{action: Allow}}]
",
        pod("a", 1, 80),
        pod("b", 2, 81)
    ));
    let snapshot = Snapshot::compile(&cluster);
    let addresses = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
    let mut allowed = 0;
    for from in addresses {
        for to in addresses {
            for port in [80, 81, 82] {
                let flow = tcp(from, to, port);
                let answer = evaluate(&cluster, &snapshot, &flow, &FlowContext::default()).unwrap();
                allowed += u32::from(answer.enforced.is_allowed());
            }
        }
    }
    // From outside to the port of each; to outside; nobody to himself but where no policy asks.
    assert!(allowed > 2, "{allowed}");
}

/// A rule that is a bit asks for another port, which other rules tell apart already.
#[test]
fn the_traffic_of_a_wide_rule_is_that_of_its_last_version() {
    let pods = (1..=4).map(|last| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p{last}, namespace: red}}, status: {{podIP: 10.0.0.{last}}}}}\n---\n"
        )
    });
    let global = |name: &str, order: u32, ports: &str, protocol: &str| {
        format!(
            "{{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {{name: {name}}}, \
             spec: {{order: {order}, selector: all(), types: [Ingress, Egress], \
             ingress: [{{action: Allow, protocol: {protocol}, destination: {{ports: [{ports}]}}}}], \
             egress: [{{action: Allow}}]}}}}\n---\n"
        )
    };
    let text: String =
        pods.chain([global("first", 1, "80", "TCP"), global("second", 2, "81, '90:99'", "UDP")]).collect();
    let mut cluster = cluster(&text);
    let mut options = CompileOptions::default();
    options.wide_classes = 1;
    let mut compiler = Compiler::new(options);
    compiler.update(&mut cluster);
    let versions = [("81", "UDP"), ("'90:95'", "TCP"), ("80, '92:99'", "UDP"), ("80", "TCP"), ("443", "TCP")];
    for (ports, protocol) in versions {
        let edit = global("first", 1, ports, protocol);
        load(&mut cluster, &[Source::new("edit.yaml", &edit)], &LoadOptions::default()).unwrap();
        let update = compiler.update(&mut cluster);
        for port in [79, 80, 81, 90, 92, 95, 96, 99, 443] {
            for protocol in [Protocol::TCP, Protocol::UDP] {
                let (from, to) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
                let flow = Flow::new(from, to, protocol).with_ports(40_000, port);
                evaluate(&cluster, &update.snapshot, &flow, &FlowContext::default()).unwrap();
            }
        }
    }
}
