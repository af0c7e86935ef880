//! `watchfire backtest`: what rules would have paged over the telemetry that a running server has
//! stored. The server is asked over HTTP and nothing of it is changed; its data directory is not
//! opened, since that is the server's alone.

mod report;
mod stored;
mod verdict;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;
use watchfire_alerts::{Backtest, WouldFire};
use watchfire_schemas::{Clock as _, SystemClock, Timestamp};

use crate::api::Api;
use crate::cli::BacktestArgs;
use crate::rule_files::RuleFiles;
use crate::stack::runtime;
use report::Report;
use stored::Stored;
use verdict::judge;

/// Points that one range query may give.
const MOST_STEPS: u32 = 10_000;

pub(crate) fn run(args: &BacktestArgs) -> anyhow::Result<ExitCode> {
    if args.since.is_zero() || args.step < Duration::from_secs(1) {
        bail!("--since must be above 0, and --step 1s at least");
    }
    let files = RuleFiles {
        patterns: args.rules.clone(),
        ..RuleFiles::default()
    };
    let backtest = Backtest::of(&files.read()?).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::Error::msg(lines.join("\n"))
    })?;
    if backtest.is_empty() {
        bail!("there is no alerting rule in them");
    }
    let report = runtime()?.block_on(replay(args, &backtest))?;
    if args.json {
        report.print_json()?;
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(args: &BacktestArgs, backtest: &Backtest) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let stored = Stored::new(Api::new(&args.server)?);
    let end = args.end.unwrap_or_else(|| SystemClock.now());
    let range = (end - args.since, end);
    let (mut fired, mut notes) = (Vec::new(), Vec::new());
    for rule in 0..backtest.len() {
        if let Some(metric) = backtest.needs_recorded(rule) {
            notes.push(format!(
                "{} asks for {metric}, which these rules would record: only what the server holds of it was seen",
                backtest.name(rule)
            ));
        }
        let step = backtest.interval(rule).unwrap_or(args.step).max(args.step);
        let name = backtest.name(rule);
        let found = one(&stored, backtest, rule, range, step).await;
        fired.extend(found.with_context(|| format!("{name} cannot be replayed"))?);
    }
    fired.sort_by_key(|fires| fires.fired_at);
    let incidents = stored.incidents(range).await?;
    Ok(Report {
        range,
        rules: backtest.len(),
        verdict: judge(fired, &incidents),
        notes,
        took: begun.elapsed(),
    })
}

/// One rule through the whole range, a stretch at a time.
async fn one(
    stored: &Stored,
    backtest: &Backtest,
    rule: usize,
    (from, until): (Timestamp, Timestamp),
    step: Duration,
) -> anyhow::Result<Vec<WouldFire>> {
    let mut replay = backtest.replay(rule);
    // On the grid, as a server evaluates.
    let mut start = from.floor(step);
    while start <= until {
        let end = (start + step * (MOST_STEPS - 1)).min(until);
        let series = stored
            .range(backtest.expr(rule), (start, end), step)
            .await?;
        replay
            .go_on(&series, (start, end), step)
            .map_err(anyhow::Error::msg)?;
        start = start + step * MOST_STEPS;
    }
    Ok(replay.ended())
}
