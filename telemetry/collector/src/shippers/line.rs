use serde_json::Value;
use watchfire_schemas::{Attributes, Exception, LogRecord, SeverityNumber, Timestamp, flatten};

use super::names::{self, take};

/// How much of a line is looked at for its severity.
const HEAD: usize = 120;

/// What is known of a line beside what it says.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// When it was written, as its shipper says.
    pub(super) at: Option<Timestamp>,
    pub(super) arrived: Timestamp,
    /// What its shipper says of it; the line itself knows better.
    pub(super) labels: Attributes,
}

/// The record that a line is: the object that it writes, or its text.
pub(super) fn of_text(line: &str, around: &Around) -> LogRecord {
    if line.trim_start().starts_with('{')
        && let Ok(Value::Object(object)) = serde_json::from_str(line)
    {
        return of_object(object, around);
    }
    let severity = severity_within(line);
    let mut object = around.labels.clone();
    // A label may say it better than a guess from the text.
    let told = take(&mut object, &names::SEVERITY, names::severity);
    let mut record = of_flat(object, around, Some(line.trim_end()));
    record.severity = told.or(severity).unwrap_or(record.severity);
    record
}

/// The record that an object is.
pub(super) fn of_object(object: Attributes, around: &Around) -> LogRecord {
    let mut flat = around.labels.clone();
    flat.extend(flatten(object));
    of_flat(flat, around, None)
}

fn of_flat(mut object: Attributes, around: &Around, text: Option<&str>) -> LogRecord {
    let said = take(&mut object, &names::TIME, names::time);
    // The shipper's time is when it read the line, if the line says one itself.
    let at = said.or(around.at).unwrap_or(around.arrived);
    let severity = take(&mut object, &names::SEVERITY, names::severity);
    let exception = exception(&mut object);
    let message = match text {
        Some(text) => Some(text.to_owned()),
        None => take(&mut object, &names::MESSAGE, names::text),
    };
    let message = message
        .filter(|message| !message.is_empty())
        .or_else(|| {
            let exception = exception.as_ref()?;
            Some(format!("{}: {}", exception.kind, exception.message))
        })
        .unwrap_or_else(|| Value::Object(object.clone()).to_string());
    let service = take(&mut object, &names::SERVICE, names::text);
    let severity = severity.unwrap_or(if exception.is_some() {
        SeverityNumber::ERROR
    } else {
        SeverityNumber::INFO
    });
    let service = service.unwrap_or_else(|| "unknown_service".to_owned());
    let mut record = LogRecord::new(at, severity, service, message);
    record.observed_timestamp = around.arrived;
    record.trace_id = take(&mut object, &names::TRACE, names::parsed);
    record.span_id = take(&mut object, &names::SPAN, names::parsed);
    record.event_name = take(&mut object, &["event_name"], names::text);
    record.exception = exception;
    for (from, to) in names::RENAMED {
        if object.get(from).is_some_and(Value::is_string)
            && !object.contains_key(to)
            && let Some(value) = object.remove(from)
        {
            object.insert(to.to_owned(), value);
        }
    }
    record.attributes = object;
    record
}

fn exception(object: &mut Attributes) -> Option<Exception> {
    let mut part = |keys: &[&str]| take(object, keys, names::text).unwrap_or_default();
    let exception = Exception {
        kind: part(&names::EXCEPTION),
        message: part(&names::EXCEPTION_MESSAGE),
        stacktrace: part(&names::STACK),
    };
    let has_name = !exception.kind.is_empty() || !exception.message.is_empty();
    if has_name {
        return Some(exception);
    }
    // A stack alone names itself by its first line.
    let first = exception.stacktrace.lines().next()?.to_owned();
    Some(Exception {
        kind: first
            .split([':', ' '])
            .next()
            .unwrap_or_default()
            .to_owned(),
        message: first,
        ..exception
    })
}

/// `level=warn`, or the first word that is a severity's name in capitals or stands in brackets.
fn severity_within(line: &str) -> Option<SeverityNumber> {
    let end = line.floor_char_boundary(HEAD.min(line.len()));
    let words = line[..end].split([' ', '\t', '|', ',']);
    words.into_iter().find_map(|word| {
        if let Some((key, value)) = word.split_once('=') {
            let is_level = matches!(key, "level" | "lvl" | "severity");
            return is_level
                .then(|| names::severity_named(value.trim_matches('"')))
                .flatten();
        }
        let bare = word.trim_matches(['[', ']', '(', ')', '<', '>', ':']);
        let is_marked = bare.len() < word.len() || bare.bytes().all(|b| b.is_ascii_uppercase());
        (is_marked && bare.len() >= 3).then(|| names::severity_named(bare))?
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn around(labels: &Value) -> Around {
        Around {
            at: Some(Timestamp::from_secs(1_700_000_000)),
            arrived: Timestamp::from_secs(1_700_000_009),
            labels: labels.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn a_plain_line_says_how_bad_it_is() {
        let check = |line: &str, expected: &str| {
            let record = of_text(line, &around(&json!({"app": "shop"})));
            assert_eq!(
                (record.severity.as_str(), &*record.service),
                (expected, "shop"),
                "{line}"
            );
        };
        check("2026-11-22 10:00:00 [ERROR] it broke", "ERROR");
        check("WARN  disk is nearly full", "WARN");
        check("ts=2026 level=warn msg=\"slow\"", "WARN");
        check("time=\"x\" level=\"error\" msg=y", "ERROR");
        check("<crit> fan stopped", "FATAL");
        check("an error in prose is none", "INFO");
        check("", "INFO");
    }

    #[test]
    fn a_json_line_is_read_by_the_names_of_its_library() {
        let line = r#"{"ts":1700000001.5,"level":50,"msg":"failed","err":{"x":1},"traceId":"4bf92f3577b34da6a3ce929d0e0e4736",
            "error":{"type":"IoError","message":"reset","stack_trace":"IoError: reset\n\tat a.B.c(B.java:1)"}}"#;
        let record = of_text(
            line,
            &around(&json!({"service": "shop", "level": "info", "pod": "shop-1"})),
        );
        assert_eq!(record.timestamp.to_string(), "2023-11-14T22:13:21.500Z");
        assert_eq!(
            (record.severity.as_str(), &*record.message),
            ("ERROR", "failed")
        );
        assert_eq!(record.exception.unwrap().kind, "IoError");
        assert!(record.trace_id.is_some());
        assert_eq!(record.attributes["k8s.pod.name"], "shop-1");
        assert_eq!(record.attributes["err.x"], 1);
    }

    #[test]
    fn what_says_nothing_is_kept_whole() {
        let record = of_object(
            json!({"a": 1}).as_object().unwrap().clone(),
            &around(&json!({})),
        );
        assert_eq!(
            (&*record.message, &*record.service),
            ("{\"a\":1}", "unknown_service")
        );
        assert_eq!(record.timestamp.to_string(), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn times_are_told_apart_by_their_size() {
        for value in [
            json!("2023-11-14T22:13:20Z"),
            json!(1_700_000_000),
            json!(1_700_000_000_000_i64),
            json!(1_700_000_000_000_000_i64),
            json!(1_700_000_000_000_000_000_i64),
            json!("1700000000000"),
        ] {
            assert_eq!(
                names::time(&value),
                Some(Timestamp::from_secs(1_700_000_000)),
                "{value}"
            );
        }
        assert_eq!(names::time(&json!(17)), None);
    }
}
