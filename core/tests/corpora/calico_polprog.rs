//! The policy programs of Calico's eBPF data plane: tables of tiers, policies and rules with packets and their verdicts.
//!
//! A program becomes clusters of one endpoint each, with the tables' IP sets as bare address sets: a workload endpoint
//! for the workload tiers, host endpoints for those of the host. The tables give the tiers of local and of forwarded
//! traffic apart, where policies of one endpoint would be in both; so each gets an endpoint of its own.

use crate::calico_rule::{Evaluator, Surroundings, action, order};
use crate::compared::Engines;
use crate::support::{Outcome, expect, list, run_cases, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use tierwall::cluster::{Cluster, Scope};
use tierwall::dialect::{Dialect, ProfilePass};
use tierwall::lower::Lowered;
use tierwall::model::{
    Action, DefaultAction, Direction, Endpoint, EndpointId, EndpointKey, EndpointKind, Flow, FlowContext,
    HostInterface, Isolation, Name, OriginalDestination, Policy, PolicyClass, PolicyKey, PolicyKind, Profile,
    Protocol, Reason, Rule, RuleAction, Tier,
};
use tierwall::reference::{Decider, Hit, Judgement, Point, Role};
use tierwall::selector::Selector;

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |_, case| check(case))
}

/// How many rule hits a program has room for.
const RECORDED_HITS: usize = 32;

const NORMAL: PolicyClass = PolicyClass::Normal { apply_on_forward: false };
const FORWARD: PolicyClass = PolicyClass::Normal { apply_on_forward: true };

fn check(case: &Value) -> Result<(), String> {
    let program = Program::new(case)?;
    for packet in list(case, "packets") {
        let (found, hits) = program.run(packet)?;
        expect(found, text(packet, "expected")).map_err(|difference| format!("{packet}: {difference}"))?;
        if packet["expectedRuleHits"].is_array() {
            let expected: Vec<u64> =
                list(packet, "expectedRuleHits").iter().filter_map(Value::as_u64).collect();
            expect(&hits, &expected).map_err(|difference| format!("{packet}: {difference}"))?;
        }
    }
    Ok(())
}

/// A policy program, as the places at which its parts act.
struct Program {
    untracked: Option<Place>,
    local: Option<Place>,
    forwarded: Option<Place>,
    workload: Option<Place>,
}

impl Program {
    fn new(case: &Value) -> Result<Self, String> {
        let policy = &case["policy"];
        let builder = |kind| Builder::new(case, kind);
        if text(case, "table") == "xdp" {
            let untracked = builder(EndpointKind::HostEndpoint)
                .tiers("hostNormalTiers", PolicyClass::Untracked)?
                .place(Role::Forwarded);
            return Ok(Program { untracked: Some(untracked), local: None, forwarded: None, workload: None });
        }
        let for_host_interface = policy["forHostInterface"] == true;
        let has_host_part = for_host_interface
            || policy.as_object().into_iter().flatten().any(|(field, _)| field.starts_with("host"));
        let host = || builder(EndpointKind::HostEndpoint).tiers("hostPreDnatTiers", PolicyClass::PreDnat);
        let (mut local, mut forwarded) = (None, None);
        if has_host_part {
            local = Some(if policy["suppressNormalHostPolicy"] == true {
                host()?.place(Role::PreDnatOnly)
            } else {
                host()?.tiers("hostNormalTiers", NORMAL)?.profiles("hostProfiles")?.place(Role::Own)
            });
            forwarded = Some(host()?.tiers("hostForwardTiers", FORWARD)?.place(Role::Forwarded));
        }
        let workload = if for_host_interface {
            None
        } else {
            Some(
                builder(EndpointKind::WorkloadEndpoint)
                    .tiers("tiers", NORMAL)?
                    .profiles("profiles")?
                    .place(Role::Own),
            )
        };
        Ok(Program { untracked: None, local, forwarded, workload })
    }

    fn run(&self, packet: &Value) -> Result<(&'static str, Vec<u64>), String> {
        let (flow, context) = (flow(packet)?, context(packet)?);
        if let Some(untracked) = &self.untracked {
            let judgement = untracked.judge(&flow, &context)?;
            let undecided = judgement.reason == Reason::ForwardDefault;
            let hits = untracked.hits(&judgement)?;
            return Ok((if undecided { "no-match" } else { verdict(&judgement)? }, hits));
        }
        let from_or_to_host = packet["fromHost"] == true || packet["toHost"] == true;
        let host = if from_or_to_host { &self.local } else { &self.forwarded };
        let (mut found, mut hits) = ("no-match", Vec::new());
        for place in host.iter().chain(&self.workload) {
            let judgement = place.judge(&flow, &context)?;
            found = verdict(&judgement)?;
            hits.extend(place.hits(&judgement)?);
            if found == "deny" {
                break;
            }
        }
        hits.truncate(RECORDED_HITS);
        Ok((found, hits))
    }
}

fn verdict(judgement: &Judgement) -> Result<&'static str, String> {
    match judgement.action {
        Action::Allow => Ok("allow"),
        Action::Deny => Ok("deny"),
        Action::Undecided => Err(format!("undecided for want of {:?}", judgement.missing)),
    }
}

/// One endpoint in a cluster of its own, with the ids that the program gives to its rules.
struct Place {
    engines: Engines,
    endpoint: EndpointId,
    role: Role,
    ids: Ids,
}

/// The program's ids of rules, by the name of their policy or profile and their index, and of the ends of tiers.
#[derive(Default)]
struct Ids {
    rules: BTreeMap<(Name, usize), u64>,
    ends: BTreeMap<Name, u64>,
    no_profile: u64,
}

impl Place {
    fn judge(&self, flow: &Flow, context: &FlowContext) -> Result<Judgement, String> {
        let point = Point { endpoint: self.endpoint, direction: Direction::Ingress, role: self.role };
        self.engines.judge(point, flow, context, Scope::Enforced)
    }

    fn hits(&self, judgement: &Judgement) -> Result<Vec<u64>, String> {
        judgement.hits.iter().map(|hit| self.id(hit).ok_or_else(|| format!("{hit} has no id"))).collect()
    }

    fn id(&self, hit: &Hit) -> Option<u64> {
        let rule = |owner: &Name| self.ids.rules.get(&(owner.clone(), hit.index?)).copied();
        match (&hit.tier, &hit.decider) {
            (Some(tier), Decider::Policy(_)) if hit.index.is_none() => self.ids.ends.get(tier).copied(),
            (_, Decider::Policy(key)) => rule(&key.name),
            (_, Decider::Profile(name)) => rule(name),
            (_, Decider::NoProfile) => Some(self.ids.no_profile),
        }
    }
}

/// Gathers what one place consists of.
struct Builder<'a> {
    policy: &'a Value,
    surroundings: Surroundings<'a>,
    kind: EndpointKind,
    objects: Vec<Lowered>,
    profiles: Vec<Name>,
    ids: Ids,
}

impl<'a> Builder<'a> {
    fn new(case: &'a Value, kind: EndpointKind) -> Self {
        let policy = &case["policy"];
        let no_profile = policy["noProfileMatchID"].as_u64().unwrap_or(0);
        Builder {
            policy,
            surroundings: Surroundings {
                evaluator: Evaluator::DataPlane,
                sets: &case["ipSets"],
                namespace: "",
            },
            kind,
            objects: Vec::new(),
            profiles: Vec::new(),
            ids: Ids { no_profile, ..Ids::default() },
        }
    }

    fn tiers(mut self, field: &str, class: PolicyClass) -> Result<Self, String> {
        for (position, tier) in list(self.policy, field).iter().enumerate() {
            let name: Name = format!("{field}-{position}").into();
            let passes = tier["endAction"] == "pass";
            let default_action = if passes { DefaultAction::Pass } else { DefaultAction::Deny };
            self.objects.push(Lowered::Tier(Tier {
                name: name.clone(),
                order: order(position),
                default_action,
            }));
            let end_id = tier["endRuleID"].as_u64().unwrap_or(0);
            self.ids.ends.insert(name.clone(), end_id);
            let policies = list(tier, "policies");
            for (place, policy) in policies.iter().enumerate() {
                let owner: Name = format!("{name}-{place}").into();
                let rules = self.rules(&owner, &policy["rules"])?;
                self.objects.push(policy_object(owner, &name, place, class, rules));
            }
            // Before the normal phase a tier always passes at its end (calico.md 7.2): another end is written as a rule.
            if !passes && !matches!(class, PolicyClass::Normal { .. }) {
                let owner: Name = format!("{name}-end").into();
                self.ids.rules.insert((owner.clone(), 0), end_id);
                let rules = vec![Rule::new(RuleAction::Deny)];
                self.objects.push(policy_object(owner, &name, policies.len(), class, rules));
            }
        }
        Ok(self)
    }

    fn profiles(mut self, field: &str) -> Result<Self, String> {
        for (position, profile) in list(self.policy, field).iter().enumerate() {
            let name: Name = format!("{field}-{position}").into();
            let ingress = self.rules(&name, &profile["rules"])?;
            self.objects.push(Lowered::Profile(name.clone(), Profile { ingress, ..Profile::default() }));
            self.profiles.push(name);
        }
        Ok(self)
    }

    fn rules(&mut self, owner: &Name, rules: &Value) -> Result<Vec<Rule>, String> {
        let read = |(index, json): (usize, &Value)| {
            let id = json["matchId"].as_u64().unwrap_or(0);
            self.ids.rules.insert((owner.clone(), index), id);
            let action =
                action(&json["action"]).ok_or_else(|| format!("{} is not an action", json["action"]))?;
            self.surroundings.rule(json, action)
        };
        rules.as_array().into_iter().flatten().enumerate().map(read).collect()
    }

    fn place(self, role: Role) -> Place {
        let mut dialect = Dialect::default();
        dialect.failsafes.inbound.clear();
        dialect.failsafes.outbound.clear();
        dialect.profile_pass = ProfilePass::Deny;
        let mut cluster = Cluster::with_dialect(dialect);
        let key = EndpointKey { kind: self.kind, namespace: None, name: "endpoint".into() };
        let mut transaction = cluster.transaction();
        for object in self.objects {
            transaction.put(object);
        }
        transaction.put(Lowered::Endpoint(Endpoint {
            key: key.clone(),
            labels: BTreeMap::new(),
            profiles: self.profiles,
            addresses: Vec::new(),
            ports: Vec::new(),
            node: None,
            service_account: None,
            interface: (self.kind == EndpointKind::HostEndpoint).then(|| HostInterface::Named("eth0".into())),
            origin: None,
        }));
        transaction.commit();
        let endpoint = cluster.endpoint_id(&key).unwrap();
        Place { engines: Engines::new(cluster), endpoint, role, ids: self.ids }
    }
}

fn policy_object(name: Name, tier: &Name, position: usize, class: PolicyClass, rules: Vec<Rule>) -> Lowered {
    Lowered::Policy(Policy {
        key: PolicyKey { kind: PolicyKind::GlobalNetworkPolicy, namespace: None, name },
        tier: tier.clone(),
        order: order(position),
        subject: Selector::all(),
        ingress: Some(rules),
        egress: None,
        class,
        isolation: Isolation::default(),
        origin: None,
    })
}

fn flow(packet: &Value) -> Result<Flow, String> {
    let protocol = packet["protocol"].as_u64().and_then(|number| u8::try_from(number).ok());
    let protocol = Protocol::from(protocol.ok_or_else(|| format!("no protocol in {packet}"))?);
    let icmp = |field: &str| packet[field].as_u64().and_then(|number| u8::try_from(number).ok()).unwrap_or(0);
    Ok(Flow::new(address(packet, "src")?, address(packet, "dst")?, protocol)
        .with_ports(port(packet, "srcPort"), port(packet, "dstPort"))
        .with_icmp(icmp("icmpType"), icmp("icmpCode")))
}

fn context(packet: &Value) -> Result<FlowContext, String> {
    let mut context = FlowContext::default();
    if packet["preNatDst"].is_string() {
        let (address, port) = (address(packet, "preNatDst")?, port(packet, "preNatDstPort"));
        context.original_destination = Some(OriginalDestination { address, port });
    }
    Ok(context)
}

fn address(packet: &Value, field: &str) -> Result<IpAddr, String> {
    text(packet, field).parse().map_err(|_| format!("{field} of {packet} is not an address"))
}

fn port(packet: &Value, field: &str) -> u16 {
    packet[field].as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or(0)
}
