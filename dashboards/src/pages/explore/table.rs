//! Values at one time, a row a series.

use std::collections::BTreeSet;

use watchfire_schemas::LabelSet;
use watchfire_tsdb::QueryValue;

use super::answers::{Answered, Value};
use crate::charts::Unit;
use crate::figures;

/// Rows shown at most.
const MOST_ROWS: usize = 500;
/// Labels with a column of their own.
const MOST_COLUMNS: usize = 8;

#[derive(Debug, Clone)]
pub(crate) struct ValueRow {
    pub(crate) letter: &'static str,
    pub(crate) cells: Vec<String>,
    pub(crate) value: String,
    /// As exact as it is.
    pub(crate) exact: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ValueTable {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<ValueRow>,
    pub(crate) total: usize,
}

/// One value before it is written: query, labels, number or text.
type Found = (&'static str, LabelSet, f64, String);

pub(super) fn table(answers: &[Answered], unit: Unit) -> ValueTable {
    let mut found: Vec<Found> = Vec::new();
    for answered in answers {
        let Ok(Value::Now(answer)) = &answered.value else {
            continue;
        };
        let mut values = values(answered.letter, &answer.value);
        values.sort_by(|a, b| b.2.total_cmp(&a.2));
        found.extend(values);
    }
    let total = found.len();
    found.truncate(MOST_ROWS);
    let names: BTreeSet<&str> = found
        .iter()
        .flat_map(|(_, labels, ..)| labels.iter().map(|(name, _)| name))
        .collect();
    let columns: Vec<String> = names
        .into_iter()
        .take(MOST_COLUMNS)
        .map(str::to_owned)
        .collect();
    let row = |(letter, labels, value, text): &Found| ValueRow {
        letter,
        cells: columns
            .iter()
            .map(|name| labels.get(name).unwrap_or_default().to_owned())
            .collect(),
        value: if text.is_empty() {
            unit.write(*value)
        } else {
            text.clone()
        },
        exact: if text.is_empty() {
            value.to_string()
        } else {
            String::new()
        },
    };
    let rows = found.iter().map(row).collect();
    ValueTable {
        columns: columns
            .iter()
            .map(|name| {
                if name == LabelSet::NAME {
                    "metric".to_owned()
                } else {
                    name.clone()
                }
            })
            .collect(),
        rows,
        total,
    }
}

fn values(letter: &'static str, value: &QueryValue) -> Vec<Found> {
    match value {
        QueryValue::Scalar(sample) => vec![(letter, LabelSet::default(), sample.v, String::new())],
        QueryValue::String(_, text) => {
            let text = figures::cut(text, 1000).0.to_owned();
            vec![(letter, LabelSet::default(), f64::NAN, text)]
        }
        QueryValue::Vector(samples) => samples
            .iter()
            .map(|one| match &one.histogram {
                None => (letter, one.labels.clone(), one.sample.v, String::new()),
                Some(histogram) => {
                    let text = format!(
                        "{} observations, sum {}",
                        figures::short(histogram.count),
                        figures::short(histogram.sum)
                    );
                    (letter, one.labels.clone(), histogram.count, text)
                }
            })
            .collect(),
        QueryValue::Matrix(series) => series
            .iter()
            .map(|one| {
                let last = one.samples.last().map_or(f64::NAN, |sample| sample.v);
                let count = one.samples.len() + one.histograms.len();
                let text = match one.samples.last() {
                    Some(sample) => {
                        format!("{count} samples, the last {}", figures::short(sample.v))
                    }
                    None => format!("{count} histograms"),
                };
                (letter, one.labels.clone(), last, text)
            })
            .collect(),
    }
}
