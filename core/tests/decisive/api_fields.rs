//! Each criterion of Calico's API: a flow that a rule with it alone matches, and one that differs in that alone.

use super::fixture::{Table, ask_about, gnp, world_with};
use tierwall::cluster::DnsAnswer;
use tierwall::dialect::{Dialect, Flavour};
use tierwall::model::{FlowContext, Http, HttpRequest};

/// The rule, a flow that it matches and one that it does not; both asked of the ingress of B or of the egress of A.
const ROWS: &[(&str, &str, &str)] = &[
    ("ipVersion: 4", "in: A -> B tcp/1", "in: fd00::1 -> B tcp/1"),
    ("ipVersion: 6", "in: fd00::1 -> B tcp/1", "in: A -> B tcp/1"),
    ("protocol: UDP", "in: A -> B udp/1", "in: A -> B tcp/1"),
    ("protocol: 17", "in: A -> B udp/1", "in: A -> B tcp/1"),
    ("notProtocol: UDP", "in: A -> B tcp/1", "in: A -> B udp/1"),
    ("protocol: ICMP, icmp: {type: 8}", "in: A -> B icmp/8.3", "in: A -> B icmp/9.3"),
    ("protocol: ICMP, icmp: {type: 8, code: 3}", "in: A -> B icmp/8.3", "in: A -> B icmp/8.4"),
    ("protocol: ICMP, notICMP: {type: 8}", "in: A -> B icmp/9.3", "in: A -> B icmp/8.3"),
    ("protocol: ICMP, notICMP: {type: 8, code: 3}", "in: A -> B icmp/8.4", "in: A -> B icmp/8.3"),
    // The source.
    ("source: {nets: [10.0.0.1/32]}", "in: A -> B tcp/1", "in: D -> B tcp/1"),
    ("source: {notNets: [10.0.0.1/32]}", "in: D -> B tcp/1", "in: A -> B tcp/1"),
    ("source: {selector: app == 'web'}", "in: A -> B tcp/1", "in: D -> B tcp/1"),
    ("source: {notSelector: app == 'web'}", "in: D -> B tcp/1", "in: A -> B tcp/1"),
    ("source: {namespaceSelector: env == 'dev'}", "in: A -> B tcp/1", "in: C -> B tcp/1"),
    ("source: {serviceAccounts: {names: [web-sa]}}", "in: A -> B tcp/1", "in: D -> B tcp/1"),
    ("source: {serviceAccounts: {selector: role == 'fe'}}", "in: A -> B tcp/1", "in: C -> B tcp/1"),
    ("source: {services: {name: s, namespace: dev}}", "in: D -> B tcp/1", "in: A -> B tcp/1"),
    ("protocol: TCP, source: {ports: [80]}", "in: A -> B tcp/80:1", "in: A -> B tcp/81:1"),
    ("protocol: TCP, source: {ports: ['80:90']}", "in: A -> B tcp/85:1", "in: A -> B tcp/91:1"),
    ("source: {ports: [http]}", "in: A -> B tcp/80:1", "in: A -> B tcp/81:1"),
    ("protocol: TCP, source: {notPorts: [80]}", "in: A -> B tcp/81:1", "in: A -> B tcp/80:1"),
    ("protocol: TCP, source: {notPorts: [http]}", "in: A -> B tcp/81:1", "in: A -> B tcp/80:1"),
    // The destination.
    ("destination: {nets: [10.0.0.2/32]}", "out: A -> B tcp/1", "out: A -> D tcp/1"),
    ("destination: {notNets: [10.0.0.2/32]}", "out: A -> D tcp/1", "out: A -> B tcp/1"),
    ("destination: {selector: app == 'db'}", "out: A -> B tcp/1", "out: A -> D tcp/1"),
    ("destination: {notSelector: app == 'db'}", "out: A -> D tcp/1", "out: A -> B tcp/1"),
    ("destination: {namespaceSelector: env == 'dev'}", "out: A -> D tcp/1", "out: A -> C tcp/1"),
    ("destination: {serviceAccounts: {names: [db-sa]}}", "out: A -> D tcp/1", "out: A -> C tcp/1"),
    ("destination: {serviceAccounts: {selector: role == 'be'}}", "out: A -> D tcp/1", "out: B -> A tcp/1"),
    ("destination: {services: {name: s, namespace: dev}}", "out: A -> D tcp/8080", "out: A -> B tcp/8080"),
    ("destination: {services: {name: s, namespace: dev}}", "out: A -> D tcp/8080", "out: A -> D tcp/8081"),
    ("destination: {services: {name: s, namespace: dev}}", "out: A -> D tcp/8080", "out: A -> D udp/8080"),
    ("protocol: TCP, destination: {ports: [80]}", "out: A -> Y tcp/80", "out: A -> Y tcp/81"),
    ("destination: {ports: [pg]}", "out: A -> B tcp/5432", "out: A -> B tcp/5433"),
    ("protocol: TCP, destination: {notPorts: [80]}", "out: A -> Y tcp/81", "out: A -> Y tcp/80"),
    ("destination: {domains: [a.com]}", "out: A -> Y tcp/1", "out: A -> 8.8.4.4 tcp/1"),
    ("destination: {selector: app == 'db', ports: [http]}", "out: A -> B tcp/8080", "out: B -> A tcp/80"),
];

/// What is known of the requests: the rule, one it matches, and one it does not.
const REQUESTS: &[(&str, &str, &str)] = &[
    ("http: {methods: [GET]}", "GET /x", "PUT /x"),
    ("http: {paths: [{exact: /x}]}", "GET /x", "GET /x/y"),
    ("http: {paths: [{prefix: /x}]}", "GET /x/y", "GET /y"),
];

fn objects(direction: &str, rule: &str) -> Vec<String> {
    let slice = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, \
                 metadata: {name: s-1, namespace: dev, labels: {kubernetes.io/service-name: s}}, addressType: IPv4, \
                 endpoints: [{addresses: [10.0.0.4]}], ports: [{port: 8080}]}";
    let (types, list) = if direction == "in" { ("Ingress", "ingress") } else { ("Egress", "egress") };
    let spec = format!("selector: has(app), types: [{types}], {list}: [{{action: Allow, {rule}}}]");
    vec![slice.to_owned(), gnp("p", &spec)]
}

fn check<'t>(rows: impl Iterator<Item = (&'t str, [(&'t str, FlowContext); 2])>) {
    let mut dialect = Dialect::default();
    dialect.flavour = Flavour::Enterprise;
    let mut table = Table::default();
    for (rule, questions) in rows {
        let direction = questions[0].0.split(':').next().unwrap();
        let mut cluster = world_with(dialect.clone(), &objects(direction, rule));
        let far = std::time::Duration::MAX;
        cluster.observe(DnsAnswer::addresses("a.com", ["8.8.8.8".parse().unwrap()], far));
        let answers = ["allow (rule) default|gnp:p|allow|0", "deny (tier default) default|gnp:p|deny|-1"];
        for ((question, context), expected) in questions.iter().zip(answers) {
            table.expect(rule, question, expected, &ask_about(&cluster, question, context));
        }
    }
    table.finish();
}

#[test]
fn criteria_of_the_flow() {
    let bare = FlowContext::default;
    check(ROWS.iter().map(|(rule, yes, no)| (*rule, [(*yes, bare()), (*no, bare())])));
}

#[test]
fn criteria_of_the_request() {
    let context = |text: &str| {
        let (method, path) = text.split_once(' ').unwrap();
        let request = HttpRequest { method: Some(method.to_owned()), path: Some(path.to_owned()) };
        FlowContext { http: Http::Request(request), ..FlowContext::default() }
    };
    let question = "in: A -> B tcp/1";
    check(
        REQUESTS.iter().map(|(rule, yes, no)| (*rule, [(question, context(yes)), (question, context(no))])),
    );
}
