//! What is above the rows: which spans, the way from error to error and from match to match.

use super::find::Found as Matches;
use super::layout::Layout;
use super::rows::{Row, Subject, Unfolding};
use super::state::{Only, TraceUrl};
use crate::figures;

/// A place in a list that one walks through: `3 of 14`, and the links there and back.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) told: String,
    pub(crate) previous: String,
    pub(crate) next: String,
}

#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) find: String,
    pub(crate) in_find: Vec<(&'static str, String)>,
    pub(crate) action: String,
    /// (words, link, is it so)
    pub(crate) views: Vec<(String, String, bool)>,
    pub(crate) errors: Option<Walk>,
    pub(crate) matches: Option<Walk>,
    /// What was found, in words.
    pub(crate) found: String,
    /// (words, link)
    pub(crate) switches: Vec<(&'static str, String)>,
    /// The spans before and after the chosen one.
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

pub(crate) fn tools(
    layout: &Layout,
    url: &TraceUrl,
    matches: &Matches,
    rows: &[Row],
    (chosen, chosen_row): (Option<Subject>, Option<usize>),
) -> Tools {
    let at = match chosen {
        Some(Subject::Span(span)) => Some(layout.tree.place[span]),
        Some(Subject::Log(log)) => layout.logs[log].span.map(|span| layout.tree.place[span]),
        _ => None,
    };
    let span_of = |row: &Row| match row.subject {
        Subject::Span(span) => Some(choose(layout, url, span)),
        Subject::Run(_) | Subject::Log(_) => None,
    };
    let (before, after) = chosen_row.map_or((None, rows.iter().find_map(span_of)), |at| {
        (
            rows[..at].iter().rev().find_map(span_of),
            rows[at + 1..].iter().find_map(span_of),
        )
    });
    Tools {
        find: url.find.clone(),
        in_find: url.hidden(&["find", "only", "span", "record", "log"]),
        action: format!("/traces/{}", url.trace),
        views: views(layout, url, matches),
        errors: walk(layout, url, &layout.errors, at, "error"),
        matches: walk(layout, url, &matches.spans, at, "match"),
        found: told(url, matches),
        switches: switches(layout, url, rows),
        before,
        after,
    }
}

fn choose(layout: &Layout, url: &TraceUrl, span: usize) -> String {
    let outline = &layout.spans()[span];
    let chosen = url.changed(|url| {
        url.span = Some(outline.span_id);
        url.record = layout.tree.is_twin[span].then_some(outline.id);
        url.log = None;
    });
    format!("{}#n{}", chosen.href(), outline.id)
}

/// `spans` in the order of the waterfall; `at` is the place where one is. Round the ends.
fn walk(
    layout: &Layout,
    url: &TraceUrl,
    spans: &[usize],
    at: Option<usize>,
    what: &str,
) -> Option<Walk> {
    let (first, last) = (*spans.first()?, *spans.last()?);
    let place = |span: &usize| layout.tree.place[*span];
    // How many come before where one is, and whether one is at one of them.
    let before = at.map_or(0, |at| spans.partition_point(|span| place(span) < at));
    let is_at = at.is_some_and(|at| spans.get(before).map(place) == Some(at));
    let next = spans
        .get(before + usize::from(is_at))
        .copied()
        .unwrap_or(first);
    let previous = before.checked_sub(1).map_or(last, |index| spans[index]);
    let all = figures::count(spans.len() as u64);
    let told = match (is_at, spans.len()) {
        (true, _) => format!("{what} {} of {all}", figures::count(before as u64 + 1)),
        (false, 1) => format!("1 {what}"),
        (false, _) if what == "match" => format!("{all} matches"),
        (false, _) => format!("{all} {what}s"),
    };
    Some(Walk {
        told,
        previous: choose(layout, url, previous),
        next: choose(layout, url, next),
    })
}

fn views(layout: &Layout, url: &TraceUrl, matches: &Matches) -> Vec<(String, String, bool)> {
    let link = |only: Only| url.changed(|url| url.only = only).href();
    let counted = |words: &str, count: usize| format!("{words} {}", figures::count(count as u64));
    let mut views = vec![("All spans".to_owned(), Only::All)];
    if !layout.errors.is_empty() || url.only == Only::Errors {
        views.push((counted("Errors", layout.errors.len()), Only::Errors));
    }
    if !layout.path.segments.is_empty() || url.only == Only::CriticalPath {
        views.push(("Critical path".to_owned(), Only::CriticalPath));
    }
    if !url.find.is_empty() {
        views.push((counted("Found", matches.spans.len()), Only::Found));
    }
    let written = views.into_iter();
    written
        .map(|(words, only)| (words, link(only), url.only == only))
        .collect()
}

fn told(url: &TraceUrl, matches: &Matches) -> String {
    if url.find.is_empty() {
        return String::new();
    }
    let nothing = if matches.spans.is_empty() {
        "No span has that."
    } else {
        ""
    };
    let unread = match matches.unread {
        0 => String::new(),
        unread => format!(
            " The attributes of {} spans were not read in time.",
            figures::count(unread as u64)
        ),
    };
    format!("{nothing}{unread}").trim().to_owned()
}

fn switches(layout: &Layout, url: &TraceUrl, rows: &[Row]) -> Vec<(&'static str, String)> {
    let turned = |change: fn(&mut TraceUrl)| url.changed(change).href();
    let mut switches = Vec::new();
    if url.unfolding == Unfolding::All || !url.opened.is_empty() || !url.closed.is_empty() {
        switches.push((
            "Fold",
            turned(|url| {
                url.unfolding = Unfolding::Relevant;
                url.opened.clear();
                url.closed.clear();
            }),
        ));
    }
    if rows.iter().any(|row| row.is_open == Some(false)) {
        switches.push((
            "Open all",
            turned(|url| {
                url.unfolding = Unfolding::All;
                url.opened.clear();
                url.closed.clear();
            }),
        ));
    }
    if url.hides_logs {
        switches.push(("Show logs", turned(|url| url.hides_logs = false)));
    } else if !layout.records.is_empty() && !layout.spans().is_empty() {
        switches.push(("Hide logs", turned(|url| url.hides_logs = true)));
    }
    if url.zoom.is_some() {
        switches.push(("Whole time", turned(|url| url.zoom = None)));
    }
    switches
}

#[cfg(test)]
mod tests {
    use super::super::sketch::spans_in;
    use super::*;
    use watchfire_logsearch::TraceOutline;

    fn layout() -> Layout {
        let outline = TraceOutline {
            spans: spans_in("1 0 a 0 100; 2 1 a 10 20!; 3 1 a 30 40; 4 1 a 50 60!"),
            ..TraceOutline::default()
        };
        Layout::of(outline, Vec::new(), false)
    }

    #[test]
    fn one_walks_from_error_to_error_and_round() {
        let layout = layout();
        let url = TraceUrl::new("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap());
        let check = |at: Option<usize>, told: &str, previous: u8, next: u8| {
            let walk = walk(&layout, &url, &layout.errors, at, "error").unwrap();
            assert_eq!(walk.told, told);
            assert!(
                walk.previous
                    .contains(&format!("span=000000000000000{previous}")),
                "{walk:?}"
            );
            assert!(
                walk.next.contains(&format!("span=000000000000000{next}")),
                "{walk:?}"
            );
        };
        check(None, "2 errors", 4, 2);
        check(Some(1), "error 1 of 2", 4, 4);
        check(Some(2), "2 errors", 2, 4);
        check(Some(3), "error 2 of 2", 2, 2);
        assert!(walk(&layout, &url, &[], None, "error").is_none());
    }
}
