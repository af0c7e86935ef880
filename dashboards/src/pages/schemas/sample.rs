use serde_json::Value;
use watchfire_logsearch::FoundLog;
use watchfire_schemas::locate;

use crate::ask::violations::Sample;
use crate::figures::{self, When};
use crate::range::Asked;

/// A line that broke a contract, with the value at fault apart.
#[derive(Debug)]
pub(crate) struct SampleRow {
    pub(crate) at: When,
    pub(crate) service: String,
    pub(crate) receiver: String,
    pub(crate) reason: String,
    pub(crate) schema: String,
    pub(crate) schema_href: String,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) line: MarkedLine,
}

/// A line in three parts. Where the fault is not a value (a key is missing), the first is all.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct MarkedLine {
    pub(crate) before: String,
    pub(crate) fault: String,
    pub(crate) after: String,
}

impl SampleRow {
    /// A quarantined line.
    pub(super) fn of_record(found: &FoundLog, asked: &Asked) -> Self {
        let record = &found.record;
        let text = |key: &str| {
            let value = record.attributes.get(key);
            value.map_or_else(String::new, |value| match value {
                Value::String(text) => figures::cut(text, 400).0.to_owned(),
                other => other.to_string(),
            })
        };
        let schema = text("quarantine.schema");
        Self {
            at: When::clock(record.timestamp, asked.range.end),
            service: record.service.clone(),
            receiver: text("quarantine.receiver"),
            reason: text("quarantine.reason"),
            schema_href: asked.link("/schemas", &[("schema", &schema)]),
            schema,
            line: MarkedLine::of(&record.message, &text("quarantine.path")),
            path: text("quarantine.path"),
            message: text("quarantine.message"),
        }
    }

    /// A sample of a schema that was asked for.
    pub(super) fn of_sample(sample: &Sample, asked: &Asked) -> Self {
        Self {
            at: When::clock(sample.at, asked.range.end),
            service: sample.service.clone(),
            receiver: String::new(),
            reason: String::new(),
            schema: String::new(),
            schema_href: String::new(),
            path: figures::cut(&sample.path, 400).0.to_owned(),
            message: figures::cut(&sample.message, 400).0.to_owned(),
            line: MarkedLine::of(&sample.line, &sample.path),
        }
    }
}

impl MarkedLine {
    /// How much is shown before the fault, of it and after it.
    const MOST: [usize; 3] = [1200, 800, 1200];

    fn of(line: &str, path: &str) -> Self {
        let [before, fault, after] = Self::MOST;
        let range = locate(line, path).filter(|_| !path.is_empty());
        let Some(range) = range else {
            return Self {
                before: shortened(line, before + fault + after),
                ..Self::default()
            };
        };
        Self {
            before: shortened_from_the_left(&line[..range.start], before),
            fault: shortened(&line[range.clone()], fault),
            after: shortened(&line[range.end..], after),
        }
    }
}

fn shortened(text: &str, most: usize) -> String {
    match figures::cut(text, most) {
        (whole, true) => whole.to_owned(),
        (cut, false) => format!("{cut}…"),
    }
}

fn shortened_from_the_left(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let start = (text.len() - most..text.len()).find(|at| text.is_char_boundary(*at));
    format!("…{}", &text[start.unwrap_or_default()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_at_fault_is_apart() {
        let marked = |line: &str, path: &str| {
            let MarkedLine {
                before,
                fault,
                after,
            } = MarkedLine::of(line, path);
            [before, fault, after]
        };
        assert_eq!(
            marked(r#"{"a":{"b":"5"},"c":1}"#, "/a/b"),
            [r#"{"a":{"b":"#, r#""5""#, r#"},"c":1}"#]
        );
        assert_eq!(marked(r#"{"a":{"b":5}}"#, "/a.b")[1], "5");
        assert_eq!(marked("{}", ""), ["{}", "", ""]);
        assert_eq!(marked("not json", "/a"), ["not json", "", ""]);
        let long = format!("{{\"é\":{:?},\"a\":1}}", "é".repeat(5_000));
        let [before, fault, after] = marked(&long, "/a");
        assert!(before.starts_with('…') && before.len() < 1_300);
        assert_eq!((fault.as_str(), after.as_str()), ("1", "}"));
    }
}
