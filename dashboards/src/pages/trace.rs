//! `/traces/{trace_id}`: the waterfall, the panel of one span, and the logs in their place.
//!
//! The whole trace is laid out from its outline; a window of the rows is written. The script asks for
//! further windows (`as=rows`) while somebody scrolls; without it links lead to them.

mod critical_path;
mod drawing;
mod find;
mod incidents;
mod layout;
mod minimap;
mod panel;
mod row_view;
mod rows;
mod runs;
mod search;
mod shares;
#[cfg(test)]
mod sketch;
mod skew;
mod state;
mod times;
mod tools;
mod tree;
mod view;
mod warnings;
mod window;

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use watchfire_logsearch::{FoundLog, TraceOutline};
use watchfire_schemas::{TimeRange, Timestamp, TraceId};

use super::{Fault, render};
use crate::Console;
use crate::ask;
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use rows::Subject;
use state::Only;

pub(crate) use self::layout::Layout;
pub(crate) use self::state::TraceUrl;

#[cfg(test)]
pub(crate) use self::{find::Found as Matches, incidents::IncidentLink};
pub(crate) use view::{Found, view};

/// Log records shown in a waterfall, at most.
const MOST_LOGS: usize = 300;
/// How long logs can have been kept, for a trace that has no spans to say when it was.
const LOGS_KEPT: Duration = Duration::from_hours(14 * 24);

pub(crate) async fn page(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Fault> {
    let trace: TraceId = id
        .parse()
        .map_err(|_| BadParam::new("trace_id", "expected 32 hexadecimal digits"))?;
    let house = House::ask(&console).await;
    let url = TraceUrl::from_params(trace, &params, house.now)?;
    let mut shell = Shell::new(&house, "/traces/", format!("Trace {trace}"));
    let (layout, asked) = laid_out(&console, &url, &house, &mut shell).await?;
    let form = params.get("as");
    let mut found = Found::new(layout, asked);
    match form {
        None => {
            found.incidents =
                incidents::open_then(&console, &found.layout, &found.asked, &mut shell).await;
            found.matches =
                search::among(&console, &found.layout, &url, &found.layout.tree.order).await;
            found.panel = panel_span(&console, &found.layout, &url).await?;
            let range = found.asked.clone();
            shell = keeping_range(&house, shell, &range);
            Ok(render(&view(shell, &url, &found))?.into_response())
        }
        Some("rows") => {
            // What is not to be seen needs no marks, unless the marks decide what is to be seen.
            let candidates = match url.only {
                _ if url.find.is_empty() => Vec::new(),
                Only::Found => found.layout.tree.order.clone(),
                _ => view::spans_shown(&url, &found),
            };
            found.matches = search::among(&console, &found.layout, &url, &candidates).await;
            Ok(render(&view::rows_view(&url, &found))?.into_response())
        }
        Some("json") => {
            let span = panel_span(&console, &found.layout, &url).await?;
            let span =
                span.ok_or_else(|| Fault::NotFound("span of that id in the trace".to_owned()))?;
            let kind = [(header::CONTENT_TYPE, "application/json")];
            let text = serde_json::to_string_pretty(&span.1).expect("a span is JSON");
            Ok((kind, text).into_response())
        }
        Some(_) => Err(BadParam::new("as", "expected rows or json").into()),
    }
}

/// The trace with its logs, and the range that its links keep.
async fn laid_out(
    console: &Console,
    url: &TraceUrl,
    house: &House,
    shell: &mut Shell,
) -> Result<(Layout, Asked), Fault> {
    let outline = console
        .events
        .trace_outline(url.trace, ask::DEADLINE)
        .await
        .map_err(Fault::Events)?;
    let range = range_of(&outline, house.now);
    let mut records = Vec::new();
    if !url.hides_logs || outline.spans.is_empty() {
        let query = format!("trace_id:{}", url.trace);
        let page = ask::logs(console, &query, range, MOST_LOGS, None).await;
        records = shell.take("logs", page.map(|page| page.records));
    }
    if outline.spans.is_empty() && records.is_empty() {
        return Err(Fault::NotFound(format!("trace {}", url.trace)));
    }
    records.sort_by_key(|found: &FoundLog| (found.record.timestamp, found.id));
    let layout = Layout::of(outline, records, url.is_adjusted);
    let around = layout
        .sent()
        .map_or(range, |(start, end)| padded(start, end));
    let asked = url.asked.clone().unwrap_or_else(|| Asked::absolute(around));
    Ok((layout, asked))
}

/// Where the logs of a trace can be: around its spans, or anywhere lately if it has none.
fn range_of(outline: &TraceOutline, now: Timestamp) -> TimeRange {
    let start = outline.spans.iter().map(|span| span.start).min();
    let end = outline.spans.iter().map(|span| span.end).max();
    padded(start.unwrap_or(now - LOGS_KEPT), end.unwrap_or(now))
}

fn padded(start: Timestamp, end: Timestamp) -> TimeRange {
    let slack = Duration::from_mins(1);
    TimeRange {
        start: start - slack,
        end: end + slack,
    }
}

/// The navigation keeps the range that the trace was found in, or its own.
fn keeping_range(house: &House, shell: Shell, asked: &Asked) -> Shell {
    let ranged = Shell::ranged(house, "/traces/", shell.title.clone(), asked, &[]);
    Shell {
        picker: None,
        notices: shell.notices,
        ..ranged
    }
}

/// The span of the panel, read wholly; none if none is chosen.
async fn panel_span(
    console: &Console,
    layout: &Layout,
    url: &TraceUrl,
) -> Result<Option<(usize, watchfire_schemas::Span)>, Fault> {
    let Some(Subject::Span(at)) = panel::chosen(layout, url) else {
        return Ok(None);
    };
    let ids = vec![layout.spans()[at].id];
    let spans = console
        .events
        .trace_spans(url.trace, ids, ask::DEADLINE)
        .await
        .map_err(Fault::Events)?;
    Ok(spans.into_iter().next().map(|(_, span)| (at, span)))
}
