//! Saved searches: the list beside the search box, and the forms that save and forget.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use serde::Deserialize;

use super::state::LogsUrl;
use crate::Console;
use crate::pages::Fault;
use crate::pages::posted::required;
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::saved_searches::{MOST_SAVED, SavedSearch};
use crate::url;

const LONGEST_QUERY: usize = 4_000;

/// A saved search as a link.
#[derive(Debug, Clone)]
pub(crate) struct SavedView {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) query: String,
    pub(crate) last: String,
    pub(crate) href: String,
    /// The page shows it now.
    pub(crate) is_current: bool,
}

pub(super) fn views(saved: &[SavedSearch], url: &LogsUrl) -> Vec<SavedView> {
    saved.iter().map(|search| view(search, url)).collect()
}

fn view(search: &SavedSearch, url: &LogsUrl) -> SavedView {
    SavedView {
        id: search.id,
        name: search.name.clone(),
        query: search.query.clone(),
        last: search.last.clone(),
        href: href(search),
        is_current: search.query == url.query && search.columns == url.columns,
    }
}

fn href(search: &SavedSearch) -> String {
    url::link(
        "/logs",
        &[
            ("q", &search.query),
            ("cols", &search.columns.join(",")),
            ("last", &search.last),
        ],
    )
}

/// What the form to save a search sends.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    cols: String,
    #[serde(default)]
    last: String,
}

/// `POST /logs/searches`.
pub(crate) async fn save(
    State(console): State<Console>,
    Form(fields): Form<Fields>,
) -> Result<Redirect, Fault> {
    let now = console.clock.now();
    let search = read(&fields, now)?;
    let is_kept = console.saved.save(&search, now).await;
    if !is_kept.map_err(Fault::Saved)? {
        return Err(Fault::Refused(format!(
            "there are {MOST_SAVED} saved searches already; forget one first"
        )));
    }
    Ok(Redirect::to(&href(&search)))
}

fn read(fields: &Fields, now: watchfire_schemas::Timestamp) -> Result<SavedSearch, BadParam> {
    let name = required("name", &fields.name, 80)?;
    if fields.q.chars().count() > LONGEST_QUERY {
        let reason = format!("is longer than {LONGEST_QUERY} characters");
        return Err(BadParam::new("q", reason));
    }
    let said = Params::from_pairs(&[("last", &fields.last), ("cols", &fields.cols)]);
    Asked::from_params(&said, now, "1h")?;
    Ok(SavedSearch {
        id: 0,
        name: name.to_owned(),
        query: fields.q.trim().to_owned(),
        columns: LogsUrl::from_params(&said, now)?.columns,
        last: fields.last.trim().to_owned(),
    })
}

/// `POST /logs/searches/{id}/forget`.
pub(crate) async fn forget(
    State(console): State<Console>,
    Path(id): Path<i64>,
) -> Result<Redirect, Fault> {
    if console.saved.forget(id).await.map_err(Fault::Saved)? {
        Ok(Redirect::to("/logs"))
    } else {
        Err(Fault::NotFound(format!("saved search {id}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_sends_is_read_or_complained_about() {
        let now = "2026-11-22T06:00:00Z".parse().unwrap();
        let fields = |name: &str, q: &str, last: &str| Fields {
            name: name.to_owned(),
            q: q.to_owned(),
            cols: "a,b,,a".to_owned(),
            last: last.to_owned(),
        };
        let search = read(&fields(" x ", " y ", "6h"), now).unwrap();
        assert_eq!(href(&search), "/logs?q=y&cols=a,b&last=6h");
        assert_eq!(search.name, "x");
        assert_eq!(read(&fields("", "y", ""), now).unwrap_err().name, "name");
        assert_eq!(read(&fields("x", "y", "no"), now).unwrap_err().name, "last");
        let long = "y".repeat(LONGEST_QUERY + 1);
        assert_eq!(read(&fields("x", &long, ""), now).unwrap_err().name, "q");
    }
}
