//! Lists made ready to be looked up: buckets of the peers that differ, base rows for all others.

use super::super::hashing::{Quick, QuickMap};
use super::super::holders::{at, at_mut};
use super::super::{Few, Numbered, footprint, number};
use super::chains::{Chains, Entry, List};
use super::rows::RowTable;
use super::{Builder, ClassSet};
use crate::model::Reason;
use crate::tables::{Bucket, Ending, ListRecord, NONE, Program, Row, count, index};
use smallvec::{SmallVec, smallvec};

/// Sets of peers that are broad, and groups of classes by them, at most.
const MOST_BROAD: usize = 24;
const MOST_GROUPS: usize = 1024;
/// Log rules make all rules for any peer part of every row; a list with more of those is left to the complete form.
const MOST_LOGGED: usize = 64;

/// Makes lists ready.
#[derive(Debug)]
pub(super) struct Blocks {
    rows: RowTable,
    bases: QuickMap<Box<[u32]>, u32>,
    /// The sets of peers that make a group.
    broad: Vec<u32>,
    /// Of each group, which of them hold, as bits.
    patterns: Numbered<u32, Quick>,
    /// By class.
    pub(super) groups: Vec<u32>,
}

/// The sets of peers of so many classes, in so many lists, that no list is to name the classes.
fn broad_sets(builder: &mut Builder<'_>, chains: &Chains) -> Vec<u32> {
    let mut uses = vec![0_usize; chains.peers.len()];
    for entry in chains.lists.iter().flat_map(|list| &list.entries) {
        at_mut(&mut uses, entry.peers).into_iter().for_each(|uses| *uses += 1);
    }
    let mut by_weight = Vec::new();
    for (peers, set) in (0..).zip(&chains.peers) {
        let classes = builder.classes(set).len();
        if peers != Chains::ANY && classes > builder.source.options.broad_classes {
            by_weight.push((classes * at(&uses, peers).copied().unwrap_or(0), peers));
        }
    }
    by_weight.sort_unstable_by(|a, b| b.cmp(a));
    by_weight.into_iter().map(|(_, peers)| peers).take(MOST_BROAD).collect()
}

/// The group of each class: which broad sets hold it. Sets are left out until there are few enough groups.
fn grouped(
    builder: &mut Builder<'_>,
    chains: &Chains,
    mut broad: Vec<u32>,
) -> (Vec<u32>, Numbered<u32, Quick>, Vec<u32>) {
    loop {
        let mut masks = vec![0_u32; builder.source.keys.len()];
        for (place, peers) in broad.iter().enumerate() {
            let Some(set) = chains.peers.get_index(index(*peers)) else { continue };
            for class in &*builder.classes(set) {
                if let Some(mask) = masks.get_mut(index(class)) {
                    *mask |= 1 << place;
                }
            }
        }
        let mut patterns: Numbered<u32, Quick> = Numbered::default();
        number(&mut patterns, 0);
        let groups: Vec<u32> = masks.into_iter().map(|mask| number(&mut patterns, mask)).collect();
        if patterns.len() <= MOST_GROUPS || broad.is_empty() {
            return (broad, patterns, groups);
        }
        broad.pop();
    }
}

/// The places of a list's entries, by what their peers are.
#[derive(Default)]
struct Places {
    any: Few,
    /// With the place of the broad set.
    broad: SmallVec<[(u32, usize); 4]>,
    explicit: Few,
}

impl Blocks {
    pub(super) fn new(builder: &mut Builder<'_>, chains: &Chains, program: &mut Program) -> Self {
        let broad = broad_sets(builder, chains);
        let (broad, patterns, groups) = grouped(builder, chains, broad);
        program.buckets.push(Bucket::EMPTY);
        Blocks { rows: RowTable::new(program), bases: QuickMap::default(), broad, patterns, groups }
    }

    /// Finds the group of a new class, with the next number. True if no class was of that group before.
    pub(super) fn add_class(&mut self, builder: &mut Builder<'_>, chains: &Chains, class: u32) -> bool {
        let holds = |(place, peers): (usize, &u32)| {
            let set = chains.peers.get_index(index(*peers))?;
            builder.contains(set, class).then_some(1_u32 << place)
        };
        let mask = self.broad.iter().enumerate().filter_map(holds).fold(0, std::ops::BitOr::bitor);
        let known = self.patterns.len();
        self.groups.push(number(&mut self.patterns, mask));
        self.patterns.len() > known
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.rows.bytes()
            + footprint::slices(self.bases.keys().map(|rows| &**rows))
            + footprint::records(&self.groups)
    }

    /// Whether a set of peers makes groups.
    pub(super) fn is_broad(&self, peers: u32) -> bool {
        self.broad.contains(&peers)
    }

    /// Writes a list. None if it does not fit the budget.
    pub(super) fn list(
        &mut self,
        builder: &mut Builder<'_>,
        program: &mut Program,
        peers: &Numbered<ClassSet, Quick>,
        list: &List,
    ) -> Option<ListRecord> {
        let mut places = Places::default();
        for (place, entry) in (0..).zip(&list.entries) {
            let broad = self.broad.iter().position(|broad| *broad == entry.peers);
            match broad {
                _ if entry.peers == Chains::ANY => places.any.push(place),
                Some(broad) => places.broad.push((place, broad)),
                None => places.explicit.push(place),
            }
        }
        let logs = list.entries.iter().any(|entry| entry.ending.code & Ending::LOG != 0);
        let exceptions = exceptions(builder, peers, list, &places.explicit, room(builder, program));
        let exceptions = exceptions.filter(|_| !(logs && places.any.len() > MOST_LOGGED))?;
        let fold = logs || places.any.len() <= builder.source.options.folded_rules;
        let always = if fold { std::mem::take(&mut places.any) } else { Few::new() };
        let wild = self.row(builder, program, list, &places.any);
        let (base, base_rows, one_base) = self.base(builder, program, list, &places, &always);
        let mut rows: SmallVec<[(u32, u32); 8]> = SmallVec::new();
        for group in exceptions.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((class, _)) = group.first() else { continue };
            let kind = at(&self.groups, *class).copied().unwrap_or(0);
            let mut matching: Few = group.iter().map(|(_, place)| *place).collect();
            matching.extend_from_slice(&always);
            matching.extend(self.broad_of(&places, kind));
            matching.sort_unstable();
            let row = self.row(builder, program, list, &matching);
            if base_rows.get(if one_base { 0 } else { index(kind) }) != Some(&row) {
                rows.push((*class, row));
            }
        }
        let (bucket, buckets) = buckets(program, &rows);
        let mixed = if list.is_mixed { ListRecord::MIXED } else { 0 };
        Some(ListRecord {
            subject_row: 0,
            bucket,
            base,
            wild,
            endings: endings(program, list, list.entries.iter().map(|entry| entry.ending)),
            words_before: list.words.0,
            buckets,
            flags: mixed | if one_base { ListRecord::ONE_BASE } else { 0 },
        })
    }

    /// A list of which the fast form says nothing.
    pub(super) fn slow(&mut self, program: &mut Program, list: &List) -> ListRecord {
        let entry = Entry {
            ending: Ending::new(Ending::SLOW, Reason::NotEvaluated, None),
            peers: Chains::ANY,
            traffic: super::traffic::TrafficSets::ALL,
        };
        let wild = self.rows.whole(program);
        let base = self.intern_base(program, &[wild]);
        let (bucket, buckets) = buckets(program, &[]);
        ListRecord {
            subject_row: 0,
            bucket,
            base,
            wild: 0,
            endings: endings(program, list, [entry.ending].into_iter()),
            words_before: list.words.0,
            buckets,
            flags: ListRecord::ONE_BASE,
        }
    }

    fn row(&mut self, builder: &Builder<'_>, program: &mut Program, list: &List, places: &[u32]) -> u32 {
        self.rows.row(program, &list.entries, places, &builder.shared.traffic)
    }

    fn broad_of<'a>(&self, places: &'a Places, group: u32) -> impl Iterator<Item = u32> + use<'a> {
        let mask = self.patterns.get_index(index(group)).copied().unwrap_or(0);
        let holding = places.broad.iter().filter(move |(_, broad)| mask & 1 << broad != 0);
        holding.map(|(place, _)| *place)
    }

    /// The rows of the classes that the list does not name, by group.
    fn base(
        &mut self,
        builder: &Builder<'_>,
        program: &mut Program,
        list: &List,
        places: &Places,
        always: &[u32],
    ) -> (u32, Few, bool) {
        let one_base = places.broad.is_empty();
        let groups = if one_base { 1 } else { count(self.patterns.len()) };
        let rows: Few = (0..groups)
            .map(|group| {
                let mut matching: Few = self.broad_of(places, group).collect();
                matching.extend_from_slice(always);
                matching.sort_unstable();
                self.row(builder, program, list, &matching)
            })
            .collect();
        (self.intern_base(program, &rows), rows, one_base)
    }

    fn intern_base(&mut self, program: &mut Program, rows: &[u32]) -> u32 {
        if let Some(known) = self.bases.get(rows) {
            return *known;
        }
        let first = count(program.bases.len());
        program.bases.extend_from_slice(rows);
        self.bases.insert(rows.into(), first);
        first
    }
}

/// How many classes the buckets may still hold.
fn room(builder: &Builder<'_>, program: &Program) -> usize {
    // A bucket is at least half full, and a class may have a row of its own.
    let of_a_class = size_of::<Bucket>() / 4 + size_of::<Row>();
    let room = builder.source.budget().saturating_sub(program.bytes_of_rules()) / of_a_class;
    // Of these buckets at least a quarter is in use.
    room.min(index(Bucket::MOST) * 2)
}

fn endings(program: &mut Program, list: &List, endings: impl Iterator<Item = Ending>) -> u32 {
    let first = count(program.endings.len());
    program.endings.push(Ending::next(list.next, list.words.1));
    program.endings.extend(endings);
    first
}

/// Buckets that hold these classes: how many they are decides how much memory a lookup meets, and a full one sends it to
/// the next.
fn buckets(program: &mut Program, rows: &[(u32, u32)]) -> (u32, u8) {
    let first = count(program.buckets.len());
    if rows.is_empty() {
        // The first bucket of all is empty.
        return (0, 0);
    }
    let code = bucket_count(rows);
    let number = index(Bucket::count(code));
    let mut buckets: SmallVec<[Bucket; 1]> = smallvec![Bucket::EMPTY; number];
    for (class, row) in rows {
        let start = index(Bucket::of(*class, code));
        let free = (0..number).map(|step| (start + step) % number).find_map(|place| {
            let bucket = buckets.get(place)?;
            let free = bucket.classes.iter().position(|class| *class == NONE)?;
            Some((place, free))
        });
        let Some((place, free)) = free else { continue };
        if let Some(bucket) = buckets.get_mut(place) {
            bucket.classes.iter_mut().skip(free).take(1).for_each(|place| *place = *class);
            bucket.rows.iter_mut().skip(free).take(1).for_each(|place| *place = *row);
        }
    }
    program.buckets.extend_from_slice(&buckets);
    (first, code)
}

/// The least number of buckets of which none is full, from six classes to a bucket to four.
fn bucket_count(rows: &[(u32, u32)]) -> u8 {
    if rows.len() <= 8 {
        return 1;
    }
    let mut last = 1;
    for code in Bucket::counts().skip_while(|code| index(Bucket::count(*code)) * 6 < rows.len()) {
        last = code;
        let number = index(Bucket::count(code));
        if number * 4 >= rows.len() || is_spread(rows, code) {
            break;
        }
    }
    last
}

/// No bucket is full.
fn is_spread(rows: &[(u32, u32)], code: u8) -> bool {
    let mut loads: SmallVec<[u8; 64]> = smallvec![0; index(Bucket::count(code))];
    rows.iter().all(|(class, _)| {
        let load = loads.get_mut(index(Bucket::of(*class, code)));
        load.is_some_and(|load| {
            *load += 1;
            *load < 8
        })
    })
}

/// The classes that explicit entries name, each with the place of the entry, sorted; none if they are too many.
fn exceptions(
    builder: &mut Builder<'_>,
    peers: &Numbered<ClassSet, Quick>,
    list: &List,
    explicit: &[u32],
    room: usize,
) -> Option<SmallVec<[(u32, u32); 8]>> {
    let mut exceptions = SmallVec::new();
    for place in explicit {
        let set = at(&list.entries, *place).and_then(|entry| peers.get_index(index(entry.peers)));
        let Some(set) = set else { continue };
        let classes = builder.classes(set);
        if exceptions.len() + classes.len() > room {
            return None;
        }
        exceptions.extend(classes.iter().map(|class| (class, *place)));
    }
    exceptions.sort_unstable();
    Some(exceptions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Usual;

    /// More classes than a bucket takes belong into the last one, and go on from the first.
    #[test]
    fn classes_of_one_bucket_are_all_found() {
        for code in [2, 3, 5, 15, 0x19, 0x2f] {
            let last = Bucket::count(code) - 1;
            let crowd: Vec<(u32, u32)> = (0..)
                .filter(|class| Bucket::of(*class, code) == last)
                .take(4 * index(last + 1))
                .map(|class| (class, class + 1))
                .collect();
            let mut program = Program::default();
            let (bucket, buckets) = buckets(&mut program, &crowd);
            assert!(crowd.len() <= 8 || buckets == code, "{code} {buckets}");
            let list = ListRecord { bucket, buckets, ..ListRecord::default() };
            assert!(crowd.iter().all(|(class, row)| program.row_of(Usual, &list, *class, 0) == *row));
            let (highest, _) = crowd.last().unwrap();
            let strangers = (0..highest + 100).filter(|class| crowd.iter().all(|(known, _)| known != class));
            // A full bucket that lacks a class says no more than one that is not full.
            program.bases.push(u32::MAX);
            strangers.for_each(|class| assert_eq!(program.row_of(Usual, &list, class, 0), u32::MAX));
        }
    }
}
