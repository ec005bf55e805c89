//! Names, label keys and label values.

use super::problems::{Checker, error};
use crate::diagnostic::{Code, Problem};
use crate::model::Name;
use crate::resource::ObjectMeta;
use crate::selector::{validate_label_key, validate_label_value};
use std::collections::BTreeMap;

const MAX_SUBDOMAIN: usize = 253;
const MAX_LABEL: usize = 63;
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Which names a kind allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameRule {
    /// DNS-1123 subdomain, at most 253 bytes: most kinds.
    Subdomain,
    /// DNS-1123 label, at most 63 bytes: namespaces, tiers.
    Label,
    /// One or two dot-separated parts: Calico's global policies (`spec/calico.md` 1.1).
    GlobalPolicy,
    /// The same, or a name that was made from a Kubernetes policy: Calico's namespaced policies (`spec/calico.md` 1.1).
    NamespacedPolicy,
}

/// Checks `name` by `rule`; `what` starts the message ("a tier name").
pub(super) fn check_name(name: &str, rule: NameRule, what: &str) -> Result<(), Problem> {
    let limit = if rule == NameRule::Label { MAX_LABEL } else { MAX_SUBDOMAIN };
    if name.is_empty() {
        return Err(error(Code::InvalidName, format!("{what} must not be empty"), "give it a name"));
    }
    if name.len() > limit {
        let given = name.len();
        return Err(error(
            Code::InvalidName,
            format!("{what} has at most {limit} characters; this one has {given}"),
            "shorten the name",
        ));
    }
    if let Some(wrong) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')) {
        let help = if wrong.is_ascii_uppercase() {
            format!("write `{}`", name.to_ascii_lowercase())
        } else {
            "use lower-case letters, digits, `-` and `.`".to_owned()
        };
        let wrong = wrong.escape_debug();
        return Err(error(Code::InvalidName, format!("{what} must not contain `{wrong}`: `{name}`"), help));
    }
    if !name.split('.').all(is_name_part) {
        return Err(error(
            Code::InvalidName,
            format!("every part of {what} must start and end with a letter or digit: `{name}`"),
            "use lower-case letters and digits, with `-` inside a part and `.` between parts",
        ));
    }
    check_dots(name, rule, what)
}

fn check_dots(name: &str, rule: NameRule, what: &str) -> Result<(), Problem> {
    let most = match rule {
        NameRule::Subdomain => return Ok(()),
        NameRule::NamespacedPolicy if is_converted_name(name) => return Ok(()),
        NameRule::Label => 0,
        NameRule::GlobalPolicy | NameRule::NamespacedPolicy => 1,
    };
    if name.matches('.').count() <= most {
        return Ok(());
    }
    let message = match most {
        0 => format!("{what} must not contain dots: `{name}`"),
        _ => format!("{what} must not contain more than one dot: `{name}`"),
    };
    Err(error(Code::InvalidName, message, format!("write `{}`", name.replace('.', "-"))))
}

/// A name that Calico derives from a policy of another API: `knp.default.` or `ossg.default.` and a subdomain.
fn is_converted_name(name: &str) -> bool {
    ["knp.default.", "ossg.default."].iter().any(|prefix| name.starts_with(prefix))
}

/// Lower-case letters, digits and `-`, not at either end.
fn is_name_part(part: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    part.bytes().next().is_some_and(allowed)
        && part.bytes().next_back().is_some_and(allowed)
        && part.bytes().all(|b| allowed(b) || b == b'-')
}

/// The namespace of objects that name none, as `kubectl` has it.
const DEFAULT_NAMESPACE: &str = "default";

/// The namespace and name of an object that is in a namespace, checked with its labels and annotations.
pub(super) fn namespaced(checker: &mut Checker, metadata: &ObjectMeta, rule: NameRule) -> (Name, Name) {
    let namespace = namespace_of(metadata);
    checker.at("metadata", |checker| {
        checker.at("namespace", |checker| {
            checker.value(check_name(namespace, NameRule::Label, "the name of a namespace"));
        });
    });
    (namespace.into(), checked_metadata(checker, metadata, rule))
}

/// The namespace of a namespaced object: `default` if it names none, as `kubectl` has it.
pub(super) fn namespace_of(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(DEFAULT_NAMESPACE)
}

/// The name of an object that is in no namespace, checked with its labels and annotations; `scope` is what limits such
/// an object instead.
pub(super) fn cluster_scoped(
    checker: &mut Checker,
    metadata: &ObjectMeta,
    rule: NameRule,
    scope: &str,
) -> Name {
    if let Some(namespace) = metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
        let message = format!("this kind is not in a namespace; `{namespace}` has no effect");
        checker.at("metadata", |checker| {
            checker.at("namespace", |checker| checker.warning(Code::LikelyMistake, message, scope));
        });
    }
    checked_metadata(checker, metadata, rule)
}

fn checked_metadata(checker: &mut Checker, metadata: &ObjectMeta, rule: NameRule) -> Name {
    checker.at("metadata", |checker| {
        checker.at("name", |checker| {
            checker.value(check_name(&metadata.name, rule, "the name"));
        });
        labels(checker, "labels", &metadata.labels);
        annotations(checker, &metadata.annotations);
    });
    metadata.name.as_str().into()
}

/// Checks the pairs of a label map in the field `key`, and shares their strings.
pub(super) fn labels<K, V>(
    checker: &mut Checker,
    key: &'static str,
    labels: &BTreeMap<K, V>,
) -> BTreeMap<Name, Name>
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    checker.at(key, |checker| {
        for (key, value) in labels {
            let (key, value) = (key.as_ref(), value.as_ref());
            for result in [validate_label_key(key), validate_label_value(value)] {
                if let Err(message) = result {
                    let help =
                        "Kubernetes and Calico refuse the object; change the label here and in the selectors";
                    checker.at(key.to_owned(), |checker| checker.error(Code::InvalidLabel, message, help));
                }
            }
        }
    });
    labels.iter().map(|(key, value)| (key.as_ref().into(), value.as_ref().into())).collect()
}

/// Checks annotations: keys as those of labels, whatever their case; 256 KiB in all.
pub(super) fn annotations<K, V>(checker: &mut Checker, annotations: &BTreeMap<K, V>)
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    checker.at("annotations", |checker| {
        for key in annotations.keys().map(AsRef::as_ref) {
            if let Err(message) = validate_label_key(&key.to_ascii_lowercase()) {
                let message = message.replace("label key", "annotation key");
                checker.at(key.to_owned(), |checker| {
                    checker.error(Code::InvalidLabel, message, "write a key like `example.com/note`");
                });
            }
        }
        let size: usize = annotations.iter().map(|(k, v)| k.as_ref().len() + v.as_ref().len()).sum();
        if size > MAX_ANNOTATIONS {
            checker.error(
                Code::InvalidLength,
                format!("annotations hold at most {MAX_ANNOTATIONS} bytes in all; these hold {size}"),
                "shorten them",
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_rule() {
        use NameRule::{GlobalPolicy, Label, NamespacedPolicy, Subdomain};
        let long = "x".repeat(253);
        for (name, rule, valid) in [
            ("a.b-c.d", Subdomain, true),
            (&*long, Subdomain, true),
            (&*"x".repeat(254), Subdomain, false),
            ("", Subdomain, false),
            ("a..b", Subdomain, false),
            ("-a", Subdomain, false),
            ("a-.b", Subdomain, false),
            ("A", Subdomain, false),
            ("t~h", Subdomain, false),
            (&*"x".repeat(63), Label, true),
            (&*"x".repeat(64), Label, false),
            ("a.b", Label, false),
            ("a.b", GlobalPolicy, true),
            (&*long, GlobalPolicy, true),
            ("a.b.c", GlobalPolicy, false),
            ("knp.default.a", GlobalPolicy, false),
            ("knp.default.a", NamespacedPolicy, true),
            ("ossg.default.a.b", NamespacedPolicy, true),
            ("knp.default.", NamespacedPolicy, false),
            ("knp.other.a", NamespacedPolicy, false),
        ] {
            assert_eq!(check_name(name, rule, "a name").is_ok(), valid, "{name} {rule:?}");
        }
    }

    #[test]
    fn the_repair_is_shown() {
        let help = |name, rule| check_name(name, rule, "a name").unwrap_err().help.unwrap();
        assert_eq!(help("Web", NameRule::Label), "write `web`");
        assert_eq!(help("t.h.i.ng", NameRule::GlobalPolicy), "write `t-h-i-ng`");
    }
}
