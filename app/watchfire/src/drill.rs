//! `watchfire drill`: faults whose onset is known, replayed in simulated time through the real
//! pipeline, judged by Watchfire's rules and by plain ones over the same telemetry.

mod catalogue;
mod figures;
mod outcome;
mod report;
mod traffic;
mod world;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;
use tokio::time::Instant;
use watchfire_alerts::Incident;

use crate::cli::{DrillArgs, ServeArgs};
use crate::config::{Defaults, Settings};
use crate::stack::runtime;
use catalogue::{CATALOGUE, Fault, chosen};
use outcome::{Outcome, dated, seen, too_early, wakes};
use report::{Quiet, Report};
use traffic::Service;
use world::{START, World};

/// What is known before anything breaks.
const HISTORY: u64 = 3600;
/// Faults begin within this many seconds, so that they meet each evaluation at another moment.
const SPREAD: u64 = 300;
/// How long a fault lasts, and how long it is watched after its end: the plain rules need over a
/// quarter of an hour.
const LASTS: u64 = 1800;
const AFTER: u64 = 300;
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
        report::list(&CATALOGUE);
        return Ok(ExitCode::SUCCESS);
    }
    let faults = chosen(&args.only);
    if faults.is_empty() {
        bail!(
            "no fault's name holds {:?}; --list names them",
            args.only.join(", ")
        );
    }
    if !(0.0..=366.0).contains(&args.quiet_days) {
        bail!("--quiet-days must be between 0 and 366");
    }
    let report = runtime()?.block_on(drill(args, &faults))?;
    if args.json {
        report.print_json()?;
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

async fn drill(args: &DrillArgs, faults: &[Fault]) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    let mut early = (0, 0);
    for run in 0..args.repeat {
        let (found, too_early) = replay(args, faults, run).await?;
        outcomes.extend(found);
        early = (early.0 + too_early.0, early.1 + too_early.1);
    }
    let quiet = quiet(args, early).await?;
    Ok(Report {
        seed: args.seed,
        outcomes,
        quiet,
        took: begun.elapsed(),
    })
}

/// All faults once, each in a service of its own.
async fn replay(
    args: &DrillArgs,
    faults: &[Fault],
    run: u64,
) -> anyhow::Result<(Vec<Outcome>, (usize, usize))> {
    let mut dice = StdRng::seed_from_u64(args.seed.wrapping_mul(1000).wrapping_add(run));
    let broken = |fault: &Fault, dice: &mut StdRng| {
        let mut service = Service::new(fault.name.to_owned(), *fault, dice.random());
        let onset = HISTORY + dice.random_range(0..SPREAD);
        service.broken = Some(onset..onset + LASTS);
        service
    };
    let services: Vec<Service> = faults
        .iter()
        .map(|fault| broken(fault, &mut dice))
        .collect();
    let onsets: Vec<u64> = services
        .iter()
        .filter_map(|s| s.broken.as_ref().map(|b| b.start))
        .collect();
    let dir = TempDir::new().context("a folder for the drill's data cannot be made")?;
    let mut world = World::open(settings(args)?, dir.path(), services).await?;
    world.warm_up(HISTORY - 60).await?;
    world.run(HISTORY + SPREAD + LASTS + AFTER).await?;
    let (ours, plain) = (world.incidents().await?, world.plain_incidents().await?);
    world.close().await;
    let mut early = (0, 0);
    let mut outcomes = Vec::new();
    for (fault, onset) in faults.iter().zip(onsets) {
        let onset = START + std::time::Duration::from_secs(onset);
        early.0 += too_early(&ours, fault.name, onset);
        early.1 += too_early(&plain, fault.name, onset);
        outcomes.push(Outcome {
            fault: fault.name,
            run,
            watchfire: seen(&ours, fault.name, onset),
            plain: seen(&plain, fault.name, onset),
            onset: dated(&ours, fault.name, onset),
        });
    }
    Ok((outcomes, early))
}

/// Services that stay well, for days.
async fn quiet(args: &DrillArgs, early: (usize, usize)) -> anyhow::Result<Quiet> {
    let seconds = (args.quiet_days * 86_400.0) as u64;
    let mut quiet = Quiet {
        days: 0.0,
        watchfire: early.0,
        plain: early.1,
    };
    if seconds == 0 {
        return Ok(quiet);
    }
    let well = |(kind, (rate, errors)): (u64, (f64, f64))| {
        let fault = Fault {
            rate,
            errors,
            ..CATALOGUE[0]
        };
        let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(kind);
        Service::new(format!("well-{rate}-a-second"), fault, seed)
    };
    let services: Vec<Service> = (0..).zip(WELL).map(well).collect();
    quiet.days = seconds as f64 / 86_400.0 * services.len() as f64;
    let dir = TempDir::new().context("a folder for the drill's data cannot be made")?;
    let mut world = World::open(settings(args)?, dir.path(), services).await?;
    world.warm_up(HISTORY).await?;
    world.run(HISTORY + seconds).await?;
    let pages = |incidents: Vec<Incident>| incidents.iter().filter(|i| wakes(i)).count();
    quiet.watchfire += pages(world.incidents().await?);
    quiet.plain += pages(world.plain_incidents().await?);
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
