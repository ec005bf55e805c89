//! The worked cases of `spec/domains-rbac-l7.md` 3.5: requests, as the checker in front of a pod judges them.
//!
//! The codes of the cases are the codes of the checker's answers: 0 is allow, 7 is deny, and 3 is a deny for a request that
//! rules cannot be applied to. Row 10 is about a checker that has no policy yet, or does not run at all: those are states of
//! a process and none of policy, and there is nothing to evaluate.
#![cfg(feature = "yaml")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a malformed row should fail loudly, and helpers of tests are not tests to the lints"
)]

#[path = "engines/mod.rs"]
mod engines;
#[path = "calico_scenarios/fixture.rs"]
mod fixture;

use fixture::{Table, ask_about, gnp, judgement, world_with};
use tierwall::cluster::Cluster;
use tierwall::dialect::{Dialect, HttpPaths, Identity};
use tierwall::model::{Action, FlowContext, Http, HttpRequest, Reason};
use tierwall::reference::Missing;

const ALLOW: &str = "allow (rule) default|gnp:p|allow|0";
const END: &str = "deny (tier default) default|gnp:p|deny|-1";
const Q: &str = "in: A -> B tcp/8080";

/// The fixture with a policy for the ingress of B, the pod of the cases. In it, `shop` of the cases is `dev`.
fn world(dialect: &Dialect, rules: &str) -> Cluster {
    let policy = gnp("p", &format!("selector: app == 'db', types: [Ingress], ingress: [{rules}]"));
    world_with(dialect.clone(), &[policy])
}

fn request(text: &str) -> FlowContext {
    let (method, path) = text.split_once(' ').unwrap();
    let request = HttpRequest { method: Some(method.to_owned()), path: Some(path.to_owned()) };
    FlowContext { http: Http::Request(request), ..FlowContext::default() }
}

/// The code of the checker's answer (3.2).
fn code(cluster: &Cluster, question: &str, context: &FlowContext) -> u8 {
    let found = judgement(cluster, question, context);
    match (found.action, found.reason) {
        (Action::Allow, _) => 0,
        (Action::Deny, Reason::InvalidRequest) => 3,
        (Action::Deny, _) => 7,
        (Action::Undecided, _) => panic!("{question} is undecided"),
    }
}

/// Rows 1 to 6.
#[test]
fn requests() {
    let get_pub = "{action: Allow, http: {methods: [GET], paths: [{prefix: /pub}]}}";
    let rpc = "{action: Allow, http: {methods: [POST], paths: [{exact: /bank.Acct/Get}]}}";
    let mut table = Table::default();
    for (row, rules, text, reading, expected, answer) in [
        (1, get_pub, "GET /pub/a?x=1", HttpPaths::Normalised, 0, ALLOW),
        (2, get_pub, "GET /public", HttpPaths::Normalised, 7, END),
        (2, get_pub, "GET /public", HttpPaths::Raw, 0, ALLOW),
        (3, get_pub, "POST /pub/a", HttpPaths::Normalised, 7, END),
        (4, get_pub, "GET /pub/%2e%2e/admin", HttpPaths::Normalised, 7, END),
        (4, get_pub, "GET /pub/%2e%2e/admin", HttpPaths::Raw, 0, ALLOW),
        (6, rpc, "POST /bank.Acct/Get", HttpPaths::Normalised, 0, ALLOW),
        (6, rpc, "POST /bank.Acct/Put", HttpPaths::Normalised, 7, END),
    ] {
        let mut dialect = Dialect::default();
        dialect.http_paths = reading;
        let cluster = world(&dialect, rules);
        let question = format!("{text} ({reading:?})");
        let found = code(&cluster, Q, &request(text));
        table.expect(row, &question, &expected.to_string(), &found.to_string());
        table.expect(row, &question, answer, &ask_about(&cluster, Q, &request(text)));
    }
    // Row 5: a connection without requests; the clause is assumed to match, and the answer says so.
    let cluster = world(&Dialect::default(), get_pub);
    let plain = FlowContext::default();
    table.expect(5, "no request", "0", &code(&cluster, Q, &plain).to_string());
    assert!(judgement(&cluster, Q, &plain).http_assumed);
    // Where requests are inspected and this one could not be read, it is not assumed.
    let unread = FlowContext { http: Http::Unknown, ..FlowContext::default() };
    let found = judgement(&cluster, Q, &unread);
    assert_eq!((found.action, found.missing), (Action::Undecided, vec![Missing::HttpRequest]));
    table.finish();
}

/// A part of a request that is absent counts as matched (calico.md 8).
#[test]
fn parts_of_requests() {
    let cluster = world(
        &Dialect::default(),
        "{action: Allow, http: {methods: [GET, PUT], paths: [{prefix: /pub}, {exact: /x}]}}",
    );
    let context = |method: Option<&str>, path: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let request = HttpRequest { method: own(method), path: own(path) };
        FlowContext { http: Http::Request(request), ..FlowContext::default() }
    };
    let mut table = Table::default();
    for (method, path, expected) in [
        (None, None, 0),
        (Some("PUT"), None, 0),
        (Some("POST"), None, 7),
        (None, Some("/pub/a"), 0),
        (None, Some("/x"), 0),
        (None, Some("/y"), 7),
    ] {
        let found = code(&cluster, Q, &context(method, path));
        table.expect("8", &format!("{method:?} {path:?}"), &expected.to_string(), &found.to_string());
    }
    let any = world(&Dialect::default(), "{action: Allow, http: {methods: ['*']}}");
    table.expect("8", "any method", "0", &code(&any, Q, &request("BREW /")).to_string());
    table.finish();
}

/// Rows 7 and 8: who the peer is, and what counts if it does not say.
#[test]
fn identities() {
    let rule = "{action: Allow, source: {serviceAccounts: {names: [web-sa]}, \
                namespaceSelector: projectcalico.org/name == 'dev'}}";
    let by_labels = "{action: Allow, source: {serviceAccounts: {selector: role == 'fe'}}}";
    let by_namespace = "{action: Allow, source: {namespaceSelector: env == 'dev', selector: all()}}";
    let strict = |identity| {
        let mut dialect = Dialect::default();
        dialect.identity = identity;
        dialect
    };
    let (lax, verified) = (strict(Identity::AddressSuffices), strict(Identity::Verified));
    let web = "spiffe://other.td/ns/dev/sa/web-sa";
    let elsewhere = "spiffe://cluster.local/ns/prod/sa/web-sa";
    let db = "spiffe://cluster.local/ns/dev/sa/db-sa";
    let workload = "spiffe://cluster.local/ns/dev/sa/web-sa/wl/x";
    let mut table = Table::default();
    for (row, dialect, rule, principal, source, expected) in [
        (7, &lax, rule, Some(web), "A", 0),
        (7, &lax, rule, Some(elsewhere), "A", 7),
        (7, &lax, rule, Some(db), "A", 7),
        // The address has to match as well.
        (7, &lax, rule, Some(web), "D", 7),
        (7, &lax, by_labels, Some(web), "A", 0),
        (7, &lax, by_labels, Some(elsewhere), "A", 7),
        (7, &lax, by_namespace, Some(db), "A", 0),
        (7, &lax, by_namespace, Some(elsewhere), "A", 7),
        (8, &lax, rule, Some(""), "A", 0),
        (8, &lax, rule, Some(""), "D", 7),
        (8, &lax, rule, Some("CN=web"), "A", 0),
        (8, &lax, rule, Some(workload), "A", 0),
        (8, &lax, rule, None, "A", 0),
        // `strictIdentity` of 3.4: unread identities fail, where anybody looks for them.
        (8, &verified, rule, Some(web), "A", 0),
        (8, &verified, rule, Some(""), "A", 7),
        (8, &verified, rule, Some("CN=web"), "A", 7),
        (8, &verified, rule, Some(workload), "A", 7),
    ] {
        let context = FlowContext { source_principal: principal.map(str::to_owned), ..request("GET /") };
        let question = format!("in: {source} -> B tcp/8080");
        let found = code(&world(dialect, rule), &question, &context);
        let what = format!("{question} as {principal:?} ({:?})", dialect.identity);
        table.expect(row, &what, &expected.to_string(), &found.to_string());
    }
    table.finish();
}

/// Row 9: a request that no path can be compared with ends the evaluation, before the rule that would allow it.
#[test]
fn requests_without_a_path() {
    let rules = "{action: Allow, http: {paths: [{prefix: /}]}}, {action: Allow}";
    let mut table = Table::default();
    for (text, expected) in [
        ("OPTIONS *", "deny (invalid request)"),
        ("CONNECT example.com:443", "deny (invalid request)"),
        ("GET /", ALLOW),
        // A path that cannot be judged safely only fails to match.
        ("GET /%2e%2e%2f", "allow (rule) default|gnp:p|allow|0"),
        ("GET /%252e", "allow (rule) default|gnp:p|allow|1"),
    ] {
        let cluster = world(&Dialect::default(), rules);
        table.expect(9, text, expected, &ask_about(&cluster, Q, &request(text)));
    }
    // Rules without paths are not in the way.
    let cluster = world(&Dialect::default(), "{action: Allow, http: {methods: [OPTIONS]}}");
    table.expect(9, "no paths", ALLOW, &ask_about(&cluster, Q, &request("OPTIONS *")));
    table.finish();
}
