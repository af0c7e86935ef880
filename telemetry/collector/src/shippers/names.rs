//! Which keys mean a field of the contract, the surest first.

use serde_json::Value;
use watchfire_schemas::{Attributes, SeverityNumber, Timestamp};

pub(super) const TIME: [&str; 6] = ["timestamp", "@timestamp", "time", "ts", "datetime", "date"];
pub(super) const SEVERITY: [&str; 9] = [
    "severity",
    "level",
    "log.level",
    "severity_text",
    "detected_level",
    "levelname",
    "loglevel",
    "lvl",
    "log_level",
];
pub(super) const MESSAGE: [&str; 5] = ["message", "msg", "body", "log", "event.original"];
pub(super) const SERVICE: [&str; 12] = [
    "service.name",
    "service_name",
    "service",
    "kubernetes.labels.app_kubernetes_io/name",
    "kubernetes.labels.app",
    "app",
    "application",
    "kubernetes.container_name",
    "kubernetes.container.name",
    "container_name",
    "container",
    "job",
];
pub(super) const TRACE: [&str; 5] = ["trace_id", "trace.id", "traceId", "traceID", "otelTraceID"];
pub(super) const SPAN: [&str; 5] = ["span_id", "span.id", "spanId", "spanID", "otelSpanID"];
pub(super) const EXCEPTION: [&str; 3] = ["exception.type", "error.type", "exception.class"];
pub(super) const EXCEPTION_MESSAGE: [&str; 2] = ["exception.message", "error.message"];
pub(super) const STACK: [&str; 6] = [
    "exception.stacktrace",
    "error.stack_trace",
    "error.stack",
    "stack_trace",
    "stacktrace",
    "stack",
];
/// What agents call what OpenTelemetry has a name for.
pub(super) const RENAMED: [(&str, &str); 7] = [
    ("host", "host.name"),
    ("hostname", "host.name"),
    ("instance", "host.name"),
    ("namespace", "k8s.namespace.name"),
    ("pod", "k8s.pod.name"),
    ("env", "deployment.environment.name"),
    ("environment", "deployment.environment.name"),
];

/// Takes out the first of the keys that `read` can make something of.
pub(super) fn take<T>(
    object: &mut Attributes,
    keys: &[&str],
    read: impl Fn(&Value) -> Option<T>,
) -> Option<T> {
    let (key, found) = keys
        .iter()
        .find_map(|key| Some((key, read(object.get(*key)?)?)))?;
    object.remove(*key);
    Some(found)
}

pub(super) fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.trim().parse().ok()
}

/// RFC 3339, or a number since the epoch: in seconds, milli-, micro- or nanoseconds by its size.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    let number = match value {
        Value::String(text) => match text.trim().parse() {
            Ok(at) => return Some(at),
            Err(_) => text.trim().parse::<f64>().ok()?,
        },
        Value::Number(number) => match number.as_i64() {
            Some(nanos) if nanos > 100_000_000_000_000_000 => {
                return Some(Timestamp::from_nanos(nanos));
            }
            _ => number.as_f64()?,
        },
        _ => return None,
    };
    let scale = match number {
        n if !(1e8..9.2e18).contains(&n) => return None,
        n if n < 1e11 => 1e9,
        n if n < 1e14 => 1e6,
        n if n < 1e17 => 1e3,
        _ => 1.0,
    };
    Some(Timestamp::from_nanos((number * scale).round() as i64))
}

/// A name in any spelling, or the number that pino and bunyan write.
pub(super) fn severity(value: &Value) -> Option<SeverityNumber> {
    if let Some(number) = value.as_i64() {
        return Some(match number {
            10 => SeverityNumber::TRACE,
            20 => SeverityNumber::DEBUG,
            30 => SeverityNumber::INFO,
            40 => SeverityNumber::WARN,
            50 => SeverityNumber::ERROR,
            60 => SeverityNumber::FATAL,
            _ => return None,
        });
    }
    severity_named(value.as_str()?)
}

pub(super) fn severity_named(name: &str) -> Option<SeverityNumber> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "trace" | "trc" | "finest" => SeverityNumber::TRACE,
        "debug" | "dbg" | "verbose" | "fine" => SeverityNumber::DEBUG,
        "info" | "inf" | "information" | "informational" | "notice" => SeverityNumber::INFO,
        "warn" | "warning" | "wrn" => SeverityNumber::WARN,
        "error" | "err" | "severe" => SeverityNumber::ERROR,
        "fatal" | "critical" | "crit" | "panic" | "alert" | "emerg" | "emergency" => {
            SeverityNumber::FATAL
        }
        _ => return None,
    })
}
