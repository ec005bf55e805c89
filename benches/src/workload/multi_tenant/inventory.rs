//! Namespaces, endpoints and network sets.

use super::MultiTenant;
use crate::workload::flows::address_in;
use crate::workload::objects::{self, Pods, prefix};
use crate::workload::rng::{Rng, index, length};
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;
use tierwall::lower::{Lowered, labels};
use tierwall::model::Name;

/// What an app does; a label of endpoints.
pub(super) const ROLES: [&str; 5] = ["frontend", "backend", "worker", "cache", "database"];
/// Where a namespace stands; a label of namespaces.
pub(super) const ENVIRONMENTS: [&str; 3] = ["prod", "staging", "dev"];
/// How many teams own the namespaces; a label of namespaces.
pub(super) const TEAMS: u32 = 50;
/// How many app names are used in several namespaces, for different apps.
pub(super) const SHARED_APPS: u32 = 16;

const WELL_KNOWN_PORTS: [u16; 20] = [
    53, 80, 443, 8080, 8443, 9090, 9100, 5432, 3306, 6379, 9092, 2181, 9200, 27017, 50051, 22, 25, 123, 389,
    636,
];
const OTHER_PORTS: u32 = 100;

/// The first address of an endpoint; the others follow it without a gap.
const FIRST_ADDRESS: u32 = 0x0A01_0000;

/// What policies and flows are about.
#[derive(Debug)]
pub(super) struct Inventory {
    pub(super) namespaces: Vec<Namespace>,
    /// Of every endpoint, namespace by namespace.
    pub(super) addresses: Vec<Ipv4Addr>,
    /// Of all network sets.
    pub(super) prefixes: Vec<Ipv4Net>,
    /// The lists that rules spell out.
    pub(super) inline_lists: Vec<Vec<IpNet>>,
    /// The ports that rules and flows name, the commonest first.
    pub(super) ports: Vec<u16>,
    pub(super) objects: Vec<Lowered>,
}

/// A namespace as policies refer to it.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: Name,
    pub(super) team: Name,
    pub(super) apps: Vec<Name>,
}

impl Inventory {
    pub(super) fn generate(parameters: &MultiTenant, rng: &mut Rng) -> Self {
        let other_ports = (0..OTHER_PORTS).map(|_| rng.port_from(1024, 32_000));
        let ports = WELL_KNOWN_PORTS.into_iter().chain(other_ports).collect();
        let addresses = addresses(parameters.namespaces * parameters.endpoints_per_namespace, rng);
        let mut namespaces = Vec::new();
        let mut objects = Vec::with_capacity(index(parameters.objects()));
        let mut population =
            Population { pods: Pods::new(), keys: LabelKeys::new(), addresses: addresses.iter() };
        for number in 0..parameters.namespaces {
            let (namespace, object) = namespace(number, rng);
            objects.push(object);
            objects.extend(population.of(&namespace, parameters.endpoints_per_namespace, rng));
            namespaces.push(namespace);
        }
        let sets = network_sets(parameters, rng);
        let prefixes = sets.iter().flatten().copied().collect();
        objects.extend((0..).zip(&sets).map(|(number, nets)| objects::network_set(number, nets)));
        let inline_lists = (0..parameters.inline_lists).map(|_| inline_list(rng)).collect();
        Inventory { namespaces, addresses, prefixes, inline_lists, ports, objects }
    }
}

/// Consecutive addresses, dealt out at random: a namespace is spread over every node's block.
fn addresses(count: u32, rng: &mut Rng) -> Vec<Ipv4Addr> {
    let mut addresses: Vec<Ipv4Addr> = (0..count).map(|offset| (FIRST_ADDRESS + offset).into()).collect();
    for last in (1..count).rev() {
        addresses.swap(index(last), index(rng.below(last + 1)));
    }
    addresses
}

fn namespace(number: u32, rng: &mut Rng) -> (Namespace, Lowered) {
    let app_count = rng.range(4, SHARED_APPS);
    let app = |app| if rng.percent(15) { shared_app(app) } else { format!("app-{number}-{app}").into() };
    let apps = (0..app_count).map(app).collect();
    let environment = match rng.below(10) {
        0..=4 => ENVIRONMENTS[0],
        5..=7 => ENVIRONMENTS[1],
        _ => ENVIRONMENTS[2],
    };
    let (name, team): (Name, Name) = (format!("ns-{number}").into(), team(number % TEAMS));
    let labels = [("team".into(), team.clone()), ("env".into(), environment.into())];
    let object = objects::namespace(&name, labels);
    (Namespace { name, team, apps }, object)
}

pub(super) fn shared_app(number: u32) -> Name {
    format!("app-{number}").into()
}

pub(super) fn team(number: u32) -> Name {
    format!("team-{number}").into()
}

/// Makes the pods of namespaces, with one copy of the text of every label they share.
struct Population<'a> {
    pods: Pods,
    keys: LabelKeys,
    addresses: std::slice::Iter<'a, Ipv4Addr>,
}

struct LabelKeys {
    app: Name,
    role: Name,
    roles: [Name; ROLES.len()],
    version: Name,
    versions: [Name; 2],
    instance: Name,
    quarantine: Name,
}

impl LabelKeys {
    fn new() -> Self {
        LabelKeys {
            app: "app".into(),
            role: "role".into(),
            roles: ROLES.map(Name::from),
            version: "version".into(),
            versions: ["v1", "v2"].map(Name::from),
            instance: "instance".into(),
            quarantine: "quarantine".into(),
        }
    }
}

impl Population<'_> {
    fn of(&mut self, namespace: &Namespace, count: u32, rng: &mut Rng) -> impl Iterator<Item = Lowered> {
        let profiles = labels::workload_profiles(&namespace.name, None);
        let addresses = self.addresses.by_ref().take(index(count));
        let (pods, keys) = (&self.pods, &self.keys);
        addresses.enumerate().map(move |(number, address)| {
            let name: Name = format!("{}-pod-{number}", namespace.name).into();
            let labels = pod_labels(keys, namespace, name.clone(), rng);
            pods.pod(&namespace.name, name, *address, labels, profiles.clone())
        })
    }
}

fn pod_labels(
    keys: &LabelKeys,
    namespace: &Namespace,
    name: Name,
    rng: &mut Rng,
) -> impl Iterator<Item = (Name, Name)> {
    let app = rng.rising(length(&namespace.apps));
    let app_name = namespace.apps.get(index(app));
    let role = keys.roles.iter().cycle().nth(index(app));
    let [stable, canary] = &keys.versions;
    let version = if rng.percent(10) { canary } else { stable };
    let quarantine = (rng.below(2000) == 0).then(|| name.clone());
    [
        (&keys.app, app_name.cloned()),
        (&keys.role, role.cloned()),
        (&keys.version, Some(version.clone())),
        (&keys.instance, Some(name)),
        (&keys.quarantine, quarantine),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.clone(), value?)))
}

/// The prefixes of every network set; nearly a third of them within another one of some set.
fn network_sets(parameters: &MultiTenant, rng: &mut Rng) -> Vec<Vec<Ipv4Net>> {
    let mut sets = vec![Vec::new(); index(parameters.network_sets)];
    let mut all: Vec<Ipv4Net> = Vec::new();
    for _ in 0..parameters.prefixes {
        let set = rng.falling(parameters.network_sets);
        let length = match rng.below(100) {
            0..=39 => 32,
            40..=69 => 24,
            70..=84 => rng.range(20, 23),
            85..=94 => rng.range(16, 19),
            _ => rng.range(12, 15),
        };
        let around = if !all.is_empty() && rng.percent(30) { Some(*rng.pick(&all)) } else { None };
        let within = around.filter(|outer| u32::from(outer.prefix_len()) < length);
        let address = match within {
            Some(outer) => address_in(outer, rng),
            None => external_address(rng),
        };
        let prefix = prefix(address, length);
        all.push(prefix);
        if let Some(nets) = sets.get_mut(index(set)) {
            nets.push(prefix);
        }
    }
    sets
}

fn inline_list(rng: &mut Rng) -> Vec<IpNet> {
    let count = rng.range(1, 6);
    let net = |_| {
        let address = external_address(rng);
        IpNet::V4(prefix(address, *rng.pick(&[8, 12, 16, 20, 24, 24, 28, 32])))
    };
    (0..count).map(net).collect()
}

/// Any address outside of the endpoints' 10.0.0.0/8.
fn external_address(rng: &mut Rng) -> Ipv4Addr {
    let [first, second, third, fourth] = rng.bits().to_be_bytes();
    Ipv4Addr::new(if first == 10 { 11 } else { first }, second, third, fourth)
}
