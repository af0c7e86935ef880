//! `watchfire test rules`: unit tests of rules, in promtool's format, on the code that the server
//! runs: each test has a store of its own in a temporary folder, and a clock that is set.

mod bench;
mod junit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use regex::Regex;
use watchfire_alerts::{RuleFinding, RuleTestOutcome, RuleTests, Weight};

use crate::cli::{TestArgs, TestWhat};
use crate::rule_files::expand;
use bench::TsdbBench;

/// What became of a file of tests.
#[derive(Debug)]
struct Ran {
    file: String,
    /// None of them ran, for these reasons.
    broken: Vec<String>,
    outcomes: Vec<RuleTestOutcome>,
}

pub(crate) fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let TestWhat::Rules(args) = &args.what;
    let only: Result<Vec<Regex>, _> = args.run.iter().map(|text| Regex::new(text)).collect();
    let only = only.context("--run")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let all: Vec<Ran> = args
        .files
        .iter()
        .map(|file| {
            let ran = runtime.block_on(Ran::of(file, &only));
            ran.say();
            ran
        })
        .collect();
    if let Some(path) = &args.junit {
        std::fs::write(path, junit::report(&all))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(if all.iter().all(Ran::passed) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Ran {
    async fn of(path: &Path, only: &[Regex]) -> Self {
        let mut ran = Self {
            file: path.display().to_string(),
            broken: Vec::new(),
            outcomes: Vec::new(),
        };
        match outcomes(path, only).await {
            Ok(outcomes) => ran.outcomes = outcomes,
            Err(reasons) => ran.broken = reasons,
        }
        ran
    }

    fn passed(&self) -> bool {
        self.broken.is_empty() && self.outcomes.iter().all(|one| one.failures.is_empty())
    }

    #[expect(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "the outcome is what was asked for"
    )]
    fn say(&self) {
        println!("Unit Testing:  {}", self.file);
        if self.passed() {
            println!("  SUCCESS\n");
            return;
        }
        eprintln!("  FAILED:");
        let failures = self.outcomes.iter().flat_map(|outcome| &outcome.failures);
        for failure in self.broken.iter().chain(failures) {
            eprintln!("{failure}");
        }
        eprintln!();
    }
}

async fn outcomes(path: &Path, only: &[Regex]) -> Result<Vec<RuleTestOutcome>, Vec<String>> {
    let file = path.display().to_string();
    let text = read(path)?;
    let tests = RuleTests::read(&file, &text).map_err(told)?;
    let mut rules: Vec<(String, String)> = Vec::new();
    let folder = path.parent().unwrap_or(Path::new(""));
    for pattern in tests.rule_files() {
        let found: Vec<PathBuf> = expand(&folder.join(pattern));
        if found.is_empty() {
            warn(&format!("  WARNING: no file match pattern {pattern}"));
        }
        for path in found {
            let name = path.display().to_string();
            if rules.iter().all(|(known, _)| *known != name) {
                rules.push((name, read(&path)?));
            }
        }
    }
    tests.run(&rules, &TsdbBench, only).await.map_err(told)
}

fn read(path: &Path) -> Result<String, Vec<String>> {
    std::fs::read_to_string(path).map_err(|error| vec![format!("{}: {error}", path.display())])
}

fn told(findings: Vec<RuleFinding>) -> Vec<String> {
    let errors = findings.into_iter().filter(|f| f.weight == Weight::Error);
    errors.map(|finding| finding.to_string()).collect()
}

#[expect(clippy::print_stderr, reason = "a warning beside the outcome")]
fn warn(text: &str) {
    eprintln!("{text}");
}
