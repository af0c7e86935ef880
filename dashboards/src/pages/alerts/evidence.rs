//! Why an alert fires: each comparison of its expression, as it stands now and as it went.

use std::time::Duration;

use futures_util::future::join_all;
use watchfire_alerts::{RuleComparison, comparisons};
use watchfire_schemas::{LabelSet, Timestamp};
use watchfire_tsdb::{QueryValue, RangeSeries};

use crate::charts::{Lane, Look, Scale, Steps, Svg, TimePlot, Unit, extent};
use crate::figures;
use crate::pages::explore;
use crate::range::Asked;
use crate::{Console, ask};

const HEIGHT: u32 = 120;
/// Lines of one chart.
const MOST_LINES: usize = 6;
/// Points of a line.
const POINTS: u64 = 180;

/// A comparison, with what both sides came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) comparison: RuleComparison,
    pub(crate) left: Vec<RangeSeries>,
    pub(crate) right: Vec<RangeSeries>,
    /// Both sides as they stand now.
    pub(crate) now: (Vec<Standing>, Vec<Standing>),
    pub(crate) error: Option<String>,
}

/// A series and its value.
pub(crate) type Standing = (LabelSet, f64);

#[derive(Debug)]
pub(crate) struct ConditionRow {
    pub(crate) left: String,
    pub(crate) operator: &'static str,
    pub(crate) right: String,
    pub(crate) prevents: bool,
    /// Whether it holds now; none if there is nothing to compare.
    pub(crate) holds: Option<bool>,
    /// The values now: `97.3 ≥ 90`.
    pub(crate) now: String,
    pub(crate) chart: Option<Svg>,
    pub(crate) explore: String,
    pub(crate) error: Option<String>,
}

pub(crate) fn step(asked: &Asked) -> Duration {
    asked.step(POINTS)
}

/// Asks both sides of each comparison over the range.
pub(crate) async fn ask(console: &Console, expr: &str, asked: &Asked) -> Vec<Compared> {
    let questions = comparisons(expr).into_iter().map(|comparison| async move {
        let left = ask::range(console, comparison.left.clone(), asked.range, step(asked));
        let right = async {
            match comparison.threshold {
                Some(_) => Ok(Vec::new()),
                None => ask::range(console, comparison.right.clone(), asked.range, step(asked))
                    .await
                    .map(|answer| answer.value),
            }
        };
        let now = asked.range.end;
        let (left, right, now_left, now_right) = tokio::join!(
            left,
            right,
            standing(console, &comparison.left, now),
            standing(console, &comparison.right, now)
        );
        let mut error = None;
        let mut told = |failed: watchfire_tsdb::QueryError| {
            error = Some(failed.to_string());
            Vec::new()
        };
        let left = left.map_or_else(&mut told, |answer| answer.value);
        let right = right.unwrap_or_else(&mut told);
        Compared {
            comparison,
            left,
            right,
            now: (now_left, now_right),
            error,
        }
    });
    join_all(questions).await
}

/// What cannot be asked has no value; the question over the range says why.
async fn standing(console: &Console, expr: &str, at: Timestamp) -> Vec<Standing> {
    let value = ask::instant(console, expr, at)
        .await
        .map(|answer| answer.value);
    match value {
        Ok(QueryValue::Vector(samples)) => {
            let samples = samples.into_iter();
            samples.map(|one| (one.labels, one.sample.v)).collect()
        }
        Ok(QueryValue::Scalar(sample)) => vec![(LabelSet::default(), sample.v)],
        _ => Vec::new(),
    }
}

/// `alert` has the labels of the alert that is looked at, if it is one.
pub(super) fn rows(
    compared: &[Compared],
    alert: Option<&LabelSet>,
    asked: &Asked,
) -> Vec<ConditionRow> {
    compared.iter().map(|one| row(one, alert, asked)).collect()
}

fn row(compared: &Compared, alert: Option<&LabelSet>, asked: &Asked) -> ConditionRow {
    let comparison = &compared.comparison;
    let steps = Steps::over(asked.range, step(asked));
    let left = lanes(&compared.left, alert, steps);
    let right = match comparison.threshold {
        Some(value) => vec![Lane {
            values: vec![value; steps.count],
            ..Lane::default()
        }],
        None => lanes(&compared.right, alert, steps),
    };
    let own = |standing: &[Standing]| -> Vec<f64> {
        let own = standing.iter().filter(|(labels, _)| belongs(labels, alert));
        own.map(|(_, value)| *value).collect()
    };
    let (holds, now) = judged(
        &own(&compared.now.0),
        &own(&compared.now.1),
        comparison.operator,
    );
    ConditionRow {
        left: comparison.left.clone(),
        operator: comparison.operator,
        right: comparison.right.clone(),
        prevents: comparison.prevents,
        holds,
        now,
        chart: (!left.is_empty()).then(|| chart(&left, right, asked, steps)),
        explore: explore::link(&comparison.left, asked),
        error: compared.error.clone(),
    }
}

/// The series that belong to the alert, those that are highest now first.
fn lanes(series: &[RangeSeries], alert: Option<&LabelSet>, steps: Steps) -> Vec<Lane> {
    let own = series.iter().filter(|one| belongs(&one.labels, alert));
    let mut lanes: Vec<Lane> = own
        .map(|one| {
            let labels = one.labels.without(LabelSet::NAME);
            let name = if labels.is_empty() {
                "value".to_owned()
            } else {
                labels.to_string()
            };
            Lane::of(&one.samples, steps).named(name, "")
        })
        .collect();
    let last = |lane: &Lane| lane.values.iter().rev().find(|v| v.is_finite()).copied();
    lanes.sort_by(|a, b| {
        let value = |lane| last(lane).unwrap_or(f64::NEG_INFINITY);
        value(b).total_cmp(&value(a))
    });
    lanes.truncate(MOST_LINES);
    lanes
}

/// A series belongs to an alert if no label of both differs.
fn belongs(series: &LabelSet, alert: Option<&LabelSet>) -> bool {
    let Some(alert) = alert else { return true };
    series
        .iter()
        .filter(|(name, _)| *name != LabelSet::NAME)
        .all(|(name, value)| alert.get(name).is_none_or(|own| own == value))
}

fn judged(values: &[f64], thresholds: &[f64], operator: &str) -> (Option<bool>, String) {
    let threshold = thresholds.first().copied();
    let (Some(threshold), false) = (threshold, values.is_empty()) else {
        return (None, "nothing to compare now".to_owned());
    };
    let holds = |value: f64| match operator {
        ">" => value > threshold,
        ">=" => value >= threshold,
        "<" => value < threshold,
        "<=" => value <= threshold,
        "!=" => value.total_cmp(&threshold).is_ne(),
        _ => value.total_cmp(&threshold).is_eq(),
    };
    let telling = values.iter().copied().find(|value| holds(*value));
    let value = telling.unwrap_or(values[0]);
    let sign = match operator {
        ">=" => "≥",
        "<=" => "≤",
        "==" => "=",
        "!=" => "≠",
        other => other,
    };
    let text = if telling.is_some() {
        format!(
            "{} {sign} {}",
            figures::short(value),
            figures::short(threshold)
        )
    } else {
        format!(
            "{}, not {sign} {}",
            figures::short(value),
            figures::short(threshold)
        )
    };
    (Some(telling.is_some()), text)
}

fn chart(left: &[Lane], right: Vec<Lane>, asked: &Asked, steps: Steps) -> Svg {
    let lines: Vec<Lane> = left
        .iter()
        .enumerate()
        .map(|(at, lane)| Lane {
            class: format!("series-{}", at % 8),
            ..lane.clone()
        })
        .collect();
    let thresholds: Vec<Lane> = right
        .into_iter()
        .map(|lane| lane.named("threshold", "errors dash-1"))
        .collect();
    let (low, high) = extent(lines.iter().chain(&thresholds));
    let range = steps.range(asked.range.end);
    let scale = if low < 0.0 {
        Scale::fitting(low, high, Unit::Number)
    } else {
        Scale::from_zero(high, Unit::Number)
    };
    let mut plot = TimePlot::scaled(range, HEIGHT, scale, Unit::Number);
    plot.lanes(steps, &thresholds, Look::Lines);
    plot.lanes(steps, &lines, Look::Lines);
    plot.told(steps, &[lines.as_slice(), thresholds.as_slice()].concat());
    plot.finish("the compared value and the threshold over the range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_is_judged_by_what_is_newest() {
        let check = |left: &[f64], right: f64, operator, expected: (Option<bool>, &str)| {
            let (holds, told) = judged(left, &[right], operator);
            assert_eq!((holds, told.as_str()), expected);
        };
        check(&[12.0, 97.25], 90.0, ">=", (Some(true), "97.2 ≥ 90"));
        check(&[12.0], 90.0, ">", (Some(false), "12, not > 90"));
        check(&[5.0], 5.0, "==", (Some(true), "5 = 5"));
        let none = judged(&[], &[1.0], ">");
        assert_eq!(none, (None, "nothing to compare now".to_owned()));
    }

    #[test]
    fn only_the_series_of_the_alert_are_shown() {
        let alert = LabelSet::new([("service", "a"), ("severity", "error")]);
        let series = |service: &str| LabelSet::metric("m", [("service", service), ("le", "1")]);
        assert!(belongs(&series("a"), Some(&alert)));
        assert!(!belongs(&series("b"), Some(&alert)));
        assert!(belongs(&series("b"), None));
    }
}
