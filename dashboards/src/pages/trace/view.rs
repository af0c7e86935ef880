//! The page as it is written.

use std::collections::HashSet;

use askama::Template;
use watchfire_logsearch::SpanOutline;
use watchfire_schemas::Span;

use super::drawing::{self, Extent};
use super::find::{Found as Matches, Needle};
use super::incidents::IncidentLink;
use super::layout::Layout;
use super::minimap::{Drawn, Marked, minimap};
use super::panel::{self, SpanPanel};
use super::row_view::{RowView, RowWriter};
use super::rows::{Folding, Row, Subject, rows};
use super::shares::{Share, colours, shares};
use super::state::{Node, Only, TraceUrl};
use super::times::seconds;
use super::tools::Tools;
use super::warnings::{Warning, warnings};
use super::window::{self, Window};
use super::{MOST_LOGS, tools};
use crate::assets::{TRACE_SCRIPT, TRACE_STYLE};
use crate::chain;
use crate::charts::Svg;
use crate::figures::{self, When};
use crate::pages::log_view::{LogContext, LogView, log_view};
use crate::query_text::term;
use crate::range::Asked;
use crate::shell::Shell;

/// Services that the legend names.
const MOST_NAMED: usize = 16;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) layout: Layout,
    /// The range that links to other pages keep.
    pub(crate) asked: Asked,
    pub(crate) incidents: Vec<IncidentLink>,
    pub(crate) matches: Matches,
    /// The chosen span, by its index and wholly.
    pub(crate) panel: Option<(usize, Span)>,
}

impl Found {
    pub(crate) fn new(layout: Layout, asked: Asked) -> Self {
        Self {
            layout,
            asked,
            incidents: Vec::new(),
            matches: Matches::default(),
            panel: None,
        }
    }
}

/// A service in the legend.
#[derive(Debug)]
pub(crate) struct Legend {
    pub(crate) colour: u8,
    pub(crate) name: String,
    pub(crate) href: String,
    /// Its share of the critical path, or of all own times where there is no path.
    pub(crate) share: String,
    pub(crate) told: String,
}

/// A window of the rows.
#[derive(Debug)]
pub(crate) struct RowList {
    pub(crate) rows: Vec<RowView>,
    pub(crate) window: Window,
    /// Rows of each window but the last.
    pub(crate) size: usize,
    pub(crate) axis: Svg,
    pub(crate) grid: Svg,
    /// (words, link)
    pub(crate) pages: Vec<(&'static str, String)>,
    /// The page without its place, for the script to ask for others.
    pub(crate) source: String,
}

#[derive(Debug, Template)]
#[template(path = "trace.html")]
pub(crate) struct TracePage {
    pub(crate) shell: Shell,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) id: String,
    pub(crate) back: String,
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) started: Option<When>,
    pub(crate) duration: String,
    pub(crate) summary: String,
    pub(crate) explained: String,
    pub(crate) logs_href: String,
    pub(crate) json_href: String,
    pub(crate) incidents: Vec<IncidentLink>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) minimap: Svg,
    pub(crate) legend: Vec<Legend>,
    /// How many services the legend leaves out.
    pub(crate) unnamed: usize,
    pub(crate) tools: Tools,
    pub(crate) list: RowList,
    pub(crate) panel: Option<SpanPanel>,
    pub(crate) log: Option<LogView>,
    pub(crate) close: String,
}

/// Rows alone, for the script.
#[derive(Debug, Template)]
#[template(path = "trace_rows.html")]
pub(crate) struct RowsPart {
    pub(crate) list: RowList,
}

/// What the URL makes of a trace.
struct Shown<'a> {
    found: &'a Found,
    url: &'a TraceUrl,
    rows: Vec<Row>,
    chosen: Option<Subject>,
    /// The row that is chosen, if it is shown.
    chosen_row: Option<usize>,
    window: Window,
    extent: Extent,
    needle: Needle,
    shares: Vec<Share>,
    colours: Vec<u8>,
}

impl<'a> Shown<'a> {
    fn new(url: &'a TraceUrl, found: &'a Found) -> Self {
        let layout = &found.layout;
        let chosen = panel::chosen(layout, url);
        let rows = rows(layout.laid(), &folding(layout, url, &found.matches, chosen));
        let chosen_row =
            chosen.and_then(|chosen| rows.iter().position(|row| row.subject == chosen));
        let wanted = url.from.or(chosen_row).unwrap_or(0);
        let shares = shares(layout);
        Self {
            window: Window::with(wanted, rows.len()),
            extent: Extent::of(layout.times.length, url.zoom),
            needle: Needle::of(&url.find),
            colours: colours(&shares, layout.outline.services.len()),
            shares,
            chosen,
            chosen_row,
            rows,
            found,
            url,
        }
    }

    fn list(&self) -> RowList {
        let layout = &self.found.layout;
        let mut is_found = vec![false; layout.spans().len()];
        for span in &self.found.matches.spans {
            is_found[*span] = true;
        }
        let here = TraceUrl {
            from: Some(self.window.from).filter(|from| *from > 0),
            ..self.url.clone()
        };
        let mut writer = RowWriter::new(layout, &here, self.extent, &self.needle);
        writer.colours = &self.colours;
        writer.is_found = &is_found;
        writer.chosen = self.chosen;
        let shown = &self.rows[self.window.from..self.window.to];
        let shown = shown.iter().enumerate();
        RowList {
            rows: shown
                .map(|(at, row)| writer.row(self.window.from + at, row))
                .collect(),
            window: self.window,
            size: window::SIZE,
            axis: drawing::axis(self.extent),
            grid: drawing::grid(self.extent),
            pages: self.pages(),
            source: self.url.changed(|_| {}).href(),
        }
    }

    fn pages(&self) -> Vec<(&'static str, String)> {
        let window = self.window;
        let link = |from: usize| self.at(from);
        let mut pages = Vec::new();
        if let Some(before) = window.before() {
            pages.push(("First rows", link(0)));
            pages.push(("Rows before", link(before)));
        }
        if let Some(after) = window.after() {
            pages.push(("Rows after", link(after)));
            pages.push(("Last rows", link(window.last())));
        }
        pages
    }

    /// The page from a row on. Row 0 is said too: without it the chosen row decides.
    fn at(&self, from: usize) -> String {
        self.url.changed(|url| url.from = Some(from)).href()
    }

    fn map(&self) -> Svg {
        let layout = &self.found.layout;
        let drawn = |span: &usize| Drawn {
            from: layout.times.start[*span],
            to: layout.times.end[*span],
            colour: self
                .colours
                .get(layout.spans()[*span].service as usize)
                .copied()
                .unwrap_or(8),
            is_error: layout.spans()[*span].is_error,
        };
        let spans: Vec<Drawn> = layout.tree.order.iter().map(drawn).collect();
        // Of each row the first span that it stands for, by its place in the order.
        let places: Vec<usize> = self.rows.iter().map(|row| self.place(row)).collect();
        let shown = &places[self.window.from..self.window.to];
        let first = shown.iter().min().copied().unwrap_or(0);
        let last = shown.iter().max().copied().unwrap_or(0);
        let past = places
            .get(self.window.to)
            .map_or(spans.len(), |next| (*next).max(last + 1));
        let marked = Marked {
            rows: (first, past.min(spans.len()).max(first + 1)),
            zoom: self.url.zoom.map(|_| self.extent),
        };
        minimap(&spans, layout.times.length, &marked, |place| {
            let row = places.iter().position(|other| *other >= place);
            self.at(row.unwrap_or(places.len()))
        })
    }

    fn place(&self, row: &Row) -> usize {
        let layout = &self.found.layout;
        let span = match row.subject {
            Subject::Span(span) => Some(span),
            Subject::Run(run) => layout.runs.runs[run].members.first().copied(),
            Subject::Log(log) => layout.logs[log].span,
        };
        span.map_or(0, |span| layout.tree.place[span])
    }

    fn legend(&self) -> Vec<Legend> {
        let layout = &self.found.layout;
        let critical: i64 = self.shares.iter().map(|share| share.critical).sum();
        let own = self
            .shares
            .iter()
            .fold(0_i64, |sum, share| sum.saturating_add(share.own));
        let entry = |share: &Share| {
            let name = &layout.outline.services[share.service];
            let (part, of) = if critical > 0 {
                (share.critical, critical)
            } else {
                (share.own, own)
            };
            let failed = match share.errors {
                0 => String::new(),
                errors => format!(", {} failed", figures::count(errors as u64)),
            };
            Legend {
                colour: share.colour,
                href: chain::service(&self.found.asked, name),
                name: name.clone(),
                share: figures::percent(part as f64 / of.max(1) as f64),
                told: format!(
                    "{} of its own in {} spans{failed}",
                    figures::duration(seconds(share.own)),
                    figures::count(share.spans as u64)
                ),
            }
        };
        self.shares.iter().take(MOST_NAMED).map(entry).collect()
    }

    fn log(&self) -> Option<LogView> {
        let Some(Subject::Log(log)) = self.chosen else {
            return None;
        };
        let query = term("trace_id", &self.url.trace.to_string());
        let context = LogContext::new(&query, &self.found.asked);
        Some(log_view(&self.found.layout.records[log], &context))
    }

    fn panel(&self) -> Option<SpanPanel> {
        let (at, span) = self.found.panel.as_ref()?;
        let Found { layout, asked, .. } = self.found;
        Some(panel::panel(
            layout,
            *at,
            span,
            self.url,
            &self.needle,
            asked,
        ))
    }
}

fn folding(layout: &Layout, url: &TraceUrl, matches: &Matches, chosen: Option<Subject>) -> Folding {
    let chosen_span = match chosen {
        Some(Subject::Span(span)) => Some(span),
        Some(Subject::Log(log)) => layout.logs[log].span,
        _ => None,
    };
    let turned = |nodes: &[Node]| -> HashSet<Subject> {
        if nodes.is_empty() {
            return HashSet::new();
        }
        let nodes: HashSet<Node> = nodes.iter().copied().collect();
        let own = |(span, outline): (usize, &SpanOutline)| {
            let is_turned = |is_run| {
                let id = outline.id;
                nodes.contains(&Node { id, is_run })
            };
            let run = layout.runs.of[span].filter(|run| layout.runs.runs[*run].members[0] == span);
            let run = run.filter(|_| is_turned(true)).map(Subject::Run);
            is_turned(false)
                .then_some(Subject::Span(span))
                .into_iter()
                .chain(run)
        };
        layout.spans().iter().enumerate().flat_map(own).collect()
    };
    let critical = || {
        let order = layout.tree.order.iter().copied();
        order.filter(|span| layout.is_critical[*span]).collect()
    };
    Folding {
        unfolding: url.unfolding,
        opened: turned(&url.opened),
        closed: turned(&url.closed),
        pinned: chosen_span.into_iter().collect(),
        only: match url.only {
            Only::All => None,
            Only::Errors => Some(layout.errors.clone()),
            Only::CriticalPath => Some(critical()),
            Only::Found => (!url.find.is_empty()).then(|| matches.spans.clone()),
        },
    }
}

/// The spans of the rows on the page.
pub(super) fn spans_shown(url: &TraceUrl, found: &Found) -> Vec<usize> {
    let shown = Shown::new(url, found);
    let rows = &shown.rows[shown.window.from..shown.window.to];
    let span = |row: &Row| match row.subject {
        Subject::Span(span) => Some(span),
        Subject::Run(_) | Subject::Log(_) => None,
    };
    rows.iter().filter_map(span).collect()
}

/// A window of rows.
pub(super) fn rows_view(url: &TraceUrl, found: &Found) -> RowsPart {
    RowsPart {
        list: Shown::new(url, found).list(),
    }
}

pub(crate) fn view(mut shell: Shell, url: &TraceUrl, found: &Found) -> TracePage {
    let shown = Shown::new(url, found);
    let layout = &found.layout;
    let (service, name) = titled(layout);
    shell.title = if name.is_empty() {
        format!("Trace {}", url.trace)
    } else {
        format!("{service}: {name}")
    };
    let trace = url.trace.to_string();
    TracePage {
        style: &TRACE_STYLE.href,
        script: &TRACE_SCRIPT.href,
        back: chain::traces(&found.asked, &url.query),
        started: layout.sent().map(|(start, _)| When::dated_millis(start)),
        duration: figures::duration(seconds(layout.times.length)),
        summary: summary(layout),
        explained: explained(layout),
        logs_href: crate::pages::logs::href(&term("trace_id", &trace), &found.asked),
        json_href: format!("/api/v1/traces/{trace}"),
        incidents: found.incidents.clone(),
        warnings: warnings(layout, url, MOST_LOGS),
        minimap: shown.map(),
        legend: shown.legend(),
        unnamed: shown.shares.len().saturating_sub(MOST_NAMED),
        tools: tools::tools(
            layout,
            url,
            &found.matches,
            &shown.rows,
            (shown.chosen, shown.chosen_row),
        ),
        list: shown.list(),
        panel: shown.panel(),
        log: shown.log(),
        close: url
            .changed(|url| {
                url.from = Some(shown.window.from);
                (url.span, url.record, url.log) = (None, None, None);
            })
            .href(),
        id: trace,
        service,
        name,
        shell,
    }
}

/// What the trace is called by: the root that it is about.
fn titled(layout: &Layout) -> (String, String) {
    layout.root().map_or_else(Default::default, |root| {
        let name = figures::cut(layout.name(root), 120).0;
        let name = if name.is_empty() { "(no name)" } else { name };
        (layout.service(root).to_owned(), name.to_owned())
    })
}

fn summary(layout: &Layout) -> String {
    let levels = layout.tree.depth.iter().max().map_or(0, |depth| depth + 1);
    let plural = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{} {one}s", figures::count(count as u64)),
    };
    let mut parts = vec![
        plural(layout.spans().len(), "span"),
        plural(layout.outline.services.len(), "service"),
        plural(levels as usize, "level"),
    ];
    if !layout.records.is_empty() {
        parts.push(plural(layout.records.len(), "log record"));
    }
    parts.join(", ")
}

/// What the critical path is the path of, where that is not the whole trace.
fn explained(layout: &Layout) -> String {
    let Some(root) = layout.root() else {
        return String::new();
    };
    let times = &layout.times;
    let after = times.length - times.end[root];
    if after * 50 < times.length.max(1) {
        return String::new();
    }
    format!(
        "The critical path explains the {} of {}; what ran on for {} after it did not delay it.",
        figures::duration(seconds(times.duration(root))),
        titled(layout).1,
        figures::duration(seconds(after))
    )
}
