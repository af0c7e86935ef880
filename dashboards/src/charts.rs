//! Charts as SVG, written on the server.
//!
//! A chart stretches with its page without distorting its text: places along the time axis are
//! percentages of the outer drawing; lines and areas lie in a nested drawing that is stretched,
//! with strokes that are not. Colours come from classes alone, so the content policy can forbid
//! inline style.

mod axis;
mod graph;
mod lane;
mod meter;
mod response_strip;
mod scale;
mod sparkline;
mod state_strip;
mod strip;
mod time_plot;
mod trend;
mod unit;

use std::fmt;

use askama::filters::HtmlSafe;

pub(crate) use graph::{Edge, Fare, Figure, Node, NodeKind, graph};
pub(crate) use lane::{Figures, Lane, Steps, extent};
pub(crate) use meter::meter;
pub(crate) use response_strip::response_strip;
pub(crate) use scale::Scale;
pub(crate) use sparkline::{flow, sparkline};
pub(crate) use state_strip::{Stretch, state_strip};
pub(crate) use strip::{Dot, Marked, StripRow, strip_plot, strip_rows, worth_drawing};
pub(crate) use time_plot::{
    Cells, Frame, Look, Mark, Mass, MassCell, Outlier, Stack, TimePlot, TraceDot, Way, readings,
};
pub(crate) use trend::{TrendDot, trend_plot};
pub(crate) use unit::Unit;

/// A finished drawing. Texts in it are escaped by those who draw.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Svg(String);

impl Svg {
    /// Markup in which all that came from outside is escaped.
    pub(crate) const fn of(markup: String) -> Self {
        Self(markup)
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Svg {}

/// A text as it stands in an element or an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What XML has no way to write.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A horizontal bar of `width` percent that begins at `x` percent: for a waterfall, for phases.
pub(crate) fn bar(x: f64, width: f64, class: &str) -> Svg {
    let x = x.clamp(0.0, 99.6);
    let width = width.clamp(0.4, 100.0 - x);
    Svg(format!(
        "<svg class=\"span-bar\" width=\"100%\" height=\"14\" aria-hidden=\"true\">\
         <line class=\"guide\" x1=\"0\" x2=\"100%\" y1=\"7\" y2=\"7\"/>\
         <rect class=\"{class}\" x=\"{x:.2}%\" width=\"{width:.2}%\" y=\"2\" height=\"10\" rx=\"2\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(
            escape("</title><script>\"'&\u{0}"),
            "&lt;/title&gt;&lt;script&gt;&quot;&#39;&amp;\u{fffd}"
        );
    }

    #[test]
    fn a_bar_stays_within_its_row() {
        let drawn = bar(150.0, 40.0, "ok").to_string();
        assert!(drawn.contains("x=\"99.60%\" width=\"0.40%\""), "{drawn}");
    }
}
