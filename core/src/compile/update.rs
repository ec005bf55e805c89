//! What a change of the cluster does to its tables.

use super::addresses::{Classifier, Others};
use super::endpoints::EndpointCompiler;
use super::holders::{NewPredicates, at};
use super::order::{Edit, ProfileEdit};
use super::program::{Builder, Form, Source, Touched};
use super::ranges::{self, Range};
use super::state::{State, declare_identities};
use super::vocabulary::Predicate;
use super::{parts, routes};
use crate::cluster::{Changes, Cluster};
use crate::model::Name;
use crate::tables::{Class, EndpointRecord, NONE, NodeRecord, Occupant, Span, count};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What an update did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) endpoints: usize,
    pub(crate) new_classes: usize,
    pub(crate) classes: usize,
    pub(crate) lists: usize,
    pub(crate) wide_rules: usize,
    pub(crate) ranges: usize,
}

/// What changed that most tables hang on, so that all is to be compiled.
pub(crate) type Refused = &'static str;

/// What has to be looked at again.
#[derive(Debug, Default)]
struct Step {
    endpoints: BTreeSet<u32>,
    addresses: BTreeSet<IpAddr>,
    subjects: BTreeSet<u32>,
    /// Subjects whose policies are the same, but have other rules.
    edited: BTreeSet<u32>,
    rules: [BTreeSet<u32>; 2],
    /// Some rule list or profile has other rules.
    recompiled: bool,
    /// Ports that rules ask for by name or service are others.
    ports: bool,
    ranges: bool,
    routes: bool,
    /// Rules that came.
    came: Vec<Span>,
}

/// A policy that governs a larger part of all subjects is better compiled with all else.
const MOST_SUBJECTS: usize = 1024;

impl State {
    /// Finds who uses what, which only updates need to know.
    pub(crate) fn link(&mut self, cluster: &Cluster) {
        self.order.link(cluster);
        self.classes.link();
        self.enforced.link();
        self.pending.iter_mut().for_each(Form::link);
    }

    /// Changes the tables as the cluster changed.
    ///
    /// # Errors
    /// What changed, if that is too much; the tables are of no use then.
    pub(crate) fn update(&mut self, cluster: &Cluster, changes: &Changes) -> Result<Work, Refused> {
        let mut step = Step::default();
        let known = Known::of(self);
        self.inventory(cluster, changes, &mut step)?;
        let edits = self.policies(cluster, changes, &mut step)?;
        if known.identities == 0 || changes.namespaces() || changes.service_accounts() {
            // Nothing was declared for nobody, and now a rule may ask.
            declare_identities(cluster, &mut self.tables.policies);
        }
        self.vocabulary(cluster, &known, &mut step)?;
        self.governing(&edits, &mut step)?;
        self.endpoints(cluster, changes, &mut step)?;
        let mut work = Work { endpoints: step.endpoints.len(), ..Work::default() };
        if step.ranges {
            work.ranges = self.cut_ranges(cluster, &mut step);
        }
        self.classify(cluster, &step);
        let new = self.new_classes(&known, &mut step)?;
        let touched = self.touched(new, &step);
        work.new_classes = touched.new.len();
        self.programs(&step, &touched, &mut work)?;
        if step.routes {
            self.tables.routes = routes::compile(cluster);
        }
        self.tables.generation = cluster.generation();
        Ok(work)
    }

    /// What is neither a policy nor an endpoint.
    fn inventory(&mut self, cluster: &Cluster, changes: &Changes, step: &mut Step) -> Result<(), Refused> {
        refuse(changes.is_everything(), "everything")?;
        refuse(changes.tiers(), "tiers")?;
        refuse(changes.nodes(), "nodes")?;
        let vocabulary = &self.spoken.vocabulary;
        if changes.dns() {
            let same = self.nodes.are_observers(&cluster.dns_observers());
            refuse(!same, "the nodes that observe DNS answers")?;
            step.ranges |= !vocabulary.domains.is_empty();
        }
        if !changes.services().is_empty() {
            let spoken_of = changes.services().iter().any(|service| vocabulary.services.contains(service));
            refuse(spoken_of, "services that rules name")?;
            let others = Others::new(cluster, &self.nodes);
            step.addresses.extend(self.others.iter().filter(|address| !others.have(*address)));
            step.addresses.extend(others.iter().filter(|address| !self.others.have(*address)));
            self.others = others;
            step.routes = true;
        }
        if !changes.network_sets().is_empty() {
            let asks = self.spoken.asks_set_domains;
            let named = changes.network_sets().iter().any(|key| {
                self.with_domains.contains(key)
                    || cluster.network_set(key).is_some_and(|entry| !entry.set.domains.is_empty())
            });
            refuse(asks && named, "domain names of network sets")?;
            for entry in changes.network_sets().iter().filter_map(|key| cluster.network_set(key)) {
                self.holders.insert(&entry.labels, vocabulary);
                if !entry.set.domains.is_empty() {
                    self.with_domains.insert(entry.set.key.clone());
                }
            }
            step.ranges = true;
        }
        Ok(())
    }

    /// Compiles the policies and profiles that changed.
    fn policies(
        &mut self,
        cluster: &Cluster,
        changes: &Changes,
        step: &mut Step,
    ) -> Result<Vec<Edit>, Refused> {
        let policies = &mut self.tables.policies;
        let mut edits = Vec::new();
        for key in changes.policies() {
            let old = self.order.rules_of(key, policies);
            let staged = self.order.staged;
            edits.extend(self.order.update(cluster, key, &mut self.spoken, policies));
            refuse(self.order.staged != staged, "that there are staged policies")?;
            let slow = |rules: Span| self.shared.slow_rules(rules.range());
            self.tables.slow_rules = self.tables.slow_rules.saturating_sub(old.map(slow).iter().sum());
            step.came.extend(self.order.rules_of(key, policies));
        }
        for name in changes.profiles() {
            let [ingress, egress] = self.order.rules_of_profile(name, policies);
            let slow = self.shared.slow_rules(ingress.range()) + self.shared.slow_rules(egress.range());
            let edit = self.order.update_profile(cluster, name, &mut self.spoken, policies);
            if edit.is_some() {
                self.tables.slow_rules = self.tables.slow_rules.saturating_sub(slow);
                step.came.extend(self.order.rules_of_profile(name, policies));
            }
            match edit {
                None => {}
                Some(ProfileEdit::Rules(profile)) => {
                    step.edited.extend(self.subjects.with_profile(profile, &self.tables.endpoints));
                }
                Some(ProfileEdit::Users) => {
                    step.endpoints.extend(cluster.endpoints_with_profile(name).map(|id| id.get()));
                }
            }
        }
        step.recompiled = !edits.is_empty() || !step.edited.is_empty();
        Ok(edits)
    }

    /// What rules speak of that none spoke of before.
    fn vocabulary(&mut self, cluster: &Cluster, known: &Known, step: &mut Step) -> Result<(), Refused> {
        let vocabulary = &self.spoken.vocabulary;
        refuse(vocabulary.conditions.len() > known.conditions, "which ports rules ask for by name")?;
        refuse(vocabulary.node_selectors.len() > known.node_selectors, "which nodes rules ask for")?;
        // A service may be known by its ports alone, or not at all.
        let mut predicates = vocabulary.predicates.iter().skip(known.predicates);
        let backs = predicates.any(|predicate| matches!(predicate, Predicate::Backs(_)));
        refuse(backs, "which services rules ask for")?;
        step.ranges |= vocabulary.nets.len() > known.nets || vocabulary.domains.len() > known.domains;
        let mut mentioned: Vec<(Arc<str>, Option<Arc<str>>)> = Vec::new();
        for selector in vocabulary.selectors.iter().skip(known.selectors) {
            let mut mention = |key: &Arc<str>, value: Option<&str>| {
                mentioned.push((key.clone(), value.map(Arc::from)));
            };
            self.holders.sets.mention(selector, &mut mention);
        }
        let new = self.holders.learn(vocabulary, count(known.predicates));
        let (holders, subjects) = (&mut self.holders, &mut self.subjects);
        if !mentioned.is_empty() {
            let has = |labels: &BTreeMap<Name, Name>| {
                mentioned.iter().any(|(key, value)| {
                    labels.get(key).is_some_and(|label| value.as_ref().is_none_or(|value| value == label))
                })
            };
            let relabelled = cluster.endpoints_by_id().filter(|entry| has(&entry.labels));
            step.endpoints.extend(relabelled.map(|entry| entry.id.get()));
            for entry in cluster.network_sets().filter(|entry| has(&entry.labels)) {
                holders.insert(&entry.labels, vocabulary);
                step.ranges = true;
            }
        }
        subjects.extend(&self.order, holders);
        self.spread(cluster, &new, step);
        Ok(())
    }

    /// Adds new predicates to the parts and classes of the label sets they hold for.
    fn spread(&mut self, cluster: &Cluster, new: &NewPredicates, step: &mut Step) {
        let mut of_sets: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (predicate, sets) in new {
            for set in sets {
                of_sets.entry(*set).or_default().push(*predicate);
            }
        }
        let mut added = BTreeMap::new();
        for (set, predicates) in &of_sets {
            for part in self.holders.parts_of(*set) {
                self.parts.spread(*part, predicates, &mut added);
            }
        }
        let mut of_classes: BTreeMap<u32, &BTreeSet<u32>> = BTreeMap::new();
        for (part, predicates) in &added {
            parts::extend(&mut self.tables.parts, *part, predicates);
            of_classes.extend(self.classes.of_holders(*part).iter().map(|class| (*class, predicates)));
        }
        for (class, predicates) in of_classes {
            let predicates: Vec<u32> = predicates.iter().copied().collect();
            if at(&self.classes.keys, class).is_some_and(|key| !key.slow) {
                self.shared.add_predicates(class, &predicates);
            }
        }
        let in_ranges = |set| of_sets.contains_key(&set);
        step.ranges |= !of_sets.is_empty()
            && cluster.network_sets().any(|entry| in_ranges(self.holders.set_of_network_set(entry)));
    }

    /// Whom the policies that changed govern.
    fn governing(&mut self, edits: &[Edit], step: &mut Step) -> Result<(), Refused> {
        for edit in edits {
            match *edit {
                Edit::Rules(slot) => self.edited(slot, step),
                Edit::Governing(slot, old) => {
                    // By side: the rule list of egress is the second.
                    let wide = [(0, 2 * slot + 1), (1, 2 * slot)]
                        .into_iter()
                        .any(|(side, list)| self.forms().any(|form| form.is_wide(side, list)));
                    refuse(wide, "how a policy of many endpoints governs")?;
                    let new = self.order.governing(slot).map(|new| new.subject);
                    let subjects = old.map(|old| old.subject).into_iter().chain(new);
                    let sets: Vec<u32> = subjects
                        .filter_map(|subject| at(&self.holders.matching, subject))
                        .flatten()
                        .collect();
                    let matching = new.and_then(|subject| at(&self.holders.matching, subject));
                    let selects = |set| matching.is_some_and(|sets| sets.contains(set));
                    self.subjects.policy(&self.order, slot, &sets, selects, &mut step.subjects);
                    let most = MOST_SUBJECTS.max(self.subjects.len() / 16);
                    refuse(step.subjects.len() > most, "a policy of many endpoints")?;
                }
            }
        }
        for subject in &step.subjects {
            // What governs a host has a say in what its workloads' addresses tell.
            refuse(self.subjects.is_host(*subject), "which policies govern host endpoints")?;
            let tables = &mut self.tables;
            self.subjects.renew(&self.order, *subject, &mut tables.endpoints, &mut tables.policies);
        }
        Ok(())
    }

    /// A policy that governs as before has other rules.
    fn edited(&self, slot: u32, step: &mut Step) {
        let Some(governing) = self.order.governing(slot) else { return };
        let [ingress, egress] = governing.ends.map(|end| end.is_some());
        let mut narrow = false;
        for (side, list, governs) in [(0, 2 * slot + 1, egress), (1, 2 * slot, ingress)] {
            if governs {
                step.rules.get_mut(side).into_iter().for_each(|lists| lists.extend([list]));
                narrow |= !self.forms().all(|form| form.is_wide(side, list));
            }
        }
        if narrow {
            let sets = at(&self.holders.matching, governing.subject).into_iter().flatten();
            step.edited.extend(sets.flat_map(|set| self.subjects.of_set(set)));
        }
    }

    fn forms(&self) -> impl Iterator<Item = &Form> {
        std::iter::once(&self.enforced).chain(&self.pending)
    }

    /// The records of endpoints that came, went or changed.
    fn endpoints(&mut self, cluster: &Cluster, changes: &Changes, step: &mut Step) -> Result<(), Refused> {
        step.endpoints.extend(changes.endpoints().iter().map(|id| id.get()));
        for id in &step.endpoints {
            let old = self.tables.endpoints.get(*id).copied();
            let entry = cluster.endpoint((*id).into());
            let is_host = old.is_some_and(|old| old.is(EndpointRecord::HOST))
                || entry.is_some_and(|entry| entry.endpoint.is_host());
            refuse(is_host, "host endpoints")?;
            if let Some(old) = &old {
                step.addresses.extend(self.tables.endpoints.addresses_of(old));
            }
            let Some(entry) = entry else {
                self.tables.endpoints.records.set(*id, EndpointRecord::ABSENT);
                continue;
            };
            step.addresses.extend(&entry.endpoint.addresses);
            if let Some(node) = &entry.endpoint.node
                && self.nodes.add(node)
            {
                refuse(self.options.node.is_some(), "nodes")?;
                let view = self.nodes.view(node);
                self.tables.endpoints.nodes.push(NodeRecord { view, ..NodeRecord::default() });
            }
            let tables = &mut self.tables;
            let mut compiler = EndpointCompiler {
                cluster,
                vocabulary: &self.spoken.vocabulary,
                order: &self.order,
                nodes: &self.nodes,
                holders: &mut self.holders,
                subjects: &mut self.subjects,
                table: &mut self.parts,
                parts: &mut tables.parts,
                endpoints: &mut tables.endpoints,
                policies: &mut tables.policies,
                only: self.options.node.as_ref(),
            };
            let record = compiler.renew(entry);
            let records = &mut tables.endpoints.records;
            while records.len() <= *id {
                records.push(EndpointRecord::ABSENT);
            }
            records.set(*id, record);
        }
        step.routes |= !step.endpoints.is_empty() && cluster.services().next().is_some();
        Ok(())
    }

    /// Cuts the ranges of addresses anew: how many are others.
    fn cut_ranges(&mut self, cluster: &Cluster, step: &mut Step) -> usize {
        let parts = &mut self.tables.parts;
        let vocabulary = &self.spoken.vocabulary;
        let new = ranges::ranges(cluster, vocabulary, &self.holders, &self.nodes, &mut self.parts, parts);
        let old = std::mem::replace(&mut self.ranges, new);
        let ([old_v4, old_v6], [new_v4, new_v6]) = (&old, &self.ranges);
        let v4 = differences(old_v4, new_v4, u32::MAX.into());
        let v6 = differences(old_v6, new_v6, u128::MAX);
        let endpoints = &self.tables.endpoints;
        let records = (0..endpoints.records.len()).filter_map(|number| endpoints.get(number));
        let held = records.flat_map(|record| endpoints.addresses_of(record)).chain(self.others.iter());
        let touched = held.filter(|address| match address {
            IpAddr::V4(address) => is_within(&v4, address.to_bits().into()),
            IpAddr::V6(address) => is_within(&v6, address.to_bits()),
        });
        step.addresses.extend(touched);
        for run in &v4 {
            let class = self.classes.outside(run.part, 0);
            let narrow = |address: u128| u32::try_from(address).unwrap_or(u32::MAX);
            self.tables.addresses.v4.set(narrow(run.first), narrow(run.last), class);
        }
        if !v6.is_empty() {
            let [_, ranges] = &self.ranges;
            let runs = ranges.iter().map(|range| (range.first, self.classes.outside(range.part, Class::V6)));
            self.tables.addresses.set_runs_v6(runs.collect());
        }
        v4.len() + v6.len()
    }

    /// Finds the classes of the addresses that may have others.
    fn classify(&mut self, cluster: &Cluster, step: &Step) {
        let tables = &mut self.tables;
        let mut classifier = Classifier {
            cluster,
            endpoints: &mut tables.endpoints,
            table: &mut self.parts,
            parts: &mut tables.parts,
            classes: &mut self.classes,
            others: &self.others,
            ranges: &self.ranges,
        };
        for address in &step.addresses {
            let (class, occupant) = match classifier.again(*address) {
                Some(held) => held,
                None if address.is_ipv4() => (classifier.outside(*address), Occupant::NOBODY),
                // It is found among its range.
                None => (NONE, Occupant::NOBODY),
            };
            tables.addresses.set_class(*address, class);
            tables.addresses.set_occupant(*address, occupant);
        }
    }

    /// Classes that are new, with the known terms that hold for them.
    fn new_classes(&mut self, known: &Known, step: &mut Step) -> Result<Vec<(u32, Vec<u32>)>, Refused> {
        let first = count(known.classes);
        for parts in self.classes.parts(first) {
            self.tables.addresses.classes.push(parts);
        }
        let (mut new, mut rules) = (Vec::new(), BTreeSet::new());
        for (class, key) in (first..).zip(self.classes.keys.iter().skip(known.classes)) {
            let terms = self.shared.add_class(key, &self.tables.parts, &mut rules);
            new.push((class, terms.ok_or("what all addresses had in common")?));
        }
        self.classes.link();
        if rules.is_empty() {
            return Ok(new);
        }
        // Their traffic hangs on what is new: the policies are as good as edited.
        (step.recompiled, step.ports) = (true, true);
        let lists = &self.tables.policies.rule_lists;
        let mut slots = BTreeSet::new();
        for (list, span) in (0..).zip(lists.iter()) {
            let found = span.range().filter(|rule| rules.remove(rule)).count();
            slots.extend((found > 0).then_some(list / 2));
        }
        // What is left is no policy's, or no longer.
        let profiles = self.tables.policies.profiles.iter();
        let mut of_profiles =
            profiles.flat_map(|profile| profile.ingress.range().chain(profile.egress.range()));
        refuse(of_profiles.any(|rule| rules.contains(&rule)), "the ports that rules of profiles mean")?;
        slots.into_iter().for_each(|slot| self.edited(slot, step));
        Ok(new)
    }

    /// What the programs have to look at again.
    fn touched(&self, new: Vec<(u32, Vec<u32>)>, step: &Step) -> Touched {
        let classes =
            step.subjects.iter().chain(&step.edited).map(|subject| self.classes.of_subject(*subject));
        Touched {
            new,
            subjects: classes.flatten().copied().collect(),
            rules: step.rules.clone(),
            recompiled: step.recompiled,
        }
    }

    /// Changes the fast form.
    fn programs(&mut self, step: &Step, touched: &Touched, work: &mut Work) -> Result<(), Refused> {
        let tables = &mut self.tables;
        let source = Source {
            options: &self.options,
            dialect: &tables.dialect,
            order: &self.order,
            policies: &tables.policies,
            parts: &tables.parts,
            endpoints: &tables.endpoints,
            keys: &self.classes.keys,
            one_view: self.nodes.views().count() == 1,
        };
        self.shared.add_rules(source);
        let slow = |rules: &Span| self.shared.slow_rules(rules.range());
        tables.slow_rules += step.came.iter().map(slow).sum::<u32>();
        let forms = || std::iter::once(&self.enforced).chain(&self.pending);
        let wide = (0..)
            .zip(&touched.rules)
            .any(|(side, lists)| lists.iter().any(|list| forms().any(|form| form.is_wide(side, *list))));
        let told = || step.came.iter().all(|rules| self.shared.tells(rules.range()));
        let retell = wide && (step.ports || !told());
        if retell {
            self.shared.cut_atoms(source);
            tables.traffic = self.shared.atoms().clone();
        }
        let mut builder = Builder::new(source, &mut self.shared);
        let programs = std::iter::once((&mut self.enforced, &mut tables.enforced));
        for (form, program) in programs.chain(self.pending.iter_mut().zip(&mut tables.pending)) {
            let written = form.update(&mut builder, program, touched);
            let written = written.ok_or("where the rules of policies of many endpoints are")?;
            if retell {
                form.retell(&builder, program);
            }
            work.classes += written.classes;
            work.lists += written.lists;
            work.wide_rules += written.wide_rules;
        }
        Ok(())
    }
}

/// How much was known before.
struct Known {
    selectors: usize,
    predicates: usize,
    conditions: usize,
    node_selectors: usize,
    nets: usize,
    domains: usize,
    identities: u32,
    classes: usize,
}

impl Known {
    fn of(state: &State) -> Self {
        let vocabulary = &state.spoken.vocabulary;
        Known {
            selectors: vocabulary.selectors.len(),
            predicates: vocabulary.predicates.len(),
            conditions: vocabulary.conditions.len(),
            node_selectors: vocabulary.node_selectors.len(),
            nets: vocabulary.nets.len(),
            domains: vocabulary.domains.len(),
            identities: state.tables.policies.identities.len(),
            classes: state.classes.keys.len(),
        }
    }
}

fn refuse(too_much: bool, what: Refused) -> Result<(), Refused> {
    if too_much { Err(what) } else { Ok(()) }
}

/// Addresses in a row of which another part holds than before.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u128,
    last: u128,
    part: u32,
}

/// Where ranges differ, and what holds there now.
fn differences(old: &[Range], new: &[Range], last: u128) -> Vec<Run> {
    let mut cuts: Vec<u128> = old.iter().chain(new).map(|range| range.first).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut runs: Vec<Run> = Vec::new();
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let (mut before, mut now) = (NONE, NONE);
    for (place, first) in cuts.iter().enumerate() {
        before = old.next_if(|range| range.first == *first).map_or(before, |range| range.part);
        now = new.next_if(|range| range.first == *first).map_or(now, |range| range.part);
        if before != now {
            let end = cuts.get(place + 1).map_or(last, |next| next - 1);
            runs.push(Run { first: *first, last: end, part: now });
        }
    }
    runs
}

fn is_within(runs: &[Run], address: u128) -> bool {
    let after = runs.partition_point(|run| run.first <= address);
    after.checked_sub(1).and_then(|last| runs.get(last)).is_some_and(|run| address <= run.last)
}
