//! The contract at the door: a record keeps it and is accepted, or goes to the quarantine with the
//! reason. Nothing is dropped here.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};
use watchfire_schemas::{
    Attributes, Contract, LogRecord, LogRecordError, SeverityNumber, Span, Timestamp, Violation,
    flatten,
};

use crate::TimeBounds;
use crate::contracts::Contracts;
use crate::drop_reason::DropReason;
use crate::enrich::enrich_record;
use crate::otlp::Arrived;
use crate::sink::Sink;

/// What became of one record.
#[derive(Debug)]
pub(crate) enum Verdict {
    Accepted(LogRecord),
    Quarantined(LogRecord, Fault),
    /// Not kept.
    Rejected(LogRecord, Fault),
}

/// Why a record is in the quarantine, or rejected.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) reason: DropReason,
    /// Which contract it breaks, with its version.
    pub(crate) schema: Cow<'static, str>,
    /// At least one.
    pub(crate) violations: Vec<Violation>,
}

/// Which record this is, and of whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) receiver: &'static str,
    pub(crate) at: Timestamp,
}

/// Holds records against the contract of a log line.
#[derive(Debug)]
pub(crate) struct Admission {
    contract: Contract,
    /// What teams registered on top of it; [`crate::contracts::Held`] holds records to them.
    pub(crate) contracts: Arc<Contracts>,
    /// Knows the patterns of accepted records; without one they have none.
    patterns: Option<Arc<dyn Sink>>,
    /// Which times are believed; without them all are.
    bounds: Option<TimeBounds>,
}

impl Admission {
    pub(crate) fn new(contracts: Arc<Contracts>) -> Self {
        Self {
            contract: Contract::log_record_v1(),
            contracts,
            patterns: None,
            bounds: None,
        }
    }

    pub(crate) fn with_bounds(mut self, bounds: TimeBounds) -> Self {
        self.bounds = Some(bounds);
        self
    }

    pub(crate) fn with_patterns(mut self, patterns: Arc<dyn Sink>) -> Self {
        self.patterns = Some(patterns);
        self
    }

    /// Gives accepted records what is found with a look at all that came before.
    pub(crate) fn assign_patterns(&self, records: &mut [LogRecord]) {
        if let Some(patterns) = &self.patterns {
            patterns.assign_patterns(records);
        }
    }

    /// Judges one line of JSON.
    pub(crate) fn line(&self, line: &[u8], arrival: Arrival) -> Verdict {
        let raw = || String::from_utf8_lossy(line);
        let unreadable = |reason, message: String| {
            let fault = Fault::new(reason, "", "", message);
            Self::quarantine(fault, &Attributes::new(), raw(), arrival)
        };
        let plain = LogRecord::from_plain_line(line, arrival.at);
        if let Some(accepted) = plain.and_then(typed) {
            return accepted;
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return unreadable(DropReason::NotUtf8, "the line is not UTF-8".to_owned());
        };
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => self.object(flatten(object), arrival, Some(text)),
            Ok(_) => unreadable(DropReason::NotAnObject, "expected a JSON object".to_owned()),
            Err(error) => unreadable(DropReason::NotJson, error.to_string()),
        }
    }

    /// Judges a record of OTLP.
    pub(crate) fn arrived(&self, arrived: Arrived, arrival: Arrival) -> Verdict {
        match arrived {
            Ok(record) if record.keeps_contract() => accepted(record),
            Ok(record) => self.object(record.to_object(), arrival, None),
            Err(object) => self.object(object, arrival, None),
        }
    }

    /// Judges a flat object. `line` is the record as it came, in case it must be kept so; without
    /// one the object itself is kept.
    pub(crate) fn object(
        &self,
        object: Attributes,
        arrival: Arrival,
        line: Option<&str>,
    ) -> Verdict {
        let value = Value::Object(object);
        if !self.contract.is_kept_by(&value) {
            let fault = Fault {
                reason: DropReason::Schema,
                schema: Cow::Borrowed(Fault::BASE),
                violations: self.contract.violations(&value),
            };
            let raw = line.map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
            let readable = value.as_object().expect("made of an object");
            return Self::quarantine(fault, readable, raw, arrival);
        }
        let Value::Object(object) = value else {
            unreachable!("made of an object")
        };
        let readable = identity(&object);
        match LogRecord::from_object(object, arrival.at) {
            Ok(record) => accepted(record),
            Err(error) => {
                let path = match &error {
                    LogRecordError::Key { key, .. } => format!("/{key}"),
                    LogRecordError::NotAnObject(_) => String::new(),
                };
                let fault = Fault::new(DropReason::Schema, &path, "", error.to_string());
                let raw =
                    line.map_or_else(|| Cow::Owned(json!(readable).to_string()), Cow::Borrowed);
                Self::quarantine(fault, &readable, raw, arrival)
            }
        }
    }

    /// Judges a record that was made in this process.
    pub(crate) fn record(&self, mut record: LogRecord, arrival: Arrival) -> Verdict {
        record.observed_timestamp = arrival.at;
        record.pattern_id = None;
        // As it will be read from the log again.
        record.attributes = flatten(std::mem::take(&mut record.attributes));
        if record.keeps_contract() {
            return accepted(record);
        }
        let line = record.to_line();
        let value = Value::Object(record.to_object());
        if self.contract.is_kept_by(&value) {
            return accepted(record);
        }
        let Value::Object(object) = value else {
            unreachable!("made of an object")
        };
        self.object(object, arrival, Some(&line))
    }

    /// The verdict, in view of the record's time: one that cannot be believed, or is older than what
    /// is kept, goes to the quarantine, where it stands at the time when it came.
    pub(crate) fn dated(&self, verdict: Verdict, arrival: Arrival) -> Verdict {
        let Verdict::Accepted(record) = verdict else {
            return verdict;
        };
        let found = self
            .bounds
            .and_then(|bounds| bounds.log_fault(record.timestamp, arrival.at));
        let Some((reason, words)) = found else {
            return Verdict::Accepted(record);
        };
        let service = Value::from(record.service.as_str());
        let readable = [("service.name".to_owned(), service)].into_iter().collect();
        let fault = Fault::new(reason, "/timestamp", "", words);
        Self::quarantine(fault, &readable, record.to_line().into(), arrival)
    }

    /// Why a span is not taken because of its time.
    pub(crate) fn span_fault(&self, span: &Span, arrival: Arrival) -> Option<(DropReason, String)> {
        self.bounds?.span_fault(span.end, arrival.at)
    }

    /// What could not be accepted, as a record of the quarantine with what could be read of it.
    pub(crate) fn quarantine(
        fault: Fault,
        readable: &Attributes,
        raw: Cow<'_, str>,
        arrival: Arrival,
    ) -> Verdict {
        let text = |key: &str| readable.get(key).and_then(Value::as_str);
        let at = text("timestamp").and_then(|text| text.parse().ok());
        let service = text("service.name").filter(|name| !name.is_empty() && name.len() <= 256);
        let mut record = LogRecord::new(
            at.unwrap_or(arrival.at),
            SeverityNumber::WARN,
            service.unwrap_or("unknown"),
            String::new(),
        );
        record.observed_timestamp = arrival.at;
        record.attributes = fault.attributes(arrival.receiver);
        if raw.len() > fault.keeps() {
            record.attributes.insert(CUT.to_owned(), json!(true));
        }
        record.message = cut(raw, fault.keeps());
        Verdict::Quarantined(record, fault)
    }
}

/// A record of which the types alone say that it keeps the contract of a log line.
fn typed(record: LogRecord) -> Option<Verdict> {
    record.keeps_contract().then(|| accepted(record))
}

fn accepted(mut record: LogRecord) -> Verdict {
    enrich_record(&mut record);
    Verdict::Accepted(record)
}

impl Fault {
    /// The contract of every line.
    const BASE: &str = "log_record.v1";

    fn new(reason: DropReason, path: &str, schema_path: &str, message: String) -> Self {
        let violation = Violation {
            instance_path: path.to_owned(),
            schema_path: schema_path.to_owned(),
            message,
        };
        Self {
            reason,
            schema: Cow::Borrowed(Self::BASE),
            violations: vec![violation],
        }
    }

    /// The first violation: what one line of an answer has room for.
    pub(crate) fn first(&self) -> (&str, &str) {
        match self.violations.first() {
            Some(violation) => (&violation.instance_path, &violation.message),
            None => ("", "breaks its contract"),
        }
    }

    /// How much of its line is kept. What is an object may pass another day, so it is kept whole
    /// if it is no monster; of what never will, enough to see what it was.
    fn keeps(&self) -> usize {
        match self.reason {
            DropReason::Schema => 1 << 20,
            _ => 32 << 10,
        }
    }

    fn attributes(&self, receiver: &str) -> Attributes {
        let (path, message) = self.first();
        let schema_path = self
            .violations
            .first()
            .map_or("", |v| v.schema_path.as_str());
        let violations = self.violations.iter().map(|violation| {
            json!({
                "path": violation.instance_path,
                "schema_path": violation.schema_path,
                "message": violation.message,
            })
        });
        [
            ("quarantine.reason", json!(self.reason.as_str())),
            ("quarantine.schema", json!(self.schema)),
            ("quarantine.path", json!(path)),
            ("quarantine.schema_path", json!(schema_path)),
            ("quarantine.message", json!(message)),
            ("quarantine.receiver", json!(receiver)),
            ("quarantine.violations", Value::Array(violations.collect())),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }
}

/// What the quarantine wants to know of a record, in case it turns out to be unreadable.
fn identity(object: &Attributes) -> Attributes {
    ["timestamp", "service.name"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), object.get(key)?.clone())))
        .collect()
}

/// On a quarantined record of which the line is not whole.
pub(crate) const CUT: &str = "quarantine.cut";

fn cut(raw: Cow<'_, str>, most: usize) -> String {
    if raw.len() <= most {
        return raw.into_owned();
    }
    let end = (0..=most).rev().find(|at| raw.is_char_boundary(*at));
    raw[..end.unwrap_or_default()].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVAL: Arrival = Arrival {
        receiver: "ndjson",
        at: Timestamp::from_secs(77),
    };

    fn admission() -> Admission {
        Admission::new(Arc::default())
    }

    fn quarantined(line: &str) -> (LogRecord, Fault) {
        match admission().line(line.as_bytes(), ARRIVAL) {
            Verdict::Quarantined(record, fault) => (record, fault),
            other => panic!("not in quarantine: {other:?}"),
        }
    }

    fn check(line: &str, reason: DropReason, path: &str) {
        let (record, fault) = quarantined(line);
        assert_eq!(
            (fault.reason, fault.first().0),
            (reason, path),
            "{line}: {fault:?}"
        );
        assert_eq!(record.attributes["quarantine.reason"], reason.as_str());
        assert_eq!(record.attributes["quarantine.path"], path);
        // It must be readable from the log again.
        let again = LogRecord::from_line(record.to_line().as_bytes(), ARRIVAL.at).unwrap();
        assert_eq!(again, record);
    }

    #[test]
    fn what_breaks_the_contract_is_kept_with_reason_and_place() {
        use DropReason::{NotAnObject, NotJson, Schema};
        check("{", NotJson, "");
        check("[1]", NotAnObject, "");
        check("\u{0}", NotJson, "");
        check(r#"{"severity":"INFO"}"#, Schema, "");
        let with = |extra: &str| {
            format!(
                r#"{{"timestamp":"2026-11-22T05:57:27Z","severity":"INFO","service":{{"name":"a"}},"message":"m",{extra}}}"#
            )
        };
        check(&with(r#""trace_id":"xyz""#), Schema, "/trace_id");
        check(&with(r#""severity_number":17"#), Schema, "/severity_number");
        check(&with(r#""http":{"route":5}"#), Schema, "/http.route");
        let year = with(r#""a":1"#).replace("2026", "9999");
        check(&year, Schema, "/timestamp");
    }

    #[test]
    fn a_hundred_thousand_brackets_do_no_harm() {
        check(
            &format!("{{\"a\":{}", "[".repeat(100_000)),
            DropReason::NotJson,
            "",
        );
        let (record, _) = quarantined(&"[".repeat(100_000));
        assert_eq!(record.message.len(), 32 << 10);
        assert_eq!(record.attributes[CUT], true);
        let object = format!("{{\"a\":{:?}}}", "x".repeat(100_000));
        let (record, _) = quarantined(&object);
        assert_eq!(record.message, object);
        assert!(!record.attributes.contains_key(CUT));
    }

    #[test]
    fn what_can_be_read_of_a_broken_line_is_kept() {
        let (record, _) = quarantined(
            r#"{"timestamp":"1970-01-01T00:00:05Z","service.name":"shop","severity":"bad"}"#,
        );
        assert_eq!(
            (record.timestamp, record.service.as_str()),
            (Timestamp::from_secs(5), "shop")
        );
        let (record, fault) = quarantined("{}");
        assert_eq!(
            (record.timestamp, record.service.as_str()),
            (ARRIVAL.at, "unknown")
        );
        assert_eq!(
            fault.violations.len(),
            record.attributes["quarantine.violations"]
                .as_array()
                .unwrap()
                .len()
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_as_near_as_text_can() {
        let verdict = admission().line(b"{\"message\":\"\xff\"}", ARRIVAL);
        let Verdict::Quarantined(record, fault) = verdict else {
            panic!("accepted")
        };
        assert_eq!(fault.reason, DropReason::NotUtf8);
        assert_eq!(record.message, "{\"message\":\"\u{fffd}\"}");
    }

    #[test]
    fn records_of_this_process_are_held_to_the_same() {
        let admission = admission();
        let record = LogRecord::new(Timestamp::from_secs(1), SeverityNumber::INFO, "a", "m");
        assert!(matches!(
            admission.record(record.clone(), ARRIVAL),
            Verdict::Accepted(_)
        ));
        let nameless = LogRecord {
            service: String::new(),
            ..record
        };
        let Verdict::Quarantined(_, fault) = admission.record(nameless, ARRIVAL) else {
            panic!("accepted")
        };
        assert_eq!(fault.first().0, "/service.name");
    }
}
