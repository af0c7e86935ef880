//! What Watchfire says of itself, kept as samples beside those of everybody else, so that rules can
//! judge it too.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use watchfire_collector::Collector;
use watchfire_schemas::{Clock, MetricMetadata, SeriesSamples, Timestamp, parse_exposition};

/// How often.
const EVERY: Duration = Duration::from_secs(15);
/// What others gather of this process bears other names.
const OURS: &str = "watchfire_";

/// Reads our own registry again and again.
#[derive(Debug)]
pub(crate) struct OwnSamples {
    registry: Arc<Mutex<Registry>>,
    collector: Arc<Collector>,
    clock: Arc<dyn Clock>,
    /// The label `instance`.
    host: String,
}

impl OwnSamples {
    pub(crate) fn new(
        registry: &Arc<Mutex<Registry>>,
        collector: &Arc<Collector>,
        clock: &Arc<dyn Clock>,
        host: &str,
    ) -> Self {
        Self {
            registry: Arc::clone(registry),
            collector: Arc::clone(collector),
            clock: Arc::clone(clock),
            host: host.to_owned(),
        }
    }

    /// Until cancelled. What the collector does not take now is told again with the next look.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut told = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let Some((series, metadata)) = self.look(self.clock.now()) else {
                continue;
            };
            let news = if metadata == told {
                Vec::new()
            } else {
                metadata.clone()
            };
            let taken = self.collector.accept_series("own", series, news).await;
            match taken {
                Ok(_) => told = metadata,
                Err(refusal) => tracing::debug!(%refusal, "our own figures were not taken"),
            }
        }
    }

    /// All series of ours, without the buckets of histograms. None if they cannot be read, which
    /// nothing that we register leads to.
    fn look(&self, at: Timestamp) -> Option<(Vec<SeriesSamples>, Vec<MetricMetadata>)> {
        let mut text = String::new();
        let registry = self.registry.lock().expect("no holder of this lock panics");
        encode(&mut text, &registry).ok()?;
        drop(registry);
        let families = parse_exposition(&text, at).ok()?;
        let mut series = Vec::new();
        let mut metadata = Vec::new();
        for family in families {
            if !family.name.starts_with(OURS) {
                continue;
            }
            let own = family
                .series
                .into_iter()
                .filter(|one| one.labels.get("le").is_none());
            series.extend(own.map(|one| {
                SeriesSamples {
                    labels: one
                        .labels
                        .with("job", "watchfire")
                        .with("instance", &self.host),
                    exemplars: Vec::new(),
                    ..one
                }
            }));
            metadata.push(MetricMetadata {
                family: family.name,
                kind: family.kind,
                help: family.help,
                unit: family.unit,
            });
        }
        Some((series, metadata))
    }
}
