//! What is made of a request before it goes into the log: judged, enriched, packed. All of it is
//! computing, so it runs off the threads that serve connections.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use watchfire_schemas::{Batch, LogRecord, RecordId, SeriesSamples, Span};

use prost::Message;

use crate::admission::{Admission, Arrival, Fault, Verdict};
use crate::content::{Content, Series};
use crate::contracts::Held;
use crate::derive::rejected_violations;
use crate::drop_reason::DropReason;
use crate::enrich::enrich_span;
use crate::otlp::{self, Rejections, Starts};
use crate::receive::BodyError;
use crate::wal::Packed;
use crate::{OtlpMetrics, Receipt};

/// A request ready for the log.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) signal: &'static str,
    pub(crate) arrival: Arrival,
    pub(crate) batches: Vec<(Packed, Content)>,
    pub(crate) receipt: Receipt,
    /// Accepted records by service.
    pub(crate) services: BTreeMap<String, u64>,
    pub(crate) drops: Vec<(DropReason, u64)>,
    /// The first faults: where in the request (a line, counted from 1), and what.
    pub(crate) faults: Vec<(usize, Fault)>,
    /// The first rejection in words.
    pub(crate) rejection: Option<String>,
}

/// How many faults an answer tells of.
pub(crate) const MOST_FAULTS: usize = 100;
/// How many series a batch of samples holds at most, so that one frame stays small.
const MOST_SERIES: usize = 50_000;

impl Admission {
    /// Log lines of a request: each with its place in it.
    pub(crate) fn lines<'l>(
        &self,
        lines: impl Iterator<Item = (usize, &'l [u8])>,
        arrival: Arrival,
    ) -> Prepared {
        let held = Held::new(self, arrival);
        self.judged(
            lines.map(|(number, line)| (number, held.line(line))),
            arrival,
        )
    }

    pub(crate) fn otlp_logs(
        &self,
        request: ExportLogsServiceRequest,
        arrival: Arrival,
    ) -> Prepared {
        let held = Held::new(self, arrival);
        let mut sent = otlp::sent(&request, &held).into_iter();
        let records = otlp::records(request, arrival.at).enumerate();
        self.judged(
            records.map(|(index, record)| {
                let verdict = self.arrived(record, arrival);
                let sent = sent.next().flatten();
                (index + 1, otlp::judged(&held, verdict, sent))
            }),
            arrival,
        )
    }

    pub(crate) fn otlp_traces(
        &self,
        request: ExportTraceServiceRequest,
        arrival: Arrival,
    ) -> Prepared {
        let (spans, rejections) = otlp::spans(request, arrival.at);
        self.spans(spans, rejections, arrival)
    }

    fn spans(
        &self,
        mut spans: Vec<Span>,
        mut rejections: Rejections,
        arrival: Arrival,
    ) -> Prepared {
        spans.retain(|span| match self.span_fault(span, arrival) {
            None => true,
            Some((reason, words)) => {
                rejections.add(reason, 1, || {
                    format!("span {:?}: its end {words}", span.name)
                });
                false
            }
        });
        prepared_spans(spans, rejections, arrival)
    }

    /// A batch that was made in this process.
    pub(crate) fn batch(&self, batch: Batch, arrival: Arrival) -> Prepared {
        match batch {
            Batch::Logs(records) => {
                let held = Held::new(self, arrival);
                let records = records.into_iter().enumerate();
                self.judged(
                    records.map(|(index, record)| (index + 1, held.record(record))),
                    arrival,
                )
            }
            Batch::Spans(spans) => self.spans(spans, Rejections::default(), arrival),
            Batch::Metrics(series) => told_series(series.into(), arrival),
        }
    }

    /// Packs what became of the records of a request.
    pub(crate) fn judged(
        &self,
        verdicts: impl Iterator<Item = (usize, Verdict)>,
        arrival: Arrival,
    ) -> Prepared {
        let (mut records, mut quarantine): (Vec<LogRecord>, Vec<LogRecord>) =
            (Vec::new(), Vec::new());
        let mut rejected = Vec::new();
        let mut prepared = Prepared::empty("logs", arrival);
        for (place, verdict) in verdicts {
            match self.dated(verdict, arrival) {
                Verdict::Accepted(record) => {
                    prepared.count_service(&record.service, 1);
                    records.push(record);
                }
                Verdict::Quarantined(mut record, fault) => {
                    prepared.count_drop(fault.reason, 1);
                    if prepared.faults.len() < MOST_FAULTS {
                        prepared.faults.push((place, fault));
                    } else {
                        // The first violation stays; all of them, of every line of a large request
                        // that breaks its contract, take a thousand times what came.
                        record.attributes.remove("quarantine.violations");
                    }
                    quarantine.push(record);
                }
                Verdict::Rejected(record, fault) => {
                    prepared.count_drop(fault.reason, 1);
                    rejected.push((record, fault.schema.clone()));
                    if prepared.faults.len() < MOST_FAULTS {
                        prepared.faults.push((place, fault));
                    }
                }
            }
        }
        prepared.receipt.accepted = records.len() as u64;
        prepared.receipt.quarantined = quarantine.len() as u64;
        prepared.receipt.rejected = rejected.len() as u64;
        self.assign_patterns(&mut records);
        prepared.pack(Content::Logs(records), RecordId::MAX_BATCH);
        prepared.pack(Content::Quarantine(quarantine), RecordId::MAX_BATCH);
        // They leave nothing in the log that their series could be derived from.
        let violations = rejected_violations(&rejected, arrival.at);
        prepared.pack(Content::Metrics(violations.into()), MOST_SERIES);
        prepared
    }
}

pub(crate) fn otlp_metrics(
    request: &ExportMetricsServiceRequest,
    arrival: Arrival,
    rules: (&OtlpMetrics, &Starts),
) -> Prepared {
    let (series, rejections) = otlp::series(request, arrival.at, rules);
    let accepted = otlp::point_count(request).saturating_sub(rejections.records());
    prepared_series(series, (accepted, rejections), arrival)
}

fn prepared_spans(mut spans: Vec<Span>, rejections: Rejections, arrival: Arrival) -> Prepared {
    let mut prepared = Prepared::empty("traces", arrival);
    for span in &mut spans {
        prepared.count_service(&span.service, 1);
        enrich_span(span);
    }
    prepared.receipt.accepted = spans.len() as u64;
    prepared.reject(rejections);
    prepared.pack(Content::Spans(spans), RecordId::MAX_BATCH);
    prepared
}

/// Series that were made in this process.
pub(crate) fn told_series(series: Series, arrival: Arrival) -> Prepared {
    let points = sample_count(&series.series);
    prepared_series(series, (points, Rejections::default()), arrival)
}

fn prepared_series(
    Series { series, metadata }: Series,
    (accepted, rejections): (u64, Rejections),
    arrival: Arrival,
) -> Prepared {
    let mut prepared = Prepared::empty("metrics", arrival);
    for one in &series {
        let service = one.labels.get("job").or_else(|| one.labels.get("service"));
        let count = one.samples.len() + one.histograms.len();
        prepared.count_service(service.unwrap_or_default(), count as u64);
    }
    prepared.receipt.accepted = accepted;
    prepared.reject(rejections);
    prepared.pack(Content::Metrics(Series { series, metadata }), MOST_SERIES);
    prepared
}

fn sample_count(series: &[SeriesSamples]) -> u64 {
    let counts = series
        .iter()
        .map(|one| one.samples.len() + one.histograms.len());
    counts.sum::<usize>() as u64
}

impl Prepared {
    pub(crate) fn empty(signal: &'static str, arrival: Arrival) -> Self {
        Self {
            signal,
            arrival,
            batches: Vec::new(),
            receipt: Receipt::default(),
            services: BTreeMap::new(),
            drops: Vec::new(),
            faults: Vec::new(),
            rejection: None,
        }
    }

    pub(crate) fn pack(&mut self, content: Content, most: usize) {
        let parts = content.parts(most).into_iter();
        self.batches
            .extend(parts.map(|part| (part.pack(self.arrival.at), part)));
    }

    fn reject(&mut self, rejections: Rejections) {
        self.receipt.rejected = rejections.records();
        self.rejection = rejections.first;
        self.drops.extend(rejections.counts);
    }

    pub(crate) fn count_service(&mut self, service: &str, count: u64) {
        if count == 0 {
            return;
        }
        match self.services.get_mut(service) {
            Some(sum) => *sum += count,
            None => drop(self.services.insert(service.to_owned(), count)),
        }
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason, count: u64) {
        match self.drops.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, sum)) => *sum += count,
            None => self.drops.push((reason, count)),
        }
    }
}

/// How many bytes of attributes would be copied to records that share them.
pub(crate) fn spread_of_logs(request: &ExportLogsServiceRequest) -> usize {
    let of_resources = request.resource_logs.iter().map(|of_resource| {
        let resource = of_resource
            .resource
            .as_ref()
            .map_or(0, Message::encoded_len);
        let of_scopes = of_resource.scope_logs.iter().map(|of_scope| {
            let scope = of_scope.scope.as_ref().map_or(0, Message::encoded_len);
            (resource + scope).saturating_mul(of_scope.log_records.len())
        });
        of_scopes.fold(0, usize::saturating_add)
    });
    of_resources.fold(0, usize::saturating_add)
}

/// The same of spans.
pub(crate) fn spread_of_traces(request: &ExportTraceServiceRequest) -> usize {
    let of_resources = request.resource_spans.iter().map(|of_resource| {
        let resource = of_resource
            .resource
            .as_ref()
            .map_or(0, Message::encoded_len);
        let of_scopes = of_resource.scope_spans.iter().map(|of_scope| {
            let scope = of_scope.scope.as_ref().map_or(0, Message::encoded_len);
            (resource + scope).saturating_mul(of_scope.spans.len())
        });
        of_scopes.fold(0, usize::saturating_add)
    });
    of_resources.fold(0, usize::saturating_add)
}

/// A small request must not become a large one: what is copied is bounded by a multiple of what a
/// body may hold.
pub(crate) fn check_spread(max_body: usize, spread: usize) -> Result<(), BodyError> {
    const MOST_TIMES: usize = 8;
    let limit = max_body.saturating_mul(MOST_TIMES);
    if spread > limit {
        return Err(BodyError::TooLarge { limit });
    }
    Ok(())
}
