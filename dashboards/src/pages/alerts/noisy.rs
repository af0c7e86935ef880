//! Which rules fire often: a rule that cries wolf is no longer heard.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_alerts::RuleStatus;
use watchfire_schemas::{TimeRange, Timestamp};
use watchfire_tsdb::{QueryError, QueryValue};

use super::rows::rule_path;
use crate::{Console, ask, figures};

/// How far back it is counted.
const BACK: Duration = Duration::from_hours(30 * 24);
/// How finely the time is measured in which alerts fired.
const STEP: Duration = Duration::from_mins(10);
/// How many rules are listed.
const MOST: usize = 8;

/// How often an alert became true, and how long it fired.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Noise {
    pub(crate) alert: String,
    pub(crate) times: u64,
    pub(crate) firing: Duration,
}

#[derive(Debug)]
pub(crate) struct NoisyRow {
    pub(crate) name: String,
    pub(crate) href: Option<String>,
    pub(crate) times: String,
    pub(crate) firing: String,
}

pub(crate) async fn ask(console: &Console, now: Timestamp) -> Result<Vec<Noise>, QueryError> {
    let counted = r#"sum by (alertname) (changes(ALERTS_FOR_STATE{severity!="info"}[30d]) + 1)"#;
    let fired = r#"count by (alertname) (ALERTS{alertstate="firing",severity!="info"})"#;
    let range = TimeRange::last(BACK, now);
    let (times, firing) = tokio::join!(
        ask::instant(console, counted, now),
        ask::range(console, fired, range, STEP)
    );
    let QueryValue::Vector(times) = times?.value else {
        return Ok(Vec::new());
    };
    let firing: BTreeMap<String, u32> = firing?
        .value
        .into_iter()
        .map(|series| {
            let name = series
                .labels
                .get("alertname")
                .unwrap_or_default()
                .to_owned();
            (name, series.samples.len() as u32)
        })
        .collect();
    let noise = times.into_iter().map(|sample| {
        let alert = sample
            .labels
            .get("alertname")
            .unwrap_or_default()
            .to_owned();
        Noise {
            times: sample.sample.v.max(0.0) as u64,
            firing: STEP * firing.get(&alert).copied().unwrap_or_default(),
            alert,
        }
    });
    Ok(noise.collect())
}

pub(super) fn rows(noise: &[Noise], rules: &[RuleStatus]) -> Vec<NoisyRow> {
    let mut noise: Vec<&Noise> = noise.iter().collect();
    noise.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.alert.cmp(&b.alert)));
    let rows = noise.into_iter().take(MOST).map(|one| {
        let rule = rules.iter().find(|rule| rule.name == one.alert);
        NoisyRow {
            name: one.alert.clone(),
            href: rule.map(|rule| rule_path(&rule.key)),
            times: figures::count(one.times),
            firing: if one.firing.is_zero() {
                "under 10 m".to_owned()
            } else {
                figures::duration(one.firing.as_secs_f64())
            },
        }
    });
    rows.collect()
}
