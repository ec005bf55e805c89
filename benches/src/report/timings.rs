//! How long a flow takes, as numbers and as a table.

use crate::measure::{Spread, Timing};
use serde::{Serialize, Serializer};
use std::fmt;

/// How long a flow takes, by engine and manner. In JSON, each is three numbers: `<id>_ns` (the median), `<id>_min_ns` and
/// `<id>_max_ns`.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings(pub Vec<Timing>);

impl Timings {
    /// How many times as fast the other is as the one: by the medians.
    pub(super) fn ratio(&self, one: &str, other: &str) -> f64 {
        self.median(one) / self.median(other)
    }

    fn median(&self, id: &str) -> f64 {
        self.0.iter().find(|timing| timing.id == id).map_or(f64::NAN, |timing| timing.ns.median)
    }
}

/// A ratio in words.
pub(super) fn times(ratio: f64) -> String {
    format!("{ratio:.1} times as fast")
}

impl Serialize for Timings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().flat_map(|Timing { id, ns, .. }| {
            [
                (format!("{id}_ns"), ns.median),
                (format!("{id}_min_ns"), ns.min),
                (format!("{id}_max_ns"), ns.max),
            ]
        }))
    }
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<30}{:>14}{:>14}{:>14}", "ns for a flow, both ends", "min", "median", "max")?;
        self.0.iter().try_for_each(|Timing { title, ns: Spread { min, median, max }, .. }| {
            writeln!(f, "  {title:<30}{min:>14.1}{median:>14.1}{max:>14.1}")
        })
    }
}
