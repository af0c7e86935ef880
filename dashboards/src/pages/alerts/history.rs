//! When an alert was pending and firing, as the series that tell of it say.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::{LabelSet, TimeRange, Timestamp};
use watchfire_tsdb::{QueryError, RangeSeries};

use super::chips;
use crate::charts::{Stretch, Svg, state_strip};
use crate::figures::{self, When};
use crate::range::Asked;
use crate::{Console, ask};

/// How finely the range is looked at.
const POINTS: u64 = 500;
/// How many are listed.
const MOST_STRIPS: usize = 8;
const MOST_EPISODES: usize = 30;

/// One alert over the range.
#[derive(Debug)]
pub(crate) struct StripRow {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) strip: Svg,
}

/// From when an alert became true until it no longer was.
#[derive(Debug, Clone, PartialEq)]
struct Episode {
    labels: LabelSet,
    from: Timestamp,
    to: Timestamp,
    fired: Option<Timestamp>,
    is_over: bool,
}

#[derive(Debug)]
pub(crate) struct EpisodeRow {
    pub(crate) from: When,
    /// `4 m 10 s`, or that it goes on.
    pub(crate) lasted: String,
    /// `fired after 30 s`, or that it never did.
    pub(crate) told: String,
    pub(crate) fired: bool,
    pub(crate) labels: Vec<(String, String)>,
}

#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) strips: Vec<StripRow>,
    pub(crate) episodes: Vec<EpisodeRow>,
    pub(crate) times: usize,
    /// What times are true to.
    pub(crate) resolution: String,
}

pub(super) fn step(asked: &Asked) -> Duration {
    asked.step(POINTS)
}

pub(crate) async fn ask(
    console: &Console,
    alert: &str,
    asked: &Asked,
) -> Result<Vec<RangeSeries>, QueryError> {
    let expr = format!("ALERTS{{alertname={alert:?}}}");
    let answer = ask::range(console, expr, asked.range, step(asked)).await?;
    Ok(answer.value)
}

pub(super) fn told(series: &[RangeSeries], asked: &Asked) -> History {
    let step = step(asked);
    let mut episodes: Vec<Episode> = Vec::new();
    for (labels, states) in by_alert(series) {
        episodes.extend(episodes_of(&labels, &states, asked.range, step));
    }
    episodes.sort_by_key(|episode| std::cmp::Reverse(episode.from));
    History {
        strips: strips(&episodes, asked.range),
        times: episodes.len(),
        episodes: episodes
            .iter()
            .take(MOST_EPISODES)
            .map(|episode| row(episode, asked.range.end))
            .collect(),
        resolution: figures::duration(step.as_secs_f64()),
    }
}

/// Of each alert at which times it was there, and whether it fired then.
fn by_alert(series: &[RangeSeries]) -> BTreeMap<LabelSet, BTreeMap<i64, bool>> {
    let mut alerts: BTreeMap<LabelSet, BTreeMap<i64, bool>> = BTreeMap::new();
    for one in series {
        let fires = one.labels.get("alertstate") == Some("firing");
        let labels = one
            .labels
            .filtered(|name| !matches!(name, "alertstate" | LabelSet::NAME));
        let states = alerts.entry(labels).or_default();
        for sample in &one.samples {
            *states.entry(sample.t).or_default() |= fires;
        }
    }
    alerts
}

fn episodes_of(
    labels: &LabelSet,
    states: &BTreeMap<i64, bool>,
    range: TimeRange,
    step: Duration,
) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    for (&t, &fires) in states {
        let at = Timestamp::from_millis(t);
        let fired = fires.then_some(at);
        match episodes.last_mut() {
            Some(last) if at.since(last.to) <= step => {
                last.to = at;
                last.fired = last.fired.or(fired);
            }
            _ => episodes.push(Episode {
                labels: labels.clone(),
                from: at,
                to: at,
                fired,
                is_over: true,
            }),
        }
    }
    for episode in &mut episodes {
        episode.is_over = range.end.since(episode.to) > step;
    }
    episodes
}

fn strips(episodes: &[Episode], range: TimeRange) -> Vec<StripRow> {
    let mut by_labels: BTreeMap<&LabelSet, Vec<&Episode>> = BTreeMap::new();
    for episode in episodes {
        by_labels.entry(&episode.labels).or_default().push(episode);
    }
    let mut all: Vec<_> = by_labels.into_iter().collect();
    all.sort_by_key(|(_, own)| own.iter().map(|e| std::cmp::Reverse(e.from)).min());
    let last = all.len().min(MOST_STRIPS).saturating_sub(1);
    let rows = all
        .into_iter()
        .take(MOST_STRIPS)
        .enumerate()
        .map(|(at, (labels, own))| {
            let mut stretches = Vec::new();
            for episode in own {
                let end = if episode.is_over {
                    episode.to
                } else {
                    range.end
                };
                let title = format!(
                    "{} to {}",
                    figures::date_time(episode.from),
                    figures::date_time(end)
                );
                stretches.push(Stretch {
                    from: episode.from,
                    to: episode.fired.unwrap_or(end),
                    class: "pending",
                    title: format!("true {title}"),
                });
                stretches.extend(episode.fired.map(|fired| Stretch {
                    from: fired,
                    to: end,
                    class: "firing",
                    title: format!("firing {title}"),
                }));
            }
            StripRow {
                labels: chips(labels, &["severity"]),
                strip: state_strip(
                    range,
                    &stretches,
                    "when it was pending and firing",
                    at == last,
                ),
            }
        });
    rows.collect()
}

fn row(episode: &Episode, now: Timestamp) -> EpisodeRow {
    let end = if episode.is_over { episode.to } else { now };
    let lasted = figures::duration(end.seconds_since(episode.from));
    EpisodeRow {
        from: When::dated(episode.from),
        lasted: if episode.is_over {
            lasted
        } else {
            format!("goes on, {lasted} so far")
        },
        told: match episode.fired {
            None => "never fired".to_owned(),
            Some(fired) if fired == episode.from => "fired at once".to_owned(),
            Some(fired) => format!(
                "fired after {}",
                figures::duration(fired.seconds_since(episode.from))
            ),
        },
        fired: episode.fired.is_some(),
        labels: chips(&episode.labels, &["severity"]),
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::Sample;

    use super::*;

    #[test]
    fn episodes_are_found_in_the_series_of_an_alert() {
        let series = |state: &str, times: &[i64]| RangeSeries {
            labels: LabelSet::metric("ALERTS", [("alertname", "A"), ("alertstate", state)]),
            samples: times
                .iter()
                .map(|t| Sample {
                    t: t * 1000,
                    v: 1.0,
                })
                .collect(),
            histograms: Vec::new(),
        };
        let alerts = by_alert(&[
            series("pending", &[10, 20, 60]),
            series("firing", &[30, 40]),
        ]);
        let (labels, states) = alerts.first_key_value().unwrap();
        let range = TimeRange {
            start: Timestamp::from_secs(0),
            end: Timestamp::from_secs(65),
        };
        let found = episodes_of(labels, states, range, Duration::from_secs(10));
        let told: Vec<_> = found
            .iter()
            .map(|e| {
                (
                    e.from.millis() / 1000,
                    e.to.millis() / 1000,
                    e.fired.map(|f| f.millis() / 1000),
                    e.is_over,
                )
            })
            .collect();
        assert_eq!(told, [(10, 40, Some(30), true), (60, 60, None, false)]);
    }
}
