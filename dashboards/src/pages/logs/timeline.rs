//! When the records happened: a histogram of the whole range by severity, with incidents and
//! changes on it.

use std::time::Duration;

use watchfire_logsearch::HistogramBar;
use watchfire_schemas::{SeverityRange, TimeRange};

use super::state::LogsUrl;
use crate::charts::{Stack, Svg, TimePlot};
use crate::pages::marks::Marks;
use crate::{figures, query_text};

/// Steps of the histogram, about.
pub(super) const STEPS: u64 = 90;

/// The classes of severities, in the order of [`SeverityRange::ALL`].
const CLASSES: [&str; 6] = [
    "sev-trace",
    "sev-debug",
    "sev-info",
    "sev-warn",
    "sev-error",
    "sev-fatal",
];

/// A severity, how many records have it, and the link to them alone.
#[derive(Debug, Clone)]
pub(crate) struct LegendEntry {
    pub(crate) name: &'static str,
    pub(crate) count: String,
    pub(crate) href: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) svg: Svg,
    pub(crate) legend: Vec<LegendEntry>,
    /// All records of the bars.
    pub(crate) total: u64,
    /// What a bar stands for: `1 m`.
    pub(crate) step: String,
    pub(crate) incidents: usize,
    pub(crate) changes: usize,
}

/// What is drawn.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    pub(crate) bars: Vec<HistogramBar>,
    pub(crate) bars_are_partial: bool,
    pub(crate) step: Duration,
    pub(crate) marks: Marks,
}

pub(super) fn timeline(happened: &Happened, url: &LogsUrl) -> Timeline {
    let bars = &happened.bars;
    let range = url.asked.range;
    let most = bars.iter().map(sum).max().unwrap_or(0);
    let mut plot = TimePlot::new(range, 84, most as f64, "");
    let stacks = bars.iter().map(|bar| stack(bar, happened.step, url));
    plot.stacks(&stacks.collect::<Vec<_>>());
    let changes = happened.marks.draw(&mut plot, &url.asked);
    let step = figures::duration(happened.step.as_secs_f64());
    let step = step
        .trim_end_matches(" 00 s")
        .trim_end_matches(" 00 m")
        .to_owned();
    Timeline {
        svg: plot.finish(&format!(
            "Records over the whole range by severity, one bar for {step}"
        )),
        legend: legend(bars, url),
        total: bars.iter().map(sum).sum(),
        step,
        incidents: happened.marks.incidents.len(),
        changes,
    }
}

fn sum(bar: &HistogramBar) -> u64 {
    bar.counts.iter().sum()
}

fn stack(bar: &HistogramBar, step: Duration, url: &LogsUrl) -> Stack {
    let end = bar.start + step;
    // Worst at the bottom: there a few errors are seen under many lines of chatter.
    let parts = (0..CLASSES.len()).rev().map(|at| {
        let name = SeverityRange::ALL[at].as_str();
        (CLASSES[at], name.into(), bar.counts[at] as f64)
    });
    // Never wider than the range: the bars at its ends may begin before and end after it.
    let within = TimeRange {
        start: bar.start.max(url.asked.range.start),
        end: end.min(url.asked.range.end),
    };
    Stack {
        start: bar.start,
        end,
        parts: parts.collect(),
        href: Some(url.with_range(within).href()),
    }
}

fn legend(bars: &[HistogramBar], url: &LogsUrl) -> Vec<LegendEntry> {
    let total = |at: usize| bars.iter().map(|bar| bar.counts[at]).sum::<u64>();
    let found = (0..CLASSES.len()).rev().filter(|at| total(*at) > 0);
    found
        .map(|at| {
            let name = SeverityRange::ALL[at].as_str();
            LegendEntry {
                name,
                count: figures::count(total(at)),
                href: url.narrowed(&query_text::term("severity", name)).href(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::range::Asked;

    #[test]
    fn the_legend_adds_up_to_the_total_and_no_bar_leads_out_of_the_range() {
        let found = samples::logs_found(Mood::Full);
        let end = samples::now();
        let start = end - Duration::from_secs(3590);
        let url = LogsUrl::new("", Asked::absolute(TimeRange { start, end }));
        let drawn = timeline(&found.happened, &url);
        let legend = drawn
            .legend
            .iter()
            .map(|entry| entry.count.replace(',', ""));
        let sum: u64 = legend.map(|count| count.parse::<u64>().unwrap()).sum();
        assert_eq!(sum, drawn.total);
        assert!(drawn.svg.to_string().contains(&format!("start={start}")));
        assert!(drawn.incidents > 0 && drawn.changes > 0);
    }
}
