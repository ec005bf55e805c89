//! Choices from bytes. Where bytes run out, the first choice is made.

use arbitrary::Unstructured;

pub struct Draw<'a>(Unstructured<'a>);

impl<'a> Draw<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Draw(Unstructured::new(data))
    }

    /// From 0 to `last`.
    pub fn number(&mut self, last: usize) -> usize {
        self.0.int_in_range(0..=last).unwrap_or(0)
    }

    /// True in `of` of 16 cases.
    pub fn chance(&mut self, of: usize) -> bool {
        self.number(15) >= 16 - of
    }

    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        let index = self.number(of.len() - 1);
        of[index].clone()
    }

    pub fn maybe<T>(&mut self, of: usize, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.chance(of) { Some(value(self)) } else { None }
    }

    pub fn list<T>(&mut self, most: usize, mut member: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.number(most)).map(|_| member(self)).collect()
    }
}
