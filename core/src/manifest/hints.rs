//! Fields that people put in the wrong place, and where they belong.

/// A field of another level.
struct Misplaced {
    /// The fields that tell the place: the object there has all of them.
    place: &'static [&'static str],
    /// The fields found there that belong elsewhere.
    fields: &'static [&'static str],
    help: &'static str,
}

/// The first that fits counts.
const MISPLACED: &[Misplaced] = &[
    // Any object.
    Misplaced {
        place: &["metadata", "spec"],
        fields: &[
            "podSelector",
            "policyTypes",
            "ingress",
            "egress",
            "selector",
            "types",
            "order",
            "tier",
            "subject",
            "priority",
        ],
        help: "it belongs inside `spec`",
    },
    Misplaced {
        place: &["metadata", "spec"],
        fields: &["name", "namespace", "labels", "annotations"],
        help: "it belongs inside `metadata`",
    },
    // The spec of a Kubernetes NetworkPolicy, and its rules, peers and ports.
    Misplaced {
        place: &["podSelector", "policyTypes"],
        fields: &["types"],
        help: "a Kubernetes NetworkPolicy has `policyTypes`",
    },
    Misplaced {
        place: &["podSelector", "policyTypes"],
        fields: &["selector"],
        help: "a Kubernetes NetworkPolicy has `podSelector`, with `matchLabels` or `matchExpressions` inside",
    },
    Misplaced {
        place: &["podSelector", "policyTypes"],
        fields: &["from"],
        help: "it belongs inside an item of `ingress`",
    },
    Misplaced {
        place: &["podSelector", "policyTypes"],
        fields: &["to"],
        help: "it belongs inside an item of `egress`",
    },
    Misplaced {
        place: &["podSelector", "policyTypes"],
        fields: &["ports"],
        help: "it belongs inside an item of `ingress` or `egress`, beside `from` or `to`",
    },
    Misplaced {
        place: &["from", "ports"],
        fields: &["to"],
        help: "an ingress rule has `from`; `to` belongs inside an item of `egress`",
    },
    Misplaced {
        place: &["to", "ports"],
        fields: &["from"],
        help: "an egress rule has `to`; `from` belongs inside an item of `ingress`",
    },
    Misplaced {
        place: &["from", "ports"],
        fields: &["podSelector", "namespaceSelector", "ipBlock"],
        help: "it belongs inside an item of `from`",
    },
    Misplaced {
        place: &["to", "ports"],
        fields: &["podSelector", "namespaceSelector", "ipBlock"],
        help: "it belongs inside an item of `to`",
    },
    Misplaced {
        place: &["ports", "from"],
        fields: &["port", "protocol", "endPort"],
        help: "it belongs inside an item of `ports`",
    },
    Misplaced {
        place: &["ports", "to"],
        fields: &["port", "protocol", "endPort"],
        help: "it belongs inside an item of `ports`",
    },
    Misplaced {
        place: &["podSelector", "ipBlock"],
        fields: &["cidr", "except"],
        help: "it belongs inside `ipBlock`",
    },
    Misplaced {
        place: &["podSelector", "ipBlock"],
        fields: &["matchLabels", "matchExpressions"],
        help: "it belongs inside `podSelector` or `namespaceSelector`, one level deeper",
    },
    Misplaced {
        place: &["podSelector", "ipBlock"],
        fields: &["ports"],
        help: "it belongs to the rule, beside `from` or `to`: indent it like them",
    },
    Misplaced {
        place: &["matchLabels", "matchExpressions"],
        fields: &["key", "operator", "values"],
        help: "it belongs inside an item of `matchExpressions`",
    },
    // The spec of a Calico policy, its rules, and the sides of a rule.
    Misplaced {
        place: &["selector", "types"],
        fields: &["policyTypes"],
        help: "a Calico policy has `types`",
    },
    Misplaced {
        place: &["selector", "types"],
        fields: &["podSelector"],
        help: "a Calico policy has `selector`, as \"app == 'web'\"",
    },
    Misplaced {
        place: &["source", "destination"],
        fields: &[
            "ports",
            "notPorts",
            "selector",
            "notSelector",
            "namespaceSelector",
            "nets",
            "notNets",
            "serviceAccounts",
            "services",
            "domains",
        ],
        help: "it belongs inside `source` or `destination`, one level deeper",
    },
    Misplaced { place: &["source", "destination"], fields: &["from"], help: "a Calico rule has `source`" },
    Misplaced { place: &["source", "destination"], fields: &["to"], help: "a Calico rule has `destination`" },
    Misplaced {
        place: &["source", "destination"],
        fields: &["port"],
        help: "it belongs inside `source` or `destination`, as the list `ports`",
    },
    Misplaced {
        place: &["nets", "notNets", "ports"],
        fields: &["action", "protocol", "notProtocol", "icmp", "http"],
        help: "it belongs to the rule, beside `source` and `destination`",
    },
    Misplaced {
        place: &["nets", "notNets", "ports"],
        fields: &["cidr", "net", "ipBlock"],
        help: "a Calico rule has the list `nets`",
    },
    Misplaced {
        place: &["nets", "notNets", "ports"],
        fields: &["podSelector"],
        help: "a Calico rule has `selector`, as \"app == 'web'\"",
    },
];

/// Where the unknown field `name` belongs, if an object with the fields `known` tells.
pub(super) fn misplaced(name: &str, known: &[&str]) -> Option<&'static str> {
    MISPLACED
        .iter()
        .find(|hint| hint.fields.contains(&name) && hint.place.iter().all(|field| known.contains(field)))
        .map(|hint| hint.help)
}

/// Where any field belongs that an object with the fields `known` does not have, if it is no typing error.
pub(super) fn any_field(known: &[&str]) -> Option<&'static str> {
    let is_label_selector = known.contains(&"matchLabels") && known.contains(&"matchExpressions");
    is_label_selector.then_some("labels belong inside `matchLabels`, one level deeper")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_led_to_the_level_it_belongs_to() {
        let rule = ["action", "protocol", "source", "destination"];
        assert_eq!(
            misplaced("ports", &rule),
            Some("it belongs inside `source` or `destination`, one level deeper")
        );
        assert_eq!(misplaced("proto", &rule), None);
        assert_eq!(
            misplaced("to", &["from", "ports"]),
            Some("an ingress rule has `from`; `to` belongs inside an item of `egress`")
        );
        assert_eq!(any_field(&rule), None);
    }

    #[test]
    fn no_hint_sends_a_field_away_from_its_place() {
        for hint in MISPLACED {
            assert!(hint.fields.iter().all(|field| !hint.place.contains(field)), "{}", hint.help);
        }
    }
}
