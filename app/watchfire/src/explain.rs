//! `watchfire explain`: how a decision is made, on the very code that the server runs.

mod pattern;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};
use watchfire_alerts::onset::{self, SeriesInput};
use watchfire_collector::fingerprint;
use watchfire_logsearch::plan_query;
use watchfire_schemas::{Exception, flatten};

use crate::cli::{ExplainArgs, ExplainWhat};

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    match &args.what {
        ExplainWhat::Onset { file } => each_line(file, onset_of)?,
        ExplainWhat::Fingerprint { file } => each_line(file, fingerprint_of)?,
        ExplainWhat::Pattern { file } => pattern::run(file)?,
        ExplainWhat::Query { query, json } => say(&plan_of(query, *json)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers each line of a file with one line.
fn each_line(
    path: &Path,
    answer: fn(usize, &str) -> anyhow::Result<Option<String>>,
) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{} cannot be read", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        if let Some(answer) =
            answer(index + 1, &line).with_context(|| format!("{}:{}", path.display(), index + 1))?
        {
            say(&answer);
        }
    }
    Ok(())
}

fn plan_of(query: &str, json: bool) -> anyhow::Result<String> {
    let plan = plan_query(query)?;
    if json {
        return Ok(serde_json::to_string(&plan)?);
    }
    Ok(plan.to_string().trim_end().to_owned())
}

fn onset_of(_: usize, line: &str) -> anyhow::Result<Option<String>> {
    let series: SeriesInput = serde_json::from_str(line)
        .context("expected {\"id\",\"start\",\"bin_seconds\",\"counts\"}")?;
    Ok(Some(serde_json::to_string(&onset::estimate(&series)?)?))
}

/// A line without an exception has no group and no answer.
fn fingerprint_of(number: usize, line: &str) -> anyhow::Result<Option<String>> {
    let object = serde_json::from_str(line).context("expected a JSON object")?;
    // Nested or flat, as at intake.
    let object = flatten(object);
    let service = object
        .get("service.name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let exception: Exception =
        serde_json::from_value(Value::Object(object)).context("exception.* must be strings")?;
    if exception == Exception::default() {
        return Ok(None);
    }
    let found = fingerprint(&service, &exception);
    Ok(Some(json!({"line": number, "group": found.group, "grouped_by": found.grouped_by, "frames": found.frames}).to_string()))
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "the answer is what was asked for")]
    {
        println!("{line}");
    }
}
