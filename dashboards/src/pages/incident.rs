//! `/incidents/{id}`: the page, assembled before anyone asks.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use http::HeaderMap;
use watchfire_alerts::{AlertState, Delivery, DeliveryState, Incident, OnsetMethod, TimelineKind};
use watchfire_logsearch::{LogPage, SpanPage};
use watchfire_schemas::{ChangeEvent, TimeRange, Timestamp};

use super::incident_axis::{self, Measured};
use super::incidents::{Clocks, ResponseClock, is_open, status_name};
use super::log_view::{LogContext, LogView, log_view};
use super::traces::{SpanRow, span_row};
use super::{Fault, Page, posted, render};
use crate::ask;
use crate::charts::{Svg, bar, sparkline};
use crate::figures::{self, When};
use crate::range::{Asked, round_step};
use crate::shell::{House, Shell};
use crate::{Console, query_text, url};

/// What was asked for beside the incident itself.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) measured: Measured,
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) logs: Option<LogPage>,
    pub(crate) traces: Option<SpanPage>,
    /// Per exception group of the incident, in its order.
    pub(crate) trends: Vec<Vec<f64>>,
    /// The name that the reader last acted under.
    pub(crate) who: String,
}

#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) definition: &'static str,
    pub(crate) state: &'static str,
}

#[derive(Debug)]
pub(crate) struct ExceptionRow {
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) service: String,
    pub(crate) count: String,
    pub(crate) change: String,
    pub(crate) is_new: bool,
    pub(crate) is_regressed: bool,
    pub(crate) trend: Svg,
}

#[derive(Debug)]
pub(crate) struct ChangeRow {
    pub(crate) at: When,
    pub(crate) distance: String,
    pub(crate) kind: &'static str,
    pub(crate) service: String,
    pub(crate) summary: String,
    pub(crate) version: String,
    pub(crate) author: String,
    pub(crate) link: Option<String>,
}

#[derive(Debug)]
pub(crate) struct DeliveryRow {
    pub(crate) destination: String,
    pub(crate) action: String,
    pub(crate) state: &'static str,
    pub(crate) http_status: String,
    pub(crate) attempts: u32,
    pub(crate) at: When,
    pub(crate) took: String,
    pub(crate) error: String,
}

#[derive(Debug)]
pub(crate) struct PhaseRow {
    pub(crate) name: String,
    pub(crate) seconds: String,
    pub(crate) bar: Svg,
}

#[derive(Debug)]
pub(crate) struct TimelineRow {
    pub(crate) at: When,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) actor: String,
}

#[derive(Debug, Template)]
#[template(path = "incident.html")]
pub(crate) struct IncidentPage {
    pub(crate) shell: Shell,
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) severity: &'static str,
    pub(crate) status: &'static str,
    pub(crate) is_open: bool,
    pub(crate) can_acknowledge: bool,
    pub(crate) acknowledged_by: Option<String>,
    pub(crate) services: Vec<(String, String)>,
    pub(crate) began: When,
    pub(crate) figures: Vec<Figure>,
    pub(crate) axis: Svg,
    pub(crate) axis_note: String,
    pub(crate) exceptions: Vec<ExceptionRow>,
    pub(crate) changes: Vec<ChangeRow>,
    pub(crate) traces: Vec<SpanRow>,
    pub(crate) traces_href: String,
    pub(crate) logs: Vec<LogView>,
    pub(crate) logs_href: String,
    pub(crate) logs_total: String,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) phases: Vec<PhaseRow>,
    pub(crate) timeline: Vec<TimelineRow>,
    /// What alerts did after the first of them: many say the same again.
    pub(crate) alert_changes: Vec<TimelineRow>,
    pub(crate) evidence: Vec<(&'static str, String)>,
    pub(crate) alerts: Vec<(String, String, &'static str, String)>,
    pub(crate) alerts_total: usize,
    pub(crate) runbook: Option<String>,
    pub(crate) who: String,
    pub(crate) onset_input: String,
}

pub(crate) async fn page(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Page {
    let house = House::ask(&console).await;
    let incident = console.alerts.incident(&id).await?;
    let incident = incident.ok_or_else(|| Fault::NotFound(format!("incident {id}")))?;
    let mut shell = Shell::new(&house, "/incidents/", incident.title.clone());
    let mut context = ask_context(&console, &incident, house.now, &mut shell).await;
    context.who = posted::remembered_name(&headers);
    render(&view(shell, house.now, &incident, &context))
}

/// All that stands beside an incident. What cannot be read is said on the page, which stays.
async fn ask_context(
    console: &Console,
    incident: &Incident,
    now: Timestamp,
    shell: &mut Shell,
) -> Context {
    let window = incident_axis::window(incident, now);
    let services = of_services(incident);
    let logs_query = format!("{services} severity:(WARN or ERROR or FATAL)");
    let traces_query = format!("{services} status:error");
    let (measured, trends, changes, deliveries, logs, traces) = tokio::join!(
        measure(console, incident, window),
        group_trends(console, incident, window),
        console.alerts.changes(window, None),
        console.alerts.deliveries(Some(&incident.id), 50),
        ask::logs(console, logs_query.trim(), window, 20, None),
        ask::spans(console, traces_query.trim(), window, 40, None),
    );
    Context {
        measured: shell.take("the signal", measured),
        trends: shell.take("exception trends", trends),
        changes: shell.take("changes", changes),
        deliveries: shell.take("deliveries", deliveries),
        logs: shell.take("logs", logs.map(Some)),
        traces: shell.take("traces", traces.map(Some)),
        who: String::new(),
    }
}

/// The signal that gave the onset, or failed requests where a rule alone did, with exceptions.
async fn measure(
    console: &Console,
    incident: &Incident,
    window: TimeRange,
) -> Result<Measured, watchfire_tsdb::QueryError> {
    let bin = round_step(window.end.since(window.start), 150).max(Duration::from_secs(5));
    let start = window.start.floor(bin);
    let bins = (window.end.since(start).as_secs() / bin.as_secs()) as usize + 1;
    let of_services = service_matcher(incident);
    let (signal, selector) = match &incident.onset.evidence {
        Some(evidence) => (evidence.signal.clone(), evidence.selector.clone()),
        None => (
            "failed requests".to_owned(),
            format!(
                "traces_span_metrics_calls_total{{kind=\"SPAN_KIND_SERVER\",status=\"STATUS_CODE_ERROR\"{of_services}}}"
            ),
        ),
    };
    let exceptions = format!(
        "exceptions_total{{{}}}",
        of_services.trim_start_matches(',')
    );
    let exceptions = if of_services.is_empty() {
        "exceptions_total".to_owned()
    } else {
        exceptions
    };
    let mut found = ask::trends(console, vec![selector, exceptions], start, bin, bins).await?;
    let timed = |counts: Vec<f64>| -> Vec<(Timestamp, f64)> {
        let at = |index: usize| start + bin * index as u32;
        counts
            .into_iter()
            .enumerate()
            .map(|(index, count)| (at(index), count))
            .collect()
    };
    let exceptions = timed(found.pop().unwrap_or_default());
    Ok(Measured {
        signal,
        counts: timed(found.pop().unwrap_or_default()),
        baseline: baseline(incident, bin),
        exceptions,
        bin_seconds: bin.as_secs_f64(),
    })
}

/// The expected counts as the estimate used them, per bin of this chart.
pub(crate) fn baseline(incident: &Incident, bin: Duration) -> Vec<(Timestamp, f64)> {
    let Some(evidence) = &incident.onset.evidence else {
        return Vec::new();
    };
    if evidence.bin_seconds <= 0.0 || !evidence.bin_seconds.is_finite() {
        return Vec::new();
    }
    let per_bin = bin.as_secs_f64() / evidence.bin_seconds;
    let width = Duration::from_secs_f64(evidence.bin_seconds);
    let at = |index: usize| evidence.start + width * index as u32;
    let expected = evidence.baseline.iter().enumerate();
    expected
        .map(|(index, expected)| (at(index), expected * per_bin))
        .collect()
}

async fn group_trends(
    console: &Console,
    incident: &Incident,
    window: TimeRange,
) -> Result<Vec<Vec<f64>>, watchfire_tsdb::QueryError> {
    const BINS: u32 = 40;
    let bin = window.end.since(window.start) / BINS;
    let selectors = incident
        .exceptions
        .iter()
        .map(|exception| super::exceptions::selector(&exception.group))
        .collect();
    ask::trends(console, selectors, window.start, bin, BINS as usize).await
}

/// `service.name:(a or b)`; empty if the incident names no service.
fn of_services(incident: &Incident) -> String {
    let names: Vec<String> = incident
        .services
        .iter()
        .map(|service| {
            let clause = query_text::term("s", service);
            clause.trim_start_matches("s:").to_owned()
        })
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("service.name:{one}"),
        many => format!("service.name:({})", many.join(" or ")),
    }
}

/// `,service=~"a|b"`; empty if the incident names no service.
fn service_matcher(incident: &Incident) -> String {
    if incident.services.is_empty() {
        return String::new();
    }
    let quoted = incident.services.iter().map(|service| {
        let mut out = String::new();
        for c in service.chars() {
            if !c.is_alphanumeric() && !matches!(c, '_' | '-') {
                out.push('\\');
            }
            out.push(c);
        }
        out
    });
    let pattern = quoted.collect::<Vec<_>>().join("|");
    format!(",service=~{pattern:?}")
}

pub(crate) fn view(
    mut shell: Shell,
    now: Timestamp,
    incident: &Incident,
    context: &Context,
) -> IncidentPage {
    let window = incident_axis::window(incident, now);
    let asked = Asked::absolute(window);
    let (timeline, alert_changes) = timeline_rows(incident, now);
    let services = of_services(incident);
    let logs_query = format!("{services} severity:(WARN or ERROR or FATAL)");
    let log_context = LogContext {
        query: logs_query.trim(),
        asked: &asked,
        path: "/logs",
        is_alone: false,
    };
    if is_open(incident) {
        shell = shell.live(5);
    }
    IncidentPage {
        shell,
        id: incident.id.clone(),
        path: format!("/incidents/{}", url::encode(&incident.id)),
        title: incident.title.clone(),
        severity: incident.severity.as_str(),
        status: status_name(incident.status),
        is_open: is_open(incident),
        can_acknowledge: incident.acknowledged_at.is_none() && is_open(incident),
        acknowledged_by: incident.acknowledged_by.clone(),
        services: incident
            .services
            .iter()
            .map(|name| (name.clone(), format!("/services/{}", url::encode(name))))
            .collect(),
        began: When::ago(incident.onset.at, now),
        figures: response_figures(incident, now),
        axis: incident_axis::draw(incident, &context.changes, &context.measured, window),
        axis_note: axis_note(&context.measured),
        exceptions: exception_rows(incident, &context.trends),
        changes: change_rows(incident, &context.changes, now),
        traces: sample_traces(context, now),
        traces_href: asked.link(
            "/traces",
            &[("q", format!("{services} status:error").trim())],
        ),
        logs: context.logs.as_ref().map_or_else(Vec::new, |page| {
            page.records
                .iter()
                .map(|found| log_view(found, &log_context))
                .collect()
        }),
        logs_href: super::logs::href(logs_query.trim(), &asked),
        logs_total: context
            .logs
            .as_ref()
            .map_or_else(String::new, |page| figures::count(page.total)),
        deliveries: context
            .deliveries
            .iter()
            .map(|delivery| delivery_row(delivery, now))
            .collect(),
        phases: phase_rows(incident),
        timeline,
        alert_changes,
        evidence: evidence(incident),
        alerts: alert_rows(incident),
        alerts_total: incident.alerts.len(),
        // A runbook comes from a rule's annotation: only a web address becomes a link.
        runbook: incident.runbook.clone().filter(|link| is_web_address(link)),
        who: context.who.clone(),
        onset_input: incident.onset.at.to_string()[..19].to_owned(),
    }
}

/// Whether a text may become a link: `javascript:` must not.
pub(crate) fn is_web_address(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

fn axis_note(measured: &Measured) -> String {
    if measured.signal.is_empty() {
        return String::new();
    }
    format!(
        "{} per {}; dashed: expected; bars: exceptions",
        measured.signal,
        figures::duration(measured.bin_seconds)
    )
}

fn response_figures(incident: &Incident, now: Timestamp) -> Vec<Figure> {
    let clocks = Clocks::of(incident, now);
    let figure = |name, clock: ResponseClock, definition| Figure {
        name,
        value: match clock {
            ResponseClock::Stopped(seconds) | ResponseClock::Running(seconds) => {
                figures::duration(seconds)
            }
            ResponseClock::NotStarted => "–".to_owned(),
        },
        definition,
        state: match clock {
            ResponseClock::Stopped(_) => "stopped",
            ResponseClock::Running(_) => "running",
            ResponseClock::NotStarted => "none",
        },
    };
    vec![
        figure("TTD", clocks.ttd, "to detect: detected − onset"),
        figure("TTA", clocks.tta, "to acknowledge: acknowledged − notified"),
        figure("TTR", clocks.ttr, "to recover: recovered − onset"),
    ]
}

fn exception_rows(incident: &Incident, trends: &[Vec<f64>]) -> Vec<ExceptionRow> {
    let row = |(at, exception): (usize, &watchfire_alerts::IncidentException)| {
        let message = super::log_view::one_line(&exception.message);
        ExceptionRow {
            href: format!("/exceptions/{}", url::encode(&exception.group)),
            kind: exception.kind.clone(),
            message,
            service: exception.service.clone(),
            count: figures::count(exception.count),
            change: match exception.ratio {
                _ if exception.is_new => String::new(),
                Some(ratio) if ratio.is_finite() => format!("×{}", figures::short(ratio)),
                _ => "from none".to_owned(),
            },
            is_new: exception.is_new,
            is_regressed: exception.is_regressed,
            trend: sparkline(
                trends.get(at).map_or(&[][..], Vec::as_slice),
                0.0,
                "occurrences over the window",
            ),
        }
    };
    incident.exceptions.iter().enumerate().map(row).collect()
}

/// Changes of the window, those nearest to the onset first; candidates, not causes.
fn change_rows(incident: &Incident, asked: &[ChangeEvent], now: Timestamp) -> Vec<ChangeRow> {
    let mut changes: Vec<&ChangeEvent> = incident.changes.iter().collect();
    changes.extend(
        asked
            .iter()
            .filter(|change| !incident.changes.iter().any(|known| known.id == change.id)),
    );
    let distance = |change: &ChangeEvent| incident.onset.at.seconds_since(change.at);
    changes.sort_by(|a, b| distance(a).abs().total_cmp(&distance(b).abs()));
    let row = |change: &&ChangeEvent| {
        let before = distance(change);
        ChangeRow {
            at: When::clock(change.at, now),
            distance: if before >= 0.0 {
                format!("{} before onset", figures::duration(before))
            } else {
                format!("{} after onset", figures::duration(-before))
            },
            kind: change.kind.as_str(),
            service: change.service.clone(),
            summary: change.summary.clone(),
            version: change.version.clone().unwrap_or_default(),
            author: change.author.clone().unwrap_or_default(),
            link: change.link.clone().filter(|link| is_web_address(link)),
        }
    };
    changes.iter().take(20).map(row).collect()
}

/// One span of each trace, the slowest failures of the window first.
fn sample_traces(context: &Context, now: Timestamp) -> Vec<SpanRow> {
    let Some(page) = &context.traces else {
        return Vec::new();
    };
    let mut spans: Vec<_> = page.spans.iter().map(|(_, span)| span).collect();
    spans.sort_by_key(|span| (span.trace_id, std::cmp::Reverse(span.duration())));
    spans.dedup_by_key(|span| span.trace_id);
    spans.sort_by_key(|span| std::cmp::Reverse(span.duration()));
    let longest = spans
        .first()
        .map_or(0.0, |span| span.duration().as_secs_f64());
    spans
        .iter()
        .take(8)
        .map(|span| span_row(span, longest, now))
        .collect()
}

fn delivery_row(delivery: &Delivery, now: Timestamp) -> DeliveryRow {
    let at = delivery
        .delivered_at
        .or(delivery.last_attempt_at)
        .unwrap_or(delivery.queued_at);
    DeliveryRow {
        destination: delivery.destination.clone(),
        action: delivery.action.clone(),
        state: match delivery.state {
            DeliveryState::Queued => "queued",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
            DeliveryState::Dropped => "dropped",
        },
        http_status: delivery
            .http_status
            .map_or_else(|| "–".to_owned(), |status| status.to_string()),
        attempts: delivery.attempts,
        at: When::clock(at, now),
        took: figures::duration(at.seconds_since(delivery.queued_at)),
        error: delivery.error.clone().unwrap_or_default(),
    }
}

fn phase_rows(incident: &Incident) -> Vec<PhaseRow> {
    let start = incident.phases.iter().map(|phase| phase.from).min();
    let end = incident.phases.iter().map(|phase| phase.to).max();
    let (Some(start), Some(end)) = (start, end) else {
        return Vec::new();
    };
    let length = end.seconds_since(start).max(1e-9);
    let row = |phase: &watchfire_alerts::Phase| PhaseRow {
        name: match phase.name.as_str() {
            "data_delay" => "data on its way".to_owned(),
            "evaluation" => "until the rule ran".to_owned(),
            "hold" => "hold (for:)".to_owned(),
            other => other.replace('_', " "),
        },
        seconds: figures::duration(phase.seconds),
        bar: bar(
            phase.from.seconds_since(start) / length * 100.0,
            phase.to.seconds_since(phase.from) / length * 100.0,
            "phase-bar",
        ),
    };
    incident.phases.iter().map(row).collect()
}

/// What people and the incident did, with the first steps of alerts; and the further steps of alerts.
fn timeline_rows(incident: &Incident, now: Timestamp) -> (Vec<TimelineRow>, Vec<TimelineRow>) {
    const FIRST: usize = 3;
    let row = |entry: &watchfire_alerts::TimelineEntry| TimelineRow {
        at: When::clock(entry.at, now),
        kind: serde_json::to_value(entry.kind)
            .ok()
            .and_then(|kind| kind.as_str().map(|kind| kind.replace('_', " ")))
            .unwrap_or_default(),
        text: entry.text.clone(),
        actor: entry.actor.clone().unwrap_or_default(),
    };
    let mut entries: Vec<_> = incident.timeline.iter().collect();
    entries.sort_by_key(|entry| entry.at);
    let mut alert_steps = 0;
    let (further, told): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| {
        let is_step = matches!(
            entry.kind,
            TimelineKind::AlertPending | TimelineKind::AlertFiring | TimelineKind::AlertResolved
        );
        alert_steps += usize::from(is_step);
        is_step && alert_steps > FIRST
    });
    let rows =
        |entries: Vec<&watchfire_alerts::TimelineEntry>| entries.into_iter().map(row).collect();
    (rows(told), rows(further))
}

fn evidence(incident: &Incident) -> Vec<(&'static str, String)> {
    let onset = &incident.onset;
    let method = match onset.method {
        OnsetMethod::StepV1 => "change point by CUSUM, a step (version 1)",
        OnsetMethod::RampV1 => "change point by CUSUM, a ramp (version 1)",
        OnsetMethod::RuleFirstTrue => "no signal changed: the first evaluation that was true",
        OnsetMethod::Human => "set by a person",
    };
    let mut rows = vec![
        ("Onset", figures::date_time(onset.at)),
        (
            "Interval",
            format!(
                "{} to {} ({})",
                figures::clock(onset.earliest),
                figures::clock(onset.latest),
                figures::duration(onset.latest.seconds_since(onset.earliest))
            ),
        ),
        ("Method", method.to_owned()),
    ];
    if let Some(evidence) = &onset.evidence {
        let mean = evidence.baseline.iter().sum::<f64>() / evidence.baseline.len().max(1) as f64;
        rows.push(("Signal", evidence.signal.clone()));
        rows.push(("Selector", evidence.selector.clone()));
        rows.push((
            "Expected",
            format!(
                "{} per {} over {} bins, dispersion {}",
                figures::short(mean),
                figures::duration(evidence.bin_seconds),
                evidence.counts.len(),
                figures::short(evidence.dispersion)
            ),
        ));
    }
    if let Some(who) = &onset.set_by {
        rows.push(("Set by", who.clone()));
    }
    if let Some(reason) = &onset.reason {
        rows.push(("Because", reason.clone()));
    }
    rows
}

/// (rule, labels, state, value)
fn alert_rows(incident: &Incident) -> Vec<(String, String, &'static str, String)> {
    let mut alerts: Vec<_> = incident.alerts.iter().collect();
    alerts.sort_by_key(|alert| (alert.state != AlertState::Firing, alert.active_at));
    let alerts = alerts.into_iter().take(12).map(|alert| {
        (
            alert.rule.clone(),
            alert.labels.to_string(),
            super::alerts::state_name(alert.state),
            figures::short(alert.value),
        )
    });
    alerts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood, now};

    #[test]
    fn alerts_that_repeat_themselves_do_not_bury_the_timeline() {
        let mut incident = samples::incident(Mood::Full);
        let step = incident.timeline[2].clone();
        incident.timeline.extend(std::iter::repeat_n(step, 80));
        let before = incident.timeline.len();
        let (told, further) = timeline_rows(&incident, now());
        assert_eq!(told.len() + further.len(), before);
        assert_eq!(further.len(), 78);
        assert!(told.iter().any(|row| row.kind == "note"));
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert!(is_web_address("https://runbooks.example.com/a"));
        assert!(!is_web_address("javascript:alert(1)"));
        assert!(!is_web_address("//example.com"));
    }
}
