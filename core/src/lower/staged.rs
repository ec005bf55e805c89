//! What staged policies say they would do (`spec/calico.md` 1.1).

use super::problems::{Checker, suggestion};
use crate::diagnostic::Code;

const DELETE: &str = "Delete";
const ACTIONS: [&str; 4] = ["Set", DELETE, "Learn", "Ignore"];

/// Checks the field `stagedAction`: true if the policy says that another will be deleted, which is nothing to evaluate.
/// Then nothing else may be given but `exempt` fields; `is_bare` says whether that is so.
pub(super) fn is_deletion(checker: &mut Checker, action: &str, is_bare: bool, exempt: &str) -> bool {
    checker.at("stagedAction", |checker| {
        if !action.is_empty() && !ACTIONS.contains(&action) {
            let message = format!("`{action}` is not a staged action");
            checker.error(Code::UnknownValue, message, suggestion(action, ACTIONS));
        }
        if action == DELETE && !is_bare {
            checker.error(
                Code::ConflictingFields,
                format!("with `stagedAction: Delete` the spec must be empty{exempt}"),
                "remove the other fields, or write `stagedAction: Set`",
            );
        }
    });
    action == DELETE
}
