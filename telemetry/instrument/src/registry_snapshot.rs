use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::registry::Registry;
use watchfire_schemas::{Clock, MetricFamily, SeriesSamples, Timestamp, parse_exposition};

use crate::exposition::openmetrics_text;
use crate::panics;
use crate::resource::Resource;

/// Reads a service's registry by its own exposition: the one form that instruments can be read in.
#[derive(Debug, Clone)]
pub(crate) struct RegistrySnapshot {
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) resource: Resource,
    pub(crate) clock: Arc<dyn Clock>,
    /// When it was read last: exemplars from before were told then.
    pub(crate) last: Timestamp,
}

impl RegistrySnapshot {
    /// `None` if the registry cannot be read: an instrument of the service's own may have no text
    /// form, give a text that is none, or panic.
    pub(crate) fn families(&mut self) -> Option<Vec<MetricFamily>> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let text = panics::catching(|| openmetrics_text(&registry))
            .ok()?
            .ok()?;
        drop(registry);
        let now = self.clock.now();
        let mut families = parse_exposition(&text, now).ok()?;
        let since = std::mem::replace(&mut self.last, now).millis();
        let series = families.iter_mut().flat_map(|family| &mut family.series);
        for series in series {
            series.exemplars.retain(|exemplar| exemplar.t >= since);
        }
        Some(families)
    }

    /// The series as if Prometheus had scraped them: with `job` and `instance`.
    pub(crate) fn series(&mut self) -> Option<Vec<SeriesSamples>> {
        let families = self.families()?;
        let mut all: Vec<SeriesSamples> = families
            .into_iter()
            .flat_map(|family| family.series)
            .collect();
        for series in &mut all {
            series.labels = series
                .labels
                .with("job", &self.resource.service)
                .with("instance", self.resource.instance());
        }
        Some(all)
    }
}
