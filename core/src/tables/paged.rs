//! Arrays of which a writer replaces single records while clones are read.
//!
//! Pages that are shared are never written. A writer copies a page when it first changes it, and goes on changing that
//! copy until [`Pages::seal`] puts it among those that clones share.

use super::{Arena, count, index, prefetch};

/// Whether pages are to be moved to leave behind those that were replaced, which take so much of all bytes.
pub(super) fn is_worth_moving(garbage: usize, all: usize) -> bool {
    const LEAST: usize = 1 << 20;
    garbage > LEAST && garbage / 2 > all / 3
}

/// Pages by number. Those that are new since the last seal can be changed.
#[derive(Debug, Clone)]
pub(super) struct Pages<P: Copy> {
    sealed: Arena<P>,
    /// Their numbers go on from those of the sealed ones.
    fresh: Vec<P>,
}

impl<P: Copy> Default for Pages<P> {
    fn default() -> Self {
        Pages { sealed: Arena::default(), fresh: Vec::new() }
    }
}

impl<P: Copy> From<Vec<P>> for Pages<P> {
    /// All of them can still be changed.
    fn from(pages: Vec<P>) -> Self {
        Pages { sealed: Arena::default(), fresh: pages }
    }
}

impl<P: Copy> Pages<P> {
    /// To read a sealed page costs as much as to read an array.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&P> {
        match self.sealed.get(index(number)) {
            None => self.fresh_page(number),
            page => page,
        }
    }

    /// The same of those that are sealed only.
    #[inline]
    pub(super) fn get_sealed(&self, number: u32) -> Option<&P> {
        self.sealed.get(index(number))
    }

    #[cold]
    fn fresh_page(&self, number: u32) -> Option<&P> {
        self.fresh.get(index(number).checked_sub(self.sealed.len())?)
    }

    /// The page, if it is new since the last seal.
    pub(super) fn fresh_mut(&mut self, number: u32) -> Option<&mut P> {
        self.fresh.get_mut(index(number).checked_sub(self.sealed.len())?)
    }

    /// The number of a new page.
    pub(super) fn push(&mut self, page: P) -> u32 {
        let number = self.len();
        self.fresh.push(page);
        number
    }

    /// Sealed pages of both with the same number are the same page.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        self.sealed.shares_with(&other.sealed)
    }

    /// Lets clones share the new pages, which from then on cannot be changed.
    pub(super) fn seal(&mut self) {
        if self.sealed.is_empty() {
            self.sealed = std::mem::take(&mut self.fresh).into();
        }
        self.sealed.extend_from_slice(&self.fresh);
        self.fresh.clear();
    }

    pub(super) fn len(&self) -> u32 {
        count(self.sealed.len() + self.fresh.len())
    }

    #[inline]
    pub(super) fn prefetch(&self, number: u32) {
        prefetch(&self.sealed, index(number));
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sealed) + size_of_val(&*self.fresh)
    }
}

impl<T: Copy, const N: usize> Pages<[T; N]> {
    /// Brings in one place of a page.
    #[inline]
    pub(super) fn prefetch_in(&self, number: u32, place: usize) {
        prefetch(self.sealed.as_flattened(), index(number).wrapping_mul(N) + place);
    }
}

/// Records by number, from 0, which can be replaced: `N` to a page.
///
/// Reading a record that is sealed is two steps, to its page and to the record. Replacing one copies its page, and, the
/// first time after a clone was taken, the numbers of all pages. What was replaced stays until [`Paged::compact`].
#[derive(Debug, Clone)]
pub(crate) struct Paged<T: Copy, const N: usize = 64> {
    /// The pages by the numbers of their records.
    directory: Arena<u32>,
    pages: Pages<[T; N]>,
    len: u32,
}

impl<T: Copy, const N: usize> Default for Paged<T, N> {
    fn default() -> Self {
        Paged { directory: Arena::default(), pages: Pages::default(), len: 0 }
    }
}

impl<T: Copy, const N: usize> Paged<T, N> {
    /// The place in the directory, and the one in the page.
    #[inline]
    fn place(number: u32) -> (usize, usize) {
        let number = index(number);
        (number / N, number % N)
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        if number >= self.len {
            return None;
        }
        let (page, place) = Self::place(number);
        self.pages.get(*self.directory.get(page)?)?.get(place)
    }

    /// Brings in a record.
    pub(crate) fn prefetch(&self, number: u32) {
        let (page, place) = Self::place(number);
        let page = self.directory.get(page).and_then(|page| self.pages.get(*page));
        page.into_iter().for_each(|page| prefetch(page, place));
    }

    /// Replaces a record; one that is not there stays so. It shows at once in this value, and in clones taken from now
    /// on, which are cheap again after [`Paged::seal`].
    pub(crate) fn set(&mut self, number: u32, record: T) {
        if number >= self.len {
            return;
        }
        let (page, place) = Self::place(number);
        if let Some(page) = self.page_mut(page) {
            page.iter_mut().skip(place).take(1).for_each(|place| *place = record);
        }
    }

    /// A page, ready to be changed.
    fn page_mut(&mut self, page: usize) -> Option<&mut [T; N]> {
        let known = *self.directory.get(page)?;
        if self.pages.fresh_mut(known).is_none() {
            let copy = self.pages.push(*self.pages.get(known)?);
            *self.directory.make_mut().get_mut(page)? = copy;
        }
        self.pages.fresh_mut(*self.directory.get(page)?)
    }

    /// The number of the new record.
    pub(crate) fn push(&mut self, record: T) -> u32 {
        let number = self.len;
        if Self::place(number).1 == 0 {
            let page = self.pages.push([record; N]);
            self.directory.push(page);
        }
        self.len += 1;
        self.set(number, record);
        number
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// In the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        let pages = self.directory.iter().filter_map(|page| self.pages.get(*page));
        pages.flatten().take(index(self.len))
    }

    /// The numbers of the records that an older one does not have, or has otherwise. Both are sealed. It looks at every
    /// page that they do not share, and at the numbers of all pages.
    pub(crate) fn changed(&self, old: &Self) -> Vec<u32>
    where
        T: PartialEq,
    {
        let shared = self.pages.shares_with(&old.pages);
        let is_new = |(page, known): &(usize, &u32)| !(shared && old.directory.get(*page) == Some(known));
        let pages = self.directory.iter().enumerate().filter(is_new);
        let records = pages.flat_map(|(page, _)| count(page * N)..count((page + 1) * N).min(self.len));
        records.filter(|number| self.get(*number) != old.get(*number)).collect()
    }

    /// Lets clones share what changed. A clone that was taken before is as it was. When pages that were replaced take twice
    /// what those in use do, the latter are moved, so that the former can be freed.
    pub(crate) fn seal(&mut self) {
        self.pages.seal();
        if is_worth_moving(self.garbage(), self.bytes()) {
            self.compact();
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.pages.bytes() + size_of_val(&*self.directory)
    }

    /// The bytes of pages that were replaced.
    pub(crate) fn garbage(&self) -> usize {
        index(self.pages.len()).saturating_sub(self.directory.len()) * size_of::<[T; N]>()
    }

    /// Moves all records to new memory, without what was replaced.
    pub(crate) fn compact(&mut self) {
        let pages = self.directory.iter().filter_map(|page| self.pages.get(*page));
        let mut moved = Vec::with_capacity(2 * self.directory.len());
        moved.extend(pages);
        self.directory = (0..count(moved.len())).collect();
        self.pages = moved.into();
        self.pages.seal();
    }
}

impl<T: Copy, const N: usize> From<Vec<T>> for Paged<T, N> {
    /// Records that are all new: until they are sealed, replacing one copies nothing.
    fn from(records: Vec<T>) -> Self {
        let (whole, rest) = records.as_chunks::<N>();
        let mut pages = Vec::with_capacity(whole.len() + 1);
        pages.extend_from_slice(whole);
        if let Some(last) = rest.last() {
            let mut page = [*last; N];
            page.iter_mut().zip(rest).for_each(|(place, record)| *place = *record);
            pages.push(page);
        }
        Paged { directory: (0..count(pages.len())).collect(), pages: pages.into(), len: count(records.len()) }
    }
}

impl<T: Copy, const N: usize> FromIterator<T> for Paged<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        Vec::from_iter(records).into()
    }
}

/// Whatever pages hold them.
impl<T: Copy + PartialEq, const N: usize> PartialEq for Paged<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Small = Paged<u16, 4>;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u32, u16),
        Push(u16),
        Seal,
        Clone,
        Compact,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..40_u32, any::<u16>()).prop_map(|(number, to)| Step::Set(number, to)),
            2 => any::<u16>().prop_map(Step::Push),
            1 => Just(Step::Seal),
            1 => Just(Step::Clone),
            1 => Just(Step::Compact),
        ]
    }

    proptest! {
        #[test]
        fn the_newest_is_as_a_vector_and_clones_are_as_they_were(
            first in prop::collection::vec(any::<u16>(), 0..30),
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let (mut paged, mut list) = (Small::from(first.clone()), first);
            let mut clones: Vec<(Small, Vec<u16>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Set(number, to) => {
                        paged.set(number, to);
                        list.iter_mut().skip(index(number)).take(1).for_each(|place| *place = to);
                    }
                    Step::Push(record) => {
                        prop_assert_eq!(index(paged.push(record)), list.len());
                        list.push(record);
                    }
                    Step::Seal => paged.seal(),
                    Step::Clone => clones.push((paged.clone(), list.clone())),
                    Step::Compact => {
                        paged.compact();
                        prop_assert_eq!(paged.garbage(), 0);
                    }
                }
                for (paged, list) in clones.iter().chain([&(paged.clone(), list.clone())]) {
                    prop_assert_eq!(index(paged.len()), list.len());
                    prop_assert!(paged.iter().eq(list));
                    prop_assert!((0..50).all(|number| paged.get(number) == list.get(index(number))));
                    prop_assert!(*paged == Small::from(list.clone()));
                }
            }
        }
    }

    #[test]
    fn a_page_is_copied_once_between_two_seals() {
        let mut paged: Small = (0..16).collect();
        paged.set(0, 0);
        paged.seal();
        let pages = paged.bytes();
        for round in 0..10 {
            paged.set(5, round);
            paged.set(6, round);
        }
        assert_eq!((paged.bytes() - pages, paged.garbage()), (8, 8));
        paged.seal();
        paged.set(5, 1);
        assert_eq!(paged.garbage(), 16);
        assert_eq!(paged.iter().copied().skip(4).take(4).collect::<Vec<_>>(), [4, 1, 9, 7]);
    }
}
