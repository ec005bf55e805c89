//! What is not known, what is taken for granted, and what is noted of it.

use super::{World, address, forms, global, local, pod, pod_text, read, tcp};
use tierwall::cluster::{Cluster, Scope};
use tierwall::dialect::{Dialect, ProfilePass, SelectionScope};
use tierwall::explain::explain;
use tierwall::explanation::At;
use tierwall::lower::Lowered;
use tierwall::model::{
    Action, Direction, Flow, FlowContext, Http, HttpMatch, HttpRequest, Profile, Protocol, Reason, Rule,
    RuleAction,
};
use tierwall::reference::judge;

fn with_http(http: Http) -> FlowContext {
    FlowContext { http, ..FlowContext::default() }
}

/// With a clause that holds where nothing is inspected.
fn clause(action: RuleAction) -> Rule {
    let http = HttpMatch { methods: vec!["GET".into()], ..HttpMatch::default() };
    Rule { http: Some(http), ..Rule::new(action) }
}

fn of(protocol: Protocol, rule: Rule) -> Rule {
    Rule { protocol: Some(protocol), ..rule }
}

/// Gives a policy these rules, in the directions that it governs.
fn put_rules(cluster: &mut Cluster, name: &str, rules: &[Rule]) {
    let named = cluster.policies().find(|entry| &*entry.policy.key.name == name);
    let mut policy = named.unwrap().policy.clone();
    let directions = [&mut policy.ingress, &mut policy.egress];
    directions.into_iter().flatten().for_each(|known| *known = rules.to_vec());
    cluster.put(policy);
}

const ALLOW: RuleAction = RuleAction::Allow;
const DENY: RuleAction = RuleAction::Deny;
const PASS: RuleAction = RuleAction::Pass;
const LOG: RuleAction = RuleAction::Log;

/// A Log rule with an HTTP clause matches where nothing is inspected, and that is noted, where it is and only there.
#[test]
fn what_a_log_rule_assumed_is_noted() {
    let rules = [
        vec![clause(LOG), Rule::new(ALLOW)],
        vec![clause(LOG), Rule::new(DENY)],
        vec![Rule::new(LOG), Rule::new(ALLOW)],
        vec![of(Protocol::TCP, clause(LOG)), Rule::new(LOG), Rule::new(ALLOW)],
        vec![Rule::new(LOG), of(Protocol::TCP, clause(ALLOW)), Rule::new(ALLOW)],
        vec![of(Protocol::UDP, clause(LOG)), Rule::new(ALLOW)],
        vec![Rule::new(ALLOW)],
    ];
    let contexts = [
        FlowContext::default(),
        FlowContext { source_principal: Some("spiffe://td/ns/shop/sa/a".into()), ..FlowContext::default() },
        with_http(Http::Unknown),
        with_http(Http::Request(HttpRequest { method: Some("GET".into()), path: None })),
    ];
    for policy in [global, local] {
        let world = World::with(Dialect::default(), forms(), |cluster| {
            for (number, rules) in (1..).zip(&rules) {
                let (name, spec) =
                    (format!("r{number}"), format!("selector: id == 'p{number}', types: [Ingress, Egress]"));
                let text = pod_text(number, &format!("id: p{number}"), "") + &policy(&name, 1, &spec);
                read(cluster, &text);
                put_rules(cluster, &name, rules);
            }
        });
        let noted = |flow: &Flow, context| world.ask(flow, context).enforced.http_assumed();
        for context in &contexts {
            for (from, to) in (1..=7).flat_map(|from| (1..=7).map(move |to| (from, to))) {
                let (stated, udp) =
                    (tcp(pod(from), pod(to), 80), Flow::new(pod(from), pod(to), Protocol::UDP));
                noted(&udp, context);
                told_where_it_was(&world, &stated, context);
                told_where_it_was(&world, &udp, context);
                let expected = context.http == Http::NotInspected
                    && from != to
                    && [from, to].iter().any(|last| [1, 2, 4, 5].contains(last));
                assert_eq!(noted(&stated, context), expected, "{from} {to} {context:?}");
            }
        }
    }
}

/// The story says of each judgement what was assumed in it.
fn told_where_it_was(world: &World, flow: &Flow, context: &FlowContext) {
    for (cluster, _, snapshot) in &world.followed {
        let told = snapshot.explain(flow, context).enforced;
        let trace = explain(cluster, flow, context).enforced;
        let connection = &told.connections[0];
        let judgements = [&connection.egress, &connection.ingress].map(|end| &end.judgements);
        let judgements: Vec<_> = judgements.into_iter().flatten().collect();
        assert_eq!(judgements.iter().any(|judgement| judgement.http_assumed), trace.http_assumed);
        for judgement in judgements {
            let At::Endpoint(point) = judgement.at else { continue };
            let alone = judge(cluster, point, flow, context, Scope::Enforced);
            assert_eq!(judgement.http_assumed, alone.http_assumed, "{point:?} {flow:?}");
        }
    }
}

/// A request of which the path cannot be compared is denied by the rule, whatever else of it matches; not if anything else
/// does not.
#[test]
fn an_invalid_request_is_one_of_the_rules_flows() {
    let rule = "action: Allow, protocol: TCP, source: {selector: app == 'a', ports: [40000]}, \
                destination: {ports: [80]}, http: {methods: [GET], paths: [{prefix: /}]}";
    let spec = format!("selector: app == 'b', ingress: [{{{rule}}}, {{action: Allow}}]");
    let text = pod_text(1, "app: a", "") + &pod_text(2, "app: b", "") + &pod_text(3, "app: c", "");
    let world = World::new(&(text + &local("p", 1, &spec)));
    let request = |method: &str, path: &str| {
        with_http(Http::Request(HttpRequest { method: Some(method.into()), path: Some(path.into()) }))
    };
    let said = |flow: &Flow, context: &FlowContext| world.ask(flow, context).enforced;
    let invalid = Some(Reason::InvalidRequest);
    for (from, port, method, path, expected) in [
        (1, 80, "GET", "*", invalid),
        (1, 80, "GET", "/", None),
        (1, 80, "PUT", "*", None),
        (1, 81, "GET", "*", None),
        (3, 80, "GET", "*", None),
    ] {
        let verdict = said(&tcp(pod(from), pod(2), port), &request(method, path));
        assert_eq!(verdict.is_allowed(), expected.is_none(), "{from} {port} {method} {path}");
        assert!(expected.is_none_or(|reason| verdict.reason(Direction::Ingress) == reason));
    }
    let other = tcp(pod(1), pod(2), 80).with_ports(40_001, 80);
    assert!(said(&other, &request("GET", "*")).is_allowed());
}

/// Tiers that may be passed to, of which the last decides whatever happens, leave nothing to profiles.
#[test]
fn what_later_tiers_decide_profiles_do_not() {
    let tier = |name: &str, order: u32| {
        format!(
            "{{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {{name: {name}}}, spec: {{order: {order}}}}}\n---\n"
        )
    };
    let policy = |tier: &str| global(&format!("{tier}.p"), 1, &format!("tier: {tier}, selector: app == 'b'"));
    let text = [tier("t1", 1), tier("t2", 2), tier("t3", 3)].concat()
        + &["t1", "t2", "t3"].map(policy).concat()
        + "{apiVersion: projectcalico.org/v3, kind: WorkloadEndpoint, metadata: {name: n-vm-b-eth0, namespace: shop, labels: {app: b}}, \
           spec: {orchestrator: vm, workload: b, node: n, endpoint: eth0, interfaceName: c0, ipNetworks: [10.0.0.2/32]}}";
    let may_pass = || vec![clause(PASS), Rule::new(ALLOW)];
    for (second, third, expected) in [
        (vec![Rule::new(PASS)], ALLOW, Action::Allow),
        (vec![Rule::new(PASS)], PASS, Action::Undecided),
        (vec![Rule::new(PASS)], DENY, Action::Undecided),
        (vec![Rule::new(ALLOW)], PASS, Action::Allow),
        (may_pass(), ALLOW, Action::Allow),
        (may_pass(), PASS, Action::Undecided),
    ] {
        let world = World::with(Dialect::default(), forms(), |cluster| {
            read(cluster, &text);
            put_rules(cluster, "t1.p", &may_pass());
            put_rules(cluster, "t2.p", &second);
            put_rules(cluster, "t3.p", &[Rule::new(third)]);
        });
        let flow = tcp(address("192.0.2.1"), pod(2), 80);
        let verdict = world.ask(&flow, &with_http(Http::Unknown)).enforced;
        assert_eq!(verdict.action(), expected, "{second:?} {third}");
    }
}

/// A rule of a profile that may match, before the profile that decides.
#[test]
fn an_earlier_profile_may_leave_a_doubt() {
    let endpoint = "
{apiVersion: projectcalico.org/v3, kind: WorkloadEndpoint, metadata: {name: n-vm-b-eth0, namespace: shop, labels: {app: b}},
 spec: {orchestrator: vm, workload: b, node: n, endpoint: eth0, interfaceName: c0, profiles: [first, second], ipNetworks: [10.0.0.2/32]}}
";
    for (first, second, expected) in [
        (vec![clause(DENY)], ALLOW, Action::Undecided),
        (vec![clause(ALLOW)], ALLOW, Action::Allow),
        (vec![clause(ALLOW)], DENY, Action::Undecided),
        (vec![clause(DENY), Rule::new(PASS)], ALLOW, Action::Undecided),
        (vec![clause(ALLOW), Rule::new(PASS)], DENY, Action::Undecided),
        (vec![clause(PASS), Rule::new(PASS)], ALLOW, Action::Allow),
        (vec![clause(DENY), Rule::new(PASS), Rule::new(ALLOW)], DENY, Action::Deny),
        (vec![clause(PASS), Rule::new(DENY)], ALLOW, Action::Undecided),
    ] {
        let mut dialect = Dialect::default();
        dialect.profile_pass = ProfilePass::NextProfile;
        let world = World::with(dialect, forms(), |cluster| {
            read(cluster, endpoint);
            let profile = |rules: &[Rule]| Profile { ingress: rules.to_vec(), ..Profile::default() };
            cluster.put(Lowered::Profile("first".into(), profile(&first)));
            cluster.put(Lowered::Profile("second".into(), profile(&[Rule::new(second)])));
        });
        let flow = tcp(address("192.0.2.1"), pod(2), 80);
        let verdict = world.ask(&flow, &with_http(Http::Unknown)).enforced;
        assert_eq!(verdict.action(), expected, "{first:?} {second}");
        world.ask(&flow, &FlowContext::default());
    }
}

/// Where whoever a policy selects is settled in both directions, any of a tier's policies is enough for it.
#[test]
fn any_policy_of_a_tier_may_settle_the_other_direction() {
    let kubernetes = "
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: k, namespace: shop},
 spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress]}}
---
";
    let text = pod_text(1, "app: a", "")
        + &pod_text(2, "app: b", "")
        + kubernetes
        + &local("before", 1, "selector: has(app), types: [Ingress]")
        + &local("after", 5000, "selector: has(app), types: [Ingress]");
    let mut dialect = Dialect::default();
    dialect.selection_scope = SelectionScope::AnyDirection;
    let world = World::with(dialect, forms(), |cluster| read(cluster, &text));
    let reason = |last: u8| {
        let flow = tcp(pod(last), address("192.0.2.1"), 80);
        world.ask(&flow, &FlowContext::default()).enforced.reason(Direction::Egress)
    };
    assert_eq!([1, 2].map(reason), [Reason::TierDefault, Reason::ProfileRule]);
}
