//! What the page shows.

use askama::Template;
use watchfire_schemas::Timestamp;

use super::answers::Found;
use super::browser::{self, MOST_METRICS, MetricRow};
use super::drawing;
use super::handed_over;
use super::lines::{Lines, lines};
use super::query_rows::{self, RowView};
use super::state::{Against, ExploreUrl, Face, Shape};
use super::table::{ValueTable, table};
use crate::charts::{Steps, Svg, Unit};
use crate::range::Asked;
use crate::shell::Shell;
use crate::{assets, figures};

/// (label, link, is it the one)
type Choice = (&'static str, String, bool);

#[derive(Debug)]
pub(crate) struct LegendRow {
    pub(crate) key: String,
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) letter: &'static str,
    pub(crate) is_shown: bool,
    pub(crate) last: String,
    pub(crate) min: String,
    pub(crate) mean: String,
    pub(crate) max: String,
    /// The mean of the earlier time, and the change against it.
    pub(crate) against: String,
}

/// A switch that is a link: `m` switches it from the keyboard.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) is_on: bool,
}

#[derive(Debug, Template)]
#[template(path = "explore.html")]
pub(crate) struct Explore {
    pub(crate) shell: Shell,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) rows: Vec<RowView>,
    pub(crate) hidden: Vec<(&'static str, String)>,
    pub(crate) step: String,
    pub(crate) auto_step: String,
    pub(crate) faces: Vec<Choice>,
    pub(crate) is_graph: bool,
    pub(crate) switches: Vec<Switch>,
    pub(crate) against: Vec<Choice>,
    pub(crate) against_label: &'static str,
    pub(crate) every: Vec<(String, String, bool)>,
    pub(crate) chart: Option<Svg>,
    pub(crate) note: String,
    pub(crate) is_partial: bool,
    /// Queries were answered, and there is nothing to draw.
    pub(crate) is_nothing: bool,
    pub(crate) legend: Vec<LegendRow>,
    pub(crate) table: Option<ValueTable>,
    pub(crate) metrics: Option<(Vec<MetricRow>, String)>,
    pub(crate) find: String,
    pub(crate) in_find: Vec<(&'static str, String)>,
    pub(crate) permalink: String,
    pub(crate) refresh: String,
    pub(crate) zoom_out: String,
    pub(crate) curl: String,
    pub(crate) rule: Option<String>,
    pub(crate) examples: Vec<(&'static str, String)>,
    pub(crate) legend_marks: Vec<(&'static str, &'static str)>,
}

/// Expressions to begin with.
const EXAMPLES: [(&str, &str); 6] = [
    (
        "Requests by service",
        "sum by (service) (rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\"}[5m]))",
    ),
    (
        "Share of failed requests",
        "sum by (service) (rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\",status=\"STATUS_CODE_ERROR\"}[5m])) / sum by (service) (rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\"}[5m]))",
    ),
    (
        "p99 by service",
        "histogram_quantile(0.99, sum by (service, le) (rate(traces_span_metrics_duration_seconds_bucket{kind=\"SPAN_KIND_SERVER\"}[5m])))",
    ),
    (
        "Log records by severity",
        "sum by (severity) (rate(log_records_total[5m]))",
    ),
    (
        "Exceptions by type",
        "sum by (service, type) (increase(exceptions_total[10m]))",
    ),
    ("Targets that are down", "up == 0"),
];

pub(crate) fn view(
    shell: Shell,
    url: &ExploreUrl,
    now: Timestamp,
    host: &str,
    found: &Found,
) -> Explore {
    let steps = Steps::over(url.asked.range, url.step());
    let lines = match url.face {
        Face::Graph => lines(&found.answers, url, steps),
        _ => Lines::default(),
    };
    let unit = drawing::unit(found);
    let mut page = frame(shell, url, now, host);
    page.rows = query_rows::rows(url, found, &lines);
    page.rule = handed_over::rule(url, &lines);
    page.is_partial = found
        .answers
        .iter()
        .any(|a| matches!(a.value, Err(watchfire_tsdb::QueryError::Timeout)));
    match url.face {
        Face::Graph if !lines.lines.is_empty() => {
            page.chart = Some(drawing::graph(found, &lines, url, steps));
            page.note = note(&lines, url);
            page.legend = legend(&lines, unit);
        }
        Face::Heat => {
            page.chart = drawing::heat_map(found, url, steps);
            page.note = heat_note(page.chart.is_some(), found);
        }
        Face::Table if !found.answers.is_empty() => {
            let values = table(&found.answers, unit);
            page.note = format!(
                "{} {} at {} UTC",
                figures::count(values.total as u64),
                if values.total == 1 { "value" } else { "values" },
                figures::date_time(url.asked.range.end)
            );
            page.table = Some(values);
        }
        Face::Metrics => page.metrics = Some(metrics(found, url)),
        Face::Graph => page.is_nothing = found.answers.iter().any(|a| a.value.is_ok()),
        Face::Table => {}
    }
    if !found.incidents.is_empty() && page.chart.is_some() {
        page.legend_marks.push(("lasting", "incident"));
    }
    if !found.changes.is_empty() && page.chart.is_some() {
        page.legend_marks.push(("change", "deploy or other change"));
    }
    if !found.exemplars.is_empty() && page.chart.is_some() && url.face == Face::Graph {
        page.legend_marks
            .push(("traced", "exemplar, leads to its trace"));
    }
    page
}

/// The page before anything is answered.
fn frame(shell: Shell, url: &ExploreUrl, now: Timestamp, host: &str) -> Explore {
    let letters: Vec<&'static str> = url.rows.iter().map(|row| row.letter).collect();
    let mut kept_by_form = letters;
    kept_by_form.extend(["step", "only", "hide"]);
    let auto = url.changed(|url| url.step = None).step();
    let is_asking = url.rows.iter().any(super::state::QueryRow::is_asked);
    let face = |face: Face| {
        (
            face.label(),
            url.changed(|url| url.face = face).href(),
            face == url.face,
        )
    };
    Explore {
        shell,
        style: &assets::EXPLORE_STYLE.href,
        script: &assets::EXPLORE_SCRIPT.href,
        rows: Vec::new(),
        hidden: url.hidden_fields(&kept_by_form),
        step: url.step.clone().unwrap_or_default(),
        auto_step: figures::duration(auto.as_secs_f64())
            .replace(" 00 s", "")
            .replace(" 00 m", ""),
        faces: Face::ALL.map(face).to_vec(),
        is_graph: url.face == Face::Graph,
        switches: switches(url),
        against: Against::ALL
            .map(|against| {
                let href = url.changed(|url| url.against = against).href();
                (against.label(), href, against == url.against)
            })
            .to_vec(),
        against_label: url.against.label(),
        every: [0, 5, 15, 60]
            .map(|every| {
                let label = if every == 0 {
                    "off".to_owned()
                } else {
                    format!("{every} s")
                };
                let href = url.changed(|url| url.every = every).href();
                (label, href, url.every == every)
            })
            .to_vec(),
        chart: None,
        note: String::new(),
        is_partial: false,
        is_nothing: false,
        legend: Vec::new(),
        table: None,
        metrics: None,
        find: url.find.clone(),
        in_find: url.hidden_fields(&["find"]),
        permalink: url.permalink(),
        refresh: url.href(),
        zoom_out: url.zoomed_out(now),
        curl: handed_over::curl(url, host),
        rule: None,
        examples: if is_asking || url.face == Face::Metrics {
            Vec::new()
        } else {
            examples(&url.asked)
        },
        legend_marks: Vec::new(),
    }
}

fn examples(asked: &Asked) -> Vec<(&'static str, String)> {
    EXAMPLES
        .map(|(label, expr)| (label, super::state::link(expr, asked)))
        .into()
}

fn switches(url: &ExploreUrl) -> Vec<Switch> {
    let switch = |key, label, is_on: bool, turned: ExploreUrl| Switch {
        key,
        label,
        href: turned.href(),
        is_on,
    };
    let marks = switch(
        "m",
        "Marks",
        url.has_marks,
        url.changed(|url| url.has_marks ^= true),
    );
    let shape = |key, label, shape: Shape| {
        let is_on = url.shape == shape;
        let turned = if is_on { Shape::Lines } else { shape };
        switch(key, label, is_on, url.changed(|url| url.shape = turned))
    };
    if url.face == Face::Heat {
        return vec![marks];
    }
    vec![
        shape("s", "Stacked", Shape::Stacked),
        shape("l", "Log scale", Shape::Logarithmic),
        marks,
        switch(
            "x",
            "Exemplars",
            url.has_exemplars,
            url.changed(|url| url.has_exemplars ^= true),
        ),
    ]
}

fn note(lines: &Lines, url: &ExploreUrl) -> String {
    let left_out = lines.total - lines.lines.len();
    let hidden = lines.lines.iter().filter(|line| !line.is_shown).count();
    let mut note = match (lines.total, left_out) {
        (1, _) => "1 line".to_owned(),
        (total, 0) => format!("{} lines", figures::count(total as u64)),
        (total, _) => format!(
            "the {} greatest of {} lines; {} left out",
            lines.lines.len(),
            figures::count(total as u64),
            figures::count(left_out as u64)
        ),
    };
    if hidden > 0 {
        note = format!("{note}, {hidden} hidden");
    }
    let step = figures::duration(url.step().as_secs_f64());
    format!(
        "{note}; one point {}",
        step.replace(" 00 s", "").replace(" 00 m", "")
    )
}

fn heat_note(is_drawn: bool, found: &Found) -> String {
    match found.answers.first() {
        None => String::new(),
        Some(_) if is_drawn => "observations by size; a cell leads to its traces".to_owned(),
        Some(answered) if answered.value.is_err() => String::new(),
        Some(_) => "This has no buckets: a heat map needs a histogram, a quantile of one, or series with the label le. The Metrics view lists the histograms.".to_owned(),
    }
}

fn legend(lines: &Lines, unit: Unit) -> Vec<LegendRow> {
    let row = |line: &super::lines::Line| {
        let figures = line.lane.figures();
        let write = |pick: fn(&crate::charts::Figures) -> f64| {
            figures
                .as_ref()
                .map_or_else(|| "–".to_owned(), |figures| unit.write(pick(figures)))
        };
        let before = line.ghost.as_ref().and_then(crate::charts::Lane::figures);
        let against = match (&figures, &before) {
            (Some(now), Some(before)) => {
                let change = if before.mean == 0.0 {
                    f64::NAN
                } else {
                    now.mean / before.mean - 1.0
                };
                let sign = if change > 0.0 { "+" } else { "" };
                let change = if change.is_finite() {
                    format!(" ({sign}{})", Unit::Ratio.write(change))
                } else {
                    String::new()
                };
                format!("{}{change}", unit.write(before.mean))
            }
            _ => String::new(),
        };
        LegendRow {
            key: line.lane.key.clone(),
            class: line.lane.class.clone(),
            name: line.lane.name.clone(),
            letter: line.letter,
            is_shown: line.is_shown,
            last: write(|figures| figures.last),
            min: write(|figures| figures.min),
            mean: write(|figures| figures.mean),
            max: write(|figures| figures.max),
            against,
        }
    };
    lines.lines.iter().map(row).collect()
}

fn metrics(found: &Found, url: &ExploreUrl) -> (Vec<MetricRow>, String) {
    let (rows, count) = browser::rows(&found.metrics, url);
    let all = figures::count(found.metrics.len() as u64);
    let note = match count {
        count if count > MOST_METRICS => {
            format!("the first {MOST_METRICS} of {count} that match, of {all} metrics")
        }
        count if url.find.is_empty() => format!("{count} metrics"),
        count => format!("{count} of {all} metrics"),
    };
    (rows, note)
}
