//! What the page shows.

use askama::Template;
use watchfire_logsearch::{LogPage, LogTable};
use watchfire_schemas::Timestamp;

use super::explained::{Explained, explained};
use super::patterns::{PatternsView, patterns};
use super::rows::{Lines, lines};
use super::saved::{SavedView, views};
use super::search::{Answer, Found};
use super::side::{Side, side};
use super::state::{Face, LogsUrl};
use super::table::{TableView, table};
use super::timeline::{Timeline, timeline};
use crate::pages::query_bar::{Hint, Pill, Unreadable, hint, pills};
use crate::shell::Shell;
use crate::{assets, figures, url};

/// The hidden fields of a form.
type Hidden = Vec<(&'static str, String)>;

#[derive(Debug, Template)]
#[template(path = "logs.html")]
pub(crate) struct LogsPage {
    pub(crate) shell: Shell,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) query_style: &'static str,
    pub(crate) query_script: &'static str,
    pub(crate) query: String,
    pub(crate) in_search: Hidden,
    pub(crate) in_columns: Hidden,
    pub(crate) pills: Vec<Pill>,
    pub(crate) error: Option<Unreadable>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) saved: Vec<SavedView>,
    pub(crate) columns: String,
    pub(crate) last: String,
    /// (label, link, is it the one)
    pub(crate) faces: Vec<(&'static str, String, bool)>,
    pub(crate) timeline: Option<Timeline>,
    pub(crate) summary: String,
    pub(crate) is_partial: bool,
    pub(crate) explained: Option<Explained>,
    pub(crate) lines: Option<Lines>,
    pub(crate) table: Option<TableView>,
    pub(crate) patterns: Option<PatternsView>,
    pub(crate) side: Option<Side>,
    pub(crate) next: Option<String>,
    pub(crate) first: Option<String>,
    pub(crate) download: String,
    pub(crate) refresh: String,
    /// The link that changes the zone of times, and whether they are local now.
    pub(crate) zone: String,
    pub(crate) is_local: bool,
    /// Where the script listens, if the page is live.
    pub(crate) tail: Option<String>,
}

pub(crate) fn view(shell: Shell, url: &LogsUrl, now: Timestamp, found: &Found) -> LogsPage {
    let is_readable = !matches!(found.answer, Answer::Unreadable(..));
    let timeline = is_readable.then(|| timeline(&found.happened, url));
    // Without bars the histogram could not be read.
    let is_counted =
        is_readable && !found.happened.bars.is_empty() && !found.happened.bars_are_partial;
    let total = timeline.as_ref().filter(|_| is_counted);
    let total = total.map(|timeline| timeline.total);
    let mut page = LogsPage {
        timeline,
        side: is_readable.then(|| side(&found.side, url, with(&url.href(), "wait", "1"))),
        saved: views(&found.saved, url),
        ..frame(shell, url)
    };
    match &found.answer {
        Answer::Records(found) => records(&mut page, found, total, url),
        Answer::Table(found) => counted(&mut page, found, url),
        Answer::Patterns(found) => {
            let view = patterns(found, url, now);
            page.summary.clone_from(&view.summary);
            page.is_partial = found.partial;
            page.patterns = Some(view);
        }
        Answer::Unreadable(column, reason) => {
            page.error = Some(Unreadable::new(&url.query, *column, reason));
        }
    }
    page.is_partial |= found.happened.bars_are_partial;
    page
}

/// The page before anything is answered.
fn frame(shell: Shell, url: &LogsUrl) -> LogsPage {
    let face = |face: Face| (face.label(), url.with_face(face).href(), face == url.face);
    LogsPage {
        shell,
        style: &assets::LOGS_STYLE.href,
        script: &assets::LOGS_SCRIPT.href,
        query_style: &assets::QUERY_STYLE.href,
        query_script: &assets::QUERY_SCRIPT.href,
        query: url.query.clone(),
        in_search: url.hidden(&["q"]),
        in_columns: url.hidden(&[]),
        pills: pills(url),
        error: None,
        hints: Vec::new(),
        saved: Vec::new(),
        columns: url.columns.join(","),
        last: url.asked.last.clone().unwrap_or_default(),
        faces: Face::ALL.map(face).to_vec(),
        timeline: None,
        summary: String::new(),
        is_partial: false,
        explained: None,
        lines: None,
        table: None,
        patterns: None,
        side: None,
        next: None,
        first: None,
        download: with(&url.with_face(Face::Records).href(), "as", "ndjson"),
        refresh: url.href(),
        zone: url.in_zone(!url.is_local).href(),
        is_local: url.is_local,
        tail: (url.face == Face::Live).then(|| {
            let (filter, _) = crate::query_text::split_pipe(&url.query);
            url::link("/api/v1/logs/tail", &[("q", filter.trim())])
        }),
    }
}

/// A link with one more parameter.
fn with(href: &str, name: &str, value: &str) -> String {
    let separator = if href.contains('?') { '&' } else { '?' };
    format!("{href}{separator}{name}={value}")
}

fn records(page: &mut LogsPage, found: &LogPage, total: Option<u64>, url: &LogsUrl) {
    // The bars are counted to the end, over the whole range, so their sum is the number of records;
    // the list's own count may have been cut short.
    let (total, is_exact) = match total {
        Some(total) => (total, true),
        None => (found.total, found.total_is_exact),
    };
    let about = if is_exact { "" } else { "at least " };
    page.summary = match found.records.len() {
        shown if shown as u64 == total => format!("{about}{}", plural(total)),
        shown => format!(
            "{} of {about}{}",
            figures::count(shown as u64),
            plural(total)
        ),
    };
    page.is_partial = found.partial;
    page.hints = found.hints.iter().map(|text| hint(text, url)).collect();
    page.explained = Some(explained(&found.explain, found.took.as_secs_f64()));
    page.lines = Some(lines(&found.records, url));
    if url.face == Face::Live {
        return;
    }
    let next = found.next.as_ref();
    page.next = next.map(|cursor| url.at_cursor(cursor).href());
    page.first = url
        .cursor
        .is_some()
        .then(|| url.with_query(&url.query).href());
}

fn counted(page: &mut LogsPage, found: &LogTable, url: &LogsUrl) {
    page.summary = format!(
        "{} rows from {}",
        figures::count(found.rows.len() as u64),
        plural(found.records)
    );
    page.is_partial = found.partial;
    page.hints = found.hints.iter().map(|text| hint(text, url)).collect();
    page.explained = Some(explained(&found.explain, found.took.as_secs_f64()));
    page.table = Some(table(found, url));
}

fn plural(count: u64) -> String {
    let noun = if count == 1 { "record" } else { "records" };
    format!("{} {noun}", figures::count(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;
    use crate::shell::House;

    fn shown(query: &str, found: &Found) -> LogsPage {
        let url = LogsUrl::from_params(&Params::parse(query), samples::now()).unwrap();
        let house = House {
            now: samples::now(),
            is_demo: false,
            open_incidents: 0,
        };
        view(
            Shell::new(&house, "/logs", "Logs"),
            &url,
            samples::now(),
            found,
        )
    }

    #[test]
    fn the_count_is_that_of_the_histogram() {
        let page = shown("q=x", &samples::logs_found(Mood::Full));
        let total = figures::count(page.timeline.unwrap().total);
        assert!(
            page.summary.ends_with(&format!(" of {total} records")),
            "{}",
            page.summary
        );
        assert!(page.tail.is_none() && page.next.is_some());
    }

    #[test]
    fn an_error_is_marked_where_it_stands() {
        let found = Found {
            answer: Answer::Unreadable(3, "expected a value".to_owned()),
            ..samples::logs_found(Mood::Empty)
        };
        let page = shown("q=%C3%A9%3A(", &found);
        let error = page.error.unwrap();
        assert_eq!((error.head.as_str(), error.tail.as_str()), ("é:", "("));
        assert!(page.side.is_none() && page.timeline.is_none());
    }

    #[test]
    fn a_live_page_listens_to_its_filter() {
        let page = shown(
            "q=a%20%7C%20top%20b&view=live",
            &samples::logs_found(Mood::Full),
        );
        assert_eq!(page.tail.unwrap(), "/api/v1/logs/tail?q=a");
        assert!(page.next.is_none());
        assert!(page.download.contains("&as=ndjson") && !page.download.contains("view="));
    }
}
