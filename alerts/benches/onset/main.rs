//! How well onset is found on series whose truth is known:
//! `cargo bench -p watchfire-alerts --bench onset -- [--seed N] [--runs N] [--quiet-days N]`.
//!
//! Seeds below 1,000,000 are what the algorithm was fitted on; its figures are told from others.

#![expect(clippy::print_stdout, reason = "the table is what is asked for")]

mod figures;
mod generator;

use std::time::Duration;

use figures::Figures;
use generator::{Noise, Scenario, simulate};
use tokio::time::Instant;
use watchfire_alerts::onset::estimate;

const NOISES: [(&str, Noise); 6] = [
    ("poisson", Noise::Poisson),
    ("nb 0.05", Noise::NegativeBinomial(0.05)),
    ("nb 0.15", Noise::NegativeBinomial(0.15)),
    ("nb 0.30", Noise::NegativeBinomial(0.3)),
    ("wander 0.2", Noise::Wandering(0.2, 0.8)),
    ("wander 0.3", Noise::Wandering(0.3, 0.9)),
];
const RATES: [f64; 4] = [0.1, 1.0, 5.0, 20.0];
const FACTORS: [f64; 4] = [3.0, 5.0, 10.0, 20.0];
const RAMPS: [f64; 4] = [60.0, 120.0, 300.0, 600.0];

struct Settings {
    seed: u64,
    runs: u64,
    quiet_days: f64,
}

fn main() {
    let settings = Settings {
        seed: setting("--seed", 1_000_000.0) as u64,
        runs: setting("--runs", 20.0) as u64,
        quiet_days: setting("--quiet-days", 30.0),
    };
    println!("{:34} {}", "", Figures::HEADER);
    changes(&settings, "steps", &[0.0]);
    changes(&settings, "ramps", &RAMPS);
    others(&settings);
    quiet(&settings);
    speed(&settings);
}

fn setting(name: &str, usual: f64) -> f64 {
    let args: Vec<String> = std::env::args().collect();
    let at = args.iter().position(|arg| arg == name);
    let given = at
        .and_then(|at| args.get(at + 1))
        .and_then(|text| text.parse().ok());
    given.unwrap_or(usual)
}

fn measured(settings: &Settings, scenarios: &[Scenario]) -> Figures {
    let mut figures = Figures::default();
    for (index, scenario) in (0..).zip(scenarios) {
        for run in 0..settings.runs {
            figures.add(scenario, settings.seed + index * 1_000 + run);
        }
    }
    figures
}

/// Rates and noises, over all factors; their total, over the rates that DESIGN speaks of.
fn changes(settings: &Settings, name: &str, ramps: &[f64]) {
    let (mut frequent, mut all) = (Figures::default(), Figures::default());
    for rate in RATES {
        for (noise_name, noise) in NOISES {
            let scenarios: Vec<Scenario> = FACTORS
                .iter()
                .flat_map(|factor| ramps.iter().map(move |ramp| (*factor, *ramp)))
                .map(|(factor, ramp)| Scenario {
                    rate,
                    factor,
                    ramp,
                    noise,
                    ..Scenario::USUAL
                })
                .collect();
            let figures = measured(settings, &scenarios);
            println!(
                "{:34} {}",
                format!("{name}, {rate} in 10 s, {noise_name}"),
                figures.row()
            );
            if scenarios.iter().all(Scenario::is_frequent) {
                frequent.merge(&figures);
            }
            all.merge(&figures);
        }
    }
    println!(
        "{:34} {}",
        format!("{name}, 1 in 10 s and more"),
        frequent.row()
    );
    println!("{:34} {}\n", format!("{name}, all"), all.row());
}

/// Other widths of bins, and what is told of the series.
fn others(settings: &Settings) {
    let usual = Scenario {
        rate: 5.0,
        noise: Noise::NegativeBinomial(0.1),
        ..Scenario::USUAL
    };
    let with = |change: fn(&mut Scenario)| {
        let mut scenario = usual;
        change(&mut scenario);
        scenario
    };
    let kinds = [
        ("bins of 1 s", with(|s| s.bin = 1.0)),
        ("bins of 30 s", with(|s| s.bin = 30.0)),
        ("bins of 60 s", with(|s| s.bin = 60.0)),
        ("with traffic", with(|s| s.traffic = true)),
        (
            "traffic that swings",
            with(|s| (s.traffic, s.swing) = (true, 0.7)),
        ),
        ("a rate that swings", with(|s| s.swing = 0.5)),
        ("10 minutes known", with(|s| s.history = 600.0)),
        ("4 minutes known", with(|s| s.history = 240.0)),
        ("a tenth missing", with(|s| s.missing = 0.1)),
        ("a short failure", with(|s| s.lasts = 180.0)),
        ("traffic loss", with(|s| s.factor = 0.1)),
    ];
    for (name, kind) in kinds {
        for (shape, ramp) in [("step", 0.0), ("ramp", 300.0)] {
            let figures = measured(settings, &sizes(kind, ramp));
            println!("{:34} {}", format!("{name}, {shape}"), figures.row());
        }
    }
}

/// The same at several rates, each by a little and by much.
fn sizes(kind: Scenario, ramp: f64) -> Vec<Scenario> {
    let both = |rate: f64| [3.0, 8.0].map(|factor| (rate, factor));
    let sizes = [1.0, 5.0, 20.0].into_iter().flat_map(both);
    sizes
        .map(|(rate, times)| {
            let factor = if kind.factor < 1.0 {
                0.3 / times
            } else {
                times
            };
            Scenario {
                rate,
                factor,
                ramp,
                ..kind
            }
        })
        .collect()
}

/// False alarms: over half days, and over single hours, where little is known.
fn quiet(settings: &Settings) {
    println!("\n{:34} days  alarms in 30 days | by the hour", "quiet");
    let (mut long, mut short) = (0.0, 0.0);
    for rate in RATES {
        for (noise_name, noise) in NOISES {
            let scenario = Scenario {
                rate,
                factor: 1.0,
                noise,
                swing: 0.3,
                ..Scenario::USUAL
            };
            let by_half_days = false_alarms(settings, scenario, 12.0);
            let by_hours = false_alarms(settings, scenario, 1.0);
            let name = format!("{rate} in 10 s, {noise_name}");
            println!(
                "{name:34} {:4.0} {by_half_days:17.1} | {by_hours:11.1}",
                settings.quiet_days
            );
            long += by_half_days / (RATES.len() * NOISES.len()) as f64;
            short += by_hours / (RATES.len() * NOISES.len()) as f64;
        }
    }
    println!(
        "{:34} {:4.0} {long:17.1} | {short:11.1}",
        "on average", settings.quiet_days
    );
}

/// How many there are in 30 days of series that are as long as this.
fn false_alarms(settings: &Settings, scenario: Scenario, hours: f64) -> f64 {
    let scenario = Scenario {
        history: hours * 3600.0 - 960.0,
        lasts: 30.0,
        ..scenario
    };
    let copies = (settings.quiet_days * 24.0 / hours).ceil() as u64;
    let alarmed = |copy: &u64| {
        let series = simulate(&scenario, settings.seed + 500_000 + copy);
        estimate(&series.input)
            .expect("a simulated series makes sense")
            .alarmed
    };
    let alarms = (0..copies).filter(alarmed).count() as f64;
    alarms / (copies as f64 * hours / 24.0) * 30.0
}

fn speed(settings: &Settings) {
    let inputs: Vec<_> = (0..40)
        .flat_map(|seed| {
            [0.0, 300.0]
                .map(|ramp| Scenario {
                    ramp,
                    ..Scenario::USUAL
                })
                .map(|s| simulate(&s, settings.seed + seed).input)
        })
        .collect();
    let started = Instant::now();
    let mut judged = 0_u32;
    while started.elapsed() < Duration::from_secs(1) {
        for input in &inputs {
            std::hint::black_box(estimate(input)).expect("a simulated series makes sense");
            judged += 1;
        }
    }
    let each = started.elapsed() / judged;
    println!("\n{} bins are judged in {each:?}", inputs[0].counts.len());
}
