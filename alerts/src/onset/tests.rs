use super::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const BIN: f64 = 10.0;

/// A Poisson count of mean `mean`, by counting exponential waits.
fn poisson(rng: &mut StdRng, mean: f64) -> f64 {
    if mean > 500.0 {
        let (u, v): (f64, f64) = (rng.random(), rng.random());
        let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        return (mean + normal * mean.sqrt()).round().max(0.0);
    }
    let limit = mean;
    let (mut sum, mut count) = (0.0, 0.0);
    loop {
        let u: f64 = rng.random();
        sum -= (1.0 - u).ln();
        if sum > limit {
            return count;
        }
        count += 1.0;
    }
}

/// A gamma variate of the shape and mean given, by Marsaglia and Tsang's method.
fn gamma(rng: &mut StdRng, shape: f64, mean: f64) -> f64 {
    if shape < 1.0 {
        let shrink = rng.random::<f64>().powf(1.0 / shape);
        return gamma(rng, shape + 1.0, mean * (shape + 1.0) / shape) * shrink * shape
            / (shape + 1.0);
    }
    let third = shape - 1.0 / 3.0;
    loop {
        let (first, second): (f64, f64) = (rng.random(), rng.random());
        let normal = (-2.0 * (1.0 - first).ln()).sqrt() * (std::f64::consts::TAU * second).cos();
        let cubed = (1.0 + normal / (9.0 * third).sqrt()).powi(3);
        let accept = 0.5 * normal * normal + third - third * cubed + third * cubed.ln();
        if cubed > 0.0 && rng.random::<f64>().ln() < accept {
            return third * cubed * mean / shape;
        }
    }
}

struct Fault {
    rate: f64,
    factor: f64,
    ramp: f64,
    /// Variance is `mean + overdispersion · mean²`.
    overdispersion: f64,
}

const ONSET: f64 = 3700.0;
const END: f64 = 5200.0;

fn series(rng: &mut StdRng, fault: &Fault) -> SeriesInput {
    let counts = (0..700)
        .map(|bin| {
            let t = (f64::from(bin) + 0.5) * BIN;
            let part = if !(ONSET..=END).contains(&t) {
                0.0
            } else if fault.ramp > 0.0 {
                ((t - ONSET) / fault.ramp).min(1.0)
            } else {
                1.0
            };
            let mean = fault.rate * (1.0 + (fault.factor - 1.0) * part);
            let mean = if fault.overdispersion > 0.0 {
                gamma(rng, 1.0 / fault.overdispersion, mean)
            } else {
                mean
            };
            poisson(rng, mean)
        })
        .collect();
    SeriesInput {
        id: "simulated".to_owned(),
        start: Timestamp::from_secs(1_000_000_000),
        bin_seconds: BIN,
        counts,
        traffic: None,
        direction: Direction::Up,
    }
}

#[derive(Debug)]
struct Figures {
    alarmed: f64,
    false_early: usize,
    delay: (f64, f64),
    error: f64,
    error_p90: f64,
    covered: f64,
    width: f64,
    recovery_error: f64,
    ramps: f64,
}

fn simulate(fault: &Fault, runs: u64) -> Figures {
    let (mut delays, mut errors, mut widths, mut recoveries) = (vec![], vec![], vec![], vec![]);
    let (mut covered, mut early, mut ramps) = (0.0, 0, 0.0);
    for seed in 0..runs {
        let mut rng = StdRng::seed_from_u64(seed);
        let input = series(&mut rng, fault);
        let estimate = estimate(&input).unwrap();
        let (Some(onset), Some(detected)) = (estimate.onset, estimate.detected_at) else {
            continue;
        };
        let seconds = |at: Timestamp| at.seconds_since(input.start);
        if seconds(detected) < ONSET {
            early += 1;
            continue;
        }
        delays.push(seconds(detected) - ONSET);
        errors.push((seconds(onset.at) - ONSET).abs());
        widths.push(seconds(onset.latest) - seconds(onset.earliest));
        if seconds(onset.earliest) <= ONSET && ONSET <= seconds(onset.latest) {
            covered += 1.0;
        }
        ramps += f64::from(u8::from(onset.model == Model::Ramp));
        recoveries.push(
            estimate
                .recovered_at
                .map_or(f64::INFINITY, |at| (seconds(at) - END).abs()),
        );
    }
    let n = delays.len() as f64;
    Figures {
        alarmed: n / runs as f64,
        false_early: early,
        delay: (quantile(&mut delays, 0.5), quantile(&mut delays, 0.9)),
        error: quantile(&mut errors, 0.5),
        error_p90: quantile(&mut errors, 0.9),
        covered: covered / n,
        width: quantile(&mut widths, 0.5),
        recovery_error: quantile(&mut recoveries, 0.5),
        ramps: ramps / n,
    }
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

/// Steps: (rate a bin, factor, over-dispersion, median delay at most).
fn check_step(rate: f64, factor: f64, overdispersion: f64, delay: f64) {
    let fault = Fault {
        rate,
        factor,
        ramp: 0.0,
        overdispersion,
    };
    let figures = simulate(&fault, 40);
    assert!(figures.alarmed >= 0.95, "{figures:?}");
    assert!(figures.error <= 10.0, "{figures:?}");
    assert!(figures.error_p90 <= 90.0, "{figures:?}");
    assert!(figures.covered >= 0.9, "{figures:?}");
    assert!(figures.width <= 200.0, "{figures:?}");
    assert!(figures.delay.0 <= delay, "{figures:?}");
    assert!(figures.delay.1 <= delay * 2.0, "{figures:?}");
    assert!(figures.recovery_error <= 20.0, "{figures:?}");
    assert!(figures.ramps <= 0.3, "{figures:?}");
    assert_eq!(figures.false_early, 0, "{figures:?}");
}

#[test]
fn steps_are_dated_to_a_bin_and_covered() {
    check_step(0.1, 20.0, 0.0, 70.0);
    check_step(1.0, 3.0, 0.0, 220.0);
    check_step(1.0, 5.0, 0.0, 60.0);
    check_step(5.0, 3.0, 0.0, 30.0);
    check_step(20.0, 3.0, 0.0, 20.0);
    check_step(20.0, 3.0, 0.2, 70.0);
}

fn check_ramp(rate: f64, factor: f64, ramp: f64, error: f64) {
    let fault = Fault {
        rate,
        factor,
        ramp,
        overdispersion: 0.0,
    };
    let figures = simulate(&fault, 30);
    assert!(figures.covered >= 0.85, "{figures:?}");
    assert!(figures.error <= error, "{figures:?}");
    assert!(figures.delay.1 <= 180.0, "{figures:?}");
    assert!(figures.ramps >= 0.9, "{figures:?}");
}

#[test]
fn ramps_are_seen_as_ramps() {
    check_ramp(5.0, 5.0, 300.0, 15.0);
    check_ramp(5.0, 10.0, 600.0, 20.0);
}

#[test]
fn quiet_over_dispersed_series_raise_no_alarm() {
    for (rate, overdispersion) in [(0.1, 1.0), (1.0, 0.3), (5.0, 0.3), (20.0, 0.2)] {
        let fault = Fault {
            rate,
            factor: 1.0,
            ramp: 0.0,
            overdispersion,
        };
        for seed in 0..60 {
            let mut rng = StdRng::seed_from_u64(seed);
            let estimate = estimate(&series(&mut rng, &fault)).unwrap();
            assert!(!estimate.alarmed, "rate {rate}, seed {seed}: {estimate:?}");
        }
    }
}

fn assert_near(at: Timestamp, seconds: f64) {
    let off = at.as_secs_f64() - seconds;
    assert!(off.abs() <= 5.0, "{off} s off");
}

#[test]
fn errors_where_there_were_none_are_dated_and_their_end_is_seen() {
    let mut counts = vec![0.0; 500];
    counts[400..460].fill(50.0);
    let input = SeriesInput {
        id: "total failure".to_owned(),
        start: Timestamp::from_secs(0),
        bin_seconds: 10.0,
        counts,
        traffic: Some(vec![50.0; 500]),
        direction: Direction::Up,
    };
    let estimate = estimate(&input).unwrap();
    let onset = estimate.onset.unwrap();
    assert_near(onset.at, 4000.0);
    assert_eq!(onset.model, Model::Step);
    assert_eq!(estimate.detected_at, Some(Timestamp::from_secs(4010)));
    assert_eq!(estimate.recovered_at, Some(Timestamp::from_secs(4600)));
}

#[test]
fn traffic_that_stops_is_dated_too() {
    let mut counts = vec![30.0; 400];
    counts[370..].fill(0.0);
    let input = SeriesInput {
        id: "silence".to_owned(),
        start: Timestamp::from_secs(0),
        bin_seconds: 10.0,
        counts,
        traffic: None,
        direction: Direction::Down,
    };
    let onset = estimate_ongoing(&input, Duration::from_mins(5))
        .unwrap()
        .onset
        .unwrap();
    let off = onset.at.seconds_since(Timestamp::from_secs(3700));
    assert!(off.abs() <= 5.0, "{off}");
}

#[test]
fn traffic_that_stops_within_a_bin_is_no_ramp() {
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let kept = 0.05 * seed as f64;
        let mut counts: Vec<f64> = (0..400).map(|_| poisson(&mut rng, 100.0)).collect();
        counts[370] = poisson(&mut rng, 100.0 * kept);
        counts[371..].fill(0.0);
        let input = SeriesInput {
            id: "silence".to_owned(),
            start: Timestamp::from_secs(0),
            bin_seconds: BIN,
            counts,
            traffic: None,
            direction: Direction::Down,
        };
        let onset = estimate_ongoing(&input, Duration::from_mins(1))
            .unwrap()
            .onset
            .unwrap();
        let truth = Timestamp::from_secs(3700) + Duration::from_secs_f64(BIN * kept);
        let off = onset.at.seconds_since(truth);
        assert!(
            onset.model == Model::Step && off.abs() <= 6.0,
            "{seed}: {off} {onset:?}"
        );
        assert!(
            onset.earliest <= truth && truth <= onset.latest,
            "{seed}: {onset:?}"
        );
    }
}

#[test]
fn an_earlier_failure_is_not_the_one_going_on() {
    let mut counts = vec![0.0; 700];
    counts[300..330].fill(20.0);
    counts[690..].fill(20.0);
    let input = SeriesInput {
        id: "twice".to_owned(),
        start: Timestamp::from_secs(0),
        bin_seconds: 10.0,
        counts,
        traffic: None,
        direction: Direction::Up,
    };
    let first = estimate(&input).unwrap();
    assert_near(first.onset.unwrap().at, 3000.0);
    let ongoing = estimate_ongoing(&input, Duration::from_mins(5)).unwrap();
    assert_near(ongoing.onset.unwrap().at, 6900.0);
    // Nor is one that ended a few minutes before.
    let mut soon = input.clone();
    soon.counts[640..650].fill(50.0);
    let ongoing = estimate_ongoing(&soon, Duration::from_mins(1)).unwrap();
    assert_near(ongoing.onset.unwrap().at, 6900.0);
}

#[test]
fn nonsense_is_refused() {
    let mut input = SeriesInput {
        id: String::new(),
        start: Timestamp::from_secs(0),
        bin_seconds: 0.0,
        counts: vec![1.0, -1.0],
        traffic: None,
        direction: Direction::Up,
    };
    assert_eq!(estimate(&input), Err(SeriesError::BinWidth));
    input.bin_seconds = 10.0;
    assert_eq!(estimate(&input), Err(SeriesError::Count(1)));
    input.counts = vec![];
    assert_eq!(estimate(&input).unwrap().onset, None);
    input.traffic = Some(vec![1.0]);
    let lengths = SeriesError::Lengths {
        traffic: 1,
        counts: 0,
    };
    assert_eq!(estimate(&input), Err(lengths));
}

#[test]
fn what_is_not_known_says_nothing() {
    let line = |hole: &str| {
        let quiet = |n| vec!["2"; n].join(",");
        let failing = vec!["30"; 40].join(",");
        let counts = format!("{},{hole},{},{failing}", quiet(200), quiet(100));
        let line = format!(
            r#"{{"id":"x","start":"2026-01-01T00:00:00Z","bin_seconds":10,"counts":[{counts}]}}"#
        );
        serde_json::from_str::<SeriesInput>(&line).unwrap()
    };
    let hole = line(&vec!["null"; 60].join(","));
    assert!(hole.counts[230].is_nan());
    let found = estimate(&hole).unwrap();
    let off = found.onset.unwrap().at.seconds_since(hole.start) - 3600.0;
    assert!(off.abs() < 1.0, "{off}");
    assert!((found.explanation.unwrap().usual_rate - 2.0).abs() < 0.1);
    let back: SeriesInput = serde_json::from_str(&serde_json::to_string(&hole).unwrap()).unwrap();
    assert!(back.counts[230].is_nan() && (back.counts[199] - 2.0).abs() < 0.01);
}
