use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::pipeline::Pipeline;

/// Puts finished spans into the pipeline. The SDK's own batching would drop without telling us.
#[derive(Debug)]
pub(crate) struct SpanQueue {
    pipeline: Arc<Pipeline>,
}

impl SpanQueue {
    pub(crate) fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.pipeline.push_span(span);
        }
    }

    /// The pipeline is flushed as a whole, by [`crate::Telemetry::flush`].
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
