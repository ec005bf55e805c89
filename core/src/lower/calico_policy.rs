//! NetworkPolicy and GlobalNetworkPolicy of Calico, and their staged twins (`spec/calico.md` 1.1, 4.1, 7.2).

use super::calico_rule::{RuleContext, rules};
use super::calico_selector::{GlobalUse, SubjectFields, selector_field, subject};
use super::names::{NameRule, check_name, cluster_scoped, namespaced};
use super::problems::{Checker, suggestion};
use super::staged::is_deletion;
use super::{Lowered, Lowering};
use crate::diagnostic::Code;
use crate::dialect::{Dialect, TypesDefaulting};
use crate::model::{Direction, Isolation, Name, Order, Policy, PolicyClass, PolicyKey, PolicyKind, Tier};
use crate::resource::ObjectMeta;
use crate::resource::calico::{
    GlobalNetworkPolicy, GlobalNetworkPolicySpec, NetworkPolicy, NetworkPolicySpec, Rule,
    StagedGlobalNetworkPolicy, StagedGlobalNetworkPolicySpec, StagedNetworkPolicy, StagedNetworkPolicySpec,
};

const TYPES: [&str; 2] = ["Ingress", "Egress"];
const HINTS: [&str; 1] = ["AssumeNeededOnEveryNode"];

/// Lowers a NetworkPolicy.
pub(super) fn network_policy(policy: &NetworkPolicy, dialect: &Dialect) -> Lowering {
    namespaced_policy(PolicyKind::NetworkPolicy, &policy.metadata, &policy.spec, None, dialect)
}

/// Lowers a StagedNetworkPolicy.
pub(super) fn staged_network_policy(policy: &StagedNetworkPolicy, dialect: &Dialect) -> Lowering {
    let StagedNetworkPolicySpec {
        staged_action,
        tier,
        order,
        selector,
        service_account_selector,
        types,
        ingress,
        egress,
        performance_hints,
    } = policy.spec.clone();
    let spec = NetworkPolicySpec {
        tier,
        order,
        selector,
        service_account_selector,
        types,
        ingress,
        egress,
        performance_hints,
    };
    let bare = NetworkPolicySpec { tier: spec.tier.clone(), ..NetworkPolicySpec::default() };
    let staged = Staged { is_bare: spec == bare, action: staged_action };
    namespaced_policy(PolicyKind::StagedNetworkPolicy, &policy.metadata, &spec, Some(staged), dialect)
}

/// Lowers a GlobalNetworkPolicy.
pub(super) fn global_network_policy(policy: &GlobalNetworkPolicy, dialect: &Dialect) -> Lowering {
    global_policy(PolicyKind::GlobalNetworkPolicy, &policy.metadata, &policy.spec, None, dialect)
}

/// Lowers a StagedGlobalNetworkPolicy.
pub(super) fn staged_global_network_policy(
    policy: &StagedGlobalNetworkPolicy,
    dialect: &Dialect,
) -> Lowering {
    let StagedGlobalNetworkPolicySpec {
        staged_action,
        tier,
        order,
        selector,
        namespace_selector,
        service_account_selector,
        types,
        ingress,
        egress,
        do_not_track,
        pre_dnat,
        apply_on_forward,
        performance_hints,
    } = policy.spec.clone();
    let spec = GlobalNetworkPolicySpec {
        tier,
        order,
        selector,
        namespace_selector,
        service_account_selector,
        types,
        ingress,
        egress,
        do_not_track,
        pre_dnat,
        apply_on_forward,
        performance_hints,
    };
    let bare = GlobalNetworkPolicySpec { tier: spec.tier.clone(), ..GlobalNetworkPolicySpec::default() };
    let staged = Staged { is_bare: spec == bare, action: staged_action };
    global_policy(PolicyKind::StagedGlobalNetworkPolicy, &policy.metadata, &spec, Some(staged), dialect)
}

/// What only staged policies say.
struct Staged {
    action: String,
    /// Nothing is given that a deletion must not give.
    is_bare: bool,
}

/// What both scopes have in common.
struct Fields<'a> {
    kind: PolicyKind,
    namespace: Option<Name>,
    name: Name,
    tier: &'a str,
    order: Option<f64>,
    subject: SubjectFields,
    types: &'a [String],
    ingress: Option<&'a [Rule]>,
    egress: Option<&'a [Rule]>,
    class: PolicyClass,
    performance_hints: &'a [String],
}

fn namespaced_policy(
    kind: PolicyKind,
    metadata: &ObjectMeta,
    spec: &NetworkPolicySpec,
    staged: Option<Staged>,
    dialect: &Dialect,
) -> Lowering {
    let mut checker = Checker::default();
    let (namespace, name) = namespaced(&mut checker, metadata, NameRule::NamespacedPolicy);
    let value = checker.at("spec", |checker| {
        let subject = SubjectFields {
            selector: selector_field(checker, "selector", &spec.selector, GlobalUse::Forbidden),
            namespace_selector: None,
            service_account_selector: selector_field(
                checker,
                "serviceAccountSelector",
                &spec.service_account_selector,
                GlobalUse::Forbidden,
            ),
        };
        let fields = Fields {
            kind,
            namespace: Some(namespace),
            name,
            tier: &spec.tier,
            order: spec.order,
            subject,
            types: &spec.types,
            ingress: spec.ingress.as_deref(),
            egress: spec.egress.as_deref(),
            class: PolicyClass::Normal { apply_on_forward: false },
            performance_hints: &spec.performance_hints,
        };
        fields.lower(checker, staged, dialect)
    });
    checker.finish(value)
}

fn global_policy(
    kind: PolicyKind,
    metadata: &ObjectMeta,
    spec: &GlobalNetworkPolicySpec,
    staged: Option<Staged>,
    dialect: &Dialect,
) -> Lowering {
    let mut checker = Checker::default();
    let scope = "write a NetworkPolicy, or limit this one by `spec.namespaceSelector`";
    let name = cluster_scoped(&mut checker, metadata, NameRule::GlobalPolicy, scope);
    let value = checker.at("spec", |checker| {
        let mut selector = |key, text: &str| selector_field(checker, key, text, GlobalUse::Forbidden);
        let subject = SubjectFields {
            selector: selector("selector", &spec.selector),
            namespace_selector: selector("namespaceSelector", &spec.namespace_selector),
            service_account_selector: selector("serviceAccountSelector", &spec.service_account_selector),
        };
        let fields = Fields {
            kind,
            namespace: None,
            name,
            tier: &spec.tier,
            order: spec.order,
            subject,
            types: &spec.types,
            ingress: spec.ingress.as_deref(),
            egress: spec.egress.as_deref(),
            class: class(checker, spec),
            performance_hints: &spec.performance_hints,
        };
        fields.lower(checker, staged, dialect)
    });
    checker.finish(value)
}

/// Where on a packet's way the policy acts (`spec/calico.md` 7.2).
fn class(checker: &mut Checker, spec: &GlobalNetworkPolicySpec) -> PolicyClass {
    if spec.pre_dnat && spec.do_not_track {
        let message = "`preDNAT` and `doNotTrack` exclude each other";
        checker.error(Code::InvalidPhase, message, "write two policies, one with each");
    }
    for (key, set) in [("preDNAT", spec.pre_dnat), ("doNotTrack", spec.do_not_track)] {
        if set && !spec.apply_on_forward {
            checker.at(key, |checker| {
                let message = format!(
                    "`{key}` needs `applyOnForward`: so early it is not known whether traffic is forwarded"
                );
                checker.error(Code::InvalidPhase, message, "add `applyOnForward: true`");
            });
        }
    }
    if spec.pre_dnat {
        let mut refuse = |key: &'static str, what: &str| {
            checker.at(key, |checker| {
                let message =
                    format!("a `preDNAT` policy cannot have {what}: it acts where traffic comes in");
                checker.error(Code::InvalidPhase, message, "write the egress part as a policy of its own");
            });
        };
        if spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()) {
            refuse("egress", "egress rules");
        }
        if spec.types.iter().any(|word| word == "Egress") {
            refuse("types", "the type `Egress`");
        }
    }
    match (spec.pre_dnat, spec.do_not_track) {
        (true, _) => PolicyClass::PreDnat,
        (false, true) => PolicyClass::Untracked,
        (false, false) => PolicyClass::Normal { apply_on_forward: spec.apply_on_forward },
    }
}

impl Fields<'_> {
    fn lower(self, checker: &mut Checker, staged: Option<Staged>, dialect: &Dialect) -> Option<Lowered> {
        if let Some(Staged { action, is_bare }) = staged
            && is_deletion(checker, &action, is_bare, ", but for the tier")
        {
            return Some(Lowered::Nothing);
        }
        let tier = tier(checker, self.tier);
        let order = order(checker, self.order);
        check_hints(checker, self.performance_hints);
        // Only the namespace selector makes a text that may not parse once compiled.
        let subject = checker.at("namespaceSelector", |checker| {
            checker.value(subject(&self.subject, self.namespace.as_deref()))
        });
        let (governs_ingress, governs_egress) = self.governs(checker, dialect.types_defaulting);
        let mut lower = |direction, given: Option<&[Rule]>, governs: bool| {
            let context = RuleContext { direction, namespace: self.namespace.as_deref(), dialect };
            let lowered = rules(checker, given.unwrap_or_default(), context);
            governs.then_some(lowered)
        };
        let ingress = lower(Direction::Ingress, self.ingress, governs_ingress);
        let egress = lower(Direction::Egress, self.egress, governs_egress);
        Some(Lowered::Policy(Policy {
            key: PolicyKey { kind: self.kind, namespace: self.namespace.clone(), name: self.name.clone() },
            tier,
            order,
            subject: subject?,
            ingress,
            egress,
            class: self.class,
            isolation: Isolation::default(),
            origin: None,
        }))
    }

    /// Whether the policy governs ingress, and egress (`spec/calico.md` 4.1).
    fn governs(&self, checker: &mut Checker, defaulting: TypesDefaulting) -> (bool, bool) {
        if self.types.is_empty() {
            let counts = |rules: Option<&[Rule]>| match defaulting {
                TypesDefaulting::ByLength => rules.is_some_and(|rules| !rules.is_empty()),
                TypesDefaulting::ByPresence => rules.is_some(),
            };
            let (ingress, egress) = (counts(self.ingress), counts(self.egress));
            return (ingress || !egress, egress);
        }
        let known = checker.each("types", self.types, |checker, word| {
            let known = TYPES.contains(&word.as_str());
            if !known {
                let message = format!("`{word}` is not a type of policy");
                checker.error(Code::UnknownValue, message, suggestion(word, TYPES));
            }
            known.then_some(())
        });
        checker.at("types", |checker| checker.distinct(self.types));
        let governs = |direction: &str| self.types.iter().any(|word| word == direction);
        let (ingress, egress) = (governs("Ingress"), governs("Egress"));
        if known.len() == self.types.len() {
            warn_without_effect(checker, "ingress", "Ingress", ingress, self.ingress);
            warn_without_effect(checker, "egress", "Egress", egress, self.egress);
        }
        (ingress, egress)
    }
}

fn warn_without_effect(
    checker: &mut Checker,
    key: &'static str,
    word: &str,
    governs: bool,
    rules: Option<&[Rule]>,
) {
    if governs || rules.is_none_or(<[Rule]>::is_empty) {
        return;
    }
    checker.at(key, |checker| {
        let message = format!("these rules have no effect: `types` does not list `{word}`");
        checker.warning(
            Code::LikelyMistake,
            message,
            format!("add `{word}` to `types`, or remove the rules"),
        );
    });
}

fn tier(checker: &mut Checker, given: &str) -> Name {
    if given.is_empty() {
        return Tier::DEFAULT.into();
    }
    checker.at("tier", |checker| checker.value(check_name(given, NameRule::Subdomain, "the name of a tier")));
    given.into()
}

/// The order, which must be a number that can be compared.
pub(super) fn order(checker: &mut Checker, given: Option<f64>) -> Order {
    if given.is_some_and(|order| !order.is_finite()) {
        checker.at("order", |checker| {
            let help = "write a number, or leave the field out to come last";
            checker.error(Code::InvalidValue, "an order must be a finite number", help);
        });
    }
    Order::from(given)
}

fn check_hints(checker: &mut Checker, hints: &[String]) {
    checker.each("performanceHints", hints, |checker, hint| {
        if !HINTS.contains(&hint.as_str()) {
            let message = format!("`{hint}` is not a performance hint");
            checker.error(Code::UnknownValue, message, suggestion(hint, HINTS));
        }
        Some(())
    });
    checker.at("performanceHints", |checker| checker.distinct(hints));
}
