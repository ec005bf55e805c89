//! The one place of the core where memory is touched by address.
#![allow(unsafe_code, reason = "arrays that grow while they are read, prefetching, and SIMD")]

mod compare;
mod lanes;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use lanes::{Lanes, Task, Usual, run};

use super::Block;
#[cfg(all(test, loom))]
use loom::sync::atomic::AtomicUsize;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
#[cfg(not(all(test, loom)))]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// An array whose clones share memory, and which who holds the newest clone extends in place.
///
/// A clone sees its own cells and no others, for ever: what one clone appends, older ones do not see. Cells are written
/// before the clone that shows them exists, and never again, so readers need no lock. If two clones are extended, the
/// second one gets memory of its own.
///
/// Reading costs as much as reading a `Vec`: the address and the length stand in the clone, and the count of clones is
/// elsewhere.
pub(crate) struct Arena<T: Copy> {
    cells: NonNull<T>,
    len: usize,
    storage: Option<Arc<Storage<T>>>,
}

/// Memory of a fixed number of cells.
struct Storage<T> {
    cells: NonNull<T>,
    capacity: usize,
    /// How many cells are some clone's, or about to be. It only grows.
    claimed: AtomicUsize,
}

// SAFETY: a storage owns its cells, as a `Vec` does; what it hands out by reference are values of `T`. Its clones may be
// read and dropped on several threads at once, so `T` must be fit to be shared and to be sent.
unsafe impl<T: Send + Sync> Send for Storage<T> {}
// SAFETY: as above. Of a shared storage only `claimed` changes, which is atomic, and cells that no clone shows yet, which
// belong to the one who claimed them.
unsafe impl<T: Send + Sync> Sync for Storage<T> {}
// SAFETY: an arena is a shared storage and a number; `cells` is the address of that storage's cells, which live as long.
unsafe impl<T: Copy + Send + Sync> Send for Arena<T> {}
// SAFETY: as above. A shared arena can only be read.
unsafe impl<T: Copy + Send + Sync> Sync for Arena<T> {}

impl<T> Storage<T> {
    /// Claims `more` cells from `len` on, which must be the first that nobody claimed. From then on nobody else writes
    /// them, and nobody reads them before the claimer shows them in a clone.
    fn claim(&self, len: usize, more: usize) -> bool {
        let Some(end) = len.checked_add(more).filter(|end| *end <= self.capacity) else { return false };
        // No ordering is needed: the claimed cells were never accessed, and what is written to them reaches other threads
        // with the clone that shows them.
        self.claimed.compare_exchange(len, end, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl<T> Drop for Storage<T> {
    fn drop(&mut self) {
        // SAFETY: address and capacity are those of the `Vec` that the storage was made from, which was not dropped. The
        // cells are `Copy`, so none of them needs to be.
        drop(unsafe { Vec::from_raw_parts(self.cells.as_ptr(), 0, self.capacity) });
    }
}

impl<T: Copy> Arena<T> {
    /// Appends one cell.
    pub(crate) fn push(&mut self, cell: T) {
        self.extend_from_slice(&[cell]);
    }

    /// Appends cells: in place if there is room that no other clone has claimed, else by moving to memory of twice the
    /// size.
    pub(crate) fn extend_from_slice(&mut self, more: &[T]) {
        if more.is_empty() {
            return;
        }
        let in_place = self.storage.as_ref().is_some_and(|storage| storage.claim(self.len, more.len()));
        if !in_place {
            let mut cells = Vec::with_capacity(2 * (self.len + more.len()));
            cells.extend_from_slice(self);
            cells.extend_from_slice(more);
            *self = Arena::from(cells);
            return;
        }
        // SAFETY: the claim says that the storage has these cells and that they are nobody else's. `more` cannot be among
        // them, because no reference to them exists.
        unsafe { self.cells.as_ptr().add(self.len).copy_from_nonoverlapping(more.as_ptr(), more.len()) };
        self.len += more.len();
    }

    /// Both stand in the same memory: what is at a place of both is the same.
    pub(crate) fn shares_with(&self, other: &Self) -> bool {
        self.cells == other.cells
    }

    /// Both hold the same cells; found at once if they share them.
    pub(crate) fn is_same(&self, other: &Self) -> bool
    where
        T: PartialEq,
    {
        self.len == other.len && self.shares_with(other) || self == other
    }

    /// All cells, to be changed. They are copied if there is another clone.
    pub(crate) fn make_mut(&mut self) -> &mut [T] {
        if self.storage.as_mut().is_some_and(|storage| Arc::get_mut(storage).is_none()) {
            *self = Arena::from(self.to_vec());
        }
        // SAFETY: the first `len` cells are written. There is no other clone of the storage, and this one is borrowed
        // mutably as long as the slice lives.
        unsafe { std::slice::from_raw_parts_mut(self.cells.as_ptr(), self.len) }
    }
}

impl<T: Copy> From<Vec<T>> for Arena<T> {
    /// Takes over the memory, as large as it is.
    fn from(cells: Vec<T>) -> Self {
        if cells.capacity() == 0 {
            return Arena::default();
        }
        let mut cells = ManuallyDrop::new(cells);
        let (len, capacity) = (cells.len(), cells.capacity());
        // SAFETY: the address of a `Vec`'s memory is never null.
        let cells = unsafe { NonNull::new_unchecked(cells.as_mut_ptr()) };
        let storage = Storage { cells, capacity, claimed: AtomicUsize::new(len) };
        Arena { cells, len, storage: Some(Arc::new(storage)) }
    }
}

impl<T: Copy> Deref for Arena<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the first `len` cells were written before this clone existed and are not written while any clone shows
        // them, but by `make_mut`, which needs the only one and borrows it mutably. The storage lives as long as the clone.
        unsafe { std::slice::from_raw_parts(self.cells.as_ptr(), self.len) }
    }
}

impl<T: Copy> Default for Arena<T> {
    /// Without memory.
    fn default() -> Self {
        Arena { cells: NonNull::dangling(), len: 0, storage: None }
    }
}

impl<T: Copy> Clone for Arena<T> {
    fn clone(&self) -> Self {
        Arena { cells: self.cells, len: self.len, storage: self.storage.clone() }
    }
}

impl<T: Copy + PartialEq> PartialEq for Arena<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Copy> FromIterator<T> for Arena<T> {
    fn from_iter<I: IntoIterator<Item = T>>(cells: I) -> Self {
        Vec::from_iter(cells).into()
    }
}

impl<T: Copy> Extend<T> for Arena<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, cells: I) {
        // Most are short. They are claimed together.
        let cells: smallvec::SmallVec<[T; 16]> = cells.into_iter().collect();
        self.extend_from_slice(&cells);
    }
}

impl<'a, T: Copy> IntoIterator for &'a Arena<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Tells the processor that a record will be read soon. It has no effect on what is computed, whether there is such a
/// record or not, and none at all where there is no such instruction.
#[inline]
pub(crate) fn prefetch<T>(list: &[T], place: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction reads nothing that the program sees and never faults, whatever the address; it is part
        // of SSE, which every x86-64 processor has.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(list.as_ptr().wrapping_add(place).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (list, place);
}

/// Calls the form of a function of [`compare`] that every processor of the kind knows.
macro_rules! usual {
    ($name:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: the function needs nothing but SSE2, which every x86-64 processor has.
            unsafe { compare::sse2::$name($($argument),*) }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            compare::portable::$name($($argument),*)
        }
    }};
}
use usual;

/// How many of sorted octets are not above a limit.
#[inline]
pub(super) fn count_octets_at_most(sorted: &[u8; 16], limit: u8) -> u32 {
    usual!(count_octets_at_most(sorted, limit))
}
