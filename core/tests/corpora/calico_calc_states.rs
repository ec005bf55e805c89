//! States of Calico's datastore, with what felix makes of them: IP sets, active policies, and the order of policies.

mod compare;
mod objects;

use crate::support::{Outcome, list, run_cases, text};
use serde_json::Value;
use std::path::Path;
use tierwall::cluster::Cluster;

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, check)
}

/// The state alone, then as the end of every part of a sequence of states that leads to it.
fn check(document: &Value, case: &Value) -> Result<(), String> {
    compare::state(&objects::fresh(case)?, case)?;
    for sequence in list(document, "sequences") {
        let ids: Vec<&str> = sequence.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for end in ids.iter().enumerate().filter(|(_, id)| **id == text(case, "id")).map(|(end, _)| end) {
            let cluster = travel(document, &ids[..=end])?;
            compare::state(&cluster, case)
                .map_err(|difference| format!("after {:?}: {difference}", &ids[..end]))?;
        }
    }
    Ok(())
}

/// A cluster that went through states by updates.
fn travel(document: &Value, ids: &[&str]) -> Result<Cluster, String> {
    let mut cluster = Cluster::with_dialect(objects::dialect());
    let empty = Value::Null;
    let mut current = &empty;
    for id in ids {
        let next = list(document, "cases").iter().find(|case| text(case, "id") == *id);
        let next = next.ok_or_else(|| format!("no case {id:?}"))?;
        objects::update(&mut cluster, current, next)?;
        current = next;
    }
    Ok(cluster)
}
