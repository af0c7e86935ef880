//! One row of the waterfall as it is written.

use std::fmt::Write;

use super::drawing::{Bar, Extent};
use super::find::{Needle, Piece};
use super::layout::Layout;
use super::rows::{Row, Subject};
use super::runs::Run;
use super::state::{Node, TraceUrl};
use super::times::seconds;
use super::tree::Astray;
use crate::charts::Svg;
use crate::figures;
use crate::pages::log_view::one_line;

/// Deeper rows are not indented further; they say their level.
const DEEPEST: u32 = 16;
/// Characters of a name that a row shows.
const LONGEST_NAME: usize = 160;

#[derive(Debug)]
pub(crate) struct Toggle {
    pub(crate) href: String,
    pub(crate) is_open: bool,
    pub(crate) label: String,
}

#[derive(Debug)]
pub(crate) struct RowView {
    pub(crate) id: String,
    pub(crate) class: String,
    pub(crate) index: usize,
    pub(crate) level: u32,
    /// Written where indentation cannot say it.
    pub(crate) is_deep: bool,
    pub(crate) toggle: Option<Toggle>,
    pub(crate) href: String,
    /// The count of a run: `× 312`.
    pub(crate) times: String,
    pub(crate) service: Vec<Piece>,
    pub(crate) name: Vec<Piece>,
    /// Words that stand behind the name, each with its class.
    pub(crate) badges: Vec<(&'static str, String)>,
    pub(crate) note: String,
    pub(crate) when: String,
    pub(crate) bar: Svg,
    pub(crate) duration: String,
    pub(crate) own: String,
}

/// What all rows of a page have in common.
#[derive(Debug)]
pub(crate) struct RowWriter<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) url: &'a TraceUrl,
    pub(crate) extent: Extent,
    pub(crate) colours: &'a [u8],
    pub(crate) needle: &'a Needle,
    /// Spans that were found, by their index.
    pub(crate) is_found: &'a [bool],
    pub(crate) chosen: Option<Subject>,
    /// The parts of the critical path of each span that has one, by span.
    pub(crate) critical: std::collections::HashMap<usize, Vec<(i64, i64)>>,
    /// What a link to a span, or to a log record, begins with.
    select: String,
    select_log: String,
}

impl<'a> RowWriter<'a> {
    pub(crate) fn new(
        layout: &'a Layout,
        url: &'a TraceUrl,
        extent: Extent,
        needle: &'a Needle,
    ) -> Self {
        let mut critical: std::collections::HashMap<usize, Vec<(i64, i64)>> =
            std::collections::HashMap::new();
        for part in &layout.path.segments {
            critical
                .entry(part.span)
                .or_default()
                .push((part.from, part.to));
        }
        let bare = url.changed(|url| {
            url.from = None;
            (url.span, url.record, url.log) = (None, None, None);
        });
        Self {
            layout,
            url,
            extent,
            colours: &[],
            needle,
            is_found: &[],
            chosen: None,
            critical,
            select: bare.with("span", "-").trim_end_matches('-').to_owned(),
            select_log: bare.with("log", "-").trim_end_matches('-').to_owned(),
        }
    }

    pub(crate) fn row(&self, index: usize, row: &Row) -> RowView {
        let mut view = match row.subject {
            Subject::Span(span) => self.span(span, row),
            Subject::Run(run) => self.run(&self.layout.runs.runs[run], row),
            Subject::Log(log) => self.log(log),
        };
        view.index = index;
        view.level = row.depth + 1;
        view.is_deep = row.depth > DEEPEST;
        write!(view.class, " d{}", row.depth.min(DEEPEST))
            .expect("writing to memory does not fail");
        if self.chosen == Some(row.subject) {
            view.class.push_str(" at");
        }
        view
    }

    /// Where a span is shown in the panel.
    pub(crate) fn href(&self, span: usize) -> String {
        let outline = &self.layout.spans()[span];
        let which = if self.layout.tree.is_twin[span] {
            format!("&record={}", outline.id)
        } else {
            String::new()
        };
        format!("{}{}{which}#n{}", self.select, outline.span_id, outline.id)
    }

    fn span(&self, span: usize, row: &Row) -> RowView {
        let layout = self.layout;
        let outline = &layout.spans()[span];
        let (from, to) = (layout.times.start[span], layout.times.end[span]);
        let colour = self
            .colours
            .get(outline.service as usize)
            .copied()
            .unwrap_or(8);
        let mut bar = Bar::new(self.extent);
        let failed = if outline.is_error { " bad" } else { "" };
        bar.span(from, to, &format!("s{colour}{failed}"));
        if let Some(parts) = self.critical.get(&span) {
            bar.critical(parts.iter().copied());
        }
        let node = Node {
            id: outline.id,
            is_run: false,
        };
        let below = layout.tree.below[span];
        let errors_below = layout.tree.errors_below[span];
        let is_closed = row.is_open == Some(false);
        let mut class = "sp".to_owned();
        if outline.is_error {
            class.push_str(" failed");
        }
        if self.is_found.get(span).copied().unwrap_or(false) {
            class.push_str(" hit");
        }
        RowView {
            class,
            toggle: self.toggle(node, row, below),
            href: self.href(span),
            times: String::new(),
            service: self.needle.cut(self.shown_service(span)),
            name: self.pieces(layout.name(span)),
            badges: badges(layout, span),
            note: match (is_closed, errors_below) {
                (false, _) => String::new(),
                (true, 0) => format!("{} below", figures::count(below as u64)),
                (true, errors) => format!(
                    "{} below, {} failed",
                    figures::count(below as u64),
                    figures::count(errors as u64)
                ),
            },
            when: format!("+{}", figures::duration(seconds(from))),
            bar: bar.finish(),
            duration: figures::duration(seconds(to - from)),
            own: figures::duration(seconds(layout.self_times[span])),
            ..RowView::blank(node.to_string())
        }
    }

    /// A service is named where it is another than the parent's.
    fn shown_service(&self, span: usize) -> &str {
        let spans = self.layout.spans();
        let parent = self.layout.tree.parent[span];
        match parent {
            Some(parent) if spans[parent].service == spans[span].service => "",
            _ => self.layout.service(span),
        }
    }

    fn run(&self, run: &Run, row: &Row) -> RowView {
        let layout = self.layout;
        let first = run.members[0];
        let outline = &layout.spans()[first];
        let colour = self
            .colours
            .get(outline.service as usize)
            .copied()
            .unwrap_or(8);
        let times = |span: &usize| (layout.times.start[*span], layout.times.end[*span]);
        let is_failed = |span: &&usize| layout.spans()[**span].is_error;
        let mut bar = Bar::new(self.extent);
        bar.many(run.members.iter().map(times), &format!("s{colour}"));
        bar.many(run.members.iter().filter(is_failed).map(times), "bad-only");
        let parts = run
            .members
            .iter()
            .filter_map(|span| self.critical.get(span));
        bar.critical(parts.flatten().copied());
        let node = Node {
            id: outline.id,
            is_run: true,
        };
        let toggle = self.toggle(node, row, run.members.len());
        let mut badges = Vec::new();
        if run.errors > 0 {
            badges.push((
                "failing",
                format!("{} failed", figures::count(run.errors as u64)),
            ));
        }
        if run.is_sequence {
            badges.push(("loop", "one after another".to_owned()));
        }
        RowView {
            class: if run.errors > 0 {
                "run failed".to_owned()
            } else {
                "run".to_owned()
            },
            href: toggle
                .as_ref()
                .map_or_else(String::new, |toggle| toggle.href.clone()),
            toggle,
            times: format!("× {}", figures::count(run.members.len() as u64)),
            service: self.needle.cut(self.shown_service(first)),
            name: self.pieces(layout.name(first)),
            badges,
            note: format!(
                "p50 {}, p95 {}, max {}",
                figures::duration(seconds(run.p50)),
                figures::duration(seconds(run.p95)),
                figures::duration(seconds(run.max))
            ),
            when: format!("+{}", figures::duration(seconds(run.from))),
            bar: bar.finish(),
            duration: figures::duration(seconds(run.total)),
            own: String::new(),
            ..RowView::blank(node.to_string())
        }
    }

    fn log(&self, log: usize) -> RowView {
        let (found, place) = (&self.layout.records[log], &self.layout.logs[log]);
        let severity = found.record.severity.as_str();
        let mut bar = Bar::new(self.extent);
        bar.instant(place.at, &format!("sev-{}", severity.to_lowercase()));
        let mut badges = Vec::new();
        if place.span.is_none() && found.record.span_id.is_some() {
            badges.push(("lost", "its span is not here".to_owned()));
        }
        RowView {
            class: format!("lg sev-{severity}"),
            href: format!("{}{}#nl{}", self.select_log, found.id, found.id),
            service: self.needle.cut(severity),
            name: self.needle.cut(&one_line(&found.record.message)),
            badges,
            when: format!("+{}", figures::duration(seconds(place.at))),
            bar: bar.finish(),
            ..RowView::blank(format!("l{}", found.id))
        }
    }

    fn pieces(&self, name: &str) -> Vec<Piece> {
        match figures::cut(name, LONGEST_NAME) {
            ("", _) => self.needle.cut("(no name)"),
            (name, true) => self.needle.cut(name),
            (name, false) => self.needle.cut(&format!("{name}…")),
        }
    }

    fn toggle(&self, node: Node, row: &Row, below: usize) -> Option<Toggle> {
        let is_open = row.is_open?;
        let turned = self.url.turned(node, !is_open);
        let verb = if is_open { "Close" } else { "Open" };
        Some(Toggle {
            href: format!("{}#n{node}", turned.href()),
            is_open,
            label: format!("{verb} {} below", figures::count(below as u64)),
        })
    }
}

impl RowView {
    fn blank(id: String) -> Self {
        Self {
            id,
            class: String::new(),
            index: 0,
            level: 0,
            is_deep: false,
            toggle: None,
            href: String::new(),
            times: String::new(),
            service: Vec::new(),
            name: Vec::new(),
            badges: Vec::new(),
            note: String::new(),
            when: String::new(),
            bar: Svg::default(),
            duration: String::new(),
            own: String::new(),
        }
    }
}

/// What is wrong with a span, in words.
fn badges(layout: &Layout, span: usize) -> Vec<(&'static str, String)> {
    let mut badges = Vec::new();
    if layout.spans()[span].is_error {
        badges.push(("failing", "error".to_owned()));
    }
    match layout.tree.astray[span] {
        Some(Astray::MissingParent(_)) => badges.push(("lost", "parent missing".to_owned())),
        Some(Astray::Ring) => badges.push(("lost", "its own ancestor".to_owned())),
        None => {}
    }
    if layout.tree.is_twin[span] {
        badges.push(("lost", "id used twice".to_owned()));
    }
    badges
}
