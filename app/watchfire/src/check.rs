//! `watchfire check`: validates files before anything runs on them.

mod schemas;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use watchfire_alerts::{RuleFinding, SloPeriod, Weight, check_rules, check_slos};

use crate::cli::{CheckArgs, CheckWhat, ServeArgs};
use crate::config::{ConfigError, Defaults, Settings, read_alertmanager, read_scrape_config};

/// Finds what is wrong with a file, and whether it can be used all the same.
type Check = fn(&Path) -> (Vec<String>, bool);

pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let (files, check): (&[PathBuf], Check) = match &args.what {
        CheckWhat::Config { files } => (files, config),
        CheckWhat::Rules { files } => (files, rules),
        CheckWhat::Slo { files } => (files, slos),
        CheckWhat::Alertmanager { files } => (files, |file| {
            let findings = alertmanager(file);
            let usable = findings.is_empty();
            (findings, usable)
        }),
        CheckWhat::Scrape { files } => (files, |file| {
            let findings = scrape(file);
            let usable = findings.is_empty();
            (findings, usable)
        }),
        CheckWhat::Schemas { files, logs } => return all_schemas(files, logs),
    };
    let mut sound = true;
    for file in files {
        let (findings, usable) = check(file);
        sound &= usable;
        say(file, &findings, usable);
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Schemas may refer to each other, so they are checked together.
fn all_schemas(files: &[PathBuf], logs: &[PathBuf]) -> ExitCode {
    let findings = schemas::findings(files, logs);
    if findings.is_empty() {
        for file in files.iter().chain(logs) {
            say(file, &findings, true);
        }
        return ExitCode::SUCCESS;
    }
    say(Path::new(""), &findings, false);
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "the findings are what was asked for")]
fn say(file: &Path, findings: &[String], usable: bool) {
    if usable {
        println!("{}: ok", file.display());
    }
    for finding in findings {
        println!("{finding}");
    }
}

fn config(file: &Path) -> (Vec<String>, bool) {
    let args = ServeArgs {
        config: Some(file.to_owned()),
        ..ServeArgs::default()
    };
    match Settings::from_args(&args, Defaults::SERVE) {
        Ok(_) => (Vec::new(), true),
        Err(error) => (vec![causes(&error)], false),
    }
}

fn rules(file: &Path) -> (Vec<String>, bool) {
    found_in(file, check_rules)
}

fn slos(file: &Path) -> (Vec<String>, bool) {
    found_in(file, |name, text| {
        check_slos(name, text, SloPeriod::default())
    })
}

fn found_in(file: &Path, check: fn(&str, &str) -> Vec<RuleFinding>) -> (Vec<String>, bool) {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let findings = check(&file.display().to_string(), &text);
            let usable = findings.iter().all(|found| found.weight == Weight::Warning);
            (findings.iter().map(ToString::to_string).collect(), usable)
        }
        Err(error) => (vec![format!("{}: {error}", file.display())], false),
    }
}

fn scrape(file: &Path) -> Vec<String> {
    match read_scrape_config(file) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Scrape(findings)) => findings.iter().map(ToString::to_string).collect(),
        Err(error) => vec![causes(&error)],
    }
}

fn alertmanager(file: &Path) -> Vec<String> {
    match read_alertmanager(file.to_owned()) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Rules(findings)) => findings.iter().map(ToString::to_string).collect(),
        Err(error) => vec![causes(&error)],
    }
}

/// An error and what led to it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
