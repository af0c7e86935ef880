//! An alert as Alertmanager's `POST /api/v2/alerts` takes it.

use std::collections::BTreeMap;

use serde::Serialize;
use watchfire_schemas::{LabelSet, Timestamp};

use crate::AlertInstance;
use crate::rules::template::url_query;

/// What every alert is told with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub external_url: &'a str,
    pub external_labels: &'a LabelSet,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToldAlert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(rename = "generatorURL")]
    generator_url: String,
}

/// An alert that fires ends when nobody tells it again in time.
pub(super) fn told(
    alert: &AlertInstance,
    expr: &str,
    valid_until: Timestamp,
    frame: Frame<'_>,
) -> ToldAlert {
    let pairs = |labels: &LabelSet| {
        let pairs = labels.iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let mut labels = pairs(frame.external_labels);
    labels.extend(pairs(&alert.labels));
    ToldAlert {
        labels,
        annotations: pairs(&alert.annotations),
        starts_at: alert.fired_at.unwrap_or(alert.active_at),
        ends_at: alert.resolved_at.unwrap_or(valid_until),
        generator_url: format!(
            "{}/graph?g0.expr={}&g0.tab=1",
            frame.external_url,
            url_query(expr)
        ),
    }
}
