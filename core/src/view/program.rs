//! The fast form of one scope.

use super::{Array, Block, Bucket, Class, Ending, List, Row, Size};
use crate::model::Direction;
use crate::tables::{Program, Wide};

/// What a pair of classes and traffic lead to, with or without staged policies.
#[derive(Debug, Clone, Copy)]
pub struct ProgramView<'a>(pub(super) &'a Program);

impl<'a> ProgramView<'a> {
    /// By the class of an address.
    pub fn classes(self) -> Array<'a, Class> {
        Array::new(&self.0.classes)
    }

    /// Lists by number: those that come after others, as [`List::endings`] says. The first ones stand in the classes.
    pub fn lists(self) -> Array<'a, List> {
        Array::new(&self.0.lists)
    }

    /// The buckets of all lists: peers that have rows of their own.
    pub fn buckets(self) -> Array<'a, Bucket> {
        Array::new(&self.0.buckets)
    }

    /// The rows of all other peers, by [`List::base`] and group.
    pub fn bases(self) -> Array<'a, u32> {
        Array::new(&self.0.bases)
    }

    /// Rows by number. Number 0 is that of no rule. A row comes after those that it leads to.
    pub fn rows(self) -> Array<'a, Row> {
        Array::new(&self.0.rows)
    }

    /// The endings of all lists.
    pub fn endings(self) -> Array<'a, Ending> {
        Array::new(&self.0.endings)
    }

    /// The wide rules of a direction.
    pub fn wide(self, direction: Direction) -> WideView<'a> {
        let [egress, ingress] = &self.0.wide;
        WideView(match direction {
            Direction::Egress => egress,
            Direction::Ingress => ingress,
        })
    }

    /// How large each map is, in the order of what points to what: what is pointed to comes first.
    pub fn sizes(self) -> Vec<Size> {
        let mut sizes = vec![
            Size::of("rows", self.rows()),
            Size::of("bases", self.bases()),
            Size::of("buckets", self.buckets()),
            Size::of("endings", self.endings()),
        ];
        sizes.extend(self.wide(Direction::Egress).sizes(WIDE_EGRESS));
        sizes.extend(self.wide(Direction::Ingress).sizes(WIDE_INGRESS));
        sizes.extend([Size::of("lists", self.lists()), Size::of("classes", self.classes())]);
        sizes
    }
}

const WIDE_EGRESS: [&str; 6] = [
    "egress_wide_endings",
    "egress_tier_ends",
    "egress_traffic_rows",
    "egress_traffic",
    "egress_peers",
    "egress_subjects",
];
const WIDE_INGRESS: [&str; 6] = [
    "ingress_wide_endings",
    "ingress_tier_ends",
    "ingress_traffic_rows",
    "ingress_traffic",
    "ingress_peers",
    "ingress_subjects",
];

/// The wide rules of one direction, a bit each. A rule matches where its bit is set in the rows of the subject, of the peer
/// and of the atom of the traffic. Those of a tier begin with a word of their own.
#[derive(Debug, Clone, Copy)]
pub struct WideView<'a>(&'a Wide);

impl<'a> WideView<'a> {
    /// How many blocks a row has: row `n` begins with block `n` times as many.
    pub fn blocks(self) -> u32 {
        self.0.blocks
    }

    /// The rows of subjects, by [`List::subject_row`].
    pub fn subjects(self) -> Array<'a, Block> {
        Array::new(&self.0.subjects)
    }

    /// The rows of peers, by [`Class::peer_rows`].
    pub fn peers(self) -> Array<'a, Block> {
        Array::new(&self.0.peers)
    }

    /// The rows of traffic, by [`WideView::traffic_rows`].
    pub fn traffic(self) -> Array<'a, Block> {
        Array::new(&self.0.traffic)
    }

    /// The row of each atom.
    pub fn traffic_rows(self) -> Array<'a, u32> {
        Array::new(&self.0.traffic_rows)
    }

    /// For each word of a row, the first word of the next tier.
    pub fn tier_ends(self) -> Array<'a, u16> {
        Array::new(&self.0.tier_ends)
    }

    /// For each bit.
    pub fn endings(self) -> Array<'a, Ending> {
        Array::new(&self.0.endings)
    }

    fn sizes(self, names: [&'static str; 6]) -> [Size; 6] {
        let [endings, tier_ends, traffic_rows, traffic, peers, subjects] = names;
        [
            Size::of(endings, self.endings()),
            Size::of(tier_ends, self.tier_ends()),
            Size::of(traffic_rows, self.traffic_rows()),
            Size::of(traffic, self.traffic()),
            Size::of(peers, self.peers()),
            Size::of(subjects, self.subjects()),
        ]
    }
}
