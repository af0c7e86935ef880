//! When something was in which state: one bar over time.

use std::fmt::Write;

use watchfire_schemas::{TimeRange, Timestamp};

use super::axis::{percent_of, time_ticks};
use super::{Svg, escape};

const HEIGHT: u32 = 18;
const AXIS: u32 = 18;

/// A stretch of one state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// `firing`, `pending`.
    pub(crate) class: &'static str,
    pub(crate) title: String,
}

/// Draws the stretches, later ones over earlier.
pub(crate) fn state_strip(
    range: TimeRange,
    stretches: &[Stretch],
    label: &str,
    with_axis: bool,
) -> Svg {
    let axis = if with_axis { AXIS } else { 0 };
    let mut out = format!(
        "<svg class=\"chart state-strip\" width=\"100%\" height=\"{}\" role=\"img\" aria-label=\"{}\">\
         <rect class=\"ground\" x=\"0\" y=\"0\" width=\"100%\" height=\"{HEIGHT}\" rx=\"2\"/>",
        HEIGHT + axis,
        escape(label)
    );
    for stretch in stretches {
        let x = percent_of(stretch.from, range).clamp(0.0, 100.0);
        let end = percent_of(stretch.to, range).clamp(0.0, 100.0);
        let width = (end - x).max(0.25);
        write!(
            out,
            "<rect class=\"{}\" x=\"{x:.2}%\" width=\"{width:.2}%\" y=\"0\" height=\"{HEIGHT}\"><title>{}</title></rect>",
            stretch.class,
            escape(&stretch.title)
        )
        .expect("writing to memory does not fail");
    }
    let ticks = if with_axis {
        time_ticks(range, 8)
    } else {
        Vec::new()
    };
    for (at, text) in ticks {
        let x = percent_of(at, range);
        let anchor = match x {
            x if x > 94.0 => "end",
            x if x < 4.0 => "start",
            _ => "middle",
        };
        write!(
            out,
            "<text class=\"tick\" x=\"{x:.2}%\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>",
            HEIGHT + 14
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</svg>");
    Svg(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_stay_within_the_range() {
        let at = Timestamp::from_secs;
        let range = TimeRange {
            start: at(1000),
            end: at(2000),
        };
        let stretch = |from, to| Stretch {
            from: at(from),
            to: at(to),
            class: "firing",
            title: "<5 m".to_owned(),
        };
        let drawn =
            state_strip(range, &[stretch(500, 1500), stretch(1990, 9000)], "x", true).to_string();
        assert!(drawn.contains("x=\"0.00%\" width=\"50.00%\""), "{drawn}");
        assert!(drawn.contains("x=\"99.00%\" width=\"1.00%\""), "{drawn}");
        assert!(drawn.contains("&lt;5 m"));
    }
}
