use serde_json::{Map, Value, json};
use watchfire_schemas::{Attributes, LogRecord, SeverityNumber, Timestamp};

use super::exceptions::exception;
use super::{Sender, given};

/// How many breadcrumbs are kept, the last ones, and how long each may be.
const MOST_CRUMBS: usize = 30;
const CRUMB_LENGTH: usize = 300;

/// The log record that an event is.
pub(super) fn record(event: &Value, sender: &Sender, arrived: Timestamp) -> LogRecord {
    let at = given::time(event, "timestamp").unwrap_or(arrived);
    let exception = exception(event);
    let level = given::text(event, "level").unwrap_or_default();
    let severity = severity(&level).unwrap_or(if exception.is_some() {
        SeverityNumber::ERROR
    } else {
        SeverityNumber::INFO
    });
    let said = message(event).or_else(|| {
        let exception = exception.as_ref()?;
        Some(format!("{}: {}", exception.kind, exception.message))
    });
    let service = service(event).unwrap_or_else(|| sender.service());
    let said = said.unwrap_or_else(|| "an event without a message".to_owned());
    let mut record = LogRecord::new(at, severity, service, said);
    record.observed_timestamp = arrived;
    record.exception = exception;
    let trace = &["contexts", "trace"];
    let id = |key| given::text_at(event, &[trace[0], trace[1], key]);
    record.trace_id = id("trace_id").and_then(|id| id.parse().ok());
    record.span_id = id("span_id").and_then(|id| id.parse().ok());
    record.attributes = attributes(event);
    record
}

pub(super) fn severity(level: &str) -> Option<SeverityNumber> {
    Some(match level {
        "fatal" | "critical" => SeverityNumber::FATAL,
        "error" => SeverityNumber::ERROR,
        "warning" | "warn" => SeverityNumber::WARN,
        "info" | "log" | "sample" => SeverityNumber::INFO,
        "debug" => SeverityNumber::DEBUG,
        "trace" => SeverityNumber::TRACE,
        _ => return None,
    })
}

fn message(event: &Value) -> Option<String> {
    let entry = |key: &str| {
        let entry = event.get(key)?;
        given::text(entry, "formatted").or_else(|| given::text(entry, "message"))
    };
    entry("logentry")
        .or_else(|| given::text(event, "message"))
        .or_else(|| entry("message"))
}

/// What an event says of its service: a tag, or the resource of OpenTelemetry.
pub(super) fn service(event: &Value) -> Option<String> {
    let tag = |name: &str| {
        let mut tags = tags(event);
        tags.find_map(|(key, value)| (key == name).then_some(value))
    };
    tag("service.name")
        .or_else(|| tag("service"))
        .or_else(|| given::text_at(event, &["contexts", "otel", "resource", "service.name"]))
}

/// Tags come as an object or as pairs.
fn tags(event: &Value) -> impl Iterator<Item = (String, String)> {
    let tags = event.get("tags");
    let object = tags.and_then(Value::as_object).into_iter().flatten();
    let object = object.filter_map(|(key, value)| Some((key.clone(), given::as_text(value)?)));
    let pairs = tags.and_then(Value::as_array).into_iter().flatten();
    let pairs = pairs
        .filter_map(|pair| Some((given::as_text(pair.get(0)?)?, given::as_text(pair.get(1)?)?)));
    object.chain(pairs)
}

/// Under the names of OpenTelemetry's conventions where there is one.
const KNOWN: [(&[&str], &str); 26] = [
    (&["release"], "service.version"),
    (&["environment"], "deployment.environment.name"),
    (&["server_name"], "host.name"),
    (&["transaction"], "transaction"),
    (&["logger"], "logger"),
    (&["platform"], "sentry.platform"),
    (&["event_id"], "sentry.event_id"),
    (&["user", "id"], "user.id"),
    (&["user", "email"], "user.email"),
    (&["user", "username"], "user.name"),
    (&["user", "ip_address"], "client.address"),
    (&["request", "method"], "http.request.method"),
    (&["request", "url"], "url.full"),
    (&["request", "query_string"], "url.query"),
    (
        &["contexts", "response", "status_code"],
        "http.response.status_code",
    ),
    (&["contexts", "runtime", "name"], "process.runtime.name"),
    (
        &["contexts", "runtime", "version"],
        "process.runtime.version",
    ),
    (&["contexts", "os", "name"], "os.name"),
    (&["contexts", "os", "version"], "os.version"),
    (&["contexts", "device", "model"], "device.model.name"),
    (&["contexts", "browser", "name"], "user_agent.name"),
    (&["contexts", "browser", "version"], "user_agent.version"),
    (&["contexts", "trace", "op"], "sentry.op"),
    (&["sdk", "name"], "telemetry.sdk.name"),
    (&["sdk", "version"], "telemetry.sdk.version"),
    (&["dist"], "sentry.dist"),
];

pub(super) fn attributes(event: &Value) -> Attributes {
    let mut attributes = Attributes::new();
    for (key, value) in tags(event) {
        attributes.insert(key, Value::String(value));
    }
    for (path, name) in KNOWN {
        if let Some(value) = given::text_at(event, path) {
            attributes.insert(name.to_owned(), Value::String(value));
        }
    }
    let last = given::list(event, "exception").last();
    let handled = last.and_then(|value| value.get("mechanism")?.get("handled")?.as_bool());
    if let Some(handled) = handled {
        attributes.insert("exception.handled".to_owned(), handled.into());
    }
    if let Some(fingerprint) = fingerprint(event) {
        attributes.insert("exception.fingerprint".to_owned(), fingerprint);
    }
    let extra = event.get("extra").and_then(Value::as_object);
    for (key, value) in extra.into_iter().flatten() {
        attributes.insert(format!("extra.{key}"), value.clone());
    }
    let crumbs = breadcrumbs(event);
    if !crumbs.is_empty() {
        attributes.insert("breadcrumbs".to_owned(), crumbs.into());
    }
    attributes
}

/// What the client says the group is, where it says more than "the default".
fn fingerprint(event: &Value) -> Option<Value> {
    let parts: Vec<String> = given::list(event, "fingerprint")
        .filter_map(given::as_text)
        .collect();
    let is_default = parts
        .iter()
        .all(|part| matches!(&*part.replace(' ', ""), "{{default}}"));
    (!is_default).then(|| json!(parts))
}

/// One line for each.
fn breadcrumbs(event: &Value) -> Vec<String> {
    let all: Vec<&Value> = given::list(event, "breadcrumbs").collect();
    let last = &all[all.len().saturating_sub(MOST_CRUMBS)..];
    let line = |crumb: &&Value| {
        let at = given::time(crumb, "timestamp").map(|at| at.to_string());
        let category = given::text(crumb, "category").or_else(|| given::text(crumb, "type"));
        let data = crumb.get("data").and_then(Value::as_object);
        let said = given::text(crumb, "message").or_else(|| data.map(shown));
        let parts: Vec<String> = [at, category, said].into_iter().flatten().collect();
        let text = parts.join(" ");
        text.chars().take(CRUMB_LENGTH).collect::<String>()
    };
    last.iter()
        .map(line)
        .filter(|line| !line.is_empty())
        .collect()
}

fn shown(data: &Map<String, Value>) -> String {
    let parts = data
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", given::as_text(value)?)));
    parts.collect::<Vec<_>>().join(" ")
}
