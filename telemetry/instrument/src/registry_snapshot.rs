use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::registry::Registry;
use watchfire_schemas::{Clock, ExpositionError, MetricFamily, SeriesSamples, parse_exposition};

use crate::exposition::openmetrics_text;
use crate::resource::Resource;

/// Reads a service's registry by its own exposition: the one form that instruments can be read in.
#[derive(Debug, Clone)]
pub(crate) struct RegistrySnapshot {
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) resource: Resource,
    pub(crate) clock: Arc<dyn Clock>,
}

impl RegistrySnapshot {
    pub(crate) fn families(&self) -> Result<Vec<MetricFamily>, ExpositionError> {
        let text = openmetrics_text(&self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        parse_exposition(&text, self.clock.now())
    }

    /// The series as if Prometheus had scraped them: with `job` and `instance`.
    pub(crate) fn series(&self) -> Result<Vec<SeriesSamples>, ExpositionError> {
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
        Ok(all)
    }
}
