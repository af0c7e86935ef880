//! `/traces`: search for spans. When they began and how long they took, what sets a region apart
//! from the rest, figures by operation, and the traces that were found.

mod comparison;
mod groups;
mod list;
mod pasted;
mod region;
mod scatter;
mod search;
mod shortcuts;
mod span_rows;
pub(crate) mod state;
mod view;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use self::state::TracesUrl;
use super::{Fault, render};
use crate::Console;
use crate::params::Params;
use crate::shell::House;

pub(crate) use self::span_rows::{SpanRow, span_row};
#[cfg(test)]
pub(crate) use self::{
    list::Match,
    scatter::{COLUMNS, ROWS},
    search::{Answer, Comparison, Found},
    view::view,
};

pub(crate) async fn page(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Fault> {
    let now = console.clock.now();
    let url = TracesUrl::from_params(&params, now)?;
    if let Some(trace) = pasted::trace_of(&url.query, &url.asked) {
        return Ok(Redirect::to(&trace).into_response());
    }
    let house = House::ask(&console).await;
    let is_patient = params.get("wait").is_some();
    let (shell, found) = search::ask(&console, &house, &url, is_patient).await?;
    Ok(render(&view::view(shell, &url, house.now, &found))?.into_response())
}
