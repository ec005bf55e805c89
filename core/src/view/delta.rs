//! From one snapshot's maps to another's.

use super::changes::Changes;
use super::order::{Changed, First, Moves, first};
use super::prefixes::{Classes, Prefix, differing};
use super::{Block, Bucket, Class, DIRECTIONS, Ending, List, Row};
use crate::Snapshot;
use crate::cluster::Scope;
use crate::model::Direction;
use crate::tables::{AlignedBlock, Program, Tables, Wide, count};
use std::fmt;

/// One write of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Write {
    /// The class of a prefix; with none, the prefix is removed.
    Prefix(Prefix, Option<u32>),
    /// A record of the program of a scope, by its number: added, with the number after the last one, or replaced.
    Record(Scope, u32, Record),
    /// Nothing is written: readers that began before must be done before the next write. In a kernel, a grace period.
    Wait,
    /// The generation: all before it is written.
    Generation(u32),
}

/// A record and the map that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// See [`ProgramView::rows`](super::ProgramView::rows), and so on.
    Row(Row),
    /// Of bases.
    Base(u32),
    /// Of buckets.
    Bucket(Bucket),
    /// Of the endings of lists.
    Ending(Ending),
    /// Of [`WideView::subjects`](super::WideView::subjects) of a direction.
    Subject(Direction, Block),
    /// Of [`WideView::peers`](super::WideView::peers) of a direction.
    Peer(Direction, Block),
    /// Of lists.
    List(List),
    /// Of classes.
    Class(Class),
}

/// How to get from one snapshot's maps to another's: see [`delta`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delta {
    /// Writes, to be made one by one in their order while readers read.
    Live(Vec<Write>),
    /// Writes that lead there as well, but between which a flow may get an answer that neither snapshot gives: to be made
    /// where nobody reads, in a second copy of the maps that then takes the place of the first.
    Apart(Vec<Write>, Apart),
    /// All maps are to be filled anew, where nobody reads.
    Whole(Whole),
}

/// Why a reader in between could be misled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Apart {
    /// Addresses that may talk to each other have other classes, and not all at once.
    Addresses,
    /// Addresses have other classes, and policies that tell the old ones from the new ones are others, too.
    AddressesAndPolicies,
}

/// Why there is no way but to fill all maps anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Whole {
    /// Neither snapshot came of the other by updates that left numbers what they were.
    Unrelated,
    /// The bits of wide rules were laid out anew.
    Wide,
    /// Traffic was cut into other atoms.
    Traffic,
}

impl Delta {
    /// The writes, if there are some.
    pub fn writes(&self) -> Option<&[Write]> {
        match self {
            Delta::Live(writes) | Delta::Apart(writes, _) => Some(writes),
            Delta::Whole(_) => None,
        }
    }
}

/// The writes that turn maps filled from one snapshot into those of another.
///
/// # What is guaranteed
///
/// After all writes the maps are those of `new`, record by record. If the delta is [`Delta::Live`], then also, after every
/// single write:
///
/// * Nothing points to what is not there: what is pointed to is written before what points to it, and nothing is removed
///   but prefixes, once others say what they said. Records that nothing points to any more stay until a
///   [`Delta::Whole`].
/// * Each direction of each flow gets the answer that it gets from `old`, or the one that it gets from `new`.
///
/// The backend must replace one record, or one prefix, at once: a reader sees all of it as it was, or all of it as it is. A
/// reader must see writes in their order, and read a subject's class once, as [`crate::view`] says; between what it reads
/// there may be writes, but for a [`Write::Wait`]. A flow that is looked up while writes go on may combine the old answer of one direction
/// with the new one of the other, and so may enforced and pending verdicts. If that is too little, write into a second copy,
/// whatever the delta says.
///
/// # How long it takes
///
/// For snapshots of one [`Compiler`](crate::Compiler) time and memory in proportion to what differs, besides a look at the
/// numbers of all pages of records; and, now and then, when memory had to grow, one at all of a table. Updates that
/// were a [whole](crate::Update::is_whole) compilation make [`Delta::Whole`].
///
/// ```
/// use tierwall::{Compiler, cluster::Cluster, view::{Delta, delta}};
/// let mut cluster = Cluster::new();
/// let mut compiler = Compiler::default();
/// let old = compiler.update(&mut cluster).snapshot;
/// let new = compiler.update(&mut cluster).snapshot;
/// assert_eq!(delta(&old, &new), Delta::Live(Vec::new()));
/// ```
pub fn delta(old: &Snapshot, new: &Snapshot) -> Delta {
    let (old, new) = (old.as_tables(), new.as_tables());
    let programs = match programs(old, new) {
        Ok(programs) => programs,
        Err(whole) => return Delta::Whole(whole),
    };
    let (before, after) = differing(&old.addresses, &new.addresses);
    let moves = Moves::between(&old.addresses, &new.addresses);
    let order = first(&moves, written(&before, &after), &programs);
    let mut writes = Vec::new();
    let scopes = || [Scope::Enforced, Scope::Pending].into_iter().zip(&programs);
    for (scope, Changed { old, new, changes }) in scopes() {
        added(old, new, |number, record| writes.push(Write::Record(scope, number, record)));
        let list = |list: &u32| Some((*list, Record::List((*new.lists.get(*list)?).into())));
        let records = changes.lists.iter().filter_map(list).chain(classes(new, &changes.alike));
        writes.extend(records.map(|(number, record)| Write::Record(scope, number, record)));
    }
    let otherwise: Vec<Write> = scopes()
        .flat_map(|(scope, Changed { new, changes, .. })| {
            let records = classes(new, &changes.otherwise);
            records.map(move |(number, record)| Write::Record(scope, number, record))
        })
        .collect();
    let mut moving = Vec::new();
    addresses(&before, &after, &mut moving);
    // A reader must not have one of these from before the first of them, and the other from after the last.
    let wait = (!moving.is_empty() && !otherwise.is_empty()).then_some(Write::Wait);
    let (one, other) = if order == Ok(First::Classes) { (otherwise, moving) } else { (moving, otherwise) };
    writes.extend(one.into_iter().chain(wait).chain(other));
    writes.extend((old.generation != new.generation).then_some(Write::Generation(new.generation)));
    match order {
        Ok(_) => Delta::Live(writes),
        Err(why) => Delta::Apart(writes, why),
    }
}

/// The programs of each scope with what changed, if their numbers have the same meaning.
fn programs<'a>(old: &'a Tables, new: &'a Tables) -> Result<Vec<Changed<'a>>, Whole> {
    if old.pending.is_some() != new.pending.is_some() {
        return Err(Whole::Unrelated);
    }
    let pairs = std::iter::once((&old.enforced, &new.enforced)).chain(old.pending.iter().zip(&new.pending));
    let mut programs = Vec::new();
    for (old, new) in pairs {
        if !old.lineage.is(&new.lineage) {
            return Err(Whole::Unrelated);
        }
        let wide = || old.wide.iter().zip(&new.wide);
        if !wide().all(|(old, new)| old.lineage.is(&new.lineage)) {
            return Err(Whole::Wide);
        }
        if !wide().all(|(old, new)| is_same_traffic(old, new)) {
            return Err(Whole::Traffic);
        }
        let changes = Changes::between(old, new).ok_or(Whole::Unrelated)?;
        programs.push(Changed { old, new, changes });
    }
    let (traffic, known) = (&new.traffic, &old.traffic);
    let is_same = traffic.protocols.is_same(&known.protocols) && traffic.intervals.is_same(&known.intervals);
    if is_same { Ok(programs) } else { Err(Whole::Traffic) }
}

fn is_same_traffic(old: &Wide, new: &Wide) -> bool {
    new.traffic.is_same(&old.traffic) && new.traffic_rows.is_same(&old.traffic_rows)
}

/// How many prefixes of each family are written.
fn written(before: &Classes, after: &Classes) -> [usize; 2] {
    let removed = before.keys().filter(|prefix| !after.contains_key(prefix));
    let (mut v4, mut v6) = (0, 0);
    for prefix in after.keys().chain(removed) {
        *(if prefix.address.is_ipv4() { &mut v4 } else { &mut v6 }) += 1;
    }
    [v4, v6]
}

/// Whatever prefixes there are, every address keeps its old class until it has its new one: longer prefixes come before
/// those that would show through them, and shorter ones go before those that hide them.
fn addresses(before: &Classes, after: &Classes, writes: &mut Vec<Write>) {
    let mut come: Vec<(&Prefix, &u32)> = after.iter().collect();
    come.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.length));
    writes.extend(come.into_iter().map(|(prefix, class)| Write::Prefix(*prefix, Some(*class))));
    let mut go: Vec<&Prefix> = before.keys().filter(|prefix| !after.contains_key(prefix)).collect();
    go.sort_by_key(|prefix| prefix.length);
    writes.extend(go.into_iter().map(|prefix| Write::Prefix(*prefix, None)));
}

fn classes<'a>(
    program: &'a Program,
    numbers: impl IntoIterator<Item = &'a u32> + 'a,
) -> impl Iterator<Item = (u32, Record)> + 'a {
    let record = |class: &u32| Some((*class, Record::Class((*program.classes.get(*class)?).into())));
    numbers.into_iter().filter_map(record)
}

/// The records that nothing pointed to before, in an order in which they only point to what is there.
fn added(old: &Program, new: &Program, mut write: impl FnMut(u32, Record)) {
    each_added(old.rows.len(), new.rows.iter(), |row| Record::Row((*row).into()), &mut write);
    each_added(old.bases.len(), new.bases.iter(), |base| Record::Base(*base), &mut write);
    each_added(old.buckets.len(), new.buckets.iter(), |bucket| Record::Bucket((*bucket).into()), &mut write);
    each_added(old.endings.len(), new.endings.iter(), |ending| Record::Ending((*ending).into()), &mut write);
    for ((old, new), direction) in old.wide.iter().zip(&new.wide).zip(DIRECTIONS) {
        let peer = |block: &AlignedBlock| Record::Peer(direction, (*block).into());
        let subject = |block: &AlignedBlock| Record::Subject(direction, (*block).into());
        each_added(old.peers.len(), new.peers.iter(), peer, &mut write);
        each_added(old.subjects.len(), new.subjects.iter(), subject, &mut write);
    }
}

fn each_added<'a, R: 'a>(
    known: usize,
    records: impl ExactSizeIterator<Item = &'a R>,
    record: impl Fn(&'a R) -> Record,
    write: &mut impl FnMut(u32, Record),
) {
    for (number, new) in (count(known)..).zip(records.skip(known)) {
        write(number, record(new));
    }
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Apart::Addresses => "addresses that may talk to each other change, and not all at once",
            Apart::AddressesAndPolicies => "addresses change together with policies that tell them apart",
        })
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Whole::Unrelated => "everything was compiled in between",
            Whole::Wide => "the bits of rules of policies of many endpoints are others",
            Whole::Traffic => "traffic is told apart otherwise",
        })
    }
}
