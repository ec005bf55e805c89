//! What the processor can compare at once, found out where the program runs.

use super::{Block, compare};

/// A way to search small arrays. Who has a value of it runs where the processor knows that way.
pub(crate) trait Lanes: Copy {
    /// The place of the first number that is equal to one; 8 if none is.
    fn first_equal(self, numbers: &[u32; 8], one: u32) -> u32;

    /// How many of sorted numbers are not above a limit.
    fn count_at_most(self, sorted: &[u32; 8], limit: u32) -> u32;

    /// The first bit that is set in all; 512 if none is.
    fn first_common_bit(self, one: &Block, other: &Block, third: &Block) -> u32;
}

/// Something that is compiled for each way. To be fast, all of it has to be inlined into [`run`].
pub(crate) trait Task {
    type Output;

    fn run(self, lanes: impl Lanes) -> Self::Output;
}

/// Does something in the best way that the processor knows.
#[inline]
pub(crate) fn run<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function needs.
        return unsafe { run_with_avx2(task) };
    }
    task.run(Usual)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_with_avx2<T: Task>(task: T) -> T::Output {
    task.run(Avx2(()))
}

/// The processor has AVX2. Only [`run_with_avx2`] makes one.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    #[inline(always)]
    fn first_equal(self, numbers: &[u32; 8], one: u32) -> u32 {
        // SAFETY: the function needs nothing but AVX2, and the processor has it: see the type.
        unsafe { compare::avx2::first_equal(numbers, one) }
    }

    #[inline(always)]
    fn count_at_most(self, sorted: &[u32; 8], limit: u32) -> u32 {
        // SAFETY: as above.
        unsafe { compare::avx2::count_at_most(sorted, limit) }
    }

    #[inline(always)]
    fn first_common_bit(self, one: &Block, other: &Block, third: &Block) -> u32 {
        // SAFETY: as above.
        unsafe { compare::avx2::first_common_bit(one, other, third) }
    }
}

/// What every processor of its kind can do: where it is not worth asking for more.
#[derive(Clone, Copy)]
pub(crate) struct Usual;

impl Lanes for Usual {
    #[inline(always)]
    fn first_equal(self, numbers: &[u32; 8], one: u32) -> u32 {
        super::usual!(first_equal(numbers, one))
    }

    #[inline(always)]
    fn count_at_most(self, sorted: &[u32; 8], limit: u32) -> u32 {
        super::usual!(count_at_most(sorted, limit))
    }

    #[inline(always)]
    fn first_common_bit(self, one: &Block, other: &Block, third: &Block) -> u32 {
        super::usual!(first_common_bit(one, other, third))
    }
}
