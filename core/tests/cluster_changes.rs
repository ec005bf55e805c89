//! What a cluster says it became different in is at least what it did, and following it in steps leads to the cluster
//! that has the same objects from the start.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are not tests to the lints")]

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;
use tierwall::cluster::{Changes, Cluster, DnsAnswer, ServiceRoute};
use tierwall::dialect::{Dialect, MissingNamespace, TieBreak};
use tierwall::lower::Lowered;
use tierwall::model::{
    DefaultAction, Endpoint, EndpointId, EndpointKey, EndpointKind, EndpointPort, Isolation, Name,
    NetworkSet, NetworkSetKey, Node, Order, Policy, PolicyClass, PolicyKey, PolicyKind, Profile, Protocol,
    Rule, RuleAction, Service, ServiceBackend, ServiceKey, ServicePort, ServiceSlice, ServiceTarget, Tier,
};
use tierwall::resource::{Kind, ResourceKey};
use tierwall::selector::Selector;

const NAMESPACES: [&str; 2] = ["a", "b"];
const NAMES: [&str; 3] = ["x", "y", "z"];
const TIERS: [&str; 4] = ["default", "early", "late", "kube-admin"];
const PROFILES: [&str; 5] = ["kns.a", "kns.b", "ksa.a.x", "shared", "absent"];

type Labels = BTreeMap<Name, Name>;

fn name(of: &'static [&'static str]) -> impl Strategy<Value = Name> {
    prop::sample::select(of).prop_map(Name::from)
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_map(name(&["app", "pcns.env", "pcsa.env"]), name(&["1", "2"]), 0..3)
}

fn addresses() -> impl Strategy<Value = Vec<IpAddr>> {
    let address = (1..4u8).prop_map(|last| IpAddr::from([10, 0, 0, last]));
    prop::collection::vec(address, 0..3)
}

fn order() -> impl Strategy<Value = Order> {
    prop::option::of((1..3u8).prop_map(f64::from)).prop_map(Order::from)
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule =
        prop::bool::ANY.prop_map(|allow| Rule::new(if allow { RuleAction::Allow } else { RuleAction::Deny }));
    prop::collection::vec(rule, 0..3)
}

fn policy() -> impl Strategy<Value = Policy> {
    let kind = prop::sample::select(vec![
        (PolicyKind::GlobalNetworkPolicy, false),
        (PolicyKind::NetworkPolicy, true),
        (PolicyKind::KubernetesNetworkPolicy, true),
        (PolicyKind::StagedNetworkPolicy, true),
    ]);
    let identity = (kind, name(&NAMESPACES), name(&NAMES));
    (identity, name(&TIERS), order(), prop::option::of(rules()), rules()).prop_map(
        |(((kind, namespaced), namespace, name), tier, order, ingress, egress)| Policy {
            key: PolicyKey { kind, namespace: namespaced.then_some(namespace), name },
            tier,
            order,
            subject: Selector::all(),
            ingress,
            egress: Some(egress),
            class: PolicyClass::Normal { apply_on_forward: false },
            isolation: Isolation::default(),
            origin: None,
        },
    )
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let kinds = vec![EndpointKind::Pod, EndpointKind::WorkloadEndpoint, EndpointKind::HostEndpoint];
    let identity = (prop::sample::select(kinds), name(&NAMESPACES), name(&NAMES));
    let profiles = prop::collection::vec(name(&PROFILES), 0..3);
    let rest = (labels(), profiles, addresses(), prop::option::of(name(&NAMES)), 0..2u16);
    (identity, rest).prop_map(|((kind, namespace, name), (labels, profiles, addresses, node, port))| {
        let namespace = (kind != EndpointKind::HostEndpoint).then_some(namespace);
        Endpoint {
            key: EndpointKey { kind, namespace, name },
            labels,
            profiles,
            addresses,
            ports: vec![EndpointPort { name: "web".into(), protocol: Protocol::TCP, port }],
            node,
            service_account: None,
            interface: None,
            origin: None,
        }
    })
}

fn service_key() -> impl Strategy<Value = ServiceKey> {
    (name(&NAMESPACES), name(&NAMES))
        .prop_map(|(namespace, name)| ServiceKey { namespace: Some(namespace), name })
}

fn service() -> impl Strategy<Value = Service> {
    (service_key(), addresses()).prop_map(|(key, addresses)| Service {
        key,
        addresses,
        selector: None,
        ports: vec![ServicePort {
            name: None,
            protocol: Protocol::TCP,
            port: 80,
            target: ServiceTarget::Number(8080),
            node_port: None,
        }],
        local_only: false,
    })
}

fn slice() -> impl Strategy<Value = ServiceSlice> {
    (name(&NAMESPACES), name(&NAMES), prop::option::of(service_key()), addresses()).prop_map(
        |(namespace, name, service, addresses)| ServiceSlice {
            namespace,
            name,
            service,
            backends: addresses.into_iter().map(|address| ServiceBackend { address, ready: true }).collect(),
            ports: vec![(None, Protocol::TCP, 8080)],
        },
    )
}

fn network_set() -> impl Strategy<Value = NetworkSet> {
    let key = (prop::option::of(name(&NAMESPACES)), name(&NAMES));
    (key, labels(), prop::option::of(name(&PROFILES)), addresses()).prop_map(
        |((namespace, name), labels, profile, addresses)| NetworkSet {
            key: NetworkSetKey { namespace, name },
            labels,
            profile,
            nets: addresses.into_iter().map(Into::into).collect(),
            domains: Vec::new(),
        },
    )
}

fn profile() -> impl Strategy<Value = Lowered> {
    (labels(), rules()).prop_map(|(labels_to_apply, ingress)| {
        Lowered::Profile("shared".into(), Profile { ingress, egress: Vec::new(), labels_to_apply })
    })
}

fn object() -> impl Strategy<Value = Lowered> {
    let action = prop::sample::select(vec![DefaultAction::Deny, DefaultAction::Pass]);
    let tier = (name(&TIERS), order(), action).prop_map(|(name, order, default_action)| Tier {
        name,
        order,
        default_action,
    });
    let node = (name(&NAMES), labels(), addresses()).prop_map(|(name, labels, addresses)| Node {
        name,
        labels,
        addresses,
    });
    prop_oneof![
        4 => policy().prop_map(Lowered::from),
        4 => endpoint().prop_map(Lowered::from),
        1 => tier.prop_map(Lowered::from),
        1 => node.prop_map(Lowered::from),
        1 => service().prop_map(Lowered::from),
        1 => slice().prop_map(Lowered::from),
        2 => network_set().prop_map(Lowered::from),
        1 => profile(),
        2 => (name(&NAMESPACES), labels()).prop_map(|(name, labels)| Lowered::Namespace { name, labels }),
        1 => (name(&NAMESPACES), name(&NAMES), labels())
            .prop_map(|(namespace, name, labels)| Lowered::ServiceAccount { namespace, name, labels }),
    ]
}

/// A transaction: objects that are put, or those of the same key removed.
fn transaction() -> impl Strategy<Value = Vec<(Lowered, bool)>> {
    prop::collection::vec((object(), prop::bool::weighted(0.7)), 0..8)
}

fn dialect() -> impl Strategy<Value = Dialect> {
    (any::<bool>(), any::<bool>()).prop_map(|(backend_name, missing_profile)| {
        let mut dialect = Dialect::default();
        if backend_name {
            dialect.tie_break = TieBreak::BackendName;
        }
        if missing_profile {
            dialect.missing_namespace = MissingNamespace::MissingProfile;
        }
        dialect
    })
}

fn key(object: &Lowered) -> ResourceKey {
    let key = |kind, namespace: Option<&Name>, name: &Name| ResourceKey {
        kind,
        namespace: namespace.map(ToString::to_string),
        name: name.to_string(),
    };
    match object {
        Lowered::Policy(policy) => {
            let kind = match policy.key.kind {
                PolicyKind::GlobalNetworkPolicy => Kind::GlobalNetworkPolicy,
                PolicyKind::NetworkPolicy => Kind::CalicoNetworkPolicy,
                PolicyKind::KubernetesNetworkPolicy => Kind::NetworkPolicy,
                _ => Kind::StagedNetworkPolicy,
            };
            key(kind, policy.key.namespace.as_ref(), &policy.key.name)
        }
        Lowered::Endpoint(endpoint) => {
            let kind = match endpoint.key.kind {
                EndpointKind::Pod => Kind::Pod,
                EndpointKind::WorkloadEndpoint => Kind::WorkloadEndpoint,
                _ => Kind::HostEndpoint,
            };
            key(kind, endpoint.key.namespace.as_ref(), &endpoint.key.name)
        }
        Lowered::Tier(tier) => key(Kind::Tier, None, &tier.name),
        Lowered::Profile(name, _) => key(Kind::Profile, None, name),
        Lowered::NetworkSet(set) => key(Kind::NetworkSet, set.key.namespace.as_ref(), &set.key.name),
        Lowered::Namespace { name, .. } => key(Kind::Namespace, None, name),
        Lowered::ServiceAccount { namespace, name, .. } => key(Kind::ServiceAccount, Some(namespace), name),
        Lowered::Node(node) => key(Kind::Node, None, &node.name),
        Lowered::Service(service) => key(Kind::Service, service.key.namespace.as_ref(), &service.key.name),
        Lowered::Slice(slice) => key(Kind::EndpointSlice, Some(&slice.namespace), &slice.name),
        other => panic!("{other:?} is not generated"),
    }
}

/// Everything in a cluster that the changes speak of.
#[derive(Debug, Clone, PartialEq)]
struct State {
    endpoints: BTreeMap<EndpointId, (Endpoint, Labels)>,
    policies: BTreeMap<PolicyKey, Policy>,
    tiers: Vec<(Tier, Vec<PolicyKey>)>,
    profiles: BTreeMap<&'static str, Profile>,
    network_sets: BTreeMap<NetworkSetKey, (NetworkSet, Labels)>,
    nodes: Vec<Node>,
    namespaces: Vec<(Name, Labels)>,
    service_accounts: Vec<Option<Labels>>,
    services: BTreeMap<ServiceKey, (Service, Option<ServiceRoute>)>,
}

fn state(cluster: &Cluster) -> State {
    let accounts = NAMESPACES.iter().flat_map(|namespace| NAMES.iter().map(move |name| (namespace, name)));
    State {
        endpoints: cluster
            .endpoints()
            .map(|entry| (entry.id, (entry.endpoint.clone(), entry.labels.clone())))
            .collect(),
        policies: cluster.policies().map(|entry| (entry.policy.key.clone(), entry.policy.clone())).collect(),
        tiers: cluster
            .tiers()
            .map(|(tier, policies)| (tier.clone(), policies.map(|entry| entry.policy.key.clone()).collect()))
            .collect(),
        profiles: PROFILES
            .iter()
            .filter_map(|name| Some((*name, cluster.profile(name)?.profile.clone())))
            .collect(),
        network_sets: cluster
            .network_sets()
            .map(|entry| (entry.set.key.clone(), (entry.set.clone(), entry.labels.clone())))
            .collect(),
        nodes: cluster.nodes().cloned().collect(),
        namespaces: cluster.namespaces().map(|(name, labels)| (name.clone(), labels.clone())).collect(),
        service_accounts: accounts
            .map(|(namespace, name)| cluster.service_account(namespace, name).cloned())
            .collect(),
        services: cluster
            .services()
            .map(|service| {
                let route = cluster.route_to_service(&service.key, Protocol::TCP, 80);
                (service.key.clone(), (service.clone(), route))
            })
            .collect(),
    }
}

/// The keys whose values are not the same on both sides.
fn differing<K: Ord + Clone, V: PartialEq>(a: &BTreeMap<K, V>, b: &BTreeMap<K, V>) -> BTreeSet<K> {
    a.keys().chain(b.keys()).filter(|key| a.get(key) != b.get(key)).cloned().collect()
}

/// The policies of each tier in order, but for those that the changes name.
fn undisturbed(state: &State, changes: &Changes) -> BTreeMap<Name, Vec<PolicyKey>> {
    let rest = |keys: &[PolicyKey]| -> Vec<PolicyKey> {
        keys.iter().filter(|key| !changes.policies().contains(key)).cloned().collect()
    };
    let tiers = state.tiers.iter().map(|(tier, keys)| (tier.name.clone(), rest(keys)));
    tiers.filter(|(_, keys)| !keys.is_empty()).collect()
}

fn check_sound(before: &State, after: &State, changes: &Changes) {
    let endpoints = differing(&before.endpoints, &after.endpoints);
    assert!(changes.endpoints().is_superset(&endpoints), "{endpoints:?}");
    let policies = differing(&before.policies, &after.policies);
    assert!(changes.policies().is_superset(&policies), "{policies:?}");
    assert_eq!(undisturbed(before, changes), undisturbed(after, changes));
    let tiers = |state: &State| -> Vec<Tier> { state.tiers.iter().map(|(tier, _)| tier.clone()).collect() };
    assert!(changes.tiers() || tiers(before) == tiers(after));
    let profiles = differing(&before.profiles, &after.profiles);
    assert!(profiles.iter().all(|name| changes.profiles().contains(*name)), "{profiles:?}");
    let sets = differing(&before.network_sets, &after.network_sets);
    assert!(changes.network_sets().is_superset(&sets), "{sets:?}");
    assert!(changes.nodes() || before.nodes == after.nodes);
    assert!(changes.namespaces() || before.namespaces == after.namespaces);
    assert!(changes.service_accounts() || before.service_accounts == after.service_accounts);
    let services = differing(&before.services, &after.services);
    // A route names the endpoints that hold its addresses.
    assert!(changes.services().is_superset(&services) || !changes.endpoints().is_empty(), "{services:?}");
}

/// Endpoints are named if they were put or removed, or differ by what they inherit; nothing else is.
fn check_exact(before: &State, after: &State, changes: &Changes, done: &[(Lowered, bool)]) {
    let put: BTreeSet<&EndpointKey> = done
        .iter()
        .filter_map(|(object, _)| match object {
            Lowered::Endpoint(endpoint) => Some(&endpoint.key),
            _ => None,
        })
        .collect();
    for id in changes.endpoints() {
        let (old, new) = (before.endpoints.get(id), after.endpoints.get(id));
        let was_put = old.or(new).is_none_or(|(endpoint, _)| put.contains(&endpoint.key));
        assert!(was_put || old != new, "{id:?} was not touched");
    }
}

/// The indexes find what a search finds.
fn check_indexes(cluster: &Cluster) {
    for last in 1..4 {
        let address = IpAddr::from([10, 0, 0, last]);
        let nodes = cluster.nodes().filter(|node| node.addresses.contains(&address));
        assert!(cluster.nodes_at(address).eq(nodes));
        let holders = cluster.endpoints().filter(|entry| entry.endpoint.addresses.contains(&address));
        assert!(cluster.endpoints_at(address).map(|entry| entry.id).eq(holders.map(|entry| entry.id)));
    }
    for node in NAMES {
        let hosts = cluster.host_endpoints().filter(|entry| entry.endpoint.node.as_deref() == Some(node));
        assert!(cluster.host_endpoints_of(node).map(|entry| entry.id).eq(hosts.map(|entry| entry.id)));
    }
}

/// What does not hang on how the cluster came to be.
fn contents(cluster: &Cluster) -> impl PartialEq + std::fmt::Debug + use<> {
    let State { endpoints, policies, tiers, network_sets, nodes, namespaces, .. } = state(cluster);
    let endpoints: Vec<_> =
        endpoints.into_values().map(|(endpoint, labels)| (endpoint.key.clone(), endpoint, labels)).collect();
    let mut endpoints = endpoints;
    endpoints.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    (endpoints, policies, tiers, network_sets, nodes, namespaces)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_name_what_differs(
        dialect in dialect(),
        transactions in prop::collection::vec(transaction(), 1..12),
    ) {
        let mut cluster = Cluster::with_dialect(dialect.clone());
        prop_assert!(cluster.take_changes().is_everything());
        let mut objects: BTreeMap<ResourceKey, Lowered> = BTreeMap::new();
        for done in transactions {
            let before = state(&cluster);
            let mut transaction = cluster.transaction();
            for (object, present) in &done {
                if *present {
                    transaction.put(object.clone());
                    objects.insert(key(object), object.clone());
                } else {
                    transaction.remove(&key(object));
                    objects.remove(&key(object));
                }
            }
            transaction.commit();
            let (after, changes) = (state(&cluster), cluster.take_changes());
            prop_assert!(!changes.is_everything());
            check_sound(&before, &after, &changes);
            check_exact(&before, &after, &changes, &done);
            check_indexes(&cluster);
        }
        let put_all = |cluster: &mut Cluster| {
            let mut transaction = cluster.transaction();
            objects.values().for_each(|object| transaction.put(object.clone()));
            transaction.commit();
        };
        let mut anew = Cluster::with_dialect(dialect);
        put_all(&mut anew);
        prop_assert_eq!(contents(&cluster), contents(&anew));
        put_all(&mut cluster);
        prop_assert!(cluster.take_changes().is_empty());
    }

    #[test]
    fn answers_of_dns_come_and_go(steps in prop::collection::vec((any::<bool>(), addresses(), 0..9u64), 1..20)) {
        let mut cluster = Cluster::new();
        cluster.take_changes();
        let names = |cluster: &Cluster| -> Vec<BTreeMap<Name, Duration>> {
            (1..4).map(|last| cluster.names_of(IpAddr::from([10, 0, 0, last]), None)).collect()
        };
        for (observe, addresses, time) in steps {
            let (before, time) = (names(&cluster), Duration::from_secs(time));
            match observe {
                true => cluster.observe(DnsAnswer::addresses("a.com", addresses, time)),
                false => cluster.advance(time),
            }
            prop_assert_eq!(cluster.take_changes().dns(), names(&cluster) != before);
            let expiries: Vec<Duration> =
                names(&cluster).into_iter().flat_map(BTreeMap::into_values).collect();
            prop_assert!(expiries.iter().all(|until| *until > cluster.now()));
            prop_assert_eq!(cluster.valid_until(), expiries.into_iter().min());
        }
    }
}

#[test]
fn a_clone_begins_at_everything() {
    let mut cluster = Cluster::new();
    cluster.take_changes();
    assert!(cluster.clone().take_changes().is_everything());
    assert!(cluster.take_changes().is_empty());
}

#[test]
fn rules_of_a_profile_are_no_change_of_its_endpoints() {
    let mut cluster = Cluster::new();
    let shared = |ingress| Lowered::Profile("shared".into(), Profile { ingress, ..Profile::default() });
    cluster.put(shared(Vec::new()));
    cluster.put(Endpoint {
        key: EndpointKey { kind: EndpointKind::Pod, namespace: Some("a".into()), name: "x".into() },
        labels: Labels::new(),
        profiles: vec!["shared".into()],
        addresses: Vec::new(),
        ports: Vec::new(),
        node: None,
        service_account: None,
        interface: None,
        origin: None,
    });
    cluster.take_changes();
    cluster.put(shared(vec![Rule::new(RuleAction::Allow)]));
    let changes = cluster.take_changes();
    assert_eq!(changes.profiles().iter().map(|name| &**name).collect::<Vec<_>>(), ["shared"]);
    assert!(changes.endpoints().is_empty());
}
