//! What clients of Sentry send: envelopes of events, logs, transactions and check-ins.
//!
//! A client drops what is not taken, so whatever can be kept is kept: a field that is not understood
//! is left out, never the event. The protocol: <https://develop.sentry.dev/sdk/foundations/>.

mod check_in;
mod envelope;
mod event;
mod exceptions;
pub(crate) mod given;
mod log_items;
mod transaction;

use serde_json::Value;
use watchfire_schemas::{LogRecord, SeriesSamples, Span, Timestamp};

use crate::drop_reason::DropReason;

pub(crate) use envelope::EnvelopeError;

/// Who sends: the public key of the DSN and the number of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) key: String,
    pub(crate) project: String,
}

/// What an envelope held.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) event_id: Option<String>,
    pub(crate) records: Vec<LogRecord>,
    pub(crate) spans: Vec<Span>,
    pub(crate) series: Vec<SeriesSamples>,
    /// What is not kept, and why.
    pub(crate) drops: Vec<(DropReason, u64)>,
}

impl Sender {
    /// The service where an event names none. A key of ours is the service's name
    /// (`http://checkout@watchfire:7117/1`); one that Sentry made says nothing.
    pub(crate) fn service(&self) -> String {
        let is_made = self.key.len() == 32 && self.key.bytes().all(|b| b.is_ascii_hexdigit());
        if is_made || self.key.is_empty() {
            format!("project-{}", self.project)
        } else {
            self.key.clone()
        }
    }
}

/// Reads an envelope.
pub(crate) fn envelope(
    body: &[u8],
    sender: &Sender,
    arrived: Timestamp,
) -> Result<Sent, EnvelopeError> {
    let envelope = envelope::Envelope::read(body)?;
    let mut sent = Sent {
        event_id: given::text(&envelope.header, "event_id"),
        ..Sent::default()
    };
    for item in envelope.items {
        sent.take(item.kind.as_str(), item.payload, sender, arrived);
    }
    Ok(sent)
}

/// The public key that the header of an envelope names, by its DSN.
pub(crate) fn key_within(body: &[u8]) -> Option<String> {
    let header = envelope::header(body).ok()?;
    let dsn = given::text(&header, "dsn")?;
    let (_, rest) = dsn.split_once("://")?;
    let (keys, _) = rest.split_once('@')?;
    let key = keys.split(':').next()?;
    (!key.is_empty()).then(|| key.to_owned())
}

/// Reads one event, as old clients send it by itself.
pub(crate) fn single_event(
    body: &[u8],
    sender: &Sender,
    arrived: Timestamp,
) -> Result<Sent, EnvelopeError> {
    let event: Value = serde_json::from_slice(body)
        .map_err(|error| EnvelopeError(format!("the event is not JSON: {error}")))?;
    if !event.is_object() {
        return Err(EnvelopeError("the event is no JSON object".to_owned()));
    }
    Ok(Sent {
        event_id: given::text(&event, "event_id"),
        records: vec![event::record(&event, sender, arrived)],
        ..Sent::default()
    })
}

impl Sent {
    fn take(&mut self, kind: &str, payload: &[u8], sender: &Sender, arrived: Timestamp) {
        if !matches!(
            kind,
            "event" | "transaction" | "log" | "check_in" | "client_report"
        ) {
            self.drops.push((DropReason::UnsupportedItem, 1));
            return;
        }
        let Some(value) = serde_json::from_slice::<Value>(payload)
            .ok()
            .filter(Value::is_object)
        else {
            self.drops.push((DropReason::Malformed, 1));
            return;
        };
        match kind {
            "event" => self.records.push(event::record(&value, sender, arrived)),
            "log" => {
                let (records, broken) = log_items::records(&value, sender, arrived);
                self.records.extend(records);
                self.drop(DropReason::Malformed, broken);
            }
            "transaction" => match transaction::spans(&value, sender, arrived) {
                Some((spans, broken)) => {
                    self.spans.extend(spans);
                    self.drop(DropReason::InvalidSpan, broken);
                }
                None => self.drop(DropReason::InvalidSpan, 1),
            },
            "check_in" => match check_in::series(&value, sender, arrived) {
                Some(series) => self.series.extend(series),
                None => self.drop(DropReason::Malformed, 1),
            },
            // Of what the client itself had to drop.
            _ => {
                let told = given::list(&value, "discarded_events");
                let counts = told.map(|one| given::number(one, "quantity").unwrap_or(0.0));
                let lost = counts.filter(|count| *count >= 1.0).sum::<f64>();
                self.drop(DropReason::AtSender, lost as u64);
            }
        }
    }

    fn drop(&mut self, reason: DropReason, count: u64) {
        if count > 0 {
            self.drops.push((reason, count));
        }
    }
}

#[cfg(test)]
mod tests;
