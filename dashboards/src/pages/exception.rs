//! `/exceptions/{id}`: one group, with what shows how it happens.

mod affected;
mod stack;

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use http::HeaderMap;
use watchfire_alerts::{ExceptionGroup, GroupLogEntry, GroupRelease, Incident, Resolution};
use watchfire_logsearch::{FoundLog, LogPage};
use watchfire_schemas::{ChangeEvent, Exception, Span, Timestamp};

use super::exceptions::{group_query, occurrences};
use super::log_view::{LogContext, LogView, log_view};
use super::{Fault, Page, posted, render};
use crate::ask;
use crate::charts::{Stack, Svg, TimePlot};
use crate::figures::{self, When};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, ReadStack, chain, url};

pub(crate) use affected::Affected;
pub(crate) use stack::Run;

/// How many records are shown on a page.
const SAMPLES: usize = 10;
/// A group is called new for so long.
const NEW_FOR: Duration = Duration::from_hours(24);

/// What was asked for beside the group itself.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) start: Timestamp,
    pub(crate) bin: Duration,
    pub(crate) trend: Vec<f64>,
    pub(crate) logs: Option<LogPage>,
    /// The spans of the newest trace, where no log record tells the stack.
    pub(crate) trace: Vec<Span>,
    pub(crate) who: String,
    /// The newest stack trace, and how it is read.
    pub(crate) stacktrace: String,
    pub(crate) read: ReadStack,
    pub(crate) releases: Vec<GroupRelease>,
    pub(crate) log: Vec<GroupLogEntry>,
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) affected: Affected,
}

#[derive(Debug)]
pub(crate) struct ReleaseRow {
    pub(crate) release: String,
    pub(crate) first_seen: When,
    pub(crate) last_seen: When,
}

#[derive(Debug)]
pub(crate) struct LogRow {
    pub(crate) at: When,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) who: String,
}

#[derive(Debug, Template)]
#[template(path = "exception.html")]
pub(crate) struct ExceptionPage {
    pub(crate) shell: Shell,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) culprit: String,
    pub(crate) service: String,
    pub(crate) service_href: String,
    pub(crate) status: &'static str,
    pub(crate) is_new: bool,
    pub(crate) is_regressed: bool,
    pub(crate) assignee: String,
    pub(crate) count: String,
    pub(crate) first_seen: When,
    pub(crate) last_seen: When,
    /// What was decided, in words; empty if nothing was.
    pub(crate) decided: String,
    pub(crate) is_escalating: bool,
    pub(crate) first_release: String,
    pub(crate) last_release: String,
    pub(crate) releases: Vec<ReleaseRow>,
    pub(crate) trend: Svg,
    pub(crate) stacktrace: String,
    pub(crate) runs: Vec<Run>,
    pub(crate) chain: Vec<String>,
    pub(crate) affected: Affected,
    pub(crate) incidents: Vec<(String, String, &'static str, When)>,
    pub(crate) log: Vec<LogRow>,
    pub(crate) members: Vec<String>,
    /// The next page of records.
    pub(crate) older: Option<String>,
    pub(crate) traces_href: String,
    pub(crate) traces: Vec<(String, String)>,
    pub(crate) logs: Vec<LogView>,
    pub(crate) logs_href: String,
    pub(crate) who: String,
}

pub(crate) async fn page(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Page {
    let house = House::ask(&console).await;
    let group = console.alerts.exception_group(&id).await?;
    let group = group.ok_or_else(|| Fault::NotFound(format!("exception group {id}")))?;
    let asked = Asked::from_params(&params, house.now, fitting(&group, house.now))?;
    let path = format!("/exceptions/{}", url::encode(&id));
    let mut shell = Shell::ranged(&house, &path, group.kind.clone(), &asked, &[]);
    let query = group_query(&group);
    let bin = asked.step(120);
    let start = asked.range.start.floor(bin);
    let bins = (asked.range.end.since(start).as_nanos() / bin.as_nanos()) as usize + 1;
    let alerts = &console.alerts;
    let (trend, logs, releases, log, changes, incidents, affected) = tokio::join!(
        ask::trends(&console, vec![group.selector()], start, bin, bins),
        ask::logs(&console, &query, asked.range, SAMPLES, params.get("cursor")),
        alerts.exception_group_releases(&group),
        alerts.exception_group_log(&group.id, 50),
        alerts.changes(asked.range, Some(&group.service)),
        alerts.incidents(asked.range, false, 200),
        affected::ask(&console, &group, &query, asked.range),
    );
    let logs = shell.take("logs", logs.map(Some));
    let is_told = logs.as_ref().is_some_and(|page| !page.records.is_empty());
    let trace = match group.last_trace {
        Some(trace) if !is_told => {
            let trace = console.events.trace(trace, ask::DEADLINE).await;
            shell.take("the trace", trace).spans
        }
        _ => Vec::new(),
    };
    let mut incidents: Vec<Incident> = shell.take("incidents", incidents);
    incidents.retain(|incident| {
        let found = incident.exceptions.iter();
        found
            .map(|one| one.group.as_str())
            .any(|one| group.fingerprints().any(|own| own == one))
    });
    let mut context = Context {
        start,
        bin,
        trend: shell.take("the trend", trend).pop().unwrap_or_default(),
        logs,
        trace,
        who: posted::remembered_name(&headers),
        releases: shell.take("releases", releases),
        log: shell.take("the log", log),
        changes: shell.take("changes", changes),
        incidents,
        affected,
        ..Context::default()
    };
    context.stacktrace = stacktrace(&group, &context);
    let exception = Exception {
        kind: group.kind.clone(),
        message: group.message.clone(),
        stacktrace: context.stacktrace.clone(),
    };
    context.read = (console.read_stack)(&group.service, &exception);
    render(&view(shell, &asked, &group, &context))
}

/// A range in which the whole life of a group can be seen, or the last day of a long one.
fn fitting(group: &ExceptionGroup, now: Timestamp) -> &'static str {
    let known = now.since(group.first_seen).mul_f64(1.15);
    crate::range::quick_over(known.min(NEW_FOR))
}

pub(crate) fn view(
    shell: Shell,
    asked: &Asked,
    group: &ExceptionGroup,
    context: &Context,
) -> ExceptionPage {
    let now = asked.range.end;
    let query = group_query(group);
    let log_context = LogContext::new(&query, asked);
    let records = context
        .logs
        .as_ref()
        .map_or(&[][..], |page| page.records.as_slice());
    ExceptionPage {
        path: format!("/exceptions/{}", url::encode(&group.id)),
        id: group.id.clone(),
        kind: group.kind.clone(),
        message: figures::cut(&group.message, 10_000).0.to_owned(),
        culprit: group.culprit.clone(),
        service: group.service.clone(),
        service_href: chain::service(asked, &group.service),
        status: group.status.as_str(),
        is_new: group.first_seen >= now - NEW_FOR,
        is_regressed: group.regressed_at.is_some_and(|at| at >= asked.range.start),
        assignee: group.assignee.clone().unwrap_or_default(),
        count: figures::count(occurrences(Some(&context.trend))),
        first_seen: When::ago(group.first_seen, now),
        last_seen: When::ago(group.last_seen, now),
        decided: decided(group, now),
        is_escalating: group
            .triage
            .escalated_at
            .is_some_and(|at| at >= asked.range.start),
        first_release: group.triage.first_release.clone().unwrap_or_default(),
        last_release: group.triage.last_release.clone().unwrap_or_default(),
        releases: releases(context, now),
        trend: trend(asked, &query, context),
        stacktrace: context.stacktrace.clone(),
        runs: stack::runs(&context.read.calls),
        chain: context.read.chain.clone(),
        affected: context.affected.clone(),
        incidents: incidents(context, asked),
        log: log(context, now),
        members: group.triage.members.clone(),
        older: older(asked, group, context),
        traces_href: chain::traces(asked, &chain::spans_of_group(&group.service, &group.kind)),
        traces: traces(group, records, asked),
        logs: records
            .iter()
            .map(|found| log_view(found, &log_context))
            .collect(),
        logs_href: super::logs::href(&query, asked),
        who: context.who.clone(),
        shell,
    }
}

fn incidents(context: &Context, asked: &Asked) -> Vec<(String, String, &'static str, When)> {
    let rows = context.incidents.iter().map(|incident| {
        let href = chain::incident(asked, &incident.id);
        let status = super::incidents::status_name(incident.status);
        let at = When::ago(incident.detected_at, asked.range.end);
        (incident.title.clone(), href, status, at)
    });
    rows.collect()
}

/// The page of older records.
fn older(asked: &Asked, group: &ExceptionGroup, context: &Context) -> Option<String> {
    let next = context.logs.as_ref()?.next.as_ref()?;
    let path = format!("/exceptions/{}", url::encode(&group.id));
    Some(asked.link(&path, &[("cursor", next)]))
}

/// The traces in which it happened, as far as the records and the group say.
fn traces(group: &ExceptionGroup, records: &[FoundLog], asked: &Asked) -> Vec<(String, String)> {
    const SHOWN: usize = 10;
    let told = records
        .iter()
        .filter_map(|found| Some((found.record.trace_id?, found.record.span_id)));
    let last = group.last_trace.map(|trace| (trace, None));
    let mut traces: Vec<_> = told.chain(last).collect();
    // Of a trace that is told twice the one with its span.
    traces.sort_by_key(|(trace, span)| (*trace, span.is_none()));
    traces.dedup_by_key(|(trace, _)| *trace);
    let shown = traces.iter().take(SHOWN);
    shown
        .map(|(id, span)| (id.to_string(), chain::trace(asked, id, span.as_ref())))
        .collect()
}

/// What was decided of it: `resolved in 2.14.0 by Mira, 5 min ago`.
fn decided(group: &ExceptionGroup, now: Timestamp) -> String {
    let triage = &group.triage;
    let how = match (&triage.resolution, triage.ignored) {
        (Some(Resolution::Release { release }), _) => format!("in {release}"),
        (Some(Resolution::NextRelease { after: Some(after) }), _) => {
            format!("in the release after {after}")
        }
        (Some(Resolution::NextRelease { after: None }), _) => "in the next release".to_owned(),
        (_, Some(ignored)) => {
            let until = ignored
                .until
                .map(|until| format!("until {}", figures::date_time(until)));
            let count = ignored.count.map(|count| format!("until {count} more"));
            let users = ignored.users.map(|users| format!("until {users} users"));
            let all: Vec<String> = [until, count, users].into_iter().flatten().collect();
            all.join(" or ")
        }
        _ => String::new(),
    };
    let by = match (&triage.decided_by, triage.decided_at) {
        (Some(who), Some(at)) => format!("by {who} {}", When::ago(at, now).text()),
        _ => String::new(),
    };
    let back = triage
        .regressed_in
        .as_ref()
        .filter(|_| group.regressed_at.is_some());
    let back = back
        .map(|release| format!("back in {release}"))
        .unwrap_or_default();
    let parts = [how, by, back];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

fn releases(context: &Context, now: Timestamp) -> Vec<ReleaseRow> {
    const SHOWN: usize = 12;
    let rows = context.releases.iter().take(SHOWN).map(|one| ReleaseRow {
        release: one.release.clone(),
        first_seen: When::ago(one.first_seen, now),
        last_seen: When::ago(one.last_seen, now),
    });
    rows.collect()
}

fn log(context: &Context, now: Timestamp) -> Vec<LogRow> {
    let rows = context.log.iter().map(|entry| LogRow {
        at: When::ago(entry.at, now),
        kind: format!("{:?}", entry.kind).to_lowercase(),
        text: entry.text.clone(),
        who: entry.who.clone().unwrap_or_default(),
    });
    rows.collect()
}

fn trend(asked: &Asked, query: &str, context: &Context) -> Svg {
    let most = context.trend.iter().copied().fold(0.0, f64::max);
    let mut plot = TimePlot::new(asked.range, 90, most, "");
    let stack = |(at, value): (usize, &f64)| {
        let start = context.start + context.bin * at as u32;
        let end = start + context.bin;
        let range = watchfire_schemas::TimeRange { start, end };
        Stack {
            start,
            end,
            parts: vec![("sev-error", "occurrences".into(), *value)],
            href: Some(super::logs::href(query, &Asked::absolute(range))),
        }
    };
    let stacks: Vec<Stack> = context.trend.iter().enumerate().map(stack).collect();
    plot.stacks(&stacks);
    for change in &context.changes {
        let version = change.version.as_deref().unwrap_or_default();
        let title = format!("{} {version} {}", change.kind.as_str(), change.summary);
        plot.flag(change.at, "change", &title);
    }
    plot.finish("Occurrences over the range")
}

/// The newest stack trace: of a log record, or of an event of the newest trace.
fn stacktrace(group: &ExceptionGroup, context: &Context) -> String {
    let logged = context
        .logs
        .iter()
        .flat_map(|page| &page.records)
        .find_map(|found| {
            let exception = found.record.exception.as_ref()?;
            (!exception.stacktrace.is_empty()).then_some(exception.stacktrace.as_str())
        });
    let events = context.trace.iter().flat_map(|span| &span.events);
    let mut traced = events
        .filter(|event| {
            event
                .attributes
                .get("exception.group")
                .and_then(|id| id.as_str())
                .is_some_and(|id| group.fingerprints().any(|own| own == id))
        })
        .filter_map(|event| event.attributes.get("exception.stacktrace")?.as_str());
    let found = logged.or_else(|| traced.next()).unwrap_or_default();
    figures::cut(found, 20_000).0.to_owned()
}
