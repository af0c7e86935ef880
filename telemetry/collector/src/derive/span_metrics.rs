use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};
use watchfire_schemas::{MetricKind, Span, SpanKind, Timestamp};
use watchfire_tsdb::{DeltaBatch, DeltaLabels};

use super::durations::{Durations, ExemplarOf, HistogramNames, SharedLabels};
use super::{OTHER, sample_time};

const CALLS: &str = "traces_span_metrics_calls_total";
const DURATION: HistogramNames = HistogramNames {
    native: "traces_span_metrics_duration_seconds",
    bucket: "traces_span_metrics_duration_seconds_bucket",
    sum: "traces_span_metrics_duration_seconds_sum",
    count: "traces_span_metrics_duration_seconds_count",
};

/// So many operations are told apart over all services: 20 series each.
const MOST: usize = 20_000;

/// Rate, errors and durations of spans by service, operation, kind and status.
///
/// Series are known by numbers that are given here, so a batch costs a look at each span's key and,
/// for each key that it has, its numbers: no label is built for a series that is there.
#[derive(Debug, Default)]
pub(super) struct SpanMetrics {
    families: Vec<Family>,
    /// The first of those with a hash.
    by_hash: FxHashMap<u64, u32>,
    /// Those that the batch at hand brings something for.
    touched: Vec<u32>,
    /// How many spans counted as another operation for want of room.
    limited: u64,
}

/// The series of one operation, kind and status.
#[derive(Debug)]
struct Family {
    kind: SpanKind,
    status: &'static str,
    /// Service and operation first.
    labels: SharedLabels,
    /// The number of the first series.
    key: u64,
    is_touched: bool,
    /// Whether it came lately.
    is_used: bool,
    durations: Durations,
    /// The next of the same hash.
    next: Option<u32>,
}

impl SpanMetrics {
    /// How many numbers a family takes.
    pub(super) const SERIES: u64 = Durations::SERIES + 1;

    /// Takes the spans of a batch. `admit` gives the labels service and operation of a span whose
    /// own are not known, `number` the first of so many numbers.
    pub(super) fn measure(
        &mut self,
        spans: &[Span],
        received_at: Timestamp,
        mut admit: impl FnMut(&Span) -> (Box<str>, Box<str>),
        mut number: impl FnMut(u64) -> u64,
    ) {
        for span in spans {
            let found = self.find(&span.service, &span.name, span);
            let index = found.unwrap_or_else(|| {
                let (service, operation) = admit(span);
                self.find_or_begin((service, operation), span, &mut number)
            });
            let family = &mut self.families[index as usize];
            if !family.is_touched {
                (family.is_touched, family.is_used) = (true, true);
                self.touched.push(index);
            }
            let at = sample_time(span.end, received_at);
            let seconds = span.duration().as_secs_f64();
            family.durations.add(at, seconds, &ExemplarOf::of(span));
        }
    }

    /// Hands over what was measured since this was last asked.
    pub(super) fn write(&mut self, batch: &mut DeltaBatch) {
        for index in self.touched.drain(..) {
            let family = &mut self.families[index as usize];
            family.is_touched = false;
            let labels = DeltaLabels {
                name: CALLS,
                le: "",
                shared: Arc::clone(&family.labels),
            };
            batch.begin(family.key, labels, MetricKind::Counter);
            for (at, count) in family.durations.counts() {
                batch.sample(at, count);
            }
            let key = family.key + 1;
            family
                .durations
                .write(&DURATION, &family.labels, key, batch);
        }
    }

    /// How many spans found no room since this was last asked.
    pub(super) fn take_limited(&mut self) -> u64 {
        std::mem::take(&mut self.limited)
    }

    /// Forgets the operations that did not come since this was last called, between two batches. Tells
    /// service and operation of the others.
    pub(super) fn renew(&mut self, mut used: impl FnMut(&str, &str)) {
        self.by_hash.clear();
        let all = std::mem::take(&mut self.families);
        for mut family in all.into_iter().filter(|family| family.is_used) {
            family.is_used = false;
            let (service, operation) = (&*family.labels[0].1, &*family.labels[1].1);
            used(service, operation);
            let index = u32::try_from(self.families.len()).expect("fewer than before");
            let hash = hash_of(service, operation, (family.kind, family.status));
            family.next = self.by_hash.insert(hash, index);
            self.families.push(family);
        }
    }

    fn find(&self, service: &str, operation: &str, span: &Span) -> Option<u32> {
        let hash = hash_of(service, operation, (span.kind, span.status.as_label()));
        let mut next = self.by_hash.get(&hash).copied();
        while let Some(index) = next {
            let family = &self.families[index as usize];
            let is_it = *family.labels[0].1 == *service
                && *family.labels[1].1 == *operation
                && family.kind == span.kind
                && family.status == span.status.as_label();
            if is_it {
                return Some(index);
            }
            next = family.next;
        }
        None
    }

    fn find_or_begin(
        &mut self,
        (service, operation): (Box<str>, Box<str>),
        span: &Span,
        number: &mut impl FnMut(u64) -> u64,
    ) -> u32 {
        if let Some(known) = self.find(&service, &operation, span) {
            return known;
        }
        if self.families.len() < MOST {
            return self.begin((service, operation), span, number);
        }
        self.limited += 1;
        let other = self.find(&service, OTHER, span);
        other
            .or_else(|| self.find(OTHER, OTHER, span))
            .unwrap_or_else(|| self.begin((OTHER.into(), OTHER.into()), span, number))
    }

    fn begin(
        &mut self,
        (service, operation): (Box<str>, Box<str>),
        span: &Span,
        number: &mut impl FnMut(u64) -> u64,
    ) -> u32 {
        let index = u32::try_from(self.families.len()).expect("far fewer families");
        let status = span.status.as_label();
        let hash = hash_of(&service, &operation, (span.kind, status));
        self.families.push(Family {
            kind: span.kind,
            status,
            labels: [
                ("service", service),
                ("operation", operation),
                ("kind", span.kind.as_label().into()),
                ("status", status.into()),
            ]
            .into(),
            key: number(Self::SERIES),
            is_touched: false,
            is_used: false,
            durations: Durations::default(),
            next: self.by_hash.insert(hash, index),
        });
        index
    }
}

fn hash_of(service: &str, operation: &str, (kind, status): (SpanKind, &str)) -> u64 {
    let mut hash = FxHasher::default();
    service.hash(&mut hash);
    operation.hash(&mut hash);
    kind.hash(&mut hash);
    status.len().hash(&mut hash);
    hash.finish()
}
