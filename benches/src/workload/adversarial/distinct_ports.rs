//! Ports that cut the numbers of ports into as many intervals as they can.

use crate::workload::{MultiTenant, Recipe, Workload};
use tierwall::lower::Lowered;
use tierwall::model::PortRange;

const FIRST_PORT: u32 = 1_024;
/// Between ports, so that there is an interval between any two.
const DISTANCE: u32 = 3;
/// Between the ports of one rule and the next, in the list of ports. A prime, so that all of them have their turn.
const STRIDE: usize = 7_919;

/// A cluster in which every range of ports in every rule is a single port, in turn from a list of distinct ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistinctPorts {
    /// The cluster.
    pub cluster: MultiTenant,
    /// Distinct ports, at most 21,000.
    pub ports: u32,
}

impl Recipe for DistinctPorts {
    fn generate(&self, seed: u64) -> Workload {
        let mut workload = self.cluster.generate(seed);
        let ports: Vec<u16> = (0..self.ports).filter_map(port_number).collect();
        let mut turn = ports.iter().cycle().step_by(STRIDE);
        for object in &mut workload.objects {
            let Lowered::Policy(policy) = object else { continue };
            for rule in policy.ingress.iter_mut().chain(&mut policy.egress).flatten() {
                for (range, port) in rule.destination.ports.ranges.iter_mut().zip(&mut turn) {
                    *range = PortRange::from(*port);
                }
            }
        }
        workload.traffic.name_ports(ports);
        workload
    }
}

fn port_number(number: u32) -> Option<u16> {
    u16::try_from(FIRST_PORT + DISTANCE * number).ok()
}
