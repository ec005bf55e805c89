//! Edits of endpoints.

use super::{Edit, Hand, put};
use std::net::IpAddr;
use tierwall::model::{Endpoint, EndpointKey, EndpointKind, EndpointPort, HostInterface, Name, Protocol};
use tierwall::resource::{Kind, ResourceKey};

/// Keys that selectors mention, or come to mention.
const KEYS: [&str; 6] = ["app", "app", "tier", "role", "new0", "new1"];
const VALUES: [&str; 3] = ["a", "b", ""];
const PORTS: [u16; 4] = [80, 81, 443, 8080];

/// Any endpoint, as it was declared.
fn one(hand: &mut Hand<'_>) -> Option<Endpoint> {
    let all: Vec<&Endpoint> = hand.cluster.endpoints().map(|entry| &entry.endpoint).collect();
    hand.pick(&all).map(|endpoint| (*endpoint).clone())
}

fn edited(hand: &mut Hand<'_>, edit: impl FnOnce(&mut Hand<'_>, &mut Endpoint)) -> Option<Vec<Edit>> {
    let mut endpoint = one(hand)?;
    edit(hand, &mut endpoint);
    put(endpoint)
}

pub(super) fn label(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, endpoint| {
        let key = *hand.random.pick(&KEYS);
        if hand.random.one_in(3) {
            endpoint.labels.remove(key);
        } else {
            endpoint.labels.insert(key.into(), (*hand.random.pick(&VALUES)).into());
        }
    })
}

/// Those that are of the endpoint's own choice; the others say where it is.
pub(super) fn labels_of_another(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let another = one(hand)?;
    edited(hand, |_, endpoint| {
        let is_automatic = |key: &Name| key.starts_with("projectcalico.org/");
        endpoint.labels.retain(|key, _| is_automatic(key));
        endpoint.labels.extend(another.labels.into_iter().filter(|(key, _)| !is_automatic(key)));
    })
}

/// Few addresses, so that some have two owners; now and then that of a node, a service or somebody outside.
fn addresses(hand: &mut Hand<'_>) -> Vec<IpAddr> {
    let last = 1 + u8::try_from(hand.random.below(9)).unwrap();
    let v4 = match hand.random.below(16) {
        0 => [10, 1, 0, 1],
        1 => [10, 96, 0, 1],
        2 => [192, 0, 2, 10],
        3 => [203, 0, 113, 7],
        4 => [10, 0, 0, 100],
        _ => [10, 0, 0, last],
    };
    let v6: IpAddr = format!("fd00::{last}").parse().unwrap();
    let v4 = IpAddr::from(v4);
    // Seldom two of a family, of which neither tells all.
    let more = IpAddr::from([10, 0, 0, last % 9 + 1]);
    let more_v6: IpAddr = format!("fd00::{}", last % 9 + 1).parse().unwrap();
    match hand.random.below(12) {
        0 => Vec::new(),
        1 | 2 => vec![v6],
        3..=6 => vec![v4],
        7 => vec![v4, more],
        8 => vec![v4, v6, more_v6],
        _ => vec![v4, v6],
    }
}

pub(super) fn move_away(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, endpoint| {
        endpoint.addresses = if hand.random.one_in(4) {
            one(hand).map(|other| other.addresses).unwrap_or_default()
        } else {
            addresses(hand)
        };
    })
}

pub(super) fn rehome(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, endpoint| {
        endpoint.node = hand.random.pick(&[None, Some("n0"), Some("n1"), Some("n2")]).map(Name::from);
    })
}

pub(super) fn ports(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, endpoint| {
        if hand.random.one_in(3) && !endpoint.ports.is_empty() {
            let at = hand.random.below(endpoint.ports.len());
            endpoint.ports.remove(at);
            return;
        }
        let port = EndpointPort {
            name: (*hand.random.pick(&["http", "metrics"])).into(),
            protocol: *hand.random.pick(&[Protocol::TCP, Protocol::TCP, Protocol::UDP]),
            port: *hand.random.pick(&PORTS),
        };
        if hand.random.one_in(3) {
            endpoint.ports.push(port);
        } else {
            endpoint.ports = vec![port];
        }
    })
}

pub(super) fn profiles(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    const NAMES: [&str; 6] =
        ["kns.red", "kns.blue", "ksa.red.api", "shared", "missing", "projectcalico-default-allow"];
    edited(hand, |hand, endpoint| {
        let name: Name = (*hand.random.pick(&NAMES)).into();
        match hand.random.below(3) {
            0 => endpoint.profiles.retain(|known| *known != name),
            1 if !endpoint.profiles.contains(&name) => endpoint.profiles.insert(0, name),
            _ => endpoint.profiles = vec![name],
        }
    })
}

pub(super) fn account(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |hand, endpoint| {
        endpoint.service_account = hand.random.pick(&[None, Some("api"), Some("web")]).map(Name::from);
    })
}

pub(super) fn interface(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let hosts: Vec<&Endpoint> = hand.cluster.host_endpoints().map(|entry| &entry.endpoint).collect();
    let mut host = (*hand.pick(&hosts)?).clone();
    host.interface = Some(match hand.random.below(4) {
        0 | 1 => HostInterface::All,
        2 => HostInterface::Named("eth0".into()),
        _ => HostInterface::ByAddress,
    });
    put(host)
}

fn is_endpoint(kind: Kind) -> bool {
    matches!(kind, Kind::Pod | Kind::WorkloadEndpoint | Kind::HostEndpoint | Kind::Deployment)
}

pub(super) fn other(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    hand.other(is_endpoint)
}

/// One more, like one that is there but for its name and address.
pub(super) fn add(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    let workloads: Vec<&Endpoint> = hand
        .cluster
        .endpoints()
        .map(|entry| &entry.endpoint)
        .filter(|endpoint| !endpoint.is_host())
        .collect();
    let like = (*hand.pick(&workloads)?).clone();
    let number = hand.random.below(hand.crowd);
    put(Endpoint { key: crowd_key(&like, number), addresses: vec![crowd_address(number)], ..like })
}

fn crowd_key(like: &Endpoint, number: usize) -> EndpointKey {
    let name = format!("crowd{number}").into();
    EndpointKey { kind: EndpointKind::Pod, namespace: like.key.namespace.clone(), name }
}

fn crowd_address(number: usize) -> IpAddr {
    let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
    [10, 2, high, low].into()
}

pub(super) fn remove(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    if hand.random.one_in(3) {
        return hand.removal(is_endpoint);
    }
    let key = one(hand)?.key;
    let kind = match key.kind {
        EndpointKind::Pod => Kind::Pod,
        EndpointKind::WorkloadEndpoint => Kind::WorkloadEndpoint,
        EndpointKind::HostEndpoint => Kind::HostEndpoint,
        _ => Kind::Deployment,
    };
    let namespace = key.namespace.as_deref().map(str::to_owned);
    Some(vec![Edit::Remove(ResourceKey { kind, namespace, name: key.name.to_string() })])
}

/// As it is.
pub(super) fn again(hand: &mut Hand<'_>) -> Option<Vec<Edit>> {
    edited(hand, |_, _| {})
}
