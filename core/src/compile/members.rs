//! Sets of numbers: of label sets, and of classes.

use super::Few;
use crate::tables::index;
use std::iter::FusedIterator;

/// A set of numbers: a sorted list of them, or a bit for each number there may be, whichever takes less.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Members {
    /// Sorted.
    List(Few),
    /// With how many are set.
    Bits(Vec<u64>, u32),
}

/// How many numbers a bit each takes as much as one in a list.
const NUMBERS_OF_A_MEMBER: usize = 32;

impl Default for Members {
    fn default() -> Self {
        Members::List(Few::new())
    }
}

impl FromIterator<u32> for Members {
    /// Of sorted numbers.
    fn from_iter<I: IntoIterator<Item = u32>>(sorted: I) -> Self {
        Members::List(sorted.into_iter().collect())
    }
}

impl Members {
    /// An empty set for so many members, out of so many numbers.
    pub(super) fn with_capacity(members: usize, numbers: usize) -> Self {
        if members * NUMBERS_OF_A_MEMBER > numbers {
            Members::Bits(vec![0; numbers.div_ceil(64)], 0)
        } else {
            Members::List(Few::with_capacity(members))
        }
    }

    /// The numbers of which the bits are set.
    pub(super) fn from_words(words: Vec<u64>) -> Self {
        let members = words.iter().map(|word| word.count_ones()).sum();
        if index(members) * NUMBERS_OF_A_MEMBER > words.len() * 64 {
            return Members::Bits(words, members);
        }
        let mut list = Few::with_capacity(index(members));
        list.extend(bits_of(&words));
        Members::List(list)
    }

    /// The bits of so many words.
    pub(super) fn words(&self, len: usize) -> Vec<u64> {
        let mut words = vec![0; len];
        self.add_to(&mut words);
        words
    }

    /// Sets the bits of the members.
    pub(super) fn add_to(&self, words: &mut [u64]) {
        match self {
            Members::List(list) => list.iter().for_each(|number| set(words, *number)),
            Members::Bits(bits, _) => words.iter_mut().zip(bits).for_each(|(word, bits)| *word |= bits),
        }
    }

    /// Clears all other bits.
    pub(super) fn keep_in(&self, words: &mut [u64]) {
        match self {
            Members::List(_) => {
                let own = self.words(words.len());
                words.iter_mut().zip(own).for_each(|(word, own)| *word &= own);
            }
            Members::Bits(bits, _) => {
                let bits = bits.iter().copied().chain(std::iter::repeat(0));
                words.iter_mut().zip(bits).for_each(|(word, bits)| *word &= bits);
            }
        }
    }

    /// Clears the bits of the members.
    pub(super) fn clear_in(&self, words: &mut [u64]) {
        match self {
            Members::List(list) => list.iter().for_each(|number| clear(words, *number)),
            Members::Bits(bits, _) => words.iter_mut().zip(bits).for_each(|(word, bits)| *word &= !bits),
        }
    }

    /// Adds a number that is higher than all members, or the highest.
    pub(super) fn push(&mut self, number: u32) {
        match self {
            Members::List(list) => {
                if list.last() != Some(&number) {
                    list.push(number);
                }
            }
            Members::Bits(words, members) => {
                let (word, bit) = place(number);
                if words.len() <= word {
                    words.resize(word + 1, 0);
                }
                if let Some(word) = words.get_mut(word) {
                    *members += u32::from(*word & bit == 0);
                    *word |= bit;
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Members::List(list) => list.len(),
            Members::Bits(_, members) => index(*members),
        }
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        match self {
            Members::List(list) => list.binary_search(&number).is_ok(),
            Members::Bits(words, _) => {
                let (word, bit) = place(number);
                words.get(word).is_some_and(|word| word & bit != 0)
            }
        }
    }

    /// In their order.
    pub(super) fn iter(&self) -> Numbers<'_> {
        match self {
            Members::List(list) => Numbers::List(list.iter()),
            Members::Bits(words, _) => bits_of(words),
        }
    }

    /// What it takes outside of the record.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Members::List(list) if list.spilled() => list.capacity() * size_of::<u32>(),
            Members::List(_) => 0,
            Members::Bits(words, _) => size_of_val(&**words),
        }
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = u32;
    type IntoIter = Numbers<'a>;

    fn into_iter(self) -> Numbers<'a> {
        self.iter()
    }
}

/// The members of a set, in their order.
#[derive(Debug, Clone)]
pub(super) enum Numbers<'a> {
    List(std::slice::Iter<'a, u32>),
    /// What is left of a word, the number of its first bit, and the words after it.
    Bits(u64, u32, std::slice::Iter<'a, u64>),
}

fn bits_of(words: &[u64]) -> Numbers<'_> {
    let mut rest = words.iter();
    Numbers::Bits(rest.next().copied().unwrap_or(0), 0, rest)
}

impl Iterator for Numbers<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        match self {
            Numbers::List(list) => list.next().copied(),
            Numbers::Bits(word, first, rest) => {
                while *word == 0 {
                    *word = *rest.next()?;
                    *first += 64;
                }
                let number = *first + word.trailing_zeros();
                *word &= *word - 1;
                Some(number)
            }
        }
    }
}

impl FusedIterator for Numbers<'_> {}

/// The bits of all numbers below this one.
pub(super) fn all_words(end: u32) -> Vec<u64> {
    let mut words = vec![u64::MAX; index(end).div_ceil(64)];
    if let Some(last) = words.last_mut().filter(|_| !end.is_multiple_of(64)) {
        *last = (1 << (end % 64)) - 1;
    }
    words
}

fn place(number: u32) -> (usize, u64) {
    (index(number / 64), 1 << (number % 64))
}

pub(super) fn set(words: &mut [u64], number: u32) {
    let (word, bit) = place(number);
    words.get_mut(word).into_iter().for_each(|word| *word |= bit);
}

pub(super) fn clear(words: &mut [u64], number: u32) {
    let (word, bit) = place(number);
    words.get_mut(word).into_iter().for_each(|word| *word &= !bit);
}

/// What sets take, with what is outside of their records.
pub(super) fn bytes(sets: &[Members]) -> usize {
    size_of_val(sets) + sets.iter().map(Members::bytes).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn numbers() -> impl Strategy<Value = BTreeSet<u32>> {
        prop_oneof![
            prop::collection::btree_set(0..200_u32, 0..8),
            prop::collection::btree_set(0..200_u32, 0..180)
        ]
    }

    /// The same set in every form.
    fn forms(set: &BTreeSet<u32>) -> [Members; 3] {
        let list: Members = set.iter().copied().collect();
        let [mut room, mut none] = [200, 0].map(|members| Members::with_capacity(members, 200));
        set.iter().for_each(|number| [&mut room, &mut none].into_iter().for_each(|form| form.push(*number)));
        [list, room, none]
    }

    proptest! {
        #[test]
        fn every_form_is_the_set(set in numbers(), other in numbers()) {
            for form in forms(&set) {
                prop_assert_eq!(form.len(), set.len());
                prop_assert_eq!(form.iter().collect::<BTreeSet<_>>(), set.clone());
                prop_assert!(form.iter().is_sorted());
                prop_assert!((0..300).all(|number| form.contains(number) == set.contains(&number)));
                for other_form in forms(&other) {
                    let combined = |combine: fn(&Members, &mut [u64])| {
                        let mut words = form.words(4);
                        combine(&other_form, &mut words);
                        Members::from_words(words).iter().collect::<BTreeSet<_>>()
                    };
                    prop_assert_eq!(combined(Members::add_to), &set | &other);
                    prop_assert_eq!(combined(Members::keep_in), &set & &other);
                    prop_assert_eq!(combined(Members::clear_in), &set - &other);
                }
            }
        }
    }

    #[test]
    fn all_numbers_below_one() {
        for end in [0, 1, 63, 64, 65, 200] {
            assert!(Members::from_words(all_words(end)).iter().eq(0..end));
        }
    }

    #[test]
    fn there_may_be_more_numbers_than_a_set_has_bits_for() {
        let set = Members::from_words(vec![u64::MAX]);
        let mut words = vec![u64::MAX; 3];
        set.keep_in(&mut words);
        assert_eq!(words, [u64::MAX, 0, 0]);
        set.clear_in(&mut words);
        set.add_to(&mut words);
        assert!(Members::from_words(words).iter().eq(0..64));
    }

    #[test]
    fn a_number_that_is_pushed_twice_is_one_member() {
        for mut members in [Members::with_capacity(0, 100), Members::with_capacity(100, 100)] {
            [3, 3, 170].into_iter().for_each(|number| members.push(number));
            assert_eq!((members.len(), members.iter().collect::<Vec<_>>()), (2, vec![3, 170]));
        }
    }
}
