use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

/// Texts by their names, each with its place.
pub(in crate::rules) type Texts = BTreeMap<String, Spanned<String>>;

/// A rule file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct Document {
    pub groups: Option<Vec<GroupText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct GroupText {
    pub name: Spanned<String>,
    pub interval: Option<Spanned<String>>,
    pub query_offset: Option<Spanned<String>>,
    pub limit: Option<usize>,
    pub labels: Option<Texts>,
    pub rules: Option<Vec<RuleText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct RuleText {
    pub alert: Option<Spanned<String>>,
    pub record: Option<Spanned<String>>,
    pub expr: Spanned<String>,
    #[serde(rename = "for")]
    pub hold: Option<Spanned<String>>,
    pub keep_firing_for: Option<Spanned<String>>,
    pub labels: Option<Texts>,
    pub annotations: Option<Texts>,
}
