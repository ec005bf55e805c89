//! Edits of what there is, of every kind, in few words, so that what was there before comes again.

mod endpoints;
mod inventory;
mod policies;

use super::script::Edit;
use crate::equality::Random;
use tierwall::cluster::Cluster;
use tierwall::lower::Lowered;
use tierwall::resource::{Kind, Resource, ResourceKey};

/// What an edit is made from.
pub(super) struct Hand<'a> {
    pub(super) cluster: &'a Cluster,
    /// Objects of other clusters, some of which have the names of objects here.
    pub(super) stock: &'a [Resource],
    /// How many endpoints without a part of their own there may be.
    pub(super) crowd: usize,
    /// Only endpoints and policies are edited.
    pub(super) calm: bool,
    pub(super) random: &'a mut Random,
}

/// A kind of edit: its name, how often it comes, and what makes it where it can be made.
struct Maker(&'static str, usize, fn(&mut Hand<'_>) -> Option<Vec<Edit>>);

/// Edits of endpoints and policies.
const OF_WORKLOADS: &[Maker] = &[
    Maker("label", 12, endpoints::label),
    Maker("labels of another", 12, endpoints::labels_of_another),
    Maker("move", 6, endpoints::move_away),
    Maker("node of endpoint", 3, endpoints::rehome),
    Maker("named ports", 4, endpoints::ports),
    Maker("profiles of endpoint", 3, endpoints::profiles),
    Maker("account of endpoint", 2, endpoints::account),
    Maker("interface", 2, endpoints::interface),
    Maker("endpoint", 4, endpoints::other),
    Maker("new endpoint", 5, endpoints::add),
    Maker("endpoint removed", 3, endpoints::remove),
    Maker("endpoint again", 1, endpoints::again),
    Maker("action", 4, policies::action),
    Maker("ports", 5, policies::ports),
    Maker("peer", 4, policies::peer),
    Maker("peer selector", 5, policies::peer_selector),
    Maker("nets", 3, policies::nets),
    Maker("protocol", 1, policies::protocol),
    Maker("words", 2, policies::words),
    Maker("rules", 4, policies::rules),
    Maker("directions", 2, policies::directions),
    Maker("order", 3, policies::order),
    Maker("subject", 3, policies::subject),
    Maker("tier of policy", 2, policies::tier),
    Maker("class", 2, policies::class),
    Maker("isolation", 1, policies::isolation),
    Maker("staging", 2, policies::staging),
    Maker("policy", 5, policies::other),
    Maker("twin policy", 4, policies::twin),
    Maker("policy removed", 6, policies::remove),
    Maker("policy again", 1, policies::again),
];

/// Edits of all else.
const OF_INVENTORY: &[Maker] = &[
    Maker("tier", 3, inventory::tier),
    Maker("tier removed", 1, inventory::remove_tier),
    Maker("profile", 3, inventory::profile),
    Maker("profile removed", 1, inventory::remove_profile),
    Maker("network set", 3, inventory::network_set),
    Maker("network set removed", 1, inventory::remove_network_set),
    Maker("member of network set", 4, inventory::member),
    Maker("labels of network set", 2, inventory::labels_of_set),
    Maker("domains of network set", 2, inventory::domains_of_set),
    Maker("service", 2, inventory::service),
    Maker("service removed", 1, inventory::remove_service),
    Maker("slice", 2, inventory::slice),
    Maker("slice removed", 1, inventory::remove_slice),
    Maker("namespace", 3, inventory::namespace),
    Maker("namespace removed", 1, inventory::remove_namespace),
    Maker("service account", 2, inventory::account),
    Maker("service account removed", 1, inventory::remove_account),
    Maker("node", 2, inventory::node),
    Maker("node removed", 1, inventory::remove_node),
    Maker("answer", 5, inventory::answer),
    Maker("clock", 2, inventory::clock),
];

/// The name of every kind of edit.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    OF_WORKLOADS.iter().chain(OF_INVENTORY).map(|Maker(name, ..)| *name)
}

impl Hand<'_> {
    /// An edit, and the name of its kind.
    pub(super) fn edit(&mut self) -> (&'static str, Vec<Edit>) {
        let others = if self.calm { &[] } else { OF_INVENTORY };
        let makers = || OF_WORKLOADS.iter().chain(others);
        let all: usize = makers().map(|Maker(_, weight, _)| weight).sum();
        loop {
            let mut at = self.random.below(all);
            for Maker(name, weight, make) in makers() {
                if at < *weight {
                    if let Some(edits) = make(self) {
                        return (name, edits);
                    }
                    break;
                }
                at -= weight;
            }
        }
    }

    /// One more endpoint.
    pub(super) fn add_endpoint(&mut self) -> Option<Vec<Edit>> {
        endpoints::add(self)
    }

    /// An object of one of the kinds, with other contents.
    fn other(&mut self, is_wanted: impl Fn(Kind) -> bool) -> Option<Vec<Edit>> {
        let objects: Vec<&Resource> = self.stock.iter().filter(|object| is_wanted(object.kind())).collect();
        self.pick(&objects).map(|object| vec![Edit::Upsert(Box::new((*object).clone()))])
    }

    /// The removal of an object of one of the kinds, which may not be there.
    fn removal(&mut self, is_wanted: impl Fn(Kind) -> bool) -> Option<Vec<Edit>> {
        let keys: Vec<ResourceKey> =
            self.stock.iter().map(Resource::key).filter(|key| is_wanted(key.kind)).collect();
        self.pick(&keys).map(|key| vec![Edit::Remove(key.clone())])
    }

    fn pick<'t, T>(&mut self, items: &'t [T]) -> Option<&'t T> {
        if items.is_empty() { None } else { Some(self.random.pick(items)) }
    }
}

fn put(object: impl Into<Lowered>) -> Option<Vec<Edit>> {
    Some(vec![Edit::Put(Box::new(object.into()))])
}
