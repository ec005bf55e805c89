//! Single cases.

use crate::resource::kubernetes::{NetworkPolicy, Pod};
use crate::resource::{IntOrString, Kind, Lookup, ObjectMeta, Resource, calico, policy_api};
use insta::assert_snapshot;
use serde_json::{Value, json};

fn error_of(object: &Value) -> String {
    serde_json::from_value::<Resource>(object.clone()).unwrap_err().to_string()
}

#[test]
fn unknown_fields_are_named_with_those_there_are() {
    let policy = |spec| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": spec});
    assert_snapshot!(
        error_of(&policy(json!({"ingress": [{"form": []}]}))),
        @"unknown field `form`, expected `ports` or `from`"
    );
    assert_snapshot!(
        error_of(&json!({"apiVersion": "projectcalico.org/v3", "kind": "Tier", "order": 1})),
        @"unknown field `order`, expected one of `apiVersion`, `kind`, `metadata`, `spec`, `status`"
    );
}

#[test]
fn fields_of_other_versions_and_editions_are_unknown() {
    let anp = |peer| {
        json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy",
               "spec": {"ingress": [{"from": [peer]}]}})
    };
    assert_snapshot!(
        error_of(&anp(json!({"namespaces": {"namespaceSelector": {}}}))),
        @"unknown field `namespaceSelector`, expected `matchLabels` or `matchExpressions`"
    );
    assert_snapshot!(
        error_of(&anp(json!({"networks": ["10.0.0.0/8"]}))),
        @"unknown field `networks`, expected `namespaces` or `pods`"
    );
    let headers = json!({"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy",
        "spec": {"ingress": [{"http": {"headers": []}}]}});
    assert_snapshot!(error_of(&headers), @"unknown field `headers`, expected `methods` or `paths`");
    let baseline = json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "BaselineAdminNetworkPolicy",
        "spec": {"egress": [{"to": [{"domainNames": ["example.com"]}]}]}});
    assert_snapshot!(
        error_of(&baseline),
        @"unknown field `domainNames`, expected one of `namespaces`, `pods`, `nodes`, `networks`"
    );
}

#[test]
fn a_misspelt_namespace_of_a_policy_is_an_error() {
    let policy =
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespce": "a"}});
    assert!(
        error_of(&policy)
            .starts_with("unknown field `namespce`, expected one of `name`, `namespace`, `labels`")
    );
}

#[test]
fn what_a_server_adds_is_dropped() {
    let metadata = json!({
        "name": "web", "generateName": "web-", "namespace": "shop", "uid": "1", "resourceVersion": "2", "generation": 3,
        "creationTimestamp": null, "deletionGracePeriodSeconds": 30, "selfLink": "/a", "finalizers": ["f"],
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "4"}],
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
    });
    let status = json!({"conditions": [{"type": "Valid", "status": "True"}]});
    for (api_version, kind) in
        [("networking.k8s.io/v1", "NetworkPolicy"), ("projectcalico.org/v3", "NetworkPolicy"), ("v1", "Pod")]
    {
        let exported =
            json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": status});
        let resource: Resource = serde_json::from_value(exported).unwrap();
        assert_eq!(resource.metadata(), &ObjectMeta::namespaced("shop", "web"));
    }
}

#[test]
fn fields_that_nothing_reads_are_accepted_and_dropped() {
    let endpoint = json!({"apiVersion": "projectcalico.org/v3", "kind": "WorkloadEndpoint", "metadata": {"name": "a"},
        "spec": {"qosControls": {"egressBandwidth": 1}}});
    let resource: Resource = serde_json::from_value(endpoint).unwrap();
    let expected =
        calico::WorkloadEndpoint { metadata: ObjectMeta::named("a"), ..calico::WorkloadEndpoint::default() };
    assert_eq!(resource, Resource::from(expected));
}

#[test]
fn defaults_are_not_written() {
    assert_snapshot!(
        serde_json::to_string(&NetworkPolicy::default()).unwrap(),
        @r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{},"spec":{}}"#
    );
}

#[test]
fn absent_and_empty_lists_stay_apart_where_the_api_tells_them_apart() {
    let read = |spec: Value| serde_json::from_value::<calico::NetworkPolicySpec>(spec).unwrap();
    assert_eq!(read(json!({})).ingress, None);
    assert_eq!(read(json!({"ingress": null})).ingress, None);
    assert_eq!(read(json!({"ingress": []})).ingress, Some(vec![]));
    let read = |rule: Value| serde_json::from_value::<policy_api::ClusterEgressRule>(rule).unwrap();
    assert_eq!(read(json!({})).protocols, None);
    assert_eq!(read(json!({"protocols": []})).protocols, Some(vec![]));
}

#[test]
fn a_null_item_is_an_error_and_not_an_empty_rule() {
    let policy =
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"ingress": [null]}});
    assert_snapshot!(error_of(&policy), @"invalid type: null, expected struct NetworkPolicyIngressRule");
}

#[test]
fn numbers_and_strings_stay_apart() {
    let read = |json: &str| serde_json::from_str::<IntOrString>(json).map_err(|error| error.to_string());
    assert_eq!(read("80"), Ok(IntOrString::Int(80)));
    assert_eq!(read("-1"), Ok(IntOrString::Int(-1)));
    assert_eq!(read("\"80\""), Ok(IntOrString::from("80")));
    assert_snapshot!(read("80.5").unwrap_err(), @"invalid type: floating point `80.5`, expected an integer or a string at line 1 column 4");
    assert_snapshot!(read("18446744073709551615").unwrap_err(), @"invalid value: integer `18446744073709551615`, expected an integer or a string at line 1 column 20");
}

#[test]
fn api_version_and_kind_may_come_last() {
    let text = r#"{"spec": {"order": 5}, "metadata": {"name": "a"}, "kind": "Tier", "apiVersion": "projectcalico.org/v3"}"#;
    let Resource::Tier(tier) = serde_json::from_str(text).unwrap() else { panic!("no tier") };
    assert_eq!(tier.spec.order, Some(5.0));
}

#[test]
fn objects_that_cannot_be_told_are_refused() {
    assert_snapshot!(error_of(&json!([])), @"missing field `apiVersion`");
    assert_snapshot!(error_of(&json!({"apiVersion": "v1"})), @"missing field `kind`");
    assert_snapshot!(error_of(&json!({"apiVersion": "v1", "kind": "Secret"})), @"unknown kind `Secret` of `v1`");
    assert_snapshot!(
        error_of(&json!({"apiVersion": "extensions/v1beta1", "kind": "NetworkPolicy"})),
        @"`NetworkPolicy` is not supported in version `extensions/v1beta1`; write `networking.k8s.io/v1`"
    );
}

#[test]
fn a_field_twice_is_an_error() {
    let text = r#"{"apiVersion": "v1", "kind": "Pod", "kind": "Pod"}"#;
    assert_snapshot!(serde_json::from_str::<Resource>(text).unwrap_err(), @"duplicate field `kind`");
}

#[test]
fn depth_is_bounded() {
    let deep = format!(r#"{{"apiVersion": "v1", "kind": "Pod", "x": {}{}}}"#, "[".repeat(64), "]".repeat(64));
    assert_snapshot!(
        serde_json::from_str::<Resource>(&deep).unwrap_err(),
        @"more than 64 lists and maps inside one another at line 1 column 106"
    );
}

#[test]
fn a_typed_object_refuses_another_kind_and_does_without() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}});
    assert_snapshot!(
        serde_json::from_value::<NetworkPolicy>(pod).unwrap_err(),
        @"this is a `Pod` of `v1`, not a `NetworkPolicy` of `networking.k8s.io/v1`"
    );
    let item: Pod = serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap();
    assert_eq!(item.metadata, ObjectMeta::named("a"));
}

#[test]
fn calico_objects_of_the_datastore_are_the_same_objects() {
    let stored = json!({"apiVersion": "crd.projectcalico.org/v1", "kind": "Tier", "metadata": {"name": "a"}});
    let resource: Resource = serde_json::from_value(stored).unwrap();
    assert_eq!(serde_json::to_value(&resource).unwrap()["apiVersion"], "projectcalico.org/v3");
}

#[test]
fn kinds_are_told_by_their_group() {
    use Lookup::{Known, Unknown, UnsupportedVersion};
    let expected = [
        ("networking.k8s.io/v1", "NetworkPolicy", Known(Kind::NetworkPolicy)),
        ("projectcalico.org/v3", "NetworkPolicy", Known(Kind::CalicoNetworkPolicy)),
        ("crd.projectcalico.org/v1", "NetworkPolicy", Known(Kind::CalicoNetworkPolicy)),
        ("v1", "Pod", Known(Kind::Pod)),
        ("projectcalico.org/v1", "Tier", UnsupportedVersion { supported: "projectcalico.org/v3" }),
        ("projectcalico.org/v4", "Tier", UnsupportedVersion { supported: "projectcalico.org/v3" }),
        ("networking.k8s.io/v2", "NetworkPolicy", UnsupportedVersion { supported: "networking.k8s.io/v1" }),
        ("extensions/v1beta1", "NetworkPolicy", UnsupportedVersion { supported: "networking.k8s.io/v1" }),
        ("extensions/v1beta1", "Deployment", UnsupportedVersion { supported: "apps/v1" }),
        (
            "policy.networking.k8s.io/v1alpha1",
            "ClusterNetworkPolicy",
            UnsupportedVersion { supported: "policy.networking.k8s.io/v1alpha2" },
        ),
        (
            "policy.networking.k8s.io/v1alpha2",
            "AdminNetworkPolicy",
            UnsupportedVersion { supported: "policy.networking.k8s.io/v1alpha1" },
        ),
        ("policy.networking.k8s.io/v1alpha2", "Other", Unknown),
        ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy", Unknown),
        ("networking.k8s.aws/v1alpha1", "ClusterNetworkPolicy", Unknown),
        ("cilium.io/v2", "CiliumNetworkPolicy", Unknown),
        ("networking.k8s.io/v1", "Ingress", Unknown),
        ("networking.k8s.io/v1", "networkpolicy", Unknown),
        ("NetworkPolicy", "networking.k8s.io/v1", Unknown),
        ("", "", Unknown),
    ];
    for (api_version, kind, lookup) in expected {
        assert_eq!(Kind::from_api(api_version, kind), lookup, "{api_version} {kind}");
    }
    for &kind in Kind::ALL {
        assert_eq!(Kind::from_api(kind.api_version(), kind.as_str()), Known(kind));
    }
}

#[test]
fn a_key_has_a_namespace_if_and_only_if_the_kind_has() {
    let key = |mut resource: Resource, metadata: ObjectMeta| {
        *resource.metadata_mut() = metadata;
        resource.key().to_string()
    };
    let pod = || Resource::from(Pod::default());
    assert_eq!(key(pod(), ObjectMeta::namespaced("shop", "a")), "Pod shop/a");
    assert_eq!(key(pod(), ObjectMeta::named("a")), "Pod default/a");
    assert_eq!(key(pod(), ObjectMeta::namespaced("", "a")), "Pod default/a");
    assert_eq!(key(calico::Tier::default().into(), ObjectMeta::namespaced("shop", "a")), "Tier a");
}

#[test]
fn labels_are_added_one_by_one() {
    let metadata = ObjectMeta::named("a").with_label("app", "web").with_label("app", "db");
    assert_eq!(serde_json::to_value(metadata).unwrap(), json!({"name": "a", "labels": {"app": "db"}}));
}
