//! The drill's outcome, as a table and as JSON.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use watchfire_services::FaultKind;

use super::case::Case;
use super::figures::{Estimated, geometric_mean, median, quantile};
use super::outcome::{Outcome, Seen};

/// What it is, and what it is not.
const LABEL: &str = "fault-injection replay, not production";
/// The 95 % upper bound of a Poisson mean of which nothing, one, two, … were seen.
const UPPER_BOUNDS: [f64; 6] = [3.0, 4.74, 6.3, 7.75, 9.15, 10.51];

/// Pages while nothing was broken.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Quiet {
    /// Of all services together.
    pub days: f64,
    /// Each in a line.
    pub watchfire: Vec<String>,
    pub plain: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Report {
    pub seed: u64,
    pub outcomes: Vec<Outcome>,
    pub quiet: Quiet,
    pub took: Duration,
}

/// What can be said of all faults together.
#[derive(Debug, Serialize)]
struct Summary {
    detected: Sides,
    paged: Sides,
    /// Of the dated: |error| in seconds, and the share of intervals that hold the truth.
    onset_error_median: Option<f64>,
    onset_error_p90: Option<f64>,
    onset_covered: Option<f64>,
    onset_width_median: Option<f64>,
}

/// One span of time on both sides.
#[derive(Debug, Serialize)]
struct Sides {
    watchfire: Option<Estimated>,
    watchfire_p90: Option<f64>,
    plain: Option<Estimated>,
    /// Those that no page told of.
    watchfire_missed: usize,
    plain_missed: usize,
    /// Watchfire's time over the plain rules', of the faults that both saw.
    ratio: Option<Estimated>,
    pairs: usize,
}

pub(crate) fn list(cases: &[Case]) {
    for case in cases {
        let kinds: Vec<&str> = case.kinds().into_iter().map(FaultKind::as_str).collect();
        let kinds = if kinds.is_empty() {
            "-".to_owned()
        } else {
            kinds.join(", ")
        };
        say(&format!("{:20} {kinds:16} {}", case.name, case.what));
    }
}

impl Report {
    pub(crate) fn print_json(&self) -> anyhow::Result<()> {
        let document = json!({
            "label": LABEL,
            "seed": self.seed,
            "took_seconds": self.took.as_secs_f64(),
            "faults": self.outcomes,
            "summary": self.summary(),
            "quiet": self.quiet,
        });
        say(&serde_json::to_string_pretty(&document)?);
        Ok(())
    }

    pub(crate) fn print(&self) {
        say(&format!(
            "{LABEL}; seconds from onset; plain: static thresholds, asked every 5 min, for: 10m, group_wait 30s\n"
        ));
        say(&format!(
            "{:20} {:>9} {:>7} {:>9} {:>7} {:>7}  {:>12} {:>6} {}  rule",
            "fault",
            "detected",
            "paged",
            "plain",
            "paged",
            "ratio",
            "onset error",
            "width",
            "holds"
        ));
        for outcome in &self.outcomes {
            say(&row(outcome));
        }
        self.print_summary();
        self.print_quiet();
        say(&format!("took {:.0} s", self.took.as_secs_f64()));
    }

    fn print_summary(&self) {
        let summary = self.summary();
        say("");
        for (name, sides) in [("detected", &summary.detected), ("paged", &summary.paged)] {
            say(&format!(
                "{name:9} median {} (p90 {}), missed {} of {n}; plain {}, missed {} of {n}; ratio {} over {} pairs",
                estimated(sides.watchfire, 0),
                seconds(sides.watchfire_p90),
                sides.watchfire_missed,
                estimated(sides.plain, 0),
                sides.plain_missed,
                estimated(sides.ratio, 3),
                sides.pairs,
                n = self.harmful().count(),
            ));
        }
        let covered = summary
            .onset_covered
            .map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        say(&format!(
            "onset     error median {} s, p90 {} s; the interval holds the truth in {covered}, median width {} s",
            seconds(summary.onset_error_median),
            seconds(summary.onset_error_p90),
            seconds(summary.onset_width_median),
        ));
    }

    fn print_quiet(&self) {
        let Quiet {
            days,
            watchfire,
            plain,
        } = &self.quiet;
        let bound = UPPER_BOUNDS.get(watchfire.len()).filter(|_| *days > 0.0);
        let bound = bound.map_or_else(String::new, |most| {
            format!(
                "; at most {:.1} in 30 days and service (95 %)",
                most / days * 30.0
            )
        });
        say(&format!(
            "quiet     {days:.1} service-days: {} false pages{bound}; plain {}",
            watchfire.len(),
            plain.len(),
        ));
        for page in watchfire {
            say(&format!("false     {page}"));
        }
    }

    fn summary(&self) -> Summary {
        let dated: Vec<_> = self.harmful().filter_map(|o| o.onset.as_ref()).collect();
        let errors: Vec<f64> = dated.iter().map(|dated| dated.error.abs()).collect();
        let widths: Vec<f64> = dated.iter().map(|dated| dated.width).collect();
        let covered = dated.iter().filter(|dated| dated.covers).count();
        Summary {
            detected: self.sides(|seen| seen.detected),
            paged: self.sides(|seen| seen.paged),
            onset_error_median: quantile(&errors, 0.5),
            onset_error_p90: quantile(&errors, 0.9),
            onset_covered: (!dated.is_empty()).then(|| covered as f64 / dated.len() as f64),
            onset_width_median: quantile(&widths, 0.5),
        }
    }

    /// Those that somebody is to be woken by; the others count where nothing is broken.
    fn harmful(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| !outcome.harmless)
    }

    fn sides(&self, of: fn(&Seen) -> Option<f64>) -> Sides {
        let ours: Vec<Option<f64>> = self.harmful().map(|o| of(&o.watchfire)).collect();
        let plain: Vec<Option<f64>> = self.harmful().map(|o| of(&o.plain)).collect();
        let pairs = ours.iter().zip(&plain);
        let ratios: Vec<f64> = pairs
            .filter_map(|(ours, plain)| Some(ours.as_ref()?.max(1.0) / plain.as_ref()?.max(1.0)))
            .collect();
        let missed = |times: &[Option<f64>]| times.iter().filter(|time| time.is_none()).count();
        let finite = |value: &Estimated| value.value.is_finite();
        Sides {
            watchfire: median(&censored(&ours)).filter(finite),
            watchfire_p90: quantile(&censored(&ours), 0.9).filter(|p90| p90.is_finite()),
            plain: median(&censored(&plain)).filter(finite),
            watchfire_missed: missed(&ours),
            plain_missed: missed(&plain),
            ratio: geometric_mean(&ratios),
            pairs: ratios.len(),
        }
    }
}

/// What was missed lasts for ever.
fn censored(times: &[Option<f64>]) -> Vec<f64> {
    times
        .iter()
        .map(|time| time.unwrap_or(f64::INFINITY))
        .collect()
}

fn row(outcome: &Outcome) -> String {
    let (ours, plain) = (&outcome.watchfire, &outcome.plain);
    let ratio = ours
        .paged
        .zip(plain.paged)
        .map(|(ours, plain)| ours / plain);
    let onset = outcome.onset.as_ref();
    format!(
        "{:20} {:>9} {:>7} {:>9} {:>7} {:>7}  {:>12} {:>6} {:5}  {}",
        outcome.fault,
        told(ours, outcome.harmless),
        seconds(ours.paged),
        told(plain, outcome.harmless),
        seconds(plain.paged),
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
        onset.map_or("-".to_owned(), |onset| format!("{:+.1}", onset.error)),
        seconds(onset.map(|onset| onset.width)),
        onset.map_or("-", |onset| if onset.covers { "yes" } else { "no" }),
        ours.rule.as_deref().unwrap_or("-"),
    )
}

/// Until it was detected, or what there was instead.
fn told(seen: &Seen, harmless: bool) -> String {
    match (seen.detected, seen.warned) {
        (Some(detected), _) => format!("{detected:.0}"),
        (None, Some(warned)) => format!("warned {warned:.0}"),
        (None, None) if harmless => "quiet".to_owned(),
        (None, None) => "missed".to_owned(),
    }
}

fn seconds(of: Option<f64>) -> String {
    of.map_or("-".to_owned(), |seconds| format!("{seconds:.0}"))
}

fn estimated(of: Option<Estimated>, digits: usize) -> String {
    let Some(Estimated { value, low, high }) = of else {
        return "-".to_owned();
    };
    let end = |end: Option<f64>| end.map_or("…".to_owned(), |end| format!("{end:.digits$}"));
    format!("{value:.digits$} [{}, {}]", end(low), end(high))
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "the outcome is what was asked for")]
    {
        println!("{line}");
    }
}
