//! Error budgets of service level objectives, as their recording rules tell them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use watchfire_schemas::Timestamp;
use watchfire_tsdb::{QueryError, QueryValue};

use crate::charts::{Svg, meter};
use crate::{Console, ask, figures, url};

/// One objective, as last recorded.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Objective {
    pub(crate) service: String,
    pub(crate) name: String,
    /// The share that should be good.
    pub(crate) target: Option<f64>,
    /// The share of the budget that is left; below zero it is spent.
    pub(crate) left: Option<f64>,
    /// How many times as fast as the budget allows.
    pub(crate) burn: Option<f64>,
    pub(crate) days: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct ObjectiveRow {
    pub(crate) service: String,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) left: String,
    /// `gone`, `low` or `fine`.
    pub(crate) look: &'static str,
    pub(crate) meter: Svg,
    pub(crate) burn: String,
    pub(crate) burns: bool,
    pub(crate) explore: String,
}

const ASKED: [&str; 4] = [
    "slo:objective:ratio",
    "slo:period_error_budget_remaining:ratio",
    "slo:current_burn_rate:ratio",
    "slo:time_period:days",
];
/// Recorded every minute.
const STEP_BACK: Duration = Duration::from_secs(1);

pub(crate) async fn ask(console: &Console, now: Timestamp) -> Result<Vec<Objective>, QueryError> {
    let asked = ASKED.map(|expr| ask::instant(console, expr, now - STEP_BACK));
    let answers = try_join_all(asked).await?;
    let mut all: BTreeMap<String, Objective> = BTreeMap::new();
    for (which, answer) in answers.into_iter().enumerate() {
        let QueryValue::Vector(samples) = answer.value else {
            continue;
        };
        for sample in samples {
            let label = |name| sample.labels.get(name).unwrap_or_default().to_owned();
            let known = all.entry(label("sloth_id")).or_default();
            (known.service, known.name) = (label("sloth_service"), label("sloth_slo"));
            let value = Some(sample.sample.v).filter(|value| value.is_finite());
            match which {
                0 => known.target = value,
                1 => known.left = value,
                2 => known.burn = value,
                _ => known.days = value,
            }
        }
    }
    Ok(all.into_values().collect())
}

/// The one whose budget is nearest to its end first.
pub(super) fn rows(objectives: &[Objective]) -> Vec<ObjectiveRow> {
    let mut objectives: Vec<&Objective> = objectives.iter().collect();
    objectives.sort_by(|a, b| {
        let left = |o: &Objective| o.left.unwrap_or(f64::INFINITY);
        left(a).total_cmp(&left(b))
    });
    objectives.into_iter().map(row).collect()
}

fn row(objective: &Objective) -> ObjectiveRow {
    let written = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let days = objective.days.unwrap_or(30.0);
    let id = format!(
        "slo:current_burn_rate:ratio{{sloth_service={:?}, sloth_slo={:?}}}",
        objective.service, objective.name
    );
    ObjectiveRow {
        service: objective.service.clone(),
        href: format!("/services/{}", url::encode(&objective.service)),
        name: objective.name.clone(),
        target: format!("{} over {days} d", written(objective.target)),
        left: written(objective.left),
        look: match objective.left {
            Some(left) if left <= 0.0 => "gone",
            Some(left) if left < 0.25 => "low",
            _ => "fine",
        },
        meter: meter(objective.left.unwrap_or(0.0).clamp(0.0, 1.0)),
        burn: objective.burn.map_or_else(
            || "–".to_owned(),
            |burn| format!("{} ×", figures::short(burn)),
        ),
        burns: objective.burn.is_some_and(|burn| burn > 1.0),
        explore: url::link("/explore", &[("a", &id), ("last", "24h")]),
    }
}

/// `99.9 %`, `−12 %`: without loss of what an objective says.
fn percent(share: f64) -> String {
    let value = (share * 100_000.0).round() / 1000.0;
    if value < 0.0 {
        return format!("−{} %", -value.round());
    }
    format!("{value} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emptiest_budget_comes_first() {
        let objective = |name: &str, left| Objective {
            service: "shop".to_owned(),
            name: name.to_owned(),
            target: Some(0.999),
            left,
            burn: Some(14.4),
            days: Some(28.0),
        };
        let rows = rows(&[
            objective("unknown", None),
            objective("fine", Some(0.8)),
            objective("gone", Some(-0.304)),
        ]);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.left.as_str(), row.look))
            .collect();
        assert_eq!(
            told,
            [
                ("gone", "−30 %", "gone"),
                ("fine", "80 %", "fine"),
                ("unknown", "–", "fine")
            ]
        );
        assert_eq!(rows[0].target, "99.9 % over 28 d");
    }
}
