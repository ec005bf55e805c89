//! What was edited, and what the updates made of it.

use super::edits::kinds;
use std::collections::BTreeMap;
use std::fmt;
use tierwall::Update;

/// Updates of one sort.
#[derive(Default, Clone, Copy)]
struct Count {
    all: u64,
    whole: u64,
}

#[derive(Default)]
pub(super) struct Census {
    edits: BTreeMap<&'static str, u64>,
    /// Updates of one edit, by its kind.
    single: BTreeMap<&'static str, Count>,
    updates: u64,
    whole: BTreeMap<String, u64>,
    /// What incremental updates say of themselves, added up.
    work: BTreeMap<&'static str, usize>,
}

impl Census {
    pub(super) fn edit(&mut self, kind: &'static str) {
        *self.edits.entry(kind).or_default() += 1;
    }

    /// An update, of edits of these kinds.
    pub(super) fn update(&mut self, update: &Update, kinds: &[&'static str]) {
        self.updates += 1;
        if let [kind] = kinds {
            let count = self.single.entry(kind).or_default();
            count.all += 1;
            count.whole += u64::from(update.is_whole());
        }
        if let Some(whole) = update.whole {
            *self.whole.entry(whole.to_string()).or_default() += 1;
            return;
        }
        let work = [
            ("endpoints", update.endpoints),
            ("new classes", update.new_classes),
            ("classes", update.classes),
            ("lists", update.lists),
            ("wide rules", update.wide_rules),
            ("ranges", update.ranges),
            ("bytes", update.bytes),
        ];
        work.into_iter().for_each(|(name, count)| *self.work.entry(name).or_default() += count);
    }

    pub(super) fn add(&mut self, other: Census) {
        self.updates += other.updates;
        other.edits.into_iter().for_each(|(kind, count)| *self.edits.entry(kind).or_default() += count);
        other.whole.into_iter().for_each(|(why, count)| *self.whole.entry(why).or_default() += count);
        other.work.into_iter().for_each(|(name, count)| *self.work.entry(name).or_default() += count);
        for (kind, count) in other.single {
            let sum = self.single.entry(kind).or_default();
            *sum = Count { all: sum.all + count.all, whole: sum.whole + count.whole };
        }
    }

    /// Kinds of edits that were never made.
    pub(super) fn never(&self) -> Vec<&'static str> {
        kinds().filter(|kind| !self.edits.contains_key(kind)).collect()
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edits: u64 = self.edits.values().sum();
        let whole: u64 = self.whole.values().sum();
        writeln!(f, "{edits} edits, {} updates, of which {whole} compiled everything", self.updates)?;
        self.whole.iter().try_for_each(|(why, count)| writeln!(f, "{count:8}  because {why}"))?;
        let incremental = (self.updates - whole).max(1);
        writeln!(f, "the {} others, each on average:", self.updates - whole)?;
        for (name, count) in &self.work {
            writeln!(f, "{:10.1}  {name}", *count as f64 / incremental as f64)?;
        }
        writeln!(f, "   edits  alone  whole")?;
        for (kind, count) in &self.edits {
            let Count { all, whole } = self.single.get(kind).copied().unwrap_or_default();
            writeln!(f, "{count:8} {all:6} {whole:6}  {kind}")?;
        }
        Ok(())
    }
}
