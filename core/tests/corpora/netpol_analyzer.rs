//! `netpol-analyzer`: the complete connections of sets of manifests, and manifests that must be refused.

use crate::scenario::{World, all, pod_object, pod_spec, protocol};
use crate::support::{Fate, Outcome, documents, expect, list, run_all, run_cases, text};
use ipnet::Ipv4Net;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use tierwall::dialect::{Dialect, HostNetwork};
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
    let namespaces = json!({"namespaces": cluster["namespaces"]});
    let mut objects = crate::scenario::inventory(&namespaces, &Value::Null);
    objects.extend(list(cluster, "pods").iter().map(workload_object));
    objects.extend_from_slice(list(case, "policies"));
    let world = World::new(dialect(), &objects)?;
    let edges = Edges::new(case)?;
    let mut ends = workloads(&world, case)?;
    ends.extend(external_addresses(case)?.into_iter().map(End::External));
    let ports = port_boundaries(case);
    let pairs = ends.iter().flat_map(|from| ends.iter().map(move |to| (from, to)));
    let compared = pairs.filter(|(from, to)| from.is_workload() != to.is_workload() || from.name() != to.name());
    all(compared
        .filter(|(from, to)| from.is_workload() || to.is_workload())
        .flat_map(|(from, to)| ports.iter().map(move |port| (from, to, *port)))
        .map(|(from, to, port)| probe(&world, &edges, from, to, port)))
}

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

fn probe(world: &World, edges: &Edges, from: &End, to: &End, port: u16) -> Result<(), String> {
    for name in PROTOCOLS {
        let flow = Flow::new(from.side(), to.side(), protocol(name)?).with_ports(40000, port);
        let found = world.verdict(&flow).is_allowed();
        expect(&found, &edges.allow(from, to, name, port))
            .map_err(|error| format!("{} -> {} {name} {port}: {error}", from.name(), to.name()))?;
    }
    Ok(())
}

/// One end of a probe.
enum End {
    Workload(String, Side),
    External(Ipv4Addr),
}

impl End {
    fn is_workload(&self) -> bool {
        matches!(self, End::Workload(..))
    }

    fn name(&self) -> String {
        match self {
            End::Workload(name, _) => name.clone(),
            End::External(address) => address.to_string(),
        }
    }

    fn side(&self) -> Side {
        match self {
            End::Workload(_, side) => *side,
            End::External(address) => Side::Address(IpAddr::V4(*address)),
        }
    }
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

type Range = (Ipv4Addr, Ipv4Addr);

/// The permitted connections: each from one end to another, an end being a workload's name or a range of addresses.
struct Edges {
    between: BTreeMap<(String, String), Value>,
    from_outside: Vec<(Range, String, Value)>,
    to_outside: Vec<(String, Range, Value)>,
}

impl Edges {
    fn new(case: &Value) -> Result<Self, String> {
        let mut edges = Edges { between: BTreeMap::new(), from_outside: Vec::new(), to_outside: Vec::new() };
        for edge in list(case, "edges") {
            let (from, to, conn) = (text(edge, "from"), text(edge, "to"), edge["conn"].clone());
            match (external(from)?, external(to)?) {
                (None, None) => drop(edges.between.insert((from.to_owned(), to.to_owned()), conn)),
                (Some(range), _) => edges.from_outside.push((range, to.to_owned(), conn)),
                (None, Some(range)) => edges.to_outside.push((from.to_owned(), range, conn)),
            }
        }
        Ok(edges)
    }

    /// Whether a connection is permitted; what is permitted with an address is the union over the ranges that hold it.
    fn allow(&self, from: &End, to: &End, protocol: &str, port: u16) -> bool {
        let holds = |range: &Range, address: &Ipv4Addr| range.0 <= *address && *address <= range.1;
        let carries = |conn: &Value| {
            conn == "all" || list(conn, protocol).iter().any(|range| {
                let bound = |index: usize| range[index].as_u64().unwrap();
                bound(0) <= u64::from(port) && u64::from(port) <= bound(1)
            })
        };
        match (from, to) {
            (End::External(address), _) => self.from_outside.iter().any(|(range, workload, conn)| {
                holds(range, address) && *workload == to.name() && carries(conn)
            }),
            (_, End::External(address)) => self.to_outside.iter().any(|(workload, range, conn)| {
                holds(range, address) && *workload == from.name() && carries(conn)
            }),
            _ => self.between.get(&(from.name(), to.name())).is_some_and(carries),
        }
    }
}

/// The range of `a.b.c.d-e.f.g.h[External]`; `None` for a workload.
fn external(end: &str) -> Result<Option<Range>, String> {
    end.strip_suffix("[External]").map(range).transpose()
}

fn range(text: &str) -> Result<Range, String> {
    let parts = text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    parts.ok_or_else(|| format!("{text:?} is no range of addresses"))
}

/// The first and the last address of every range, and both sides of the bounds of every CIDR of the policies.
fn external_addresses(case: &Value) -> Result<BTreeSet<Ipv4Addr>, String> {
    let mut addresses = BTreeSet::new();
    for text in list(case, "externalRanges") {
        let (first, last) = range(text.as_str().unwrap_or_default())?;
        addresses.extend([first, last]);
    }
    if addresses.is_empty() {
        return Ok(addresses);
    }
    for policy in list(case, "policies") {
        visit(policy, &mut |_, value| {
            if let Some(net) = value.as_str().and_then(|text| text.parse::<Ipv4Net>().ok()) {
                let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
                let bounds = [first, last, first.saturating_sub(1), last.saturating_add(1)];
                addresses.extend(bounds.map(Ipv4Addr::from));
            }
        });
    }
    Ok(addresses)
}

/// Both sides of every bound of a port range in the policies, the pods and the expected connections.
fn port_boundaries(case: &Value) -> BTreeSet<u16> {
    const FIELDS: [&str; 7] = ["port", "endPort", "containerPort", "number", "start", "end", "conn"];
    let mut ports = BTreeSet::from([1, u16::MAX]);
    for part in ["policies", "cluster", "edges"] {
        visit(&case[part], &mut |field, value| {
            let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
            if let Some(port) = port.filter(|_| FIELDS.contains(&field) || PROTOCOLS.contains(&field)) {
                ports.extend([port.saturating_sub(1), port, port.saturating_add(1)]);
            }
        });
    }
    ports.remove(&0);
    ports
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

/// Manifests that the analyzer refuses, and with them every valid implementation of the API.
fn refusal(folder: &Path, run: &Value) -> Fate {
    let _ = (folder, run);
    Fate::Failed("manifests are not read yet".to_owned())
}
