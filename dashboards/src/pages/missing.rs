//! Any other path: a page for people, a problem for machines.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};

use super::render;
use crate::Console;
use crate::api::Problem;
use crate::figures;
use crate::shell::{House, Shell};

/// What is served to programs, whose errors are never pages.
const MACHINES: [&str; 8] = [
    "/api/",
    "/prometheus/",
    "/alertmanager/",
    "/jaeger/",
    "/loki/",
    "/elasticsearch/",
    "/hooks/",
    "/v1/",
];

#[derive(Debug, Template)]
#[template(path = "missing.html")]
pub(crate) struct Missing {
    pub(crate) shell: Shell,
    pub(crate) path: String,
}

pub(crate) async fn answer(State(console): State<Console>, uri: Uri) -> Response {
    let path = uri.path();
    if is_for_machines(path) {
        return Problem::not_found(&format!("route {path}")).into_response();
    }
    if path.starts_with("/static/") {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    }
    let house = House::ask(&console).await;
    let shell = Shell::new(&house, path, "There is no such page");
    (StatusCode::NOT_FOUND, render(&view(shell, path))).into_response()
}

pub(crate) fn view(shell: Shell, path: &str) -> Missing {
    Missing {
        shell,
        path: figures::cut(path, 200).0.to_owned(),
    }
}

fn is_for_machines(path: &str) -> bool {
    MACHINES
        .iter()
        .any(|root| path.starts_with(root) || path == root.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_not_answered_with_pages() {
        assert!(is_for_machines("/api/v1/lgos"));
        assert!(is_for_machines("/api"));
        assert!(!is_for_machines("/apis"));
        assert!(!is_for_machines("/incidents/x/y"));
    }
}
