//! Arrays addressed by number. Clones share what they hold.

use super::Arena;
use std::sync::Arc;

/// Records by number, from 0, which are added and never replaced.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table<T: Copy>(pub(super) Arena<T>);

impl<T: Copy> Default for Table<T> {
    fn default() -> Self {
        Table(Arena::default())
    }
}

impl<T: Copy> Table<T> {
    /// The number of the new record.
    pub(crate) fn push(&mut self, record: T) -> u32 {
        let number = count(self.0.len());
        self.0.push(record);
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.0.get(index(number))
    }

    pub(crate) fn len(&self) -> u32 {
        count(self.0.len())
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

impl<T: Copy> From<Vec<T>> for Table<T> {
    fn from(records: Vec<T>) -> Self {
        Table(records.into())
    }
}

impl<T: Copy> FromIterator<T> for Table<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        Table(records.into_iter().collect())
    }
}

impl<T: Copy> Extend<T> for Table<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, records: I) {
        self.0.extend(records);
    }
}

/// A run of records in a [`Pool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    /// The places of its records in the pool.
    pub(crate) fn range(self) -> std::ops::Range<u32> {
        self.start..self.start.saturating_add(self.len)
    }

    /// Its records, if the pool has them all.
    fn of<T>(self, pool: &[T]) -> &[T] {
        let start = index(self.start);
        pool.get(start..start.saturating_add(index(self.len))).unwrap_or_default()
    }
}

/// Lists of records, one behind the other, which are added and never replaced.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool<T: Copy>(pub(super) Arena<T>);

impl<T: Copy> Default for Pool<T> {
    fn default() -> Self {
        Pool(Arena::default())
    }
}

impl<T: Copy> Pool<T> {
    pub(crate) fn push(&mut self, list: impl IntoIterator<Item = T>) -> Span {
        let start = count(self.0.len());
        self.0.extend(list);
        Span { start, len: count(self.0.len()) - start }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.0.get(index(number))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The list; empty if the span is none of this pool.
    pub(crate) fn slice(&self, span: Span) -> &[T] {
        span.of(&self.0)
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

impl<T: Copy> From<Vec<T>> for Pool<T> {
    fn from(records: Vec<T>) -> Self {
        Pool(records.into())
    }
}

/// Records by number that hardly ever change: a clone that changes copies all of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shared<T>(pub(super) Arc<Vec<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(Arc::default())
    }
}

impl<T: Clone> Shared<T> {
    /// The number of the new record.
    pub(crate) fn push(&mut self, record: T) -> u32 {
        let number = self.len();
        Arc::make_mut(&mut self.0).push(record);
        number
    }

    /// Adds a list.
    pub(crate) fn append(&mut self, list: impl IntoIterator<Item = T>) -> Span {
        let start = self.len();
        Arc::make_mut(&mut self.0).extend(list);
        Span { start, len: self.len() - start }
    }
}

impl<T> Shared<T> {
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.0.get(index(number))
    }

    pub(crate) fn len(&self) -> u32 {
        count(self.0.len())
    }

    /// The list; empty if there is none.
    pub(crate) fn slice(&self, span: Span) -> &[T] {
        span.of(&self.0)
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(records: Vec<T>) -> Self {
        Shared(Arc::new(records))
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        Vec::from_iter(records).into()
    }
}

/// A table of more records than 32 bits count does not fit any memory this runs in.
pub(crate) fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found_again_and_foreign_spans_are_empty() {
        let mut pool = Pool::default();
        let (first, second) = (pool.push([1, 2]), pool.push([3]));
        assert_eq!((pool.slice(first), pool.slice(second)), (&[1, 2][..], &[3][..]));
        assert_eq!(pool.slice(Span { start: 2, len: 2 }), &[] as &[i32]);
        assert_eq!(Pool::<u8>::default().slice(first), &[] as &[u8]);
    }
}
