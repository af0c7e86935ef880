use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::MetricConstructor;
use watchfire_schemas::Timestamp;

use crate::trace_context::TraceExemplar;

/// The boundaries that OpenTelemetry's semantic conventions advise for HTTP durations, in seconds.
pub const HTTP_DURATION_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A histogram of durations whose buckets point at traces.
pub(crate) type Durations = HistogramWithExemplars<TraceExemplar>;

/// Makes histograms with [`HTTP_DURATION_BUCKETS`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpDurations;

impl MetricConstructor<Durations> for HttpDurations {
    fn new_metric(&self) -> Durations {
        HistogramWithExemplars::new(HTTP_DURATION_BUCKETS.into_iter())
    }
}

/// A bucket's exemplar stays so long: it is read every few seconds, and to replace it with each of
/// thousands of requests between would cost more than the observation.
const STAYS: i64 = 100_000_000;

/// One histogram, and when each of its buckets was last given an exemplar.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    durations: Durations,
    pointed_at: Arc<[AtomicI64; HTTP_DURATION_BUCKETS.len() + 1]>,
}

impl Observed {
    pub(crate) fn new(durations: Durations) -> Self {
        let pointed_at = std::array::from_fn(|_| AtomicI64::new(i64::MIN));
        Self {
            durations,
            pointed_at: Arc::new(pointed_at),
        }
    }

    /// Observes a duration that ended at `at`.
    pub(crate) fn observe(&self, took: Duration, exemplar: Option<TraceExemplar>, at: Timestamp) {
        let seconds = took.as_secs_f64();
        let exemplar = exemplar.filter(|_| self.is_due(seconds, at.nanos()));
        let at = exemplar
            .is_some()
            .then(|| UNIX_EPOCH + Duration::from_nanos(u64::try_from(at.nanos()).unwrap_or(0)));
        self.durations.observe(seconds, exemplar, at);
    }

    fn is_due(&self, seconds: f64, now: i64) -> bool {
        let bucket = HTTP_DURATION_BUCKETS
            .iter()
            .position(|most| seconds <= *most);
        let last = &self.pointed_at[bucket.unwrap_or(HTTP_DURATION_BUCKETS.len())];
        let since = now.saturating_sub(last.load(Ordering::Relaxed));
        // A clock that was set back must not keep an exemplar for ever.
        let is_due = !(0..STAYS).contains(&since);
        if is_due {
            last.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_has_an_exemplar_of_its_own_for_a_while() {
        let observed = Observed::new(HttpDurations.new_metric());
        let at = 1_795_300_000_000_000_000;
        assert!(observed.is_due(0.001, at));
        assert!(!observed.is_due(0.002, at + 1));
        assert!(observed.is_due(0.2, at + 1), "a slow one is worth seeing");
        assert!(observed.is_due(60.0, at + 2), "and one beyond all bounds");
        assert!(!observed.is_due(0.001, at + STAYS - 1));
        assert!(observed.is_due(0.001, at + STAYS));
        assert!(observed.is_due(0.001, at - 1), "the clock was set back");
    }
}
