use serde::{Deserialize, Serialize};
use watchfire_schemas::{
    Exemplar, LabelSet, MetricKind, MetricMetadata, Sample, SeriesSamples, Temporality,
};

use crate::wal::Frame;

/// Samples of series, and what is said of their metrics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) series: Vec<SeriesSamples>,
    pub(crate) metadata: Vec<MetricMetadata>,
}

impl Series {
    pub(super) fn len(&self) -> usize {
        self.series.len() + self.metadata.len()
    }

    /// In parts of at most so many series; what is said of metrics comes with the first.
    pub(super) fn cut(self, most: usize) -> impl Iterator<Item = Self> {
        let mut metadata = self.metadata;
        let mut series = self.series.into_iter();
        std::iter::from_fn(move || {
            let part = Self {
                series: series.by_ref().take(most).collect(),
                metadata: std::mem::take(&mut metadata),
            };
            (part.len() > 0).then_some(part)
        })
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("series serialise, and memory takes them")
    }

    pub(super) fn unpack(version: u8, plain: &[u8]) -> Result<Self, postcard::Error> {
        if version >= Frame::SERIES {
            return postcard::from_bytes(plain);
        }
        let series: Vec<BeforeHistograms> = postcard::from_bytes(plain)?;
        let series = series.into_iter().map(SeriesSamples::from).collect();
        Ok(Self {
            series,
            metadata: Vec::new(),
        })
    }
}

impl From<Vec<SeriesSamples>> for Series {
    fn from(series: Vec<SeriesSamples>) -> Self {
        Self {
            series,
            metadata: Vec::new(),
        }
    }
}

/// Samples of a series as they lie in logs that were written before there were histograms.
#[derive(Debug, Serialize, Deserialize)]
struct BeforeHistograms {
    labels: LabelSet,
    kind: KindBefore,
    temporality: Temporality,
    samples: Vec<Sample>,
    exemplars: Vec<Exemplar>,
}

/// The kinds there were, in the order of their numbers.
#[derive(Debug, Serialize, Deserialize)]
enum KindBefore {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Unknown,
}

impl From<BeforeHistograms> for SeriesSamples {
    fn from(before: BeforeHistograms) -> Self {
        let kind = match before.kind {
            KindBefore::Counter => MetricKind::Counter,
            KindBefore::Gauge => MetricKind::Gauge,
            KindBefore::Histogram => MetricKind::Histogram,
            KindBefore::Summary => MetricKind::Summary,
            KindBefore::Unknown => MetricKind::Unknown,
        };
        Self {
            labels: before.labels,
            kind,
            temporality: before.temporality,
            samples: before.samples,
            histograms: Vec::new(),
            exemplars: before.exemplars,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_an_older_log_are_still_read() {
        let before = BeforeHistograms {
            labels: LabelSet::metric("rt", [("quantile", "0.5")]),
            kind: KindBefore::Summary,
            temporality: Temporality::Delta,
            samples: vec![Sample { t: 1, v: 2.0 }],
            exemplars: Vec::new(),
        };
        let labels = before.labels.clone();
        let plain = postcard::to_stdvec(&vec![before]).unwrap();
        let read = Series::unpack(Frame::BINARY, &plain).unwrap();
        let [one] = &*read.series else {
            panic!("one series: {read:?}");
        };
        assert_eq!((&one.labels, one.kind), (&labels, MetricKind::Summary));
        assert_eq!(one.samples, [Sample { t: 1, v: 2.0 }]);
    }

    #[test]
    fn metadata_goes_with_the_first_part() {
        let one = SeriesSamples {
            labels: LabelSet::metric("up", [("job", "a")]),
            kind: MetricKind::Gauge,
            temporality: Temporality::Cumulative,
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
        };
        let told = MetricMetadata {
            family: "up".to_owned(),
            kind: MetricKind::Gauge,
            help: String::new(),
            unit: String::new(),
        };
        let all = Series {
            series: vec![one; 3],
            metadata: vec![told],
        };
        let sizes: Vec<_> = all
            .cut(2)
            .map(|part| (part.series.len(), part.metadata.len()))
            .collect();
        assert_eq!(sizes, [(2, 1), (1, 0)]);
    }
}
