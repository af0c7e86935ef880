//! `watchfire explain`: how a decision is made, on the very code that the server runs.

mod fingerprint;
mod onset;
mod pattern;
mod route;
mod slo;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use watchfire_logsearch::{plan_query, plan_span_query};

use crate::cli::{ExplainArgs, ExplainWhat};

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    match &args.what {
        ExplainWhat::Onset { file } => onset::run(file)?,
        ExplainWhat::Fingerprint { file } => fingerprint::run(file)?,
        ExplainWhat::Pattern { file } => pattern::run(file)?,
        ExplainWhat::Slo { file, period } => say(&slo::rules_of(file, period)?),
        ExplainWhat::Route(args) => say(&route::run(args)?),
        ExplainWhat::Query { query, spans, json } => say(&plan_of(query, *spans, *json)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers each line of a file with one line.
fn each_line(
    path: &Path,
    mut answer: impl FnMut(usize, &str) -> anyhow::Result<Option<String>>,
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

fn plan_of(query: &str, spans: bool, json: bool) -> anyhow::Result<String> {
    let plan = if spans {
        plan_span_query(query)?
    } else {
        plan_query(query)?
    };
    if json {
        return Ok(serde_json::to_string(&plan)?);
    }
    Ok(plan.to_string().trim_end().to_owned())
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "the answer is what was asked for")]
    {
        println!("{line}");
    }
}
