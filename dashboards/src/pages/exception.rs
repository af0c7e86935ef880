//! `/exceptions/{id}`: one group, with what shows how it happens.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use http::HeaderMap;
use watchfire_alerts::ExceptionGroup;
use watchfire_logsearch::LogPage;
use watchfire_schemas::{Span, Timestamp};

use super::exceptions::occurrences;
use super::log_view::{LogContext, LogView, log_view};
use super::{Fault, Page, posted, render};
use crate::ask;
use crate::charts::{Stack, Svg, TimePlot};
use crate::figures::{self, When};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, query_text, url};

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
    pub(crate) releases: Vec<String>,
    pub(crate) trend: Svg,
    pub(crate) stacktrace: String,
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
    let query = query_text::term("exception_group", &id);
    let bin = asked.step(120);
    let start = asked.range.start.floor(bin);
    let bins = (asked.range.end.since(start).as_nanos() / bin.as_nanos()) as usize + 1;
    let (trend, logs) = tokio::join!(
        ask::trends(&console, vec![group.selector()], start, bin, bins),
        ask::logs(&console, &query, asked.range, 20, None),
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
    let context = Context {
        start,
        bin,
        trend: shell.take("the trend", trend).pop().unwrap_or_default(),
        logs,
        trace,
        who: posted::remembered_name(&headers),
    };
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
    let query = query_text::term("exception_group", &group.id);
    let log_context = LogContext::new(&query, asked);
    let records = context
        .logs
        .as_ref()
        .map_or(&[][..], |page| page.records.as_slice());
    let mut traces: Vec<_> = records
        .iter()
        .filter_map(|found| found.record.trace_id)
        .collect();
    traces.extend(group.last_trace);
    traces.sort();
    traces.dedup();
    ExceptionPage {
        path: format!("/exceptions/{}", url::encode(&group.id)),
        id: group.id.clone(),
        kind: group.kind.clone(),
        message: figures::cut(&group.message, 10_000).0.to_owned(),
        culprit: group.culprit.clone(),
        service: group.service.clone(),
        service_href: format!("/services/{}", url::encode(&group.service)),
        status: group.status.as_str(),
        is_new: group.first_seen >= now - NEW_FOR,
        is_regressed: group.regressed_at.is_some_and(|at| at >= asked.range.start),
        assignee: group.assignee.clone().unwrap_or_default(),
        count: figures::count(occurrences(Some(&context.trend))),
        first_seen: When::ago(group.first_seen, now),
        last_seen: When::ago(group.last_seen, now),
        releases: group.releases.clone(),
        trend: trend(asked, &query, context),
        stacktrace: stacktrace(group, context),
        traces: traces
            .iter()
            .take(10)
            .map(|id| (id.to_string(), format!("/traces/{id}")))
            .collect(),
        logs: records
            .iter()
            .map(|found| log_view(found, &log_context))
            .collect(),
        logs_href: super::logs::href(&query, asked),
        who: context.who.clone(),
        shell,
    }
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
                == Some(&group.id)
        })
        .filter_map(|event| event.attributes.get("exception.stacktrace")?.as_str());
    let found = logged.or_else(|| traced.next()).unwrap_or_default();
    figures::cut(found, 20_000).0.to_owned()
}
