use std::time::Duration;

use crate::{LabelSet, MetricMetadata, Timestamp};

/// What is known of a target that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetState {
    /// The labels that its series carry.
    pub labels: LabelSet,
    /// What was configured or discovered, before relabelling.
    pub discovered_labels: LabelSet,
    /// The job that it was configured under.
    pub scrape_pool: String,
    /// Where it is scraped, parameters included.
    pub scrape_url: String,
    /// Why the last scrape failed; empty if it did not.
    pub last_error: String,
    /// When the last scrape began.
    pub last_scrape: Option<Timestamp>,
    /// How long it took.
    pub last_duration: Duration,
    /// Whether it succeeded.
    pub health: TargetHealth,
    /// How often it is scraped.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
}

/// Whether the last scrape of a target succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TargetHealth {
    /// There was none yet.
    #[default]
    Unknown,
    /// It did.
    Up,
    /// It did not.
    Down,
}

impl TargetHealth {
    /// As Prometheus' API says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A target that relabelling dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTarget {
    /// What was configured or discovered.
    pub discovered_labels: LabelSet,
    /// The job that it was configured under.
    pub scrape_pool: String,
}

/// What a target says of one of its metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetMetadata {
    /// The target's labels.
    pub target: LabelSet,
    /// What it says.
    pub metadata: MetricMetadata,
}
