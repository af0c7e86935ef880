//! What is scraped, and how it went: asked of the one who scrapes.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde_json::{Value, json};
use watchfire_schemas::{DroppedTarget, LabelSet, TargetMetadata, TargetState};

use super::Api;
use super::params::Params;
use super::reply::{ApiError, Data, Reply};
use crate::Selector;

/// Knows the targets that are scraped. Answers from memory, at once; lists are by pool.
pub trait TargetBoard: fmt::Debug + Send + Sync {
    /// The names of all pools (`scrape_configs`).
    fn pools(&self) -> Vec<String>;

    /// The targets that are scraped.
    fn active(&self) -> Vec<TargetState>;

    /// Targets that relabelling dropped; of many some.
    fn dropped(&self) -> Vec<DroppedTarget>;

    /// How many targets relabelling dropped, by pool.
    fn dropped_counts(&self) -> BTreeMap<String, usize>;

    /// What targets say of their metrics.
    fn metadata(&self) -> Vec<TargetMetadata>;
}

/// A board of nothing: of a process that does not scrape.
#[derive(Debug)]
struct NoTargets;

impl TargetBoard for NoTargets {
    fn pools(&self) -> Vec<String> {
        Vec::new()
    }

    fn active(&self) -> Vec<TargetState> {
        Vec::new()
    }

    fn dropped(&self) -> Vec<DroppedTarget> {
        Vec::new()
    }

    fn dropped_counts(&self) -> BTreeMap<String, usize> {
        BTreeMap::new()
    }

    fn metadata(&self) -> Vec<TargetMetadata> {
        Vec::new()
    }
}

pub(super) fn no_targets() -> Arc<dyn TargetBoard> {
    Arc::new(NoTargets)
}

pub(super) async fn targets(State(api): State<Api>, params: Params) -> Reply {
    let board = &api.facts.targets;
    let pool = params.get("scrapePool");
    let is_wanted = |of: &str| pool.is_none_or(|pool| pool == of);
    let state = params.get("state").unwrap_or("any").to_ascii_lowercase();
    let (mut active, mut dropped) = (Vec::new(), Vec::new());
    if matches!(state.as_str(), "any" | "active") {
        let all = board.active();
        let wanted = all.iter().filter(|target| is_wanted(&target.scrape_pool));
        active.extend(wanted.map(active_json));
    }
    if matches!(state.as_str(), "any" | "dropped") {
        let all = board.dropped();
        let wanted = all.iter().filter(|target| is_wanted(&target.scrape_pool));
        dropped.extend(wanted.map(|target| {
            json!({
                "discoveredLabels": labels_json(&target.discovered_labels),
                "scrapePool": target.scrape_pool,
            })
        }));
    }
    Ok(Data::of(&json!({
        "activeTargets": active,
        "droppedTargets": dropped,
        "droppedTargetCounts": board.dropped_counts(),
    })))
}

pub(super) async fn scrape_pools(State(api): State<Api>) -> Data {
    Data::of(&json!({"scrapePools": api.facts.targets.pools()}))
}

pub(super) async fn metadata(State(api): State<Api>, params: Params) -> Reply {
    let matching = params.get("match_target").map(Selector::parse).transpose();
    let matching =
        matching.map_err(|error| ApiError::invalid("match_target", &error.to_string()))?;
    let metric = params.get("metric");
    let limit = params.limit()?;
    let all = api.facts.targets.metadata().into_iter();
    let wanted = all.filter(|said| {
        matching
            .as_ref()
            .is_none_or(|selector| selector.matches(&said.target))
            && metric.is_none_or(|metric| metric == said.metadata.family)
    });
    let found: Vec<_> = wanted
        .take(limit)
        .map(|said| metadata_json(&said))
        .collect();
    if found.is_empty() && metric.is_some() {
        return Err(ApiError::not_found("specified metadata not found"));
    }
    Ok(Data::of(&found))
}

fn active_json(target: &TargetState) -> Value {
    // What Prometheus writes for "never".
    let never = "0001-01-01T00:00:00Z".to_owned();
    json!({
        "discoveredLabels": labels_json(&target.discovered_labels),
        "labels": labels_json(&target.labels),
        "scrapePool": target.scrape_pool,
        "scrapeUrl": target.scrape_url,
        "globalUrl": target.scrape_url,
        "lastError": target.last_error,
        "lastScrape": target.last_scrape.map_or(never, |at| at.to_string()),
        "lastScrapeDuration": target.last_duration.as_secs_f64(),
        "health": target.health.as_str(),
        "scrapeInterval": duration_text(target.interval),
        "scrapeTimeout": duration_text(target.timeout),
    })
}

fn metadata_json(said: &TargetMetadata) -> Value {
    json!({
        "target": labels_json(&said.target),
        "metric": said.metadata.family,
        "type": said.metadata.kind.as_str(),
        "help": said.metadata.help,
        "unit": said.metadata.unit,
    })
}

fn labels_json(labels: &LabelSet) -> Value {
    let pairs = labels.iter();
    Value::Object(
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    )
}

/// As Prometheus writes durations: `1m30s`.
pub(super) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let units = [
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let (mut rest, mut text) = (millis, String::new());
    for (unit, length) in units {
        // Years and weeks only where nothing is left over: "90d", not "12w6d".
        let is_whole = rest % length == 0;
        if rest >= length && (is_whole || !matches!(unit, "y" | "w")) {
            let _infallible = write!(text, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_they_are_read() {
        let cases = [
            (0, "0s"),
            (90_000, "1m30s"),
            (1_500, "1s500ms"),
            (90 * 86_400_000, "90d"),
            (14 * 86_400_000, "2w"),
        ];
        for (millis, text) in cases {
            assert_eq!(duration_text(Duration::from_millis(millis)), text);
        }
    }
}
