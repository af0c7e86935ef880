//! The field table of spans.

use watchfire_schemas::{SeverityRange, Span};

use crate::fields::{Dataset, Field, Kind, NumberSource, Source, as_it_is};
use crate::logs::{record_id, span_id, time};
use crate::row::{Row, RowWriter};
use crate::span_cells::{self, slot};

/// Finished operations, by their start.
#[derive(Debug)]
pub(crate) struct Spans;

impl Dataset for Spans {
    const NAME: &'static str = "spans";
    const SERVICE: usize = slot::SERVICE;
    type Record = Span;

    fn fields() -> &'static [Field] {
        FIELDS
    }

    fn slots() -> &'static [&'static str] {
        &slot::NAMES
    }

    fn time(span: &Span) -> i64 {
        span.start.nanos()
    }

    fn write(span: &Span, row: &mut RowWriter<'_>) {
        span_cells::write(span, row);
    }

    fn read(row: Row<'_>) -> Result<Span, String> {
        span_cells::read(row)
    }

    fn severity(row: Row<'_>) -> usize {
        let severity = match row.text(slot::STATUS) {
            span_cells::ERROR => SeverityRange::Error,
            _ => SeverityRange::Info,
        };
        severity as usize
    }
}

const fn keyword(
    name: &'static str,
    alias: &'static [&'static str],
    slot: usize,
    fold: fn(&str) -> String,
) -> Field {
    Field {
        name,
        aliases: alias,
        kind: Kind::Keyword {
            of: Source::Slot(slot),
            fold,
        },
    }
}

const FIELDS: &[Field] = &[
    keyword("service", &["service.name"], slot::SERVICE, as_it_is),
    keyword("name", &["operation"], slot::NAME, as_it_is),
    keyword("kind", &["span.kind"], slot::KIND, |text| {
        without_prefix(text, "span_kind_")
    }),
    keyword("status", &["status.code"], slot::STATUS, |text| {
        without_prefix(text, "status_code_")
    }),
    Field {
        name: "name.words",
        aliases: &[],
        kind: Kind::Text { slot: slot::NAME },
    },
    Field {
        name: "status.message",
        aliases: &["status_message"],
        kind: Kind::Text {
            slot: slot::STATUS_MESSAGE,
        },
    },
    Field {
        name: "exception.message",
        aliases: &[],
        kind: Kind::Text {
            slot: slot::EXCEPTION_MESSAGE,
        },
    },
    Field {
        name: "duration",
        aliases: &[],
        kind: Kind::Number {
            of: NumberSource::Slot(slot::DURATION),
            interval: |text| nanoseconds(text).map(|n| (n, n)),
            show: |nanos| format!("{nanos}ns"),
            example: "a duration such as 100ms",
        },
    },
    Field {
        name: "trace_id",
        aliases: &["trace.id", "traceId"],
        kind: Kind::Trace {
            slot: slot::TRACE_ID,
        },
    },
    Field {
        name: "span_id",
        aliases: &["span.id", "spanId"],
        kind: span_id(slot::SPAN_ID),
    },
    Field {
        name: "parent_span_id",
        aliases: &["parent.id", "parentSpanId"],
        kind: span_id(slot::PARENT_SPAN_ID),
    },
    Field {
        name: "timestamp",
        aliases: &["time", "start"],
        kind: time(),
    },
    Field {
        name: "id",
        aliases: &["_id"],
        kind: record_id(),
    },
];

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
