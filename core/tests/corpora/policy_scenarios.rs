//! Corpora that are scenarios throughout: `k8s-e2e-netpol`, `npapi-conformance`, `policy-assistant`, `k8s-random`.

use crate::scenario::{World, all, objects};
use crate::support::{Outcome, list, run_cases};
use serde_json::Value;
use std::path::Path;
use tierwall::dialect::{Dialect, SelectionScope};

/// Each step is checked on its own, and again in a cluster that was in the step before.
pub(crate) fn k8s_e2e_netpol(folder: &Path) -> Outcome {
    run_cases(folder, |document, case| {
        let after = objects(document, case);
        World::new(Dialect::default(), &after)?.probe_all(list(case, "probes"))?;
        let Some(before) = previous_step(document, case) else { return Ok(()) };
        let mut world = World::new(Dialect::default(), &objects(document, before))?;
        world.move_to(&after)?;
        world.probe_all(list(case, "probes")).map_err(|error| format!("after the step before: {error}"))
    })
}

fn previous_step<'a>(document: &'a Value, case: &Value) -> Option<&'a Value> {
    let cases = list(document, "cases");
    let position = cases.iter().position(|other| other["id"] == case["id"])?;
    let before = cases.get(..position)?.iter().rev();
    before.filter(|other| other["test"].is_string()).find(|other| other["test"] == case["test"])
}

pub(crate) fn npapi_conformance(folder: &Path) -> Outcome {
    run_cases(folder, scenario)
}

fn scenario(document: &Value, case: &Value) -> Result<(), String> {
    World::new(Dialect::default(), &objects(document, case))?.probe_all(list(case, "probes"))
}

/// The policies have the nested peers of early v1alpha1, which are written here as v1alpha1 has them today. The peers
/// `sameLabels` and `notSameLabels` are gone from the API: a policy with one must be refused.
pub(crate) fn policy_assistant(folder: &Path) -> Outcome {
    run_cases(folder, |document, case| {
        let mut objects = objects(document, case);
        objects.iter_mut().for_each(flatten_peers);
        let world = World::new(Dialect::default(), &objects);
        if case["usesSameLabels"] == true {
            return match world {
                Ok(_) => Err("accepted, although no API has sameLabels any more".to_owned()),
                Err(error) if error.contains("ameLabels") => Ok(()),
                Err(error) => Err(format!("refused for another reason: {error}")),
            };
        }
        world?.probe_all(list(case, "probes"))
    })
}

/// Writes `namespaces: {namespaceSelector: S}` as `namespaces: S`, and `pods: {namespaces: {namespaceSelector: S}, ..}`
/// as `pods: {namespaceSelector: S, ..}`.
pub(crate) fn flatten_peers(policy: &mut Value) {
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        let Some(rules) = policy["spec"].get_mut(rules).and_then(Value::as_array_mut) else { continue };
        for peer in rules.iter_mut().filter_map(|rule| rule.get_mut(peers)?.as_array_mut()).flatten() {
            flatten_peer(peer);
        }
    }
}

fn flatten_peer(peer: &mut Value) {
    let nested = |value: &Value| value.get("namespaceSelector").cloned();
    if let Some(selector) = peer.get("namespaces").and_then(nested) {
        peer["namespaces"] = selector;
    }
    let Some(pods) = peer.get_mut("pods").and_then(Value::as_object_mut) else { return };
    if let Some(selector) = pods.get("namespaces").and_then(nested) {
        pods.remove("namespaces");
        pods.insert("namespaceSelector".to_owned(), selector);
    }
}

/// Probes that assume a reading name the default one; `optionProbes` are checked under both readings they state.
pub(crate) fn k8s_random(folder: &Path) -> Outcome {
    run_cases(folder, |document, case| {
        let objects = objects(document, case);
        World::new(Dialect::default(), &objects)?.probe_all(list(case, "probes"))?;
        let options = list(case, "optionProbes");
        if options.is_empty() {
            return Ok(());
        }
        let scopes =
            [("PerDirection", SelectionScope::PerDirection), ("AnyDirection", SelectionScope::AnyDirection)];
        all(scopes.into_iter().map(|(name, scope)| {
            let mut dialect = Dialect::default();
            dialect.selection_scope = scope;
            let world = World::new(dialect, &objects)?;
            all(options.iter().map(|probe| {
                let verdict = world.verdict(&world.flow(probe)?)?;
                world
                    .compare(verdict, &probe["npSelectionScope"][name])
                    .map_err(|error| format!("{name}, {probe}: {error}"))
            }))
        }))
    })
}
