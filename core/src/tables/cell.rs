//! The one place of the core where memory is touched by address.
#![allow(unsafe_code, reason = "prefetching takes an address")]

/// Tells the processor that a record will be read soon. It has no effect on what is computed, and none at all where there
/// is no such record or no such instruction.
#[inline]
pub(crate) fn prefetch<T>(list: &[T], place: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(record) = list.get(place) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction reads nothing that the program sees and never faults; it is part of SSE, which every
        // x86-64 processor has. The address is that of a record that exists.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(record).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (list, place);
}
