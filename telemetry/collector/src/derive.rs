//! What is counted from accepted records: the series that rules read, and the exceptions seen.
//!
//! Made when a batch is applied, also at a replay, and from nothing but the batch, its time of
//! receipt and the bounds kept here; so a batch that is applied again gives the same again.

mod bounded;
mod deltas;
mod durations;
mod limited;
mod native_counts;
mod occurrences;
mod operation;
mod saved;
mod service_graph;
mod span_metrics;
mod unpaired;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use watchfire_schemas::{
    Attributes, Exception, ExceptionHashes, ExceptionSeen, LogRecord, Origin, SeriesSamples, Span,
    SpanEvent, Timestamp, contract_keys,
};
use watchfire_tsdb::DeltaBatch;

use crate::CounterRule;
use crate::content::Content;
use crate::fingerprint::{Parts, client_fingerprint, fingerprint};
use bounded::BoundedLabels;
use deltas::Deltas;
use occurrences::{Occurrences, Teller, Told};
use operation::operation;
use saved::SavedCounters;
use service_graph::Calls;
use span_metrics::SpanMetrics;

pub(crate) use limited::Limited;
pub(crate) use unpaired::Unpaired;

/// What a label says in place of a value that would be one too many.
pub(crate) const OTHER: &str = "other";

/// What came of one batch besides its records.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Derived {
    pub(crate) series: Vec<SeriesSamples>,
    /// Those made of spans.
    pub(crate) deltas: DeltaBatch,
    pub(crate) exceptions: Vec<ExceptionSeen>,
    /// How often a label's value was replaced by [`OTHER`], by [`Limited`].
    pub(crate) limited: [u64; Limited::ALL.len()],
    /// Halves of calls that are on no edge of the service graph, by [`Unpaired`].
    pub(crate) unpaired: [u64; Unpaired::ALL.len()],
}

/// The bounds and the memory that counting needs.
#[derive(Debug)]
pub(crate) struct Derivation {
    services: BoundedLabels,
    operations: BoundedLabels,
    groups: BoundedLabels,
    occurrences: Occurrences,
    saved: SavedCounters,
    spans: SpanMetrics,
    calls: Calls,
    /// How many numbers were given to series.
    numbered: u64,
    /// The day of the batch at hand.
    day: i64,
}

/// From so many operations on, new names of a service are masked.
const CROWDED: usize = 100;

/// The names of the series that are made of every record, span and exception.
pub(crate) const DERIVED: [&str; 9] = [
    "log_records_total",
    "exceptions_total",
    VIOLATIONS,
    "traces_span_metrics_calls_total",
    "traces_span_metrics_duration_seconds",
    "traces_service_graph_request_total",
    "traces_service_graph_request_failed_total",
    "traces_service_graph_request_server_seconds",
    "traces_service_graph_request_client_seconds",
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
            spans: SpanMetrics::default(),
            calls: Calls::default(),
            numbered: 0,
            day: 0,
        }
    }

    /// Tells that batches were applied before that are not known here.
    pub(crate) fn resume(&mut self) {
        self.calls.resume();
    }

    /// Lets time go by, as a batch would of which nothing is made.
    pub(crate) fn pass(&mut self, received_at: Timestamp) {
        drop(self.derive(&Content::Spans(Vec::new()), received_at));
    }

    pub(crate) fn derive(&mut self, content: &Content, received_at: Timestamp) -> Derived {
        let mut derived = Derived::default();
        let mut deltas = Deltas::default();
        self.renew(received_at);
        let numbered = &mut self.numbered;
        self.calls
            .expire(received_at, |most| next_number(numbered, most));
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
                self.measure_spans(spans, received_at);
                // Before their exceptions: those of one go on through the one around it.
                for span in spans.iter().filter(|span| has_failed(span)) {
                    self.occurrences.learn(span);
                }
                let seen = spans.iter().flat_map(span_exceptions);
                self.count_exceptions(seen, received_at, &mut deltas, &mut derived);
            }
            Content::Metrics(_) | Content::Written(_) => {}
        }
        self.spans.write(&mut derived.deltas);
        self.calls.write(&mut derived.deltas);
        derived.series.extend(deltas.into_series());
        derived.limited = self.take_limited();
        derived.unpaired = self.calls.take_unpaired();
        derived
    }

    /// Once a day, names that did not come since make room for others: a flood of them ends with its
    /// cause.
    fn renew(&mut self, received_at: Timestamp) {
        let day = received_at.millis().div_euclid(86_400_000);
        if day <= self.day {
            return;
        }
        self.day = day;
        let (services, operations) = (&mut self.services, &mut self.operations);
        self.spans.renew(|service, operation| {
            if operation != OTHER {
                services.admit("", service);
                operations.admit(service, operation);
            }
        });
        services.renew();
        operations.renew();
        self.groups.renew();
    }

    fn measure_spans(&mut self, spans: &[Span], received_at: Timestamp) {
        let (services, operations) = (&mut self.services, &mut self.operations);
        let numbered = &mut self.numbered;
        self.spans.measure(
            spans,
            received_at,
            |span| {
                let service = services.admit("", &span.service);
                let is_crowded = operations.len(service) >= CROWDED;
                let name = operation(span, is_crowded);
                (service.into(), operations.admit(service, &name).into())
            },
            |most| next_number(numbered, most),
        );
        self.calls.count(
            spans,
            received_at,
            |service| services.admit("", service).into(),
            |most| next_number(numbered, most),
        );
    }

    fn take_limited(&mut self) -> [u64; Limited::ALL.len()] {
        let mut limited = [0; Limited::ALL.len()];
        for (of, count) in [
            (Limited::Service, self.services.take_limited()),
            (
                Limited::Operation,
                self.operations.take_limited() + self.spans.take_limited(),
            ),
            (Limited::ExceptionGroup, self.groups.take_limited()),
            (Limited::Peer, self.calls.take_limited()),
            (Limited::SavedCounter, self.saved.take_limited()),
        ] {
            limited[of as usize] = count;
        }
        limited
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
        seen: impl Iterator<Item = (ExceptionSeen, Told)>,
        received_at: Timestamp,
        deltas: &mut Deltas,
        derived: &mut Derived,
    ) {
        for (mut seen, told) in seen {
            // As in [`sample_time`]: a group last seen in a year to come would stay so.
            seen.at = seen.at.min(received_at);
            if !self.occurrences.is_new(&told) {
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

/// So many numbers for series: gives the first.
fn next_number(numbered: &mut u64, most: u64) -> u64 {
    let first = *numbered + 1;
    *numbered += most;
    first
}

/// Whether an exception may have gone through a span.
fn has_failed(span: &Span) -> bool {
    span.is_error() || span.events.iter().any(|event| event.name == "exception")
}

/// Who told of the exception of a log record.
fn teller(record: &LogRecord) -> Teller {
    let of_tracker = ["sentry.event_id", "airbrake.notice_id"];
    if of_tracker
        .iter()
        .any(|id| record.attributes.contains_key(*id))
    {
        return Teller::Tracker;
    }
    Teller::Log
}

/// The exception of a log record and what makes it the same occurrence elsewhere.
fn log_exception(record: &LogRecord) -> Option<(ExceptionSeen, Told)> {
    let (exception, group) = (record.exception.as_ref()?, record.exception_group.clone()?);
    let client = client_fingerprint(&record.attributes);
    let print = fingerprint(&record.service, exception, client.as_deref());
    let place = record.trace_id.zip(record.span_id);
    let told = Told::new(place, teller(record), exception, print.frames.first());
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
    Some((seen, told))
}

fn span_exceptions(span: &Span) -> impl Iterator<Item = (ExceptionSeen, Told)> + '_ {
    span.events.iter().filter_map(|event| {
        let exception = exception_of(event)?;
        let group = event
            .attributes
            .get("exception.group")?
            .as_str()?
            .to_owned();
        let client = client_fingerprint(&event.attributes);
        let print = fingerprint(&span.service, &exception, client.as_deref());
        let place = Some((span.trace_id, span.span_id));
        let told = Told::new(place, Teller::Span, &exception, print.frames.first());
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
        Some((seen, told))
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
