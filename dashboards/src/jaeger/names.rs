//! Which services there are, and which operations they have.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use watchfire_logsearch::SpanGroupSearch;
use watchfire_schemas::{SpanKind, TimeRange};
use watchfire_tsdb::{Listing, Selector};

use super::answer::{Failure, listed};
use super::asked::required;
use crate::params::Params;
use crate::{Console, query_text};

const SPAN_METRIC: &str = "traces_span_metrics_calls_total";

/// How long all spans of a service are looked at for their names, the newest first.
const PATIENCE: Duration = Duration::from_secs(2);

/// As many operations of one service as are told.
const MOST_OPERATIONS: usize = 10_000;

const KINDS: [SpanKind; 5] = [
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Internal,
    SpanKind::Producer,
    SpanKind::Consumer,
];

/// An operation and the kind of its spans.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) kind: &'static str,
}

pub(super) async fn services(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    let names = service_names(&console).await?;
    Ok(listed(
        &params,
        names.into_iter().map(Value::from).collect(),
    ))
}

/// The names alone, of `…/services/{name}/operations`. A name may hold a slash: Grafana sends it
/// without an escape.
pub(super) async fn operations(
    State(console): State<Console>,
    Path(rest): Path<String>,
    params: Params,
) -> Result<Response, Failure> {
    let Some(service) = rest.strip_suffix("/operations") else {
        let message = format!("no such route: /api/services/{rest}");
        return Err(Failure::new(StatusCode::NOT_FOUND, message));
    };
    let found = operations_of(&console, service, None).await?;
    let names: BTreeSet<String> = found.into_iter().map(|operation| operation.name).collect();
    Ok(listed(
        &params,
        names.into_iter().map(Value::from).collect(),
    ))
}

/// The names with the kinds of their spans.
pub(super) async fn operations_by_kind(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    let service = required(&params, "service")?;
    let found = operations_of(&console, &service, params.get("spanKind")).await?;
    Ok(listed(
        &params,
        found.iter().map(Operation::shown).collect(),
    ))
}

impl Operation {
    pub(super) fn shown(&self) -> Value {
        json!({"name": self.name, "spanKind": self.kind})
    }
}

pub(super) async fn service_names(console: &Console) -> Result<Vec<String>, Failure> {
    label_values(console, "service", SPAN_METRIC.to_owned()).await
}

/// The names of its spans as they are: the series of span metrics have them without ids.
pub(super) async fn operations_of(
    console: &Console,
    service: &str,
    kind: Option<&str>,
) -> Result<BTreeSet<Operation>, Failure> {
    let mut clauses = vec![query_text::term("service", service)];
    if let Some(text) = kind {
        clauses.push(query_text::term("kind", read_kind(text)?.as_str()));
    }
    let search = SpanGroupSearch {
        query: clauses.join(" "),
        range: TimeRange::ALL,
        by: vec!["name".to_owned(), "kind".to_owned()],
        limit: MOST_OPERATIONS,
        deadline: PATIENCE,
    };
    let groups = console.events.span_groups(search).await?.groups;
    let operations = groups.into_iter().filter_map(|group| {
        let [name, kind] = <[String; 2]>::try_from(group.values).ok()?;
        let kind = read_kind(&kind).ok()?.as_str();
        Some(Operation { name, kind })
    });
    Ok(operations.collect())
}

pub(super) fn read_kind(text: &str) -> Result<SpanKind, Failure> {
    let lower = text.to_ascii_lowercase();
    let kind = lower.strip_prefix("span_kind_").unwrap_or(&lower);
    // What has none is held as internal.
    let kind = if kind == "unspecified" {
        "internal"
    } else {
        kind
    };
    let found = KINDS.into_iter().find(|known| known.as_str() == kind);
    found.ok_or_else(|| {
        Failure::bad(format!(
            "unable to parse param 'spanKind': unsupported span kind: '{text}'"
        ))
    })
}

async fn label_values(
    console: &Console,
    label: &'static str,
    selector: String,
) -> Result<Vec<String>, Failure> {
    let tsdb = Arc::clone(&console.tsdb);
    let listed = tokio::task::spawn_blocking(move || {
        let selector = Selector::parse(&selector).map_err(|error| error.to_string())?;
        let values = tsdb.list_label_values(label, &[selector], &Listing::default());
        values.map_err(|error| error.to_string())
    });
    let listed = listed
        .await
        .map_err(|error| Failure::internal(error.to_string()))?;
    listed.map_err(Failure::internal)
}

/// A text within a PromQL selector.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_in_both_forms() {
        for text in ["server", "SERVER", "SPAN_KIND_SERVER"] {
            assert_eq!(read_kind(text).unwrap(), SpanKind::Server, "{text}");
        }
        assert_eq!(read_kind("unspecified").unwrap(), SpanKind::Internal);
        let message = read_kind("sever").unwrap_err().message;
        assert!(message.contains("'sever'"), "{message}");
    }
}
