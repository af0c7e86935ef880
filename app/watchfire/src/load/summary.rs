use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::failure::Failure;
use super::run::Ran;
use super::tally::{Ended, Part, SLICES, Times};
use crate::cli::LoadArgs;

/// Later than this by ourselves, one in a hundred, and the figures are ours rather than the server's.
const LATE: Duration = Duration::from_millis(10);
/// Lateness below this is how exactly a machine can keep time at all.
const EXACT: Duration = Duration::from_millis(1);
/// Waiting for a connection longer than this is worth a word.
const WAITED: Duration = Duration::from_millis(1);

/// The outcome of a run, as it is told to people and to programs.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) requests: Requests,
    pub(crate) rate: Rate,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) failures: BTreeMap<Failure, u64>,
    pub(crate) latency_ms: Latencies,
    pub(crate) connections: Connections,
    pub(crate) bytes: Bytes,
    pub(crate) cpu: Option<Cpu>,
    /// Whether this generator could not keep its own schedule.
    pub(crate) generator_bound: bool,
    pub(crate) stopped_early: bool,
    pub(crate) slices: Vec<Slice>,
    pub(crate) targets: Vec<TargetSummary>,
    pub(crate) slowest: Vec<One>,
    pub(crate) unexpected: Vec<One>,
    pub(crate) expectations: Vec<Verdict>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Requests {
    pub(crate) planned: u64,
    pub(crate) due: u64,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    /// Failed, or answered with a status that is not expected.
    pub(crate) unexpected: u64,
    /// Under way when the run was cut short.
    pub(crate) cut: u64,
    /// Of those that ended.
    pub(crate) unexpected_share: f64,
}

/// Requests per second.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) asked: f64,
    pub(crate) answered: f64,
    /// From the first moment to the last answer.
    pub(crate) seconds: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Latencies {
    /// From when a request was due.
    pub(crate) corrected: Latency,
    /// From when it was sent.
    pub(crate) service: Latency,
    pub(crate) waited_for_connection: Latency,
    pub(crate) generator_late: Latency,
    pub(crate) connecting: Latency,
}

/// A distribution, in milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) p50: Option<f64>,
    pub(crate) p90: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) p999: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) mean: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Connections {
    pub(crate) opened: u64,
    /// Requests that waited more than a millisecond for one.
    pub(crate) waited_for: u64,
}

/// As HTTP has them, before TLS.
#[derive(Debug, Serialize)]
pub(crate) struct Bytes {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// What the generator itself used.
#[derive(Debug, Serialize)]
pub(crate) struct Cpu {
    pub(crate) seconds: f64,
    pub(crate) micros_per_request: f64,
    /// Of one core, on average.
    pub(crate) share_of_core: f64,
}

/// A tenth of the run, by when requests were due.
#[derive(Debug, Serialize)]
pub(crate) struct Slice {
    pub(crate) from_seconds: f64,
    pub(crate) ended: u64,
    pub(crate) unexpected: u64,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TargetSummary {
    pub(crate) name: String,
    pub(crate) ended: u64,
    pub(crate) unexpected: u64,
    pub(crate) corrected_ms: Latency,
}

/// One request.
#[derive(Debug, Serialize)]
pub(crate) struct One {
    pub(crate) number: u64,
    pub(crate) target: String,
    pub(crate) at_seconds: f64,
    pub(crate) corrected_ms: f64,
    pub(crate) outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
}

/// Whether something holds that was expected.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) expectation: String,
    pub(crate) found: String,
    pub(crate) holds: bool,
}

impl Summary {
    /// `planned` is how many requests the schedule has.
    pub(crate) fn of(ran: &Ran, names: &[String], planned: u64, args: &LoadArgs) -> Self {
        let mut summary = Self::plain(ran, names, planned);
        summary.expectations = verdicts(ran, &summary.requests, args);
        summary
    }

    /// Without anything that was expected.
    pub(crate) fn plain(ran: &Ran, names: &[String], planned: u64) -> Self {
        let tally = &ran.tally;
        let failed = tally.failures.values().sum();
        let ended = tally.answered + failed;
        let seconds = ran.took.as_secs_f64();
        let length = ran.length.as_secs_f64().max(1e-9);
        let one = |ended: &Ended| One::of(ended, names);
        Self {
            requests: Requests {
                planned,
                due: tally.due,
                sent: tally.sent,
                answered: tally.answered,
                failed,
                unexpected: tally.unexpected,
                cut: tally.cut,
                unexpected_share: tally.unexpected as f64 / ended.max(1) as f64,
            },
            rate: Rate {
                asked: planned as f64 / length,
                answered: tally.answered as f64 / seconds.max(1e-9),
                seconds,
            },
            statuses: tally.statuses.clone(),
            failures: tally.failures.clone(),
            latency_ms: Latencies {
                corrected: Latency::of(&tally.corrected),
                service: Latency::of(&tally.service),
                waited_for_connection: Latency::of(&tally.waited),
                generator_late: Latency::of(&tally.lateness),
                connecting: Latency::of(&tally.connecting),
            },
            connections: Connections {
                opened: tally.connections,
                waited_for: tally.waited.beyond(WAITED),
            },
            bytes: Bytes {
                sent: tally.bytes_sent,
                received: tally.bytes_received,
            },
            cpu: ran.cpu.map(|cpu| Cpu {
                seconds: cpu.as_secs_f64(),
                micros_per_request: cpu.as_secs_f64() * 1e6 / ended.max(1) as f64,
                share_of_core: cpu.as_secs_f64() / seconds.max(1e-9),
            }),
            generator_bound: is_generator_bound(&tally.lateness, &tally.corrected),
            stopped_early: ran.was_stopped,
            slices: slices(&tally.slices, ran.length),
            targets: names
                .iter()
                .zip(&tally.targets)
                .map(|(name, part)| TargetSummary {
                    name: name.clone(),
                    ended: part.ended,
                    unexpected: part.unexpected,
                    corrected_ms: Latency::of(&part.corrected),
                })
                .collect(),
            slowest: tally.slowest.iter().map(one).collect(),
            unexpected: tally.unexpected_ones.iter().map(one).collect(),
            expectations: Vec::new(),
        }
    }

    pub(crate) fn holds(&self) -> bool {
        self.expectations.iter().all(|verdict| verdict.holds)
    }
}

impl Latency {
    pub(crate) fn of(times: &Times) -> Self {
        let quantile = |quantile| times.quantile(quantile).map(millis);
        Self {
            count: times.count(),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: times.max().map(millis),
            mean: times.mean().map(millis),
        }
    }
}

impl One {
    fn of(ended: &Ended, names: &[String]) -> Self {
        Self {
            number: ended.number,
            target: names.get(ended.target).cloned().unwrap_or_default(),
            at_seconds: ended.moment.as_secs_f64(),
            corrected_ms: millis(ended.corrected),
            outcome: match ended.result {
                Ok(status) => status.as_u16().to_string(),
                Err(failure) => failure.to_string(),
            },
            trace_id: ended.trace.map(|trace| trace.to_string()),
        }
    }
}

/// To the microsecond.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

/// Whether what we were late ourselves is so much that it would be taken for the server's slowness.
fn is_generator_bound(lateness: &Times, corrected: &Times) -> bool {
    let Some(late) = lateness.quantile(0.99) else {
        return false;
    };
    let whole = corrected.quantile(0.99);
    late > LATE || (late > EXACT && whole.is_some_and(|whole| late > whole / 2))
}

fn slices(parts: &[Part], length: Duration) -> Vec<Slice> {
    let each = length.as_secs_f64() / SLICES as f64;
    let slice = |(place, part): (usize, &Part)| Slice {
        from_seconds: (each * place as f64 * 1e3).round() / 1e3,
        ended: part.ended,
        unexpected: part.unexpected,
        p50: part.corrected.quantile(0.5).map(millis),
        p99: part.corrected.quantile(0.99).map(millis),
    };
    parts.iter().enumerate().map(slice).collect()
}

fn verdicts(ran: &Ran, requests: &Requests, args: &LoadArgs) -> Vec<Verdict> {
    let mut verdicts = vec![Verdict {
        expectation: "something is answered".to_owned(),
        found: format!("{} answers", requests.answered),
        holds: requests.answered > 0,
    }];
    if let Some(most) = args.max_error_share {
        verdicts.push(Verdict {
            expectation: format!("at most {} % unexpected", most * 100.0),
            found: format!("{:.3} %", requests.unexpected_share * 100.0),
            holds: requests.unexpected_share <= most,
        });
    }
    if let Some(most) = args.max_p99 {
        let p99 = ran.tally.corrected.quantile(0.99);
        verdicts.push(Verdict {
            expectation: format!("p99 of at most {}", super::report::time(most)),
            found: p99.map_or_else(|| "nothing".to_owned(), super::report::time),
            holds: p99.is_some_and(|p99| p99 <= most),
        });
    }
    verdicts
}
