//! Figures of response times in words.

use watchfire_alerts::{MeasureComparison, ResponseSummary};

use crate::figures;

/// `42 s`, `25 min`, `2.5 h`, `3.2 d`: as coarse as a median of a few incidents is known.
pub(crate) fn rough(seconds: f64) -> String {
    let scaled = |by: f64, unit: &str| {
        let value = seconds / by;
        let text = if value < 9.95 {
            format!("{value:.1}")
        } else {
            format!("{value:.0}")
        };
        format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match seconds {
        s if !s.is_finite() => "–".to_owned(),
        s if s < 9.95 => figures::duration(s),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5_400.0 => scaled(60.0, "min"),
        s if s < 129_600.0 => scaled(3_600.0, "h"),
        _ => scaled(86_400.0, "d"),
    }
}

/// Two significant digits: `0.12`, `1.8`, `14`.
pub(crate) fn ratio(value: f64) -> String {
    match value {
        v if !v.is_finite() => "–".to_owned(),
        v if v >= 9.95 => format!("{v:.0}"),
        v if v >= 0.995 => format!("{v:.1}"),
        v if v >= 0.0995 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}

pub(crate) fn ratio_interval((low, high): (f64, f64)) -> String {
    format!("{}–{}", ratio(low), ratio(high))
}

/// A p-value as papers write it.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if p < 0.001 => "p < 0.001".to_owned(),
        p if p < 0.1 => format!("p = {p:.3}"),
        p => format!("p = {p:.2}"),
    }
}

/// `6 min to 25 min`; an end that cannot be told yet is open.
pub(crate) fn interval(interval: Option<(Option<f64>, Option<f64>)>) -> Option<String> {
    match interval? {
        (Some(low), Some(high)) => Some(format!("{} to {}", rough(low), rough(high))),
        (Some(low), None) => Some(format!("{} or more", rough(low))),
        (None, Some(high)) => Some(format!("up to {}", rough(high))),
        (None, None) => None,
    }
}

/// `TTD`, `TTA`, `TTR` of a measure's key.
pub(crate) fn short_name(key: &str) -> String {
    if key == "time_to_resolve" {
        return "time to resolve".to_owned();
    }
    key.to_ascii_uppercase()
}

/// `median TTD 25 min (n=14) → 3 min (n=17); ratio 0.12, 95 % CI 0.05–0.30`.
pub(crate) fn verdict(told: &MeasureComparison) -> String {
    let side = |summary: &ResponseSummary| {
        let median = summary.median.map_or_else(|| "–".to_owned(), rough);
        let censored = match summary.censored {
            0 => String::new(),
            more => format!(", {more} censored"),
        };
        format!("{median} (n={}{censored})", summary.n)
    };
    let medians = format!(
        "median {} {} → {}",
        short_name(told.measure.key()),
        side(&told.before),
        side(&told.after)
    );
    match (told.ratio, told.interval) {
        (Some(value), Some(interval)) => format!(
            "{medians}; ratio {}, 95 % CI {}",
            ratio(value),
            ratio_interval(interval)
        ),
        (Some(value), None) => format!(
            "{medians}; ratio {}, and no spread to infer from",
            ratio(value)
        ),
        (None, _) => format!("{medians}; too few to infer anything"),
    }
}

/// What the interval allows to say.
pub(crate) fn reading(told: &MeasureComparison) -> String {
    let visible = told.visible_ratio.map(|visible| {
        format!(
            " This many incidents would show a change to {} or less of what it was in four of five cases.",
            figures::percent(visible)
        )
    });
    let visible = visible.unwrap_or_default();
    match told.interval_with_onset.or(told.interval) {
        Some((_, high)) if high < 1.0 => {
            format!("Shorter: the whole interval lies below 1.{visible}")
        }
        Some((low, _)) if low > 1.0 => format!("Longer: the whole interval lies above 1.{visible}"),
        Some(_) => {
            format!("No change is shown, and none is ruled out: the interval holds 1.{visible}")
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_coarse_as_they_are_known() {
        let cases = [
            (4.25, "4.2 s"),
            (42.4, "42 s"),
            (180.0, "3 min"),
            (1_500.0, "25 min"),
            (7_200.0, "2 h"),
            (9_000.0, "2.5 h"),
            (276_480.0, "3.2 d"),
            (f64::NAN, "–"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(rough(seconds), expected);
        }
        assert_eq!(ratio_interval((0.05, 0.3)), "0.050–0.30");
        assert_eq!(p_value(0.0004), "p < 0.001");
        assert_eq!(
            interval(Some((Some(60.0), None))).as_deref(),
            Some("60 s or more")
        );
    }
}
