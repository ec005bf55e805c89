//! Snapshots as bytes: they come back whole, and bytes that are damaged or forged do no harm.
#![cfg(feature = "yaml")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a generator that is wrong should fail loudly, and helpers of tests are not tests to the lints"
)]

// The laws use more of it.
#[allow(dead_code, unused_imports, reason = "shared with the laws, which use all of it")]
#[path = "laws/generate/mod.rs"]
mod generate;

use generate::{Ask, World, asks, world};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;
use std::path::PathBuf;
use tierwall::cluster::{Cluster, Scope};
use tierwall::manifest::{LoadOptions, load_paths};
use tierwall::model::{Direction, EndpointId, Evaluation, Flow, FlowContext, Point, Role, Verdict};
use tierwall::{CompileOptions, Judged, Snapshot, SnapshotError};

fn cases(few: u32) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if asked { Config::default().cases } else { few };
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// The forms of the fast tables: wide or narrow policies, lists that did not fit, broad sets of peers.
fn options() -> impl Strategy<Value = CompileOptions> {
    let budget = prop_oneof![3 => Just(usize::MAX), 1 => Just(0)];
    let wide = prop_oneof![Just(1), Just(2), Just(u32::MAX)];
    let node = prop::option::weighted(0.3, prop_oneof![Just("n0"), Just("n1"), Just("nowhere")]);
    (budget, wide, 0..3_usize, 0..3_usize, node).prop_map(
        |(table_budget, wide_classes, folded_rules, broad_classes, node)| {
            let mut options = CompileOptions::default();
            options.table_budget = table_budget;
            options.wide_classes = wide_classes;
            options.folded_rules = folded_rules;
            options.broad_classes = broad_classes;
            options.node = node.map(Into::into);
            options
        },
    )
}

/// Everything that a snapshot says of a flow.
fn answers(snapshot: &Snapshot, flow: &Flow, context: &FlowContext) -> (Evaluation, Verdict, Vec<Judged>) {
    let mut batched = [Verdict::default()];
    snapshot.verdicts(std::slice::from_ref(flow), &mut batched);
    let mut judged = Vec::new();
    for endpoint in (0..8).map(EndpointId::from) {
        for direction in [Direction::Egress, Direction::Ingress] {
            for role in [Role::Own, Role::Forwarded, Role::PreDnatOnly] {
                let point = Point { endpoint, direction, role };
                judged.push(snapshot.judge(point, flow, context, Scope::Pending));
            }
        }
    }
    (snapshot.evaluate(flow, context), batched[0], judged)
}

fn compiled(world: &World, options: &CompileOptions) -> (Cluster, Snapshot) {
    let cluster = world.cluster();
    let snapshot = Snapshot::compile_with(&cluster, options);
    (cluster, snapshot)
}

/// Makes the checksum right, as whoever forges bytes would.
fn seal(bytes: &mut [u8]) {
    let Some((contents, checksum)) = bytes.split_last_chunk_mut() else { return };
    *checksum = crc32fast::hash(contents).to_le_bytes();
}

/// A change of bytes where one may do harm: in small numbers, which are lengths and references.
#[derive(Debug, Clone)]
enum Forgery {
    Set(Index, u8),
    Add(Index, u8),
    Number(Index, u32),
    Copy(Index, Index),
}

fn forgery() -> impl Strategy<Value = Forgery> {
    let numbers = prop_oneof![Just(0), Just(u32::MAX), Just(1 << 31), 0..64_u32, any::<u32>()];
    prop_oneof![
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Forgery::Set(at, byte)),
        3 => (any::<Index>(), prop_oneof![Just(1), Just(u8::MAX)]).prop_map(|(at, more)| Forgery::Add(at, more)),
        1 => (any::<Index>(), numbers).prop_map(|(at, number)| Forgery::Number(at, number)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Forgery::Copy(from, to)),
    ]
}

impl Forgery {
    fn apply(&self, bytes: &mut [u8]) {
        let number = |at: &Index, bytes: &[u8]| at.index(bytes.len() - 3);
        match self {
            Forgery::Set(at, byte) => *at.get_mut(bytes) = *byte,
            Forgery::Add(at, more) => {
                let byte = at.get_mut(bytes);
                *byte = byte.wrapping_add(*more);
            }
            Forgery::Number(at, value) => {
                let at = number(at, bytes);
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            Forgery::Copy(from, to) => {
                let (from, to) = (number(from, bytes), number(to, bytes));
                bytes.copy_within(from..from + 4, to);
            }
        }
    }
}

/// Evaluates whatever was accepted.
fn exercise(cluster: &Cluster, snapshot: &Snapshot, asks: &[Ask]) {
    for ask in asks {
        answers(snapshot, &ask.flow(cluster), &ask.context);
    }
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn a_snapshot_comes_back_and_answers_equally(world in world(), options in options(), asks in asks()) {
        let (cluster, snapshot) = compiled(&world, &options);
        let bytes = snapshot.to_bytes();
        let again = Snapshot::from_bytes(&bytes).unwrap();
        prop_assert!(again.to_bytes() == bytes);
        prop_assert_eq!(again.stats(), snapshot.stats());
        for ask in &asks {
            let flow = ask.flow(&cluster);
            prop_assert_eq!(answers(&again, &flow, &ask.context), answers(&snapshot, &flow, &ask.context));
        }
    }

    #[test]
    fn damaged_bytes_are_refused(world in world(), damage in prop::collection::vec((any::<Index>(), 1..=u8::MAX), 32)) {
        let bytes = compiled(&world, &CompileOptions::default()).1.to_bytes();
        for (at, change) in damage {
            let mut damaged = bytes.clone();
            *at.get_mut(&mut damaged) ^= change;
            prop_assert!(Snapshot::from_bytes(&damaged).is_err());
            damaged.truncate(at.index(bytes.len()));
            prop_assert!(Snapshot::from_bytes(&damaged).is_err());
            prop_assert!(Snapshot::from_bytes(&bytes[..at.index(bytes.len())]).is_err());
        }
    }

    #[test]
    fn forged_bytes_are_refused_or_harmless(
        world in world(),
        options in options(),
        asks in asks(),
        forgeries in prop::collection::vec(prop::collection::vec(forgery(), 1..4), 64),
    ) {
        let (cluster, snapshot) = compiled(&world, &options);
        let bytes = snapshot.to_bytes();
        for forgeries in forgeries {
            let mut forged = bytes.clone();
            let contents = forged.len() - 4;
            forgeries.iter().for_each(|forgery| forgery.apply(&mut forged[20..contents]));
            seal(&mut forged);
            if let Ok(snapshot) = Snapshot::from_bytes(&forged) {
                prop_assert!(snapshot.to_bytes() == forged, "there is one form for each snapshot");
                exercise(&cluster, &snapshot, &asks[..2]);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..256), version in any::<bool>()) {
        prop_assert!(Snapshot::from_bytes(&bytes).is_err());
        bytes.splice(0..0, *b"tierwall");
        if version {
            bytes.splice(8..8, [2, 0, 0, 0]);
        }
        seal(&mut bytes);
        prop_assert!(Snapshot::from_bytes(&bytes).is_err());
    }
}

fn shop() -> Snapshot {
    let mut cluster = Cluster::new();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    load_paths(&mut cluster, &[path], &LoadOptions::default()).unwrap();
    Snapshot::compile(&cluster)
}

/// Bits of bytes all over a snapshot. That every burst of so few bits changes the checksum is a property of CRC.
#[test]
fn no_flipped_bit_and_no_cut_goes_unnoticed() {
    let bytes = shop().to_bytes();
    for at in (0..bytes.len()).step_by(31).chain(0..64) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(Snapshot::from_bytes(&damaged).is_err(), "a bit of byte {at}");
        assert!(Snapshot::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let bytes = shop().to_bytes();
    assert_eq!(Snapshot::from_bytes(b"").unwrap_err(), SnapshotError::NotASnapshot);
    assert_eq!(Snapshot::from_bytes(b"{\"kind\": \"Pod\"}").unwrap_err(), SnapshotError::NotASnapshot);
    assert_eq!(Snapshot::from_bytes(&bytes[..10]).unwrap_err(), SnapshotError::NoHeader { found: 10 });

    let mut newer = bytes.clone();
    newer[8] = 7;
    insta::assert_snapshot!(
        Snapshot::from_bytes(&newer).unwrap_err(),
        @"the snapshot has format version 7, and this library reads version 5; compile its cluster again"
    );

    let all = u64::try_from(bytes.len()).unwrap();
    let cut = Snapshot::from_bytes(&bytes[..100]).unwrap_err();
    assert_eq!(cut, SnapshotError::Length { stated: all, found: 100 });
    let longer = [&bytes[..], b"\n"].concat();
    assert_eq!(
        Snapshot::from_bytes(&longer).unwrap_err(),
        SnapshotError::Length { stated: all, found: all + 1 }
    );

    let mut damaged = bytes.clone();
    damaged[1000] ^= 1;
    assert!(matches!(Snapshot::from_bytes(&damaged), Err(SnapshotError::Checksum { .. })));

    let mut forged = bytes;
    forged[20] = b'X';
    seal(&mut forged);
    insta::assert_snapshot!(
        Snapshot::from_bytes(&forged).unwrap_err(),
        @r#"section `meta`, byte 0: it should begin here, with its tag and length, but here is "XETA""#
    );
}
