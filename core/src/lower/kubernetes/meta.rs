//! Names and namespaces of objects.

use crate::diagnostic::Code;
use crate::lower::names::{NameRule, annotations, check_name, labels};
use crate::lower::problems::Checker;
use crate::model::Name;
use crate::resource::ObjectMeta;

/// The namespace of objects that name none, as `kubectl` has it.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// The namespace and name of a namespaced policy, checked.
pub(super) fn namespaced(checker: &mut Checker, metadata: &ObjectMeta) -> (Name, Name) {
    let namespace = namespace(metadata);
    checker.at("metadata", |checker| {
        checker.at("namespace", |checker| {
            checker.value(check_name(namespace, NameRule::Label, "the name of a namespace"));
        });
    });
    (namespace.into(), checked_name(checker, metadata))
}

/// The name of a cluster-scoped policy, checked.
pub(super) fn cluster_scoped(checker: &mut Checker, metadata: &ObjectMeta) -> Name {
    if let Some(namespace) = metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
        checker.at("metadata", |checker| {
            checker.at("namespace", |checker| {
                let message = format!("this kind is not in a namespace; `{namespace}` has no effect");
                let help = "remove it; `spec.subject` says which pods the policy governs";
                checker.warning(Code::LikelyMistake, message, help);
            });
        });
    }
    checked_name(checker, metadata)
}

/// The namespace of an object of the inventory.
pub(super) fn namespace(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(DEFAULT_NAMESPACE)
}

fn checked_name(checker: &mut Checker, metadata: &ObjectMeta) -> Name {
    checker.at("metadata", |checker| {
        checker.at("name", |checker| {
            checker.value(check_name(&metadata.name, NameRule::Subdomain, "the name of a policy"));
        });
        labels(checker, "labels", &metadata.labels);
        annotations(checker, &metadata.annotations);
    });
    metadata.name.as_str().into()
}
