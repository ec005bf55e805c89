//! From a protocol and port, or ICMP message, to an atom: traffic that no rule tells apart.

use super::{Arena, index};

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
