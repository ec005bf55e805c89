//! `spec/calico.md` 13.2: staged policies.

use super::fixture::{Table, ask, gnp, object, policy_strings, sgnp, tier, world};
use tierwall::cluster::Scope;
use tierwall::model::Direction;

const ON_B: &str = "selector: app == 'db', types: [Ingress]";
const BY_PROFILE: &str = "allow (profile rule) __PROFILE__|pro:kns.dev|allow|0";

struct Row {
    number: u8,
    policies: Vec<String>,
    enforced: &'static str,
    pending: &'static str,
}

fn rows() -> Vec<Row> {
    let t1 = || tier("t1", "order: 1");
    let stranger = "{action: Allow, source: {nets: [9.9.9.9/32]}}";
    vec![
        Row {
            number: 38,
            policies: vec![t1(), sgnp("s", &format!("tier: t1, {ON_B}, ingress: [{{action: Deny}}]"))],
            enforced: BY_PROFILE,
            pending: "deny (rule) t1|sgnp:s|deny|0",
        },
        Row {
            number: 39,
            policies: vec![t1(), sgnp("s", &format!("tier: t1, {ON_B}, ingress: [{stranger}]"))],
            enforced: BY_PROFILE,
            pending: "deny (tier default) t1|sgnp:s|deny|-1",
        },
        Row {
            number: 40,
            policies: vec![
                sgnp("s", &format!("order: 1, {ON_B}, ingress: [{{action: Deny}}]")),
                gnp("e", &format!("order: 2, {ON_B}, ingress: [{{action: Allow}}]")),
            ],
            enforced: "allow (rule) default|gnp:e|allow|0",
            pending: "deny (rule) default|sgnp:s|deny|0",
        },
        Row {
            number: 41,
            policies: vec![
                gnp("e", &format!("order: 1, {ON_B}, ingress: [{stranger}]")),
                sgnp("s", &format!("order: 2, {ON_B}, ingress: [{stranger}]")),
            ],
            enforced: "deny (tier default) default|gnp:e|deny|-1",
            pending: "deny (tier default) default|gnp:e|deny|-1",
        },
        Row {
            number: 42,
            policies: vec![
                t1(),
                tier("t2", "order: 2"),
                sgnp("s", &format!("tier: t1, {ON_B}, ingress: [{{action: Deny}}]")),
                gnp("e", &format!("tier: t2, {ON_B}, ingress: [{{action: Allow}}]")),
            ],
            enforced: "allow (rule) t2|gnp:e|allow|0",
            pending: "deny (rule) t1|sgnp:s|deny|0",
        },
        Row {
            number: 43,
            policies: vec![t1(), sgnp("s", "tier: t1, stagedAction: Delete")],
            enforced: BY_PROFILE,
            pending: BY_PROFILE,
        },
    ]
}

#[test]
fn enforced_and_pending() {
    let mut table = Table::default();
    for row in rows() {
        let cluster = world(&row.policies);
        for (question, expected) in
            [("in: A -> B tcp/5432", row.enforced), ("pending in: A -> B tcp/5432", row.pending)]
        {
            table.expect(row.number, question, expected, &ask(&cluster, question));
        }
    }
    table.finish();
}

/// The strings of rows 38 and 42 as flow logs have them, with the position; other rows likewise.
#[test]
fn policy_strings_have_positions() {
    let mut table = Table::default();
    for row in rows() {
        let cluster = world(&row.policies);
        let strings = |scope| policy_strings(&cluster, "A -> B tcp/5432", Direction::Ingress, scope);
        let expected = |answer: &str| {
            let hits = answer.split(' ').filter(|word| word.contains('|')).enumerate();
            hits.map(|(position, hit)| format!("{position}|{hit}")).collect::<Vec<_>>().join(" ")
        };
        table.expect(row.number, "enforced", &expected(row.enforced), &strings(Scope::Enforced));
        table.expect(row.number, "pending", &expected(row.pending), &strings(Scope::Pending));
    }
    table.finish();
}

/// Every staged kind is staged, and the other actions than Delete count as Set (1.1).
#[test]
fn kinds_and_actions() {
    let calico = "projectcalico.org/v3";
    let snp = |action: &str| {
        let spec = format!("{action}{ON_B}, ingress: [{{action: Deny}}]");
        object(calico, "StagedNetworkPolicy", "dev/s", &spec)
    };
    let sknp = |spec: &str| object(calico, "StagedKubernetesNetworkPolicy", "dev/s", spec);
    let mut table = Table::default();
    for (policy, pending) in [
        (snp(""), "deny (rule) default|snp:dev/s|deny|0"),
        (snp("stagedAction: Set, "), "deny (rule) default|snp:dev/s|deny|0"),
        (snp("stagedAction: Learn, "), "deny (rule) default|snp:dev/s|deny|0"),
        (snp("stagedAction: Ignore, "), "deny (rule) default|snp:dev/s|deny|0"),
        (object(calico, "StagedNetworkPolicy", "dev/s", "stagedAction: Delete"), BY_PROFILE),
        (sknp("podSelector: {matchLabels: {app: db}}"), "deny (tier default) default|sknp:dev/s|deny|-1"),
        (sknp("stagedAction: Delete"), BY_PROFILE),
    ] {
        let cluster = world(std::slice::from_ref(&policy));
        table.expect(&policy, "enforced", BY_PROFILE, &ask(&cluster, "in: A -> B tcp/5432"));
        table.expect(&policy, "pending", pending, &ask(&cluster, "pending in: A -> B tcp/5432"));
    }
    table.finish();
}

/// 9.2: the end of a tier is attributed to the last policy when enforced, and to the first when pending.
#[test]
fn who_the_end_of_a_tier_is_attributed_to() {
    let stranger = "ingress: [{action: Allow, source: {nets: [9.9.9.9/32]}}]";
    let policy = |name: &str, order: u8| gnp(name, &format!("order: {order}, {ON_B}, {stranger}"));
    let cluster = world(&[policy("b", 1), policy("a", 2)]);
    let mut table = Table::default();
    for (question, expected) in [
        ("in: A -> B tcp/1", "deny (tier default) default|gnp:a|deny|-1"),
        ("pending in: A -> B tcp/1", "deny (tier default) default|gnp:b|deny|-1"),
    ] {
        table.expect("9.2", question, expected, &ask(&cluster, question));
    }
    table.finish();
}
