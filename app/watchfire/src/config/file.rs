//! The configuration file, as written.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use watchfire_collector::ProbeEntry;

use super::destinations::DestinationEntry;
use super::hooks::HooksEntry;
use super::slo::SloEntry;
use super::{ConfigError, Written};
use crate::cli::{OtlpNames, ServeArgs};
use crate::schema_files::SchemaEntry;

/// The same options as the command line's, and the destinations of notifications.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileConfig {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) otlp_grpc: Option<SocketAddr>,
    pub(super) otlp_http: Option<SocketAddr>,
    pub(super) allow_anonymous: Option<bool>,
    #[serde(default)]
    pub(super) allowed_host: Vec<String>,
    pub(super) external_url: Option<String>,
    pub(super) memory_budget: Option<String>,
    pub(super) intake_budget: Option<String>,
    pub(super) max_body: Option<String>,
    pub(super) max_ahead: Option<String>,
    #[serde(default)]
    pub(super) otlp_promote: Vec<String>,
    pub(super) otlp_names: Option<OtlpNames>,
    pub(super) otlp_scope_labels: Option<bool>,
    pub(super) log_retention: Option<String>,
    pub(super) span_retention: Option<String>,
    pub(super) metric_retention: Option<String>,
    pub(super) metrics_memory: Option<String>,
    pub(super) metrics_disk_limit: Option<String>,
    pub(super) metrics_out_of_order: Option<String>,
    pub(super) disk_limit: Option<String>,
    pub(super) disk_share: Option<String>,
    #[serde(default)]
    pub(super) rules: Vec<PathBuf>,
    pub(super) default_rules: Option<bool>,
    #[serde(default)]
    pub(super) slo: Vec<SloEntry>,
    pub(super) slo_period: Option<String>,
    #[serde(default)]
    pub(super) alertmanager: Vec<Written>,
    pub(super) heartbeat_url: Option<Written>,
    #[serde(default)]
    pub(super) schemas: Vec<PathBuf>,
    #[serde(default)]
    pub(super) schema: Vec<SchemaEntry>,
    pub(super) scrape_config: Option<PathBuf>,
    pub(super) host_metrics: Option<String>,
    pub(super) evaluation_interval: Option<String>,
    pub(super) group_wait: Option<String>,
    pub(super) alertmanager_config: Option<PathBuf>,
    pub(super) quiet: Option<String>,
    #[serde(default)]
    pub(super) probe: Vec<ProbeEntry>,
    #[serde(default)]
    pub(super) destination: Vec<DestinationEntry>,
    /// The destination that is told in the place of every one that does not work.
    pub(super) fallback: Option<String>,
    #[serde(default)]
    pub(super) hooks: HooksEntry,
    #[serde(default)]
    pub(super) counter: Vec<CounterEntry>,
}

/// One `[[counter]]`: a series that counts the records of a log query.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CounterEntry {
    pub(super) name: String,
    pub(super) query: String,
    /// The fields whose values are labels.
    #[serde(default)]
    pub(super) by: Vec<String>,
}

impl FileConfig {
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// What was said on the command line, and where nothing was said there, what the file says.
    pub(super) fn below(self, flags: ServeArgs) -> (ServeArgs, Vec<DestinationEntry>) {
        let args = ServeArgs {
            data_dir: flags.data_dir.or(self.data_dir),
            listen: flags.listen.or(self.listen),
            otlp_grpc: flags.otlp_grpc.or(self.otlp_grpc),
            otlp_http: flags.otlp_http.or(self.otlp_http),
            allow_anonymous: flags.allow_anonymous.or(self.allow_anonymous),
            allowed_host: if flags.allowed_host.is_empty() {
                self.allowed_host
            } else {
                flags.allowed_host
            },
            external_url: flags.external_url.or(self.external_url),
            memory_budget: flags.memory_budget.or(self.memory_budget),
            intake_budget: flags.intake_budget.or(self.intake_budget),
            max_body: flags.max_body.or(self.max_body),
            max_ahead: flags.max_ahead.or(self.max_ahead),
            otlp_promote: if flags.otlp_promote.is_empty() {
                self.otlp_promote
            } else {
                flags.otlp_promote
            },
            otlp_names: flags.otlp_names.or(self.otlp_names),
            otlp_scope_labels: flags.otlp_scope_labels.or(self.otlp_scope_labels),
            log_retention: flags.log_retention.or(self.log_retention),
            span_retention: flags.span_retention.or(self.span_retention),
            metric_retention: flags.metric_retention.or(self.metric_retention),
            metrics_memory: flags.metrics_memory.or(self.metrics_memory),
            metrics_disk_limit: flags.metrics_disk_limit.or(self.metrics_disk_limit),
            metrics_out_of_order: flags.metrics_out_of_order.or(self.metrics_out_of_order),
            disk_limit: flags.disk_limit.or(self.disk_limit),
            disk_share: flags.disk_share.or(self.disk_share),
            rules: if flags.rules.is_empty() {
                self.rules
            } else {
                flags.rules
            },
            default_rules: flags.default_rules.or(self.default_rules),
            slo_period: flags.slo_period.or(self.slo_period),
            alertmanager: if flags.alertmanager.is_empty() {
                self.alertmanager
            } else {
                flags.alertmanager
            },
            heartbeat_url: flags.heartbeat_url.or(self.heartbeat_url),
            schemas: if flags.schemas.is_empty() {
                self.schemas
            } else {
                flags.schemas
            },
            host_metrics: flags.host_metrics.or(self.host_metrics),
            scrape_config: flags.scrape_config.or(self.scrape_config),
            evaluation_interval: flags.evaluation_interval.or(self.evaluation_interval),
            group_wait: flags.group_wait.or(self.group_wait),
            alertmanager_config: flags.alertmanager_config.or(self.alertmanager_config),
            quiet: flags.quiet.or(self.quiet),
            ..flags
        };
        (args, self.destination)
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            ConfigError::Syntax {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
                reason: error.message().to_owned(),
            }
        })
    }
}
