//! Arenas behave as vectors that are copied.
#![allow(clippy::indexing_slicing, reason = "tests fail by panicking")]

use super::*;
use proptest::prelude::*;

#[test]
fn the_newest_clone_grows_in_place_and_older_ones_do_not_see_it() {
    let mut newest = Arena::from(Vec::with_capacity(8));
    newest.extend([1, 2, 3]);
    let old = newest.clone();
    newest.push(4);
    assert_eq!((&*old, &*newest), (&[1, 2, 3][..], &[1, 2, 3, 4][..]));
    assert_eq!(old.as_ptr(), newest.as_ptr());
}

#[test]
fn a_clone_that_was_overtaken_gets_memory_of_its_own() {
    let mut first = Arena::from(Vec::with_capacity(8));
    first.push(1);
    let mut second = first.clone();
    first.push(2);
    second.push(3);
    assert_eq!((&*first, &*second), (&[1, 2][..], &[1, 3][..]));
    assert_ne!(first.as_ptr(), second.as_ptr());
}

#[test]
fn what_is_shared_is_copied_before_it_is_changed() {
    let mut arena = Arena::from(vec![1, 2]);
    let before = arena.as_ptr();
    arena.make_mut()[0] = 5;
    assert_eq!(arena.as_ptr(), before);
    let old = arena.clone();
    arena.make_mut()[1] = 6;
    assert_eq!((&*old, &*arena), (&[5, 2][..], &[5, 6][..]));
}

#[test]
fn empty_ones_need_no_memory() {
    let mut arena = Arena::<u64>::default();
    assert!(arena.clone().is_empty() && arena.storage.is_none() && arena.make_mut().is_empty());
    assert!(Arena::from(Vec::<u64>::new()).storage.is_none());
    arena.extend(0..100);
    assert!(arena.iter().copied().eq(0..100));
}

#[test]
fn cells_keep_their_alignment() {
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Line(#[allow(dead_code, reason = "it takes its place")] u8);
    let arena: Arena<Line> = (0..9).map(Line).collect();
    assert!(arena.iter().all(|line| std::ptr::from_ref(line).addr().is_multiple_of(64)));
}

#[test]
fn readers_on_other_threads_see_what_they_were_given() {
    let mut arena = Arena::from(Vec::with_capacity(64));
    std::thread::scope(|threads| {
        for number in 0..40_u32 {
            arena.push(number);
            let view = arena.clone();
            threads.spawn(move || assert!(view.iter().copied().eq(0..=number)));
        }
    });
}

#[derive(Debug, Clone)]
enum Step {
    Extend(usize, Vec<u16>),
    Clone(usize),
    Change(usize, usize, u16),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let place = || 0..6_usize;
    prop_oneof![
        (place(), prop::collection::vec(any::<u16>(), 0..20)).prop_map(|(at, more)| Step::Extend(at, more)),
        place().prop_map(Step::Clone),
        (place(), 0..30_usize, any::<u16>()).prop_map(|(at, cell, to)| Step::Change(at, cell, to)),
        place().prop_map(Step::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 16 } else { 256 }, failure_persistence: None, ..Default::default() })]

    #[test]
    fn several_clones_are_as_several_vectors(first: Vec<u16>, steps in prop::collection::vec(step(), 0..40)) {
        let mut all = vec![(Arena::from(first.clone()), first)];
        for step in steps {
            let len = all.len();
            match step {
                Step::Extend(at, more) => {
                    let (arena, list) = &mut all[at % len];
                    arena.extend_from_slice(&more);
                    list.extend(more);
                }
                Step::Clone(at) => all.push(all[at % len].clone()),
                Step::Change(at, cell, to) => {
                    let (arena, list) = &mut all[at % len];
                    if let Some(place) = list.get_mut(cell) {
                        *place = to;
                        arena.make_mut()[cell] = to;
                    }
                }
                Step::Drop(at) if len > 1 => drop(all.swap_remove(at % len)),
                Step::Drop(_) => {}
            }
            for (arena, list) in &all {
                prop_assert_eq!(&**arena, &**list);
            }
        }
    }
}
