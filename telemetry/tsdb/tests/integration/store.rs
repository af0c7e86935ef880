use std::path::Path;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use watchfire_schemas::{
    BatchSeq, LabelSet, ManualClock, MetricKind, Sample, SeriesSamples, Temporality, Timestamp,
};
use watchfire_tsdb::{Config, QueryOptions, QueryValue, Tsdb};

/// 2023-11-14 22:00 UTC, where a window of two hours begins.
pub(crate) const START: i64 = 1_699_999_200;

/// A store in a directory, with a clock that stands where the test puts it.
pub(crate) struct Store {
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) registry: Registry,
    next: BatchSeq,
}

impl Store {
    pub(crate) fn open(dir: &Path, config: Config) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(START)));
        let mut registry = Registry::default();
        let tsdb = Tsdb::open(dir, config, clock.clone(), &mut registry).unwrap();
        Self {
            next: tsdb.checkpoint(),
            tsdb,
            clock,
            registry,
        }
    }

    /// Sets the clock, in seconds after [`START`].
    pub(crate) fn at(&self, seconds: i64) {
        self.clock.set(Timestamp::from_secs(START + seconds));
    }

    pub(crate) fn append(&mut self, series: &[SeriesSamples]) {
        self.next = self.next.next();
        self.tsdb.append(self.next, series);
    }

    /// The values of an instant query with their labels, in text.
    pub(crate) fn query(&self, expr: &str, seconds: f64) -> String {
        let millis = (seconds * 1000.0) as i64;
        let at = Timestamp::from_millis(START * 1000 + millis);
        let answer = self.tsdb.query(expr, at, &QueryOptions::default());
        match answer.map(|answer| answer.value) {
            Ok(QueryValue::Vector(samples)) => {
                let texts = samples
                    .iter()
                    .map(|s| format!("{} {}", s.labels, s.sample.v));
                texts.collect::<Vec<_>>().join("; ")
            }
            Ok(QueryValue::Scalar(sample)) => sample.v.to_string(),
            Ok(QueryValue::Matrix(series)) => {
                let texts = series.iter().map(|one| {
                    let samples = one.samples.iter();
                    let samples = samples.map(|s| format!("{}@{}", s.v, s.t - START * 1000));
                    format!("{} {}", one.labels, samples.collect::<Vec<_>>().join(" "))
                });
                texts.collect::<Vec<_>>().join("; ")
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => format!("error: {error}"),
        }
    }
}

/// Samples of one series, times in seconds after [`START`].
pub(crate) fn samples(
    labels: LabelSet,
    temporality: Temporality,
    samples: &[(i64, f64)],
) -> SeriesSamples {
    SeriesSamples {
        labels,
        kind: MetricKind::Counter,
        temporality,
        samples: samples
            .iter()
            .map(|&(t, v)| Sample {
                t: (START + t) * 1000,
                v,
            })
            .collect(),
        histograms: Vec::new(),
        exemplars: Vec::new(),
    }
}

pub(crate) fn delta(name: &str, values: &[(i64, f64)]) -> SeriesSamples {
    samples(
        LabelSet::metric(name, [("service", "shop")]),
        Temporality::Delta,
        values,
    )
}

pub(crate) fn state(name: &str, values: &[(i64, f64)]) -> SeriesSamples {
    samples(
        LabelSet::metric(name, [("service", "shop")]),
        Temporality::Cumulative,
        values,
    )
}
