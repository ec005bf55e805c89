//! `spec/calico.md` 13.1: defaults, types, order, tiers.

use super::fixture::{
    Table, add, ask, connect, gnp, judgement, kcnp, knp, np, object, policy_strings, tier, world, world_with,
};
use tierwall::cluster::Scope;
use tierwall::dialect::{AbsentTierOrder, Dialect, MissingNamespace, TieBreak, TypesDefaulting};
use tierwall::model::{Direction, FlowContext};

const A_TO_B: &str = "in: A -> B tcp/5432";
const BY_PROFILE: &str = "allow (profile rule) __PROFILE__|pro:kns.dev|allow|0";

/// A GlobalNetworkPolicy for the ingress of B.
fn on_b(name: &str, spec: &str) -> String {
    gnp(name, &format!("selector: app == 'db', types: [Ingress], {spec}"))
}

/// An endpoint at 10.0.0.9 with the profiles of the row.
fn bare(profiles: &str) -> String {
    let spec = "orchestrator: k8s, node: n1, pod: e, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.0.0.9/32]";
    object("projectcalico.org/v3", "WorkloadEndpoint", "dev/e", &format!("{spec}, profiles: {profiles}"))
}

fn run(rows: &[(u8, Vec<String>, &str, &str)]) {
    let mut dialect = Dialect::default();
    dialect.tie_break = TieBreak::NameNamespaceKind;
    dialect.types_defaulting = TypesDefaulting::ByLength;
    dialect.missing_namespace = MissingNamespace::MissingProfile;
    let mut table = Table::default();
    for (row, policies, question, expected) in rows {
        let cluster = world_with(dialect.clone(), policies);
        table.expect(row, question, expected, &ask(&cluster, question));
    }
    table.finish();
}

#[test]
fn profiles_and_defaults() {
    let bare_policy = || vec![on_b("p", "")];
    run(&[
        (1, vec![], "out: A -> B tcp/5432", BY_PROFILE),
        (1, vec![], A_TO_B, BY_PROFILE),
        (
            2,
            vec![bare("[]")],
            "in: A -> dev/e tcp/1",
            "deny (no profile matched) __PROFILE__|pro:__NO_MATCH__|deny|0",
        ),
        (
            3,
            vec![bare("[nowhere]")],
            "in: A -> dev/e tcp/1",
            "deny (missing profile) __PROFILE__|pro:nowhere|deny|0",
        ),
        (4, bare_policy(), A_TO_B, "deny (tier default) default|gnp:p|deny|-1"),
        (5, bare_policy(), "out: B -> A tcp/80", BY_PROFILE),
    ]);
}

#[test]
fn types() {
    let select_b = |spec: &str| vec![gnp("p", &format!("selector: app == 'db', {spec}"))];
    run(&[
        (6, select_b("egress: [{action: Allow}]"), A_TO_B, BY_PROFILE),
        (
            6,
            select_b("egress: [{action: Allow}]"),
            "out: B -> A tcp/80",
            "allow (rule) default|gnp:p|allow|0",
        ),
        (7, select_b(""), "out: B -> Y tcp/80", BY_PROFILE),
        (7, select_b(""), A_TO_B, "deny (tier default) default|gnp:p|deny|-1"),
        (
            8,
            select_b("types: [Ingress], egress: [{action: Deny}], ingress: [{action: Allow}]"),
            "out: B -> Y tcp/80",
            BY_PROFILE,
        ),
        (9, select_b("types: [Egress]"), "out: B -> Y tcp/80", "deny (tier default) default|gnp:p|deny|-1"),
    ]);
}

#[test]
fn order_of_policies() {
    let np_on_b = |name: &str, spec: &str| {
        np(&format!("dev/{name}"), &format!("selector: app == 'db', types: [Ingress], {spec}"))
    };
    let deny = |name: &str, order: &str| on_b(name, &format!("{order}ingress: [{{action: Deny}}]"));
    let allow = |name: &str, order: &str| on_b(name, &format!("{order}ingress: [{{action: Allow}}]"));
    let open = |name: &str| knp(name, "podSelector: {matchLabels: {app: db}}, ingress: [{}]");
    let only_prod = "podSelector: {matchLabels: {app: db}}, \
                     ingress: [{from: [{namespaceSelector: {matchLabels: {env: prod}}}]}]";
    run(&[
        (
            10,
            vec![allow("second", "order: 20, "), deny("first", "order: 10, ")],
            A_TO_B,
            "deny (rule) default|gnp:first|deny|0",
        ),
        (11, vec![deny("a", ""), allow("b", "order: 1e9, ")], A_TO_B, "allow (rule) default|gnp:b|allow|0"),
        (
            12,
            vec![deny("a", "order: 5, "), allow("a-b", "order: 5, ")],
            A_TO_B,
            "allow (rule) default|gnp:a-b|allow|0",
        ),
        (
            13,
            vec![deny("a", "order: 5, "), allow("a1", "order: 5, ")],
            A_TO_B,
            "deny (rule) default|gnp:a|deny|0",
        ),
        (
            14,
            vec![np_on_b("x", "order: 5, ingress: [{action: Deny}]"), allow("x", "order: 5, ")],
            A_TO_B,
            "allow (rule) default|gnp:x|allow|0",
        ),
        (
            15,
            vec![np_on_b("p", "order: 1000, ingress: [{action: Deny}]"), open("dev/p")],
            A_TO_B,
            "allow (rule) default|knp:dev/p|allow|0",
        ),
        (16, vec![deny("g", "order: 999, "), open("dev/p")], A_TO_B, "deny (rule) default|gnp:g|deny|0"),
        (
            17,
            vec![deny("g", "order: 1001, "), open("dev/p")],
            A_TO_B,
            "allow (rule) default|knp:dev/p|allow|0",
        ),
        (
            18,
            vec![
                knp("dev/p", only_prod),
                on_b("g", "ingress: [{action: Allow, source: {nets: [10.0.0.1/32]}}]"),
            ],
            A_TO_B,
            "allow (rule) default|gnp:g|allow|0",
        ),
        (
            19,
            vec![
                knp("dev/p", "podSelector: {matchLabels: {app: db}}"),
                tier("late", "order: 2000000"),
                on_b("g", "tier: late, ingress: [{action: Allow}]"),
            ],
            A_TO_B,
            "deny (tier default) default|knp:dev/p|deny|-1",
        ),
    ]);
}

#[test]
fn tiers() {
    let t1 = || tier("t1", "order: 1");
    let allow = || on_b("g", "ingress: [{action: Allow}]");
    let stranger = || on_b("q", "tier: t1, ingress: [{action: Allow, source: {nets: [9.9.9.9/32]}}]");
    run(&[
        (
            20,
            vec![t1(), on_b("q", "tier: t1, ingress: [{action: Pass}]")],
            A_TO_B,
            "allow (profile rule) t1|gnp:q|pass|0 __PROFILE__|pro:kns.dev|allow|0",
        ),
        (
            21,
            vec![t1(), on_b("q", "tier: t1, ingress: [{action: Pass}, {action: Deny}]"), allow()],
            A_TO_B,
            "allow (rule) t1|gnp:q|pass|0 default|gnp:g|allow|0",
        ),
        (22, vec![t1(), stranger(), allow()], A_TO_B, "deny (tier default) t1|gnp:q|deny|-1"),
        (
            23,
            vec![tier("t1", "order: 1, defaultAction: Pass"), stranger(), allow()],
            A_TO_B,
            "allow (rule) t1|gnp:q|pass|-1 default|gnp:g|allow|0",
        ),
        (
            24,
            vec![t1(), gnp("q", "tier: t1, selector: app == 'web', ingress: [{action: Deny}]"), allow()],
            A_TO_B,
            "allow (rule) default|gnp:g|allow|0",
        ),
        (25, vec![t1(), gnp("q", "tier: t1, selector: app == 'db', types: [Egress]")], A_TO_B, BY_PROFILE),
        (
            26,
            vec![
                t1(),
                tier("t2", "order: 2"),
                on_b("q", "tier: t1, ingress: [{action: Allow}]"),
                on_b("r", "tier: t2, ingress: [{action: Deny}]"),
            ],
            A_TO_B,
            "allow (rule) t1|gnp:q|allow|0",
        ),
        (
            27,
            vec![bare("[]"), gnp("g", "types: [Ingress], ingress: [{action: Pass}]")],
            "in: A -> dev/e tcp/1",
            "deny (no profile matched) default|gnp:g|pass|0 __PROFILE__|pro:__NO_MATCH__|deny|0",
        ),
        (
            28,
            vec![
                tier("zeta", "order: 10"),
                tier("beta", "order: 10"),
                on_b("z", "tier: zeta, ingress: [{action: Deny}]"),
                on_b("b", "tier: beta, ingress: [{action: Allow}]"),
            ],
            A_TO_B,
            "allow (rule) beta|gnp:b|allow|0",
        ),
        (
            29,
            vec![on_b("m", "tier: nowhere, ingress: [{action: Deny}]"), allow()],
            A_TO_B,
            "allow (rule) default|gnp:g|allow|0",
        ),
        (
            // The missing tier is last, and enforced.
            29,
            vec![
                on_b("m", "tier: nowhere, ingress: [{action: Deny}]"),
                on_b("g", "ingress: [{action: Pass}]"),
            ],
            A_TO_B,
            "deny (rule) default|gnp:g|pass|0 nowhere|gnp:m|deny|0",
        ),
    ]);
}

#[test]
fn kubernetes_tiers() {
    let db = "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}";
    let from = |namespace: &str| format!("from: [{{namespaces: {{matchLabels: {{env: {namespace}}}}}}}]");
    let admin = |rule: &str| kcnp("adm", &format!("tier: Admin, priority: 5, {db}, ingress: [{{{rule}}}]"));
    let baseline = || {
        kcnp(
            "base",
            &format!(
                "tier: Baseline, priority: 5, {db}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]"
            ),
        )
    };
    run(&[
        (
            30,
            vec![
                admin(&format!("action: Accept, {}", from("dev"))),
                knp("dev/p", "podSelector: {matchLabels: {app: db}}"),
            ],
            A_TO_B,
            "allow (rule) kube-admin|kcnp:adm|allow|0",
        ),
        (
            31,
            vec![admin(&format!("action: Pass, {}", from("dev"))), baseline()],
            A_TO_B,
            "deny (rule) kube-admin|kcnp:adm|pass|0 kube-baseline|kcnp:base|deny|0",
        ),
        (
            32,
            vec![
                baseline(),
                knp(
                    "dev/p",
                    "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]",
                ),
            ],
            A_TO_B,
            "allow (rule) default|knp:dev/p|allow|0",
        ),
        (
            33,
            vec![admin(&format!("action: Deny, {}", from("prod")))],
            A_TO_B,
            "allow (profile rule) kube-admin|kcnp:adm|pass|-1 __PROFILE__|pro:kns.dev|allow|0",
        ),
        (
            33,
            vec![admin(&format!("action: Deny, {}", from("prod")))],
            "in: C -> B tcp/5432",
            "deny (rule) kube-admin|kcnp:adm|deny|0",
        ),
    ]);
}

#[test]
fn rules_in_order() {
    let c = "{action: Allow, source: {nets: [10.0.0.3/32]}}";
    let log = || vec![on_b("p", "ingress: [{action: Log}]")];
    let log_allow = || vec![on_b("p", "ingress: [{action: Log}, {action: Allow}]")];
    run(&[
        (34, log(), A_TO_B, "deny (tier default) default|gnp:p|deny|-1"),
        (35, log_allow(), A_TO_B, "allow (rule) default|gnp:p|allow|1"),
        (
            36,
            vec![on_b("p", &format!("ingress: [{c}, {{action: Deny}}, {{action: Allow}}]"))],
            A_TO_B,
            "deny (rule) default|gnp:p|deny|1",
        ),
        (
            37,
            vec![gnp(
                "p",
                "selector: app == 'nothing', performanceHints: [AssumeNeededOnEveryNode], ingress: [{action: Deny}]",
            )],
            A_TO_B,
            BY_PROFILE,
        ),
    ]);
    // The Log rules of rows 34 and 35 are on record, and lead back to their place.
    for policies in [log(), log_allow()] {
        let cluster = world(&policies);
        let logs = judgement(&cluster, A_TO_B, &FlowContext::default()).logs;
        assert_eq!(logs.len(), 1);
        let info = cluster.rule(logs[0]).unwrap();
        assert_eq!(info.rule.map(|rule| rule.origin.index), Some(0));
    }
}

/// Rows 20 and 23 give the trace with its positions; row 1 both ends of the connection.
#[test]
fn whole_connections() {
    let mut table = Table::default();
    let mut cluster = world(&[]);
    table.expect(1, "A -> B", "allow: profile rule, profile rule", &connect(&cluster, "A -> B tcp/5432"));
    add(&mut cluster, &[tier("t1", "order: 1"), on_b("q", "tier: t1, ingress: [{action: Pass}]")]);
    let strings =
        |cluster: &_| policy_strings(cluster, "A -> B tcp/5432", Direction::Ingress, Scope::Enforced);
    let expected = "0|t1|gnp:q|pass|0 1|__PROFILE__|pro:kns.dev|allow|0";
    table.expect(20, "policy strings", expected, &strings(&cluster));
    add(
        &mut cluster,
        &[
            tier("t1", "order: 1, defaultAction: Pass"),
            on_b("q", "tier: t1, ingress: [{action: Allow, source: {nets: [9.9.9.9/32]}}]"),
            on_b("g", "ingress: [{action: Allow}]"),
        ],
    );
    let expected = "0|t1|gnp:q|pass|-1 1|default|gnp:g|allow|0";
    table.expect(23, "policy strings", expected, &strings(&cluster));
    table.finish();
}

/// Row 29 once more: a tier that exists comes before one that does not, even if neither has an order.
#[test]
fn tiers_without_order() {
    let mut dialect = Dialect::default();
    dialect.absent_tier_order = AbsentTierOrder::Last;
    let policies = [
        tier("zeta", ""),
        on_b("a", "tier: alpha, ingress: [{action: Deny}]"),
        on_b("z", "tier: zeta, ingress: [{action: Allow}]"),
    ];
    let mut table = Table::default();
    let cluster = world_with(dialect, &policies);
    table.expect(29, A_TO_B, "allow (rule) zeta|gnp:z|allow|0", &ask(&cluster, A_TO_B));
    table.finish();
}

/// 5.2: the ranks of Calico before v3.32, for the rows that hang on them.
#[test]
fn order_before_v3_32() {
    let mut dialect = Dialect::default();
    dialect.tie_break = TieBreak::BackendName;
    let deny = |name: &str| on_b(name, "order: 5, ingress: [{action: Deny}]");
    let allow = |name: &str| on_b(name, "order: 5, ingress: [{action: Allow}]");
    let np_deny = np("dev/p", "selector: app == 'db', order: 1000, ingress: [{action: Deny}]");
    let np_x = np("dev/x", "selector: app == 'db', order: 5, ingress: [{action: Deny}]");
    let open = knp("dev/p", "podSelector: {matchLabels: {app: db}}, ingress: [{}]");
    let mut table = Table::default();
    for (row, policies, expected) in [
        // `default.a` is a prefix of `default.a-b`.
        (12, vec![deny("a"), allow("a-b")], "deny (rule) default|gnp:a|deny|0"),
        // `default.x` is before `dev/default.x`: `f` is before `v`.
        (14, vec![np_x, allow("x")], "allow (rule) default|gnp:x|allow|0"),
        // `dev/default.p` is before `dev/knp.default.p`.
        (15, vec![np_deny, open], "deny (rule) default|np:dev/p|deny|0"),
    ] {
        let cluster = world_with(dialect.clone(), &policies);
        table.expect(row, A_TO_B, expected, &ask(&cluster, A_TO_B));
    }
    table.finish();
}
