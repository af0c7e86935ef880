//! What happened in the last day, for whoever has just been woken: incidents that are over,
//! exceptions that are new or back, what people changed, and whether telemetry still arrives.

use std::time::Duration;

use watchfire_alerts::{ExceptionGroup, GroupStatus, Incident};
use watchfire_schemas::{ChangeEvent, TimeRange, Timestamp};
use watchfire_tsdb::{QueryAnswer, QueryValue};

use crate::ask::{self, MOST_LISTED};
use crate::figures::{self, When};
use crate::pages::incidents::{IncidentRow, incident_row, is_open};
use crate::pages::log_view::one_line;
use crate::shell::{House, Shell};
use crate::{Console, url};

const DAY: Duration = Duration::from_hours(24);
/// Rows of each list.
const SHOWN: usize = 6;
/// A house that has received nothing for so long is said to be silent.
const SILENT_SECONDS: f64 = 60.0;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) incidents: Vec<Incident>,
    pub(crate) groups: Vec<ExceptionGroup>,
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) intake: Intake,
}

/// How the intake is doing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Intake {
    pub(crate) logs_per_second: f64,
    pub(crate) spans_per_second: f64,
    /// Lines that broke their contract in the last hour.
    pub(crate) quarantined: f64,
    /// Dropped or refused since start.
    pub(crate) lost: u64,
    pub(crate) newest: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct NewException {
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) service: String,
    pub(crate) word: &'static str,
    pub(crate) at: When,
}

#[derive(Debug)]
pub(crate) struct RecentChange {
    pub(crate) at: When,
    pub(crate) kind: &'static str,
    pub(crate) service: String,
    pub(crate) version: String,
    pub(crate) summary: String,
}

#[derive(Debug)]
pub(crate) struct IntakeFigure {
    pub(crate) value: String,
    pub(crate) name: &'static str,
    pub(crate) is_bad: bool,
}

/// As it is shown.
#[derive(Debug)]
pub(crate) struct Lately {
    pub(crate) incidents: Vec<IncidentRow>,
    pub(crate) incidents_total: usize,
    pub(crate) exceptions: Vec<NewException>,
    pub(crate) changes: Vec<RecentChange>,
    pub(crate) intake: Vec<IntakeFigure>,
}

pub(super) async fn ask(console: &Console, house: &House, shell: &mut Shell) -> Found {
    let day = TimeRange {
        start: house.now - DAY,
        end: house.now,
    };
    let (incidents, groups, changes, intake) = tokio::join!(
        console.alerts.incidents(day, false, 200),
        console
            .alerts
            .exception_groups(None, Some(GroupStatus::Open), MOST_LISTED),
        console.alerts.changes(day, None),
        intake(console, house.now),
    );
    Found {
        incidents: shell.take("recent incidents", incidents),
        groups: shell.take("exception groups", groups),
        changes: shell.take("changes", changes),
        intake: shell.take("the intake", intake),
    }
}

async fn intake(console: &Console, now: Timestamp) -> Result<Intake, watchfire_tsdb::QueryError> {
    let (logs, spans, quarantined) = tokio::try_join!(
        ask::instant(console, "sum(rate(log_records_total[1m]))", now),
        ask::instant(
            console,
            "sum(rate(traces_span_metrics_calls_total[1m]))",
            now
        ),
        ask::instant(console, "sum(increase(schema_violations_total[1h]))", now),
    )?;
    let number = |answer: QueryAnswer<QueryValue>| match answer.value {
        QueryValue::Vector(samples) => samples.first().map_or(0.0, |sample| sample.sample.v),
        _ => 0.0,
    };
    let report = console.status.ingest();
    Ok(Intake {
        logs_per_second: number(logs),
        spans_per_second: number(spans),
        quarantined: number(quarantined),
        lost: report.lost(),
        newest: report.sources.iter().map(|source| source.4).max(),
    })
}

pub(super) fn view(found: &Found, now: Timestamp) -> Lately {
    let mut over: Vec<&Incident> = found.incidents.iter().filter(|i| !is_open(i)).collect();
    over.sort_by_key(|incident| std::cmp::Reverse(incident.onset.at));
    let mut changes: Vec<&ChangeEvent> = found.changes.iter().collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.at));
    Lately {
        incidents_total: over.len(),
        incidents: over
            .iter()
            .take(SHOWN)
            .map(|incident| incident_row(incident, now))
            .collect(),
        exceptions: new_exceptions(&found.groups, now),
        changes: changes
            .iter()
            .take(SHOWN)
            .map(|change| RecentChange {
                at: When::ago(change.at, now),
                kind: change.kind.as_str(),
                service: change.service.clone(),
                version: change.version.clone().unwrap_or_default(),
                summary: one_line(&change.summary),
            })
            .collect(),
        intake: intake_figures(&found.intake, now),
    }
}

/// Groups first seen, or back after they were resolved, within a day; the newest first.
fn new_exceptions(groups: &[ExceptionGroup], now: Timestamp) -> Vec<NewException> {
    let since = now - DAY;
    let mut rows: Vec<(Timestamp, &'static str, &ExceptionGroup)> = groups
        .iter()
        .filter_map(|group| match group.regressed_at {
            Some(at) if at >= since => Some((at, "regressed", group)),
            _ if group.first_seen >= since => Some((group.first_seen, "new", group)),
            _ => None,
        })
        .collect();
    rows.sort_by_key(|(at, _, _)| std::cmp::Reverse(*at));
    rows.into_iter()
        .take(SHOWN)
        .map(|(at, word, group)| NewException {
            href: format!("/exceptions/{}", url::encode(&group.id)),
            kind: group.kind.clone(),
            message: one_line(&group.message),
            service: group.service.clone(),
            word,
            at: When::ago(at, now),
        })
        .collect()
}

fn intake_figures(intake: &Intake, now: Timestamp) -> Vec<IntakeFigure> {
    let figure = |value: String, name, is_bad| IntakeFigure {
        value,
        name,
        is_bad,
    };
    let age = intake
        .newest
        .map(|newest| now.seconds_since(newest).max(0.0));
    let newest = match age {
        None => "nothing yet".to_owned(),
        Some(age) if age < 1.0 => "now".to_owned(),
        Some(age) => format!("{} ago", figures::duration(age.floor())),
    };
    vec![
        figure(
            newest,
            "newest record",
            age.is_none_or(|age| age > SILENT_SECONDS),
        ),
        figure(figures::short(intake.logs_per_second), "logs/s", false),
        figure(figures::short(intake.spans_per_second), "spans/s", false),
        figure(
            figures::count(intake.quarantined.max(0.0).round() as u64),
            "quarantined/h",
            intake.quarantined >= 1.0,
        ),
        figure(figures::count(intake.lost), "lost", intake.lost > 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood, now};

    #[test]
    fn only_what_is_over_and_only_what_is_new_is_told() {
        let found = samples::lately(Mood::Full);
        let lately = view(&found, now());
        assert!(lately.incidents.iter().all(|row| row.status == "resolved"));
        assert!(lately.incidents_total >= lately.incidents.len());
        let mut old = found.groups[0].clone();
        old.first_seen = now() - DAY * 3;
        old.regressed_at = None;
        assert!(new_exceptions(&[old.clone()], now()).is_empty());
        old.regressed_at = Some(now() - DAY / 2);
        assert_eq!(new_exceptions(&[old], now())[0].word, "regressed");
    }

    #[test]
    fn silence_is_bad() {
        let mut intake = Intake {
            newest: Some(now() - Duration::from_secs(61)),
            ..Intake::default()
        };
        assert!(intake_figures(&intake, now())[0].is_bad);
        intake.newest = Some(now());
        assert!(!intake_figures(&intake, now())[0].is_bad);
    }
}
