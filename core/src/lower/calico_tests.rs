//! What Calico objects become, and what is said of wrong ones.
#![cfg(feature = "serde")]

use super::{Lowered, Lowering, lower};
use crate::dialect::{AbsentTierOrder, Dialect, Flavour, ServiceNamespace, TypesDefaulting};
use crate::model::{
    DefaultAction, Endpoint, EntityMatch, HostInterface, IpVersion, NetworkSet, Order, Policy, PolicyClass,
    PolicyKind, Profile, Rule, RuleAction, Tier,
};
use crate::resource::Resource;
use crate::selector::Selector;
use serde_json::{Value, json};

fn lowered(kind: &str, spec: Value) -> Lowering {
    lowered_as(kind, spec, &Dialect::default())
}

fn lowered_as(kind: &str, spec: Value, dialect: &Dialect) -> Lowering {
    let metadata = json!({ "name": "p", "namespace": if is_global(kind) { "" } else { "n" } });
    lower(&object(kind, metadata, spec), dialect)
}

fn is_global(kind: &str) -> bool {
    kind.contains("Global") || matches!(kind, "Profile" | "HostEndpoint")
}

fn object(kind: &str, metadata: Value, spec: Value) -> Resource {
    let mut object = json!({ "apiVersion": "projectcalico.org/v3", "kind": kind });
    object["metadata"] = metadata;
    object["spec"] = spec;
    serde_json::from_value(object).unwrap()
}

fn value(lowering: Lowering) -> Lowered {
    let problems = lines(&lowering);
    lowering.value.unwrap_or_else(|| panic!("{problems}"))
}

fn policy_as(kind: &str, spec: Value, dialect: &Dialect) -> Policy {
    match value(lowered_as(kind, spec, dialect)) {
        Lowered::Policy(policy) => policy,
        other => panic!("{other:?}"),
    }
}

fn policy(kind: &str, spec: Value) -> Policy {
    policy_as(kind, spec, &Dialect::default())
}

fn ingress_rule(kind: &str, rule: Value) -> Rule {
    let rules = Value::Array(vec![rule]);
    policy(kind, json!({ "ingress": rules })).ingress.unwrap().remove(0)
}

/// The problems, one a line.
fn lines(lowering: &Lowering) -> String {
    lowering.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn problems(kind: &str, spec: Value) -> String {
    lines(&lowered(kind, spec))
}

fn selector(text: &str) -> Option<Selector> {
    Some(Selector::parse(text).unwrap())
}

#[test]
fn a_policy_in_full() {
    let spec = json!({
        "tier": "security", "order": 10.5, "selector": "app == 'db'", "types": ["Ingress"],
        "ingress": [
            { "action": "Log" },
            {
                "action": "Allow", "protocol": "TCP", "metadata": { "annotations": { "name": "from-web" } },
                "source": { "selector": "app == 'web'" }, "destination": { "ports": [5432, "http", "80:90"] },
            },
        ],
    });
    let policy = policy("NetworkPolicy", spec);
    assert_eq!(policy.key.to_string(), "NetworkPolicy n/p");
    assert_eq!((&*policy.tier, policy.order), ("security", Order::new(10.5)));
    assert_eq!(Some(policy.subject), selector("(app == 'db') && projectcalico.org/namespace == 'n'"));
    assert_eq!(policy.class, PolicyClass::Normal { apply_on_forward: false });
    assert_eq!(policy.egress, None);
    let rules = policy.ingress.unwrap();
    assert_eq!(rules[0], Rule::new(RuleAction::Log));
    let rule = &rules[1];
    assert_eq!(
        (rule.action, rule.origin.index, rule.origin.name.as_deref()),
        (RuleAction::Allow, 1, Some("from-web"))
    );
    assert_eq!(rule.source.selector, selector("projectcalico.org/namespace == 'n' && (app == 'web')"));
    assert_eq!(rule.source.identity.as_ref().unwrap().to_string(), "namespace n");
    assert_eq!(rule.destination.ports.to_string(), "[5432, 80:90, http]");
    assert_eq!(rule.destination.identity, None);
}

/// `spec/calico.md` 4.1.
#[test]
fn types_by_length_and_by_presence() {
    let rule = json!([{ "action": "Allow" }]);
    let presence = Dialect { types_defaulting: TypesDefaulting::ByPresence, ..Dialect::default() };
    for (spec, by_length, by_presence) in [
        (json!({}), (true, false), (true, false)),
        (json!({ "ingress": rule }), (true, false), (true, false)),
        (json!({ "egress": rule }), (false, true), (false, true)),
        (json!({ "ingress": rule, "egress": rule }), (true, true), (true, true)),
        (json!({ "ingress": [], "egress": rule }), (false, true), (true, true)),
        (json!({ "egress": [] }), (true, false), (false, true)),
        (json!({ "types": ["Egress"], "egress": [] }), (false, true), (false, true)),
    ] {
        for (dialect, expected) in [(&Dialect::default(), by_length), (&presence, by_presence)] {
            let policy = policy_as("GlobalNetworkPolicy", spec.clone(), dialect);
            assert_eq!((policy.ingress.is_some(), policy.egress.is_some()), expected, "{spec}");
        }
    }
}

#[test]
fn rules_of_other_directions_are_checked_and_then_ignored() {
    let spec = json!({ "types": ["Egress"], "ingress": [{ "action": "Allow" }] });
    let lowering = lowered("NetworkPolicy", spec);
    insta::assert_snapshot!(lines(&lowering), @"warning[TW0702]: spec.ingress: these rules have no effect: `types` does not list `Ingress` (add `Ingress` to `types`, or remove the rules)");
    assert!(matches!(value(lowering), Lowered::Policy(policy) if policy.ingress.is_none()));
    let wrong = json!({ "types": ["Egress"], "ingress": [{ "action": "Allowed" }] });
    assert!(lowered("NetworkPolicy", wrong).value.is_none());
}

#[test]
fn phases_of_global_policies() {
    for (spec, class) in [
        (json!({ "applyOnForward": true }), PolicyClass::Normal { apply_on_forward: true }),
        (json!({ "applyOnForward": true, "preDNAT": true }), PolicyClass::PreDnat),
        (json!({ "applyOnForward": true, "doNotTrack": true }), PolicyClass::Untracked),
    ] {
        assert_eq!(policy("GlobalNetworkPolicy", spec).class, class);
    }
}

#[test]
fn staged_policies_and_staged_deletions() {
    let staged = policy("StagedNetworkPolicy", json!({ "stagedAction": "Learn", "selector": "has(a)" }));
    assert_eq!(staged.key.kind, PolicyKind::StagedNetworkPolicy);
    assert!(policy("StagedGlobalNetworkPolicy", json!({ "applyOnForward": true })).key.kind.is_staged());
    let deletion = json!({ "stagedAction": "Delete", "tier": "t" });
    assert_eq!(value(lowered("StagedNetworkPolicy", deletion.clone())), Lowered::Nothing);
    assert_eq!(value(lowered("StagedGlobalNetworkPolicy", deletion)), Lowered::Nothing);
    let more = json!({ "stagedAction": "Delete", "order": 1 });
    insta::assert_snapshot!(problems("StagedNetworkPolicy", more), @"error[TW0206]: spec.stagedAction: with `stagedAction: Delete` the spec must be empty, but for the tier (remove the other fields, or write `stagedAction: Set`)");
}

/// `spec/calico.md` 4.2: names imply a family, numbers do not.
#[test]
fn icmp_names_imply_a_family() {
    let version = |rule| ingress_rule("NetworkPolicy", rule).ip_version;
    assert_eq!(version(json!({ "action": "Allow", "protocol": "ICMP" })), Some(IpVersion::V4));
    assert_eq!(version(json!({ "action": "Allow", "protocol": "ICMPv6" })), Some(IpVersion::V6));
    assert_eq!(version(json!({ "action": "Allow", "protocol": 1 })), None);
    assert_eq!(version(json!({ "action": "Allow", "protocol": "58" })), None);
    assert_eq!(version(json!({ "action": "Allow", "notProtocol": "ICMP" })), None);
    let echo =
        ingress_rule("NetworkPolicy", json!({ "action": "Allow", "protocol": 1, "icmp": { "type": 8 } }));
    assert_eq!(echo.icmp.unwrap().to_string(), "type 8");
    assert_eq!(
        ingress_rule("NetworkPolicy", json!({ "action": "Allow", "protocol": 1, "icmp": {} })).icmp,
        None
    );
}

/// `spec/calico.md` 4.5.
#[test]
fn services_without_a_namespace() {
    let spec = json!({ "egress": [{ "action": "Allow", "destination": { "services": { "name": "s" } } }] });
    let service = |dialect: &Dialect| {
        let policy = policy_as("NetworkPolicy", spec.clone(), dialect);
        policy.egress.unwrap().remove(0).destination.service.unwrap().to_string()
    };
    assert_eq!(service(&Dialect::default()), "n/s");
    let felix = Dialect { service_namespace: ServiceNamespace::NoService, ..Dialect::default() };
    assert_eq!(service(&felix), "/s");
}

/// `spec/domains-rbac-l7.md` 1.1, 1.3.
#[test]
fn domains_are_an_enterprise_field() {
    let spec = json!({ "egress": [
        { "action": "Allow", "protocol": "TCP", "destination": { "domains": ["*.Example.com"], "ports": [443], "notNets": ["10.0.0.0/8"] } },
        { "action": "Allow", "destination": { "selector": "has(a)" } },
        { "action": "Deny", "destination": { "selector": "has(a)" } },
        { "action": "Allow", "source": { "selector": "has(a)" }, "destination": { "notSelector": "has(a)" } },
    ] });
    insta::assert_snapshot!(problems("GlobalNetworkPolicy", spec.clone()), @"error[TW0201]: spec.egress[0].destination.domains: `domains` is a field of Calico Enterprise and Calico Cloud, which open-source Calico does not have (if the cluster runs one of those, choose the flavour `Enterprise` of the dialect; else write `nets`; without it the rule would match every address)");
    let enterprise = Dialect { flavour: Flavour::Enterprise, ..Dialect::default() };
    let rules = policy_as("GlobalNetworkPolicy", spec, &enterprise).egress.unwrap();
    assert_eq!(rules[0].destination.domains[0].as_str(), "*.example.com");
    let set_domains: Vec<_> =
        rules.iter().map(|rule| (rule.source.set_domains, rule.destination.set_domains)).collect();
    assert_eq!(set_domains, [(false, false), (false, true), (false, false), (false, false)]);

    let wrong = json!({
        "ingress": [{ "action": "Allow", "source": { "domains": ["a.com"] } }],
        "egress": [
            { "action": "Deny", "destination": { "domains": ["a.com"] } },
            { "action": "Allow", "destination": { "domains": ["a.com"], "nets": ["1.0.0.0/8"], "selector": "all()" } },
            { "action": "Allow", "destination": { "domains": ["*foo.com"] } },
        ],
    });
    insta::assert_snapshot!(lines(&lowered_as("GlobalNetworkPolicy", wrong, &enterprise)), @r"
    error[TW0509]: spec.ingress[0].source.domains: `domains` is only allowed in the destination of egress rules with `action: Allow` (allow the names that are wanted; the end of the tier denies the others)
    error[TW0509]: spec.egress[0].destination.domains: `domains` is only allowed in the destination of egress rules with `action: Allow` (allow the names that are wanted; the end of the tier denies the others)
    error[TW0206]: spec.egress[1].destination.domains: `domains` excludes `nets` and `selector` (write two rules, or a network set with `nets` and `allowedEgressDomains`)
    error[TW0509]: spec.egress[2].destination.domains[0]: `*foo.com`: `*` must be a whole label, as in `*.example.com` (write a name like `api.example.com`, or `*.example.com` for every name below it)
    ");
}

#[test]
fn wrong_rules_say_what_to_write() {
    let spec = json!({
        "order": 1, "selector": "app = 'web'", "types": ["ingress"],
        "ingress": [
            { "action": "allow", "destination": { "ports": [80] } },
            { "action": "Allow", "protocol": "tcp", "destination": { "ports": ["80-90", 70000] } },
            { "action": "Allow", "protocol": "UDPLite", "source": { "ports": ["dns"] } },
            { "action": "Allow", "icmp": { "type": 255 }, "notICMP": { "code": 0 } },
            { "action": "Allow", "source": { "nets": ["10.0.0.1", "10.0.0.1/8", "10.0.0.0/8"], "notNets": ["fd00::/8"] } },
            { "action": "Allow", "ipVersion": 6, "destination": { "nets": ["10.0.0.0/8"] } },
            { "action": "Allow", "source": { "namespaceSelector": "global() && has(a)" } },
            { "action": "Pass", "http": { "methods": ["GET", "GET"], "paths": [{ "exact": "a" }, { "prefix": "/a?b" }, {}] } },
        ],
    });
    insta::assert_snapshot!(problems("NetworkPolicy", spec), @r#"
    error[TW0401]: spec.selector: `=` is not an operator (write `==`)
    error[TW0204]: spec.types[0]: `ingress` is not a type of policy (did you mean `Ingress`?)
    error[TW0204]: spec.ingress[0].action: `allow` is not an action (did you mean `Allow`?)
    error[TW0504]: spec.ingress[0].destination.ports: the rule has port numbers and no protocol (ports need `protocol: TCP`, `UDP` or `SCTP` on the rule)
    error[TW0503]: spec.ingress[1].protocol: `tcp` is not the name of a protocol (did you mean `TCP`?)
    error[TW0502]: spec.ingress[1].destination.ports[0]: `80-90` is not a port name: it needs at least one letter (write a range as "80:90", and a list as several items)
    error[TW0502]: spec.ingress[1].destination.ports[1]: 70000 is not a port number (write a number from 1 to 65535)
    error[TW0504]: spec.ingress[2].source.ports: the rule has ports, and its protocol is UDPLite, which has none (ports need `protocol: TCP`, `UDP` or `SCTP` on the rule)
    error[TW0208]: spec.ingress[3].icmp.type: 255 is not an ICMP type (write a number from 0 to 254)
    error[TW0505]: spec.ingress[3].notICMP: `code` needs a `type`: each type has codes of its own (add the `type` that the code belongs to)
    error[TW0505]: spec.ingress[3].icmp: `icmp` needs a protocol that is ICMP (add `protocol: ICMP` or `protocol: ICMPv6` to the rule)
    error[TW0501]: spec.ingress[4].source.nets[0]: `10.0.0.1` is an address, not an address range (write `10.0.0.1/32`)
    error[TW0501]: spec.ingress[4].source.nets[1]: `10.0.0.1/8` has bits set beyond its prefix length 8 (write `10.0.0.0/8` for the range, or `10.0.0.1/32` for the address)
    error[TW0506]: spec.ingress[4].source.notNets[0]: one rule cannot hold ranges of both families: `10.0.0.0/8` and `fd00::/8` (write one rule for IPv4 and one for IPv6: a rule with ranges of one family never matches the other)
    error[TW0506]: spec.ingress[5].destination.nets[0]: `10.0.0.0/8` is an IPv4 range, and the rule is for IPv6 (write one rule for IPv4 and one for IPv6: a rule with ranges of one family never matches the other)
    error[TW0402]: spec.ingress[6].source.namespaceSelector: `global()` must be the whole selector (write `namespaceSelector: global()`, and the rest in `selector` or in a second rule)
    error[TW0507]: spec.ingress[7].http: `http` is only for rules with `action: Allow` (allow the requests that are wanted; the others meet the end of the tier)
    error[TW0209]: spec.ingress[7].http.methods[1]: `GET` stands in this list twice (remove one)
    error[TW0507]: spec.ingress[7].http.paths[0].exact: the path `a` does not start with `/` (write `/a`)
    error[TW0507]: spec.ingress[7].http.paths[1].prefix: the path `/a?b` contains `?`, which no path has (write `/a`; the query and the fragment are not matched)
    error[TW0507]: spec.ingress[7].http.paths[2]: a path needs `exact` or `prefix` (write one of the two; several paths are several items)
    "#);
}

#[test]
fn tiers() {
    let tier = |name: &str, spec: Value, dialect: &Dialect| {
        lower(&object("Tier", json!({ "name": name }), spec), dialect)
    };
    let good = |name, spec, dialect| match value(tier(name, spec, dialect)) {
        Lowered::Tier(tier) => tier,
        other => panic!("{other:?}"),
    };
    let client = Dialect::default();
    let felix = Dialect { absent_tier_order: AbsentTierOrder::Last, ..Dialect::default() };
    assert_eq!(good("t", json!({}), &client).order, Order::new(Tier::DEFAULT_ORDER));
    assert_eq!(good("t", json!({}), &felix).order, Order::LAST);
    assert_eq!(
        good("t", json!({ "order": 5, "defaultAction": "Pass" }), &client).default_action,
        DefaultAction::Pass
    );
    assert_eq!(good("default", json!({}), &client), Tier::reserved()[1]);
    // Reserved in older versions only.
    assert_eq!(good("adminnetworkpolicy", json!({ "order": 7 }), &client).order, Order::new(7.0));
    insta::assert_snapshot!(lines(&tier("kube-admin", json!({ "defaultAction": "pass" }), &client)), @r"
    error[TW0204]: spec.defaultAction: `pass` is not a default action of tiers (did you mean `Pass`?)
    error[TW0511]: spec.order: the tier `kube-admin` is reserved, and its order is always 1000 (write `order: 1000`, or name the tier otherwise)
    error[TW0511]: spec.defaultAction: the tier `kube-admin` is reserved, and its default action is always `Pass` (write `defaultAction: Pass`, or name the tier otherwise)
    ");
}

#[test]
fn network_sets() {
    let set = |kind: &str, spec| match value(lower(
        &object(kind, json!({ "name": "s", "namespace": "n", "labels": { "a": "b" } }), spec),
        &Dialect::default(),
    )) {
        Lowered::NetworkSet(set) => set,
        other => panic!("{other:?}"),
    };
    let nets = json!({ "nets": ["10.0.0.1", "11.1.0.0/8", "11.0.0.0/8"] });
    let NetworkSet { key, labels, profile, nets, domains } = set("NetworkSet", nets);
    assert_eq!((key.namespace.as_deref(), profile.as_deref()), (Some("n"), Some("kns.n")));
    assert_eq!(labels.get("projectcalico.org/namespace").map(|value| &**value), Some("n"));
    assert_eq!(
        nets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.1/32", "11.0.0.0/8", "11.0.0.0/8"]
    );
    assert!(domains.is_empty());
    let global = set("GlobalNetworkSet", json!({}));
    assert_eq!((global.key.namespace, global.profile, global.labels.len()), (None, None, 1));
}

#[test]
fn profiles_have_rules_and_labels_without_a_namespace() {
    let spec = json!({
        "ingress": [{ "action": "Allow", "source": { "notSelector": "has(a)" } }],
        "labelsToApply": { "x": "y" },
    });
    let Lowered::Profile(name, Profile { ingress, egress, labels_to_apply }) =
        value(lowered("Profile", spec))
    else {
        panic!("a profile");
    };
    assert_eq!((&*name, egress.len(), labels_to_apply.len()), ("p", 0, 1));
    let source = EntityMatch { not_selector: selector("has(a)"), ..EntityMatch::default() };
    assert_eq!(ingress[0].source, source);
}

fn endpoint(kind: &str, spec: Value) -> Endpoint {
    let metadata = json!({ "name": "e", "namespace": "n", "labels": { "pcns.a": "b" } });
    match value(lower(&object(kind, metadata, spec), &Dialect::default())) {
        Lowered::Endpoint(endpoint) => endpoint,
        other => panic!("{other:?}"),
    }
}

#[test]
fn host_endpoints() {
    let spec = json!({
        "node": "n1", "interfaceName": "eth0", "expectedIPs": ["192.168.0.1", "fd00::1"], "profiles": ["b", "a"],
        "ports": [{ "name": "api", "protocol": "TCP", "port": 6443 }],
    });
    let host = endpoint("HostEndpoint", spec);
    assert!(host.is_host() && host.key.namespace.is_none());
    assert_eq!(host.interface, Some(HostInterface::Named("eth0".into())));
    assert_eq!((host.addresses.len(), host.ports[0].port, &*host.profiles[0]), (2, 6443, "b"));
    // Nothing is stripped from the labels of a host.
    assert!(host.labels.contains_key("pcns.a"));
    let interface = |spec| endpoint("HostEndpoint", spec).interface.unwrap();
    assert_eq!(interface(json!({ "node": "n1", "interfaceName": "*" })), HostInterface::All);
    assert_eq!(interface(json!({ "node": "n1", "expectedIPs": ["::1"] })), HostInterface::ByAddress);
}

/// `spec/calico.md` 4.4, the edge.
#[test]
fn a_protocol_by_number_takes_the_host_endpoint_away() {
    let spec =
        json!({ "node": "n1", "interfaceName": "*", "ports": [{ "name": "a", "protocol": 6, "port": 80 }] });
    let lowering = lowered("HostEndpoint", spec);
    insta::assert_snapshot!(lines(&lowering), @"warning[TW0702]: spec.ports: Calico leaves out the whole endpoint, because the protocol of a port is a number: no policy governs it, and no selector finds it (write the protocol by name: `TCP`, `UDP` or `SCTP`)");
    assert_eq!(value(lowering), Lowered::Nothing);
}

#[test]
fn workload_endpoints() {
    let spec = json!({
        "orchestrator": "vm", "serviceAccountName": "sa", "node": "n1", "interfaceName": "cali0",
        "ipNetworks": ["10.0.0.1/32", "fd00::1"], "profiles": ["kns.n"],
        "ports": [
            { "name": "http", "protocol": "TCP", "port": 80 },
            { "protocol": "UDP", "port": 53, "hostPort": 53 },
        ],
    });
    let workload = endpoint("WorkloadEndpoint", spec);
    let labels: Vec<_> = workload.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        labels,
        [
            "projectcalico.org/namespace=n",
            "projectcalico.org/orchestrator=vm",
            "projectcalico.org/serviceaccount=sa"
        ]
    );
    assert_eq!((workload.addresses.len(), workload.ports.len()), (2, 1));
    insta::assert_snapshot!(problems("WorkloadEndpoint", json!({
        "interfaceName": "eth 0", "ipNetworks": ["10.0.0.0/24"], "mac": "00:11", "ipv6Gateway": "10.0.0.1",
        "containerID": "-a", "ports": [{ "protocol": "ICMP" }],
    })), @r#"
    error[TW0301]: spec.containerID: `-a` is not the id of a container (use letters and digits, with `-` between them)
    error[TW0301]: spec.interfaceName: `eth 0` is not the name of an interface: it contains ` ` (use at most 15 letters, digits, `_`, `.` and `-`, or "*" for all interfaces)
    error[TW0506]: spec.ipv6Gateway: `10.0.0.1` is not an IPv6 address (write an IPv6 address, or remove it)
    error[TW0205]: spec.mac: `00:11` is not a hardware address (write it like `00:11:22:33:44:55`, or remove it)
    warning[TW0702]: spec.profiles: this endpoint has no profile: it inherits no label of its namespace, and what no policy allows is denied (write `profiles: [kns.n]`, as the endpoints of pods have)
    error[TW0501]: spec.ipNetworks[0]: `10.0.0.0/24` holds more than one address (write the single address of the endpoint; ranges belong into a network set)
    error[TW0503]: spec.ports[0].protocol: ICMP is not a protocol with ports (write `TCP`, `UDP` or `SCTP`)
    error[TW0502]: spec.ports[0].port: 0 is not a port number (write a number from 1 to 65535)
    error[TW0502]: spec.ports[0].name: a named port needs a name (give it one, like `http`)
    "#);
}

proptest::proptest! {
    /// Whatever the fields hold, there is a value or an error, and never both.
    #[test]
    fn a_value_or_an_error(
        words in proptest::collection::vec("[a-zA-Z0-9()=!&'/:.*-]{0,6}|TCP|Allow|10\\.0\\.0\\.0/8|80:90|all\\(\\)", 12),
        number in proptest::prelude::any::<i64>(),
    ) {
        let word = |index: usize| words[index].as_str();
        let entity = json!({
            "nets": [word(0)], "ports": [word(1), number], "selector": word(2), "namespaceSelector": word(3),
            "serviceAccounts": { "names": [word(4)], "selector": word(5) },
        });
        let rule = json!({
            "action": word(6), "protocol": word(7), "ipVersion": number, "icmp": { "type": number },
            "http": { "paths": [{ "prefix": word(8) }] }, "source": entity, "destination": entity,
        });
        for (kind, spec) in [
            ("NetworkPolicy", json!({ "selector": word(9), "tier": word(10), "ingress": [rule], "egress": [rule] })),
            ("GlobalNetworkPolicy", json!({ "namespaceSelector": word(9), "types": [word(10)] })),
            ("NetworkSet", json!({ "nets": [word(0), word(1)] })),
            ("HostEndpoint", json!({ "node": word(9), "expectedIPs": [word(0)], "interfaceName": word(10) })),
            ("WorkloadEndpoint", json!({ "interfaceName": word(9), "mac": word(1), "containerID": word(2) })),
        ] {
            let lowering = lowered(kind, spec);
            proptest::prop_assert_eq!(lowering.value.is_none(), lowering.errors().next().is_some());
        }
    }
}
