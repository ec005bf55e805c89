//! Network sets of very different sizes.

use crate::workload::objects::prefix;
use crate::workload::rng::{Rng, length};
use ipnet::Ipv4Net;
use std::ops::Range;

/// The address of the first member; the others follow it without a gap.
const FIRST_MEMBER: u32 = 0x6400_0000;

/// Some network sets of about one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetSizes {
    /// How many.
    pub count: u32,
    /// The fewest members one has.
    pub smallest: u32,
    /// The most.
    pub largest: u32,
}

const fn sizes(count: u32, smallest: u32, largest: u32) -> SetSizes {
    SetSizes { count, smallest, largest }
}

/// 3,708 sets. The histogram is the published one but for the upper bound of the second largest sets, which is 9,999
/// there: sizes up to 2,000 come nearer to the number of members that is published with it, 256,000.
pub(in crate::workload) const SET_SIZES: [SetSizes; 6] = [
    sizes(4, 0, 0),
    sizes(3_035, 1, 9),
    sizes(446, 10, 99),
    sizes(64, 100, 999),
    sizes(158, 1_000, 2_000),
    sizes(1, 54_566, 54_566),
];

/// The members of network sets.
pub(super) struct Sets {
    /// Set by set.
    pub(super) members: Vec<Ipv4Net>,
    /// The members of each set.
    pub(super) ranges: Vec<Range<u32>>,
}

impl Sets {
    pub(super) fn generate(sizes: &[SetSizes], rng: &mut Rng) -> Self {
        let (mut members, mut ranges) = (Vec::new(), Vec::new());
        for SetSizes { count, smallest, largest } in sizes {
            for _ in 0..*count {
                let first = length(&members);
                let last = first + rng.range(*smallest, *largest);
                members.extend((first..last).map(|member| prefix((FIRST_MEMBER + member).into(), 32)));
                ranges.push(first..last);
            }
        }
        Sets { members, ranges }
    }
}
