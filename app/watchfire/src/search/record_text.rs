use std::io::{self, Write};

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::{Map, Value};
use watchfire_schemas::Timestamp;

use super::paint::{Colour, Paint};

/// A longer value is cut; `--json` has all of it.
const LONGEST_VALUE: usize = 120;
/// Further lines of a stack trace are only counted.
const STACK_LINES: usize = 20;
/// Shown in a place of their own, or of no use to a reader of lines.
const NO_FIELDS: [&str; 12] = [
    "id",
    "timestamp",
    "severity",
    "severity_number",
    "service.name",
    "message",
    "exception.type",
    "exception.message",
    "exception.stacktrace",
    "exception_group",
    "pattern_id",
    "span_id",
];

/// A record as a person reads it: time, severity, service, message, fields; its exception below.
#[derive(Debug)]
pub(super) struct RecordText {
    pub(super) paint: Paint,
    /// From UTC at a time; `None` shows UTC.
    pub(super) offset: Option<fn(Timestamp) -> FixedOffset>,
}

impl RecordText {
    pub(super) fn write(&self, out: &mut impl Write, line: &str) -> io::Result<()> {
        let Ok(record) = serde_json::from_str::<Map<String, Value>>(line) else {
            return writeln!(out, "{}", harmless(line, "    "));
        };
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        let severity = text("severity");
        write!(
            out,
            "{} {} {}  {}",
            self.paint.paint(Colour::Dim, &self.time(text("timestamp"))),
            self.paint
                .paint(Colour::of_severity(severity), &format!("{severity:<5}")),
            self.paint
                .paint(Colour::Blue, &harmless(text("service.name"), "")),
            harmless(text("message"), "    "),
        )?;
        for (key, value) in record
            .iter()
            .filter(|(key, _)| !NO_FIELDS.contains(&key.as_str()))
        {
            let name = self
                .paint
                .paint(Colour::Dim, &format!("{}=", harmless(key, "")));
            write!(out, "  {name}{}", value_text(value))?;
        }
        writeln!(out)?;
        self.write_exception(out, &text)
    }

    fn write_exception<'r>(
        &self,
        out: &mut impl Write,
        text: &impl Fn(&str) -> &'r str,
    ) -> io::Result<()> {
        let (kind, message) = (text("exception.type"), text("exception.message"));
        let head = match (kind, message) {
            ("", "") => String::new(),
            (kind, "") => kind.to_owned(),
            ("", message) => message.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        };
        if !head.is_empty() {
            let head = harmless(&head, "      ");
            writeln!(out, "    {}", self.paint.paint(Colour::Red, &head))?;
        }
        let mut lines = text("exception.stacktrace")
            .lines()
            // Many traces begin by saying again what was thrown.
            .skip_while(|line| line.trim() == head)
            .filter(|line| !line.trim().is_empty());
        for line in lines.by_ref().take(STACK_LINES) {
            writeln!(
                out,
                "      {}",
                self.paint.paint(Colour::Dim, &harmless(line.trim(), ""))
            )?;
        }
        match lines.count() {
            0 => Ok(()),
            more => writeln!(out, "      … {more} more lines"),
        }
    }

    /// With milliseconds; a `Z` where it is UTC.
    fn time(&self, text: &str) -> String {
        let Ok(at) = text.parse::<Timestamp>() else {
            return harmless(text, "");
        };
        let utc = DateTime::<Utc>::from_timestamp_nanos(at.nanos());
        match self.offset {
            None => utc.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            Some(offset) => {
                let local = utc.with_timezone(&offset(at));
                local.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
            }
        }
    }
}

fn value_text(value: &Value) -> String {
    let text = match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    };
    let text = harmless(&text, "");
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"' || c == '=')
}

/// Without what a terminal would obey: a log line must not move the cursor or change the title.
/// Further lines are indented by `indent`; without one they are told as `\n`.
fn harmless(text: &str, indent: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' if !indent.is_empty() => {
                told.push('\n');
                told.push_str(indent);
            }
            '\t' => told.push(' '),
            c if c.is_control() => told.extend(c.escape_default()),
            c => told.push(c),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(paint: bool, offset: Option<fn(Timestamp) -> FixedOffset>, line: &str) -> String {
        let text = RecordText {
            paint: Paint::new(paint),
            offset,
        };
        let mut out = Vec::new();
        text.write(&mut out, line).unwrap();
        String::from_utf8(out).unwrap()
    }

    const LINE: &str = r#"{"id":"1-0","timestamp":"2026-11-22T05:57:27.5Z","severity":"ERROR","service.name":"shop",
        "message":"payment refused","order":17,"note":"a b","exception.type":"Timeout","exception.message":"read",
        "exception.stacktrace":"Timeout: read\n\tat a.b(C.java:1)\n\tat d"}"#;

    #[test]
    fn a_record_is_one_line_and_its_exception_below() {
        assert_eq!(
            shown(false, None, LINE),
            "2026-11-22T05:57:27.500Z ERROR shop  payment refused  note=\"a b\"  order=17\n    \
             Timeout: read\n      at a.b(C.java:1)\n      at d\n"
        );
    }

    #[test]
    fn times_are_local_where_wanted() {
        let east: fn(Timestamp) -> FixedOffset = |_| FixedOffset::east_opt(3600).unwrap();
        assert!(shown(false, Some(east), LINE).starts_with("2026-11-22 06:57:27.500 ERROR"));
    }

    #[test]
    fn colours_stand_for_severities() {
        assert!(shown(true, None, LINE).contains("\x1b[31mERROR\x1b[0m"));
        assert!(!shown(false, None, LINE).contains('\x1b'));
    }

    #[test]
    fn a_line_cannot_command_the_terminal() {
        let line = r#"{"message":"a\u001b]0;title\u0007b\nc\r","x\u001b":"\u009b31m"}"#;
        let shown = shown(true, None, line);
        assert!(
            shown.contains("a\\u{1b}]0;title\\u{7}b\n    c  "),
            "{shown:?}"
        );
        assert!(!shown.contains('\u{9b}') && !shown.contains("x\x1b"));
    }

    #[test]
    fn long_values_and_traces_are_cut() {
        let trace = vec!["at x"; 33].join("\\n");
        let line = format!(
            r#"{{"message":"m","exception.stacktrace":"{trace}","v":"{}"}}"#,
            "é".repeat(500)
        );
        let shown = shown(false, None, &line);
        assert!(shown.contains("… 13 more lines"), "{shown}");
        assert!(
            shown.contains(&format!("v={}…\n", "é".repeat(LONGEST_VALUE))),
            "{shown}"
        );
    }
}
