//! `scale-k8s`: large clusters of NetworkPolicy. The unit is a flow, or a pair of the connection list.

use crate::connection_list::{ConnectionList, End, PROTOCOLS, Permitted, pairs};
use crate::scenario::{World, protocol};
use crate::support::{Fate, Outcome, expect, list, read_json, run_all, text};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;
use tierwall::dialect::Dialect;
use tierwall::model::{Flow, FlowContext};

/// Of the pairs of the connection list every one whose number is a multiple of this is probed: a prime, so that it comes
/// by every pod and every range.
const STRIDE: usize = 997;

pub(crate) fn run(folder: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    if folder.join("cluster.json").is_file() && folder.join("flows.csv").is_file() {
        outcome.append(flows(folder));
    }
    if folder.join("cluster-1k.json").is_file() && folder.join("connections-1k.txt.gz").is_file() {
        outcome.append(connections(folder));
    }
    outcome
}

/// Every flow of `flows.csv`.
fn flows(folder: &Path) -> Outcome {
    let document = read_json(&folder.join("cluster.json"));
    let world = World::new(Dialect::default(), list(&document, "items")).expect("a valid cluster");
    let text = std::fs::read_to_string(folder.join("flows.csv")).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    run_all(
        &lines,
        |line| format!("flows.csv/{line}"),
        |line| flow(&world, line).unwrap_or_else(Fate::Failed),
    )
}

/// A flow as `src_ip,dst_ip,src,dst,protocol,port,expected`. The engines behind it do not exempt what a pod sends to
/// itself, so it is asked about here as what comes back through a service, which policy does judge.
fn flow(world: &World, line: &str) -> Result<Fate, String> {
    let fields: Vec<&str> = line.split(',').collect();
    let [source, destination, _, _, protocol_name, port, expected] = fields[..] else {
        return Err("not seven fields".to_owned());
    };
    let address = |text: &str| text.parse::<IpAddr>().map_err(|error| format!("{text}: {error}"));
    let (source, destination) = (address(source)?, address(destination)?);
    let port = port.parse().map_err(|error| format!("{port}: {error}"))?;
    let flow = Flow::new(source, destination, protocol(protocol_name)?).with_ports(40000, port);
    let context = FlowContext { via_service: source == destination, ..FlowContext::default() };
    let verdict = world.engines.evaluate(&flow, &context)?.enforced;
    Ok(Fate::from(expect(verdict.action().to_string().as_str(), expected)))
}

/// A sample of the pairs of `connections-1k.txt.gz`, listed or not, each at every port boundary of the list. The list is
/// of pods without addresses, which no ipBlock selects.
fn connections(folder: &Path) -> Outcome {
    let mut document = read_json(&folder.join("cluster-1k.json"));
    let objects = document["items"].as_array_mut().unwrap();
    objects.iter_mut().for_each(|object| object["status"] = Value::Null);
    let world = World::new(Dialect::default(), objects).expect("a valid cluster");
    let listed = read_list(&folder.join("connections-1k.txt.gz"));
    let pods = objects.iter().filter(|object| object["kind"] == "Pod").map(|pod| {
        let name = format!("{}/{}", text(&pod["metadata"], "namespace"), text(&pod["metadata"], "name"));
        let side = world.side(Some(&name), None).unwrap();
        End::Workload(format!("{name}[Pod]"), side)
    });
    let ends: Vec<End> = pods.chain(listed.addresses().into_iter().map(End::External)).collect();
    let sample: Vec<(&End, &End)> = pairs(&ends).step_by(STRIDE).collect();
    let ports = listed.port_boundaries();
    run_all(
        &sample,
        |(from, to)| format!("connections-1k/{} => {}", from.name(), to.name()),
        |(from, to)| {
            for name in PROTOCOLS {
                for port in &ports {
                    let flow = Flow::new(from.side(), to.side(), protocol(name)?).with_ports(40000, *port);
                    expect(&world.verdict(&flow)?.is_allowed(), &listed.permits(from, to, name, *port))
                        .map_err(|error| format!("{name} {port}: {error}"))?;
                }
            }
            Ok(())
        },
    )
}

/// Lines of `FROM => TO : All Connections`, or `TCP 80,8000-8100,UDP 53` after the colon.
fn read_list(path: &Path) -> ConnectionList {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut listed = ConnectionList::default();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let line = line.unwrap();
        let Some((from, rest)) = line.split_once(" => ") else { continue };
        let (to, permitted) = rest.split_once(" : ").unwrap_or_else(|| panic!("no connections in {line:?}"));
        listed.add(from, to, parse_permitted(permitted.trim())).unwrap();
    }
    listed
}

fn parse_permitted(text: &str) -> Permitted {
    if text == "All Connections" {
        return Permitted::All;
    }
    let mut ports: BTreeMap<String, Vec<(u16, u16)>> = BTreeMap::new();
    let mut protocol = "";
    for part in text.split(',') {
        let (name, range) = part.split_once(' ').unwrap_or((protocol, part));
        protocol = name;
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        ports.entry(protocol.to_owned()).or_default().push((first.parse().unwrap(), last.parse().unwrap()));
    }
    Permitted::Ports(ports)
}
