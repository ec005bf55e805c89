//! What the inventory becomes.

use super::{lowered, lowering, resource};
use crate::dialect::{Dialect, HostNetwork};
use crate::lower::{Lowered, lower};
use crate::model::{Endpoint, Name, Protocol, ServiceTarget};
use serde_json::{Value, json};

fn pod(spec: Value, status: Value) -> Value {
    let metadata = json!({"name": "web-0", "namespace": "x", "labels": {"app": "web", "pcns.forged": "yes"}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
}

fn endpoint(value: Value) -> Endpoint {
    match lowered(value) {
        Lowered::Endpoint(endpoint) => endpoint,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pods() {
    let spec = json!({
        "nodeName": "n1",
        "serviceAccountName": "web",
        "containers": [{"ports": [
            {"name": "http", "containerPort": 8080},
            {"containerPort": 9090},
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "odd", "containerPort": 1, "protocol": "ICMP"},
            {"name": "zero", "containerPort": 0},
        ]}],
        "initContainers": [{"ports": [{"name": "init", "containerPort": 7}]}],
    });
    let status =
        json!({"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}, {"ip": "pending"}]});
    let endpoint = endpoint(pod(spec.clone(), status.clone()));
    assert_eq!(endpoint.key.to_string(), "Pod x/web-0");
    let labels: Vec<String> = endpoint.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        labels,
        [
            "app=web",
            "projectcalico.org/namespace=x",
            "projectcalico.org/orchestrator=k8s",
            "projectcalico.org/serviceaccount=web"
        ]
    );
    assert_eq!(endpoint.profiles, [Name::from("kns.x"), Name::from("ksa.x.web")]);
    let addresses: Vec<String> = endpoint.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.1", "fd00::1"]);
    let ports: Vec<String> =
        endpoint.ports.iter().map(|port| format!("{} {} {}", port.name, port.protocol, port.port)).collect();
    assert_eq!(ports, ["http TCP 8080", "dns UDP 53", "init TCP 7"]);
    assert_eq!(endpoint.node.as_deref(), Some("n1"));
    let warnings: Vec<String> =
        lowering(pod(spec, status)).problems.iter().map(|problem| problem.path.to_string()).collect();
    assert_eq!(
        warnings,
        [
            "status.podIPs[2].ip",
            "spec.containers[0].ports[3].protocol",
            "spec.containers[0].ports[4].containerPort"
        ]
    );
}

#[test]
fn a_service_account_is_not_assumed() {
    let endpoint = endpoint(pod(json!({}), json!({})));
    assert_eq!(endpoint.profiles, [Name::from("kns.x")]);
    assert_eq!(endpoint.service_account, None);
    assert!(!endpoint.labels.contains_key("projectcalico.org/serviceaccount"));
}

#[test]
fn finished_pods_are_nothing() {
    for phase in ["Succeeded", "Failed"] {
        assert_eq!(lowered(pod(json!({}), json!({"phase": phase, "podIP": "10.0.0.1"}))), Lowered::Nothing);
    }
    endpoint(pod(json!({}), json!({"phase": "Pending"})));
}

#[test]
fn host_networked_pods_are_their_node() {
    let given = pod(json!({"hostNetwork": true, "nodeName": "n1"}), json!({"podIP": "10.9.0.1"}));
    let expected = Lowered::HostPod {
        namespace: "x".into(),
        name: "web-0".into(),
        node: Some("n1".into()),
        addresses: vec!["10.9.0.1".parse().unwrap()],
    };
    assert_eq!(lowered(given.clone()), expected);
    let dialect = Dialect { host_network: HostNetwork::Pod, ..Dialect::default() };
    assert!(matches!(lower(&resource(given), &dialect).value, Some(Lowered::Endpoint(_))));
}

#[test]
fn workloads_stand_for_their_pods() {
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 80}, {"name": "x", "containerPort": -1}]}]},
    });
    for (version, kind) in [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("v1", "ReplicationController"),
        ("batch/v1", "Job"),
        ("batch/v1", "CronJob"),
    ] {
        let pods = json!({"template": template});
        let (spec, path) = if kind == "CronJob" {
            (json!({"jobTemplate": {"spec": pods}}), "spec.jobTemplate.spec.template.spec")
        } else {
            (pods, "spec.template.spec")
        };
        let given = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "w"}, "spec": spec});
        let endpoint = endpoint(given.clone());
        assert_eq!(endpoint.key.to_string(), format!("{kind} default/w"));
        assert!(endpoint.addresses.is_empty());
        assert_eq!(endpoint.labels.get("app").map(|value| &**value), Some("web"));
        assert_eq!(endpoint.ports.len(), 1);
        let problem = lowering(given).problems.remove(0);
        assert_eq!(problem.path.to_string(), format!("{path}.containers[0].ports[1].containerPort"));
    }
}

#[test]
fn services() {
    let given = |spec: Value| {
        let status =
            json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example.com"}]}});
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "x"}, "spec": spec, "status": status})
    };
    let Lowered::Service(service) = lowered(given(json!({
        "clusterIP": "10.96.0.1",
        "clusterIPs": ["10.96.0.1", "fd00::1"],
        "externalIPs": ["198.51.100.1"],
        "externalTrafficPolicy": "Local",
        "selector": {"app": "web"},
        "ports": [
            {"name": "http", "port": 80, "targetPort": "web", "nodePort": 30080},
            {"port": 53, "protocol": "UDP"},
            {"port": 443, "targetPort": 8443},
        ],
    }))) else {
        panic!()
    };
    let addresses: Vec<String> = service.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.96.0.1", "192.0.2.1", "198.51.100.1", "fd00::1"]);
    assert!(service.local_only && service.selector.is_some());
    let targets: Vec<_> = service.ports.iter().map(|port| port.target.clone()).collect();
    let expected =
        [ServiceTarget::Named("web".into()), ServiceTarget::Number(53), ServiceTarget::Number(8443)];
    assert_eq!(targets, expected);
    assert_eq!(service.ports.first().unwrap().node_port, Some(30080));
    let mut headless = given(json!({"clusterIP": "None", "clusterIPs": ["None"]}));
    headless["status"] = Value::Null;
    let Lowered::Service(headless) = lowered(headless) else { panic!() };
    assert!(headless.addresses.is_empty() && headless.selector.is_none());
    assert_eq!(lowered(given(json!({"type": "ExternalName"}))), Lowered::Nothing);
}

#[test]
fn slices() {
    let Lowered::Slice(slice) = lowered(json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s-1", "namespace": "x", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.0.0.1"]},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": false}},
            {"addresses": ["name.example.com"]},
        ],
        "ports": [{"name": "http", "port": 80}, {"name": "all"}, {"port": 53, "protocol": "UDP"}],
    })) else {
        panic!()
    };
    assert_eq!(slice.service.unwrap().to_string(), "x/s");
    let backends: Vec<_> = slice.backends.iter().map(|b| (b.address.to_string(), b.ready)).collect();
    assert_eq!(backends, [("10.0.0.1".to_owned(), true), ("10.0.0.2".to_owned(), false)]);
    assert_eq!(slice.ports, [(Some("http".into()), Protocol::TCP, 80), (None, Protocol::UDP, 53)]);
}

#[test]
fn nodes_and_namespaces() {
    let addresses = json!([
        {"type": "InternalIP", "address": "10.9.0.1"},
        {"type": "Hostname", "address": "10.9.0.2"},
        {"type": "ExternalIP", "address": "192.0.2.7"},
    ]);
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": addresses}});
    let Lowered::Node(node) = lowered(node) else { panic!() };
    let addresses: Vec<String> = node.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.9.0.1", "192.0.2.7"]);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}});
    let Lowered::Namespace { labels, .. } = lowered(namespace) else { panic!() };
    assert_eq!(labels.get("kubernetes.io/metadata.name").map(|value| &**value), Some("x"));
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa", "labels": {"a": "b"}}});
    let Lowered::ServiceAccount { namespace, labels, .. } = lowered(account) else { panic!() };
    assert_eq!((&*namespace, labels.len()), ("default", 1));
}
