use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use opentelemetry::trace::Status;
use serde_json::Value;
use watchfire_schemas::{
    Attributes, LogRecord, SeverityNumber, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId,
};

use super::{Added, FactSpan, Facts};
use crate::http_layer::HTTP_TARGET;
use crate::resource::Resource;
use crate::span_data;

/// A finished span, and the log line that goes with a request.
#[derive(Debug)]
pub(crate) struct FactRecord {
    pub(crate) span: Arc<FactSpan>,
    pub(crate) took: Duration,
    /// Of the answer, if there was one.
    pub(crate) status: Option<StatusCode>,
    /// Of the answer's body, in bytes, where it is known.
    pub(crate) size: Option<u64>,
    /// Why there was no answer: `error.type` and what it says.
    pub(crate) failed: Option<(&'static str, String)>,
    /// How its log line is written, if one is.
    pub(crate) logged: Option<SeverityNumber>,
    /// How far ahead the clock is that dates it, in seconds: 0, unless that is practised.
    pub(crate) skew: i64,
}

/// The value of an attribute, before it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Val<'a> {
    Text(&'a str),
    Whole(i64),
    Real(f64),
}

/// A record's line, whatever form it is to take.
#[derive(Debug)]
pub(crate) struct LogFacts<'a> {
    pub(crate) at: Timestamp,
    pub(crate) severity: SeverityNumber,
    /// In parts: `GET`, ` `, `/places/{id}`, ` answered `, `200`.
    pub(crate) message: [&'a str; 5],
}

impl FactRecord {
    pub(crate) fn began(&self) -> Timestamp {
        let skew = self.skew.saturating_mul(1_000_000_000);
        Timestamp::from_nanos(self.span.began.nanos().saturating_add(skew))
    }

    pub(crate) fn end(&self) -> Timestamp {
        self.began() + self.took
    }

    /// The span's name in parts: `GET`, ` `, `/places/{id}`.
    pub(crate) fn name<'a>(&'a self, added: &'a Added) -> [&'a str; 3] {
        if let Some(name) = &added.name {
            return [name, "", ""];
        }
        let (verb, object) = (self.span.facts.verb(), self.span.facts.object());
        let space = if object.is_empty() { "" } else { " " };
        [verb, space, object]
    }

    /// The attributes that we know of; those that the service added come beside them.
    pub(crate) fn attributes<'a>(&'a self, see: &mut dyn FnMut(&'a str, Val<'a>)) {
        self.span.facts.attributes(see);
        if let Some(status) = &self.status {
            let code = i64::from(status.as_u16());
            see("http.response.status_code", Val::Whole(code));
            if self.is_error_status() {
                see("error.type", Val::Text(status.as_str()));
            }
        }
        if let Some(size) = self.size {
            see("http.response.body.size", Val::Whole(size as i64));
        }
        if let Some((kind, _)) = &self.failed {
            see("error.type", Val::Text(kind));
        }
    }

    /// A caller takes any error as one; for a server those of its clients are none.
    fn is_error_status(&self) -> bool {
        let is_client = matches!(self.span.facts, Facts::Client(_));
        self.status.is_some_and(|status| {
            status.is_server_error() || (is_client && status.is_client_error())
        })
    }

    /// Whether the span failed, and what is said of it.
    pub(crate) fn error(&self, added: &Added) -> Option<Status> {
        if added.status.is_some() {
            return added.status.clone();
        }
        if let Some((_, text)) = &self.failed
            && !text.is_empty()
        {
            return Some(Status::error(text.clone()));
        }
        let status = self.status.filter(|_| self.is_error_status())?;
        Some(Status::error(status.canonical_reason().unwrap_or("error")))
    }

    /// The line that a request leaves.
    pub(crate) fn log(&self) -> Option<LogFacts<'_>> {
        let (Facts::Server(server), Some(severity)) = (&self.span.facts, self.logged) else {
            return None;
        };
        let target = if server.route.is_empty() {
            server.path()
        } else {
            &server.route
        };
        let status = self.status.as_ref().map_or("", StatusCode::as_str);
        Some(LogFacts {
            at: self.end(),
            severity,
            message: [server.method, " ", target, " answered ", status],
        })
    }

    /// The line's attributes, but for the resource's.
    pub(crate) fn log_attributes(&self, see: &mut dyn FnMut(&str, Val<'_>)) {
        if let Facts::Server(server) = &self.span.facts {
            server.inherited(&mut |key, text| see(key, Val::Text(text)));
        }
        for (key, text) in &self.span.added().identity {
            see(key, Val::Text(text));
        }
        if let Some(status) = self.status {
            let code = i64::from(status.as_u16());
            see("http.response.status_code", Val::Whole(code));
        }
        if let Some(size) = self.size {
            see("http.response.body.size", Val::Whole(size as i64));
        }
        let seconds = self.took.as_secs_f64();
        see("http.server.request.duration", Val::Real(seconds));
        see("log.target", Val::Text(HTTP_TARGET));
    }

    /// As a span of ours, for a collector in this process.
    pub(crate) fn to_span(&self, resource: &Resource) -> Option<Span> {
        let added = self.span.added().clone();
        let mut attributes = Attributes::new();
        self.attributes(&mut |key, value| {
            attributes.insert(key.to_owned(), json(value));
        });
        let identity = added.identity.iter();
        attributes.extend(identity.map(|(key, text)| ((*key).to_owned(), text.clone().into())));
        let (name, status) = (self.name(&added).concat(), self.error(&added));
        attributes.extend(span_data::attributes(added.attributes));
        let context = &self.span.context;
        Some(Span {
            trace_id: TraceId::from_bytes(context.trace_id().to_bytes())?,
            span_id: SpanId::from_bytes(context.span_id().to_bytes())?,
            parent_span_id: SpanId::from_bytes(self.span.parent.to_bytes()),
            trace_state: context.trace_state().header(),
            name,
            kind: match self.span.facts {
                Facts::Server(_) => SpanKind::Server,
                Facts::Client(_) | Facts::Database(_) => SpanKind::Client,
            },
            start: self.began(),
            end: self.end(),
            status: status.map_or(SpanStatus::Unset, span_data::status),
            service: resource.service.clone(),
            resource: resource.attributes.clone(),
            scope: env!("CARGO_PKG_NAME").to_owned(),
            attributes,
            events: added.events.into_iter().map(span_data::event).collect(),
            links: added
                .links
                .into_iter()
                .filter_map(span_data::link)
                .collect(),
        })
    }

    /// As a log record of ours, for a collector in this process or a line.
    pub(crate) fn to_log(&self, resource: &Resource) -> Option<LogRecord> {
        let LogFacts {
            at,
            severity,
            message,
        } = self.log()?;
        let mut record = LogRecord::new(at, severity, resource.service.clone(), message.concat());
        self.log_attributes(&mut |key, value| {
            record.attributes.insert(key.to_owned(), json(value));
        });
        let known = resource.attributes.iter();
        let known = known.map(|(key, value)| (key.clone(), value.clone()));
        record.attributes.extend(known);
        let context = &self.span.context;
        record.trace_id = TraceId::from_bytes(context.trace_id().to_bytes());
        record.span_id = SpanId::from_bytes(context.span_id().to_bytes());
        Some(record)
    }
}

fn json(value: Val<'_>) -> Value {
    match value {
        Val::Text(text) => text.into(),
        // Sizes and codes are never below zero, and JSON's readers know them as such.
        Val::Whole(whole) => u64::try_from(whole).map_or_else(|_| whole.into(), Value::from),
        Val::Real(real) => span_data::number(real),
    }
}
