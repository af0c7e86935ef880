//! Where the series that rules compute go: the way of all samples, through the collector's log.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use watchfire_alerts::{SampleSink, SinkError};
use watchfire_collector::Collector;
use watchfire_schemas::{Batch, SeriesSamples};

/// The collector is opened after alerts, which the flow of exceptions needs; until then, and once
/// it is closed, nothing is taken. It is not held here, so that it can be closed.
#[derive(Debug, Default)]
pub(crate) struct CollectorSink {
    collector: OnceLock<Weak<Collector>>,
}

impl CollectorSink {
    pub(crate) fn connect(&self, collector: &Arc<Collector>) {
        // Whoever connects twice, connects to the same.
        self.collector.get_or_init(|| Arc::downgrade(collector));
    }
}

#[async_trait]
impl SampleSink for CollectorSink {
    async fn write(&self, series: Vec<SeriesSamples>) -> Result<(), SinkError> {
        let collector = self.collector.get().and_then(Weak::upgrade);
        let collector = collector.ok_or_else(|| SinkError("the collector is closed".to_owned()))?;
        let taken = collector.accept("rules", Batch::Metrics(series)).await;
        taken
            .map(drop)
            .map_err(|refusal| SinkError(refusal.to_string()))
    }
}
