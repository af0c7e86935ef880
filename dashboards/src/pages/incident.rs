//! `/incidents/{id}`: the page, assembled before anyone asks.

mod alerts;
mod axis;
mod evidence;
mod failed_traces;
mod measure;
mod response;
mod suspects;
mod telling_logs;
mod timeline;

use askama::Template;
use axum::extract::{Path, State};
use http::HeaderMap;
use watchfire_alerts::{Delivery, Incident, RuleStatus};
use watchfire_logsearch::SpanPage;
use watchfire_schemas::{ChangeEvent, Timestamp};

use super::incidents::{is_open, status_name};
use super::log_view::{LogContext, LogView};
use super::{Fault, Page, explore, posted, render};
use crate::charts::Svg;
use crate::figures::{self, When};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, ask, url};
use alerts::{AlertGroup, alert_groups};
pub(crate) use axis::Measured;
use axis::{Legend, Moment};
use failed_traces::{FailedOperation, failed_operations};
use measure::of_services;
use response::{DeliveryRow, Figure, PhaseRow};
use suspects::{ChangeRow, ExceptionRow};
pub(crate) use telling_logs::TellingLogs;
use timeline::TimelineRow;

/// What was asked for beside the incident itself.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) measured: Measured,
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) rules: Vec<RuleStatus>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) logs: TellingLogs,
    pub(crate) traces: Option<SpanPage>,
    /// Per exception group of the incident, in its order.
    pub(crate) trends: Vec<Vec<f64>>,
    /// The name that the reader last acted under.
    pub(crate) who: String,
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
    pub(crate) moments: Vec<Moment>,
    pub(crate) legend: Vec<Legend>,
    pub(crate) exceptions: Vec<ExceptionRow>,
    pub(crate) changes: Vec<ChangeRow>,
    pub(crate) failed: Vec<FailedOperation>,
    pub(crate) traces_href: String,
    pub(crate) logs: Vec<LogView>,
    pub(crate) logs_href: String,
    pub(crate) logs_note: String,
    pub(crate) logs_total: String,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) phases: Vec<PhaseRow>,
    pub(crate) timeline: Vec<TimelineRow>,
    /// What alerts did after the first of them: many say the same again.
    pub(crate) alert_changes: Vec<TimelineRow>,
    pub(crate) evidence: Vec<(&'static str, String)>,
    pub(crate) alerts: Vec<AlertGroup>,
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
    let window = axis::window(incident, now);
    let services = of_services(incident);
    let logs_query = format!("{services} severity:(WARN or ERROR or FATAL)");
    let traces_query = format!("{services} status:error");
    let (measured, trends, changes, deliveries, logs, traces) = tokio::join!(
        measure::measure(console, incident, window),
        measure::group_trends(console, incident, window),
        console.alerts.changes(window, None),
        console.alerts.deliveries(Some(&incident.id), 50),
        telling_logs::ask(console, incident, logs_query.trim(), window),
        ask::spans(console, traces_query.trim(), window, 300, None),
    );
    Context {
        measured: shell.take("the signal", measured),
        trends: shell.take("exception trends", trends),
        changes: shell.take("changes", changes),
        rules: console.alerts.rules(),
        deliveries: shell.take("deliveries", deliveries),
        logs: shell.take("logs", logs),
        traces: shell.take("traces", traces.map(Some)),
        who: String::new(),
    }
}

pub(crate) fn view(
    mut shell: Shell,
    now: Timestamp,
    incident: &Incident,
    context: &Context,
) -> IncidentPage {
    let window = axis::window(incident, now);
    let asked = Asked::absolute(window);
    let (axis, moments, legend) = axis::draw(incident, &context.changes, &context.measured, window);
    let (timeline, alert_changes) = timeline::timeline_rows(incident, now);
    let services = of_services(incident);
    let logs_query = format!("{services} severity:(WARN or ERROR or FATAL)");
    let log_context = LogContext::new(logs_query.trim(), &asked);
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
        figures: response::response_figures(incident, now),
        axis,
        moments,
        legend,
        exceptions: suspects::exception_rows(incident, &context.trends),
        changes: suspects::change_rows(incident, &context.changes, now),
        failed: context
            .traces
            .as_ref()
            .map_or_else(Vec::new, |page| failed_operations(page, now)),
        traces_href: asked.link(
            "/traces",
            &[("q", format!("{services} status:error").trim())],
        ),
        logs: telling_logs::telling(&context.logs, &log_context),
        logs_href: super::logs::href(logs_query.trim(), &asked),
        logs_note: format!(
            "one of each kind, of {} read",
            figures::count(context.logs.records.len() as u64)
        ),
        logs_total: figures::count(context.logs.total),
        deliveries: context
            .deliveries
            .iter()
            .map(|delivery| response::delivery_row(delivery, now))
            .collect(),
        phases: response::phase_rows(incident),
        timeline,
        alert_changes,
        evidence: evidence::evidence(incident),
        alerts: alert_groups(incident, |name| {
            let rule = context.rules.iter().find(|rule| rule.name == name)?;
            Some(explore::link(&rule.expr, &asked))
        }),
        alerts_total: incident.alerts.len(),
        // A runbook comes from a rule's annotation: only a web address becomes a link.
        runbook: incident
            .runbook
            .clone()
            .filter(|link| suspects::is_web_address(link)),
        who: context.who.clone(),
        onset_input: incident.onset.at.to_string()[..19].to_owned(),
    }
}
