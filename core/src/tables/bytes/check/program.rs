//! The fast form of a scope.

use super::{Check, Checked};
use crate::model::Reason;
use crate::tables::{
    Bucket, Class, Ending, ListRecord, NO_MATCH, NONE, Program, Row, Tables, Wide, count, index,
};
use std::collections::{HashMap, HashSet};

pub(super) fn check(check: Check, tables: &Tables, program: &Program) -> Checked {
    let lists = Lists::new(check, program)?;
    (0..).zip(program.lists.iter()).try_for_each(|(number, list)| lists.list(number, list))?;
    check.ensure(
        program.slow_lists <= program.lists.len(),
        format_args!("slow_lists"),
        format_args!("there are fewer lists than {}", program.slow_lists),
    )?;
    for (side, wide) in program.wide.iter().enumerate() {
        self::wide(check, tables, side, wide)?;
    }
    let known: HashSet<ListRecord, ahash::RandomState> = program.lists.iter().copied().collect();
    check.ensure(
        program.classes.len() == tables.addresses.classes.len(),
        format_args!("classes"),
        format_args!(
            "there are {}, but addresses have {}",
            program.classes.len(),
            tables.addresses.classes.len()
        ),
    )?;
    let mut classes = program.classes.iter().enumerate();
    classes.try_for_each(|(number, class)| self::class(check, program, &known, number, class))
}

fn class(
    check: Check,
    program: &Program,
    known: &HashSet<ListRecord, ahash::RandomState>,
    number: usize,
    class: &Class,
) -> Checked {
    check.ensure(
        class.flags & !(Class::SLOW | Class::V6) == 0,
        format_args!("classes[{number}].flags"),
        format_args!("there is no flag {:#x}", class.flags),
    )?;
    for (side, ((list, wide), peer)) in class.sides.iter().zip(&program.wide).zip(class.peer_rows).enumerate()
    {
        let record = format_args!("classes[{number}].sides[{side}]");
        check.ensure(
            known.contains(&ListRecord { subject_row: 0, ..*list }),
            record,
            format_args!("it is none of the lists"),
        )?;
        check.number(list.subject_row, rows(wide, wide.subjects.len()), "rows of bits", record)?;
        check.number(
            peer,
            rows(wide, wide.peers.len()),
            "rows of bits",
            format_args!("classes[{number}].peer_rows"),
        )?;
        check.ensure(
            usize::from(list.words_before) <= wide.tier_ends.len(),
            record,
            format_args!("there are fewer words than {}", list.words_before),
        )?;
    }
    Ok(())
}

/// How many rows of bits there are; without any block one, which is empty.
fn rows(wide: &Wide, blocks: usize) -> u32 {
    count(blocks).checked_div(wide.blocks).unwrap_or(1)
}

fn ending(check: Check, ending: &Ending, record: std::fmt::Arguments<'_>) -> Checked {
    check.ensure(
        ending.code & !(Ending::ACTION | Ending::HTTP | Ending::LOG) == 0
            && Reason::ALL.iter().any(|reason| *reason as u8 == ending.reason),
        record,
        format_args!("there is no code {} or no reason {}", ending.code, ending.reason),
    )
}

fn wide(check: Check, tables: &Tables, side: usize, wide: &Wide) -> Checked {
    let words = wide.tier_ends.len();
    check.ensure(
        wide.endings.len() == words * 64 && index(wide.blocks) == words.div_ceil(8),
        format_args!("wide[{side}]"),
        format_args!(
            "{words} words, {} bits and {} blocks do not go together",
            wide.endings.len(),
            wide.blocks
        ),
    )?;
    for (name, blocks) in [("subjects", &wide.subjects), ("peers", &wide.peers), ("traffic", &wide.traffic)] {
        let whole = match index(wide.blocks) {
            0 => blocks.is_empty(),
            width => !blocks.is_empty() && blocks.len().is_multiple_of(width),
        };
        check.ensure(
            whole && u32::try_from(blocks.len()).is_ok(),
            format_args!("wide[{side}].{name}"),
            format_args!("{} blocks are no number of rows of {}", blocks.len(), wide.blocks),
        )?;
    }
    check.ensure(
        count(wide.traffic_rows.len()) == tables.traffic.atoms,
        format_args!("wide[{side}].traffic_rows"),
        format_args!("there are {}, but {} atoms", wide.traffic_rows.len(), tables.traffic.atoms),
    )?;
    for (atom, row) in wide.traffic_rows.iter().enumerate() {
        let record = format_args!("wide[{side}].traffic_rows[{atom}]");
        check.number(*row, rows(wide, wide.traffic.len()), "rows of bits", record)?;
    }
    for (word, end) in wide.tier_ends.iter().enumerate() {
        let end = usize::from(*end);
        check.ensure(
            word < end && end <= words,
            format_args!("wide[{side}].tier_ends[{word}]"),
            format_args!("the next tier cannot begin at word {end} of {words}"),
        )?;
    }
    let mut endings = wide.endings.iter().enumerate();
    endings.try_for_each(|(bit, ending)| {
        self::ending(check, ending, format_args!("wide[{side}].endings[{bit}]"))
    })
}

/// Lists, with what their checks need to know.
struct Lists<'a> {
    check: Check,
    program: &'a Program,
    /// For each row, the highest number of an ending that it leads to.
    highest: Vec<u32>,
    /// The same for base rows and buckets of lists.
    bases: HashMap<Window, u32, ahash::RandomState>,
    buckets: HashMap<Window, u32, ahash::RandomState>,
    /// For how many groups of classes a list has a base row.
    groups: u32,
    /// The words of the direction that has more of them.
    words: usize,
}

impl<'a> Lists<'a> {
    fn new(check: Check, program: &'a Program) -> Result<Self, super::SnapshotError> {
        let highest: Vec<u32> = reach(check, program)?.into_iter().map(|row| row.highest).collect();
        for (position, row) in program.bases.iter().enumerate() {
            check.number(*row, count(highest.len()), "rows", format_args!("bases[{position}]"))?;
        }
        for (number, ending) in program.endings.iter().enumerate() {
            self::ending(check, ending, format_args!("endings[{number}]"))?;
        }
        let of_row = |row: &u32| highest.get(index(*row)).copied().unwrap_or(0);
        let of_bases: Vec<u32> = program.bases.iter().map(of_row).collect();
        let numbered = program.buckets.iter().enumerate();
        let of_buckets: Vec<u32> = numbered
            .map(|(number, bucket)| self::bucket(check, program, number, bucket, &highest))
            .collect::<Result<_, _>>()?;
        let groups = program.classes.iter().map(|class| class.group).max().unwrap_or(0).saturating_add(1);
        Ok(Lists {
            check,
            program,
            bases: windows(check, "bases", program.lists.iter().map(|list| bases(list, groups)), &of_bases)?,
            buckets: windows(check, "buckets", program.lists.iter().map(buckets), &of_buckets)?,
            groups,
            words: program.wide.iter().map(|wide| wide.tier_ends.len()).max().unwrap_or(0),
            highest,
        })
    }

    /// Its buckets, bases, rows and endings are there, and it leads to an earlier list.
    fn list(&self, number: u32, list: &ListRecord) -> Checked {
        let Lists { check, program, .. } = *self;
        let record = format_args!("lists[{number}]");
        check.ensure(
            list.subject_row == 0 && list.flags & !(ListRecord::ONE_BASE | ListRecord::MIXED) == 0,
            record,
            format_args!("it has a row of bits, or flags that there are not"),
        )?;
        check.number(list.wild, count(program.rows.len()), "rows", record)?;
        let header = program.endings.get(index(list.endings)).copied();
        let header = header.unwrap_or(Ending { rule: number, ..Ending::default() });
        check.ensure(
            header.rule == NONE || header.rule < number,
            record,
            format_args!("the list {} that comes next is not an earlier one", header.rule),
        )?;
        check.ensure(
            list.words_before <= header.position && usize::from(header.position) <= self.words,
            record,
            format_args!("words {} to {} are not those of a tier", list.words_before, header.position),
        )?;
        let rows = [self.bases.get(&bases(list, self.groups)), self.buckets.get(&buckets(list))];
        let rows = rows.into_iter().chain([self.highest.get(index(list.wild))]);
        let highest = rows.flatten().max().copied().unwrap_or(0);
        let last = index(list.endings).saturating_add(index(highest));
        check.ensure(
            last < program.endings.len(),
            record,
            format_args!("its rows lead to ending {last}, but there are {}", program.endings.len()),
        )
    }
}

/// A run of base rows or of buckets: the first of them, and how many.
type Window = (u32, u32);

/// The base rows of a list.
fn bases(list: &ListRecord, groups: u32) -> Window {
    (list.base, if list.flags & ListRecord::ONE_BASE == 0 { groups } else { 1 })
}

/// The buckets of a list; it looks into the first even if it has none.
fn buckets(list: &ListRecord) -> Window {
    (list.bucket, Bucket::count(list.buckets).max(1))
}

/// What is the highest in each window. Lists share whole windows or nothing of them.
fn windows(
    check: Check,
    name: &str,
    windows: impl Iterator<Item = Window>,
    highest: &[u32],
) -> Result<HashMap<Window, u32, ahash::RandomState>, super::SnapshotError> {
    let mut all: Vec<Window> = windows.collect();
    all.sort_unstable();
    all.dedup();
    let mut end = 0;
    let mut found = HashMap::default();
    for (first, len) in all {
        let last = first.checked_add(len).filter(|last| index(*last) <= highest.len() && first >= end);
        check.ensure(
            last.is_some(),
            format_args!("{name}"),
            format_args!(
                "lists have {len} from {first} on, which do not exist, or in part are those of another list"
            ),
        )?;
        end = last.unwrap_or(end);
        let members = highest.get(index(first)..index(end)).unwrap_or_default();
        found.insert((first, len), members.iter().copied().max().unwrap_or(0));
    }
    Ok(found)
}

/// What a row leads to.
struct Reach {
    /// The highest number of an ending.
    highest: u32,
    /// How many rows lie on the longest way.
    levels: u8,
}

fn reach(check: Check, program: &Program) -> Result<Vec<Reach>, super::SnapshotError> {
    let mut known = Vec::with_capacity(program.rows.len());
    for (number, row) in program.rows.iter().enumerate() {
        known.push(self::row(check, &known, number, row)?);
    }
    Ok(known)
}

/// What a row leads to, given the rows before it.
fn row(check: Check, known: &[Reach], number: usize, row: &Row) -> Result<Reach, super::SnapshotError> {
    let record = format_args!("rows[{number}]");
    let used = row.starts.iter().take_while(|start| **start != u32::MAX).count();
    let places = || row.starts.iter().copied().zip(row.words);
    check.ensure(
        places().skip(used).all(|place| place == (u32::MAX, NO_MATCH)),
        record,
        format_args!("a segment comes after the last one"),
    )?;
    let [first, ..] = row.starts;
    check.ensure(
        [0, Row::NODE].contains(&first) && row.starts.iter().take(used).is_sorted_by(|a, b| a < b),
        record,
        format_args!("its segments do not begin at 0, are not sorted, or repeat"),
    )?;
    let mut found = Reach { highest: 0, levels: 1 };
    for (_, word) in places().take(used) {
        if row.is_node() {
            check.number(word, count(known.len()), "rows before it", record)?;
            let (highest, levels) =
                known.get(index(word)).map_or((0, 0), |below| (below.highest, below.levels));
            found.highest = found.highest.max(highest);
            found.levels = found.levels.max(levels + 1);
        } else if word != NO_MATCH {
            check.ensure(word >> 2 > 0, record, format_args!("it leads to what is no ending"))?;
            found.highest = found.highest.max(word >> 2);
        }
    }
    check.ensure(
        found.levels <= Row::LEVELS,
        record,
        format_args!("{} rows lie on a way from it, but no more than {} can", found.levels, Row::LEVELS),
    )?;
    Ok(found)
}

/// The highest number of an ending that the rows of a bucket lead to.
fn bucket(
    check: Check,
    program: &Program,
    number: usize,
    bucket: &Bucket,
    highest: &[u32],
) -> Result<u32, super::SnapshotError> {
    let record = format_args!("buckets[{number}]");
    let used = bucket.classes.iter().take_while(|class| **class != NONE).count();
    let places = || bucket.classes.iter().zip(&bucket.rows);
    check.ensure(
        places().skip(used).all(|place| place == (&NONE, &0)),
        record,
        format_args!("a class comes after the last one"),
    )?;
    let mut found = 0;
    for (class, row) in places().take(used) {
        check.number(*class, program.classes.len(), "classes", record)?;
        check.number(*row, count(highest.len()), "rows", record)?;
        found = found.max(highest.get(index(*row)).copied().unwrap_or(0));
    }
    Ok(found)
}
