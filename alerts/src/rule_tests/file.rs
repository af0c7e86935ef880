use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use watchfire_schemas::Timestamp;

use crate::rules::parse_duration;
use crate::{RuleFinding, Weight};

/// A file of tests as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub rule_files: Option<Vec<String>>,
    #[serde(default = "minute", deserialize_with = "interval")]
    pub evaluation_interval: Duration,
    pub group_eval_order: Option<Vec<String>>,
    pub fuzzy_compare: Option<bool>,
    #[serde(default)]
    pub tests: Vec<TestText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestText {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "optional_duration")]
    pub interval: Option<Duration>,
    pub input_series: Option<Vec<SeriesText>>,
    pub alert_rule_test: Option<Vec<AlertTestText>>,
    pub promql_expr_test: Option<Vec<ExprTestText>>,
    pub external_labels: Option<BTreeMap<String, String>>,
    pub external_url: Option<String>,
    #[serde(default, deserialize_with = "start")]
    pub start_timestamp: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeriesText {
    pub series: String,
    #[serde(default)]
    pub values: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertTestText {
    #[serde(default, deserialize_with = "duration")]
    pub eval_time: Duration,
    #[serde(default)]
    pub alertname: String,
    pub exp_alerts: Option<Vec<AlertText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertText {
    pub exp_labels: Option<BTreeMap<String, String>>,
    pub exp_annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExprTestText {
    pub expr: String,
    #[serde(default, deserialize_with = "duration")]
    pub eval_time: Duration,
    pub exp_samples: Option<Vec<SampleText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleText {
    #[serde(default)]
    pub labels: String,
    #[serde(default, deserialize_with = "number")]
    pub value: f64,
    pub histogram: Option<String>,
}

impl Document {
    pub(super) fn read(file: &str, text: &str) -> Result<Self, Vec<RuleFinding>> {
        serde_saphyr::from_str(text).map_err(|error| {
            let at = error.location();
            let (line, column) = at.map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
            let reason = error.without_snippet().to_string();
            vec![RuleFinding {
                line,
                column,
                ..finding(file, reason.lines().next().unwrap_or_default().to_owned())
            }]
        })
    }
}

/// A finding about the file as a whole.
pub(super) fn finding(file: &str, reason: String) -> RuleFinding {
    RuleFinding {
        file: file.to_owned(),
        line: 1,
        column: 1,
        weight: Weight::Error,
        reason,
    }
}

const fn minute() -> Duration {
    Duration::from_mins(1)
}

fn read_duration<E: de::Error>(text: &str) -> Result<Duration, E> {
    let wrong = || E::custom(format!("{text:?} is not a duration such as 30s or 5m"));
    parse_duration(text).ok_or_else(wrong)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    read_duration(&String::deserialize(from)?)
}

fn optional_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| read_duration(&text)).transpose()
}

/// Where it is left out or zero, a minute.
fn interval<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let read = optional_duration(from)?;
    Ok(read.filter(|read| !read.is_zero()).unwrap_or(minute()))
}

fn start<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok(Some(Timestamp::from_millis((seconds * 1000.0) as i64)));
    }
    let wrong = |_| de::Error::custom(format!("{text:?} is not a time"));
    text.parse().map(Some).map_err(wrong)
}

/// A number as YAML or as PromQL writes it.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let text = String::deserialize(from)?;
    let plain = text
        .trim_start_matches('+')
        .replace(".inf", "inf")
        .replace(".nan", "nan");
    let plain = plain.replace(".Inf", "inf").replace(".NaN", "nan");
    let wrong = |_| de::Error::custom(format!("{text:?} is not a number"));
    plain.parse().map_err(wrong)
}
