//! Lists of tables, whatever holds them, as vectors.

use crate::tables::{Arena, Paged, Pool, Shared, Table};

/// A list of tables, taken apart.
pub(super) trait List: Sized {
    type Record: Clone;
    fn records(&self) -> Vec<Self::Record>;
    fn put(&mut self, records: Vec<Self::Record>);
}

macro_rules! lists {
    ($($list:ty, $bound:ident $([$number:ident])?, $records:expr;)+) => {$(
        impl<T: $bound $(, const $number: usize)?> List for $list {
            type Record = T;

            fn records(&self) -> Vec<T> {
                let records: fn(&Self) -> Vec<T> = $records;
                records(self)
            }

            fn put(&mut self, records: Vec<T>) {
                *self = records.into();
            }
        }
    )+};
}

lists! {
    Arena<T>, Copy, |list| list.to_vec();
    Table<T>, Copy, |list| list.0.to_vec();
    Pool<T>, Copy, |list| list.0.to_vec();
    Shared<T>, Clone, |list| list.as_slice().to_vec();
    Paged<T, N>, Copy [N], |list| list.iter().copied().collect();
}

/// A list as a vector, which is put back when this goes.
pub(super) struct Edit<'a, L: List>(&'a mut L, Vec<L::Record>);

pub(super) fn edit<L: List>(list: &mut L) -> Edit<'_, L> {
    let records = list.records();
    Edit(list, records)
}

impl<L: List> std::ops::Deref for Edit<'_, L> {
    type Target = Vec<L::Record>;

    fn deref(&self) -> &Self::Target {
        &self.1
    }
}

impl<L: List> std::ops::DerefMut for Edit<'_, L> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.1
    }
}

impl<L: List> Drop for Edit<'_, L> {
    fn drop(&mut self) {
        self.0.put(std::mem::take(&mut self.1));
    }
}
