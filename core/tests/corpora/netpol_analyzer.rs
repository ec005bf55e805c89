//! `netpol-analyzer`: the complete connections of sets of manifests, and manifests that must be refused.

use crate::compared::Engines;
use crate::connection_list::{ConnectionList, End, PROTOCOLS, Permitted, around, pairs, range};
use crate::scenario::{World, all, as_sent, inventory, pod_object, pod_spec, protocol};
use crate::support::{Fate, Outcome, documents, expect, list, run_all, run_cases, text};
use ipnet::Ipv4Net;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use tierwall::cluster::Cluster;
use tierwall::dialect::{CidrPods, Dialect, HostNetwork};
use tierwall::manifest::{LoadOptions, load_paths};
use tierwall::model::{EndpointId, EndpointKey, EndpointKind, Flow, FlowContext, Side};

pub(crate) fn run(folder: &Path) -> Outcome {
    let mut outcome = run_cases(folder, |_, case| connections(folder, case));
    for index in documents(folder, "runs") {
        let refused: Vec<&Value> = list(&index, "runs").iter().filter(|run| run["kind"] == "error").collect();
        outcome.append(run_all(&refused, |run| text(run, "dir").to_owned(), |run| refusal(folder, run)));
    }
    outcome
}

/// What the analysis assumes (see the README of the corpus): a host-networked pod is a pod like any other, and a range of
/// addresses holds none.
fn dialect() -> Dialect {
    let mut dialect = Dialect::default();
    dialect.host_network = HostNetwork::Pod;
    dialect.cidr_pods = CidrPods::NotMatched;
    dialect
}

/// Probes the cluster of the case, and that of its manifests where they are at hand.
fn connections(folder: &Path, case: &Value) -> Result<(), String> {
    let cluster = &case["cluster"];
    let policies = as_sent(list(case, "policies").to_vec());
    let mut objects = inventory(&json!({"namespaces": cluster["namespaces"]}), &Value::Null);
    objects.extend(list(cluster, "pods").iter().map(workload_object));
    objects.extend_from_slice(&policies);
    let world = World::new(dialect(), &objects)?;
    let found = probe_all(&world.engines, case)?;
    expect(&found, &list(cluster, "pods").len()).map_err(|error| format!("workloads: {error}"))?;
    let manifests = folder.join("raw").join(text(case, "manifests"));
    // Manifests with something that no API server takes are refused as a whole.
    if !manifests.is_dir() || policies != list(case, "policies") {
        return Ok(());
    }
    let mut cluster = Cluster::with_dialect(dialect());
    load_paths(&mut cluster, &[manifests], &LoadOptions::default()).map_err(|error| error.to_string())?;
    probe_all(&Engines::new(cluster), case).map_err(|error| format!("by its manifests: {error}")).map(drop)
}

/// Probes every pair of workloads, and every workload with every external range, at every port boundary. The result is
/// how many of the workloads the cluster has: pods of one owner are one workload to the analyzer.
fn probe_all(engines: &Engines, case: &Value) -> Result<usize, String> {
    let mut listed = ConnectionList::default();
    for edge in list(case, "edges") {
        listed.add(text(edge, "from"), text(edge, "to"), permitted(&edge["conn"]))?;
    }
    let cluster = engines.cluster();
    let mut ends = workloads(cluster, case)?;
    let found = ends.len();
    let outside = external_addresses(case, &listed)?.into_iter();
    let outside = outside.filter(|address| cluster.endpoints_at(IpAddr::V4(*address)).next().is_none());
    ends.extend(outside.map(End::External));
    let ports = port_boundaries(case, &listed);
    let probes = pairs(&ends).flat_map(|pair| ports.iter().map(move |port| (pair, *port)));
    all(probes.map(|((from, to), port)| {
        PROTOCOLS.into_iter().try_for_each(|name| {
            let flow = Flow::new(from.side(), to.side(), protocol(name)?).with_ports(40000, port);
            let verdict = engines.evaluate(&flow, &FlowContext::default())?.enforced;
            expect(&verdict.is_allowed(), &listed.permits(from, to, name, port))
                .map_err(|error| format!("{} -> {} {name} {port}: {error}", from.name(), to.name()))
        })
    }))?;
    Ok(found)
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

/// The workloads of the case that the cluster has, or has a pod of.
fn workloads(cluster: &Cluster, case: &Value) -> Result<Vec<End>, String> {
    let mut ends = Vec::new();
    for pod in list(&case["cluster"], "pods") {
        let (name, kind) = name_and_kind(text(pod, "name"))?;
        let namespace = text(pod, "namespace");
        let key = EndpointKey { kind, namespace: Some(namespace.into()), name: name.into() };
        let full_name = format!("{namespace}/{}", text(pod, "name"));
        let id = cluster.endpoint_id(&key).or_else(|| replica(cluster, namespace, name, pod));
        ends.extend(id.map(|id| End::Workload(full_name, Side::Endpoint(id))));
    }
    Ok(ends)
}

/// A pod that is named after the workload `owner` and has its labels, beside those that every pod gets.
fn replica(cluster: &Cluster, namespace: &str, owner: &str, workload: &Value) -> Option<EndpointId> {
    let labels: BTreeMap<String, String> = serde_json::from_value(workload["labels"].clone()).unwrap();
    let prefix = format!("{owner}-");
    let mut replicas = cluster.endpoints().filter(|entry| {
        let key = &entry.endpoint.key;
        let own = entry.endpoint.labels.iter().filter(|(label, _)| !label.starts_with("projectcalico.org/"));
        key.namespace.as_deref() == Some(namespace)
            && key.name.starts_with(&prefix)
            && own
                .map(|(label, value)| (&**label, &**value))
                .eq(labels.iter().map(|(l, v)| (l.as_str(), v.as_str())))
    });
    replicas.next().map(|entry| entry.id)
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
    // What goes to a loopback address never leaves the workload (spec/kubernetes.md 2.8).
    addresses.retain(|address| !address.is_loopback());
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
fn refusal(folder: &Path, run: &Value) -> Fate {
    let manifests = folder.join("raw").join(text(run, "dir"));
    if !manifests.is_dir() {
        return Fate::Uncounted("their manifests are not at hand");
    }
    let mut cluster = Cluster::with_dialect(dialect());
    match load_paths(&mut cluster, &[manifests], &LoadOptions::default()) {
        Err(_) => Fate::Passed,
        Ok(_) => Fate::Failed(format!("accepted; the analyzer says {}", run["options"]["errorStrContains"])),
    }
}
