//! What is to be scraped: a subset of Prometheus' configuration, read from its own file.

mod known;
mod meaning;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use watchfire_schemas::LabelSet;

use super::relabel::RelabelRule;

/// A configuration that was read and found sound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScrapeConfig {
    /// What Prometheus says about itself to others; stored series do not carry it.
    pub external_labels: LabelSet,
    pub(crate) jobs: Vec<ScrapeJob>,
}

/// What is wrong in a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {reason}")]
pub struct ScrapeFinding {
    /// As it was named.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
    /// In words.
    pub reason: String,
}

/// Targets that are scraped in the same way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScrapeJob {
    pub(crate) name: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) scheme: String,
    pub(crate) metrics_path: String,
    pub(crate) params: BTreeMap<String, Vec<String>>,
    pub(crate) groups: Vec<StaticGroup>,
    pub(crate) files: Vec<FileDiscovery>,
    pub(crate) relabel: Vec<RelabelRule>,
    /// Targets that relabelling drops and that are remembered nevertheless.
    pub(crate) keep_dropped: usize,
    /// No more targets than this, if any number is given.
    pub(crate) target_limit: usize,
    pub(crate) request: RequestConfig,
    pub(crate) reading: ReadingConfig,
}

/// Targets that are written out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StaticGroup {
    pub(crate) targets: Vec<String>,
    pub(crate) labels: Vec<(String, String)>,
}

/// Targets that stand in files, which may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDiscovery {
    /// The last part of a path may hold `*`.
    pub(crate) patterns: Vec<PathBuf>,
}

/// How a target is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RequestConfig {
    pub(crate) accept: String,
    pub(crate) fallback: Fallback,
    pub(crate) credentials: Credentials,
    pub(crate) tls: TlsConfig,
    pub(crate) follow_redirects: bool,
    pub(crate) compression: bool,
    /// Of the decompressed body; 0 for [`RequestConfig::LARGEST_BODY`].
    pub(crate) body_size_limit: usize,
}

impl RequestConfig {
    /// The largest body that is read where nothing else was said.
    pub(crate) const LARGEST_BODY: usize = 64 << 20;

    pub(crate) fn largest_body(&self) -> usize {
        match self.body_size_limit {
            0 => Self::LARGEST_BODY,
            limit => limit,
        }
    }
}

/// Which format a body is taken for whose content type says none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fallback {
    #[default]
    Text,
    OpenMetrics,
}

/// Who we say we are. Files are read anew for each scrape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Credentials {
    #[default]
    None,
    Basic {
        username: String,
        password: Hidden,
    },
    /// A scheme such as `Bearer`, and what follows it.
    Authorization {
        scheme: String,
        credentials: Hidden,
    },
}

/// A secret, or the file that holds it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Hidden {
    Written(String),
    File(PathBuf),
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Written(_) => f.write_str("[redacted]"),
            Self::File(path) => path.fmt(f),
        }
    }
}

/// How a target proves who it is, and we to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    pub(crate) ca: Option<Pem>,
    pub(crate) cert: Option<Pem>,
    pub(crate) key: Option<Pem>,
    pub(crate) insecure_skip_verify: bool,
}

/// A certificate or a key, or the file that holds it.
pub(crate) type Pem = Hidden;

/// What is made of a body.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReadingConfig {
    pub(crate) honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    /// Whether a series with times of its own ends when it is no longer exposed.
    pub(crate) track_timestamps: bool,
    pub(crate) relabel: Vec<RelabelRule>,
    /// 0 for none.
    pub(crate) sample_limit: usize,
    pub(crate) labels: LabelLimits,
}

/// How much a label may be. 0 for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LabelLimits {
    pub(crate) count: usize,
    pub(crate) name_length: usize,
    pub(crate) value_length: usize,
}

impl LabelLimits {
    /// Which limit a series exceeds, in words.
    pub(crate) fn check(self, labels: &LabelSet) -> Result<(), String> {
        let metric = labels.name();
        let over = |limit: usize, found: usize| limit > 0 && found > limit;
        if over(self.count, labels.len()) {
            return Err(format!(
                "label_limit exceeded: {metric} has {} labels, {} may be",
                labels.len(),
                self.count
            ));
        }
        for (name, value) in labels.iter() {
            if over(self.name_length, name.len()) {
                return Err(format!(
                    "label_name_length_limit exceeded: the name of a label of {metric} has {} bytes, {} may be",
                    name.len(),
                    self.name_length
                ));
            }
            if over(self.value_length, value.len()) {
                return Err(format!(
                    "label_value_length_limit exceeded: the label {name} of {metric} has {} bytes, {} may be",
                    value.len(),
                    self.value_length
                ));
            }
        }
        Ok(())
    }
}

impl ScrapeConfig {
    /// Reads a file's text. `file` is for messages, and files that it names without a folder are
    /// looked for beside it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<ScrapeFinding>> {
        meaning::read(file, text)
    }

    /// How many jobs there are.
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }
}

#[cfg(test)]
mod tests;
