use std::time::Duration;

use watchfire_schemas::{RecordId, Timestamp};

use super::FoundLog;

/// A search for the records around one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextSearch {
    /// The record in the middle.
    pub id: RecordId,
    /// When it happened: finds it without a look at every split.
    pub time: Timestamp,
    /// What the others share with it.
    pub by: ContextBy,
    /// How many older ones at most; 1,000 if it is more.
    pub before: usize,
    /// How many newer ones at most; 1,000 if it is more.
    pub after: usize,
    /// How long it may take; what is found until then is the answer.
    pub deadline: Duration,
}

/// What the records of a context have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContextBy {
    /// The service.
    Service,
    /// The trace.
    Trace,
    /// The host, by `host.name`.
    Host,
    /// Nothing: all that happened around then.
    All,
}

/// The records around one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogContext {
    /// The nearest that are older, oldest first.
    pub before: Vec<FoundLog>,
    /// The record itself, if it is there.
    pub record: Option<FoundLog>,
    /// The nearest that are newer, oldest first.
    pub after: Vec<FoundLog>,
    /// Whether the deadline cut the answer short. What it holds is right as far as it goes: no
    /// record is missing between it and the one in the middle.
    pub partial: bool,
    /// Why there is no context: the record has no trace, no host, or is not there.
    pub hints: Vec<String>,
}
