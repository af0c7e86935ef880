//! A response time over weeks, on a logarithmic axis: a dot a step, and the rolling median as a line.

use std::fmt::Write;

use watchfire_schemas::{TimeRange, Timestamp};

use super::axis::{percent_of, time_ticks};
use super::strip::round;
use super::{Svg, escape};

const HEIGHT: f64 = 120.0;
const COUNTS: f64 = 26.0;
const AXIS: f64 = 20.0;
/// Fewer than that is drawn hollow.
const FEW: usize = 5;

/// One step of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrendDot {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) incidents: usize,
    pub(crate) n: usize,
    pub(crate) median: Option<f64>,
    pub(crate) rolling: Option<f64>,
    pub(crate) text: String,
    pub(crate) href: String,
}

/// Draws the steps of a range, with the number of incidents in each beneath.
pub(crate) fn trend_plot(steps: &[TrendDot], range: TimeRange, label: &str) -> Svg {
    let values = steps.iter().flat_map(|step| [step.median, step.rolling]);
    let scale = Scale::over(values.flatten());
    let bottom = HEIGHT + COUNTS;
    let mut out = format!(
        "<svg class=\"chart plot trend\" width=\"100%\" height=\"{}\" role=\"group\" aria-label=\"{}\">",
        bottom + AXIS,
        escape(label)
    );
    for seconds in scale.ticks() {
        let y = scale.y(seconds);
        write!(
            out,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"-8\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            y + 4.0,
            round(seconds)
        )
        .expect("writing to memory does not fail");
    }
    for (at, text) in time_ticks(range, 7) {
        let x = percent_of(at, range);
        let anchor = if x > 94.0 { "end" } else { "middle" };
        write!(
            out,
            "<text class=\"tick\" x=\"{x:.2}%\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>",
            bottom + 15.0
        )
        .expect("writing to memory does not fail");
    }
    counts(&mut out, steps, range);
    rolling(&mut out, steps, range, &scale);
    for step in steps {
        let Some(median) = step.median else { continue };
        let class = if step.n < FEW { "dot few" } else { "dot" };
        write!(
            out,
            "<a href=\"{}\"><circle class=\"{class}\" cx=\"{:.2}%\" cy=\"{:.1}\" r=\"4.5\"/><title>{}</title></a>",
            escape(&step.href),
            middle(step, range),
            scale.y(median),
            escape(&step.text)
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</svg>");
    Svg(out)
}

fn middle(step: &TrendDot, range: TimeRange) -> f64 {
    f64::midpoint(percent_of(step.start, range), percent_of(step.end, range))
}

fn counts(out: &mut String, steps: &[TrendDot], range: TimeRange) {
    let most = steps
        .iter()
        .map(|step| step.incidents)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let bottom = HEIGHT + COUNTS;
    for step in steps.iter().filter(|step| step.incidents > 0) {
        let (from, to) = (percent_of(step.start, range), percent_of(step.end, range));
        let height = (step.incidents as f64 / most * (COUNTS - 8.0)).max(2.0);
        write!(
            out,
            "<rect class=\"count\" x=\"{:.2}%\" width=\"{:.2}%\" y=\"{:.1}\" height=\"{height:.1}\"><title>{}</title></rect>",
            from + 0.15,
            (to - from - 0.3).max(0.3),
            bottom - height,
            escape(&step.text)
        )
        .expect("writing to memory does not fail");
    }
    write!(
        out,
        "<line class=\"guide\" x1=\"0\" x2=\"100%\" y1=\"{bottom}\" y2=\"{bottom}\"/>"
    )
    .expect("writing to memory does not fail");
}

fn rolling(out: &mut String, steps: &[TrendDot], range: TimeRange, scale: &Scale) {
    let mut path = String::new();
    for step in steps {
        let Some(value) = step.rolling else { continue };
        let command = if path.is_empty() { 'M' } else { 'L' };
        let x = middle(step, range) * 10.0;
        write!(path, "{command}{x:.1} {:.1}", scale.y(value))
            .expect("writing to memory does not fail");
    }
    write!(
        out,
        "<svg x=\"0\" y=\"0\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 1000 {HEIGHT}\" preserveAspectRatio=\"none\"><path class=\"line calm\" d=\"{path}\" vector-effect=\"non-scaling-stroke\"/></svg>"
    )
    .expect("writing to memory does not fail");
}

/// Logarithmic, from foot to head.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values {
            low = low.min(value.max(1.0));
            high = high.max(value.max(1.0));
        }
        if !low.is_finite() {
            return Self {
                low: 1.0,
                high: 3600.0,
            };
        }
        Self {
            low: (low / 1.5).max(0.9),
            high: (high * 1.5).max(low * 6.0),
        }
    }

    fn y(&self, seconds: f64) -> f64 {
        let share = (seconds.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        6.0 + (1.0 - share.clamp(0.0, 1.0)) * (HEIGHT - 14.0)
    }

    fn ticks(&self) -> Vec<f64> {
        const ROUND: [f64; 14] = [
            1.0,
            5.0,
            15.0,
            60.0,
            180.0,
            600.0,
            1800.0,
            7200.0,
            21_600.0,
            86_400.0,
            259_200.0,
            604_800.0,
            1_814_400.0,
            7_776_000.0,
        ];
        let within = ROUND
            .into_iter()
            .filter(|tick| (self.low..=self.high).contains(tick));
        within.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_dots_over_counts() {
        let at = |day: i64| Timestamp::from_secs(day * 86_400);
        let step = |day: i64, n: usize, median: Option<f64>| TrendDot {
            start: at(day),
            end: at(day + 7),
            incidents: n,
            n,
            median,
            rolling: median,
            text: "a & b".to_owned(),
            href: "/reliability?start=1&end=2".to_owned(),
        };
        let range = TimeRange {
            start: at(0),
            end: at(21),
        };
        let steps = [
            step(0, 7, Some(30.0)),
            step(7, 0, None),
            step(14, 2, Some(90.0)),
        ];
        let drawn = trend_plot(&steps, range, "TTD").to_string();
        assert_eq!(drawn.matches("<circle").count(), 2);
        assert_eq!(drawn.matches("dot few").count(), 1);
        assert_eq!(drawn.matches("<rect").count(), 2);
        assert!(drawn.contains("a &amp; b") && drawn.contains("start=1&amp;end=2"));
        let empty = trend_plot(&[], range, "TTD").to_string();
        assert!(!empty.contains("NaN") && !empty.contains("inf"), "{empty}");
    }
}
