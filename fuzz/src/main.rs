//! Runs a fuzz target on any toolchain: `fuzz run TARGET [--seconds N] [--seed S] [--trace]`, `fuzz once TARGET FILE`,
//! `fuzz seeds TARGET FOLDER`.

use std::io::Write as _;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tierwall_fuzz::mutate::{Random, input};
use tierwall_fuzz::{TARGETS, Target};

const USAGE: &str = "usage:
  fuzz run TARGET [--seconds N] [--seed S] [--trace]
      Changes seeds at random for N seconds (60), and stops at the first input that fails, which is written to
      artifacts/. --trace writes every input before it runs, for those that end the process.
  fuzz once TARGET FILE
      Runs one input.
  fuzz seeds TARGET FOLDER
      Writes the inputs that a target begins with, for another fuzzer.
  fuzz list
      Names the targets.";

struct Options {
    seconds: u64,
    seed: u64,
    trace: bool,
    words: Vec<String>,
}

fn options() -> Result<Options, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { seconds: 60, seed: 1, trace: false, words: Vec::new() };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("trace") => options.trace = true,
            Value(word) => options.words.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => return usage(&error.to_string()),
    };
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    let target = |name: &str| TARGETS.iter().find(|target| target.name == name);
    match words[..] {
        ["list"] => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        ["run", name] => match target(name) {
            Some(target) => return run(target, &options),
            None => return usage(&format!("there is no target {name}")),
        },
        ["seeds", name, folder] => match target(name).map(|target| write_seeds(target, Path::new(folder))) {
            Some(Ok(())) => {}
            Some(Err(error)) => return usage(&format!("{folder}: {error}")),
            None => return usage(&format!("there is no target {name}")),
        },
        ["once", name, file] => match (target(name), std::fs::read(file)) {
            (Some(target), Ok(data)) => (target.check)(&data),
            (None, _) => return usage(&format!("there is no target {name}")),
            (_, Err(error)) => return usage(&format!("{file}: {error}")),
        },
        _ => return usage("nothing to do"),
    }
    ExitCode::SUCCESS
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\n{USAGE}");
    ExitCode::from(2)
}

fn write_seeds(target: &Target, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}

fn artifact(target: &Target, name: &str, data: &[u8]) -> PathBuf {
    let directory = Path::new("artifacts").join(target.name);
    let path = directory.join(name);
    if let Err(error) = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, data)) {
        eprintln!("{}: {error}", path.display());
    }
    path
}

fn run(target: &Target, options: &Options) -> ExitCode {
    let seeds = (target.seeds)();
    let mut random = Random(options.seed);
    let start = Instant::now();
    let limit = Duration::from_secs(options.seconds);
    let (mut runs, mut slowest) = (0_u64, Duration::ZERO);
    for seed in &seeds {
        (target.check)(seed);
    }
    while start.elapsed() < limit {
        let data = input(&mut random, &seeds, target.longest);
        if options.trace {
            artifact(target, "current", &data);
        }
        let before = Instant::now();
        if catch_unwind(|| (target.check)(&data)).is_err() {
            let path = artifact(target, &format!("crash-{:08x}", crc32fast::hash(&data)), &data);
            println!("{}: run {runs} of seed {} failed: {}", target.name, options.seed, path.display());
            return ExitCode::FAILURE;
        }
        if before.elapsed() > slowest {
            slowest = before.elapsed();
            if slowest > Duration::from_secs(1) {
                let path = artifact(target, &format!("slow-{:08x}", crc32fast::hash(&data)), &data);
                println!("{}: a run took {slowest:?}: {}", target.name, path.display());
            }
        }
        runs += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{}: {runs} runs in {seconds:.0} s, {:.0} a second, the slowest {slowest:?}; seed {}",
        target.name,
        runs as f64 / seconds,
        options.seed
    );
    let _ = std::io::stdout().flush();
    ExitCode::SUCCESS
}
