//! Random numbers that are the same on every platform.

/// SplitMix64 (Steele, Lea, Flood 2014). Integers only, so a seed means the same workload everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 32 random bits.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    pub(crate) fn bits(&mut self) -> u32 {
        self.next() as u32
    }

    /// 16 random bits.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
    pub(crate) fn port(&mut self) -> u16 {
        self.next() as u16
    }

    /// A port from `first` to `last`, both included.
    pub(crate) fn port_from(&mut self, first: u16, last: u16) -> u16 {
        u16::try_from(self.range(first.into(), last.into())).unwrap_or(last)
    }

    /// A number below `count`; 0 if `count` is 0.
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        scale(self.next() >> 32, count)
    }

    /// A number from `first` to `last`, both included.
    pub(crate) fn range(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// A number below `count`; the chance grows linearly with the number.
    pub(crate) fn rising(&mut self, count: u32) -> u32 {
        self.below(count * count).isqrt()
    }

    /// A number below `count`; the chance falls linearly with the number.
    pub(crate) fn falling(&mut self, count: u32) -> u32 {
        count - 1 - self.rising(count)
    }

    /// A number below `count`, heavily skewed to the low ones: the fourth power of a uniform one.
    pub(crate) fn skewed(&mut self, count: u32) -> u32 {
        let uniform = self.next() >> 32;
        let square = (uniform * uniform) >> 32;
        scale((square * square) >> 32, count)
    }

    /// One of `items`, which must not be empty.
    #[expect(clippy::indexing_slicing, reason = "the index is below the length")]
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[index(self.below(length(items)))]
    }
}

/// `fraction` / 2^32 of `count`, for a fraction below 2^32.
fn scale(fraction: u64, count: u32) -> u32 {
    ((fraction * u64::from(count)) >> 32) as u32
}

/// The length of a list of the workload. None has more than 2^32 members.
#[expect(clippy::cast_possible_truncation, reason = "no list of a workload is that long")]
pub(crate) fn length<T>(items: &[T]) -> u32 {
    items.len() as u32
}

/// A drawn number as an index.
pub(crate) fn index(number: u32) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the published algorithm for seed 1234567.
    #[test]
    fn it_is_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!([rng.next(), rng.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut rng = Rng::new(1);
        for _ in 0..10_000 {
            assert!(rng.below(7) < 7);
            assert!((3..=5).contains(&rng.range(3, 5)));
            assert!(rng.rising(20) < 20 && rng.falling(20) < 20 && rng.skewed(20) < 20);
        }
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn the_skews_lean_the_way_they_say() {
        let mut rng = Rng::new(1);
        let mut low =
            |draw: fn(&mut Rng, u32) -> u32| (0..10_000).filter(|_| draw(&mut rng, 100) < 50).count();
        assert!((2_300..2_700).contains(&low(Rng::rising)));
        assert!((7_300..7_700).contains(&low(Rng::falling)));
        assert!((8_200..8_600).contains(&low(Rng::skewed)), "half to the power of 1/4 is 0.84");
    }
}
