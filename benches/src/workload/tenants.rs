//! Many tenants of one endpoint each.

use super::flows::{AmongPods, Mix, Traffic};
use super::objects::{Author, Pods, Rules, in_namespace, namespace, peer, peer_in, ports_from, prefix, tier};
use super::{Recipe, Workload};
use std::iter;
use std::net::Ipv4Addr;
use tierwall::lower::{Lowered, labels};
use tierwall::model::{DefaultAction, Direction, Name, Protocol, RuleAction};

const TIER: &str = "tenant";
const FIRST_ADDRESS: u32 = 0x0A01_0000;
const DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
const DNS_PORT: u16 = 53;
/// Labels of each endpoint: the first five have a value of their own everywhere, the others have few values.
const LABELS: u32 = 15;
const UNIQUE_LABELS: u32 = 5;

/// As nobody may talk with another tenant, all that can pass is DNS.
const MIX: Mix = Mix { same_namespace: 0, any_pod: 60, listed: 30, named_port: 95, tcp: 50 };

/// Namespaces of one endpoint and one policy each, which isolates it: ingress from the namespace, egress to it and to DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenants {
    /// Namespaces.
    pub namespaces: u32,
}

impl Recipe for Tenants {
    /// Nothing is left to chance.
    fn generate(&self, _seed: u64) -> Workload {
        let keys: Vec<Name> = (0..LABELS).map(|key| format!("label-{key}").into()).collect();
        let (pods, mut author) = (Pods::new(), Author::new(TIER));
        let mut objects = vec![tier(TIER, 100.0, DefaultAction::Deny).into()];
        let mut addresses = Vec::new();
        for number in 0..self.namespaces {
            let name: Name = format!("tenant-{number}").into();
            let address = Ipv4Addr::from(FIRST_ADDRESS + number);
            let labels = (0..).zip(&keys).map(|(key, name)| (name.clone(), value(key, number)));
            let profiles = labels::workload_profiles(&name, None);
            objects.push(namespace(&name, iter::empty()));
            objects.push(pods.pod(&name, "pod".into(), address, labels, profiles));
            author.push(Some(&name), in_namespace(&name), true, isolation(&name));
            addresses.push(address);
        }
        objects.extend(author.policies.into_iter().map(Lowered::from));
        let (prefixes, ports) = (vec![prefix(DNS, 32)], vec![DNS_PORT, 80, 443, 8080]);
        let traffic = AmongPods { mix: MIX, addresses, per_namespace: 1, prefixes, ports };
        Workload { objects, traffic: Traffic::among_pods(traffic) }
    }
}

fn value(key: u32, tenant: u32) -> Name {
    let value = if key < UNIQUE_LABELS { tenant } else { tenant % (key - 2) };
    format!("value-{value}").into()
}

fn isolation(namespace: &str) -> Rules {
    let mut rules = Rules::default();
    for direction in [Direction::Ingress, Direction::Egress] {
        rules.push(direction, RuleAction::Allow, None, peer(in_namespace(namespace)), Vec::new());
    }
    let dns = peer_in(vec![prefix(DNS, 32).into()]);
    let port = vec![ports_from(DNS_PORT, 0)];
    rules.push(Direction::Egress, RuleAction::Allow, Some(Protocol::UDP), dns, port);
    rules
}
