use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{HistogramSample, TraceId};

/// A series' labels, the metric's name among them as `__name__`: sorted by name, each name once,
/// no empty value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct LabelSet(Vec<(Box<str>, Box<str>)>);

impl LabelSet {
    /// The label that holds the metric's name.
    pub const NAME: &'static str = "__name__";

    /// From pairs in any order. An empty value means that the label is absent; of a name that
    /// comes twice the last value counts.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut labels: Vec<(Box<str>, Box<str>)> = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        labels.reverse();
        labels.dedup_by(|a, b| a.0 == b.0);
        labels.reverse();
        labels.retain(|(_, value)| !value.is_empty());
        Self(labels)
    }

    /// A metric's labels: its name and the rest.
    pub fn metric<N: Into<Box<str>>, V: Into<Box<str>>>(
        name: &str,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let name = (Self::NAME.into(), name.into());
        Self::new(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .chain([name]),
        )
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self
            .0
            .binary_search_by(|(other, _)| (**other).cmp(name))
            .ok()?;
        Some(&self.0[at].1)
    }

    /// The metric's name; empty if it has none.
    pub fn name(&self) -> &str {
        self.get(Self::NAME).unwrap_or_default()
    }

    /// The same labels with one set to `value`, or without it if `value` is empty.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let kept = self.0.iter().filter(|(other, _)| &**other != name).cloned();
        Self::new(kept.chain([(name.into(), value.into())]))
    }

    /// The same labels without one.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(other, _)| &**other != name)
                .cloned()
                .collect(),
        )
    }

    /// Only the labels that `keep` likes.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| keep(name))
                .cloned()
                .collect(),
        )
    }

    /// All labels in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fingerprint that Prometheus and Alertmanager use: FNV-1a over the sorted labels.
    pub fn fingerprint(&self) -> u64 {
        const OFFSET: u64 = 14_695_981_039_346_656_037;
        const PRIME: u64 = 1_099_511_628_211;
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        self.iter().fold(OFFSET, |hash, (name, value)| {
            let bytes = name
                .bytes()
                .chain([0xff])
                .chain(value.bytes())
                .chain([0xff]);
            bytes.fold(hash, mix)
        })
    }
}

impl fmt::Display for LabelSet {
    /// As PromQL writes it: `up{instance="a"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let mut rest = self
            .iter()
            .filter(|(name, _)| *name != Self::NAME)
            .peekable();
        if rest.peek().is_none() && !self.name().is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        while let Some((name, value)) = rest.next() {
            let end = if rest.peek().is_some() { ", " } else { "" };
            write!(f, "{name}={value:?}{end}")?;
        }
        f.write_str("}")
    }
}

/// What a metric is, as exposition's `# TYPE` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Only grows, until its process starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations by bucket.
    Histogram,
    /// Counts of observations by bucket that may fall again.
    GaugeHistogram,
    /// Quantiles that the emitter computed.
    Summary,
    /// Always 1; what it tells is in its labels.
    Info,
    /// Which of several states holds.
    StateSet,
    /// Nobody said.
    #[default]
    Unknown,
}

impl MetricKind {
    /// Its name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a value is the state of its series or what to add to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Temporality {
    /// The value is the series' state.
    #[default]
    Cumulative,
    /// The value is added to the series' last one; the first is added to a zero that the store
    /// puts just before it. Derived counters and OTLP's delta sums come so.
    Delta,
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Milliseconds since the epoch.
    pub t: i64,
    /// The value.
    pub v: f64,
}

impl Sample {
    /// The value that says that a series has ended: the NaN that Prometheus keeps for it. It is told
    /// from others by its bits.
    pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
}

/// One observation that stands for others: a value and the trace it was seen in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// Milliseconds since the epoch.
    pub t: i64,
    /// The observed value.
    pub v: f64,
    /// The trace in which it was observed.
    pub trace_id: Option<TraceId>,
    /// Other labels.
    pub labels: LabelSet,
}

/// What is said of a metric beside its samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricMetadata {
    /// The metric's name, of a classic histogram or summary without `_bucket`, `_sum` and `_count`.
    pub family: String,
    /// What it is.
    pub kind: MetricKind,
    /// What it means, in words.
    pub help: String,
    /// Its unit.
    pub unit: String,
}

/// Samples of one series. A classic histogram is many series: its `_bucket`, `_sum` and `_count`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesSamples {
    /// Which series.
    pub labels: LabelSet,
    /// What its metric is.
    pub kind: MetricKind,
    /// How to read the values.
    pub temporality: Temporality,
    /// Its samples, earliest first.
    pub samples: Vec<Sample>,
    /// Its native histograms, earliest first.
    pub histograms: Vec<HistogramSample>,
    /// Exemplars, if any.
    pub exemplars: Vec<Exemplar>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_unique_and_never_empty() {
        let labels = LabelSet::new([("b", "1"), ("a", "2"), ("b", "3"), ("c", "")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
        assert_eq!(labels.with("a", "").len(), 1);
        assert_eq!(
            LabelSet::metric("up", [("job", "x\"y")]).to_string(),
            r#"up{job="x\"y"}"#
        );
    }

    #[test]
    fn the_fingerprint_is_prometheus_own() {
        // The fingerprint of no labels is the offset basis of FNV-1a.
        assert_eq!(
            format!("{:016x}", LabelSet::default().fingerprint()),
            "cbf29ce484222325"
        );
    }
}
