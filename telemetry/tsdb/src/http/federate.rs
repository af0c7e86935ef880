//! The newest sample of each series that is asked for, as an exposition that another Prometheus
//! scrapes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use watchfire_schemas::{LabelSet, MetricKind, Sample};

use super::Api;
use super::params::Params;
use super::reply::{ApiError, reading};
use crate::Selector;
use crate::number::shortest;
use crate::staleness::is_stale;

/// How old a sample may be and still be the newest.
const LOOKBACK: Duration = Duration::from_mins(5);

pub(super) async fn federate(
    State(api): State<Api>,
    headers: HeaderMap,
    params: Params,
) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let takes_any_name = accepted.is_some_and(|accept| accept.contains("escaping=allow-utf-8"));
    let written = match params.selectors() {
        Ok(selectors) => reading(move || exposition(&api, &selectors, takes_any_name)).await,
        Err(error) => Err(error),
    };
    match written {
        Ok(text) => {
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (error.status(), error.text().to_owned()).into_response(),
    }
}

fn exposition(api: &Api, selectors: &[Selector], takes_any_name: bool) -> Result<String, ApiError> {
    let newest = newest(api, selectors)?;
    let kinds: BTreeMap<String, MetricKind> = api.tsdb.metric_kinds().into_iter().collect();
    let mut writer = Writer {
        text: String::new(),
        takes_any_name,
    };
    let mut last = "";
    for ((name, labels), sample) in &newest {
        if last != name {
            writer.kind(name, kinds.get(name).copied());
            last = name;
        }
        let external = &api.facts.external_labels;
        writer.sample(&with_external(labels, external), *sample);
    }
    Ok(writer.text)
}

/// By metric and labels; what has no name cannot be written.
fn newest(
    api: &Api,
    selectors: &[Selector],
) -> Result<BTreeMap<(String, Arc<LabelSet>), Sample>, ApiError> {
    let unreadable = |error: std::io::Error| ApiError::internal(error.to_string());
    let to = api.tsdb.now().millis();
    let from = to - LOOKBACK.as_millis() as i64 + 1;
    let mut found = BTreeMap::new();
    for selector in selectors {
        for slice in api.tsdb.slices(selector, from, to).map_err(unreadable)? {
            let points = slice.decode(from, to, to).map_err(unreadable)?;
            let newest = points.floats.last().filter(|sample| !is_stale(sample.v));
            let name = slice.labels.name().to_owned();
            if let Some(sample) = newest.filter(|_| !name.is_empty()) {
                found.insert((name, slice.labels), *sample);
            }
        }
    }
    Ok(found)
}

/// A series' labels with those that name this server, where it has none of that name.
pub(super) fn with_external(labels: &LabelSet, external: &LabelSet) -> LabelSet {
    external
        .iter()
        .fold(labels.clone(), |labels, (name, value)| {
            match labels.get(name) {
                Some(_) => labels,
                None => labels.with(name, value),
            }
        })
}

struct Writer {
    text: String,
    /// Whether the reader takes names beyond letters, digits and underscores.
    takes_any_name: bool,
}

impl Writer {
    fn kind(&mut self, name: &str, kind: Option<MetricKind>) {
        let kind = match kind {
            Some(MetricKind::Counter) => "counter",
            Some(MetricKind::Gauge) => "gauge",
            // The series of the others do not bear the name of their family.
            _ => "untyped",
        };
        let name = self.name(name);
        let _infallible = writeln!(self.text, "# TYPE {name} {kind}");
    }

    fn sample(&mut self, labels: &LabelSet, sample: Sample) {
        let name = self.name(labels.name());
        let is_quoted = name.starts_with('"');
        let mut pairs = Vec::new();
        if is_quoted {
            pairs.push(name.clone());
        } else {
            self.text.push_str(&name);
        }
        let rest = labels.iter().filter(|(name, _)| *name != LabelSet::NAME);
        pairs.extend(
            rest.map(|(name, value)| format!("{}=\"{}\"", self.name(name), escaped(value))),
        );
        // So that the scraper, who honours our labels, does not put its own there.
        if labels.get("instance").is_none() {
            pairs.push("instance=\"\"".to_owned());
        }
        let (pairs, value) = (pairs.join(","), shortest(sample.v));
        let _infallible = writeln!(self.text, "{{{pairs}}} {value} {}", sample.t);
    }

    /// A name as the reader takes it: quoted, or with underscores for what is not allowed.
    fn name(&self, name: &str) -> String {
        let is_plain = |(at, c): (usize, char)| {
            c == '_' || c == ':' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit()
        };
        if name.char_indices().all(is_plain) {
            name.to_owned()
        } else if self.takes_any_name {
            format!("\"{}\"", escaped(name))
        } else {
            let plain = name
                .char_indices()
                .map(|(at, c)| if is_plain((at, c)) { c } else { '_' });
            plain.collect()
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
