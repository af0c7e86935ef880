//! What Prometheus' interface tells of this process.

use std::sync::Arc;

use watchfire_collector::ScrapeBoard;
use watchfire_schemas::Timestamp;
use watchfire_tsdb::ServerFacts;

use crate::config::Settings;

/// Options are told as they are in force, written or not.
pub(crate) fn server_facts(
    settings: &Settings,
    started: Timestamp,
    targets: Arc<ScrapeBoard>,
) -> ServerFacts {
    let scraped = settings.scrape.as_ref().map(|(path, _)| path);
    let flags = [
        ("data-dir", settings.data_dir.display().to_string()),
        ("listen", settings.listen.to_string()),
        ("otlp-grpc", settings.otlp_grpc.to_string()),
        ("otlp-http", settings.otlp_http.to_string()),
        ("memory-budget", settings.memory_budget.to_string()),
        (
            "metric-retention",
            format!("{}s", settings.metric_retention.as_secs()),
        ),
        (
            "evaluation-interval",
            format!("{}s", settings.evaluation_interval.as_secs()),
        ),
        (
            "scrape-config",
            scraped.map_or_else(String::new, |path| path.display().to_string()),
        ),
    ];
    ServerFacts {
        started,
        flags: flags
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        targets,
        ..ServerFacts::default()
    }
}
