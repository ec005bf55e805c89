//! The flows of a workload.

use super::inventory::{Inventory, address_in};
use super::rng::{Rng, index, length};
use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv4Addr};
use tierwall::model::{Flow, Protocol};

/// Which endpoints take part in flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// All alike, which no cache likes.
    Uniform,
    /// A few in most of them: the fourth power of a uniform choice.
    Skewed,
}

/// Where flows of a workload come from and go to.
///
/// 42 % stay in a namespace, 38 % go to any endpoint, 20 % leave the cluster, half of these for an address that some
/// network set holds. 88 % are TCP, the others UDP; 85 % go to a port that policies name.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Namespace by namespace.
    addresses: Vec<Ipv4Addr>,
    per_namespace: u32,
    prefixes: Vec<Ipv4Net>,
    ports: Vec<u16>,
}

impl Traffic {
    /// Policies of the workload do not look at source ports.
    const SOURCE_PORT: u16 = 40_000;

    pub(super) fn new(inventory: &Inventory) -> Self {
        Traffic {
            addresses: inventory.addresses.clone(),
            per_namespace: length(&inventory.addresses) / length(&inventory.namespaces).max(1),
            prefixes: inventory.prefixes.clone(),
            ports: inventory.ports.clone(),
        }
    }

    /// `count` flows.
    pub fn flows(&self, count: usize, skew: Skew, seed: u64) -> Vec<Flow> {
        let mut rng = Rng::new(seed);
        (0..count).map(|_| self.flow(skew, &mut rng)).collect()
    }

    fn flow(&self, skew: Skew, rng: &mut Rng) -> Flow {
        let source = self.endpoint(skew, rng);
        let destination = match rng.below(100) {
            0..=41 => {
                let first = source / self.per_namespace * self.per_namespace;
                self.address(first + rng.below(self.per_namespace))
            }
            42..=79 => self.address(self.endpoint(skew, rng)),
            80..=89 => address_in(*rng.pick(&self.prefixes), rng),
            _ => rng.bits().into(),
        };
        let port = if rng.percent(85) {
            self.ports.get(index(rng.falling(length(&self.ports)))).copied().unwrap_or_default()
        } else {
            rng.port()
        };
        let protocol = if rng.percent(88) { Protocol::TCP } else { Protocol::UDP };
        Flow::new(IpAddr::V4(self.address(source)), IpAddr::V4(destination), protocol)
            .with_ports(Self::SOURCE_PORT, port)
    }

    fn endpoint(&self, skew: Skew, rng: &mut Rng) -> u32 {
        let count = length(&self.addresses);
        match skew {
            Skew::Uniform => rng.below(count),
            Skew::Skewed => rng.skewed(count),
        }
    }

    fn address(&self, endpoint: u32) -> Ipv4Addr {
        self.addresses.get(index(endpoint)).copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }
}
