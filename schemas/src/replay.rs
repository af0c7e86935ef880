//! Lines of the quarantine that are judged once more: what is asked for, and what came of it.

use serde::{Deserialize, Serialize};

use crate::{TimeRange, Timestamp};

/// Which quarantined lines are judged again, and whether what passes is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayRequest {
    /// Only those that broke this schema: `order.v2`, or `order` for all of its versions.
    pub schema: Option<String>,
    /// Only those of this service.
    pub service: Option<String>,
    /// Only those with a fault at this path.
    pub path: Option<String>,
    /// When they happened.
    pub range: TimeRange,
    /// Only count what would become of them.
    pub dry_run: bool,
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayState {
    /// Under way.
    Running,
    /// All lines were judged.
    Done,
    /// It could not go on; what was taken until then stays.
    Failed,
}

/// What became of the lines so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// Its number since start.
    pub id: u64,
    /// How far it is.
    pub state: ReplayState,
    /// Whether it only counts.
    pub dry_run: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// How many lines there are to judge.
    pub total: u64,
    /// How many were judged.
    pub examined: u64,
    /// Became records, with their own time; in a dry run: would become.
    pub replayed: u64,
    /// Were replayed before.
    pub already_replayed: u64,
    /// Still break a contract, and stay.
    pub still_failing: u64,
    /// Are not whole in the quarantine, since they were longer than it keeps.
    pub cut: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// The first that still fail.
    pub failures: Vec<ReplayFailure>,
}

/// A line that still breaks a contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayFailure {
    /// Its id in the quarantine.
    pub id: String,
    /// Which contract.
    pub schema: String,
    /// The place in the record.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl ReplayReport {
    /// One that has not begun.
    pub fn new(id: u64, dry_run: bool, started_at: Timestamp) -> Self {
        Self {
            id,
            state: ReplayState::Running,
            dry_run,
            started_at,
            total: 0,
            examined: 0,
            replayed: 0,
            already_replayed: 0,
            still_failing: 0,
            cut: 0,
            error: None,
            failures: Vec::new(),
        }
    }
}

/// What the attributes are called that tell of contracts. No emitter can set them.
pub mod contract_keys {
    /// They all begin so.
    pub const PREFIX: &str = "watchfire.";
    /// On an accepted record: which contracts of the policy `warn` it breaks.
    pub const SCHEMA: &str = "watchfire.contract.schema";
    /// On an accepted record: where it breaks the first of them.
    pub const PATH: &str = "watchfire.contract.path";
    /// On an accepted record: what is wrong there.
    pub const MESSAGE: &str = "watchfire.contract.message";
    /// On a replayed record: its id in the quarantine.
    pub const REPLAY_OF: &str = "watchfire.replay.of";
}
