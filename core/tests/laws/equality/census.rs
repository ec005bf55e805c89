//! What decides flows, and how many of them.
//!
//! A reading of the dialect decides a flow if under another one the verdict has another action or reason. A field of a
//! rule decides a flow if it is stated by a rule that the flow matches on its way, or is the first one that the flow
//! fails of a rule that is tried before. An action, a reason, a phase, a kind of policy and a family decide where they are
//! those of what ended the way.

use super::Subject;
use super::difference::cluster;
use super::draw::Drawn;
use crate::generate::{World, dialect_fields};
use crate::reach::ALL_KINDS;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tierwall::Snapshot;
use tierwall::cluster::Cluster;
use tierwall::dialect::Dialect;
use tierwall::explain::{ConnectionTrace, RuleOutcome, SideTrace, StepTrace, TierOutcome, explain};
use tierwall::model::{Direction, EntityMatch, Evaluation, IpVersion, Reason, Rule, RuleAction};

/// A name in a group of them.
type Key = (&'static str, String);

/// How many flows were looked into, and how many of them each thing decided.
#[derive(Default)]
pub(super) struct Census {
    flows: u64,
    decided: BTreeMap<Key, u64>,
}

/// Fewer than so many of all flows are too few.
const ENOUGH: f64 = 0.001;

/// A world takes its turn with one part in so many of the dialect, for a reading means another cluster.
const PARTS: u32 = 2;

/// What decides less, and why that is as it should be.
const RARE: &[(&str, &str, &str)] = &[
    ("reason", "not evaluated", "zeroed memory, no evaluation, says so"),
    (
        "reason",
        "forwarded by default",
        "it is a step's; that of the endpoint itself is given for the verdict",
    ),
    ("field", "source.nodes", "nodes are peers of egress rules only"),
    ("field", "source.domains", "domain names are destinations only"),
    ("field", "source.selector with domains", "domain names are destinations only"),
];

impl Census {
    pub(super) fn add(&mut self, other: Census) {
        self.flows += other.flows;
        for (key, count) in other.decided {
            *self.decided.entry(key).or_default() += count;
        }
    }

    /// What decides too few flows, for no reason that is known, or enough in spite of one.
    pub(super) fn astray(&self) -> Vec<Key> {
        let is_rare = |(group, name): &Key| RARE.iter().any(|(g, n, _)| (g, n) == (group, &name.as_str()));
        let enough = |key: &Key| self.share(key) >= ENOUGH;
        expected().into_iter().filter(|key| enough(key) == is_rare(key)).collect()
    }

    /// What share of the flows it decides.
    fn share(&self, key: &Key) -> f64 {
        let parts = if key.0 == "reading" { PARTS } else { 1 };
        let count = self.decided.get(key).copied().unwrap_or_default();
        (count * u64::from(parts)) as f64 / self.flows as f64
    }

    /// Looks into some flows of a world.
    pub(super) fn take(&mut self, subject: &mut Subject, flows: u64) {
        let Subject { world, cluster, snapshot, pool, random, number, .. } = subject;
        let drawn: Vec<Drawn<'_>> = (0..flows).map(|_| pool.draw(snapshot, random)).collect();
        self.flows += flows;
        for drawn in &drawn {
            for key in Marks::of(cluster, drawn).0 {
                *self.decided.entry(key).or_default() += 1;
            }
        }
        let parts = usize::try_from(PARTS).unwrap();
        let first = usize::try_from(*number).unwrap() % parts;
        for (field, readings) in dialect_fields().skip(first).step_by(parts) {
            let taken =
                readings.iter().position(|(_, take)| with(&world.dialect, *take) == world.dialect).unwrap();
            let other = readings[(taken + 1) % readings.len()].1;
            let count = count_changed(world, snapshot, &drawn, with(&world.dialect, other));
            *self.decided.entry(("reading", format!("{field}: {}", readings[taken].0))).or_default() += count;
        }
    }
}

fn with(dialect: &Dialect, take: fn(&mut Dialect)) -> Dialect {
    let mut dialect = dialect.clone();
    take(&mut dialect);
    dialect
}

/// How many of the flows have another verdict under another dialect.
fn count_changed(world: &World, snapshot: &Snapshot, drawn: &[Drawn<'_>], dialect: Dialect) -> u64 {
    let other = cluster(&World { dialect, ..world.clone() });
    let compiled = Snapshot::compile(&other);
    let changed = drawn.iter().filter(|drawn| {
        let before = snapshot.evaluate(&drawn.flow, drawn.context);
        said(before) != said(compiled.evaluate(&drawn.ask().flow(&other), drawn.context))
    });
    changed.count() as u64
}

fn said(evaluation: Evaluation) -> impl PartialEq {
    [evaluation.enforced, evaluation.pending].map(|verdict| {
        (verdict.action(), [Direction::Egress, Direction::Ingress].map(|direction| verdict.reason(direction)))
    })
}

/// What decides one flow.
#[derive(Default)]
struct Marks(BTreeSet<Key>);

impl Marks {
    fn of(cluster: &Cluster, drawn: &Drawn<'_>) -> Self {
        let mut marks = Marks::default();
        let trace = explain(cluster, &drawn.flow, drawn.context);
        let enforced = &trace.enforced;
        marks.add("action", enforced.action.to_string());
        let flags = [
            ("logged", !enforced.logged.is_empty()),
            ("request assumed", enforced.http_assumed),
            (
                "staged differs",
                trace.pending.as_ref().is_some_and(|pending| pending.action != enforced.action),
            ),
        ];
        flags.into_iter().filter(|(_, set)| *set).for_each(|(name, _)| marks.add("flag", name));
        let (from, to) = (drawn.flow.source_address(), drawn.flow.destination_address());
        let version = from.or(to).map(IpVersion::of);
        let family = version.map_or("by name".to_owned(), |version| format!("{version:?}"));
        marks.connection(cluster, &family, enforced);
        if let Some(pending) = &trace.pending {
            marks.connection(cluster, &family, pending);
        }
        marks
    }

    fn add(&mut self, group: &'static str, name: impl Into<String>) {
        self.0.insert((group, name.into()));
    }

    fn connection(&mut self, cluster: &Cluster, family: &str, connection: &ConnectionTrace) {
        connection.backends.iter().for_each(|backend| self.connection(cluster, family, backend));
        for SideTrace { reason, decided_by, steps, .. } in &connection.sides {
            self.add("reason", reason.as_str());
            if let Some(decider) = decided_by {
                self.add("family", family);
                self.add("kind", decider.owner.split(' ').next().unwrap_or_default());
            }
            steps.iter().for_each(|step| self.step(cluster, step));
        }
    }

    fn step(&mut self, cluster: &Cluster, step: &StepTrace) {
        for phase in &step.phases {
            for tier in &phase.tiers {
                let ends = |action| matches!(action, RuleAction::Allow | RuleAction::Deny);
                if matches!(tier.outcome, TierOutcome::Rule { action } | TierOutcome::Default { action, .. } if ends(action))
                {
                    self.add("phase", phase.phase.to_string());
                }
                for policy in &tier.policies {
                    let entry =
                        cluster.policies().find(|entry| entry.policy.key.to_string() == policy.policy);
                    let rules = entry.unwrap().policy.rules(step.direction).unwrap();
                    for (rule, told) in rules.iter().zip(&policy.rules) {
                        self.rule(rule, &told.outcome);
                    }
                }
            }
        }
    }

    fn rule(&mut self, rule: &Rule, outcome: &RuleOutcome) {
        match outcome {
            RuleOutcome::Missed { field, .. } => self.add("field", field),
            RuleOutcome::Matched => {
                self.add("rule", rule.action.to_string());
                let states = |(field, states): (&str, bool)| states.then(|| field.to_owned());
                let whole = flow_fields(rule).into_iter().filter_map(states);
                let ends = [("source", &rule.source), ("destination", &rule.destination)];
                let of_ends = ends.into_iter().flat_map(|(end, entity)| {
                    let states =
                        move |(field, states): (&str, bool)| states.then(|| format!("{end}.{field}"));
                    end_fields(entity).into_iter().filter_map(states)
                });
                whole.chain(of_ends).for_each(|field| self.add("field", field));
            }
            _ => {}
        }
    }
}

/// The fields of a rule by the names that traces give them, and whether the rule states them.
fn flow_fields(rule: &Rule) -> [(&'static str, bool); 7] {
    let Rule {
        action: _,
        ip_version,
        protocol,
        not_protocol,
        icmp,
        not_icmp,
        source: _,
        destination: _,
        http,
        origin: _,
    } = rule;
    [
        ("ipVersion", ip_version.is_some()),
        ("protocol", protocol.is_some()),
        ("notProtocol", not_protocol.is_some()),
        ("icmp", icmp.is_some()),
        ("notICMP", not_icmp.is_some()),
        ("http.methods", http.as_ref().is_some_and(|http| !http.methods.is_empty())),
        ("http.paths", http.as_ref().is_some_and(|http| !http.paths.is_empty())),
    ]
}

fn end_fields(entity: &EntityMatch) -> [(&'static str, bool); 19] {
    let EntityMatch {
        selector,
        not_selector,
        nets,
        nets_skip_workloads,
        not_nets,
        ports,
        not_ports,
        service,
        nodes,
        domains,
        set_domains,
        identity,
        sets,
        not_sets,
        port_sets,
    } = entity;
    [
        ("selector", selector.is_some()),
        ("selector with domains", *set_domains && selector.is_some()),
        ("notSelector", not_selector.is_some()),
        ("nets", !nets.is_empty()),
        ("nets but for workloads", *nets_skip_workloads),
        ("notNets", !not_nets.is_empty()),
        ("ports", !ports.ranges.is_empty()),
        ("ports by name", !ports.names.is_empty()),
        ("ports by set", !ports.sets.is_empty()),
        ("notPorts", !not_ports.ranges.is_empty()),
        ("notPorts by name", !not_ports.names.is_empty()),
        ("notPorts by set", !not_ports.sets.is_empty()),
        ("services", service.is_some()),
        ("nodes", nodes.is_some()),
        ("domains", !domains.is_empty()),
        ("serviceAccounts", identity.is_some()),
        ("set", !sets.is_empty()),
        ("notSet", !not_sets.is_empty()),
        ("portSet", !port_sets.is_empty()),
    ]
}

/// Those that say which manifests are refused, and nothing of flows.
const OF_LOADING: [&str; 3] = ["flavour", "domain_actions", "cidr_syntax"];

#[test]
fn every_field_of_the_dialect_takes_part() {
    let text = format!("{:#?}", Dialect::default());
    let fields = text.lines().filter_map(|line| line.strip_prefix("    "));
    let fields = fields.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    let fields: BTreeSet<&str> = fields.filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert_eq!(dialect_fields().map(|(field, _)| *field).chain(OF_LOADING).collect::<BTreeSet<_>>(), fields);
}

/// Everything there is.
fn expected() -> Vec<Key> {
    let of = |group: &'static str, names: Vec<String>| names.into_iter().map(move |name| (group, name));
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let readings = dialect_fields()
        .flat_map(|(field, readings)| readings.iter().map(move |(name, _)| format!("{field}: {name}")));
    let whole = flow_fields(&Rule::new(RuleAction::Allow)).map(|(field, _)| field.to_owned());
    let of_ends = ["source", "destination"]
        .into_iter()
        .flat_map(|end| end_fields(&EntityMatch::default()).map(|(field, _)| format!("{end}.{field}")));
    [
        of("action", texts(&["allow", "deny", "undecided"])),
        of("rule", texts(&["allow", "deny", "log", "pass"])),
        of("phase", texts(&["untracked", "pre-dnat", "normal", "forward"])),
        of("flag", texts(&["logged", "request assumed", "staged differs"])),
        of("family", texts(&["V4", "V6", "by name"])),
        of(
            "kind",
            ALL_KINDS.iter().map(|kind| kind.as_str().to_owned()).chain(["Profile".to_owned()]).collect(),
        ),
        of("reason", Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect()),
        of("reading", readings.collect()),
        of("field", whole.into_iter().chain(of_ends).collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "what decides how many of {} flows, in thousandths", self.flows)?;
        for key in expected() {
            let (group, name) = &key;
            write!(f, "{:9.2}  {group:8} {name}", self.share(&key) * 1000.0)?;
            let rare = RARE.iter().find(|(g, n, _)| (g, n) == (group, &name.as_str()));
            writeln!(f, "{}", rare.map_or(String::new(), |(_, _, reason)| format!("  ({reason})")))?;
        }
        Ok(())
    }
}
