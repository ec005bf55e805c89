//! `netpol-analyzer`: the complete connections of sets of manifests, and manifests that must be refused.

use crate::connection_list::{ConnectionList, End, PROTOCOLS, Permitted, around, pairs, range};
use crate::scenario::{World, all, as_sent, inventory, pod_object, pod_spec, protocol};
use crate::support::{Outcome, documents, expect, list, run_all, run_cases, text};
use ipnet::Ipv4Net;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use tierwall::cluster::Cluster;
use tierwall::dialect::{Dialect, HostNetwork};
use tierwall::manifest::{LoadOptions, load_paths};
use tierwall::model::{EndpointKey, EndpointKind, Flow, Side};

pub(crate) fn run(folder: &Path) -> Outcome {
    let mut outcome = run_cases(folder, |_, case| connections(case));
    for index in documents(folder, "runs") {
        let refused: Vec<&Value> = list(&index, "runs").iter().filter(|run| run["kind"] == "error").collect();
        outcome.append(run_all(&refused, |run| text(run, "dir").to_owned(), |run| refusal(folder, run)));
    }
    outcome
}

/// What the analysis assumes (see the README of the corpus): a host-networked pod is a pod like any other.
fn dialect() -> Dialect {
    let mut dialect = Dialect::default();
    dialect.host_network = HostNetwork::Pod;
    dialect
}

/// Probes every pair of workloads, and every workload with every external range, at every port boundary.
fn connections(case: &Value) -> Result<(), String> {
    let cluster = &case["cluster"];
    let mut objects = inventory(&json!({"namespaces": cluster["namespaces"]}), &Value::Null);
    objects.extend(list(cluster, "pods").iter().map(workload_object));
    objects.extend(as_sent(list(case, "policies").to_vec()));
    let world = World::new(dialect(), &objects)?;
    let mut listed = ConnectionList::default();
    for edge in list(case, "edges") {
        listed.add(text(edge, "from"), text(edge, "to"), permitted(&edge["conn"]))?;
    }
    let mut ends = workloads(&world, case)?;
    ends.extend(external_addresses(case, &listed)?.into_iter().map(End::External));
    let ports = port_boundaries(case, &listed);
    let probes = pairs(&ends).flat_map(|pair| ports.iter().map(move |port| (pair, *port)));
    all(probes.map(|((from, to), port)| {
        PROTOCOLS.into_iter().try_for_each(|name| {
            let flow = Flow::new(from.side(), to.side(), protocol(name)?).with_ports(40000, port);
            expect(&world.verdict(&flow).is_allowed(), &listed.permits(from, to, name, port))
                .map_err(|error| format!("{} -> {} {name} {port}: {error}", from.name(), to.name()))
        })
    }))
}

fn permitted(conn: &Value) -> Permitted {
    match conn.as_object() {
        None => Permitted::All,
        Some(ports) => {
            Permitted::Ports(ports.iter().map(|(name, ranges)| (name.clone(), port_ranges(ranges))).collect())
        }
    }
}

fn port_ranges(ranges: &Value) -> Vec<(u16, u16)> {
    let bound = |range: &Value, index: usize| u16::try_from(range[index].as_u64().unwrap()).unwrap();
    ranges.as_array().unwrap().iter().map(|range| (bound(range, 0), bound(range, 1))).collect()
}

fn workloads(world: &World, case: &Value) -> Result<Vec<End>, String> {
    list(&case["cluster"], "pods")
        .iter()
        .map(|pod| {
            let (name, kind) = name_and_kind(text(pod, "name"))?;
            let namespace = text(pod, "namespace");
            let key = EndpointKey { kind, namespace: Some(namespace.into()), name: name.into() };
            let id = world.cluster.endpoint_id(&key).ok_or_else(|| format!("no endpoint {key}"))?;
            Ok(End::Workload(format!("{namespace}/{}", text(pod, "name")), Side::Endpoint(id)))
        })
        .collect()
}

/// The parts of `name[Kind]`.
fn name_and_kind(text: &str) -> Result<(&str, EndpointKind), String> {
    let parts = text.strip_suffix(']').and_then(|text| text.split_once('['));
    let (name, kind) = parts.ok_or_else(|| format!("{text:?} is not name[Kind]"))?;
    let kind = EndpointKind::ALL.into_iter().find(|known| known.as_str() == kind);
    Ok((name, kind.ok_or_else(|| format!("no kind of {text:?}"))?))
}

/// The API object of a workload: a pod, or a controller with a template.
fn workload_object(pod: &Value) -> Value {
    let (name, kind) = name_and_kind(text(pod, "name")).unwrap();
    let mut pod = pod.clone();
    pod["name"] = json!(name);
    if kind == EndpointKind::Pod {
        return pod_object(&pod);
    }
    let template = json!({"metadata": {"labels": pod["labels"]}, "spec": pod_spec(&pod)});
    let (version, spec) = match kind {
        EndpointKind::Job => ("batch/v1", json!({"template": template})),
        EndpointKind::CronJob => ("batch/v1", json!({"jobTemplate": {"spec": {"template": template}}})),
        EndpointKind::ReplicationController => ("v1", json!({"template": template})),
        _ => ("apps/v1", json!({"template": template})),
    };
    json!({
        "apiVersion": version, "kind": kind.as_str(),
        "metadata": {"name": name, "namespace": pod["namespace"]}, "spec": spec,
    })
}

/// The first and the last address of every range, and both sides of the bounds of every CIDR of the policies. A case
/// without ranges speaks of no address outside.
fn external_addresses(case: &Value, listed: &ConnectionList) -> Result<BTreeSet<Ipv4Addr>, String> {
    let mut addresses = listed.addresses();
    for text in list(case, "externalRanges") {
        let (first, last) = range(text.as_str().unwrap_or_default())?;
        addresses.extend([first, last]);
    }
    if addresses.is_empty() {
        return Ok(addresses);
    }
    visit(&case["policies"], &mut |_, value| {
        if let Some(net) = value.as_str().and_then(|text| text.parse::<Ipv4Net>().ok()) {
            let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
            let bounds = [first, last, first.saturating_sub(1), last.saturating_add(1)];
            addresses.extend(bounds.map(Ipv4Addr::from));
        }
    });
    Ok(addresses)
}

/// Both sides of every bound of a port range in the policies, the pods and the expected connections.
fn port_boundaries(case: &Value, listed: &ConnectionList) -> BTreeSet<u16> {
    const FIELDS: [&str; 6] = ["port", "endPort", "containerPort", "number", "start", "end"];
    let mut ports = Vec::new();
    for part in ["policies", "cluster"] {
        visit(&case[part], &mut |field, value| {
            let port = value.as_u64().filter(|_| FIELDS.contains(&field));
            ports.extend(port.and_then(|port| u16::try_from(port).ok()));
        });
    }
    let mut boundaries = around(ports.into_iter());
    boundaries.extend(listed.port_boundaries());
    boundaries
}

/// Calls `see` with every scalar and the name of the field it stands in, perhaps in lists.
fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    fn walk<'a>(field: &'a str, value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(field, item, see)),
            Value::Object(fields) => fields.iter().for_each(|(field, value)| walk(field, value, see)),
            scalar => see(field, scalar),
        }
    }
    walk("", value, see);
}

/// Manifests that the analyzer refuses, and with it every API server: at least one object is not valid.
fn refusal(folder: &Path, run: &Value) -> Result<(), String> {
    let manifests = folder.join("raw").join(text(run, "dir"));
    if !manifests.is_dir() {
        return Err(format!("{} is not a folder", manifests.display()));
    }
    let mut cluster = Cluster::with_dialect(dialect());
    match load_paths(&mut cluster, &[manifests], &LoadOptions::default()) {
        Err(_) => Ok(()),
        Ok(_) => Err(format!("accepted; the analyzer says {}", run["options"]["errorStrContains"])),
    }
}
