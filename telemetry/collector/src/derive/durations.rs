use std::sync::Arc;

use watchfire_schemas::{Exemplar, HistogramSample, LabelSet, MetricKind, Span};
use watchfire_tsdb::{DeltaBatch, DeltaLabels};

use super::native_counts::NativeCounts;

/// The upper bounds in seconds: those of OpenTelemetry's `http.server.request.duration`.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// Their labels, with the one that has no bound.
const BOUND_LABELS: [&str; BUCKETS] = [
    "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5",
    "7.5", "10", "+Inf",
];
const BUCKETS: usize = BOUNDS.len() + 1;

/// Of one bucket so many milliseconds pass between two exemplars: all of them together are kept in a
/// ring, and a busy operation must not push out those of the others.
const EXEMPLAR_GAP_MS: i64 = 15_000;

/// The labels that the series of a family share.
pub(super) type SharedLabels = Arc<[(&'static str, Box<str>)]>;

/// The names of a histogram: of the native one, and of the parts of the classic one.
#[derive(Debug)]
pub(super) struct HistogramNames {
    pub(super) native: &'static str,
    pub(super) bucket: &'static str,
    pub(super) sum: &'static str,
    pub(super) count: &'static str,
}

/// Durations on their way to their series, a classic and a native histogram with exemplars.
#[derive(Debug)]
pub(super) struct Durations {
    seconds: Vec<Second>,
    exemplars: Vec<(usize, Exemplar)>,
    /// When each bucket had its last exemplar.
    shown: [i64; BUCKETS],
}

/// What ended within one second.
#[derive(Debug)]
struct Second {
    at: i64,
    count: u32,
    sum: f64,
    /// Not cumulative.
    buckets: [u32; BUCKETS],
    native: NativeCounts,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            seconds: Vec::new(),
            exemplars: Vec::new(),
            shown: [i64::MIN / 2; BUCKETS],
        }
    }
}

impl Durations {
    /// How many series they are.
    pub(super) const SERIES: u64 = BUCKETS as u64 + 3;

    /// Adds one that counts at a time. The span is what an exemplar points to.
    pub(super) fn add(&mut self, at: i64, seconds: f64, span: &ExemplarOf) {
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        let known = self.seconds.iter().rposition(|second| second.at == at);
        let index = known.unwrap_or_else(|| {
            self.seconds.push(Second::new(at));
            self.seconds.len() - 1
        });
        let second = &mut self.seconds[index];
        second.count += 1;
        second.sum += seconds;
        second.buckets[bucket] += 1;
        second.native.add(seconds);
        if at - self.shown[bucket] >= EXEMPLAR_GAP_MS {
            self.shown[bucket] = at;
            self.exemplars.push((bucket, span.exemplar(seconds)));
        }
    }

    /// When something ended, and how much.
    pub(super) fn counts(&mut self) -> impl Iterator<Item = (i64, f64)> {
        self.seconds.sort_by_key(|second| second.at);
        self.seconds
            .iter()
            .map(|second| (second.at, f64::from(second.count)))
    }

    /// Hands it all over, as the series `key` and those after it.
    pub(super) fn write(
        &mut self,
        names: &HistogramNames,
        shared: &SharedLabels,
        key: u64,
        batch: &mut DeltaBatch,
    ) {
        if self.seconds.is_empty() {
            return;
        }
        self.seconds.sort_by_key(|second| second.at);
        let labels = |name, le| DeltaLabels {
            name,
            le,
            shared: Arc::clone(shared),
        };
        for (index, le) in BOUND_LABELS.into_iter().enumerate() {
            let of_bucket = labels(names.bucket, le);
            batch.begin(key + index as u64, of_bucket, MetricKind::Histogram);
            for second in &self.seconds {
                let cumulative: u32 = second.buckets[..=index].iter().sum();
                batch.sample(second.at, f64::from(cumulative));
            }
            let own = self.exemplars.iter().filter(|(bucket, _)| *bucket == index);
            own.for_each(|(_, exemplar)| batch.exemplar(exemplar.clone()));
        }
        let rest = key + BUCKETS as u64;
        batch.begin(rest, labels(names.sum, ""), MetricKind::Histogram);
        for second in &self.seconds {
            batch.sample(second.at, second.sum);
        }
        batch.begin(rest + 1, labels(names.count, ""), MetricKind::Histogram);
        for second in &self.seconds {
            batch.sample(second.at, f64::from(second.count));
        }
        batch.begin(rest + 2, labels(names.native, ""), MetricKind::Histogram);
        for second in self.seconds.drain(..) {
            let h = second.native.histogram(f64::from(second.count), second.sum);
            batch.histogram(HistogramSample { t: second.at, h });
        }
        for (_, exemplar) in self.exemplars.drain(..) {
            batch.exemplar(exemplar);
        }
    }
}

impl Second {
    fn new(at: i64) -> Self {
        Self {
            at,
            count: 0,
            sum: 0.0,
            buckets: [0; BUCKETS],
            native: NativeCounts::default(),
        }
    }
}

/// What an exemplar says of a span.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExemplarOf {
    pub(super) end_ms: i64,
    pub(super) trace_id: watchfire_schemas::TraceId,
    pub(super) span_id: watchfire_schemas::SpanId,
}

impl ExemplarOf {
    pub(super) fn of(span: &Span) -> Self {
        Self {
            end_ms: span.end.millis(),
            trace_id: span.trace_id,
            span_id: span.span_id,
        }
    }

    fn exemplar(&self, seconds: f64) -> Exemplar {
        Exemplar {
            t: self.end_ms,
            v: seconds,
            trace_id: Some(self.trace_id),
            labels: LabelSet::new([("span_id", self.span_id.to_string())]),
        }
    }
}
