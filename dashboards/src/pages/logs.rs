//! `/logs`: search, and what was found over the whole range.

mod download;
mod explained;
mod highlight;
mod patterns;
mod record;
mod rows;
pub(crate) mod saved;
mod search;
mod side;
pub(crate) mod state;
mod table;
mod timeline;
mod view;

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use self::state::LogsUrl;
use super::{Fault, render};
use crate::Console;
use crate::params::{BadParam, Params};
use crate::range::Asked;

pub(crate) use self::view::view;
#[cfg(test)]
pub(crate) use self::{
    record::{AskedAround, view as record_view},
    search::{Answer, Found},
    side::SideFound,
    timeline::Happened,
};

/// `GET /logs`: a list, one record (`id`), or either as something else than a page (`as`).
pub(crate) async fn page(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Fault> {
    let form = params.get("as");
    let id = state::record_id(&params, "id")?;
    if let Some(id) = id.filter(|_| form != Some("row")) {
        return record::answer(&console, id, &params).await;
    }
    let house = crate::shell::House::ask(&console).await;
    let url = LogsUrl::from_params(&params, house.now)?;
    match form {
        None => {}
        Some("row") => {
            let id = id.or(url.open);
            let id = id.ok_or_else(|| BadParam::new("open", "is required with as=row"))?;
            return record::fragment(&console, id, &url).await;
        }
        Some("ndjson") => return download::answer(console, url).await,
        Some(_) => return Err(BadParam::new("as", "expected json, ndjson or row").into()),
    }
    let is_patient = params.get("wait").is_some();
    let (shell, found) = search::ask(&console, &house, &url, is_patient).await?;
    Ok(render(&view(shell, &url, house.now, &found))?.into_response())
}

/// A link to the log records of a query, for other pages.
pub(crate) fn href(query: &str, asked: &Asked) -> String {
    LogsUrl::new(query, asked.clone()).href()
}
