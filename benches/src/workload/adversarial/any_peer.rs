//! Rules that do not look at the other end.

use super::rng;
use crate::workload::flows::{AlongRules, Target, Traffic};
use crate::workload::multi_tenant::APP;
use crate::workload::objects::{Author, Pods, Rules, label, namespace, ports_from};
use crate::workload::rng::length;
use crate::workload::{MultiTenant, Recipe, Workload};
use ipnet::Ipv4Net;
use std::iter;
use std::net::{IpAddr, Ipv4Addr};
use tierwall::lower::{Lowered, labels};
use tierwall::model::{Direction, EntityMatch, Name, Protocol, RuleAction};

/// Before the addresses of the cluster's endpoints.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
const FIRST_PORT: u32 = 1_024;
const DISTANCE: u32 = 4;

/// A cluster with one more endpoint, which policies open one port after the other to everybody, or close it. Flows are those
/// to this endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyPeer {
    /// The cluster.
    pub cluster: MultiTenant,
    /// Policies of the endpoint.
    pub policies: u32,
    /// Rules of each policy. There may be 16,000 rules together.
    pub rules_per_policy: u32,
}

impl Recipe for AnyPeer {
    fn generate(&self, seed: u64) -> Workload {
        let mut objects = self.cluster.generate(seed).objects;
        let mut rng = rng(seed);
        let peers: Vec<Ipv4Net> = objects.iter().flat_map(addresses).map(Ipv4Net::from).collect();
        let name: Name = "exposed".into();
        let labels = [("app".into(), name.clone())];
        let profiles = labels::workload_profiles(&name, None);
        objects.push(namespace(&name, iter::empty()));
        objects.push(Pods::new().pod(&name, name.clone(), ADDRESS, labels, profiles));
        let mut author = Author::new(APP);
        let mut targets = Vec::new();
        for policy in 0..self.policies {
            let mut rules = Rules::default();
            for rule in 0..self.rules_per_policy {
                let port = port(policy * self.rules_per_policy + rule);
                let action = if rng.percent(90) { RuleAction::Allow } else { RuleAction::Deny };
                let (protocol, ports) = (Protocol::TCP, vec![ports_from(port, 0)]);
                rules.push(Direction::Ingress, action, Some(protocol), EntityMatch::default(), ports);
                targets.push(Target { subjects: 0..1, peers: 0..length(&peers), protocol, port: Some(port) });
            }
            author.push(Some(&name), label("app", &name), true, rules);
        }
        objects.extend(author.policies.into_iter().map(Lowered::from));
        let traffic = AlongRules { direction: Direction::Ingress, subjects: vec![ADDRESS], peers, targets };
        Workload { objects, traffic: Traffic::along_rules(traffic) }
    }
}

fn port(number: u32) -> u16 {
    u16::try_from(FIRST_PORT + DISTANCE * number).unwrap_or(u16::MAX)
}

fn addresses(object: &Lowered) -> impl Iterator<Item = Ipv4Addr> {
    let addresses = match object {
        Lowered::Endpoint(endpoint) => endpoint.addresses.as_slice(),
        _ => &[],
    };
    addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    })
}
