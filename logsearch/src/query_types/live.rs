use super::FoundLog;

/// What came since the last event of a live tail.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TailEvent {
    /// In the order in which they arrived. Empty in an event that only says that the tail is alive.
    pub records: Vec<FoundLog>,
    /// How many more matched and were left out, because they came faster than they may be sent or
    /// than they were taken.
    pub skipped: u64,
}
