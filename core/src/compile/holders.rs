//! What holds for those that have labels: endpoints and network sets.

use super::labels::LabelSets;
use super::parts::PartTable;
use super::vocabulary::{Condition, Predicate, Vocabulary};
use crate::cluster::{Cluster, EndpointEntry, NetworkSetEntry};
use crate::model::{Name, Service};
use crate::tables::{NONE, Parts, Resolution, count, index};
use std::collections::{BTreeMap, HashMap};

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// A service that rules name and that picks its backends by their labels.
struct Selecting<'a> {
    service: &'a Service,
    predicate: Option<u32>,
    condition: Option<u32>,
}

/// Which selectors match which label set, and what that means to rules.
pub(super) struct Holders<'a> {
    sets: LabelSets,
    /// The label set of each endpoint, by id.
    of_endpoints: Vec<u32>,
    /// The label sets that a selector matches, by its number.
    pub(super) matching: Vec<Vec<u32>>,
    /// The predicates that hold for a label set, by its number.
    predicates: Vec<Vec<u32>>,
    /// Conditions on named ports, by name: their number, and the number of the selector.
    ports: Map<&'a Name, Vec<(u32, Option<u32>)>>,
    /// By namespace.
    services: BTreeMap<Option<&'a Name>, Vec<Selecting<'a>>>,
    parts: Map<(u32, bool, Vec<u32>, Vec<Resolution>), u32>,
    /// The part of the last endpoint of a label set, where labels alone decide: whether that was a host's, and its number.
    of_labels: Vec<(bool, u32)>,
}

impl<'a> Holders<'a> {
    pub(super) fn new(cluster: &'a Cluster, vocabulary: &'a Vocabulary) -> Self {
        let mut sets = LabelSets::new(&vocabulary.selectors);
        let mut of_endpoints = Vec::new();
        for entry in cluster.endpoints_by_id() {
            let slot = index(entry.id.get());
            of_endpoints.resize(slot + 1, NONE);
            let set = sets.insert(&entry.labels);
            of_endpoints.last_mut().into_iter().for_each(|place| *place = set);
        }
        for entry in cluster.network_sets() {
            sets.insert(&entry.labels);
        }
        sets.index();
        let matching: Vec<Vec<u32>> =
            vocabulary.selectors.iter().map(|selector| sets.matching(selector)).collect();
        let mut predicates = vec![Vec::new(); usize::try_from(sets.len()).unwrap_or(usize::MAX)];
        for (number, predicate) in (0..).zip(&vocabulary.predicates) {
            let Predicate::Selected(selector) = predicate else { continue };
            for set in at(&matching, *selector).into_iter().flatten() {
                if let Some(predicates) = at_mut(&mut predicates, *set) {
                    predicates.push(number);
                }
            }
        }
        let mut ports: Map<&Name, Vec<(u32, Option<u32>)>> = Map::default();
        for (number, condition) in (0..).zip(&vocabulary.conditions) {
            if let Condition::Port(name, selector) = condition {
                ports.entry(name).or_default().push((number, *selector));
            }
        }
        let services = selecting_services(cluster, vocabulary);
        let of_labels = vec![(false, NONE); predicates.len()];
        Holders {
            sets,
            of_endpoints,
            matching,
            predicates,
            ports,
            services,
            parts: Map::default(),
            of_labels,
        }
    }

    /// How many label sets there are.
    pub(super) fn len(&self) -> u32 {
        self.sets.len()
    }

    /// The label set of an endpoint.
    pub(super) fn set_of(&self, entry: &EndpointEntry) -> u32 {
        at(&self.of_endpoints, entry.id.get()).copied().unwrap_or(NONE)
    }

    /// The predicates that hold in the ranges of a network set.
    pub(super) fn of_network_set(&self, entry: &NetworkSetEntry) -> &[u32] {
        at(&self.predicates, self.sets.find(&entry.labels)).map_or(&[], Vec::as_slice)
    }

    /// The part of an endpoint.
    pub(super) fn part(&mut self, entry: &EndpointEntry, set: u32, parts: &mut PartTable) -> u32 {
        let is_host = entry.endpoint.is_host();
        let only_labels = self.ports.is_empty() && self.services.is_empty();
        if let Some(known) =
            at(&self.of_labels, set).filter(|known| only_labels && known.1 != NONE && known.0 == is_host)
        {
            return known.1;
        }
        let (extra, mut resolutions) = self.backed(entry);
        resolutions.extend(self.named_ports(entry, set));
        let key = (set, is_host, extra, resolutions);
        if let Some(known) = self.parts.get(&key) {
            return *known;
        }
        let mut predicates = at(&self.predicates, set).cloned().unwrap_or_default();
        predicates.extend(&key.2);
        predicates.extend((!is_host).then_some(Parts::WORKLOAD));
        let part = parts.part(predicates, key.3.clone());
        self.parts.insert(key, part);
        if let Some(known) = at_mut(&mut self.of_labels, set).filter(|_| only_labels) {
            *known = (is_host, part);
        }
        part
    }

    fn named_ports(&self, entry: &EndpointEntry, set: u32) -> Vec<Resolution> {
        let mut resolutions = Vec::new();
        for port in &entry.endpoint.ports {
            for (condition, selector) in self.ports.get(&port.name).into_iter().flatten() {
                let picked = |selector| {
                    at(&self.matching, selector).is_some_and(|sets| sets.binary_search(&set).is_ok())
                };
                if selector.is_none_or(picked) {
                    let (condition, protocol) = (*condition, port.protocol.number());
                    resolutions.push(Resolution { condition, protocol, port: port.port });
                }
            }
        }
        resolutions
    }

    /// What the services say that pick this endpoint.
    fn backed(&self, entry: &EndpointEntry) -> (Vec<u32>, Vec<Resolution>) {
        let (mut predicates, mut resolutions) = (Vec::new(), Vec::new());
        let in_namespace = self.services.get(&entry.endpoint.key.namespace.as_ref()).into_iter().flatten();
        for Selecting { service, predicate, condition } in in_namespace {
            if !service.selects(&entry.endpoint) {
                continue;
            }
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

fn selecting_services<'a>(
    cluster: &'a Cluster,
    vocabulary: &Vocabulary,
) -> BTreeMap<Option<&'a Name>, Vec<Selecting<'a>>> {
    let mut services: BTreeMap<Option<&Name>, Vec<Selecting<'_>>> = BTreeMap::new();
    for (number, key) in (0..).zip(&vocabulary.services) {
        let Some(service) = cluster.service(key).filter(|_| cluster.slices_of(key).next().is_none()) else {
            continue;
        };
        let predicate = vocabulary.predicates.get_index_of(&Predicate::Backs(number)).map(count);
        let condition = vocabulary.conditions.get_index_of(&Condition::Service(number)).map(count);
        let selecting = Selecting { service, predicate, condition };
        services.entry(service.key.namespace.as_ref()).or_default().push(selecting);
    }
    services
}

pub(super) fn at<T>(list: &[T], number: u32) -> Option<&T> {
    list.get(usize::try_from(number).ok()?)
}

pub(super) fn at_mut<T>(list: &mut [T], number: u32) -> Option<&mut T> {
    list.get_mut(usize::try_from(number).ok()?)
}
