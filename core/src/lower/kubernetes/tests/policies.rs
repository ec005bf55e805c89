//! What policies become.

use super::{anp, banp, cnp, np, policy, resource, texts};
use crate::dialect::{CidrPods, Dialect, EgressToOwnNode, SelectionScope};
use crate::lower::{Lowered, calico_form, lower};
use crate::model::{Order, OtherProtocols, PolicyKind, Protocol};
use crate::resource::Resource;
use serde_json::json;

#[test]
fn network_policy() {
    let policy = policy(np(json!({
        "podSelector": {"matchLabels": {"app": "web"}},
        "egress": [
            {},
            {
                "to": [
                    {"podSelector": {"matchLabels": {"app": "db"}}},
                    {"namespaceSelector": {}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
                "ports": [{"port": 80}, {"port": 81}, {"port": "sql"}, {"protocol": "UDP"}],
            },
        ],
    })));
    assert_eq!(policy.key.to_string(), "KubernetesNetworkPolicy x/p");
    assert_eq!((&*policy.tier, policy.order), ("default", Order::new(1000.0)));
    insta::assert_snapshot!(policy.subject, @r#"((projectcalico.org/orchestrator == "k8s" && app == "web") && projectcalico.org/namespace == "x")"#);
    assert_eq!(policy.ingress.as_deref(), Some([].as_slice()), "isolated: no type is stated");
    insta::assert_snapshot!(texts(policy.egress.as_deref()).join("\n"), @r#"
    allow any from any to any
    allow TCP from any to (projectcalico.org/namespace == "x" && (projectcalico.org/orchestrator == "k8s" && app == "db")) [80:81, sql]
    allow TCP from any to (has(projectcalico.org/namespace) && projectcalico.org/orchestrator == "k8s") [80:81, sql]
    allow TCP from any to [10.0.0.0/8] but [10.1.0.0/16] [80:81, sql]
    allow UDP from any to (projectcalico.org/namespace == "x" && (projectcalico.org/orchestrator == "k8s" && app == "db"))
    allow UDP from any to (has(projectcalico.org/namespace) && projectcalico.org/orchestrator == "k8s")
    allow UDP from any to [10.0.0.0/8] but [10.1.0.0/16]
    "#);
    let origins: Vec<u32> = policy.egress.unwrap().iter().map(|rule| rule.origin.index).collect();
    assert_eq!(origins, [0, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn directions() {
    let governs = |spec| {
        let policy = policy(np(spec));
        (policy.ingress.is_some(), policy.egress.is_some())
    };
    assert_eq!(governs(json!({})), (true, false));
    assert_eq!(governs(json!({"egress": []})), (true, false));
    assert_eq!(governs(json!({"egress": [{}]})), (true, true));
    assert_eq!(governs(json!({"policyTypes": ["Egress"], "ingress": [{}]})), (false, true));
}

#[test]
fn empty_and_missing_lists() {
    let ingress = |spec| texts(policy(np(spec)).ingress.as_deref());
    assert!(ingress(json!({})).is_empty());
    for everyone in [json!({}), json!({"from": []}), json!({"ports": []}), json!({"from": null})] {
        assert_eq!(ingress(json!({"ingress": [everyone]})), ["allow any from any to any"]);
    }
    assert_eq!(ingress(json!({"ingress": [{"ports": [{}]}]})), ["allow TCP from any to any"]);
}

#[test]
fn the_dialect_decides_what_the_end_of_the_tier_means() {
    let isolation = |dialect: &Dialect| match lower(&resource(np(json!({}))), dialect).value {
        Some(Lowered::Policy(policy)) => policy.isolation,
        other => panic!("{other:?}"),
    };
    let mut dialect = Dialect::default();
    let usual = isolation(&dialect);
    assert!(usual.exempts_own_node && !usual.settles_other_direction);
    dialect.egress_to_own_node = EgressToOwnNode::Evaluated;
    dialect.selection_scope = SelectionScope::AnyDirection;
    dialect.other_protocols = OtherProtocols::Allowed;
    let other = isolation(&dialect);
    assert!(!other.exempts_own_node && other.settles_other_direction);
    assert_eq!(other.other_protocols, OtherProtocols::Allowed);
    assert_eq!(policy(cnp(json!({}))).isolation, Default::default(), "these tiers isolate nothing");
}

#[test]
fn ranges_may_leave_pods_out() {
    let dialect = Dialect { cidr_pods: CidrPods::NotMatched, ..Dialect::default() };
    let given = np(json!({"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"podSelector": {}}]}]}));
    let Some(Lowered::Policy(policy)) = lower(&resource(given), &dialect).value else { panic!() };
    let skip: Vec<bool> =
        policy.egress.unwrap().iter().map(|rule| rule.destination.nets_skip_workloads).collect();
    assert_eq!(skip, [true, false]);
}

#[test]
fn cluster_network_policy() {
    let policy = policy(cnp(json!({
        "tier": "Baseline",
        "subject": {"namespaces": {"matchLabels": {"team": "a"}}},
        "egress": [{
            "name": "some",
            "action": "Accept",
            "to": [
                {"namespaces": {"matchLabels": {"team": "b"}}},
                {"pods": {"podSelector": {"matchLabels": {"app": "db"}}}},
                {"networks": ["10.0.0.5/8", "fd00::/8"]},
            ],
            "protocols": [{"tcp": {"destinationPort": {"number": 80}}}, {"destinationNamedPort": "sql"}],
        }, {
            "action": "Pass",
            "to": [{"nodes": {"matchLabels": {"role": "infra"}}}],
        }],
    })));
    assert_eq!(policy.key.kind, PolicyKind::KubernetesClusterNetworkPolicy);
    assert_eq!((&*policy.tier, policy.order), ("kube-baseline", Order::new(10.0)));
    insta::assert_snapshot!(policy.subject, @r#"(projectcalico.org/orchestrator == "k8s" && pcns.team == "a")"#);
    assert_eq!(policy.ingress, None, "there is no ingress rule");
    insta::assert_snapshot!(texts(policy.egress.as_deref()).join("\n"), @r#"
    allow any from any to pcns.team == "b" [sql]
    allow any from any to (has(projectcalico.org/namespace) && (projectcalico.org/orchestrator == "k8s" && app == "db")) [sql]
    allow any from any to [10.0.0.0/8, fd00::/8] [sql]
    allow TCP from any to pcns.team == "b" [80]
    allow TCP from any to (has(projectcalico.org/namespace) && (projectcalico.org/orchestrator == "k8s" && app == "db")) [80]
    allow TCP from any to [10.0.0.0/8, fd00::/8] [80]
    pass any from any to nodes role == "infra"
    "#);
    let names: Vec<_> = policy.egress.unwrap().iter().map(|rule| rule.origin.name.clone()).collect();
    assert_eq!(names.first().unwrap().as_deref(), Some("some"));
    assert_eq!(names.last().unwrap().as_deref(), None);
}

#[test]
fn admin_network_policies() {
    let egress = json!([{
        "action": "Allow",
        "to": [{"domainNames": ["*.Example.com."]}],
        "ports": [{"portNumber": {"port": 443}}, {"portRange": {"protocol": "UDP", "start": 9, "end": 1}}],
    }]);
    let admin = policy(anp(json!({"egress": egress})));
    assert_eq!((&*admin.tier, admin.order), ("kube-admin", Order::new(10.0)));
    assert_eq!(texts(admin.egress.as_deref()), ["allow TCP from any to domains *.example.com [443]"]);
    let ingress = json!([{"action": "Deny", "from": [{"namespaces": {}}], "ports": [{"namedPort": "http"}]}]);
    let baseline = policy(banp(json!({"ingress": ingress})));
    assert_eq!((&*baseline.tier, baseline.order), ("kube-baseline", Order::new(1000.0)));
    assert_eq!(
        texts(baseline.ingress.as_deref()),
        ["deny any from has(projectcalico.org/namespace) to [http]"]
    );
    assert_eq!(baseline.egress, None);
}

#[test]
fn a_range_that_ends_before_it_starts_matches_nothing() {
    let nothing = json!([{"portRange": {"start": 9, "end": 1}}]);
    let rule = json!({"action": "Deny", "from": [{"namespaces": {}}], "ports": nothing});
    let policy = policy(anp(json!({"ingress": [rule]})));
    assert_eq!(policy.ingress.as_deref(), Some([].as_slice()));
}

fn staged(spec: serde_json::Value) -> serde_json::Value {
    let mut whole = np(spec);
    whole["apiVersion"] = json!("projectcalico.org/v3");
    whole["kind"] = json!("StagedKubernetesNetworkPolicy");
    whole
}

#[test]
fn staged_network_policy() {
    let policy = policy(staged(json!({"egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]})));
    assert_eq!(policy.key.to_string(), "StagedKubernetesNetworkPolicy x/p");
    assert!(policy.ingress.is_some());
    assert_eq!(policy.egress.unwrap().first().unwrap().protocol, Some(Protocol::UDP));
    assert_eq!(super::lowered(staged(json!({"stagedAction": "Delete"}))), Lowered::Nothing);
    let form = calico_form(&resource(staged(json!({"stagedAction": "Learn", "egress": [{}]}))));
    let Some(Resource::StagedNetworkPolicy(form)) = form else { panic!() };
    assert_eq!((&*form.spec.staged_action, form.spec.types.len()), ("Learn", 2));
    let errors = |spec| super::lowering(staged(spec)).problems.len();
    assert_eq!(errors(json!({"stagedAction": "Delete", "policyTypes": ["Ingress"]})), 1);
    assert_eq!(errors(json!({"stagedAction": "set"})), 1);
}

#[test]
fn what_calico_has_no_words_for_fails_closed() {
    let rule = |action: &str| json!({"action": action, "to": [{"namespaces": {}}, {"nodes": {}}]});
    let form = calico_form(&resource(cnp(json!({"egress": [rule("Accept"), rule("Deny"), rule("Pass")]}))));
    let Some(Resource::GlobalNetworkPolicy(form)) = form else { panic!() };
    let rules: Vec<_> =
        form.spec.egress.unwrap().into_iter().map(|rule| (rule.action, rule.destination)).collect();
    let deny_all = ("Deny".to_owned(), Default::default());
    assert_eq!(rules, [deny_all.clone(), deny_all]);
}

#[test]
fn a_rule_that_is_wrong_is_dropped_from_the_calico_form() {
    let bad = json!({"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]});
    let form = calico_form(&resource(np(json!({"ingress": [bad, {"from": [{}]}, {}]}))));
    let Some(Resource::CalicoNetworkPolicy(form)) = form else { panic!() };
    assert_eq!(form.spec.ingress.unwrap().len(), 1);
}
