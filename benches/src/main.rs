//! The command line of the benchmarks.

use lexopt::prelude::*;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use tierwall_benches::measure::Plan;
use tierwall_benches::report::Report;
use tierwall_benches::workload::{SUITES, Suite};

const USAGE: &str = "\
usage: tierwall-benches report [--suite NAMES] [--manifest PATH]... [--json FILE]

  --suite NAMES    the suites to measure, separated by commas; `all` is every one, and so is nothing at all:
                   S, M, W1, XL, P50k, PROD-E, PROD-I, TENANT, ANTREA, CILIUM-CI,
                   ADV-LABEL, ADV-GLOBAL, ADV-PORT, ADV-CIDR, ADV-ANYPEER, CB-ACL, CB-FW, CB-IPC
  --manifest PATH  measure the cluster of a file or a directory of manifests, YAML or JSON, on flows between its
                   pods; of several, the cluster that they make together
  --json FILE      also write the report to FILE, as JSON
";

struct Options {
    suites: Vec<Suite>,
    manifests: Vec<PathBuf>,
    json: Option<PathBuf>,
}

/// `None` if only help is asked for.
fn options() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options { suites: Vec::new(), manifests: Vec::new(), json: None };
    let mut command = None;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("suite") => options.suites.extend(suites(&parser.value()?.string()?)?),
            Long("manifest") => options.manifests.push(parser.value()?.into()),
            Long("json") => options.json = Some(parser.value()?.into()),
            Value(value) if command.is_none() => command = Some(value.string()?),
            _ => return Err(argument.unexpected()),
        }
    }
    match command.as_deref() {
        Some("report") => {}
        Some(other) => return Err(format!("there is no command `{other}`; write `report`").into()),
        None => return Ok(None),
    }
    if options.suites.is_empty() && options.manifests.is_empty() {
        options.suites = SUITES.into();
    }
    Ok(Some(options))
}

/// The suites of these names, separated by commas.
fn suites(names: &str) -> Result<Vec<Suite>, lexopt::Error> {
    let mut suites = Vec::new();
    for name in names.split(',').map(str::trim) {
        if name.eq_ignore_ascii_case("all") {
            suites.extend(SUITES);
            continue;
        }
        let found = SUITES.into_iter().find(|suite| suite.name.eq_ignore_ascii_case(name));
        let known = || SUITES.map(|suite| suite.name).join(", ");
        suites.push(found.ok_or_else(|| format!("there is no suite `{name}`; there are {}", known()))?);
    }
    Ok(suites)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let Some(options) = options()? else {
        write!(out, "{USAGE}")?;
        return Ok(());
    };
    // On its own stream, so that the report can be redirected. Nobody may be there to read it.
    let announce = |what: &str| drop(writeln!(io::stderr(), "measuring {what}"));
    let report = Report::measure(&options.suites, options.manifests, Plan::default(), announce)?;
    write!(out, "{report}")?;
    if let Some(path) = options.json {
        std::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    match report.mismatches() {
        0 => Ok(()),
        count => Err(format!("{count} answers of the compiled engine differ from the others'").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<&'static str>, String> {
        let suites = suites(text).map_err(|error| error.to_string())?;
        Ok(suites.into_iter().map(|suite| suite.name).collect())
    }

    #[test]
    fn suites_are_named_one_by_one_or_all_at_once() {
        assert_eq!(names("W1, prod-e"), Ok(vec!["W1", "PROD-E"]));
        assert_eq!(names("all").map(|names| names.len()), Ok(SUITES.len()));
    }

    #[test]
    fn an_unknown_suite_is_told_the_names() {
        let error = names("S,L").unwrap_err();
        assert!(error.starts_with("there is no suite `L`; there are S, M, W1, XL,"), "{error}");
    }

    #[test]
    fn the_usage_names_every_suite() {
        for suite in SUITES {
            assert!(USAGE.contains(suite.name), "{}", suite.name);
        }
    }
}
