use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;
use watchfire_logsearch::{ContextBy, ContextSearch, FoundLog, LogContext};
use watchfire_schemas::{RecordId, Timestamp};

use super::super::Problem;
use super::page::line_with_id;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::{BadParam, Params};

/// How many records on each side if nothing is said, and at most.
const BESIDE: usize = 20;
const MOST: usize = 1_000;

/// The records around one.
#[derive(Debug, Serialize)]
pub(super) struct Around {
    before: Vec<Box<RawValue>>,
    record: Option<Box<RawValue>>,
    after: Vec<Box<RawValue>>,
    partial: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

impl From<LogContext> for Around {
    fn from(context: LogContext) -> Self {
        let lines = |found: &[FoundLog]| found.iter().map(line_with_id).collect();
        Self {
            before: lines(&context.before),
            record: context.record.as_ref().map(line_with_id),
            after: lines(&context.after),
            partial: context.partial,
            hints: context.hints,
        }
    }
}

/// `GET /api/v1/logs/context?id=&time=&by=&before=&after=`: the records around one, each list
/// oldest first.
pub(super) async fn answer(
    State(logs): State<Events>,
    params: Params,
) -> Result<Json<Around>, Problem> {
    let search = asked(&params)?;
    let context = logs.events.log_context(search).await?;
    Ok(Json(context.into()))
}

fn asked(params: &Params) -> Result<ContextSearch, BadParam> {
    let id = params
        .get("id")
        .ok_or_else(|| BadParam::new("id", "is required"))?;
    let id: RecordId = id
        .parse()
        .map_err(|error: watchfire_schemas::IdError| BadParam::new("id", error.to_string()))?;
    let by = match params.get("by") {
        None | Some("service") => ContextBy::Service,
        Some("trace") => ContextBy::Trace,
        Some("host") => ContextBy::Host,
        Some("all") => ContextBy::All,
        Some(_) => {
            let reason = "expected service, trace, host or all";
            return Err(BadParam::new("by", reason));
        }
    };
    Ok(ContextSearch {
        id,
        // Without a time the record is looked for by its id alone.
        time: params.time("time")?.unwrap_or(Timestamp::MIN),
        by,
        before: params.count("before", BESIDE, MOST)?,
        after: params.count("after", BESIDE, MOST)?,
        deadline: DEADLINE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |query: &str| asked(&Params::parse(query)).unwrap_err().name;
        assert_eq!(wrong(""), "id");
        assert_eq!(wrong("id=x"), "id");
        assert_eq!(wrong("id=1-1&by=colour"), "by");
        assert_eq!(wrong("id=1-1&time=yesterday"), "time");
        assert_eq!(wrong("id=1-1&before=many"), "before");
        let search = asked(&Params::parse("id=1-1&before=0&after=9999&by=host")).unwrap();
        assert_eq!((search.before, search.after), (0, MOST));
        assert_eq!(search.by, ContextBy::Host);
    }
}
