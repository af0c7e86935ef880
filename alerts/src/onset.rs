//! When a failure began, from counts alone: version 2.
//!
//! What is usual and how it varies ([`baseline`], [`variation`]); windows that say that something
//! changed ([`detector`]); how probable each start, shape and height of the change is, and from
//! that the onset and its interval ([`backdate`]); and when it was over ([`recovery`]). Everything
//! here is pure: the same counts give the same answer in the server and in `watchfire explain`.

mod backdate;
mod baseline;
mod cells;
mod detector;
mod fit;
mod likelihood;
mod recovery;
mod signal;
mod variation;

use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;
use watchfire_schemas::Timestamp;

use crate::OnsetMethod;
use backdate::Backdated;
use detector::Excursion;
use signal::Signal;

/// Bins of at most this many seconds are asked to be quiet for five minutes before a failure
/// counts as over.
const QUIET_SECONDS: f64 = 300.0;
/// A change that no window has alarmed on yet must be at least this likely (natural log) to be
/// believed when a rule says that something is wrong.
const BELIEVED: f64 = 5.0;
/// Of the method; what is stored with an onset.
const VERSION: u32 = 2;

/// Which way counts go when things break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More errors than usual.
    #[default]
    Up,
    /// Less traffic than usual.
    Down,
}

/// Counts of one signal in bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesInput {
    pub id: String,
    /// Where the first bin starts.
    pub start: Timestamp,
    pub bin_seconds: f64,
    /// NaN, in JSON null, where nothing is known.
    #[serde(deserialize_with = "known_or_not")]
    pub counts: Vec<f64>,
    /// All events of which `counts` are the bad ones; the baseline follows it.
    #[serde(
        default,
        deserialize_with = "maybe_known_or_not",
        skip_serializing_if = "Option::is_none"
    )]
    pub traffic: Option<Vec<f64>>,
    #[serde(default)]
    pub direction: Direction,
}

/// The shape of the change that explains the counts best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    Step,
    Ramp,
}

impl Model {
    pub const fn method(self) -> OnsetMethod {
        match self {
            Self::Step => OnsetMethod::StepV2,
            Self::Ramp => OnsetMethod::RampV2,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EstimatedOnset {
    pub at: Timestamp,
    pub earliest: Timestamp,
    pub latest: Timestamp,
    pub model: Model,
}

/// The figures behind an onset, so that it can be argued with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Of the method.
    pub version: u32,
    /// Events a bin before it, or events for each unit of traffic.
    pub usual_rate: f64,
    /// Alpha: counts varied by `mean + alpha · mean²` before it.
    pub overdispersion: f64,
    /// How many times more than that they varied over minutes.
    pub wave: f64,
    /// How many times the usual rate it became.
    pub ratio: f64,
    /// Until it had become that; 0 for a step.
    pub ramp_seconds: f64,
    /// How probable it is that it came by and by.
    pub ramp_probability: f64,
    /// How much likelier this change is than none, natural log.
    pub evidence: f64,
}

/// What a series says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub id: String,
    /// Whether the counts alone would have raised an alarm.
    pub alarmed: bool,
    /// The end of the bin in which the alarm came.
    pub detected_at: Option<Timestamp>,
    pub onset: Option<EstimatedOnset>,
    pub recovered_at: Option<Timestamp>,
    /// What the onset was found by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// The expected count of each bin; only for those who draw it.
    #[serde(skip)]
    pub baseline: Vec<f64>,
    #[serde(skip)]
    pub dispersion: f64,
    /// How much likelier the change is than none, natural log.
    #[serde(skip)]
    pub evidence: f64,
}

/// Why a series cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    #[error("bin_seconds must be a number above 0 and at most 86400")]
    BinWidth,
    #[error("counts[{0}] must be a number of at least 0, or null where it is not known")]
    Count(usize),
    #[error("traffic[{0}] must be a number of at least 0, or null where it is not known")]
    Traffic(usize),
    #[error("traffic has {traffic} bins where counts has {counts}")]
    Lengths { traffic: usize, counts: usize },
}

fn known_or_not<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let counts = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(counts
        .into_iter()
        .map(|count| count.unwrap_or(f64::NAN))
        .collect())
}

fn maybe_known_or_not<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<f64>>, D::Error> {
    let counts = Option::<Vec<Option<f64>>>::deserialize(deserializer)?;
    let known = |counts: Vec<Option<f64>>| counts.into_iter().map(|c| c.unwrap_or(f64::NAN));
    Ok(counts.map(|counts| known(counts).collect()))
}

impl SeriesInput {
    /// Whether the counts make sense.
    pub fn check(&self) -> Result<(), SeriesError> {
        let bad = |v: &f64| v.is_infinite() || *v < 0.0;
        if !(self.bin_seconds > 0.0 && self.bin_seconds <= 86_400.0) {
            return Err(SeriesError::BinWidth);
        }
        if let Some(at) = self.counts.iter().position(bad) {
            return Err(SeriesError::Count(at));
        }
        let traffic = self.traffic.as_deref().unwrap_or_default();
        if let Some(at) = traffic.iter().position(bad) {
            return Err(SeriesError::Traffic(at));
        }
        if self.traffic.is_some() && traffic.len() != self.counts.len() {
            return Err(SeriesError::Lengths {
                traffic: traffic.len(),
                counts: self.counts.len(),
            });
        }
        Ok(())
    }

    /// The time `bins` bins after the start.
    fn time(&self, bins: f64) -> Timestamp {
        self.start + Duration::from_secs_f64((bins * self.bin_seconds).max(0.0))
    }

    fn quiet_bins(&self, quiet_seconds: f64) -> usize {
        (quiet_seconds / self.bin_seconds).ceil().max(1.0) as usize
    }
}

/// Judges a whole series: the first change in it, if there is one, and its end.
pub fn estimate(input: &SeriesInput) -> Result<Estimate, SeriesError> {
    input.check()?;
    let signal = Signal::of(input);
    let Some(excursion) = detector::first_alarm(&signal, 0) else {
        return Ok(unchanged(input, &signal));
    };
    let quiet = input.quiet_bins(QUIET_SECONDS);
    Ok(judge(input, &signal, &excursion, quiet))
}

/// Judges a series of which a rule says that it is bad at its end: the change that is not over yet
/// there. It is believed with less evidence than [`estimate`] asks for an alarm.
pub fn estimate_ongoing(input: &SeriesInput, quiet: Duration) -> Result<Estimate, SeriesError> {
    input.check()?;
    let signal = Signal::of(input);
    let quiet = input.quiet_bins(quiet.as_secs_f64());
    let mut from = 0;
    while let Some(excursion) = detector::first_alarm(&signal, from) {
        let estimate = judge(input, &signal, &excursion, quiet);
        match estimate.recovered_at {
            Some(at) => {
                let over = at.seconds_since(input.start) / input.bin_seconds;
                from = (over.ceil() as usize).max(excursion.alarm + 1);
            }
            None => return Ok(estimate),
        }
    }
    let Some(excursion) = detector::at_end(&signal, from) else {
        return Ok(unchanged(input, &signal));
    };
    let estimate = judge(input, &signal, &excursion, quiet);
    if estimate.evidence < BELIEVED {
        return Ok(unchanged(input, &signal));
    }
    Ok(Estimate {
        alarmed: false,
        detected_at: None,
        ..estimate
    })
}

/// When a failure whose onset and detection are known was over: the start of the quiet, at least
/// `quiet` long and lasting until the end of the series, in which the counts are as they were in
/// the hour before it. `None` while it goes on, or goes on again.
pub fn recovery(
    input: &SeriesInput,
    onset: Timestamp,
    detected: Timestamp,
    quiet: Duration,
) -> Result<Option<Timestamp>, SeriesError> {
    input.check()?;
    let bin = |at: Timestamp| (at.seconds_since(input.start) / input.bin_seconds).max(0.0) as usize;
    let last = input.counts.len().saturating_sub(1);
    let (since, alarm) = (bin(onset).min(last), bin(detected).min(last));
    let alarm = alarm.max(since);
    if since >= input.counts.len() {
        return Ok(None);
    }
    let signal = Signal::of(input);
    let excursion = Excursion {
        since,
        not_before: since,
        alarm,
        baseline: baseline::Baseline::before(&signal, since),
    };
    let expected = excursion.baseline.expected(&signal);
    let quiet = input.quiet_bins(quiet.as_secs_f64());
    let over = recovery::lasting_quiet(
        &signal,
        &expected,
        excursion.baseline.dispersion,
        &excursion,
        quiet,
    );
    Ok(over.map(|bin| input.time(bin as f64)))
}

fn unchanged(input: &SeriesInput, signal: &Signal) -> Estimate {
    let baseline = baseline::Baseline::before(signal, signal.len());
    Estimate {
        id: input.id.clone(),
        alarmed: false,
        detected_at: None,
        onset: None,
        recovered_at: None,
        explanation: None,
        baseline: baseline.expected(signal),
        dispersion: baseline.dispersion,
        evidence: 0.0,
    }
}

fn judge(input: &SeriesInput, signal: &Signal, excursion: &Excursion, quiet: usize) -> Estimate {
    let baseline = &excursion.baseline;
    let expected = baseline.expected(signal);
    let over = recovery::first_quiet(signal, &expected, baseline.dispersion, excursion, quiet);
    let end = over.unwrap_or(signal.len());
    let backdated = Backdated::find(signal, &expected, excursion, end);
    Estimate {
        id: input.id.clone(),
        alarmed: true,
        detected_at: Some(input.time((excursion.alarm + 1) as f64)),
        onset: Some(EstimatedOnset {
            at: input.time(backdated.at),
            earliest: input.time(backdated.earliest),
            latest: input.time(backdated.latest),
            model: backdated.model,
        }),
        recovered_at: over.map(|bin| input.time(bin as f64)),
        explanation: Some(Explanation {
            version: VERSION,
            usual_rate: baseline.rate,
            overdispersion: baseline.variation.overdispersion,
            wave: baseline.variation.wave,
            ratio: backdated.ratio,
            ramp_seconds: backdated.ramp * input.bin_seconds,
            ramp_probability: backdated.ramp_probability,
            evidence: backdated.evidence,
        }),
        dispersion: baseline.dispersion,
        evidence: backdated.evidence,
        baseline: expected,
    }
}

#[cfg(test)]
mod tests;
