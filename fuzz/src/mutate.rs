//! A simple mutator, for toolchains without coverage.

/// Random numbers that a seed determines (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// Mostly small, at least 1, at most two to the power of `bits`.
    fn magnitude(&mut self, bits: usize) -> usize {
        let most = 1 << self.below(bits);
        1 + self.below(most)
    }
}

const NUMBERS: [u32; 8] = [0, 1, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX];

/// An input: random bytes, or a seed with a few changes.
pub fn input(random: &mut Random, seeds: &[Vec<u8>], longest: usize) -> Vec<u8> {
    if seeds.is_empty() || random.below(64) == 0 {
        let len = random.below(longest.min(4_000) + 1);
        return (0..len).map(|_| random.number() as u8).collect();
    }
    let mut data = seeds[random.below(seeds.len())].clone();
    let changes = random.magnitude(5);
    for _ in 0..changes {
        change(random, &mut data, seeds);
    }
    data.truncate(longest);
    data
}

fn change(random: &mut Random, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = random.below(data.len() + 1);
    let byte = random.number() as u8;
    // Mostly short, now and then long.
    let len = random.magnitude(10);
    let end = (at + len).min(data.len());
    match random.below(9) {
        0 => data.iter_mut().skip(at).take(1).for_each(|place| *place = byte),
        1 => data.iter_mut().skip(at).take(1).for_each(|place| *place ^= 1 << (byte % 8)),
        2 => data
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|place| *place = place.wrapping_add(byte % 9).wrapping_sub(4)),
        3 => data.insert(at, byte),
        4 => drop(data.drain(at..end)),
        5 => {
            let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
            data.iter_mut().skip(at).zip(number).for_each(|(place, byte)| *place = byte);
        }
        6 => {
            let copy = data[at..end].to_vec();
            let to = random.below(data.len() + 1);
            data.splice(to..to, copy);
        }
        7 => {
            let copy = data[at..end].to_vec();
            let to = random.below(data.len() + 1);
            data.iter_mut().skip(to).zip(copy).for_each(|(place, byte)| *place = byte);
        }
        _ => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len() + 1);
            let part = other[from..(from + len).min(other.len())].to_vec();
            data.splice(at..at, part);
        }
    }
}
