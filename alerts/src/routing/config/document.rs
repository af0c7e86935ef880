use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

pub(super) type Text = Option<Spanned<String>>;
pub(super) type Texts = Option<Vec<Spanned<String>>>;
pub(super) type Pairs = Option<BTreeMap<String, Spanned<String>>>;

/// The file as written. What receivers hold is read by those who know how they are reached.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub global: Option<GlobalText>,
    #[serde(rename = "templates")]
    pub _templates: Option<IgnoredAny>,
    pub route: Option<Spanned<RouteText>>,
    pub inhibit_rules: Option<Vec<Spanned<InhibitText>>>,
    pub receivers: Option<Vec<Spanned<ReceiverText>>>,
    pub mute_time_intervals: Option<Vec<Spanned<NamedIntervalText>>>,
    pub time_intervals: Option<Vec<Spanned<NamedIntervalText>>>,
    /// How Alertmanager tells of itself; it means nothing here.
    #[serde(rename = "tracing")]
    pub _tracing: Option<IgnoredAny>,
    #[serde(rename = "event_recorder")]
    pub _event_recorder: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GlobalText {
    pub resolve_timeout: Text,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReceiverText {
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteText {
    pub receiver: Text,
    pub group_by: Texts,
    #[serde(rename = "match")]
    pub equal: Pairs,
    pub match_re: Pairs,
    pub matchers: Texts,
    pub mute_time_intervals: Texts,
    pub active_time_intervals: Texts,
    #[serde(rename = "continue")]
    pub continues: Option<Spanned<bool>>,
    pub routes: Option<Vec<Spanned<RouteText>>>,
    pub group_wait: Text,
    pub group_interval: Text,
    pub repeat_interval: Text,
    /// Of version 0.34: told to receivers beside the labels.
    #[serde(rename = "labels")]
    pub _labels: Pairs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InhibitText {
    #[serde(rename = "name")]
    pub _name: Option<String>,
    pub source_match: Pairs,
    pub source_match_re: Pairs,
    pub source_matchers: Texts,
    pub target_match: Pairs,
    pub target_match_re: Pairs,
    pub target_matchers: Texts,
    pub equal: Texts,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedIntervalText {
    pub name: Option<String>,
    pub time_intervals: Option<Vec<IntervalText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntervalText {
    pub times: Option<Vec<Spanned<TimesText>>>,
    pub weekdays: Texts,
    pub days_of_month: Texts,
    pub months: Texts,
    pub years: Texts,
    pub location: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimesText {
    pub start_time: Option<String>,
    pub end_time: Option<String>,
}
