//! Any bytes as a snapshot: they are refused, or give one that evaluates and has those bytes.

use crate::draw::Draw;
use crate::world::{World, flow};
use std::sync::OnceLock;
use tierwall::cluster::{Cluster, Scope};
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::model::{Direction, EndpointId, FlowContext, Point, Role, Verdict};
use tierwall::{CompileOptions, Snapshot};

/// The example set, in part.
pub(crate) const SHOP: [&str; 7] = [
    include_str!("../../core/examples/shop/inventory/namespaces.yaml"),
    include_str!("../../core/examples/shop/inventory/nodes.yaml"),
    include_str!("../../core/examples/shop/inventory/services.yaml"),
    include_str!("../../core/examples/shop/inventory/workloads-shop.yaml"),
    include_str!("../../core/examples/shop/policies/hosts.yaml"),
    include_str!("../../core/examples/shop/policies/network-sets.yaml"),
    include_str!("../../core/examples/shop/policies/tiers.yaml"),
];

/// Where the length stands: after the magic word and the version.
const LENGTH: usize = 12;
/// Where the contents begin.
const HEADER: usize = LENGTH + 8;

/// What comes before and after the contents, made right: a fuzzer does not guess checksums.
fn sealed(data: &[u8]) -> Vec<u8> {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    let empty = EMPTY.get_or_init(|| Snapshot::compile(&Cluster::new()).to_bytes());
    let contents = data.get(HEADER..).map_or(&[][..], |rest| &rest[..rest.len().saturating_sub(4)]);
    let mut bytes = empty[..LENGTH].to_vec();
    bytes.extend(((HEADER + contents.len() + 4) as u64).to_le_bytes());
    bytes.extend(contents);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

pub fn check(data: &[u8]) {
    assert!(Snapshot::from_bytes(data).is_err() || sealed(data) == data, "other bytes are accepted");
    let bytes = sealed(data);
    let Ok(snapshot) = Snapshot::from_bytes(&bytes) else { return };
    assert!(snapshot.to_bytes() == bytes, "one snapshot has two forms");
    let _ = (snapshot.stats(), snapshot.table_bytes());
    exercise(&snapshot, data);
}

/// Flows between what there may be; the bytes of the snapshot choose them as well as any.
fn exercise(snapshot: &Snapshot, data: &[u8]) {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| World::new(&[0x5a; 2_000]).cluster);
    let checksum = crc32fast::hash(data).to_le_bytes();
    let choices: Vec<u8> =
        checksum.iter().cycle().zip(data.iter().cycle()).map(|(a, b)| a ^ b).take(1_000).collect();
    let draw = &mut Draw::new(&choices);
    let context = FlowContext::default();
    let flows: Vec<_> = (0..40).map(|_| flow(draw, cluster)).collect();
    let mut verdicts = vec![Verdict::default(); flows.len()];
    snapshot.verdicts(&flows, &mut verdicts);
    for (flow, verdict) in flows.iter().zip(verdicts) {
        assert_eq!(snapshot.evaluate(flow, &context).enforced.action(), verdict.action());
        for direction in [Direction::Egress, Direction::Ingress] {
            for role in [Role::Own, Role::Forwarded, Role::PreDnatOnly] {
                let point = Point {
                    endpoint: EndpointId::from(u32::from(flow.protocol().number() % 8)),
                    direction,
                    role,
                };
                let _ = snapshot.judge(point, flow, &context, Scope::Pending);
            }
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut cluster = Cluster::new();
    let sources = SHOP.map(|text| Source::new("shop.yaml", text));
    let loaded = load(&mut cluster, &sources, &LoadOptions::default());
    assert!(loaded.is_ok(), "{}", loaded.err().map(|error| error.to_string()).unwrap_or_default());
    let mut wide = CompileOptions::default();
    wide.wide_classes = 2;
    let mut seeds =
        vec![Snapshot::compile(&cluster).to_bytes(), Snapshot::compile_with(&cluster, &wide).to_bytes()];
    let mut random = crate::mutate::Random(7);
    for number in 0..40 {
        let data: Vec<u8> = (0..1_500).map(|_| random.number() as u8).collect();
        let World { cluster, mut options, .. } = World::new(&data);
        // Also those of which a node publishes its own part only.
        options.node = ["n0", "n1", "nowhere"].get(number).map(|name| (*name).into());
        seeds.push(Snapshot::compile_with(&cluster, &options).to_bytes());
    }
    seeds
}
