//! One log record as a row that opens, with every field a filter.

use serde_json::Value;
use watchfire_logsearch::FoundLog;
use watchfire_schemas::{TimeRange, Timestamp};

use super::logs::state::LogsUrl;
use crate::figures::{self, When};
use crate::query_text::{term, with};
use crate::range::Asked;
use crate::{chain, url};

/// Characters of a message that a row shows before it is cut; the record's own page shows more.
const MESSAGE_IN_LIST: usize = 1_500;
const MESSAGE_ALONE: usize = 40_000;
/// Characters of one line.
const ONE_LINE: usize = 240;

/// A key of a record, its value, and the links that narrow the query by it.
#[derive(Debug, Clone)]
pub(crate) struct FieldView {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) only: String,
    pub(crate) without: String,
    /// Shows the field as a column of the list, or no longer; empty where there are no columns.
    pub(crate) column: String,
    pub(crate) is_column: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct LogView {
    pub(crate) time: When,
    pub(crate) severity: &'static str,
    pub(crate) service: String,
    /// The first line, cut.
    pub(crate) line: String,
    /// `×34`, where the row stands for several records.
    pub(crate) times: String,
    pub(crate) message: String,
    pub(crate) is_cut: bool,
    pub(crate) exception: Option<String>,
    pub(crate) stacktrace: String,
    pub(crate) fields: Vec<FieldView>,
    pub(crate) permalink: String,
    /// The record as JSON.
    pub(crate) json: String,
    /// (name, link) of the records around this one, where they are not shown anyway.
    pub(crate) around: Vec<(&'static str, String)>,
    /// All records of its pattern.
    pub(crate) pattern: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) is_open: bool,
}

/// What a list of records is shown in: the query that its links start from.
#[derive(Debug, Clone)]
pub(crate) struct LogContext<'a> {
    pub(crate) query: &'a str,
    pub(crate) asked: &'a Asked,
    pub(crate) is_alone: bool,
    /// The state of the page of logs, if that is where the record is shown.
    pub(crate) logs: Option<&'a LogsUrl>,
}

impl<'a> LogContext<'a> {
    /// A list outside of the page of logs, whose filters lead there.
    pub(crate) const fn new(query: &'a str, asked: &'a Asked) -> Self {
        Self {
            query,
            asked,
            is_alone: false,
            logs: None,
        }
    }

    /// Within the page of logs.
    pub(crate) fn within(url: &'a LogsUrl) -> Self {
        Self {
            logs: Some(url),
            ..Self::new(&url.query, &url.asked)
        }
    }

    /// Where the query narrowed by a clause leads.
    fn narrowed(&self, clause: &str) -> String {
        if let Some(url) = self.logs {
            return url.narrowed(clause).href();
        }
        self.asked
            .link("/logs", &[("q", &with(self.query, clause))])
    }
}

pub(crate) fn log_view(found: &FoundLog, context: &LogContext<'_>) -> LogView {
    let record = &found.record;
    let most = if context.is_alone {
        MESSAGE_ALONE
    } else {
        MESSAGE_IN_LIST
    };
    let (message, is_whole) = figures::cut(&record.message, most);
    let exception = record.exception.as_ref();
    let stacktrace = exception.map_or("", |exception| &exception.stacktrace);
    let (stacktrace, is_whole_trace) = figures::cut(stacktrace, most * 4);
    let id = found.id.to_string();
    LogView {
        time: When::millis(record.timestamp),
        severity: record.severity.as_str(),
        service: record.service.clone(),
        line: one_line(&record.message),
        times: String::new(),
        message: message.to_owned(),
        is_cut: !(is_whole && is_whole_trace),
        exception: exception.map(|exception| match exception.message.as_str() {
            "" => exception.kind.clone(),
            message => format!("{}: {}", exception.kind, figures::cut(message, most).0),
        }),
        stacktrace: stacktrace.to_owned(),
        fields: fields(found, context),
        permalink: url::link("/logs", &[("id", &id)]),
        json: url::link("/logs", &[("id", &id), ("as", "json")]),
        around: if context.is_alone {
            Vec::new()
        } else {
            around_links(found)
        },
        pattern: record
            .pattern_id
            .as_ref()
            .map(|pattern| context.narrowed(&term("pattern_id", pattern))),
        trace: record
            .trace_id
            .map(|id| chain::trace(context.asked, &id, record.span_id.as_ref())),
        group: record
            .exception_group
            .as_ref()
            .map(|group| chain::group(context.asked, group)),
        is_open: context.is_alone,
    }
}

/// Where the records around one are shown, by what they share with it.
fn around_links(found: &FoundLog) -> Vec<(&'static str, String)> {
    let record = &found.record;
    let id = found.id.to_string();
    let mut shared = vec![("service", "its service")];
    if record.trace_id.is_some() {
        shared.push(("trace", "its trace"));
    }
    if record.attributes.contains_key("host.name") {
        shared.push(("host", "its host"));
    }
    shared.push(("all", "everything"));
    let link = |(by, name)| {
        (
            name,
            url::link("/logs", &[("id", &id), ("by", by)]) + "#r-" + &id,
        )
    };
    shared.into_iter().map(link).collect()
}

/// The first line of a message, with what follows hinted at.
pub(crate) fn one_line(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let (line, is_whole) = figures::cut(first, ONE_LINE);
    if is_whole && first.len() == message.trim_end().len() {
        line.to_owned()
    } else {
        format!("{line} …")
    }
}

fn fields(found: &FoundLog, context: &LogContext<'_>) -> Vec<FieldView> {
    let record = &found.record;
    let text = |value: &dyn ToString| Value::String(value.to_string());
    let named = [
        ("severity", Some(text(&record.severity.as_str()))),
        ("service.name", Some(text(&record.service))),
        (
            "event_name",
            record.event_name.as_ref().map(|name| text(name)),
        ),
        ("trace_id", record.trace_id.as_ref().map(|id| text(id))),
        ("span_id", record.span_id.as_ref().map(|id| text(id))),
        (
            "exception.type",
            record
                .exception
                .as_ref()
                .map(|exception| text(&exception.kind)),
        ),
        (
            "exception_group",
            record.exception_group.as_ref().map(|group| text(group)),
        ),
        (
            "pattern_id",
            record.pattern_id.as_ref().map(|pattern| text(pattern)),
        ),
    ];
    let named = named
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let others = record
        .attributes
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()));
    named
        .chain(others)
        .map(|(key, value)| field(key, &value, context))
        .collect()
}

fn field(key: String, value: &Value, context: &LogContext<'_>) -> FieldView {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (shown, is_whole) = figures::cut(&text, MESSAGE_IN_LIST);
    // A filter on a very long value would make a link that no server takes.
    let is_filter = is_whole && shown.len() <= 512 && !value.is_array() && !value.is_object();
    let clause = term(&key, &text);
    let link = |clause: &str| {
        if is_filter {
            context.narrowed(clause)
        } else {
            String::new()
        }
    };
    let url = context.logs.filter(|_| !context.is_alone);
    FieldView {
        only: link(&clause),
        without: link(&format!("-{clause}")),
        column: url.map_or_else(String::new, |url| url.with_column_turned(&key).href()),
        is_column: url.is_some_and(|url| url.has_column(&key)),
        value: if is_whole {
            text
        } else {
            format!("{shown}…")
        },
        key,
    }
}

/// A time range of `length` around a time, for a link.
pub(crate) fn around(at: Timestamp, length: std::time::Duration) -> Asked {
    Asked::absolute(TimeRange {
        start: at - length,
        end: at + length,
    })
}
