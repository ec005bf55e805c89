//! Tiers, profiles and network sets (`spec/calico.md` 1.2, 1.3, 1.6).

use super::calico_entity::{domain_patterns, unknown_enterprise_field};
use super::calico_policy::order;
use super::calico_rule::{RuleContext, rules};
use super::cidr::{CidrReading, parse_cidr};
use super::labels::{NAMESPACE_LABEL, namespace_profile_name};
use super::names::{self, NameRule, cluster_scoped, namespaced};
use super::problems::{Checker, suggestion};
use super::{Lowered, Lowering};
use crate::diagnostic::{Code, FieldPath, Problem};
use crate::dialect::{AbsentTierOrder, Dialect, Flavour};
use crate::model::{
    DefaultAction, Direction, DomainPattern, Name, NetworkSet, NetworkSetKey, Order, Profile, Tier,
};
use crate::resource::ObjectMeta;
use crate::resource::calico::{self, NetworkSetSpec, TierSpec};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

const NOT_IN_A_NAMESPACE: &str = "remove it: an object of this kind is for the whole cluster";

/// Lowers a Tier.
pub(super) fn tier(tier: &calico::Tier, dialect: &Dialect) -> Lowering {
    let mut checker = Checker::default();
    let name = cluster_scoped(&mut checker, &tier.metadata, NameRule::Label, NOT_IN_A_NAMESPACE);
    let lowered = checker.at("spec", |checker| {
        let order = match (tier.spec.order, dialect.absent_tier_order) {
            (None, AbsentTierOrder::Client) => Order::new(Tier::DEFAULT_ORDER),
            (given, _) => order(checker, given),
        };
        let lowered = Tier { name, order, default_action: default_action(checker, &tier.spec) };
        check_reserved(checker, &lowered);
        lowered
    });
    checker.finish(Some(Lowered::Tier(lowered)))
}

fn default_action(checker: &mut Checker, spec: &TierSpec) -> DefaultAction {
    match spec.default_action.as_deref() {
        None | Some("" | "Deny") => DefaultAction::Deny,
        Some("Pass") => DefaultAction::Pass,
        Some(other) => {
            checker.at("defaultAction", |checker| {
                let message = format!("`{other}` is not a default action of tiers");
                checker.error(Code::UnknownValue, message, suggestion(other, ["Deny", "Pass"]));
            });
            DefaultAction::Deny
        }
    }
}

/// The tiers that always exist keep their values.
fn check_reserved(checker: &mut Checker, tier: &Tier) {
    let Some(reserved) = Tier::reserved().into_iter().find(|reserved| reserved.name == tier.name) else {
        return;
    };
    let name = &tier.name;
    if tier.order != reserved.order {
        checker.at("order", |checker| {
            let order = reserved.order;
            let message = format!("the tier `{name}` is reserved, and its order is always {order}");
            checker.error(
                Code::ReservedObject,
                message,
                format!("write `order: {order}`, or name the tier otherwise"),
            );
        });
    }
    if tier.default_action != reserved.default_action {
        checker.at("defaultAction", |checker| {
            let action = match reserved.default_action {
                DefaultAction::Deny => "Deny",
                DefaultAction::Pass => "Pass",
            };
            let message =
                format!("the tier `{name}` is reserved, and its default action is always `{action}`");
            let help = format!("write `defaultAction: {action}`, or name the tier otherwise");
            checker.error(Code::ReservedObject, message, help);
        });
    }
}

/// Lowers a Profile.
pub(super) fn profile(profile: &calico::Profile, dialect: &Dialect) -> Lowering {
    let mut checker = Checker::default();
    let name = cluster_scoped(&mut checker, &profile.metadata, NameRule::Subdomain, NOT_IN_A_NAMESPACE);
    let lowered = checker.at("spec", |checker| {
        let spec = &profile.spec;
        let context = |direction| RuleContext { direction, namespace: None, dialect };
        Profile {
            ingress: rules(checker, &spec.ingress, context(Direction::Ingress)),
            egress: rules(checker, &spec.egress, context(Direction::Egress)),
            labels_to_apply: names::labels(checker, "labelsToApply", &spec.labels_to_apply),
        }
    });
    checker.finish(Some(Lowered::Profile(name, lowered)))
}

/// Lowers a NetworkSet.
pub(super) fn network_set(set: &calico::NetworkSet, dialect: &Dialect) -> Lowering {
    let mut checker = Checker::default();
    let (namespace, name) = namespaced(&mut checker, &set.metadata, NameRule::Subdomain);
    let key = NetworkSetKey { namespace: Some(namespace), name };
    let set = lower_set(&mut checker, key, &set.metadata, &set.spec, dialect);
    checker.finish(Some(Lowered::NetworkSet(set)))
}

/// Lowers a GlobalNetworkSet.
pub(super) fn global_network_set(set: &calico::GlobalNetworkSet, dialect: &Dialect) -> Lowering {
    let mut checker = Checker::default();
    let scope = "write a NetworkSet to have it in a namespace";
    let name = cluster_scoped(&mut checker, &set.metadata, NameRule::Subdomain, scope);
    let key = NetworkSetKey { namespace: None, name };
    let set = lower_set(&mut checker, key, &set.metadata, &set.spec, dialect);
    checker.finish(Some(Lowered::NetworkSet(set)))
}

fn lower_set(
    checker: &mut Checker,
    key: NetworkSetKey,
    metadata: &ObjectMeta,
    spec: &NetworkSetSpec,
    dialect: &Dialect,
) -> NetworkSet {
    NetworkSet {
        labels: set_labels(checker, metadata, key.namespace.as_ref()),
        profile: key.namespace.as_deref().map(namespace_profile_name),
        nets: checker.at("spec", |checker| nets(checker, &spec.nets)),
        domains: checker.at("spec", |checker| domains(checker, &spec.allowed_egress_domains, dialect)),
        key,
    }
}

fn set_labels(
    checker: &mut Checker,
    metadata: &ObjectMeta,
    namespace: Option<&Name>,
) -> BTreeMap<Name, Name> {
    if metadata.labels.contains_key(NAMESPACE_LABEL) {
        let path = FieldPath::root().key("metadata").key("labels").key(NAMESPACE_LABEL);
        let message = format!("the label `{NAMESPACE_LABEL}` is not for network sets to give themselves");
        let help = match namespace {
            Some(namespace) => format!("remove it: the set has it already, with the value `{namespace}`"),
            None => "remove it; a NetworkSet has it, with its namespace as the value".to_owned(),
        };
        checker.report(Problem::error(Code::InvalidLabel, path, message).with_help(help));
    }
    let automatic = namespace.map(|namespace| (NAMESPACE_LABEL.into(), namespace.clone()));
    let own = metadata.labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    own.chain(automatic).collect()
}

fn nets(checker: &mut Checker, list: &[String]) -> Vec<IpNet> {
    let mut seen = BTreeSet::new();
    checker.each("nets", list, |checker, text| {
        let net = checker.value(parse_cidr(text, CidrReading::CalicoSet))?;
        if !seen.insert(net) {
            // Harmless, and only the schemas of some versions refuse it.
            let message = format!("`{net}` stands in this set twice");
            checker.warning(Code::DuplicateItem, message, "remove one");
        }
        Some(net)
    })
}

fn domains(checker: &mut Checker, list: &[String], dialect: &Dialect) -> Vec<DomainPattern> {
    if !list.is_empty() && dialect.flavour == Flavour::OpenSource {
        checker.at("allowedEgressDomains", |checker| {
            unknown_enterprise_field(checker, "allowedEgressDomains", "");
        });
        return Vec::new();
    }
    domain_patterns(checker, "allowedEgressDomains", list)
}
