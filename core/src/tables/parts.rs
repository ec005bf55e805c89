//! Parts: what holds for the holders of an address, and what holds for the address.

use super::{List, Packed, Paged, Pool, Span};

/// One port that a condition on ports resolves to: a named port, a service's, or a member of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Resolution {
    pub(crate) condition: u32,
    pub(crate) protocol: u8,
    pub(crate) port: u16,
}

/// Sorted lists of the predicates that hold and of the ports that conditions resolve to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Part {
    pub(crate) predicates: Packed,
    pub(crate) resolutions: Span,
}

/// Every part. Number 0 is the empty one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parts {
    pub(crate) parts: Paged<Part>,
    /// In lists of their numbers.
    pub(crate) predicates: Pool<u32>,
    pub(crate) resolutions: Pool<Resolution>,
}

impl Parts {
    pub(crate) const EMPTY: u32 = 0;
    /// The predicate that a workload endpoint holds the address.
    pub(crate) const WORKLOAD: u32 = 0;

    pub(crate) fn holds(&self, part: u32, predicate: u32) -> bool {
        self.predicates(part).contains(predicate)
    }

    pub(crate) fn resolves(&self, part: u32, resolution: Resolution) -> bool {
        self.resolutions(part).binary_search(&resolution).is_ok()
    }

    pub(crate) fn predicates(&self, part: u32) -> List<'_> {
        self.parts.get(part).map_or(List::EMPTY, |part| self.predicates.list(part.predicates))
    }

    pub(crate) fn resolutions(&self, part: u32) -> &[Resolution] {
        self.parts.get(part).map_or(&[], |part| self.resolutions.slice(part.resolutions))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.parts.bytes() + self.predicates.bytes() + self.resolutions.bytes()
    }
}
