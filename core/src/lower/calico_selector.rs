//! What Calico's selector fields select: one selector over effective labels for a policy's subject, and at most two for
//! each end of a rule (`spec/calico.md` 3.4).
//!
//! Calico builds these as text, and replaces `all()` and `global()` in the text; where that can be told from building
//! the tree, the text is what counts here as well.

use super::labels::{NAMESPACE_LABEL, NAMESPACE_PREFIX, SERVICE_ACCOUNT_LABEL, SERVICE_ACCOUNT_PREFIX};
use super::problems::{Checker, error};
use crate::diagnostic::{Code, Problem};
use crate::model::{IdentityMatch, Name, NamespaceMatch};
use crate::selector::{Expr, Selector, replace_all_text, replace_global_text};

/// The longest selector that the schema of a policy allows, in characters.
pub(super) const MAX_SELECTOR: usize = 1024;

/// Where `global()` may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GlobalUse {
    /// Nowhere: it only means something in the `namespaceSelector` of a rule.
    Forbidden,
    /// As the whole selector.
    Alone,
    /// Anywhere, as a synonym of `all()`.
    Plain,
}

/// A selector field that is given: its text and what it parses to.
#[derive(Debug, Clone)]
pub(super) struct SelectorField {
    text: String,
    selector: Selector,
}

/// Reads the selector field `key`; `None` if it is empty or wrong.
pub(super) fn selector_field(
    checker: &mut Checker,
    key: &'static str,
    text: &str,
    global: GlobalUse,
) -> Option<SelectorField> {
    checker.at(key, |checker| {
        let length = text.chars().count();
        if length > MAX_SELECTOR {
            checker.error(
                Code::InvalidLength,
                format!("a selector has at most {MAX_SELECTOR} characters; this one has {length}"),
                "use `in {...}` for lists of values, or label what is meant and select that label",
            );
        }
        let field = unlimited_selector(checker, text)?;
        check_global(checker, &field, global);
        Some(field)
    })
}

/// Reads the selector of the current field, however long; `None` if it is empty or wrong.
pub(super) fn unlimited_selector(checker: &mut Checker, text: &str) -> Option<SelectorField> {
    if text.is_empty() {
        return None;
    }
    let selector = checker.value(Selector::parse(text).map_err(Problem::from))?;
    // Blanks alone are `all()`, and must be so within a larger text too.
    let blank = text.trim_matches([' ', '\t']).is_empty();
    Some(SelectorField { text: if blank { selector.to_string() } else { text.to_owned() }, selector })
}

fn check_global(checker: &mut Checker, field: &SelectorField, global: GlobalUse) {
    let allowed = match global {
        GlobalUse::Plain => true,
        GlobalUse::Forbidden => !field.text.contains("global("),
        GlobalUse::Alone => is_global_alone(field) || !field.text.contains("global("),
    };
    if allowed {
        return;
    }
    let (message, help) = match global {
        GlobalUse::Alone => (
            "`global()` must be the whole selector",
            "write `namespaceSelector: global()`, and the rest in `selector` or in a second rule",
        ),
        _ => (
            "`global()` is only allowed in the `namespaceSelector` of a rule's source or destination",
            "write `all()` to select everything",
        ),
    };
    checker.report(error(Code::SelectorNotAllowed, message, help).with_span(global_span(&field.text)));
}

/// `global()` and nothing else, not even parentheses around it.
fn is_global_alone(field: &SelectorField) -> bool {
    *field.selector.expr() == Expr::Global && field.text.trim_start().starts_with("global(")
}

fn global_span(text: &str) -> std::ops::Range<usize> {
    let start = text.find("global(").unwrap_or(0);
    let end =
        text.get(start..).and_then(|rest| rest.find(')')).map_or(text.len(), |length| start + length + 1);
    start..end
}

/// What a policy's own selectors say.
#[derive(Debug, Default)]
pub(super) struct SubjectFields {
    pub(super) selector: Option<SelectorField>,
    pub(super) namespace_selector: Option<SelectorField>,
    pub(super) service_account_selector: Option<SelectorField>,
}

/// Which endpoints a policy governs. The fields of a policy in a namespace have no `namespace_selector`.
pub(super) fn subject(fields: &SubjectFields, namespace: Option<&str>) -> Result<Selector, Problem> {
    match namespace {
        Some(namespace) => Ok(namespaced_subject(fields, namespace)),
        None => global_subject(fields),
    }
}

fn namespaced_subject(fields: &SubjectFields, namespace: &str) -> Selector {
    let own_namespace = Selector::equals(NAMESPACE_LABEL, namespace);
    let selector = fields.selector.iter().map(|field| field.selector.clone());
    let subject = Selector::and(selector.chain([own_namespace]));
    let accounts = fields.service_account_selector.iter();
    let accounts = accounts.map(|field| field.selector.with_label_prefix(SERVICE_ACCOUNT_PREFIX));
    Selector::and(std::iter::once(subject).chain(accounts))
}

fn global_subject(fields: &SubjectFields) -> Result<Selector, Problem> {
    let mut text = fields.selector.as_ref().map_or(String::new(), |field| field.text.clone());
    for (field, prefix, label) in [
        (&fields.namespace_selector, NAMESPACE_PREFIX, NAMESPACE_LABEL),
        (&fields.service_account_selector, SERVICE_ACCOUNT_PREFIX, SERVICE_ACCOUNT_LABEL),
    ] {
        let Some(field) = field else { continue };
        let prefixed = field.selector.with_label_prefix(prefix);
        let joined = if text.is_empty() { prefixed.to_string() } else { format!("({text}) && {prefixed}") };
        text = replace_all_text(&joined, &format!("has({label})"));
    }
    reparse(&text)
}

/// What one end of a rule says about endpoints and network sets.
#[derive(Debug, Default)]
pub(super) struct PeerFields {
    pub(super) selector: Option<SelectorField>,
    pub(super) not_selector: Option<SelectorField>,
    pub(super) namespace_selector: Option<SelectorField>,
    pub(super) service_account_names: Vec<Name>,
    pub(super) service_account_selector: Option<SelectorField>,
}

/// The selectors of one end of a rule: what its address must be of, and of what not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PeerSelectors {
    pub(super) positive: Option<Selector>,
    pub(super) negative: Option<Selector>,
}

impl PeerFields {
    /// The selectors, for a rule of a policy in `namespace` (none for global policies and profiles).
    pub(super) fn selectors(&self, namespace: Option<&str>) -> Result<PeerSelectors, Problem> {
        let PeerSelectors { positive, negative } = self.separate(namespace)?;
        Ok(match (positive, negative) {
            (Some(positive), Some(negative)) => PeerSelectors {
                positive: Some(Selector::and([positive, Selector::not(negative)])),
                negative: None,
            },
            (positive, negative) => PeerSelectors { positive, negative },
        })
    }

    /// The selectors before they are joined to one.
    fn separate(&self, namespace: Option<&str>) -> Result<PeerSelectors, Problem> {
        let selector = self.selector.as_ref().map(|field| field.selector.clone());
        let selected = both(self.service_accounts(), selector);
        let negative = self.not_selector.as_ref().map(|field| field.selector.clone());
        let restricts = selected.is_some() || negative.is_some() || self.namespace_selector.is_some();
        let positive = match self.namespaces(namespace)? {
            Some(namespaces) if restricts => both(Some(namespaces), selected),
            _ => selected,
        };
        Ok(PeerSelectors { positive, negative })
    }

    fn service_accounts(&self) -> Option<Selector> {
        let selector = self.service_account_selector.as_ref();
        let selector = selector.map(|field| field.selector.with_label_prefix(SERVICE_ACCOUNT_PREFIX));
        let names = (!self.service_account_names.is_empty())
            .then(|| Selector::in_set(SERVICE_ACCOUNT_LABEL, self.service_account_names.iter().cloned()));
        both(selector, names)
    }

    fn namespaces(&self, own: Option<&str>) -> Result<Option<Selector>, Problem> {
        let Some(field) = &self.namespace_selector else {
            return Ok(own.map(|namespace| Selector::equals(NAMESPACE_LABEL, namespace)));
        };
        let text = field.selector.with_label_prefix(NAMESPACE_PREFIX).to_string();
        let text = replace_all_text(&text, &format!("has({NAMESPACE_LABEL})"));
        reparse(&replace_global_text(&text, &format!("!has({NAMESPACE_LABEL})"))).map(Some)
    }

    /// What the identity of the TLS peer must be; `None` if it may be any (`spec/calico.md` 8).
    pub(super) fn identity(&self, namespace: Option<&str>) -> Option<IdentityMatch> {
        let raw = |field: &Option<SelectorField>| field.as_ref().map(|field| field.selector.clone());
        let identity = IdentityMatch {
            names: self.service_account_names.clone(),
            selector: raw(&self.service_account_selector),
            namespace: match (raw(&self.namespace_selector), namespace) {
                // Here these are plainly true.
                (Some(selector), _) if matches!(selector.expr(), Expr::All | Expr::Global) => {
                    NamespaceMatch::Any
                }
                (Some(selector), _) => NamespaceMatch::Selector(selector),
                (None, Some(namespace)) if self.names_a_peer() => NamespaceMatch::Equals(namespace.into()),
                (None, _) => NamespaceMatch::Any,
            },
        };
        (identity != IdentityMatch::default()).then_some(identity)
    }

    fn names_a_peer(&self) -> bool {
        self.selector.is_some()
            || self.not_selector.is_some()
            || self.service_account_selector.is_some()
            || !self.service_account_names.is_empty()
    }
}

fn both(a: Option<Selector>, b: Option<Selector>) -> Option<Selector> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Selector::and([a, b])),
        (a, b) => a.or(b),
    }
}

/// Parses a text that was put together from selectors that parse.
fn reparse(text: &str) -> Result<Selector, Problem> {
    Selector::parse(text).map_err(|cause| {
        error(
            Code::InvalidSelector,
            format!(
                "compiled for the labels of namespaces and service accounts this becomes `{text}`: {cause}"
            ),
            "use shorter label keys, and less nesting",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn field(text: &str) -> Option<SelectorField> {
        let mut checker = Checker::default();
        let field = unlimited_selector(&mut checker, text);
        assert!(checker.finish(None).problems.is_empty(), "{text}");
        field
    }

    fn subject_of(texts: [&str; 3], namespace: Option<&str>) -> Selector {
        let [selector, namespaces, accounts] = texts.map(field);
        let fields =
            SubjectFields { selector, namespace_selector: namespaces, service_account_selector: accounts };
        subject(&fields, namespace).unwrap()
    }

    fn parse(text: &str) -> Selector {
        Selector::parse(text).unwrap()
    }

    /// `spec/calico.md` 3.4: the texts that Calico compiles subjects to.
    #[test]
    fn subjects_compile_as_calico_prints_them() {
        let select = "mylabel == 'selectme'";
        let role = "role == 'development'";
        for (texts, namespace, expected) in [
            (
                [select, "", ""],
                Some("namespace2"),
                "(mylabel == 'selectme') && projectcalico.org/namespace == 'namespace2'",
            ),
            (
                [select, "", role],
                Some("namespace2"),
                "((mylabel == 'selectme') && projectcalico.org/namespace == 'namespace2') && pcsa.role == \"development\"",
            ),
            (
                [select, "", "all()"],
                Some("n"),
                "((mylabel == 'selectme') && projectcalico.org/namespace == 'n') && all()",
            ),
            (["", "", ""], Some("n"), "projectcalico.org/namespace == 'n'"),
            ([select, "all()", ""], None, "(mylabel == 'selectme') && has(projectcalico.org/namespace)"),
            ([select, "", "all()"], None, "(mylabel == 'selectme') && has(projectcalico.org/serviceaccount)"),
            (
                [select, "name == 'testing'", role],
                None,
                "((mylabel == 'selectme') && pcns.name == \"testing\") && pcsa.role == \"development\"",
            ),
            (
                ["", "name == 'testing'", role],
                None,
                "(pcns.name == \"testing\") && pcsa.role == \"development\"",
            ),
            (
                ["all()", "env != 'prod'", ""],
                None,
                "(has(projectcalico.org/namespace)) && pcns.env != \"prod\"",
            ),
            (["all( )", "env != 'prod'", ""], None, "(all()) && pcns.env != \"prod\""),
            (["  ", "env != 'prod'", ""], None, "(has(projectcalico.org/namespace)) && pcns.env != \"prod\""),
            (["", "", ""], None, "all()"),
            (["all()", "", ""], None, "all()"),
        ] {
            let subject = subject_of(texts, namespace);
            assert_eq!(subject, parse(expected), "{texts:?}");
            assert_eq!(subject.to_string(), parse(expected).to_string());
        }
    }

    fn peer(texts: [&str; 4], names: &[&str]) -> PeerFields {
        let [selector, not_selector, namespace_selector, service_account_selector] = texts.map(field);
        PeerFields {
            selector,
            not_selector,
            namespace_selector,
            service_account_names: names.iter().map(|name| Name::from(*name)).collect(),
            service_account_selector,
        }
    }

    /// `spec/calico.md` 3.4: the texts that Calico compiles the ends of rules to, and the table of what they mean.
    #[test]
    fn peers_compile_as_calico_prints_them() {
        let selectors = |positive, negative: Option<&str>| PeerSelectors {
            positive: Option::<&str>::map(positive, parse),
            negative: negative.map(parse),
        };
        let own = "projectcalico.org/namespace == 'namespace2'";
        for (fields, namespace, positive, negative) in [
            (peer(["", "has(label2)", "", ""], &[]), Some("namespace2"), Some(own), Some("has(label2)")),
            (
                peer(["", "has(a)", "namespacelabel1 == 'value1'", ""], &[]),
                None,
                Some("pcns.namespacelabel1 == \"value1\""),
                Some("has(a)"),
            ),
            (
                peer(["", "", "", "key == 'value1'"], &["sa1", "sa2"]),
                Some("namespace"),
                Some(
                    "(projectcalico.org/namespace == 'namespace') && ((pcsa.key == \"value1\") && \
                     (projectcalico.org/serviceaccount in {\"sa1\", \"sa2\"}))",
                ),
                None,
            ),
            (
                peer(["has(label1)", "", "nskey == 'nsvalue'", "key == 'value2'"], &["sa3"]),
                Some("namespace"),
                Some(
                    "(pcns.nskey == \"nsvalue\") && (((pcsa.key == \"value2\") && \
                     (projectcalico.org/serviceaccount in {\"sa3\"})) && (has(label1)))",
                ),
                None,
            ),
            (
                peer(["projectcalico.org/orchestrator == 'k8s'", "", "all()", ""], &[]),
                Some("n"),
                Some("(has(projectcalico.org/namespace)) && (projectcalico.org/orchestrator == 'k8s')"),
                None,
            ),
            (peer(["", "", "global()", ""], &[]), Some("n"), Some("!has(projectcalico.org/namespace)"), None),
            (
                peer(["", "", " ( global( ) )", ""], &[]),
                None,
                Some("!has(projectcalico.org/namespace)"),
                None,
            ),
            (peer(["", "", "", ""], &[]), Some("n"), None, None),
            (peer(["all()", "", "", ""], &[]), None, Some("all()"), None),
            (peer(["", "has(a)", "", ""], &[]), None, None, Some("has(a)")),
        ] {
            assert_eq!(fields.separate(namespace).unwrap(), selectors(positive, negative), "{fields:?}");
        }
    }

    #[test]
    fn positive_and_negative_are_one_test_per_endpoint() {
        let compiled = peer(["has(a)", "has(b)", "", ""], &[]).selectors(Some("n")).unwrap();
        let expected = "(projectcalico.org/namespace == 'n' && has(a)) && !(has(b))";
        assert_eq!(compiled, PeerSelectors { positive: Some(parse(expected)), negative: None });
        let only_negative = peer(["", "has(b)", "", ""], &[]).selectors(None).unwrap();
        assert_eq!(only_negative, PeerSelectors { positive: None, negative: Some(parse("has(b)")) });
    }

    /// `spec/calico.md` 8.
    #[test]
    fn identities() {
        let identity = |texts, names: &[&str], namespace| {
            peer(texts, names).identity(namespace).map(|identity| identity.to_string())
        };
        assert_eq!(identity(["", "", "", ""], &[], Some("n")), None);
        assert_eq!(identity(["has(a)", "", "", ""], &[], None), None);
        assert_eq!(identity(["", "", "all()", ""], &[], Some("n")), None);
        assert_eq!(identity(["has(a)", "", "", ""], &[], Some("n")).unwrap(), "namespace n");
        assert_eq!(identity(["", "has(a)", "", ""], &[], Some("n")).unwrap(), "namespace n");
        assert_eq!(
            identity(["", "", "env == 'x'", ""], &[], Some("n")).unwrap(),
            "namespace labels env == \"x\""
        );
        assert_eq!(
            identity(["", "", "", "role == 'fe'"], &["a"], Some("n")).unwrap(),
            "service account in {a} and service account labels role == \"fe\" and namespace n"
        );
    }

    #[test]
    fn global_is_for_namespace_selectors_of_rules() {
        let problems = |text, global| {
            let mut checker = Checker::default();
            selector_field(&mut checker, "selector", text, global);
            checker.finish(None).problems
        };
        for text in ["global()", "  global()  ", " global( )"] {
            assert!(problems(text, GlobalUse::Alone).is_empty(), "{text}");
            assert_eq!(problems(text, GlobalUse::Forbidden).len(), 1, "{text}");
        }
        for text in ["!global()", "(global())", "global() || has(a)", "has(a) && (global( ))"] {
            assert_eq!(problems(text, GlobalUse::Alone).len(), 1, "{text}");
        }
        assert_eq!(problems("has(a) || global( )", GlobalUse::Forbidden)[0].span, Some(10..19));
        assert!(problems("global()", GlobalUse::Plain).is_empty());
    }

    #[test]
    fn a_key_that_is_too_long_once_prefixed_is_an_error() {
        let long = format!("has({})", "k".repeat(510));
        assert!(peer(["", "", &long, ""], &[]).selectors(None).is_err());
    }

    /// Selectors as text, with every form that rewriting looks at.
    fn selector_text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("all()"),
            Just("all( )"),
            Just("has(a)"),
            Just("a == 'all()'"),
            Just("b != \"x\""),
            Just("projectcalico.org/namespace == 'other'"),
            Just("a not in {'x', \"'\"}"),
        ]
        .prop_map(str::to_owned);
        leaf.prop_recursive(4, 16, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|x| format!("!({x})")),
                (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("({x}) && {y}")),
                (inner.clone(), inner).prop_map(|(x, y)| format!("({x}) || {y}")),
            ]
        })
    }

    proptest! {
        /// A policy in a namespace governs, and names as peers, nothing outside of it.
        #[test]
        fn a_namespace_is_a_boundary(text in selector_text(), accounts in selector_text(), a in "[xy]?") {
            let outside = BTreeMap::from([("a", a.as_str()), (NAMESPACE_LABEL, "other"), ("pcsa.a", "x")]);
            let subject = subject_of([&text, "", &accounts], Some("n"));
            prop_assert!(!subject.matches(&outside));
            let compiled = peer([&text, "", "", &accounts], &[]).selectors(Some("n")).unwrap();
            prop_assert!(!compiled.positive.unwrap().matches(&outside));
        }

        /// A global policy whose selector has no `all()` to rewrite governs what both of its selectors select.
        #[test]
        fn a_namespace_selector_narrows(text in selector_text(), namespaces in selector_text()) {
            let [text, namespaces] = [text, namespaces].map(|text| replace_all_text(&text, "has(c)"));
            let labels = BTreeMap::from([("a", "x"), (NAMESPACE_LABEL, "other"), ("pcns.b", "x")]);
            let prefixed = parse(&namespaces).with_label_prefix(NAMESPACE_PREFIX);
            let expected = parse(&text).matches(&labels) && prefixed.matches(&labels);
            prop_assert_eq!(subject_of([&text, &namespaces, ""], None).matches(&labels), expected);
        }
    }
}
