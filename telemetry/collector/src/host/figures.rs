use watchfire_schemas::{LabelSet, MetricKind, SeriesSamples, Timestamp};

use crate::hand_over::one_sample;

/// Figures of one moment.
#[derive(Debug)]
pub(super) struct Figures {
    host: String,
    at: Timestamp,
    /// Whose figures these are.
    job: &'static str,
    series: Vec<SeriesSamples>,
}

/// A label of a series' own.
pub(super) type Label<'l> = (&'static str, &'l str);

impl Figures {
    pub(super) fn new(host: &str, at: Timestamp) -> Self {
        Self {
            host: host.to_owned(),
            at,
            job: "host",
            series: Vec::new(),
        }
    }

    /// What comes now is of another job.
    pub(super) fn of_job(&mut self, job: &'static str) {
        self.job = job;
    }

    pub(super) fn counter(&mut self, name: &str, labels: &[Label<'_>], value: f64) {
        self.put(name, labels, MetricKind::Counter, value);
    }

    pub(super) fn gauge(&mut self, name: &str, labels: &[Label<'_>], value: f64) {
        self.put(name, labels, MetricKind::Gauge, value);
    }

    /// A gauge that not every kernel tells.
    pub(super) fn gauge_if(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.gauge(name, &[], value as f64);
        }
    }

    fn put(&mut self, name: &str, labels: &[Label<'_>], kind: MetricKind, value: f64) {
        let own = [("job", self.job), ("instance", self.host.as_str())];
        let labels = LabelSet::metric(name, labels.iter().copied().chain(own));
        self.series.push(one_sample(labels, kind, self.at, value));
    }

    pub(super) fn into_series(self) -> Vec<SeriesSamples> {
        self.series
    }
}
