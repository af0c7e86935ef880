//! `/explore`: expressions over a range, at one time, as a heat map; and the metrics there are.

pub(crate) mod answers;
pub(crate) mod browser;
mod drawing;
mod handed_over;
pub(crate) mod heat;
mod lines;
mod quantity;
mod query_rows;
pub(crate) mod state;
mod syntax;
mod table;
mod view;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, header};

use self::state::ExploreUrl;
use super::{Fault, render};
use crate::Console;
use crate::charts::{Steps, readings};
use crate::params::{BadParam, Params};
use crate::shell::{House, Shell};

pub(crate) use self::drawing::{bound_text, span_of, trace_of};
pub(crate) use self::lines::names;
pub(crate) use self::state::{Against, link};
pub(crate) use self::view::view;

/// `GET /explore`: the page; with `as=json` the values of its lines; with `do` what a button beside a
/// query does, which leads back to the page.
pub(crate) async fn page(
    State(console): State<Console>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Fault> {
    let house = House::ask(&console).await;
    let url = ExploreUrl::from_params(&params, house.now)?;
    if let Some(action) = params.get("do") {
        let after = url.after(action);
        let after = after.ok_or_else(|| {
            BadParam::new(
                "do",
                "expected add, or copy, turn or remove with a query such as copy-b",
            )
        })?;
        return Ok(Redirect::to(&after.href()).into_response());
    }
    let kept = url.kept(&[]);
    let kept: Vec<(&str, &str)> = kept
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut shell = Shell::ranged(&house, "/explore", "Explore", &url.asked, &kept);
    if url.every > 0 {
        shell = shell.live(url.every);
    }
    let found = answers::ask(&console, &mut shell, &url).await;
    match params.get("as") {
        None => {}
        Some("json") => return Ok(told(&url, &found)),
        Some(_) => return Err(BadParam::new("as", "expected json").into()),
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.unwrap_or("127.0.0.1:7117");
    Ok(render(&view(shell, &url, house.now, host, &found))?.into_response())
}

/// The values of all lines that are shown, as the script reads them.
fn told(url: &ExploreUrl, found: &answers::Found) -> Response {
    let steps = Steps::over(url.asked.range, url.step());
    let lines = lines::lines(&found.answers, url, steps);
    let told = lines
        .shown()
        .flat_map(|line| [Some(&line.lane), line.ghost.as_ref()]);
    let json = readings(steps, told.flatten());
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}
