//! The command line of the benchmarks.

use lexopt::prelude::*;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use tierwall_benches::measure::Plan;
use tierwall_benches::report::Report;
use tierwall_benches::workload::{SUITES, Suite};

const USAGE: &str = "\
usage: tierwall-benches report [--suite NAME]... [--json FILE]

  --suite NAME  a suite to measure; without it, all of them: S, M, W1
  --json FILE   also write the report to FILE, as JSON
";

struct Options {
    suites: Vec<Suite>,
    json: Option<PathBuf>,
}

/// `None` if only help is asked for.
fn options() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options { suites: Vec::new(), json: None };
    let mut command = None;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("suite") => options.suites.push(suite(&parser.value()?.string()?)?),
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
    if options.suites.is_empty() {
        options.suites = SUITES.into();
    }
    Ok(Some(options))
}

fn suite(name: &str) -> Result<Suite, lexopt::Error> {
    let known = || SUITES.map(|suite| suite.name).join(", ");
    let found = SUITES.into_iter().find(|suite| suite.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("there is no suite `{name}`; there are {}", known()).into())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let Some(options) = options()? else {
        write!(out, "{USAGE}")?;
        return Ok(());
    };
    let report = Report::measure(&options.suites, Plan::default())?;
    write!(out, "{report}")?;
    if let Some(path) = options.json {
        std::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
