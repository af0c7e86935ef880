use std::collections::BTreeSet;

use watchfire_schemas::{
    HistogramSample, LabelSet, MetricKind, Sample, SeriesSamples, Temporality,
};

use crate::SignalSeries;
use crate::rules::RecordingRule;

/// Why a recording rule gives no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordingError {
    #[error("vector contains metrics with the same labelset after applying rule labels: {0}")]
    DuplicateLabels(LabelSet),
    #[error("exceeded limit of {limit} with {found} series")]
    TooMany { found: usize, limit: usize },
}

/// The series that a rule makes of what its expression gave, each with one sample at `t`.
pub(super) fn recorded(
    rule: &RecordingRule,
    found: Vec<SignalSeries>,
    t: i64,
    limit: usize,
) -> Result<Vec<SeriesSamples>, RecordingError> {
    let count = found.len();
    if limit > 0 && count > limit {
        return Err(RecordingError::TooMany {
            found: count,
            limit,
        });
    }
    let mut seen = BTreeSet::new();
    let mut series = Vec::with_capacity(count);
    for one in found {
        let own = one.labels.iter();
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let name = [(LabelSet::NAME.to_owned(), rule.record.clone())];
        let labels = LabelSet::new(own.chain(name).chain(rule.labels.iter().cloned()));
        if !seen.insert(labels.clone()) {
            return Err(RecordingError::DuplicateLabels(labels));
        }
        let histogram = one.histograms.into_iter().next_back();
        let number = one.samples.last().map(|sample| sample.v);
        series.push(SeriesSamples {
            histograms: histogram
                .map(|sample| HistogramSample { t, h: sample.h })
                .into_iter()
                .collect(),
            ..number_at(labels, number, t)
        });
    }
    Ok(series)
}

/// A series with one number, or none.
pub(super) fn number_at(labels: LabelSet, number: Option<f64>, t: i64) -> SeriesSamples {
    SeriesSamples {
        labels,
        kind: MetricKind::Unknown,
        temporality: Temporality::Cumulative,
        samples: number.map(|v| Sample { t, v }).into_iter().collect(),
        histograms: Vec::new(),
        exemplars: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Reads;

    fn found(labels: &[(&str, &str)], v: f64) -> SignalSeries {
        SignalSeries {
            labels: LabelSet::metric("up", labels.iter().copied()),
            samples: vec![Sample { t: 7, v }],
            histograms: Vec::new(),
        }
    }

    fn rule(labels: &[(&str, &str)]) -> RecordingRule {
        let labels = labels.iter();
        RecordingRule {
            key: "g/job:up".to_owned(),
            record: "job:up".to_owned(),
            expr: "up".to_owned(),
            labels: labels
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            reads: Reads::anything(),
        }
    }

    #[test]
    fn series_have_the_rules_name_and_labels() {
        let rule = rule(&[("env", "prod"), ("pod", "")]);
        let asked = vec![found(&[("job", "a"), ("pod", "p"), ("env", "x")], 1.0)];
        let made = recorded(&rule, asked, 1000, 1).unwrap();
        assert_eq!(made.len(), 1);
        assert_eq!(
            made[0].labels.to_string(),
            "job:up{env=\"prod\", job=\"a\"}"
        );
        assert_eq!(made[0].samples, [Sample { t: 1000, v: 1.0 }]);
    }

    #[test]
    fn what_is_ambiguous_or_too_much_is_refused() {
        let two = || vec![found(&[("pod", "p")], 1.0), found(&[("pod", "q")], 1.0)];
        let same = recorded(&rule(&[("pod", "")]), two(), 0, 0);
        assert!(matches!(same, Err(RecordingError::DuplicateLabels(_))));
        let many = recorded(&rule(&[]), two(), 0, 1);
        assert_eq!(many, Err(RecordingError::TooMany { found: 2, limit: 1 }));
    }
}
