use axum::Json;
use axum::extract::State;
use watchfire_logsearch::{LogSearch, LogTableSearch, has_pipe};

use super::super::{LIMIT, MOST, Problem};
use super::PageOfRecords;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::{BadParam, Params};
use crate::range::Asked;

/// How many rows a table has at most, and if nothing is said.
const MOST_ROWS: usize = 10_000;
const ROWS: usize = 1_000;

/// `GET /api/v1/logs?q=&start=&end=&limit=&cursor=&explain=`: records, or what a pipe makes of them.
pub(super) async fn answer(
    State(logs): State<Events>,
    params: Params,
) -> Result<Json<PageOfRecords>, Problem> {
    let range = Asked::from_params(&params, logs.clock.now(), "24h")?.range;
    let query = params.text("q");
    let explains = flag(&params, "explain")?;
    let (page, explain) = if has_pipe(&query) {
        if params.get("cursor").is_some() {
            let reason = "a table has no pages: leave the cursor out";
            return Err(BadParam::new("cursor", reason).into());
        }
        let search = LogTableSearch {
            query: query.clone(),
            range,
            limit: params.limit(ROWS, MOST_ROWS)?,
            deadline: DEADLINE,
        };
        let mut table = logs.events.log_table(search).await?;
        let explain = std::mem::take(&mut table.explain);
        (PageOfRecords::from(table), explain)
    } else {
        let search = LogSearch {
            query: query.clone(),
            range,
            limit: params.limit(LIMIT, MOST)?,
            cursor: params.get("cursor").map(str::to_owned),
            deadline: DEADLINE,
        };
        let mut page = logs.events.search_logs(search).await?;
        let explain = std::mem::take(&mut page.explain);
        (PageOfRecords::from(page), explain)
    };
    if !explains {
        return Ok(Json(page));
    }
    let plan = logs.events.explain_query(query, range).await?;
    Ok(Json(page.explained(explain, plan)))
}

fn flag(params: &Params, name: &'static str) -> Result<bool, BadParam> {
    match params.get(name) {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(_) => Err(BadParam::new(name, "expected 1 or 0")),
    }
}
