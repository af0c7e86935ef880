use std::collections::BTreeMap;

use watchfire_schemas::{
    Exemplar, LabelSet, MetricKind, Sample, SeriesSamples, Span, Temporality, Timestamp,
};

use super::sample_time;

/// The upper bounds in seconds: those of OpenTelemetry's `http.server.request.duration`.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// Their labels, with the one that has no bound.
const BOUND_LABELS: [&str; 15] = [
    "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5",
    "7.5", "10", "+Inf",
];

/// Service, operation, kind and status.
type Key<'a> = (&'a str, &'a str, &'static str, &'static str);

/// The spans of one series that ended within one second.
#[derive(Debug, Default)]
pub(super) struct Second {
    count: f64,
    sum: f64,
    /// Not cumulative.
    buckets: [f64; 15],
    exemplars: [Option<Exemplar>; 15],
}

/// Rate, errors and durations of spans: calls, and their durations as a histogram with exemplars.
/// `admit` bounds the labels service and operation.
pub(super) fn measure<'a>(
    spans: &'a [Span],
    received_at: Timestamp,
    mut admit: impl FnMut(&'a str, &'a str) -> (&'a str, &'a str),
) -> Vec<SeriesSamples> {
    let mut measured: BTreeMap<Key<'a>, BTreeMap<i64, Second>> = BTreeMap::new();
    for span in spans {
        let (service, operation) = admit(&span.service, &span.name);
        let key = (
            service,
            operation,
            span.kind.as_label(),
            span.status.as_label(),
        );
        let at = sample_time(span.end, received_at);
        measured
            .entry(key)
            .or_default()
            .entry(at)
            .or_default()
            .add(span.duration().as_secs_f64(), Some(exemplar(span)));
    }
    measured
        .into_iter()
        .flat_map(|(key, seconds)| series_of(key, &seconds))
        .collect()
}

impl Second {
    pub(super) fn add(&mut self, seconds: f64, exemplar: Option<Exemplar>) {
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.count += 1.0;
        self.sum += seconds;
        self.buckets[bucket] += 1.0;
        // Of those in one bucket the last is as good as any.
        if exemplar.is_some() {
            self.exemplars[bucket] = exemplar;
        }
    }

    pub(super) fn count(&self) -> f64 {
        self.count
    }
}

fn exemplar(span: &Span) -> Exemplar {
    Exemplar {
        t: span.end.millis(),
        v: span.duration().as_secs_f64(),
        trace_id: Some(span.trace_id),
        labels: LabelSet::new([("span_id", span.span_id.to_string())]),
    }
}

fn series_of(
    (service, operation, kind, status): Key<'_>,
    seconds: &BTreeMap<i64, Second>,
) -> Vec<SeriesSamples> {
    let labels = [
        ("service", service),
        ("operation", operation),
        ("kind", kind),
        ("status", status),
    ];
    let calls = seconds.iter().map(|(at, second)| (*at, second.count));
    let mut all = Vec::with_capacity(3 + BOUND_LABELS.len());
    all.push(counter("traces_span_metrics_calls_total", &labels, calls));
    let durations = "traces_span_metrics_duration_seconds";
    all.extend(histogram(durations, &labels, seconds));
    all
}

/// A counter that grew by so much at these times.
pub(super) fn counter(
    name: &str,
    labels: &[(&str, &str)],
    grown: impl Iterator<Item = (i64, f64)>,
) -> SeriesSamples {
    SeriesSamples {
        labels: LabelSet::metric(name, labels.iter().copied()),
        kind: MetricKind::Counter,
        temporality: Temporality::Delta,
        samples: grown.map(|(t, v)| Sample { t, v }).collect(),
        histograms: Vec::new(),
        exemplars: Vec::new(),
    }
}

/// The series of a classic histogram, exemplars at its buckets.
pub(super) fn histogram(
    name: &str,
    labels: &[(&str, &str)],
    seconds: &BTreeMap<i64, Second>,
) -> Vec<SeriesSamples> {
    let part = |end: &str, more: &[(&str, &str)], value: &dyn Fn(&Second) -> f64| SeriesSamples {
        kind: MetricKind::Histogram,
        ..counter(
            &format!("{name}{end}"),
            &[labels, more].concat(),
            seconds.iter().map(|(t, second)| (*t, value(second))),
        )
    };
    let mut all = Vec::with_capacity(2 + BOUND_LABELS.len());
    for (index, le) in BOUND_LABELS.iter().enumerate() {
        let cumulative = |second: &Second| second.buckets[..=index].iter().sum();
        let mut bucket = part("_bucket", &[("le", le)], &cumulative);
        let exemplars = seconds
            .values()
            .filter_map(|second| second.exemplars[index].clone());
        bucket.exemplars = exemplars.collect();
        all.push(bucket);
    }
    all.push(part("_sum", &[], &|second| second.sum));
    all.push(part("_count", &[], &|second| second.count));
    all
}
