//! Patterns of the records found: how often, since when, and what became of them since the window
//! before.

use watchfire_logsearch::{PatternChange, PatternList, PatternSummary};
use watchfire_schemas::{TimeRange, Timestamp};

use super::highlight::Piece;
use super::state::LogsUrl;
use crate::charts::{Svg, flow, meter};
use crate::figures::{self, When};
use crate::query_text;

/// Patterns shown, and the steps of their trends.
pub(super) const MOST: usize = 50;
pub(super) const STEPS: usize = 24;

/// One pattern as a row.
#[derive(Debug, Clone)]
pub(crate) struct PatternRow {
    /// The template; what varies in it is marked.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) severity: &'static str,
    pub(crate) services: String,
    pub(crate) count: String,
    pub(crate) share: String,
    pub(crate) bar: Svg,
    pub(crate) trend: Svg,
    pub(crate) change: &'static str,
    /// `×3.4`, `first seen 03:12:04`.
    pub(crate) changed: String,
    pub(crate) last_seen: When,
    /// Its records, and the list without them.
    pub(crate) only: String,
    pub(crate) hidden: String,
}

#[derive(Debug, Clone)]
pub(crate) struct PatternsView {
    pub(crate) rows: Vec<PatternRow>,
    /// (label, link, is it the one)
    pub(crate) orders: Vec<(&'static str, String, bool)>,
    /// `1,204 records in 38 patterns`.
    pub(crate) summary: String,
    /// What they are compared with.
    pub(crate) against: String,
}

/// What the range is compared with: as much time before it.
pub(super) fn before(range: TimeRange) -> TimeRange {
    TimeRange {
        start: range.start - range.end.since(range.start),
        end: range.start,
    }
}

pub(super) fn patterns(found: &PatternList, url: &LogsUrl, now: Timestamp) -> PatternsView {
    let is_by_change = url.order == "change";
    let mut all: Vec<&PatternSummary> = found.patterns.iter().collect();
    if !is_by_change {
        all.sort_by_key(|pattern| std::cmp::Reverse(pattern.count));
    }
    let most = all.iter().map(|pattern| pattern.count).max().unwrap_or(0);
    let order = |label, name: &str, is_it| (label, url.with_order(name).href(), is_it);
    PatternsView {
        rows: all
            .iter()
            .map(|pattern| row(pattern, found.records, most, url, now))
            .collect(),
        orders: vec![
            order("Most frequent", "", !is_by_change),
            order("What changed", "change", is_by_change),
        ],
        summary: summary(found),
        against: against(before(url.asked.range)),
    }
}

fn summary(found: &PatternList) -> String {
    let patterns = match found.patterns.len() {
        1 => "1 pattern".to_owned(),
        count if count < MOST => format!("{count} patterns"),
        count => format!("the first {count} patterns"),
    };
    let unpatterned = match found.unpatterned {
        0 => String::new(),
        count => format!(", {} without one", figures::count(count)),
    };
    format!(
        "{} records in {patterns}{unpatterned}",
        figures::count(found.records)
    )
}

fn against(range: TimeRange) -> String {
    format!(
        "compared with {} to {}",
        figures::date_time(range.start),
        figures::date_time(range.end)
    )
}

fn row(
    pattern: &PatternSummary,
    records: u64,
    most: u64,
    url: &LogsUrl,
    now: Timestamp,
) -> PatternRow {
    let clause = query_text::term("pattern_id", &pattern.id);
    let trend: Vec<f64> = pattern.trend.iter().map(|count| *count as f64).collect();
    let list = url.with_face(super::state::Face::Records);
    // What has vanished is found in the window before.
    let only = match pattern.change {
        PatternChange::Vanished => list.with_range(before(url.asked.range)),
        _ => list,
    };
    PatternRow {
        pieces: holes(figures::cut(&pattern.template, 400).0),
        severity: pattern.severity.as_str(),
        services: services(&pattern.services),
        count: figures::count(pattern.count),
        share: figures::percent(pattern.count as f64 / records.max(1) as f64),
        bar: meter(pattern.count as f64 / most.max(1) as f64),
        trend: flow(&trend, "records over the range"),
        change: pattern.change.as_str(),
        changed: changed(pattern),
        last_seen: When::clock(pattern.last_seen, now),
        only: only.narrowed(&clause).href(),
        hidden: url.narrowed(&query_text::negated(&clause)).href(),
    }
}

fn changed(pattern: &PatternSummary) -> String {
    match pattern.change {
        PatternChange::New => format!("since {}", figures::clock(pattern.first_seen)),
        PatternChange::Vanished => format!("was {}", figures::count(pattern.count_against)),
        PatternChange::Grown | PatternChange::Shrunk => {
            let ratio = pattern.count as f64 / pattern.count_against.max(1) as f64;
            format!("×{}", figures::short(ratio))
        }
        PatternChange::Steady => String::new(),
    }
}

fn services(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, others @ ..] => format!("{one}, {two} and {} more", others.len()),
    }
}

/// A template in pieces; `<num>`, `<*>` and the like are the marked ones.
fn holes(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    let push = |pieces: &mut Vec<Piece>, text: &str, is_match| {
        if !text.is_empty() {
            pieces.push(Piece {
                text: text.to_owned(),
                is_match,
            });
        }
    };
    while let Some((start, end)) = next_hole(rest) {
        push(&mut pieces, &rest[..start], false);
        push(&mut pieces, &rest[start..end], true);
        rest = &rest[end..];
    }
    push(&mut pieces, rest, false);
    pieces
}

fn next_hole(text: &str) -> Option<(usize, usize)> {
    let is_name = |c: char| c.is_ascii_lowercase() || matches!(c, '*' | '_');
    text.match_indices('<').find_map(|(start, _)| {
        let inner = &text[start + 1..];
        let length = inner.find('>')?;
        let is_hole = length > 0 && length < 16 && inner[..length].chars().all(is_name);
        is_hole.then_some((start, start + length + 2))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;

    #[test]
    fn what_varies_is_marked() {
        let shown: String = holes("took <num>ms for <*> a<b <x y> é<ip>")
            .iter()
            .map(|piece| {
                if piece.is_match {
                    format!("[{}]", piece.text)
                } else {
                    piece.text.clone()
                }
            })
            .collect();
        assert_eq!(shown, "took [<num>]ms for [<*>] a<b <x y> é[<ip>]");
    }

    #[test]
    fn a_pattern_leads_to_its_records_and_what_vanished_to_the_window_before() {
        let query = "q=x&view=patterns&start=2026-11-22T02:14:00Z&end=2026-11-22T03:14:00Z";
        let url = LogsUrl::from_params(&Params::parse(query), samples::now()).unwrap();
        let view = patterns(&samples::patterns(Mood::Full), &url, samples::now());
        let vanished = view
            .rows
            .iter()
            .find(|row| row.change == "vanished")
            .unwrap();
        assert!(vanished.only.contains("start=2026-11-22T01:14:00Z"));
        assert!(!vanished.only.contains("view="));
        let other = view.rows.iter().find(|row| row.change == "new").unwrap();
        assert!(other.only.contains("q=x%20pattern_id:"));
        assert!(
            other.hidden.contains("q=x%20-pattern_id:") && other.hidden.contains("view=patterns")
        );
        assert!(view.rows[0].count.len() >= view.rows[1].count.len());
    }
}
