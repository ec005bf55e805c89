//! `cyclonus`: matrices of who reaches whom, in steps that change policies, labels and pods.

use crate::kube_network_policies::ip_block;
use crate::scenario::{World, all, inventory, protocol};
use crate::support::{Outcome, expect, list, run_cases, text};
use serde_json::{Value, json};
use std::path::Path;
use tierwall::dialect::Dialect;
use tierwall::model::{Flow, Side};

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |document, case| match text(case, "kind") {
        "connectivity" => connectivity(document, case),
        "ipblock" => ip_block(case),
        "cidr" => {
            let mut block = case.clone();
            block["ipBlock"] = json!({"cidr": case["cidr"]});
            ip_block(&block)
        }
        kind => Err(format!("unknown kind {kind:?}")),
    })
}

/// The steps run in order on one cluster, which has to come out the same as a new one at each of them.
fn connectivity(document: &Value, case: &Value) -> Result<(), String> {
    let mut carried = World::new(Dialect::default(), &[])?;
    for (number, step) in list(case, "steps").iter().enumerate() {
        let objects = objects(&document["baseWorld"], step);
        carried.move_to(&objects).map_err(|error| format!("step {number}: {error}"))?;
        let fresh = World::new(Dialect::default(), &objects)?;
        for (world, which) in [(&fresh, "a new cluster"), (&carried, "the cluster of the steps before")] {
            matrix(world, step).map_err(|error| format!("step {number} in {which}: {error}"))?;
        }
    }
    Ok(())
}

/// The base world with what the step replaces: the namespaces, as labels by name, and the pods, with the ports that all
/// pods have there.
fn objects(base: &Value, step: &Value) -> Vec<Value> {
    let mut world = base.clone();
    if let Some(pods) = step["pods"].as_array() {
        world["pods"] = pods.iter().map(|pod| with_ports(pod, &base["pods"][0]["ports"])).collect();
    }
    if let Some(namespaces) = step["namespaces"].as_object() {
        let labelled = namespaces.iter().map(|(name, labels)| json!({"name": name, "labels": labels}));
        world["namespaces"] = labelled.collect();
    }
    let mut objects = inventory(&world, &Value::Null);
    objects.extend_from_slice(list(step, "policies"));
    objects
}

fn with_ports(pod: &Value, ports: &Value) -> Value {
    let mut pod = pod.clone();
    if pod.get("ports").is_none() {
        pod["ports"] = ports.clone();
    }
    pod
}

fn matrix(world: &World, step: &Value) -> Result<(), String> {
    let order = list(step, "order");
    let sides: Vec<Side> =
        order.iter().map(|pod| world.side(pod.as_str(), None)).collect::<Result<_, _>>()?;
    all(step["matrix"].as_object().unwrap().iter().flat_map(|(ports, rows)| {
        let sides = &sides;
        rows.as_array().unwrap().iter().enumerate().flat_map(move |(from, row)| {
            let cells = row.as_str().unwrap().chars().enumerate();
            cells.filter(|(_, cell)| *cell != '#').map(move |(to, cell)| {
                let flow = flow(sides[from], sides[to], ports)?;
                let found = if world.verdict(&flow)?.is_allowed() { '.' } else { 'X' };
                expect(&found, &cell)
                    .map_err(|error| format!("{} -> {} {ports}: {error}", order[from], order[to]))
            })
        })
    }))
}

/// A flow to `PROTOCOL/PORT`.
fn flow(from: Side, to: Side, ports: &str) -> Result<Flow, String> {
    let (name, port) = ports.split_once('/').ok_or_else(|| format!("{ports:?} is not protocol/port"))?;
    let port = port.parse().map_err(|error| format!("{ports}: {error}"))?;
    Ok(Flow::new(from, to, protocol(name)?).with_ports(40000, port))
}
