//! Address ranges, cut where what holds changes.

use super::chunks::{Chunks, packed};
use super::holders::Holders;
use super::inventory::Nodes;
use super::parts::PartTable;
use super::vocabulary::{Condition, Predicate, Vocabulary};
use super::{Numbered, number};
use crate::cluster::Cluster;
use crate::tables::{Parts, Resolution, count};
use ipnet::IpNet;
use std::cmp::Reverse;

/// The first address of a run of addresses that the same ranges cover, and the part that holds there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) first: u128,
    pub(super) part: u32,
}

/// The part of the ranges that cover an address.
pub(super) fn covering(ranges: &[Range], address: u128) -> u32 {
    let after = ranges.partition_point(|range| range.first <= address);
    after.checked_sub(1).and_then(|last| ranges.get(last)).map_or(Parts::EMPTY, |range| range.part)
}

/// The parts of the ranges that cover addresses, which are asked for in their order.
pub(super) struct Sweep<'a> {
    rest: std::iter::Peekable<std::slice::Iter<'a, Range>>,
    part: u32,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(ranges: &'a [Range]) -> Self {
        Sweep { rest: ranges.iter().peekable(), part: Parts::EMPTY }
    }

    /// The same as [`covering`].
    pub(super) fn at(&mut self, address: u128) -> u32 {
        while let Some(range) = self.rest.next_if(|range| range.first <= address) {
            self.part = range.part;
        }
        self.part
    }
}

/// What holds in a range because of one list, set, node, service or name.
#[derive(Debug, Default)]
struct Source {
    predicates: Chunks,
    resolutions: Vec<Resolution>,
}

/// Ranges, and why they matter.
#[derive(Debug, Default)]
struct Sources {
    sources: Vec<Source>,
    v4: Vec<Claim>,
    v6: Vec<Claim>,
}

/// That a source holds from one address to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    first: u128,
    /// Wider ranges come first.
    last: Reverse<u128>,
    source: u32,
}

impl Sources {
    fn add(&mut self, nets: impl IntoIterator<Item = IpNet>, source: Source) {
        if source.predicates.is_empty() && source.resolutions.is_empty() {
            return;
        }
        let number = count(self.sources.len());
        self.sources.push(source);
        for net in nets {
            let (claims, first, last) = match net {
                IpNet::V4(v4) => {
                    (&mut self.v4, u128::from(v4.network().to_bits()), u128::from(v4.broadcast().to_bits()))
                }
                IpNet::V6(v6) => (&mut self.v6, v6.network().to_bits(), v6.broadcast().to_bits()),
            };
            claims.push(Claim { first, last: Reverse(last), source: number });
        }
    }
}

/// The ranges of both families, each with the part that holds in it.
pub(super) fn ranges(
    cluster: &Cluster,
    vocabulary: &Vocabulary,
    holders: &Holders,
    nodes: &Nodes,
    table: &mut PartTable,
    parts: &mut Parts,
) -> [Vec<Range>; 2] {
    let sources = sources(cluster, vocabulary, holders, nodes);
    let Sources { sources, v4, v6 } = sources;
    [(v4, u128::from(u32::MAX)), (v6, u128::MAX)]
        .map(|(claims, last)| cut(claims, last, &mut |set| part_of(set, &sources, table, parts)))
}

fn sources(cluster: &Cluster, vocabulary: &Vocabulary, holders: &Holders, nodes: &Nodes) -> Sources {
    let mut sources = Sources::default();
    for (number, predicate) in (0..).zip(&vocabulary.predicates) {
        if let Predicate::InNets(nets) = predicate {
            let nets = usize::try_from(*nets).ok().and_then(|nets| vocabulary.nets.get_index(nets));
            let source = Source { predicates: packed([number]), resolutions: Vec::new() };
            sources.add(nets.into_iter().flatten().copied(), source);
        }
    }
    for entry in cluster.network_sets() {
        let source = Source { predicates: holders.of_network_set(entry).into(), resolutions: Vec::new() };
        sources.add(entry.set.nets.iter().copied(), source);
    }
    for node in cluster.nodes() {
        let matching = vocabulary.node_selectors.iter().enumerate();
        let matching = matching.filter(|(_, selector)| selector.matches(&node.labels));
        let known =
            |position| vocabulary.predicates.get_index_of(&Predicate::OfNode(count(position))).map(count);
        let predicates = packed(matching.filter_map(|(position, _)| known(position)));
        sources.add(
            node.addresses.iter().copied().map(IpNet::from),
            Source { predicates, resolutions: Vec::new() },
        );
    }
    services(cluster, vocabulary, &mut sources);
    port_sets(vocabulary, &mut sources);
    names(cluster, vocabulary, nodes, &mut sources);
    sources
}

/// The backends that slices list.
fn services(cluster: &Cluster, vocabulary: &Vocabulary, sources: &mut Sources) {
    for (number, key) in (0..).zip(&vocabulary.services) {
        let predicate = vocabulary.predicates.get_index_of(&Predicate::Backs(number)).map(count);
        let condition = vocabulary.conditions.get_index_of(&Condition::Service(number)).map(count);
        for slice in cluster.slices_of(key) {
            let ports = slice.ports.iter().map(|(_, protocol, port)| (protocol.number(), *port));
            let resolutions = ports.filter_map(|(protocol, port)| {
                condition.map(|condition| Resolution { condition, protocol, port })
            });
            let source = Source { predicates: packed(predicate), resolutions: resolutions.collect() };
            sources.add(slice.backends.iter().map(|backend| IpNet::from(backend.address)), source);
        }
    }
}

fn port_sets(vocabulary: &Vocabulary, sources: &mut Sources) {
    for (number, condition) in (0..).zip(&vocabulary.conditions) {
        let Condition::Set(set) = condition else { continue };
        let set = usize::try_from(*set).ok().and_then(|set| vocabulary.port_sets.get(set));
        for member in set.iter().flat_map(|set| &set.members) {
            let (protocol, port) = (member.protocol.number(), member.port);
            let resolutions = vec![Resolution { condition: number, protocol, port }];
            sources.add([IpNet::from(member.address)], Source { predicates: Chunks::new(), resolutions });
        }
    }
}

/// The addresses that names lead to, in each view.
fn names(cluster: &Cluster, vocabulary: &Vocabulary, nodes: &Nodes, sources: &mut Sources) {
    if vocabulary.domains.is_empty() {
        return;
    }
    for address in cluster.dns_addresses() {
        let mut predicates = Vec::new();
        for (view, node) in (0..).zip(nodes.views()) {
            let names = cluster.names_of(address, node.map(|node| &**node));
            for (domains, patterns) in (0..).zip(&vocabulary.domains) {
                if names.keys().any(|name| patterns.iter().any(|pattern| pattern.matches(name))) {
                    let predicate = Predicate::Named { domains, view };
                    predicates.extend(vocabulary.predicates.get_index_of(&predicate).map(count));
                }
            }
        }
        sources
            .add([IpNet::from(address)], Source { predicates: packed(predicates), resolutions: Vec::new() });
    }
}

/// Cuts the addresses up to `last` where claims begin and end. Ranges of addresses nest or are apart, so a stack of the
/// claims that are open is enough, and there are at most two cuts a claim.
fn cut(mut claims: Vec<Claim>, last: u128, part_of: &mut impl FnMut(&[u32]) -> u32) -> Vec<Range> {
    claims.sort_unstable();
    claims.dedup();
    let mut sets: Numbered<Box<[u32]>> = Numbered::default();
    let nothing = number(&mut sets, Box::from([]));
    let mut open: Vec<(u128, u32)> = vec![(last, nothing)];
    let mut cuts: Vec<(u128, u32)> = vec![(0, nothing)];
    let mut emit = |first: u128, set: u32| match cuts.last_mut() {
        Some((at, known)) if *at == first => *known = set,
        _ => cuts.push((first, set)),
    };
    let mut previous = None;
    for Claim { first, last: Reverse(end), source } in claims {
        while open.len() > 1 && open.last().is_some_and(|(end, _)| *end < first) {
            if let (Some((end, _)), Some((_, set))) = (open.pop(), open.last()) {
                emit(end + 1, *set);
            }
        }
        let around = open.last().map_or(nothing, |(_, set)| *set);
        let sorted = |set: u32| {
            let known = usize::try_from(set).ok().and_then(|set| sets.get_index(set));
            let mut members = known.map(|members| members.to_vec()).unwrap_or_default();
            let position = members.partition_point(|member| *member < source);
            if members.get(position) != Some(&source) {
                members.insert(position, source);
            }
            members.into_boxed_slice()
        };
        let members = sorted(around);
        let set = number(&mut sets, members);
        if previous == Some((first, end)) {
            open.pop();
        }
        open.push((end, set));
        previous = Some((first, end));
        emit(first, set);
    }
    while open.len() > 1 {
        if let (Some((end, _)), Some((_, set))) = (open.pop(), open.last())
            && end < last
        {
            emit(end + 1, *set);
        }
    }
    let numbers: Vec<u32> = sets.iter().map(|set| part_of(set)).collect();
    let ranges = cuts.into_iter().filter_map(|(first, set)| {
        numbers.get(usize::try_from(set).ok()?).map(|part| Range { first, part: *part })
    });
    let mut ranges: Vec<Range> = ranges.collect();
    ranges.dedup_by_key(|range| range.part);
    ranges
}

fn part_of(set: &[u32], sources: &[Source], table: &mut PartTable, parts: &mut Parts) -> u32 {
    let members = || set.iter().filter_map(|source| sources.get(usize::try_from(*source).ok()?));
    let predicates = members().flat_map(|source| source.predicates.iter().copied()).collect();
    let resolutions = members().flat_map(|source| source.resolutions.iter().copied()).collect();
    table.of_range(parts, predicates, resolutions)
}
