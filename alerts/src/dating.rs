//! When an incident began and when it was over, asked of the signals that its alerts are about.

mod watched;

use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::onset::{Direction, Estimate, SeriesInput, estimate_ongoing, recovery};
use crate::{AlertInstance, Onset, OnsetEvidence, OnsetMethod, OnsetSource, SignalError, Signals};

pub(crate) use watched::{WatchedSignal, is_watched, told_signals};

/// How far back the change is looked for, the hour of baseline included.
const LOOK_BACK: Duration = Duration::from_hours(3);
const BIN: Duration = Duration::from_secs(10);
/// Where events are as frequent as this (a second), onset is dated by finer bins.
const FREQUENT: f64 = 0.5;
const FINE_BIN: Duration = Duration::from_secs(2);
/// A signal that no alert is about must have changed beyond doubt to move the onset.
const BEYOND_DOUBT: f64 = 15.0;
/// How much of the series before onset is kept as evidence.
const EVIDENCE_BEFORE: Duration = Duration::from_mins(30);
/// A change that is older than this when a rule first sees something is not what the rule sees.
const OLDEST: Duration = Duration::from_mins(65);
const MAX_BINS: f64 = 4000.0;

/// What the signals say of a failure that goes on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dated {
    pub onset: Onset,
    /// Those that changed.
    pub signals: Vec<WatchedSignal>,
}

struct Found {
    signal: WatchedSignal,
    input: SeriesInput,
    estimate: Estimate,
}

/// Dates the failure that `alerts` are about, as the signals show it at `now`. Without a signal
/// that changed it is dated by the first evaluation at which a rule was true. A signal that cannot
/// be read counts as one that did not change; `report` is told.
pub(crate) async fn date(
    signals: &dyn Signals,
    alerts: &[&AlertInstance],
    now: Timestamp,
    quiet: Duration,
    mut report: impl FnMut(&SignalError),
) -> Dated {
    let first_true = alerts.iter().map(|a| a.active_at).min().unwrap_or(now);
    let mut found = Vec::new();
    for signal in watched::by_alerts(alerts) {
        match judge(signals, &signal, now, quiet).await {
            Ok(Some((input, estimate))) => found.push(Found {
                signal,
                input,
                estimate,
            }),
            Ok(None) => {}
            Err(error) => report(&error),
        }
    }
    let Some(chosen) = choose(&found, first_true) else {
        return Dated {
            onset: first_true_onset(first_true),
            signals: Vec::new(),
        };
    };
    let mut onset = told_by(chosen, first_true);
    match finer(signals, chosen, &onset, now, quiet).await {
        Ok(Some(finer)) => {
            onset = Onset {
                evidence: onset.evidence,
                ..told(&finer, first_true)
            }
        }
        Ok(None) => {}
        Err(error) => report(&error),
    }
    let onset = begun_before(onset, chosen.signal.late_by);
    let changed = found.into_iter().map(|f| f.signal).collect();
    Dated {
        onset,
        signals: changed,
    }
}

/// When all signals were as usual again. `None` while one is not.
pub(crate) async fn recovered(
    signals: &dyn Signals,
    watched: &[WatchedSignal],
    (onset, detected): (Timestamp, Timestamp),
    now: Timestamp,
    quiet: Duration,
) -> Result<Option<Timestamp>, SignalError> {
    let start = onset - Duration::from_mins(65);
    let span = now.seconds_since(start);
    let bin = Duration::from_secs_f64((span / MAX_BINS).ceil().max(5.0));
    let mut over = None;
    for signal in watched {
        let input = series(signals, signal, start, bin, now).await?;
        let judged = recovery(&input, onset, detected, quiet);
        match judged.map_err(|error| SignalError(error.to_string()))? {
            Some(at) => over = over.max(Some(at)),
            None => return Ok(None),
        }
    }
    Ok(over)
}

async fn judge(
    signals: &dyn Signals,
    signal: &WatchedSignal,
    now: Timestamp,
    quiet: Duration,
) -> Result<Option<(SeriesInput, Estimate)>, SignalError> {
    let input = series(signals, signal, now - LOOK_BACK, BIN, now).await?;
    let estimate =
        estimate_ongoing(&input, quiet).map_err(|error| SignalError(error.to_string()))?;
    let doubtful = !signal.of_alert && estimate.evidence < BEYOND_DOUBT;
    if estimate.onset.is_none() || doubtful {
        return Ok(None);
    }
    Ok(Some((input, estimate)))
}

/// The strongest of the signals that cannot be told apart from the earliest.
fn choose(found: &[Found], first_true: Timestamp) -> Option<&Found> {
    let begun = |f: &&Found| {
        let onset = f.estimate.onset;
        onset.is_some_and(|o| o.earliest <= first_true && o.latest + OLDEST >= first_true)
    };
    let onset = |f: &Found| {
        f.estimate
            .onset
            .expect("only those with an onset are found")
    };
    let earliest = found.iter().filter(begun).min_by_key(|f| onset(f).at)?;
    let latest = onset(earliest).latest;
    found
        .iter()
        .filter(begun)
        .filter(|f| onset(f).earliest <= latest)
        .max_by(|a, b| a.estimate.evidence.total_cmp(&b.estimate.evidence))
}

/// The onset by finer bins, where there are events enough and it does not contradict.
async fn finer(
    signals: &dyn Signals,
    chosen: &Found,
    coarse: &Onset,
    now: Timestamp,
    quiet: Duration,
) -> Result<Option<Estimate>, SignalError> {
    let first = (coarse.at.seconds_since(chosen.input.start) / BIN.as_secs_f64()).max(0.0) as usize;
    let after = chosen.input.counts.get(first..).unwrap_or_default();
    let rate = after.iter().sum::<f64>() / (after.len().max(1) as f64 * BIN.as_secs_f64());
    let frequent = match chosen.input.direction {
        Direction::Up => rate >= FREQUENT,
        Direction::Down => {
            chosen.estimate.baseline.iter().sum::<f64>()
                >= FREQUENT * 10.0 * chosen.estimate.baseline.len() as f64
        }
    };
    let span = now.seconds_since(coarse.earliest);
    if !frequent || span > 1800.0 {
        return Ok(None);
    }
    let start = coarse.earliest - Duration::from_mins(70);
    let input = series(signals, &chosen.signal, start, FINE_BIN, now).await?;
    let estimate =
        estimate_ongoing(&input, quiet).map_err(|error| SignalError(error.to_string()))?;
    let agrees = estimate
        .onset
        .is_some_and(|fine| fine.at + BIN >= coarse.earliest && fine.at <= coarse.latest + BIN);
    Ok(agrees.then_some(estimate))
}

/// The counts of a signal from about `start` up to `now`.
async fn series(
    signals: &dyn Signals,
    signal: &WatchedSignal,
    start: Timestamp,
    bin: Duration,
    now: Timestamp,
) -> Result<SeriesInput, SignalError> {
    let end = now.floor(Duration::from_secs(1));
    let bins = (end.seconds_since(start) / bin.as_secs_f64())
        .ceil()
        .max(1.0) as usize;
    let start = end - bin * bins as u32;
    let mut counts = signals
        .increments(&signal.selector, start, bin, bins)
        .await?;
    if let Some(minus) = &signal.minus {
        let less = signals.increments(minus, start, bin, bins).await?;
        for (count, less) in counts.iter_mut().zip(less) {
            *count = (*count - less).max(0.0);
        }
    }
    let mut traffic = match &signal.traffic {
        Some(selector) => Some(signals.increments(selector, start, bin, bins).await?),
        None => None,
    };
    // Before the first telemetry nothing is known, least of all that it was quiet.
    let seen = match (&traffic, signal.direction) {
        (Some(traffic), _) => traffic.iter().position(|t| *t > 0.0),
        (None, Direction::Down) => counts.iter().position(|c| *c > 0.0),
        (None, Direction::Up) if signal.presence.is_empty() => Some(0),
        (None, Direction::Up) => {
            let mut first = counts.iter().position(|c| *c > 0.0);
            for selector in &signal.presence {
                let there = signals.increments(selector, start, bin, bins).await?;
                let seen = there.iter().position(|c| *c > 0.0);
                first = first.into_iter().chain(seen).min();
            }
            first
        }
    };
    let unknown = seen.unwrap_or(counts.len());
    counts.drain(..unknown);
    if let Some(traffic) = &mut traffic {
        traffic.drain(..unknown);
    }
    Ok(SeriesInput {
        id: signal.what.clone(),
        start: start + bin * unknown as u32,
        bin_seconds: bin.as_secs_f64(),
        counts,
        traffic,
        direction: signal.direction,
    })
}

fn told(estimate: &Estimate, first_true: Timestamp) -> Onset {
    let found = estimate.onset.expect("only those with an onset are told");
    // What a rule saw had begun before.
    let at = found.at.min(first_true);
    Onset {
        at,
        earliest: found.earliest.min(at),
        latest: found.latest.min(first_true).max(at),
        source: OnsetSource::Estimated,
        method: found.model.method(),
        evidence: None,
        set_by: None,
        reason: None,
    }
}

/// The onset of what was counted at least `seconds` after it began, and perhaps twice that.
fn begun_before(onset: Onset, seconds: f64) -> Onset {
    let late = Duration::from_secs_f64(seconds);
    Onset {
        at: onset.at - late,
        earliest: onset.earliest - late * 2,
        latest: (onset.latest - late).max(onset.at - late),
        ..onset
    }
}

fn told_by(found: &Found, first_true: Timestamp) -> Onset {
    let onset = told(&found.estimate, first_true);
    let input = &found.input;
    let from = (onset.at - EVIDENCE_BEFORE).seconds_since(input.start) / input.bin_seconds;
    let from = (from.max(0.0) as usize).min(input.counts.len());
    let evidence = OnsetEvidence {
        signal: found.signal.what.clone(),
        selector: found.signal.shown(),
        start: input.start + Duration::from_secs_f64(input.bin_seconds * from as f64),
        bin_seconds: input.bin_seconds,
        counts: input.counts[from..].to_vec(),
        baseline: found.estimate.baseline[from..].to_vec(),
        dispersion: found.estimate.dispersion,
    };
    Onset {
        evidence: Some(evidence),
        ..onset
    }
}

fn first_true_onset(at: Timestamp) -> Onset {
    Onset {
        at,
        earliest: at,
        latest: at,
        source: OnsetSource::RuleFirstTrue,
        method: OnsetMethod::RuleFirstTrue,
        evidence: None,
        set_by: None,
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_when_it_ends_began_before() {
        let seconds = |at| Timestamp::from_secs(at);
        let onset = Onset {
            earliest: seconds(90),
            latest: seconds(110),
            ..first_true_onset(seconds(100))
        };
        let moved = begun_before(onset.clone(), 5.0);
        assert_eq!(
            (moved.earliest, moved.at, moved.latest),
            (seconds(80), seconds(95), seconds(105))
        );
        assert_eq!(begun_before(onset.clone(), 0.0), onset);
    }
}
