use std::collections::BTreeMap;

use watchfire_schemas::{LabelSet, MetricKind, Sample, SeriesSamples, Temporality};

/// Increments of counters, summed by series and second.
#[derive(Debug, Default)]
pub(super) struct Deltas(BTreeMap<LabelSet, BTreeMap<i64, f64>>);

impl Deltas {
    pub(super) fn add(&mut self, name: &str, labels: &[(&str, &str)], at: i64, by: f64) {
        let labels = LabelSet::metric(name, labels.iter().copied());
        *self.0.entry(labels).or_default().entry(at).or_insert(0.0) += by;
    }

    /// Adds the increments of one series by their times.
    pub(super) fn add_all(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        increments: BTreeMap<i64, f64>,
    ) {
        let labels = LabelSet::metric(name, labels.iter().copied());
        let samples = self.0.entry(labels).or_default();
        for (at, by) in increments {
            *samples.entry(at).or_insert(0.0) += by;
        }
    }

    pub(super) fn into_series(self) -> impl Iterator<Item = SeriesSamples> {
        self.0.into_iter().map(|(labels, samples)| SeriesSamples {
            labels,
            kind: MetricKind::Counter,
            temporality: Temporality::Delta,
            samples: samples.into_iter().map(|(t, v)| Sample { t, v }).collect(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
        })
    }
}
