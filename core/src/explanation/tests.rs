use super::*;
use crate::cluster::{Cluster, Scope};
use crate::model::{
    Endpoint, EndpointKey, EndpointKind, FlowContext, Isolation, Order, Policy, PolicyClass, PolicyKey,
    PolicyKind, PortRange, Protocol, Role, Rule, Tier,
};
use crate::resource::{Kind, ResourceKey};
use crate::selector::Selector;
use crate::{Engine, Snapshot};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

const DB: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// An endpoint whose one profile does not exist, and a policy that logs, keeps one port closed, and passes.
fn cluster() -> Cluster {
    let mut closed = Rule::new(RuleAction::Deny);
    closed.protocol = Some(Protocol::TCP);
    closed.destination.ports = PortRange::from(22).into();
    let mut cluster = Cluster::new();
    let mut transaction = cluster.transaction();
    transaction.put(Endpoint {
        key: EndpointKey { kind: EndpointKind::WorkloadEndpoint, namespace: None, name: "db".into() },
        labels: BTreeMap::new(),
        profiles: vec!["gone".into()],
        addresses: vec![DB],
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    });
    transaction.put(Policy {
        key: PolicyKey { kind: PolicyKind::GlobalNetworkPolicy, namespace: None, name: "first".into() },
        tier: Tier::DEFAULT.into(),
        order: Order::new(10.0),
        subject: Selector::all(),
        ingress: Some(vec![Rule::new(RuleAction::Log), closed, Rule::new(RuleAction::Pass)]),
        egress: None,
        class: PolicyClass::Normal { apply_on_forward: false },
        isolation: Isolation::default(),
        origin: None,
    });
    transaction.commit();
    cluster
}

fn flow(port: u16) -> Flow {
    Flow::new(CLIENT, DB, Protocol::TCP).with_ports(40_000, port)
}

/// The one judgement of the flow.
fn judgement(told: &Explanation) -> &Judgement {
    let [connection] = &*told.enforced.connections else { panic!("{told:#?}") };
    assert!(connection.egress.judgements.is_empty());
    let [judgement] = &*connection.ingress.judgements else { panic!("{told:#?}") };
    judgement
}

fn did(judgement: &Judgement) -> Vec<Did> {
    judgement.steps.iter().map(|step| step.did).collect()
}

#[test]
fn each_rule_that_matched_is_told_and_no_other() {
    let snapshot = Snapshot::compile(&cluster());
    let context = FlowContext::default();
    let log = Did::Rule { action: RuleAction::Log };
    let told = snapshot.explain(&flow(80), &context);
    let open = judgement(&told);
    let pass = Did::Rule { action: RuleAction::Pass };
    assert_eq!(did(open), [log, pass, Did::MissingProfile { index: 0 }]);
    assert_eq!(open.said, Judged { action: Action::Deny, reason: Reason::MissingProfile, rule: None });
    assert_eq!(open.logs().count(), 1);
    assert!(told.enforced.verdict.is_logged());

    let told = snapshot.explain(&flow(22), &context);
    let closed = judgement(&told);
    assert_eq!(did(closed), [log, Did::Rule { action: RuleAction::Deny }]);
    assert_eq!(closed.said.rule, told.enforced.verdict.rule(Direction::Ingress));
    assert_eq!(told.enforced.form, Form::Fast);
}

#[test]
fn the_form_that_answered_is_named() {
    let snapshot = Snapshot::compile(&cluster());
    let context = FlowContext { source_principal: Some("anybody".into()), ..FlowContext::default() };
    assert_eq!(snapshot.explain(&flow(22), &context).enforced.form, Form::Complete);
}

#[test]
fn hits_have_the_names_of_the_cluster_while_it_has_them() {
    let mut cluster = cluster();
    let told = Snapshot::compile(&cluster).explain(&flow(80), &FlowContext::default());
    let hits = judgement(&told).hits(&cluster).unwrap();
    let strings: Vec<String> = hits.iter().map(ToString::to_string).collect();
    assert_eq!(strings, ["default|gnp:first|pass|2", "__PROFILE__|pro:gone|deny|0"]);
    let mut transaction = cluster.transaction();
    let key = ResourceKey { kind: Kind::GlobalNetworkPolicy, namespace: None, name: "first".to_owned() };
    assert!(transaction.remove(&key));
    transaction.commit();
    assert_eq!(judgement(&told).hits(&cluster), None);
}

#[test]
fn one_endpoint_alone_tells_the_same() {
    let cluster = cluster();
    let snapshot = Snapshot::compile(&cluster);
    let context = FlowContext::default();
    let told = snapshot.explain(&flow(22), &context);
    let At::Endpoint(point) = judgement(&told).at else { panic!("{told:#?}") };
    assert_eq!(&snapshot.explain_at(point, &flow(22), &context, Scope::Enforced), judgement(&told));
    let nobody = Point { endpoint: EndpointId(77), direction: Direction::Ingress, role: Role::Own };
    let told = snapshot.explain_at(nobody, &flow(22), &context, Scope::Enforced);
    assert_eq!((told.said.reason, told.steps.len()), (Reason::UnknownEndpoint, 0));
}

#[test]
fn a_reader_tells_what_its_snapshot_tells() {
    let (engine, context) = (Engine::new(), FlowContext::default());
    let mut reader = engine.reader();
    assert_eq!(reader.explain(&flow(22), &context), Explanation::default());
    let snapshot = Snapshot::compile(&cluster());
    engine.publish(snapshot.clone());
    assert_eq!(reader.explain(&flow(22), &context), snapshot.explain(&flow(22), &context));
}
