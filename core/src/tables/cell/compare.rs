//! Small fixed arrays searched without branches: what is found there cannot be foreseen.
//!
//! On x86-64 by AVX2 where the processor has it, else by SSE2, which every such processor has; elsewhere by what compilers
//! make of loops. Tests hold them equal.

use crate::tables::Block;
use std::hint::select_unpredictable;

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use super::Block;
    use std::arch::x86_64::{
        __m256i, _mm256_and_si256, _mm256_castsi256_pd, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
        _mm256_cmpeq_epi64, _mm256_min_epu32, _mm256_movemask_pd, _mm256_movemask_ps, _mm256_set_epi32,
        _mm256_set_epi64x, _mm256_set1_epi32, _mm256_setzero_si256,
    };

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn first_equal(numbers: &[u32; 8], one: u32) -> u32 {
        let equal = _mm256_cmpeq_epi32(eight(numbers), _mm256_set1_epi32(one.cast_signed()));
        (_mm256_movemask_ps(_mm256_castsi256_ps(equal)) | 1 << 8).trailing_zeros()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn count_at_most(sorted: &[u32; 8], limit: u32) -> u32 {
        let sorted = eight(sorted);
        let lower = _mm256_min_epu32(sorted, _mm256_set1_epi32(limit.cast_signed()));
        (!_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(lower, sorted)))).trailing_zeros()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn first_common_bit(one: &Block, other: &Block, third: &Block) -> u32 {
        let ([a, b], [c, d], [e, f]) = (halves(one), halves(other), halves(third));
        let empty = |a, b, c| {
            let common = _mm256_and_si256(_mm256_and_si256(a, b), c);
            _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(common, _mm256_setzero_si256())))
        };
        let word = (!(empty(a, c, e) | empty(b, d, f) << 4)).trailing_zeros();
        super::bit_of(word, [one, other, third])
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn eight(numbers: &[u32; 8]) -> __m256i {
        let [a, b, c, d, e, f, g, h] = numbers.map(u32::cast_signed);
        _mm256_set_epi32(h, g, f, e, d, c, b, a)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn halves(block: &Block) -> [__m256i; 2] {
        let [a, b, c, d, e, f, g, h] = block.map(u64::cast_signed);
        [_mm256_set_epi64x(d, c, b, a), _mm256_set_epi64x(h, g, f, e)]
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod sse2 {
    use super::Block;
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpeq_epi32, _mm_cmpgt_epi32, _mm_min_epu8,
        _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set_epi32, _mm_set_epi64x, _mm_set1_epi8,
        _mm_set1_epi32, _mm_setzero_si128, _mm_xor_si128,
    };

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(in super::super) fn first_equal(numbers: &[u32; 8], one: u32) -> u32 {
        let one = _mm_set1_epi32(one.cast_signed());
        let [low, high] = halves(numbers);
        first(_mm_packs_epi32(_mm_cmpeq_epi32(low, one), _mm_cmpeq_epi32(high, one)))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(in super::super) fn count_at_most(sorted: &[u32; 8], limit: u32) -> u32 {
        // What it compares has signs: the highest bit of all is turned round.
        let turn = _mm_set1_epi32(i32::MIN);
        let limit = _mm_xor_si128(_mm_set1_epi32(limit.cast_signed()), turn);
        let [low, high] = halves(sorted);
        let above = |numbers| _mm_cmpgt_epi32(_mm_xor_si128(numbers, turn), limit);
        first(_mm_packs_epi32(above(low), above(high)))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(in super::super) fn count_octets_at_most(sorted: &[u8; 16], limit: u8) -> u32 {
        let bits = u128::from_le_bytes(*sorted);
        let [low, high] =
            [bits, bits >> 64].map(|bits| (bits & u128::from(u64::MAX)).try_into().unwrap_or(0_u64));
        let sorted = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
        let lower = _mm_min_epu8(sorted, _mm_set1_epi8(limit.cast_signed()));
        (!_mm_movemask_epi8(_mm_cmpeq_epi8(lower, sorted))).trailing_zeros()
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(in super::super) fn first_common_bit(one: &Block, other: &Block, third: &Block) -> u32 {
        let ([a, b, c, d], [e, f, g, h], [i, j, k, l]) = (pairs(one), pairs(other), pairs(third));
        let empty = |a, b, c| _mm_cmpeq_epi32(_mm_and_si128(_mm_and_si128(a, b), c), _mm_setzero_si128());
        let low = _mm_packs_epi32(empty(a, e, i), empty(b, f, j));
        let high = _mm_packs_epi32(empty(c, g, k), empty(d, h, l));
        // A bit for each half of a word, and one more after the last.
        let used = !_mm_movemask_epi8(_mm_packs_epi16(low, high));
        super::bit_of(used.trailing_zeros() / 2, [one, other, third])
    }

    /// The first of eight places of 16 bits, each all ones or all zeros, that is all ones; 8 if none is.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn first(places: __m128i) -> u32 {
        (_mm_movemask_epi8(places) | 1 << 16).trailing_zeros() / 2
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn halves(numbers: &[u32; 8]) -> [__m128i; 2] {
        let [a, b, c, d, e, f, g, h] = numbers.map(u32::cast_signed);
        [_mm_set_epi32(d, c, b, a), _mm_set_epi32(h, g, f, e)]
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn pairs(block: &Block) -> [__m128i; 4] {
        let [a, b, c, d, e, f, g, h] = block.map(u64::cast_signed);
        [_mm_set_epi64x(b, a), _mm_set_epi64x(d, c), _mm_set_epi64x(f, e), _mm_set_epi64x(h, g)]
    }
}

#[cfg(any(not(target_arch = "x86_64"), test))]
pub(super) mod portable {
    use super::Block;

    #[inline]
    pub(in super::super) fn first_equal(numbers: &[u32; 8], one: u32) -> u32 {
        let bits = (0..).zip(numbers).map(|(place, number)| u32::from(*number == one) << place);
        (bits.sum::<u32>() | 1 << 8).trailing_zeros()
    }

    #[inline]
    pub(in super::super) fn count_at_most(sorted: &[u32; 8], limit: u32) -> u32 {
        sorted.iter().map(|number| u32::from(*number <= limit)).sum()
    }

    #[inline]
    pub(in super::super) fn count_octets_at_most(sorted: &[u8; 16], limit: u8) -> u32 {
        sorted.iter().map(|octet| u32::from(*octet <= limit)).sum()
    }

    #[inline]
    pub(in super::super) fn first_common_bit(one: &Block, other: &Block, third: &Block) -> u32 {
        let words = one.iter().zip(other).zip(third).map(|((one, other), third)| one & other & third);
        let used = (0..).zip(words).map(|(place, word)| u32::from(word != 0) << place).sum::<u32>();
        super::bit_of((used | 1 << 8).trailing_zeros(), [one, other, third])
    }
}

/// The first bit of the first word that has one in all, of which this is the number; 512 if it is 8.
#[inline]
fn bit_of(word: u32, blocks: [&Block; 3]) -> u32 {
    let [one, other, third] = blocks.map(|block| block.get(place(word)).copied().unwrap_or(0));
    // A processor finds no bit of nothing, so there always is one.
    select_unpredictable(word < 8, word * 64 + (one & other & third | 1 << 63).trailing_zeros(), 512)
}

/// The place of a number below 8.
#[inline]
fn place(number: u32) -> usize {
    crate::tables::index(number & 7)
}

#[cfg(test)]
mod tests {
    use super::super::count_octets_at_most;
    use super::super::lanes::{Lanes, Task, Usual, run};
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0..4_u32, (1_u32 << 31) - 2..(1 << 31) + 2, u32::MAX - 3..=u32::MAX]
    }

    /// Few bits, so that there are words without any in common.
    fn block() -> impl Strategy<Value = Block> {
        let word = prop_oneof![2 => Just(0), 2 => (0..64_u32).prop_map(|bit| 1 << bit), 1 => any::<u64>()];
        let full = Just([u64::MAX; 8]);
        prop_oneof![prop::array::uniform8(word), full]
    }

    /// One of the searches.
    #[derive(Clone, Copy)]
    enum Search<'a> {
        Equal(&'a [u32; 8], u32),
        AtMost(&'a [u32; 8], u32),
        Common([&'a Block; 3]),
    }

    impl Task for Search<'_> {
        type Output = u32;

        fn run(self, lanes: impl Lanes) -> u32 {
            match self {
                Search::Equal(numbers, one) => lanes.first_equal(numbers, one),
                Search::AtMost(sorted, limit) => lanes.count_at_most(sorted, limit),
                Search::Common([one, other, third]) => lanes.first_common_bit(one, other, third),
            }
        }
    }

    impl Search<'_> {
        /// By every form that there is here.
        fn each(self) -> [usize; 3] {
            let portable = match self {
                Search::Equal(numbers, one) => portable::first_equal(numbers, one),
                Search::AtMost(sorted, limit) => portable::count_at_most(sorted, limit),
                Search::Common([one, other, third]) => portable::first_common_bit(one, other, third),
            };
            [run(self), self.run(Usual), portable].map(|number| number as usize)
        }
    }

    proptest! {
        #[test]
        fn numbers_are_found(mut numbers in prop::array::uniform8(number()), one in number()) {
            let place = numbers.iter().position(|number| *number == one).unwrap_or(8);
            prop_assert_eq!(Search::Equal(&numbers, one).each(), [place; 3]);
            numbers.sort_unstable();
            let count = numbers.iter().filter(|number| **number <= one).count();
            prop_assert_eq!(Search::AtMost(&numbers, one).each(), [count; 3]);
        }

        #[test]
        fn octets_are_counted(mut octets in prop::array::uniform16(any::<u8>()), limit in any::<u8>()) {
            octets.sort_unstable();
            let count = octets.iter().filter(|octet| **octet <= limit).count();
            prop_assert_eq!(count_octets_at_most(&octets, limit) as usize, count);
            prop_assert_eq!(portable::count_octets_at_most(&octets, limit) as usize, count);
        }

        #[test]
        fn the_first_common_bit_is_found(one in block(), other in block(), third in block()) {
            let is_set = |bit: &usize| [one, other, third].iter().all(|block| block[bit / 64] >> (bit % 64) & 1 == 1);
            let first = (0..512).find(is_set).unwrap_or(512);
            prop_assert_eq!(Search::Common([&one, &other, &third]).each(), [first; 3]);
        }
    }
}
