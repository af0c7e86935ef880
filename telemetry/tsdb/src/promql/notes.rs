//! What Prometheus tells beside an answer.

use std::sync::Mutex;

use crate::Annotations;

/// How many notes of each kind are told.
const MOST_TOLD: usize = 10;

/// Something that the author of a query should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// The quantile that was asked for.
    InvalidQuantile(String),
    InvalidRatio {
        got: String,
        used: &'static str,
    },
    /// What stands in `le`.
    BadBucketLabel(String),
    MixedFloatsHistograms,
    MixedInAggregation,
    MixedClassicNative,
    NotCounter,
    NotGauge,
    MixedExponentialCustom,
    IncompatibleBounds,
    /// The operator.
    IncompatibleBuckets(String),
    NameOfNoCounter,
    ForcedMonotonic,
    IncompatibleTypes {
        left: &'static str,
        operator: String,
        right: &'static str,
    },
    /// The aggregation that cannot take histograms.
    HistogramIgnored(&'static str),
    HistogramsIgnoredInRange,
    QuantileOfNan,
    QuantileSkewedByNan,
    FractionWithoutNan,
}

impl Note {
    fn is_warning(&self) -> bool {
        !matches!(
            self,
            Self::NameOfNoCounter
                | Self::ForcedMonotonic
                | Self::IncompatibleTypes { .. }
                | Self::HistogramIgnored(_)
                | Self::HistogramsIgnoredInRange
                | Self::QuantileOfNan
                | Self::QuantileSkewedByNan
                | Self::FractionWithoutNan
        )
    }

    /// In Prometheus' words, which clients look for.
    fn text(&self, metric: &str) -> String {
        let told = match self {
            Self::InvalidQuantile(got) => {
                format!("quantile value should be between 0 and 1, got {got}")
            }
            Self::InvalidRatio { got, used } => {
                format!("ratio value should be between -1 and 1, got {got}, capping to {used}")
            }
            Self::BadBucketLabel(le) => format!(
                "bucket label \"le\" is missing or has a malformed value of {le:?} for metric name {metric:?}"
            ),
            Self::MixedInAggregation => {
                "encountered a mix of histograms and floats for aggregation".to_owned()
            }
            Self::IncompatibleBuckets(operator) => {
                format!("incompatible bucket layout encountered for binary operator {operator}")
            }
            Self::IncompatibleTypes {
                left,
                operator,
                right,
            } => format!(
                "incompatible sample types encountered for binary operator {operator:?}: {left} {operator} {right}"
            ),
            Self::HistogramIgnored(aggregation) => {
                format!("ignored histogram in {aggregation} aggregation")
            }
            of_metric => format!("{} {metric:?}", of_metric.about_metric()),
        };
        let kind = if self.is_warning() { "warning" } else { "info" };
        format!("PromQL {kind}: {told}")
    }

    /// The text before the metric's name.
    fn about_metric(&self) -> &'static str {
        match self {
            Self::MixedFloatsHistograms => {
                "encountered a mix of histograms and floats for metric name"
            }
            Self::MixedClassicNative => {
                "vector contains a mix of classic and native histograms for metric name"
            }
            Self::NotCounter => "this native histogram metric is not a counter:",
            Self::NotGauge => "this native histogram metric is not a gauge:",
            Self::MixedExponentialCustom => {
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name"
            }
            Self::IncompatibleBounds => {
                "vector contains histograms with incompatible custom buckets for metric name"
            }
            Self::NameOfNoCounter => {
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
            }
            Self::ForcedMonotonic => {
                "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for metric name"
            }
            Self::HistogramsIgnoredInRange => {
                "ignored histograms in a range containing both floats and histograms for metric name"
            }
            Self::QuantileOfNan => {
                "input to histogram_quantile has NaN observations, result is NaN for metric name"
            }
            Self::QuantileSkewedByNan => {
                "input to histogram_quantile has NaN observations, result is skewed higher for metric name"
            }
            Self::FractionWithoutNan => {
                "input to histogram_fraction has NaN observations, which are excluded from all fractions for metric name"
            }
            Self::InvalidQuantile(_)
            | Self::InvalidRatio { .. }
            | Self::BadBucketLabel(_)
            | Self::MixedInAggregation
            | Self::IncompatibleBuckets(_)
            | Self::IncompatibleTypes { .. }
            | Self::HistogramIgnored(_) => "",
        }
    }
}

/// The notes of one query, each text once, whichever thread made it.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<Told>>);

#[derive(Debug)]
struct Told {
    note: Note,
    metric: String,
    text: String,
    /// Line and column.
    place: String,
}

impl Notes {
    /// Adds a note; `place` is where in the expression its cause stands.
    pub(crate) fn add(&self, note: &Note, metric: &str, place: impl FnOnce() -> String) {
        let mut all = self.0.lock().expect("no holder of this lock panics");
        let told = |one: &Told| one.note == *note && one.metric == metric;
        if all.iter().any(told) {
            return;
        }
        let text = note.text(metric);
        if all.iter().any(|one| one.text == text) {
            return;
        }
        all.push(Told {
            note: note.clone(),
            metric: metric.to_owned(),
            text,
            place: place(),
        });
    }

    /// All of them as they are told.
    pub(crate) fn told(self) -> Annotations {
        let all = self.0.into_inner().expect("no holder of this lock panics");
        let (warnings, infos): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| one.note.is_warning());
        Annotations {
            warnings: cut(warnings, "warning"),
            infos: cut(infos, "info"),
        }
    }
}

fn cut(notes: Vec<Told>, kind: &str) -> Vec<String> {
    let more = notes.len().saturating_sub(MOST_TOLD);
    let texts = notes.into_iter().take(MOST_TOLD);
    let texts = texts.map(|Told { text, place, .. }| format!("{text} ({place})"));
    let mut texts: Vec<_> = texts.collect();
    if more > 0 {
        texts.push(format!("{more} more {kind} annotations omitted"));
    }
    texts
}

/// Notes on one series, gathered before its name and place are written out.
#[derive(Debug, Default)]
pub(crate) struct SeriesNotes(Vec<Note>);

impl SeriesNotes {
    pub(crate) fn add(&mut self, note: Note) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Note> {
        self.0.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_of_a_kind_are_told_and_the_rest_counted() {
        let notes = Notes::default();
        for i in 0..25 {
            notes.add(&Note::NotGauge, &format!("m{}", i % 13), || {
                "1:1".to_owned()
            });
        }
        let Annotations { warnings, infos } = notes.told();
        assert_eq!(warnings.len(), 11);
        assert_eq!(
            warnings[0],
            "PromQL warning: this native histogram metric is not a gauge: \"m0\" (1:1)"
        );
        assert_eq!(warnings[10], "3 more warning annotations omitted");
        assert!(infos.is_empty());
    }
}
