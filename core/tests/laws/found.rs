//! What the laws found, at its smallest, so that it is tried every time.

use crate::engines::evaluate_once;
use std::net::IpAddr;
use tierwall::Compiler;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::dialect::{AbsentAddress, Dialect, Flavour};
use tierwall::explain::{Trace, explain};
use tierwall::lower::Lowered;
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::model::{
    Action, Direction, Endpoint, EndpointKey, EndpointKind, Evaluation, Flow, FlowContext, Http, HttpMatch,
    HttpRequest, Profile, Protocol, Reason, Rule, RuleAction,
};
use tierwall::reference::evaluate;

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: a}}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: shop, labels: {app: b}}
status: {podIP: 10.0.0.2}
";

fn cluster(policies: &str) -> Cluster {
    let mut cluster = Cluster::new();
    let sources = [Source::new("pods.yaml", PODS), Source::new("policies.yaml", policies)];
    load(&mut cluster, &sources, &LoadOptions::default()).unwrap();
    cluster
}

/// What a flow from pod a comes to.
fn ask(cluster: &Cluster, to: &str, port: u16, http: Http) -> (Evaluation, Trace) {
    let (from, to): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), to.parse().unwrap());
    let flow = Flow::new(from, to, Protocol::TCP).with_ports(40_000, port);
    let context = FlowContext { http, ..FlowContext::default() };
    (evaluate(cluster, &flow, &context), explain(cluster, &flow, &context))
}

/// A request without a path that could be compared is refused by the rule, although the next one allows everything.
#[test]
fn an_unknown_request_may_be_refused() {
    let cluster = cluster(
        "
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  ingress: [{action: Allow, http: {paths: [{prefix: /}]}}, {action: Allow}]
",
    );
    let request = |path: &str| Http::Request(HttpRequest { method: None, path: Some(path.to_owned()) });
    let action = |http| ask(&cluster, "10.0.0.2", 80, http).0.enforced.action();
    assert_eq!(action(request("/")), Action::Allow);
    assert_eq!(action(request("*")), Action::Deny);
    assert_eq!(action(Http::Unknown), Action::Undecided);
    assert_eq!(action(Http::NotInspected), Action::Allow);
}

/// The staged policy denies by the end of another tier than the enforced one.
#[test]
fn a_pending_verdict_of_another_tier_is_told() {
    let cluster = cluster(
        "
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: first}
spec: {order: 10}
---
apiVersion: projectcalico.org/v3
kind: StagedNetworkPolicy
metadata: {name: staged, namespace: shop}
spec: {tier: first, types: [Egress]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: enforced, namespace: shop}
spec: {types: [Egress]}
",
    );
    let (evaluation, trace) = ask(&cluster, "10.0.0.2", 80, Http::NotInspected);
    let pending = trace.pending.unwrap();
    let decider = pending.sides[0].decided_by.as_ref().unwrap();
    assert_eq!(decider.owner, "StagedNetworkPolicy shop/staged");
    assert_eq!(evaluation.pending.rule(Direction::Egress).map(|id| id.get()), Some(decider.rule_id));
    assert_eq!(evaluation.pending.reason(Direction::Egress), Reason::TierDefault);
}

/// What is logged on the way to a backend of a service is logged on the way to the service.
#[test]
fn a_log_on_the_way_to_a_backend_counts() {
    let cluster = cluster(
        "
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {clusterIP: 10.96.0.1, selector: {app: b}, ports: [{port: 8000, targetPort: 80}]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {egress: [{action: Log}, {action: Allow}]}
",
    );
    let (evaluation, trace) = ask(&cluster, "10.96.0.1", 8000, Http::NotInspected);
    assert!(evaluation.enforced.is_allowed() && evaluation.enforced.is_logged());
    assert_eq!(trace.enforced.logged.len(), 1);
    assert_eq!(trace.enforced.logged, trace.enforced.backends[0].logged);
}

/// An untracked rule that may match makes the connection one whose replies no rule lets through.
#[test]
fn a_request_that_may_be_untracked_may_lack_its_reply() {
    let policies = "
{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {name: h}, spec: {node: n, expectedIPs: [10.1.0.1], profiles: [projectcalico-default-allow]}}
---
{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {doNotTrack: true, applyOnForward: true, ingress: [{action: Allow, http: {methods: [GET]}}]}}
";
    let cluster = cluster(policies);
    let request = |method: &str| Http::Request(HttpRequest { method: Some(method.to_owned()), path: None });
    let action = |http| ask(&cluster, "10.1.0.1", 53, http).0.enforced.action();
    assert_eq!(action(request("GET")), Action::Deny);
    assert_eq!(action(request("POST")), Action::Allow);
    assert_eq!(action(Http::Unknown), Action::Undecided);
}

/// The first backend is undecided by itself, and says why, although the second one allows.
#[test]
fn a_first_backend_may_be_undecided() {
    let cluster = cluster(
        "
apiVersion: v1
kind: Service
metadata: {name: all, namespace: shop}
spec: {clusterIP: 10.96.0.1, selector: {}, ports: [{port: 8000, targetPort: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: all-1, namespace: shop, labels: {kubernetes.io/service-name: all}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.2]}, {addresses: [192.0.2.1]}]
ports: [{port: 80}]
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {selector: app == 'b', ingress: [{action: Allow, http: {methods: [GET]}}]}
",
    );
    let (from, to): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.96.0.1".parse().unwrap());
    let flow = Flow::new(from, to, Protocol::TCP).with_ports(40_000, 8000);
    let context = FlowContext { http: Http::Unknown, ..FlowContext::default() };
    let verdict = evaluate_once(&cluster, &flow, &context).enforced;
    assert_eq!(verdict.action(), Action::Undecided);
    assert_eq!(verdict.reason(Direction::Ingress), Reason::Undecided);
    assert_eq!(verdict.reason(Direction::Egress), Reason::ProfileRule);
}

/// What profiles leave unsaid, or leave to the next one, is the same where that next one does not exist.
#[test]
fn a_missing_profile_may_come_after_rules() {
    let address = IpAddr::from([10, 0, 0, 3]);
    let verdict = |rule: Rule| {
        let mut cluster = Cluster::new();
        cluster.put(Lowered::Profile("first".into(), Profile { ingress: vec![rule], ..Profile::default() }));
        let name = EndpointKey {
            kind: EndpointKind::WorkloadEndpoint,
            namespace: Some("shop".into()),
            name: "c".into(),
        };
        cluster.put(Endpoint {
            key: name,
            labels: std::collections::BTreeMap::new(),
            profiles: vec!["first".into(), "missing".into()],
            addresses: vec![address],
            ports: Vec::new(),
            node: None,
            service_account: None,
            interface: None,
            origin: None,
        });
        let flow = Flow::new(IpAddr::from([192, 0, 2, 1]), address, Protocol::TCP).with_ports(40_000, 80);
        evaluate_once(&cluster, &flow, &FlowContext::default()).enforced
    };
    let with_clause = verdict(Rule { http: Some(HttpMatch::default()), ..Rule::new(RuleAction::Allow) });
    assert!(with_clause.is_allowed() && !with_clause.http_assumed());
    let passed = verdict(Rule::new(RuleAction::Pass));
    assert_eq!((passed.action(), passed.reason(Direction::Ingress)), (Action::Deny, Reason::MissingProfile));
}

/// One rule asked for the ports of a service; then another asks who backs it, which no endpoint was asked before.
#[test]
fn who_backs_a_service_may_be_asked_after_its_ports() {
    let mut cluster = cluster(
        "
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {clusterIP: 10.96.0.1, selector: {app: a}, ports: [{port: 8000, targetPort: 80}]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: to, namespace: shop}
spec: {selector: app == 'b', egress: [{action: Allow, destination: {services: {name: front}}}]}
",
    );
    let mut compiler = Compiler::default();
    compiler.update(&mut cluster);
    let policy = "
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: from, namespace: shop}
spec: {selector: app == 'b', ingress: [{action: Allow, source: {services: {name: front}}}]}
";
    load(&mut cluster, &[Source::new("policy.yaml", policy)], &LoadOptions::default()).unwrap();
    let snapshot = compiler.update(&mut cluster).snapshot;
    let (from, to): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let flow = Flow::new(from, to, Protocol::TCP).with_ports(40_000, 80);
    let context = FlowContext::default();
    let expected = evaluate(&cluster, &flow, &context);
    assert!(expected.enforced.is_allowed());
    assert_eq!(snapshot.evaluate(&flow, &context), expected);
}

/// No rule asked for an identity; then one does, which is compared with labels of namespaces that nobody had asked for.
#[test]
fn identities_may_be_asked_for_after_the_first_compilation() {
    let mut cluster = cluster("{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {role: a}}}");
    let mut compiler = Compiler::default();
    compiler.update(&mut cluster);
    let policy = "
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: closed}
spec:
  priority: 1
  subject: {namespaces: {}}
  egress: [{action: Deny, to: [{namespaces: {matchLabels: {role: a}}}]}]
";
    load(&mut cluster, &[Source::new("policy.yaml", policy)], &LoadOptions::default()).unwrap();
    let update = compiler.update(&mut cluster);
    assert_eq!(update.whole, None);
    let (from, to): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let flow = Flow::new(from, to, Protocol::TCP).with_ports(40_000, 80);
    let context = FlowContext {
        destination_principal: Some("spiffe://cluster.local/ns/shop/sa/api".into()),
        ..FlowContext::default()
    };
    let expected = evaluate(&cluster, &flow, &context);
    assert_eq!(expected.enforced.reason(Direction::Egress), Reason::Rule);
    assert_eq!(update.snapshot.evaluate(&flow, &context), expected);
}

/// A network set got its names before any rule asked for names of sets, and loses them afterwards.
#[test]
fn a_network_set_loses_names_that_it_got_before_rules_asked_for_them() {
    let set = |domains: &str| {
        format!(
            "{{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {{name: out, labels: {{to: out}}}}, \
             spec: {{nets: [192.0.2.0/24]{domains}}}}}"
        )
    };
    let mut dialect = Dialect::default();
    dialect.flavour = Flavour::Enterprise;
    let mut cluster = Cluster::with_dialect(dialect);
    load(&mut cluster, &[Source::new("pods.yaml", PODS)], &LoadOptions::default()).unwrap();
    let mut compiler = Compiler::default();
    compiler.update(&mut cluster);
    let policy = "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: to}
spec: {selector: app == 'a', egress: [{action: Allow, destination: {selector: to == 'out'}}]}
";
    let address = IpAddr::from([203, 0, 113, 7]);
    cluster.observe(DnsAnswer::addresses("a.com", [address], std::time::Duration::from_secs(60)));
    let context = FlowContext::default();
    let flow = Flow::new(IpAddr::from([10, 0, 0, 1]), address, Protocol::TCP).with_ports(40_000, 443);
    for (text, allowed) in
        [(&*set(", allowedEgressDomains: [a.com]"), true), (policy, true), (&set(""), false)]
    {
        load(&mut cluster, &[Source::new("edit.yaml", text)], &LoadOptions::default()).unwrap();
        let snapshot = compiler.update(&mut cluster).snapshot;
        let expected = evaluate(&cluster, &flow, &context);
        assert_eq!(expected.enforced.is_allowed(), allowed, "{text}");
        assert_eq!(snapshot.evaluate(&flow, &context), expected, "{text}");
    }
}

/// What only its node saw counts for an endpoint whose node nobody had named when the answer came.
#[test]
fn a_node_may_see_answers_before_it_has_endpoints() {
    let mut dialect = Dialect::default();
    dialect.flavour = Flavour::Enterprise;
    let mut cluster = Cluster::with_dialect(dialect);
    let policy = "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: to}
spec: {selector: app == 'c', egress: [{action: Allow, destination: {domains: [a.com]}}]}
";
    let sources = [Source::new("pods.yaml", PODS), Source::new("policy.yaml", policy)];
    load(&mut cluster, &sources, &LoadOptions::default()).unwrap();
    let address = IpAddr::from([203, 0, 113, 7]);
    let answer = DnsAnswer::addresses("a.com", [address], std::time::Duration::from_secs(60));
    cluster.observe(DnsAnswer { node: Some("n9".into()), ..answer });
    let mut compiler = Compiler::default();
    compiler.update(&mut cluster);
    for (node, allowed) in [("n8", false), ("n9", true)] {
        let pod = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: c, namespace: shop, labels: {{app: c}}}}, \
             spec: {{nodeName: {node}}}, status: {{podIP: 10.0.0.3}}}}"
        );
        load(&mut cluster, &[Source::new("pod.yaml", &pod)], &LoadOptions::default()).unwrap();
        let update = compiler.update(&mut cluster);
        assert_eq!(update.whole, None);
        let flow = Flow::new(IpAddr::from([10, 0, 0, 3]), address, Protocol::TCP).with_ports(40_000, 443);
        let expected = evaluate(&cluster, &flow, &FlowContext::default());
        assert_eq!(expected.enforced.is_allowed(), allowed, "{node}");
        assert_eq!(update.snapshot.evaluate(&flow, &FlowContext::default()), expected, "{node}");
    }
}

/// A policy comes to govern what a host forwards, so that an address does not tell all of the pods behind it any more.
#[test]
fn a_policy_may_come_to_govern_what_a_host_forwards() {
    let mut cluster = cluster(
        "
apiVersion: v1
kind: Pod
metadata: {name: c, namespace: shop, labels: {app: c}}
spec: {nodeName: n}
status: {podIP: 10.0.0.3}
---
{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {name: h, labels: {host: h}}, spec: {node: n, interfaceName: eth0, expectedIPs: [10.1.0.1]}}
---
{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: to}, spec: {selector: app == 'a', egress: [{action: Allow, destination: {selector: host == 'h'}}]}}
",
    );
    let mut compiler = Compiler::default();
    compiler.update(&mut cluster);
    let policy = "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: closed}
spec: {selector: host == 'h', applyOnForward: true, types: [Ingress]}
";
    let flow = Flow::new(IpAddr::from([192, 0, 2, 1]), IpAddr::from([10, 0, 0, 3]), Protocol::TCP)
        .with_ports(40_000, 80);
    load(&mut cluster, &[Source::new("policy.yaml", policy)], &LoadOptions::default()).unwrap();
    let snapshot = compiler.update(&mut cluster).snapshot;
    let expected = evaluate(&cluster, &flow, &FlowContext::default());
    assert!(!expected.enforced.is_allowed());
    assert_eq!(snapshot.evaluate(&flow, &FlowContext::default()), expected);
}

/// A rule that may pass a profile leaves it to the next one, although the rule after it denies.
#[test]
fn a_profile_that_may_be_passed_decides_nothing() {
    let mut dialect = Dialect::default();
    dialect.absent_address = AbsentAddress::Undecided;
    let mut cluster = Cluster::with_dialect(dialect);
    let text = "
{apiVersion: v1, kind: Pod, metadata: {name: nowhere, namespace: shop}}
---
{apiVersion: projectcalico.org/v3, kind: Profile, metadata: {name: first},
 spec: {ingress: [{action: Pass, source: {nets: [10.9.0.0/16]}}, {action: Deny}]}}
---
{apiVersion: projectcalico.org/v3, kind: Profile, metadata: {name: second}, spec: {ingress: [{action: Allow}]}}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: n-vm-c-eth0, namespace: shop, labels: {app: c}}
spec: {orchestrator: vm, workload: c, node: n, endpoint: eth0, interfaceName: c0, profiles: [first, second],
       ipNetworks: [10.0.0.3/32]}
";
    load(&mut cluster, &[Source::new("profiles.yaml", text)], &LoadOptions::default()).unwrap();
    let from = cluster.endpoints().find(|entry| entry.endpoint.addresses.is_empty()).unwrap().id;
    let flow = Flow::new(from, IpAddr::from([10, 0, 0, 3]), Protocol::TCP).with_ports(40_000, 80);
    let verdict = evaluate_once(&cluster, &flow, &FlowContext::default()).enforced;
    assert_eq!(verdict.action(), Action::Undecided);
}
