//! Scenarios of the Kubernetes corpora: a cluster, policies, and probes with the verdict expected.

use crate::compared::Engines;
use crate::support::{expect, list, text};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;
use tierwall::cluster::Cluster;
use tierwall::dialect::Dialect;
use tierwall::model::{
    Action, Direction, Evaluation, Flow, FlowContext, Protocol, Reason, RuleAction, Side, Verdict,
};
use tierwall::resource::{Resource, ResourceKey};

/// A cluster filled with API objects, as a client of the API would send them.
pub(crate) struct World {
    pub(crate) engines: Engines,
    objects: BTreeMap<String, ResourceKey>,
    /// The first address of each pod, by `namespace/name`.
    pods: BTreeMap<String, IpAddr>,
}

impl World {
    pub(crate) fn new(dialect: Dialect, objects: &[Value]) -> Result<Self, String> {
        let mut world = World {
            engines: Engines::new(Cluster::with_dialect(dialect)),
            objects: BTreeMap::new(),
            pods: BTreeMap::new(),
        };
        world.move_to(objects)?;
        Ok(world)
    }

    /// Replaces what is there by `objects`, in one transaction that removes only what is not among them.
    pub(crate) fn move_to(&mut self, objects: &[Value]) -> Result<(), String> {
        let mut transaction = self.engines.change().transaction();
        let mut present = BTreeMap::new();
        self.pods.clear();
        for object in objects {
            let resource = resource(object)?;
            let key = resource.key();
            transaction.upsert(&resource).map_err(|invalid| format!("{key} is refused: {invalid}"))?;
            if let Some(address) = object["status"]["podIP"].as_str() {
                let name = format!("{}/{}", key.namespace.as_deref().unwrap_or_default(), key.name);
                self.pods.insert(name, address.parse().unwrap());
            }
            present.insert(key.to_string(), key);
        }
        for (_, key) in self.objects.iter().filter(|(name, _)| !present.contains_key(*name)) {
            transaction.remove(key);
        }
        transaction.commit();
        self.objects = present;
        Ok(())
    }

    /// The end of a flow that a probe states as a pod, an address, or a pod at one of its addresses.
    pub(crate) fn side(&self, pod: Option<&str>, address: Option<&str>) -> Result<Side, String> {
        let address: Option<IpAddr> = address.map(|address| address.parse().unwrap());
        let Some(pod) = pod else { return address.map(Side::Address).ok_or("no end".to_owned()) };
        let (namespace, name) =
            pod.split_once('/').ok_or_else(|| format!("{pod:?} is not namespace/name"))?;
        let address = address.or_else(|| self.pods.get(pod).copied());
        match (self.engines.cluster().workload(namespace, name), address) {
            (Some(id), Some(address)) => Ok(Side::Both(id, address)),
            (Some(id), None) => Ok(Side::Endpoint(id)),
            // A host-networked pod takes part as its node.
            (None, Some(address)) => Ok(Side::Address(address)),
            (None, None) => Err(format!("no workload {pod}")),
        }
    }

    pub(crate) fn flow(&self, probe: &Value) -> Result<Flow, String> {
        let source = self.side(probe["from"].as_str(), probe["fromIp"].as_str())?;
        let destination = self.side(probe["to"].as_str(), probe["toIp"].as_str())?;
        let port = |field: &str| u16::try_from(probe[field].as_u64().unwrap_or(0)).unwrap();
        let protocol = protocol(text(probe, "protocol"))?;
        Ok(Flow::new(source, destination, protocol).with_ports(port("srcPort"), port("port")))
    }

    pub(crate) fn verdict(&self, flow: &Flow) -> Result<Verdict, String> {
        let Evaluation { enforced, pending } = self.engines.evaluate(flow, &FlowContext::default())?;
        assert_eq!(enforced.action(), pending.action(), "nothing is staged here");
        Ok(enforced)
    }

    /// Whether a verdict is as the probe says: the connection, and where stated each side alone.
    pub(crate) fn compare(&self, verdict: Verdict, expected: &Value) -> Result<(), String> {
        let said = |field: &str, found: Action| match expected[field].as_str() {
            Some(stated) => {
                expect(found.to_string().as_str(), stated).map_err(|error| format!("{field}: {error}"))
            }
            None => Ok(()),
        };
        said("expected", verdict.action())?;
        said("egress", self.side_action(verdict, Direction::Egress))?;
        said("ingress", self.side_action(verdict, Direction::Ingress))
    }

    /// Probes a connection, by the names of its pods and again by nothing but addresses.
    pub(crate) fn probe(&self, probe: &Value) -> Result<(), String> {
        let flow = self.flow(probe)?;
        let verdict = self.verdict(&flow)?;
        let shown = || format!("{} ({verdict:?})", describe(probe));
        self.compare(verdict, probe).map_err(|error| format!("{}: {error}", shown()))?;
        let by_address =
            flow.with_source(unnamed(flow.source())).with_destination(unnamed(flow.destination()));
        expect(&self.verdict(&by_address)?.action(), &verdict.action())
            .map_err(|error| format!("{} by address: {error}", shown()))
    }

    /// Probes every connection of a list; the error shows the first few that differ.
    pub(crate) fn probe_all(&self, probes: &[Value]) -> Result<(), String> {
        all(probes.iter().map(|probe| self.probe(probe)))
    }

    /// What one side of a verdict says, by its reason.
    fn side_action(&self, verdict: Verdict, direction: Direction) -> Action {
        let rule =
            verdict.rule(direction).and_then(|id| self.engines.cluster().rule(id)).and_then(|info| info.rule);
        match verdict.reason(direction) {
            Reason::Rule | Reason::ProfileRule => match rule.expect("a rule decided").action {
                RuleAction::Allow => Action::Allow,
                _ => Action::Deny,
            },
            // A tier's default is some policy's doing, unless it is that the tier settles the direction.
            Reason::TierDefault if verdict.rule(direction).is_none() => Action::Allow,
            Reason::NotPoliced
            | Reason::OwnNode
            | Reason::SelfTraffic
            | Reason::EndpointToHost
            | Reason::ForwardDefault => Action::Allow,
            Reason::Undecided => Action::Undecided,
            _ => Action::Deny,
        }
    }
}

/// The first few errors of many, if there is one.
pub(crate) fn all(results: impl Iterator<Item = Result<(), String>>) -> Result<(), String> {
    let mut checked = 0;
    let errors: Vec<String> = results.inspect(|_| checked += 1).filter_map(Result::err).collect();
    match errors.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(format!("{} of {checked} differ, first {first}", errors.len())),
    }
}

fn unnamed(side: Side) -> Side {
    match side {
        Side::Both(_, address) => Side::Address(address),
        other => other,
    }
}

fn describe(probe: &Value) -> String {
    let end = |pod: &str, address: &str| {
        let parts = [&probe[pod], &probe[address]];
        parts.iter().filter_map(|part| part.as_str()).collect::<Vec<_>>().join(" at ")
    };
    let (from, to) = (end("from", "fromIp"), end("to", "toIp"));
    format!("{from} -> {to} {} {}", text(probe, "protocol"), probe["port"])
}

pub(crate) fn protocol(name: &str) -> Result<Protocol, String> {
    Protocol::from_name(name).ok_or_else(|| format!("no protocol {name:?}"))
}

pub(crate) fn resource(object: &Value) -> Result<Resource, String> {
    serde_json::from_value(object.clone()).map_err(|error| format!("{error} in {object}"))
}

/// The API objects of a cluster (`namespaces`, `pods`, `nodes`), with the labels of some namespaces replaced.
pub(crate) fn inventory(cluster: &Value, namespace_labels: &Value) -> Vec<Value> {
    let namespaces = list(cluster, "namespaces").iter().map(|namespace| {
        let replaced = namespace_labels.get(text(namespace, "name"));
        namespace_object(&namespace["name"], replaced.unwrap_or(&namespace["labels"]))
    });
    let nodes = list(cluster, "nodes").iter().map(node_object);
    let pods = list(cluster, "pods").iter().map(pod_object);
    namespaces.chain(nodes).chain(pods).collect()
}

/// The API objects of a scenario: those of its cluster, and its policies.
pub(crate) fn objects(document: &Value, case: &Value) -> Vec<Value> {
    let cluster = case.get("cluster").unwrap_or(&document["cluster"]);
    let mut objects = inventory(cluster, &case["namespaceLabels"]);
    objects.extend_from_slice(list(case, "policies"));
    objects
}

/// Policies as a Go client sends them: a selector that its types hold as a value is there, be it empty; and under a
/// name that the API accepts, since some corpora come from programs that never met an API server.
pub(crate) fn as_sent(mut policies: Vec<Value>) -> Vec<Value> {
    for policy in &mut policies {
        if let Some(name) = policy["metadata"]["name"].as_str() {
            policy["metadata"]["name"] = json!(name.to_lowercase().replace('_', "-"));
        }
        if matches!(policy["kind"].as_str(), Some("AdminNetworkPolicy" | "BaselineAdminNetworkPolicy")) {
            complete_pods(&mut policy["spec"]);
        }
    }
    policies
}

fn complete_pods(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(complete_pods),
        Value::Object(fields) => {
            if let Some(Value::Object(pods)) = fields.get_mut("pods") {
                for selector in ["namespaceSelector", "podSelector"] {
                    pods.entry(selector).or_insert_with(|| json!({}));
                }
            }
            fields.values_mut().for_each(complete_pods);
        }
        _ => {}
    }
}

pub(crate) fn namespace_object(name: &Value, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn node_object(node: &Value) -> Value {
    let first = json!([{"type": "InternalIP", "address": node["ip"]}]);
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": node["name"], "labels": node["labels"]},
        "status": {"addresses": node.get("addresses").unwrap_or(&first)},
    })
}

pub(crate) fn pod_object(pod: &Value) -> Value {
    let mut addresses = list(pod, "ips").to_vec();
    if addresses.is_empty() {
        addresses.extend(pod.get("ip").cloned());
    }
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": pod["name"], "namespace": pod["namespace"], "labels": pod["labels"]},
        "spec": pod_spec(pod),
    });
    if let Some(first) = addresses.first() {
        let all: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
        object["status"] = json!({"phase": "Running", "podIP": first, "podIPs": all});
    }
    object
}

/// The spec of a pod, or of the pods of a workload.
pub(crate) fn pod_spec(pod: &Value) -> Value {
    json!({
        "nodeName": pod["node"],
        "hostNetwork": pod["hostNetwork"],
        "serviceAccountName": pod["serviceAccount"],
        "containers": [{"name": "main", "ports": list(pod, "ports").iter().map(named).collect::<Vec<_>>()}],
    })
}

/// A container port; the corpora write the empty name for none, which the API does not accept.
fn named(port: &Value) -> Value {
    let fields = port.as_object().unwrap().iter().filter(|(_, value)| value.as_str() != Some(""));
    Value::Object(fields.map(|(field, value)| (field.clone(), value.clone())).collect::<Map<_, _>>())
}
