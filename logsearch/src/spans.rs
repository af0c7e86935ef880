//! The field table of spans.

use watchfire_schemas::{SeverityRange, Span, SpanStatus};

use crate::fields::{Dataset, Field, InColumns, Kind, NumberStore, as_it_is};
use crate::logs::{attribute_bytes, record_id, span_id, time};
use crate::scalar::{Scalar, each_scalar};

/// Finished operations, by their start.
#[derive(Debug)]
pub(crate) struct Spans;

impl Dataset for Spans {
    const NAME: &'static str = "spans";
    type Record = Span;

    fn fields() -> &'static [Field<Span>] {
        FIELDS
    }

    fn time(span: &Span) -> i64 {
        span.start.nanos()
    }

    fn service(span: &Span) -> &str {
        &span.service
    }

    fn severity(span: &Span) -> usize {
        let severity = if span.is_error() {
            SeverityRange::Error
        } else {
            SeverityRange::Info
        };
        severity as usize
    }

    fn each_attribute(span: &Span, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        for (key, value) in span.attributes.iter().chain(&span.resource) {
            each_scalar(key, value, each);
        }
    }

    fn write_source(span: &Span, out: &mut Vec<u8>) {
        serde_json::to_writer(out, span).expect("writing JSON to memory does not fail");
    }

    fn read_source(source: &[u8], _: InColumns) -> Result<Span, String> {
        serde_json::from_slice(source).map_err(|error| error.to_string())
    }

    fn bytes(span: &Span) -> usize {
        let events = span
            .events
            .iter()
            .map(|e| e.name.len() + 48 + attribute_bytes(&e.attributes));
        let links = span
            .links
            .iter()
            .map(|l| 48 + attribute_bytes(&l.attributes));
        size_of::<Span>()
            + span.name.len()
            + span.service.len()
            + span.scope.len()
            + span.trace_state.len()
            + attribute_bytes(&span.attributes)
            + attribute_bytes(&span.resource)
            + events.chain(links).sum::<usize>()
    }
}

const FIELDS: &[Field<Span>] = &[
    Field {
        name: "service",
        aliases: &["service.name"],
        kind: Kind::Keyword {
            each: |s, each| each(&s.service),
            fold: as_it_is,
        },
    },
    Field {
        name: "name",
        aliases: &["operation"],
        kind: Kind::Keyword {
            each: |s, each| each(&s.name),
            fold: as_it_is,
        },
    },
    Field {
        name: "kind",
        aliases: &["span.kind"],
        kind: Kind::Keyword {
            each: |s, each| each(s.kind.as_str()),
            fold: |text| without_prefix(text, "span_kind_"),
        },
    },
    Field {
        name: "status",
        aliases: &["status.code"],
        kind: Kind::Keyword {
            each: |s, each| each(status(s)),
            fold: |text| without_prefix(text, "status_code_"),
        },
    },
    Field {
        name: "name.words",
        aliases: &[],
        kind: Kind::Text { of: |s| &s.name },
    },
    Field {
        name: "status.message",
        aliases: &["status_message"],
        kind: Kind::Text {
            of: |s| match &s.status {
                SpanStatus::Error { message } => message,
                SpanStatus::Unset | SpanStatus::Ok => "",
            },
        },
    },
    Field {
        name: "duration",
        aliases: &[],
        kind: Kind::Number {
            of: |s| Some(i64::try_from(s.duration().as_nanos()).unwrap_or(i64::MAX)),
            interval: |text| nanoseconds(text).map(|n| (n, n)),
            show: |nanos| format!("{nanos}ns"),
            example: "a duration such as 100ms",
            store: NumberStore::Column,
        },
    },
    Field {
        name: "trace_id",
        aliases: &["trace.id", "traceId"],
        kind: Kind::Trace {
            of: |s| Some(s.trace_id),
            as_terms: true,
        },
    },
    Field {
        name: "span_id",
        aliases: &["span.id", "spanId"],
        kind: span_id(|s| Some(i64::from_be_bytes(s.span_id.bytes()))),
    },
    Field {
        name: "parent_span_id",
        aliases: &["parent.id", "parentSpanId"],
        kind: span_id(|s| s.parent_span_id.map(|id| i64::from_be_bytes(id.bytes()))),
    },
    Field {
        name: "timestamp",
        aliases: &["time", "start"],
        kind: time(|s| Some(s.start.nanos())),
    },
    Field {
        name: "id",
        aliases: &["_id"],
        kind: record_id(),
    },
];

fn status(span: &Span) -> &'static str {
    match span.status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error { .. } => "error",
    }
}

fn without_prefix(text: &str, prefix: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower
        .strip_prefix(prefix)
        .map_or(lower.clone(), str::to_owned)
}

/// `100ms`, `1.5s`, `2m`; a number without a unit is in milliseconds.
fn nanoseconds(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = match &text[digits.len()..] {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" | "" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    number.is_finite().then(|| (number * unit).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let check =
            |text: &str, expected: Option<i64>| assert_eq!(nanoseconds(text), expected, "{text}");
        check("100ms", Some(100_000_000));
        check("1.5s", Some(1_500_000_000));
        check("250", Some(250_000_000));
        check("3µs", Some(3_000));
        check("2 parsecs", None);
        check("ms", None);
    }

    #[test]
    fn names_of_kinds_and_states_are_read_as_metrics_write_them() {
        assert_eq!(without_prefix("STATUS_CODE_ERROR", "status_code_"), "error");
        assert_eq!(without_prefix("Server", "span_kind_"), "server");
    }
}
