use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry_sdk::trace::ShouldSample;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use watchfire_schemas::Clock;

use crate::http_span::{Facts, HttpRecord, HttpSpan};
use crate::pipeline::Pipeline;

/// Begins and ends the spans that hold plain facts. As a layer that does nothing it lets itself be
/// found by what runs with the service's subscriber.
#[derive(Debug, Clone)]
pub(crate) struct SpanMaker(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    clock: Arc<dyn Clock>,
    sampler: Box<dyn ShouldSample>,
    /// None if nobody takes spans: they are made all the same, for their ids.
    pipeline: Option<Arc<Pipeline>>,
}

impl<S: Subscriber> Layer<S> for SpanMaker {}

impl SpanMaker {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        sampler: Box<dyn ShouldSample>,
        pipeline: Option<Arc<Pipeline>>,
    ) -> Self {
        Self(Arc::new(Parts {
            clock,
            sampler,
            pipeline,
        }))
    }

    pub(crate) fn begin(&self, parent: &Context, facts: Facts) -> Arc<HttpSpan> {
        let began = self.0.clock.now();
        HttpSpan::begin(parent, &*self.0.sampler, began, facts)
    }

    pub(crate) fn emit(&self, record: HttpRecord) {
        if let Some(pipeline) = &self.0.pipeline {
            pipeline.push_http(record);
        }
    }
}
