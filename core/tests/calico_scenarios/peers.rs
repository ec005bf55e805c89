//! `spec/calico.md` 13.3: which addresses a peer stands for, and which endpoints a policy governs.

use super::fixture::{Table, ask, gnp, np, object, refusal, world, world_with};
use tierwall::dialect::{Dialect, OtherFamilyNets};

const NP: &str = "np dev/p";
const GNP: &str = "gnp p";

/// Rows 44 to 68: an ingress rule of B that allows a `source`.
const PEERS: &[(u8, &str, &str, &str, &str)] = &[
    (44, NP, "selector: app == 'web'", "A", "C D X Y"),
    (45, GNP, "selector: app == 'web'", "A C", "D Y"),
    (46, NP, "", "A C X Y", ""),
    (47, NP, "selector: all()", "A D Z", "C X Y 192.168.0.1"),
    (48, GNP, "selector: all()", "A C D X Z 192.168.0.1", "Y"),
    (49, NP, "namespaceSelector: all(), selector: app == 'web'", "A C", "D Z X Y"),
    (50, NP, "namespaceSelector: env == 'prod'", "C", "A D Z X"),
    (51, NP, "namespaceSelector: projectcalico.org/name == 'prod'", "C", "A"),
    (52, NP, "namespaceSelector: global()", "X 192.168.0.1", "A C Z Y"),
    (53, NP, "namespaceSelector: global(), selector: trusted == 'yes'", "X", "Z 192.168.0.1"),
    (54, NP, "selector: trusted == 'yes'", "Z", "X"),
    (55, GNP, "selector: trusted == 'yes'", "X Z", "Y"),
    (56, NP, "notSelector: app == 'web'", "D Z", "A C X Y"),
    (57, GNP, "notSelector: app == 'web'", "D X Y Z 192.168.0.1", "A C"),
    (58, GNP, "selector: '!has(app)'", "X Z 192.168.0.1", "A C D Y"),
    (59, GNP, "selector: all(), notSelector: app == 'web'", "D X Z 192.168.0.1", "A C Y"),
    (60, GNP, "namespaceSelector: env != 'prod'", "A D Z X 192.168.0.1", "C Y"),
    (61, NP, "serviceAccounts: {names: [web-sa]}", "A", "C D X"),
    (62, NP, "serviceAccounts: {names: [web-sa]}, namespaceSelector: all()", "A C", "D"),
    (63, GNP, "serviceAccounts: {selector: role == 'fe'}", "A", "C D Y"),
    (64, GNP, "serviceAccounts: {}", "A C X Y", ""),
    (65, GNP, "nets: [10.0.0.0/30], selector: app == 'web'", "A C", "10.0.0.2 D 10.0.0.0"),
    (66, GNP, "nets: [10.0.0.0/8], notNets: [10.0.0.1/32]", "C D", "A X"),
    (68, NP, "selector: projectcalico.org/namespace == 'prod'", "", "A C"),
];

/// The table of 3.4, where section 13 does not have it, and its notes.
const MORE_PEERS: &[(u8, &str, &str, &str, &str)] = &[
    (0, NP, "nets: [10.0.0.0/8]", "A C D 10.9.9.9", "X"),
    (0, GNP, "namespaceSelector: all()", "A C D Z", "X 192.168.0.1 Y"),
    (0, GNP, "namespaceSelector: global()", "X 192.168.0.1", "A C Z Y"),
    (0, NP, "namespaceSelector: env == 'dev', selector: trusted == 'yes'", "Z", "A D X"),
    (0, NP, "namespaceSelector: env != 'dev'", "C X 192.168.0.1", "A D Z Y"),
    (0, NP, "notSelector: global()", "", "A C Z X Y"),
    // Note (c): namespaces do not have this label, only their endpoints do.
    (0, NP, "namespaceSelector: projectcalico.org/namespace == 'prod'", "", "A C"),
    (0, NP, "namespaceSelector: kubernetes.io/metadata.name == 'prod'", "C", "A"),
    (0, GNP, "serviceAccounts: {names: [web-sa], selector: role == 'be'}", "C", "A D"),
    (0, GNP, "serviceAccounts: {names: [web-sa, db-sa]}", "A C D", "X Y"),
    (0, NP, "namespaceSelector: env == 'prod', serviceAccounts: {names: [web-sa]}", "C", "A D"),
    (0, GNP, "nets: [10.0.0.1/32, 10.0.0.3/32]", "A C", "D"),
    (0, GNP, "notNets: [10.0.0.1/32, 10.0.0.3/32]", "D X", "A C"),
];

fn policy(kind: &str, spec: &str) -> String {
    match kind.split_once(' ') {
        Some(("np", name)) => np(name, spec),
        Some((_, name)) => gnp(name, spec),
        None => panic!("not a kind: {kind}"),
    }
}

fn run(rows: &[(u8, &str, &str, &str, &str)]) {
    let mut table = Table::default();
    for (row, kind, source, allowed, denied) in rows {
        let rules = format!("ingress: [{{action: Allow, source: {{{source}}}}}]");
        let cluster = world(&[policy(kind, &format!("selector: app == 'db', types: [Ingress], {rules}"))]);
        let owner = kind.replace(' ', ":");
        let allow = format!("allow (rule) default|{owner}|allow|0");
        let deny = format!("deny (tier default) default|{owner}|deny|-1");
        for (peers, expected) in [(allowed, &allow), (denied, &deny)] {
            for peer in peers.split_whitespace() {
                let question = format!("in: {peer} -> B tcp/5432");
                table.expect(row, &format!("{{{source}}} {question}"), expected, &ask(&cluster, &question));
            }
        }
    }
    table.finish();
}

#[test]
fn peers() {
    run(PEERS);
}

#[test]
fn more_peers() {
    run(MORE_PEERS);
}

/// Row 67: ranges of IPv4 only switch the rule off for IPv6, but not in the checker.
#[test]
fn ranges_of_the_other_family() {
    let dual = "{apiVersion: v1, kind: Pod, metadata: {name: v, namespace: dev, labels: {app: dual}}, \
                status: {podIPs: [{ip: 10.0.0.6}, {ip: 'fd00::6'}]}}";
    let rule = "ingress: [{action: Allow, source: {notNets: [10.0.0.0/8]}}]";
    let policy = gnp("p", &format!("selector: app == 'dual', types: [Ingress], {rule}"));
    let (allow, deny) = ("allow (rule) default|gnp:p|allow|0", "deny (tier default) default|gnp:p|deny|-1");
    let mut table = Table::default();
    for (reading, v6) in [(OtherFamilyNets::RuleOff, deny), (OtherFamilyNets::NoEffect, allow)] {
        let mut dialect = Dialect::default();
        dialect.other_family_nets = reading;
        let cluster = world_with(dialect, &[dual.to_owned(), policy.clone()]);
        for (question, expected) in [
            ("in: fd00::9 -> fd00::6 tcp/1", v6),
            ("in: 2001:db8::1 -> fd00::6 tcp/1", v6),
            ("in: X -> 10.0.0.6 tcp/1", allow),
            ("in: A -> 10.0.0.6 tcp/1", deny),
        ] {
            table.expect(67, &format!("{reading:?} {question}"), expected, &ask(&cluster, question));
        }
    }
    table.finish();
}

/// Note (b) of 3.4: what holds for one of several endpoints with an address.
#[test]
fn endpoints_that_share_an_address() {
    let twin = |name: &str, team: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: dev, labels: {{team: {team}}}}}, \
             status: {{podIP: 10.0.0.7}}}}"
        )
    };
    let mut table = Table::default();
    for (source, expected) in [
        ("selector: team == 'x'", "allow (rule) default|gnp:p|allow|0"),
        ("selector: team == 'y'", "allow (rule) default|gnp:p|allow|0"),
        ("selector: team == 'z'", "deny (tier default) default|gnp:p|deny|-1"),
        ("notSelector: team == 'y'", "deny (tier default) default|gnp:p|deny|-1"),
        ("selector: has(team), notSelector: team == 'y'", "allow (rule) default|gnp:p|allow|0"),
        ("selector: team == 'y', notSelector: team == 'y'", "deny (tier default) default|gnp:p|deny|-1"),
    ] {
        let rule = format!("ingress: [{{action: Allow, source: {{{source}}}}}]");
        let policy = gnp("p", &format!("selector: app == 'db', types: [Ingress], {rule}"));
        let cluster = world(&[twin("p", "x"), twin("q", "y"), policy]);
        let question = "in: 10.0.0.7 -> B tcp/5432";
        table.expect("3.4 (b)", source, expected, &ask(&cluster, question));
    }
    table.finish();
}

/// Rows 69 to 74: the endpoints that a policy which denies everything governs.
#[test]
fn subjects() {
    let pod = |name: &str, labels: &str, address: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: dev, labels: {{{labels}}}}}, \
             status: {{podIP: {address}}}}}"
        )
    };
    let no_account = pod("alone", "app: alone", "10.0.0.20");
    let forger = pod("forger", "pcns.env: prod", "10.0.0.21");
    let mut table = Table::default();
    for (row, kind, subject, governed) in [
        (69, GNP, "namespaceSelector: env != 'prod'", "A B D H1 dev/alone dev/forger"),
        (70, GNP, "namespaceSelector: env != 'prod', selector: all()", "A B D dev/alone dev/forger"),
        (71, NP, "selector: all()", "A B D dev/alone dev/forger"),
        (71, NP, "", "A B D dev/alone dev/forger"),
        (72, GNP, "", "A B C D H1 dev/alone dev/forger"),
        (73, GNP, "serviceAccountSelector: all()", "A B C D"),
        (74, GNP, "namespaceSelector: env == 'prod'", "C"),
        // More of 3.4.
        (0, GNP, "selector: all()", "A B C D H1 dev/alone dev/forger"),
        (0, NP, "serviceAccountSelector: all()", "A B D dev/alone dev/forger"),
        (0, NP, "serviceAccountSelector: role == 'fe'", "A"),
        (0, GNP, "serviceAccountSelector: role == 'be'", "B C D"),
        (0, GNP, "selector: app == 'web', serviceAccountSelector: role == 'be'", "C"),
        (0, GNP, "namespaceSelector: env == 'dev', serviceAccountSelector: role == 'be'", "B D"),
        (0, GNP, "selector: host == 'n1'", "H1"),
        (0, NP, "selector: host == 'n1'", ""),
    ] {
        let spec = format!("{subject}{}types: [Ingress], ingress: [{{action: Deny}}]", comma(subject));
        let cluster = world(&[no_account.clone(), forger.clone(), policy(kind, &spec)]);
        let found = ["A", "B", "C", "D", "H1", "dev/alone", "dev/forger"].into_iter().filter(|endpoint| {
            let answer = ask(&cluster, &format!("in: Y -> {endpoint} tcp/9000"));
            answer == format!("deny (rule) default|{}|deny|0", kind.replace(' ', ":"))
        });
        let found = found.collect::<Vec<_>>().join(" ");
        table.expect(row, &format!("{kind} {{{subject}}}"), governed, &found);
    }
    table.finish();
}

fn comma(fields: &str) -> &'static str {
    if fields.is_empty() { "" } else { ", " }
}

/// Section 2: own labels come before those of profiles, the first profile before the next; automatic ones before own.
#[test]
fn effective_labels() {
    let calico = "projectcalico.org/v3";
    let profile = |name: &str, labels: &str| {
        object(calico, "Profile", name, &format!("labelsToApply: {{{labels}}}, ingress: [{{action: Allow}}]"))
    };
    let host = "{apiVersion: projectcalico.org/v3, kind: HostEndpoint, \
                metadata: {name: h1, labels: {own: 'yes', projectcalico.org/namespace: dev}}, \
                spec: {node: n1, interfaceName: eth0, expectedIPs: [192.168.0.1], profiles: [one, two]}}";
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: dev, \
               labels: {projectcalico.org/namespace: prod, projectcalico.org/orchestrator: own}}, \
               status: {podIP: 10.0.0.1}}";
    let objects = vec![
        profile("one", "own: 'no', shared: one"),
        profile("two", "shared: two, last: two"),
        host.to_owned(),
        pod.to_owned(),
    ];
    let mut table = Table::default();
    for (endpoint, kind, selector, governs) in [
        ("H1", GNP, "own == 'yes'", true),
        ("H1", GNP, "own == 'no'", false),
        ("H1", GNP, "shared == 'one'", true),
        ("H1", GNP, "shared == 'two'", false),
        ("H1", GNP, "last == 'two'", true),
        // Nothing strips this label from a host endpoint (1.4).
        ("H1", NP, "own == 'yes'", true),
        ("A", GNP, "projectcalico.org/namespace == 'dev'", true),
        ("A", GNP, "projectcalico.org/namespace == 'prod'", false),
        ("A", GNP, "projectcalico.org/orchestrator == 'k8s'", true),
        ("A", GNP, "has(projectcalico.org/serviceaccount)", false),
        ("A", GNP, "pcns.projectcalico.org/name == 'dev'", true),
    ] {
        let mut objects = objects.clone();
        objects.push(policy(
            kind,
            &format!("selector: {selector}, types: [Ingress], ingress: [{{action: Deny}}]"),
        ));
        let answer = ask(&world(&objects), &format!("in: Y -> {endpoint} tcp/9000"));
        let found = answer.starts_with("deny (rule)");
        table.expect(endpoint, selector, &governs.to_string(), &found.to_string());
    }
    table.finish();
}

/// 3.4: where `global()` may stand.
#[test]
fn global_stands_alone() {
    let rule = |source: &str| {
        gnp("p", &format!("types: [Ingress], ingress: [{{action: Allow, source: {{{source}}}}}]"))
    };
    let mut table = Table::default();
    for (policy, expected) in [
        (gnp("p", "selector: global()"), "TW0402 spec.selector"),
        (gnp("p", "serviceAccountSelector: global()"), "TW0402 spec.serviceAccountSelector"),
        (gnp("p", "namespaceSelector: global()"), "TW0402 spec.namespaceSelector"),
        (rule("selector: global()"), "TW0402 spec.ingress[0].source.selector"),
        (
            rule("namespaceSelector: \"global() || env == 'dev'\""),
            "TW0402 spec.ingress[0].source.namespaceSelector",
        ),
        (rule("namespaceSelector: global()"), ""),
        (rule("notSelector: global()"), ""),
    ] {
        table.expect("3.4", &policy, expected, &refusal(Dialect::default(), std::slice::from_ref(&policy)));
    }
    table.finish();
}
