//! One time axis with anything that happened on it.

mod dots;
mod heat;
mod lanes;
mod scatter;

use std::borrow::Cow;
use std::fmt::Write;

use watchfire_schemas::{TimeRange, Timestamp};

use super::axis::{percent_of, time_ticks};
use super::{Scale, Svg, Unit, escape};
use crate::figures;

pub(crate) use dots::TraceDot;
pub(crate) use heat::Cells;
pub(crate) use lanes::{Look, readings};
pub(crate) use scatter::{Frame, Mass, MassCell, Outlier, Way};

/// Height of the axis' labels.
const AXIS: u32 = 20;
/// Height of one lane of marks.
const LANE: u32 = 22;

/// A moment in a lane of its own, [`LANE`] pixels high, whose name stands beside the drawing; the bar
/// in its lane begins at the mark before it, so that the lanes account for where time went.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub(crate) at: Timestamp,
    /// Where the bar of the lane begins; none for a bare moment.
    pub(crate) since: Option<Timestamp>,
    pub(crate) title: String,
    pub(crate) class: &'static str,
}

/// A stack of values over one step of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stack {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// (class, name, value), from the bottom up.
    pub(crate) parts: Vec<(&'static str, Cow<'static, str>, f64)>,
    /// Where a click leads.
    pub(crate) href: Option<String>,
}

/// A chart under construction.
#[derive(Debug)]
pub(crate) struct TimePlot {
    range: TimeRange,
    height: u32,
    top: u32,
    scale: Scale,
    unit: Unit,
    under: String,
    ground: String,
    stretched: String,
    bars: String,
    over: String,
    readout: Vec<String>,
    /// Drawings that are stretched by themselves, and what the script reads of them.
    layers: String,
    attributes: String,
}

impl TimePlot {
    /// A chart of `height` pixels for values up to `most`.
    pub(crate) fn new(range: TimeRange, height: u32, most: f64, unit: &'static str) -> Self {
        let unit = Unit::Named(unit);
        Self::scaled(range, height, Scale::from_zero(most, unit), unit)
    }

    /// A chart of `height` pixels with an axis of values of its own.
    pub(crate) fn scaled(range: TimeRange, height: u32, scale: Scale, unit: Unit) -> Self {
        Self {
            range,
            height,
            top: 6,
            scale,
            unit,
            under: String::new(),
            ground: String::new(),
            stretched: String::new(),
            bars: String::new(),
            over: String::new(),
            readout: Vec::new(),
            layers: String::new(),
            attributes: String::new(),
        }
    }

    fn y(&self, value: f64) -> f64 {
        f64::from(self.top) + (1.0 - self.scale.share(value)) * f64::from(self.height)
    }

    fn bottom(&self) -> u32 {
        self.top + self.height
    }

    fn x(&self, at: Timestamp) -> f64 {
        percent_of(at, self.range).clamp(0.0, 100.0)
    }

    /// Lanes of marks above the plot, with a thread down to the axis. Call before anything else.
    pub(crate) fn marks(&mut self, marks: &[Mark]) {
        self.top += LANE * marks.len() as u32 + 6;
        let bottom = self.bottom();
        for (lane, mark) in marks.iter().enumerate() {
            let y = lane as u32 * LANE;
            let (x, class) = (self.x(mark.at), mark.class);
            let from = mark.since.map_or(x, |since| self.x(since));
            let middle = y + LANE / 2;
            write!(
                self.over,
                "<g class=\"mark {class}\"><title>{}</title><line class=\"thread\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{middle}\" y2=\"{bottom}\"/>\
                 <rect class=\"phase\" x=\"{from:.2}%\" width=\"{:.2}%\" y=\"{}\" height=\"8\" rx=\"2\"/>\
                 <circle cx=\"{x:.2}%\" cy=\"{middle}\" r=\"4\"/></g>",
                escape(&mark.title),
                (x - from).max(0.0),
                middle - 4
            )
            .expect("writing to memory does not fail");
        }
    }

    /// A span of time behind everything.
    pub(crate) fn band(&mut self, from: Timestamp, to: Timestamp, class: &str, title: &str) {
        let (x, to) = (self.x(from), self.x(to));
        write!(
            self.under,
            "<rect class=\"band {class}\" x=\"{x:.2}%\" width=\"{:.2}%\" y=\"{}\" height=\"{}\"><title>{}</title></rect>",
            (to - x).max(0.3),
            self.top,
            self.height,
            escape(title)
        )
        .expect("writing to memory does not fail");
    }

    /// A moment as a flag at the foot of the plot: a deploy.
    pub(crate) fn flag(&mut self, at: Timestamp, class: &str, title: &str) {
        let (x, bottom) = (self.x(at), self.bottom());
        write!(
            self.over,
            "<g class=\"flag {class}\"><line x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{}\" y2=\"{bottom}\"/>\
             <circle cx=\"{x:.2}%\" cy=\"{bottom}\" r=\"5\"><title>{}</title></circle></g>",
            self.top,
            escape(title)
        )
        .expect("writing to memory does not fail");
    }

    /// A line through values, broken where there is none. `scale` is what the value 1 counts for
    /// on this chart's axis.
    pub(crate) fn line(
        &mut self,
        name: &str,
        class: &str,
        points: &[(Timestamp, f64)],
        scale: f64,
    ) {
        let path = self.path(points, scale);
        write!(
            self.stretched,
            "<path class=\"line {class}\" d=\"{path}\" vector-effect=\"non-scaling-stroke\"/>"
        )
        .expect("writing to memory does not fail");
        self.read(name, points);
    }

    /// What lies between values and zero, behind everything that follows.
    pub(crate) fn area(
        &mut self,
        name: &str,
        class: &str,
        points: &[(Timestamp, f64)],
        scale: f64,
    ) {
        let known: Vec<_> = points.iter().copied().filter(|p| p.1.is_finite()).collect();
        let (Some(first), Some(last)) = (known.first(), known.last()) else {
            return;
        };
        let foot = |at: Timestamp| percent_of(at, self.range) * 10.0;
        let (path, height) = (self.path(&known, scale), self.height);
        let (from, to) = (foot(first.0), foot(last.0));
        write!(
            self.ground,
            "<path class=\"area {class}\" d=\"{path}L{to:.1} {height}L{from:.1} {height}Z\"/>"
        )
        .expect("writing to memory does not fail");
        self.read(name, points);
    }

    fn path(&self, points: &[(Timestamp, f64)], scale: f64) -> String {
        let mut path = String::new();
        let mut is_open = false;
        for (at, value) in points {
            if !value.is_finite() {
                is_open = false;
                continue;
            }
            let command = if is_open { 'L' } else { 'M' };
            let x = percent_of(*at, self.range) * 10.0;
            let y = self.y(value * scale) - f64::from(self.top);
            write!(path, "{command}{x:.1} {y:.1}").expect("writing to memory does not fail");
            is_open = true;
        }
        path
    }

    /// Bars of stacked parts: one path for each class, and over each bar what is clicked and told.
    pub(crate) fn stacks(&mut self, stacks: &[Stack]) {
        let mut paths: Vec<(&'static str, String)> = Vec::new();
        let mut bars = String::new();
        for stack in stacks {
            let x = percent_of(stack.start, self.range).max(0.0);
            let end = percent_of(stack.end, self.range).min(100.0);
            let width = ((end - x) * 0.86).max(0.05);
            let mut height = 0.0;
            for (class, _, value) in stack.parts.iter().filter(|(_, _, value)| *value > 0.0) {
                let (foot, head) = (self.y(height), self.y(height + value));
                height += value;
                let tall = (foot - head).max(1.0);
                let path = path_of(&mut paths, class);
                write!(
                    path,
                    "M{:.1} {:.1}h{:.1}v-{tall:.1}h-{:.1}z",
                    x * 10.0,
                    foot - f64::from(self.top),
                    width * 10.0,
                    width * 10.0
                )
                .expect("writing to memory does not fail");
            }
            if height > 0.0 && end > x {
                self.hit(&mut bars, stack, x, end - x);
            }
        }
        for (class, path) in paths {
            write!(self.bars, "<path class=\"{class}\" d=\"{path}\"/>")
                .expect("writing to memory does not fail");
        }
        self.over.push_str(&bars);
    }

    /// What of a bar is clicked: as high as the plot, so that a short bar is hit as well.
    fn hit(&self, out: &mut String, stack: &Stack, x: f64, width: f64) {
        let mut title = format!("{} UTC", figures::date_time(stack.start));
        for (_, name, value) in stack.parts.iter().filter(|(_, _, value)| *value > 0.0) {
            write!(title, "\n{name} {}", figures::short(*value)).expect("writing to memory");
        }
        let inner = format!(
            "<title>{}</title><rect class=\"hit\" x=\"{x:.2}%\" width=\"{width:.2}%\" y=\"{}\" height=\"{}\"/>",
            escape(&title),
            self.top,
            self.height
        );
        match &stack.href {
            None => write!(out, "<g>{inner}</g>"),
            Some(href) => write!(
                out,
                "<a href=\"{}\" tabindex=\"-1\">{inner}</a>",
                escape(href)
            ),
        }
        .expect("writing to memory does not fail");
    }

    /// A span of time that something lasted, as a stroke along the head of the plot that leads
    /// there, and a band behind everything.
    pub(crate) fn lasting(&mut self, from: Timestamp, to: Timestamp, title: &str, href: &str) {
        self.band(from, to, "trouble", title);
        let (x, end) = (self.x(from), self.x(to));
        write!(
            self.over,
            "<a class=\"lasting\" href=\"{}\"><title>{}</title><rect x=\"{x:.2}%\" width=\"{:.2}%\" y=\"{}\" height=\"5\" rx=\"2\"/></a>",
            escape(href),
            escape(title),
            (end - x).max(0.6),
            self.top - 6
        )
        .expect("writing to memory does not fail");
    }

    fn read(&mut self, name: &str, points: &[(Timestamp, f64)]) {
        let values: Vec<String> = points
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(at, value)| format!("[{},{}]", at.millis(), figures::rounded(*value)))
            .collect();
        let name = serde_json::Value::from(name).to_string();
        self.readout
            .push(format!("{{\"n\":{name},\"v\":[{}]}}", values.join(",")));
    }

    /// The drawing. `label` says in words what it shows.
    pub(crate) fn finish(self, label: &str) -> Svg {
        let (top, bottom, height) = (self.top, self.bottom(), self.height);
        let total = bottom + AXIS;
        let stretched = |drawn: &str| {
            format!(
                "<svg class=\"lines\" x=\"0\" y=\"{top}\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 1000 {height}\" preserveAspectRatio=\"none\">{drawn}</svg>"
            )
        };
        let (ground, lines) = (stretched(&self.ground), stretched(&self.stretched));
        let bars = stretched(&self.bars);
        // An image hides what is in it; links must not be hidden.
        let role = if self.over.contains("<a ") {
            "group"
        } else {
            "img"
        };
        let (grid, labels) = self.axes();
        let (low, high) = self.scale.ends();
        Svg(format!(
            "<svg class=\"chart plot\" width=\"100%\" height=\"{total}\" role=\"{role}\" aria-label=\"{}\" data-chart data-start=\"{}\" data-end=\"{}\" data-top=\"{top}\" data-bottom=\"{bottom}\" data-unit=\"{}\" data-axis=\"{low},{high},{}\"{}{}>{}{grid}\
             {ground}{bars}{}{}{lines}{labels}</svg>",
            escape(label),
            self.range.start.millis(),
            self.range.end.millis(),
            self.unit.for_script(),
            u8::from(self.scale.is_log()),
            self.readings(),
            self.attributes,
            self.under,
            self.layers,
            self.over
        ))
    }

    fn readings(&self) -> String {
        if self.readout.is_empty() {
            return String::new();
        }
        let series = format!("[{}]", self.readout.join(","));
        format!(" data-series=\"{}\"", escape(&series))
    }

    /// Lines across with the times below, and the values beside.
    fn axes(&self) -> (String, String) {
        let (mut grid, mut labels) = (String::new(), String::new());
        for (value, text) in self.scale.ticks() {
            let y = self.y(*value);
            write!(
                grid,
                "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            )
            .expect("writing to memory does not fail");
            if !text.is_empty() {
                write!(
                    labels,
                    "<text class=\"tick value\" x=\"-8\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    y + 4.0,
                    escape(text)
                )
                .expect("writing to memory does not fail");
            }
        }
        for (at, text) in time_ticks(self.range, 6) {
            let x = percent_of(at, self.range);
            let anchor = match x {
                x if x < 4.0 => "start",
                x if x > 96.0 => "end",
                _ => "middle",
            };
            write!(
                grid,
                "<text class=\"tick\" data-at=\"{}\" x=\"{x:.2}%\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>",
                at.millis(),
                self.bottom() + 15
            )
            .expect("writing to memory does not fail");
        }
        (grid, labels)
    }
}

/// The path of a class, begun if need be.
fn path_of<'a>(paths: &'a mut Vec<(&'static str, String)>, class: &'static str) -> &'a mut String {
    let at = paths.iter().position(|(other, _)| *other == class);
    let at = at.unwrap_or_else(|| {
        paths.push((class, String::new()));
        paths.len() - 1
    });
    &mut paths[at].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(1_795_327_000 + second)
    }

    fn plot() -> TimePlot {
        let range = TimeRange {
            start: at(0),
            end: at(100),
        };
        TimePlot::new(range, 100, 10.0, "/s")
    }

    #[test]
    fn a_line_breaks_where_there_is_no_value() {
        let mut plot = plot();
        plot.line(
            "errors",
            "bad",
            &[
                (at(0), 0.0),
                (at(50), 10.0),
                (at(60), f64::NAN),
                (at(70), 1.0),
            ],
            1.0,
        );
        let drawn = plot.finish("errors over time").to_string();
        assert!(
            drawn.contains("d=\"M0.0 100.0L500.0 0.0M700.0 90.0\""),
            "{drawn}"
        );
        assert!(!drawn.contains("NaN"));
    }

    #[test]
    fn marks_have_lanes_and_stay_inside() {
        let mut plot = plot();
        let mark = |second, text: &str| Mark {
            at: at(second),
            since: Some(at(10)),
            title: text.to_owned(),
            class: "detected",
        };
        plot.marks(&[mark(20, "<detected>"), mark(900, "late")]);
        let drawn = plot.finish("").to_string();
        assert!(drawn.contains("&lt;detected&gt;"));
        assert!(drawn.contains("cx=\"100.00%\" cy=\"33\""), "{drawn}");
    }

    #[test]
    fn what_lasts_stays_inside_and_leads_somewhere() {
        let mut plot = plot();
        plot.lasting(at(-50), at(50), "<down>", "/incidents/1");
        let drawn = plot.finish("").to_string();
        assert!(drawn.contains("&lt;down&gt;") && drawn.contains("href=\"/incidents/1\""));
        assert!(
            drawn.contains("x=\"0.00%\" width=\"50.00%\" y=\"0\""),
            "{drawn}"
        );
    }

    #[test]
    fn stacks_tell_their_numbers() {
        let mut plot = plot();
        plot.stacks(&[Stack {
            start: at(0),
            end: at(10),
            parts: vec![
                ("sev-info", "INFO".into(), 4.0),
                ("sev-error", "ERROR".into(), 0.0),
            ],
            href: Some("/logs?a=1&b=2".to_owned()),
        }]);
        let drawn = plot.finish("").to_string();
        assert!(drawn.contains("INFO 4"));
        assert!(
            drawn.contains("<path class=\"sev-info\" d=\"M0.0 100.0h86.0v-40.0h-86.0z\"/>"),
            "{drawn}"
        );
        assert!(!drawn.contains("sev-error"));
        assert!(drawn.contains("/logs?a=1&amp;b=2"));
    }
}
