//! How the page was answered, and what to do about what the query cannot mean.

use watchfire_logsearch::Explain;

use super::state::LogsUrl;
use crate::{figures, query_text};

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

/// Something to know about the query, and the query that was perhaps meant.
#[derive(Debug, Clone)]
pub(crate) struct Hint {
    pub(crate) text: String,
    /// (the name that was meant, link)
    pub(crate) instead: Option<(String, String)>,
}

/// The hint with its "did you mean" as a link.
pub(super) fn hint(text: &str, url: &LogsUrl) -> Hint {
    let meant = || {
        let (_, names) = text.split_once("the field ")?;
        let (asked, meant) = names.split_once("; did you mean ")?;
        let meant = meant.strip_suffix('?')?;
        let (filter, pipe) = query_text::split_pipe(&url.query);
        let query = query_text::piped(&renamed(filter, asked, meant), &renamed(pipe, asked, meant));
        (query != url.query).then(|| (meant.to_owned(), url.with_query(&query).href()))
    };
    Hint {
        text: text.to_owned(),
        instead: meant(),
    }
}

/// A text with a name in place of another, where the name stands by itself.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from).filter(|_| !from.is_empty()) {
        let (head, tail) = rest.split_at(at);
        let after = &tail[from.len()..];
        let before = out.chars().chain(head.chars()).next_back();
        let stands_alone = !before.is_some_and(|c| is_part(c) && c != '-')
            && !after.chars().next().is_some_and(is_part);
        out.push_str(head);
        out.push_str(if stands_alone { to } else { from });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::Asked;
    use watchfire_schemas::TimeRange;

    #[test]
    fn what_was_meant_is_a_link() {
        let url = LogsUrl::new(
            "usr.id:5 -usr.id:6 xusr.id:1 usr.id.x:2 | top usr.id",
            Asked::absolute(TimeRange::ALL),
        );
        let text = "no record has the field usr.id; did you mean user.id?";
        let (name, href) = hint(text, &url).instead.unwrap();
        assert_eq!(name, "user.id");
        let expected = url.with_query("user.id:5 -user.id:6 xusr.id:1 usr.id.x:2 | top user.id");
        assert_eq!(href, expected.href());
        assert!(hint("service has no order", &url).instead.is_none());
        assert_eq!(renamed("éa é", "é", "e"), "éa e");
    }
}
