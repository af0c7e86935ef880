use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::Contracts;

/// What the collector may use, and where it keeps its log.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the write-ahead log lives.
    pub dir: PathBuf,
    /// What may wait in memory, decoded or not yet in a split, before requests are refused.
    pub memory_budget: usize,
    /// The largest request body, decompressed.
    pub max_body: usize,
    /// How often the time series store writes its head, so that segments can be recycled.
    pub snapshot_interval: Duration,
    /// What records are held to besides the contract of a log line.
    pub contracts: Arc<Contracts>,
}
