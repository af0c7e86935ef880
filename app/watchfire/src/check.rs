//! `watchfire check`: validates files before anything runs on them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use watchfire_alerts::check_rules;
use watchfire_schemas::Contract;

use crate::cli::{CheckArgs, CheckWhat, ServeArgs};
use crate::config::{Defaults, Settings};

/// Finds what is wrong with a file.
type Check = fn(&Path) -> Vec<String>;

pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let (files, check): (&[PathBuf], Check) = match &args.what {
        CheckWhat::Config { files } => (files, config),
        CheckWhat::Rules { files } => (files, rules),
        CheckWhat::Schemas { files } => (files, schema),
    };
    let mut sound = true;
    for file in files {
        let findings = check(file);
        sound &= findings.is_empty();
        say(file, &findings);
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[expect(clippy::print_stdout, reason = "the findings are what was asked for")]
fn say(file: &Path, findings: &[String]) {
    if findings.is_empty() {
        println!("{}: ok", file.display());
    }
    for finding in findings {
        println!("{finding}");
    }
}

fn config(file: &Path) -> Vec<String> {
    let args = ServeArgs {
        config: Some(file.to_owned()),
        ..ServeArgs::default()
    };
    match Settings::from_args(&args, Defaults::SERVE) {
        Ok(_) => Vec::new(),
        Err(error) => vec![causes(&error)],
    }
}

fn rules(file: &Path) -> Vec<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => check_rules(&file.display().to_string(), &text)
            .iter()
            .map(ToString::to_string)
            .collect(),
        Err(error) => vec![format!("{}: {error}", file.display())],
    }
}

fn schema(file: &Path) -> Vec<String> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => Contract::compile(&name, &text)
            .err()
            .map(|error| format!("{name}: {}", causes(&error)))
            .into_iter()
            .collect(),
        Err(error) => vec![format!("{name}: {error}")],
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
