//! A backend: maps that are filled from a view, follow its deltas, and answer from what they hold alone.
//!
//! It is written to be read, and it is tested: `core/tests/view.rs` and `core/tests/laws/updates/deltas.rs` hold its
//! answers equal to the snapshot's.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tierwall::cluster::Scope;
use tierwall::model::Direction;
use tierwall::view::{
    Block, Bucket, Class, DIRECTIONS, Ending, List, Prefix, ProgramView, ProtocolAtoms, Record, Row,
    TablesView, Write, traffic_number,
};

/// A newer format may have more. Maps are not to be changed by who does not know all of it.
const UNKNOWN: &str =
    "the delta is of a newer format than this backend: compare `FORMAT` before the maps are loaded";

/// All maps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Maps {
    pub(crate) generation: u32,
    prefixes: HashMap<Prefix, u32>,
    protocols: Vec<ProtocolAtoms>,
    intervals: Vec<u16>,
    enforced: Program,
    pending: Option<Program>,
}

#[derive(Debug, Clone, PartialEq)]
struct Program {
    classes: Vec<Class>,
    lists: Vec<List>,
    buckets: Vec<Bucket>,
    bases: Vec<u32>,
    rows: Vec<Row>,
    endings: Vec<Ending>,
    /// Of egress, then of ingress.
    wide: [Wide; 2],
}

#[derive(Debug, Clone, PartialEq)]
struct Wide {
    blocks: u32,
    subjects: Vec<Block>,
    peers: Vec<Block>,
    traffic: Vec<Block>,
    traffic_rows: Vec<u32>,
    tier_ends: Vec<u16>,
    endings: Vec<Ending>,
}

/// A flow between two addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) destination_port: u16,
    pub(crate) icmp: (u8, u8),
}

/// What one direction comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) is_allowed: bool,
    /// The number of the reason.
    pub(crate) reason: u8,
    /// The rule that decided, or 0.
    pub(crate) rule: u32,
    pub(crate) is_logged: bool,
    /// The clause of an HTTP rule passed, because nobody looked.
    pub(crate) http_assumed: bool,
}

impl Maps {
    pub(crate) fn new(view: TablesView<'_>) -> Self {
        Maps {
            generation: view.generation(),
            prefixes: view.prefixes().collect(),
            protocols: view.traffic().protocols().iter().collect(),
            intervals: view.traffic().intervals().iter().collect(),
            enforced: view.program(Scope::Enforced).map(Program::new).expect("it is always there"),
            pending: view.program(Scope::Pending).map(Program::new),
        }
    }

    /// Makes one write.
    pub(crate) fn write(&mut self, write: &Write) {
        match *write {
            Write::Prefix(prefix, Some(class)) => drop(self.prefixes.insert(prefix, class)),
            Write::Prefix(prefix, None) => assert!(self.prefixes.remove(&prefix).is_some()),
            Write::Record(Scope::Enforced, number, record) => self.enforced.write(number, record),
            Write::Record(Scope::Pending, number, record) => {
                self.pending.iter_mut().for_each(|program| program.write(number, record));
            }
            Write::Generation(generation) => self.generation = generation,
            // Nobody reads while this writes.
            Write::Wait => {}
            _ => panic!("{UNKNOWN}"),
        }
    }

    /// What egress and ingress come to, as far as the fast form can tell.
    pub(crate) fn judge(&self, scope: Scope, question: &Question) -> [Option<Answer>; 2] {
        let program = match scope {
            Scope::Enforced => &self.enforced,
            Scope::Pending => self.pending.as_ref().unwrap_or(&self.enforced),
        };
        let (source, destination) = (self.class(question.source), self.class(question.destination));
        if question.source == question.destination {
            return [None; 2];
        }
        let (from, to) = (&program.classes[source as usize], &program.classes[destination as usize]);
        if from.flags & Class::SLOW != 0 || from.flags != to.flags {
            return [None; 2];
        }
        let traffic = traffic_number(question.protocol, question.destination_port, question.icmp);
        let atom = self.atom(question);
        let look_up = |side, subject: &Class, peer_class, peer: &Class| LookUp {
            program,
            side,
            subject: subject.sides[side],
            peer_class,
            peer: *peer,
            traffic,
            atom,
        };
        [look_up(0, from, destination, to).answer(), look_up(1, to, source, from).answer()]
    }

    /// That of the longest prefix.
    fn class(&self, address: IpAddr) -> u32 {
        let prefix = |length: u32| match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let known = |length: u32| {
            self.prefixes.get(&Prefix { address: prefix(length), length: u8::try_from(length).unwrap_or(0) })
        };
        *(0..=longest).rev().find_map(known).expect("every address has a class")
    }

    fn atom(&self, question: &Question) -> u32 {
        let atoms = &self.protocols[usize::from(question.protocol)];
        let message = u16::from_be_bytes([question.icmp.0, question.icmp.1]);
        let value = question.destination_port & atoms.ports | message & atoms.icmp;
        atoms.base + u32::from(self.intervals[atoms.table as usize + usize::from(value)])
    }
}

impl Program {
    fn new(view: ProgramView<'_>) -> Self {
        Program {
            classes: view.classes().iter().collect(),
            lists: view.lists().iter().collect(),
            buckets: view.buckets().iter().collect(),
            bases: view.bases().iter().collect(),
            rows: view.rows().iter().collect(),
            endings: view.endings().iter().collect(),
            wide: DIRECTIONS.map(|direction| {
                let wide = view.wide(direction);
                Wide {
                    blocks: wide.blocks(),
                    subjects: wide.subjects().iter().collect(),
                    peers: wide.peers().iter().collect(),
                    traffic: wide.traffic().iter().collect(),
                    traffic_rows: wide.traffic_rows().iter().collect(),
                    tier_ends: wide.tier_ends().iter().collect(),
                    endings: wide.endings().iter().collect(),
                }
            }),
        }
    }

    fn write(&mut self, number: u32, record: Record) {
        let side = |direction| usize::from(direction == Direction::Ingress);
        match record {
            Record::Row(row) => put(&mut self.rows, number, row),
            Record::Base(row) => put(&mut self.bases, number, row),
            Record::Bucket(bucket) => put(&mut self.buckets, number, bucket),
            Record::Ending(ending) => put(&mut self.endings, number, ending),
            Record::Subject(direction, block) => put(&mut self.wide[side(direction)].subjects, number, block),
            Record::Peer(direction, block) => put(&mut self.wide[side(direction)].peers, number, block),
            Record::List(list) => put(&mut self.lists, number, list),
            Record::Class(class) => put(&mut self.classes, number, class),
            _ => panic!("{UNKNOWN}"),
        }
    }

    /// What comes first in a row.
    fn word(&self, row: u32, traffic: u32) -> u32 {
        let row = &self.rows[row as usize];
        let started = row.starts.iter().filter(|start| **start <= traffic).count();
        let word = row.words[started.saturating_sub(1)];
        if row.starts[0] == Row::NODE { self.word(word, traffic) } else { word }
    }
}

fn put<T>(map: &mut Vec<T>, number: u32, record: T) {
    match map.get_mut(number as usize) {
        Some(place) => *place = record,
        None => {
            assert_eq!(map.len(), number as usize, "records come in the order of their numbers");
            map.push(record);
        }
    }
}

/// Of a list that says nothing.
const SLOW: Ending = Ending { rule: 0, position: 0, reason: 0, code: Ending::SLOW };

/// One direction of a flow.
struct LookUp<'a> {
    program: &'a Program,
    side: usize,
    /// The subject's first list.
    subject: List,
    peer_class: u32,
    peer: Class,
    traffic: u32,
    atom: u32,
}

impl LookUp<'_> {
    fn answer(&self) -> Option<Answer> {
        let (mut list, mut from) = (self.subject, 0);
        let (mut is_logged, mut http_assumed) = (false, false);
        loop {
            let ending = self.in_list(&list, from, &mut is_logged, &mut http_assumed);
            match ending.code & Ending::ACTION {
                Ending::PASS => {}
                Ending::SLOW => return None,
                action => {
                    let (reason, rule) = (ending.reason, ending.rule);
                    let is_allowed = action == Ending::ALLOW;
                    return Some(Answer { is_allowed, reason, rule, is_logged, http_assumed });
                }
            }
            let header = self.program.endings[list.endings as usize];
            from = u32::from(header.position) * 64;
            list = *self.program.lists.get(header.rule as usize)?;
        }
    }

    /// The wide rules of the tiers before a list, from a bit on, and then the list.
    fn in_list(&self, list: &List, from: u32, is_logged: &mut bool, http_assumed: &mut bool) -> Ending {
        let word = self.program.word(self.row(list), self.traffic).min(self.wild(list));
        let place = list.endings as usize + (word >> 2) as usize;
        let narrow = self.program.endings.get(place).copied().unwrap_or(SLOW);
        let to = u32::from(list.words_before) * 64;
        if let Some(ending) = self.scan(from, to, false, is_logged, http_assumed) {
            return ending;
        }
        if list.flags & List::MIXED != 0
            && let Some(ending) = self.scan(to, narrow.position.into(), true, is_logged, http_assumed)
        {
            return ending;
        }
        *is_logged |= word & Row::LOG != 0;
        *http_assumed |= word & Row::HTTP != 0 || narrow.code & Ending::HTTP != 0;
        narrow
    }

    fn wild(&self, list: &List) -> u32 {
        if list.wild == 0 { u32::MAX } else { self.program.word(list.wild, self.traffic) }
    }

    /// The row of the peer.
    fn row(&self, list: &List) -> u32 {
        let (first, count) = (Bucket::of(self.peer_class, list.buckets), Bucket::count(list.buckets).max(1));
        for step in 0..count {
            let bucket = &self.program.buckets[(list.bucket + (first + step) % count) as usize];
            if let Some(place) = bucket.classes.iter().position(|class| *class == self.peer_class) {
                return bucket.rows[place];
            }
            if bucket.classes[7] == u32::MAX {
                break;
            }
        }
        let group = if list.flags & List::ONE_BASE == 0 { self.peer.group } else { 0 };
        self.program.bases[(list.base + group) as usize]
    }

    /// The first wide rule within these bits that decides.
    fn scan(
        &self,
        mut from: u32,
        to: u32,
        one_tier: bool,
        is_logged: &mut bool,
        http_assumed: &mut bool,
    ) -> Option<Ending> {
        let wide = &self.program.wide[self.side];
        while from < to.min(wide.blocks * 512) {
            if !self.is_set(wide, from) {
                from += 1;
                continue;
            }
            let ending = wide.endings[from as usize];
            *http_assumed |= ending.code & Ending::HTTP != 0;
            if ending.code & Ending::LOG != 0 {
                *is_logged = true;
                from += 1;
            } else if ending.code & Ending::ACTION != Ending::PASS || one_tier {
                return Some(ending);
            } else {
                from = u32::from(wide.tier_ends[(from / 64) as usize]) * 64;
            }
        }
        None
    }

    fn is_set(&self, wide: &Wide, bit: u32) -> bool {
        let rows = [
            (&wide.subjects, self.subject.subject_row),
            (&wide.peers, self.peer.peer_rows[self.side]),
            (&wide.traffic, wide.traffic_rows[self.atom as usize]),
        ];
        rows.into_iter().all(|(map, row)| {
            let Block(words) = map[(row * wide.blocks + bit / 512) as usize];
            words[(bit / 64 % 8) as usize] >> (bit % 64) & 1 == 1
        })
    }
}
