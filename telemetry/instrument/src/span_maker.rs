use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry_sdk::trace::{Config as SdkConfig, ShouldSample};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use watchfire_schemas::Clock;

use crate::distortion::Distortion;
use crate::fact_span::{FactRecord, FactSpan, Facts};
use crate::otlp::Encoder;
use crate::pipeline::Pipeline;
use crate::resource::Resource;

/// Begins and ends the spans that hold plain facts. As a layer that does nothing it lets itself be
/// found by what runs with the service's subscriber.
#[derive(Debug, Clone)]
pub(crate) struct SpanMaker(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    clock: Arc<dyn Clock>,
    sampler: Box<dyn ShouldSample>,
    taker: Taker,
    distortion: Option<Arc<dyn Distortion>>,
    resource: Resource,
}

/// Who takes what is made. Spans are made in any case, for their ids.
#[derive(Debug)]
pub(crate) enum Taker {
    Nobody,
    /// A collector in this process.
    Collector(Arc<Pipeline>),
    /// A receiver of OTLP.
    Otlp(Arc<Pipeline>, Encoder),
}

impl<S: Subscriber> Layer<S> for SpanMaker {}

impl SpanMaker {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        taker: Taker,
        distortion: Option<Arc<dyn Distortion>>,
        resource: Resource,
    ) -> Self {
        Self(Arc::new(Parts {
            clock,
            sampler: SdkConfig::default().sampler,
            taker,
            distortion,
            resource,
        }))
    }

    pub(crate) fn begin(&self, parent: &Context, facts: Facts) -> Arc<FactSpan> {
        let began = self.0.clock.now();
        FactSpan::begin(parent, &*self.0.sampler, began, facts)
    }

    pub(crate) fn emit(&self, mut record: FactRecord) {
        let (Taker::Collector(pipeline) | Taker::Otlp(pipeline, _)) = &self.0.taker else {
            return;
        };
        let distortion = self.0.distortion.as_ref();
        if let Some(distortion) = distortion.filter(|faulty| faulty.is_on()) {
            // The line is distorted with all other records, on their way out.
            if let Some(line) = record.to_log(&self.0.resource) {
                pipeline.push_log(line);
            }
            record.logged = None;
            record.skew = distortion.clock_offset();
        }
        match &self.0.taker {
            Taker::Otlp(_, encoder) => encoder.encode(&record, |encoded| {
                pipeline.push_encoded(&encoder.head, encoded);
            }),
            Taker::Collector(_) | Taker::Nobody => pipeline.push_facts(record),
        }
    }
}
