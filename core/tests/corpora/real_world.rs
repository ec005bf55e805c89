//! `real-world`: policies and workloads of public projects, which have to load. Nothing is expected of their
//! verdicts but that both engines come to the same.

use crate::policy_scenarios::flatten_peers;
use crate::scenario::{World, pod_object, pod_spec};
use crate::support::{Outcome, documents, list, run_all, text};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use tierwall::dialect::Dialect;
use tierwall::model::{Flow, Protocol, Side};

/// Ports that policies like to speak of.
const PORTS: [(Protocol, u16); 4] =
    [(Protocol::UDP, 53), (Protocol::TCP, 80), (Protocol::TCP, 443), (Protocol::TCP, 8080)];

pub(crate) fn run(folder: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    for document in documents(folder, "files") {
        let project = text(&document["source"], "repo");
        let id = |file: &Value| format!("{project}/{}", text(file, "file"));
        outcome.append(run_all(list(&document, "files"), id, |file| {
            let objects: Vec<Value> = list(file, "objects").iter().map(api_object).collect();
            probe(&World::new(Dialect::default(), &objects)?)
        }));
    }
    outcome
}

/// Connections between all that is there, and with an address that is not.
fn probe(world: &World) -> Result<(), String> {
    let outside = Side::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    let mut ends: Vec<Side> =
        world.engines.cluster().endpoints().map(|entry| Side::Endpoint(entry.id)).collect();
    ends.push(outside);
    for (from, to) in ends.iter().flat_map(|from| ends.iter().map(move |to| (*from, *to))) {
        for (protocol, port) in PORTS {
            world.verdict(&Flow::new(from, to, protocol).with_ports(40000, port))?;
        }
    }
    Ok(())
}

/// Policies stand in the corpus as they are; of everything else only what bears on policy is there.
fn api_object(object: &Value) -> Value {
    let mut object = object.clone();
    if object.get("apiVersion").is_some() {
        flatten_peers(&mut object);
        return object;
    }
    let version = match text(&object, "kind") {
        "Service" | "Namespace" => "v1",
        "Pod" => {
            let mut pod = object.clone();
            pod["name"] = object["metadata"]["name"].clone();
            pod["namespace"] = object["metadata"]["namespace"].clone();
            pod["labels"] = object["podLabels"].clone();
            return pod_object(&pod);
        }
        "Job" | "CronJob" => "batch/v1",
        _ => "apps/v1",
    };
    object["apiVersion"] = json!(version);
    if object.get("podLabels").is_some() {
        object["spec"] = json!({
            "replicas": object["replicas"],
            "template": {"metadata": {"labels": object["podLabels"]}, "spec": pod_spec(&object)},
        });
    }
    object
}
