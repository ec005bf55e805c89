//! Arrays addressed by number.

/// Records by number, from 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table<T>(pub(super) Vec<T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

impl<T> Table<T> {
    /// The number of the new record.
    pub(crate) fn push(&mut self, record: T) -> u32 {
        let number = count(self.0.len());
        self.0.push(record);
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.0.get(index(number))
    }

    /// Replaces a record that is there.
    pub(crate) fn set(&mut self, number: u32, record: T) {
        if let Some(place) = self.0.get_mut(index(number)) {
            *place = record;
        }
    }

    pub(crate) fn len(&self) -> u32 {
        count(self.0.len())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<T>()
    }
}

impl<T> FromIterator<T> for Table<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        Table(records.into_iter().collect())
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
}

/// Lists of records, one behind the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool<T>(pub(super) Vec<T>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool(Vec::new())
    }
}

impl<T> Pool<T> {
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// The list; empty if the span is none of this pool.
    pub(crate) fn slice(&self, span: Span) -> &[T] {
        let start = index(span.start);
        self.0.get(start..start.saturating_add(index(span.len))).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<T>()
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
