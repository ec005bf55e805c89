//! Everything that can make a difference makes one: each reading of the dialect, each reason, action, phase, and each
//! field of a rule, by a flow whose answer hangs on it alone.
#![cfg(feature = "yaml")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a malformed row should fail loudly, and helpers of tests are not tests to the lints"
)]

#[path = "decisive/answers.rs"]
mod answers;
#[path = "decisive/api_fields.rs"]
mod api_fields;
#[path = "decisive/dialect.rs"]
mod dialect;
#[path = "engines/mod.rs"]
mod engines;
#[path = "calico_scenarios/fixture.rs"]
mod fixture;
#[path = "decisive/rule_fields.rs"]
mod rule_fields;

/// The names of the fields of a value, from its pretty debug text: those that a table about it must have.
fn field_names(value: &impl std::fmt::Debug) -> Vec<String> {
    let text = format!("{value:#?}");
    let fields = text.lines().filter_map(|line| line.strip_prefix("    "));
    let fields = fields.filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
    fields.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
}

/// Fails unless the names are those of the fields, each once or more.
fn assert_covers(fields: &[String], names: impl IntoIterator<Item = &'static str>) {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    let mut fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(names, fields, "the table has a row for each field and no other");
}
