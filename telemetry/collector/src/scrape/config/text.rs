//! The file as written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

pub(super) type Text = Option<Spanned<String>>;
pub(super) type Labels = BTreeMap<String, Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileText {
    #[serde(default)]
    pub(super) global: Option<GlobalText>,
    #[serde(default)]
    pub(super) scrape_configs: Vec<JobText>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct GlobalText {
    pub(super) scrape_interval: Text,
    pub(super) scrape_timeout: Text,
    pub(super) scrape_protocols: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) external_labels: Labels,
    pub(super) body_size_limit: Text,
    pub(super) sample_limit: Option<usize>,
    pub(super) target_limit: Option<usize>,
    pub(super) label_limit: Option<usize>,
    pub(super) label_name_length_limit: Option<usize>,
    pub(super) label_value_length_limit: Option<usize>,
    pub(super) keep_dropped_targets: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobText {
    pub(super) job_name: Spanned<String>,
    pub(super) scrape_interval: Text,
    pub(super) scrape_timeout: Text,
    pub(super) scrape_protocols: Option<Vec<Spanned<String>>>,
    pub(super) fallback_scrape_protocol: Text,
    pub(super) metrics_path: Option<String>,
    pub(super) scheme: Text,
    #[serde(default)]
    pub(super) params: BTreeMap<String, Vec<String>>,
    pub(super) honor_labels: Option<bool>,
    pub(super) honor_timestamps: Option<bool>,
    pub(super) track_timestamps_staleness: Option<bool>,
    pub(super) follow_redirects: Option<bool>,
    pub(super) enable_compression: Option<bool>,
    /// Text holds classic histograms only, so that they are always scraped.
    #[serde(rename = "scrape_classic_histograms")]
    pub(super) _classic: Option<bool>,
    #[serde(rename = "always_scrape_classic_histograms")]
    pub(super) _always_classic: Option<bool>,
    pub(super) basic_auth: Option<Spanned<BasicText>>,
    pub(super) authorization: Option<Spanned<AuthorizationText>>,
    pub(super) tls_config: Option<Spanned<TlsText>>,
    #[serde(default)]
    pub(super) static_configs: Vec<GroupText>,
    #[serde(default)]
    pub(super) file_sd_configs: Vec<FileDiscoveryText>,
    #[serde(default)]
    pub(super) relabel_configs: Vec<Spanned<RelabelText>>,
    #[serde(default)]
    pub(super) metric_relabel_configs: Vec<Spanned<RelabelText>>,
    pub(super) body_size_limit: Text,
    pub(super) sample_limit: Option<usize>,
    pub(super) target_limit: Option<usize>,
    pub(super) label_limit: Option<usize>,
    pub(super) label_name_length_limit: Option<usize>,
    pub(super) label_value_length_limit: Option<usize>,
    pub(super) keep_dropped_targets: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BasicText {
    #[serde(default)]
    pub(super) username: String,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthorizationText {
    #[serde(rename = "type")]
    pub(super) scheme: Option<String>,
    pub(super) credentials: Option<String>,
    pub(super) credentials_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsText {
    pub(super) ca: Option<String>,
    pub(super) ca_file: Option<String>,
    pub(super) cert: Option<String>,
    pub(super) cert_file: Option<String>,
    pub(super) key: Option<String>,
    pub(super) key_file: Option<String>,
    #[serde(default)]
    pub(super) insecure_skip_verify: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupText {
    #[serde(default)]
    pub(super) targets: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) labels: Labels,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileDiscoveryText {
    pub(super) files: Vec<Spanned<String>>,
    pub(super) refresh_interval: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RelabelText {
    #[serde(default)]
    pub(super) source_labels: Vec<String>,
    pub(super) separator: Option<String>,
    pub(super) target_label: Text,
    pub(super) regex: Text,
    pub(super) modulus: Option<u64>,
    pub(super) replacement: Option<String>,
    pub(super) action: Text,
}
