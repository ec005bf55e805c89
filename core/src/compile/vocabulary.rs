//! Every predicate and condition that rules speak of, each once.

use super::hashing::Quick;
use super::{Numbered, number};
use crate::model::{AddressPortSet, DomainPattern, Name, ServiceKey};
use crate::selector::Selector;
use crate::tables::{Parts, count};
use ipnet::IpNet;
use std::sync::Arc;

/// Something that holds at an address, or does not, whatever the flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Predicate {
    /// A workload endpoint holds it.
    Workload,
    /// An endpoint that holds it, or a network set that contains it, has labels that match; by number of the selector.
    Selected(u32),
    /// One of these ranges contains it; by number of the list.
    InNets(u32),
    /// A node that has it matches; by number of the selector.
    OfNode(u32),
    /// It backs a service; by number of the service.
    Backs(u32),
    /// One of these names leads to it in that view of the DNS.
    Named {
        /// Number of the list of names.
        domains: u32,
        /// Number of the view.
        view: u32,
    },
}

/// What resolves to ports at an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Condition {
    /// The named port of endpoints that the selector matches, by its number, if there is one.
    Port(Name, Option<u32>),
    /// The ports on which it backs a service, by the service's number.
    Service(u32),
    /// The ports with which it is in a set, by the set's number.
    Set(u32),
}

/// Predicates and conditions by number, and what they are made of.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    pub(super) predicates: Numbered<Predicate, Quick>,
    pub(super) conditions: Numbered<Condition>,
    /// Of labels of endpoints and network sets.
    pub(super) selectors: Numbered<Selector>,
    pub(super) nets: Numbered<Vec<IpNet>>,
    /// Of labels of nodes.
    pub(super) node_selectors: Numbered<Selector>,
    pub(super) services: Numbered<ServiceKey>,
    pub(super) port_sets: Vec<Arc<AddressPortSet>>,
    pub(super) domains: Numbered<Vec<DomainPattern>>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        let mut vocabulary = Vocabulary::default();
        let workload = vocabulary.predicate(Predicate::Workload);
        debug_assert_eq!(workload, Parts::WORKLOAD);
        vocabulary
    }

    /// Makes room for what so many policies speak of, if each has one selector of its own.
    pub(super) fn reserve(&mut self, policies: usize) {
        self.selectors.reserve(policies);
        self.predicates.reserve(policies);
    }

    pub(super) fn predicate(&mut self, predicate: Predicate) -> u32 {
        number(&mut self.predicates, predicate)
    }

    pub(super) fn condition(&mut self, condition: Condition) -> u32 {
        number(&mut self.conditions, condition)
    }

    /// The number of a selector; as the subject of a policy it is no predicate.
    pub(super) fn selector(&mut self, selector: &Selector) -> u32 {
        number(&mut self.selectors, selector.clone())
    }

    pub(super) fn selected(&mut self, selector: &Selector) -> u32 {
        let selector = self.selector(selector);
        self.predicate(Predicate::Selected(selector))
    }

    pub(super) fn in_nets(&mut self, nets: impl IntoIterator<Item = IpNet>) -> u32 {
        let mut nets: Vec<IpNet> = nets.into_iter().map(|net| net.trunc()).collect();
        nets.sort_unstable();
        nets.dedup();
        let nets = number(&mut self.nets, nets);
        self.predicate(Predicate::InNets(nets))
    }

    pub(super) fn of_node(&mut self, selector: &Selector) -> u32 {
        let selector = number(&mut self.node_selectors, selector.clone());
        self.predicate(Predicate::OfNode(selector))
    }

    pub(super) fn backs(&mut self, service: &ServiceKey) -> u32 {
        let service = number(&mut self.services, service.clone());
        self.predicate(Predicate::Backs(service))
    }

    pub(super) fn service_ports(&mut self, service: &ServiceKey) -> u32 {
        let service = number(&mut self.services, service.clone());
        self.condition(Condition::Service(service))
    }

    pub(super) fn port_set(&mut self, set: &Arc<AddressPortSet>) -> u32 {
        let known = self.port_sets.iter().position(|known| Arc::ptr_eq(known, set));
        let position = known.unwrap_or_else(|| {
            self.port_sets.push(set.clone());
            self.port_sets.len() - 1
        });
        self.condition(Condition::Set(count(position)))
    }
}
