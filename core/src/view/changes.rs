//! What differs between the programs of two snapshots of which one follows from the other.

use crate::tables::{Class, ListRecord, Program};
use std::collections::BTreeSet;
use std::collections::HashMap;

/// Which records of a program are new or others. What is only ever added is not among them.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Lists: a list with a number says the same of every class that there was, and more of new ones.
    pub(super) lists: Vec<u32>,
    /// Classes that are new, and those that are governed as before, by lists that were written anew.
    pub(super) alike: Vec<u32>,
    /// Classes that are governed otherwise than before.
    pub(super) otherwise: BTreeSet<u32>,
}

impl Changes {
    /// None if a class is something else to others than before.
    pub(super) fn between(old: &Program, new: &Program) -> Option<Self> {
        let lists = new.lists.changed(&old.lists);
        // Each writing of a list has endings of its own, which therefore tell lists apart.
        let endings =
            |lists: &crate::tables::Paged<ListRecord>, list| lists.get(list).map(|list| list.endings);
        let anew = |list: &u32| Some((endings(&old.lists, *list)?, endings(&new.lists, *list)?));
        let anew: HashMap<u32, u32, ahash::RandomState> = lists.iter().filter_map(anew).collect();
        let is_same = |old: &ListRecord, new: &ListRecord| {
            old == new || old.subject_row == new.subject_row && anew.get(&old.endings) == Some(&new.endings)
        };
        let mut changes = Changes { lists, ..Changes::default() };
        for number in new.classes.changed(&old.classes) {
            let (known, class) = (old.classes.get(number), new.classes.get(number)?);
            let known = known.unwrap_or(class);
            if to_others(known) != to_others(class) {
                return None;
            }
            if known.sides.iter().zip(&class.sides).all(|(known, list)| is_same(known, list)) {
                changes.alike.push(number);
            } else {
                changes.otherwise.insert(number);
            }
        }
        Some(changes)
    }
}

/// What others read of a class.
fn to_others(class: &Class) -> ([u32; 2], u32, u32) {
    (class.peer_rows, class.group, class.flags)
}
