//! What the three tiers say together, in each direction (`spec/kubernetes.md` 5.2, 5.3).

use crate::support::{anp, banp, cnp, np, row, run};

/// Rules of x/a's namespace about y/a's: their direction, and the side of the verdict they decide.
const DIRECTIONS: [(&str, &str, &str); 2] =
    [("ingress", "from", "y/a -> x/a 80"), ("egress", "to", "x/a -> y/a 80")];

/// What a NetworkPolicy makes of the direction.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Isolation {
    None,
    RuleMatches,
    NoRuleMatches,
}

/// The verdict of the table, and the reason of the direction.
fn expected(admin: &str, isolation: Isolation, baseline: &str) -> (&'static str, &'static str) {
    match (admin, isolation, baseline) {
        ("Accept", ..) => ("allow", "rule"),
        ("Deny", ..) => ("deny", "rule"),
        (_, Isolation::RuleMatches, _) => ("allow", "rule"),
        (_, Isolation::NoRuleMatches, _) => ("deny", "tier default"),
        (_, Isolation::None, "Accept") => ("allow", "rule"),
        (_, Isolation::None, "Deny") => ("deny", "rule"),
        (_, Isolation::None, _) => ("allow", "profile rule"),
    }
}

fn isolation(isolation: Isolation, (key, peers, _): (&str, &str, &str)) -> Vec<String> {
    let types = if key == "ingress" { "Ingress" } else { "Egress" };
    let other = if isolation == Isolation::RuleMatches { "y" } else { "z" };
    let rules = format!("{key}: [{{{peers}: [{{namespaceSelector: (ns={other})}}]}}]");
    if isolation == Isolation::None { Vec::new() } else { vec![np("x", "{}", types, &rules)] }
}

fn rule((key, peers, _): (&str, &str, &str), action: &str) -> String {
    format!("{key}: [{{action: {action}, {peers}: [{{namespaces: (ns=y)}}]}}]")
}

/// Every combination, with admin policies written by `admin` and baseline policies by `baseline`.
fn table(actions: [&[&str]; 2], admin: impl Fn(&str) -> String, baseline: impl Fn(&str) -> String) {
    let [admin_actions, baseline_actions] = actions;
    let mut rows = Vec::new();
    for direction in DIRECTIONS {
        for given in [Isolation::None, Isolation::RuleMatches, Isolation::NoRuleMatches] {
            for above in admin_actions {
                for below in baseline_actions {
                    let mut objects = isolation(given, direction);
                    objects.extend((*above != "none").then(|| admin(&rule(direction, above))));
                    objects.extend((*below != "none").then(|| baseline(&rule(direction, below))));
                    let (verdict, reason) =
                        expected(&above.replace("Allow", "Accept"), given, &below.replace("Allow", "Accept"));
                    let (key, _, flow) = direction;
                    let id = format!("{key} {above} {given:?} {below}");
                    rows.push(
                        row(&id, [], [&format!("{flow}: {verdict} ({key} {reason})")]).governed_by(objects),
                    );
                }
            }
        }
    }
    run(&rows);
}

#[test]
fn cluster_network_policy() {
    let actions: &[&str] = &["Accept", "Deny", "Pass", "none"];
    let subject = "namespaces: (ns=x)";
    table(
        [actions, actions],
        |rules| cnp("Admin", 10, subject, rules),
        |rules| cnp("Baseline", 10, subject, rules),
    );
}

#[test]
fn admin_network_policy() {
    let subject = "namespaces: (ns=x)";
    let actions: [&[&str]; 2] = [&["Allow", "Deny", "Pass", "none"], &["Allow", "Deny", "none"]];
    table(actions, |rules| anp(10, subject, rules), |rules| banp(subject, rules));
}

/// A pod that a NetworkPolicy selects for egress alone is open to the baseline for ingress; under the other reading
/// the NetworkPolicy settles it.
#[test]
fn the_direction_that_a_network_policy_does_not_list() {
    use tierwall::dialect::SelectionScope;
    let deny_in =
        || cnp("Baseline", 1, "namespaces: (ns=x)", "ingress: [{action: Deny, from: [{namespaces: {}}]}]");
    let deny_out =
        || cnp("Baseline", 1, "namespaces: (ns=x)", "egress: [{action: Deny, to: [{namespaces: {}}]}]");
    let egress = || np("x", "{}", "Egress", "egress: [{}]");
    let ingress = || np("x", "{}", "Ingress", "ingress: [{}]");
    let elsewhere = || np("x", "(pod=b)", "Egress", "egress: [{}]");
    let admin =
        || cnp("Admin", 1, "namespaces: (ns=x)", "ingress: [{action: Deny, from: [{namespaces: (ns=z)}]}]");
    run(&[
        row("5.3 ingress", [deny_in(), egress()], ["y/a -> x/a 80: deny (ingress rule)"]),
        row("5.3 egress", [deny_out(), ingress()], ["x/a -> y/a 80: deny (egress rule)"]),
        row("5.3 ingress, any direction", [deny_in(), egress()], ["y/a -> x/a 80: allow"])
            .reading(any_direction),
        row("5.3 egress, any direction", [deny_out(), ingress()], ["x/a -> y/a 80: allow"])
            .reading(any_direction),
        row("5.3 another pod", [deny_in(), elsewhere()], ["y/a -> x/a 80: deny"]).reading(any_direction),
        row("5.3 admin first", [deny_in(), egress(), admin()], ["z/a -> x/a 80: deny (ingress rule)"])
            .reading(any_direction),
        row(
            "5.3 isolated",
            [deny_in(), np("x", "{}", "Ingress", "")],
            ["y/a -> x/a 80: deny (ingress tier default)"],
        )
        .reading(any_direction),
    ]);
    fn any_direction(dialect: &mut tierwall::dialect::Dialect) {
        dialect.selection_scope = SelectionScope::AnyDirection;
    }
}

/// Section 5.4, beyond the table.
#[test]
fn what_changes_and_what_does_not() {
    let accept_80 = "ingress: [{action: Accept, from: [{namespaces: {}}],
                                protocols: [{tcp: {destinationPort: {number: 80}}}]}]";
    let deny_all = "ingress: [{action: Deny, from: [{namespaces: {}}]}]";
    let subject = "namespaces: (ns=x)";
    run(&[
        row(
            "only that traffic",
            [cnp("Admin", 1, subject, accept_80), np("x", "{}", "", "")],
            ["y/a -> x/a 80: allow (ingress rule)", "y/a -> x/a 81: deny (ingress tier default)"],
        ),
        row(
            "an open policy ends the baseline",
            [cnp("Baseline", 1, subject, deny_all), np("x", "{}", "", "ingress: [{}]")],
            ["y/a -> x/a 80: allow (ingress rule)"],
        ),
        // One list for both versions of the API, by priority.
        row(
            "both versions",
            [cnp("Admin", 20, subject, &deny_all.replace("Deny", "Accept")), anp(10, subject, deny_all)],
            ["y/a -> x/a 80: deny (ingress rule)"],
        ),
    ]);
}
