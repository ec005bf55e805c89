//! Edits that change one thing.

use super::{World, address, global, http_port, local, pod, pod_text, read, tcp};
use std::net::IpAddr;
use tierwall::CompileOptions;
use tierwall::dialect::Dialect;
use tierwall::model::{Flow, Protocol};
use tierwall::resource::{Kind, ResourceKey};

fn endpoint(name: &str, last: u8, profiles: &str, more: &str) -> String {
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: WorkloadEndpoint, metadata: {{name: n-vm-{name}-eth0, namespace: shop, \
         labels: {{app: {name}}}}}, spec: {{orchestrator: vm, workload: {name}, node: n, endpoint: eth0, \
         interfaceName: c{name}, profiles: [{profiles}], ipNetworks: [10.0.0.{last}/32]{more}}}}}\n---\n"
    )
}

fn profile(name: &str, ingress: &str, egress: &str) -> String {
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: Profile, metadata: {{name: {name}}}, \
         spec: {{ingress: [{ingress}], egress: [{egress}]}}}}\n---\n"
    )
}

/// Nothing but the rules of a profile is edited, in one direction or the other; it goes, and comes again as it was.
#[test]
fn a_profile_may_be_edited_alone() {
    let (allow, deny) = ("{action: Allow}", "{action: Deny}");
    let text = pod_text(1, "app: a", "")
        + &pod_text(2, "app: b", "")
        + &endpoint("c", 3, "shared", "")
        + &endpoint("d", 4, "shared", "")
        + &endpoint("e", 5, "shared, second", "")
        + &profile("second", allow, allow)
        + &profile("shared", allow, allow)
        + &global(
            "to",
            1,
            "selector: app == 'a', egress: [{action: Allow, destination: {selector: \"app in {'c', 'd'}\"}}]",
        );
    let mut world = World::new(&text);
    let ways = |world: &World| {
        let pairs = [(2, 3), (2, 4), (3, 2), (4, 2), (1, 3), (3, 4), (5, 2), (2, 5)];
        pairs.map(|(from, to)| world.allows(&tcp(pod(from), pod(to), 80)))
    };
    let of = |ingress: bool, egress: bool| {
        let both = ingress && egress;
        [ingress, ingress, egress, egress, ingress, both, egress, ingress]
    };
    let action = |allowed| if allowed { allow } else { deny };
    for (ingress, egress) in [
        (false, true),
        (false, false),
        (true, false),
        (true, true),
        (true, false),
        (false, false),
        (false, true),
    ] {
        world.load(&profile("shared", action(ingress), action(egress)));
        assert_eq!(ways(&world), of(ingress, egress), "{ingress} {egress}");
    }
    let key = ResourceKey { kind: Kind::Profile, namespace: None, name: "shared".into() };
    for _ in 0..2 {
        world.edit(|cluster| _ = cluster.remove(&key));
        assert_eq!(ways(&world), of(false, false));
        world.load(&profile("shared", deny, allow));
        assert_eq!(ways(&world), of(false, true));
    }
    // One without rules, of which nothing but that it is there tells.
    for rules in ["", "", deny] {
        world.load(&profile("shared", rules, rules));
        let next = rules.is_empty();
        assert_eq!(ways(&world), [false, false, false, false, false, false, next, next]);
        world.edit(|cluster| _ = cluster.remove(&key));
        assert_eq!(ways(&world), of(false, false));
    }
    // Within one update.
    world.edit(|cluster| {
        cluster.remove(&key);
        read(cluster, &profile("shared", deny, allow));
    });
    assert_eq!(ways(&world), of(false, true));
}

/// No selector spoke of the key, or looked into its values; endpoints that are there already have it.
#[test]
fn a_selector_may_be_the_first_of_its_kind() {
    let text = pod_text(1, "app: a, zone: east-1", "")
        + &pod_text(2, "app: a, zone: west-1, old: x", "")
        + &pod_text(3, "app: a", "")
        + &pod_text(4, "app: s", "");
    for selectors in [
        &["has(zone)", "zone contains 'st-1'", "zone starts with 'east'", "zone == 'west-1'", "!has(zone)"][..],
        &["zone == 'nowhere'", "zone starts with 'w'", "has(old)", "old ends with 'x'"],
        &["zone != 'east-1'", "zone ends with '1'", "zone not in {'west-1'}"],
        &["old contains 'x'", "zone in {'east-1', 'x'}"],
    ] {
        for from in ["ingress", "subject"] {
            let mut world = World::new(&(text.clone() + &local("before", 9, "selector: app == 's'")));
            for (number, selector) in (0..).zip(selectors) {
                let spec = match from {
                    "ingress" => format!(
                        "selector: app == 's', ingress: [{{action: Allow, source: {{selector: \"{selector}\"}}}}]"
                    ),
                    _ => format!("selector: \"{selector}\", types: [Egress]"),
                };
                world.load(&local(&format!("p{}", number % 2), 1, &spec));
                // Nobody is let out whom the policy governs, and nobody in whom no policy names.
                let out = [1, 2, 3].map(|last| world.allows(&tcp(pod(last), pod(200), 80)));
                let to = [1, 2, 3].map(|last| world.allows(&tcp(pod(last), pod(4), 80)));
                assert!(if from == "ingress" { out == [true; 3] } else { to == [false; 3] }, "{selector}");
            }
        }
    }
}

/// An endpoint with labels that none had together; then a selector that nobody used, of labels that others spoke of.
#[test]
fn new_selectors_find_endpoints_that_came_after_the_first_compilation() {
    for port in [String::new(), http_port(80)] {
        let text = pod_text(1, "app: a", &port)
            + &pod_text(2, "app: b, tier: x", &port)
            + &pod_text(9, "app: s", "")
            + &local(
                "k",
                9,
                "selector: app == 's', ingress: [{action: Allow, source: {selector: app == 'a'}}, \
                       {action: Allow, source: {selector: app == 'b' && tier == 'x' && has(late)}}]",
            )
            + &if port.is_empty() {
                String::new()
            } else {
                local(
                    "n",
                    9,
                    "selector: app == 's', egress: [{action: Allow, protocol: TCP, destination: {ports: [http]}}]",
                )
            };
        let mut world = World::new(&text);
        let reach = |world: &World| {
            (1..=7).filter(|from| world.allows(&tcp(pod(*from), pod(9), 80))).collect::<Vec<u8>>()
        };
        assert_eq!(reach(&world), [1]);
        world.load(&(pod_text(3, "app: a, tier: x", &port) + &pod_text(4, "app: c, tier: x", &port)));
        // With the same labels as another, but another port.
        let other = if port.is_empty() { String::new() } else { http_port(81) };
        world.load(&(pod_text(5, "app: c, tier: x", &other) + &pod_text(6, "app: b, tier: x", &other)));
        assert_eq!(reach(&world), [1, 3]);
        let with = |selector: &str| {
            local(
                "l",
                1,
                &format!(
                    "selector: app == 's', ingress: [{{action: Allow, source: {{selector: \"{selector}\"}}}}]"
                ),
            )
        };
        world.load(&with("tier == 'x' && app != 'b'"));
        assert_eq!(reach(&world), [1, 3, 4, 5]);
        world.load(&with("tier == 'x' && app in {'a', 'b'}"));
        assert_eq!(reach(&world), [1, 2, 3, 6]);
        world.load(&with("app not in {'a', 'b'} && tier == 'x'"));
        assert_eq!(reach(&world), [1, 3, 4, 5]);
    }
}

/// Of an address that three endpoints have, a new selector picks each of them in turn.
#[test]
fn a_new_selector_may_pick_one_of_several_that_share_an_address() {
    let text = endpoint("a", 1, "kns.shop", "")
        + &endpoint("b", 1, "kns.shop", "")
        + &endpoint("c", 1, "kns.shop", "")
        + &endpoint("d", 1, "kns.shop", "")
        + &pod_text(2, "app: x", "")
        + &pod_text(9, "app: s", "")
        + &local(
            "k",
            9,
            "selector: app == 's', ingress: [{action: Allow, source: {selector: \"app in {'a', 'b', 'c', 'd'} && app == 'x'\"}}]",
        );
    for names in [["a", "b", "c", "d"], ["d", "c", "b", "a"], ["b", "a", "d", "c"]] {
        let mut world = World::new(&text);
        for name in names {
            let policy = |selector: &str| {
                local(
                    "l",
                    1,
                    &format!(
                        "selector: app == 's', ingress: [{{action: Allow, source: {{selector: \"{selector}\"}}}}]"
                    ),
                )
            };
            world.load(&policy(&format!("app == '{name}' && app != 'x'")));
            assert!(world.allows(&tcp(pod(1), pod(9), 80)), "{name}");
            assert!(!world.allows(&tcp(pod(2), pod(9), 80)), "{name}");
            world.load(&policy(&format!("app == '{name}' && app == 'x'")));
            assert!(!world.allows(&tcp(pod(1), pod(9), 80)), "{name}");
        }
        // One more comes to have it.
        world.load(&(endpoint("e", 1, "kns.shop", "") + &endpoint("x", 1, "kns.shop", "")));
        world.load(&local("l", 1, "selector: app == 's', ingress: [{action: Allow, source: {selector: \"app not in {'a', 'b', 'c', 'd'} && app == 'x'\"}}]"));
        assert!(world.allows(&tcp(pod(1), pod(9), 80)));
    }
}

/// An endpoint comes whose port of a name is another than any before it.
#[test]
fn a_named_port_may_be_a_new_one() {
    let http = |port: u16| format!(", ports: [{{name: http, protocol: TCP, port: {port}}}]");
    let rule = "{action: Allow, protocol: TCP, destination: {ports: [http]}}";
    let not = "{action: Deny, protocol: TCP, destination: {ports: [http]}}, {action: Allow}";
    for (profile_rules, policy) in [
        ((rule, "{action: Allow}"), String::new()),
        (("{action: Allow}", not), String::new()),
        ((rule, not), String::new()),
        (
            ("{action: Allow}", "{action: Allow}"),
            global("g", 1, &format!("selector: has(app), ingress: [{rule}]")),
        ),
        (
            ("{action: Allow}", "{action: Allow}"),
            global("g", 1, &format!("selector: has(app), types: [Egress], egress: [{not}]")),
        ),
        (
            ("{action: Allow}", "{action: Allow}"),
            local(
                "l",
                1,
                &format!("selector: has(app), types: [Egress, Ingress], ingress: [{rule}], egress: [{not}]"),
            ),
        ),
    ] {
        let text = endpoint("a", 1, "shared", &http(80))
            + &endpoint("b", 2, "shared", &http(90))
            + &profile("shared", profile_rules.0, profile_rules.1)
            + &policy;
        let mut world = World::new(&text);
        let mut asked = 0;
        let mut all = |world: &World| {
            for (from, to) in
                [(1, 2), (1, 3), (1, 4), (2, 3), (3, 4), (3, 1), (4, 2), (200, 3), (200, 4), (3, 200)]
            {
                for port in [79, 80, 81, 89, 90, 91, 8122, 8123, 8124, 65534, 65535] {
                    asked += usize::from(world.allows(&tcp(pod(from), pod(to), port)));
                }
            }
        };
        all(&world);
        world.load(&endpoint("c", 3, "shared", &http(8123)));
        all(&world);
        world.load(&endpoint("d", 4, "shared", &http(65535)));
        all(&world);
        assert!(asked > 0);
    }
}

/// A policy that is in many lists in one direction, or with staged policies only, has other rules.
#[test]
fn a_policy_may_be_wide_in_one_direction_or_scope_only() {
    let pods: String = (1..=12).map(|last| pod_text(last, &format!("app: a, id: p{last}"), "")).collect();
    let few = |kind: &str, types: &str| -> String {
        let one = |last: u8| {
            let prefix = if kind == "NetworkPolicy" { "few" } else { "staged" };
            format!(
                "{{apiVersion: projectcalico.org/v3, kind: {kind}, metadata: {{name: {prefix}{last}, namespace: shop}}, \
                 spec: {{order: 50, selector: \"id == 'p{last}'\", types: [{types}]}}}}\n---\n"
            )
        };
        (1..=10).map(one).collect()
    };
    let all = |ingress: &str, egress: &str| {
        let rule = |peer: &str, ports: &str| {
            format!("{{action: Allow, protocol: TCP, {peer}: {{ports: [{ports}]}}}}")
        };
        let spec = format!(
            "selector: app == 'a', types: [Ingress, Egress], ingress: [{}], egress: [{}]",
            rule("destination", ingress),
            rule("destination", egress)
        );
        local("all", 1, &spec)
    };
    for others in [
        few("NetworkPolicy", "Ingress"),
        few("NetworkPolicy", "Egress"),
        few("StagedNetworkPolicy", "Ingress"),
        few("StagedNetworkPolicy", "Egress"),
        few("StagedNetworkPolicy", "Ingress, Egress"),
    ] {
        // So many lists make it wide.
        let options = [3, 5, 8].map(|lists| {
            let mut options = CompileOptions::default();
            options.wide_classes = lists;
            options
        });
        let text = pods.clone() + &others + &all("'1:100'", "'1:100'");
        let mut world = World::with(Dialect::default(), options.into(), |cluster| read(cluster, &text));
        for (ingress, egress) in
            [("80", "'1:100'"), ("80", "80, 81"), ("80, 81", "80"), ("81", "81"), ("'1:100'", "82")]
        {
            world.load(&all(ingress, egress));
            for (from, to) in [(1, 2), (2, 1), (11, 12), (1, 11), (11, 1), (200, 1), (1, 200)] {
                for port in [80, 81, 82, 100] {
                    world.allows(&tcp(pod(from), pod(to), port));
                }
            }
        }
    }
}

/// One of many hundred wide rules gets other traffic, that others told apart before.
#[test]
fn the_traffic_of_the_last_of_many_wide_rules_may_change() {
    let many: Vec<String> = (0..600)
        .map(|number| {
            format!("{{action: Deny, protocol: UDP, destination: {{ports: [{}]}}}}", 1000 + number % 50)
        })
        .collect();
    let last = |port: u16| {
        let rule = format!("{{action: Allow, protocol: TCP, destination: {{ports: [{port}]}}}}");
        global(
            "last",
            2,
            &format!("selector: all(), types: [Ingress, Egress], ingress: [{rule}], egress: [{rule}]"),
        )
    };
    let many = many.join(", ");
    let spec = format!("selector: all(), types: [Ingress, Egress], ingress: [{many}], egress: [{many}]");
    let text =
        pod_text(1, "app: a", "") + &pod_text(2, "app: b", "") + &global("many", 1, &spec) + &last(1003);
    let mut world = World::new(&text);
    for port in [1003, 1004, 1010, 1003] {
        world.load(&last(port));
        let allowed: Vec<u16> =
            (1002..=1012).filter(|port| world.allows(&tcp(pod(1), pod(2), *port))).collect();
        assert_eq!(allowed, [port]);
        assert!(!world.allows(&Flow::new(pod(1), pod(2), Protocol::UDP).with_ports(40_000, port)));
    }
}

/// What no address was, the first endpoint to come is; what all had in common, it has not.
#[test]
fn what_all_had_in_common_a_new_endpoint_may_not_have() {
    // Of a namespace, a rule speaks of its endpoints only.
    for (policy, outside) in [(global as fn(&str, u32, &str) -> String, &[200][..]), (local, &[])] {
        let spec = "selector: app == 's', types: [Ingress, Egress], \
                    ingress: [{action: Allow, source: {notSelector: has(bad)}}], \
                    egress: [{action: Allow, destination: {notSelector: \"bad == 'x'\"}}]";
        let mut world =
            World::new(&(pod_text(1, "app: a", "") + &pod_text(9, "app: s", "") + &policy("p", 1, spec)));
        let to = |last: &[u8]| [last, outside].concat();
        assert_eq!(world.reached(9, [1, 200], 80), to(&[1]));
        assert_eq!(world.reached(1, [9], 80), [9]);
        world.load(&pod_text(2, "app: a, bad: x", ""));
        assert_eq!(world.reached(9, [1, 2, 200], 80), to(&[1]));
        assert_eq!((world.reached(1, [9], 80), world.reached(2, [9], 80)), (vec![9], vec![]));
        world.load(&pod_text(3, "app: a, bad: y", ""));
        assert_eq!(world.reached(9, [1, 2, 3, 200], 80), to(&[1, 3]));
        assert_eq!((world.reached(2, [9], 80), world.reached(3, [9], 80)), (vec![], vec![]));
    }
}

/// Rules name sets of peers that are many; each endpoint that comes is in some of them.
#[test]
fn a_new_endpoint_may_be_in_any_of_the_broad_sets() {
    let sets = ["one", "two", "three"];
    let labels = |mask: u8| -> String {
        let held = sets.iter().enumerate().filter(|(place, _)| mask & 1 << place != 0);
        held.map(|(_, set)| format!(", {set}: x")).collect()
    };
    let mut text = pod_text(200, "app: s", "");
    for mask in 0..8 {
        text += &pod_text(10 + mask, &format!("id: a{}", labels(mask)), "");
        text += &pod_text(20 + mask, &format!("id: b{}", labels(mask)), "");
    }
    let rules = (80..).zip(sets).map(|(port, set)| {
        format!("{{action: Allow, protocol: TCP, source: {{selector: has({set})}}, destination: {{ports: [{port}]}}}}")
    });
    let rules: Vec<String> = rules.collect();
    let spec = format!(
        "selector: app == 's', ingress: [{{action: Deny, source: {{selector: \"id starts with 'q'\"}}}}, {}]",
        rules.join(", ")
    );
    let mut world = World::new(&(text + &local("p", 1, &spec)));
    for mask in 0..8 {
        world.load(&pod_text(30 + mask, &format!("id: c{}", labels(mask)), ""));
        for from in [10, 20, 30] {
            let allowed = [80, 81, 82].map(|port| world.allows(&tcp(pod(from + mask), pod(200), port)));
            assert_eq!(allowed, [0, 1, 2].map(|place| mask & 1 << place != 0), "{mask}");
        }
    }
    assert!(!world.allows(&tcp(IpAddr::from([192, 0, 2, 1]), pod(200), 80)));
    assert!(!world.allows(&tcp(address("192.0.2.1"), pod(200), 81)));
}
