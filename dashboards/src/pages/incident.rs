//! `/incidents/{id}`: the page, assembled before anyone asks.

mod alerts;
mod axis;
mod brief;
mod evidence;
mod findings;
mod response;
mod suspects;
mod timeline;

use askama::Template;
use axum::extract::{Path, State};
use http::HeaderMap;
use watchfire_alerts::{CauseKind, Delivery, Incident, IncidentLink, RuleStatus, SimilarIncident};
use watchfire_schemas::{ChangeEvent, Timestamp};

use super::incidents::{is_open, status_name};
use super::{Fault, Page, explore, posted, render};
use crate::charts::Svg;
use crate::facts::{self, Facts, log_query, of_services, window};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, chain, url};
use alerts::{AlertGroup, alert_groups};
use axis::{Legend, Moment};
use brief::Brief;
use findings::Findings;
use response::{DeliveryRow, Figure, PhaseRow};
use suspects::{ChangeRow, ExceptionRow};
use timeline::TimelineRow;

/// How many similar incidents are named.
const SIMILAR: usize = 5;

/// What was asked for beside the incident itself.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) facts: Facts,
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) rules: Vec<RuleStatus>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) similar: Vec<SimilarIncident>,
    /// The range in which the reader came here; without one, links lead to the incident's own.
    pub(crate) asked: Option<Asked>,
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
    pub(crate) is_acknowledged: bool,
    pub(crate) merged_into: Option<(String, String)>,
    pub(crate) kin: Vec<(&'static str, String, String)>,
    pub(crate) services: Vec<(String, String)>,
    pub(crate) incidents_href: String,
    pub(crate) brief: Brief,
    pub(crate) silence_href: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) axis: Svg,
    pub(crate) heat: Option<Svg>,
    pub(crate) moments: Vec<Moment>,
    pub(crate) legend: Vec<Legend>,
    pub(crate) exceptions: Vec<ExceptionRow>,
    pub(crate) changes: Vec<ChangeRow>,
    pub(crate) traces_href: String,
    pub(crate) logs_href: String,
    pub(crate) found: Findings,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) phases: Vec<PhaseRow>,
    pub(crate) timeline: Vec<TimelineRow>,
    /// What alerts did after the first of them: many say the same again.
    pub(crate) alert_changes: Vec<TimelineRow>,
    pub(crate) evidence: Vec<(&'static str, String)>,
    pub(crate) evidence_chart: Option<Svg>,
    pub(crate) alerts: Vec<AlertGroup>,
    pub(crate) alerts_total: usize,
    pub(crate) runbook: Option<String>,
    pub(crate) links: Vec<IncidentLink>,
    pub(crate) cause: Option<(String, String, String)>,
    pub(crate) forms: Forms,
    pub(crate) who: String,
}

/// What forms are filled in with.
#[derive(Debug)]
pub(crate) struct Forms {
    pub(crate) causes: Vec<(&'static str, String, bool)>,
    pub(crate) severities: Vec<(&'static str, bool)>,
    pub(crate) assignee: String,
    pub(crate) onset: String,
}

pub(crate) async fn page(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::told(&params, house.now)?;
    let incident = console.alerts.incident(&id).await?;
    let incident = incident.ok_or_else(|| Fault::NotFound(format!("incident {id}")))?;
    let mut shell = match &asked {
        None => Shell::new(&house, "/incidents/", incident.title.clone()),
        Some(asked) => Shell::keeping(&house, "/incidents/", incident.title.clone(), asked),
    };
    let mut context = ask_context(&console, &incident, house.now, &mut shell).await;
    context.who = posted::remembered_name(&headers);
    context.asked = asked;
    render(&view(shell, house.now, &incident, &context))
}

/// All that stands beside an incident. What cannot be read is said on the page, which stays.
async fn ask_context(
    console: &Console,
    incident: &Incident,
    now: Timestamp,
    shell: &mut Shell,
) -> Context {
    let around = window(incident, now);
    let (facts, changes, deliveries, similar) = tokio::join!(
        facts::of(console, incident, now),
        console.alerts.changes(around, None),
        console.alerts.deliveries(Some(&incident.id), 50),
        console.alerts.similar_incidents(&incident.id, SIMILAR),
    );
    shell.notices.extend(facts.unread.iter().cloned());
    Context {
        facts,
        changes: shell.take("changes", changes),
        rules: console.alerts.rules(),
        deliveries: shell.take("deliveries", deliveries),
        similar: shell.take("similar incidents", similar),
        ..Context::default()
    }
}

pub(crate) fn view(
    mut shell: Shell,
    now: Timestamp,
    incident: &Incident,
    context: &Context,
) -> IncidentPage {
    let facts = &context.facts;
    let around = window(incident, now);
    let own = || Asked::absolute(around);
    let asked = context.asked.clone().unwrap_or_else(own);
    let latency = facts.latency.as_ref();
    let drawn = axis::drawn(around, latency);
    let (axis, moments, legend) = axis::draw(incident, &context.changes, &facts.measured, drawn);
    let heat = latency.map(|latency| axis::heat(incident, facts, latency, drawn, &asked));
    let (timeline, alert_changes) = timeline::timeline_rows(incident, now);
    if is_open(incident) {
        shell = shell.live(10);
    }
    let failing = format!("{} status:error", of_services(incident));
    IncidentPage {
        shell,
        id: incident.id.clone(),
        path: path_of(&incident.id),
        title: incident.title.clone(),
        severity: incident.severity.as_str(),
        status: status_name(incident.status),
        is_open: is_open(incident),
        can_acknowledge: incident.acknowledged_at.is_none() && is_open(incident),
        is_acknowledged: incident.acknowledged_at.is_some() && is_open(incident),
        merged_into: incident
            .merged_into
            .as_ref()
            .map(|id| (id.clone(), path_of(id))),
        kin: kin(incident),
        services: service_links(incident, &asked),
        incidents_href: asked_list(context),
        brief: brief::brief(incident, facts, &asked, now),
        silence_href: silence_href(incident),
        figures: response::response_figures(incident, now),
        axis,
        heat,
        moments,
        legend,
        exceptions: suspects::exception_rows(incident, facts, now, &asked),
        changes: suspects::change_rows(facts, now),
        traces_href: chain::traces(&asked, failing.trim()),
        logs_href: super::logs::href(&log_query(incident), &asked),
        found: findings::findings(facts, &context.similar, &asked, now),
        deliveries: context
            .deliveries
            .iter()
            .map(|delivery| response::delivery_row(delivery, now))
            .collect(),
        phases: response::phase_rows(incident),
        timeline,
        alert_changes,
        evidence: evidence::evidence(incident),
        evidence_chart: evidence::drawn(incident),
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
        links: incident.links.clone(),
        cause: incident
            .cause
            .as_ref()
            .map(|cause| (cause.kind.words(), cause.text.clone(), cause.by.clone())),
        forms: forms(incident),
        who: context.who.clone(),
    }
}

/// The list of incidents, of the range in which the reader came.
fn asked_list(context: &Context) -> String {
    let kept = context.asked.as_ref();
    kept.map_or_else(
        || "/incidents".to_owned(),
        |asked| asked.link("/incidents", &[]),
    )
}

fn service_links(incident: &Incident, asked: &Asked) -> Vec<(String, String)> {
    let link = |name: &String| (name.clone(), chain::service(asked, name));
    incident.services.iter().map(link).collect()
}

fn path_of(id: &str) -> String {
    format!("/incidents/{}", url::encode(id))
}

/// Incidents that this one was made of, or was part of.
fn kin(incident: &Incident) -> Vec<(&'static str, String, String)> {
    let merged = incident.merged.iter().map(|id| ("took over", id));
    let split = incident.split_from.iter().map(|id| ("split off from", id));
    let all = merged.chain(split);
    all.map(|(word, id)| (word, id.clone(), path_of(id)))
        .collect()
}

fn forms(incident: &Incident) -> Forms {
    Forms {
        causes: causes(incident),
        severities: ["critical", "error", "warning", "info"]
            .map(|name| (name, name == incident.severity.as_str()))
            .to_vec(),
        assignee: incident.assignee.clone().unwrap_or_default(),
        onset: incident.onset.at.to_string()[..19].to_owned(),
    }
}

fn causes(incident: &Incident) -> Vec<(&'static str, String, bool)> {
    let told = incident.cause.as_ref().map(|cause| cause.kind);
    let kinds = CauseKind::ALL.into_iter();
    kinds
        .map(|kind| (kind.as_str(), kind.words(), told == Some(kind)))
        .collect()
}

/// The form for a silence, filled in with what the incident's alerts are about.
fn silence_href(incident: &Incident) -> String {
    let matcher = match incident.services.as_slice() {
        [] => {
            let rule = incident
                .alerts
                .first()
                .map_or("", |alert| alert.rule.as_str());
            format!("alertname={rule:?}")
        }
        [one] => format!("service={one:?}"),
        many => format!("service=~{:?}", many.join("|")),
    };
    let why = format!("incident {}", incident.id);
    let matchers = format!("{{{matcher}}}");
    url::link(
        "/alerts/silences",
        &[("matchers", &matchers), ("why", &why)],
    )
}
