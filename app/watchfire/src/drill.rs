//! `watchfire drill`: faults whose onset is known, replayed in simulated time through the real
//! pipeline, judged by Watchfire's rules and by plain ones over the same telemetry.

mod case;
mod catalogue;
mod figures;
mod harm;
mod outcome;
mod report;
mod traffic;
mod world;

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;
use watchfire_alerts::Incident;
use watchfire_schemas::Timestamp;

use crate::cli::{DrillArgs, ServeArgs};
use crate::config::{Defaults, Settings};
use crate::stack::runtime;
use case::Case;
use catalogue::{catalogue, chosen};
use outcome::{Outcome, dated, pages_before, seen};
use report::{Quiet, Report};
use traffic::Service;
use world::{START, World};

/// What is known before anything breaks.
const HISTORY: u64 = 3600;
/// The last of it, in which rules are evaluated already.
const QUIET_BEFORE: u64 = 60;
/// Faults begin within this many seconds, so that they meet each evaluation at another moment.
const SPREAD: u64 = 300;
/// How long a fault lasts, and how long it is watched after its end: the plain rules need over a
/// quarter of an hour.
const LASTS: u64 = 1800;
const AFTER: u64 = 300;
/// How often it is looked whether both sides have paged, and how long after Watchfire's page onset
/// has been looked at again.
const LOOK: u64 = 60;
const DATED_AFTER: f64 = 330.0;
/// In how many seconds' steps telemetry comes where no second matters.
const QUIET_STEP: u64 = 5;
/// Requests a second and shares of errors of the services that stay well.
const WELL: [(f64, f64); 5] = [
    (0.2, 0.05),
    (1.0, 0.02),
    (3.0, 0.01),
    (5.0, 0.05),
    (10.0, 0.002),
];

pub(crate) fn run(args: &DrillArgs) -> anyhow::Result<ExitCode> {
    if args.list {
        report::list(&catalogue());
        return Ok(ExitCode::SUCCESS);
    }
    let cases = chosen(&args.only);
    if cases.is_empty() {
        bail!(
            "no fault's name holds {:?}; --list names them",
            args.only.join(", ")
        );
    }
    if !(0.0..=366.0).contains(&args.quiet_days) {
        bail!("--quiet-days must be between 0 and 366");
    }
    let report = runtime()?.block_on(drill(args, &cases))?;
    if args.json {
        report.print_json()?;
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

async fn drill(args: &DrillArgs, cases: &[Case]) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let mut waiting: VecDeque<(Case, u64)> = (0..args.repeat)
        .flat_map(|run| cases.iter().map(move |case| (case.clone(), run)))
        .collect();
    let order: Vec<(&str, u64)> = waiting
        .iter()
        .map(|(case, run)| (case.name, *run))
        .collect();
    let mut outcomes = Vec::new();
    let mut replays = JoinSet::new();
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    loop {
        while replays.len() < at_once
            && let Some((case, run)) = waiting.pop_front()
        {
            let settings = settings(args)?;
            let seed = args.seed.wrapping_mul(1000).wrapping_add(run);
            replays.spawn(replay(settings, case, (seed, run)));
        }
        match replays.join_next().await {
            Some(outcome) => outcomes.push(outcome??),
            None => break,
        }
    }
    outcomes.sort_by_key(|o| order.iter().position(|place| *place == (o.fault, o.run)));
    let quiet = quiet(args, &outcomes).await?;
    Ok(Report {
        seed: args.seed,
        outcomes,
        quiet,
        took: begun.elapsed(),
    })
}

/// One fault in a world of its own, until both sides have paged or it is long over.
async fn replay(
    settings: Settings,
    case: Case,
    (seed, run): (u64, u64),
) -> anyhow::Result<Outcome> {
    // The name takes part, so that a fault is the same whichever others are replayed.
    let (name, harmless) = (case.name, case.harmless);
    let kinds = case.kinds();
    let named = name.bytes().fold(seed, |mixed, byte| {
        mixed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    let mut dice = StdRng::seed_from_u64(named);
    let mut service = Service::new(name.to_owned(), case, dice.random());
    let begins = HISTORY + dice.random_range(0..SPREAD);
    service.broken = Some(begins..begins + LASTS);
    let onset = START + Duration::from_secs(begins);
    let dir = TempDir::new().context("a folder for the drill's data cannot be made")?;
    let mut world = World::open(settings, dir.path(), vec![service]).await?;
    world.warm_up(HISTORY - QUIET_BEFORE).await?;
    let end = begins + LASTS + AFTER;
    let mut until = begins;
    let (ours, plain) = loop {
        world.run(until, 1).await?;
        let (ours, plain) = (world.incidents().await?, world.plain_incidents().await?);
        let paged = |side: &[Incident]| seen(side, name, onset).paged;
        let settled =
            paged(&ours).is_some_and(|paged| until as f64 > begins as f64 + paged + DATED_AFTER);
        if until >= end || (settled && paged(&plain).is_some()) {
            break (ours, plain);
        }
        until = (until + LOOK).min(end);
    };
    world.close().await;
    // Where nothing is harmed, every page is one too many.
    let until = if harmless { Timestamp::MAX } else { onset };
    Ok(Outcome {
        fault: name,
        kinds,
        harmless,
        run,
        watchfire: seen(&ours, name, onset),
        plain: seen(&plain, name, onset),
        onset: dated(&ours, name, onset),
        false_pages: (pages_before(&ours, until), pages_before(&plain, until)),
    })
}

/// Services that stay well, for days.
async fn quiet(args: &DrillArgs, outcomes: &[Outcome]) -> anyhow::Result<Quiet> {
    let seconds = (args.quiet_days * 86_400.0) as u64;
    let mut quiet = Quiet::default();
    for outcome in outcomes {
        quiet.watchfire.extend_from_slice(&outcome.false_pages.0);
        quiet.plain.extend_from_slice(&outcome.false_pages.1);
    }
    if seconds == 0 {
        return Ok(quiet);
    }
    let well = |(kind, (rate, errors)): (u64, (f64, f64))| {
        let case = Case {
            rate,
            errors,
            ..Case::new("well", "")
        };
        let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(kind);
        Service::new(format!("well-{rate}-a-second"), case, seed)
    };
    let services: Vec<Service> = (0..).zip(WELL).map(well).collect();
    quiet.days = seconds as f64 / 86_400.0 * services.len() as f64;
    let dir = TempDir::new().context("a folder for the drill's data cannot be made")?;
    let mut world = World::open(settings(args)?, dir.path(), services).await?;
    world.warm_up(HISTORY).await?;
    world.run(HISTORY + seconds, QUIET_STEP).await?;
    let (ours, plain) = (world.incidents().await?, world.plain_incidents().await?);
    quiet.watchfire.extend(pages_before(&ours, Timestamp::MAX));
    quiet.plain.extend(pages_before(&plain, Timestamp::MAX));
    world.close().await;
    Ok(quiet)
}

/// As a server runs that nobody has configured, but for the rules that were asked for.
fn settings(args: &DrillArgs) -> anyhow::Result<Settings> {
    let serve = ServeArgs {
        rules: args.rules.clone(),
        default_rules: Some(args.rules.is_empty()),
        ..ServeArgs::default()
    };
    Ok(Settings::from_args(&serve, Defaults::SERVE)?)
}
