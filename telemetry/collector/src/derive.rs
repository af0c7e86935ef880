//! What is counted from accepted records: the series that rules read, and the exceptions seen.
//!
//! Made when a batch is applied, also at a replay, and from nothing but the batch, its time of
//! receipt and the bounds kept here; so a batch that is applied again gives the same again.

mod bounded;
mod deltas;
mod occurrences;
mod saved;
mod service_graph;
mod span_metrics;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use watchfire_schemas::{
    Attributes, Exception, ExceptionHashes, ExceptionSeen, LogRecord, Origin, SeriesSamples, Span,
    SpanEvent, Timestamp, contract_keys,
};

use crate::CounterRule;
use crate::content::Content;
use crate::fingerprint::{Parts, client_fingerprint, fingerprint};
use bounded::BoundedLabels;
use deltas::Deltas;
use occurrences::Occurrences;
use saved::SavedCounters;
use service_graph::Calls;

/// What a label says in place of a value that would be one too many.
pub(crate) const OTHER: &str = "other";

/// What came of one batch besides its records.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Derived {
    pub(crate) series: Vec<SeriesSamples>,
    pub(crate) exceptions: Vec<ExceptionSeen>,
    /// How often a label's value was replaced by [`OTHER`].
    pub(crate) limited: u64,
}

/// The bounds and the memory that counting needs.
#[derive(Debug)]
pub(crate) struct Derivation {
    services: BoundedLabels,
    operations: BoundedLabels,
    groups: BoundedLabels,
    occurrences: Occurrences,
    saved: SavedCounters,
    calls: Calls,
}

/// The names of the series that are made of every record, span and exception.
pub(crate) const DERIVED: [&str; 8] = [
    "log_records_total",
    "exceptions_total",
    VIOLATIONS,
    "traces_span_metrics_calls_total",
    "traces_span_metrics_duration_seconds",
    "traces_service_graph_request_total",
    "traces_service_graph_request_failed_total",
    "traces_service_graph_request_server_seconds",
];

impl Derivation {
    /// With the counters that somebody asked for.
    pub(crate) fn new(counters: Vec<CounterRule>) -> Self {
        Self {
            saved: SavedCounters::new(counters),
            services: BoundedLabels::new(5_000),
            operations: BoundedLabels::new(500),
            groups: BoundedLabels::new(2_000),
            occurrences: Occurrences::default(),
            calls: Calls::default(),
        }
    }

    pub(crate) fn derive(&mut self, content: &Content, received_at: Timestamp) -> Derived {
        let mut derived = Derived::default();
        let mut deltas = Deltas::default();
        match content {
            Content::Logs(records) => {
                self.count_records(records, received_at, &mut deltas);
                self.count_warnings(records, received_at, &mut deltas);
                self.saved.count(records, received_at, &mut deltas);
                let seen = records.iter().filter_map(log_exception);
                self.count_exceptions(seen, received_at, &mut deltas, &mut derived);
            }
            Content::Quarantine(records) => {
                self.count_violations(records, received_at, &mut deltas);
            }
            Content::Spans(spans) => {
                let series = span_metrics::measure(spans, received_at, |service, operation| {
                    let service = self.services.admit("", service);
                    (service, self.operations.admit(service, operation))
                });
                derived.series = series;
                let services = &mut self.services;
                let calls = self.calls.count(spans, received_at, |service| {
                    services.admit("", service).into()
                });
                derived.series.extend(calls);
                let seen = spans.iter().flat_map(span_exceptions);
                self.count_exceptions(seen, received_at, &mut deltas, &mut derived);
            }
            Content::Metrics(_) | Content::Written(_) => {}
        }
        derived.series.extend(deltas.into_series());
        derived.limited = [&mut self.services, &mut self.operations, &mut self.groups]
            .into_iter()
            .map(BoundedLabels::take_limited)
            .sum::<u64>()
            + self.saved.take_limited();
        derived
    }

    fn count_records(
        &mut self,
        records: &[LogRecord],
        received_at: Timestamp,
        deltas: &mut Deltas,
    ) {
        let mut counts: BTreeMap<_, BTreeMap<i64, f64>> = BTreeMap::new();
        for record in records {
            let at = sample_time(record.timestamp, received_at);
            let of_series = (&*record.service, record.severity.range());
            let seconds = counts.entry(of_series).or_default();
            *seconds.entry(at).or_insert(0.0) += 1.0;
        }
        for ((service, severity), seconds) in counts {
            let labels = [
                ("service", self.services.admit("", service)),
                ("severity", severity.as_str()),
            ];
            deltas.add_all("log_records_total", &labels, seconds);
        }
    }

    fn count_violations(
        &mut self,
        records: &[LogRecord],
        received_at: Timestamp,
        deltas: &mut Deltas,
    ) {
        for record in records {
            let schema = record
                .attributes
                .get("quarantine.schema")
                .and_then(Value::as_str);
            let labels = [
                ("service", self.services.admit("", &record.service)),
                ("schema", schema.unwrap_or_default()),
            ];
            let at = sample_time(record.timestamp, received_at);
            deltas.add(VIOLATIONS, &labels, at, 1.0);
        }
    }

    /// Accepted records that carry the mark of a contract that they break. Marks come last among
    /// the attributes, so where there is none this looks at one key.
    fn count_warnings(
        &mut self,
        records: &[LogRecord],
        received_at: Timestamp,
        deltas: &mut Deltas,
    ) {
        let is_marked = |record: &&LogRecord| {
            let last = record.attributes.keys().next_back();
            last.is_some_and(|last| last.as_str() >= contract_keys::SCHEMA)
        };
        for record in records.iter().filter(is_marked) {
            let broken = match record.attributes.get(contract_keys::SCHEMA) {
                None => continue,
                Some(Value::Array(several)) => several.as_slice(),
                Some(one) => std::slice::from_ref(one),
            };
            for schema in broken.iter().filter_map(Value::as_str) {
                let service = self.services.admit("", &record.service);
                let labels = [("service", service), ("schema", schema)];
                let at = sample_time(record.timestamp, received_at);
                deltas.add(VIOLATIONS, &labels, at, 1.0);
            }
        }
    }

    fn count_exceptions(
        &mut self,
        seen: impl Iterator<Item = (ExceptionSeen, u64)>,
        received_at: Timestamp,
        deltas: &mut Deltas,
        derived: &mut Derived,
    ) {
        for (mut seen, occurrence) in seen {
            // As in [`sample_time`]: a group last seen in a year to come would stay so.
            seen.at = seen.at.min(received_at);
            if !self.occurrences.is_new(&seen, occurrence) {
                continue;
            }
            let service = self.services.admit("", &seen.service);
            let group = self.groups.admit(service, &seen.group);
            let kind = if group == OTHER { OTHER } else { &seen.kind };
            let labels = [("service", service), ("type", kind), ("group", group)];
            let at = sample_time(seen.at, received_at);
            deltas.add("exceptions_total", &labels, at, 1.0);
            derived.exceptions.push(seen);
        }
    }
}

const VIOLATIONS: &str = "schema_violations_total";

/// The same count of records that are rejected: nothing of them is kept, so it is made when they
/// come and written to the log itself.
pub(crate) fn rejected_violations(
    rejected: &[(LogRecord, Cow<'static, str>)],
    received_at: Timestamp,
) -> Vec<SeriesSamples> {
    let mut deltas = Deltas::default();
    for (record, schema) in rejected {
        let labels = [("service", record.service.as_str()), ("schema", schema)];
        let at = sample_time(record.timestamp, received_at);
        deltas.add(VIOLATIONS, &labels, at, 1.0);
    }
    deltas.into_series().collect()
}

/// The time of a derived sample in milliseconds: the event's, rounded up to the whole second, so
/// that a series has at most one sample a second. An emitter whose clock runs ahead counts as of
/// now: a counter's time must not jump ahead of everyone else's.
fn sample_time(event: Timestamp, received_at: Timestamp) -> i64 {
    let at = event.min(received_at);
    let seconds = at.nanos().div_euclid(1_000_000_000);
    let partial = at.nanos().rem_euclid(1_000_000_000) > 0;
    (seconds + i64::from(partial)) * 1_000
}

/// The exception of a log record and a hash of what makes it the same occurrence elsewhere.
fn log_exception(record: &LogRecord) -> Option<(ExceptionSeen, u64)> {
    let (exception, group) = (record.exception.as_ref()?, record.exception_group.clone()?);
    let client = client_fingerprint(&record.attributes);
    let print = fingerprint(&record.service, exception, client.as_deref());
    let hash = occurrences::hash(exception, print.frames.first());
    let message = if exception.message.is_empty() {
        &record.message
    } else {
        &exception.message
    };
    let seen = ExceptionSeen {
        group,
        service: record.service.clone(),
        kind: exception.kind.clone(),
        message: message.clone(),
        culprit: print.culprit,
        at: record.timestamp,
        release: record.version().map(str::to_owned),
        environment: record.environment().map(str::to_owned),
        trace_id: record.trace_id,
        span_id: record.span_id,
        origin: Origin::Log,
        hashes: ExceptionHashes {
            pattern: record.pattern_id.clone(),
            ..print.hashes
        },
        user: affected(&[&record.attributes]),
    };
    Some((seen, hash))
}

fn span_exceptions(span: &Span) -> impl Iterator<Item = (ExceptionSeen, u64)> + '_ {
    span.events.iter().filter_map(|event| {
        let exception = exception_of(event)?;
        let group = event
            .attributes
            .get("exception.group")?
            .as_str()?
            .to_owned();
        let client = client_fingerprint(&event.attributes);
        let print = fingerprint(&span.service, &exception, client.as_deref());
        let hash = occurrences::hash(&exception, print.frames.first());
        let resource = |key: &str| {
            let value = span.resource.get(key).and_then(Value::as_str);
            value.map(str::to_owned)
        };
        let seen = ExceptionSeen {
            group,
            hashes: print.hashes,
            user: affected(&[&event.attributes, &span.attributes]),
            service: span.service.clone(),
            kind: exception.kind,
            message: exception.message,
            culprit: print.culprit,
            at: event.timestamp,
            release: resource("service.version"),
            environment: resource("deployment.environment.name"),
            trace_id: Some(span.trace_id),
            span_id: Some(span.span_id),
            origin: Origin::Span,
        };
        Some((seen, hash))
    })
}

/// Who was affected, as attributes say it in the words of several conventions.
fn affected(attributes: &[&Attributes]) -> Option<u64> {
    const NAMES: [&str; 5] = [
        "user.id",
        "enduser.id",
        "user.email",
        "user.name",
        "client.address",
    ];
    let said = NAMES
        .iter()
        .flat_map(|name| attributes.iter().filter_map(|of| of.get(*name)));
    let said = said.into_iter().next()?;
    let mut parts = Parts::new("user");
    parts.add(&said.to_string());
    Some(parts.number())
}

/// The exception that a span event tells of.
pub(crate) fn exception_of(event: &SpanEvent) -> Option<Exception> {
    let text = |key: &str| {
        let value = event.attributes.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let exception = Exception {
        kind: text("exception.type"),
        message: text("exception.message"),
        stacktrace: text("exception.stacktrace"),
    };
    let says_something = !exception.kind.is_empty() || !exception.message.is_empty();
    (event.name == "exception" && says_something).then_some(exception)
}

#[cfg(test)]
pub(crate) mod tests;
