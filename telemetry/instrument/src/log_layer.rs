mod error_text;
mod fields;
mod inherited;

use std::sync::Arc;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context as OtelContext, KeyValue};
use tracing::field::Visit;
use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;
use watchfire_schemas::{Clock, Exception, LogRecord, SeverityNumber, SpanId, TraceId};

use self::fields::Fields;
use self::inherited::Inherited;
use crate::fact_span::{Facts, with_request};
use crate::log_writer::LogWriter;
use crate::pipeline::Pipeline;
use crate::resource::Resource;
use crate::trace_context::current_span_context;

/// Makes a [`LogRecord`] of each event: one for the line and for the pipeline alike.
#[derive(Debug)]
pub(crate) struct LogLayer {
    pub(crate) resource: Resource,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lines: Option<Arc<LogWriter>>,
    /// None if records go nowhere but to the lines.
    pub(crate) pipeline: Option<Arc<Pipeline>>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let mut inherited = Inherited::default();
        attrs.record(&mut inherited);
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(inherited);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        if let Some(inherited) = span.extensions_mut().get_mut::<Inherited>() {
            values.record(inherited as &mut dyn Visit);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in ctx.event_scope(event).into_iter().flatten() {
            if let Some(inherited) = span.extensions().get::<Inherited>() {
                inherited.give_to(&mut fields);
            }
        }
        with_request(|request| {
            let Facts::Server(facts) = &request.facts else {
                return;
            };
            for (key, text) in &request.added().identity {
                fields.inherit(key, text);
            }
            facts.inherited(&mut |key, text| fields.inherit(key, text));
        });
        let record = self.record(event, fields);
        if let Some(lines) = &self.lines {
            lines.line(|out| record.write_line(out));
        }
        if let Some(pipeline) = &self.pipeline {
            pipeline.push_log(record);
        }
    }
}

impl LogLayer {
    fn record(&self, event: &Event<'_>, mut fields: Fields) -> LogRecord {
        let metadata = event.metadata();
        let severity = fields
            .severity
            .unwrap_or_else(|| severity(*metadata.level()));
        let message = match fields.message.take() {
            Some(message) if !message.is_empty() => message,
            _ => metadata.name().to_owned(),
        };
        let mut record = LogRecord::new(
            self.clock.now(),
            severity,
            self.resource.service.clone(),
            message,
        );
        record.exception = fields.exception(severity);
        if let Some(exception) = &record.exception {
            add_to_span(exception);
        }
        record.event_name = fields.event_name;
        record.attributes = fields.attributes;
        for (key, value) in &self.resource.attributes {
            record.attributes.insert(key.clone(), value.clone());
        }
        record
            .attributes
            .insert("log.target".to_owned(), metadata.target().into());
        if severity >= SeverityNumber::WARN
            && !metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
            && let (Some(file), Some(line)) = (metadata.file(), metadata.line())
        {
            record
                .attributes
                .insert("code.file.path".to_owned(), file.into());
            record
                .attributes
                .insert("code.line.number".to_owned(), line.into());
        }
        if let Some(context) = current_span_context() {
            record.trace_id = TraceId::from_bytes(context.trace_id().to_bytes());
            record.span_id = SpanId::from_bytes(context.span_id().to_bytes());
        }
        record
    }
}

fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::TRACE => SeverityNumber::TRACE,
        Level::DEBUG => SeverityNumber::DEBUG,
        Level::INFO => SeverityNumber::INFO,
        Level::WARN => SeverityNumber::WARN,
        Level::ERROR => SeverityNumber::ERROR,
    }
}

/// Records the exception on the span that is active here, too, as OpenTelemetry has it.
fn add_to_span(exception: &Exception) {
    OtelContext::map_current(|context| {
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        let parts = [
            ("exception.type", &exception.kind),
            ("exception.message", &exception.message),
            ("exception.stacktrace", &exception.stacktrace),
        ];
        let attributes = parts
            .into_iter()
            .filter(|(_, part)| !part.is_empty())
            .map(|(key, part)| KeyValue::new(key, part.clone()))
            .collect();
        span.add_event("exception", attributes);
    });
}
