//! Any bytes as a manifest: a load ends, is refused whole or applied, and what it made compiles.

use crate::snapshot_from_bytes::SHOP;
use tierwall::Snapshot;
use tierwall::cluster::Cluster;
use tierwall::limits::Limits;
use tierwall::manifest::{LoadOptions, OnInvalid, Source, load};

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_bytes = 64 << 10;
    limits.max_documents = 100;
    limits.max_nodes = 5_000;
    limits.max_alias_nodes = 1_000;
    limits.max_objects = 100;
    limits.max_diagnostics = 50;
    limits
}

pub fn check(data: &[u8]) {
    let Ok(source) = Source::from_bytes("fuzz.yaml", data.to_vec()) else { return };
    let sources = [source];
    let mut options = LoadOptions::default();
    options.limits = limits();
    let mut cluster = Cluster::new();
    let before = cluster.generation();
    let refused = load(&mut cluster, &sources, &options);
    match &refused {
        Ok(report) => {
            assert!(report.diagnostics.iter().all(|diagnostic| !diagnostic.is_error()), "{report:?}");
            let loaded: usize = report.loaded.values().sum();
            assert!(loaded <= options.limits.max_objects);
        }
        Err(error) => {
            assert!(error.diagnostics.iter().any(tierwall::diagnostic::Diagnostic::is_error));
            assert_eq!(cluster.generation(), before, "a refused load changes nothing");
            assert_eq!(cluster.endpoints().count(), 0);
            let _ = error.to_string();
        }
    }
    options.invalid = OnInvalid::Skip;
    let mut skipping = Cluster::new();
    let skipped = load(&mut skipping, &sources, &options);
    assert!(refused.is_err() || skipped.is_ok(), "what loads strictly loads");
    let snapshot = Snapshot::compile(&skipping);
    let again = Snapshot::from_bytes(&snapshot.to_bytes());
    assert!(again.is_ok(), "{:?}", again.err());
}

pub fn seeds() -> Vec<Vec<u8>> {
    // One document is easier to change into another valid one than a file is.
    let documents = SHOP.iter().flat_map(|file| file.split("\n---"));
    let others = [
        r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}]}"#,
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b, {<<: {k: v}}]\n",
    ];
    SHOP.into_iter().chain(documents).chain(others).map(|text| text.as_bytes().to_vec()).collect()
}
