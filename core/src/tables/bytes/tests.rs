//! Tables come back as they were, and tables that do not go together are refused, each for its reason.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, their helpers too"
)]

mod edit;
mod refused;

use super::*;
use crate::Snapshot;
use crate::cluster::Cluster;
use crate::compile::{CompileOptions, compile};
use crate::dialect::{Dialect, Failsafe, Failsafes, Flavour};
use crate::manifest::{LoadOptions, Source, load};
use crate::model::{IdentityMatch, NamespaceMatch, PortRange, Protocol, RuleId};
use crate::selector::{Expr, Selector};
use crate::tables::{
    Addresses, Backend, Bucket, ClassParts, EndOfTier, ListRecord, NONE, Occupant, Single, Trie, count, index,
};
use edit::edit;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

/// More than there is of anything.
const BEYOND: u32 = 1 << 20;

const OBJECTS: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: shop, labels: {role: front}}}
---
{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 10.1.0.1}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: InternalIP, address: 10.1.0.2}]}}
---
apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata: {name: h1, labels: {host: "yes"}}
spec: {node: n1, interfaceName: eth0, expectedIPs: [10.1.0.1], profiles: [p]}
---
{apiVersion: projectcalico.org/v3, kind: Profile, metadata: {name: p}, spec: {ingress: [{action: Allow}], egress: [{action: Pass}]}}
---
{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: first}, spec: {order: 1}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {type: NodePort, clusterIP: 10.96.0.1, selector: {app: a}, ports: [{port: 80, nodePort: 30080}, {port: 81, name: b}]}}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: first.names}
spec:
  tier: first
  selector: all()
  types: [Egress, Ingress]
  egress:
  - {action: Allow, destination: {domains: [api.example.com, "*.cdn.net"]}}
  - {action: Pass, protocol: TCP, destination: {ports: [http, 1000:2000]}}
  - {action: Pass}
  ingress:
  - {action: Log, protocol: ICMP, icmp: {type: 8}}
  - {action: Allow, source: {serviceAccounts: {names: [web], selector: "role == 'front'"}}, http: {methods: [GET], paths: [{prefix: /x}, {exact: /y}]}}
  - {action: Pass, source: {nets: [192.0.2.0/24]}}
  - {action: Pass, source: {nets: ["2001:db8::/32"]}}
  - {action: Pass, source: {selector: "app == 'a'"}}
  - {action: Deny, protocol: UDP}
  - {action: Pass}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: many, namespace: shop}
spec:
  podSelector: {matchLabels: {app: a}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: b}}}]
    ports: [{port: 1}, {port: 3}, {port: 5}, {port: 7}, {port: 9}, {port: 11}]
  - from: [{podSelector: {matchLabels: {app: a}}}]
---
apiVersion: projectcalico.org/v3
kind: StagedGlobalNetworkPolicy
metadata: {name: first.staged}
spec: {tier: first, selector: "app == 'b'", ingress: [{action: Deny}]}
"#;

fn manifests() -> String {
    let mut text = OBJECTS.to_owned();
    for number in 0..20 {
        let (app, node, last) = (["a", "b"][number % 2], ["n1", "n2"][number / 10], 2 * number + 1);
        write!(
            text,
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{number}, namespace: shop, labels: {{app: {app}}}}}, \
             spec: {{nodeName: {node}, serviceAccountName: web, containers: [{{name: c, ports: [{{name: http, containerPort: 8080}}]}}]}}, \
             status: {{podIP: 10.0.0.{last}, podIPs: [{{ip: 10.0.0.{last}}}, {{ip: 'fd00::{last}'}}]}}}}\n"
        )
        .unwrap();
    }
    text
}

/// Tables in which every list is used.
fn sample() -> Tables {
    compiled(2)
}

fn compiled(broad_classes: usize) -> Tables {
    let net = Some("10.0.0.0/8".parse().unwrap());
    let ports = PortRange::new(1, 2).unwrap();
    let failsafe = Failsafe { protocol: Protocol::UDP, ports, net };
    let dialect = Dialect {
        flavour: Flavour::Enterprise,
        dns_extra_ttl: Duration::from_millis(1500),
        failsafes: Failsafes { inbound: vec![failsafe], ..Failsafes::default() },
        ..Dialect::default()
    };
    let mut cluster = Cluster::with_dialect(dialect);
    let report =
        load(&mut cluster, &[Source::new("all.yaml", manifests())], &LoadOptions::default()).unwrap();
    assert_eq!(report.diagnostics, []);
    let options =
        CompileOptions { wide_classes: 3, broad_classes, folded_rules: 0, ..CompileOptions::default() };
    compile(&cluster, &options)
}

#[test]
fn tables_come_back() {
    let tables = sample();
    let bytes = to_bytes(&tables);
    let again = from_bytes(&bytes).unwrap();
    assert!(again == tables);
    assert_eq!(to_bytes(&again), bytes);
    assert!(from_bytes(&to_bytes(&compile(&Cluster::new(), &CompileOptions::default()))).is_ok());
}

/// Also those whose text does not parse.
#[test]
fn selectors_come_back_as_trees() {
    let leaves = [
        Selector::all(),
        Expr::Global.into(),
        Selector::has("no key, surely"),
        Selector::equals("k", "both \" and '"),
        Expr::NotEquals("k".into(), "v".into()).into(),
        Selector::in_set("k", ["b", "a"]),
        Selector::in_set::<&str>("k", []),
        Expr::NotIn("k".into(), ["x"].into_iter().collect()).into(),
        Expr::Contains("k".into(), "v".into()).into(),
        Expr::StartsWith("k".into(), String::new().into()).into(),
        Expr::EndsWith("k".into(), "é".into()).into(),
        Expr::And(Vec::new()).into(),
        Selector::or([]),
    ];
    let mut tables = sample();
    let namespace = NamespaceMatch::Selector(Selector::not(Selector::or(leaves.clone())));
    let identity =
        IdentityMatch { names: vec!["n".into()], selector: Some(Selector::and(leaves)), namespace };
    tables.policies.identities.push(identity);
    assert!(from_bytes(&to_bytes(&tables)).unwrap() == tables);
}

#[test]
fn selectors_nest_as_deep_as_text_can_and_no_deeper_than_is_safe() {
    let nested = |depth: usize| {
        let mut tables = sample();
        let selector = (1..depth).fold(Selector::has("a"), |selector, _| Selector::not(selector));
        let identity = IdentityMatch { selector: Some(selector), ..IdentityMatch::default() };
        tables.policies.identities.push(identity);
        from_bytes(&to_bytes(&tables))
    };
    assert!(nested(768).is_ok());
    let error = nested(769).unwrap_err().to_string();
    assert!(error.ends_with("values nest more than 768 deep"), "{error}");
    let highest = format!("{}has(a){}", "!(has(b) || ".repeat(256), ")".repeat(256));
    let mut tables = sample();
    let selector = Some(Selector::parse(&highest).unwrap());
    tables.policies.identities.push(IdentityMatch { selector, ..IdentityMatch::default() });
    assert!(from_bytes(&to_bytes(&tables)).unwrap() == tables);
}

/// What updates leave behind is no fault.
#[test]
fn tables_that_were_updated_come_back() {
    let mut tables = sample();
    tables.seal();
    let (first, bytes) = (tables.clone(), to_bytes(&tables));
    tables.parts.predicates.push([7, 8]);
    tables.endpoints.addresses.push([[192, 0, 2, 1].into()]);
    let rules = tables.policies.rules.push([]);
    tables.policies.rule_lists.push(rules);
    tables.routes.backends.push([Backend { address: None, endpoint: BEYOND, port: 1 }]);
    let program = &mut tables.enforced;
    let record = program.lists.get(0).copied().unwrap();
    let moved = count(program.endings.len());
    program.endings.extend_from_slice(&first.enforced.endings[index(record.endings)..][..8]);
    let list = ListRecord { endings: moved, ..record };
    program.lists.set(0, list);
    for number in 0..program.classes.len() {
        let mut class = program.classes.get(number).copied().unwrap();
        let known = class.sides;
        for (side, known) in class.sides.iter_mut().zip(known) {
            if (ListRecord { subject_row: 0, ..known }) == record {
                *side = ListRecord { subject_row: known.subject_row, ..list };
            }
        }
        program.classes.set(number, class);
    }
    program.buckets.push(Bucket::EMPTY);
    let address: IpAddr = [10, 0, 0, 1].into();
    tables.addresses.set_class(address, 0);
    tables.addresses.set_occupant(address, Occupant::NOBODY);
    tables.seal();
    assert!(tables != first && tables.garbage() > 0);
    let again = from_bytes(&to_bytes(&tables)).unwrap();
    assert!(again == tables);
    assert_eq!(to_bytes(&again), to_bytes(&tables));
    tables.compact();
    assert!(again == tables && tables.garbage() == 0);
    assert_eq!(to_bytes(&first), bytes);
}

/// With sets of peers that are broad, lists have a base row for each group of classes.
#[test]
fn groups_of_classes_have_base_rows() {
    let mut tables = compiled(0);
    assert!(tables.enforced.lists.iter().any(|list| list.flags & ListRecord::ONE_BASE == 0));
    assert!(from_bytes(&to_bytes(&tables)).unwrap() == tables);
    edit(&mut tables.enforced.classes)[0].group = BEYOND;
    let error = from_bytes(&to_bytes(&tables)).unwrap_err().to_string();
    assert!(error.starts_with("section `enforced`, `bases`: lists have 1048577 from"), "{error}");
}

/// Bytes that are no value, each for its reason.
#[test]
fn malformed_values_are_refused() {
    fn refused<T: Codec>(bytes: &[u8]) -> String {
        T::decode(&mut Reader::new(bytes)).err().unwrap().problem
    }
    for (problem, expected) in [
        (refused::<u32>(&[1, 2, 3]), "4 bytes are needed, 3 are left"),
        (refused::<bool>(&[2]), "a truth value is 0 or 1, not 2"),
        (refused::<Option<u8>>(&[9, 9]), "a truth value is 0 or 1, not 9"),
        (refused::<EndOfTier>(&[3]), "EndOfTier has no variant 3"),
        (refused::<RuleId>(&[0; 4]), "a rule has the id that means none"),
        (refused::<PortRange>(&[2, 0, 1, 0]), "the first port of a range must not be greater than the last"),
        (refused::<Duration>(&[255; 12]), "a duration has a second or more of nanoseconds"),
        (refused::<std::net::IpAddr>(&[5, 0, 0, 0, 0]), "there is no address family 5"),
        (refused::<ipnet::IpNet>(&[4, 0, 0, 0, 0, 33]), "invalid IP prefix length"),
        (refused::<crate::model::Name>(&[1, 0, 0, 0, 0xff]), "a text is not UTF-8"),
        (
            refused::<Vec<u64>>(&[255, 255, 255, 255, 0]),
            "a list says that it has 4294967295 members, but at most 0",
        ),
        (
            refused::<crate::selector::ValueSet>(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "are not sorted, or repeat",
        ),
    ] {
        assert!(problem.contains(expected), "{problem}\nnot: {expected}");
    }
    let runs = |bytes: &[u8]| {
        let values: wire::Decoded<Vec<u8>> = wire::decode_runs(&mut Reader::new(bytes), 10);
        values.err().unwrap().problem
    };
    assert_eq!(runs(&[1, 0, 0, 0, 11, 0, 0, 0, 1]), "runs make more than 10 values");
    assert!(runs(&[1, 0, 0, 0, 0, 0, 0, 0, 1]).starts_with("a run is empty"));
    assert!(
        runs(&[2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1]).starts_with("a run is empty, or has the value")
    );
}

/// Runs and addresses that are not sorted or say nothing.
#[test]
fn malformed_addresses_are_refused() {
    type Lists = (Vec<(u32, u32)>, Vec<(u32, Occupant)>, Vec<(u128, u32)>, Vec<Single>);
    let refused = |change: fn(&mut Lists)| {
        let one = |address| Single { class: 0, ..Single::unknown(address) };
        let somebody = Occupant { endpoint: 1, node: NONE };
        let mut lists: Lists = (
            vec![(0, 0), (5, 1)],
            vec![(3, somebody), (4, somebody)],
            vec![(0, 0), (5, 1)],
            vec![one(3), one(4)],
        );
        change(&mut lists);
        let (runs_v4, occupied_v4, runs_v6, singles_v6) = lists;
        let mut bytes = Vec::new();
        ((runs_v4, occupied_v4), (runs_v6, singles_v6)).encode(&mut bytes);
        Vec::<ClassParts>::new().encode(&mut bytes);
        Addresses::decode(&mut Reader::new(&bytes)).err().map_or(String::new(), |fault| fault.problem)
    };
    assert_eq!(refused(|_| {}), "");
    type Case = (fn(&mut Lists), &'static str);
    let cases: &[Case] = &[
        (|lists| lists.0.clear(), "IPv4 runs"),
        (|lists| lists.0.reverse(), "IPv4 runs"),
        (|lists| lists.0[0].0 = 1, "IPv4 runs"),
        (|lists| lists.0[1].1 = 0, "IPv4 runs"),
        (|lists| lists.0[1].1 = Trie::END, "IPv4 runs"),
        (|lists| lists.1.reverse(), "IPv4 addresses"),
        (|lists| lists.1[1].1 = Occupant::NOBODY, "IPv4 addresses"),
        (|lists| lists.2.clear(), "IPv6 runs"),
        (|lists| lists.2.reverse(), "IPv6 runs"),
        (|lists| lists.3.reverse(), "single IPv6 addresses"),
        (|lists| lists.3[0] = lists.3[1], "single IPv6 addresses"),
        (|lists| lists.3[0].class = NONE, "single IPv6 addresses"),
    ];
    for (number, (change, expected)) in cases.iter().enumerate() {
        assert!(refused(*change).starts_with(expected), "{number}: {}", refused(*change));
    }
}

/// Sections out of order, missing, too long or too short.
#[test]
fn misplaced_sections_are_refused() {
    let seal = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() - 4);
        let length = bytes.len() + 4;
        set_length(&mut bytes, 12, length);
        crc32fast::hash(&bytes).encode(&mut bytes);
        Snapshot::from_bytes(&bytes).unwrap_err().to_string()
    };
    let mut tables = sample();
    let with_pending = to_bytes(&tables);
    tables.pending = None;
    let without = to_bytes(&tables);
    let end = without.len() - 4;

    let twice = [&with_pending[..with_pending.len() - 4], &with_pending[end..]].concat();
    assert!(seal(twice).contains("section `pending`, byte 0"));
    let cut = [&without[..end - 1], &[0; 4]].concat();
    assert!(seal(cut).starts_with("section `enforced`, byte 0: it says that it has"));
    let mut longer = without.clone();
    longer[24] += 1;
    assert!(seal(longer).starts_with("section `meta`, byte 12: 1 bytes are left over"));
    let mut shorter = without;
    shorter[24] -= 1;
    assert!(seal(shorter).starts_with("section `meta`, byte 8: 4 bytes are needed, 3 are left"));
}
