//! How the page was answered.

use watchfire_logsearch::Explain;

use crate::figures;

/// A clause and what was read for it.
#[derive(Debug, Clone)]
pub(crate) struct ClauseView {
    pub(crate) clause: String,
    pub(crate) answered_by: String,
}

/// The answer's way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Explained {
    /// (what, figure)
    pub(crate) figures: Vec<(&'static str, String)>,
    pub(crate) clauses: Vec<ClauseView>,
}

pub(super) fn explained(explain: &Explain, took: f64) -> Explained {
    let pruned = explain.pruned_by;
    let read = explain.splits_total.saturating_sub(explain.splits_pruned);
    let reasons = [
        ("time", pruned.time),
        ("service", pruned.service),
        ("trace", pruned.trace),
        ("value", pruned.other),
    ];
    let reasons: Vec<String> = reasons
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{count} by {reason}"))
        .collect();
    let left_out = if reasons.is_empty() {
        figures::count(explain.splits_pruned as u64)
    } else {
        reasons.join(", ")
    };
    let clause = |plan: &watchfire_logsearch::ClausePlan| ClauseView {
        clause: plan.clause.clone(),
        answered_by: match plan.of.as_str() {
            "" => plan.answered_by.as_str().to_owned(),
            of => format!("{} of {of}", plan.answered_by),
        },
    };
    Explained {
        figures: vec![
            ("Time in the store", figures::duration(took)),
            (
                "Splits read",
                format!("{read} of {}", figures::count(explain.splits_total as u64)),
            ),
            ("Splits left out", left_out),
            ("Rows visited", figures::count(explain.rows_scanned)),
            ("Records in memory", figures::count(explain.tail_records)),
        ],
        clauses: explain.clauses.iter().map(clause).collect(),
    }
}
