//! What a client may want to know of the server itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};
use watchfire_schemas::{LabelSet, Timestamp};

use super::Api;
use super::params::Params;
use super::reply::{Data, Reply, reading};
use super::targets::{TargetBoard, duration_text, no_targets};

/// The version of Prometheus whose language and interface we speak. Clients look at it to see what
/// they may ask for; ours is the revision.
const SPOKEN: &str = "3.5.0";

/// What the store cannot know of the server that it is part of.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    pub started: Timestamp,
    /// The configuration in force, as YAML, without secrets.
    pub config: String,
    /// Options and their values.
    pub flags: BTreeMap<String, String>,
    /// What remote read and federation add to series that lack it.
    pub external_labels: LabelSet,
    /// Origins whose pages may read.
    pub allowed_origins: Vec<String>,
    pub targets: Arc<dyn TargetBoard>,
}

impl Default for ServerFacts {
    fn default() -> Self {
        Self {
            started: Timestamp::default(),
            config: String::new(),
            flags: BTreeMap::new(),
            external_labels: LabelSet::default(),
            allowed_origins: Vec::new(),
            targets: no_targets(),
        }
    }
}

pub(super) async fn healthy() -> &'static str {
    "Watchfire is Healthy.\n"
}

pub(super) async fn ready() -> &'static str {
    "Watchfire is Ready.\n"
}

pub(super) async fn build_info() -> Data {
    Data::of(&json!({
        "version": SPOKEN,
        "revision": concat!("watchfire-", env!("CARGO_PKG_VERSION")),
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

pub(super) async fn runtime_info(State(api): State<Api>) -> Data {
    let facts = &api.facts;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let folder = std::env::current_dir().unwrap_or_default();
    Data::of(&json!({
        "startTime": facts.started.to_string(),
        "CWD": folder.display().to_string(),
        "serverTime": api.tsdb.now().to_string(),
        "reloadConfigSuccess": true,
        "lastConfigTime": facts.started.to_string(),
        "corruptionCount": 0,
        "goroutineCount": 0,
        "GOMAXPROCS": threads,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": duration_text(api.tsdb.retention()),
    }))
}

pub(super) async fn config(State(api): State<Api>) -> Data {
    Data::of(&json!({"yaml": api.facts.config}))
}

pub(super) async fn flags(State(api): State<Api>) -> Data {
    Data::of(&api.facts.flags)
}

pub(super) async fn tsdb(State(api): State<Api>, params: Params) -> Reply {
    let limit = params.limit()?;
    reading(move || {
        let (stats, most) = (api.tsdb.stats(), api.tsdb.cardinality());
        let list = |counts: &[(String, usize)]| -> Vec<Value> {
            let shown = counts.iter().take(limit);
            shown
                .map(|(name, value)| json!({"name": name, "value": value}))
                .collect()
        };
        Ok(Data::of(&json!({
            "headStats": {
                "numSeries": stats.head_series,
                "numLabelPairs": stats.label_pairs,
                "chunkCount": stats.head_chunks,
                "minTime": stats.head_min_t,
                "maxTime": stats.head_max_t,
            },
            "seriesCountByMetricName": list(&most.series_by_metric),
            "labelValueCountByLabelName": list(&most.values_by_label),
            "memoryInBytesByLabelName": list(&most.bytes_by_label),
            "seriesCountByLabelValuePair": list(&most.series_by_pair),
        })))
    })
    .await
}

/// The log is replayed before we listen.
pub(super) async fn wal_replay() -> Data {
    Data::of(&json!({"min": 0, "max": 0, "current": 0}))
}

/// Notifications go out by our own rules; there is no Alertmanager that we send to.
pub(super) async fn alertmanagers() -> Data {
    Data::of(&json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}))
}
