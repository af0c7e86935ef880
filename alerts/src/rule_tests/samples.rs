use std::time::Duration;

use watchfire_schemas::{LabelSet, NativeHistogram};

use super::file::ExprTestText;
use super::histogram::{Shape, read, written};
use super::series::labels;
use crate::SignalSeries;
use crate::rules::written_duration;

/// What an expression should give at a time.
#[derive(Debug)]
pub(super) struct ExprTest {
    pub expr: String,
    pub at: Duration,
    expected: Vec<(LabelSet, Told)>,
}

#[derive(Debug, Clone)]
enum Told {
    Number(f64),
    Histogram(NativeHistogram),
}

impl ExprTest {
    pub(super) fn read(text: ExprTestText) -> Result<Self, String> {
        let expr = text.expr;
        let samples = text.exp_samples.unwrap_or_default().into_iter();
        let samples = samples.map(|sample| {
            let told = match sample.histogram.as_deref().map(str::trim) {
                None | Some("") => Told::Number(sample.value),
                Some(text) => match read(text)? {
                    (histogram, "") => Told::Histogram(histogram),
                    (_, rest) => return Err(format!("unexpected {rest:?} behind a histogram")),
                },
            };
            Ok((labels(&sample.labels)?, told))
        });
        let expected: Result<Vec<(LabelSet, Told)>, String> = samples.collect();
        let expected = expected.map_err(|reason| format!("expr {expr:?}: {reason}"))?;
        Ok(Self {
            expr,
            at: text.eval_time,
            expected: sorted(expected),
        })
    }

    /// What differs.
    pub(super) fn failure(
        &self,
        found: Result<Vec<SignalSeries>, String>,
        fuzzy: bool,
    ) -> Option<String> {
        let head = format!(
            "    expr: {:?}, time: {}",
            self.expr,
            written_duration(self.at)
        );
        let found = match found {
            Ok(found) => found,
            Err(reason) => return Some(format!("{head}, err: {reason}")),
        };
        let found = found.into_iter().map(|mut one| {
            let told = match one.histograms.pop() {
                Some(sample) => Told::Histogram(sample.h),
                None => Told::Number(one.samples.last().map_or(f64::NAN, |sample| sample.v)),
            };
            (one.labels, told)
        });
        let found = sorted(found.collect());
        let is_same = found.len() == self.expected.len()
            && found
                .iter()
                .zip(&self.expected)
                .all(|(a, b)| a.0 == b.0 && a.1.is_as(&b.1, fuzzy));
        (!is_same).then(|| {
            format!(
                "{head},\n        exp: {}\n        got: {}",
                list(&self.expected),
                list(&found)
            )
        })
    }
}

impl Told {
    fn is_as(&self, other: &Self, fuzzy: bool) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => {
                let near = || is_same(a.next_up(), *b) || is_same(a.next_down(), *b);
                is_same(*a, *b) || fuzzy && near()
            }
            (Self::Histogram(a), Self::Histogram(b)) => Shape::of(a) == Shape::of(b),
            _ => false,
        }
    }
}

/// Whether both are NaN, or the same number.
fn is_same(a: f64, b: f64) -> bool {
    a.is_nan() && b.is_nan() || a.total_cmp(&b).is_eq() || a.abs().max(b.abs()) == 0.0
}

fn sorted(mut samples: Vec<(LabelSet, Told)>) -> Vec<(LabelSet, Told)> {
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    samples
}

fn list(samples: &[(LabelSet, Told)]) -> String {
    if samples.is_empty() {
        return "nil".to_owned();
    }
    let samples: Vec<String> = samples
        .iter()
        .map(|(labels, told)| match told {
            Told::Number(number) => format!("{labels} {number}"),
            Told::Histogram(histogram) => format!("{labels} {}", written(histogram)),
        })
        .collect();
    samples.join(", ")
}
