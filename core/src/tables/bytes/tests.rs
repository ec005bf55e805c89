//! Tables come back as they were, and tables that do not go together are refused, each for its reason.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, their helpers too"
)]

use super::*;
use crate::Snapshot;
use crate::cluster::Cluster;
use crate::compile::{CompileOptions, compile};
use crate::dialect::{Dialect, Failsafe, Failsafes, Flavour};
use crate::manifest::{LoadOptions, Source, load};
use crate::model::{IdentityMatch, NamespaceMatch, PortRange, Protocol, RuleId};
use crate::selector::{Expr, Selector};
use crate::tables::{
    Addresses, Arena, Backend, Bucket, Check, ClassParts, EndOfTier, EndpointRecord, ListRecord, NONE,
    Occupant, Paged, Pool, Shared, Single, Span, Table, Trie, count, index,
};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

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

type Mutation = (fn(&mut Tables), &'static str);

const BEYOND: u32 = 1 << 20;

fn beyond() -> Span {
    Span { start: 1, len: u32::MAX }
}

/// Each of these makes tables that no cluster compiles to, and what is said of them.
const REFUSED: &[Mutation] = &[
    (|t| t.slow_rules = BEYOND, "section `meta`, `slow_rules`: there are fewer rules than 1048576"),
    (|t| t.only_node = 9, "section `meta`, `only_node`: there is no number 9 among the 2 nodes"),
    // Addresses.
    (
        |t| t.addresses.v4.set(9, 9, BEYOND),
        "section `addresses`, `v4[1]`: there is no number 1048576 among the",
    ),
    (|t| edit(&mut t.addresses.runs_v6)[1].1 = NONE, "`runs_v6[1]`: there is no number 4294967295"),
    (
        |t| t.addresses.set_class(single(t, 0), BEYOND),
        "`singles_v6[0]`: there is no number 1048576 among the",
    ),
    (|t| edit(&mut t.addresses.classes)[0].holders = BEYOND, "`classes[0].holders`"),
    (|t| edit(&mut t.addresses.classes)[1].address = BEYOND, "`classes[1].address`"),
    (
        |t| t.addresses.set_occupant([10, 1, 0, 1].into(), Occupant { endpoint: NONE, node: 7 }),
        "`occupied_v4[20]`: there is no number 7 among the 2 nodes",
    ),
    (
        |t| t.addresses.set_occupant(single(t, 1), Occupant { endpoint: BEYOND, node: NONE }),
        "`singles_v6[1]`: there is no endpoint 1048576",
    ),
    // Parts.
    (
        |t| edit(&mut t.parts.parts)[0].predicates.len = 1,
        "section `parts`, `parts[0]`: the first part must be there and empty",
    ),
    (
        |t| edit(&mut t.parts.parts)[1].predicates = beyond(),
        "`parts[1]`: it reaches from 1 to 4294967296, but there are",
    ),
    (
        |t| edit(&mut t.parts.parts)[1].predicates.len = u32::MAX,
        "`parts[1]`: it reaches from 0 to 4294967295, but there are",
    ),
    (
        |t| {
            let parts = &mut edit(&mut t.parts.parts);
            parts[2].predicates = parts[1].predicates;
        },
        "`parts[2]`: its predicates begin at 0, but those of another end at",
    ),
    (|t| edit(&mut t.parts.resolutions).clear(), "resolutions"),
    (|t| edit(&mut t.parts.predicates).reverse(), "its predicates or resolutions are not sorted, or repeat"),
    // Endpoints.
    (|t| record(t, |r| r.part = BEYOND), "section `endpoints`, `records[1].part`"),
    (|t| record(t, |r| r.subject = NONE), "`records[1].subject`"),
    (|t| record(t, |r| r.node = 2), "`records[1].node`: there is no number 2 among the 2 nodes"),
    (|t| record(t, |r| r.classes[1] = BEYOND), "`records[1].classes`"),
    (|t| record(t, |r| r.flags |= 1 << 7), "`records[1].flags`: there are none like 0x"),
    (|t| record(t, |r| r.flags ^= EndpointRecord::HAS_V4), "`records[1].flags`: there are none like 0x"),
    (
        |t| edit(&mut t.endpoints.records).push(EndpointRecord { part: 1, ..EndpointRecord::ABSENT }),
        "it is absent, but not empty",
    ),
    (
        |t| record(t, |r| r.more = BEYOND),
        "`records[1].more`: there is no list of addresses 1048576, or it is that of another",
    ),
    (|t| record(t, |r| r.subject = EndpointRecord::ELSEWHERE), "`records[1].subject`"),
    (|t| edit(&mut t.endpoints.more)[0] = beyond(), "`more[0]`: it reaches from 1 to 4294967296"),
    (
        |t| {
            let records = &mut edit(&mut t.endpoints.records);
            records[2].more = records[1].more;
        },
        "`records[2].more`: there is no list of addresses 0, or it is that of another",
    ),
    (|t| edit(&mut t.endpoints.subjects)[0].lists = beyond(), "`subjects[0].lists`"),
    (
        |t| edit(&mut t.endpoints.subjects)[0].lists.len = 3,
        "`subjects[0].lists`: there are not 4 or 16 of them",
    ),
    (|t| edit(&mut t.endpoints.subjects)[0].profiles = beyond(), "`subjects[0].profiles`"),
    (|t| edit(&mut t.endpoints.lists)[0] = BEYOND, "`lists[0]`"),
    (|t| edit(&mut t.endpoints.profiles)[0] = BEYOND, "`profiles[0]`"),
    (
        |t| {
            let nodes = &mut edit(&mut t.endpoints.nodes);
            nodes[1].hosts = nodes[0].hosts;
        },
        "`nodes[1]`: its hosts begin at 0, but those of another end at 1",
    ),
    (
        |t| edit(&mut t.endpoints.nodes)[0].addresses.start = BEYOND,
        "it reaches from 1048576 to 1048577, but there are 22 addresses",
    ),
    (|t| edit(&mut t.endpoints.nodes)[0].view = 9, "`nodes[0].view`: there is no view 9 of the names"),
    (
        |t| edit(&mut t.endpoints.hosts)[0].endpoint = BEYOND,
        "`nodes[0].hosts`: endpoint 1048576 is no host endpoint of this node",
    ),
    (
        |t| edit(&mut t.endpoints.hosts)[0].endpoint = 1,
        "`nodes[0].hosts`: endpoint 1 is no host endpoint of this node",
    ),
    // Policies.
    (
        |t| edit(&mut t.policies.rule_lists)[0].len += 1,
        "section `policies`, `rule_lists[1]`: its rules begin at",
    ),
    (
        |t| edit(&mut t.policies.profiles)[0].ingress = beyond(),
        "`rule_lists[4]`: it reaches from 1 to 4294967296",
    ),
    (|t| edit(&mut t.policies.rules)[0].checks.len = 9, "`rules[1]`: its checks begin at"),
    (|t| edit(&mut t.policies.tiers)[0].policies.len += 1, "its policies begin at"),
    (|t| edit(&mut t.policies.lists)[0].len += 1, "its tiers begin at"),
    (
        |t| edit(&mut t.policies.ports)[0].ranges = beyond(),
        "`ports[0]`: it reaches from 1 to 4294967296, but there are 7 port_ranges",
    ),
    (
        |t| edit(&mut t.policies.ports)[0].conditions = beyond(),
        "`ports[0]`: it reaches from 1 to 4294967296, but there are 1 conditions",
    ),
    (
        |t| edit(&mut t.policies.domain_views).clear(),
        "`domains[0]`: it reaches from 0 to 1, but there are 0 domain_views",
    ),
    (
        |t| edit(&mut t.policies.rules).iter_mut().for_each(|rule| rule.http = !rule.http),
        "it does not say of its HTTP clause",
    ),
    (
        |t| edit(&mut t.policies.rules).iter_mut().for_each(|rule| rule.paths ^= rule.http),
        "of its HTTP clause",
    ),
    (
        |t| demand(t, |check| if let Check::Ports(_, number) = check { Some(number) } else { None }),
        "among the 2 ports",
    ),
    (
        |t| demand(t, |check| if let Check::Named(_, number) = check { Some(number) } else { None }),
        "among the 1 domains",
    ),
    (
        |t| demand(t, |check| if let Check::Identity(_, number) = check { Some(number) } else { None }),
        "among the 3 identities",
    ),
    (
        |t| demand(t, |check| if let Check::Http(number) = check { Some(number) } else { None }),
        "among the 1 http matches",
    ),
    (
        |t| edit(&mut t.policies.tiers).iter_mut().for_each(|tier| tier.tier = 0),
        "its tiers are not sorted, or its policies repeat",
    ),
    (|t| edit(&mut t.policies.policies).fill(0), "its tiers are not sorted, or its policies repeat"),
    (
        |t| *edit(&mut t.policies.policies).last_mut().unwrap() = BEYOND,
        "there is no number 1048576 among the",
    ),
    // Routes.
    (
        |t| edit(&mut t.routes.by_address).reverse(),
        "section `routes`, `by_address`: its keys are not sorted, or repeat",
    ),
    (
        |t| edit(&mut t.routes.by_node_port).extend_from_within(..1),
        "`by_node_port`: its keys are not sorted, or repeat",
    ),
    (|t| edit(&mut t.routes.by_service).extend_from_within(..1), "`by_service`: its keys are not sorted"),
    (|t| edit(&mut t.routes.by_service)[0].1.reverse(), "`by_service`: its keys are not sorted, or repeat"),
    (
        |t| edit(&mut t.routes.by_address)[0].1.backends = beyond(),
        "`by_address`: it reaches from 1 to 4294967296",
    ),
    (
        |t| edit(&mut t.routes.by_node_port)[0].1[1].backends = beyond(),
        "`by_node_port`: it reaches from 1 to 4294967296",
    ),
    (
        |t| edit(&mut t.routes.by_service)[0].1[0].1.backends = beyond(),
        "`by_service`: it reaches from 1 to 4294967296",
    ),
    (|t| edit(&mut t.routes.backends)[0].endpoint = BEYOND, "`backends[0]`: there is no endpoint 1048576"),
    // Traffic.
    (|t| drop(edit(&mut t.traffic.intervals).pop()), "section `traffic`, `intervals`: there are 131071"),
    (|t| edit(&mut t.traffic.intervals)[9] = 99, "`intervals of table 0`: they are not numbered from 0 on"),
    (|t| edit(&mut t.traffic.intervals)[0] = 1, "`intervals of table 0`: they are not numbered from 0 on"),
    (|t| edit(&mut t.traffic.protocols).truncate(255), "`protocols`: there are 255, not 256"),
    (
        |t| edit(&mut t.traffic.protocols)[6].ports = 255,
        "`protocols[6]`: its masks or its table are none that there are",
    ),
    (|t| edit(&mut t.traffic.protocols)[6].icmp = u16::MAX, "`protocols[6]`: its masks or its table"),
    (|t| edit(&mut t.traffic.protocols)[6].table = 1, "`protocols[6]`: its masks or its table"),
    (|t| edit(&mut t.traffic.protocols)[6].table = NONE, "`protocols[6]`: its masks or its table"),
    (|t| edit(&mut t.traffic.protocols)[6].base = NONE, "`protocols[6]`: it has an atom"),
    (|t| t.traffic.atoms -= 1, "it has an atom"),
    // The fast form.
    (|t| drop(edit(&mut t.enforced.classes).pop()), "section `enforced`, `classes`: there are"),
    (|t| edit(&mut t.enforced.classes)[0].flags = 4, "`classes[0].flags`: there is no flag 0x4"),
    (
        |t| edit(&mut t.enforced.classes)[0].sides[1].bucket = 7,
        "`classes[0].sides[1]`: it is none of the lists",
    ),
    (
        |t| edit(&mut t.enforced.classes)[0].sides[1].subject_row = BEYOND,
        "`classes[0].sides[1]`: there is no number 1048576",
    ),
    (
        |t| edit(&mut t.enforced.classes)[0].peer_rows[0] = BEYOND,
        "`classes[0].peer_rows`: there is no number 1048576",
    ),
    (|t| t.enforced.wide[0].blocks = 9, "`wide[0]`: "),
    (|t| drop(edit(&mut t.enforced.wide[0].endings).pop()), "`wide[0]`: "),
    (
        |t| edit(&mut t.enforced.wide[0].subjects).clear(),
        "`wide[0].subjects`: 0 blocks are no number of rows",
    ),
    (|t| edit(&mut t.enforced.wide[1].peers).clear(), "`wide[1].peers`: 0 blocks are no number of rows"),
    (|t| edit(&mut t.enforced.wide[1].traffic).clear(), "`wide[1].traffic`: 0 blocks are no number of rows"),
    (|t| drop(edit(&mut t.enforced.wide[1].traffic_rows).pop()), "`wide[1].traffic_rows`: there are"),
    (
        |t| edit(&mut t.enforced.wide[1].traffic_rows)[2] = BEYOND,
        "`wide[1].traffic_rows[2]`: there is no number 1048576",
    ),
    (
        |t| edit(&mut t.enforced.wide[1].tier_ends)[0] = 0,
        "`wide[1].tier_ends[0]`: the next tier cannot begin at word 0",
    ),
    (
        |t| edit(&mut t.enforced.wide[1].tier_ends)[0] = 999,
        "`wide[1].tier_ends[0]`: the next tier cannot begin at word 999",
    ),
    (|t| edit(&mut t.enforced.wide[1].endings)[3].code = 16, "`wide[1].endings[3]`: there is no code 16"),
    (|t| edit(&mut t.enforced.endings)[1].code = 255, "`endings[1]`: there is no code 255"),
    (|t| edit(&mut t.enforced.endings)[1].reason = 200, "`endings[1]`: there is no code"),
    (|t| edit(&mut t.enforced.rows)[1].starts[0] = 5, "`rows[1]`: its segments do not begin at 0"),
    (|t| edit(&mut t.enforced.rows)[1].starts = [NONE; 8], "`rows[1]`: "),
    (|t| edit(&mut t.enforced.rows)[1].starts[7] = 0, "`rows[1]`: "),
    (|t| edit(&mut t.enforced.rows)[1].words[0] = 1, "`rows[1]`: it leads to what is no ending"),
    (|t| edit(&mut t.enforced.rows)[1].words[0] = BEYOND, "its rows lead to ending"),
    (|t| long_row(t, |words| words[3] = 7), "it is long, but not all of it says so"),
    (|t| long_row(t, |words| *words = [BEYOND; 8]), "there is no number 1048576 among the"),
    (
        |t| edit(&mut t.enforced.long_rows).extend_from_within(..1),
        "its segments begin at 0, but those of another end at",
    ),
    (
        |t| edit(&mut t.enforced.segments).reverse(),
        "its segments do not begin at 0, are not sorted, or repeat",
    ),
    (|t| edit(&mut t.enforced.buckets)[1].classes[0] = BEYOND, "`buckets[1]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.buckets)[1].rows[0] = BEYOND, "`buckets[1]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.buckets)[0].rows[7] = 1, "`buckets[0]`: a class comes after the last one"),
    (|t| edit(&mut t.enforced.bases)[0] = BEYOND, "`bases[0]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.lists)[0].wild = BEYOND, "`lists[0]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.lists)[0].bucket_bits = 60, "`buckets`: lists have 4294967295"),
    (|t| last(t, |r| r.bucket_bits = 20), "`buckets`: lists have 1048576"),
    (|t| last(t, |r| r.base = BEYOND), "`bases`: lists have"),
    (|t| last(t, |r| r.subject_row = 1), "it has a row of bits, or flags that there are not"),
    (|t| last(t, |r| r.flags = 4), "it has a row of bits, or flags that there are not"),
    (|t| last(t, |r| r.endings = BEYOND), "that comes next is not an earlier one"),
    (|t| drop(edit(&mut t.enforced.endings).pop()), "its rows lead to ending"),
    (|t| last(t, |r| r.words_before = 99), "words 99 to"),
    (
        |t| {
            let own = t.enforced.lists.len() - 1;
            let header = t.enforced.lists.get(own).unwrap().endings;
            edit(&mut t.enforced.endings)[usize::try_from(header).unwrap()].rule = own;
        },
        "that comes next is not an earlier one",
    ),
    (|t| t.enforced.slow_lists = BEYOND, "`slow_lists`: there are fewer lists than 1048576"),
    (|t| t.pending.as_mut().unwrap().slow_lists = BEYOND, "section `pending`, `slow_lists`"),
];

/// A list of tables, taken apart.
trait List: Sized {
    type Record: Clone;
    fn records(&self) -> Vec<Self::Record>;
    fn put(&mut self, records: Vec<Self::Record>);
}

macro_rules! lists {
    ($($list:ty, $bound:ident $([$number:ident])?, $records:expr;)+) => {$(
        impl<T: $bound $(, const $number: usize)?> List for $list {
            type Record = T;

            fn records(&self) -> Vec<T> {
                let records: fn(&Self) -> Vec<T> = $records;
                records(self)
            }

            fn put(&mut self, records: Vec<T>) {
                *self = records.into();
            }
        }
    )+};
}

lists! {
    Arena<T>, Copy, |list| list.to_vec();
    Table<T>, Copy, |list| list.0.to_vec();
    Pool<T>, Copy, |list| list.0.to_vec();
    Shared<T>, Clone, |list| list.as_slice().to_vec();
    Paged<T, N>, Copy [N], |list| list.iter().copied().collect();
}

/// A list as a vector, which is put back when this goes.
struct Edit<'a, L: List>(&'a mut L, Vec<L::Record>);

fn edit<L: List>(list: &mut L) -> Edit<'_, L> {
    let records = list.records();
    Edit(list, records)
}

impl<L: List> std::ops::Deref for Edit<'_, L> {
    type Target = Vec<L::Record>;

    fn deref(&self) -> &Self::Target {
        &self.1
    }
}

impl<L: List> std::ops::DerefMut for Edit<'_, L> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.1
    }
}

impl<L: List> Drop for Edit<'_, L> {
    fn drop(&mut self) {
        self.0.put(std::mem::take(&mut self.1));
    }
}

/// A single IPv6 address.
fn single(tables: &Tables, place: usize) -> IpAddr {
    IpAddr::V6(tables.addresses.singles_v6.sorted()[place].address.into())
}

fn record(tables: &mut Tables, change: impl FnOnce(&mut EndpointRecord)) {
    let record = &mut edit(&mut tables.endpoints.records)[1];
    assert!(record.is(EndpointRecord::HAS_V4) && !record.is(EndpointRecord::HOST) && record.more == 0);
    change(record);
}

fn demand(tables: &mut Tables, number: fn(&mut Check) -> Option<&mut u32>) {
    edit(&mut tables.policies.checks).iter_mut().filter_map(number).for_each(|number| *number = BEYOND);
}

fn long_row(tables: &mut Tables, change: impl FnOnce(&mut [u32; 8])) {
    let rows = &mut edit(&mut tables.enforced.rows);
    change(&mut rows.iter_mut().find(|row| row.starts[0] == 1).unwrap().words);
}

fn last(tables: &mut Tables, change: impl FnOnce(&mut ListRecord)) {
    change(edit(&mut tables.enforced.lists).last_mut().unwrap());
}

#[test]
fn tables_that_do_not_go_together_are_refused() {
    let whole = sample();
    let mut surprises = Vec::new();
    for (number, (mutate, expected)) in REFUSED.iter().enumerate() {
        let mut tables = whole.clone();
        mutate(&mut tables);
        if tables == whole {
            surprises.push(format!("mutation {number} ({expected}) changes nothing\n"));
        }
        let error = from_bytes(&to_bytes(&tables)).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| "it is accepted".to_owned());
        if !error.contains(expected) {
            surprises.push(format!("mutation {number}: {error}\nnot: {expected}\n"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.concat());
}

/// What updates leave behind is no fault.
#[test]
fn tables_that_were_updated_come_back() {
    let mut tables = sample();
    let first = tables.clone();
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
    assert!(first == sample());
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
    let cases: &[(fn(&mut Lists), &str)] = &[
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
