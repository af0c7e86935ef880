//! The JSON API under `/api/v1`, save ingest. Errors are `application/problem+json`.

mod changes;
mod events;
mod exceptions;
mod incident_change;
mod incidents;
mod logs;
mod metrics;
mod patterns;
mod problem;
pub(crate) mod quarantine;
mod reliability;
pub(crate) mod schemas;
mod traces;

use axum::Router;
use axum::routing::{get, patch, post};

pub(crate) use logs::line_with_id;
pub(crate) use problem::{Problem, write as write_problem};

use crate::Console;

/// How many items a list gives if nothing is said, and at most.
const LIMIT: usize = 100;
const MOST: usize = 1000;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .merge(logs::router())
        .route("/api/v1/logs/patterns", get(patterns::list))
        .route("/api/v1/metrics", get(metrics::list))
        .route("/api/v1/metrics/functions", get(metrics::functions))
        .merge(traces::router())
        .route("/api/v1/exceptions", get(exceptions::list))
        .route(
            "/api/v1/exceptions/{id}",
            get(exceptions::one).patch(exceptions::change),
        )
        .route("/api/v1/incidents", get(incidents::list))
        .route(
            "/api/v1/incidents/{id}",
            get(incidents::one).patch(incidents::change),
        )
        .merge(reliability::router())
        .route("/api/v1/incidents/{id}/export", get(crate::export::answer))
        .route(
            "/api/v1/incidents/{id}/facts",
            get(crate::export::facts_answer),
        )
        .route("/api/v1/changes", get(changes::list).post(changes::record))
        .route(
            "/api/v4/projects/{project}/deploys",
            post(changes::airbrake_deploy),
        )
        .route("/api/v1/quarantine", get(quarantine::search))
        .route(
            "/api/v1/quarantine/replay",
            get(quarantine::replays).post(quarantine::replay),
        )
        .route("/api/v1/quarantine/replay/{id}", get(quarantine::report))
        .route(
            "/api/v1/schemas",
            get(schemas::list).post(schemas::register),
        )
        .route("/api/v1/schemas/{name}", get(schemas::one))
        .route(
            "/api/v1/schemas/{name}/{version}",
            patch(schemas::change).delete(schemas::remove),
        )
}

/// The items after the one whose id is the cursor, at most `limit`, and the cursor of what follows.
fn paged<T>(
    items: Vec<T>,
    id: impl Fn(&T) -> &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let known = items.iter().position(|item| id(item) == cursor);
            known.ok_or_else(Problem::cursor)? + 1
        }
    };
    let is_more = items.len() > start + limit;
    let page: Vec<T> = items.into_iter().skip(start).take(limit).collect();
    let next = page
        .last()
        .filter(|_| is_more)
        .map(|last| id(last).to_owned());
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let items = || ["a", "b", "c"].map(str::to_owned).to_vec();
        let page = |cursor| paged(items(), |item| item, cursor, 2).unwrap();
        assert_eq!(
            page(None),
            (vec!["a".to_owned(), "b".to_owned()], Some("b".to_owned()))
        );
        assert_eq!(page(Some("b")), (vec!["c".to_owned()], None));
        assert!(paged(items(), |item| item, Some("z"), 2).is_err());
    }
}
