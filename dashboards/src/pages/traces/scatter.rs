//! When spans began and how long they took: a picture of all of them, whose parts lead to the spans.

use std::collections::BTreeMap;

use watchfire_logsearch::{ScatterCell, SpanOutlier, SpanScatter};
use watchfire_schemas::TimeRange;

use super::region::{Region, duration, lasting};
use super::state::TracesUrl;
use crate::charts::{Mass, MassCell, Outlier, Scale, Svg, TimePlot, Unit, Way};
use crate::pages::marks::Marks;
use crate::{chain, figures, query_text, url};

const HEIGHT: u32 = 216;
/// Cells of the picture.
pub(crate) const COLUMNS: usize = 80;
pub(crate) const ROWS: usize = 24;
/// How many cells lead to one place: each by itself would make a heavy page.
const WAY_COLUMNS: u32 = 5;
const WAY_ROWS: u32 = 6;
/// The slowest, and as many of those that failed.
pub(super) const OUTLIERS: usize = 50;
/// Of them those that are drawn one by one.
const DRAWN: usize = 12;
/// Fewer spans have no tail to speak of.
const LEAST_FOR_TAIL: u64 = 40;

#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) svg: Svg,
    pub(crate) incidents: usize,
    pub(crate) changes: usize,
    pub(crate) has_errors: bool,
    pub(crate) outliers: usize,
}

pub(super) fn picture(found: &SpanScatter, marks: &Marks, url: &TracesUrl) -> Picture {
    let range = found.range.unwrap_or(url.asked.range);
    let (least, greatest) = found.durations;
    let scale = Scale::between(least.as_secs_f64(), greatest.as_secs_f64(), Unit::Seconds);
    let mut plot = TimePlot::scaled(range, HEIGHT, scale, Unit::Seconds);
    let changes = marks.draw(&mut plot, &url.asked);
    let mass = mass(found);
    plot.mass(&mass);
    plot.ways(&mass, &ways(found, url));
    if let Some(frame) = url.region.as_ref().and_then(Region::frame) {
        plot.frame(frame);
    }
    let outliers = outliers(found, url);
    plot.outliers(&outliers);
    Picture {
        svg: plot.finish(&format!(
            "{} spans by their start and their duration",
            figures::count(found.total)
        )),
        incidents: marks.incidents.len(),
        changes,
        has_errors: found.cells.iter().any(|cell| cell.errors > 0),
        outliers: outliers.len(),
    }
}

fn mass(found: &SpanScatter) -> Mass {
    let cell = |cell: &ScatterCell| MassCell {
        column: cell.column,
        row: cell.row,
        count: cell.spans,
        bad: cell.errors,
    };
    Mass {
        columns: found.columns,
        rows: found.rows,
        cells: found.cells.iter().map(cell).collect(),
    }
}

/// Blocks of cells, each with the search for the spans in them.
fn ways(found: &SpanScatter, url: &TracesUrl) -> Vec<Way> {
    let mut blocks: BTreeMap<(u32, u32), (u64, u64)> = BTreeMap::new();
    for cell in &found.cells {
        let block = blocks
            .entry((cell.column / WAY_COLUMNS, cell.row / WAY_ROWS))
            .or_default();
        block.0 += cell.spans;
        block.1 += cell.errors;
    }
    let way = |((column, row), (spans, errors)): ((u32, u32), (u64, u64))| {
        let within = |at: u32, wide: u32, most: usize| {
            (
                at * wide,
                ((at + 1) * wide).min(u32::try_from(most).unwrap_or(u32::MAX)),
            )
        };
        let columns = within(column, WAY_COLUMNS, found.columns);
        let rows = within(row, WAY_ROWS, found.rows);
        let start = found.column_times(columns.0)?.start;
        let end = found.column_times(columns.1 - 1)?.end;
        let low = found.row_durations(rows.0).0;
        // In the last row is the greatest duration as well.
        let is_last = rows.1 as usize >= found.rows;
        let high = (!is_last).then(|| found.row_durations(rows.1 - 1).1);
        let clause = lasting(low, high);
        let query = query_text::with(&url.query, &clause);
        let failed = match errors {
            0 => String::new(),
            errors => format!(", {} failed", figures::count(errors)),
        };
        Some(Way {
            columns,
            rows,
            title: format!(
                "{} to {}, {}\n{} spans{failed}",
                figures::clock(start),
                figures::clock(end),
                Region::of(clause).text(),
                figures::count(spans)
            ),
            href: link_within(&query, TimeRange { start, end }, url),
        })
    };
    blocks.into_iter().filter_map(way).collect()
}

/// A link to the same page that says as little as it can: there are many of them.
fn link_within(query: &str, range: TimeRange, url: &TracesUrl) -> String {
    let mut parameters = url.kept(&["q", "region", "sort", "groups"]);
    parameters.insert(0, ("q", query.to_owned()));
    parameters.push(("start", range.start.to_string()));
    parameters.push(("end", range.end.to_string()));
    let pairs: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    url::link("", &pairs)
}

/// The slowest and the slowest that failed, half and half.
fn outliers(found: &SpanScatter, url: &TracesUrl) -> Vec<Outlier> {
    let few = |is_bad: bool| {
        let all = found.outliers.iter();
        all.filter(move |outlier| outlier.is_error == is_bad)
            .take(DRAWN)
    };
    few(false)
        .chain(few(true))
        .map(|outlier| outlier_of(outlier, url))
        .collect()
}

fn outlier_of(outlier: &SpanOutlier, url: &TracesUrl) -> Outlier {
    let failed = if outlier.is_error { ", failed" } else { "" };
    let name = figures::cut(&outlier.name, 80).0;
    Outlier {
        at: outlier.start,
        value: outlier.duration.as_secs_f64(),
        is_bad: outlier.is_error,
        title: format!(
            "{}{failed}\n{} {name}\n{} UTC",
            figures::duration(outlier.duration.as_secs_f64()),
            figures::cut(&outlier.service, 40).0,
            figures::clock_millis(outlier.start)
        ),
        href: chain::trace(&url.asked, &outlier.trace_id, Some(&outlier.span_id)),
    }
}

/// A round duration that about one in twenty spans exceeds, in seconds; of few spans none.
pub(super) fn tail(found: &SpanScatter) -> Option<f64> {
    if found.total < LEAST_FOR_TAIL {
        return None;
    }
    let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
    for cell in &found.cells {
        *rows.entry(cell.row).or_default() += cell.spans;
    }
    let all: u64 = rows.values().sum();
    let mut above = 0;
    let row = rows.iter().rev().find_map(|(row, spans)| {
        above += spans;
        (above * 20 >= all).then_some(*row)
    })?;
    let bound = found.row_durations(row).0.as_secs_f64();
    let power = 10_f64.powf(bound.log10().floor() - 1.0);
    let round = (bound / power).round() * power;
    (round.is_finite() && round > 0.0).then_some(round)
}

/// `duration:>=320ms`.
pub(super) fn slower_than(bound: f64) -> String {
    format!("duration:>={}", duration(bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;

    fn url(query: &str) -> TracesUrl {
        TracesUrl::from_params(&Params::parse(query), samples::now()).unwrap()
    }

    #[test]
    fn every_span_lies_in_a_part_that_leads_to_it() {
        let found = samples::scatter(Mood::Full);
        let ways = ways(&found, &url("q=a:b&last=1h&order=slowest"));
        let covered = |cell: &ScatterCell| {
            ways.iter().any(|way| {
                (way.columns.0..way.columns.1).contains(&cell.column)
                    && (way.rows.0..way.rows.1).contains(&cell.row)
            })
        };
        assert!(found.cells.iter().all(covered));
        assert!(
            ways.iter()
                .all(|way| way.href.starts_with("?q=a:b%20duration:%5B")
                    || way.href.starts_with("?q=a:b%20duration:%3E%3D"))
        );
        assert!(
            ways[0].href.contains("&order=slowest&start=2026-"),
            "{}",
            ways[0].href
        );
    }

    #[test]
    fn the_tail_is_what_one_in_twenty_exceeds() {
        let found = samples::scatter(Mood::Full);
        let tail = tail(&found).unwrap();
        let above = found
            .cells
            .iter()
            .filter(|cell| found.row_durations(cell.row).1.as_secs_f64() > tail);
        let above: u64 = above.map(|cell| cell.spans).sum();
        assert!(
            above * 20 >= found.total && above * 5 < found.total,
            "{tail}: {above}"
        );
        assert!(super::tail(&SpanScatter::default()).is_none());
        assert_eq!(slower_than(0.32), "duration:>=320ms");
    }

    #[test]
    fn a_region_is_framed_and_few_are_drawn_one_by_one() {
        let found = samples::scatter(Mood::Full);
        let marks = samples::marks(Mood::Full);
        let drawn = picture(&found, &marks, &url("region=duration:%3E%3D1s"));
        assert!(drawn.svg.to_string().contains("class=\"marked\""));
        assert!(drawn.outliers <= 2 * DRAWN && drawn.outliers > 0);
        let bare = picture(&found, &marks, &url("region=status:error"));
        assert!(!bare.svg.to_string().contains("class=\"marked\""));
    }
}
