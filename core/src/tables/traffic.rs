//! Traffic by number: every protocol with its ports or messages, and its atom: traffic that no rule tells apart.
//!
//! Numbers are the same in all clusters, so that what is told by number stays as it is when rules come and go. Atoms are
//! few, so that there can be a row of bits for each of them.

use super::{Arena, index};
use crate::model::Protocol;

/// Protocols of which ports, or types and codes, tell traffic apart, in the order of their numbers: 65,536 for each.
pub(crate) const DIVIDED: [Protocol; 5] =
    [Protocol::TCP, Protocol::UDP, Protocol::SCTP, Protocol::ICMP, Protocol::ICMPV6];
/// The first number of all others, which have one each, in the order of their own numbers.
pub(crate) const UNDIVIDED: u32 = 5 << 16;
/// How many numbers there are.
pub(crate) const NUMBERS: u32 = UNDIVIDED + 256;

/// The numbers of a protocol.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    first: u32,
    /// All bits, if destination ports tell them apart.
    ports: u16,
    /// All bits, if ICMP type and code do.
    icmp: u16,
}

static BY_PROTOCOL: [Numbers; 256] = by_protocol();

#[expect(clippy::indexing_slicing, reason = "it is evaluated by the compiler, which would say so")]
const fn by_protocol() -> [Numbers; 256] {
    let mut all = [Numbers { first: UNDIVIDED, ports: 0, icmp: 0 }; 256];
    let mut protocol = 0;
    let mut first = UNDIVIDED;
    while protocol < all.len() {
        all[protocol].first = first;
        (protocol, first) = (protocol + 1, first + 1);
    }
    all[6] = Numbers { first: 0, ports: u16::MAX, icmp: 0 };
    all[17] = Numbers { first: 1 << 16, ports: u16::MAX, icmp: 0 };
    all[132] = Numbers { first: 2 << 16, ports: u16::MAX, icmp: 0 };
    all[1] = Numbers { first: 3 << 16, ports: 0, icmp: u16::MAX };
    all[58] = Numbers { first: 4 << 16, ports: 0, icmp: u16::MAX };
    all
}

/// The number of traffic.
#[inline]
pub(crate) fn traffic_number(protocol: u8, port: u16, icmp: (u8, u8)) -> u32 {
    let Some(numbers) = BY_PROTOCOL.get(usize::from(protocol)) else { return 0 };
    let message = u16::from_be_bytes([icmp.0, icmp.1]);
    numbers.first + u32::from(port & numbers.ports | message & numbers.icmp)
}

/// Where the atoms of a protocol are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ProtocolAtoms {
    /// The first of them.
    pub(crate) base: u32,
    /// Where its intervals begin in [`Traffic::intervals`].
    pub(crate) table: u32,
    /// All bits, if destination ports tell its atoms apart.
    pub(crate) ports: u16,
    /// All bits, if ICMP type and code do.
    pub(crate) icmp: u16,
}

/// The atoms of all traffic.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Traffic {
    /// By protocol number; 256 of them.
    pub(crate) protocols: Arena<ProtocolAtoms>,
    /// For every port, then, if rules tell ICMP messages apart, for every type and code: the number of its interval.
    pub(crate) intervals: Arena<u16>,
    /// How many atoms there are.
    pub(crate) atoms: u32,
}

impl Traffic {
    /// The number of the atom.
    #[inline]
    pub(crate) fn atom(&self, protocol: u8, port: u16, icmp: (u8, u8)) -> u32 {
        let Some(atoms) = self.protocols.get(usize::from(protocol)) else { return 0 };
        let message = u16::from_be_bytes([icmp.0, icmp.1]);
        let value = port & atoms.ports | message & atoms.icmp;
        let interval = self.intervals.get(index(atoms.table) + usize::from(value)).copied().unwrap_or(0);
        atoms.base + u32::from(interval)
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.protocols) + size_of_val(&*self.intervals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_numbers_of_its_own() {
        for (place, protocol) in (0_u32..).zip(DIVIDED) {
            let (ports, icmp) = if protocol.has_ports() { (7, (9, 9)) } else { (9, (0, 7)) };
            assert_eq!(traffic_number(protocol.number(), ports, icmp), (place << 16) + 7, "{protocol:?}");
        }
        let others = (0..=u8::MAX).filter(|number| !DIVIDED.contains(&Protocol::from(*number)));
        for number in others {
            assert_eq!(traffic_number(number, 80, (3, 1)), UNDIVIDED + u32::from(number));
        }
        assert_eq!(traffic_number(255, 0, (0, 0)) + 1, NUMBERS);
    }
}
