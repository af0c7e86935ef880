use std::fmt;
use std::time::Duration;

use watchfire_schemas::{SeverityRange, TimeRange, Timestamp};

/// Which patterns the records of a query follow, and how that has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternSearch {
    /// In the query language; empty for everything.
    pub query: String,
    /// When the records happened.
    pub range: TimeRange,
    /// What the range is compared with. Without it nothing is new and nothing has vanished.
    pub against: Option<TimeRange>,
    /// How many patterns the answer has at most.
    pub limit: usize,
    /// In how many equal steps each trend tells its counts.
    pub buckets: usize,
    /// How long the search may take; what is counted until then is the answer.
    pub deadline: Duration,
}

/// An answer to [`PatternSearch`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatternList {
    /// The most frequent first; of a comparison what is new first, then what has vanished, then
    /// the others by how much they have changed.
    pub patterns: Vec<PatternSummary>,
    /// Records of the range that the query means.
    pub records: u64,
    /// Those among them that have no pattern: they came before patterns were found at intake.
    pub unpatterned: u64,
    /// Whether the deadline cut the counting short: every count is then a lower bound, and nothing
    /// is said to be new or to have vanished.
    pub partial: bool,
}

/// One pattern among the records of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternSummary {
    /// As `pattern_id` of each of its records has it.
    pub id: String,
    /// The words that its lines share, with `<num>`, `<ip>`, `<*>` and the like where they differ.
    /// A line of it as it came where the template is not known any more.
    pub template: String,
    /// Records in the range.
    pub count: u64,
    /// Records in the range that it is compared with; 0 without one.
    pub count_against: u64,
    /// Counts of equal steps over the range, oldest first.
    pub trend: Vec<u64>,
    /// The first record in the range, or in the range compared with if it has vanished.
    pub first_seen: Timestamp,
    /// The last one.
    pub last_seen: Timestamp,
    /// Which services wrote it, the most frequent first.
    pub services: Vec<String>,
    /// The gravest severity among its records.
    pub severity: SeverityRange,
    /// What became of it since the range compared with.
    pub change: PatternChange,
}

/// What became of a pattern between two ranges. Rates are compared, so that ranges of different
/// lengths can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatternChange {
    /// No record in the range compared with.
    New,
    /// No record in the range any more.
    Vanished,
    /// At least twice as frequent, and more than chance explains.
    Grown,
    /// At most half as frequent, and more than chance explains.
    Shrunk,
    /// None of these, or nothing to compare with.
    Steady,
}

impl PatternChange {
    /// As the API and a query string write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Vanished => "vanished",
            Self::Grown => "grown",
            Self::Shrunk => "shrunk",
            Self::Steady => "steady",
        }
    }
}

impl fmt::Display for PatternChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
