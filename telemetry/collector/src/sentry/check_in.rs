use serde_json::Value;
use watchfire_schemas::{LabelSet, MetricKind, SeriesSamples, Timestamp};

use super::{Sender, given};
use crate::hand_over::one_sample;

/// A sign of life of a scheduled job, as series that a rule can watch:
/// `time() - check_in_last_timestamp_seconds{monitor="…",status="ok"} > 3600`.
pub(super) fn series(
    check_in: &Value,
    sender: &Sender,
    arrived: Timestamp,
) -> Option<Vec<SeriesSamples>> {
    let monitor = given::text(check_in, "monitor_slug")?;
    let status = given::text(check_in, "status")
        .filter(|status| matches!(&**status, "ok" | "error" | "in_progress"))?;
    let service = sender.service();
    let environment = given::text(check_in, "environment").unwrap_or_default();
    let labels = |name: &str| {
        let pairs = [
            ("service", service.as_str()),
            ("monitor", &monitor),
            ("status", &status),
            ("environment", &environment),
        ];
        LabelSet::metric(name, pairs)
    };
    let gauge = |name, value| one_sample(labels(name), MetricKind::Gauge, arrived, value);
    let mut series = vec![gauge(
        "check_in_last_timestamp_seconds",
        arrived.as_secs_f64(),
    )];
    let took = given::number(check_in, "duration").filter(|took| took.is_finite());
    series.extend(took.map(|took| gauge("check_in_duration_seconds", took)));
    Some(series)
}
