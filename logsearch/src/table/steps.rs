//! Steps of numbers, durations and time that a person finds round.

/// How many steps a histogram has at most if nothing is said.
pub(super) const STEPS: usize = 40;

const SECOND: f64 = 1e9;
/// Seconds and more, which are not counted in tens.
const ROUND: [f64; 22] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    1_209_600.0,
    2_419_200.0,
];

/// The smallest of 1, 2, 5, 10, … that covers `span` in fewer than `steps` steps.
pub(super) fn round_number(span: f64, steps: usize) -> f64 {
    let least = span / steps.max(2).saturating_sub(1) as f64;
    if least.is_nan() || least <= f64::MIN_POSITIVE {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let round = [1.0, 2.0, 5.0].map(|digit| digit * power);
    let fits = round.into_iter().find(|step| *step >= least);
    fits.unwrap_or(10.0 * power)
}

/// The same in nanoseconds: from a second on in seconds, minutes, hours, days and weeks.
pub(super) fn round_nanos(span: f64, steps: usize) -> f64 {
    let least = span / steps.max(2).saturating_sub(1) as f64;
    if least < SECOND {
        return round_number(span, steps).max(1.0);
    }
    let fits = ROUND.into_iter().find(|step| step * SECOND >= least);
    fits.map_or_else(|| round_number(span, steps), |step| step * SECOND)
}

/// Without the noise that multiplying a step of 0.1 makes.
pub(super) fn tidy(number: f64) -> f64 {
    format!("{number:.11e}").parse().unwrap_or(number)
}

/// The nanoseconds of one of a field's numbers, as its name tells: `dur_ms`, `latency.seconds`.
pub(super) fn unit_of(field: &str) -> Option<f64> {
    let last = field.rsplit(['.', '_', '-']).next()?;
    Some(match last {
        "ns" | "nanos" | "nanoseconds" => 1.0,
        "us" | "micros" | "microseconds" => 1e3,
        "ms" | "millis" | "milliseconds" => 1e6,
        "s" | "sec" | "secs" | "seconds" => 1e9,
        "minutes" => 60e9,
        "hours" => 3_600e9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        let check = |span: f64, expected: f64| {
            let step = round_number(span, STEPS);
            assert!((step - expected).abs() < expected * 1e-9, "{span}: {step}");
            assert!(((span / step).floor() as usize) < STEPS, "{span}");
        };
        check(100.0, 5.0);
        check(39.0, 1.0);
        check(0.5, 0.02);
        check(3e7, 1e6);
        assert!((round_number(0.0, STEPS) - 1.0).abs() < 1e-9);
        let nanos = |span: f64| (round_nanos(span, STEPS) / 1e6) as u64;
        assert_eq!(nanos(3_600e9), 120_000, "an hour in steps of two minutes");
        assert_eq!(nanos(1e9), 50);
        assert!((round_nanos(0.0, STEPS) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_tidy_and_names_have_units() {
        assert!((tidy(3.0 * 0.1) - 0.3).abs() < f64::EPSILON / 4.0);
        assert_eq!(unit_of("dur_ms"), Some(1e6));
        assert_eq!(unit_of("http.latency.seconds"), Some(1e9));
        assert_eq!(unit_of("items"), None);
    }
}
