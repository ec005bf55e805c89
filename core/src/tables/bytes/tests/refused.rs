//! Tables that do not go together.

use super::edit::{List, edit};
use super::{BEYOND, sample};
use crate::tables::bytes::{from_bytes, to_bytes};
use crate::tables::{Check, EndpointRecord, ListRecord, NONE, Occupant, Packed, Row, Span, Tables};
use std::net::IpAddr;

type Mutation = (fn(&mut Tables), &'static str);

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
        |t| edit(&mut t.parts.parts)[0].predicates.words = 2,
        "section `parts`, `parts[0]`: the first part must be there and empty",
    ),
    (
        |t| edit(&mut t.parts.parts)[1].predicates = Packed { start: 1, words: u32::MAX },
        "`parts[1]`: it reaches from 1 to 2147483648, but there are",
    ),
    (
        |t| edit(&mut t.parts.parts)[1].predicates.words = u32::MAX,
        "`parts[1]`: it reaches from 0 to 2147483647, but there are",
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
    (
        |t| edit(&mut t.parts.parts)[1].predicates.words |= Packed::CHUNKS,
        "its predicates are no whole chunks",
    ),
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
        "`rule_lists[6]`: it reaches from 1 to 4294967296",
    ),
    (|t| edit(&mut t.policies.rules)[0].checks.len = 9, "`rules[1]`: its checks begin at"),
    (|t| edit(&mut t.policies.tiers)[0].policies.words += 2, "its policies begin at"),
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
    (|t| shorten(&mut t.traffic.intervals), "section `traffic`, `intervals`: there are 131071"),
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
    (|t| shorten(&mut t.enforced.classes), "section `enforced`, `classes`: there are"),
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
    (|t| shorten(&mut t.enforced.wide[0].endings), "`wide[0]`: "),
    (
        |t| edit(&mut t.enforced.wide[0].subjects).clear(),
        "`wide[0].subjects`: 0 blocks are no number of rows",
    ),
    (|t| edit(&mut t.enforced.wide[1].peers).clear(), "`wide[1].peers`: 0 blocks are no number of rows"),
    (|t| edit(&mut t.enforced.wide[1].traffic).clear(), "`wide[1].traffic`: 0 blocks are no number of rows"),
    (|t| shorten(&mut t.enforced.wide[1].traffic_rows), "`wide[1].traffic_rows`: there are"),
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
    (|t| node(t, |_, row| row.starts[1] = 0), "its segments do not begin at 0, are not sorted, or repeat"),
    (|t| node(t, |_, row| row.words[1] = BEYOND), "there is no number 1048576 among the"),
    (|t| node(t, |number, row| row.words[0] = number), "rows before it"),
    (chain_of_nodes, "8 rows lie on a way from it, but no more than 7 can"),
    (|t| edit(&mut t.enforced.buckets)[1].classes[0] = BEYOND, "`buckets[1]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.buckets)[1].rows[0] = BEYOND, "`buckets[1]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.buckets)[0].rows[7] = 1, "`buckets[0]`: a class comes after the last one"),
    (|t| edit(&mut t.enforced.bases)[0] = BEYOND, "`bases[0]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.lists)[0].wild = BEYOND, "`lists[0]`: there is no number 1048576"),
    (|t| edit(&mut t.enforced.lists)[0].buckets = 0xff, "`buckets`: lists have 491520"),
    (|t| last(t, |r| r.buckets = 0xee), "`buckets`: lists have 229376"),
    (|t| last(t, |r| r.base = BEYOND), "`bases`: lists have"),
    (|t| last(t, |r| r.subject_row = 1), "it has a row of bits, or flags that there are not"),
    (|t| last(t, |r| r.flags = 4), "it has a row of bits, or flags that there are not"),
    (|t| last(t, |r| r.endings = BEYOND), "that comes next is not an earlier one"),
    (|t| shorten(&mut t.enforced.endings), "its rows lead to ending"),
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

fn shorten(list: &mut impl List) {
    edit(list).pop();
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

/// Changes a row that leads to others, given its number.
fn node(tables: &mut Tables, change: impl FnOnce(u32, &mut Row)) {
    let rows = &mut edit(&mut tables.enforced.rows);
    let (number, row) = (0..).zip(rows.iter_mut()).find(|(_, row)| row.is_node()).unwrap();
    change(number, row);
}

/// Adds rows of which each leads to the one before it, more than an evaluation follows.
fn chain_of_nodes(tables: &mut Tables) {
    let mut rows = edit(&mut tables.enforced.rows);
    let (first, mut last) = (rows.len(), 0);
    while rows.len() < first + usize::from(Row::LEVELS) {
        rows.push(Row::new(&[(0, last)], true));
        last = u32::try_from(rows.len() - 1).unwrap();
    }
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
