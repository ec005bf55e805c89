//! A backend that sees nothing but views and deltas: it answers as the snapshot does, and while it follows an update it
//! gives, after every single write, the old or the new answer of each direction.
//!
//! `TIERWALL_EDITS` sets how many edits are made; `TIERWALL_SEED`, which.

use super::edits::Hand;
use super::script::commit;
use crate::backend::{Answer, Maps, Question};
use crate::compiled::options;
use crate::equality::{self, Random, each, number, runner};
use crate::generate::{OUTSIDE, world};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Direction, Flow, FlowContext, Protocol, Verdict};
use tierwall::view::{Delta, Write, delta};
use tierwall::{CompileOptions, Compiler, Snapshot};

const EDITS: u64 = 6_000;
/// A cluster is edited so many times.
const EACH: u64 = 60;
/// So many flows are followed through an update.
const FLOWS: usize = 40;

/// What deltas came to.
#[derive(Default)]
struct Sum {
    asked: usize,
    told: usize,
    deltas: BTreeMap<String, (usize, usize)>,
    /// By kind of edit: how many writes live deltas had.
    writes: BTreeMap<&'static str, Vec<usize>>,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.asked += other.asked;
        self.told += other.told;
        for (kind, (count, writes)) in other.deltas {
            let sum = self.deltas.entry(kind).or_default();
            *sum = (sum.0 + count, sum.1 + writes);
        }
        for (kind, writes) in other.writes {
            self.writes.entry(kind).or_default().extend(writes);
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} questions told by the backend", self.told, self.asked)?;
        for (kind, (count, writes)) in &self.deltas {
            writeln!(f, "{count:>6} deltas {kind}, {writes} writes")?;
        }
        for (kind, writes) in &self.writes {
            let mut sorted = writes.clone();
            sorted.sort_unstable();
            let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
            writeln!(f, "{kind:>28}: {} live, median {middle} writes", sorted.len())?;
        }
        Ok(())
    }
}

/// Flows between addresses of a family.
fn questions(addresses: &[IpAddr], random: &mut Random) -> Vec<Question> {
    let protocols = [6, 6, 6, 17, 1, 58, 47];
    let ports = [22, 53, 80, 81, 90, 443, 8000, 8080, 9000];
    let one = |_| {
        let source = *random.pick(addresses);
        let destination = (0..8).map(|_| *random.pick(addresses)).find(|to| to.is_ipv4() == source.is_ipv4());
        Question {
            source,
            destination: destination.unwrap_or(source),
            protocol: *random.pick(&protocols),
            destination_port: *random.pick(&ports),
            icmp: (*random.pick(&[3, 8, 128]), 0),
        }
    };
    (0..FLOWS).map(one).collect()
}

/// Whoever has addresses, and some outside.
fn addresses(cluster: &Cluster) -> Vec<IpAddr> {
    let held = cluster.endpoints().flat_map(|entry| entry.endpoint.addresses.iter().copied());
    held.chain(OUTSIDE.iter().map(|text| text.parse().unwrap())).collect()
}

/// The backend answers as the snapshot does wherever it can tell.
fn check_answers(
    snapshot: &Snapshot,
    maps: &Maps,
    questions: &[Question],
    sum: &mut Sum,
) -> Result<(), String> {
    for question in questions {
        let flow = Flow::new(question.source, question.destination, Protocol::from(question.protocol))
            .with_ports(40_000, question.destination_port)
            .with_icmp(question.icmp.0, question.icmp.1);
        let said = snapshot.evaluate(&flow, &FlowContext::default());
        for (scope, said) in [(Scope::Enforced, said.enforced), (Scope::Pending, said.pending)] {
            // A program without staged policies does not say which policy the end of a tier is due to.
            if scope == Scope::Pending && snapshot.tables().program(scope).is_none() {
                continue;
            }
            sum.asked += 1;
            if let [Some(egress), Some(ingress)] = maps.judge(scope, question) {
                sum.told += 1;
                if !agrees(said, egress, ingress) {
                    return Err(format!("{question:?} {scope:?}: {egress:?} {ingress:?}, not {said:?}"));
                }
            }
        }
    }
    Ok(())
}

fn agrees(said: Verdict, egress: Answer, ingress: Answer) -> bool {
    let end = |answer: Answer, direction| {
        answer.reason == said.reason(direction) as u8
            && answer.rule == said.rule(direction).map_or(0, |rule| rule.get())
    };
    end(egress, Direction::Egress)
        && end(ingress, Direction::Ingress)
        && said.is_allowed() == (egress.is_allowed && ingress.is_allowed)
        && said.is_logged() == (egress.is_logged || ingress.is_logged)
        && said.http_assumed() == (egress.http_assumed || ingress.http_assumed)
}

/// Makes the writes, one by one. If the delta is live, every answer in between must be an old or a new one.
fn follow(
    from: &Maps,
    to: &Maps,
    writes: &[Write],
    is_live: bool,
    questions: &[Question],
) -> Result<(), String> {
    let answers = |maps: &Maps| -> Vec<_> {
        let scopes = [Scope::Enforced, Scope::Pending].into_iter();
        scopes.flat_map(|scope| questions.iter().map(move |question| maps.judge(scope, question))).collect()
    };
    let (old, new) = (answers(from), answers(to));
    let mut maps = from.clone();
    for (place, write) in writes.iter().enumerate() {
        maps.write(write);
        if !is_live {
            continue;
        }
        for (number, now) in answers(&maps).into_iter().enumerate() {
            for side in [0, 1] {
                let known = [old[number][side], new[number][side]];
                if !known.contains(&now[side]) {
                    let question = questions[number % questions.len()];
                    return Err(format!(
                        "after write {place} of {writes:#?}\n{question:?} side {side}: {:?}, not of {known:?}",
                        now[side]
                    ));
                }
            }
        }
    }
    if maps == *to { Ok(()) } else { Err(format!("other maps come of {writes:#?}")) }
}

/// Edits a cluster, and follows it.
fn go(seed: u64, edits: u64, sum: &mut Sum) -> Result<(), String> {
    let mut random = Random::new(seed);
    let mut runner = runner(&mut random);
    let (worlds, drawn) =
        (prop::array::uniform3(world()), options()).new_tree(&mut runner).unwrap().current();
    let options = if seed.is_multiple_of(2) { CompileOptions::default() } else { drawn };
    let [world, ..] = worlds.clone();
    let stock: Vec<_> = worlds.into_iter().flat_map(|world| world.objects).collect();
    let mut cluster = equality::cluster(&world);
    let mut compiler = Compiler::new(options);
    let mut old = compiler.update(&mut cluster).snapshot;
    let mut held = Maps::new(old.tables());
    let mut left = edits;
    while left > 0 {
        let count = if random.one_in(3) { 1 + random.below(3) } else { 1 };
        let mut kinds = BTreeSet::new();
        let mut pool = addresses(&cluster);
        for _ in 0..count {
            let (kind, made) =
                Hand { cluster: &cluster, stock: &stock, crowd: 40, calm: false, random: &mut random }.edit();
            kinds.insert(kind);
            commit(&mut cluster, &made);
        }
        left = left.saturating_sub(count as u64);
        let new = compiler.update(&mut cluster).snapshot;
        let maps = Maps::new(new.tables());
        let delta = delta(&old, &new);
        pool.extend(addresses(&cluster));
        pool.extend(delta.writes().unwrap_or_default().iter().filter_map(|write| match write {
            Write::Prefix(prefix, _) => Some(prefix.address),
            _ => None,
        }));
        let questions = questions(&pool, &mut random);
        check_answers(&new, &maps, &questions, sum)?;
        if let Some(writes) = delta.writes() {
            let is_live = matches!(delta, Delta::Live(_));
            follow(&held, &maps, writes, is_live, &questions)
                .map_err(|error| format!("{kinds:?} {error}"))?;
            if let (true, Some(kind), 1) = (is_live, kinds.first(), kinds.len()) {
                sum.writes.entry(kind).or_default().push(writes.len());
            }
        }
        let (kind, writes) = match &delta {
            Delta::Live(writes) => ("live".to_owned(), writes.len()),
            Delta::Apart(writes, why) => (format!("apart: {why}"), writes.len()),
            Delta::Whole(why) => (format!("whole: {why}"), 0),
            _ => panic!("{delta:?}"),
        };
        let of_kind = sum.deltas.entry(kind).or_default();
        *of_kind = (of_kind.0 + 1, of_kind.1 + writes);
        (old, held) = (new, maps);
    }
    Ok(())
}

#[test]
fn a_backend_is_never_misled() {
    let edits = number("TIERWALL_EDITS").unwrap_or(EDITS);
    let first = number("TIERWALL_SEED").unwrap_or(0) << 32;
    let sums = each(first, edits.div_ceil(EACH), |seed, sum| go(seed, EACH.min(edits), sum));
    let mut all = Sum::default();
    sums.into_iter().for_each(|sum| all.add(sum));
    println!("{all}");
    assert!(all.told * 4 > all.asked, "the fast form tells too little to be worth a test");
    assert!(edits < EDITS || all.deltas.get("live").is_some_and(|(count, _)| *count > 500));
}
