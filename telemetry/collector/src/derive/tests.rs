use serde_json::json;
use watchfire_schemas::{SeverityNumber, SpanId, SpanKind, SpanStatus, Temporality, TraceId};

use super::*;

/// A server span of `shop` that ends at second `end`.
pub(crate) fn span(end: i64, name: &str, seconds: f64) -> Span {
    let end = Timestamp::from_secs(end);
    Span {
        trace_id: TraceId::from_bytes([1; 16]).unwrap(),
        span_id: SpanId::from_bytes([2; 8]).unwrap(),
        parent_span_id: None,
        trace_state: String::new(),
        name: name.to_owned(),
        kind: SpanKind::Server,
        start: end - std::time::Duration::from_secs_f64(seconds),
        end,
        status: SpanStatus::Unset,
        service: "shop".to_owned(),
        resource: watchfire_schemas::Attributes::new(),
        scope: String::new(),
        attributes: watchfire_schemas::Attributes::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_000)
}

fn record(millis: i64, severity: SeverityNumber) -> LogRecord {
    LogRecord::new(Timestamp::from_millis(millis), severity, "shop", "m")
}

fn broken(trace: bool) -> LogRecord {
    let mut record = record(5_000, SeverityNumber::ERROR);
    record.exception = Some(Exception {
        kind: "E".to_owned(),
        message: "boom".to_owned(),
        stacktrace: String::new(),
    });
    record.exception_group = Some("0011223344556677".to_owned());
    record.trace_id = trace.then(|| TraceId::from_bytes([1; 16]).unwrap());
    record.span_id = trace.then(|| SpanId::from_bytes([2; 8]).unwrap());
    record
}

fn broken_span() -> Span {
    let mut span = span(5, "GET /", 0.2);
    let attributes = json!({"exception.type": "E", "exception.message": "boom", "exception.group": "0011223344556677"});
    span.events.push(SpanEvent {
        timestamp: Timestamp::from_secs(5),
        name: "exception".to_owned(),
        attributes: attributes.as_object().unwrap().clone(),
    });
    span
}

fn all(derived: &Derived) -> Vec<SeriesSamples> {
    [derived.series.clone(), derived.deltas.to_series()].concat()
}

/// Those of a metric, without parts of it.
fn of_spans(derived: &Derived) -> Vec<SeriesSamples> {
    let mut all = derived.deltas.to_series();
    all.retain(|series| series.labels.name().starts_with("traces_span_metrics_"));
    all
}

/// The samples of the series with these labels, as `t:v`.
fn samples(derived: &Derived, labels: &str) -> Vec<(i64, f64)> {
    let all = all(derived);
    let found = all
        .iter()
        .find(|series| series.labels.to_string() == labels);
    let found = found.unwrap_or_else(|| {
        let all: Vec<_> = all.iter().map(|s| s.labels.to_string()).collect();
        panic!("no {labels} in {all:#?}")
    });
    assert_eq!(found.temporality, Temporality::Delta);
    found
        .samples
        .iter()
        .map(|sample| (sample.t, sample.v))
        .collect()
}

#[test]
fn a_saved_query_counts_its_records_by_its_fields() {
    let refused = |nanos: i64, route: &str| {
        let mut one = record(nanos, SeverityNumber::ERROR);
        one.message = "payment refused".to_owned();
        one.attributes.insert("http.route".to_owned(), route.into());
        one
    };
    let records = [
        refused(1, "/pay"),
        refused(2, "/pay"),
        refused(1_000, "/cart"),
        record(3, SeverityNumber::ERROR),
    ];
    let by = ["http.route".to_owned()];
    let rule = CounterRule::new("payments_refused_total", "\"payment refused\"", &by).unwrap();
    let content = Content::Logs(records.to_vec());
    let derived = Derivation::new(vec![rule.clone()]).derive(&content, now());
    let of_pay = samples(&derived, r#"payments_refused_total{http_route="/pay"}"#);
    assert_eq!(of_pay, [(1_000, 2.0)]);
    let of_cart = samples(&derived, r#"payments_refused_total{http_route="/cart"}"#);
    assert_eq!(of_cart, [(1_000, 1.0)]);
    // Applied again, it gives the same again.
    let again = Derivation::new(vec![rule]).derive(&content, now());
    assert_eq!(derived, again);
}

#[test]
fn records_are_counted_by_severity_and_second() {
    let records = [
        record(1, SeverityNumber::INFO),
        record(999, SeverityNumber::INFO),
        record(1_000, SeverityNumber::INFO),
        record(1_001, SeverityNumber::INFO),
        record(1, SeverityNumber::ERROR),
        record(9_999_000, SeverityNumber::ERROR),
    ];
    let derived = Derivation::new(Vec::new()).derive(&Content::Logs(records.to_vec()), now());
    assert_eq!(
        samples(
            &derived,
            r#"log_records_total{service="shop", severity="INFO"}"#
        ),
        [(1_000, 3.0), (2_000, 1.0)]
    );
    // A clock that runs ahead counts as of now.
    assert_eq!(
        samples(
            &derived,
            r#"log_records_total{service="shop", severity="ERROR"}"#
        ),
        [(1_000, 1.0), (1_000_000, 1.0)]
    );
}

#[test]
fn spans_become_calls_and_a_histogram_with_exemplars() {
    let spans = vec![
        span(5, "GET /", 0.2),
        span(5, "GET /", 0.005),
        span(6, "GET /", 99.0),
    ];
    let derived = Derivation::new(Vec::new()).derive(&Content::Spans(spans), now());
    let of = r#"kind="SPAN_KIND_SERVER", "#;
    let rest = r#"operation="GET /", service="shop", status="STATUS_CODE_UNSET"}"#;
    let labels = |name: &str, le: &str| format!("{name}{{{of}{le}{rest}");
    assert_eq!(
        samples(&derived, &labels("traces_span_metrics_calls_total", "")),
        [(5_000, 2.0), (6_000, 1.0)]
    );
    let bucket = |le: &str| {
        let le = format!("le={le:?}, ");
        samples(
            &derived,
            &labels("traces_span_metrics_duration_seconds_bucket", &le),
        )
    };
    assert_eq!(bucket("0.005"), [(5_000, 1.0), (6_000, 0.0)]);
    assert_eq!(bucket("0.25"), [(5_000, 2.0), (6_000, 0.0)]);
    assert_eq!(bucket("+Inf"), [(5_000, 2.0), (6_000, 1.0)]);
    let all = of_spans(&derived);
    assert_eq!(all.len() as u64, SpanMetrics::SERIES);
    let native = all.last().unwrap();
    assert_eq!(native.labels.name(), "traces_span_metrics_duration_seconds");
    let counts: Vec<_> = native.histograms.iter().map(|h| (h.t, h.h.count)).collect();
    assert_eq!(counts, [(5_000, 2.0), (6_000, 1.0)]);
    assert!(native.histograms.iter().all(|h| h.h.check().is_ok()));
    assert_eq!(native.exemplars.len(), 3);
    let of_buckets: Vec<_> = all[..all.len() - 1]
        .iter()
        .flat_map(|series| &series.exemplars)
        .collect();
    assert_eq!(of_buckets.len(), 3);
    assert!((of_buckets[2].v - 99.0).abs() < 1e-9);
}

#[test]
fn an_exemplar_of_a_bucket_is_enough_for_a_while() {
    let mut derivation = Derivation::new(Vec::new());
    let mut shown = |end| {
        let spans = vec![span(end, "GET /", 0.2), span(end, "GET /", 0.2)];
        let derived = derivation.derive(&Content::Spans(spans), now());
        let all = of_spans(&derived);
        all.iter()
            .map(|series| series.exemplars.len())
            .sum::<usize>()
    };
    assert_eq!([shown(5), shown(6), shown(19), shown(20)], [2, 0, 0, 2]);
}

#[test]
fn an_exception_that_comes_as_log_and_on_its_span_counts_once() {
    let labels = r#"exceptions_total{group="0011223344556677", service="shop", type="E"}"#;
    let mut derivation = Derivation::new(Vec::new());
    let first = derivation.derive(&Content::Logs(vec![broken(true)]), now());
    assert_eq!(samples(&first, labels), [(5_000, 1.0)]);
    assert_eq!(first.exceptions[0].message, "boom");
    let dup = derivation.derive(&Content::Spans(vec![broken_span()]), now());
    assert!(dup.exceptions.is_empty());
    assert!(
        dup.series
            .iter()
            .all(|series| series.labels.name() != "exceptions_total")
    );
    // A second record on the span is a second occurrence; so is each one without a span.
    let again = derivation.derive(&Content::Spans(vec![broken_span()]), now());
    assert_eq!(again.exceptions.len(), 1);
    let loose = derivation.derive(&Content::Logs(vec![broken(false), broken(false)]), now());
    assert_eq!(samples(&loose, labels), [(5_000, 2.0)]);
}

#[test]
fn an_exception_is_never_seen_in_a_time_to_come() {
    let ahead = LogRecord {
        timestamp: now() + std::time::Duration::from_hours(24 * 365),
        ..broken(false)
    };
    let derived = Derivation::new(Vec::new()).derive(&Content::Logs(vec![ahead]), now());
    assert_eq!(derived.exceptions[0].at, now());
}

#[test]
fn quarantined_lines_are_counted_by_schema() {
    let mut line = record(1, SeverityNumber::WARN);
    line.attributes
        .insert("quarantine.schema".to_owned(), json!("log_record.v1"));
    let derived = Derivation::new(Vec::new()).derive(&Content::Quarantine(vec![line]), now());
    let labels = r#"schema_violations_total{schema="log_record.v1", service="shop"}"#;
    assert_eq!(samples(&derived, labels), [(1_000, 1.0)]);
}

#[test]
fn operations_beyond_the_bound_become_other() {
    let letters = |n: usize| {
        format!(
            "{}{}",
            char::from(97 + n as u8 / 26),
            char::from(97 + n as u8 % 26)
        )
    };
    let name = |n: usize| format!("{} {}", letters(n % 250), letters(n / 250));
    let spans = (0..502).map(|n| span(5, &name(n), 0.1)).collect();
    let derived = Derivation::new(Vec::new()).derive(&Content::Spans(spans), now());
    assert_eq!(derived.limited[Limited::Operation as usize], 2);
    let all = of_spans(&derived);
    let other = all
        .iter()
        .filter(|s| s.labels.get("operation") == Some(OTHER));
    assert_eq!(other.count() as u64, SpanMetrics::SERIES);
}

#[test]
fn names_with_ids_do_not_flood() {
    let paths = (0..5_000).map(|n| span(5, &format!("GET /users/{n}"), 0.1));
    let jobs = (0..5_000).map(|n| span(5, &format!("job {n}"), 0.1));
    let spans = paths.chain(jobs).collect();
    let derived = Derivation::new(Vec::new()).derive(&Content::Spans(spans), now());
    assert_eq!(derived.limited, [0; 5]);
    let all = of_spans(&derived);
    let calls = all
        .iter()
        .filter(|s| s.labels.name().ends_with("_calls_total"));
    let operations: Vec<_> = calls
        .map(|s| {
            (
                s.labels.get("operation").unwrap().to_owned(),
                s.samples[0].v,
            )
        })
        .collect();
    // Those of the jobs that came before there were many.
    assert_eq!(operations.len(), CROWDED + 1);
    assert_eq!(operations[0], ("GET /users/{id}".to_owned(), 5_000.0));
    let masked = ("job <num>".to_owned(), 5_000.0 - (CROWDED - 1) as f64);
    assert_eq!(operations.last(), Some(&masked));
}

#[test]
fn names_that_come_no_more_make_room() {
    let mut derivation = Derivation::new(Vec::new());
    let mut operations = |days: i64, names: &[&str]| {
        let spans = names.iter().map(|name| span(5, name, 0.1)).collect();
        let at = Timestamp::from_secs(1_000 + days * 86_400);
        let derived = derivation.derive(&Content::Spans(spans), at);
        let calls = of_spans(&derived);
        let calls = calls
            .iter()
            .filter(|s| s.labels.name().ends_with("_calls_total"));
        let names: Vec<_> = calls
            .filter_map(|s| s.labels.get("operation").map(str::to_owned))
            .collect();
        names
    };
    let flood: Vec<String> = (0..499)
        .map(|n| format!("{} {}", "x".repeat(1 + n % 30), "y".repeat(1 + n / 30)))
        .collect();
    let flood: Vec<&str> = flood.iter().map(String::as_str).collect();
    assert_eq!(operations(0, &["stays"]), ["stays"]);
    assert_eq!(operations(0, &flood).len(), 499);
    assert_eq!(operations(0, &["new"]), [OTHER]);
    // The first day ends; what came in it is still known.
    assert_eq!(operations(1, &["stays", "new"]), ["stays", OTHER]);
    assert_eq!(operations(2, &["new", "stays"]), ["new", "stays"]);
}
