//! Manifests into a cluster, whole or not at all.

use super::{Source, decode_resource, locate, objects, parse_documents, read};
use crate::cluster::Cluster;
use crate::diagnostic::{Code, Diagnostic, FieldPath, Problem, Severity};
use crate::dialect::Dialect;
use crate::limits::Limits;
use crate::lower::{Lowered, Lowering, lower};
use crate::manifest::node::{Node, Value};
use crate::manifest::objects::Object;
use crate::model::{Origin, Rule};
use crate::resource::{Kind, Lookup, Resource, ResourceKey};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// How a load treats its input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadOptions {
    /// What happens to the load if an object is not valid.
    pub invalid: OnInvalid,
    /// How much input is accepted.
    pub limits: Limits,
}

/// What an invalid object does to the load it is part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// The whole load is refused, and the cluster is as it was.
    #[default]
    Refuse,
    /// The object is left out and reported. An absent policy may open what it was to close: look at the report.
    Skip,
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// How many objects of each kind are now in the cluster.
    pub loaded: BTreeMap<Kind, usize>,
    /// How many objects of kinds that bear on nothing here were passed over, by `apiVersion kind`.
    pub unknown: BTreeMap<String, usize>,
    /// The objects that were left out as invalid.
    pub skipped: Vec<String>,
    /// Every warning, and every error of an object that was left out.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a load was refused: every problem of it. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// The problems in the order of the text, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.diagnostics {
            writeln!(f, "{diagnostic}\n")?;
        }
        let errors = self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        write!(f, "{errors} error{}, nothing was loaded", if errors == 1 { "" } else { "s" })
    }
}

impl std::error::Error for LoadError {}

/// Loads files, directories and `-` for standard input into a cluster, as one transaction; see [`load`].
///
/// # Errors
/// As [`load`], and if something cannot be read.
pub fn load_paths(
    cluster: &mut Cluster,
    paths: &[PathBuf],
    options: &LoadOptions,
) -> Result<LoadReport, LoadError> {
    let found = read(paths, &options.limits);
    Loader::new(cluster.dialect(), options).finish(&found.sources, found.diagnostics, cluster)
}

/// Loads manifests into a cluster, as one transaction. Objects that are there already are replaced.
///
/// ```
/// use tierwall::{cluster::Cluster, manifest::{LoadOptions, Source, load}};
/// let mut cluster = Cluster::new();
/// let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
/// let report = load(&mut cluster, &[Source::new("shop.yaml", text)], &LoadOptions::default())?;
/// assert_eq!(report.loaded.values().sum::<usize>(), 1);
/// # Ok::<(), tierwall::manifest::LoadError>(())
/// ```
///
/// # Errors
/// If a text is not valid, or, unless [`OnInvalid::Skip`] is chosen, an object is not; the cluster is then as it was. The
/// error holds every problem of the load.
pub fn load(
    cluster: &mut Cluster,
    sources: &[Source],
    options: &LoadOptions,
) -> Result<LoadReport, LoadError> {
    Loader::new(cluster.dialect(), options).finish(sources, Vec::new(), cluster)
}

struct Loader<'o> {
    dialect: Dialect,
    options: &'o LoadOptions,
    report: LoadReport,
    /// What will be applied, and where each object stands.
    staged: BTreeMap<ResourceKey, (Lowered, Origin)>,
    /// A text that cannot be read as a whole, or a policy that stands twice, cannot be skipped.
    refused: bool,
}

impl<'o> Loader<'o> {
    fn new(dialect: &Dialect, options: &'o LoadOptions) -> Self {
        Loader {
            dialect: dialect.clone(),
            options,
            report: LoadReport::default(),
            staged: BTreeMap::new(),
            refused: false,
        }
    }

    fn finish(
        mut self,
        sources: &[Source],
        unreadable: Vec<Diagnostic>,
        cluster: &mut Cluster,
    ) -> Result<LoadReport, LoadError> {
        self.refuse_for(unreadable);
        for source in sources {
            self.source(source);
        }
        if self.refused {
            return Err(LoadError { diagnostics: self.report.diagnostics });
        }
        let mut transaction = cluster.transaction();
        for (key, (lowered, _)) in self.staged {
            *self.report.loaded.entry(key.kind).or_default() += 1;
            transaction.put_keyed(key, lowered);
        }
        transaction.commit();
        self.report.diagnostics.extend(cluster.check());
        Ok(self.report)
    }

    fn refuse_for(&mut self, diagnostics: Vec<Diagnostic>) {
        self.refused |= diagnostics.iter().any(Diagnostic::is_error);
        self.report.diagnostics.extend(diagnostics);
    }

    fn source(&mut self, source: &Source) {
        let limits = &self.options.limits;
        let parsed = parse_documents(source, limits);
        self.refuse_for(parsed.diagnostics);
        let found = objects(source, &parsed.documents, limits);
        self.refuse_for(found.diagnostics);
        let total: usize = self.staged.len() + found.objects.len();
        if total > limits.max_objects {
            let message = format!("the load holds more than {} objects", limits.max_objects);
            let problem = Problem::error(Code::LimitExceeded, FieldPath::root(), message)
                .with_help("load less at once, or raise `Limits::max_objects`");
            self.refuse_for(vec![Diagnostic::without_location(problem, None)]);
            return;
        }
        for object in &found.objects {
            self.object(source, object);
        }
    }

    fn object(&mut self, source: &Source, object: &Object<'_, '_>) {
        let label = object.label();
        let kind = match Kind::from_api(object.api_version, object.kind) {
            Lookup::Known(kind) => kind,
            Lookup::UnsupportedVersion { supported } => {
                let message = format!("`{}` of {} is not supported", object.api_version, object.kind);
                let problem =
                    Problem::error(Code::UnsupportedVersion, FieldPath::root().key("apiVersion"), message)
                        .with_help(format!("write `apiVersion: {supported}`"));
                return self.left_out(label.clone(), vec![locate(source, object.node, problem, Some(label))]);
            }
            Lookup::Unknown => return self.unknown_kind(source, object, label),
        };
        let decoded = decode_resource(object.node, kind, &self.options.limits);
        let mut problems = decoded.problems;
        if !guards(kind) && decoded.value.is_some() {
            // The odd part is left out; what is known of the object still stands.
            problems.iter_mut().for_each(|problem| problem.severity = Severity::Warning);
        }
        let lowered = decoded.value.map(|resource| (resource.key(), self.lowered(&resource, &mut problems)));
        let wrong = problems.iter().any(Problem::is_error) || !object.sound;
        let mut located: Vec<Diagnostic> = problems
            .into_iter()
            .map(|problem| locate(source, object.node, problem, Some(label.clone())))
            .collect();
        located
            .sort_by_key(|diagnostic| diagnostic.location.as_ref().map(|place| (place.line, place.column)));
        match lowered {
            Some((key, Some(mut lowered))) if !wrong => {
                self.report.diagnostics.extend(located);
                place(&mut lowered, source, object.node);
                self.stage(source, object, key, lowered);
            }
            _ => self.left_out(label, located),
        }
    }

    fn lowered(&self, resource: &Resource, problems: &mut Vec<Problem>) -> Option<Lowered> {
        let Lowering { value, problems: found } = lower(resource, &self.dialect);
        // What decoding left out is missed by validation as well; one word about it is enough.
        let known: Vec<FieldPath> = problems.iter().map(|problem| problem.path.clone()).collect();
        let follows = |problem: &Problem| {
            problem.code == Code::MissingField
                && known.iter().any(|path| path.segments().starts_with(problem.path.segments()))
        };
        problems.extend(found.into_iter().filter(|problem| !follows(problem)));
        value
    }

    fn left_out(&mut self, label: String, diagnostics: Vec<Diagnostic>) {
        self.refused |= self.options.invalid == OnInvalid::Refuse;
        self.report.diagnostics.extend(diagnostics);
        self.report.skipped.push(label);
    }

    fn unknown_kind(&mut self, source: &Source, object: &Object<'_, '_>, label: String) {
        let kind = format!("{} {}", object.api_version, object.kind);
        let count = self.report.unknown.entry(kind).or_default();
        *count += 1;
        if *count == 1 {
            let message = format!(
                "objects of {} {} bear on nothing here and are passed over",
                object.api_version, object.kind
            );
            let problem = Problem::warning(Code::UnknownKind, FieldPath::root().key("kind"), message);
            self.report.diagnostics.push(locate(source, object.node, problem, Some(label)));
        }
    }

    /// The same policy twice in one load cannot both be meant. Of other objects the later one counts.
    fn stage(&mut self, source: &Source, object: &Object<'_, '_>, key: ResourceKey, lowered: Lowered) {
        let origin = origin(source, object.node);
        if let Some((earlier, first)) = self.staged.get(&key) {
            let severity = if key.kind.is_policy() && unplaced(earlier) != unplaced(&lowered) {
                Severity::Error
            } else {
                Severity::Warning
            };
            let problem = Problem {
                severity,
                ..Problem::error(
                    Code::DuplicateObject,
                    FieldPath::root().key("metadata").key("name"),
                    format!("{key} stands here again; the first one is at {first}"),
                )
                .with_help("keep one of them")
            };
            let diagnostic = locate(source, object.node, problem, Some(key.to_string()));
            if severity == Severity::Error {
                return self.left_out(key.to_string(), vec![diagnostic]);
            }
            self.report.diagnostics.push(diagnostic);
        }
        self.staged.insert(key, (lowered, origin));
    }
}

/// True for the kinds that say who may talk; false for the inventory, whose odd fields are only warned about.
fn guards(kind: Kind) -> bool {
    kind.is_policy() || kind.group() == Kind::Tier.group()
}

fn origin(source: &Source, node: &Node<'_>) -> Origin {
    Origin { source: Arc::clone(source.name()), line: source.line(node.span.range().start) }
}

/// A policy without the places it stands at, to compare what two of them say.
fn unplaced(lowered: &Lowered) -> Lowered {
    let mut lowered = lowered.clone();
    if let Lowered::Policy(policy) = &mut lowered {
        policy.origin = None;
        let rules = policy.ingress.iter_mut().chain(&mut policy.egress).flatten();
        rules.for_each(|rule| rule.origin.at = None);
    }
    lowered
}

/// Notes the file and line of an object and of its rules.
fn place(lowered: &mut Lowered, source: &Source, node: &Node<'_>) {
    match lowered {
        Lowered::Policy(policy) => {
            policy.origin = Some(origin(source, node));
            place_rules(policy.ingress.as_deref_mut(), "ingress", source, node);
            place_rules(policy.egress.as_deref_mut(), "egress", source, node);
        }
        Lowered::Profile(_, profile) => {
            place_rules(Some(&mut profile.ingress), "ingress", source, node);
            place_rules(Some(&mut profile.egress), "egress", source, node);
        }
        Lowered::Endpoint(endpoint) => endpoint.origin = Some(origin(source, node)),
        _ => {}
    }
}

fn place_rules(rules: Option<&mut [Rule]>, direction: &'static str, source: &Source, node: &Node<'_>) {
    let Some(Value::Seq(items)) =
        node.get("spec").and_then(|spec| spec.get(direction)).map(|list| &list.value)
    else {
        return;
    };
    for rule in rules.into_iter().flatten() {
        let index = usize::try_from(rule.origin.index).unwrap_or(usize::MAX);
        rule.origin.at = items.get(index).map(|item| origin(source, item));
    }
}
