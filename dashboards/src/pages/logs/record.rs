//! One record by its id: its permalink, what surrounds it, its JSON, and its body as a fragment.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::header;
use watchfire_logsearch::{ContextBy, ContextSearch, FoundLog, LogContext as Surroundings};
use watchfire_schemas::{RecordId, Timestamp};

use super::rows::{Lines, lines_around};
use super::state::LogsUrl;
use crate::pages::log_view::{LogContext, LogView, around, log_view};
use crate::pages::{Fault, render};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, ask, assets, figures, url};

/// Records shown on each side at first, and at most.
const NEAR: usize = 20;
const FAR: usize = 500;

/// What the records around one share with it, as the URL says it.
const PIVOTS: [(&str, &str, ContextBy); 4] = [
    ("service", "Its service", ContextBy::Service),
    ("trace", "Its trace", ContextBy::Trace),
    ("host", "Its host", ContextBy::Host),
    ("all", "Everything", ContextBy::All),
];

/// What is asked about one record.
#[derive(Debug, Clone)]
pub(crate) struct AskedAround {
    /// Where in [`PIVOTS`].
    pub(crate) pivot: usize,
    /// How many on each side.
    pub(crate) near: usize,
    /// The range in which the record was found, if it is told.
    pub(crate) range: Option<Asked>,
}

#[derive(Debug, Template)]
#[template(path = "log_record.html")]
pub(crate) struct RecordPage {
    pub(crate) shell: Shell,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) query_style: &'static str,
    pub(crate) moment: String,
    pub(crate) service: String,
    /// (label, link, is it the one)
    pub(crate) pivots: Vec<(&'static str, String, bool)>,
    pub(crate) hints: Vec<String>,
    pub(crate) is_partial: bool,
    pub(crate) lines: Lines,
    pub(crate) older: usize,
    pub(crate) newer: usize,
    pub(crate) more: Option<String>,
    /// The list of logs around that time.
    pub(crate) list: String,
}

/// The body of a row by itself, for the script to put under the row.
#[derive(Debug, Template)]
#[template(path = "log_body.html")]
struct Body {
    log: LogView,
}

/// `/logs?id=…`.
pub(super) async fn answer(
    console: &Console,
    id: RecordId,
    params: &Params,
) -> Result<Response, Fault> {
    let found = found(console, id).await?;
    if params.get("as") == Some("json") {
        let line = crate::api::line_with_id(&found).get().to_owned();
        let kind = [(header::CONTENT_TYPE, "application/json")];
        return Ok((kind, line).into_response());
    }
    let house = House::ask(console).await;
    let asked = read(params, house.now)?;
    let search = ContextSearch {
        id,
        time: found.record.timestamp,
        by: PIVOTS[asked.pivot].2,
        before: asked.near,
        after: asked.near,
        deadline: ask::DEADLINE,
    };
    let surroundings = console.events.log_context(search).await;
    let mut shell = match &asked.range {
        None => Shell::new(&house, "/logs", "Log record"),
        Some(range) => Shell::keeping(&house, "/logs", "Log record", range),
    };
    let surroundings = shell.take("the records around it", surroundings);
    let page = view(shell, &found, surroundings, &asked);
    Ok(render(&page)?.into_response())
}

/// The body of a record alone, with the links of the list that it is shown in.
pub(super) async fn fragment(
    console: &Console,
    id: RecordId,
    list: &LogsUrl,
) -> Result<Response, Fault> {
    let found = found(console, id).await?;
    let mut list = list.clone();
    list.open = None;
    let context = LogContext::within(&list);
    let log = log_view(&found, &context);
    let html = Body { log }.render().map_err(Fault::Template)?;
    Ok(Html(html).into_response())
}

async fn found(console: &Console, id: RecordId) -> Result<FoundLog, Fault> {
    let found = console.events.log(id).await.map_err(Fault::Events)?;
    found.ok_or_else(|| Fault::NotFound(format!("log record {id}")))
}

fn read(params: &Params, now: Timestamp) -> Result<AskedAround, BadParam> {
    let pivot = match params.get("by") {
        None => 0,
        Some(by) => PIVOTS
            .iter()
            .position(|(name, _, _)| *name == by)
            .ok_or_else(|| BadParam::new("by", "expected service, trace, host or all"))?,
    };
    let near = match params.get("near") {
        None => NEAR,
        Some(near) => near
            .parse()
            .map_err(|_| BadParam::new("near", "expected how many records on each side"))?,
    };
    Ok(AskedAround {
        pivot,
        near: near.clamp(1, FAR),
        range: Asked::told(params, now)?,
    })
}

pub(crate) fn view(
    shell: Shell,
    found: &FoundLog,
    surroundings: Surroundings,
    asked: &AskedAround,
) -> RecordPage {
    let record = &found.record;
    let kept = asked.range.as_ref();
    let minutes = || around(record.timestamp, std::time::Duration::from_mins(15));
    let list = LogsUrl::new("", kept.cloned().unwrap_or_else(minutes));
    let near = match asked.near {
        NEAR => String::new(),
        near => near.to_string(),
    };
    let by = PIVOTS[asked.pivot].0;
    let link = |id: RecordId, by: &str, near: &str| {
        let id = id.to_string();
        let about = [("id", id.as_str()), ("by", by), ("near", near)];
        let path = match kept {
            None => url::link("/logs", &about),
            Some(range) => range.link("/logs", &about),
        };
        path + "#r-" + &id
    };
    let context = LogContext {
        is_alone: true,
        ..LogContext::within(&list)
    };
    let body = log_view(found, &context);
    let (older, newer) = (surroundings.before.len(), surroundings.after.len());
    let is_full = older == asked.near || newer == asked.near;
    let mut records = surroundings.before;
    records.push(found.clone());
    records.extend(surroundings.after);
    let pivots = PIVOTS.iter().enumerate();
    RecordPage {
        shell,
        style: &assets::LOGS_STYLE.href,
        script: &assets::LOGS_SCRIPT.href,
        query_style: &assets::QUERY_STYLE.href,
        moment: figures::date_time(record.timestamp),
        service: record.service.clone(),
        pivots: pivots
            .map(|(at, (by, label, _))| (*label, link(found.id, by, &near), at == asked.pivot))
            .collect(),
        hints: surroundings.hints,
        is_partial: surroundings.partial,
        lines: lines_around(&records, found.id, body, &list, &|id| link(id, by, &near)),
        older,
        newer,
        more: (is_full && asked.near < FAR).then(|| {
            let more = (asked.near * 5).min(FAR).to_string();
            link(found.id, by, &more)
        }),
        list: list.href(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};

    #[test]
    fn a_record_stands_in_the_middle_of_its_context() {
        let (found, surroundings) = samples::surroundings(Mood::Full);
        let shell = Shell::new(
            &House {
                now: samples::now(),
                is_demo: false,
                open_incidents: 0,
            },
            "/logs",
            "x",
        );
        let asked = read(&Params::parse("by=trace&near=5"), samples::now()).unwrap();
        let page = view(shell, &found, surroundings, &asked);
        assert_eq!(page.lines.rows.len(), page.older + 1 + page.newer);
        let middle = &page.lines.rows[page.older];
        assert!(middle.is_middle && middle.body.is_some());
        assert!(page.pivots[1].2 && page.pivots[2].1.contains("by=host&near=5#r-"));
        assert_eq!(
            read(&Params::parse("by=x"), samples::now())
                .unwrap_err()
                .name,
            "by"
        );
        assert_eq!(
            read(&Params::parse("near=x"), samples::now())
                .unwrap_err()
                .name,
            "near"
        );
        assert_eq!(
            read(&Params::parse("near=99999"), samples::now())
                .unwrap()
                .near,
            FAR
        );
    }
}
