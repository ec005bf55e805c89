//! Calico's policy checker: single matchers, rules, policies, and the walk through tiers with its trace.
//!
//! An endpoint and its store become a cluster that reads the specification as the checker does (calico.md 10).

use crate::calico_rule::{Evaluator, Surroundings, action, name, order, policy_kind};
use crate::compared::Engines;
use crate::support::{Outcome, expect, list, run_cases, text};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use tierwall::cluster::{Cluster, Phase, Scope};
use tierwall::dialect::{Dialect, IcmpTypes, MissingNamespace, OtherFamilyNets, ProfilePass};
use tierwall::lower::Lowered;
use tierwall::model::{
    Action, DefaultAction, Direction, Endpoint, EndpointId, EndpointKey, EndpointKind, Flow, FlowContext,
    Http, HttpRequest, Isolation, Name, Policy, PolicyClass, PolicyKey, Profile, Protocol, Reason, Rule,
    RuleAction, Side, Tier, normalise_path,
};
use tierwall::reference::{Decider, Hit, Judgement, Match, Point, Role, matches};
use tierwall::selector::Selector;

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |_, case| check(case))
}

fn check(case: &Value) -> Result<(), String> {
    match text(case, "kind") {
        "evaluate" => evaluate(case),
        "policy" => policy(case),
        "rule" => expect_match(case, rule(case)?),
        "l4protocol" => expect_match(case, l4_protocol(case)?),
        "net" => expect_match(case, net(case)?),
        "rule-net" => expect_match(case, rule_net(case)?),
        "ip-port-set" => expect_match(case, rule(case)?),
        "http-methods" => expect_match(case, http_methods(case)?),
        "http-paths" => expect_match(case, http_paths(case)?),
        "serviceaccount-names" => expect_match(case, service_account_names(case)?),
        "http-path-normalise" => http_path_normalise(case),
        other => Err(format!("unknown kind {other:?}")),
    }
}

fn expect_match(case: &Value, found: bool) -> Result<(), String> {
    expect(&found, &case["expected"].as_bool().ok_or("no expectation")?)
}

/// Every rule and flow is judged in a cluster of these.
const JUDGED: &str = "judged";
const SOURCE: &str = "source";
const DESTINATION: &str = "destination";

/// The cluster of a store, with the ends of flows that state no address: endpoints without one.
fn cluster(store: &Value) -> Result<Cluster, String> {
    const READ: [&str; 5] = ["policies", "profiles", "ipSets", "serviceAccounts", "namespaces"];
    if let Some((field, _)) =
        store.as_object().into_iter().flatten().find(|(field, _)| !READ.contains(&&***field))
    {
        return Err(format!("this runner does not know {field:?} of a store"));
    }
    let mut dialect = Dialect::default();
    dialect.other_family_nets = OtherFamilyNets::NoEffect;
    dialect.icmp_types = IcmpTypes::Ignored;
    dialect.profile_pass = ProfilePass::Deny;
    dialect.missing_namespace = MissingNamespace::MissingProfile;
    let mut cluster = Cluster::with_dialect(dialect);
    let mut transaction = cluster.transaction();
    transaction.put(endpoint(SOURCE, Vec::new()));
    transaction.put(endpoint(DESTINATION, Vec::new()));
    for (id, labels) in labelled(&store["namespaces"]) {
        transaction.put(Lowered::Namespace { name: id.into(), labels });
    }
    for (id, labels) in labelled(&store["serviceAccounts"]) {
        let (namespace, name) = id.split_once('/').ok_or_else(|| format!("{id:?} is not NAMESPACE/NAME"))?;
        transaction.put(Lowered::ServiceAccount { namespace: namespace.into(), name: name.into(), labels });
    }
    transaction.commit();
    Ok(cluster)
}

/// Objects with labels, by id.
fn labelled(objects: &Value) -> Vec<(String, BTreeMap<Name, Name>)> {
    let labels = |object: &Value| {
        let labels = if object["labels"].is_object() { &object["labels"] } else { object };
        let labels = labels.as_object().into_iter().flatten();
        labels.filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into()))).collect()
    };
    objects.as_object().into_iter().flatten().map(|(id, object)| (id.clone(), labels(object))).collect()
}

fn endpoint_key(name: &str) -> EndpointKey {
    EndpointKey { kind: EndpointKind::WorkloadEndpoint, namespace: None, name: name.into() }
}

fn endpoint(name: &str, profiles: Vec<Name>) -> Lowered {
    Lowered::Endpoint(Endpoint {
        key: endpoint_key(name),
        labels: BTreeMap::new(),
        profiles,
        addresses: Vec::new(),
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    })
}

/// A flow of the checker and what is known of it; `None` if its protocol is none, for then no rule matches it.
fn flow(cluster: &Cluster, json: &Value) -> Result<(Option<Flow>, FlowContext), String> {
    const READ: [&str; 9] = [
        "protocol",
        "srcIp",
        "dstIp",
        "srcPort",
        "dstPort",
        "srcPrincipal",
        "dstPrincipal",
        "httpMethod",
        "httpPath",
    ];
    if let Some((field, _)) =
        json.as_object().into_iter().flatten().find(|(field, _)| !READ.contains(&&***field))
    {
        return Err(format!("this runner does not know {field:?} of a flow"));
    }
    let side = |field: &str, stand_in: &str| match json[field].as_str().filter(|text| !text.is_empty()) {
        Some(text) => {
            text.parse::<IpAddr>().map(Side::Address).map_err(|_| format!("{text:?} is not an address"))
        }
        None => Ok(Side::Endpoint(cluster.endpoint_id(&endpoint_key(stand_in)).unwrap())),
    };
    let port = |field: &str| json[field].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    let (source, destination) = (side("srcIp", SOURCE)?, side("dstIp", DESTINATION)?);
    let flow = protocol(&json["protocol"]).map(|protocol| {
        Flow::new(source, destination, protocol).with_ports(port("srcPort"), port("dstPort"))
    });
    let owned = |field: &str| json[field].as_str().map(String::from);
    let request = HttpRequest { method: owned("httpMethod"), path: owned("httpPath") };
    let context = FlowContext {
        http: if request == HttpRequest::default() { Http::NotInspected } else { Http::Request(request) },
        source_principal: owned("srcPrincipal"),
        destination_principal: owned("dstPrincipal"),
        ..FlowContext::default()
    };
    Ok((flow, context))
}

/// A protocol from 1 to 255: the checker matches no rule to a flow of any other number (calico.md 8).
fn protocol(json: &Value) -> Option<Protocol> {
    json.as_u64()
        .and_then(|number| u8::try_from(number).ok())
        .filter(|number| *number > 0)
        .map(Protocol::from)
}

fn rule_matches(store: &Value, json: &Value, namespace: &str, flow_json: &Value) -> Result<bool, String> {
    let cluster = cluster(store)?;
    let surroundings = Surroundings { evaluator: Evaluator::Checker, sets: &store["ipSets"], namespace };
    let rule = surroundings.rule(json, RuleAction::Allow)?;
    let (flow, context) = flow(&cluster, flow_json)?;
    let Some(flow) = flow else { return Ok(false) };
    match matches(&cluster, &rule, &flow, &context) {
        Match::Yes => Ok(true),
        Match::No(_) | Match::Invalid => Ok(false),
        Match::Unknown(missing) => Err(format!("unknown for want of {missing:?}")),
    }
}

fn rule(case: &Value) -> Result<bool, String> {
    let namespace = case["policyNamespace"].as_str().unwrap_or_default();
    rule_matches(&case["store"], &case["rule"], namespace, &case["flow"])
}

fn l4_protocol(case: &Value) -> Result<bool, String> {
    rule_matches(&Value::Null, &case["rule"], "", &json!({ "protocol": case["protocol"] }))
}

/// Single matchers know no protocol; their flows are given this one.
const TCP: u8 = 6;

fn net(case: &Value) -> Result<bool, String> {
    let rule = json!({ "srcNet": case["nets"] });
    rule_matches(&Value::Null, &rule, "", &json!({ "protocol": TCP, "srcIp": case["ip"] }))
}

fn rule_net(case: &Value) -> Result<bool, String> {
    let mut flow_json = case["flow"].clone();
    flow_json["protocol"] = json!(TCP);
    let of_side = match text(case, "side") {
        "src" => ["srcNet", "notSrcNet"],
        _ => ["dstNet", "notDstNet"],
    };
    let fields =
        case["rule"].as_object().into_iter().flatten().filter(|(field, _)| of_side.contains(&&***field));
    let rule = Value::Object(fields.map(|(field, value)| (field.clone(), value.clone())).collect());
    rule_matches(&Value::Null, &rule, "", &flow_json)
}

fn http_methods(case: &Value) -> Result<bool, String> {
    let rule = json!({ "httpMatch": { "methods": case["methods"] } });
    rule_matches(&Value::Null, &rule, "", &json!({ "protocol": TCP, "httpMethod": case["method"] }))
}

fn http_paths(case: &Value) -> Result<bool, String> {
    let rule = json!({ "httpMatch": { "paths": case["paths"] } });
    rule_matches(&Value::Null, &rule, "", &json!({ "protocol": TCP, "httpPath": case["path"] }))
}

fn service_account_names(case: &Value) -> Result<bool, String> {
    let rule = json!({ "srcServiceAccountMatch": { "names": case["names"] } });
    let principal = format!("spiffe://cluster.local/ns/default/sa/{}", text(case, "name"));
    rule_matches(&Value::Null, &rule, "", &json!({ "protocol": TCP, "srcPrincipal": principal }))
}

fn http_path_normalise(case: &Value) -> Result<(), String> {
    let expected = &case["expected"];
    let found = normalise_path(text(case, "path"));
    if expected["ok"] == false {
        return expect(&found, &None);
    }
    expect(&found.as_deref(), &expected["normalised"].as_str())
}

/// A policy alone, in a tier that passes at its end.
fn policy(case: &Value) -> Result<(), String> {
    let mut endpoint_json = json!({ "tiers": [{ "name": "tier", "defaultAction": "Pass" }], "profiles": [] });
    let direction = text(case, "direction");
    endpoint_json["tiers"][0][format!("{direction}Policies")] = json!(["GlobalNetworkPolicy/policy"]);
    let mut store = case["store"].clone();
    store["policies"] = json!({ "GlobalNetworkPolicy/policy": case["policy"] });
    let walk = Walk::new(&endpoint_json, &store, direction, Scope::Enforced, &case["flow"])?;
    let judgement = walk.judge()?;
    let decided = judgement.hits.iter().find(|hit| hit.tier.is_some() && hit.index.is_some());
    let found = match decided {
        Some(hit) => (hit.action.to_string().to_uppercase(), index(hit)),
        None => ("NO_MATCH".to_owned(), -1),
    };
    let expected = &case["expected"];
    expect(&found, &(text(expected, "action").to_owned(), expected["ruleIndex"].as_i64().unwrap_or(-1)))
}

fn evaluate(case: &Value) -> Result<(), String> {
    let scope = match text(case, "scope") {
        "EnforcedOnly" => Scope::Enforced,
        "StagedAsEnforced" => Scope::Pending,
        other => return Err(format!("unknown scope {other:?}")),
    };
    let walk = Walk::new(&case["endpoint"], &case["store"], text(case, "direction"), scope, &case["flow"])?;
    let judgement = walk.judge()?;
    let expected = &case["expected"];
    if let Some(code) = expected["code"].as_str() {
        expect(walk.code(&judgement)?, code)?;
    }
    let trace = walk.trace(&judgement);
    if let Some(length) = expected["traceLength"].as_u64() {
        expect(&(trace.len() as u64), &length).map_err(|difference| format!("{difference}: {trace:?}"))?;
    }
    match expected.get("trace") {
        None => Ok(()),
        Some(elements) => expect_trace(&trace, elements.as_array().map_or(&[], Vec::as_slice)),
    }
}

/// Each element has the fields that are expected of it.
fn expect_trace(found: &[Value], expected: &[Value]) -> Result<(), String> {
    expect(&found.len(), &expected.len()).map_err(|difference| format!("{difference}: {found:?}"))?;
    for (element, wanted) in found.iter().zip(expected) {
        let differs = |(field, value): &(&String, &Value)| element.get(*field) != Some(*value);
        if let Some((field, value)) = wanted.as_object().into_iter().flatten().find(differs) {
            return Err(format!("{field} of {element} should be {value}"));
        }
    }
    Ok(())
}

/// What the evaluation of an endpoint needs, and what of it the normal form cannot hold.
struct Walk {
    engines: Engines,
    point: Point,
    scope: Scope,
    flow: Flow,
    context: FlowContext,
    profiles: usize,
    /// Policies that a tier names and the store lacks. The evaluation fails where it comes to one; here a deny of
    /// everything stands in its place, so that nothing behind it is reached.
    missing: BTreeSet<PolicyKey>,
    /// Rules whose action is none, and tiers whose default action is none: the evaluation fails at them, too.
    invalid_rules: BTreeSet<(String, usize)>,
    invalid_tiers: BTreeSet<Name>,
}

impl Walk {
    fn new(
        endpoint_json: &Value,
        store: &Value,
        direction: &str,
        scope: Scope,
        flow_json: &Value,
    ) -> Result<Self, String> {
        let cluster = cluster(store)?;
        let (flow, context) = flow(&cluster, flow_json)?;
        let reader = Reader {
            store,
            direction: match direction {
                "ingress" => Direction::Ingress,
                "egress" => Direction::Egress,
                other => return Err(format!("unknown direction {other:?}")),
            },
            matchable: flow.is_some(),
        };
        let nobody = Side::Endpoint(EndpointId::from(0));
        let mut walk = Walk {
            engines: Engines::new(cluster),
            point: Point {
                endpoint: EndpointId::from(u32::MAX - 1),
                direction: reader.direction,
                role: Role::Own,
            },
            scope,
            flow: flow.unwrap_or_else(|| Flow::new(nobody, nobody, Protocol::TCP)),
            context,
            profiles: list(endpoint_json, "profiles").len(),
            missing: BTreeSet::new(),
            invalid_rules: BTreeSet::new(),
            invalid_tiers: BTreeSet::new(),
        };
        if !endpoint_json.is_null() {
            walk.add_endpoint(endpoint_json, &reader)?;
        }
        Ok(walk)
    }

    fn add_endpoint(&mut self, json: &Value, reader: &Reader<'_>) -> Result<(), String> {
        let mut objects = Vec::new();
        for (position, tier) in list(json, "tiers").iter().enumerate() {
            let tier_name: Name = text(tier, "name").into();
            let default_action = match tier["defaultAction"].as_str().unwrap_or_default() {
                "Pass" => DefaultAction::Pass,
                "Deny" => DefaultAction::Deny,
                _ => {
                    self.invalid_tiers.insert(tier_name.clone());
                    DefaultAction::Deny
                }
            };
            objects.push(Lowered::Tier(Tier {
                name: tier_name.clone(),
                order: order(position),
                default_action,
            }));
            for (place, id) in list(tier, &format!("{}Policies", reader.direction)).iter().enumerate() {
                let key = policy_key(id.as_str().unwrap_or_default())?;
                let rules = self.policy_rules(&key, id, reader)?;
                objects.push(policy_object(key, &tier_name, place, reader.direction, rules));
            }
        }
        let profiles: Vec<Name> = list(json, "profiles").iter().map(name).collect::<Result<_, _>>()?;
        for profile in &profiles {
            let json = &reader.store["profiles"][&**profile];
            if !json.is_null() {
                let rules = self.rules(&profile_owner(profile), json, reader)?;
                objects.push(Lowered::Profile(profile.clone(), profile_object(rules, reader.direction)));
            }
        }
        objects.push(endpoint(JUDGED, profiles));
        let mut transaction = self.engines.change().transaction();
        for object in objects {
            transaction.put(object);
        }
        transaction.commit();
        self.point.endpoint = self.engines.cluster().endpoint_id(&endpoint_key(JUDGED)).unwrap();
        Ok(())
    }

    fn policy_rules(
        &mut self,
        key: &PolicyKey,
        id: &Value,
        reader: &Reader<'_>,
    ) -> Result<Vec<Rule>, String> {
        let json = &reader.store["policies"][id.as_str().unwrap_or_default()];
        if json.is_null() {
            self.missing.insert(key.clone());
            return Ok(vec![Rule::new(RuleAction::Deny)]);
        }
        self.rules(&key.to_string(), json, reader)
    }

    fn rules(&mut self, owner: &str, json: &Value, reader: &Reader<'_>) -> Result<Vec<Rule>, String> {
        if !reader.matchable {
            return Ok(Vec::new());
        }
        let surroundings = Surroundings {
            evaluator: Evaluator::Checker,
            sets: &reader.store["ipSets"],
            namespace: json["namespace"].as_str().unwrap_or_default(),
        };
        let field = match reader.direction {
            Direction::Ingress => "inboundRules",
            Direction::Egress => "outboundRules",
        };
        let mut rules = Vec::new();
        for (index, rule) in list(json, field).iter().enumerate() {
            let action = action(&rule["action"]).unwrap_or_else(|| {
                self.invalid_rules.insert((owner.to_owned(), index));
                RuleAction::Deny
            });
            rules.push(surroundings.rule(rule, action)?);
        }
        Ok(rules)
    }

    fn judge(&self) -> Result<Judgement, String> {
        self.engines.judge(self.point, &self.flow, &self.context, self.scope)
    }

    fn code(&self, judgement: &Judgement) -> Result<&'static str, String> {
        let last = judgement.hits.last();
        let owner = last.map(|hit| match &hit.decider {
            Decider::Policy(key) => key.to_string(),
            Decider::Profile(profile) => profile_owner(profile),
            Decider::NoProfile => String::new(),
        });
        let invalid_rule = last
            .and_then(|hit| hit.index)
            .zip(owner)
            .is_some_and(|(index, owner)| self.invalid_rules.contains(&(owner, index)));
        let invalid_tier = last.is_some_and(|hit| {
            hit.index.is_none() && hit.tier.as_ref().is_some_and(|tier| self.invalid_tiers.contains(tier))
        });
        let missing = last.is_some_and(|hit| self.is_missing(hit));
        match (judgement.action, judgement.reason) {
            (_, Reason::UnknownEndpoint) => Ok("INTERNAL"),
            _ if missing => Ok("INTERNAL"),
            (_, Reason::InvalidRequest) => Ok("INVALID_ARGUMENT"),
            _ if invalid_rule || invalid_tier => Ok("INVALID_ARGUMENT"),
            (Action::Allow, _) => Ok("OK"),
            (Action::Deny, _) => Ok("PERMISSION_DENIED"),
            (Action::Undecided, _) => Err(format!("undecided for want of {:?}", judgement.missing)),
        }
    }

    fn is_missing(&self, hit: &Hit) -> bool {
        matches!(&hit.decider, Decider::Policy(key) if self.missing.contains(key))
    }

    /// The trace as the checker writes it: where it has profiles and none matched, it ends without an element.
    fn trace(&self, judgement: &Judgement) -> Vec<Value> {
        let written =
            |hit: &&Hit| !self.is_missing(hit) && (hit.decider != Decider::NoProfile || self.profiles == 0);
        judgement.hits.iter().filter(written).map(|hit| self.element(hit)).collect()
    }

    fn element(&self, hit: &Hit) -> Value {
        let policy = |key: &PolicyKey| (key.kind.as_str(), key.namespace.clone(), key.name.clone());
        let first = || self.first_of(hit.tier.as_ref()?);
        let (kind, namespace, name) = match &hit.decider {
            Decider::Policy(key) if hit.index.is_none() => policy(&first().unwrap_or_else(|| key.clone())),
            Decider::Policy(key) => policy(key),
            Decider::Profile(name) => ("Profile", None, name.clone()),
            Decider::NoProfile => ("Profile", None, "__PROFILE__".into()),
        };
        let no_profile = hit.decider == Decider::NoProfile;
        json!({
            "tier": hit.tier.as_deref().unwrap_or("__PROFILE__"),
            "kind": kind,
            "namespace": namespace.as_deref().unwrap_or(""),
            "name": &*name,
            "direction": self.point.direction.to_string(),
            "index": if no_profile { -1 } else { index(hit) },
            "action": hit.action.to_string(),
        })
    }

    /// The checker names the default action of a tier after the first policy that takes part; data planes, the last.
    fn first_of(&self, tier: &Name) -> Option<PolicyKey> {
        let entry = self.engines.cluster().endpoint(self.point.endpoint)?;
        let applied = self.engines.cluster().applied(entry, self.point.direction, Phase::Normal, self.scope);
        let tier = applied.iter().find(|applied| applied.tier.name == *tier)?;
        tier.policies.first().map(|policy| policy.entry.policy.key.clone())
    }
}

/// What rules are read from.
struct Reader<'a> {
    store: &'a Value,
    direction: Direction,
    /// The flow is one that rules can match.
    matchable: bool,
}

/// `KIND/[NAMESPACE/]NAME`.
fn policy_key(id: &str) -> Result<PolicyKey, String> {
    let parts: Vec<&str> = id.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, name] | [kind, "", name] => (kind, None, name),
        [kind, namespace, name] => (kind, Some(Name::from(*namespace)), name),
        _ => return Err(format!("{id:?} is not the id of a policy")),
    };
    let kind = policy_kind(kind)?;
    Ok(PolicyKey { kind, namespace, name: (*name).into() })
}

fn policy_object(
    key: PolicyKey,
    tier: &Name,
    position: usize,
    direction: Direction,
    rules: Vec<Rule>,
) -> Lowered {
    let (ingress, egress) = match direction {
        Direction::Ingress => (Some(rules), None),
        Direction::Egress => (None, Some(rules)),
    };
    Lowered::Policy(Policy {
        key,
        tier: tier.clone(),
        order: order(position),
        subject: Selector::all(),
        ingress,
        egress,
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    })
}

fn profile_object(rules: Vec<Rule>, direction: Direction) -> Profile {
    match direction {
        Direction::Ingress => Profile { ingress: rules, ..Profile::default() },
        Direction::Egress => Profile { egress: rules, ..Profile::default() },
    }
}

/// The place of a rule in its list; -1 for the default action of a tier.
fn index(hit: &Hit) -> i64 {
    hit.index.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1)
}

fn profile_owner(profile: &Name) -> String {
    format!("Profile {profile}")
}
