//! Level 1: a prepared list of rules for every endpoint, and a prepared set of addresses for every selector.

use super::Unsupported;
use super::labels::{Test, next};
use super::prefix::AddressSet;
use super::rule::Packet;
use super::world::{Outcome, PerDirection, Span, Step, World, place};
use crate::engine::{Answer, Engine};
use rustc_hash::FxHashMap;
use tierwall::cluster::Cluster;
use tierwall::model::{Direction, Flow, RuleId};

/// Walks the rules that govern an endpoint, and looks up the peer in the set of each.
#[derive(Debug)]
pub struct AppliedRules {
    world: World,
    /// The addresses that each selector picks; those of selectors of subjects only are empty.
    sets: Vec<AddressSet>,
    /// The distinct lists.
    lists: Vec<PerDirection<List>>,
    /// The list of each endpoint.
    list_of: Vec<u32>,
}

/// Tiers in order, the profiles at the end.
type List = Vec<AppliedTier>;

#[derive(Debug)]
struct AppliedTier {
    policies: Vec<Span>,
    end: End,
}

/// What the end of a tier does.
#[derive(Debug)]
enum End {
    Pass,
    Deny(Option<RuleId>),
}

impl AppliedRules {
    /// Prepares the lists and sets of a cluster. Later changes to it are not seen.
    ///
    /// # Errors
    /// If the cluster holds what no workload generates.
    pub fn new(cluster: &Cluster) -> Result<Self, Unsupported> {
        let world = World::of(cluster)?;
        let index = LabelIndex::new(&world);
        let sets = address_sets(&world, &index);
        let (lists, list_of) = lists(&world, &index);
        Ok(AppliedRules { world, sets, lists, list_of })
    }

    /// How many rules of policies govern an endpoint, both directions together, on average.
    pub fn mean_applied_rules(&self) -> f64 {
        let rules = |list: &List| -> usize {
            let (_profiles, tiers) = list.split_last().unzip();
            let spans = tiers.unwrap_or(&[]).iter().flat_map(|tier| &tier.policies);
            spans.map(|span| span.range().len()).sum()
        };
        let lists = self.list_of.iter().filter_map(|list| self.lists.get(place(*list)));
        let total: usize = lists.map(|list| rules(&list.ingress) + rules(&list.egress)).sum();
        total as f64 / self.list_of.len().max(1) as f64
    }

    fn judge(&self, subject: u32, direction: Direction, packet: &Packet) -> Outcome {
        let list = self.list_of.get(place(subject)).and_then(|list| self.lists.get(place(*list)));
        let Some(list) = list else { return Outcome::DENY };
        let selected = |selector| self.sets.get(place(selector)).is_some_and(|set| set.contains(packet.peer));
        'tiers: for tier in list.get(direction) {
            for span in &tier.policies {
                match self.world.walk(*span, packet, selected) {
                    Step::Decided(outcome) => return outcome,
                    Step::Passed => continue 'tiers,
                    Step::Open => {}
                }
            }
            if let End::Deny(rule) = tier.end {
                return Outcome { allowed: false, rule };
            }
        }
        Outcome::DENY
    }
}

impl Engine for AppliedRules {
    fn evaluate(&self, flow: &Flow) -> Answer {
        self.world.evaluate(flow, |subject, direction, packet| self.judge(subject, direction, packet))
    }
}

fn address_sets(world: &World, index: &LabelIndex) -> Vec<AddressSet> {
    let mut sets: Vec<Option<AddressSet>> = Vec::new();
    sets.resize_with(world.selectors.len(), || None);
    for selector in world.rules.iter().filter_map(|rule| rule.selector) {
        let test = world.selectors.get(place(selector));
        if let (Some(slot @ None), Some(test)) = (sets.get_mut(place(selector)), test) {
            let picked = index.matching(world, test);
            let addresses = picked.iter().filter_map(|number| world.endpoints.get(place(*number)));
            let networks = world.network_sets.iter().filter(|set| test.matches(&set.labels));
            let prefixes = networks.flat_map(|set| set.prefixes.iter().copied());
            *slot = Some(AddressSet::new(addresses.map(|endpoint| endpoint.address), prefixes));
        }
    }
    sets.into_iter().map(Option::unwrap_or_default).collect()
}

/// The distinct lists, and which of them each endpoint has.
fn lists(world: &World, index: &LabelIndex) -> (Vec<PerDirection<List>>, Vec<u32>) {
    let governing = governing(world, index);
    let (mut lists, mut list_of) = (Vec::new(), Vec::new());
    let mut numbers: FxHashMap<(u32, Vec<u32>), u32> = FxHashMap::default();
    for (endpoint, policies) in world.endpoints.iter().zip(governing) {
        let number =
            numbers.entry((endpoint.profiles, policies)).or_insert_with_key(|(profiles, policies)| {
                lists.push(PerDirection::from_fn(|direction| list(world, policies, *profiles, direction)));
                next(lists.len() - 1)
            });
        list_of.push(*number);
    }
    (lists, list_of)
}

/// For each endpoint, the policies that select it, by their places in the order of all.
fn governing(world: &World, index: &LabelIndex) -> Vec<Vec<u32>> {
    let mut governing = vec![Vec::new(); world.endpoints.len()];
    let mut selected: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (number, policy) in (0..).zip(world.tiers.iter().flat_map(|tier| &tier.policies)) {
        let test = world.selectors.get(place(policy.subject));
        let endpoints = selected
            .entry(policy.subject)
            .or_insert_with(|| test.map(|test| index.matching(world, test)).unwrap_or_default());
        for endpoint in endpoints {
            if let Some(policies) = governing.get_mut(place(*endpoint)) {
                policies.push(number);
            }
        }
    }
    governing
}

/// The list of an endpoint that these policies and profiles govern.
fn list(world: &World, policies: &[u32], profiles: u32, direction: Direction) -> List {
    let mut list = List::new();
    let (mut rest, mut first) = (policies, 0);
    for tier in &world.tiers {
        let end = first + next(tier.policies.len());
        let (own, later) = rest.split_at(rest.partition_point(|number| *number < end));
        let own = own.iter().filter_map(|number| tier.policies.get(place(number - first)));
        let own = own.filter_map(|policy| Some((policy, (*policy.rules.get(direction))?)));
        if let Some((last, _)) = own.clone().next_back() {
            let end = if tier.passes { End::Pass } else { End::Deny(*last.end.get(direction)) };
            list.push(AppliedTier { policies: own.map(|(_, rules)| rules).collect(), end });
        }
        (rest, first) = (later, end);
    }
    let profiles = world.profiles.get(place(profiles)).map(|profiles| *profiles.get(direction));
    list.push(AppliedTier { policies: profiles.into_iter().collect(), end: End::Deny(None) });
    list
}

/// The endpoints that have a label, so that a selector need not be tried on every endpoint.
struct LabelIndex(FxHashMap<(u32, u32), Vec<u32>>);

impl LabelIndex {
    fn new(world: &World) -> Self {
        let mut holders: FxHashMap<(u32, u32), Vec<u32>> = FxHashMap::default();
        for (number, endpoint) in (0..).zip(&world.endpoints) {
            for label in &endpoint.labels {
                holders.entry(*label).or_default().push(number);
            }
        }
        LabelIndex(holders)
    }

    /// The endpoints that a selector picks, in order.
    fn matching(&self, world: &World, test: &Test) -> Vec<u32> {
        let matches = |number: &u32| {
            world.endpoints.get(place(*number)).is_some_and(|endpoint| test.matches(&endpoint.labels))
        };
        match self.candidates(test) {
            Some(candidates) => {
                let mut matching: Vec<u32> =
                    candidates.into_iter().flatten().copied().filter(matches).collect();
                matching.sort_unstable();
                matching
            }
            None => (0..next(world.endpoints.len())).filter(matches).collect(),
        }
    }

    /// Disjoint lists of endpoints with every one that can match; `None` if that can be any endpoint.
    fn candidates(&self, test: &Test) -> Option<Vec<&[u32]>> {
        let holders = |label: (u32, u32)| self.0.get(&label).map(Vec::as_slice).unwrap_or_default();
        match test {
            Test::Equals(key, value) => Some(vec![holders((*key, *value))]),
            Test::In(key, values) => Some(values.iter().map(|value| holders((*key, *value))).collect()),
            Test::And(operands) => operands
                .iter()
                .filter_map(|operand| self.candidates(operand))
                .min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>()),
            Test::All | Test::Has(_) | Test::Not(_) | Test::Or(_) => None,
        }
    }
}
