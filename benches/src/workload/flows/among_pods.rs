//! Pods that talk with each other and with the world.

use super::{Skew, address_in, flow};
use crate::workload::rng::{Rng, index, length};
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;
use tierwall::model::{Flow, Protocol};

/// Flows from any pod.
#[derive(Debug, Clone)]
pub(in crate::workload) struct AmongPods {
    pub(in crate::workload) mix: Mix,
    /// Of every pod, namespace by namespace.
    pub(in crate::workload) addresses: Vec<Ipv4Addr>,
    pub(in crate::workload) per_namespace: u32,
    /// Outside of the cluster. Empty if no flow goes to one of them.
    pub(in crate::workload) prefixes: Vec<Ipv4Net>,
    /// The ports that policies name, the commonest first.
    pub(in crate::workload) ports: Vec<u16>,
}

/// Out of 100 flows.
#[derive(Debug, Clone, Copy)]
pub(in crate::workload) struct Mix {
    /// To a pod of the same namespace.
    pub(in crate::workload) same_namespace: u32,
    /// To any pod.
    pub(in crate::workload) any_pod: u32,
    /// To an address within one of the prefixes. The rest goes to any address.
    pub(in crate::workload) listed: u32,
    /// To one of the ports. The rest goes to any port.
    pub(in crate::workload) named_port: u32,
    /// Over TCP. The rest is UDP.
    pub(in crate::workload) tcp: u32,
}

impl AmongPods {
    pub(super) fn flow(&self, skew: Skew, rng: &mut Rng) -> Flow {
        let Mix { same_namespace, any_pod, listed, named_port, tcp } = self.mix;
        let source = self.pod(skew, rng);
        let destination = match rng.below(100) {
            draw if draw < same_namespace => {
                let first = source / self.per_namespace * self.per_namespace;
                self.address(first + rng.below(self.per_namespace))
            }
            draw if draw < same_namespace + any_pod => self.address(self.pod(skew, rng)),
            draw if draw < same_namespace + any_pod + listed => address_in(*rng.pick(&self.prefixes), rng),
            _ => rng.bits().into(),
        };
        let port = if rng.percent(named_port) {
            self.ports.get(index(rng.falling(length(&self.ports)))).copied().unwrap_or_default()
        } else {
            rng.port()
        };
        let protocol = if rng.percent(tcp) { Protocol::TCP } else { Protocol::UDP };
        flow(self.address(source), destination, protocol, port)
    }

    fn pod(&self, skew: Skew, rng: &mut Rng) -> u32 {
        skew.choose(length(&self.addresses), rng)
    }

    fn address(&self, pod: u32) -> Ipv4Addr {
        self.addresses.get(index(pod)).copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }
}
