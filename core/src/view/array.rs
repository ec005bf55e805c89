//! Records by number.

use crate::tables::{Arena, Paged, Pool, Table, count, index};
use std::fmt;

/// Records by number, from 0. It holds nothing itself: a copy costs nothing, and a record is made when it is asked for.
pub struct Array<'a, T> {
    records: &'a (dyn Records<T> + 'a),
}

/// What records are made of.
pub(super) trait Records<T>: Sync {
    fn count(&self) -> u32;
    fn record(&self, number: u32) -> Option<T>;
}

impl<'a, T> Array<'a, T> {
    pub(super) fn new(records: &'a dyn Records<T>) -> Self {
        Array { records }
    }

    /// How many there are.
    pub fn len(self) -> u32 {
        self.records.count()
    }

    /// There are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The record with a number.
    pub fn get(self, number: u32) -> Option<T> {
        self.records.record(number)
    }

    /// All of them in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = T> + use<'a, T> {
        (0..self.len()).filter_map(move |number| self.get(number))
    }
}

impl<T> Clone for Array<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Array<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for Array<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T, R: Copy + Into<T> + Send + Sync> Records<T> for Arena<R> {
    fn count(&self) -> u32 {
        count(self.len())
    }

    fn record(&self, number: u32) -> Option<T> {
        self.get(index(number)).copied().map(R::into)
    }
}

impl<T, R: Copy + Into<T> + Send + Sync> Records<T> for Pool<R> {
    fn count(&self) -> u32 {
        count(self.len())
    }

    fn record(&self, number: u32) -> Option<T> {
        self.get(number).copied().map(R::into)
    }
}

impl<T, R: Copy + Into<T> + Send + Sync> Records<T> for Table<R> {
    fn count(&self) -> u32 {
        self.len()
    }

    fn record(&self, number: u32) -> Option<T> {
        self.get(number).copied().map(R::into)
    }
}

impl<T, R: Copy + Into<T> + Send + Sync, const N: usize> Records<T> for Paged<R, N> {
    fn count(&self) -> u32 {
        self.len()
    }

    fn record(&self, number: u32) -> Option<T> {
        self.get(number).copied().map(R::into)
    }
}
