//! Prefixes within prefixes within prefixes.

use super::rng;
use crate::workload::flows::address_in;
use crate::workload::objects::prefix;
use crate::workload::rng::{Rng, index};
use crate::workload::{MultiTenant, Recipe, Workload};
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;
use tierwall::lower::Lowered;

/// The prefixes of a chain have every length from here to an address.
const WIDEST: u32 = 13;
/// The first chain is in 11.0.0.0/13; the others follow it, so that no endpoint is in any.
const FIRST_BLOCK: u32 = 11 << 5;

/// A cluster whose network sets have chains of 20 prefixes, each within the one before, dealt out to sets at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NestedPrefixes {
    /// The cluster; its own prefixes are replaced.
    pub cluster: MultiTenant,
    /// Chains.
    pub chains: u32,
}

impl Recipe for NestedPrefixes {
    fn generate(&self, seed: u64) -> Workload {
        let mut workload = self.cluster.generate(seed);
        let mut rng = rng(seed);
        let innermost: Vec<Ipv4Addr> = (0..self.chains).map(|number| innermost(number, &mut rng)).collect();
        let prefixes: Vec<Ipv4Net> = innermost.into_iter().flat_map(chain).collect();
        let mut sets: Vec<Vec<IpNet>> = vec![Vec::new(); index(self.cluster.network_sets)];
        for net in &prefixes {
            if let Some(set) = sets.get_mut(index(rng.below(self.cluster.network_sets))) {
                set.push(IpNet::V4(*net));
            }
        }
        let network_sets = workload.objects.iter_mut().filter_map(|object| match object {
            Lowered::NetworkSet(set) => Some(set),
            _ => None,
        });
        for (set, nets) in network_sets.zip(sets) {
            set.nets = nets;
        }
        workload.traffic.leave_for(prefixes);
        workload
    }
}

/// A random address in the widest prefix of a chain.
fn innermost(chain: u32, rng: &mut Rng) -> Ipv4Addr {
    let block = (FIRST_BLOCK + chain) << (32 - WIDEST);
    address_in(prefix(block.into(), WIDEST), rng)
}

/// The prefixes around an address, from the widest.
fn chain(address: Ipv4Addr) -> impl Iterator<Item = Ipv4Net> {
    (WIDEST..=32).map(move |length| prefix(address, length))
}
