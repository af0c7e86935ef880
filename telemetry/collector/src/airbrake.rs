//! What clients of Airbrake (and of Errbit) send: notices, version 3.

use serde_json::Value;
use sha2::{Digest, Sha256};
use watchfire_schemas::{Attributes, Exception, LogRecord, SeverityNumber, Timestamp};

use crate::sentry::given;
use crate::stack_text::{Runtime, ToldError, ToldFrame, stack_text};

/// The log record that a notice is, with an id for it, or why it is none. `service` is who sends it
/// where the notice does not say.
pub(crate) fn record(
    body: &[u8],
    service: &str,
    arrived: Timestamp,
) -> Result<(String, LogRecord), String> {
    let notice: Value =
        serde_json::from_slice(body).map_err(|error| format!("the notice is not JSON: {error}"))?;
    let context = notice.get("context").unwrap_or(&Value::Null);
    let runtime = runtime(context);
    let chain: Vec<ToldError> = given::list(&notice, "errors").map(told).collect();
    let first = chain
        .first()
        .ok_or("errors: expected an array with at least one error")?;
    let exception = Exception {
        kind: first.kind.clone(),
        message: first.message.clone(),
        stacktrace: stack_text(runtime, &chain),
    };
    if exception.kind.is_empty() && exception.message.is_empty() {
        return Err("errors/0: expected a type or a message".to_owned());
    }
    let service = text_of_either(&notice, "service.name").unwrap_or_else(|| service.to_owned());
    let severity = match given::text(context, "severity").as_deref() {
        Some("critical" | "alert" | "emergency") => SeverityNumber::FATAL,
        Some("warning") => SeverityNumber::WARN,
        Some("notice" | "info") => SeverityNumber::INFO,
        Some("debug") => SeverityNumber::DEBUG,
        _ => SeverityNumber::ERROR,
    };
    let said = format!("{}: {}", exception.kind, exception.message);
    let mut record = LogRecord::new(arrived, severity, service, said);
    record.exception = Some(exception);
    record.attributes = attributes(&notice, context);
    let id = notice_id(body, arrived);
    record
        .attributes
        .insert("airbrake.notice_id".to_owned(), id.clone().into());
    Ok((id, record))
}

/// The same notice that comes twice is two.
fn notice_id(body: &[u8], arrived: Timestamp) -> String {
    let hash = Sha256::new()
        .chain_update(arrived.nanos().to_le_bytes())
        .chain_update(body)
        .finalize();
    let number = u128::from_be_bytes(std::array::from_fn(|at| hash[at]));
    format!("{number:032x}")
}

fn runtime(context: &Value) -> Runtime {
    let language = given::text(context, "language");
    let notifier = given::text_at(context, &["notifier", "name"]);
    let name = language.or(notifier).unwrap_or_default();
    let name = name.strip_prefix("airbrake-").unwrap_or(&name);
    match name {
        "js" => Runtime::JavaScript,
        other => Runtime::named(other),
    }
}

fn told(error: &Value) -> ToldError {
    ToldError {
        kind: given::text(error, "type").unwrap_or_default(),
        message: given::text(error, "message").unwrap_or_default(),
        frames: given::list(error, "backtrace").map(frame).collect(),
        is_by_chance: false,
    }
}

fn frame(frame: &Value) -> ToldFrame {
    let number = |key| given::number(frame, key).filter(|n| *n >= 0.0);
    let line = number("line").map(|n| n as u64);
    let code = frame.get("code").and_then(Value::as_object);
    let code = code.and_then(|code| given::as_text(code.get(&line?.to_string())?));
    ToldFrame {
        function: given::text(frame, "function").unwrap_or_default(),
        module: String::new(),
        file: given::text(frame, "file").unwrap_or_default(),
        line,
        column: number("column").map(|n| n as u64),
        code: code.unwrap_or_default(),
    }
}

fn text_of_either(notice: &Value, key: &str) -> Option<String> {
    let of = |part: &str| given::text(notice.get(part)?, key);
    of("params").or_else(|| of("environment"))
}

/// Under the names of OpenTelemetry's conventions where there is one.
const KNOWN: [(&[&str], &str); 13] = [
    (&["version"], "service.version"),
    (&["environment"], "deployment.environment.name"),
    (&["hostname"], "host.name"),
    (&["os"], "os.name"),
    (&["language"], "process.runtime.name"),
    (&["url"], "url.full"),
    (&["httpMethod"], "http.request.method"),
    (&["userAgent"], "user_agent.original"),
    (&["userAddr"], "client.address"),
    (&["user", "id"], "user.id"),
    (&["user", "email"], "user.email"),
    (&["notifier", "name"], "telemetry.sdk.name"),
    (&["notifier", "version"], "telemetry.sdk.version"),
];

fn attributes(notice: &Value, context: &Value) -> Attributes {
    let mut attributes = Attributes::new();
    for (path, name) in KNOWN {
        if let Some(value) = given::text_at(context, path) {
            attributes.insert(name.to_owned(), Value::String(value));
        }
    }
    let component = given::text(context, "component");
    let action = given::text(context, "action");
    let place: Vec<String> = [component, action].into_iter().flatten().collect();
    if !place.is_empty() {
        attributes.insert("transaction".to_owned(), place.join("#").into());
    }
    for part in ["params", "environment", "session"] {
        let given = notice.get(part).and_then(Value::as_object);
        for (key, value) in given.into_iter().flatten() {
            attributes.insert(format!("{part}.{key}"), value.clone());
        }
    }
    attributes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notice_is_a_record() {
        let notice = json!({
            "errors": [
                {"type": "Shop::OrderError", "message": "order 17", "backtrace": [
                    {"file": "/srv/shop/orders.rb", "line": 33, "function": "place"},
                    {"file": "/srv/shop/web.rb", "line": 90, "function": "post"}]},
                {"type": "KeyError", "message": "sku", "backtrace": []}],
            "context": {"notifier": {"name": "airbrake-ruby", "version": "6.2"}, "environment": "production",
                "version": "1.4.2", "component": "orders", "action": "create", "severity": "critical"},
            "params": {"tenant": "acme"},
        });
        let (id, record) =
            record(notice.to_string().as_bytes(), "shop", Timestamp::default()).unwrap();
        assert_eq!(record.attributes["airbrake.notice_id"], id);
        assert_eq!(
            (record.service.as_str(), record.severity.as_str()),
            ("shop", "FATAL")
        );
        assert_eq!(record.attributes["transaction"], "orders#create");
        assert_eq!(record.attributes["params.tenant"], "acme");
        let stack = record.exception.unwrap().stacktrace;
        assert!(stack.starts_with("/srv/shop/orders.rb:33:in 'place': order 17 (Shop::OrderError)\n\tfrom /srv/shop/web.rb:90"), "{stack}");
    }

    #[test]
    fn what_is_no_notice_says_why() {
        let check = |body: &str, expected: &str| {
            let said = record(body.as_bytes(), "shop", Timestamp::default()).unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        };
        check("{", "the notice is not JSON");
        check("{}", "errors: expected");
        check("{\"errors\":[{}]}", "errors/0: expected");
    }
}
