//! The claims of clones on several threads, in every order. Run with
//! `RUSTFLAGS="--cfg loom" cargo test -p tierwall --lib loom --release`.

use super::*;
use loom::thread;

/// Two clones grow at once, while a third is read: each sees what it appended, and none what another did.
#[test]
fn clones_that_grow_at_once_do_not_meet() {
    loom::model(|| {
        let mut cells = Vec::with_capacity(4);
        cells.push(0);
        let view = Arena::from(cells);
        let writers = [1, 2].map(|number| {
            let mut own = view.clone();
            thread::spawn(move || {
                own.push(number);
                own.push(number + 10);
                own
            })
        });
        assert_eq!(&*view, &[0]);
        let [first, second] = writers.map(|writer| writer.join().unwrap_or_default());
        assert_eq!((&*first, &*second), (&[0, 1, 11][..], &[0, 2, 12][..]));
        assert_ne!(first.as_ptr(), second.as_ptr());
        assert_eq!(&*view, &[0]);
    });
}

/// A claim is granted once, however many ask.
#[test]
fn a_claim_is_granted_once() {
    loom::model(|| {
        let view = Arena::from({
            let mut cells = Vec::with_capacity(2);
            cells.push(0);
            cells
        });
        let claims = [(); 2].map(|()| {
            let own = view.clone();
            thread::spawn(move || own.storage.as_ref().is_some_and(|storage| storage.claim(1, 1)))
        });
        let granted = claims.map(|claim| claim.join().unwrap_or_default());
        assert_eq!(granted.iter().filter(|granted| **granted).count(), 1);
    });
}
