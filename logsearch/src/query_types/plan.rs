use std::fmt;

use serde::Serialize;

/// How a query was answered.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Explain {
    /// Splits that there are.
    pub splits_total: usize,
    /// Those that could be left out unread: by time, service or trace.
    pub splits_pruned: usize,
    /// The same by reason.
    pub pruned_by: PrunedBy,
    /// Matching rows of splits that were visited, for the page and for the total.
    pub rows_scanned: u64,
    /// Records of the tail that were looked at.
    pub tail_records: u64,
    /// What answers each clause of the query, in its order.
    pub clauses: Vec<ClausePlan>,
}

/// How many splits were left out unread, each for the first reason that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PrunedBy {
    /// They hold no record of the range, or of the time that a clause asks for.
    pub time: usize,
    /// They hold no record of the service.
    pub service: usize,
    /// Their trace filter says that they do not hold the trace.
    pub trace: usize,
    /// They cannot hold what is asked for otherwise: a record id, a value that means nothing.
    pub other: usize,
}

/// What answers one clause of a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClausePlan {
    /// In the query language.
    pub clause: String,
    /// What is read for it in a split.
    pub answered_by: AnsweredBy,
    /// The index or column, by the name of its field. Empty where none is read.
    pub of: String,
    /// How many records of the range the clause means by itself, and how many milliseconds it took
    /// to count them. Only where a store was asked to explain, and there was time.
    #[serde(flatten)]
    pub alone: Option<ClauseCount>,
}

/// What a clause finds by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClauseCount {
    /// How many records.
    pub records: u64,
    /// How long counting took, in milliseconds.
    pub took_ms: f64,
}

/// What is read of a split for a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// Every record is meant: nothing is read.
    Everything,
    /// The clause can mean no record: nothing is read.
    Nothing,
    /// The records of one term.
    Term,
    /// The records of a run of the sorted terms.
    TermRange,
    /// The records of several terms, and where in the text the terms stand.
    Positions,
    /// A column, value by value.
    Column,
    /// Where a column has a value at all.
    Presence,
    /// The filter over trace ids, then their column.
    TraceFilter,
    /// The order of the records: a binary search.
    Order,
}

/// How a query would be answered, clause by clause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueryPlan {
    /// As the parser has understood it; parses to the same.
    pub query: String,
    /// What is made of the records, if the query has a pipe.
    pub pipe: Option<String>,
    /// What answers each clause, in its order.
    pub clauses: Vec<ClausePlan>,
    /// Splits that there are, and why some need not be read. None where there is no store.
    pub splits: Option<SplitPlan>,
    /// "did you mean", where a field is unknown or a value can mean nothing.
    pub hints: Vec<String>,
}

/// The splits of a store as a query sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SplitPlan {
    /// Splits that there are.
    pub total: usize,
    /// Those that need not be read.
    pub pruned_by: PrunedBy,
    /// Records of those that are read.
    pub records: u64,
    /// Records of the tail, which is scanned.
    pub tail_records: u64,
}

impl PrunedBy {
    /// All of them.
    pub const fn total(&self) -> usize {
        self.time + self.service + self.trace + self.other
    }
}

impl AnsweredBy {
    /// In words, as `explain` says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "every record",
            Self::Nothing => "no record",
            Self::Term => "term index",
            Self::TermRange => "range of the sorted terms",
            Self::Positions => "term index with positions",
            Self::Column => "column",
            Self::Presence => "presence in a column",
            Self::TraceFilter => "trace filter, then column",
            Self::Order => "order of the records",
        }
    }
}

impl fmt::Display for AnsweredBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for QueryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "query    {}", self.query)?;
        if let Some(pipe) = &self.pipe {
            writeln!(f, "pipe     {pipe}")?;
        }
        for clause in &self.clauses {
            write!(f, "clause   {}  ←  {}", clause.clause, clause.answered_by)?;
            if !clause.of.is_empty() {
                write!(f, " of {}", clause.of)?;
            }
            if let Some(ClauseCount { records, took_ms }) = clause.alone {
                write!(f, ": {records} records in {took_ms} ms")?;
            }
            writeln!(f)?;
        }
        if let Some(splits) = &self.splits {
            let PrunedBy {
                time,
                service,
                trace,
                other,
            } = splits.pruned_by;
            writeln!(
                f,
                "splits   {} of {} read; pruned by time {time}, service {service}, trace {trace}, other {other}",
                splits.total - splits.pruned_by.total(),
                splits.total,
            )?;
            writeln!(
                f,
                "records  {} in these splits, {} in memory",
                splits.records, splits.tail_records
            )?;
        }
        for hint in &self.hints {
            writeln!(f, "hint     {hint}")?;
        }
        Ok(())
    }
}
