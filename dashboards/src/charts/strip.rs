//! Every value of a distribution, on a logarithmic axis of seconds, with its cumulative share.

use std::fmt::Write;

use super::{Svg, escape};
use crate::figures;

const HEIGHT: f64 = 84.0;
const AXIS: f64 = 18.0;

/// A value with its name and where a click leads. Censored: it is still running.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dot {
    pub(crate) seconds: f64,
    pub(crate) text: String,
    pub(crate) href: String,
    pub(crate) is_censored: bool,
}

/// Draws the dots, the empirical distribution of those that are over, the median and the interval
/// of the geometric mean.
pub(crate) fn strip_plot(
    dots: &[Dot],
    median: Option<f64>,
    interval: Option<(f64, f64)>,
    label: &str,
) -> Svg {
    let scale = Scale::over(dots);
    let mut out = format!(
        "<svg class=\"chart strip\" width=\"100%\" height=\"{}\" role=\"group\" aria-label=\"{}\">",
        HEIGHT + AXIS,
        escape(label)
    );
    for seconds in scale.ticks() {
        let x = scale.x(seconds);
        write!(
            out,
            "<line class=\"grid\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{HEIGHT}\"/>\
             <text class=\"tick\" x=\"{x:.2}%\" y=\"{:.0}\" text-anchor=\"{}\">{}</text>",
            HEIGHT + 14.0,
            if x > 92.0 {
                "end"
            } else if x < 6.0 {
                "start"
            } else {
                "middle"
            },
            figures::duration(seconds)
                .replace(" 00 s", "")
                .replace(" 00 m", "")
        )
        .expect("writing to memory does not fail");
    }
    if let Some((low, high)) = interval {
        let (low, high) = (scale.x(low), scale.x(high));
        write!(
            out,
            "<rect class=\"interval\" x=\"{low:.2}%\" width=\"{:.2}%\" y=\"0\" height=\"{HEIGHT}\"><title>95 % interval of the geometric mean</title></rect>",
            (high - low).max(0.2)
        )
        .expect("writing to memory does not fail");
    }
    write!(
        out,
        "<svg x=\"0\" y=\"0\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 1000 {HEIGHT}\" preserveAspectRatio=\"none\"><path class=\"line ecdf\" d=\"{}\" vector-effect=\"non-scaling-stroke\"/></svg>",
        cumulative(dots, &scale)
    )
    .expect("writing to memory does not fail");
    if let Some(median) = median {
        let x = scale.x(median);
        write!(
            out,
            "<line class=\"median\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{HEIGHT}\"><title>median {}</title></line>",
            figures::duration(median)
        )
        .expect("writing to memory does not fail");
    }
    for (at, dot) in dots.iter().enumerate() {
        // Spread over three rows, so that equal values stay apart.
        let y = HEIGHT - 10.0 - (at % 3) as f64 * 9.0;
        let class = if dot.is_censored {
            "dot censored"
        } else {
            "dot"
        };
        write!(
            out,
            "<a href=\"{}\"><circle class=\"{class}\" cx=\"{:.2}%\" cy=\"{y}\" r=\"4.5\"/><title>{}</title></a>",
            escape(&dot.href),
            scale.x(dot.seconds),
            escape(&dot.text)
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</svg>");
    Svg(out)
}

fn cumulative(dots: &[Dot], scale: &Scale) -> String {
    let mut over: Vec<f64> = dots
        .iter()
        .filter(|dot| !dot.is_censored)
        .map(|dot| dot.seconds)
        .collect();
    over.sort_by(f64::total_cmp);
    let mut path = format!("M0 {HEIGHT}");
    for (at, seconds) in over.iter().enumerate() {
        let y = HEIGHT * (1.0 - (at + 1) as f64 / over.len() as f64) + 1.0;
        write!(path, "H{:.1}V{y:.1}", scale.x(*seconds) * 10.0)
            .expect("writing to memory does not fail");
    }
    path.push_str("H1000");
    path
}

/// A logarithmic scale over whole powers.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn over(dots: &[Dot]) -> Self {
        let seconds = || dots.iter().map(|dot| dot.seconds.max(1.0));
        let low = seconds().fold(f64::INFINITY, f64::min);
        let high = seconds().fold(0.0, f64::max);
        if !low.is_finite() {
            return Self {
                low: 1.0,
                high: 3600.0,
            };
        }
        Self {
            low: (low / 2.0).max(1.0),
            high: (high * 2.0).max(60.0),
        }
    }

    fn x(&self, seconds: f64) -> f64 {
        let share = (seconds.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        share.clamp(0.0, 1.0) * 97.0 + 1.5
    }

    fn ticks(&self) -> Vec<f64> {
        const ROUND: [f64; 12] = [
            1.0,
            3.0,
            10.0,
            30.0,
            60.0,
            300.0,
            1800.0,
            7200.0,
            21_600.0,
            86_400.0,
            259_200.0,
            1_209_600.0,
        ];
        ROUND
            .into_iter()
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(seconds: f64, is_censored: bool) -> Dot {
        Dot {
            seconds,
            text: "i<1".to_owned(),
            href: "/incidents/i1".to_owned(),
            is_censored,
        }
    }

    #[test]
    fn what_still_runs_is_shown_but_not_summed() {
        let dots = [dot(10.0, false), dot(1000.0, true), dot(100.0, false)];
        let drawn = strip_plot(&dots, Some(55.0), None, "TTD").to_string();
        assert_eq!(drawn.matches("<circle").count(), 3);
        assert_eq!(drawn.matches("dot censored").count(), 1);
        let path = drawn.split("d=\"").nth(1).unwrap();
        let path = &path[..path.find('"').unwrap()];
        assert_eq!(path.matches('V').count(), 2, "{path}");
        assert!(drawn.contains("i&lt;1"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let drawn = strip_plot(&[], None, None, "TTD").to_string();
        assert!(
            !drawn.contains("circle") && !drawn.contains("NaN"),
            "{drawn}"
        );
    }
}
