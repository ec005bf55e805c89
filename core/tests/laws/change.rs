//! How a cluster came to be does not matter, and what governs nobody changes nothing.

use crate::answer::{answers, contents, told};
use crate::cases;
use crate::generate::{Policy, World, asks, policy, upsert, world};
use proptest::prelude::*;
use proptest::sample::Index;
use tierwall::cluster::Cluster;
use tierwall::resource::Resource;

/// A world, its objects in another order, and where to cut that into transactions.
fn shuffled() -> impl Strategy<Value = (World, Vec<Resource>, usize)> {
    (world(), 1..6usize).prop_flat_map(|(world, size)| {
        let objects = Just(world.objects.clone()).prop_shuffle();
        (Just(world), objects, Just(size))
    })
}

fn inert_policy() -> impl Strategy<Value = Policy> {
    policy().prop_map(Policy::for_nobody)
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn the_order_of_loading_does_not_matter((world, objects, size) in shuffled(), asks in asks()) {
        let mut cluster = Cluster::with_dialect(world.dialect.clone());
        world.observe(&mut cluster);
        for part in objects.chunks(size) {
            let mut transaction = cluster.transaction();
            for object in part {
                transaction.upsert(object).unwrap();
            }
            transaction.commit();
        }
        prop_assert_eq!((contents(&cluster), answers(&cluster, &asks)), told(&world, &asks));
    }

    #[test]
    fn loading_again_changes_nothing(world in world(), again in any::<Vec<Index>>(), asks in asks()) {
        let mut cluster = world.cluster();
        for index in again.iter().filter(|_| !world.objects.is_empty()) {
            upsert(&mut cluster, index.get(&world.objects));
        }
        prop_assert_eq!((contents(&cluster), answers(&cluster, &asks)), told(&world, &asks));
    }

    #[test]
    fn a_policy_for_nobody_changes_no_verdict(
        world in world(),
        inert in prop::collection::vec(inert_policy(), 1..4),
        asks in asks(),
    ) {
        let mut cluster = world.cluster();
        let before = answers(&cluster, &asks);
        for (index, policy) in inert.into_iter().enumerate() {
            upsert(&mut cluster, &policy.named(&format!("inert{index}")));
        }
        prop_assert_eq!(answers(&cluster, &asks), before);
    }

    #[test]
    fn what_is_removed_was_never_there(
        world in world(),
        gone in prop::collection::vec(any::<bool>(), 64),
        together in any::<bool>(),
        asks in asks(),
    ) {
        let mut marks = gone.into_iter().cycle();
        let (extra, kept): (Vec<_>, Vec<_>) = world.objects.iter().cloned().partition(|_| marks.next() == Some(true));
        let kept = World { objects: kept, ..world };
        let mut cluster = kept.cluster();
        extra.iter().for_each(|object| upsert(&mut cluster, object));
        if together {
            let mut transaction = cluster.transaction();
            for object in &extra {
                transaction.remove(&object.key());
            }
            transaction.commit();
        } else {
            for object in &extra {
                cluster.remove(&object.key());
            }
        }
        for object in &extra {
            prop_assert!(!cluster.remove(&object.key()), "{} is still there", object.key());
        }
        prop_assert_eq!((contents(&cluster), answers(&cluster, &asks)), told(&kept, &asks));
    }

    #[test]
    fn a_transaction_that_is_dropped_did_nothing(world in world()) {
        let mut cluster = Cluster::with_dialect(world.dialect.clone());
        let empty = (contents(&cluster), cluster.generation());
        let mut transaction = cluster.transaction();
        world.objects.iter().for_each(|object| drop(transaction.upsert(object).unwrap()));
        drop(transaction);
        prop_assert_eq!((contents(&cluster), cluster.generation()), empty);
    }
}
