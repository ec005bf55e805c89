//! `scale-k8s`: large clusters of NetworkPolicy. The unit is a flow, or a pair of the connection list.

use crate::scenario::{World, protocol};
use crate::support::{Outcome, expect, list, read_json, run_all};
use flate2::read::GzDecoder;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use tierwall::dialect::{CidrPods, Dialect};
use tierwall::model::{Flow, Side};

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

fn world(path: &Path, dialect: Dialect) -> World {
    World::new(dialect, list(&read_json(path), "items")).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every flow of `flows.csv`: `src_ip,dst_ip,src,dst,protocol,port,expected`.
fn flows(folder: &Path) -> Outcome {
    let world = world(&folder.join("cluster.json"), Dialect::default());
    let text = std::fs::read_to_string(folder.join("flows.csv")).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    run_all(&lines, |line| format!("flows.csv/{line}"), |line| {
        let fields: Vec<&str> = line.split(',').collect();
        let [source, destination, _, _, protocol_name, port, expected] = fields[..] else {
            return Err("not seven fields".to_owned());
        };
        let address = |text: &str| text.parse::<IpAddr>().map_err(|error| format!("{text}: {error}"));
        let port = port.parse().map_err(|error| format!("{port}: {error}"))?;
        let flow = Flow::new(address(source)?, address(destination)?, protocol(protocol_name)?).with_ports(40000, port);
        expect(world.verdict(&flow).action().to_string().as_str(), expected)
    })
}

/// Of all pairs, every one whose number is a multiple of this: a prime, so that it comes by every pod and range.
const STRIDE: usize = 499;

/// A sample of the pairs of `connections-1k.txt.gz`, listed or not, each at every port boundary of the list. The list
/// takes an ipBlock to select no pod.
fn connections(folder: &Path) -> Outcome {
    let mut dialect = Dialect::default();
    dialect.cidr_pods = CidrPods::NotMatched;
    let world = world(&folder.join("cluster-1k.json"), dialect);
    let listed = Listed::read(&folder.join("connections-1k.txt.gz"));
    let ends: Vec<(&str, End)> = listed.ends().map(|name| (name, End::parse(name, &world))).collect();
    let pairs: Vec<(&(&str, End), &(&str, End))> = ends
        .iter()
        .flat_map(|from| ends.iter().map(move |to| (from, to)))
        .filter(|(from, to)| from.0 != to.0 && (from.1.is_pod() || to.1.is_pod()))
        .step_by(STRIDE)
        .collect();
    let ports = listed.port_boundaries();
    run_all(&pairs, |(from, to)| format!("connections-1k/{} => {}", from.0, to.0), |(from, to)| {
        let expected = listed.connections(from.0, to.0);
        for name in ["TCP", "UDP", "SCTP"] {
            for port in &ports {
                let flow = Flow::new(from.1.side(), to.1.side(), protocol(name)?).with_ports(40000, *port);
                expect(&world.verdict(&flow).is_allowed(), &carries(expected, name, *port))
                    .map_err(|error| format!("{name} {port}: {error}"))?;
            }
        }
        Ok(())
    })
}

/// What may be reached of an end, by protocol; `None` for every protocol and port.
type Ports = Option<BTreeMap<String, Vec<(u16, u16)>>>;

fn carries(connections: Option<&Ports>, protocol: &str, port: u16) -> bool {
    match connections {
        None => false,
        Some(None) => true,
        Some(Some(ports)) => {
            ports.get(protocol).is_some_and(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&port)))
        }
    }
}

/// The connection list: `FROM => TO : All Connections`, or `TCP 80,8000-8100,UDP 53`.
struct Listed(BTreeMap<(String, String), Ports>);

impl Listed {
    fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = BufReader::new(GzDecoder::new(file)).lines().map(|line| line.unwrap());
        let pairs = lines.filter_map(|line| {
            let (from, rest) = line.split_once(" => ")?;
            let (to, connections) = rest.split_once(" : ")?;
            Some(((from.to_owned(), to.to_owned()), ports(connections)))
        });
        Listed(pairs.collect())
    }

    fn connections(&self, from: &str, to: &str) -> Option<&Ports> {
        self.0.get(&(from.to_owned(), to.to_owned()))
    }

    /// Every end that the list names.
    fn ends(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&str> = self.0.keys().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
        names.into_iter()
    }

    fn port_boundaries(&self) -> BTreeSet<u16> {
        let bounded = self.0.values().flatten().flat_map(BTreeMap::values).flatten();
        let around = |bound: u16| [bound.saturating_sub(1).max(1), bound, bound.saturating_add(1)];
        let bounds = bounded.flat_map(|(first, last)| [*first, *last]).chain([1, u16::MAX]);
        bounds.collect::<BTreeSet<u16>>().into_iter().flat_map(around).collect()
    }
}

fn ports(connections: &str) -> Ports {
    if connections.trim() == "All Connections" {
        return None;
    }
    let mut ports: BTreeMap<String, Vec<(u16, u16)>> = BTreeMap::new();
    let mut protocol = String::new();
    for part in connections.trim().split(',') {
        let range = match part.split_once(' ') {
            Some((name, range)) => {
                protocol = name.to_owned();
                range
            }
            None => part,
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        ports.entry(protocol.clone()).or_default().push((first.parse().unwrap(), last.parse().unwrap()));
    }
    Some(ports)
}

/// A pod, or the first address of a range outside: no policy tells the addresses of a range apart.
enum End {
    Pod(Side),
    Outside(Ipv4Addr),
}

impl End {
    fn parse(name: &str, world: &World) -> Self {
        if let Some(range) = name.strip_suffix("[External]") {
            return End::Outside(range.split_once('-').unwrap().0.parse().unwrap());
        }
        let pod = name.strip_suffix("[Pod]").unwrap_or_else(|| panic!("{name:?} is no pod"));
        End::Pod(world.side(Some(pod), None).unwrap())
    }

    fn is_pod(&self) -> bool {
        matches!(self, End::Pod(_))
    }

    fn side(&self) -> Side {
        match self {
            End::Pod(side) => *side,
            End::Outside(address) => Side::Address(IpAddr::V4(*address)),
        }
    }
}
