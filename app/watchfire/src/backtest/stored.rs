//! What a running server has stored: its series and its incidents.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use watchfire_alerts::SignalSeries;
use watchfire_schemas::{AlertSeverity, LabelSet, Sample, Timestamp};

use crate::api::{Api, ApiError};

/// An incident that is known, as far as rules are held against it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Known {
    pub id: String,
    pub title: String,
    pub severity: AlertSeverity,
    pub services: Vec<String>,
    pub onset: KnownOnset,
    pub detected_at: Timestamp,
    #[serde(default)]
    pub recovered_at: Option<Timestamp>,
    #[serde(default)]
    pub resolved_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct KnownOnset {
    pub at: Timestamp,
    pub earliest: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Pairs of seconds and a number as text; native histograms come otherwise and are left out.
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Debug, Deserialize)]
struct Page {
    incidents: Vec<Known>,
    next: Option<String>,
}

#[derive(Debug)]
pub(super) struct Stored {
    api: Api,
}

impl Stored {
    pub(super) fn new(api: Api) -> Self {
        Self { api }
    }

    /// An expression at `start`, `start + step`, … up to `end`.
    pub(super) async fn range(
        &self,
        expr: &str,
        (start, end): (Timestamp, Timestamp),
        step: Duration,
    ) -> Result<Vec<SignalSeries>, ApiError> {
        let (start, end) = (start.to_string(), end.to_string());
        let step = step.as_secs_f64().to_string();
        let parameters = [
            ("query", expr),
            ("start", &*start),
            ("end", &*end),
            ("step", &*step),
        ];
        let answer: Answer = self
            .api
            .get("/prometheus/api/v1/query_range", &parameters)
            .await?;
        Ok(answer.data.result.into_iter().map(series).collect())
    }

    /// All that overlap a range, earliest first.
    pub(super) async fn incidents(
        &self,
        (start, end): (Timestamp, Timestamp),
    ) -> Result<Vec<Known>, ApiError> {
        let (start, end) = (start.to_string(), end.to_string());
        let mut incidents = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut parameters = vec![("start", &*start), ("end", &*end), ("limit", "100")];
            parameters.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: Page = self.api.get("/api/v1/incidents", &parameters).await?;
            incidents.extend(page.incidents);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        incidents.sort_by_key(|incident| incident.onset.at);
        Ok(incidents)
    }
}

fn series(one: Series) -> SignalSeries {
    let sample = |(seconds, value): (f64, String)| {
        // Prometheus writes numbers as Rust reads them, save for the sign of infinity.
        let v = value.trim_start_matches('+').parse().unwrap_or(f64::NAN);
        Sample {
            t: (seconds * 1000.0).round() as i64,
            v,
        }
    };
    SignalSeries {
        labels: LabelSet::new(
            one.metric
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        ),
        samples: one.values.into_iter().map(sample).collect(),
        histograms: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_prometheus_writes_them() {
        let text = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1.5,"2"],[3,"+Inf"],[4,"NaN"]]}]}}"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        let read: Vec<SignalSeries> = answer.data.result.into_iter().map(series).collect();
        let times: Vec<i64> = read[0].samples.iter().map(|s| s.t).collect();
        assert_eq!(times, [1500, 3000, 4000]);
        assert!(read[0].samples[1].v.is_infinite() && read[0].samples[2].v.is_nan());
        assert_eq!(read[0].labels.get("a"), Some("b"));
    }
}
