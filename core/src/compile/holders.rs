//! What holds for those that have labels: endpoints and network sets.

use super::anchors::Anchors;
use super::chunks::{self, Chunks};
use super::labels::LabelSets;
use super::members::{self, Members};
use super::parts::PartTable;
use super::vocabulary::{Condition, Predicate, Vocabulary};
use super::{Few, footprint};
use crate::cluster::{Cluster, EndpointEntry, NetworkSetEntry};
use crate::model::{Name, ServiceKey};
use crate::tables::{Chunk, NONE, Parts, Resolution, count, index};
use std::collections::{BTreeMap, HashMap};

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// A service that rules name and that picks its backends by their labels.
#[derive(Debug)]
struct Selecting {
    service: ServiceKey,
    predicate: Option<u32>,
    condition: Option<u32>,
}

/// Which selectors match which label set, and what that means to rules.
#[derive(Debug)]
pub(super) struct Holders {
    pub(super) sets: LabelSets,
    /// The label set of each endpoint, by id.
    of_endpoints: Vec<u32>,
    /// The label sets that a selector matches, by its number.
    pub(super) matching: Vec<Members>,
    /// The predicates that hold for a label set, by its number; sorted.
    predicates: Vec<Chunks>,
    /// For new label sets: which selectors may match them. Made when the first comes.
    anchors: Option<Anchors>,
    /// Conditions on named ports, by name: their number, and the number of the selector.
    ports: Map<Name, Vec<(u32, Option<u32>)>>,
    /// By namespace.
    services: BTreeMap<Option<Name>, Vec<Selecting>>,
    parts: Map<(u32, bool, Vec<u32>, Vec<Resolution>), u32>,
    /// The parts of each label set.
    parts_of: Vec<Few>,
    /// Where labels alone decide, the part of the workloads that have a label set, and that of the hosts.
    of_labels: Vec<[u32; 2]>,
}

/// Predicates that are new, and the label sets they hold for, in the order of their numbers.
pub(super) type NewPredicates = Vec<(u32, Vec<u32>)>;

impl Holders {
    pub(super) fn new(cluster: &Cluster, vocabulary: &Vocabulary) -> Self {
        let mut sets = LabelSets::new(&vocabulary.selectors);
        let mut of_endpoints = Vec::new();
        let of_each = sets.insert_all(cluster.endpoints_by_id().map(|entry| &entry.labels));
        for (entry, set) in cluster.endpoints_by_id().zip(of_each) {
            of_endpoints.resize(index(entry.id.get()), NONE);
            of_endpoints.push(set);
        }
        for entry in cluster.network_sets() {
            sets.insert(&entry.labels);
        }
        let mut ports: Map<Name, Vec<(u32, Option<u32>)>> = Map::default();
        for (number, condition) in (0..).zip(&vocabulary.conditions) {
            if let Condition::Port(name, selector) = condition {
                ports.entry(name.clone()).or_default().push((number, *selector));
            }
        }
        let known = index(sets.len());
        let mut holders = Holders {
            sets,
            of_endpoints,
            matching: Vec::new(),
            predicates: vec![Chunks::new(); known],
            anchors: None,
            ports,
            services: selecting_services(cluster, vocabulary),
            parts: Map::default(),
            parts_of: vec![Few::new(); known],
            of_labels: vec![[NONE; 2]; known],
        };
        holders.learn(vocabulary, 0);
        holders
    }

    /// What is kept of them, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        type Part = ((u32, bool, Vec<u32>, Vec<Resolution>), u32);
        self.sets.bytes()
            + footprint::records(&self.of_endpoints)
            + members::bytes(&self.matching)
            + footprint::chunks(&self.predicates)
            + footprint::lists(&self.parts_of)
            + footprint::records(&self.of_labels)
            + footprint::entries::<Part>(self.parts.len())
    }

    /// How many label sets there are.
    pub(super) fn len(&self) -> u32 {
        self.sets.len()
    }

    /// How many endpoints there are, or were.
    pub(super) fn endpoints(&self) -> usize {
        self.of_endpoints.len()
    }

    /// The label set of an endpoint.
    pub(super) fn set_of(&self, endpoint: u32) -> u32 {
        at(&self.of_endpoints, endpoint).copied().unwrap_or(NONE)
    }

    /// Notes the label set that an endpoint has now, and gives its number.
    pub(super) fn relabel(&mut self, entry: &EndpointEntry, vocabulary: &Vocabulary) -> u32 {
        let set = self.insert(&entry.labels, vocabulary);
        let slot = index(entry.id.get());
        if self.of_endpoints.len() <= slot {
            self.of_endpoints.resize(slot + 1, NONE);
        }
        self.of_endpoints.iter_mut().skip(slot).take(1).for_each(|place| *place = set);
        set
    }

    /// The number of a label set; of one that is new, it is found out which selectors match it.
    pub(super) fn insert(&mut self, labels: &BTreeMap<Name, Name>, vocabulary: &Vocabulary) -> u32 {
        let known = self.sets.len();
        let set = self.sets.insert(labels);
        if set < known {
            return set;
        }
        let anchors = self.anchors.get_or_insert_with(Anchors::default);
        anchors.extend(&vocabulary.selectors);
        let mut predicates = Few::new();
        for selector in anchors.candidates(labels) {
            let found = vocabulary.selectors.get_index(index(selector));
            if !found.is_some_and(|found| found.matches(labels)) {
                continue;
            }
            if let Some(matching) = at_mut(&mut self.matching, selector) {
                matching.push(set);
            }
            let predicate = vocabulary.predicates.get_index_of(&Predicate::Selected(selector));
            predicates.extend(predicate.map(count));
        }
        predicates.sort_unstable();
        self.predicates.push(chunks::packed(predicates));
        self.parts_of.push(Few::new());
        self.of_labels.push([NONE; 2]);
        set
    }

    /// Finds out for which label sets selectors and predicates hold that are new since there were so many predicates.
    pub(super) fn learn(&mut self, vocabulary: &Vocabulary, predicates: u32) -> NewPredicates {
        let mut matcher = self.sets.matcher();
        for selector in vocabulary.selectors.iter().skip(self.matching.len()) {
            self.matching.push(matcher.matching(selector));
        }
        let selected: Vec<(u32, u32)> = (predicates..)
            .zip(vocabulary.predicates.iter().skip(index(predicates)))
            .filter_map(|(number, predicate)| match predicate {
                Predicate::Selected(selector) => Some((number, *selector)),
                _ => None,
            })
            .collect();
        if selected.is_empty() {
            return NewPredicates::new();
        }
        let mut bits = vec![0; self.predicates.len()];
        for together in selected.chunk_by(|(a, _), (b, _)| a / 64 == b / 64) {
            self.add_predicates(together, &mut bits);
        }
        // Of a first compilation nobody asks.
        let asked = selected.into_iter().filter(|_| predicates > 0);
        let sets = |selector| at(&self.matching, selector).map(|sets| sets.iter().collect());
        asked.filter_map(|(number, selector)| Some((number, sets(selector)?))).collect()
    }

    /// Notes the label sets for which predicates hold: up to 64 in a row, each with its selector. `bits` has a place for
    /// each set, and is 0 before and after.
    fn add_predicates(&mut self, together: &[(u32, u32)], bits: &mut [u64]) {
        let sets = || {
            together.iter().filter_map(|(number, selector)| Some((*number, at(&self.matching, *selector)?)))
        };
        let Some((first, _)) = together.first() else { return };
        if sets().map(|(_, sets)| sets.len()).sum::<usize>() < bits.len() / 4 {
            for (number, sets) in sets() {
                for set in sets {
                    at_mut(&mut self.predicates, set)
                        .into_iter()
                        .for_each(|list| chunks::append(list, number));
                }
            }
            return;
        }
        for (number, sets) in sets() {
            let bit = 1 << (number % 64);
            for set in sets {
                at_mut(bits, set).into_iter().for_each(|bits| *bits |= bit);
            }
        }
        for (list, bits) in self.predicates.iter_mut().zip(bits) {
            chunks::append_all(list, Chunk::new(first / 64, std::mem::take(bits)));
        }
    }

    /// The label set of a network set that was inserted.
    pub(super) fn set_of_network_set(&self, entry: &NetworkSetEntry) -> u32 {
        self.sets.find(&entry.labels)
    }

    /// The predicates that hold in the ranges of a network set.
    pub(super) fn of_network_set(&self, entry: &NetworkSetEntry) -> &[Chunk] {
        at(&self.predicates, self.set_of_network_set(entry)).map_or(&[], Chunks::as_slice)
    }

    /// The parts of a label set.
    pub(super) fn parts_of(&self, set: u32) -> &[u32] {
        at(&self.parts_of, set).map_or(&[], Few::as_slice)
    }

    /// The part of an endpoint.
    pub(super) fn part(
        &mut self,
        cluster: &Cluster,
        entry: &EndpointEntry,
        set: u32,
        table: &mut PartTable,
        parts: &mut Parts,
    ) -> u32 {
        let is_host = entry.endpoint.is_host();
        let only_labels = self.ports.is_empty() && self.services.is_empty();
        if only_labels {
            return self.part_of_labels(set, is_host, table, parts);
        }
        let (extra, mut resolutions) = self.backed(cluster, entry);
        resolutions.extend(self.named_ports(entry, set));
        let key = (set, is_host, extra, resolutions);
        if let Some(known) = self.parts.get(&key) {
            return *known;
        }
        let predicates = self.predicates_of(set, is_host, &key.2);
        let part = table.new_part(parts, predicates, key.3.clone());
        self.parts.insert(key, part);
        at_mut(&mut self.parts_of, set).into_iter().for_each(|parts| parts.push(part));
        part
    }

    /// The part of an endpoint of which labels tell all.
    fn part_of_labels(&mut self, set: u32, is_host: bool, table: &mut PartTable, parts: &mut Parts) -> u32 {
        let place = usize::from(is_host);
        let known = at(&self.of_labels, set).and_then(|parts| parts.get(place));
        if let Some(known) = known.filter(|part| **part != NONE) {
            return *known;
        }
        let part = table.new_part(parts, self.predicates_of(set, is_host, &[]), Vec::new());
        at_mut(&mut self.parts_of, set).into_iter().for_each(|parts| parts.push(part));
        let known = at_mut(&mut self.of_labels, set).and_then(|parts| parts.get_mut(place));
        known.into_iter().for_each(|known| *known = part);
        part
    }

    /// What holds for an endpoint with a label set, and these predicates besides.
    fn predicates_of(&self, set: u32, is_host: bool, more: &[u32]) -> Chunks {
        let more = more.iter().copied().chain((!is_host).then_some(Parts::WORKLOAD));
        let mut predicates: Chunks = more.map(Chunk::of).collect();
        predicates.extend_from_slice(at(&self.predicates, set).map_or(&[], Chunks::as_slice));
        predicates
    }

    fn named_ports(&self, entry: &EndpointEntry, set: u32) -> Vec<Resolution> {
        let mut resolutions = Vec::new();
        for port in &entry.endpoint.ports {
            for (condition, selector) in self.ports.get(&port.name).into_iter().flatten() {
                let picked = |selector| at(&self.matching, selector).is_some_and(|sets| sets.contains(set));
                if selector.is_none_or(picked) {
                    let (condition, protocol) = (*condition, port.protocol.number());
                    resolutions.push(Resolution { condition, protocol, port: port.port });
                }
            }
        }
        resolutions
    }

    /// What the services say that pick this endpoint.
    fn backed(&self, cluster: &Cluster, entry: &EndpointEntry) -> (Vec<u32>, Vec<Resolution>) {
        let (mut predicates, mut resolutions) = (Vec::new(), Vec::new());
        let in_namespace = self.services.get(&entry.endpoint.key.namespace).into_iter().flatten();
        for Selecting { service, predicate, condition } in in_namespace {
            let Some(service) = cluster.service(service).filter(|service| service.selects(&entry.endpoint))
            else {
                continue;
            };
            predicates.extend(predicate);
            for port in service.ports.iter().filter(|_| condition.is_some()) {
                let target = port.target_on(&entry.endpoint);
                resolutions.extend(condition.zip(target).map(|(condition, number)| Resolution {
                    condition,
                    protocol: port.protocol.number(),
                    port: number,
                }));
            }
        }
        (predicates, resolutions)
    }
}

fn selecting_services(cluster: &Cluster, vocabulary: &Vocabulary) -> BTreeMap<Option<Name>, Vec<Selecting>> {
    let mut services: BTreeMap<Option<Name>, Vec<Selecting>> = BTreeMap::new();
    for (number, key) in (0..).zip(&vocabulary.services) {
        let Some(service) = cluster.service(key).filter(|_| cluster.slices_of(key).next().is_none()) else {
            continue;
        };
        let predicate = vocabulary.predicates.get_index_of(&Predicate::Backs(number)).map(count);
        let condition = vocabulary.conditions.get_index_of(&Condition::Service(number)).map(count);
        let selecting = Selecting { service: service.key.clone(), predicate, condition };
        services.entry(service.key.namespace.clone()).or_default().push(selecting);
    }
    services
}

pub(super) fn at<T>(list: &[T], number: u32) -> Option<&T> {
    list.get(usize::try_from(number).ok()?)
}

pub(super) fn at_mut<T>(list: &mut [T], number: u32) -> Option<&mut T> {
    list.get_mut(usize::try_from(number).ok()?)
}
